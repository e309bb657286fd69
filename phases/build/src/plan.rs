//! What `build` will do.

mod accelerators;
mod fed;
mod preflight;
mod python;
mod steps;
mod third_party;
mod xmake;

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use engine::planning::{Known, PlanCx, PlanError, PlannedSource, Requirements};
use engine::python_home::python_home;
use indexmap::IndexMap;
use model::case::{Component, Driver, OptionValue, SourceSpec};
use model::catalog;
use model::cuda::CUDA;
use model::plan::{
    Action, Claims, Freshness, Jobs, Need, Network, Phase, Privilege, Probe, Step, WorkingCopy,
};
use model::{ComponentName, SourceName, StepId};

use crate::components::{self, Recipe, recipe};
use crate::cuda::{self, Toolkit};
use crate::drivers::xmake::XMAKE;
use crate::drivers::{self, Subject};
use crate::environment::{cache_program, environment};

/// A component with what was settled about it.
struct Planned<'a> {
    name: &'a ComponentName,
    component: &'a Component,
    recipe: Option<&'static dyn Recipe>,
    driver: Driver,
    source: SourceName,
    prefix: Utf8PathBuf,
}

/// What the components of a case need of `deps`.
///
/// # Errors
/// When the case asks for something that does not exist.
pub fn requirements(known: &Known<'_>) -> Result<Requirements, PlanError> {
    let mut requirements = Requirements::default();
    let mut needs: BTreeMap<String, Need> = BTreeMap::new();
    for planned in in_order(known)? {
        for need in component_needs(known, &planned, Phase::Deps)? {
            match needs.get_mut(&need.name) {
                Some(known) => {
                    known.wanted_by.extend(need.wanted_by);
                    known.optional &= need.optional;
                }
                None => {
                    needs.insert(need.name.clone(), need);
                }
            }
        }
        for source in std::iter::once(planned.source.clone()).chain(fed::sources(planned.component)) {
            let users = requirements.sources.entry(source).or_default();
            if !users.components.contains(planned.name) {
                users.components.push(planned.name.clone());
            }
            users.required |= !planned.component.optional;
        }
        if planned.driver == Driver::Cargo && !requirements.crates.contains(&planned.source) {
            requirements.crates.push(planned.source.clone());
            if let Some(known) = planned.recipe.and_then(Recipe::subdirectory) {
                requirements.crate_directories.insert(planned.source.clone(), known.into());
            }
        }
        requirements.ninja |= needs.contains_key("ninja");
        xmake::require(known, &planned, &mut needs, &mut requirements);
        // `deps` brings it as a toolchain, and preflight looks for it with what a plan knows of it.
        if needs.remove(CUDA).is_some() {
            requirements.cuda.components.push(planned.name.clone());
            requirements.cuda.required |= !planned.component.optional;
        }
    }
    xmake::require_source(known, &mut requirements);
    requirements.needs = needs.into_values().collect();
    Ok(requirements)
}

/// Plans `build`. The steps that unpack sources were added before.
///
/// # Errors
/// When the case asks for something that does not exist or does not fit together.
pub fn plan(cx: &mut PlanCx<'_>) -> Result<(), PlanError> {
    let known = cx.known;
    let ordered = in_order(&known)?;
    let gates: Vec<StepId> = ordered.iter().map(|planned| step_id(planned.name, "preflight")).collect();
    let python = python::environment(cx, &gates);
    // Each looks for room for all that is built before it as well: together they look for the sum.
    let mut disk = Vec::new();
    for planned in &ordered {
        disk.push(preflight::disk_estimate(&known, planned, cx)?);
        let step = preflight::step(&known, planned, disk.clone(), cx)?;
        cx.add(step);
    }
    for planned in &ordered {
        component(cx, planned, &ordered, &gates, python.as_ref())?;
    }
    Ok(())
}

/// The recipe's options with the case's over them.
fn options(planned: &Planned<'_>) -> IndexMap<String, OptionValue> {
    let mut options = planned.recipe.map(Recipe::options).unwrap_or_default();
    options.extend(planned.component.options.iter().map(|(key, value)| (key.clone(), value.clone())));
    options
}

