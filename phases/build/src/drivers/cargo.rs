//! Cargo, offline, with the source's own lock file.

use engine::planning::PlanError;
use model::plan::{Jobs, Keep, StagedFile};

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
    let flags = format!("-C link-arg=-Wl,-rpath,{RPATH_PLACEHOLDER}");
    compile
        .environment
        .entry("RUSTFLAGS".to_owned())
        .and_modify(|before| *before = format!("{before} {flags}"))
        .or_insert(flags);
    let staged = binaries
        .iter()
        .map(|binary| StagedFile {
            from: subject.build.join("release").join(binary),
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
