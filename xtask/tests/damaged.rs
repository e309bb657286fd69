//! Every record that installer keeps can be damaged: the next run heals it, or says by file and line what is wrong.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Output;

use common::*;

const ALL: [&str; 6] = ["all", "--progress", "plain", "-y", "--case", "case.toml"];

/// How a record is damaged.
const DAMAGES: [&str; 5] = ["cut to half", "emptied", "filled with garbage", "not UTF-8", A_DIRECTORY];
const A_DIRECTORY: &str = "a directory in its place";

fn damage(path: &Path, how: &str) {
    let content = std::fs::read(path).unwrap();
    if how == A_DIRECTORY {
        std::fs::remove_file(path).unwrap();
        std::fs::create_dir(path).unwrap();
        std::fs::write(path.join("something"), "of somebody").unwrap();
        return;
    }
    let damaged = match how {
        "cut to half" => content[..content.len() / 2].to_vec(),
        "emptied" => Vec::new(),
        "filled with garbage" => b"{\"]garbage 1 = = \n/../../".to_vec(),
        _ => b"sch\xe9ma = \xff\xfe\n".to_vec(),
    };
    std::fs::write(path, damaged).unwrap();
}

/// A component of one command, and the source of which its program is made.
fn tiny(home: &Path) {
    std::fs::create_dir(home.join("app")).unwrap();
    std::fs::write(home.join("app/app"), "#!/bin/sh\necho one\n").unwrap();
    std::fs::write(home.join("app/words"), "the same in each version\n").unwrap();
    std::fs::write(home.join("case.toml"), CASE).unwrap();
}

const CASE: &str = r#"schema = 1
[metadata]
name = "tiny"
[sources.app]
kind = "path"
path = "app"
[components.app]
driver = "command"
[components.app.commands]
install = [["install", "-D", "{source}/app", "{destdir}{prefix}/bin/app"],
    ["install", "-D", "-m", "644", "{source}/words", "{destdir}{prefix}/share/app/words"]]
[[components.app.checks]]
kind = "run"
command = ["{prefix}/bin/app"]
"#;

/// Every file below these, as paths below `home`.
fn files(home: &Path, below: &[&str]) -> Vec<PathBuf> {
    let mut open: Vec<PathBuf> =
        below.iter().map(|name| home.join(name)).filter(|path| path.exists()).collect();
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.push(path.strip_prefix(home).unwrap().to_owned());
        }
    }
    found.sort();
    found
}

/// What is kept of a run that was done: all of it is found by looking, so that no new record is forgotten.
const KEPT: [&str; 5] = ["state-dir", "cache-dir", "artifacts", "data-dir", "prefix/share/installer"];

fn fine(output: &Output, what: &str) {
    assert_eq!(code(output), 0, "{what}: {}{}", printed(output), said(output));
}

fn restore(home: &Path, saved: &Path) {
    for name in ["state-dir", "cache-dir", "prefix"] {
        copy_tree(&saved.join(name), &home.join(name));
    }
    std::fs::write(home.join("app/app"), "#!/bin/sh\necho one\n").unwrap();
}

/// The records of a run that was done; what is built and written for people to read is none.
fn records(home: &Path) -> Vec<String> {
    let is_build = |path: &PathBuf| {
        let product = ["cache-dir/build", "cache-dir/work/app/", "cache-dir/staging"];
        product.iter().any(|product| path.starts_with(product))
            || path.extension().is_some_and(|e| e == "log")
    };
    let records = files(home, &KEPT).into_iter().filter(|path| !is_build(path));
    let names: Vec<String> = records.map(|path| path.to_str().unwrap().to_owned()).collect();
    for known in [
        "state-dir/steps/build.app.commit.json",
        "state-dir/probes.json",
        "state-dir/case",
        "state-dir/committed/app",
        "state-dir/manifests/app.json",
        "state-dir/verified/app",
        "state-dir/pair",
        "state-dir/remembered.json",
        "state-dir/lock",
        "cache-dir/case",
        "cache-dir/pair",
        "cache-dir/lock",
        "cache-dir/work/app.files",
        "cache-dir/CACHEDIR.TAG",
        "prefix/share/installer/app.json",
    ] {
        assert!(names.iter().any(|name| name == known), "{known} is not among {names:#?}");
    }
    names
}

