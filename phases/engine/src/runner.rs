//! The seam between the scheduler and what steps do.
//!
//! `deps` and `build` implement [`Runner`]; the scheduler hands each of their actions a [`Context`], the only way in
//! which an action speaks, starts processes or learns about the run.

use std::collections::BTreeMap;

use model::Digest;
use model::event::{Failure, FailureKind};
use model::layout::Layout;
use model::lock::LockedTarget;
use model::plan::{Command, Step};
use model::site::Site;
use model::target::Target;

/// Looks at the host, and carries actions out.
pub trait Runner: Sync {
    /// A side-effect-free look at whether an *observed* step holds. Starts no process when the answer can be had from
    /// files, and goes through [`Context::cached_probe`] when it cannot.
    ///
    /// # Errors
    /// When the look itself fails (a package database that cannot be read).
    fn observe(&self, step: &Step, context: &dyn Context) -> Result<Observation, StepError>;

    /// Carries a step out. For an observed step the scheduler looks again afterwards.
    ///
    /// # Errors
    /// When it could not be done; nothing half-done may look whole.
    fn run(&self, step: &Step, context: &dyn Context) -> Result<(), StepError>;

    /// Why a fingerprinted step that the ledger calls done is not: an installed file that is gone, say. Looks only at
    /// files, and quickly: it is asked on every run.
    ///
    /// # Errors
    /// When the look itself fails.
    fn broken(&self, _step: &Step, _context: &dyn Context) -> Result<Option<String>, StepError> {
        Ok(None)
    }
}

/// What a look at the host found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// What is missing, each with its cure. Empty: the step holds.
    pub findings: Vec<Finding>,
    /// What was found, for the digest of dependents: package → version, tool → path and version.
    pub found: BTreeMap<String, String>,
    /// What the user should know and what fails nothing.
    pub warnings: Vec<String>,
}

impl Observation {
    /// Whether the step holds.
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
    }

    /// What dependents hash.
    pub fn digest(&self) -> Digest {
        // A map of strings always serialises.
        Digest::of(serde_json::to_vec(&self.found).unwrap_or_default())
    }
}

/// One thing that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `nasm is not installed`.
    pub what: String,
    /// `apt-get install nasm`, or what else to do.
    pub cure: String,
}

/// Why a step did not succeed.
#[derive(Clone, Debug)]
pub enum StepError {
    /// It failed.
    Failed(Failure),
    /// The run is being cancelled.
    Cancelled,
}

impl StepError {
    /// A failure with a message and what to do about it.
    pub fn new(message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::Failed(Failure { message: message.into(), cures: vec![cure.into()], ..Failure::default() })
    }

    /// A failure of this kind.
    pub fn of_kind(kind: FailureKind, message: impl Into<String>, cures: Vec<String>) -> Self {
        Self::Failed(Failure { kind, message: message.into(), cures, ..Failure::default() })
    }

    /// An error of the operating system while doing `what` to `path`, with the cure for the usual causes
    /// (no space left, read-only file system, permission denied).
    pub fn io(what: &str, path: impl AsRef<str>, error: &std::io::Error) -> Self {
        let path = path.as_ref();
        let cure = match error.kind() {
            std::io::ErrorKind::StorageFull => {
                format!(
                    "free space on the file system of {path}, then run the same command again: it continues from here"
                )
            }
            std::io::ErrorKind::ReadOnlyFilesystem => {
                format!(
                    "{path} is on a read-only file system: mount it writable, or choose another directory (--prefix, --state-dir, --cache-dir, --artifacts)"
                )
            }
            std::io::ErrorKind::PermissionDenied => {
                format!(
                    "you may not write to {path}: choose another directory (--prefix, --state-dir, --cache-dir, --artifacts), or run as a user who may"
                )
            }
            std::io::ErrorKind::NotADirectory | std::io::ErrorKind::IsADirectory => {
                format!("something else lies at {path} or above it: move that away")
            }
            std::io::ErrorKind::NotFound => {
                format!(
                    "{path} does not exist: correct the path, or see that nothing removes it during a run"
                )
            }
            std::io::ErrorKind::QuotaExceeded => format!(
                "the disk quota is used up: free space, or choose another directory than {path} (--prefix, --state-dir, --cache-dir, --artifacts)"
            ),
            _ => crate::scarcity::cure(error).unwrap_or_else(|| match error.raw_os_error() {
                // EIO.
                Some(5) => format!("the disk or the network file system of {path} fails: see dmesg"),
                _ => format!("check the file system of {path}; what is finished is kept"),
            }),
        };
        Self::Failed(Failure {
            message: format!("failed to {what} {path}: {error}"),
            cures: vec![cure],
            ..Failure::default()
        })
    }
}

