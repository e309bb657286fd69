//! Whether a step that may start has to run.

use model::StepId;
use model::event::FailureKind;
use model::fingerprint::Material;
use model::plan::{Action, Freshness, Input, Step};

use super::Scheduler;
use super::ending::unmet;
use crate::EngineError;
use crate::assess::{Staleness, State};
use crate::runner::{Observation, StepError};

/// What is to be done with a step that may start.
pub(super) enum Start {
    Fresh {
        warnings: Vec<String>,
    },
    Run {
        why: String,
        material: Option<Material>,
    },
    Fail(StepError),
    /// What was to bring its inputs failed.
    LeaveOut {
        need: StepId,
    },
}

impl Scheduler<'_> {
    /// Whether a step that may start has to.
    pub(super) fn decide(&mut self, index: usize) -> Result<Start, EngineError> {
        let step = &self.plan.steps[index];
        if step.freshness == Freshness::Observed {
            return Ok(match self.look(step) {
                Ok(observation) if observation.holds() => {
                    self.settle_observation(step, &observation);
                    Start::Fresh { warnings: observation.warnings }
                }
                Ok(observation) if matches!(step.action, Action::Preflight(_)) => {
                    Start::Fail(unmet(&observation, FailureKind::Preflight))
                }
                Ok(observation) => {
                    let why = observation.findings.iter().take(3).map(|finding| finding.what.clone());
                    Start::Run { why: why.collect::<Vec<_>>().join(", "), material: None }
                }
                Err(error) => Start::Fail(error),
            });
        }
        let material = match self.records.material(step, &self.digests) {
            Ok(Ok(material)) => material,
            Ok(Err(why)) => {
                if let Some(need) = step.after.iter().find_map(|other| self.failed_itself(other)) {
                    return Ok(Start::LeaveOut { need });
                }
                let layout = self.shared.world.layout;
                let own = step.inputs.iter().any(|input| match input {
                    Input::File { path } | Input::Requirements { path, .. } => {
                        path.starts_with(&layout.case_dir)
                            && !path.starts_with(&layout.artifacts)
                            && !path.exists()
                    }
                    _ => false,
                });
                let cure = if own {
                    "write the file, or correct its name in the case"
                } else {
                    "run the phase before it: `installer deps`, or `installer all`"
                };
                return Ok(Start::Fail(StepError::new(format!("cannot start: {why}"), cure)));
            }
            Err(error) => return Ok(Start::Fail(error)),
        };
        let standing = self.records.ledger.standing(&step.id)?;
        let known = (&material, &material.digest());
        let world = &self.shared.world;
        let staleness = match self.records.staleness(step, known, standing.as_ref(), self.runner, world) {
            Ok(verdict) => verdict,
            Err(error) => return Ok(Start::Fail(error)),
        };
        let row = &self.assessment.rows[index];
        let demanded = row.state != State::Fresh || self.is_demanded(index);
        Ok(match staleness {
            Staleness::Stale { why, .. } => Start::Run { why, material: Some(material) },
            Staleness::Fresh if row.gone && demanded => {
                Start::Run { why: "its output was gone".to_owned(), material: Some(material) }
            }
            Staleness::OutputGone(why) if demanded => Start::Run { why, material: Some(material) },
            Staleness::Fresh | Staleness::OutputGone(_) => {
                self.digests.insert(step.id.clone(), material.digest());
                Start::Fresh { warnings: Vec::new() }
            }
        })
    }

    pub(super) fn is_demanded(&self, index: usize) -> bool {
        let id = &self.plan.steps[index].id;
        let mut dependents = (0..self.plan.steps.len())
            .filter(|other| self.plan.steps[*other].needs.contains(id))
            .filter(|other| self.assessment.rows[*other].state != State::NotSelected)
            .peekable();
        dependents.peek().is_none()
            || dependents.any(|other| self.assessment.rows[other].state != State::Fresh)
    }

    pub(super) fn look(&self, step: &Step) -> Result<Observation, StepError> {
        self.records.observe(step, self.runner, &self.shared.world)
    }

    pub(super) fn settle_observation(&mut self, step: &Step, observation: &Observation) {
        self.digests.insert(step.id.clone(), observation.digest());
        self.observed.insert(step.id.clone(), observation.found.clone());
    }
}
