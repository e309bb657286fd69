//! cargo and rustc: an existing pair that is new enough, else the distribution's, else rustup's.
//!
//! A rustup proxy reads files of the source and may reach for the network, which `build` must not. So the toolchain
//! behind it is linked into the tools directory, whose `bin` leads PATH.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, Finding, Observation, StepError};
use model::SourceName;
use model::catalog::version_at_least;
use model::event::FailureKind;
use model::site::Sudo;

use super::rustup;
use crate::packages::{self, PackageManager};
use crate::sources::SourceRecord;
use crate::tools;
use engine::files;

/// A pair that works together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rust {
    /// cargo, no proxy.
    pub cargo: Utf8PathBuf,
    /// rustc, no proxy.
    pub rustc: Utf8PathBuf,
    /// The lower of both versions.
    pub version: String,
    /// Whether PATH alone leads to it; else it has to be linked into the tools directory.
    pub on_path: bool,
}

/// The cargo and rustc that a build uses: those linked into the tools directory, else those on PATH, else those that
/// rustup keeps. `None` when there are none. Versions are remembered for as long as the programs do not change.
///
/// # Errors
/// When one that is there cannot tell its version.
pub fn find(context: &dyn Context) -> Result<Option<Rust>, StepError> {
    if let Some((cargo, rustc)) = linked_pair(&linked_directory(context)) {
        return with_version(RustPair { cargo, rustc, on_path: true }, context).map(Some);
    }
    places(None, context).into_iter().next().map(|place| with_version(place, context)).transpose()
}

/// Where a pair lies.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RustPair {
    cargo: Utf8PathBuf,
    rustc: Utf8PathBuf,
    on_path: bool,
}

/// All pairs that are there, best first: on PATH (behind a proxy: the toolchain that it stands for), kept by the
/// user's rustup though not on PATH, brought by an earlier run. Links of our own do not count: they follow from these.
fn places(install_root: Option<&Utf8Path>, context: &dyn Context) -> Vec<RustPair> {
    let environment = context.network_environment();
    let linked = linked_directory(context);
    let path = environment.get("PATH").map_or("", String::as_str);
    let path: Vec<&str> = path.split(':').filter(|directory| *directory != linked.as_str()).collect();
    let path = path.join(":");
    let on_path = |name: &str| tools::find_tool(Utf8Path::new("/"), &path, &[name.to_owned()]);
    let homes = rustup::Homes::of(&environment);

    let mut found = Vec::new();
    let toolchain = |homes: &rustup::Homes| {
        rustup::toolchain_of(homes).map(|bin| RustPair {
            cargo: bin.join("cargo"),
            rustc: bin.join("rustc"),
            on_path: false,
        })
    };
    if let (Some(cargo), Some(rustc)) = (on_path("cargo"), on_path("rustc")) {
        if rustup::is_proxy(&cargo) || rustup::is_proxy(&rustc) {
            found.extend(toolchain(&homes.for_proxy(&cargo)));
        } else {
            found.push(RustPair { cargo, rustc, on_path: true });
        }
    }
    found.extend(toolchain(&homes));
    found.extend(install_root.and_then(|root| toolchain(&rustup::Homes::below(root))));
    found
}

/// A pair of these programs.
///
/// # Errors
/// When one cannot tell its version.
pub(super) fn pair(cargo: Utf8PathBuf, rustc: Utf8PathBuf, context: &dyn Context) -> Result<Rust, StepError> {
    with_version(RustPair { cargo, rustc, on_path: false }, context)
}

fn with_version(place: RustPair, context: &dyn Context) -> Result<Rust, StepError> {
    let (a, b) = (tools::tool_version(&place.cargo, context)?, tools::tool_version(&place.rustc, context)?);
    let version = if version_at_least(&a, &b) { b } else { a };
    Ok(Rust { cargo: place.cargo, rustc: place.rustc, version, on_path: place.on_path })
}

/// The first pair that is new enough, and the first of all for the message when none is. What is linked already comes
/// first: cases share the links, and would else undo each other's.
fn choose(
    wanted: Option<&str>,
    install_root: &Utf8Path,
    context: &dyn Context,
) -> Result<(Option<Rust>, Option<Rust>), StepError> {
    let mut first = None;
    let linked = linked_pair(&linked_directory(context));
    let linked = linked.map(|(cargo, rustc)| RustPair { cargo, rustc, on_path: false });
    for place in linked.into_iter().chain(places(Some(install_root), context)) {
        let ours = [install_root, &context.layout().tools()].iter().any(|root| place.cargo.starts_with(root));
        let pair = match with_version(place, context) {
            Ok(pair) => pair,
            // What was brought here and does not run is brought again.
            Err(StepError::Failed(_)) if ours => continue,
            Err(error) => return Err(error),
        };
        if wanted.is_none_or(|wanted| version_at_least(&pair.version, wanted)) {
            return Ok((Some(pair), first));
        }
        first.get_or_insert(pair);
    }
    Ok((None, first))
}

