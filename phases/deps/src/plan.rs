//! What `deps` will do.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use engine::planning::{PlanCx, PlanError, Requirements};
use model::case::{
    CompilerCache, Driver, KeyFrom, OptionalPackages, PYTORCH_PROJECTS, Python, PythonEnvironment,
    RepositoryKey, SourceSpec, SystemPackages, normalised_project,
};
use model::compatibility;
use model::cuda::WantedCuda;
use model::distribution::HOW_TO_SAY;
use model::plan::{
    Action, Claims, DeclaredRepository, EnsurePackages, EnsureToolchain, FetchCrates, FetchWheels, Freshness,
    Input, Jobs, Need, Network, Phase, Preflight, Privilege, Probe, RequiredPython, Step,
};
use model::{ComponentName, SourceName, StepId};

use crate::packages::by_name;
use crate::python::REQUIREMENTS_LOCK;
use crate::toolchains::rust;
use crate::{plan_sources, sources};

/// Plans `deps`: packages of the distribution, sources, toolchains, wheels and crates. What is independent overlaps;
/// only what runs a program that packages may have to bring (python3, cargo, git) waits for them.
///
/// # Errors
/// When the case names a package that no package manager could mean, or a source that is not declared.
pub fn plan(cx: &mut PlanCx<'_>, requirements: &Requirements) -> Result<(), PlanError> {
    let packages = packages(cx, requirements)?;
    plan_sources::plan(cx, &requirements.sources)?;
    rust_toolchain(cx, requirements, packages.as_ref());
    if requirements.ninja {
        ninja(cx);
    }
    cuda(cx, requirements, packages.as_ref());
    xmake(cx, requirements, packages.as_ref());
    wheels(cx, packages.as_ref());
    for source in &requirements.crates {
        crates(cx, source, requirements)?;
    }
    Ok(())
}

fn step(id: &str, title: String, action: Action, freshness: Freshness) -> Step {
    Step {
        id: StepId::new(id),
        phase: Phase::Deps,
        component: None,
        serves: Vec::new(),
        title,
        needs: Vec::new(),
        after: Vec::new(),
        action,
        freshness,
        inputs: Vec::new(),
        outputs: Vec::new(),
        scratch: Vec::new(),
        claims: Claims { jobs: Jobs::None, ..Claims::default() },
        network: Network::Allowed,
        privilege: Privilege::User,
        timeout_seconds: None,
        optional: false,
        weight: 10,
    }
}

fn packages(cx: &mut PlanCx<'_>, requirements: &Requirements) -> Result<Option<StepId>, PlanError> {
    let needs = all_needs(cx, requirements)?;
    if needs.is_empty() {
        return Ok(None);
    }
    let manager = cx.known.target.package_manager.clone().unwrap_or_default();
    let title = if manager.is_empty() {
        let os = &cx.known.target.os;
        let name = if os.pretty_name.is_empty() { &os.id } else { &os.pretty_name };
        cx.note(format!(
            "the package manager of this distribution ({}) is unknown: missing packages are not installed; \
             name it with {HOW_TO_SAY}",
            if name.is_empty() { "no /etc/os-release" } else { name },
        ));
        format!("look for {} programs and libraries", needs.len())
    } else {
        format!("ensure {} programs and libraries of the distribution ({manager})", needs.len())
    };
    // Only what can be driven takes its lock, and root.
    let driven = by_name(&manager).is_some();
    let repositories = repositories(cx, &manager);
    let action = Action::EnsurePackages(EnsurePackages { manager, needs, repositories });
    let mut step = step("deps/packages", title, action, Freshness::Observed);
    if driven {
        step.claims.locks = vec!["packages".to_owned()];
        step.privilege = Privilege::Root;
    }
    step.weight = 40;
    step.serves = all_components(cx);
    Ok(Some(cx.add(step)))
}

