//! Runs that are interrupted, that meet another, or that happen in a place that is not as one would wish.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::processes::{self, wait_for};
use common::{bash, code, placed, placed_command, printed, project, said, succeeded, write};

/// For what takes a moment; nothing is waited for without a limit.
const LIMIT: Duration = Duration::from_secs(60);
/// How many processes the stubborn tool is.
const STUBBORN: usize = 4;

const ALL: [&str; 5] = ["all", "--case", "case.toml", "--progress", "plain"];

#[test]
fn ctrl_c_ends_every_descendant_and_the_next_run_works() {
    let home = tempfile::tempdir().unwrap();
    let mut run = stubborn(home.path());
    let began = Instant::now();
    processes::signal(run.id(), "INT");
    let output = ended(home.path(), &mut run);
    assert!(began.elapsed() < Duration::from_secs(20), "cancelling took {:?}", began.elapsed());
    assert_eq!(output.0, Some(130), "{}", output.1);
    let left = processes::busy_with(home.path());
    assert!(left.is_empty(), "left running: {left:#?}");

    calm_down(home.path());
}

#[test]
fn a_second_ctrl_c_does_not_wait_and_still_ends_every_descendant() {
    let home = tempfile::tempdir().unwrap();
    let mut run = stubborn(home.path());
    processes::signal(run.id(), "INT");
    // Signals that come before the first is handled would be one with it.
    wait_for("the word that the run is being cancelled", LIMIT, || {
        std::fs::read_to_string(home.path().join("stderr")).unwrap().contains("cancel").then_some(())
    });
    processes::signal(run.id(), "INT");
    let output = ended(home.path(), &mut run);
    assert_eq!(output.0, Some(130), "{}", output.1);
    wait_for("the end of every descendant", LIMIT, || {
        processes::busy_with(home.path()).is_empty().then_some(())
    });
}

#[test]
fn a_dead_schedulers_descendants_end_without_a_next_run() {
    let home = tempfile::tempdir().unwrap();
    let mut run = stubborn(home.path());
    run.kill().unwrap();
    run.wait().unwrap();
    wait_for("the end of every descendant", LIMIT, || {
        processes::busy_with(home.path()).is_empty().then_some(())
    });
    calm_down(home.path());
}

#[test]
fn a_dead_launchers_descendants_end_with_the_run() {
    let home = tempfile::tempdir().unwrap();
    let mut run = stubborn(home.path());
    let below = processes::descendants(run.id());
    let tool = below.iter().find(|process| process.words[0] == "sh").unwrap();
    let launchers =
        below.iter().filter(|process| process.words.get(1).is_some_and(|word| word == "__launch"));
    let launcher = launchers
        .max_by_key(|process| processes::descendants(process.pid).iter().any(|below| below.pid == tool.pid))
        .unwrap();
    assert!(processes::signal(launcher.pid, "KILL"));
    let output = ended(home.path(), &mut run);
    assert_eq!(output.0, Some(5), "{}", output.1);
    let left = processes::busy_with(home.path());
    assert!(left.is_empty(), "left running: {left:#?}");
    calm_down(home.path());
}

#[test]
fn a_second_run_is_told_who_holds_the_lock_or_waits_for_it() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    std::fs::create_dir(home.join("src")).unwrap();
    let step = format!(
        "touch {0}/began; while [ ! -e {0}/go ]; do sleep 0.02; done; mkdir -p '{{destdir}}{{prefix}}/share'; touch '{{destdir}}{{prefix}}/share/done'",
        home.display()
    );
    std::fs::write(home.join("case.toml"), one_command(&["sh", "-c", &step])).unwrap();
    let mut first = start(home, &ALL, "first");
    wait_for("the step", LIMIT, || home.join("began").exists().then_some(()));

    let second = placed(home, &ALL);
    assert_eq!(code(&second), 8, "{}", said(&second));
    let holder = first.id().to_string();
    assert!(said(&second).contains(&format!("pid {holder}")), "{holder} is not named: {}", said(&second));

    let mut waiting = start(home, &[&ALL[..], &["--wait"]].concat(), "waiting");
    let lock = home.join("state-dir/lock");
    wait_for("the run that waits to look at the lock", LIMIT, || {
        let open = std::fs::read_dir(format!("/proc/{}/fd", waiting.id())).unwrap();
        open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()).find(|path| *path == lock)
    });
    assert!(waiting.try_wait().unwrap().is_none(), "it does not wait");
    std::fs::write(home.join("go"), "").unwrap();
    for (run, name) in [(&mut first, "first"), (&mut waiting, "waiting")] {
        let status = wait_for(name, LIMIT, || run.try_wait().unwrap());
        assert_eq!(status.code(), Some(0), "{}", std::fs::read_to_string(home.join(name)).unwrap());
    }
    assert!(home.join("prefix/share/done").exists());
}

