//! What happens in a run, one event a line. `docs/events.md` documents the JSON.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::plan::Phase;
use crate::{ComponentName, Digest, StepId};

/// The figure of a step that verified a component of which nothing can be checked but that its files are unchanged.
pub const BY_HASH_ONLY: &str = "by_hash_only";

/// The format that this version writes.
pub const EVENT_SCHEMA: u32 = 1;

/// An event with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timed {
    /// Milliseconds since the run started.
    pub at_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A phase begins.
    RunStarted {
        /// [`EVENT_SCHEMA`].
        schema: u32,
        /// Name of the case.
        case: String,
        /// The phase.
        phase: Phase,
        /// Digest of the plan.
        plan: Digest,
        /// All steps, in the plan's order.
        steps: Vec<StepSummary>,
        /// Job tokens.
        jobs: u32,
        /// How the network is kept away from steps that may not use it; none in `deps`.
        offline: Option<OfflineForce>,
        /// The directory of the full logs.
        logs: String,
    },
    /// A step begins.
    StepStarted {
        /// The step.
        step: StepId,
        /// Why it runs: `never ran`, `option --enable-gpl changed`.
        why: String,
    },
    /// A line that a step's process printed, or a note of the step itself; secrets are redacted.
    Output {
        /// The step.
        step: StepId,
        /// Which stream.
        stream: Stream,
        /// The line, without its end.
        line: String,
    },
    /// How far a download, a copy or something else that is counted is.
    Progress {
        /// The step.
        step: StepId,
        /// Bytes done, or how many of `unit`.
        done: u64,
        /// Bytes or `unit` in all, where known.
        total: Option<u64>,
        /// What is counted, if it is not bytes: `crates`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
    },
    /// A step does not run.
    StepSkipped {
        /// The step.
        step: StepId,
        /// Why.
        why: SkipReason,
    },
    /// A step ended.
    StepFinished {
        /// The step.
        step: StepId,
        /// How.
        outcome: Outcome,
        /// Wall time in milliseconds.
        wall_ms: u64,
        /// CPU time of its processes in milliseconds, user and system.
        cpu_ms: u64,
        /// Figures worth telling: `files`, `bytes`, `packages`.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        figures: BTreeMap<String, u64>,
    },
    /// Something that the user should know, and that fails nothing.
    Warning {
        /// The step, if it is about one.
        step: Option<StepId>,
        /// What.
        message: String,
    },
    /// A check of an installed component was tried.
    Check {
        /// The step that verifies the component.
        step: StepId,
        /// Which of the step's checks, from 1 in the order of the plan.
        number: u32,
        /// Whether it holds; none: it cannot be tried on this machine.
        holds: Option<bool>,
        /// Why it does not hold, or cannot be tried.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// A step of `build` reached for the network.
    Leak {
        /// The step.
        step: StepId,
        /// The process's name.
        process: String,
        /// Host name or address that it wanted.
        wanted: String,
        /// What to add to `deps`.
        advice: String,
        /// Seconds after which the step is ended unless it ends by itself; of the first leak of a command.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grace_seconds: Option<u32>,
    },
    /// The run is being cancelled.
    Cancelling {
        /// `SIGINT`, `a step failed` …
        reason: String,
    },
    /// A successful `build` leaves this behind, whether it was installed by this run or before.
    Installed {
        /// The component; the Python packages of a case have one of their own.
        component: ComponentName,
        /// Its version, where its source says one.
        version: Option<String>,
        /// Where it is installed.
        prefix: Utf8PathBuf,
        /// How many files it has.
        files: usize,
        /// Its programs, absolute; of a Python environment its interpreter.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        programs: Vec<Utf8PathBuf>,
        /// A command to try, as one can paste it: the shortest of its checks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        command: Option<String>,
    },
    /// What the case asks for, against what is there at the end of `build` or `verify`.
    Account(Account),
    /// The phase ended.
    RunFinished {
        /// How.
        verdict: Verdict,
        /// Wall time in milliseconds.
        wall_ms: u64,
    },
}

/// A step as the readers of events know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSummary {
    /// Id.
    pub id: StepId,
    /// For people.
    pub title: String,
    /// Component, if it works for one.
    pub component: Option<ComponentName>,
    /// Steps that must have ended before it.
    pub needs: Vec<StepId>,
    /// It may fail.
    pub optional: bool,
}

/// Which stream a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The step itself, or the command that it is about to run (`$ make …`).
    Note,
}

/// Why a step does not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum SkipReason {
    /// It is done, and nothing that it depends on changed.
    Fresh,
    /// `--only` or `--skip` leaves it out.
    NotSelected,
    /// A step that it needs failed, or one that is needed for it.
    NeedFailed {
        /// The step that failed itself.
        need: StepId,
    },
    /// The run ended before it could start.
    Cancelled,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Outcome {
    /// Well.
    Done,
    /// Not.
    Failed(Failure),
    /// It was ended because the run was cancelled.
    Cancelled,
}

/// Why a step failed, enough to act on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// One line: what failed.
    pub message: String,
    /// The command that failed, as one could paste it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The first real error in the output, with its context.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excerpt: Vec<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cures: Vec<String>,
    /// The whole log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// The archive that the failed step left behind, if it is one of `build` that ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capsule: Option<String>,
    /// A process of it died of a signal, so that what it was writing may be cut off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub died_of_signal: bool,
}

/// Kinds of failure, for exit codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// A command or an action failed.
    #[default]
    Step,
    /// The host lacks something.
    Preflight,
    /// It reached for the network.
    Offline,
    /// It took longer than it may.
    TimedOut,
    /// An installed file or a check does not hold.
    Verify,
}

/// How a phase ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// All that was asked for holds, and something ran.
    Done,
    /// All that was asked for held already; nothing ran.
    NothingToDo,
    /// A step failed.
    Failed,
    /// Cancelled.
    Cancelled,
}

/// How the network is kept away from a phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfflineForce {
    /// What prevents: `network namespace`, `docker build --network=none`, or none.
    pub wall: Option<String>,
    /// What notices: `seccomp notification`, or none.
    pub audit: Option<String>,
    /// What goes unseen, in words.
    pub unseen: Vec<String>,
}
