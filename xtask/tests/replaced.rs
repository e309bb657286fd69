//! From one version of a component to the next: what does not pass its checks gives way to the one before it, files become
//! directories and links, and all of that whatever kills the run.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::path::Path;
use std::process::Output;

use common::*;

const ALL: [&str; 5] = ["all", "--case", "case.toml", "--progress", "plain"];

const CASE: &str = r#"schema = 1
[metadata]
name = "replaced"
[sources.app]
kind = "path"
path = "app"
[components.app]
driver = "command"
[components.app.commands]
install = [["sh", "{source}/install", "{destdir}{prefix}"]]
[[components.app.checks]]
kind = "run"
command = ["{prefix}/bin/app"]
"#;

/// A version of the component: a script that installs it, below its first argument.
fn version(home: &Path, install: &str) {
    std::fs::create_dir_all(home.join("app")).unwrap();
    std::fs::write(home.join("app/install"), format!("set -e\nmkdir -p \"$1/bin\"\ncd \"$1\"\n{install}\n"))
        .unwrap();
}

fn case(home: &Path) {
    std::fs::write(home.join("case.toml"), CASE).unwrap();
}

const APP: &str = "printf '#!/bin/sh\\nexit 0\\n' > bin/app; chmod 755 bin/app";
const BROKEN: &str = "printf '#!/bin/sh\\necho no good; exit 3\\n' > bin/app; chmod 755 bin/app";

fn run(home: &Path) -> Output {
    placed(home, &ALL)
}

fn fine(output: &Output) {
    assert_eq!(code(output), 0, "{}{}", printed(output), said(output));
}

/// Runs that die at the first, second, third … pass of a point, each from the beginning that `prepare` makes, until one
/// gets through. `look` says whether what the run after it leaves is right.
fn killed_at(points: &[&str], prepare: &dyn Fn(&Path), look: &dyn Fn(&Path, &str)) {
    let place = tempfile::tempdir().unwrap();
    let (home, saved) = (place.path().join("home"), place.path().join("saved"));
    std::fs::create_dir(&home).unwrap();
    prepare(&home);
    copy_tree(&home, &saved);
    let mut kills = 0;
    for point in points {
        // Trees are removed all along a run.
        let step = if *point == "tree-remove" { 4 } else { 1 };
        for pass in (1..).step_by(step) {
            assert!(pass < 60, "{point} is passed without end");
            copy_tree(&saved, &home);
            let fault = format!("{point}@{pass}=kill");
            if killed(&home, &fault).is_none() {
                break;
            }
            kills += 1;
            look(&home, &fault);
        }
    }
    assert!(kills >= points.len(), "only {kills} kills");
}

/// A run that dies at a fault, if it comes by.
fn killed(home: &Path, fault: &str) -> Option<()> {
    let output = placed_command(home, &ALL).env("INSTALLER_FAULT", fault).output().unwrap();
    output.status.code().is_none().then_some(())
}

