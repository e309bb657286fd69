//! Makes sure that what a case needs of the distribution is there.

use std::collections::BTreeSet;
use std::sync::Arc;

use camino::Utf8Path;
use engine::runner::{Context, Finding, Observation, StepError};
use model::distribution::HOW_TO_SAY;
use model::event::{Failure, FailureKind};
use model::plan::{DeclaredRepository, EnsurePackages, Need};
use model::site::Sudo;

use super::apt_repositories::{self, Dead};
use super::manager::{Database, PackageManager};
use super::running::{self, database, lines_of};
use super::{by_name, lock_wait};
use crate::needs::{self, Checked, Machine};
use crate::network;

/// The root of the file system that packages are installed to; only tests look at another.
pub(super) const ROOT: &str = "/";

/// Looks what is missing. Starts no process but the version probes of tools that no package owns.
///
/// # Errors
/// When the package database cannot be read.
pub fn observe(action: &EnsurePackages, context: &dyn Context) -> Result<Observation, StepError> {
    observe_in(Utf8Path::new(ROOT), action, context)
}

fn observe_in(
    root: &Utf8Path,
    action: &EnsurePackages,
    context: &dyn Context,
) -> Result<Observation, StepError> {
    let looked = look(root, action, context)?;
    let mut seen = needs::observed(looked.results);
    let interrupted = looked.machine.database().is_some_and(|database| database.interrupted);
    if let Some(manager) = by_name(&action.manager).filter(|_| interrupted && !seen.findings.is_empty()) {
        seen.findings.push(Finding {
            what: "an earlier run of the package manager was interrupted".to_owned(),
            cure: format!("`installer deps` repairs it first (`{}`)", manager.repair_hint()),
        });
    }
    Ok(seen)
}

/// Installs what is missing.
///
/// # Errors
/// When a package is unknown to the distribution, cannot be downloaded, or root is needed and cannot be had.
pub fn run(action: &EnsurePackages, context: &dyn Context) -> Result<(), StepError> {
    run_in(Utf8Path::new(ROOT), action, context)
}

fn run_in(root: &Utf8Path, action: &EnsurePackages, context: &dyn Context) -> Result<(), StepError> {
    let Some(manager) = by_name(&action.manager) else { return Err(cannot_drive(action, context)) };
    if missing_packages(root, action, context)?.is_empty() {
        return nothing_to_install(root, action, context);
    }
    needs_root(root, manager, action, context)?;
    lock_wait::wait(&manager.lock_files(root), context)?;
    // Whoever held the lock may have installed what was missing.
    let missing = missing_packages(root, action, context)?;
    if missing.is_empty() {
        return nothing_to_install(root, action, context);
    }
    install_in(root, manager, &missing, &action.repositories, context)
        .map_err(|error| name_the_askers(error, action, manager, &missing))
}

/// Installs packages with this manager: mends an interrupted transaction, brings the lists up to date where the
/// packages cannot be found or downloaded without, and installs.
///
/// # Errors
/// When the packages are unknown or cannot be downloaded, and when the run may not use the network.
pub(crate) fn install(
    manager: &'static dyn PackageManager,
    packages: &[String],
    context: &dyn Context,
) -> Result<(), StepError> {
    install_in(Utf8Path::new(ROOT), manager, packages, &[], context)
}

