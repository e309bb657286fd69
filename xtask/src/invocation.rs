//! How this program was called: its name, its words, its environment; and how it is called again.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use camino::Utf8PathBuf;
use exec::session::shell_words;

use crate::args::Common;

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
        Some(path) if path.contains('/') => shell_words(&[path]),
        _ => "installer".to_owned(),
    }
}

/// The command line in the place of the one that was typed, where an old one was translated.
static TYPED: Mutex<Option<Vec<String>>> = Mutex::new(None);

/// From here on these words count as typed.
pub fn type_instead(words: &[String]) {
    *TYPED.lock().unwrap_or_else(PoisonError::into_inner) = Some(words.to_vec());
}

/// The words that were typed.
pub fn typed() -> Vec<String> {
    let translated = TYPED.lock().unwrap_or_else(PoisonError::into_inner);
    translated.clone().unwrap_or_else(|| std::env::args().skip(1).collect())
}

/// Variables that were read as old options, and count no more.
static TRANSLATED: OnceLock<Vec<String>> = OnceLock::new();

/// Takes variables out of what [`environment`] tells: their meaning stands in the command line now.
pub fn leave_out(variables: Vec<String>) {
    // Done once, before anything is read.
    drop(TRANSLATED.set(variables));
}

/// The environment of this process, as far as it is UTF-8.
pub fn environment() -> BTreeMap<String, String> {
    let left_out = TRANSLATED.get().map_or(&[][..], Vec::as_slice);
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| !left_out.contains(name))
        .collect()
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
    shell_words(&words)
}