/// Every file and link, with nothing of what a commit leaves until it is through.
fn everything(home: &Path) -> Vec<(String, String)> {
    fn walk(directory: &Path, root: &Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if path.is_symlink() {
                found.push((name, format!("-> {}", std::fs::read_link(&path).unwrap().display())));
            } else if path.is_dir() {
                walk(&path, root, found);
            } else if name.starts_with("share/installer") {
                found.push((name, String::new()));
            } else {
                found.push((name, String::from_utf8(std::fs::read(&path).unwrap()).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    let prefix = home.join("prefix");
    if prefix.exists() {
        walk(&prefix, &prefix, &mut found);
    }
    found.sort();
    found
}

#[test]
fn what_fails_its_checks_gives_way_to_what_worked() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    case(home);
    version(home, &format!("{APP}; echo one > words; mkdir one; echo old > one/only"));
    fine(&run(home));
    let worked = everything(home);
    let manifest = std::fs::read(home.join("prefix/share/installer/app.json")).unwrap();
    for _ in 0..2 {
        version(home, &format!("{BROKEN}; echo two > words; echo new > two"));
        let failed = run(home);
        assert_eq!(code(&failed), 9, "{}", said(&failed));
        assert!(said(&failed).contains("is installed again"), "{}", said(&failed));
        assert_eq!(everything(home), worked);
        assert_eq!(std::fs::read(home.join("prefix/share/installer/app.json")).unwrap(), manifest);
    }
    fine(&placed(home, &["verify", "--case", "case.toml"]));
    // A next version that passes, and nothing of the others is left.
    version(home, &format!("{APP}; echo three > words"));
    fine(&run(home));
    let names: Vec<String> = everything(home).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["bin/app", "share/installer/app.json", "words"]);
    // What came back is known for what it is: the old version again has to be installed again.
    version(home, BROKEN);
    assert_eq!(code(&run(home)), 9);
    version(home, &format!("{APP}; echo three > words"));
    fine(&run(home));
    assert!(started(&placed(home, &["all", "--case", "case.toml", "--progress", "json"])).is_empty());
    fine(&placed(home, &["uninstall", "app", "--case", "case.toml"]));
    assert_eq!(everything(home), []);
}

#[test]
fn what_worked_comes_back_although_the_run_is_killed_at_any_point() {
    let prepare = |home: &Path| {
        case(home);
        version(home, &format!("{APP}; echo one > words; mkdir one; echo old > one/only"));
        fine(&run(home));
        version(home, &format!("{BROKEN}; echo two > words; mkdir two; echo new > two/only"));
    };
    let whole = tempfile::tempdir().unwrap();
    prepare(whole.path());
    let worked = everything(whole.path());
    killed_at(
        &[
            "kept-write",
            "kept-link",
            "manifest-write",
            "commit-copy",
            "commit-sync",
            "commit-rename",
            "tree-remove",
        ],
        &prepare,
        &|home, fault| {
            let next = run(home);
            assert_eq!(code(&next), 9, "{fault}: {}", said(&next));
            assert_eq!(everything(home), worked, "{fault}");
            // And again, as if nothing had happened.
            version(home, &format!("{APP}; echo three > words"));
            fine(&run(home));
            let names: Vec<String> = everything(home).into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, ["bin/app", "share/installer/app.json", "words"], "{fault}");
        },
    );
}

#[test]
fn nothing_is_configured_against_what_fails_its_checks() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    let dependent = "[sources.user]\nkind = \"path\"\npath = \"user\"\n[components.user]\ndriver = \"command\"\nneeds = [\"app\"]\n\
                     [components.user.commands]\nconfigure = [[\"sh\", \"-c\", \"echo x >> '{source}/../../configured'; {prefix}/bin/app\"]]\n\
                     install = [[\"sh\", \"-c\", \"mkdir -p '{destdir}{prefix}'; echo u > '{destdir}{prefix}/user'\"]]\n";
    std::fs::write(home.join("case.toml"), format!("{CASE}{dependent}")).unwrap();
    std::fs::create_dir(home.join("user")).unwrap();
    std::fs::write(home.join("user/x"), "").unwrap();
    version(home, BROKEN);
    for words in [&["--keep-going"][..], &["--only", "user"], &[]] {
        let failed = placed(home, &[&ALL[..4], &["json"], words].concat());
        assert_eq!(code(&failed), 9, "{words:?}: {}", said(&failed));
        let ran = started(&failed);
        assert!(
            !ran.iter().any(|step| step.starts_with("build/user/c") && step != "build/user/copy"),
            "{ran:?}"
        );
        assert!(!home.join("prefix/user").exists());
    }
    version(home, APP);
    fine(&run(home));
    assert!(home.join("prefix/user").exists());
    // The other way round nothing has to be compiled again for a check.
    std::fs::remove_file(home.join("state-dir/verified/app")).unwrap();
    let again = placed(home, &["all", "--case", "case.toml", "--progress", "json"]);
    assert_eq!(started(&again).into_iter().collect::<Vec<_>>(), ["build/app/verify"]);
}

