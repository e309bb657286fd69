//! Cargo, offline, with the source's own lock file.

use std::collections::BTreeMap;

use camino::Utf8Path;
use engine::planning::PlanError;
use model::plan::{Jobs, Keep, StagedFile};
use model::source_facts::CargoConfig;

use crate::built::Built;
use crate::rpath::RPATH_PLACEHOLDER;
use crate::subject::Subject;

pub fn built(subject: &Subject<'_>) -> Result<Built, PlanError> {
    let component = &*subject.component;
    let binaries = if component.binaries.is_empty() {
        vec![subject.name.to_string()]
    } else {
        component.binaries.clone()
    };
    if let Some(key) = subject.options.keys().next() {
        return Err(PlanError::new(
            format!("components.{}.options.{key}", subject.name),
            format!("the driver cargo has no option `{key}`"),
            "write features under `features`, and other options of cargo under `arguments`",
        ));
    }
    let mut args = vec![
        "build".to_owned(),
        "--release".to_owned(),
        "--locked".to_owned(),
        "--offline".to_owned(),
        "--manifest-path".to_owned(),
        subject.source.join("Cargo.toml").into_string(),
        "--target-dir".to_owned(),
        subject.build.to_string(),
    ];
    for binary in &binaries {
        args.extend(["--bin".to_owned(), binary.clone()]);
    }
    if !component.features.is_empty() {
        args.extend(["--features".to_owned(), component.features.join(",")]);
    }
    args.extend(component.arguments.iter().cloned());
    let mut compile = subject.command("cargo", args);
    // Where the source's own `.cargo/config.toml` counts; cargo writes nothing there.
    compile.directory = subject.source.clone();
    compile.environment.insert("CARGO_HOME".to_owned(), subject.known.layout.cargo_home().into_string());
    compile.environment.insert("CARGO_TERM_COLOR".to_owned(), "never".to_owned());
    let target = target_of(subject, &compile.environment);
    let flags = format!("-C link-arg=-Wl,-rpath,{RPATH_PLACEHOLDER}");
    let name = flags_variable(subject, target.as_deref(), &compile.environment);
    compile
        .environment
        .entry(name)
        .and_modify(|before| *before = format!("{before} {flags}"))
        .or_insert(flags);
    let compiled =
        target.as_deref().map_or_else(|| subject.build.clone(), |target| subject.build.join(target));
    let staged = binaries
        .iter()
        .map(|binary| StagedFile {
            from: compiled.join("release").join(binary),
            to: subject.prefix.join("bin").join(binary),
            mode: 0o755,
        })
        .collect::<Vec<_>>();
    Ok(Built {
        compile: vec![compile],
        compiled: staged.iter().map(|file| file.from.clone()).collect(),
        staged,
        jobs: Jobs::Jobserver,
        keep: Some(Keep::Always),
        ..Built::default()
    })
}

/// The target that the case or the source names in the place of this machine, by the directory below which cargo then
/// works.
fn target_of(subject: &Subject<'_>, environment: &BTreeMap<String, String>) -> Option<String> {
    let mut words = subject.component.arguments.iter();
    let mut said = None;
    while let Some(word) = words.next() {
        match word.strip_prefix("--target") {
            Some("") => said = words.next().cloned(),
            Some(rest) => said = rest.strip_prefix('=').map(str::to_owned).or(said),
            None => {}
        }
    }
    let said = said.or_else(|| environment.get("CARGO_BUILD_TARGET").cloned());
    let said = said.or_else(|| configs(subject).iter().rev().find_map(|config| config.target.clone()));
    // A file that describes a target gives its name.
    said.map(|target| {
        Utf8Path::new(&target).file_name().unwrap_or(&target).trim_end_matches(".json").to_owned()
    })
}

/// The variable that adds flags to those that the case and the source give: cargo takes the first kind of which there
/// are any, and of that kind all (<https://doc.rust-lang.org/cargo/reference/config.html#buildrustflags>).
fn flags_variable(
    subject: &Subject<'_>,
    target: Option<&str>,
    environment: &BTreeMap<String, String>,
) -> String {
    if environment.contains_key("RUSTFLAGS") {
        return "RUSTFLAGS".to_owned();
    }
    let libc = if subject.known.target.libc.starts_with("musl") { "musl" } else { "gnu" };
    let this = format!("{}-unknown-linux-{libc}", subject.known.target.arch);
    let triple = target.unwrap_or(&this).replace(['-', '.'], "_").to_ascii_uppercase();
    let of_target = format!("CARGO_TARGET_{triple}_RUSTFLAGS");
    let in_arguments = |word: &String| word.contains("target.") && word.contains("rustflags");
    let targets = configs(subject).iter().any(|config| config.target_flags)
        || environment.contains_key(&of_target)
        || subject.component.arguments.iter().any(in_arguments);
    if targets { of_target } else { "CARGO_BUILD_RUSTFLAGS".to_owned() }
}

fn configs<'a>(subject: &Subject<'a>) -> Vec<&'a CargoConfig> {
    let directory = subject.component.subdirectory.as_deref();
    subject.facts.map(|facts| facts.cargo_configs_for(directory)).unwrap_or_default()
}
