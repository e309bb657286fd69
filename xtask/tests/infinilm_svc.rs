//! The case `infinilm-svc` on a small project that has the places of InfiniLM-SVC: programs by the real cargo, the
//! application root, and what becomes of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use common::{code, place, printed, said};
use model::exit;

/// A copy of the project, so that a test may change it.
fn project(directory: &Path) -> PathBuf {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let into = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &into);
            } else {
                fs::copy(entry.path(), into).unwrap();
            }
        }
    }
    let into = directory.join("InfiniLM-SVC");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/projects/svc"), &into);
    into
}

/// Runs a command for the case, with the application in the test's own directory.
fn run(home: &Path, words: &[&str]) -> Output {
    let app = format!("components.infinilm-svc.app.root=\"{}\"", home.join("app").display());
    let source = home.join("InfiniLM-SVC");
    let mut command = common::command(home, words);
    command.args(["--case", "infinilm-svc", "--infinilm-svc-src"]).arg(&source).args(["--set", &app]);
    command.args(place(home)).output().unwrap()
}

fn succeed(home: &Path, words: &[&str]) -> Output {
    let output = run(home, words);
    assert_eq!(code(&output), exit::OK, "{words:?}:\n{}{}", printed(&output), said(&output));
    output
}

/// What a shell says when it runs the entry point.
#[expect(clippy::disallowed_methods, reason = "a test runs what was installed")]
fn entered(home: &Path, variables: &[(&str, &str)]) -> String {
    let mut command = std::process::Command::new("bash");
    command.arg(home.join("app/docker_entrypoint_rust.sh")).env_clear().env("PATH", "/usr/bin:/bin");
    let output = command.envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    printed(&output)
}

#[test]
fn the_application_is_installed_recorded_kept_in_step_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    let source = project(home);
    let app = home.join("app");

    succeed(home, &["deps"]);
    let built = succeed(home, &["build", "--progress", "json"]);
    assert!(common::started(&built).contains("build/infinilm-svc/verify"), "{}", printed(&built));
    for program in ["infini-registry", "infini-router", "infini-babysitter"] {
        assert!(home.join("prefix/bin").join(program).is_file(), "{program}");
    }
    let mode = |path: &str| fs::metadata(app.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("docker_entrypoint_rust.sh"), 0o755);
    assert_eq!(mode("docker_entrypoint.sh"), 0o755);
    assert_eq!(mode("script/launch_all_rust.sh"), 0o755);
    assert_eq!(mode("config/router.json"), 0o644);
    assert!(app.join("logs").is_dir());
    let program = home.join("prefix/bin/infini-router");
    assert_eq!(
        entered(home, &[]),
        format!(
            "launch=registry,router registry=18000 router=8000 babysitters=none\nprogram={}\n",
            program.display()
        )
    );
    let told = entered(
        home,
        &[("LAUNCH_COMPONENTS", "babysitter"), ("ROUTER_PORT", "9"), ("BABYSITTER_CONFIGS", "a b")],
    );
    assert!(told.starts_with("launch=babysitter registry=18000 router=9 babysitters=a b\n"), "{told}");

    // The whole of it is the component's: looked at, exported, not made again.
    let again = succeed(home, &["build", "--progress", "json"]);
    assert!(common::started(&again).is_empty(), "{}", printed(&again));
    let tree = home.join("tree");
    let exported = run(home, &["image", "export", tree.to_str().unwrap()]);
    assert_eq!(code(&exported), exit::OK, "{}", said(&exported));
    let below = |path: &Path| tree.join(path.strip_prefix("/").unwrap());
    assert!(below(&app.join("script/launch_all_rust.sh")).is_file() && below(&program).is_file());
    let instructions = fs::read_to_string(tree.join("etc/installer/image.Dockerfile")).unwrap();
    assert!(instructions.contains("EXPOSE 18000 8000"), "{instructions}");

    // A script that goes is removed, one that comes is installed; a log of a service is nobody's and stays.
    fs::rename(source.join("script/launch_all_rust.sh"), source.join("script/start.sh")).unwrap();
    fs::write(app.join("logs/router.log"), "started\n").unwrap();
    succeed(home, &["build"]);
    assert!(app.join("script/start.sh").is_file() && !app.join("script/launch_all_rust.sh").exists());
    fs::write(app.join("env-set.sh"), "export LAUNCH_COMPONENTS=none\n").unwrap();
    let verified = run(home, &["verify"]);
    assert_eq!(code(&verified), exit::VERIFY_FAILED);
    assert!(said(&verified).contains("env-set.sh has changed"), "{}", said(&verified));
    succeed(home, &["build"]);
    assert!(fs::read_to_string(app.join("env-set.sh")).unwrap().contains("registry,router"));

    succeed(home, &["uninstall", "infinilm-svc"]);
    let left: Vec<PathBuf> = fs::read_dir(&app).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, [app.join("logs")]);
    assert_eq!(fs::read_dir(app.join("logs")).unwrap().count(), 1, "the log stays");
    assert!(!program.exists());
}

#[test]
fn what_is_no_infinilm_svc_is_told_before_anything_compiles() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    let source = project(home);
    succeed(home, &["deps"]);
    fs::remove_dir_all(source.join("docker")).unwrap();
    fs::write(home.join("app"), "a file where the application should be\n").unwrap();
    let output = run(
        home,
        &["build", "--progress", "plain", "--set", "components.infinilm-svc.app.babysitters=[\"none.toml\"]"],
    );
    assert_eq!(code(&output), exit::PREFLIGHT, "{}", said(&output));
    let text = printed(&output) + &said(&output);
    for part in
        ["docker/docker_entrypoint_rust.sh does not exist", "app is not writable", "none.toml does not exist"]
    {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert!(!home.join("cache/build/infinilm-svc").exists(), "nothing was compiled");
}
