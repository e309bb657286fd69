//! Python: what it needs of the distribution, the environment of conda, and wheels.

use camino::Utf8PathBuf;
use engine::planning::{PlanCx, Requirements};
use engine::requirement_files;
use model::case::{OptionalPackages, PYTORCH_PROJECTS, Python, PythonEnvironment, normalised_project};
use model::compatibility;
use model::layout::Layout;
use model::plan::{
    Action, EnsureToolchain, FetchWheels, Freshness, Input, Need, Network, Preflight, Probe, RequiredPython,
    Step,
};
use model::{ComponentName, SourceName, StepId};

use super::step::step;
use crate::plan_sources;
use crate::python::REQUIREMENTS_LOCK;

/// The interpreter and `ensurepip`, which Debian keeps in a package of its own (`python3-venv`, `python3.12-venv`).
pub(super) fn python_needs(cx: &PlanCx<'_>) -> Vec<Need> {
    let manager = cx.known.target.package_manager.as_deref();
    let Some(interpreter) = python_interpreter(cx) else { return Vec::new() };
    let own = cx.known.case.python.as_ref().is_some_and(|python| python.environment.is_interpreters_own());
    let distribution = interpreter == "python3" || interpreter == "/usr/bin/python3";
    let versioned = interpreter.strip_prefix("python3.").is_some_and(|minor| minor.parse::<u32>().is_ok());
    let row = |name: &str, probe: Probe, suffix: &str| {
        let mut need = cx.known.system_need(name, "python")?;
        if need.probe.is_some() {
            need.probe = Some(probe);
        }
        // Debian's pip is for every Python 3 of the distribution.
        if !distribution && (name != "python3-pip" || !versioned) {
            // Another interpreter is the user's own, unless its name is that of a package.
            let apt = versioned && manager == Some("apt");
            need.packages = if apt { vec![format!("{interpreter}{suffix}")] } else { Vec::new() };
        }
        Some(need)
    };
    let program = Probe::Tool { names: vec![interpreter.clone()], minimum: None };
    let module =
        |module: &str| Probe::PythonModule { interpreter: interpreter.clone(), module: module.to_owned() };
    let installs = if own {
        row("python3-pip", module("pip"), "")
    } else {
        row("python3-venv", module("ensurepip"), "-venv")
    };
    row("python3", program, "").into_iter().chain(installs).collect()
}

fn python_interpreter(cx: &PlanCx<'_>) -> Option<String> {
    let python = cx.known.case.python.as_ref()?;
    Some(python.program())
}

pub(super) fn wheels(cx: &mut PlanCx<'_>, requirements: &Requirements, packages: Option<&StepId>) {
    let (Some(python), Some(interpreter)) = (cx.known.case.python.as_ref(), python_interpreter(cx)) else {
        return;
    };
    let projects = cx.known.python_projects();
    if cx.known.case.python_environment().is_none() {
        return;
    }
    let users = &requirements.python;
    let conda = conda(cx, users);
    let look = look(cx, python, &interpreter, packages.cloned().into_iter().chain(conda).collect());

    let (layout, case) = (cx.known.layout, &cx.known.case.metadata.name);
    let requirements: Vec<Utf8PathBuf> =
        python.requirements.iter().map(|file| layout.case_dir.join(file)).collect();
    let into = layout.wheels();
    let find_links: Vec<Utf8PathBuf> =
        python.find_links.iter().map(|directory| layout.case_dir.join(directory)).collect();
    let directories = || {
        find_links.iter().map(|path| Input::Tree {
            path: path.clone(),
            exclude: Vec::new(),
            keep: Vec::new(),
        })
    };
    let limit = compatibility::numpy_limit(cx.known.case);
    if let Some((below, subject)) = &limit {
        cx.note(format!("numpy is kept below {below}, because {subject} was built for that"));
    }
    let fetch = FetchWheels {
        constraints: limit.into_iter().map(|(below, _)| format!("numpy<{below}")).collect(),
        interpreter: interpreter.clone(),
        requirements: requirements.clone(),
        packages: python.packages.clone(),
        projects: projects.clone(),
        into: into.clone(),
        indexes: python.indexes.clone(),
        find_links: find_links.clone(),
        version: python.version.clone(),
        optional: None,
        also: None,
        kept_for: python.environment.keeps().then(|| case.clone()),
    };
    for note in builds_without_an_index(python) {
        cx.note(note);
    }
    let mut step = step(
        "deps/wheels",
        format!("download the Python packages as wheels for {interpreter}"),
        Action::FetchWheels(fetch.clone()),
        Freshness::Fingerprinted,
    );
    step.needs = vec![look];
    step.inputs = asked_for(layout, requirements, &python.packages, false).chain(directories()).collect();
    // What a fetched source wants is known once it is there.
    let sources: Vec<SourceName> = cx.known.python_sources();
    step.after = sources.iter().map(plan_sources::fetch_id).filter(|id| cx.has(id)).collect();
    step.inputs.extend(projects.into_iter().map(|path| Input::MaybeFile { path }));
    step.outputs = vec![into.join(REQUIREMENTS_LOCK)];
    step.weight = 30;
    step.serves.clone_from(users);
    let wheels = cx.add(step);
    for group in &python.optional {
        let step = optional_wheels(cx, group, &fetch, &wheels, directories().collect());
        cx.add(step);
    }
}

