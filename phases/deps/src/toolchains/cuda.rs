//! The CUDA toolkit: the machine's, else that of PyPI's wheels.

use std::collections::BTreeMap;

use camino::Utf8Path;
use engine::runner::{Context, Finding, Observation, StepError};
use model::case::CudaOrigin;
use model::cuda::{CUDA, FIRST_WHEELS, WantedCuda, newest_gcc};
use model::event::FailureKind;
use model::target::CudaToolkit;

use super::{cuda_machine, cuda_wheels};
use crate::needs;

/// Looks for one that will do.
pub(super) fn observe(
    wanted: &WantedCuda,
    tree: Option<&Utf8Path>,
    context: &dyn Context,
) -> Result<Observation, StepError> {
    let mut seen = Observation::default();
    if let Some(toolkit) = machine(wanted, context) {
        seen.found.insert(CUDA.to_owned(), format!("{} ({})", toolkit.version, toolkit.root));
        return Ok(seen);
    }
    let locked = cuda_wheels::locked(wanted, context);
    if let Some(tree) = tree {
        if let Some(version) = cuda_wheels::unpacked(tree, locked.as_ref()) {
            seen.found.insert(CUDA.to_owned(), format!("{version} ({tree})"));
            return Ok(seen);
        }
    }
    let cure = match tree {
        Some(_) => "run `installer deps`, which brings it from PyPI".to_owned(),
        None => cures(wanted).join("; "),
    };
    seen.findings.push(Finding { what: absent(wanted, context), cure });
    Ok(seen)
}

/// Brings the toolkit of wheels: the versions of the lock, else the newest of the release.
pub(super) fn run(
    wanted: &WantedCuda,
    tree: Option<&Utf8Path>,
    artifacts: &Utf8Path,
    context: &dyn Context,
) -> Result<(), StepError> {
    let (Some(tree), Some(release)) = (tree, wanted.of_wheels()) else {
        return Err(StepError::of_kind(FailureKind::Preflight, absent(wanted, context), cures(wanted)));
    };
    cuda_wheels::bring(wanted, &release, tree, &artifacts.join("tools"), context)
}

/// Whether the toolkit that a build was planned with is there and takes the planned compiler. What was found names the
/// toolkit by its compiler's content, so that an update counts for what it compiled.
///
/// # Errors
/// All that is wrong, with what would work.
pub(crate) fn look(
    wanted: &WantedCuda,
    root: &Utf8Path,
    host_compiler: Option<&Utf8Path>,
    wanted_by: &[String],
    context: &dyn Context,
) -> Result<String, Finding> {
    let finding = |what: String, cures: Vec<String>| Finding {
        what: if wanted_by.is_empty() { what } else { format!("{what}, needed by {}", wanted_by.join(", ")) },
        cure: cures.join("; or "),
    };
    let failed = |error: StepError| match error {
        StepError::Failed(failure) => finding(failure.message, failure.cures),
        StepError::Cancelled => finding("the run was cancelled while it looked".to_owned(), Vec::new()),
    };
    let Some(toolkit) = cuda_machine::read(Utf8Path::new("/"), root).filter(|one| wanted.takes(&one.version))
    else {
        let mut cures = cures(wanted);
        if wanted.of_wheels().is_some() {
            cures.insert(0, "run `installer deps`, which brings it".to_owned());
        }
        return Err(finding(absent(wanted, context), cures));
    };
    let nvcc = root.join("bin/nvcc");
    let newest = toolkit.newest_gcc.or_else(|| newest_gcc(&toolkit.version));
    let compiler = match host_compiler {
        Some(compiler) => {
            let version = needs::tool_version(compiler, context).map_err(failed)?;
            let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
            if newest.zip(major).is_some_and(|(newest, major)| major > newest) {
                return Err(finding(
                    format!("{compiler} is {version}, and {} takes", of_gcc(&toolkit, newest)),
                    compiler_cures(newest),
                ));
            }
            format!("{compiler} {version}")
        }
        None => {
            let installed = &context.target().cxx_compilers;
            let names: Vec<&str> = installed.iter().map(|tool| tool.path.as_str()).collect();
            let have = if names.is_empty() { "none is installed".to_owned() } else { names.join(", ") };
            return Err(finding(
                format!(
                    "no g++ for the host's part of CUDA code: {} takes; there is {have}",
                    of_gcc(&toolkit, newest)
                ),
                compiler_cures(newest),
            ));
        }
    };
    let content = needs::content(&nvcc, context).map_err(failed)?;
    Ok(format!("{CUDA} {} {content} ({root}) with {compiler}", toolkit.version))
}

fn of_gcc(toolkit: &CudaToolkit, newest: Option<u32>) -> String {
    let newest = newest.map_or("an unknown gcc".to_owned(), |newest| format!("gcc up to {newest} is what"));
    format!("{newest} CUDA {} ({})", toolkit.version, toolkit.root)
}

fn compiler_cures(newest: Option<u32>) -> Vec<String> {
    let package = newest.map_or("g++".to_owned(), |newest| format!("g++-{newest}"));
    vec![
        format!(
            "add \"apt:{package}\" (or an older one) to `system` of the component and run `installer deps`"
        ),
        "name one that is elsewhere with CUDAHOSTCXX in `environment` of the component".to_owned(),
        "take a newer toolkit".to_owned(),
    ]
}

/// The machine's toolkit as it is now: packages may have brought one since the target was looked at.
fn machine(wanted: &WantedCuda, context: &dyn Context) -> Option<CudaToolkit> {
    wanted.of_system(&toolkits(context)).cloned()
}

fn toolkits(context: &dyn Context) -> Vec<CudaToolkit> {
    let path = context.network_environment().get("PATH").cloned().unwrap_or_default();
    let mut environment = BTreeMap::from([("PATH".to_owned(), path)]);
    // What the environment named when the target was looked at stands first there.
    if let Some(first) = context.target().cuda.first() {
        environment.insert("CUDA_HOME".to_owned(), first.root.clone());
    }
    cuda_machine::find(Utf8Path::new("/"), &environment)
}

fn absent(wanted: &WantedCuda, context: &dyn Context) -> String {
    let there: Vec<String> = match wanted.from {
        CudaOrigin::Wheels => Vec::new(),
        _ => toolkits(context).iter().map(|one| format!("{} is {}", one.root, one.version)).collect(),
    };
    let there = if there.is_empty() { String::new() } else { format!(" ({})", there.join(", ")) };
    match &wanted.version {
        Some(_) => format!("{} is not there{there}", wanted.described()),
        None => format!("{} is needed, and there is none{there}", wanted.described()),
    }
}

/// The ways to a toolkit.
fn cures(wanted: &WantedCuda) -> Vec<String> {
    let mut cures = vec![
        "start from a base image that holds it, or say where it is with CUDA_HOME".to_owned(),
        "install it from its vendor's repository: [[system_packages.apt.repositories]] (docs/cuda.md)"
            .to_owned(),
    ];
    if wanted.of_wheels().is_none() {
        cures.push(format!(
            "take {FIRST_WHEELS} or newer from PyPI: [toolchains.cuda] from = \"wheels\", version = \"{FIRST_WHEELS}\""
        ));
    }
    cures
}
