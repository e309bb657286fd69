//! The Rust that a source pins in `rust-toolchain.toml`: a toolchain that rustup keeps, or the machine's own where that is
//! exactly it, linked below the tools directory, where builds of that source find it.

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, Finding, Observation, StepError};
use model::SourceName;
use model::event::FailureKind;
use model::source_facts::PinnedRust;

use super::rust::{self, Rust};
use super::rustup;
use crate::sources::SourceRecord;
use crate::tools;

/// Programs of a toolchain that a build may call.
const PROGRAMS: &[&str] = &["cargo", "rustc", "rustdoc"];

/// Parts that no build needs.
const FOR_PEOPLE: &[&str] =
    &["clippy", "rustfmt", "rust-analyzer", "rust-docs", "miri", "rust-analysis", "cargo", "rustc"];

/// The pins of a case: those of the user's own directories, and what fetched sources say once they are there.
///
/// # Errors
/// When the record of a fetched source cannot be read.
pub fn wanted(
    pins: &[PinnedRust],
    sources: &[SourceName],
    source_artifacts: &Utf8Path,
) -> Result<Vec<PinnedRust>, StepError> {
    let mut wanted = pins.to_vec();
    for source in sources {
        let record = SourceRecord::read(&source_artifacts.join(source.as_str()))?;
        wanted.extend(record.into_iter().flat_map(|record| record.facts.rust_pins));
    }
    wanted.retain(|pin| pin.cargo);
    wanted.sort_by(|one, other| one.channel.cmp(&other.channel));
    wanted.dedup();
    Ok(wanted)
}

/// The pair that builds of a source with this pin use, if it is in its place.
///
/// # Errors
/// When a program that is there cannot tell its version.
pub fn find(pin: &PinnedRust, context: &dyn Context) -> Result<Option<Rust>, StepError> {
    let bin = pin.home(&context.layout().tools()).join("bin");
    let program = |name: &str| bin.join(name).canonicalize_utf8().ok().filter(|_| bin.join(name).is_file());
    let (Some(cargo), Some(rustc)) = (program("cargo"), program("rustc")) else { return Ok(None) };
    rust::pair(cargo, rustc, context).map(Some)
}

pub(super) fn observe(pins: &[PinnedRust], context: &dyn Context) -> Result<Observation, StepError> {
    let mut seen = Observation::default();
    for pin in pins {
        if let Some((what, cure)) = pin.refusal() {
            seen.findings.push(Finding { what, cure: cure.to_owned() });
            continue;
        }
        let known = find(pin, context)?;
        match known.filter(|rust| pin.is_met_by(&rust.version) || !pin.is_release()) {
            Some(rust) => {
                seen.found
                    .insert(format!("rust {}", pin.channel), format!("{} ({})", rust.version, rust.cargo));
            }
            None => seen.findings.push(Finding {
                what: format!("Rust {} is not installed, but {} asks for it", pin.channel, pin.file),
                cure: "run `installer deps`".to_owned(),
            }),
        }
    }
    Ok(seen)
}

pub(super) fn run(
    pins: &[PinnedRust],
    install_root: &Utf8Path,
    context: &dyn Context,
) -> Result<(), StepError> {
    // Before anything is downloaded.
    if let Some((message, cure)) = pins.iter().find_map(PinnedRust::refusal) {
        return Err(StepError::of_kind(FailureKind::Preflight, message, vec![cure.to_owned()]));
    }
    for pin in pins {
        let bin = match existing(pin, install_root, context)? {
            Some(bin) => bin,
            None => {
                install(pin, install_root, context).map_err(|error| no_way(pin, error, context))?;
                existing(pin, install_root, context)?.ok_or_else(|| {
                    StepError::new(
                        format!("rustup installed Rust {}, and it is not below {install_root}", pin.channel),
                        "see the log for what it did instead",
                    )
                })?
            }
        };
        let home = pin.home(&context.layout().tools());
        let new = Utf8PathBuf::from(format!("{home}.new"));
        files::fresh_dir(&new)?;
        files::create_dir_all(&new.join("bin"))?;
        for name in PROGRAMS.iter().filter(|name| bin.join(name).exists()) {
            let link = new.join("bin").join(name);
            std::os::unix::fs::symlink(bin.join(name), &link)
                .map_err(|error| StepError::io("link", &link, &error))?;
        }
        files::remove_tree(&home)?;
        files::rename(&new, &home)?;
    }
    Ok(())
}

