//! What the tests of this crate share.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(dead_code, clippy::allow_attributes, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use exec::{Ended, Launch, Redactor, Session, SessionConfig};
use model::event::Stream;
use model::plan::{Network, Privilege};
use model::site::Sudo;

/// The binary with the fake tools.
pub const TOOL: &str = env!("CARGO_BIN_EXE_exec-test-tool");

/// No test waits longer for anything.
pub const LIMIT: Duration = Duration::from_secs(60);

pub fn config(jobs: u32) -> SessionConfig {
    SessionConfig {
        launcher: PathBuf::from(TOOL),
        launcher_args: vec!["__launch".to_owned()],
        marker: format!("test-{}", std::process::id()),
        run_lock: None,
        offline: false,
        jobs,
        redactor: Redactor::default(),
    }
}

pub fn session() -> Session {
    Session::start(config(2)).unwrap().with_grace(Duration::from_millis(200))
}

pub fn launch(program: &str, args: &[&str]) -> Launch {
    Launch {
        program: program.to_owned(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        environment: BTreeMap::from([("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())]),
        directory: Utf8PathBuf::from("/"),
        network: Network::Denied,
        privilege: Privilege::User,
        sudo: Sudo::NotNeeded,
        jobserver: false,
        timeout: None,
        leak_grace: None,
        fence: None,
        patient: false,
        capture_stdout: false,
        unlogged: None,
        log: None,
    }
}

/// Lines that a sink got.
pub type Lines = Arc<Mutex<Vec<(Stream, String)>>>;

pub fn sink() -> (Lines, exec::session::Sink) {
    let lines = Lines::default();
    let sunk = Arc::clone(&lines);
    (lines, Box::new(move |stream, line| sunk.lock().unwrap().push((stream, line.to_owned()))))
}

/// Runs to the end; the result and what was printed, notes left out.
pub fn run(session: &Session, launch: Launch) -> (Ended, Vec<String>) {
    let (lines, sink) = sink();
    let ended = session.spawn(launch, sink).unwrap().wait().unwrap();
    let lines = lines.lock().unwrap();
    (
        ended,
        lines.iter().filter(|(stream, _)| *stream != Stream::Note).map(|(_, line)| line.clone()).collect(),
    )
}

/// Looks again and again until it is so.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < LIMIT, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Processes that wrote their numbers into a directory, once there are that many.
pub fn pids_in(directory: &Path, count: usize) -> Vec<i32> {
    eventually("the fake tools started", || {
        let pids: Vec<i32> = std::fs::read_dir(directory)
            .unwrap()
            .filter_map(|entry| {
                let entry = entry.unwrap();
                // Empty: not yet written.
                let whole = entry.metadata().ok()?.len() > 0;
                whole.then(|| entry.file_name().to_str()?.parse().ok()).flatten()
            })
            .collect();
        (pids.len() == count).then_some(pids)
    })
}

/// Whether a process is there and not just waiting to be reaped.
pub fn lives(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat[stat.rfind(')').unwrap()..].starts_with(") Z"))
}

pub fn children_of(pid: u32) -> Vec<i32> {
    std::fs::read_dir(format!("/proc/{pid}/task"))
        .unwrap()
        .filter_map(|thread| std::fs::read_to_string(thread.unwrap().path().join("children")).ok())
        .flat_map(|list| list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<i32>>())
        .collect()
}

#[expect(unsafe_code, reason = "kill has no safe interface")]
pub fn kill(pid: i32, signal: i32) {
    // SAFETY: takes no pointer.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0, "{}", std::io::Error::last_os_error());
}
