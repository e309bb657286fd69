//! How this program was called: its name, its words, its environment; and how it is called again.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use exec::Redactor;
use exec::redact::is_secret;
use model::shell;

use crate::args::Common;
use crate::projects::Defaults;

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

/// The words that were typed, or those that stand in their place.
pub fn typed(common: &Common) -> Vec<String> {
    match &common.translated {
        Some(translated) => translated.words.clone(),
        None => std::env::args().skip(1).collect(),
    }
}

/// The environment of this process, as far as it is UTF-8, without what was read as old options; below it, what the
/// `.env` of the project around the working directory says.
pub fn environment(common: &Common) -> BTreeMap<String, String> {
    let left_out = common.translated.as_ref().map_or(&[][..], |translated| translated.variables.as_slice());
    let mut environment: BTreeMap<String, String> = Defaults::here().into_variables();
    environment.extend(all().filter(|(name, _)| !left_out.contains(name)));
    environment
}

/// All of the environment that is UTF-8.
pub fn all() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// What another command needs to mean the same steps of the same case in the same places, with these sources.
pub fn arguments(common: &Common, case: &str, sources: &[(String, Utf8PathBuf)]) -> String {
    let mut words = words_of_whole(common, case, sources);
    for (flag, values) in [("--only", &common.only), ("--skip", &common.skip)] {
        words.extend(values.iter().flat_map(|value| [flag.to_owned(), value.clone()]));
    }
    pasteable(&words)
}

/// The same for all steps, whatever `--only` and `--skip` say.
pub fn arguments_of_whole(common: &Common, case: &str, sources: &[(String, Utf8PathBuf)]) -> String {
    pasteable(&words_of_whole(common, case, sources))
}

fn words_of_whole(common: &Common, case: &str, sources: &[(String, Utf8PathBuf)]) -> Vec<String> {
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
    words.extend(common.set.iter().flat_map(|value| ["--set".to_owned(), value.clone()]));
    let manager = common.package_manager.iter().filter(|name| !name.is_empty());
    words.extend(manager.flat_map(|name| ["--package-manager".to_owned(), name.clone()]));
    words
}

/// Words as they are typed in a shell, without the secrets among them: `--set …TOKEN=value` has the variable of that name
/// for its value.
pub fn pasteable(words: &[String]) -> String {
    let shown = words.iter().map(|word| {
        if let Some((key, value)) = word.split_once('=') {
            let name = key.rsplit(['.', '"', '\'']).find(|part| !part.is_empty()).unwrap_or(key);
            if is_secret(name, value.trim_matches(['"', '\''])) {
                let variable = name.replace('-', "_").to_ascii_uppercase();
                return format!("{}\"${variable}\"", shell::word(&format!("{key}=")));
            }
        }
        shell::word(&Redactor::default().redact(word))
    });
    shown.collect::<Vec<_>>().join(" ")
}
