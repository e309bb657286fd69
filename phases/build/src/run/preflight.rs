//! Whether all that a component's build needs is there: everything that is missing at once, before anything compiles.

mod accelerators;
mod backend;
pub(super) mod checkout;
mod compiler_cache;
mod marked;
mod source;

use camino::Utf8Path;
pub(super) use compiler_cache::CompilerCaches;
use engine::runner::{Context, Finding, Observation, StepError};
use engine::source_files;
use model::catalog::version_at_least;
use model::event::{Failure, FailureKind};
use model::plan::{DiskEstimate, FetchedCrates, Need, Preflight, Probe, RequiredPath};
use model::source_facts::PinnedRust;
use rustix::fs::Access;

use super::BuildRunner;

pub(super) fn observe(
    runner: &BuildRunner<'_>,
    action: &Preflight,
    context: &dyn Context,
) -> Result<Observation, StepError> {
    let mut observation = Observation::default();
    needs(runner, action, context, &mut observation)?;
    let pinned = match &action.rust_pin {
        Some(pin) => pinned_rust(runner, pin, context, &mut observation)?,
        None => true,
    };
    if let Some(minimum) = action.rust.as_ref().filter(|_| pinned) {
        rust(runner, minimum, action, context, &mut observation)?;
    }
    if let Some(required) = &action.python {
        let seen = (runner.check_python)(required, context)?;
        observation.findings.extend(seen.findings);
        observation.found.extend(seen.found);
    }
    python_packages(action, &mut observation)?;
    if let Some(required) = &action.backend {
        backend::look(required, &mut observation)?;
    }
    for required in &action.accelerators {
        accelerators::look(required, context.target().container, &mut observation);
    }
    if let Some(required) = &action.checkout {
        checkout::look(required, context, &mut observation)?;
    }
    if let Some(required) = &action.source {
        source::look(runner, required, &action.prefixes, context, &mut observation)?;
    }
    if let Some(required) = &action.build_file {
        marked::look(required, &mut observation);
    }
    xmake_packages(runner, action, context, &mut observation);
    for name in &action.compiler_caches {
        runner.compiler_caches.found_by_chance(name, context, &mut observation)?;
    }
    for required in &action.paths {
        if !required.path.exists() {
            observation.findings.push(Finding {
                what: format!("{} does not exist", model::layout::plain(&required.path)),
                cure: required.cure.clone(),
            });
        }
    }
    for directory in &action.writable {
        observation.findings.extend(not_writable(directory));
    }
    if action.disk_mib > 0 || !action.disk_for.is_empty() {
        disk(action, &mut observation)?;
    }
    Ok(observation)
}

/// The tools and libraries that the component needs.
fn needs(
    runner: &BuildRunner<'_>,
    action: &Preflight,
    context: &dyn Context,
    observation: &mut Observation,
) -> Result<(), StepError> {
    for need in &action.needs {
        match (runner.check_need)(need, &action.prefixes, context) {
            Ok(Some(found)) => {
                observation.found.insert(need.name.clone(), found);
                if matches!(need.name.as_str(), "ccache" | "sccache") {
                    runner.compiler_caches.asked_for(&need.name, context, observation)?;
                }
            }
            Ok(None) => {}
            Err(finding) if need.optional => {
                observation.warnings.push(format!("{}: {}", finding.what, finding.cure));
            }
            Err(finding) => observation.findings.push(finding),
        }
    }
    Ok(())
}

/// What must be among the wheels of the case.
fn python_packages(action: &Preflight, observation: &mut Observation) -> Result<(), StepError> {
    if let Some(required) = &action.wheels {
        let lock = engine::files::record(&required.lock)?.unwrap_or_default();
        // `name==version \` begins each entry of a requirements file with hashes.
        let there = |name: &str| lock.lines().any(|line| line.split("==").next() == Some(name));
        for (name, what) in required.packages.iter().filter(|(name, _)| !there(name)) {
            observation.findings.push(Finding {
                what: format!("{what} is needed, but {name} is not among the wheels of the case"),
                cure: format!("add {name} to `packages` of [python] in the case, and run `installer deps`"),
            });
        }
    }
    if let Some(required) = &action.project {
        let lock = engine::files::record(&required.lock)?.unwrap_or_default();
        let there = |name: &str| lock.lines().any(|line| line.split("==").next() == Some(name));
        for requirement in engine::pyproject::build_requirements(&required.file)? {
            // Whether a condition holds here is pip's to say, before it builds anything.
            if !requirement.conditional && !there(&requirement.name) {
                observation.findings.push(Finding {
                    what: format!(
                        "{} is not among the wheels of the case, but {} needs `{}` to build",
                        requirement.name, required.file, requirement.text
                    ),
                    cure: "run `installer deps`, which downloads it".to_owned(),
                });
            }
        }
    }
    Ok(())
}