fn install_in(
    root: &Utf8Path,
    manager: &'static dyn PackageManager,
    packages: &[String],
    repositories: &[DeclaredRepository],
    context: &dyn Context,
) -> Result<(), StepError> {
    if context.offline() {
        return Err(StepError::new(
            format!("{} not installed, and --offline forbids downloading", listed(packages)),
            format!("run without --offline, or install by hand: {}", manager.cure(packages)),
        ));
    }
    manager.write_site(Utf8Path::new(ROOT), context)?;
    let execute = |argv: &[String]| running::execute(manager, argv, context);
    if read_database(root, manager, context)?.interrupted {
        context.note(&format!("an earlier run of {} was interrupted; finishing it first", manager.name()));
        for argv in manager.repair_argv() {
            execute(&argv)?;
        }
    }
    context.figure("packages", packages.len() as u64);
    // Asked before those of the case's repositories are there.
    let has_lists = manager.has_lists(root);
    let dead = apt_repositories::set_up(root, manager, repositories, context)?;
    if !repositories.is_empty() {
        // What the site's configuration of apt reads is a copy of the system's sources.
        manager.write_site(Utf8Path::new(ROOT), context)?;
    }
    let mut refreshed = None;
    if !has_lists || must_refresh(root, manager, packages, context)? {
        refreshed = Some(refresh(manager, context)?);
        let unknown = simulate(manager, packages, context)?;
        if !unknown.is_empty() {
            return Err(unknown_packages(manager, &unknown, &dead, refreshed.flatten(), context));
        }
    }
    let attempt = || manager.install_argv(packages).iter().try_for_each(|argv| execute(argv).map(drop));
    let done = match attempt() {
        Err(StepError::Failed(failure))
            if refreshed.is_none() && manager.lists_are_stale(&lines_of(&failure)) =>
        {
            context.note("the package lists are older than the mirror's; updating them");
            refresh(manager, context)?;
            attempt()
        }
        other => other,
    };
    let Err(StepError::Failed(failure)) = done else { return done };
    let lines = lines_of(&failure);
    let held = manager.held_packages(&lines);
    if !held.is_empty() {
        return Err(held_back(manager, &held));
    }
    match manager.explains(&lines) {
        // Whoever asked looks whether it is all there.
        Some(why) => {
            context.warn(&format!("{} continued without a repository: {why}", manager.name()));
            Ok(())
        }
        None => Err(StepError::Failed(failure)),
    }
}

fn held_back(manager: &dyn PackageManager, held: &[String]) -> StepError {
    StepError::of_kind(
        FailureKind::Preflight,
        format!(
            "{} knows {}, but this machine's configuration holds it back",
            manager.name(),
            held.join(", ")
        ),
        vec![format!("release it: {}", manager.hold_hint())],
    )
}

/// Brings the package lists, if there are none yet, so that the manager can be asked what it offers.
///
/// # Errors
/// When the run is cancelled.
pub(crate) fn have_lists(
    manager: &'static dyn PackageManager,
    context: &dyn Context,
) -> Result<(), StepError> {
    if context.offline() || !context.target().root || manager.has_lists(Utf8Path::new(ROOT)) {
        return Ok(());
    }
    manager.write_site(Utf8Path::new(ROOT), context)?;
    lock_wait::wait(&manager.lock_files(Utf8Path::new(ROOT)), context)?;
    refresh(manager, context).map(drop)
}

/// The commands that [`run`] would run as root now, in their order; empty when nothing is missing.
///
/// # Errors
/// When the package database cannot be read.
pub fn commands(action: &EnsurePackages, context: &dyn Context) -> Result<Vec<Vec<String>>, StepError> {
    commands_in(Utf8Path::new(ROOT), action, context)
}

fn commands_in(
    root: &Utf8Path,
    action: &EnsurePackages,
    context: &dyn Context,
) -> Result<Vec<Vec<String>>, StepError> {
    let Some(manager) = by_name(&action.manager) else { return Ok(Vec::new()) };
    let missing = missing_packages(root, action, context)?;
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let mut all = Vec::new();
    if read_database(root, manager, context)?.interrupted {
        all.extend(manager.repair_argv());
    }
    let repositories = apt_repositories::commands(root, &action.repositories, context)?;
    if !repositories.is_empty() || must_refresh(root, manager, &missing, context)? {
        all.extend(repositories);
        all.extend(manager.refresh_argv());
    }
    all.extend(manager.install_argv(&missing));
    Ok(all)
}

/// Packages that would have to be installed, sorted.
pub(super) fn missing_packages(
    root: &Utf8Path,
    action: &EnsurePackages,
    context: &dyn Context,
) -> Result<Vec<String>, StepError> {
    let looked = look(root, action, context)?;
    let mut missing = BTreeSet::new();
    for (need, result) in &looked.results {
        if result.is_ok() {
            continue;
        }
        let installed = |package: &&String| {
            looked.machine.database().is_some_and(|database| database.find(package).is_some())
        };
        let absent: Vec<&String> = need.packages.iter().filter(|package| !installed(package)).collect();
        // All there and still not good enough: too old, and installing again brings the newest.
        missing.extend(if absent.is_empty() { need.packages.iter().collect() } else { absent });
    }
    Ok(missing.into_iter().cloned().collect())
}

