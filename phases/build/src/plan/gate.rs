//! Whether the machine has room for all that is built: one look behind those of the components, and the gate through which
//! every step of a component goes.

use engine::planning::Known;
use model::plan::{Action, DiskEstimate, Freshness, Phase, Preflight, Step};
use model::{ComponentName, StepId};

use super::planned::Planned;
use super::step::{step_id, template};

/// What a compile needs at least, in MiB: below it even one job dies.
const MEMORY_MIB: u64 = 512;

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
        memory_mib: MEMORY_MIB,
        ..Preflight::default()
    });
    let title = "check that disk and memory are large enough".to_owned();
    let mut step = template(phase, &ComponentName::new("all"), "preflight", title, action);
    step.id = id();
    step.component = None;
    step.serves = all.iter().map(|planned| planned.name.clone()).collect();
    step.after = all.iter().map(|planned| step_id(planned.name, "preflight")).collect();
    step.freshness = Freshness::Observed;
    step
}
