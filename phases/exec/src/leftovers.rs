//! Ending what an earlier, killed run left running.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use camino::Utf8Path;

use crate::ending::{Ending, GRACE, LOOK_AGAIN};
use crate::lock;
use crate::sys::process;
use crate::{procfs, wire};

/// How long launchers, which notice the death of their run by themselves, have to finish.
const LAUNCHERS_LIMIT: Duration = Duration::from_secs(15);
/// How long a package manager in a transaction is waited for.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// Ends all processes that an earlier run on the same state directory left running, waits for those that must not be
/// killed (dpkg, rpm), and returns the names of those that it ended. Does nothing while another run that lives holds
/// the lock; call it with the lock held.
///
/// Processes are known by the marker in the environment with which they were started, and by descent from such.
///
/// # Errors
/// When a process cannot be ended because it is another user's, or a package manager does not end in 30 minutes.
pub fn end_leftovers(marker: &str, run_lock_path: &Utf8Path) -> io::Result<Vec<String>> {
    let own = process::own_pid();
    if lock::Holder::read(run_lock_path).is_some_and(|holder| holder.pid != own && holder.lives()) {
        return Ok(Vec::new());
    }
    let mut names = BTreeMap::new();
    let mut ending: Option<Ending> = None;
    let began = Instant::now();
    loop {
        let Marked { launchers, patient, mut others } = find(marker, own);
        if launchers.is_empty() && patient.is_empty() && others.is_empty() {
            return Ok(names.into_values().collect());
        }
        for pid in &others {
            names.entry(*pid).or_insert_with(|| format!("{} (pid {pid})", procfs::name(*pid)));
        }
        // A launcher that lives does this work better, since it knows all its descendants; one that was stopped does not.
        if launchers.is_empty() || began.elapsed() > LAUNCHERS_LIMIT {
            // A launcher with a patient child goes when that child does.
            if patient.is_empty() {
                others.extend(launchers);
            }
            let ending = ending.get_or_insert_with(|| Ending::begin(GRACE));
            ending.signal(others);
            if let (true, Some((pid, error))) = (ending.kills(), ending.refused().iter().next()) {
                return Err(io::Error::new(
                    error.kind(),
                    format!(
                        "{} (pid {pid}), left by an earlier run, could not be ended: {error}; end it, then run the same command again",
                        procfs::name(*pid)
                    ),
                ));
            }
        }
        if began.elapsed() > PATIENCE {
            let pid = patient.iter().next().copied().unwrap_or_default();
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!(
                    "{} (pid {pid}), left by an earlier run, is still running: wait for it, then run the \
                     same command again",
                    procfs::name(pid)
                ),
            ));
        }
        thread::sleep(LOOK_AGAIN);
    }
}

/// What carries a marker.
struct Marked {
    launchers: BTreeSet<i32>,
    patient: BTreeSet<i32>,
    others: BTreeSet<i32>,
}

fn find(marker: &str, own: i32) -> Marked {
    let marker = format!("{}={marker}", wire::MARKER_VARIABLE);
    let launcher = format!("{}=1", wire::LAUNCHER_VARIABLE);
    let patient = format!("{}=1", wire::PATIENT_VARIABLE);
    // `installer` may itself have been started by something that carries the marker.
    let mut spared = BTreeSet::from([own]);
    let mut ancestor = own;
    while let Some(status) = procfs::status(ancestor).filter(|status| status.parent > 0) {
        ancestor = status.parent;
        spared.insert(ancestor);
    }
    let mut found = Marked { launchers: BTreeSet::new(), patient: BTreeSet::new(), others: BTreeSet::new() };
    for pid in procfs::all() {
        let ended = procfs::status(pid).is_none_or(|status| status.state == 'Z');
        if spared.contains(&pid) || ended || !procfs::started_with(pid, &[&marker]) {
            continue;
        }
        if procfs::started_with(pid, &[&launcher]) {
            found.launchers.insert(pid);
        } else if procfs::started_with(pid, &[&patient]) {
            found.patient.insert(pid);
        } else {
            found.others.insert(pid);
        }
    }
    // What cleared its environment but still has its parent. Descendants of patient processes are theirs to end.
    let roots: Vec<i32> = found.others.iter().copied().collect();
    found.others.extend(procfs::descendants(&roots).difference(&spared));
    found
}
