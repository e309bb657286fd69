//! When a step that cannot share job tokens begins.
//!
//! What it leases is final: a compile that begins with one token, because others hold the rest for another minute, has
//! one to its end, an hour later. Waiting costs nothing as long as those others use the machine.

use model::StepId;
use model::plan::{Jobs, Plan};

/// Whether to begin with `free` of `size` tokens: when that is all of them, or when what else there is to do (`beside`,
/// by weight) fills the others for about as long as the step itself (`own`) then takes.
pub(super) fn is_enough(free: u32, size: u32, own: u64, beside: u64) -> bool {
    let (free, rest) = (u64::from(free), u64::from(size.saturating_sub(free)));
    rest == 0 || own * rest * 3 <= beside * free * 4
}

/// The weight of all steps that are `unfinished` and do not wait for this one to end.
pub(super) fn beside(
    plan: &Plan,
    index: usize,
    position: impl Fn(&StepId) -> Option<usize>,
    unfinished: impl Fn(usize) -> bool,
) -> u64 {
    let mut behind = vec![false; plan.steps.len()];
    let mut weight = 0;
    // Every need comes before what needs it.
    for (other, step) in plan.steps.iter().enumerate() {
        behind[other] =
            other == index || step.waits_for().any(|id| position(id).is_some_and(|at| behind[at]));
        if !behind[other] && unfinished(other) {
            weight += u64::from(step.weight);
        }
    }
    weight
}

/// Whether a step takes what tokens it can get for long, so that one that waits for tokens would wait for it as well.
pub(super) fn would_delay(jobs: Jobs) -> bool {
    matches!(jobs, Jobs::Jobserver | Jobs::Lease)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_compile_waits_for_a_short_one_and_a_short_one_begins_beside_a_long_one() {
        // InfiniCore beside InfiniLM-SVC on two cores.
        assert!(!is_enough(1, 2, 900, 390));
        assert!(is_enough(2, 2, 900, 390));
        // x265 beside the other codecs.
        assert!(is_enough(1, 2, 150, 200));
        // What is left over of many cores, and nearly all of them.
        assert!(!is_enough(4, 64, 900, 390));
        assert!(is_enough(63, 64, 900, 390));
        assert!(!is_enough(0, 2, 900, 390));
    }

    #[test]
    fn what_waits_for_a_step_and_what_is_done_does_not_fill_the_machine_beside_it() {
        let step = |id: &str, needs: &[&str], weight: u32| {
            serde_json::json!({
                "id": id, "phase": "build", "title": "t", "freshness": "fingerprinted", "network": "denied",
                "needs": needs, "weight": weight, "action": { "kind": "exec", "commands": [] },
            })
        };
        let plan: Plan = serde_json::from_value(serde_json::json!({
            "schema": 1, "case": "c", "phase": "build", "target": "t", "notes": [],
            "steps": [
                step("done", &[], 1), step("core", &["done"], 10), step("service", &["done"], 100),
                step("models", &["core"], 1000), step("front", &["models", "service"], 10000),
                step("tail", &["service"], 100_000),
            ],
        }))
        .unwrap();
        let position = |id: &StepId| plan.steps.iter().position(|step| step.id == *id);
        assert_eq!(beside(&plan, 1, position, |other| other != 0), 100_100);
    }
}
