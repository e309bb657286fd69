//! Whether the machine has room for all that is built: one look behind those of the components, and the gate through which
//! every step of a component goes.

use engine::planning::Known;
use model::plan::{Action, DiskEstimate, Freshness, Phase, Preflight, Step};
use model::{ComponentName, StepId};

use super::planned::Planned;
use super::step::{step_id, template};

/// The id of the step.
pub(super) fn id() -> StepId {
    StepId::new("build/preflight")
}

/// The step, behind the preflight of every component.
pub(super) fn step(
    known: &Known<'_>,
    phase: Phase,
    all: &[Planned<'_>],
    disk_for: Vec<DiskEstimate>,
) -> Step {
    let action = Action::Preflight(Preflight {
        disk_mib: disk_for.iter().map(|estimate| estimate.mib).sum(),
        disk_at: known.layout.cache.clone(),
        disk_for,
        ..Preflight::default()
    });
    let title = "check that the disk is large enough".to_owned();
    let mut step = template(phase, &ComponentName::new("all"), "preflight", title, action);
    step.id = id();
    step.component = None;
    step.serves = all.iter().map(|planned| planned.name.clone()).collect();
    step.after = all.iter().map(|planned| step_id(planned.name, "preflight")).collect();
    step.freshness = Freshness::Observed;
    step
}
