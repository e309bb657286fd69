//! What is written down when a step begins and when it ends.

use std::time::Duration;

use model::account::asked_at;
use model::event::{Event, Failure, FailureKind, Outcome};
use model::fingerprint::Material;
use model::plan::{Action, Freshness, Keep, Phase, Step};
use model::site::Sudo;

use super::{Scheduler, Status, space};
use crate::capsule;
use crate::ledger::Last;
use crate::run_context::Gathered;
use crate::runlog::RunLog;
use crate::runner::{Observation, StepError};
use crate::{EngineError, fault, files, scarcity};

impl Scheduler<'_> {
    /// The ledger says "under way", and the step finds its directories as its rules say.
    pub(super) fn prepare(&self, step: &Step, material: Option<&Material>) -> Result<(), EngineError> {
        let entry = self.records.ledger.entry(&step.id)?;
        let only_source = || {
            let done = entry.as_ref().filter(|entry| entry.last == Last::Done);
            let earlier = done.and_then(|entry| entry.material.as_ref());
            material.zip(earlier).is_some_and(|(now, earlier)| self.only_source_changed(now, earlier))
        };
        let emptied = |keep: Keep| match keep {
            Keep::Never => true,
            Keep::UnlessReconfigured => !only_source(),
            Keep::UnlessKilled | Keep::Always => false,
        };
        if step.freshness == Freshness::Fingerprinted {
            self.records.ledger.begin(&step.id, entry.as_ref())?;
        }
        for scratch in &step.scratch {
            if emptied(scratch.keep) {
                files::remove_tree(&scratch.path)?;
            }
            files::create_dir_all(&scratch.path)?;
        }
        let log = self.shared.world.layout.step_log(&step.id);
        if let Some(directory) = log.parent() {
            files::create_dir_all(directory)?;
        }
        match files::create_private(&log) {
            Ok(_) => Ok(()),
            Err(error) => Err(StepError::io("write", &log, &error).into()),
        }
    }

    /// Whether two materials differ in nothing but the content of working copies. Another version of a fetched source is
    /// another thing: its makefiles may know nothing of what the one before left.
    fn only_source_changed(&self, now: &Material, earlier: &Material) -> bool {
        let brings_source = |id: &String| {
            let step = self.plan.steps.iter().find(|step| step.id.as_str() == id.as_str());
            step.is_some_and(|step| matches!(step.action, Action::WorkingCopy(_)))
        };
        let rest = |material: &Material| {
            let mut rest = material.clone();
            rest.inputs.clear();
            rest.needs.retain(|id, _| !brings_source(id));
            rest
        };
        rest(now) == rest(earlier)
    }

    /// Sees that a step did what it is for, and writes it down.
    pub(super) fn confirm(
        &mut self,
        step: &Step,
        material: Option<Material>,
        wall: Duration,
    ) -> Result<(), StepError> {
        fault::check("step-finish").map_err(|error| StepError::io("finish", step.id.as_str(), &error))?;
        let Some(material) = material else {
            let observation = self.look(step)?;
            if !observation.holds() {
                return Err(unmet(&observation, FailureKind::Step));
            }
            self.settle_observation(step, &observation);
            return Ok(());
        };
        if let Some(missing) = step.outputs.iter().find(|output| std::fs::symlink_metadata(output).is_err()) {
            return Err(StepError::new(
                format!("succeeded, but {missing} is missing"),
                "see the log for what it did instead",
            ));
        }
        let digest = material.digest();
        self.digests.insert(step.id.clone(), digest.clone());
        self.records.secrets.keep()?;
        self.records.ledger.done(&step.id, Some(material), digest, milliseconds(wall))
    }

    /// The material is that of a fingerprinted step that ran.
    pub(super) fn failed(
        &mut self,
        index: usize,
        error: StepError,
        material: Option<&Material>,
        wall: Duration,
        gathered: &Gathered,
    ) -> Result<(), EngineError> {
        let step = &self.plan.steps[index];
        self.status[index] = Status::Failed;
        match error {
            // The ledger goes on saying "under way": what a cancelled step wrote is no more to be trusted than what a
            // killed one did.
            StepError::Cancelled => self.out.finished(&step.id, Outcome::Cancelled, wall, gathered)?,
            StepError::Failed(mut failure) => {
                let log = self.shared.world.layout.step_log(&step.id);
                if failure.log.is_none() && log.exists() {
                    failure.log = Some(log.into_string());
                }
                if step.freshness == Freshness::Fingerprinted {
                    let entry = self.records.ledger.entry(&step.id)?;
                    if entry.as_ref().is_some_and(|entry| entry.last == Last::UnderWay)
                        && !was_killed(&failure)
                    {
                        self.records.ledger.failed(&step.id, entry.as_ref())?;
                    }
                }
                let layout = self.shared.world.layout;
                let cure = space::cure(&failure, step, &self.plan.case, layout);
                // It is why the step failed, whatever else there is to say.
                failure.cures.splice(0..0, cure);
                let lines = failure.message.lines().chain(failure.excerpt.iter().map(String::as_str));
                let scarce = scarcity::told(lines).filter(|cure| !failure.cures.contains(cure));
                failure.cures.splice(0..0, scarce);
                failure.cures.splice(0..0, self.asked_at(step, &failure, gathered));
                failure.capsule = self.capsule(step, &failure, material)?;
                if !step.optional {
                    self.failure = Some(self.failure.map_or(failure.kind, |kind| graver(kind, failure.kind)));
                    // Packages that only an administrator can install keep nobody from bringing the rest.
                    let administrators = matches!(step.action, Action::EnsurePackages(_))
                        && self.shared.world.site.sudo == Sudo::Unavailable;
                    self.stopping |= !self.options.keep_going && !administrators;
                }
                self.out.finished(&step.id, Outcome::Failed(failure), wall, gathered)?;
            }
        }
        Ok(())
    }

    /// Where the case asks for what failed.
    fn asked_at(&self, step: &Step, failure: &Failure, gathered: &Gathered) -> Vec<String> {
        let Some(component) = &step.component else { return Vec::new() };
        let lines = failure.message.lines().chain(failure.excerpt.iter().map(String::as_str));
        let configures = |step: &Step| step.id.as_str().ends_with("/configure");
        let mut others = self.plan.steps.iter().filter(|other| other.component == step.component);
        let is_about_options =
            matches!(step.action, Action::ExpectEnabled(_)) || configures(step) || !others.any(configures);
        let said: Vec<&str> = if is_about_options { lines.collect() } else { Vec::new() };
        let places = asked_at(self.plan, component, &said, gathered.unheld);
        places.iter().map(|place| self.shared.redactor.redact(place).into_owned()).collect()
    }

    /// Leaves a capsule of a failed step of `build` behind. That it cannot be written is a warning: the failure itself
    /// is what the user has to see.
    fn capsule(
        &mut self,
        step: &Step,
        failure: &Failure,
        material: Option<&Material>,
    ) -> Result<Option<String>, EngineError> {
        let (Some(origin), Some(material)) = (&self.options.capsules, material) else { return Ok(None) };
        if self.plan.phase != Phase::Build {
            return Ok(None);
        }
        let written = capsule::write(&capsule::Failed {
            plan: self.plan,
            step,
            failure,
            material,
            observed: &self.observed,
            world: &self.shared.world,
            origin,
            offline: self.shared.session.offline_force(),
            events: self.out.log.as_ref().map(RunLog::path),
            redactor: &self.shared.redactor,
        });
        match written {
            Ok(path) => Ok(Some(path.into_string())),
            Err(error) => {
                let message = format!(
                    "the step has no capsule: {}",
                    EngineError::from(error).to_string().replace('\n', ";")
                );
                self.out.event(Event::Warning { step: Some(step.id.clone()), message })?;
                Ok(None)
            }
        }
    }
}

/// What a step wrote is not trusted when it, or a process below it, did not end by itself.
fn was_killed(failure: &Failure) -> bool {
    failure.kind == FailureKind::TimedOut || failure.died_of_signal
}

fn graver(one: FailureKind, other: FailureKind) -> FailureKind {
    let rank = |kind: FailureKind| match kind {
        FailureKind::Offline => 4,
        FailureKind::Step | FailureKind::TimedOut => 3,
        FailureKind::Verify => 2,
        FailureKind::Preflight => 1,
    };
    if rank(one) >= rank(other) { one } else { other }
}

pub(super) fn unmet(observation: &Observation, kind: FailureKind) -> StepError {
    let mut whats: Vec<String> = observation.findings.iter().map(|finding| finding.what.clone()).collect();
    let mut cures: Vec<String> = observation.findings.iter().map(|finding| finding.cure.clone()).collect();
    cures.dedup();
    let message = match whats.len() {
        1 => whats.remove(0),
        several => format!("{several} things are missing"),
    };
    StepError::Failed(Failure { kind, message, excerpt: whats, cures, ..Failure::default() })
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
