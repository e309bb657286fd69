//! The case's Python environment, and what components have to do with it.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use engine::planning::{Known, PlanCx, PlanError};
use engine::python_home::{PythonHome, optional_wheels_component, python_home, wheels_component};
use model::case::{Driver, OptionalPackages, Python, PythonEnvironment};
use model::layout::Layout;
use model::plan::{
    Action, Commit, Freshness, Importing, Input, InstallWheels, Keep, LinkPython, Need, Phase, Preflight,
    Probe, RequiredBackend, RequiredProject, RequiredPython, RequiredWheels, Scratch, StageWheels, Step,
    Verify,
};
use model::verify_level::VerifyLevel;
use model::{ComponentName, StepId};

use super::planned::Planned;
use super::step::template;
use super::xmake;
use crate::arguments::settings_of;
use crate::environment;
use crate::hooks;
use crate::subject::{PYTHON, Subject, holding};

/// Installs the wheels into the case's environment. What is returned stands for the environment.
pub(super) fn environment(cx: &mut PlanCx<'_>, gate: Option<&StepId>) -> Option<StepId> {
    let known = cx.known;
    let python = known.case.python_environment()?;
    let look = look(cx, python);
    let mut step = if python.environment.is_interpreters_own() {
        let stage = stage(cx, python, &look, gate);
        commit(cx, &stage)
    } else {
        install(cx, python, look)
    };
    step.after.extend(gate.cloned());
    step.weight = 20;
    let done = cx.add(step);
    let check = verify(cx, wheels_component(&known.case.metadata.name), &done);
    cx.add(check);
    for group in &python.optional {
        let step = optional(cx, group, &done);
        let added = cx.add(step);
        let mut check = verify(cx, optional_component(&known, group), &added);
        check.optional = true;
        cx.add(check);
    }
    Some(done)
}

fn optional_component(known: &Known<'_>, group: &OptionalPackages) -> ComponentName {
    optional_wheels_component(&known.case.metadata.name, &group.name)
}

fn no_component(mut step: Step) -> Step {
    step.component = None;
    step
}

fn look(cx: &mut PlanCx<'_>, python: &Python) -> StepId {
    let known = cx.known;
    let interpreter = python.program();
    // An environment belongs to one version of the interpreter, whatever its wheels are.
    let look = Action::Preflight(Preflight {
        manager: known.target.package_manager.clone(),
        needs: vec![Need {
            name: interpreter.clone(),
            probe: Some(Probe::Tool { names: vec![interpreter.clone()], minimum: None }),
            packages: Vec::new(),
            wanted_by: vec!["python".to_owned()],
            optional: false,
        }],
        python: python
            .environment
            .keeps()
            .then(|| RequiredPython { installs: true, ..required_python(&known, python) }),
        disk_at: known.layout.data.clone(),
        ..Preflight::default()
    });
    let name = ComponentName::new("python");
    let mut look =
        no_component(template(cx.phase, &name, "preflight", format!("inspect {interpreter}"), look));
    look.freshness = Freshness::Observed;
    cx.add(look)
}

/// Into an environment that is installer's own, made anew.
fn install(cx: &PlanCx<'_>, python: &Python, look: StepId) -> Step {
    let known = cx.known;
    let environment = known.layout.python_environment(&known.case.metadata.name);
    let wheels = known.layout.wheels();
    let action = Action::InstallWheels(InstallWheels {
        component: wheels_component(&known.case.metadata.name),
        case: known.case.metadata.name.clone(),
        interpreter: python.program(),
        wheels: wheels.clone(),
        environment: environment.clone(),
        system_site_packages: python.environment.keeps(),
        added: false,
    });
    let title = format!("install the wheels into {environment}");
    let mut step = no_component(template(cx.phase, &ComponentName::new("python"), "install", title, action));
    step.id = StepId::new("build/python");
    step.inputs = vec![Input::File { path: wheels.join("requirements.lock") }];
    step.outputs = vec![environment.join("bin/python")];
    step.needs = vec![look];
    step
}

/// The first half of bringing wheels into an environment that was there before.
fn stage(cx: &mut PlanCx<'_>, python: &Python, look: &StepId, gate: Option<&StepId>) -> StepId {
    let known = cx.known;
    let name = wheels_component(&known.case.metadata.name);
    let PythonHome { prefix, .. } = python_home(&known);
    let (wheels, staging) = (known.layout.wheels(), known.layout.staging(&name));
    let action = Action::StageWheels(StageWheels {
        interpreter: python.program(),
        wheels: wheels.clone(),
        staging: staging.clone(),
        list: Layout::manifests(&prefix).join(format!("{name}.requirements.lock")),
    });
    let title = format!("lay out the wheels for {prefix}");
    let mut step = template(cx.phase, &name, "stage", title, action);
    step.id = StepId::new("build/python/stage");
    step.inputs = vec![Input::File { path: wheels.join("requirements.lock") }];
    step.outputs = vec![staging.clone()];
    step.scratch = vec![Scratch { path: staging, keep: Keep::Never }];
    step.needs = vec![look.clone()];
    step.after.extend(gate.cloned());
    cx.add(step)
}

