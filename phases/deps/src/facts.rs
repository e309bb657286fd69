//! What planning needs to know of sources, read off files: `source.json` for fetched ones, manifests for mounted ones.

use camino::{Utf8Path, Utf8PathBuf};
use model::case::{Case, SourceSpec};
use model::layout::Layout;
use model::source_facts::{FactsOfSource, SourceFacts};
use toml::{Table, Value};

use crate::sources::SourceRecord;

/// Gathers the facts of all sources of a case. Reads a few small files and starts nothing; what is not there or cannot
/// be read has no facts, and the steps that need it say so.
pub fn gather(case: &Case, layout: &Layout) -> SourceFacts {
    let mut all = SourceFacts::new();
    for (name, alternatives) in &case.sources {
        let facts = match alternatives.as_slice() {
            [SourceSpec::Path { path, .. }] => {
                let tree = layout.case_dir.join(path);
                tree.is_dir().then(|| FactsOfSource {
                    commit: engine::checkout::read(&tree).and_then(|checkout| checkout.commit),
                    ..of_tree(&tree)
                })
            }
            _ => SourceRecord::read(&layout.source_artifacts(name)).ok().flatten().map(|record| record.facts),
        };
        all.extend(facts.map(|facts| (name.clone(), facts)));
    }
    all
}

/// The lines of the requirement files that a case names, without comments; a file that is not there has none, and the
/// step that reads it says so.
pub fn requirement_lines(case: &Case, layout: &Layout) -> Vec<String> {
    let files = case.python.iter().flat_map(|python| &python.requirements);
    let texts = files.filter_map(|file| std::fs::read_to_string(layout.case_dir.join(file)).ok());
    texts
        .flat_map(|text| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>())
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// The facts that the manifests at the top of a tree tell; where there are none, those one directory below it.
pub fn of_tree(tree: &Utf8Path) -> FactsOfSource {
    let mut directories = vec![tree.to_owned()];
    let here = |directory: &Utf8PathBuf| {
        directory.join("Cargo.toml").is_file() || directory.join("Cargo.lock").is_file()
    };
    if !here(&directories[0]) {
        let below = tree.read_dir_utf8().into_iter().flatten().flatten().map(|entry| entry.path().to_owned());
        directories = below.filter(|directory| here(directory)).collect();
        directories.sort();
    }
    let mut facts = FactsOfSource::default();
    for directory in directories {
        if let Some(lock) = table(&directory.join("Cargo.lock")) {
            facts.cargo_lock_version = facts.cargo_lock_version.max(Some(lock_version(&lock)));
        }
        let Some(manifest) = table(&directory.join("Cargo.toml")) else { continue };
        let of_package = |key: &str| {
            let package = manifest.get("package").and_then(|package| package.get(key));
            let inherited = package.is_some_and(|value| value.get("workspace").is_some());
            let workspace = || manifest.get("workspace")?.get("package")?.get(key);
            let value = if package.is_none() || inherited { workspace() } else { package };
            value.and_then(Value::as_str).map(str::to_owned)
        };
        facts.version = facts.version.take().or_else(|| of_package("version"));
        if let Some(minimum) = of_package("rust-version") {
            let higher = facts
                .minimum_rust
                .as_deref()
                .is_none_or(|known| model::catalog::version_at_least(&minimum, known));
            if higher {
                facts.minimum_rust = Some(minimum);
            }
        }
    }
    facts
}

/// Files before the key was brought in are of version 1 or 2, which every cargo of today reads.
fn lock_version(lock: &Table) -> u32 {
    lock.get("version")
        .and_then(Value::as_integer)
        .and_then(|version| u32::try_from(version).ok())
        .unwrap_or(1)
}

fn table(path: &Utf8Path) -> Option<Table> {
    toml::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Utf8PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
        for (name, text) in files {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        (directory, root)
    }

    #[test]
    fn a_workspace_tells_version_and_minimum_rust() {
        let (_guard, root) = tree(&[
            (
                "Cargo.toml",
                "[workspace]\nmembers=[\"a\"]\n[workspace.package]\nversion=\"1.2.3\"\nrust-version=\"1.80\"\n",
            ),
            ("Cargo.lock", "version = 4\n"),
        ]);
        let facts = of_tree(&root);
        assert_eq!(facts.version.as_deref(), Some("1.2.3"));
        assert_eq!(facts.required_rust().as_deref(), Some("1.80"));
        assert_eq!(facts.cargo_lock_version, Some(4));
    }

    #[test]
    fn inherited_keys_and_old_locks_are_read() {
        let (_guard, root) = tree(&[
            (
                "Cargo.toml",
                "[package]\nname=\"x\"\nversion={workspace=true}\n[workspace.package]\nversion=\"0.3.0\"\n",
            ),
            ("Cargo.lock", "[[package]]\nname=\"x\"\n"),
        ]);
        let facts = of_tree(&root);
        assert_eq!((facts.version.as_deref(), facts.cargo_lock_version), (Some("0.3.0"), Some(1)));
    }

    #[test]
    fn manifests_one_directory_below_count_when_the_top_has_none() {
        let (_guard, root) = tree(&[
            ("rust/Cargo.toml", "[package]\nname=\"x\"\nversion=\"0.1.0\"\nrust-version=\"1.9\"\n"),
            ("python/Cargo.toml", "[package]\nname=\"y\"\nversion=\"0.1.0\"\nrust-version=\"1.70\"\n"),
            ("README", ""),
        ]);
        assert_eq!(of_tree(&root).minimum_rust.as_deref(), Some("1.70"));
    }

    #[test]
    fn nothing_there_is_no_error() {
        let (_guard, root) = tree(&[("Cargo.toml", "not toml at all [")]);
        assert_eq!(of_tree(&root), FactsOfSource::default());
        assert_eq!(of_tree(Utf8Path::new("/nonexistent")), FactsOfSource::default());
    }
}
