//! What must not happen: a source that is written to, a dry run that acts, a case in another one's directories.
#![expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

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
    assert!(said(&output).contains("share/one has changed"), "{}", said(&output));
    // As it advises.
    let build = placed(home, &["build", "--case", "timed.toml", "--progress", "plain"]);
    assert_eq!(common::code(&build), 0, "{}", said(&build));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "content\n");
    assert_eq!(common::code(&verify()), 0);
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
fn what_another_case_installed_is_told_as_its_own() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    one(home, "mine", r#"["true"]"#, "");
    one(home, "yours", r#"["true"]"#, "");
    assert_eq!(common::code(&placed(home, &["all", "--case", "mine.toml", "--progress", "quiet"])), 0);
    let status = |case: &str| printed(&placed(home, &["status", "--case", case]));
    assert!(status("mine.toml").contains("  one in "), "{}", status("mine.toml"));
    let yours = status("yours.toml");
    assert!(yours.contains("but by the case mine (1 file)"), "{yours}");
}

#[test]
fn all_that_a_case_installed_goes_in_the_order_in_which_it_can() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    project(home);
    let run = |words: &[&str]| placed(home, &[words, &["--case", "case.toml"]].concat());
    assert_eq!(common::code(&run(&["all", "--progress", "quiet"])), 0);
    assert_eq!(common::code(&run(&["uninstall"])), 2);
    let refused = run(&["uninstall", "lib"]);
    assert!(said(&refused).contains("lib is needed by installed components: app"), "{}", said(&refused));
    let dry = run(&["uninstall", "--all", "--dry-run"]);
    assert_eq!(common::code(&dry), 0, "{}", said(&dry));
    assert_eq!(said(&dry).matches("would remove").count(), 2, "{}", said(&dry));
    let removed = run(&["uninstall", "--all"]);
    assert_eq!(common::code(&removed), 0, "{}", said(&removed));
    assert!(installed(home).is_empty());
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

/// A builder may hand out the cache of one build with the records of another: what is installed is right all the same.
#[test]
fn build_trees_that_are_not_the_ledger_s_are_made_anew() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    one(home, "pair", r#"["true"]"#, "");
    let build = |state: &str, content: &str| {
        std::fs::write(home.join("src/file"), content).unwrap();
        let mut words = vec!["all", "--case", "pair.toml", "--progress", "plain"]
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>();
        for name in ["prefix", "cache-dir", "artifacts", "data-dir"] {
            words.extend([format!("--{name}"), home.join(name).to_str().unwrap().to_owned()]);
        }
        words.extend(["--state-dir".to_owned(), home.join(state).to_str().unwrap().to_owned()]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = installer(home, &words);
        assert_eq!(common::code(&output), 0, "{}", said(&output));
        assert_eq!(std::fs::read_to_string(home.join("prefix/share/one")).unwrap(), content);
        said(&output)
    };
    build("first", "one\n");
    build("second", "two\n");
    let said = build("first", "one\n");
    assert!(said.contains("does not match the records in"), "{said}");
    // With its own trees nothing is thrown away.
    assert!(!build("first", "three\n").contains("does not match the records in"));
}