/// One table: each record, each damage, with something to do; and one damage with nothing to do.
#[test]
fn every_damaged_record_heals() {
    let place = tempfile::tempdir().unwrap();
    let tried = |how: &'static str, changed: bool| {
        let home = place.path().join(format!("{how} {changed}"));
        let saved = home.with_extension("saved");
        std::fs::create_dir(&home).unwrap();
        tiny(&home);
        fine(&placed(&home, &ALL), "the first run");
        copy_tree(&home, &saved);
        let mut wanted = installed(&home);
        if changed {
            let app = wanted.iter_mut().find(|file| file.0 == "bin/app").unwrap();
            app.2 = b"#!/bin/sh\necho two\n".to_vec();
        }
        let (mut right, mut wrong) = (0, Vec::new());
        for record in &records(&home) {
            restore(&home, &saved);
            damage(&home.join(record), how);
            if changed {
                std::fs::write(home.join("app/app"), "#!/bin/sh\necho two\n").unwrap();
            }
            match heals(&home, &wanted) {
                Ok(()) => right += 1,
                Err(why) => wrong.push(format!("{record} {how}, source changed: {changed}: {why}")),
            }
        }
        (right, wrong)
    };
    let results: Vec<(usize, Vec<String>)> = std::thread::scope(|scope| {
        let content = DAMAGES.into_iter().filter(|how| *how != A_DIRECTORY);
        let mut tables: Vec<_> = content.map(|how| (how, true)).collect();
        tables.extend([("not UTF-8", false), (A_DIRECTORY, false)]);
        let tried = &tried;
        let running: Vec<_> =
            tables.into_iter().map(|(how, changed)| scope.spawn(move || tried(how, changed))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let wrong: Vec<&String> = results.iter().flat_map(|(_, wrong)| wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let right: Vec<usize> = results.iter().map(|(right, _)| *right).collect();
    println!("records that healed, damage by damage: {right:?}");
    assert!(right.iter().all(|right| *right >= 20), "{right:?}");
}

fn heals(home: &Path, wanted: &[(String, u32, Vec<u8>)]) -> Result<(), String> {
    let run = placed(home, &ALL);
    if code(&run) != 0 {
        return Err(format!("ended with {}: {}{}", code(&run), printed(&run), said(&run)));
    }
    let mut now = installed(home);
    // What stood in the place of a record may be somebody's.
    now.retain(|(name, ..)| !name.contains(".damaged-1/"));
    if now != wanted {
        let names: Vec<String> = now.into_iter().map(|file| file.0).collect();
        return Err(format!("other files are installed: {names:?}"));
    }
    let verify = placed(home, &["verify", "--case", "case.toml"]);
    if code(&verify) != 0 {
        return Err(format!("verify ended with {}: {}", code(&verify), said(&verify)));
    }
    let again = placed(home, &["all", "--case", "case.toml", "--progress", "json"]);
    match started(&again) {
        steps if steps.is_empty() => Ok(()),
        steps => Err(format!("the run after it has {steps:?} to do")),
    }
}

#[test]
fn a_damaged_manifest_is_told_with_the_command_that_cures_it() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    tiny(home);
    fine(&placed(home, &ALL), "the first run");
    let manifest = home.join("prefix/share/installer/app.json");
    let whole = std::fs::read(&manifest).unwrap();
    for how in DAMAGES {
        damage(&manifest, how);
        for words in [&["verify"][..], &["uninstall", "app"], &["uninstall", "--all"], &["status"]] {
            let output = placed(home, &[words, &["--case", "case.toml"]].concat());
            let told = format!("{}{}", said(&output), printed(&output));
            assert!(told.contains(manifest.to_str().unwrap()), "{how}, {words:?}: {told}");
            assert!(told.contains("installer build"), "{how}, {words:?}: {told}");
            assert!(home.join("prefix/bin/app").exists());
        }
        let build = placed(home, &["build", "--case", "case.toml", "--progress", "plain"]);
        fine(&build, how);
        assert!(said(&build).contains("was damaged"), "{how}: {}", said(&build));
        assert_eq!(std::fs::read(&manifest).unwrap(), whole, "{how}");
    }
}

/// Without the copy in the state nothing says which files are the component's: none is lost, and none is in the way.
#[test]
fn a_damaged_manifest_without_a_copy_is_moved_aside_and_its_files_are_kept() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    for how in DAMAGES {
        for name in ["app", "prefix", "state-dir", "cache-dir"] {
            drop(std::fs::remove_dir_all(home.join(name)));
        }
        tiny(home);
        fine(&placed(home, &ALL), "the first run");
        damage(&home.join("prefix/share/installer/app.json"), how);
        std::fs::remove_dir_all(home.join("state-dir")).unwrap();
        std::fs::remove_dir_all(home.join("cache-dir")).unwrap();
        std::fs::write(home.join("app/app"), "#!/bin/sh\necho two\n").unwrap();
        let run = placed(home, &ALL);
        fine(&run, how);
        let told = said(&run);
        assert!(told.contains("app.json.damaged"), "{how}: {told}");
        assert!(told.contains("bin/app.before-1"), "{how}: {told}");
        let read = |name: &str| std::fs::read_to_string(home.join("prefix").join(name)).unwrap();
        assert_eq!(read("bin/app"), "#!/bin/sh\necho two\n");
        assert_eq!(read("bin/app.before-1"), "#!/bin/sh\necho one\n");
        assert!(!home.join("prefix/share/installer/app.json.damaged").exists(), "{how}");
        fine(&placed(home, &["verify", "--case", "case.toml"]), how);
    }
}

/// What a killed commit leaves is a record too: what it was about to place, and what it replaces.
#[test]
fn what_a_killed_commit_recorded_may_be_damaged_as_well() {
    let place = tempfile::tempdir().unwrap();
    let (home, saved) = (place.path().join("home"), place.path().join("saved"));
    std::fs::create_dir(&home).unwrap();
    tiny(&home);
    fine(&placed(&home, &ALL), "the first run");
    std::fs::write(home.join("app/app"), "#!/bin/sh\necho two\n").unwrap();
    let killed = placed_command(&home, &ALL).env("INSTALLER_FAULT", "commit-rename@2=kill").output().unwrap();
    assert!(killed.status.code().is_none(), "nothing was killed");
    copy_tree(&home, &saved);
    for record in ["prefix/share/installer/.app.pending.json", "prefix/share/installer/.kept/app/kept.json"] {
        for how in DAMAGES {
            copy_tree(&saved, &home);
            damage(&home.join(record), how);
            let run = placed(&home, &ALL);
            fine(&run, &format!("{record}, {how}"));
            let mut names: Vec<String> = installed(&home).into_iter().map(|file| file.0).collect();
            // Of what the damaged record named, nothing is lost.
            names.retain(|name| !name.contains(".before-"));
            assert_eq!(names, ["bin/app", "share/app/words", "share/installer/app.json"], "{record}, {how}");
            assert_eq!(std::fs::read(home.join("prefix/bin/app")).unwrap(), b"#!/bin/sh\necho two\n");
            fine(&placed(&home, &["verify", "--case", "case.toml"]), how);
        }
    }
}

#[test]
fn a_damaged_lock_is_refused_by_line_and_stays_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    tiny(home);
    let lock = home.join("case.lock");
    for (content, line) in [
        (&b"schema = 1\n\n[target\n"[..], 3),
        (b"", 1),
        (b"schema = 1\n[target.\"debian\"]\nsources = 7\n", 3),
        (b"schema = 1\nna\xefme = 1\n", 2),
    ] {
        std::fs::write(&lock, content).unwrap();
        let run = placed(home, &ALL);
        assert_ne!(code(&run), 0);
        let told = said(&run);
        assert!(told.contains(&format!("{}:{line}: ", lock.display())), "{told}");
        assert!(told.contains("help: ") && told.contains("case.lock.damaged"), "{told}");
        assert_eq!(std::fs::read(&lock).unwrap(), content, "the lock was touched");
    }
}