/// The directory in the source where the build files lie, if not the top.
fn subdirectory<'a>(planned: &Planned<'a>) -> Option<&'a Utf8Path> {
    components::subdirectory(planned.component, planned.recipe)
}

fn step_id(component: &ComponentName, verb: &str) -> StepId {
    StepId::new(format!("build/{component}/{verb}"))
}

/// Components in an order in which each stands on those before it.
fn in_order<'a>(known: &Known<'a>) -> Result<Vec<Planned<'a>>, PlanError> {
    let components = &known.case.components;
    let mut ordered: Vec<&ComponentName> = Vec::new();
    let mut open: Vec<&ComponentName> = Vec::new();
    for name in components.keys() {
        settle(known, name, &mut ordered, &mut open)?;
    }
    let ordered = ordered
        .into_iter()
        .map(|name| {
            let component = &components[name];
            let recipe = recipe(name.as_str(), component);
            let Some(driver) = component.driver.or(recipe.map(Recipe::driver)) else {
                return Err(PlanError::new(
                    format!("components.{name}"),
                    format!("component `{name}` has no built-in recipe and says no driver"),
                    format!(
                        "add `driver = \"…\"` (one of {}); recipes that are built in: {}",
                        Driver::words(),
                        crate::recipes().join(", ")
                    ),
                ));
            };
            let source = component.source.clone().unwrap_or_else(|| SourceName::new(name.as_str()));
            let place = || match driver {
                Driver::Python => python_home(known).prefix,
                _ => known.layout.prefix.clone(),
            };
            let prefix = component.prefix.clone().unwrap_or_else(place);
            Ok(Planned { name, component, recipe, driver, source, prefix })
        })
        .collect::<Result<Vec<Planned<'a>>, PlanError>>()?;
    for planned in &ordered {
        after_its_libraries(planned, &ordered)?;
    }
    Ok(ordered)
}

/// What a component's options take from another component of the case has to be installed before it is configured.
fn after_its_libraries(planned: &Planned<'_>, all: &[Planned<'_>]) -> Result<(), PlanError> {
    let Some(recipe) = planned.recipe else { return Ok(()) };
    let name = planned.name;
    let wanted = recipe.builds_on(&options(planned));
    let needed = closure(planned, all);
    let follows = |other: &Planned<'_>| other.recipe.is_some_and(|recipe| wanted.contains(&recipe.name()));
    let missed =
        all.iter().find(|other| follows(other) && !needed.iter().any(|known| known.name == other.name));
    let Some(other) = missed else { return Ok(()) };
    Err(PlanError::new(
        format!("components.{name}.needs"),
        format!("component `{name}` is to use `{}` of this case, which is not among its `needs`", other.name),
        format!("add \"{}\" to `needs` in [components.{name}]", other.name),
    ))
}

fn settle<'a>(
    known: &Known<'a>,
    name: &'a ComponentName,
    ordered: &mut Vec<&'a ComponentName>,
    open: &mut Vec<&'a ComponentName>,
) -> Result<(), PlanError> {
    if ordered.contains(&name) {
        return Ok(());
    }
    if open.contains(&name) {
        let circle: Vec<&str> = open.iter().map(|name| name.as_str()).chain([name.as_str()]).collect();
        return Err(PlanError::new(
            format!("components.{name}.needs"),
            format!("components need each other in a circle: {}", circle.join(" → ")),
            "break the circle of `needs`",
        ));
    }
    open.push(name);
    for need in &known.case.components[name].needs {
        let Some((need, _)) = known.case.components.get_key_value(need) else {
            let names = known.case.components.keys().map(ComponentName::as_str);
            let nearest = names.min_by_key(|other| strsim::damerau_levenshtein(other, need.as_str()));
            return Err(PlanError::new(
                format!("components.{name}.needs"),
                format!("component `{name}` needs `{need}`, which the case does not declare"),
                nearest.map_or_else(String::new, |nearest| format!("did you mean `{nearest}`?")),
            ));
        };
        settle(known, need, ordered, open)?;
    }
    open.pop();
    ordered.push(name);
    Ok(())
}

