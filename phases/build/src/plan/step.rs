//! Steps of a component, before they say anything of their own.

use camino::Utf8PathBuf;
use engine::planning::PlannedSource;
use model::plan::{Action, Claims, Freshness, Jobs, Network, Phase, Privilege, Step, WorkingCopy};
use model::{ComponentName, StepId};

/// The id of a component's step.
pub(super) fn step_id(component: &ComponentName, verb: &str) -> StepId {
    StepId::new(format!("build/{component}/{verb}"))
}

/// What runs a tool of the case, or of pip, takes a job token. What looks, copies or checks would wait for one behind a
/// compile of an hour, and holds up all that comes after it.
fn jobs(action: &Action) -> Jobs {
    match action {
        Action::Exec(_) | Action::InstallWheels(_) | Action::StageWheels(_) => Jobs::One,
        _ => Jobs::None,
    }
}

/// A step that says nothing yet but what it does.
pub(super) fn template(
    known_phase: Phase,
    name: &ComponentName,
    verb: &str,
    title: String,
    action: Action,
) -> Step {
    let claims = Claims { jobs: jobs(&action), ..Claims::default() };
    Step {
        id: step_id(name, verb),
        phase: known_phase,
        component: Some(name.clone()),
        serves: Vec::new(),
        title,
        needs: Vec::new(),
        after: Vec::new(),
        proven: Vec::new(),
        action,
        freshness: Freshness::Fingerprinted,
        inputs: Vec::new(),
        outputs: Vec::new(),
        scratch: Vec::new(),
        filled: None,
        claims,
        network: Network::Denied,
        privilege: Privilege::User,
        timeout_seconds: None,
        optional: false,
        weight: 1,
    }
}

/// Brings a copy of a source in line with it.
pub(super) fn working_copy_of(source: &PlannedSource, into: Utf8PathBuf, lfs_pointers: bool) -> Action {
    Action::WorkingCopy(WorkingCopy {
        from: source.tree.clone(),
        into,
        keep: source.keep.clone(),
        lfs_pointers,
    })
}