/// Adds packages to the environment that may be missing from it.
fn optional(cx: &PlanCx<'_>, group: &OptionalPackages, installed: &StepId) -> Step {
    let layout = cx.known.layout;
    let environment = layout.python_environment(&cx.known.case.metadata.name);
    let wheels = layout.optional_wheels(&group.name);
    let name = &group.name;
    let title = format!("install optional packages ({name}) into {environment}");
    let action = Action::InstallWheels(InstallWheels {
        component: optional_component(&cx.known, group),
        case: cx.known.case.metadata.name.clone(),
        interpreter: environment.join("bin/python").into_string(),
        wheels: wheels.clone(),
        environment,
        system_site_packages: false,
        added: true,
    });
    let mut step = no_component(template(cx.phase, &ComponentName::new("python"), name, title, action));
    // The same lack is a failure of this step, which may fail.
    step.inputs = vec![Input::MaybeFile { path: wheels.join("requirements.lock") }];
    step.needs = vec![installed.clone()];
    step.optional = true;
    step.weight = 5;
    step
}

/// The second half.
fn commit(cx: &PlanCx<'_>, stage: &StepId) -> Step {
    let known = cx.known;
    let case = &known.case.metadata.name;
    let name = wheels_component(case);
    let PythonHome { prefix, .. } = python_home(&known);
    let action = Action::Commit(Commit {
        component: name.clone(),
        case: case.clone(),
        version: None,
        needs: Vec::new(),
        checkout: None,
        editable: false,
        staging: known.layout.staging(&name),
        prefix: prefix.clone(),
        roots: Vec::new(),
        library_directories: Vec::new(),
        forbidden_paths: vec![known.layout.staging(&name)],
    });
    let title = format!("install the wheels beside the packages of {prefix}");
    let mut step = template(cx.phase, &name, "commit", title, action);
    step.id = StepId::new("build/python");
    step.needs = vec![stage.clone()];
    step.claims.locks = vec![format!("prefix {prefix}")];
    step.outputs = vec![Layout::manifests(&prefix).join(format!("{name}.json"))];
    step
}

fn verify(cx: &PlanCx<'_>, name: ComponentName, installed: &StepId) -> Step {
    let known = cx.known;
    let home = python_home(&known);
    let action = Action::Verify(Verify {
        component: name.clone(),
        prefix: home.prefix,
        environment: environment::plain(&known),
        directory: known.layout.cache.join("checks").join(name.as_str()),
        checks: Vec::new(),
        level: VerifyLevel::default(),
        wheels: true,
        requirements: Vec::new(),
        python: Some(Importing { program: home.program, directory: None }),
    });
    let title = "check that the installed wheels are unchanged and all that was asked for".to_owned();
    let mut step = template(cx.phase, &name, "verify", title, action);
    step.id = StepId::new(format!("{installed}/verify"));
    step.needs = vec![installed.clone()];
    step
}

fn required_python(known: &Known<'_>, python: &Python) -> RequiredPython {
    RequiredPython {
        interpreter: python.program(),
        environment: python.environment,
        case: known.case.metadata.name.clone(),
        break_system_packages: python.break_system_packages,
        installs: false,
        compiles: false,
        packages: None,
    }
}

/// Whether a component is compiled against the distribution's own interpreter, whose headers are a package.
pub(super) fn wants_headers_of_distribution(known: &Known<'_>, planned: &Planned<'_>) -> bool {
    let compiles = !python_packages(known, planned).is_empty() || xmake::uses_python(known, planned);
    let Some(python) = known.case.python.as_ref().filter(|_| compiles) else {
        return false;
    };
    let named = matches!(python.program().as_str(), "python3" | "/usr/bin/python3");
    // A `python3` that is first on PATH may be pyenv's or the image's.
    let facts = known.target.python.as_ref();
    named
        && facts.is_none_or(|facts| {
            facts.include.as_ref().is_none_or(|include| include.starts_with("/usr/include"))
        })
}

/// What a component that is compiled against Python needs of the interpreter.
pub(super) fn required(known: &Known<'_>, planned: &Planned<'_>) -> Option<RequiredPython> {
    let python = known.case.python.as_ref()?;
    let packages = python_packages(known, planned);
    let compiles = !packages.is_empty() || xmake::uses_python(known, planned);
    compiles.then(|| RequiredPython {
        compiles: true,
        packages: (python.environment.keeps() && !packages.is_empty())
            .then(|| RequiredWheels { lock: known.layout.wheels().join("requirements.lock"), packages }),
        ..required_python(known, python)
    })
}

