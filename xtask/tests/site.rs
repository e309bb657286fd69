//! `site.toml` and `doctor` as a user of a closed network meets them.
#![expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::*;

/// The installer in a home of its own, where the environment says nothing about the network.
fn run(home: &Path, arguments: &[&str]) -> Output {
    let mut command = placed_command(home, arguments);
    for name in ["SSL_CERT_FILE", "PIP_CERT", "PIP_INDEX_URL", "http_proxy", "https_proxy", "no_proxy"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

/// A case whose one source is an archive.
fn case(home: &Path, url: &str, sha256: &str) {
    std::fs::write(
        home.join("case.toml"),
        format!(
            "schema = 1\n[metadata]\nname = \"one\"\n[sources.a]\nkind = \"archive\"\nurls = [\"{url}\"]\nsha256 = \"{sha256}\"\n\
             [components.a]\ndriver = \"command\"\n[components.a.commands]\ninstall = [[\"true\"]]\n"
        ),
    )
    .unwrap();
}

/// A port of the loopback interface on which nobody listens.
fn dead_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_wrong_site_file_is_shown_with_line_and_caret_and_without_its_password() {
    let home = tempfile::tempdir().unwrap();
    let user = home.path().join(".config/installer");
    std::fs::create_dir_all(&user).unwrap();
    std::fs::write(
        user.join("site.toml"),
        "schema = 1\n[proxies]\nhtp = \"http://joe:hunter2@proxy.example:3128\"\n",
    )
    .unwrap();
    let output = run(home.path(), &["plan", "--case", "quickstart"]);
    assert_eq!(code(&output), 3, "{}", said(&output));
    let text = said(&output);
    assert!(text.contains("site.toml:3:1") && text.contains("did you mean `http`?"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");

    let output = run(home.path(), &["plan", "--case", "quickstart", "--site", "nowhere.toml"]);
    assert_eq!(code(&output), 2, "{}", said(&output));
    assert!(said(&output).contains("failed to read --site nowhere.toml"), "{}", said(&output));
}

#[test]
fn a_proxy_that_refuses_is_named_without_its_password_by_deps_and_doctor() {
    let home = tempfile::tempdir().unwrap();
    case(home.path(), "http://files.example/a-1.0.tar.gz", &"0".repeat(64));
    let site = home.path().join("place.toml");
    let port = dead_port();
    std::fs::write(&site, format!("schema = 1\n[proxies]\nhttp = \"http://joe:hunter2@127.0.0.1:{port}\"\n"))
        .unwrap();
    std::fs::set_permissions(&site, std::fs::Permissions::from_mode(0o644)).unwrap();
    let site = site.to_str().unwrap();
    let case = home.path().join("case.toml");
    let case = case.to_str().unwrap();

    let output = run(home.path(), &["deps", "--case", case, "--site", site, "--progress", "plain"]);
    assert_eq!(code(&output), 5, "{}", said(&output));
    let text = said(&output);
    assert!(text.contains(&format!("http_proxy=http://***@127.0.0.1:{port}")), "{text}");
    assert!(!text.contains("hunter2") && !printed(&output).contains("hunter2"), "{text}");
    let kept = Command::new("grep")
        .args(["-rl", "hunter2", "state-dir", "cache-dir"])
        .current_dir(home.path())
        .output()
        .unwrap();
    assert_eq!(kept.status.code(), Some(1), "the password stands in {}", printed(&kept));

    let output = run(home.path(), &["doctor", "--online", "--case", case, "--site", site]);
    assert_eq!(code(&output), 4, "{}{}", printed(&output), said(&output));
    let text = printed(&output);
    assert!(text.contains(&format!("FAILURE  proxy        proxy http://***@127.0.0.1:{port}")), "{text}");
    assert!(text.contains("every user can read it: chmod o-r"), "{text}");
    assert!(text.contains("proxies.http = ") && text.contains("(line 3)"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");

    std::fs::set_permissions(site, std::fs::Permissions::from_mode(0o600)).unwrap();
    let output = run(home.path(), &["doctor", "--json", "--offline", "--site", site]);
    assert_eq!(code(&output), 0, "{}{}", printed(&output), said(&output));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let areas: Vec<&str> =
        found["checks"].as_array().unwrap().iter().map(|check| check["area"].as_str().unwrap()).collect();
    for area in ["site", "proxy", "authorities", "disk", "capacity", "privileges", "offline", "engine"] {
        assert!(areas.contains(&area), "{area} is not among {areas:?}");
    }
    assert!(
        !printed(&output).contains("hunter2") && !printed(&output).contains("chmod"),
        "{}",
        printed(&output)
    );
}

#[test]
fn doctor_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let output = run(home.path(), &["doctor"]);
    assert!(matches!(code(&output), 0 | 4), "{}", said(&output));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "doctor wrote something");
}

#[test]
fn a_compiler_cache_that_does_not_work_is_a_failure_of_doctor() {
    let home = tempfile::tempdir().unwrap();
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::fs::write(bin.join("ccache"), "#!/bin/sh\necho 'no shared library' >&2\nexit 127\n").unwrap();
    std::fs::set_permissions(bin.join("ccache"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let output = placed_command(home.path(), &["doctor", "--offline"]).env("PATH", path).output().unwrap();
    assert_eq!(code(&output), 4, "{}{}", printed(&output), said(&output));
    let text = printed(&output);
    assert!(text.contains("bin/ccache exits with status 127: no shared library"), "{text}");
}

fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn addresses_of_git_are_rewritten_and_no_configuration_is_written() {
    let home = tempfile::tempdir().unwrap();
    let repository = home.path().join("mirror/x.git");
    std::fs::create_dir_all(&repository).unwrap();
    git(&repository, &["init", "--quiet"]);
    std::fs::write(repository.join("file"), "content\n").unwrap();
    git(&repository, &["add", "file"]);
    git(&repository, &["commit", "--quiet", "-m", "one"]);
    let commit = git(&repository, &["rev-parse", "HEAD"]);
    let case = home.path().join("case.toml");
    std::fs::write(
        &case,
        format!(
            "schema = 1\n[metadata]\nname = \"one\"\n[sources.a]\nkind = \"git\"\nurl = \"https://dead.example/x.git\"\n\
             revision = \"{commit}\"\n[components.a]\ndriver = \"command\"\n[components.a.commands]\ninstall = [[\"true\"]]\n"
        ),
    )
    .unwrap();
    let mirror = home.path().join("mirror");
    let site = home.path().join("place.toml");
    std::fs::write(
        &site,
        format!("schema = 1\n[git.rewrites]\n\"https://dead.example/\" = \"file://{}/\"\n", mirror.display()),
    )
    .unwrap();
    let words = ["deps", "--case", case.to_str().unwrap(), "--site", site.to_str().unwrap()];
    let output = run(home.path(), &words);
    assert_eq!(code(&output), 0, "{}", said(&output));
    assert!(!home.path().join(".gitconfig").exists());
    let lock = std::fs::read_to_string(home.path().join("case.lock")).unwrap();
    assert!(lock.contains(&commit) && !lock.contains("mirror"), "{lock}");
}

fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An HTTPS server whose authority nobody knows but who is told of it; it ends with this value.
struct Server(std::process::Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn an_authority_of_the_site_is_trusted_beside_the_systems() {
    let home = tempfile::tempdir().unwrap();
    let www = home.path().join("www");
    std::fs::create_dir_all(www.join("a-1.0")).unwrap();
    std::fs::write(www.join("a-1.0/file"), "content\n").unwrap();
    std::fs::write(www.join("leaf.cnf"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl(&www, "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=corp -days 2");
    openssl(&www, "req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=leaf");
    openssl(
        &www,
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 2 -extfile leaf.cnf",
    );
    let packed =
        Command::new("tar").args(["-czf", "a-1.0.tar.gz", "a-1.0"]).current_dir(&www).status().unwrap();
    assert!(packed.success());
    let sha256 = model::Digest::of(std::fs::read(www.join("a-1.0.tar.gz")).unwrap());
    let port = dead_port();
    let server = Command::new("openssl")
        .args([
            "s_server",
            "-accept",
            &format!("127.0.0.1:{port}"),
            "-cert",
            "leaf.pem",
            "-key",
            "leaf.key",
            "-WWW",
            "-quiet",
        ])
        .current_dir(&www)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _server = Server(server);
    eventually("the server", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    case(home.path(), &format!("https://127.0.0.1:{port}/a-1.0.tar.gz"), sha256.as_str());
    let case = home.path().join("case.toml");
    let case = case.to_str().unwrap();

    let refused = run(home.path(), &["deps", "--case", case, "--progress", "plain"]);
    assert_eq!(code(&refused), 5, "{}", said(&refused));

    let site = home.path().join("place.toml");
    std::fs::write(&site, "schema = 1\n[certificates]\nauthorities = \"www/ca.pem\"\n").unwrap();
    let site = site.to_str().unwrap();
    let output = run(home.path(), &["deps", "--case", case, "--site", site, "--progress", "plain"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let bundle = std::fs::read_to_string(home.path().join("cache-dir/site/authorities.pem")).unwrap();
    let own = std::fs::read_to_string(www.join("ca.pem")).unwrap();
    assert!(bundle.ends_with(&own) && bundle.len() > 10 * own.len(), "the system's are not in it");

    std::fs::write(www.join("ca.pem"), "nothing\n").unwrap();
    let output = run(home.path(), &["deps", "--case", case, "--site", site]);
    assert_eq!(code(&output), 4, "{}", said(&output));
    assert!(said(&output).contains("ca.pem: it contains no certificate"), "{}", said(&output));
}
