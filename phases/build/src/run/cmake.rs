//! What a project's CMake code says, read as text: where it calls a command, and with which words.

use std::collections::BTreeSet;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use engine::source_files;

/// So many files of a project are read at most: what is not found is told without its place.
const FILES: usize = 4_000;

/// One call of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Call {
    /// Counted from 1.
    pub(super) line: usize,
    /// Its arguments, without quotes.
    pub(super) words: Vec<String>,
}

impl Call {
    /// The argument behind a keyword.
    pub(super) fn after(&self, key: &str) -> Option<String> {
        let at = self.words.iter().position(|word| word == key)?;
        self.words.get(at + 1).cloned()
    }

    /// The SHA-256 behind a keyword: `URL_HASH SHA256=…`.
    pub(super) fn sha256(&self, key: &str) -> Option<String> {
        let hash = self.after(key)?;
        let (kind, value) = hash.split_once('=')?;
        kind.eq_ignore_ascii_case("sha256").then(|| value.to_owned())
    }
}

/// The CMake code of the project that was configured in a build tree, then that of what it fetched: each file's path in
/// the project, and its text.
pub(super) fn files(build: &Utf8Path) -> Vec<(Utf8PathBuf, String)> {
    // A cache that is not there or cannot be read tells nothing more.
    let cache = fs::read(build.join("CMakeCache.txt")).unwrap_or_default();
    let cache = String::from_utf8_lossy(&cache);
    let home = cache.lines().find_map(|line| line.strip_prefix("CMAKE_HOME_DIRECTORY:INTERNAL="));
    let roots = home.map(Utf8PathBuf::from).into_iter().chain([build.join("_deps")]);
    let mut found = Vec::new();
    for root in roots {
        for file in files_below(&root) {
            let text = fs::read(&file).unwrap_or_default();
            let place = file.strip_prefix(&root).unwrap_or(&file).to_owned();
            found.push((place, String::from_utf8_lossy(&text).into_owned()));
        }
    }
    found
}

/// Every call of a command in a text; CMake's command names are the same in any letter case.
pub(super) fn calls(text: &str, command: &str) -> Vec<Call> {
    // Without comments, each line in its place.
    let text: String = text.lines().map(|line| format!("{}\n", without_comment(line))).collect();
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for (at, _) in lower.match_indices(command) {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|before| before.is_ascii_alphanumeric() || before == '_') {
            continue;
        }
        let rest = text[at + command.len()..].trim_start();
        let Some(arguments) = rest.strip_prefix('(').and_then(|rest| Some(rest.split_once(')')?.0)) else {
            continue;
        };
        let words = arguments.split_whitespace().map(|word| word.trim_matches('"').to_owned());
        found.push(Call { line: text[..at].matches('\n').count() + 1, words: words.collect() });
    }
    found
}

/// Files below a directory in which CMake code stands, those nearer to the top first.
fn files_below(root: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut found = Vec::new();
    let mut open: BTreeSet<(usize, Utf8PathBuf)> = BTreeSet::from([(0, root.to_owned())]);
    let mut seen = 0;
    while let Some((depth, directory)) = open.pop_first() {
        let Ok(entries) = directory.read_dir_utf8() else { continue };
        let mut here: Vec<Utf8PathBuf> = Vec::new();
        for entry in entries.flatten() {
            seen += 1;
            let name = entry.file_name();
            match entry.file_type() {
                Ok(kind)
                    if kind.is_dir()
                        && name != ".git"
                        && !source_files::is_product(entry.path().as_std_path()) =>
                {
                    open.insert((depth + 1, entry.path().to_owned()));
                }
                Ok(kind) if kind.is_file() && (name == "CMakeLists.txt" || name.ends_with(".cmake")) => {
                    here.push(entry.path().to_owned());
                }
                _ => {}
            }
        }
        here.sort();
        found.extend(here);
        if seen > FILES {
            break;
        }
    }
    found
}

/// A `#` begins a comment where no word is under way: there may be one in an address.
fn without_comment(line: &str) -> &str {
    let begins = |at: usize| at == 0 || line[..at].ends_with(char::is_whitespace);
    let at = line.match_indices('#').map(|(at, _)| at).find(|at| begins(*at));
    at.map_or(line, |at| &line[..at])
}