/// The repositories that the case declares for this manager.
fn repositories(cx: &mut PlanCx<'_>, manager: &str) -> Vec<DeclaredRepository> {
    let (case, layout) = (cx.known.case, cx.known.layout);
    let mut declared = Vec::new();
    for repository in case.system_packages.repositories(manager) {
        // apt reads files whose names have these alone (sources.list(5)).
        let file: String = format!("installer-{}-{}", case.metadata.name, repository.name)
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' })
            .collect();
        let key_file = match repository.key.as_ref().map(RepositoryKey::from) {
            Some(KeyFrom::File(path)) => Some(layout.case_dir.join(path)),
            Some(KeyFrom::Download(_)) => Some(layout.artifacts.join("apt").join(format!("{file}.key"))),
            Some(KeyFrom::Text(_)) | None => None,
        };
        if repository.trusted && repository.key.is_none() {
            cx.note(format!(
                "the apt repository {} is used without a signature, as the case says: whoever can change it \
                 can become root here",
                repository.name
            ));
        }
        let (case, repository) = (case.metadata.name.clone(), repository.clone());
        declared.push(DeclaredRepository { case, file, key_file, repository });
    }
    declared
}

/// What components and the case need, and what `deps` itself needs to bring the rest; one entry a name, sorted.
fn all_needs(cx: &PlanCx<'_>, requirements: &Requirements) -> Result<Vec<Need>, PlanError> {
    let case = cx.known.case;
    let manager = cx.known.target.package_manager.as_deref();
    let mut needs: BTreeMap<String, Need> = BTreeMap::new();
    for need in &requirements.needs {
        merge(&mut needs, need.clone());
    }
    for name in manager.map_or(&[][..], |manager| case.system_packages.for_manager(manager)) {
        if SystemPackages::is_file(name) {
            if manager != Some("apt") {
                return Err(PlanError::new(
                    "system_packages",
                    format!(
                        "`{name}` is a package file, which {} does not take",
                        manager.unwrap_or_default()
                    ),
                    "list it only for apt, under [system_packages] apt = […], and a package name for others",
                ));
            }
            merge(&mut needs, package_file(name, cx.known.layout.case_dir.as_path()));
            continue;
        }
        if !is_package_name(name) {
            return Err(PlanError::new(
                "system_packages",
                format!("`{name}` is not the name of a package"),
                "names have lower-case letters, digits and `+.-`; set a version with `name=version`",
            ));
        }
        merge(
            &mut needs,
            Need {
                name: name.clone(),
                probe: None,
                packages: vec![name.clone()],
                wanted_by: vec!["case".to_owned()],
                optional: false,
            },
        );
    }
    if let Some(cache) = case.toolchains.compiler_cache {
        let name = match cache {
            CompilerCache::Ccache => "ccache",
            CompilerCache::Sccache => "sccache",
        };
        cx.known.system_need(name, "case").into_iter().for_each(|need| merge(&mut needs, need));
    }
    if let (Some(need), Some(minimum)) = (needs.get_mut("cmake"), &case.toolchains.cmake.minimum) {
        if let Some(Probe::Tool { minimum: lowest, .. }) = &mut need.probe {
            *lowest = Some(rust::higher(lowest.take(), minimum.clone()));
        }
    }
    let specs = requirements.sources.keys().filter_map(|source| case.sources.get(source));
    for row in specs.flat_map(|alternatives| alternatives.as_slice()).flat_map(sources::needs) {
        cx.known.system_need(row, "sources").into_iter().for_each(|need| merge(&mut needs, need));
    }
    // A conda environment brings its own.
    let conda = |python: &model::case::Python| python.environment == PythonEnvironment::Conda;
    if !case.python.as_ref().is_some_and(conda) {
        python_needs(cx).into_iter().for_each(|need| merge(&mut needs, need));
    }
    Ok(needs.into_values().collect())
}

/// A package that the case brings as a file: apt takes its path in the place of a name.
fn package_file(path: &str, case_dir: &Utf8Path) -> Need {
    let path = case_dir.join(path.strip_prefix("./").unwrap_or(path));
    Need {
        name: path.file_name().unwrap_or(path.as_str()).to_owned(),
        packages: vec![path.to_string()],
        probe: Some(Probe::PackageFile { path }),
        wanted_by: vec!["case".to_owned()],
        optional: false,
    }
}

