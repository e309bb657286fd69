//! What a lock file needs of the `CARGO_HOME`: which files those are, and whether they are still there.
//!
//! cargo trusts what it finds: it looks at no checksum of a crate that it has, and offline it cannot replace what is lost.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::StepError;
use model::Digest;

use crate::http::download::hash_if_there;

/// Files below the `CARGO_HOME`, with their sizes in bytes.
type Sizes = BTreeMap<Utf8PathBuf, u64>;

/// What lock files name that comes from outside.
#[derive(Debug, Default)]
pub(super) struct Locked {
    /// Crates of registries.
    pub(super) crates: BTreeSet<LockedCrate>,
    /// Commits of git repositories.
    revisions: BTreeSet<String>,
}

/// A crate of a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LockedCrate {
    name: String,
    version: String,
    sha256: String,
}

impl LockedCrate {
    /// The file that cargo keeps it in: `serde-1.0.1.crate`.
    pub(super) fn file(&self) -> String {
        format!("{}-{}.crate", self.name, self.version)
    }

    /// Where the entry of an index lies ("Index files" in the cargo book, chapter "Registry Index").
    fn entry(&self) -> String {
        let name = self.name.to_lowercase();
        match name.len() {
            1 | 2 => format!("{}/{name}", name.len()),
            3 => format!("3/{}/{name}", name.get(..1).unwrap_or_default()),
            _ => {
                format!("{}/{}/{name}", name.get(..2).unwrap_or_default(), name.get(2..4).unwrap_or_default())
            }
        }
    }
}

impl Locked {
    /// Reads the text of lock files, one after the other.
    pub(super) fn read(locks: &str) -> Self {
        let mut found = Self::default();
        for package in locks.split("[[package]]").skip(1) {
            let value = |key: &str| {
                let mut lines = package.lines();
                lines.find_map(|line| {
                    let value = line.strip_prefix(key)?.strip_prefix(" = ")?;
                    Some(value.trim_matches('"').to_owned())
                })
            };
            if let (Some(name), Some(version), Some(sha256)) =
                (value("name"), value("version"), value("checksum"))
            {
                found.crates.insert(LockedCrate { name, version, sha256 });
            }
            let source = value("source").unwrap_or_default();
            if let Some((_, revision)) = source.strip_prefix("git+").and_then(|url| url.rsplit_once('#')) {
                found.revisions.insert(revision.to_owned());
            }
        }
        found
    }
}

/// Whether cargo has a crate already, of whichever registry.
pub(super) fn is_cached(cargo_home: &Utf8Path, file: &str) -> bool {
    directories(&cargo_home.join("registry/cache")).iter().any(|cache| cache.join(file).is_file())
}

/// Removes what cargo would take for whole and is not: crates that are not what the lock says, with what was unpacked of
/// them; online also files of the index that are not as the last run left them.
///
/// # Errors
/// When a file cannot be read or removed.
pub(super) fn remove_damaged(
    cargo_home: &Utf8Path,
    locked: &Locked,
    record: &Utf8Path,
    offline: bool,
) -> Result<(), StepError> {
    for cache in directories(&cargo_home.join("registry/cache")) {
        for known in &locked.crates {
            let file = cache.join(known.file());
            let Ok(_) = file.symlink_metadata() else { continue };
            if hash_if_there(&file)?.is_none_or(|(sha256, _)| sha256 != Digest::new(&known.sha256)) {
                files::remove_tree(&file)?;
                let registry = cache.file_name().unwrap_or_default();
                let unpacked = cargo_home.join("registry/src").join(registry);
                files::remove_tree(&unpacked.join(format!("{}-{}", known.name, known.version)))?;
            }
        }
    }
    let known: Sizes = files::read_cache(record).unwrap_or_default();
    let index = known.iter().filter(|(path, _)| !offline && path.starts_with("registry/index"));
    for (path, _) in index.filter(|(path, size)| !is_whole(&cargo_home.join(path), **size)) {
        files::remove_tree(&cargo_home.join(path))?;
    }
    Ok(())
}

/// Writes down what is there of what the lock files need, and what the fetch wrote itself.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(
    cargo_home: &Utf8Path,
    locked: &Locked,
    outputs: &[Utf8PathBuf],
    record: &Utf8Path,
) -> Result<(), StepError> {
    let mut found: Vec<Utf8PathBuf> = outputs.to_vec();
    for cache in directories(&cargo_home.join("registry/cache")) {
        found.extend(locked.crates.iter().map(|known| cache.join(known.file())));
    }
    for index in directories(&cargo_home.join("registry/index")) {
        found.push(index.join("config.json"));
        found.extend(locked.crates.iter().map(|known| index.join(".cache").join(known.entry())));
    }
    for repository in directories(&cargo_home.join("git/checkouts")) {
        for checkout in directories(&repository) {
            // cargo calls a checkout by the first digits of its commit.
            let short = checkout.file_name().unwrap_or_default();
            if short.len() >= 7 && locked.revisions.iter().any(|revision| revision.starts_with(short)) {
                found.push(checkout.join(".cargo-ok"));
                let database = cargo_home.join("git/db").join(repository.file_name().unwrap_or_default());
                found.push(database.join("HEAD"));
            }
        }
    }
    let sizes: Sizes = found
        .into_iter()
        .filter_map(|path| {
            let size = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?.len();
            Some((path.strip_prefix(cargo_home).ok()?.to_owned(), size))
        })
        .collect();
    files::write_cache(record, &sizes)
}

