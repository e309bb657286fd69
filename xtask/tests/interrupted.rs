//! What a run meets on the way: Ctrl-C, another run, a missing tool, a source that cannot be written, another user.
#![expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::*;

/// A case of one component whose compile does what the words say, from an empty source.
fn one(home: &Path, name: &str, compile: &str, more: &str) {
    std::fs::create_dir_all(home.join("src")).unwrap();
    std::fs::write(home.join("src/file"), "content\n").unwrap();
    std::fs::write(
        home.join(format!("{name}.toml")),
        format!(
            r#"schema = 1
[metadata]
name = "{name}"
[sources.one]
kind = "path"
path = "src"
[components.one]
driver = "command"
{more}
[components.one.commands]
compile = [{compile}]
install = [["install", "-D", "-m", "644", "{{source}}/file", "{{destdir}}{{prefix}}/share/one"]]
"#
        ),
    )
    .unwrap();
}

fn start(home: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_installer"));
    command.args(arguments).args(place(home)).current_dir(home);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for the end and returns exit code and talk.
fn ended(mut child: Child) -> (i32, String) {
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    (child.wait().unwrap().code().unwrap(), text)
}

#[test]
fn ctrl_c_ends_a_tool_that_does_not_want_to() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    // It ignores what asks it to end, leaves its session, and starts others that do the same.
    std::fs::write(
        home.join("stubborn.sh"),
        "trap '' TERM INT HUP\nif [ \"$1\" -gt 0 ]; then setsid sh \"$0\" $(($1 - 1)) \"$2\" & fi\n\
         echo $$ >\"$2/pid.$1\"\nwhile :; do sleep 1; done\n",
    )
    .unwrap();
    let script = home.join("stubborn.sh");
    let pids = home.join("pids");
    std::fs::create_dir(&pids).unwrap();
    let compile = format!(r#"["sh", "{}", "3", "{}"]"#, script.display(), pids.display());
    one(home, "stubborn", &compile, "");
    let run = start(home, &["all", "--case", "stubborn.toml", "--progress", "plain"]);
    eventually("the fourth generation", || pids.join("pid.0").exists().then_some(()));
    signal(i32::try_from(run.id()).unwrap(), "INT");
    let (code, text) = ended(run);
    assert_eq!(code, 130, "{text}");
    let left = left_in(home);
    assert!(left.is_empty(), "{left:?}");
    one(home, "stubborn", r#"["true"]"#, "");
    let next = placed(home, &["all", "--case", "stubborn.toml", "--progress", "plain"]);
    assert_eq!(common::code(&next), 0, "{}", said(&next));
}

#[test]
fn a_second_run_is_told_who_holds_the_state_and_may_wait() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let (begun, go) = (home.join("begun"), home.join("go"));
    let compile = format!(
        r#"["sh", "-c", "touch '{}'; while ! [ -e '{}' ]; do sleep 0.05; done"]"#,
        begun.display(),
        go.display()
    );
    one(home, "held", &compile, "");
    let first = start(home, &["all", "--case", "held.toml", "--progress", "plain"]);
    eventually("the first run's compile", || begun.exists().then_some(()));
    let second = placed(home, &["all", "--case", "held.toml", "--progress", "plain"]);
    assert_eq!(common::code(&second), 8, "{}", said(&second));
    assert!(said(&second).contains(&first.id().to_string()), "{}", said(&second));
    let waiting = start(home, &["all", "--case", "held.toml", "--progress", "plain", "--wait"]);
    std::fs::write(&go, "").unwrap();
    for run in [first, waiting] {
        let (code, text) = ended(run);
        assert_eq!(code, 0, "{text}");
    }
}

#[test]
fn a_tool_that_is_missing_is_told_before_anything_runs() {
    let home = tempfile::tempdir().unwrap();
    one(home.path(), "missing", r#"["true"]"#, "system = [\"apt:no-such-package-here\"]");
    let output = placed(home.path(), &["build", "--case", "missing.toml", "--progress", "plain"]);
    assert_eq!(common::code(&output), 4, "{}", said(&output));
    assert!(said(&output).contains("no-such-package-here"), "{}", said(&output));
    assert!(!home.path().join("prefix").exists());
}

#[test]
fn a_source_that_cannot_be_written_is_built_and_left_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().join("a home with spaces, Umlauten äöü");
    std::fs::create_dir(&home).unwrap();
    // A build that writes into its source, as many do.
    one(&home, "written", r#"["sh", "-c", "echo more >>'{source}/file' && touch '{source}/new'"]"#, "");
    std::fs::create_dir(home.join("src/below")).unwrap();
    let state = || {
        let mut found = Vec::new();
        let mut open = vec![home.join("src")];
        while let Some(at) = open.pop() {
            let metadata = std::fs::symlink_metadata(&at).unwrap();
            found.push((at.clone(), metadata.mode(), metadata.mtime_nsec(), metadata.len()));
            if metadata.is_dir() {
                open.extend(std::fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()));
            }
        }
        found.sort();
        found
    };
    for (path, mode) in [("src/file", 0o444), ("src/below", 0o555), ("src", 0o555)] {
        std::fs::set_permissions(home.join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let before = state();
    let output = placed(&home, &["all", "--case", "written.toml", "--progress", "plain"]);
    assert_eq!(common::code(&output), 0, "{}", said(&output));
    assert_eq!(std::fs::read_to_string(home.join("prefix/share/one")).unwrap(), "content\nmore\n");
    assert_eq!(state(), before);
    let again = placed(&home, &["all", "--case", "written.toml", "--progress", "json"]);
    assert_eq!(started(&again).len(), 0, "{}", printed(&again));
}

#[test]
fn installed_files_have_the_time_that_is_asked_for_and_verify_finds_tampering() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    one(home, "timed", r#"["true"]"#, "");
    let mut command = Command::new(env!("CARGO_BIN_EXE_installer"));
    command.args(["all", "--case", "timed.toml", "--progress", "quiet"]).args(place(home)).current_dir(home);
    assert!(command.env("SOURCE_DATE_EPOCH", "1000000000").status().unwrap().success());
    let file = home.join("prefix/share/one");
    assert_eq!(std::fs::metadata(&file).unwrap().mtime(), 1_000_000_000);

    let verify = || placed(home, &["verify", "--case", "timed.toml", "--progress", "plain"]);
    assert_eq!(common::code(&verify()), 0);
    std::fs::write(&file, "CONTENT\n").unwrap();
    let output = verify();
    assert_eq!(common::code(&output), 9, "{}", said(&output));
    assert!(said(&output).contains("share/one was changed"), "{}", said(&output));
}

#[test]
fn a_promise_to_do_nothing_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    one(home, "dry", r#"["true"]"#, "");
    assert_eq!(common::code(&placed(home, &["all", "--case", "dry.toml", "--progress", "quiet"])), 0);
    for arguments in [&["uninstall", "one"][..], &["clean"]] {
        let words: Vec<&str> = arguments.iter().copied().chain(["--case", "dry.toml", "--dry-run"]).collect();
        let output = placed(home, &words);
        assert_eq!(common::code(&output), 0, "{}", said(&output));
        assert!(said(&output).contains("would remove"), "{}", said(&output));
    }
    assert!(home.join("prefix/share/one").exists() && home.join("cache-dir").exists());
    assert_eq!(common::code(&placed(home, &["verify", "--case", "dry.toml", "--dry-run"])), 2);
}

#[test]
fn two_cases_do_not_share_their_directories() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    one(home, "mine", r#"["true"]"#, "");
    one(home, "yours", r#"["true"]"#, "");
    assert_eq!(common::code(&placed(home, &["all", "--case", "mine.toml", "--progress", "quiet"])), 0);
    let output = placed(home, &["all", "--case", "yours.toml", "--progress", "quiet"]);
    assert_eq!(common::code(&output), 2, "{}", said(&output));
    assert!(said(&output).contains("is used by the case `mine`"), "{}", said(&output));
}

#[test]
fn an_ordinary_user_builds_what_needs_no_root() {
    if !is_root() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    one(home, "user", r#"["sh", "-c", "id -u >>'{source}/file'"]"#, "");
    let nobody = "65534";
    std::fs::set_permissions(home, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Command::new("chown").args(["-R", nobody]).arg(home).status().unwrap().success());
    // Where it lies only root may go.
    let program = home.join("installer");
    std::fs::copy(env!("CARGO_BIN_EXE_installer"), &program).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid", nobody, "--regid", nobody, "--clear-groups"])
        .arg(&program)
        .args(["all", "--case", "user.toml", "--progress", "plain"])
        .current_dir(home)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", home)
        .output()
        .unwrap();
    assert_eq!(common::code(&output), 0, "{}", said(&output));
    assert_eq!(std::fs::read_to_string(home.join(".local/share/one")).unwrap(), "content\n65534\n");
    assert!(home.join(".local/state/installer/user").is_dir());
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

#[test]
fn a_run_without_a_network_goes_on_when_there_is_one() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    std::fs::write(
        home.join("crate.toml"),
        "schema = 1\n[metadata]\nname = \"crate\"\n[sources.it]\nkind = \"crate\"\nname = \"itoa\"\nversion = \"1.0.11\"\n\
         [components.it]\ndriver = \"command\"\n[components.it.commands]\n\
         install = [[\"install\", \"-D\", \"{source}/README.md\", \"{destdir}{prefix}/share/it\"]]\n",
    )
    .unwrap();
    // Nothing listens on the discard port here, which is what a site without a way out looks like.
    let mut command = Command::new(env!("CARGO_BIN_EXE_installer"));
    command.args(["deps", "--case", "crate.toml", "--progress", "plain"]).args(place(home)).current_dir(home);
    for name in ["http_proxy", "https_proxy"] {
        command.env(name, "http://127.0.0.1:9");
    }
    let cut_off = command.output().unwrap();
    assert_eq!(common::code(&cut_off), 5, "{}", said(&cut_off));
    let text = said(&cut_off);
    assert!(text.contains("127.0.0.1:9") && text.contains("help:"), "{text}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_installer"));
    command.args(["all", "--case", "crate.toml", "--progress", "plain"]).args(place(home)).current_dir(home);
    let connected = command.output().unwrap();
    assert_eq!(common::code(&connected), 0, "{}", said(&connected));
    // With what is there, no network is needed any more.
    std::fs::remove_dir_all(home.join("cache-dir")).unwrap();
    let offline = placed(home, &["all", "--offline", "--case", "crate.toml", "--progress", "plain"]);
    assert_eq!(common::code(&offline), 0, "{}", said(&offline));
}
