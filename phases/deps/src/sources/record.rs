//! `source.json`: what the files beside it are.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::StepError;
use model::lock::LockedSource;
use model::source_facts::FactsOfSource;
use model::{Digest, SourceName};
use serde::{Deserialize, Serialize};

/// The format that this version writes.
pub const SOURCE_SCHEMA: u32 = 1;

/// Name of the record.
pub const RECORD: &str = "source.json";

/// Name of the file beside it that holds only what the unpacked tree depends on: another mirror in the case changes the
/// record, and must not make anything be built again.
pub const CONTENT: &str = "content.json";

/// Directory beside the record with the source's `Cargo.toml`, `Cargo.lock`, `pyproject.toml`, `xmake.lua` and their like, at their
/// places in the tree.
pub const MANIFESTS: &str = "manifests";

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// [`SOURCE_SCHEMA`]; a newer one is refused.
    pub schema: u32,
    /// The source.
    pub source: SourceName,
    /// Digest of the list of alternatives that it was taken from.
    pub wanted: Digest,
    /// `debian`, `archive`, `git` …
    pub kind: String,
    /// The exact version, or the commit.
    pub version: String,
    /// The file to unpack.
    pub main: String,
    /// All files.
    pub files: BTreeMap<String, RecordedFile>,
    /// Of a directory of the user's: digest of its paths, sizes and times when it was packed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<Digest>,
    /// The directory in it that is the source, if not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdirectory: Option<Utf8PathBuf>,
    /// The files below [`MANIFESTS`], with their sizes in bytes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub manifests: BTreeMap<Utf8PathBuf, u64>,
    /// What planning wants to know of it.
    pub facts: FactsOfSource,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedFile {
    /// SHA-256.
    pub sha256: Digest,
    /// Size in bytes.
    pub size: u64,
}

impl SourceRecord {
    /// The record in a directory; none when it is not there or is not one.
    ///
    /// # Errors
    /// When it cannot be read, or was written by a newer version.
    pub fn read(directory: &Utf8Path) -> Result<Option<Self>, StepError> {
        let path = directory.join(RECORD);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            // As damaged as one that cannot be decoded.
            Err(error) if error.kind() == std::io::ErrorKind::IsADirectory => return Ok(None),
            Err(error) => return Err(StepError::io("read", &path, &error)),
        };
        #[derive(Deserialize)]
        struct Schema {
            schema: u32,
        }
        match serde_json::from_slice::<Schema>(&text) {
            Ok(Schema { schema }) if schema > SOURCE_SCHEMA => {
                return Err(StepError::new(
                    format!("{path} was written by a newer installer (format {schema})"),
                    format!("use that version, or remove {directory}"),
                ));
            }
            _ => {}
        }
        let record: Option<Self> = serde_json::from_slice(&text).ok();
        for name in record.iter().flat_map(|record| record.files.keys().chain([&record.main])) {
            check_name(name)?;
        }
        Ok(record)
    }

    /// Writes it and [`CONTENT`], each so that it is there wholly or not at all, and the record last.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, directory: &Utf8Path) -> Result<(), StepError> {
        engine::files::atomic_write(&directory.join(CONTENT), &self.content_file())?;
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        engine::files::atomic_write(&directory.join(RECORD), &text)
    }

    /// The text of [`CONTENT`].
    fn content_file(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Content<'a> {
            kind: &'a str,
            main: &'a str,
            files: &'a BTreeMap<String, RecordedFile>,
            #[serde(skip_serializing_if = "Option::is_none")]
            subdirectory: Option<&'a Utf8Path>,
        }
        // Maps with text for keys always serialise.
        let content = Content {
            kind: &self.kind,
            main: &self.main,
            files: &self.files,
            subdirectory: self.subdirectory.as_deref(),
        };
        let mut text = serde_json::to_vec_pretty(&content).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// What of the things beside the record that are made from the files is not as it was written: [`CONTENT`], or one of
    /// [`MANIFESTS`].
    pub(super) fn lost_beside(&self, directory: &Utf8Path) -> Option<Utf8PathBuf> {
        let content = directory.join(CONTENT);
        if std::fs::read(&content).ok().is_none_or(|text| text != self.content_file()) {
            return Some(content);
        }
        let manifests =
            self.manifests.iter().map(|(path, size)| (directory.join(MANIFESTS).join(path), *size));
        let is_whole = |path: &Utf8Path, size: u64| {
            std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == size)
        };
        manifests.into_iter().find(|(path, size)| !is_whole(path, *size)).map(|(path, _)| path)
    }

    /// The lock entry that says the same. A commit names all of its content by itself; the archive that is packed from
    /// it here is not a thing that others have.
    pub fn locked(&self) -> LockedSource {
        let files = if packed_here(&self.kind) {
            BTreeMap::new()
        } else {
            self.files.iter().map(|(name, file)| (name.clone(), file.sha256.clone())).collect()
        };
        LockedSource {
            wanted: self.wanted.clone(),
            kind: self.kind.clone(),
            version: self.version.clone(),
            files,
            description: self.facts.description.clone(),
        }
    }

    /// In which way it is not what the lock holds, if it is not.
    pub fn differs_from(&self, locked: &LockedSource) -> Option<String> {
        let own = self.locked();
        if own.kind != locked.kind {
            return Some(format!("{} instead of {}", own.kind, locked.kind));
        }
        if own.version != locked.version {
            return Some(format!("version {} instead of {}", own.version, locked.version));
        }
        if own.files == locked.files {
            return None;
        }
        let changed = locked.files.iter().find(|(name, sha256)| own.files.get(*name) != Some(*sha256));
        Some(match changed.map(|(name, sha256)| (name, sha256, own.files.get(name))) {
            Some((name, sha256, Some(found))) => {
                format!("{name} has SHA-256 {found} instead of {sha256}")
            }
            Some((name, _, None)) => format!("{name} is not among its files"),
            None => "it has files that the lock does not list".to_owned(),
        })
    }

    /// What the files hold, as one digest.
    pub(super) fn content(&self) -> Digest {
        let mut list: String =
            self.files.iter().map(|(name, file)| format!("{} {name}\n", file.sha256)).collect();
        list.extend(self.subdirectory.as_ref().map(|below| format!("{below}\n")));
        Digest::of(list)
    }

    /// Removes what an earlier version or another alternative left in the directory.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn tidy(&self, directory: &Utf8Path) -> Result<(), StepError> {
        let failed = |error: std::io::Error| StepError::io("tidy", directory, &error);
        for entry in directory.read_dir_utf8().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if [RECORD, CONTENT, MANIFESTS].contains(&name) || self.files.contains_key(name) {
                continue;
            }
            let directory = entry.file_type().map_err(failed)?.is_dir();
            let removed = if directory {
                std::fs::remove_dir_all(entry.path())
            } else {
                std::fs::remove_file(entry.path())
            };
            removed.map_err(|error| StepError::io("remove", entry.path(), &error))?;
        }
        Ok(())
    }
}

/// Refuses names that lead out of the directory: records and locks travel.
///
/// # Errors
/// When it does.
pub fn check_name(name: &str) -> Result<(), StepError> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Err(StepError::new(
            format!("`{name}` is not the name of a downloaded file"),
            "correct source.json or the lock, or remove the entry",
        ));
    }
    Ok(())
}

/// Kinds whose archive was made by `fetch` itself from a tree.
pub(super) fn packed_here(kind: &str) -> bool {
    matches!(kind, "git" | "path")
}

/// A path beside another one.
pub(super) fn sibling(path: &Utf8Path, suffix: &str) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{path}.{suffix}"))
}