/// The case's conda environment, where it is used and not made here.
fn conda(cx: &mut PlanCx<'_>, users: &[ComponentName]) -> Option<StepId> {
    let python = cx.known.case.python.as_ref()?;
    let prefix = python.prefix.clone().filter(|_| python.environment == PythonEnvironment::Conda)?;
    let layout = cx.known.layout;
    let title = format!("ensure the conda environment {prefix}");
    let action = Action::EnsureToolchain(EnsureToolchain::Conda {
        prefix,
        specification: python.lock.as_ref().map(|lock| layout.case_dir.join(lock)),
        packages: layout.artifacts.join("conda"),
    });
    let mut step = step("deps/conda", title, action, Freshness::Observed);
    step.serves = users.to_vec();
    Some(cx.add(step))
}

/// Wheels fit one version of the interpreter: its digest is part of theirs, and no other package's is.
fn look(cx: &mut PlanCx<'_>, python: &Python, interpreter: &str, after: Vec<StepId>) -> StepId {
    let action = Action::Preflight(Preflight {
        manager: cx.known.target.package_manager.clone(),
        needs: python_needs(cx),
        python: python.environment.keeps().then(|| RequiredPython {
            interpreter: interpreter.to_owned(),
            environment: python.environment,
            case: cx.known.case.metadata.name.clone(),
            break_system_packages: python.break_system_packages,
            installs: true,
            compiles: false,
            packages: None,
        }),
        disk_at: cx.known.layout.artifacts.clone(),
        ..Preflight::default()
    });
    let mut step = step("deps/python", format!("inspect {interpreter}"), action, Freshness::Observed);
    step.after = after;
    step.network = Network::Denied;
    step.weight = 1;
    cx.add(step)
}

/// Files that the packages depend on: requirement files with all that they include, and wheels named by path.
fn asked_for(
    layout: &Layout,
    requirements: Vec<Utf8PathBuf>,
    packages: &[String],
    optional: bool,
) -> impl Iterator<Item = Input> {
    let base = layout.case_dir.clone();
    let wheels = requirement_files::wheels(packages.iter().map(String::as_str), &base);
    requirements
        .into_iter()
        .map(move |path| Input::Requirements { path, base: base.clone(), optional })
        .chain(wheels.into_iter().map(|path| Input::MaybeFile { path }))
}

/// Wheels whose lack is shown and does not fail the run; what the case needs is resolved without them.
fn optional_wheels(
    cx: &PlanCx<'_>,
    group: &OptionalPackages,
    main: &FetchWheels,
    wheels: &StepId,
    directories: Vec<Input>,
) -> Step {
    let layout = cx.known.layout;
    let into = layout.optional_wheels(&group.name);
    let requirements: Vec<Utf8PathBuf> =
        group.requirements.iter().map(|file| layout.case_dir.join(file)).collect();
    let fetch = FetchWheels {
        requirements: requirements.clone(),
        packages: group.packages.clone(),
        into: into.clone(),
        optional: Some(group.name.clone()),
        also: Some(main.into.clone()),
        projects: Vec::new(),
        ..main.clone()
    };
    let mut step = step(
        &format!("deps/wheels/{}", group.name),
        format!("download optional Python packages ({})", group.name),
        Action::FetchWheels(fetch),
        Freshness::Fingerprinted,
    );
    step.needs = vec![wheels.clone()];
    // A file that is not there is an error of this step, which may fail.
    step.inputs = asked_for(layout, requirements, &group.packages, true).chain(directories).collect();
    step.outputs = vec![into.join(REQUIREMENTS_LOCK)];
    step.optional = true;
    step.weight = 30;
    step
}

/// A build of its own (`torch==2.1.2+cu118`) is in no index of all packages: PEP 440 keeps local versions out of it.
fn builds_without_an_index(python: &Python) -> Vec<String> {
    if !python.find_links.is_empty() {
        return Vec::new();
    }
    let routed = |name: &str| {
        let mut packages = python.indexes.iter().flat_map(|index| &index.packages);
        packages.any(|package| normalised_project(package) == normalised_project(name))
    };
    let local = python.packages.iter().filter_map(|line| line.split_once("=="));
    let found: Vec<String> = local
        .filter(|(name, version)| version.contains('+') && !routed(name.trim()))
        .map(|(name, version)| format!("{name}=={version}"))
        .collect();
    if found.is_empty() {
        return Vec::new();
    }
    let torch = found.iter().any(|line| PYTORCH_PROJECTS.iter().any(|project| line.starts_with(project)));
    let way = if torch { "--set pytorch.index_url=URL" } else { "[[python.indexes]] in the case" };
    vec![format!(
        "the index of all packages has no such builds: {}; name their index with {way}, unless pip's own \
         configuration does",
        found.join(", ")
    )]
}