pub(super) fn wheels(known: &Known<'_>, planned: &Planned<'_>) -> Option<RequiredWheels> {
    let packages = python_packages(known, planned);
    // An environment that has the interpreter's packages may have them from there.
    let own = known.case.python.as_ref().is_none_or(|python| !python.environment.keeps());
    let lock = known.layout.wheels().join("requirements.lock");
    (own && !packages.is_empty()).then_some(RequiredWheels { lock, packages })
}

/// What a project that pip builds wants for that must be among the wheels.
pub(super) fn project(known: &Known<'_>, planned: &Planned<'_>) -> Option<RequiredProject> {
    let own = known.case.python.as_ref().is_some_and(|python| python.environment == PythonEnvironment::Venv);
    let file = known.python_project(planned.name, planned.component).filter(|_| own)?;
    Some(RequiredProject { lock: known.layout.wheels().join("requirements.lock"), file })
}

/// What a project's backend has to read of the component's arguments.
pub(super) fn backend(known: &Known<'_>, planned: &Planned<'_>) -> Option<RequiredBackend> {
    let file = known.python_project(planned.name, planned.component)?;
    let settings = settings_of(&planned.component.arguments);
    (!settings.is_empty()).then_some(RequiredBackend { file, settings })
}

/// Python packages that a component is built against.
pub(super) fn python_packages(known: &Known<'_>, planned: &Planned<'_>) -> BTreeMap<String, String> {
    let mut packages = planned.component.python_packages.clone();
    for when in planned.holding(known) {
        packages.extend(when.python_packages.clone());
    }
    packages.extend(super::accelerators::python_packages(planned));
    packages
}

/// Whether a component is built with the case's Python environment.
pub(super) fn uses_python(known: &Known<'_>, planned: &Planned<'_>) -> bool {
    planned.driver == Driver::Python
        || xmake::uses_python(known, planned)
        || planned.component.python_modules.is_some()
        || !python_packages(known, planned).is_empty()
}

/// Whether a component is built or checked with the case's Python environment.
pub(super) fn needs_environment(known: &Known<'_>, planned: &Planned<'_>) -> bool {
    // Wherever it names the interpreter: in options, commands, checks. The script of an application root has it on PATH.
    let named = || serde_json::to_string(planned.component).is_ok_and(|said| said.contains(PYTHON));
    known.case.python_environment().is_some()
        && (uses_python(known, planned)
            || planned.component.hooks.as_deref() == Some(hooks::APPLICATION)
            || named())
}

/// The step that makes the environment that a component is built with.
///
/// # Errors
/// When there is none.
pub(super) fn made(planned: &Planned<'_>, python: Option<&StepId>) -> Result<StepId, PlanError> {
    let name = planned.name;
    python.cloned().ok_or_else(|| {
        PlanError::new(
            format!("components.{name}"),
            format!(
                "component `{name}` is built with Python, but the case has no packages for an environment"
            ),
            "add a [python] section with `packages`: what it is built against (numpy)",
        )
    })
}

/// The directory below its prefix in which it installs modules.
fn modules(subject: &Subject<'_>) -> Option<Utf8PathBuf> {
    let component = &*subject.component;
    let own = component.python_modules.clone();
    let modules = own.or_else(|| {
        let mut all = holding(component, &subject.asked()).into_iter().map(|(_, when)| &when.python_modules);
        all.find_map(Clone::clone)
    });
    modules.map(|modules| subject.prefix.join(modules))
}

/// What has to import the modules that it installs, if it installs any.
pub(super) fn importing(subject: &Subject<'_>) -> Option<Importing> {
    let directory = modules(subject);
    let imports = directory.is_some() || subject.driver == Driver::Python;
    imports.then(|| Importing { program: python_home(subject.known).program, directory })
}

/// The step that lets the environment import what a component installed below its prefix, if it installs modules.
pub(super) fn link(
    planned: &Planned<'_>,
    subject: &Subject<'_>,
    committed: &StepId,
    python: Option<&StepId>,
) -> Option<Step> {
    let directory = modules(subject)?;
    let name = planned.name;
    let PythonHome { prefix: environment, site, .. } = python_home(subject.known);
    let title = format!("make {name} importable in {environment}");
    let action = Action::LinkPython(LinkPython { component: name.clone(), environment, directory, site });
    let mut link = template(Phase::Build, name, "python", title, action);
    link.needs = std::iter::once(committed).chain(python).cloned().collect();
    Some(link)
}