/// The lowest Rust that the case and its sources want.
///
/// # Errors
/// When the record of a fetched source cannot be read.
pub fn wanted(
    minimum: Option<&str>,
    sources: &[SourceName],
    source_artifacts: &Utf8Path,
) -> Result<Option<String>, StepError> {
    let mut wanted = minimum.map(str::to_owned);
    for source in sources {
        // A mounted source has no record: what it wants is in `minimum` already.
        let record = SourceRecord::read(&source_artifacts.join(source.as_str()))?;
        if let Some(required) = record.and_then(|record| record.facts.required_rust()) {
            wanted = Some(higher(wanted, required));
        }
    }
    Ok(wanted)
}

/// The larger of two versions.
pub(crate) fn higher(one: Option<String>, other: String) -> String {
    match one {
        Some(one) if version_at_least(&one, &other) => one,
        _ => other,
    }
}

pub(super) fn observe(
    wanted: Option<&str>,
    install_root: &Utf8Path,
    context: &dyn Context,
) -> Result<Observation, StepError> {
    let mut seen = Observation::default();
    let need = wanted
        .map_or_else(|| "Rust is needed".to_owned(), |wanted| format!("Rust {wanted} or newer is needed"));
    let cure = "run `installer deps`, or install Rust by hand and put cargo and rustc on PATH";
    match choose(wanted, install_root, context)? {
        (Some(pair), _) => {
            if !is_in_place(&pair, context) {
                seen.findings.push(Finding {
                    what: format!(
                        "{} is not the one that {} leads to",
                        pair.cargo,
                        linked_directory(context)
                    ),
                    cure: "run `installer deps`".to_owned(),
                });
            }
            seen.found.insert("rust".to_owned(), format!("{} ({})", pair.version, pair.cargo));
        }
        (None, Some(old)) => seen.findings.push(Finding {
            what: format!("{} is Rust {}, but {need}", old.cargo, old.version),
            cure: cure.to_owned(),
        }),
        (None, None) => seen.findings.push(Finding {
            what: format!("cargo and rustc are not installed, but {need}"),
            cure: cure.to_owned(),
        }),
    }
    Ok(seen)
}

/// A way to bring Rust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is there, and only has to be linked.
    Link,
    /// Packages of the distribution.
    Packages(Vec<String>),
    /// rustup, with this toolchain.
    Rustup(String),
}

/// What can be chosen from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    /// The version that is there.
    pub existing: Option<String>,
    /// Candidates of the distribution: packages → version, best first.
    pub candidates: Vec<(Vec<String>, String)>,
    /// Whether packages can be installed.
    pub may_install: bool,
}

/// From here on cargo asks a registry for the crates that it needs; before, it clones the index of all crates with git,
/// which many mirrors do not offer.
const SPARSE: &str = "1.70";

/// An existing one that is new enough, else the distribution's, else rustup's `stable`.
pub(crate) fn decide(wanted: Option<&str>, choice: &Choice) -> Way {
    let enough = |version: &str| wanted.is_none_or(|wanted| version_at_least(version, wanted));
    if choice.existing.as_deref().is_some_and(enough) {
        return Way::Link;
    }
    let packaged = || choice.candidates.iter().filter(|(_, version)| enough(version));
    let best =
        packaged().find(|(_, version)| version_at_least(version, SPARSE)).or_else(|| packaged().next());
    match best {
        Some((packages, _)) if choice.may_install => Way::Packages(packages.clone()),
        _ => Way::Rustup("stable".to_owned()),
    }
}

pub(super) fn run(
    wanted: Option<&str>,
    install_root: &Utf8Path,
    manager: Option<&str>,
    context: &dyn Context,
) -> Result<(), StepError> {
    let manager = manager.and_then(packages::by_name);
    let (enough, old) = choose(wanted, install_root, context)?;
    // As an ordinary user this step has no root: what the distribution could give is advice then.
    let mut choice = Choice {
        existing: enough.or(old).map(|pair| pair.version),
        may_install: context.target().root,
        ..Choice::default()
    };
    if matches!(decide(wanted, &choice), Way::Rustup(_)) {
        if let Some(manager) = manager {
            packages::have_lists(manager, context)?;
            choice.candidates = candidates(manager, context)?;
        }
    }
    match decide(wanted, &choice) {
        Way::Link => {}
        Way::Packages(names) => {
            let manager = manager.ok_or_else(|| StepError::new("no package manager", "name one"))?;
            packages::install(manager, &names, context)?;
        }
        Way::Rustup(toolchain) => {
            remove_damaged(install_root, context)?;
            rustup::install(&toolchain, install_root, context)
                .map_err(|error| no_way(error, wanted, &choice, manager, context))?;
        }
    }
    let (pair, _) = choose(wanted, install_root, context)?;
    pair.map_or(Ok(()), |pair| put_in_place(&pair, context))
}