/// What an xmake project asks xmake for, which must be found without it.
fn xmake_packages(
    runner: &BuildRunner<'_>,
    action: &Preflight,
    context: &dyn Context,
    observation: &mut Observation,
) {
    for required in &action.xmake_packages {
        let need = Need {
            name: required.module.clone(),
            probe: Some(Probe::PkgConfig { module: required.module.clone(), minimum: None }),
            packages: Vec::new(),
            wanted_by: Vec::new(),
            optional: false,
        };
        match (runner.check_need)(&need, &action.prefixes, context) {
            Ok(found) => observation.found.extend(found.map(|found| (need.name, found))),
            Err(_) => observation.findings.push(Finding {
                what: format!(
                    "the project requires {} from xmake, but neither the case nor the system has it",
                    required.asked
                ),
                cure: required.cure.clone(),
            }),
        }
    }
}

pub(super) fn require(
    runner: &BuildRunner<'_>,
    action: &Preflight,
    context: &dyn Context,
) -> Result<(), StepError> {
    let observation = observe(runner, action, context)?;
    if observation.holds() {
        return Ok(());
    }
    let found: Vec<&str> = observation.findings.iter().map(|finding| finding.what.as_str()).collect();
    let mut cures: Vec<String> = Vec::new();
    for finding in &observation.findings {
        if !cures.contains(&finding.cure) {
            cures.push(finding.cure.clone());
        }
    }
    Err(StepError::Failed(Failure {
        kind: FailureKind::Preflight,
        message: found.join("; "),
        cures,
        ..Failure::default()
    }))
}

/// Whether the Rust that the source pins is where the build finds it.
fn pinned_rust(
    runner: &BuildRunner<'_>,
    pin: &PinnedRust,
    context: &dyn Context,
    observation: &mut Observation,
) -> Result<bool, StepError> {
    if let Some((what, cure)) = pin.refusal() {
        observation.findings.push(Finding { what, cure: cure.to_owned() });
        return Ok(false);
    }
    let (channel, file) = (&pin.channel, &pin.file);
    let installed = (runner.find_rust)(Some(pin), context)?;
    if let Some((_, what)) = installed.filter(|(version, _)| pin.is_met_by(version) || !pin.is_release()) {
        observation.found.insert("rust".to_owned(), what);
        return Ok(true);
    }
    let there = (runner.find_rust)(None, context)?;
    let there = there.map_or_else(|| "no Rust".to_owned(), |(version, _)| format!("Rust {version}"));
    observation.findings.push(Finding {
        what: format!("{file} of the source pins Rust {channel}, which is not installed; the machine has {there}"),
        cure: format!(
            "run `installer deps`, which installs Rust {channel} with rustup; or write `ignore_pins = true` in \
             [toolchains.rust] to build with what the machine has"
        ),
    });
    Ok(false)
}

fn rust(
    runner: &BuildRunner<'_>,
    minimum: &str,
    action: &Preflight,
    context: &dyn Context,
    observation: &mut Observation,
) -> Result<(), StepError> {
    let cure = format!("run `installer deps`, which installs Rust {minimum} or newer");
    let crates: FetchedCrates =
        action.crates.as_deref().and_then(engine::files::read_cache).unwrap_or_default();
    match (runner.find_rust)(action.rust_pin.as_ref(), context)? {
        Some((version, what)) if version_at_least(&version, minimum) => {
            if let FetchedCrates { minimum_rust: Some(wanted), wanted_by: Some(by) } = &crates {
                if !version_at_least(&version, wanted) {
                    observation.findings.push(Finding {
                        what: format!("Rust is {version} ({what}), but the crate {by} needs {wanted} or \
                                       newer"),
                        cure: format!(
                            "set toolchains.rust.minimum = \"{wanted}\" in the case and run `installer deps`, or lock an older {by}"
                        ),
                    });
                }
            }
            observation.found.insert("rust".to_owned(), what);
        }
        Some((version, what)) => observation.findings.push(match &action.rust_pin {
            Some(PinnedRust { file, channel, .. }) => Finding {
                what: format!(
                    "{file} of the source pins Rust {channel}, but its Cargo.lock or `rust-version` needs {minimum} or newer"
                ),
                cure: "pin a newer one; or write `ignore_pins = true` in [toolchains.rust]".to_owned(),
            },
            None => Finding {
                what: format!("Rust is {version} ({what}), but {minimum} or newer is needed"),
                cure,
            },
        }),
        None => observation.findings.push(Finding { what: "Rust is not installed".to_owned(), cure }),
    }
    Ok(())
}

