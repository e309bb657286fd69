//! The children of this process: those that this crate started, and those that it inherited when a launcher died.
//!
//! A session makes this process a subreaper. As long as a launcher lives, what its tool starts stays below it; when a
//! launcher is killed, its descendants become children of this process, and are the children that nobody here started.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use crate::ending::{Ending, LOOK_AGAIN};
use crate::sys::process::{self, Reaped};
use crate::{procfs, wire};

static STARTED: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());
static FOREIGN: OnceLock<BTreeSet<i32>> = OnceLock::new();

fn started() -> MutexGuard<'static, BTreeSet<i32>> {
    // A set of numbers is whole at any instant.
    STARTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes this process the one that inherits orphans. Children that it has already (a shell may have executed it) are
/// none of ours.
pub(crate) fn prepare() -> io::Result<()> {
    let started = started();
    FOREIGN.get_or_init(|| {
        let own = procfs::children_of(process::own_pid());
        own.into_iter().filter(|pid| !started.contains(pid)).collect()
    });
    process::become_subreaper()
}

/// Starts something and remembers its processes, so that they are never taken for orphans.
pub(crate) fn start<T>(
    start: impl FnOnce() -> io::Result<T>,
    processes: impl FnOnce(&T) -> Vec<u32>,
) -> io::Result<T> {
    let mut started = started();
    let child = start()?;
    started.extend(processes(&child).into_iter().filter_map(|pid| i32::try_from(pid).ok()));
    Ok(child)
}

/// Forgets processes that have been reaped.
pub(crate) fn forget(processes: impl IntoIterator<Item = u32>) {
    let mut started = started();
    for pid in processes.into_iter().filter_map(|pid| i32::try_from(pid).ok()) {
        started.remove(&pid);
    }
}

/// Ends all orphans and everything below them, and reaps them. Returns the names of those that were ended.
/// Those that must not be killed are waited for; `meanwhile` is called again and again, to read what they print.
pub(crate) fn end_orphans(
    grace: Duration,
    mut meanwhile: impl FnMut() -> io::Result<()>,
) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    let mut known = BTreeSet::new();
    let mut ending = Ending::begin(grace);
    loop {
        let mut orphans = Vec::new();
        // What has just ended may have left children to this process after the list of them was read.
        let mut reaped = false;
        {
            let started = started();
            for pid in procfs::children_of(process::own_pid()) {
                let ours =
                    started.contains(&pid) || FOREIGN.get().is_some_and(|foreign| foreign.contains(&pid));
                if ours {
                    continue;
                }
                if process::reap_if_ended(pid)? == Reaped::Running {
                    orphans.push(pid);
                } else {
                    reaped = true;
                }
            }
        }
        if orphans.is_empty() {
            if reaped {
                continue;
            }
            return Ok(names);
        }
        let patient = |pid: &i32| procfs::started_with(*pid, &[&format!("{}=1", wire::PATIENT_VARIABLE)]);
        let mut left = procfs::descendants(&orphans);
        left.extend(&orphans);
        left.retain(|pid| !patient(pid));
        for pid in &left {
            if known.insert(*pid) {
                names.push(format!("{} (pid {pid})", procfs::name(*pid)));
            }
        }
        ending.signal(left);
        meanwhile()?;
        thread::sleep(LOOK_AGAIN);
    }
}