#[test]
fn uninstall_after_a_kill_leaves_nothing() {
    let prepare = |home: &Path| {
        case(home);
        version(home, &format!("{APP}; echo one > words; mkdir one; echo old > one/only; ln -s words link"));
        fine(&run(home));
        version(home, &format!("{APP}; echo two > words; mkdir two; echo new > two/only; ln -s bin link"));
    };
    killed_at(
        &[
            "kept-link",
            "manifest-write",
            "commit-copy",
            "commit-sync",
            "commit-rename",
            "tree-remove",
            "file-write",
        ],
        &prepare,
        &|home, fault| {
            let removed = placed(home, &["uninstall", "app", "--case", "case.toml"]);
            assert_eq!(code(&removed), 0, "{fault}: {}", said(&removed));
            assert_eq!(everything(home), [], "{fault}: {}", printed(&removed));
        },
    );
    // The first commit of all has no manifest yet.
    let first = |home: &Path| {
        case(home);
        version(home, &format!("{APP}; echo one > words"));
    };
    killed_at(&["commit-copy", "commit-sync", "commit-rename"], &first, &|home, fault| {
        for words in [["uninstall", "--all"], ["uninstall", "app"]] {
            let removed = placed(home, &[&words[..], &["--case", "case.toml"]].concat());
            assert_eq!(code(&removed), 0, "{fault}: {}", said(&removed));
            assert_eq!(everything(home), [], "{fault}");
            if words[1] == "--all" {
                break;
            }
        }
    });
}

/// What a place may be, and what of it has to be there afterwards.
const KINDS: [(&str, &str); 4] = [
    ("file", "echo file > thing"),
    ("directory", "mkdir -p thing/deep; echo a > thing/a; echo b > thing/deep/b"),
    ("link to a directory", "mkdir -p other; echo a > other/a; echo c > other/c; ln -s other thing"),
    ("link to a file", "ln -s bin/app thing"),
];

#[test]
fn a_file_may_become_a_directory_or_a_link_and_back() {
    std::thread::scope(|scope| {
        for before in KINDS {
            scope.spawn(move || KINDS.iter().for_each(|after| becomes(before, *after)));
        }
    });
}

fn becomes((from, before): (&str, &str), (to, after): (&str, &str)) {
    if from == to {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let (home, saved) = (place.path().join("home"), place.path().join("saved"));
    std::fs::create_dir(&home).unwrap();
    case(&home);
    version(&home, &format!("{APP}; {before}"));
    fine(&run(&home));
    let old = everything(&home);
    version(&home, &format!("{APP}; {after}"));
    copy_tree(&home, &saved);
    fine(&run(&home));
    let wanted = everything(&home);
    assert_ne!(old, wanted, "{from} and {to} are the same");
    // And back, because what is there does not pass its checks.
    version(&home, &format!("{BROKEN}; {before}"));
    assert_eq!(code(&run(&home)), 9);
    assert_eq!(everything(&home), wanted, "from {to} to {from}, which fails, and back");
    fine(&placed(&home, &["verify", "--case", "case.toml"]));

    let mut kills = 0;
    for fault in ["commit-clear@1=kill", "commit-clear@2=kill", "commit-sync@1=kill", "commit-rename@2=kill"]
    {
        copy_tree(&saved, &home);
        kills += killed(&home, fault).map_or(0, |()| 1);
        let next = run(&home);
        assert_eq!(code(&next), 0, "from {from} to {to}, {fault}: {}", said(&next));
        assert_eq!(everything(&home), wanted, "from {from} to {to}, {fault}");
    }
    assert!(kills >= 2, "only {kills} kills");
}

#[test]
fn what_somebody_else_put_into_a_directory_is_not_removed_with_it() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    case(home);
    version(home, &format!("{APP}; mkdir thing; echo a > thing/a"));
    fine(&run(home));
    std::fs::write(home.join("prefix/thing/mine"), "mine").unwrap();
    version(home, &format!("{APP}; echo file > thing"));
    let refused = run(home);
    assert_eq!(code(&refused), 5, "{}", said(&refused));
    assert!(said(&refused).contains("thing/mine"), "{}", said(&refused));
    assert!(said(&refused).contains("move the existing files away"), "{}", said(&refused));
    assert_eq!(std::fs::read_to_string(home.join("prefix/thing/a")).unwrap(), "a\n");
    std::fs::remove_file(home.join("prefix/thing/mine")).unwrap();
    fine(&run(home));
    assert_eq!(std::fs::read_to_string(home.join("prefix/thing")).unwrap(), "file\n");
}
