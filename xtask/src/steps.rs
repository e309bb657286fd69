//! Which components and steps the words of a command line mean.

use engine::Selection;
use model::ComponentName;
use model::nearest::{closest, nearest};
use model::plan::{Plan, Step};

use crate::error::{Error, Result};
use crate::load::Setting;

/// Words of --only and --skip that mean nothing are mistakes.
pub fn known_words(selection: &Selection, plans: &[Plan], setting: &Setting) -> Result<()> {
    let plans: Vec<&Plan> = plans.iter().collect();
    let mut unknown = selection.unknown(&plans);
    // A component that nothing has to be brought for has no step in `deps`.
    unknown.retain(|word| !setting.case().components.keys().any(|name| name.as_str() == *word));
    if unknown.is_empty() {
        return Ok(());
    }
    let mut names: Vec<String> = plans
        .iter()
        .flat_map(|plan| &plan.steps)
        .filter_map(|step| Some(step.component.as_ref()?.to_string()))
        .collect();
    names.sort();
    names.dedup();
    let known =
        if names.is_empty() { String::new() } else { format!("components are: {}; ", names.join(", ")) };
    let meant = nearest(unknown[0], names.iter().map(String::as_str));
    let meant = meant.map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
    Err(Error::usage(format!("there is no component or step {}", unknown.join(", ")))
        .with_help(format!("{meant}{known}`installer plan {}` lists the steps", setting.whole_case)))
}

/// Which steps a word that is no step's id was probably meant to be: those of a component, those that end with it, or the
/// one that is spelled most like it.
pub fn meant<'a>(steps: impl Iterator<Item = &'a Step>, wanted: &str) -> String {
    let steps: Vec<&Step> = steps.collect();
    let listed = |which: &dyn Fn(&Step) -> bool| {
        let mut ids: Vec<&str> = Vec::new();
        for step in steps.iter().filter(|step| which(step)) {
            if !ids.contains(&step.id.as_str()) {
                ids.push(step.id.as_str());
            }
        }
        (!ids.is_empty()).then(|| ids.join(", "))
    };
    let word = wanted.trim_matches('/');
    let of_component = |step: &Step| step.component.as_ref().is_some_and(|name| name.as_str() == word);
    if let Some(ids) = listed(&of_component) {
        return format!("the steps of {word} are {ids}");
    }
    let ends = |step: &Step| step.id.as_str().strip_suffix(word).is_some_and(|rest| rest.ends_with('/'));
    let begins = |step: &Step| step.id.as_str().strip_prefix(word).is_some_and(|rest| rest.starts_with('/'));
    if let Some(ids) = listed(&ends).or_else(|| listed(&begins)) {
        return format!("did you mean {ids}?");
    }
    let components = steps.iter().filter_map(|step| step.component.as_ref());
    if let Some(name) = nearest(word, components.map(ComponentName::as_str)) {
        let of_it = |step: &Step| step.component.as_ref().is_some_and(|other| other.as_str() == name);
        return format!("did you mean `{name}`? Its steps are {}", listed(&of_it).unwrap_or_default());
    }
    let ids = steps.iter().map(|step| step.id.as_str());
    let nearest = closest(wanted, ids, None).unwrap_or_default();
    format!("did you mean `{nearest}`?")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_component_and_a_verb_lead_to_their_steps() {
        let step = |id: &str, component: Option<&str>| -> Step {
            serde_json::from_value(json!({
                "id": id, "phase": "build", "component": component, "title": "t", "freshness": "fingerprinted",
                "network": "denied", "action": { "kind": "exec", "commands": [] },
            }))
            .unwrap()
        };
        let steps = [
            step("deps/wheels", None),
            step("build/shapes/configure", Some("shapes")),
            step("build/shapes/compile", Some("shapes")),
            step("build/area/compile", Some("area")),
        ];
        let told = |wanted: &str| meant(steps.iter(), wanted);
        assert_eq!(told("shapes"), "the steps of shapes are build/shapes/configure, build/shapes/compile");
        assert_eq!(told("compile"), "did you mean build/shapes/compile, build/area/compile?");
        assert_eq!(told("build/shapes"), "did you mean build/shapes/configure, build/shapes/compile?");
        assert_eq!(told("build/shapes/comple"), "did you mean `build/shapes/compile`?");
    }
}
