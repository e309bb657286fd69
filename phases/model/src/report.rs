//! A fold over events: what a run did, for the summary and for `status`.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::event::{Event, Failure, OfflineForce, Outcome, SkipReason, Timed, Verdict};
use crate::plan::Phase;
use crate::{ComponentName, StepId};

/// What one phase of a run did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the case.
    pub case: String,
    /// The phase.
    pub phase: Option<Phase>,
    /// How it ended; none while it runs or when it was killed.
    pub verdict: Option<Verdict>,
    /// Wall time in milliseconds.
    pub wall_ms: u64,
    /// The offline force.
    pub offline: Option<OfflineForce>,
    /// Directory of the logs.
    pub logs: String,
    /// Steps that ran, in the order in which they ended.
    pub ran: Vec<StepReport>,
    /// How many steps were fresh.
    pub fresh: usize,
    /// Steps that did not run for another reason.
    pub left_out: Vec<(StepId, SkipReason)>,
    /// Warnings.
    pub warnings: Vec<String>,
    /// What a successful `build` left behind.
    #[serde(default)]
    pub installed: Vec<Installed>,
    /// What the case asks for, against what is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// Who reached for the network: step, process, what it wanted, advice.
    pub leaks: Vec<(StepId, String, String, String)>,
}

/// Something that is installed; see [`Event::Installed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// The component.
    pub component: ComponentName,
    /// Its version.
    pub version: Option<String>,
    /// Where it is installed.
    pub prefix: Utf8PathBuf,
    /// How many files it has.
    pub files: usize,
    /// Its programs, absolute.
    pub programs: Vec<Utf8PathBuf>,
    /// A command to try.
    pub command: Option<String>,
}

/// One step that ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// The step.
    pub step: StepId,
    /// How it ended.
    pub outcome: Outcome,
    /// Wall time in milliseconds.
    pub wall_ms: u64,
    /// CPU time in milliseconds.
    pub cpu_ms: u64,
    /// Figures worth telling.
    pub figures: std::collections::BTreeMap<String, u64>,
}

impl Report {
    /// Takes one event into account.
    pub fn fold(&mut self, timed: &Timed) {
        match &timed.event {
            Event::RunStarted { case, phase, offline, logs, .. } => {
                *self = Self {
                    case: case.clone(),
                    phase: Some(*phase),
                    offline: offline.clone(),
                    logs: logs.clone(),
                    ..Self::default()
                };
            }
            Event::StepSkipped { why: SkipReason::Fresh, .. } => self.fresh += 1,
            Event::StepSkipped { step, why } => self.left_out.push((step.clone(), why.clone())),
            Event::StepFinished { step, outcome, wall_ms, cpu_ms, figures } => self.ran.push(StepReport {
                step: step.clone(),
                outcome: outcome.clone(),
                wall_ms: *wall_ms,
                cpu_ms: *cpu_ms,
                figures: figures.clone(),
            }),
            Event::Warning { message, .. } => self.warnings.push(message.clone()),
            Event::Leak { step, process, wanted, advice, .. } => {
                self.leaks.push((step.clone(), process.clone(), wanted.clone(), advice.clone()));
            }
            Event::Installed { component, version, prefix, files, programs, command } => {
                self.installed.push(Installed {
                    component: component.clone(),
                    version: version.clone(),
                    prefix: prefix.clone(),
                    files: *files,
                    programs: programs.clone(),
                    command: command.clone(),
                });
            }
            Event::Account(account) => self.account = Some(account.clone()),
            Event::RunFinished { verdict, wall_ms } => {
                self.verdict = Some(*verdict);
                self.wall_ms = *wall_ms;
            }
            Event::StepStarted { .. }
            | Event::Output { .. }
            | Event::Progress { .. }
            | Event::Check { .. }
            | Event::Cancelling { .. } => {}
        }
    }

    /// The failures of steps that are not optional, or of any when none other is there.
    pub fn failures(&self) -> impl Iterator<Item = (&StepId, &Failure)> {
        self.ran.iter().filter_map(|ran| match &ran.outcome {
            Outcome::Failed(failure) => Some((&ran.step, failure)),
            Outcome::Done | Outcome::Cancelled => None,
        })
    }
}
