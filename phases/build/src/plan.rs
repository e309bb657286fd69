//! What `build` will do.

mod accelerators;
mod fed;
mod python;
mod third_party;
mod xmake;

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use engine::planning::{Known, PlanCx, PlanError, PlannedSource, Requirements};
use engine::python_home::python_home;
use indexmap::IndexMap;
use model::case::{Check, Component, Driver, OptionValue, SourceSpec};
use model::catalog;
use model::cuda::CUDA;
use model::plan::{
    Action, Claims, Commit, DiskEstimate, Exec, ExpectEnabled, Expectation, Freshness, Input, Jobs, Keep,
    Need, Network, Phase, Preflight, Privilege, Probe, RequiredCheckout, RequiredPath, Scratch, Shows,
    StageFiles, Step, Verify, WorkingCopy,
};
use model::verify_level::VerifyLevel;
use model::{ComponentName, SourceName, StepId};

use crate::components::{DISK_MIB, JOB_MEMORY_MIB, Recipe, recipe};
use crate::cuda::{self, Toolkit};
use crate::drivers::xmake::XMAKE;
use crate::drivers::{self, Built, Subject};
use crate::environment::{cache_program, environment, library_directories};

/// What a compile needs at least, in MiB: below it even one job dies.
const MEMORY_MIB: u64 = 512;

/// What one `nvcc` with its device compilers takes at most times, in MiB.
const CUDA_MEMORY_MIB: u64 = 1536;

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
        for source in std::iter::once(&planned.source).chain(fed::sources(planned.component)) {
            let users = requirements.sources.entry(source.clone()).or_default();
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
        disk.push(disk_estimate(&known, planned, cx)?);
        let step = preflight(&known, planned, disk.clone(), cx)?;
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
    let own = || planned.recipe.and_then(Recipe::subdirectory).map(Utf8Path::new);
    planned.component.subdirectory.as_deref().or_else(own)
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
    ordered
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
        .collect()
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

fn template(known_phase: Phase, name: &ComponentName, verb: &str, title: String, action: Action) -> Step {
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
        claims: Claims::default(),
        network: Network::Denied,
        privilege: Privilege::User,
        timeout_seconds: None,
        optional: false,
        weight: 1,
    }
}

fn disk_estimate(
    known: &Known<'_>,
    planned: &Planned<'_>,
    cx: &PlanCx<'_>,
) -> Result<DiskEstimate, PlanError> {
    let layout = known.layout;
    let by_source = match planned.recipe {
        Some(_) => None,
        None => Some(cx.source(&planned.source, planned.name.as_str())?.tree),
    };
    Ok(DiskEstimate {
        component: planned.name.clone(),
        by_source,
        mib: planned.recipe.map_or(DISK_MIB, |recipe| recipe.disk_mib(&options(planned))),
        taken: vec![layout.build_tree(planned.name), layout.committed(planned.name)],
    })
}

fn preflight(
    known: &Known<'_>,
    planned: &Planned<'_>,
    disk_for: Vec<DiskEstimate>,
    cx: &PlanCx<'_>,
) -> Result<Step, PlanError> {
    let source = cx.source(&planned.source, planned.name.as_str())?;
    let mut paths = Vec::new();
    let source_name = &planned.source;
    if source.mounted {
        paths.push(RequiredPath {
            path: source.tree.join(subdirectory(planned).unwrap_or(Utf8Path::new(""))),
            cure: format!("give the directory of its source with --source {source_name}=PATH"),
        });
    } else {
        paths.push(RequiredPath {
            path: known.layout.source_artifacts(source_name).join("source.json"),
            cure: format!(
                "run `installer deps`, which brings the source {source_name}, with the same --artifacts"
            ),
        });
    }
    paths.extend(fed::paths(known, planned, cx)?);
    let mut writable = Vec::new();
    if let Some(recipe) = planned.recipe {
        let of_source = if source.mounted { source.tree.clone() } else { Utf8PathBuf::new() };
        let required = recipe.required_paths(planned.component, &of_source, known);
        // What was fetched is there once it is unpacked.
        paths.extend(required.into_iter().filter(|required| required.path.is_absolute()));
        let roots = recipe.roots(planned.component, &planned.prefix, known);
        writable.extend(roots.into_iter().map(|path| RequiredPath {
            cure: format!(
                "run it as root, make {path} a directory of this user, or install elsewhere: --set components.{}.app.root=DIR",
                planned.name
            ),
            path,
        }));
    }
    let (mut rust, mut crates) = (None, None);
    if planned.driver == Driver::Cargo {
        let demanded = known.facts.get(source_name).and_then(|facts| facts.required_rust());
        let wanted = known.case.toolchains.rust.minimum.clone();
        rust = match (demanded, wanted) {
            (Some(one), Some(other)) => {
                Some(if catalog::version_at_least(&one, &other) { one } else { other })
            }
            (one, other) => one.or(other).or_else(|| Some("1.0".to_owned())),
        };
        let case = &known.case.metadata.name;
        crates = Some(known.layout.fetched_crates_facts(case, source_name));
        paths.push(RequiredPath {
            path: known.layout.fetched_crates(case, source_name),
            cure: format!("run `installer deps`, which fetches the crates that {source_name} locks"),
        });
    }
    let checkout = source.mounted.then(|| RequiredCheckout {
        source: source_name.clone(),
        tree: source.tree.clone(),
        revision: pinned(known, source_name),
        submodules: planned
            .recipe
            .and_then(Recipe::submodules)
            .map(|all| all.iter().map(Utf8PathBuf::from).collect()),
    });
    let action = Action::Preflight(Preflight {
        manager: known.target.package_manager.clone(),
        needs: component_needs(known, planned, Phase::Build)?
            .into_iter()
            // Whether its lack matters is the step's to say.
            .map(|need| Need { optional: false, ..need })
            .collect(),
        rust,
        crates,
        wheels: python::wheels(known, planned),
        project: python::project(known, planned),
        source: third_party::required(known, planned, &source).map(Box::new),
        build_file: third_party::build_file(planned, &source),
        python: python::required(known, planned),
        accelerators: accelerators::required(known, planned)?,
        checkout,
        xmake_packages: xmake::required(known, planned),
        paths,
        disk_mib: disk_for.iter().map(|estimate| estimate.mib).sum(),
        disk_at: known.layout.cache.clone(),
        disk_for,
        memory_mib: MEMORY_MIB,
        writable,
        ..Preflight::default()
    });
    let title = format!("see that all is there to build {}", planned.name);
    let mut step = template(cx.phase, planned.name, "preflight", title, action);
    step.freshness = Freshness::Observed;
    step.claims.jobs = Jobs::None;
    step.optional = planned.component.optional;
    Ok(step)
}

