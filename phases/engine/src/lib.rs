//! Planning context, scheduler, fingerprints, ledger, manifest store, event log.
//!
//! [`assess()`] holds a plan against the records without changing anything; [`run()`] carries out what that found
//! stale. Both ask a [`runner::Runner`] to look at the host, and only `run` asks it to act.

pub mod assess;
pub mod capsule;
mod cargo;
pub mod checkout;
pub mod committed;
pub mod context;
pub mod excerpt;
pub mod fault;
pub mod files;
mod filled;
pub mod fingerprint;
pub mod former;
pub mod ledger;
pub mod lfs;
pub mod lockfile;
pub mod manifest;
pub mod memory;
pub mod misplaced;
mod outside;
pub mod planning;
pub mod pyproject;
pub mod python_home;
pub mod requirement_files;
mod run_context;
pub mod runlog;
pub mod runner;
pub mod scarcity;
mod scheduler;
mod secrets;
pub mod selection;
pub mod signals;
pub mod source_files;
pub mod tarball;
pub mod times;
pub mod tree;

pub use assess::{Assessed, Assessment, State, assess, assess_before_run};
pub use context::{StandaloneContext, World};
pub use scheduler::{Finish, Observer, RunOptions, redactor, run, tell_nothing_to_do};
pub use selection::Selection;
pub use signals::Cancel;

/// An error of the engine itself: a state directory that cannot be read, say. A failing step is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", told(.message, .help))]
pub struct EngineError {
    /// What failed, and on what.
    pub message: String,
    /// What to do, each a way out.
    pub help: Vec<String>,
}

impl EngineError {
    /// A new error.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: Vec::new() }
    }

    /// A file that could not be read, with the way out where the machine has too little of something.
    pub(crate) fn reading(path: &camino::Utf8Path, error: &std::io::Error) -> Self {
        let help = scarcity::cure(error).into_iter().collect();
        Self { message: format!("failed to read {path}: {error}"), help }
    }

    /// With a way out.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

/// What is wrong and what to do, as people read it.
pub fn told(message: &str, help: &[String]) -> String {
    let help: String = help.iter().map(|help| format!("\n  help: {help}")).collect();
    format!("{message}{help}")
}

impl From<runner::StepError> for EngineError {
    fn from(error: runner::StepError) -> Self {
        match error {
            runner::StepError::Cancelled => Self::new("cancelled"),
            runner::StepError::Failed(failure) => Self { message: failure.message, help: failure.cures },
        }
    }
}