/// Two states over one cache: each would take the other's build trees for its own.
#[test]
fn a_run_on_a_cache_that_another_state_works_in_is_told_who_does_or_waits() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    std::fs::create_dir(home.join("src")).unwrap();
    let step = format!(
        "touch {0}/began; i=0; while [ ! -e {0}/go ] && [ $i -lt 1500 ]; do i=$((i + 1)); sleep 0.02; done; mkdir -p '{{destdir}}{{prefix}}/share'; touch '{{destdir}}{{prefix}}/share/done'",
        home.display()
    );
    std::fs::write(home.join("case.toml"), one_command(&["sh", "-c", &step])).unwrap();
    let mut first = start(home, &ALL, "first");
    wait_for("the step", LIMIT, || home.join("began").exists().then_some(()));

    let other = home.join("other-state");
    let with_other = |words: &[&str]| {
        let mut command = common::command(home, words);
        let mut place = common::place(home);
        let at = place.iter().position(|word| word == "--state-dir").unwrap();
        place[at + 1] = other.to_str().unwrap().to_owned();
        command.args(place);
        command
    };
    let second = with_other(&ALL).output().unwrap();
    assert_eq!(code(&second), 8, "{}", said(&second));
    let lock = home.join("cache-dir/lock");
    let told = format!("{} is locked by another run, pid {}", lock.display(), first.id());
    assert!(said(&second).contains(&told), "{}", said(&second));
    assert!(said(&second).contains("--wait waits for it"), "{}", said(&second));
    // What only reads waits for nobody.
    for words in [["status", "--case", "case.toml"], ["plan", "--case", "case.toml"]] {
        let read = with_other(&words).output().unwrap();
        assert_eq!(code(&read), 0, "{words:?}: {}", said(&read));
    }

    let said_by_waiting = std::fs::File::create(home.join("waiting")).unwrap();
    let mut command = with_other(&[&ALL[..], &["--wait"]].concat());
    let mut waiting = command.stdout(Stdio::null()).stderr(said_by_waiting).spawn().unwrap();
    wait_for("the run that waits to look at the lock", LIMIT, || {
        let open = std::fs::read_dir(format!("/proc/{}/fd", waiting.id())).unwrap();
        open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()).find(|path| *path == lock)
    });
    assert!(waiting.try_wait().unwrap().is_none(), "it does not wait");
    std::fs::write(home.join("go"), "").unwrap();
    for (run, name) in [(&mut first, "first"), (&mut waiting, "waiting")] {
        let status = wait_for(name, LIMIT, || run.try_wait().unwrap());
        assert_eq!(status.code(), Some(0), "{}", std::fs::read_to_string(home.join(name)).unwrap());
    }
    assert!(home.join("prefix/share/done").exists());
}

#[test]
fn a_source_that_cannot_be_written_is_built_and_stays_as_it_was() {
    let home = ordinary_home();
    project(home.path());
    configured(&home.path().join("made"));
    let case = std::fs::read_to_string(home.path().join("case.toml")).unwrap() + MADE;
    std::fs::write(home.path().join("case.toml"), case).unwrap();
    let sources = ["app", "lib", "made"].map(|name| home.path().join(name));
    for source in &sources {
        for path in walk(source).into_keys().rev() {
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode & !0o222)).unwrap();
        }
    }
    let before: Vec<_> = sources.iter().map(|source| walk(source)).collect();
    give_away(home.path());
    let output = ordinary(home.path(), &ALL).args(common::place(home.path())).output().unwrap();
    assert_eq!(code(&output), 0, "{}", said(&output));
    let after: Vec<_> = sources.iter().map(|source| walk(source)).collect();
    assert!(before == after, "the source was changed: {before:#?} {after:#?}");
    assert!(home.path().join("prefix/bin/app").exists() && home.path().join("prefix/bin/made").exists());
}