/// Removes a toolchain that was installed here and does not run: rustup takes what is there for whole.
fn remove_damaged(install_root: &Utf8Path, context: &dyn Context) -> Result<(), StepError> {
    let homes = rustup::Homes::below(install_root);
    let Some(bin) = rustup::toolchain_of(&homes) else { return Ok(()) };
    let runs = pair(bin.join("cargo"), bin.join("rustc"), context);
    match (runs, bin.parent()) {
        (Err(StepError::Failed(_)), Some(toolchain)) => {
            let name = toolchain.file_name().unwrap_or_default();
            files::remove_tree(&homes.rustup.join("update-hashes").join(name))?;
            files::remove_tree(toolchain)
        }
        (Err(StepError::Cancelled), _) => Err(StepError::Cancelled),
        _ => Ok(()),
    }
}

/// Which versions of rustc the distribution could install.
fn candidates(
    manager: &'static dyn PackageManager,
    context: &dyn Context,
) -> Result<Vec<(Vec<String>, String)>, StepError> {
    let mut found = Vec::new();
    for pair in manager.rust_packages() {
        let [rustc, _] = pair;
        if let Some(version) = packages::candidate(manager, rustc, context)? {
            let upstream = version.split_once(':').map_or(version.as_str(), |(_, rest)| rest).to_owned();
            found.push((pair.iter().map(|name| (*name).to_owned()).collect(), upstream));
        }
    }
    Ok(found)
}

/// Makes the tools directory, whose `bin` leads PATH, lead to this pair, or to none when PATH alone does.
fn put_in_place(pair: &Rust, context: &dyn Context) -> Result<(), StepError> {
    let directory = linked_directory(context);
    for (name, target) in [("cargo", &pair.cargo), ("rustc", &pair.rustc)] {
        let link = directory.join(name);
        files::make_way(&link)?;
        if pair.on_path {
            remove_link(&link)?;
            continue;
        }
        files::create_dir_all(&directory)?;
        // Another case may be compiling with what is there: at no moment is there nothing.
        let new = Utf8PathBuf::from(format!("{link}.new"));
        remove_link(&new)?;
        std::os::unix::fs::symlink(target, &new).map_err(|error| StepError::io("link", &new, &error))?;
        files::rename(&new, &link)?;
    }
    Ok(())
}

fn remove_link(link: &Utf8Path) -> Result<(), StepError> {
    match std::fs::remove_file(link) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StepError::io("remove", link, &error))
        }
        _ => Ok(()),
    }
}

fn linked_directory(context: &dyn Context) -> Utf8PathBuf {
    context.layout().tools().join("bin")
}

fn is_in_place(pair: &Rust, context: &dyn Context) -> bool {
    match linked_pair(&linked_directory(context)) {
        Some((cargo, rustc)) => {
            cargo == tools::resolved(&pair.cargo) && rustc == tools::resolved(&pair.rustc)
        }
        None => pair.on_path,
    }
}

/// What our links lead to, if both lead somewhere.
fn linked_pair(linked: &Utf8Path) -> Option<(Utf8PathBuf, Utf8PathBuf)> {
    Some((linked.join("cargo").canonicalize_utf8().ok()?, linked.join("rustc").canonicalize_utf8().ok()?))
}

fn no_way(
    error: StepError,
    wanted: Option<&str>,
    choice: &Choice,
    manager: Option<&'static dyn PackageManager>,
    context: &dyn Context,
) -> StepError {
    let StepError::Failed(mut failure) = error else { return error };
    let need = wanted
        .map_or_else(|| "Rust is needed".to_owned(), |wanted| format!("Rust {wanted} or newer is needed"));
    let existing = choice
        .existing
        .as_ref()
        .map_or_else(|| "none is installed".to_owned(), |version| format!("{version} is installed"));
    let offered = match choice.candidates.as_slice() {
        [] => "the distribution has none".to_owned(),
        some => {
            let some: BTreeMap<&str, &str> =
                some.iter().map(|(names, version)| (names[0].as_str(), version.as_str())).collect();
            let some: Vec<String> = some.iter().map(|(name, version)| format!("{name} {version}")).collect();
            format!("the distribution has {}", some.join(", "))
        }
    };
    let reason = failure.message;
    failure.kind = FailureKind::Preflight;
    failure.message = format!("{need}; {existing}, {offered}, and rustup failed to install it: {reason}");
    let good = choice
        .candidates
        .iter()
        .find(|(_, version)| wanted.is_none_or(|wanted| version_at_least(version, wanted)));
    if let (Some((packages, _)), Some(manager)) = (good, manager) {
        let how = if context.site().sudo == Sudo::Unavailable {
            "ask the administrator for"
        } else {
            "run as root"
        };
        failure.cures.insert(0, format!("{how}: {}", manager.cure(packages)));
    }
    failure.cures.push("or install Rust by hand and put cargo and rustc on PATH".to_owned());
    StepError::Failed(failure)
}

#[cfg(test)]
#[path = "rust_tests.rs"]
mod tests;
