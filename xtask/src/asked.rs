//! What a case asks for, each with its place, for the account at the end of a run.

use engine::python_home::{optional_wheels_component, wheels_component};
use model::ComponentName;
use model::asked::{Kind, Request, Required};
use model::case::{Check, Component, Loaded, OptionValue};
use model::plan::{Action, Plan, Verify};
use model::requirements::{Asked, Place, Says};
use model::shell;

/// Characters of a check that name it.
const LABEL: usize = 72;

/// Writes down in a plan what the case asks for, and in its verifications which requirements an environment has to
/// meet.
pub fn note(plan: &mut Plan, loaded: &Loaded, packages: &[Asked]) {
    let mut asked = Vec::new();
    for (name, component) in &loaded.case.components {
        let of = |kind, what: String, path: &[&str], number| {
            let path = [&["components", name.as_str()], path].concat();
            Request { kind, of: name.clone(), what, place: loaded.place(&path), number }
        };
        asked.push(of(Kind::Component, name.to_string(), &[], None));
        for (what, path) in options(component) {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            asked.push(of(Kind::Option, what, &path, None));
        }
        // Those of hooks and of conditions stand before the component's own.
        let planned = verification(plan, name).map_or(0, |verify| verify.checks.len());
        let before = planned.saturating_sub(component.checks.len());
        for (index, check) in component.checks.iter().enumerate() {
            let path = ["checks", &index.to_string()];
            asked.push(of(Kind::Check, label(check), &path, Some(before + index)));
        }
    }
    let case = plan.case.clone();
    for step in &mut plan.steps {
        let Action::Verify(verify) = &mut step.action else { continue };
        if verify.wheels {
            let wanted = packages.iter().filter(|asked| !asked.limits);
            let of_it = wanted.filter(|asked| environment(&case, asked) == verify.component);
            verify.requirements = of_it.filter_map(|asked| required(loaded, asked)).collect();
        }
    }
    for package in packages.iter().filter(|asked| !asked.limits) {
        let of = environment(&case, package);
        let Some(required) = required(loaded, package) else { continue };
        let number = verification(plan, &of)
            .and_then(|verify| verify.requirements.iter().position(|known| *known == required));
        let Required { text, place } = required;
        asked.push(Request { kind: Kind::Requirement, of, what: text, place, number });
    }
    plan.asked = asked;
}

fn verification<'p>(plan: &'p Plan, component: &ComponentName) -> Option<&'p Verify> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::Verify(verify) if verify.component == *component => Some(verify),
        _ => None,
    })
}

/// The options of a component with the keys that say them, wherever they are written.
fn options(component: &Component) -> Vec<(String, Vec<String>)> {
    let key = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let of_options = component.options.iter().map(|(name, value)| {
        let what = match value {
            OptionValue::Switch(on) => format!("{name}={on}"),
            OptionValue::Number(number) => format!("{name}={number}"),
            OptionValue::Text(text) => format!("{name}={text}"),
            OptionValue::List(list) => format!("{name}={}", list.join(",")),
        };
        (what, key(&["options", name]))
    });
    let of_lists = [("arguments", &component.arguments), ("features", &component.features)];
    let of_lists = of_lists.into_iter().flat_map(|(list, words)| {
        let words = words.iter().enumerate().filter(|(_, word)| word.as_str() != "-D");
        words.map(move |(index, word)| (word.clone(), key(&[list, &index.to_string()]))).collect::<Vec<_>>()
    });
    of_options.chain(of_lists).collect()
}

/// The environment that a package belongs into, by the name that its manifest has.
fn environment(case: &str, asked: &Asked) -> ComponentName {
    match &asked.group {
        Some(group) => optional_wheels_component(case, group),
        None => wheels_component(case),
    }
}

fn required(loaded: &Loaded, asked: &Asked) -> Option<Required> {
    let Says::Requirement(requirement) = &asked.says else { return None };
    let place = match &asked.place {
        Place::Key(key) => loaded.place(&key.split('.').collect::<Vec<_>>()),
        Place::Line { file, number } => format!("{file}:{number}"),
    };
    Some(Required { text: requirement.text()?, place })
}

/// A check in a few words.
fn label(check: &Check) -> String {
    let told = match check {
        Check::Run { command, .. } => shell::words(command),
        Check::SameOutput { right, .. } => shell::words(right),
        Check::Library { name, .. } => name.clone(),
        Check::Http { path, .. } => path.clone(),
    };
    let line = told.lines().next().unwrap_or_default();
    let short: String = line.chars().take(LABEL).collect();
    if short.len() < told.len() { format!("{short}…") } else { short }
}