#[test]
fn a_source_may_lie_in_a_path_with_spaces_and_letters_beyond_ascii() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    project(home);
    configured(&home.join("made"));
    let odd = home.join("meine Quellen/größer & 本");
    std::fs::create_dir_all(&odd).unwrap();
    for name in ["app", "lib", "made"] {
        std::fs::rename(home.join(name), odd.join(name)).unwrap();
    }
    let mut case = std::fs::read_to_string(home.join("case.toml")).unwrap() + MADE;
    for name in ["app", "lib", "made"] {
        let from = format!("path = \"{name}\"");
        assert!(case.contains(&from));
        case = case.replace(&from, &format!("path = \"meine Quellen/größer & 本/{name}\""));
    }
    std::fs::write(home.join("case.toml"), case).unwrap();
    let output = placed(home, &ALL);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let again = placed(home, &["all", "--case", "case.toml", "--progress", "json"]);
    assert!(!printed(&again).contains("step-started"), "{}", printed(&again));
}

/// Whether everything may, not only the source.
#[test]
fn a_home_may_have_spaces_and_letters_beyond_ascii() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path().join("größer & 本");
    std::fs::create_dir(&home).unwrap();
    configured(&home.join("made"));
    std::fs::write(home.join("case.toml"), format!("schema = 1\n[metadata]\nname = \"odd\"\n{MADE}"))
        .unwrap();
    let output = placed(&home, &ALL);
    assert_eq!(code(&output), 0, "{}", said(&output));
    assert!(home.join("prefix/bin/made").exists());
}

#[test]
fn source_date_epoch_is_the_time_of_installed_files() {
    let home = tempfile::tempdir().unwrap();
    project(home.path());
    let output = placed_command(home.path(), &ALL).env("SOURCE_DATE_EPOCH", "1000000000").output().unwrap();
    assert_eq!(code(&output), 0, "{}", said(&output));
    for name in ["bin/app", "lib/libanswer.so"] {
        let time = std::fs::metadata(home.path().join("prefix").join(name)).unwrap().mtime();
        assert_eq!(time, 1_000_000_000, "{name}");
    }
}

#[test]
fn verify_names_the_file_that_was_tampered_with() {
    let home = tempfile::tempdir().unwrap();
    project(home.path());
    assert_eq!(code(&placed(home.path(), &ALL)), 0);
    let verify = ["verify", "--case", "case.toml", "--progress", "plain"];
    let whole = placed(home.path(), &verify);
    assert_eq!(code(&whole), 0, "{}", said(&whole));

    let library = home.path().join("prefix/lib/libanswer.so");
    let time = std::fs::metadata(&library).unwrap().modified().unwrap();
    let mut content = std::fs::read(&library).unwrap();
    // Neither size nor time gives it away.
    *content.last_mut().unwrap() ^= 1;
    std::fs::write(&library, content).unwrap();
    std::fs::File::options().write(true).open(&library).unwrap().set_modified(time).unwrap();
    let tampered = placed(home.path(), &verify);
    assert_eq!(code(&tampered), 9, "{}", said(&tampered));
    assert!(said(&tampered).contains(library.to_str().unwrap()), "{}", said(&tampered));
    assert!(!said(&tampered).contains("prefix/bin/app has"), "{}", said(&tampered));
}

