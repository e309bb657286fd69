//! Ending processes: SIGTERM, grace, SIGKILL, until none is left.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::{Duration, Instant};

use crate::sys::process;

/// How long processes have between SIGTERM and SIGKILL unless the session says otherwise.
pub const GRACE: Duration = Duration::from_secs(5);

/// How often processes that were told to end are looked at again.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The ending of a set of processes that may still grow: whoever owns it calls [`Ending::signal`] with what is left,
/// again and again, until nothing is.
pub(crate) struct Ending {
    kill_at: Instant,
    told: BTreeSet<i32>,
    refused: BTreeMap<i32, io::Error>,
}

impl Ending {
    /// Begins now.
    pub(crate) fn begin(grace: Duration) -> Self {
        Self { kill_at: Instant::now() + grace, told: BTreeSet::new(), refused: BTreeMap::new() }
    }

    /// Whether the grace is over.
    pub(crate) fn kills(&self) -> bool {
        Instant::now() >= self.kill_at
    }

    /// Asks each process once to end, or kills it when the grace is over.
    pub(crate) fn signal(&mut self, left: impl IntoIterator<Item = i32>) {
        let kill = self.kills();
        for pid in left {
            let result = if kill {
                process::signal(pid, libc::SIGKILL)
            } else if self.told.insert(pid) {
                // A stopped process takes note of SIGTERM only when it goes on.
                process::signal(pid, libc::SIGTERM).and_then(|()| process::signal(pid, libc::SIGCONT))
            } else {
                continue;
            };
            if let Err(error) = result {
                self.refused.insert(pid, error);
            }
        }
    }

    /// Processes that this user may not signal.
    pub(crate) fn refused(&self) -> &BTreeMap<i32, io::Error> {
        &self.refused
    }
}
