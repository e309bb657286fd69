//! How fast a server has to be: one that drips is given up like one that is silent.

use std::time::{Duration, Instant};

use super::Policy;
use super::exchange::Trouble;

/// Watches how much comes while an answer is read.
pub(super) struct Pace {
    slowest: u64,
    window: Duration,
    since: Instant,
    bytes: u64,
}

impl Pace {
    /// Begins to watch.
    pub(super) fn new(policy: &Policy) -> Self {
        Self { slowest: policy.slowest, window: policy.slow_for, since: Instant::now(), bytes: 0 }
    }

    /// As many bytes have to come in one window, and so many count as progress.
    pub(super) fn least(policy: &Policy) -> u64 {
        let milliseconds = u64::try_from(policy.slow_for.as_millis()).unwrap_or(u64::MAX);
        (policy.slowest.saturating_mul(milliseconds) / 1000).max(1)
    }

    /// Takes what came.
    ///
    /// # Errors
    /// When it is too little for the time that it took.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Trouble> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        let elapsed = self.since.elapsed();
        if elapsed < self.window {
            return Ok(());
        }
        let wanted = u128::from(self.slowest) * elapsed.as_millis() / 1000;
        if u128::from(self.bytes) < wanted {
            return Err(Trouble::Slow(format!(
                "the server sent {} bytes in {} s, less than {} bytes/s",
                self.bytes,
                elapsed.as_secs(),
                self.slowest
            )));
        }
        self.since = Instant::now();
        self.bytes = 0;
        Ok(())
    }
}