/// What a component needs of the distribution, by catalog name.
fn system<'a>(known: &Known<'_>, planned: &'a Planned<'_>) -> BTreeSet<&'a str> {
    let Planned { component, recipe, driver, .. } = planned;
    let mut names: BTreeSet<&str> = drivers::system(*driver, component).into_iter().collect();
    if let Some(recipe) = recipe {
        names.extend(recipe.system(component, known.target));
    }
    names.extend(component.system.iter().map(String::as_str));
    names.extend(accelerators::active(planned).into_iter().flat_map(|row| &row.system).map(String::as_str));
    if *driver == Driver::Xmake && !xmake::is_built(known, component) {
        names.insert(XMAKE);
    }
    if names.contains(CUDA) {
        // nvcc leaves the host's part to it.
        names.insert("cxx-compiler");
    }
    names
}

/// The CUDA toolkit that a component is built with, if it asks for one.
fn cuda_toolkit(known: &Known<'_>, planned: &Planned<'_>) -> Option<Toolkit> {
    system(known, planned).contains(CUDA).then(|| cuda::toolkit(known, planned.component))
}

fn component_needs(known: &Known<'_>, planned: &Planned<'_>, phase: Phase) -> Result<Vec<Need>, PlanError> {
    let Planned { name, component, .. } = planned;
    let mut names = system(known, planned);
    let of_packages = xmake::system(known, planned);
    names.extend(of_packages.iter().map(String::as_str));
    names.extend(known.case.toolchains.compiler_cache.map(cache_program));
    if python::wants_headers_of_distribution(known, planned) {
        names.insert("python3-dev");
    }
    if phase == Phase::Deps {
        names.extend(third_party::rows(known, planned));
    }
    names
        .into_iter()
        .map(|row| {
            if row == CUDA {
                return Ok(cuda::toolkit(known, component).need(name.as_str()));
            }
            let mut need = known.system_need(row, name.as_str());
            if let (Some(Need { name, probe: Some(Probe::Tool { minimum, .. }), .. }), Some(lowest)) =
                (&mut need, &known.case.toolchains.cmake.minimum)
            {
                if name == "cmake" {
                    *minimum = Some(lowest.clone());
                }
            }
            if let Some(need) = &mut need {
                need.optional = component.optional;
                xmake::at_least(known, planned, need);
            }
            need.ok_or_else(|| {
                let rows = catalog::entries().keys();
                let nearest = rows.min_by_key(|other| strsim::damerau_levenshtein(other, row));
                PlanError::new(
                    format!("components.{name}.system"),
                    format!("`{row}` is not a row of the catalog"),
                    format!(
                        "did you mean `{}`? a package by its own name is written `apt:{row}`",
                        nearest.map_or("", String::as_str)
                    ),
                )
            })
        })
        .collect()
}

/// What runs a tool of the case, or of pip, takes a job token. What looks, copies or checks would wait for one behind a
/// compile of an hour, and holds up all that comes after it.
fn jobs(action: &Action) -> Jobs {
    match action {
        Action::Exec(_) | Action::InstallWheels(_) | Action::StageWheels(_) => Jobs::One,
        _ => Jobs::None,
    }
}

fn template(known_phase: Phase, name: &ComponentName, verb: &str, title: String, action: Action) -> Step {
    let claims = Claims { jobs: jobs(&action), ..Claims::default() };
    Step {
        id: step_id(name, verb),
        phase: known_phase,
        component: Some(name.clone()),
        serves: Vec::new(),
        title,
        needs: Vec::new(),
        after: Vec::new(),
        action,
        freshness: Freshness::Fingerprinted,
        inputs: Vec::new(),
        outputs: Vec::new(),
        scratch: Vec::new(),
        claims,
        network: Network::Denied,
        privilege: Privilege::User,
        timeout_seconds: None,
        optional: false,
        weight: 1,
    }
}

