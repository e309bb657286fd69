//! The commands that the program prints as the next ones: each works when pasted.

use camino::Utf8PathBuf;
use model::shell;
use report::{Next, Purpose};

use crate::args::{Common, PhaseArg};
use crate::load::Setting;

/// How this program was called: by a script or by Cargo for the user, by a path, or by its name.
pub fn program() -> String {
    if let Some(program) = std::env::var("INSTALLER_PROGRAM").ok().filter(|program| !program.is_empty()) {
        return program;
    }
    // Cargo sets this for what it runs, and the user typed `cargo xtask`.
    if std::env::var_os("CARGO").is_some() {
        return "cargo xtask".to_owned();
    }
    match std::env::args().next() {
        Some(path) if path.contains('/') => shell::word(&path),
        _ => "installer".to_owned(),
    }
}

/// After phases of a case.
pub fn after_phases(common: &Common, setting: &Setting, phase: PhaseArg, typed: &[String]) -> Next {
    let program = program();
    let again = if typed.is_empty() { phase.as_str().to_owned() } else { shell::words(typed) };
    let path = std::env::var("PATH").unwrap_or_default();
    Next {
        purpose: Purpose::Phases,
        again: format!("{program} {again}"),
        program,
        arguments: setting.case_argument.clone(),
        verify: arguments(common, &setting.wanted, &[]),
        path: path.split(':').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        artifacts: setting.layout.artifacts.to_string(),
    }
}

/// After `verify`.
pub fn after_verify(common: &Common, setting: &Setting) -> Next {
    let (program, verify) = (program(), arguments(common, &setting.wanted, &[]));
    Next {
        purpose: Purpose::Verify,
        again: format!("{program} verify {verify}"),
        program,
        arguments: setting.case_argument.clone(),
        verify,
        ..Next::default()
    }
}

/// What another command needs to mean the same case in the same places, with these sources.
pub fn arguments(common: &Common, case: &str, sources: &[(String, Utf8PathBuf)]) -> String {
    let mut words = vec!["--case".to_owned(), case.to_owned()];
    for (flag, directory) in [
        ("--prefix", &common.prefix),
        ("--state-dir", &common.state_dir),
        ("--cache-dir", &common.cache_dir),
        ("--artifacts", &common.artifacts),
        ("--data-dir", &common.data_dir),
        ("--site", &common.site),
    ] {
        words.extend(directory.iter().flat_map(|directory| [flag.to_owned(), directory.to_string()]));
    }
    for (name, path) in sources {
        words.extend(["--source".to_owned(), format!("{name}={path}")]);
    }
    for (flag, values) in [("--set", &common.set), ("--only", &common.only), ("--skip", &common.skip)] {
        words.extend(values.iter().flat_map(|value| [flag.to_owned(), value.clone()]));
    }
    let manager = common.package_manager.iter().filter(|name| !name.is_empty());
    words.extend(manager.flat_map(|name| ["--package-manager".to_owned(), name.clone()]));
    shell::words(&words)
}
