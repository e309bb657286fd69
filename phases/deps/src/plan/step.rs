//! What the steps of `deps` have in common.

use engine::planning::PlanCx;
use model::plan::{Action, Claims, Freshness, Jobs, Network, Phase, Privilege, Step};
use model::{ComponentName, StepId};

pub(super) fn step(id: &str, title: String, action: Action, freshness: Freshness) -> Step {
    Step {
        id: StepId::new(id),
        phase: Phase::Deps,
        component: None,
        serves: Vec::new(),
        title,
        needs: Vec::new(),
        after: Vec::new(),
        proven: Vec::new(),
        action,
        freshness,
        inputs: Vec::new(),
        outputs: Vec::new(),
        scratch: Vec::new(),
        filled: None,
        claims: Claims { jobs: Jobs::None, ..Claims::default() },
        network: Network::Allowed,
        privilege: Privilege::User,
        timeout_seconds: None,
        optional: false,
        weight: 10,
    }
}

/// What is brought for the case as a whole comes with each of its components.
pub(super) fn all_components(cx: &PlanCx<'_>) -> Vec<ComponentName> {
    cx.known.case.components.keys().cloned().collect()
}
