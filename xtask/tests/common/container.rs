//! Containers made from the packages of Debian, with the binary in them.

use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

/// A container of a root that goes with this value.
pub struct Container {
    shell: Shell,
    name: String,
}

impl Drop for Container {
    fn drop(&mut self) {
        let name = &self.name;
        drop(cmd!(self.shell, "docker rm --force {name}").quiet().ignore_stdout().ignore_stderr().run());
    }
}

/// Starts a container that does nothing, with the binary at /usr/local/bin/installer and `mounted` at /mnt/test.
pub fn container(suite: &str, rust: &str, mounted: &Path) -> Container {
    testkit::need("docker");
    let shell = Shell::new().unwrap();
    let project = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let script = project.join("scripts/test-root");
    let tag = format!("installer-test:{suite}-{rust}");
    cmd!(shell, "{script} {suite} --rust {rust} --docker {tag}").quiet().ignore_stdout().run().unwrap();
    let binary = format!("{}:/usr/local/bin/installer:ro", env!("CARGO_BIN_EXE_installer"));
    let mounted = format!("{}:/mnt/test:ro", mounted.display());
    let mut place: Vec<String> = Vec::new();
    // Where TLS goes through an authority of the place, see scripts/test-root.
    let given =
        std::env::var("SSL_CERT_FILE").unwrap_or_else(|_| "/etc/ssl/certs/ca-certificates.crt".to_owned());
    if Path::new(&given).is_file() {
        place.extend(["-v".to_owned(), format!("{given}:/run/place-ca.crt:ro")]);
        for name in ["SSL_CERT_FILE", "CARGO_HTTP_CAINFO", "PIP_CERT"] {
            place.extend(["-e".to_owned(), format!("{name}=/run/place-ca.crt")]);
        }
    }
    for name in ["http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL"] {
        if let Ok(value) = std::env::var(name) {
            place.extend(["-e".to_owned(), format!("{name}={value}")]);
        }
    }
    let name =
        cmd!(shell, "docker run --detach --init {place...} -v {binary} -v {mounted} {tag} sleep infinity")
            .quiet()
            .read()
            .unwrap();
    Container { shell, name }
}

impl Container {
    /// Runs a command line; exit code and all that it said.
    pub fn run(&self, line: &str) -> (i32, String) {
        let name = &self.name;
        let output = cmd!(self.shell, "docker exec -w /root {name} bash -c {line}")
            .quiet()
            .ignore_status()
            .output()
            .unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap(), text)
    }

    pub fn succeed(&self, line: &str) -> String {
        let (code, text) = self.run(line);
        assert_eq!(code, 0, "`{line}`:\n{text}");
        text
    }
}
