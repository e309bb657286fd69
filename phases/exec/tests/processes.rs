//! How children are started, what they see, and that nothing of them outlives its step.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod common;

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use common::{TOOL, children_of, eventually, kill, launch, lives, pids_in, run, session, sink};
use exec::{Ended, Launch, Redactor, Session};
use model::event::Stream;

fn temporary() -> (tempfile::TempDir, Utf8PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::try_from(directory.path().to_owned()).unwrap();
    (directory, path)
}

#[test]
fn a_child_sees_the_environment_that_it_was_given_and_the_marker() {
    let session = session();
    let mut launch = launch(TOOL, &["environment"]);
    launch.environment.insert("GREETING".to_owned(), "größe = 1".to_owned());
    let (ended, lines) = run(&session, launch.clone());
    assert_eq!(ended.status, 0);
    let marker = format!("INSTALLER_RUN_MARKER=test-{}", std::process::id());
    let path = "PATH=/usr/local/bin:/usr/bin:/bin";
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    assert_eq!(sorted(lines), ["GREETING=größe = 1", &marker, path]);

    launch.jobserver = true;
    let (_, lines) = run(&session, launch);
    assert_eq!(
        sorted(lines),
        ["GREETING=größe = 1", &marker, "MAKEFLAGS= -j2 --jobserver-auth=100,101", path]
    );
}

