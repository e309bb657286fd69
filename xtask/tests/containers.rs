//! Real tools in real roots: containers made from the packages of Debian 12 and 13, the binary mounted into them.
#![expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

/// A container of a root that goes with this value.
struct Container {
    shell: Shell,
    name: String,
}

impl Drop for Container {
    fn drop(&mut self) {
        let name = &self.name;
        drop(cmd!(self.shell, "docker rm --force {name}").quiet().ignore_stdout().ignore_stderr().run());
    }
}

/// Whether there is an engine; with CI set there has to be one.
fn has_docker(shell: &Shell) -> bool {
    let there = cmd!(shell, "docker info").quiet().ignore_stdout().ignore_stderr().run().is_ok();
    assert!(
        there || std::env::var_os("CI").is_none(),
        "CI is set, and `docker info` fails: these tests need Docker"
    );
    there
}

/// Starts a container that does nothing, with the binary at /usr/local/bin/installer and `mounted` at /mnt/test.
fn container(suite: &str, rust: &str, mounted: &Path) -> Option<Container> {
    let shell = Shell::new().unwrap();
    if !has_docker(&shell) {
        return None;
    }
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
    Some(Container { shell, name })
}

impl Container {
    /// Runs a command line; exit code and all that it said.
    fn run(&self, line: &str) -> (i32, String) {
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

    fn succeed(&self, line: &str) -> String {
        let (code, text) = self.run(line);
        assert_eq!(code, 0, "`{line}`:\n{text}");
        text
    }
}

const CASE: &str = r#"schema = 1
[metadata]
name = "small"
[sources.hello]
kind = "path"
path = "hello"
[components.hello]
driver = "cmake"
[[components.hello.checks]]
kind = "run"
command = ["{prefix}/bin/hello"]
contains = "hello from"
"#;

fn small_case(directory: &Path) {
    let write = |path: &str, text: &str| {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("case.toml", CASE);
    write(
        "hello/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.18)\nproject(hello C)\nadd_executable(hello main.c)\ninstall(TARGETS hello)\n",
    );
    write(
        "hello/main.c",
        "#include <stdio.h>\nint main(void) { puts(\"hello from a container\"); return 0; }\n",
    );
    // The same, but for a configure step that asks for a name.
    let leaking = CASE.replace("\"small\"", "\"leaking\"").replace("\"hello\"\n[comp", "\"leak\"\n[comp");
    write("leaking.toml", &leaking);
    write(
        "leak/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.18)\nproject(hello C)\n\
         file(DOWNLOAD \"http://downloads.invalid/model.bin\" ${CMAKE_BINARY_DIR}/model.bin)\n\
         add_executable(hello main.c)\ninstall(TARGETS hello)\n",
    );
    write("leak/main.c", "int main(void) { return 0; }\n");
}

/// A root with nothing but apt: packages come, the compile is offline, the second run does nothing.
fn a_bare_root_is_enough(suite: &str) {
    let directory = tempfile::tempdir().unwrap();
    small_case(directory.path());
    let Some(container) = container(suite, "none", directory.path()) else { return };
    let first = container.succeed("installer all --case /mnt/test/case.toml --progress plain -y");
    assert!(first.contains("[deps/packages] done") && first.contains("[build/hello/verify] done"), "{first}");
    assert!(first.contains("seccomp"), "the report does not name the force:\n{first}");
    assert!(container.succeed("hello").contains("hello from a container"));
    let second = container.succeed("installer all --case /mnt/test/case.toml --progress json -y");
    assert!(!second.contains("step-started"), "{second}");
    container.succeed("installer deps --case /mnt/test/leaking.toml --progress plain -y");
    let (code, text) = container.run("installer build --case /mnt/test/leaking.toml --progress plain -y");
    assert_eq!(code, 6, "{text}");
    assert!(text.contains("downloads.invalid") && text.contains("build/hello/configure"), "{text}");
    container.succeed("installer uninstall hello --case /mnt/test/case.toml");
    let (code, _) = container.run("test -e /usr/local/bin/hello");
    assert_eq!(code, 1, "uninstall left the program");
}

#[test]
fn a_bare_root_of_debian_12_is_enough() {
    a_bare_root_is_enough("bookworm");
}

#[test]
fn a_bare_root_of_debian_13_is_enough() {
    a_bare_root_is_enough("trixie");
}

/// The README's case, with the distribution's own Rust.
#[test]
fn the_quickstart_goes_through_on_debian_13() {
    let directory = tempfile::tempdir().unwrap();
    let Some(container) = container("trixie", "distro", directory.path()) else { return };
    let first = container.succeed("installer all --case quickstart --progress plain -y");
    assert!(
        first.contains("[build/ffmpeg/verify] done") && first.contains("[build/sfz/verify] done"),
        "{first}"
    );
    let second = container.succeed("installer all --case quickstart --progress json -y");
    assert!(!second.contains("step-started"), "{second}");
    container.succeed("installer verify --case quickstart");
}

/// Somebody's own CMake project with Python modules, as in the case `private-cmake`: on an FFmpeg and an OpenCV that
/// hold just what it needs, and on the NumPy that `deps` brought. The root is bare, the project's checkout read-only.
#[test]
fn a_private_project_stands_on_ffmpeg_and_opencv_on_debian_13() {
    let projects = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/projects");
    let Some(container) = container("trixie", "none", &projects) else { return };
    let case = "--case /mnt/test/media.toml --source media=/mnt/test/media -y";
    let first = container.succeed(&format!("installer all {case} --progress plain"));
    for step in ["ffmpeg/verify", "opencv/verify", "media/verify"] {
        assert!(first.contains(&format!("[build/{step}] done")), "{first}");
    }
    let second = container.succeed(&format!("installer all {case} --progress json"));
    assert!(!second.contains("step-started"), "{second}");
    // With nothing exported by hand.
    let python = "env -i /opt/installer/environments/media/bin/python";
    let said =
        container.succeed(&format!("{python} -c 'import cv2, media; print(cv2.__file__, media.describe())'"));
    assert!(said.contains("/usr/local/lib/opencv/python") && said.contains("labels: person"), "{said}");
    container.succeed("grep -q . /mnt/test/media/CMakeLists.txt && installer verify --case /mnt/test/media.toml --source media=/mnt/test/media");
}
