//! The case's Python environment, and what components have to do with it.

use std::collections::BTreeMap;

use camino::Utf8Path;
use engine::planning::{Known, PlanCx};
use model::case::{Driver, OptionalPackages, PythonEnvironment};
use model::plan::{
    Action, Freshness, Input, InstallWheels, Jobs, LinkPython, Need, Phase, Preflight, Probe,
    RequiredProject, RequiredWheels, Step,
};
use model::{ComponentName, StepId};

use super::{Planned, options, template};
use crate::drivers::Subject;

/// Installs the wheels into the case's environment.
pub(super) fn environment(cx: &mut PlanCx<'_>, gates: &[StepId]) -> Option<StepId> {
    let known = cx.known;
    let python = known.case.python.as_ref()?;
    if !python.wants_packages() && known.python_projects().is_empty() {
        return None;
    }
    let environment = known.layout.python_environment(&known.case.metadata.name);
    let wheels = known.layout.wheels();
    let name = ComponentName::new("python");
    let interpreter = python.interpreter();
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
        rust: None,
        crates: None,
        wheels: None,
        project: None,
        paths: Vec::new(),
        disk_mib: 0,
        disk_at: known.layout.data.clone(),
        memory_mib: 0,
        prefixes: Vec::new(),
    });
    let mut look = template(cx.phase, &name, "preflight", format!("look at {interpreter}"), look);
    look.component = None;
    look.freshness = Freshness::Observed;
    look.claims.jobs = Jobs::None;
    let look = cx.add(look);
    let action = Action::InstallWheels(InstallWheels {
        interpreter,
        wheels: wheels.clone(),
        environment: environment.clone(),
        system_site_packages: python.environment == PythonEnvironment::VenvSystemSite,
        added: false,
    });
    let mut step =
        template(cx.phase, &name, "install", format!("install the wheels into {environment}"), action);
    step.id = StepId::new("build/python");
    step.component = None;
    step.inputs = vec![Input::File { path: wheels.join("requirements.lock") }];
    step.outputs = vec![environment.join("bin/python")];
    step.needs = vec![look];
    step.after = gates.to_vec();
    step.weight = 20;
    let installed = cx.add(step);
    for group in &python.optional {
        let wheels = known.layout.optional_wheels(&group.name);
        let step = optional(cx, group, &installed, &environment, &wheels);
        cx.add(step);
    }
    Some(installed)
}

/// Adds packages to the environment that may be missing from it.
fn optional(
    cx: &PlanCx<'_>,
    group: &OptionalPackages,
    installed: &StepId,
    environment: &Utf8Path,
    wheels: &Utf8Path,
) -> Step {
    let action = Action::InstallWheels(InstallWheels {
        interpreter: environment.join("bin/python").into_string(),
        wheels: wheels.to_owned(),
        environment: environment.to_owned(),
        system_site_packages: false,
        added: true,
    });
    let name = &group.name;
    let title = format!("install optional packages ({name}) into {environment}");
    let mut step = template(cx.phase, &ComponentName::new("python"), name, title, action);
    step.component = None;
    // The same lack is a failure of this step, which may fail.
    step.inputs = vec![Input::MaybeFile { path: wheels.join("requirements.lock") }];
    step.needs = vec![installed.clone()];
    step.optional = true;
    step.weight = 5;
    step
}

pub(super) fn wheels(known: &Known<'_>, planned: &Planned<'_>) -> Option<RequiredWheels> {
    let packages = python_packages(planned);
    // An environment that sees the interpreter's packages may have them from there.
    let own = known.case.python.as_ref().is_none_or(|python| python.environment == PythonEnvironment::Venv);
    let lock = known.layout.wheels().join("requirements.lock");
    (own && !packages.is_empty()).then_some(RequiredWheels { lock, packages })
}

/// What a project that pip builds wants for that must be among the wheels.
pub(super) fn project(known: &Known<'_>, planned: &Planned<'_>) -> Option<RequiredProject> {
    let own = known.case.python.as_ref().is_some_and(|python| python.environment == PythonEnvironment::Venv);
    let file = known.python_project(planned.name, planned.component).filter(|_| own)?;
    Some(RequiredProject { lock: known.layout.wheels().join("requirements.lock"), file })
}

/// Python packages that a component is built against.
pub(super) fn python_packages(planned: &Planned<'_>) -> BTreeMap<String, String> {
    let packages = planned.recipe.map(|recipe| recipe.python_packages(&options(planned))).unwrap_or_default();
    packages.into_iter().map(|(name, what)| (name.to_owned(), what.to_owned())).collect()
}

/// Whether a component is built with the case's Python environment.
pub(super) fn uses_python(planned: &Planned<'_>) -> bool {
    planned.driver == Driver::Python
        || planned.component.python_modules.is_some()
        || !python_packages(planned).is_empty()
}

/// The step that lets the environment import what a component installed below its prefix, if it installs modules.
pub(super) fn link(planned: &Planned<'_>, subject: &Subject<'_>, committed: &StepId) -> Option<Step> {
    let of_recipe = || planned.recipe?.python_modules(&subject.options).map(Utf8Path::new);
    let modules = planned.component.python_modules.as_deref().or_else(of_recipe)?;
    let name = planned.name;
    let environment = subject.known.layout.python_environment(&subject.known.case.metadata.name);
    let title = format!("let {environment} import what {name} installed");
    let directory = planned.prefix.join(modules);
    let action = Action::LinkPython(LinkPython { component: name.clone(), environment, directory });
    let mut link = template(Phase::Build, name, "python", title, action);
    link.needs = vec![committed.clone(), StepId::new("build/python")];
    Some(link)
}
