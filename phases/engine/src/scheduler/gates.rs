//! What is looked at before anything is compiled.

use std::time::Duration;

use model::event::{Event, Failure, FailureKind, Outcome, SkipReason, Verdict};
use model::plan::Plan;

use super::out::Out;
use super::{Finish, RunOptions};
use crate::EngineError;
use crate::assess::{Assessment, State};
use crate::context::World;
use crate::run_context::Gathered;
use crate::selection::is_gate;

/// When a look that must hold before anything is compiled does not, all such looks are told, and nothing runs.
pub(super) fn closed_gates(
    plan: &Plan,
    assessment: &Assessment,
    options: &RunOptions,
    world: &World<'_>,
    out: &mut Out<'_>,
) -> Result<Option<Finish>, EngineError> {
    let closed: Vec<usize> = (0..plan.steps.len())
        .filter(|index| is_gate(&plan.steps[*index]) && !assessment.rows[*index].findings.is_empty())
        .filter(|index| assessment.rows[*index].state != State::NotSelected)
        .collect();
    if closed.iter().all(|index| plan.steps[*index].optional) {
        return Ok(None);
    }
    out.begin(plan, options, world, None);
    for (index, row) in assessment.rows.iter().enumerate() {
        if !closed.contains(&index) {
            continue;
        }
        let (whats, mut cures): (Vec<String>, Vec<String>) =
            row.findings.iter().map(|finding| (finding.what.clone(), finding.cure.clone())).unzip();
        cures.dedup();
        out.event(Event::StepStarted {
            step: row.step.clone(),
            why: "checked before the first compile".to_owned(),
        })?;
        let failure = Failure {
            kind: FailureKind::Preflight,
            message: match whats.len() {
                1 => whats[0].clone(),
                several => format!("{several} things are missing"),
            },
            excerpt: if whats.len() > 1 { whats } else { Vec::new() },
            cures,
            ..Failure::default()
        };
        out.finished(&row.step, Outcome::Failed(failure), Duration::ZERO, &Gathered::default())?;
    }
    for (index, row) in assessment.rows.iter().enumerate() {
        if !closed.contains(&index) {
            match row.state {
                State::Fresh | State::NotSelected => out.skipped_row(row),
                _ => out.event(Event::StepSkipped { step: row.step.clone(), why: SkipReason::Cancelled })?,
            }
        }
    }
    Ok(Some(out.finish(Verdict::Failed, Some(FailureKind::Preflight))?))
}
