//! Which steps of a plan are wanted.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use model::case::Case;
use model::plan::{Action, Need, Phase, Plan, Step};
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
    /// The selection for one phase. In `build` what a component needs comes with its steps; in `deps` nothing says that
    /// what is brought for another component is needed as well, so that those are named too.
    #[must_use]
    pub fn of_phase(&self, phase: Phase, case: &Case) -> Self {
        let mut selection = self.clone();
        if phase == Phase::Build {
            return selection;
        }
        let mut next = 0;
        while let Some(word) = selection.only.get(next) {
            let component =
                case.components.iter().find(|(name, _)| name.as_str() == word.trim_end_matches('/'));
            let needs = component.map(|(_, component)| component.needs.clone()).unwrap_or_default();
            for need in needs {
                if !selection.only.iter().any(|known| known == need.as_str()) {
                    selection.only.push(need.to_string());
                }
            }
            next += 1;
        }
        selection
    }

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

    /// The plan, in which the look at the disk counts the components that are wanted and no others, and packages of the
    /// distribution are those that they need.
    pub fn narrowed<'a>(&self, plan: &'a Plan) -> Cow<'a, Plan> {
        if self.only.is_empty() && self.skip.is_empty() {
            return Cow::Borrowed(plan);
        }
        let wanted = self.wanted(plan);
        let steps = plan.steps.iter().filter(|step| wanted.contains(&step.id));
        let components: BTreeSet<&ComponentName> = steps.filter_map(|step| step.component.as_ref()).collect();
        let mut narrowed = plan.clone();
        for step in &mut narrowed.steps {
            let named = self.only.is_empty() || self.only.iter().any(|word| Self::names(word, step));
            match &mut step.action {
                Action::Preflight(preflight) if !preflight.disk_for.is_empty() => {
                    preflight.disk_for.retain(|estimate| components.contains(&estimate.component));
                    preflight.disk_mib = preflight.disk_for.iter().map(|estimate| estimate.mib).sum();
                }
                Action::EnsurePackages(packages) if !named => {
                    let before = packages.needs.len();
                    packages.needs.retain(|need| self.needs(need, plan, &wanted));
                    let (before, after) = (before.to_string(), packages.needs.len().to_string());
                    step.title = step.title.replacen(&before, &after, 1);
                }
                _ => {}
            }
        }
        Cow::Owned(narrowed)
    }

    /// Whether what is selected needs this of the distribution: for a component, for fetching and resolving what it needs,
    /// or because the case lists it, which says nothing of who needs it.
    fn needs(&self, need: &Need, plan: &Plan, wanted: &BTreeSet<StepId>) -> bool {
        let runs = |of: fn(&Action) -> bool| {
            plan.steps.iter().any(|step| of(&step.action) && wanted.contains(&step.id))
        };
        need.wanted_by.iter().any(|asker| match asker.as_str() {
            "case" => true,
            "sources" => runs(|action| matches!(action, Action::FetchSource(_))),
            "python" => runs(|action| matches!(action, Action::FetchWheels(_))),
            component => self.only.iter().any(|word| word.trim_end_matches('/') == component),
        })
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