#[test]
fn nothing_is_installed_among_the_records() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    tiny(home);
    let with = |from: &str, to: &str| {
        assert!(CASE.contains(from));
        std::fs::write(home.join("case.toml"), CASE.replace(from, to)).unwrap();
    };
    with("{prefix}/share/app/words", "{prefix}/share/installer/app.json");
    let run = placed(home, &ALL);
    assert_ne!(code(&run), 0);
    assert!(said(&run).contains("share/installer/app.json lies in share/installer"), "{}", said(&run));
    assert!(!home.join("prefix/bin").exists(), "something was installed");

    for key in ["prefix = \"/opt/x/share/installer/y\"", "python_modules = \"share/installer\""] {
        with("driver = \"command\"\n", &format!("driver = \"command\"\n{key}\n"));
        let check = installer(home, &["case", "check", "case.toml"]);
        assert_ne!(code(&check), 0, "{key}");
        assert!(said(&check).contains("where installer keeps its records"), "{}", said(&check));
        assert!(said(&check).contains("case.toml:9:"), "{}", said(&check));
    }

    std::fs::write(home.join("app/CMakeLists.txt"), "").unwrap();
    let cmake = "[components.app.options]\nCMAKE_INSTALL_DATADIR = \"share/installer\"\n";
    let case = CASE.split("[components.app.commands]").next().unwrap().replace("\"command\"", "\"cmake\"");
    std::fs::write(home.join("case.toml"), format!("{case}{cmake}")).unwrap();
    let plan = placed(home, &["plan", "--case", "case.toml"]);
    assert_ne!(code(&plan), 0);
    assert!(said(&plan).contains("where installer keeps its records"), "{}", said(&plan));
}