/// How a command ended that ended by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// Exit status; death by signal N is 128 + N.
    pub status: i32,
    /// Standard output when it was captured.
    pub stdout: String,
    /// The last lines of both streams, at most 200.
    pub tail: Vec<String>,
}

/// What an action may use while it runs (and, reading only, while it looks).
pub trait Context: Sync {
    /// Where things lie.
    fn layout(&self) -> &Layout;

    /// What the place dictates.
    fn site(&self) -> &Site;

    /// The machine.
    fn target(&self) -> &Target;

    /// What the lock holds for this kind of machine, as it is now.
    fn locked(&self) -> LockedTarget;

    /// Changes the lock for this kind of machine and writes it, atomically.
    ///
    /// # Errors
    /// When the lock cannot be written.
    fn update_lock(&self, change: &mut dyn FnMut(&mut LockedTarget)) -> Result<(), StepError>;

    /// Whether `--offline` forbids this run to use the network even in `deps`.
    fn offline(&self) -> bool;

    /// A line for the log and for the terminal.
    fn note(&self, line: &str);

    /// A warning for the report.
    fn warn(&self, message: &str);

    /// How far a download or copy is, in bytes.
    fn progress(&self, done: u64, total: Option<u64>);

    /// How far something else that is counted is: `unit` is what, in the plural.
    fn count(&self, _done: u64, _total: u64, _unit: &str) {}

    /// A figure for the report, such as `bytes` or `packages`.
    fn figure(&self, name: &str, value: u64);

    /// Whether a check of the step holds, by its place in the plan; none: it cannot be tried here.
    fn check(&self, _place: usize, _holds: Option<bool>, _why: Option<&str>) {}

    /// Whether the run is being cancelled; long loops ask.
    fn cancelled(&self) -> bool;

    /// Runs a command with the step's network policy and privilege, logs what it prints, and waits.
    /// A failing command is a [`StepError`] that carries the command and the first real error of its output.
    ///
    /// # Errors
    /// When it cannot be started, fails, is cancelled, runs out of time, or reached for a forbidden network.
    fn execute(&self, command: &Command) -> Result<Finished, StepError>;

    /// The same, but a status other than zero is returned, and standard output is captured instead of logged.
    ///
    /// # Errors
    /// When it cannot be started, is cancelled, runs out of time, or reached for a forbidden network.
    fn capture(&self, command: &Command) -> Result<Finished, StepError>;

    /// [`Context::execute`] for what must not be killed half-way, a package manager in its transaction: when the run is
    /// cancelled or the step's time is over, its end is waited for.
    ///
    /// # Errors
    /// As of [`Context::execute`].
    fn execute_to_its_end(&self, command: &Command) -> Result<Finished, StepError>;

    /// [`Context::capture`] for what must not be killed half-way.
    ///
    /// # Errors
    /// As of [`Context::capture`].
    fn capture_to_its_end(&self, command: &Command) -> Result<Finished, StepError>;

    /// The answer of `probe`, remembered across runs for as long as none of `files` changes (device, inode, size, times).
    ///
    /// # Errors
    /// What `probe` returns.
    fn cached_probe(
        &self,
        key: &str,
        files: &[camino::Utf8PathBuf],
        probe: &mut dyn FnMut() -> Result<String, StepError>,
    ) -> Result<String, StepError>;

    /// The environment that a command of `deps` starts from: PATH, HOME, locale, and the site's network variables.
    fn network_environment(&self) -> BTreeMap<String, String>;
}
