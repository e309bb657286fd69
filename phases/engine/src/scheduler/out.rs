//! Where events go.

use std::time::{Duration, Instant};

use model::StepId;
use model::event::{EVENT_SCHEMA, Event, FailureKind, Outcome, SkipReason, StepSummary, Timed, Verdict};
use model::layout::Layout;
use model::plan::Plan;

use super::ending::milliseconds;
use super::{Finish, Observer, RunOptions};
use crate::EngineError;
use crate::assess::State;
use crate::context::World;
use crate::former;
use crate::run_context::Gathered;
use crate::runlog::RunLog;
use crate::runner::StepError;

/// Where events go: to the observer and to the run's log.
pub(super) struct Out<'a> {
    pub(super) observer: &'a mut dyn Observer,
    pub(super) log: Option<RunLog>,
    pub(super) started: Instant,
    pub(super) begun: Instant,
}

impl Out<'_> {
    pub(super) fn now_ms(&self) -> u64 {
        milliseconds(self.started.elapsed())
    }

    pub(super) fn event(&mut self, event: Event) -> Result<(), StepError> {
        let timed = Timed { at_ms: self.now_ms(), event };
        self.observer.event(&timed);
        // What a step prints is in the step's own log.
        match (&mut self.log, &timed.event) {
            (Some(_), Event::Output { .. } | Event::Progress { .. }) | (None, _) => Ok(()),
            (Some(log), _) => log.write(&timed),
        }
    }

    pub(super) fn begin(
        &mut self,
        plan: &Plan,
        options: &RunOptions,
        world: &World<'_>,
        offline: Option<model::event::OfflineForce>,
    ) {
        let steps = plan
            .steps
            .iter()
            .map(|step| StepSummary {
                id: step.id.clone(),
                title: step.title.clone(),
                component: step.component.clone(),
                needs: step.waits_for().cloned().collect(),
                optional: step.optional,
            })
            .collect();
        let event = Event::RunStarted {
            schema: EVENT_SCHEMA,
            case: plan.case.clone(),
            phase: plan.phase,
            plan: plan.digest(),
            steps,
            jobs: options.capacity.jobs,
            offline,
            logs: world.layout.state.join("logs").into_string(),
        };
        // A log that cannot be written shows at the next event, where it can be acted on.
        drop(self.event(event));
        for warning in &plan.warnings {
            drop(self.event(Event::Warning { step: None, message: warning.clone() }));
        }
    }

    pub(super) fn skipped_row(&mut self, row: &crate::Assessed) {
        for warning in &row.warnings {
            drop(self.event(Event::Warning { step: Some(row.step.clone()), message: warning.clone() }));
        }
        let why = if row.state == State::NotSelected { SkipReason::NotSelected } else { SkipReason::Fresh };
        drop(self.event(Event::StepSkipped { step: row.step.clone(), why }));
    }

    pub(super) fn finished(
        &mut self,
        step: &StepId,
        outcome: Outcome,
        wall: Duration,
        gathered: &Gathered,
    ) -> Result<(), StepError> {
        self.event(Event::StepFinished {
            step: step.clone(),
            outcome,
            wall_ms: milliseconds(wall),
            cpu_ms: milliseconds(gathered.cpu),
            figures: gathered.figures.clone(),
        })
    }

    /// What a `build` that ended well leaves of what the case had once.
    pub(super) fn former(&mut self, plan: &Plan, verdict: Verdict, layout: &Layout) -> Result<(), StepError> {
        if !matches!(verdict, Verdict::Done | Verdict::NothingToDo) {
            return Ok(());
        }
        // It is there for information: what was installed is installed, whatever the records of other prefixes are like.
        let message = former::told(plan, layout).unwrap_or_else(|error| {
            let error = EngineError::from(error);
            Some(format!("what the case installed before and names no more is not known: {}", error.message))
        });
        message.map_or(Ok(()), |message| self.event(Event::Warning { step: None, message }))
    }

    pub(super) fn finish(
        &mut self,
        verdict: Verdict,
        failure: Option<FailureKind>,
    ) -> Result<Finish, StepError> {
        self.event(Event::RunFinished { verdict, wall_ms: milliseconds(self.begun.elapsed()) })?;
        Ok(Finish { verdict, failure })
    }
}