struct Looked<'a> {
    machine: Machine,
    results: Vec<(&'a Need, Checked)>,
}

fn look<'a>(
    root: &Utf8Path,
    action: &'a EnsurePackages,
    context: &dyn Context,
) -> Result<Looked<'a>, StepError> {
    let machine = Machine::read(root, Some(&action.manager), context)
        .map_err(|error| unreadable(&action.manager, &error))?;
    let host = machine.host(root, &[], context);
    let results = action.needs.iter().map(|need| (need, needs::check(need, &host))).collect();
    Ok(Looked { machine, results })
}

fn read_database(
    root: &Utf8Path,
    manager: &'static dyn PackageManager,
    context: &dyn Context,
) -> Result<Arc<Database>, StepError> {
    database(manager, root, context).map_err(|error| unreadable(manager.name(), &error))
}

fn unreadable(manager: &str, error: &std::io::Error) -> StepError {
    StepError::new(
        format!("failed to read the package database: {error}"),
        format!("check that this distribution uses {manager}, or name another with {HOW_TO_SAY}"),
    )
}

/// Whether the packages cannot be found in the lists that are there.
fn must_refresh(
    root: &Utf8Path,
    manager: &'static dyn PackageManager,
    packages: &[String],
    context: &dyn Context,
) -> Result<bool, StepError> {
    Ok(!manager.has_lists(root) || !simulate(manager, packages, context)?.is_empty())
}

/// The packages that the manager does not know.
fn simulate(
    manager: &'static dyn PackageManager,
    packages: &[String],
    context: &dyn Context,
) -> Result<Vec<String>, StepError> {
    let tried = running::capture(manager, &manager.simulate_argv(packages), context)?;
    if tried.status == 0 {
        return Ok(Vec::new());
    }
    let lines: Vec<String> = tried.stdout.lines().map(str::to_owned).chain(tried.tail).collect();
    Ok(manager.unknown_packages(&lines).into_iter().collect::<BTreeSet<_>>().into_iter().collect())
}

/// Brings the lists up to date. A repository that cannot be reached is a warning: it may not be needed; what went
/// wrong is handed back for the case that it was.
fn refresh(manager: &'static dyn PackageManager, context: &dyn Context) -> Result<Option<String>, StepError> {
    let mut trouble = None;
    for argv in manager.refresh_argv() {
        let said = match running::execute(manager, &argv, context) {
            // apt calls it a success when a repository does not answer.
            Ok(finished) => manager.refresh_trouble(&finished.tail),
            Err(StepError::Failed(failure)) => {
                Some(manager.refresh_trouble(&lines_of(&failure)).unwrap_or(failure.message))
            }
            Err(cancelled) => return Err(cancelled),
        };
        if let Some(said) = said {
            context.warn(&format!(
                "failed to update the package lists, continuing with the old ones: \
                                   {said}"
            ));
            trouble = Some(said);
        }
    }
    Ok(trouble)
}

fn unknown_packages(
    manager: &dyn PackageManager,
    unknown: &[String],
    dead: &[Dead],
    trouble: Option<String>,
    context: &dyn Context,
) -> StepError {
    let os = &context.target().os;
    let name = if os.pretty_name.is_empty() { &os.id } else { &os.pretty_name };
    let search = unknown.first().map(|package| manager.search_hint(package));
    let unknown = unknown.join(", ");
    if !dead.is_empty() {
        let troubles: Vec<String> = dead.iter().map(Dead::to_string).collect();
        return StepError::of_kind(
            FailureKind::Step,
            format!("{} does not know {unknown}, and {}", manager.name(), troubles.join("; ")),
            vec![
                "correct the repository in system_packages.apt.repositories of the case (uris, suites, key), or make it reachable".to_owned(),
            ],
        );
    }
    let of_network = trouble.as_ref().is_some_and(|trouble| {
        network::is_cause(&Failure { message: trouble.clone(), ..Failure::default() }, context)
    });
    let (message, cure) = match trouble {
        Some(trouble) => (
            format!(
                "failed to update the package lists, and without them {} does not know {unknown}: \
                     {trouble}",
                manager.name()
            ),
            if of_network {
                "make the distribution's repositories reachable (network, proxies); `installer doctor` shows what is set"
                    .to_owned()
            } else {
                format!(
                    "correct what {} says of its repositories: an address, a key, a release",
                    manager.name()
                )
            },
        ),
        None => (
            format!("{} of {name} does not know {unknown}", manager.name()),
            format!(
                "correct the name (system_packages and `system` in the case), or enable the repository that \
                 has {unknown}"
            ),
        ),
    };
    StepError::of_kind(FailureKind::Step, message, std::iter::once(cure).chain(search).collect())
}

