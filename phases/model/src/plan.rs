//! The plan: what a run will do, as data, before the run begins.

mod action;
mod need;
mod preflight;

pub use action::*;
pub use need::*;
pub use preflight::*;

use std::time::Duration;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::asked::Request;
use crate::verify_level::VerifyLevel;
use crate::{ComponentName, Digest, StepId};

/// The format that this version writes.
pub const PLAN_SCHEMA: u32 = 1;

/// `deps` may use the network; `build` may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Brings everything that needs a network.
    Deps,
    /// Compiles, installs and verifies, offline.
    Build,
}

impl Phase {
    /// `deps` or `build`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deps => "deps",
            Self::Build => "build",
        }
    }
}

/// A whole plan; `steps` are in a deterministic order in which every need comes before the step that needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_SCHEMA`].
    pub schema: u32,
    /// Name of the case.
    pub case: String,
    /// The phase that it plans.
    pub phase: Phase,
    /// Key of the target: `debian-12-x86_64`.
    pub target: String,
    /// The steps.
    pub steps: Vec<Step>,
    /// What the user should know before it runs: licence effects, say.
    pub notes: Vec<String>,
    /// What may go wrong: things of which nobody has said that they go together. The report has them too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Seconds for which a step may go on after it first reached for the network, where the case says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leak_grace_seconds: Option<u32>,
    /// What the case asks for of this phase, each with its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Request>,
}

/// [`Plan::leak_grace_seconds`] where the case says nothing.
pub const LEAK_GRACE_SECONDS: u32 = 10;

impl Plan {
    /// For how long a step may go on after it first reached for the network.
    pub fn leak_grace(&self) -> Duration {
        Duration::from_secs(self.leak_grace_seconds.unwrap_or(LEAK_GRACE_SECONDS).into())
    }

    /// The digest over the serialised plan.
    pub fn digest(&self) -> Digest {
        Digest::of_json(self)
    }

    /// Sets how far its verifications go.
    pub fn verify_at(&mut self, level: VerifyLevel) {
        for step in &mut self.steps {
            if let Action::Verify(verify) = &mut step.action {
                verify.level = level;
            }
        }
    }

    /// The step with this id.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }
}

/// The unit of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// `build/opencv/compile`, `source/ffmpeg/fetch`, `deps/packages`.
    pub id: StepId,
    /// The phase that runs it.
    pub phase: Phase,
    /// The component that it works for, if it is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub component: Option<ComponentName>,
    /// Components for which `deps` brings something with it; none when it is for the case as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serves: Vec<ComponentName>,
    /// What it does, for people: `compile ffmpeg 5.1.9 with make`.
    pub title: String,
    /// Steps that must have succeeded first and whose digests are part of this one's fingerprint.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub needs: Vec<StepId>,
    /// Steps that must have ended first but do not count for the fingerprint.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub after: Vec<StepId>,
    /// Checks of what it builds on, which must not have failed in this run. They count neither for the fingerprint nor for
    /// whether it has to run.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub proven: Vec<StepId>,
    /// What is done.
    pub action: Action,
    /// How it is known that it need not be done.
    pub freshness: Freshness,
    /// Files and trees whose content is part of the fingerprint.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub inputs: Vec<Input>,
    /// What must exist for the step to count as done.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub outputs: Vec<Utf8PathBuf>,
    /// Directories that only this step (and later ones of its component) write to, with what is done with them
    /// when the step did not end by itself.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub scratch: Vec<Scratch>,
    /// Who fills the trees that it works in, where another may have filled them before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub filled: Option<Filled>,
    /// What it takes while it runs.
    #[serde(default)]
    pub claims: Claims,
    /// Whether it may use the network.
    pub network: Network,
    /// Whether it needs root.
    #[serde(default)]
    pub privilege: Privilege,
    /// Seconds after which it is ended, if there is a limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub timeout_seconds: Option<u64>,
    /// It may fail; then it shows as such, and what needs it is not run.
    #[serde(default)]
    pub optional: bool,
    /// A guess at how long it takes on one core, in seconds: the longest chain starts first.
    #[serde(default)]
    pub weight: u32,
}

impl Step {
    /// All that has to have ended before it starts.
    pub fn waits_for(&self) -> impl Iterator<Item = &StepId> {
        self.needs.iter().chain(&self.after).chain(&self.proven)
    }
}

/// How it is known that a step need not run. Every step has exactly one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Freshness {
    /// A side-effect-free look at the host says that it holds, and yields a digest.
    Observed,
    /// The ledger has it with the same fingerprint, and its outputs exist.
    Fingerprinted,
}

/// Content that a step's result depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Input {
    /// One file.
    File {
        /// Absolute path.
        path: Utf8PathBuf,
    },
    /// One file that may be lacking, which is a content of its own.
    MaybeFile {
        /// Absolute path.
        path: Utf8PathBuf,
    },
    /// A requirement file of pip, with the files that it includes and the wheels that they name by path.
    Requirements {
        /// Absolute path.
        path: Utf8PathBuf,
        /// What paths in it are relative to: the directory that pip runs in.
        base: Utf8PathBuf,
        /// Whether the step runs without it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        optional: bool,
    },
    /// All files below a directory: paths, modes, link targets and content. `.git` never counts, nor do directories of
    /// what tools make there again (`target`, `node_modules` …).
    Tree {
        /// Absolute path.
        path: Utf8PathBuf,
        /// Names (not paths) of entries that do not count, at any depth.
        #[serde(default)]
        exclude: Vec<String>,
        /// Names and paths of directories that count although tools make them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        keep: Vec<String>,
    },
}

/// A directory that a step writes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scratch {
    /// Absolute path.
    pub path: Utf8PathBuf,
    /// What a start finds there is…
    pub keep: Keep,
}

/// Who fills the trees of a component. What another driver, generator or list of commands left in them looks up to date to
/// make and ninja, and is not what they would have made: then the trees are removed before the first step runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// The trees, absolute.
    pub trees: Vec<Utf8PathBuf>,
    /// The driver and what it works with.
    pub by: String,
    /// The file, outside the trees, that tells who filled them last.
    pub mark: Utf8PathBuf,
}

/// When a step may find what an earlier attempt at it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Never: emptied before each start.
    Never,
    /// When the earlier attempt succeeded and nothing changed since but files of the source: another option starts from
    /// an empty tree, an edited file recompiles what depends on it.
    UnlessReconfigured,
    /// When the earlier attempt ended by itself, well or with an error. What a killed attempt wrote into a make tree
    /// cannot be trusted, because make takes a truncated object file for a whole one: the directory is removed as a
    /// whole, and the steps that filled it before run again.
    UnlessKilled,
    /// Always (ninja, cargo: they notice an output that was cut short).
    Always,
}

/// What a step takes while it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Job tokens.
    #[serde(default)]
    pub jobs: Jobs,
    /// Memory in MiB for each job.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub memory_mib: u64,
    /// Named locks, such as `packages` or `cargo-home`: one step at a time holds each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<String>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How a step takes part in the run's pool of job tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Jobs {
    /// It waits for the network or the disk, or is over in a moment: it takes no token, and waits for none.
    None,
    /// One token.
    #[default]
    One,
    /// It is a client of the run's jobserver.
    Jobserver,
    /// It cannot be a client: a fixed number is leased and given to it as [`Argument::Jobs`].
    Lease,
}

/// Whether a step may use the network. `build` steps never may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// It may.
    Allowed,
    /// It is prevented by force.
    Denied,
}

/// Whether a step needs root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Privilege {
    /// Runs as the user.
    #[default]
    User,
    /// Runs as root, through `sudo` if need be.
    Root,
}