/// `verify` says to install the component again with `installer build`: that has to help.
#[test]
fn what_verify_finds_is_mended_as_it_advises() {
    let home = tempfile::tempdir().unwrap();
    project(home.path());
    assert_eq!(code(&placed(home.path(), &ALL)), 0);
    let library = home.path().join("prefix/lib/libanswer.so");
    let verify = || placed(home.path(), &["verify", "--case", "case.toml", "--progress", "plain"]);
    let build = || placed(home.path(), &["build", "--case", "case.toml", "--progress", "plain"]);

    let content = std::fs::read(&library).unwrap();
    let time = std::fs::metadata(&library).unwrap().modified().unwrap();
    let mut changed = content.clone();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(&library, changed).unwrap();
    std::fs::File::options().write(true).open(&library).unwrap().set_modified(time).unwrap();
    assert_eq!(code(&verify()), 9);
    assert_eq!(code(&build()), 0);
    let content_mended = verify();

    std::fs::write(&library, content).unwrap();
    std::fs::set_permissions(&library, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(code(&verify()), 9);
    assert_eq!(code(&build()), 0);
    let mode_mended = verify();
    for output in [content_mended, mode_mended] {
        assert_eq!(code(&output), 0, "{}", said(&output));
    }
}

#[test]
fn an_ordinary_user_installs_below_the_home() {
    let home = ordinary_home();
    project(home.path());
    give_away(home.path());
    let output = ordinary(home.path(), &ALL).output().unwrap();
    assert_eq!(code(&output), 0, "{}", said(&output));
    for name in ["bin/app", "lib/libanswer.so", "share/installer/app.json"] {
        assert!(home.path().join(".local").join(name).exists(), "{name} is not there: {}", said(&output));
    }
    let again =
        ordinary(home.path(), &["all", "--case", "case.toml", "--progress", "json"]).output().unwrap();
    assert_eq!(code(&again), 0, "{}", said(&again));
    assert!(!printed(&again).contains("step-started"), "{}", printed(&again));
}

/// Starts a run whose step is a tool that ignores what it can, leaves its session, and starts others of its kind; waits
/// until all of them are there.
#[expect(clippy::disallowed_methods, reason = "a test compiles the tool that it needs")]
fn stubborn(home: &Path) -> Child {
    std::fs::create_dir(home.join("src")).unwrap();
    std::fs::create_dir(home.join("there")).unwrap();
    std::fs::write(home.join("stubborn.c"), STUBBORN_TOOL).unwrap();
    let compiled =
        Command::new("cc").current_dir(home).args(["stubborn.c", "-o", "stubborn"]).output().unwrap();
    assert!(compiled.status.success(), "{}", said(&compiled));
    let step = format!(
        "[ -e {0}/calm ] || {0}/stubborn {0}/there {1}; mkdir -p '{{destdir}}{{prefix}}/share'; touch '{{destdir}}{{prefix}}/share/done'",
        home.display(),
        STUBBORN - 1
    );
    std::fs::write(home.join("case.toml"), one_command(&["sh", "-c", &step])).unwrap();
    let child = start(home, &ALL, "stderr");
    wait_for("the stubborn tool", LIMIT, || {
        (std::fs::read_dir(home.join("there")).unwrap().count() >= STUBBORN).then_some(())
    });
    let seen = processes::busy_with(home).into_iter().filter(|line| line.contains("/stubborn ")).count();
    assert!(seen >= STUBBORN, "only {seen} of the stubborn processes can be seen");
    child
}

/// Lets the stubborn tool end at once, and sees that the next run gets through.
fn calm_down(home: &Path) {
    std::fs::write(home.join("calm"), "").unwrap();
    let next = placed(home, &ALL);
    assert_eq!(code(&next), 0, "{}", said(&next));
    assert!(home.join("prefix/share/done").exists());
}

/// How a run that [`start`] began as `stderr` ended, and what it said.
fn ended(home: &Path, run: &mut Child) -> (Option<i32>, String) {
    let status = wait_for("the end of the run", LIMIT, || run.try_wait().unwrap());
    (status.code(), std::fs::read_to_string(home.join("stderr")).unwrap())
}

/// Starts a run whose standard error goes to a file.
fn start(home: &Path, words: &[&str], name: &str) -> Child {
    let said = std::fs::File::create(home.join(name)).unwrap();
    placed_command(home, words).stdout(Stdio::null()).stderr(said).spawn().unwrap()
}

fn one_command(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    format!(
        "schema = 1\n[metadata]\nname = \"one\"\n[sources.one]\nkind = \"path\"\npath = \"src\"\n[components.one]\ndriver = \"command\"\n[components.one.commands]\ninstall = [[{}]]\n",
        words.join(", ")
    )
}

/// A component that CMake configures and make builds.
const MADE: &str = r#"[sources.made]
kind = "path"
path = "made"
[components.made]
driver = "cmake"
generator = "make"
[[components.made.checks]]
kind = "run"
command = ["{prefix}/bin/made"]
contains = "made"
"#;

fn configured(directory: &Path) {
    std::fs::create_dir(directory).unwrap();
    let cmake = "cmake_minimum_required(VERSION 3.16)\nproject(made C)\nadd_executable(made made.c)\ninstall(TARGETS made)\n";
    std::fs::write(directory.join("CMakeLists.txt"), cmake).unwrap();
    let code = "#include <stdio.h>\nint main(void) { return puts(\"made\") < 0; }\n";
    std::fs::write(directory.join("made.c"), code).unwrap();
}

/// Mode, time in nanoseconds, and content of everything below a directory, itself included.
fn walk(directory: &Path) -> BTreeMap<PathBuf, (u32, i128, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(path) = open.pop() {
        let data = std::fs::symlink_metadata(&path).unwrap();
        let content = if data.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            Vec::new()
        } else {
            std::fs::read(&path).unwrap()
        };
        let time = i128::from(data.mtime()) * 1_000_000_000 + i128::from(data.mtime_nsec());
        found.insert(path, (data.mode(), time, content));
    }
    found
}