/// The directory of the user's that a source is, if it is one.
pub(crate) fn users_directory(known: &Known<'_>, source: &SourceName) -> Option<Utf8PathBuf> {
    match known.case.sources.get(source)?.as_slice() {
        [SourceSpec::Path { path, .. }] => Some(known.layout.case_dir.join(path)),
        _ => None,
    }
}

/// An editable install is for those who work on a component, where they do.
fn editable(known: &Known<'_>, planned: &Planned<'_>) -> Result<(), PlanError> {
    let refused = |message: String, help: String| {
        Err(PlanError::new(format!("components.{}.editable", planned.name), message, help))
    };
    if !planned.recipe.is_some_and(Recipe::has_editable_install) {
        let message = format!("component `{}` has no editable install", planned.name);
        return refused(
            message,
            "remove `editable`: `installer build` compiles and installs what was edited".to_owned(),
        );
    }
    if known.target.image_build {
        let message = format!(
            "an editable install of `{}` in an image would be links to a directory that is not in it",
            planned.name
        );
        let help = format!("build the image with --set components.{}.editable=false", planned.name);
        return refused(message, help);
    }
    Ok(())
}

fn component(
    cx: &mut PlanCx<'_>,
    planned: &Planned<'_>,
    all: &[Planned<'_>],
    gates: &[StepId],
    python: Option<&StepId>,
) -> Result<(), PlanError> {
    let known = cx.known;
    let phase = cx.phase;
    let Planned { name, component, recipe, driver, .. } = planned;
    let layout = known.layout;
    let source = cx.source(&planned.source, name.as_str())?;
    let needed = closure(planned, all);
    let mut prefixes: Vec<Utf8PathBuf> = Vec::new();
    for need in &needed {
        if !prefixes.contains(&need.prefix) {
            prefixes.push(need.prefix.clone());
        }
    }
    if let Some(why) = planned.recipe.and_then(Recipe::white_space_in_prefix) {
        let prefix = &planned.prefix;
        if prefix.as_str().contains(char::is_whitespace) {
            return Err(PlanError::new(
                format!("components.{name}"),
                format!("the prefix `{prefix}` has white space in it: {why}"),
                "choose a prefix without white space; other directories may have it",
            ));
        }
    }
    let mut before: Vec<StepId> = vec![step_id(name, "preflight")];
    before.extend(source.needs.iter().cloned());
    before.extend(component.needs.iter().map(|need| step_id(need, "commit")));
    if python::uses_python(&known, planned) {
        let Some(environment) = python else {
            return Err(PlanError::new(
                format!("components.{name}"),
                format!(
                    "component `{name}` is built with Python, and the case has no packages for an environment"
                ),
                "add a [python] section with `packages`: what it is built against (numpy)",
            ));
        };
        before.push(environment.clone());
    }

    let mut tree = source.tree.clone();
    let mut inputs = source.inputs.clone();
    // Commands that a user spells out may write where they like, and some projects configure files into their own
    // source: what is the user's own is copied as well.
    if matches!(driver, Driver::Command | Driver::Xmake) || source.mounted {
        let copy = working_copy(phase, planned, &source, layout, gates);
        tree = layout.working_copy(name);
        inputs.clear();
        before.push(cx.add(copy));
    }
    let fed = fed::plan(cx, planned, gates)?;
    before.extend(fed.needs);
    let mut options = options(planned);
    for (key, value) in fed.options {
        options.entry(key).or_insert(value);
    }
    if let Some(recipe) = recipe {
        for (key, value) in recipe.derived(&options, component, &known) {
            options.entry(key).or_insert(value);
        }
    }
    let cuda = cuda_toolkit(&known, planned);
    if let (Some(recipe), Some(cuda)) = (recipe, &cuda) {
        for (key, value) in recipe.cuda(&options, cuda) {
            options.entry(key).or_insert(value);
        }
    }
    accelerators::settle(cx, planned, &mut options)?;
    if let Some(recipe) = recipe {
        recipe.notes(&options).into_iter().for_each(|note| cx.note(note));
    }
    if component.app.is_some() && !recipe.is_some_and(Recipe::has_application) {
        return Err(PlanError::new(
            format!("components.{name}.app"),
            format!("component `{name}` has no application root"),
            "remove `app`, or write `recipe = \"infinilm-svc\"` if it is that",
        ));
    }
    if component.skip_recipe_checks && recipe.is_none() {
        return Err(PlanError::new(
            format!("components.{name}.skip_recipe_checks"),
            format!("component `{name}` follows no recipe, whose checks could be left out"),
            "remove it, or write `recipe = \"…\"` beside the `driver` that keeps the recipe of that name away",
        ));
    }
    if component.editable {
        editable(&known, planned)?;
    }
    let source_tree = subdirectory(planned).map_or_else(|| tree.clone(), |below| tree.join(below));
    for value in options.values_mut() {
        for text in value.texts_mut() {
            *text = fed::with_trees(text, planned, layout)
                .replace("{source}", source_tree.as_str())
                .replace("{build}", layout.build_tree(name).as_str())
                .replace("{prefix}", planned.prefix.as_str());
        }
    }
    let mut environment = environment(&known, component, *driver, &prefixes);
    if let Some(cuda) = &cuda {
        cuda.extend(&mut environment);
    }
    accelerators::extend(&mut environment, &known, planned, &options);
    let subject = Subject {
        known: &known,
        name,
        facts: known.facts.get(&planned.source),
        component,
        recipe: *recipe,
        options,
        tree,
        source: source_tree,
        build: layout.build_tree(name),
        staging: layout.staging(name),
        prefix: planned.prefix.clone(),
        environment,
        cuda,
        prefixes,
    };
    let mut built = drivers::built(*driver, &subject)?;
    if let Some(recipe) = recipe {
        recipe.amend(&mut built, &subject)?;
    }
    if built.configure.is_empty() && !component.files.is_empty() {
        return Err(PlanError::new(
            format!("components.{name}.files"),
            format!("component `{name}` is not configured, so that no files can be put before that"),
            "remove `files`, or choose a driver that configures: autotools, cmake, meson, or command with `configure`",
        ));
    }
    built.configure.splice(0..0, fed::commands(&subject));
    if let Some(recipe) = recipe {
        recipe.notes_of(&subject).into_iter().for_each(|note| cx.note(note));
    }
    let steps = steps::of_component(phase, planned, &subject, built, before, inputs, python);
    for mut step in steps {
        // A component may use the environment, but a wheel more or less does not change what is compiled.
        let before = gates.iter().chain(python).filter(|gate| !step.needs.contains(gate));
        step.after.extend(before.cloned());
        if step.id == step_id(name, "configure") {
            step.inputs.extend(fed.inputs.iter().cloned());
        }
        step.optional = component.optional;
        cx.add(step);
    }
    Ok(())
}

/// Needed components, and what they need, each once, nearest first.
fn closure<'a, 'b>(planned: &Planned<'_>, all: &'b [Planned<'a>]) -> Vec<&'b Planned<'a>> {
    let mut found: Vec<&Planned<'a>> = Vec::new();
    let mut queue: Vec<&ComponentName> = planned.component.needs.iter().collect();
    while !queue.is_empty() {
        let name = queue.remove(0);
        if found.iter().any(|known| known.name == name) {
            continue;
        }
        if let Some(need) = all.iter().find(|other| other.name == name) {
            found.push(need);
            queue.extend(need.component.needs.iter());
        }
    }
    found
}

fn working_copy(
    phase: Phase,
    planned: &Planned<'_>,
    source: &PlannedSource,
    layout: &model::layout::Layout,
    gates: &[StepId],
) -> Step {
    let into = layout.working_copy(planned.name);
    let action = working_copy_of(source.tree.clone(), into.clone());
    let title = format!("bring the working copy of {} in line with its source", planned.source);
    let mut step = template(phase, planned.name, "copy", title, action);
    step.needs = source.needs.clone();
    step.after = gates.to_vec();
    step.inputs = source.inputs.clone();
    step.outputs = vec![into];
    step.optional = planned.component.optional;
    step
}

fn working_copy_of(from: Utf8PathBuf, into: Utf8PathBuf) -> Action {
    Action::WorkingCopy(WorkingCopy { from, into })
}
