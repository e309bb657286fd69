//! What a component gets and needs that is compiled for accelerators: see `model::accelerators`.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use engine::planning::{Known, PlanError};
use engine::python_home::python_home;
use model::accelerators::{self, Accelerator, Options, Variables};
use model::cuda::CUDA;
use model::plan::{AskedDevice, RequiredAccelerator, RequiredSdk};

use super::planned::Planned;
use crate::environment::environment;
use crate::options::asked_for;

/// The program that a virtual environment has and a distribution often has not.
const PYTHON: &str = "python";

/// What every package that can be imported has.
const MODULE: &str = "__init__.py";

/// The rows that the component's options switch on, if the table speaks of it.
pub(super) fn active(planned: &Planned<'_>) -> Vec<&'static Accelerator> {
    if concerned(planned) { accelerators::active(&planned.asked_for()) } else { Vec::new() }
}

fn concerned(planned: &Planned<'_>) -> bool {
    accelerators::concerns(planned.name.as_str(), planned.component)
}

fn variables<'a>(known: &Known<'a>, planned: &Planned<'a>) -> Variables<'a> {
    Variables {
        component: &planned.component.environment,
        case: &known.case.environment,
        process: &known.target.sdk_variables,
    }
}

/// Writes architectures as the project takes them, and refuses what excludes each other. Says what is to be noted.
pub(super) fn settle(
    known: &Known<'_>,
    planned: &Planned<'_>,
    options: &mut Options,
) -> Result<Vec<String>, PlanError> {
    if !concerned(planned) {
        return Ok(Vec::new());
    }
    let name = planned.name;
    let mut notes = settled(known, planned, options)?;
    for conflict in accelerators::conflicts(&asked_for(planned.driver, planned.component, options)) {
        let (one, other) = (conflict.one, conflict.other);
        let Some(kernels) = conflict.kernels else {
            notes.push(format!("{} and {} are not known to work in one InfiniCore", one.name, other.name));
            continue;
        };
        return Err(PlanError::new(
            format!("components.{name}.options.{}", other.option),
            format!(
                "`{}` and `{}` exclude each other: the same kernels ({kernels}) are compiled for {} and for {}",
                one.option, other.option, one.title, other.title
            ),
            format!("switch one of them off: --set components.{name}.options.{}=false", one.option),
        ));
    }
    Ok(notes)
}

fn settled(
    known: &Known<'_>,
    planned: &Planned<'_>,
    options: &mut Options,
) -> Result<Vec<String>, PlanError> {
    // A case that was loaded has none that cannot be read.
    let capabilities = known.case.cuda.as_ref().and_then(|cuda| cuda.capabilities().ok()).unwrap_or_default();
    accelerators::settle(options, &capabilities).map_err(|error| {
        PlanError::new(
            format!("components.{}.options.{}", planned.name, error.option),
            error.to_string(),
            format!("write it like `{}`", error.example),
        )
    })
}

/// What preflight looks for.
pub(super) fn required(
    known: &Known<'_>,
    planned: &Planned<'_>,
) -> Result<Vec<RequiredAccelerator>, PlanError> {
    if !concerned(planned) {
        return Ok(Vec::new());
    }
    let mut options = planned.asked_for();
    settled(known, planned, &mut options)?;
    let variables = variables(known, planned);
    let mut seen = environment(known, planned.component, planned.driver, &[]);
    extend(&mut seen, known, planned, &options);
    let path = seen.remove("PATH").unwrap_or_default();
    let required = accelerators::active(&options).into_iter().map(|row| RequiredAccelerator {
        name: row.name.clone(),
        option: row.option.clone(),
        sdk: row.sdk.as_ref().map(|sdk| {
            let root = row.root(&options, &variables);
            let below =
                |path: &String| root.as_ref().map_or_else(|| path.into(), |root| root.path.join(path));
            RequiredSdk {
                title: sdk.title.clone(),
                variables: sdk.variables.clone(),
                holds: row
                    .holds(&options, &variables)
                    .into_iter()
                    .map(|any| any.iter().map(below).collect())
                    .collect(),
                named_by: root.as_ref().and_then(|root| root.named_by.clone()),
                root: root.as_ref().map(|root| root.path.clone()),
            }
        }),
        tools: row.tools.iter().filter(|tool| !of_environment(known, tool)).cloned().collect(),
        path: path.clone(),
        asks_device: asked(row, &options, &variables),
    });
    // What asks for nothing is nothing to look for.
    Ok(required
        .filter(|one| one.sdk.is_some() || !one.tools.is_empty() || one.asks_device.is_some())
        .collect())
}

/// Whether a program is one that the case's own environment will have once it is made.
fn of_environment(known: &Known<'_>, tool: &str) -> bool {
    let python = known.case.python_environment();
    tool == PYTHON && python.is_some_and(|python| !python.environment.is_interpreters_own())
}

fn asked(row: &Accelerator, options: &Options, variables: &Variables<'_>) -> Option<AskedDevice> {
    let architecture = row.architecture.as_ref().filter(|architecture| architecture.asks_device)?;
    let by_variable = architecture.variable.as_ref().is_some_and(|name| variables.get(name).is_some());
    if options.contains_key(&architecture.option) || by_variable {
        return None;
    }
    Some(AskedDevice {
        option: architecture.option.clone(),
        example: architecture.example.clone().unwrap_or_default(),
        or_cuda: row.system.iter().any(|need| need == CUDA),
        devices: row.devices.iter().map(Utf8PathBuf::from).collect(),
    })
}

/// Adds to the environment of the component's commands what names SDKs, and puts programs on PATH that are started by
/// their name.
pub(super) fn extend(
    environment: &mut BTreeMap<String, String>,
    known: &Known<'_>,
    planned: &Planned<'_>,
    options: &Options,
) {
    if !concerned(planned) {
        return;
    }
    let variables = variables(known, planned);
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for row in accelerators::active(options) {
        for (name, value) in row.environment(options, &variables) {
            environment.insert(name, value);
        }
        first.extend(row.path(options, &variables));
        if row.tools.iter().any(|tool| tool == PYTHON) && known.case.python_environment().is_some() {
            first.extend(python_home(known).program.parent().map(ToOwned::to_owned));
        }
        // A vendor's image has its programs where its own PATH says.
        let places = row.tools.iter().filter_map(|tool| known.target.tools.get(tool));
        last.extend(places.filter_map(|tool| Utf8PathBuf::from(&tool.path).parent().map(ToOwned::to_owned)));
    }
    let Some(path) = environment.get_mut("PATH") else { return };
    let mut words: Vec<String> = Vec::new();
    let present = path.split(':').map(str::to_owned);
    let words_of = |paths: Vec<Utf8PathBuf>| paths.into_iter().map(Utf8PathBuf::into_string);
    for word in words_of(first).chain(present).chain(words_of(last)) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    *path = words.join(":");
}

/// Python packages that are imported while the component is configured, each with the file by which it is seen.
pub(super) fn python_packages(planned: &Planned<'_>) -> BTreeMap<String, String> {
    let packages = active(planned).into_iter().flat_map(|row| &row.python);
    packages.map(|package| (package.clone(), MODULE.to_owned())).collect()
}