/// The directory of the user's that a source is, if it is one.
fn users_directory(known: &Known<'_>, source: &SourceName) -> Option<Utf8PathBuf> {
    match known.case.sources.get(source)?.as_slice() {
        [SourceSpec::Path { path, .. }] => Some(known.layout.case_dir.join(path)),
        _ => None,
    }
}

/// The commit that a source should be at, if the case says one.
fn pinned(known: &Known<'_>, source: &SourceName) -> Option<String> {
    known.case.sources.get(source)?.as_slice().iter().find_map(|spec| spec.commit()).map(str::to_owned)
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
    let source_tree = subdirectory(planned).map_or_else(|| tree.clone(), |below| tree.join(below));
    for value in options.values_mut() {
        let texts: Vec<&mut String> = match value {
            OptionValue::Text(text) => vec![text],
            OptionValue::List(list) => list.iter_mut().collect(),
            OptionValue::Switch(_) | OptionValue::Number(_) => Vec::new(),
        };
        for text in texts {
            *text = text
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
    let steps = component_steps(phase, planned, &subject, built, before, inputs, python);
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

/// The steps from configuring to verifying.
fn component_steps(
    phase: Phase,
    planned: &Planned<'_>,
    subject: &Subject<'_>,
    built: Built,
    mut before: Vec<StepId>,
    inputs: Vec<Input>,
    python: Option<&StepId>,
) -> Vec<Step> {
    let name = planned.name;
    let step = |verb: &str, title: String, action: Action| template(phase, name, verb, title, action);
    let weight = planned.recipe.map_or(60, Recipe::weight);
    let mut steps = Vec::new();
    let build_tree = |keep: Keep| Scratch { path: subject.build.clone(), keep };

    let mut expectations = built.expectations;
    expectations.extend(planned.component.expect.iter().map(|expect| Expectation {
        asked: expect.line.clone(),
        file: subject.build.join(&expect.file),
        shows: Shows::Line(expect.line.clone()),
        missing: expect.missing.clone(),
    }));
    if !built.configure.is_empty() {
        let mut configure = step(
            "configure",
            format!("configure {name}"),
            Action::Exec(Exec { commands: built.configure, logs: built.logs }),
        );
        configure.needs = before.clone();
        configure.inputs.clone_from(&inputs);
        configure.outputs =
            if built.configured.is_empty() { vec![subject.build.clone()] } else { built.configured };
        configure.scratch =
            vec![build_tree(if built.fresh_tree { Keep::UnlessReconfigured } else { Keep::UnlessKilled })];
        configure.weight = 10;
        before.push(configure.id.clone());
        steps.push(configure);
    }
    if !expectations.is_empty() {
        let action = Action::ExpectEnabled(ExpectEnabled { expectations });
        let mut expect = step("expect", format!("see that what was asked of {name} is enabled"), action);
        expect.needs = before.iter().filter(|id| id.as_str().ends_with("/configure")).cloned().collect();
        if expect.needs.is_empty() {
            expect.needs.clone_from(&before);
        }
        before.push(expect.id.clone());
        steps.push(expect);
    }
    let mut last = before.clone();
    if !built.compile.is_empty() {
        let mut compile = step(
            "compile",
            format!("compile {name}"),
            Action::Exec(Exec { commands: built.compile, logs: Vec::new() }),
        );
        compile.needs.clone_from(&before);
        compile.inputs.clone_from(&inputs);
        compile.outputs =
            if built.compiled.is_empty() { vec![subject.build.clone()] } else { built.compiled };
        compile.scratch = vec![build_tree(built.keep.unwrap_or(Keep::UnlessKilled))];
        if matches!(planned.driver, Driver::Command | Driver::Xmake) {
            // make in the working copy is no more to be trusted after a kill than make in the build tree.
            let path = subject.known.layout.working_copy(name);
            compile.scratch.push(Scratch { path, keep: Keep::UnlessKilled });
        }
        compile.claims.jobs = built.jobs;
        let memory = planned.recipe.map_or(JOB_MEMORY_MIB, |recipe| recipe.job_memory_mib(&subject.options));
        // nvcc compiles several architectures side by side.
        compile.claims.memory_mib = if subject.cuda.is_some() { memory.max(CUDA_MEMORY_MIB) } else { memory };
        compile.weight = weight;
        last = vec![compile.id.clone()];
        steps.push(compile);
    }
    let stage = if built.staged.is_empty() {
        let mut stage = step(
            "stage",
            format!("install {name} into its staging root"),
            Action::Exec(Exec { commands: built.install, logs: Vec::new() }),
        );
        stage.scratch = vec![Scratch { path: subject.staging.clone(), keep: Keep::Never }];
        stage
    } else {
        let files = built.staged;
        step(
            "stage",
            format!("copy {name} into its staging root"),
            Action::StageFiles(StageFiles {
                staging: subject.staging.clone(),
                files,
                trees: built.staged_trees,
                texts: built.staged_texts,
            }),
        )
    };
    let mut stage = stage;
    stage.inputs = built.stage_inputs;
    stage.needs = last;
    stage.outputs = vec![subject.staging.clone()];
    stage.weight = 3;
    let staged = stage.id.clone();
    steps.push(stage);

    let roots = planned
        .recipe
        .map(|recipe| recipe.roots(planned.component, &planned.prefix, subject.known))
        .unwrap_or_default();
    let title = match roots.as_slice() {
        [] => format!("install {name} into {}", planned.prefix),
        [root, ..] => format!("install {name} into {} and {root}", planned.prefix),
    };
    let mut locks: Vec<String> =
        std::iter::once(&planned.prefix).chain(&roots).map(|root| format!("prefix {root}")).collect();
    locks.sort();
    let action = Action::Commit(Commit {
        component: name.clone(),
        case: subject.known.case.metadata.name.clone(),
        version: subject.known.facts.get(&planned.source).and_then(|facts| facts.version.clone()),
        needs: planned.component.needs.clone(),
        checkout: users_directory(subject.known, &planned.source),
        staging: subject.staging.clone(),
        prefix: planned.prefix.clone(),
        roots,
        library_directories: subject
            .prefixes
            .iter()
            .flat_map(|prefix| library_directories(prefix, subject.known))
            .filter(|directory| *directory != planned.prefix.join("lib"))
            .chain(subject.cuda.iter().filter(|cuda| cuda.of_wheels).map(|cuda| cuda.root.join("lib")))
            .collect(),
        forbidden_paths: vec![subject.staging.clone(), subject.build.clone(), subject.source.clone()],
    });
    let mut commit = step("commit", title, action);
    commit.needs = vec![staged];
    commit.claims.locks = locks;
    commit.outputs = vec![model::layout::Layout::manifests(&planned.prefix).join(format!("{name}.json"))];
    let mut committed = vec![commit.id.clone()];
    steps.push(commit);
    if let Some(link) = python::link(planned, subject, &committed[0], python) {
        committed.push(link.id.clone());
        steps.push(link);
    }

    let mut checks = planned.component.checks.clone();
    let mut beside = Vec::new();
    for word in checks.iter_mut().flat_map(Check::words_mut) {
        let placed = word.replace("{case}", subject.known.layout.case_dir.as_str());
        if placed != *word {
            beside.push(Input::MaybeFile { path: placed.clone().into() });
        }
        *word = placed.replace("{python}", python_home(subject.known).program.as_str());
    }
    let action = Action::Verify(Verify {
        component: name.clone(),
        prefix: planned.prefix.clone(),
        environment: checks_environment(subject),
        directory: subject.known.layout.cache.join("checks").join(name.as_str()),
        checks,
        level: VerifyLevel::default(),
        wheels: false,
    });
    let mut verify = step("verify", format!("see that {name} works"), action);
    verify.needs = committed;
    verify.inputs = beside;
    verify.timeout_seconds = Some(600);
    steps.push(verify);
    steps
}

/// Checks run as a user would run the program: nothing points at libraries, RPATH has to.
fn checks_environment(subject: &Subject<'_>) -> BTreeMap<String, String> {
    let kept = ["PATH", "HOME", "LC_ALL", "TZ", "TERM"];
    subject
        .environment
        .iter()
        .filter(|(name, _)| {
            kept.contains(&name.as_str()) || subject.component.environment.contains_key(*name)
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