/// The `bin` of a toolchain that is what a pin asks for: of the user's rustup, of our own, or the machine's.
fn existing(
    pin: &PinnedRust,
    install_root: &Utf8Path,
    context: &dyn Context,
) -> Result<Option<Utf8PathBuf>, StepError> {
    let environment = context.network_environment();
    let path = environment.get("PATH").map_or("", String::as_str);
    let on_path = tools::find_tool(Utf8Path::new("/"), path, &["cargo".to_owned()]);
    let homes = rustup::Homes::of(&environment);
    let of_proxy = on_path.iter().map(|cargo| homes.for_proxy(cargo).rustup);
    let own = rustup::Homes::below(install_root).rustup;
    for rustup in of_proxy.chain([homes.rustup.clone(), own]) {
        let entries = rustup.join("toolchains").read_dir_utf8().into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_owned()).collect();
        names.sort();
        for name in names.iter().filter(|name| pin.is_toolchain(name)) {
            let toolchain = rustup.join("toolchains").join(name);
            if toolchain.join("bin/cargo").is_file() && has_parts(pin, &toolchain) {
                return Ok(Some(toolchain.join("bin")));
            }
        }
    }
    // The machine's own has nothing but what it came with.
    if pin.components.iter().any(|part| !FOR_PEOPLE.contains(&part.as_str())) || !pin.targets.is_empty() {
        return Ok(None);
    }
    let found = rust::find(context)?.filter(|rust| pin.is_met_by(&rust.version));
    let bin = found.as_ref().and_then(|rust| {
        let (one, other) = (rust.cargo.parent()?, rust.rustc.parent()?);
        (one == other).then(|| one.to_owned())
    });
    Ok(bin)
}

/// Whether rustup's list of what a toolchain has names all that a build may need of a pin.
fn has_parts(pin: &PinnedRust, toolchain: &Utf8Path) -> bool {
    let list = std::fs::read_to_string(toolchain.join("lib/rustlib/components")).unwrap_or_default();
    let has = |part: &str| list.lines().any(|line| line == part || line.starts_with(&format!("{part}-")));
    let parts = pin.components.iter().filter(|part| !FOR_PEOPLE.contains(&part.as_str()));
    parts.into_iter().all(|part| has(part))
        && pin.targets.iter().all(|target| list.lines().any(|line| line == format!("rust-std-{target}")))
}

fn install(pin: &PinnedRust, install_root: &Utf8Path, context: &dyn Context) -> Result<(), StepError> {
    if context.offline() {
        return Err(StepError::new("--offline forbids downloading it", "run without --offline"));
    }
    let parts: Vec<&str> =
        pin.components.iter().map(String::as_str).filter(|part| !FOR_PEOPLE.contains(part)).collect();
    rustup::add(&pin.channel, &parts, &pin.targets, install_root, context)
}

fn no_way(pin: &PinnedRust, error: StepError, context: &dyn Context) -> StepError {
    let StepError::Failed(mut failure) = error else { return error };
    let there = rust::find(context).ok().flatten();
    let there = there.map_or_else(|| "none".to_owned(), |rust| format!("Rust {}", rust.version));
    failure.kind = FailureKind::Preflight;
    failure.message = format!(
        "{} asks for Rust {}, the machine has {there}, and rustup failed to install it: {}",
        pin.file, pin.channel, failure.message
    );
    failure
        .cures
        .insert(0, format!("run `rustup toolchain install {}` where there is a network", pin.channel));
    failure.cures.push(
        "or write `ignore_pins = true` in [toolchains.rust] to build with the Rust that the machine has"
            .to_owned(),
    );
    StepError::Failed(failure)
}