fn not_writable(required: &RequiredPath) -> Option<Finding> {
    let directory = &required.path;
    let existing = directory.ancestors().find(|path| path.exists()).unwrap_or(Utf8Path::new("/"));
    let allowed = existing.is_dir() && rustix::fs::access(existing.as_std_path(), Access::WRITE_OK).is_ok();
    (!allowed).then(|| Finding {
        what: format!("{directory} is not writable: {existing} belongs to another user"),
        cure: required.cure.clone(),
    })
}

fn disk(action: &Preflight, observation: &mut Observation) -> Result<(), StepError> {
    // The directory itself may not be there yet; the nearest one above it is on the same file system.
    let existing = action.disk_at.ancestors().find(|path| path.exists()).unwrap_or(Utf8Path::new("/"));
    let state = rustix::fs::statvfs(existing.as_std_path())
        .map_err(|error| StepError::io("ask for the free space of", existing, &error.into()))?;
    let free_mib = state.f_bavail.saturating_mul(state.f_frsize) / (1024 * 1024);
    observation.findings.extend(too_little_disk(action, free_mib, existing));
    Ok(())
}

fn too_little_disk(action: &Preflight, free_mib: u64, existing: &Utf8Path) -> Option<Finding> {
    let open: Vec<(&DiskEstimate, u64)> = action
        .disk_for
        .iter()
        .filter(|estimate| !estimate.taken.iter().any(|path| path.exists()))
        .map(|estimate| (estimate, mib(estimate)))
        .collect();
    let (needed, parts) = if action.disk_for.is_empty() {
        (action.disk_mib, String::new())
    } else {
        let parts: Vec<String> =
            open.iter().map(|(estimate, mib)| format!("{} {mib}", estimate.component)).collect();
        let sum = open.iter().fold(0, |sum: u64, (_, mib)| sum.saturating_add(*mib));
        let mut parts = format!(" ({})", parts.join(", "));
        if open.iter().any(|(estimate, _)| estimate.by_source.is_some()) {
            parts.push_str(&format!(
                "; without a built-in recipe this is an estimate: {TIMES_SOURCE} times the source, at least \
                 {LEAST_MIB} MiB"
            ));
        }
        (sum, parts)
    };
    (free_mib < needed).then(|| Finding {
        what: format!(
            "{} has {free_mib} MiB free, but about {needed} MiB are needed to build{parts}",
            action.disk_at
        ),
        cure: format!("free space on the file system of {existing}, or choose another one with --cache-dir"),
    })
}

/// How often a source's size its build takes, and the least that any does: a guess.
const TIMES_SOURCE: u64 = 10;
const LEAST_MIB: u64 = 64;

/// What a component takes: where nothing is known of it, that follows the size of its source, once that is there.
fn mib(estimate: &DiskEstimate) -> u64 {
    const MIB: u64 = 1024 * 1024;
    let Some(tree) = estimate.by_source.as_ref().filter(|tree| tree.is_dir()) else { return estimate.mib };
    // A checkout with data beside its code says little of what is compiled: the guess is not raised.
    let enough = estimate.mib.saturating_mul(MIB) / TIMES_SOURCE;
    let bytes = size_up_to(tree, enough);
    (bytes.saturating_mul(TIMES_SOURCE) / MIB).clamp(LEAST_MIB.min(estimate.mib), estimate.mib)
}

/// The size of the files below a directory, without `.git` and what tools make again; counting ends where it is enough.
fn size_up_to(tree: &Utf8Path, enough: u64) -> u64 {
    let (mut sum, mut open) = (0_u64, vec![tree.to_owned()]);
    while let Some(directory) = open.pop() {
        // What cannot be read is told of by the step that copies or compiles it.
        let Ok(entries) = directory.read_dir_utf8() else { continue };
        for entry in entries.flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => {
                    if entry.file_name() != ".git" && !source_files::is_product(entry.path().as_std_path()) {
                        open.push(entry.path().to_owned());
                    }
                }
                Ok(metadata) => sum = sum.saturating_add(metadata.len()),
                Err(_) => {}
            }
        }
        if sum >= enough {
            break;
        }
    }
    sum
}

#[cfg(test)]
#[path = "preflight_tests.rs"]
mod tests;