/// The user without rights whose number every system has.
const NOBODY: u32 = 65534;

#[test]
fn status_says_that_it_may_not_read_the_records_of_another_user() {
    let place = ordinary_home();
    let home = place.path();
    write(home, "app/app", "#!/bin/sh\n");
    let case = "schema = 1\n[metadata]\nname = \"mine\"\n[sources.app]\nkind = \"path\"\npath = \"app\"\n\
                [components.app]\ndriver = \"command\"\n[components.app.commands]\n\
                install = [[\"install\", \"-D\", \"{source}/app\", \"{destdir}{prefix}/bin/app\"]]\n";
    write(home, "case.toml", case);
    succeeded(&placed(home, &["all", "-y", "--case", "case.toml"]));
    // Whoever is not root cannot be kept out by an owner.
    let log = bash(home, "chmod 755 .; ls state-dir/runs/* | tail -n 1");
    if !is_root() {
        bash(home, "chmod 0 state-dir/runs/*");
    }
    let mut words: Vec<String> = ["status", "--case", "case.toml"].map(str::to_owned).to_vec();
    words.extend(common::place(home));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let status = ordinary(home, &words).output().unwrap();
    let told = format!("{}{}", said(&status), printed(&status));
    assert_ne!(code(&status), 0, "{told}");
    for part in ["Permission denied", "records are for their owner alone", log.trim()] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("was killed"), "{told}");
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A home with the binary in it, which may lie where only root comes.
fn ordinary_home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    if is_root() {
        std::fs::copy(env!("CARGO_BIN_EXE_installer"), home.path().join("installer")).unwrap();
    }
    home
}

/// Makes everything below a home the ordinary user's.
fn give_away(home: &Path) {
    if is_root() {
        for path in walk(home).into_keys() {
            std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
}

/// The installer as an ordinary user: this one, or nobody where this one is root.
#[expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
fn ordinary(home: &Path, words: &[&str]) -> Command {
    if !is_root() {
        return common::command(home, words);
    }
    let mut command = Command::new("setpriv");
    command
        .args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".to_owned()])
        .arg(home.join("installer"))
        .args(words)
        .current_dir(home)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home)
        .stdin(Stdio::null());
    command
}

const STUBBORN_TOOL: &str = r#"#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int count, char **words) {
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    setsid();
    int depth = atoi(words[2]);
    if (depth > 0 && fork() == 0) {
        char next[16], *none[] = {NULL}, *more[] = {words[0], words[1], next, NULL};
        snprintf(next, sizeof next, "%d", depth - 1);
        execve(words[0], more, none);
        _exit(1);
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/%d", words[1], (int)getpid());
    fclose(fopen(path, "w"));
    for (;;) pause();
}
"#;
