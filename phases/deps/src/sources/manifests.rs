//! The manifests of a source, copied out of it, and what they tell.

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, StepError};
use engine::source_files::{self, Counting};

use super::debian;
use super::record::{MANIFESTS, SourceRecord, sibling};
use crate::{archive, facts};

/// Names of files that are copied to [`MANIFESTS`].
const MANIFEST_NAMES: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain",
    "rust-toolchain.toml",
    ".cargo-checksum.json",
    "pyproject.toml",
    "PKG-INFO",
    ".git_archival.txt",
    "xmake.lua",
];

/// Copies the manifests out of the source and fills in the facts.
///
/// # Errors
/// When the files cannot be read, or manifests cannot be written.
pub(super) fn complete(
    record: &mut SourceRecord,
    directory: &Utf8Path,
    upstream: Option<String>,
    context: &dyn Context,
) -> Result<(), StepError> {
    let manifests = directory.join(MANIFESTS);
    files::remove_tree(&manifests)?;
    let mut found = Vec::new();
    // A single file is no archive, whatever it is.
    let archives = record.files.keys().filter(|_| record.kind != "file");
    for name in archives.filter(|name| !name.ends_with(".dsc") && !name.ends_with(".asc")) {
        if name.ends_with(".diff.gz") {
            continue;
        }
        found.extend(archive::read_files(&directory.join(name), &is_manifest, context)?);
    }
    if record.kind == "debian" && found.iter().any(|(path, _)| path.file_name() == Some("Cargo.toml")) {
        // The distribution's patches may change them.
        found = patched(record, directory, context)?;
    }
    if let Some(below) = &record.subdirectory {
        found = found
            .into_iter()
            .filter_map(|(path, content)| Some((path.strip_prefix(below).ok()?.to_owned(), content)))
            .collect();
    }
    for (path, content) in &found {
        files::atomic_write(&manifests.join(path), content)?;
    }
    record.manifests = found.iter().map(|(path, content)| (path.clone(), content.len() as u64)).collect();
    record.facts = facts::of_tree(&manifests);
    record.facts.version = upstream.or(record.facts.version.take());
    record.facts.content = Some(record.content());
    Ok(())
}

fn patched(
    record: &SourceRecord,
    directory: &Utf8Path,
    context: &dyn Context,
) -> Result<Vec<(Utf8PathBuf, Vec<u8>)>, StepError> {
    let scratch = sibling(&directory.join(MANIFESTS), "unpacking");
    files::remove_tree(&scratch)?;
    let tree = debian::unpack(directory, record, &scratch, context)?;
    let mut found = Vec::new();
    for entry in source_files::list(tree.as_std_path(), Counting::all())?.entries {
        // No manifest has another name.
        let Ok(path) = Utf8PathBuf::from_path_buf(entry.path) else { continue };
        if entry.metadata.is_file() && is_manifest(&path) {
            let content = files::read(&tree.join(&path))?;
            found.push((path, content));
        }
    }
    files::remove_tree(&scratch)?;
    Ok(found)
}

fn is_manifest(path: &Utf8Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let configuration = matches!(name, "config" | "config.toml")
        && path.parent().and_then(Utf8Path::file_name) == Some(".cargo");
    // A project file of xmake includes others, by custom from a directory of that name.
    let included = path.extension() == Some("lua")
        && path.components().rev().skip(1).any(|part| part.as_str() == "xmake");
    configuration || included || MANIFEST_NAMES.contains(&name)
}