/// Why the crates have to be fetched again: a file that [`write()`] saw is not what it was.
pub(super) fn lost(cargo_home: &Utf8Path, record: &Utf8Path) -> Option<String> {
    let Some(sizes) = files::read_cache::<Sizes>(record) else {
        return Some(format!("{record} is missing or damaged"));
    };
    let mut paths = sizes.into_iter().map(|(path, size)| (cargo_home.join(path), size));
    paths.find(|(path, size)| !is_whole(path, *size)).map(|(path, _)| format!("{path} is missing or damaged"))
}

fn is_whole(path: &Utf8Path, size: u64) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == size)
}

/// The directories in one; none when it is not there.
fn directories(of: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = of.read_dir_utf8().into_iter().flatten().flatten();
    entries.map(|entry| entry.path().to_owned()).filter(|path| path.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"serde\"\nversion = \"1.0.1\"\nsource = \"registry+x\"\nchecksum = \"AB\"\n\n[[package]]\nname = \"far\"\nversion = \"0.2.0\"\nsource = \"git+https://host.example/far?branch=main#0123456789abcdef\"\n";

    #[test]
    fn crates_of_registries_are_counted_and_those_that_are_there_are_known() {
        let locked = Locked::read(&format!("{LOCK}{LOCK}"));
        let files: Vec<String> = locked.crates.iter().map(LockedCrate::file).collect();
        assert_eq!(files, ["serde-1.0.1.crate"]);
        assert_eq!(locked.revisions.iter().collect::<Vec<_>>(), ["0123456789abcdef"]);
        let home = tempfile::tempdir().unwrap();
        let home = Utf8Path::from_path(home.path()).unwrap();
        assert!(!is_cached(home, "serde-1.0.1.crate"));
        files::create_dir_all(&home.join("registry/cache/one")).unwrap();
        std::fs::write(home.join("registry/cache/one/serde-1.0.1.crate"), "").unwrap();
        assert!(is_cached(home, "serde-1.0.1.crate"));
    }

    #[test]
    fn each_file_that_the_lock_needs_is_missed() {
        let home = tempfile::tempdir().unwrap();
        let home = Utf8Path::from_path(home.path()).unwrap();
        let needed = [
            "registry/cache/one/serde-1.0.1.crate",
            "registry/index/one/config.json",
            "registry/index/one/.cache/se/rd/serde",
            "git/checkouts/far-1/0123456/.cargo-ok",
            "git/db/far-1/HEAD",
        ];
        let put = |path: &str, text: &str| files::atomic_write(&home.join(path), text.as_bytes()).unwrap();
        needed.iter().for_each(|path| put(path, "whole"));
        let sha256 = Digest::of("whole").to_string();
        let locked = Locked::read(&LOCK.replace("AB", &sha256));
        let record = home.join("fetched/a.files");
        assert!(lost(home, &record).unwrap().contains("a.files is missing"));
        write(home, &locked, &[], &record).unwrap();
        assert_eq!(lost(home, &record), None);
        for path in needed {
            for damaged in [None, Some("")] {
                files::remove_tree(&home.join(path)).unwrap();
                damaged.iter().for_each(|text| put(path, text));
                assert!(lost(home, &record).unwrap().contains(path), "{path}");
            }
            put(path, "whole");
        }
        // What is not the lock's is removed, so that cargo downloads it; what is stays.
        remove_damaged(home, &locked, &record, false).unwrap();
        assert_eq!(lost(home, &record), None);
        put(needed[0], "other");
        put(needed[1], "{garbage");
        put("registry/src/one/serde-1.0.1/lib.rs", "");
        remove_damaged(home, &locked, &record, true).unwrap();
        assert!(!home.join(needed[0]).exists() && !home.join("registry/src/one/serde-1.0.1").exists());
        assert!(home.join(needed[1]).exists());
        remove_damaged(home, &locked, &record, false).unwrap();
        assert!(!home.join(needed[1]).exists() && home.join(needed[2]).exists());
    }

    #[test]
    fn entries_of_an_index_lie_where_cargo_puts_them() {
        let entry = |name: &str| {
            LockedCrate { name: name.to_owned(), version: String::new(), sha256: String::new() }.entry()
        };
        assert_eq!(["a", "cc", "Log", "itoa"].map(entry), ["1/a", "2/cc", "3/l/log", "it/oa/itoa"]);
    }
}
