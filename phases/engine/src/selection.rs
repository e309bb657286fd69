//! Which steps of a plan are wanted.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use model::plan::{Action, Phase, Plan, Step};
use model::{ComponentName, StepId};

/// Which steps are wanted: by component, by step id, or by the beginning of one (`deps`, `build/ffmpeg`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these, and what they need; empty: all.
    pub only: Vec<String>,
    /// Not these.
    pub skip: Vec<String>,
}

/// Steps of `build` that only look and cannot be acted on: all of them are looked at before anything is compiled.
pub(crate) fn is_gate(step: &Step) -> bool {
    step.phase == Phase::Build && matches!(step.action, Action::Preflight(_))
}

impl Selection {
    /// Whether a word names a step by its id, or by the component that it builds.
    fn names(word: &str, step: &Step) -> bool {
        let word = word.trim_end_matches('/');
        let id = step.id.as_str();
        step.component.as_ref().is_some_and(|component| component.as_str() == word)
            || id == word
            || id.strip_prefix(word).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether a word asks for a step: what a component needs of `deps` comes with the component.
    fn matches(word: &str, step: &Step) -> bool {
        Self::names(word, step) || step.serves.iter().any(|component| component.as_str() == word)
    }

    fn skips(&self, step: &Step) -> bool {
        let skipped =
            |component: &model::ComponentName| self.skip.iter().any(|word| word == component.as_str());
        // What serves several components is left out with the last of them.
        let serves_skipped = !step.serves.is_empty() && step.serves.iter().all(skipped);
        serves_skipped || self.skip.iter().any(|word| Self::names(word, step))
    }

    /// Words of `--only` and `--skip` that no step of these plans answers to.
    pub fn unknown<'a>(&'a self, plans: &[&Plan]) -> Vec<&'a str> {
        let known =
            |word: &str| plans.iter().any(|plan| plan.steps.iter().any(|step| Self::matches(word, step)));
        self.only.iter().chain(&self.skip).map(String::as_str).filter(|word| !known(word)).collect()
    }

    /// The plan, in which the look at the disk counts the components that are wanted and no others.
    pub(crate) fn narrowed<'a>(&self, plan: &'a Plan) -> Cow<'a, Plan> {
        if self.only.is_empty() && self.skip.is_empty() {
            return Cow::Borrowed(plan);
        }
        let wanted = self.wanted(plan);
        let steps = plan.steps.iter().filter(|step| wanted.contains(&step.id));
        let components: BTreeSet<&ComponentName> = steps.filter_map(|step| step.component.as_ref()).collect();
        let mut narrowed = plan.clone();
        for step in &mut narrowed.steps {
            if let Action::Preflight(preflight) = &mut step.action {
                if !preflight.disk_for.is_empty() {
                    preflight.disk_for.retain(|estimate| components.contains(&estimate.component));
                    preflight.disk_mib = preflight.disk_for.iter().map(|estimate| estimate.mib).sum();
                }
            }
        }
        Cow::Owned(narrowed)
    }

    /// The steps of a plan that are wanted.
    pub fn wanted(&self, plan: &Plan) -> BTreeSet<StepId> {
        let mut wanted: BTreeSet<StepId> = BTreeSet::new();
        let positions: BTreeMap<&StepId, &Step> = plan.steps.iter().map(|step| (&step.id, step)).collect();
        // From the end, so that what a wanted step needs is wanted before it is looked at.
        for step in plan.steps.iter().rev() {
            let asked = self.only.is_empty() || self.only.iter().any(|word| Self::matches(word, step));
            if (asked || wanted.contains(&step.id)) && !self.skips(step) {
                wanted.insert(step.id.clone());
                wanted.extend(step.needs.iter().chain(&step.proven).cloned());
                if !self.only.is_empty() {
                    // What brings an input (a fetch before its unpack) belongs to it; gates of others do not.
                    let of_others = |before: &Step| {
                        let serves = step
                            .component
                            .as_ref()
                            .is_some_and(|component| before.serves.contains(component));
                        is_gate(before) && before.component != step.component && !serves
                    };
                    let own = step
                        .after
                        .iter()
                        .filter(|id| positions.get(id).is_some_and(|before| !of_others(before)));
                    wanted.extend(own.cloned());
                }
            } else {
                wanted.remove(&step.id);
            }
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_look_at_the_disk_comes_with_a_component_and_counts_it_alone() {
        let step = |id: &str, component: Option<&str>, after: &[&str], action: serde_json::Value| {
            serde_json::json!({
                "id": id, "phase": "build", "title": id, "freshness": "observed", "network": "denied",
                "component": component, "after": after, "action": action,
            })
        };
        let look = |disk_for: serde_json::Value| {
            serde_json::json!({
                "kind": "preflight", "manager": null, "needs": [], "paths": [], "disk_mib": 5, "disk_for": disk_for,
            })
        };
        let estimate = |component: &str, mib: u64| serde_json::json!({ "component": component, "mib": mib, "by_source": null, "taken": [] });
        let compile = || serde_json::json!({ "kind": "exec", "commands": [] });
        let mut all = step(
            "build/preflight",
            None,
            &["build/a/preflight", "build/b/preflight"],
            look(serde_json::json!([estimate("a", 2), estimate("b", 3)])),
        );
        all["serves"] = serde_json::json!(["a", "b"]);
        let plan: Plan = serde_json::from_value(serde_json::json!({
            "schema": 1, "case": "c", "phase": "build", "target": "t", "notes": [],
            "steps": [
                step("build/a/preflight", Some("a"), &[], look(serde_json::json!([]))),
                step("build/b/preflight", Some("b"), &[], look(serde_json::json!([]))),
                all,
                step("build/a/compile", Some("a"), &["build/preflight"], compile()),
                step("build/b/compile", Some("b"), &["build/preflight"], compile()),
            ],
        }))
        .unwrap();
        let counted = |only: &str| {
            let selection = Selection { only: vec![only.to_owned()], skip: Vec::new() };
            let wanted = selection.wanted(&plan);
            let Action::Preflight(look) = &selection.narrowed(&plan).steps[2].action else { panic!() };
            (wanted.into_iter().map(|id| id.to_string()).collect::<Vec<_>>(), look.disk_mib)
        };
        let (wanted, mib) = counted("b");
        assert_eq!(wanted, ["build/b/compile", "build/b/preflight", "build/preflight"]);
        assert_eq!(mib, 3);
        let (wanted, mib) = counted("build/a/compile");
        assert_eq!(wanted, ["build/a/compile", "build/preflight"]);
        assert_eq!(mib, 2);
    }
}