#[test]
fn a_child_inherits_nothing_else() {
    let (_, lines) = run(&session(), launch(TOOL, &["inherited"]));
    assert!(lines.contains(&"stdin /dev/null".to_owned()), "{lines:?}");
    assert!(lines.contains(&"Umask:\t0022".to_owned()), "{lines:?}");
    assert!(lines.contains(&"SigBlk:\t0000000000000000".to_owned()), "{lines:?}");
    // SIGPIPE alone, which the fake tool's own runtime ignores.
    assert!(lines.contains(&"SigIgn:\t0000000000001000".to_owned()), "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with("descriptor")), "{lines:?}");
}

#[test]
fn both_streams_are_told_apart_and_the_command_comes_first() {
    let (lines, sink) = sink();
    let child = session().spawn(launch("sh", &["-c", "echo out; echo err >&2; exit 3"]), sink).unwrap();
    assert_eq!(child.wait().unwrap().status, 3);
    let lines = lines.lock().unwrap();
    assert_eq!(lines[0], (Stream::Note, "$ sh -c 'echo out; echo err >&2; exit 3'".to_owned()));
    assert!(lines.contains(&(Stream::Stdout, "out".to_owned())));
    assert!(lines.contains(&(Stream::Stderr, "err".to_owned())));
}

#[test]
fn output_can_be_captured() {
    let launch = Launch { capture_stdout: true, ..launch("sh", &["-c", "printf 'a\\n b'; echo err >&2"]) };
    let (ended, lines) = run(&session(), launch);
    assert_eq!(ended.stdout, "a\n b");
    assert_eq!(lines, ["err"]);
}

#[test]
fn what_only_draws_how_far_a_tool_is_goes_to_the_sink_and_not_to_the_log() {
    let (_guard, directory) = temporary();
    let log = directory.join("step.log");
    let script = "printf ' 1/2 [=>]\\r\\033[K   Compiling a\\n\\n 2/2 [==]\\r\\033[K\\nwarning: b\\n'";
    let mut drawing = launch("sh", &["-c", script]);
    drawing.unlogged = Some(|line| line.contains(" ["));
    drawing.log = Some(log.clone());
    let (_, lines) = run(&session(), drawing);
    assert_eq!(lines, [" 1/2 [=>]", "   Compiling a", "", " 2/2 [==]", "warning: b"]);
    let logged = std::fs::read_to_string(&log).unwrap();
    let (command, rest) = logged.split_once('\n').unwrap();
    assert!(command.starts_with("$ sh -c"), "{command}");
    assert_eq!(rest, "   Compiling a\n\nwarning: b\n");
}

#[test]
fn much_output_arrives_whole() {
    let (ended, lines) = run(&session(), launch("seq", &["200000"]));
    assert_eq!(ended.status, 0);
    assert_eq!(lines.len(), 200_000);
    assert_eq!(lines[199_999], "200000");
}

#[test]
fn secrets_reach_neither_sink_nor_log() {
    let (_guard, directory) = temporary();
    let log = directory.join("logs/step.log");
    let mut config = common::config(1);
    config.redactor = Redactor::new(["s3cr3t-canary".to_owned()]);
    let session = Session::start(config).unwrap();
    let launch = Launch {
        log: Some(log.clone()),
        ..launch("echo", &["using s3cr3t-canary and http://joe:hunter2@proxy/"])
    };
    let (_, lines) = run(&session, launch);
    assert_eq!(lines, ["using *** and http://***@proxy/"]);
    assert_eq!(
        std::fs::read_to_string(log).unwrap(),
        "$ echo 'using *** and http://***@proxy/'\nusing *** and http://***@proxy/\n"
    );
}

#[test]
fn programs_are_looked_for_on_the_path_of_the_child() {
    let (_guard, directory) = temporary();
    let directory = directory.join("mit Leerzeichen und Größe");
    std::fs::create_dir(&directory).unwrap();
    let script = directory.join("my-tool");
    // No `#!`: as for execvp(3), a shell runs it.
    std::fs::write(&script, "echo ran with $1\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let session = session();
    let mut launch = launch("my-tool", &["this"]);
    launch.environment.insert("PATH".to_owned(), format!("/nowhere:{directory}:/usr/bin"));
    launch.directory = directory.join("made/for it");
    let (ended, lines) = run(&session, launch.clone());
    assert_eq!((ended.status, lines), (0, vec!["ran with this".to_owned()]));
    assert!(launch.directory.is_dir());

    launch.program = "../../my-tool".to_owned();
    assert_eq!(run(&session, launch.clone()).1, ["ran with this"]);
}

#[test]
fn what_cannot_be_started_says_why() {
    let session = session();
    let failure = |launch: Launch| session.spawn(launch, sink().1).err().unwrap().to_string();
    assert_eq!(
        failure(launch("no-such-tool", &[])),
        "`no-such-tool` is in no directory of PATH (/usr/local/bin:/usr/bin:/bin): install it, or add its directory"
    );
    assert_eq!(
        failure(launch("/no/such/tool", &[])),
        "cannot execute /no/such/tool: it, or the interpreter that it names, does not exist"
    );
    assert_eq!(
        failure(launch("/etc/passwd", &[])),
        "cannot execute /etc/passwd: Permission denied (os error 13)"
    );
    assert!(failure(launch("true", &["a\0b"])).contains("zero byte"));
}

#[test]
fn death_by_a_signal_is_told_as_a_shell_tells_it() {
    assert_eq!(run(&session(), launch("sh", &["-c", "kill -SEGV $$"])).0.status, 128 + libc::SIGSEGV);
}

#[test]
fn what_it_used_is_counted_with_all_that_it_started() {
    let script = format!("({TOOL} burn 60) & ({TOOL} burn 60); wait");
    let (ended, _) = run(&session(), launch("sh", &["-c", &script]));
    assert!(ended.cpu >= Duration::from_millis(100), "{:?}", ended.cpu);
    assert!(ended.peak_rss_kib > 100, "{}", ended.peak_rss_kib);
}

/// A tool that ignores SIGTERM, leaves its session, and has children and grandchildren that do the same.
fn start_stubborn(
    session: &Session,
    timeout: Option<Duration>,
) -> (exec::Child, Vec<i32>, tempfile::TempDir) {
    let (guard, directory) = temporary();
    let launch = Launch { timeout, ..launch(TOOL, &["stubborn", directory.as_str(), "2"]) };
    let child = session.spawn(launch, sink().1).unwrap();
    let pids = pids_in(guard.path(), 3);
    (child, pids, guard)
}

fn assert_gone(pids: &[i32]) {
    let left: Vec<&i32> = pids.iter().filter(|pid| lives(**pid)).collect();
    assert!(left.is_empty(), "still there: {left:?} of {pids:?}");
}

#[test]
fn cancelling_ends_even_stubborn_descendants() {
    let session = session();
    let (child, pids, _guard) = start_stubborn(&session, None);
    child.canceller().cancel();
    let ended = child.wait().unwrap();
    assert_gone(&pids);
    assert!(ended.cancelled && !ended.timed_out);
    assert_eq!(ended.status, 128 + libc::SIGKILL);
}

#[test]
fn running_out_of_time_ends_even_stubborn_descendants() {
    let session = session();
    let (child, pids, _guard) = start_stubborn(&session, Some(Duration::from_secs(2)));
    let ended = child.wait().unwrap();
    assert_gone(&pids);
    assert!(ended.timed_out && !ended.cancelled);
}

#[test]
fn a_child_that_is_dropped_is_ended() {
    let session = session();
    let (child, pids, _guard) = start_stubborn(&session, None);
    drop(child);
    assert_gone(&pids);
}

#[test]
fn what_a_tool_leaves_behind_ends_with_it() {
    let (_guard, directory) = temporary();
    let script =
        format!("{TOOL} stubborn {directory} 1 & until [ $(ls {directory} | wc -l) = 2 ]; do :; done");
    let (ended, _) = run(&session(), launch("sh", &["-c", &script]));
    assert_eq!((ended.status, ended.cancelled), (0, false));
    assert_gone(&pids_in(directory.as_std_path(), 2));
}

#[test]
fn a_polite_tool_is_asked_and_not_killed() {
    let session = session().with_grace(Duration::from_secs(3600));
    let (_guard, directory) = temporary();
    let script =
        format!("trap 'echo asked; exit 7' TERM; echo 1 > {directory}/$$; while :; do sleep 0.01; done");
    let (lines, sink) = sink();
    let child = session.spawn(launch("sh", &["-c", &script]), sink).unwrap();
    pids_in(directory.as_std_path(), 1);
    child.canceller().cancel();
    let ended = child.wait().unwrap();
    assert_eq!((ended.status, ended.cancelled), (7, true));
    assert!(lines.lock().unwrap().contains(&(Stream::Stdout, "asked".to_owned())));
}

#[test]
fn a_patient_child_is_waited_for() {
    let session = session();
    let (_guard, directory) = temporary();
    let script = format!(
        "echo 1 > {directory}/$$; until [ -e {directory}/go ]; do sleep 0.01; done; echo done > {directory}/finished"
    );
    let launch =
        Launch { patient: true, timeout: Some(Duration::from_millis(1)), ..launch("sh", &["-c", &script]) };
    let child = session.spawn(launch, sink().1).unwrap();
    let pids = pids_in(directory.as_std_path(), 1);
    child.canceller().cancel();
    // Longer than the grace of this session.
    std::thread::sleep(Duration::from_millis(500));
    assert!(lives(pids[0]));
    std::fs::write(directory.join("go"), "").unwrap();
    let ended = child.wait().unwrap();
    assert_eq!((ended.status, ended.cancelled, ended.timed_out), (0, true, true));
    assert!(directory.join("finished").exists());
}

#[test]
fn when_the_launcher_is_killed_its_descendants_are_ended() {
    let session = session();
    let before = children_of(std::process::id());
    let (child, pids, _guard) = start_stubborn(&session, None);
    let launcher = eventually("the launcher is a child", || {
        children_of(std::process::id()).into_iter().find(|pid| {
            !before.contains(pid) && children_of(pid.unsigned_abs()).iter().any(|child| pids.contains(child))
        })
    });
    kill(launcher, libc::SIGKILL);
    let ended = child.wait().unwrap();
    assert_gone(&pids);
    assert_eq!(ended, Ended { status: 137, ..Ended::default() });
    // The session goes on.
    assert_eq!(run(&session, launch("true", &[])).0.status, 0);
}

/// Another process that holds a session with one child.
struct Scheduler {
    process: std::process::Child,
    launcher: i32,
    _guard: tempfile::TempDir,
    directory: Utf8PathBuf,
    lock: Utf8PathBuf,
}

fn scheduler(options: &[&str], command: &[&str], pids: usize) -> (Scheduler, Vec<i32>) {
    let (guard, directory) = temporary();
    let lock = directory.join("state/run.lock");
    let marked = directory.join("pids");
    std::fs::create_dir(&marked).unwrap();
    let command: Vec<String> =
        command.iter().map(|word| word.replace("DIRECTORY", marked.as_str())).collect();
    let process = Command::new(TOOL)
        .args(["session", "--lock", lock.as_str(), "--marker", directory.as_str()])
        .args(options)
        .arg("--")
        .args(command)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pids = pids_in(marked.as_std_path(), pids);
    let launcher = children_of(process.id())[0];
    (Scheduler { process, launcher, _guard: guard, directory, lock }, pids)
}

#[test]
fn when_the_scheduler_is_killed_its_launcher_ends_everything_and_then_lets_go_of_the_lock() {
    let (mut scheduler, pids) = scheduler(&[], &[TOOL, "stubborn", "DIRECTORY", "2"], 3);
    scheduler.process.kill().unwrap();
    scheduler.process.wait().unwrap();
    // Taking the lock waits for the launcher, although it is not told to wait.
    exec::lock::RunLock::acquire(&scheduler.lock, false).unwrap();
    assert_gone(&pids);
}

#[test]
fn a_patient_child_goes_on_without_its_scheduler_and_keeps_the_lock() {
    let script = "echo 1 > DIRECTORY/$$; until [ -e DIRECTORY/go ]; do echo line; sleep 0.01; done; echo done > DIRECTORY/finished";
    let (mut scheduler, pids) = scheduler(&["--patient"], &["sh", "-c", script], 1);
    scheduler.process.kill().unwrap();
    scheduler.process.wait().unwrap();
    // Longer than the grace, and it writes to a pipe that nobody reads.
    std::thread::sleep(Duration::from_millis(500));
    assert!(lives(pids[0]) && lives(scheduler.launcher));
    std::fs::write(scheduler.directory.join("pids/go"), "").unwrap();
    exec::lock::RunLock::acquire(&scheduler.lock, false).unwrap();
    assert_gone(&pids);
    assert!(scheduler.directory.join("pids/finished").exists());
}

#[test]
fn when_both_are_killed_the_next_run_ends_what_is_left() {
    let script = format!("trap '' TERM HUP; {TOOL} polite DIRECTORY & setsid {TOOL} polite DIRECTORY & wait");
    let (mut scheduler, pids) = scheduler(&[], &["sh", "-c", &script], 2);
    let scheduler_pid = i32::try_from(scheduler.process.id()).unwrap();
    // Stopped, so that it does not notice the launcher's death.
    kill(scheduler_pid, libc::SIGSTOP);
    kill(scheduler.launcher, libc::SIGKILL);
    kill(scheduler_pid, libc::SIGKILL);
    scheduler.process.wait().unwrap();
    assert!(pids.iter().all(|pid| lives(*pid)), "nobody is there to end them");
    let _lock = exec::lock::RunLock::acquire(&scheduler.lock, false).unwrap();
    let ended = exec::launcher::end_leftovers(scheduler.directory.as_str(), &scheduler.lock).unwrap();
    assert_gone(&pids);
    for pid in pids {
        assert!(ended.iter().any(|name| name.contains(&format!("pid {pid}"))), "{ended:?}");
    }
    let again = exec::launcher::end_leftovers(scheduler.directory.as_str(), &scheduler.lock).unwrap();
    assert!(again.is_empty(), "{again:?}");
}

#[test]
fn a_run_that_lives_is_no_leftover() {
    let (mut scheduler, pids) = scheduler(&[], &[TOOL, "polite", "DIRECTORY"], 1);
    let ended = exec::launcher::end_leftovers(scheduler.directory.as_str(), &scheduler.lock).unwrap();
    assert!(ended.is_empty() && lives(pids[0]), "{ended:?}");
    scheduler.process.kill().unwrap();
    scheduler.process.wait().unwrap();
    eventually("the child ended", || (!lives(pids[0])).then_some(()));
}

#[test]
fn two_runs_exclude_each_other_and_the_second_says_who_holds_the_lock() {
    let (_guard, directory) = temporary();
    let path = directory.join("state/run.lock");
    let mut first = Command::new(TOOL)
        .args(["hold-lock", path.as_str()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut held = String::new();
    BufReader::new(first.stdout.as_mut().unwrap()).read_line(&mut held).unwrap();
    assert_eq!(held, "held\n");
    let error = exec::lock::RunLock::acquire(&path, false).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("{path} is locked by another run, pid {}, since 20", first.id())),
        "{error}"
    );
    assert!(error.contains("hold-lock") && error.contains(" UTC: `"), "{error}");

    let waiting = {
        let path = path.clone();
        std::thread::spawn(move || {
            exec::lock::RunLock::acquire(&path, true).map(|lock| lock.path().to_owned())
        })
    };
    assert!(!waiting.is_finished());
    drop(first.stdin.take());
    first.wait().unwrap();
    assert_eq!(waiting.join().unwrap().unwrap(), path);
    exec::lock::RunLock::acquire(&path, false).unwrap();
}

#[test]
fn a_lock_that_cannot_be_made_says_where_and_what_to_do() {
    let error = exec::lock::RunLock::acquire(Utf8Path::new("/proc/nowhere/run.lock"), false).unwrap_err();
    let error = error.to_string();
    assert!(
        error.starts_with("failed to lock /proc/nowhere/run.lock: ") && error.contains("--state-dir"),
        "{error}"
    );
}

/// A makefile with many short jobs, each of which notes how many run at once.
fn makefile(directory: &Utf8Path) {
    let jobs: Vec<String> = (0..24).map(|number| format!("job{number}")).collect();
    let recipe = "mkdir running/$(NAME)-$@; ls running | wc -l >> most; sleep 0.02; rmdir running/$(NAME)-$@";
    let text = format!("all: {0}\n{0}:\n\t@{recipe}\n", jobs.join(" "));
    std::fs::create_dir_all(directory.join("running")).unwrap();
    std::fs::write(directory.join("Makefile"), text).unwrap();
}

#[test]
fn two_makes_share_the_pool_and_never_exceed_it() {
    const JOBS: u32 = 3;
    let (_guard, directory) = temporary();
    let session = Session::start(common::config(JOBS)).unwrap();
    makefile(&directory);
    std::thread::scope(|scope| {
        for name in ["NAME=one", "NAME=other"] {
            // As the scheduler does: the token that a make has from the start is the step's.
            let token = session.pool().acquire_within(common::LIMIT).unwrap().unwrap();
            let session = &session;
            let mut launch = launch("make", &["-s", name]);
            launch.jobserver = true;
            launch.directory = directory.clone();
            scope.spawn(move || {
                let (ended, lines) = run(session, launch);
                drop(token);
                assert_eq!((ended.status, lines), (0, vec![]));
            });
        }
    });
    let most = std::fs::read_to_string(directory.join("most")).unwrap();
    let most: Vec<u32> = most.lines().map(|line| line.trim().parse().unwrap()).collect();
    assert!(most.iter().all(|running| *running <= JOBS), "{most:?}");
    assert!(most.iter().any(|running| *running > 1), "nothing ran side by side: {most:?}");
    assert_eq!(session.pool().lease(9).unwrap().len(), JOBS as usize);
}

#[test]
fn tokens_of_a_make_that_was_killed_come_back() {
    let (_guard, directory) = temporary();
    let session = Session::start(common::config(4)).unwrap().with_grace(Duration::ZERO);
    let marks = directory.join("marks");
    std::fs::create_dir(&marks).unwrap();
    let jobs = ["a", "b", "c", "d"].join(" ");
    let text = format!("all: {jobs}\n{jobs}:\n\t@{TOOL} polite {marks}\n");
    std::fs::write(directory.join("Makefile"), text).unwrap();
    let token = session.pool().try_acquire().unwrap();
    let mut launch = launch("make", &[]);
    launch.jobserver = true;
    launch.directory = directory.clone();
    let child = session.spawn(launch, sink().1).unwrap();
    pids_in(marks.as_std_path(), 4);
    assert!(session.pool().try_acquire().unwrap().is_none(), "make has them all");
    child.canceller().cancel();
    child.wait().unwrap();
    drop(token);
    assert_eq!(session.pool().lease(9).unwrap().len(), 4);
}

#[test]
fn the_scheduler_s_death_closes_the_session_before_anything_was_started() {
    // A launcher whose socket is closed at once has nothing to do, and does not complain.
    let mut launcher = Command::new(TOOL)
        .arg("__launch")
        .stdin(std::os::fd::OwnedFd::from(std::os::unix::net::UnixStream::pair().unwrap().0))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    launcher.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(launcher.wait().unwrap().success() && said.is_empty(), "{said}");
}