/// The interpreter and `ensurepip`, which Debian keeps in a package of its own (`python3-venv`, `python3.12-venv`).
fn python_needs(cx: &PlanCx<'_>) -> Vec<Need> {
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

fn merge(needs: &mut BTreeMap<String, Need>, need: Need) {
    let Some(known) = needs.get_mut(&need.name) else {
        needs.insert(need.name.clone(), need);
        return;
    };
    for asker in need.wanted_by {
        if !known.wanted_by.contains(&asker) {
            known.wanted_by.push(asker);
        }
    }
    for package in need.packages {
        if !known.packages.contains(&package) {
            known.packages.push(package);
        }
    }
    known.optional &= need.optional;
    match (&mut known.probe, need.probe) {
        (Some(Probe::Tool { minimum: lowest, .. }), Some(Probe::Tool { minimum: Some(other), .. })) => {
            *lowest = Some(rust::higher(lowest.take(), other));
        }
        // The case lists by package what a component needs by name: the package has to be there as well.
        (probe @ Some(_), None) => *probe = None,
        _ => {}
    }
}

/// As Debian's policy has it (5.6.1), with an architecture or version after it. What begins or ends with a dash would
/// be an option, or ask apt to remove a package.
fn is_package_name(name: &str) -> bool {
    let bare = name.split(['=', ':']).next().unwrap_or(name);
    let mut characters = bare.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && characters.all(|c| c.is_ascii_alphanumeric() || "+.-_".contains(c))
        && !name.ends_with('-')
        && !name.contains(char::is_whitespace)
}

fn is_mounted(cx: &PlanCx<'_>, source: &SourceName) -> bool {
    cx.known
        .case
        .sources
        .get(source)
        .is_some_and(|alternatives| matches!(alternatives.as_slice(), [SourceSpec::Path { .. }]))
}

fn rust_toolchain(cx: &mut PlanCx<'_>, requirements: &Requirements, packages: Option<&StepId>) {
    let mut minimum = cx.known.case.toolchains.rust.minimum.clone();
    if requirements.crates.is_empty() && minimum.is_none() {
        return;
    }
    let mut sources = Vec::new();
    for source in &requirements.crates {
        if !is_mounted(cx, source) {
            // Told by its record once it is there, so that the plan is the same before and after.
            sources.push(source.clone());
        } else if let Some(required) = cx.known.facts.get(source).and_then(|facts| facts.required_rust()) {
            minimum = Some(rust::higher(minimum, required));
        }
    }
    let layout = cx.known.layout;
    let action = Action::EnsureToolchain(EnsureToolchain::Rust {
        minimum,
        sources: sources.clone(),
        source_artifacts: layout.artifacts.join("sources"),
        install_root: layout.data.join("rust"),
        manager: cx.known.target.package_manager.clone(),
    });
    let mut step = step(
        "deps/toolchain/rust",
        "ensure cargo and rustc, new enough".to_owned(),
        action,
        Freshness::Observed,
    );
    step.after =
        sources.iter().map(plan_sources::fetch_id).filter(|id| cx.has(id)).chain(packages.cloned()).collect();
    step.claims.locks = vec!["packages".to_owned()];
    // An ordinary user gets it from rustup, without root.
    step.privilege = if cx.known.target.root { Privilege::Root } else { Privilege::User };
    step.weight = 30;
    let users = requirements.crates.iter().filter_map(|source| requirements.sources.get(source));
    step.serves = users.flat_map(|users| users.components.clone()).collect();
    cx.add(step);
}

fn ninja(cx: &mut PlanCx<'_>) {
    let layout = cx.known.layout;
    let action = Action::EnsureToolchain(EnsureToolchain::Ninja {
        tools: layout.tools(),
        artifacts: layout.artifacts.clone(),
    });
    let title = "ensure a ninja that shares the run's job tokens".to_owned();
    let mut step = step("deps/toolchain/ninja", title, action, Freshness::Observed);
    step.serves = all_components(cx);
    cx.add(step);
}

fn cuda(cx: &mut PlanCx<'_>, requirements: &Requirements, packages: Option<&StepId>) {
    if requirements.cuda.components.is_empty() {
        return;
    }
    let wanted = WantedCuda::of(cx.known.case);
    let layout = cx.known.layout;
    let title = format!("have {}", wanted.described());
    let action = Action::EnsureToolchain(EnsureToolchain::Cuda {
        tree: wanted.tree(layout),
        wanted,
        artifacts: layout.artifacts.clone(),
    });
    let mut step = step("deps/toolchain/cuda", title, action, Freshness::Observed);
    // Packages may bring the machine's.
    step.after = packages.into_iter().cloned().collect();
    step.serves.clone_from(&requirements.cuda.components);
    step.optional = !requirements.cuda.required;
    step.weight = 20;
    cx.add(step);
}

fn xmake(cx: &mut PlanCx<'_>, requirements: &Requirements, packages: Option<&StepId>) {
    if requirements.xmake.components.is_empty() {
        return;
    }
    let layout = cx.known.layout;
    let source = cx.known.case.toolchains.xmake.source.as_ref();
    let minimum = requirements.xmake_minimum.clone();
    let title = match &minimum {
        Some(minimum) => format!("ensure xmake {minimum} or newer"),
        None => "ensure xmake".to_owned(),
    };
    let action = Action::EnsureToolchain(EnsureToolchain::Xmake {
        minimum,
        source: source.map(|source| layout.source_artifacts(source)),
        tree: layout.data.join("xmake"),
        manager: cx.known.target.package_manager.clone(),
    });
    let mut step = step("deps/toolchain/xmake", title, action, Freshness::Observed);
    let fetched = source.map(plan_sources::fetch_id).filter(|id| cx.has(id));
    step.after = packages.cloned().into_iter().chain(fetched).collect();
    step.claims.locks = vec!["packages".to_owned()];
    // The distribution's takes root; what a source brings does not.
    step.privilege = if cx.known.target.root { Privilege::Root } else { Privilege::User };
    step.serves.clone_from(&requirements.xmake.components);
    step.optional = !requirements.xmake.required;
    step.weight = 20;
    cx.add(step);
}

/// The case's conda environment, where it is used and not made here.
fn conda(cx: &mut PlanCx<'_>) -> Option<StepId> {
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
    step.serves = all_components(cx);
    Some(cx.add(step))
}

fn wheels(cx: &mut PlanCx<'_>, packages: Option<&StepId>) {
    let (Some(python), Some(interpreter)) = (cx.known.case.python.as_ref(), python_interpreter(cx)) else {
        return;
    };
    let projects = cx.known.python_projects();
    if cx.known.case.python_environment().is_none() {
        return;
    }
    let conda = conda(cx);
    let (layout, case) = (cx.known.layout, &cx.known.case.metadata.name);
    // Wheels fit one version of the interpreter: its digest is part of theirs, and no other package's is.
    let look = Action::Preflight(Preflight {
        manager: cx.known.target.package_manager.clone(),
        needs: python_needs(cx),
        python: python.environment.keeps().then(|| RequiredPython {
            interpreter: interpreter.clone(),
            environment: python.environment,
            case: case.clone(),
            break_system_packages: python.break_system_packages,
            installs: true,
            compiles: false,
            packages: None,
        }),
        disk_at: layout.artifacts.clone(),
        ..Preflight::default()
    });
    let mut look = step("deps/python", format!("inspect {interpreter}"), look, Freshness::Observed);
    look.after = packages.cloned().into_iter().chain(conda).collect();
    look.network = Network::Denied;
    look.weight = 1;
    let look = cx.add(look);

    let requirements: Vec<Utf8PathBuf> =
        python.requirements.iter().map(|file| layout.case_dir.join(file)).collect();
    let into = layout.wheels();
    let find_links: Vec<Utf8PathBuf> =
        python.find_links.iter().map(|directory| layout.case_dir.join(directory)).collect();
    let directories =
        || find_links.iter().map(|path| Input::Tree { path: path.clone(), exclude: Vec::new() });
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
    step.inputs = requirements.into_iter().map(|path| Input::File { path }).chain(directories()).collect();
    // What a fetched source wants is known once it is there.
    let sources: Vec<SourceName> = cx.known.python_sources();
    step.after = sources.iter().map(plan_sources::fetch_id).filter(|id| cx.has(id)).collect();
    step.inputs.extend(projects.into_iter().map(|path| Input::MaybeFile { path }));
    step.outputs = vec![into.join(REQUIREMENTS_LOCK)];
    step.weight = 30;
    step.serves = all_components(cx);
    let wheels = cx.add(step);
    for group in &python.optional {
        let step = optional_wheels(cx, group, &fetch, &wheels, directories().collect());
        cx.add(step);
    }
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
    step.inputs = requirements.into_iter().map(|path| Input::MaybeFile { path }).chain(directories).collect();
    step.outputs = vec![into.join(REQUIREMENTS_LOCK)];
    step.optional = true;
    step.weight = 30;
    step
}

/// What is brought for the case as a whole comes with each of its components.
fn all_components(cx: &PlanCx<'_>) -> Vec<ComponentName> {
    cx.known.case.components.keys().cloned().collect()
}

fn crates(cx: &mut PlanCx<'_>, source: &SourceName, requirements: &Requirements) -> Result<(), PlanError> {
    let users = requirements.sources.get(source);
    let layout = cx.known.layout;
    let planned = cx.source(source, source.as_str())?;
    let directories = crate_directories(cx, source, requirements);
    let from = if planned.mounted { planned.tree.clone() } else { layout.source_artifacts(source) };
    let mut step = step(
        &format!("deps/crates/{source}"),
        format!("download the crates locked by {source}"),
        Action::FetchCrates(FetchCrates {
            source: source.clone(),
            from,
            directories: directories.clone(),
            cargo_home: layout.cargo_home(),
        }),
        Freshness::Fingerprinted,
    );
    if planned.mounted {
        // A change of manifests that matters changes the lock file, for --locked.
        let roots = if directories.is_empty() { vec![Utf8PathBuf::new()] } else { directories };
        // A member of a workspace is locked by the workspace above it.
        let mut places: Vec<Utf8PathBuf> =
            roots.iter().flat_map(|root| root.ancestors()).map(|place| planned.tree.join(place)).collect();
        places.sort();
        places.dedup();
        step.inputs = places
            .iter()
            .flat_map(|place| ["Cargo.lock", "Cargo.toml"].map(|file| place.join(file)))
            .map(|path| Input::MaybeFile { path })
            .collect();
    } else {
        step.needs = vec![plan_sources::fetch_id(source)];
    }
    step.after = vec![StepId::new("deps/toolchain/rust")];
    if let Some(users) = users {
        step.serves.clone_from(&users.components);
        step.optional = !users.required;
    }
    step.claims.locks = vec!["cargo-home".to_owned()];
    let case = &cx.known.case.metadata.name;
    step.outputs = vec![layout.fetched_crates(case, source), layout.fetched_crates_facts(case, source)];
    step.weight = 30;
    cx.add(step);
    Ok(())
}

/// Where in a source the components that cargo builds from it lie.
fn crate_directories(cx: &PlanCx<'_>, source: &SourceName, requirements: &Requirements) -> Vec<Utf8PathBuf> {
    let mut found: Vec<Utf8PathBuf> = cx
        .known
        .case
        .components
        .iter()
        .filter(|(name, component)| {
            let built_from = component.source.as_ref().map_or(name.as_str(), SourceName::as_str);
            built_from == source.as_str() && matches!(component.driver, None | Some(Driver::Cargo))
        })
        .filter_map(|(_, component)| {
            component.subdirectory.clone().or_else(|| requirements.crate_directories.get(source).cloned())
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
