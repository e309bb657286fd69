//! Cancelling a run.

use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Cancels a run; clones share the wish.
#[derive(Clone, Default)]
pub struct Cancel {
    reason: Arc<Mutex<Option<String>>>,
}

impl Cancel {
    /// Nothing is cancelled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for the run's end. The first reason counts.
    pub fn cancel(&self, reason: &str) {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| reason.to_owned());
    }

    /// Whether someone asked.
    pub fn is_cancelled(&self) -> bool {
        self.reason().is_some()
    }

    /// Why.
    pub fn reason(&self) -> Option<String> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Lets SIGINT, SIGTERM and SIGHUP cancel; a second one ends this process at once with status 130, whereupon the
/// launchers end what they started. `at_once` runs before that, to leave the terminal sane.
///
/// # Errors
/// When the handlers cannot be set.
pub fn install(cancel: &Cancel, at_once: impl Fn() + Send + 'static) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let cancel = cancel.clone();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if cancel.is_cancelled() {
                at_once();
                std::process::exit(model::exit::CANCELLED);
            }
            cancel.cancel(match signal {
                SIGINT => "SIGINT",
                SIGTERM => "SIGTERM",
                _ => "SIGHUP",
            });
        }
    })?;
    Ok(())
}
