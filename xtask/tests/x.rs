//! The script `x` at the top of the repository, on a stand-in of the repository with tools that only say what they got.
#![expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Builds an `installer` that says how it was called, and is a runner of tests as well.
const CARGO: &str = r#"#!/bin/sh
case $1 in
    --version) echo "cargo VERSION (stand-in)" ;;
    build)
        echo "   Compiling installer, in $PWD, for $CARGO_TARGET_DIR, with authorities ${CARGO_HTTP_CAINFO:-none}" >&2
        mkdir -p "$CARGO_TARGET_DIR/release"
        printf '#!/bin/sh\necho "$INSTALLER_PROGRAM in $PWD, yes=$INSTALLER_YES:"\nfor word; do echo "<$word>"; done\nexit 7\n' \
            >"$CARGO_TARGET_DIR/release/installer"
        chmod +x "$CARGO_TARGET_DIR/release/installer"
        ;;
    nextest)
        echo "$*" >>"$CARGO_TARGET_DIR/asked"
        case $2 in
            --version) echo "cargo-nextest 0.9.143" ;;
            list) printf 'some::images:\n    needs_buildkit::an_image_is_built\nsome::containers:\n    needs_docker::a_root_is_enough\n' ;;
            run)
                printf '     Summary [   1.5s] 3 tests run: 2 passed, 1 failed, 2 skipped\n        FAIL [   0.1s] some one\n'
                echo "error: test run failed" >&2
                exit 100
                ;;
        esac
        ;;
esac
"#;

/// A table of needs, as it is on a machine that has root and no Docker.
const NEEDS: &str = r#"#!/bin/sh
case $1 in
    '') printf '%s\n' docker buildkit root ;;
    docker) echo "no Docker"; exit 1 ;;
    buildkit) echo "no BuildKit"; exit 1 ;;
esac
"#;

/// A stand-in of the repository with `x`, and of a machine with a Rust of this version.
struct Scene {
    directory: tempfile::TempDir,
}

impl Scene {
    fn new(version: &str) -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap() };
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for name in ["x", "scripts/run-tests"] {
            let to = place.path("project").join(name);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(project.join(name), to).unwrap();
        }
        std::fs::create_dir(place.path("here")).unwrap();
        place.tool("bin/cargo", &CARGO.replace("VERSION", version));
        place.tool("bin/rustc", &format!("#!/bin/sh\necho 'rustc {version} (stand-in)'\n"));
        place.tool("project/scripts/needs", NEEDS);
        place.tool("bin/dpkg-query", "#!/bin/sh\nprintf installed\n");
        place
    }

    fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    fn tool(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// `x` from the directory `here`.
    fn x(&self, words: &[&str], variables: &[(&str, &str)]) -> Output {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        let mut command = Command::new("sh");
        command.arg("../project/x").args(words).current_dir(self.path("here")).stdin(Stdio::null());
        command.env_clear().env("PATH", path).env("HOME", self.path("home")).envs(variables.iter().copied());
        command.output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn words_directory_and_exit_status_are_handed_over() {
    let place = Scene::new("1.85.0");
    let output = place.x(&["-y", "all", "--case", "a case", ""], &[("SSL_CERT_FILE", "/ca.pem")]);
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(7), "{said}");
    let here = place.path("here").canonicalize().unwrap();
    let expected = format!("../project/x in {}, yes=1:\n<all>\n<--case>\n<a case>\n<>\n", here.display());
    assert_eq!(printed, expected, "{said}");
    let project = place.path("project").canonicalize().unwrap();
    let built =
        format!("Compiling installer, in {0}, for {0}/target, with authorities /ca.pem", project.display());
    assert!(said.contains(&built), "{said}");
}

#[test]
fn a_relative_target_directory_is_of_the_callers() {
    let place = Scene::new("1.96.0");
    let output = place.x(&["status"], &[("CARGO_TARGET_DIR", "elsewhere")]);
    assert_eq!(output.status.code(), Some(7), "{}", text(&output.stderr));
    assert!(place.path("here/elsewhere/release/installer").is_file());
}

#[test]
fn a_rust_that_is_too_old_is_not_taken_but_a_newer_one_of_the_home_is() {
    let place = Scene::new("1.84.1");
    for (name, version) in [("cargo", "2.0.0"), ("rustc", "2.0.0")] {
        let script = std::fs::read_to_string(place.path("bin").join(name)).unwrap();
        place.tool(&format!("home/.cargo/bin/{name}"), &script.replace("1.84.1", version));
    }
    let output = place.x(&["status"], &[]);
    assert!(text(&output.stderr).contains("with cargo 2.0.0"), "{}", text(&output.stderr));
}

#[test]
fn help_needs_nothing() {
    let place = Scene::new("1.0.0");
    for words in [&[][..], &["help"]] {
        let output = place.x(words, &[]);
        assert!(output.status.success());
        assert!(text(&output.stdout).contains("../project/x all --case quickstart"));
        assert!(text(&output.stdout).lines().count() < 24, "it fits a screen");
    }
}

#[test]
fn tests_end_with_those_left_out_and_the_summary_and_keep_the_status() {
    let place = Scene::new("1.85.0");
    let output = place.x(&["test", "-E", "package(some)", "-j", "2", "it's one"], &[]);
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(100), "{printed}{}", text(&output.stderr));
    let last: Vec<&str> = printed.lines().rev().take(2).collect();
    assert_eq!(last, ["     Summary [   1.5s] 3 tests run: 2 passed, 1 failed, 2 skipped", ""]);
    let left_out = "left out:\n  no BuildKit (1)\n    some::images needs_buildkit::an_image_is_built\n  no Docker (1)\n    \
                    some::containers needs_docker::a_root_is_enough\n";
    assert!(printed.contains(left_out), "{printed}");
    let asked = std::fs::read_to_string(place.path("project/target/asked")).unwrap();
    let run = asked.lines().find(|line| line.starts_with("nextest run")).unwrap();
    assert!(run.contains("-E ((package(some))) - (test(/(^|::)needs_docker::/) | "), "{run}");
    assert!(run.ends_with("--workspace it's one -j 2"), "{run}");
    let list = asked.lines().find(|line| line.starts_with("nextest list")).unwrap();
    assert!(list.ends_with("--workspace it's one"), "a list takes no number of jobs: {list}");
}

#[test]
fn with_ci_nothing_is_left_out_but_what_fast_leaves_out() {
    let place = Scene::new("1.85.0");
    let asked = |words: &[&str]| {
        let output = place.x(words, &[("CI", "true")]);
        let printed = text(&output.stdout);
        let asked = std::fs::read_to_string(place.path("project/target/asked")).unwrap();
        (printed, asked.lines().rfind(|line| line.starts_with("nextest run")).unwrap().to_owned())
    };
    let (printed, run) = asked(&["test"]);
    assert!(printed.contains("left out: nothing") && run.contains("-E (all()) - (none())"), "{printed}{run}");
    let (printed, run) = asked(&["test", "-p", "some", "--fast", "-y"]);
    assert!(printed.contains("--fast was given (2)"), "{printed}");
    assert!(run.contains("needs_docker") && !run.contains("needs_root"), "{run}");
    assert!(run.ends_with(" -p some"), "{run}");
}