/// Why nothing can be installed although the step does not hold, if so.
fn nothing_to_install(
    root: &Utf8Path,
    action: &EnsurePackages,
    context: &dyn Context,
) -> Result<(), StepError> {
    let seen = observe_in(root, action, context)?;
    if seen.holds() {
        return Ok(());
    }
    let (what, cures): (Vec<String>, Vec<String>) =
        seen.findings.into_iter().map(|finding| (finding.what, finding.cure)).unzip();
    Err(StepError::of_kind(FailureKind::Preflight, what.join("; "), cures))
}

fn needs_root(
    root: &Utf8Path,
    manager: &dyn PackageManager,
    action: &EnsurePackages,
    context: &dyn Context,
) -> Result<(), StepError> {
    if context.target().root || context.site().sudo != Sudo::Unavailable {
        return Ok(());
    }
    let missing = missing_packages(root, action, context)?;
    Err(StepError::of_kind(
        FailureKind::Preflight,
        format!("{} not installed, and installing packages must be run as root", listed(&missing)),
        vec![
            "have an administrator run what `installer deps --print-root-commands` prints, then run this \
             again"
                .to_owned(),
            format!("or run as root: {}", manager.command_line(&missing)),
        ],
    ))
}

fn cannot_drive(action: &EnsurePackages, context: &dyn Context) -> StepError {
    let os = &context.target().os;
    let name = if os.pretty_name.is_empty() { os.id.as_str() } else { os.pretty_name.as_str() };
    let name = if name.is_empty() { "an unknown distribution" } else { name };
    let known: Vec<&str> = super::MANAGERS.iter().map(|manager| manager.name()).collect();
    let packages: BTreeSet<&str> =
        action.needs.iter().flat_map(|need| &need.packages).map(String::as_str).collect();
    let names: Vec<&str> = action.needs.iter().map(|need| need.name.as_str()).collect();
    let (message, cure) = if action.manager.is_empty() {
        (
            format!("this is {name} (ID={:?} in /etc/os-release), whose package manager is unknown", os.id),
            format!("install what is missing by hand (of: {})", names.join(", ")),
        )
    } else {
        (
            format!("this is {name}, and installer does not support {} yet", action.manager),
            format!(
                "install what is missing with {} (of: {})",
                action.manager,
                packages.into_iter().collect::<Vec<_>>().join(" ")
            ),
        )
    };
    StepError::of_kind(
        FailureKind::Preflight,
        message,
        vec![cure, format!("or name the package manager, one of {}: {HOW_TO_SAY}", known.join(", "))],
    )
}

fn name_the_askers(
    error: StepError,
    action: &EnsurePackages,
    manager: &dyn PackageManager,
    missing: &[String],
) -> StepError {
    let StepError::Failed(mut failure) = error else { return error };
    let askers: BTreeSet<String> = action
        .needs
        .iter()
        .filter(|need| {
            need.packages
                .iter()
                .any(|package| missing.contains(package) && failure.message.contains(package.as_str()))
        })
        .map(|need| format!("{} is needed by {}", need.packages.join(" "), need.wanted_by.join(", ")))
        .collect();
    failure.cures.extend(askers);
    if failure.cures.is_empty() {
        failure.cures.push(format!("see the output of `{}`", manager.cure(missing)));
    }
    StepError::Failed(failure)
}

fn listed(packages: &[String]) -> String {
    let verb = if packages.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", packages.join(", "))
}

#[cfg(test)]
#[path = "ensure_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "ensure_rpm_tests.rs"]
mod rpm_tests;
