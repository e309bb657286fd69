//! Where manifests lie, and what is read there.

use std::fmt;
use std::fs;
use std::io;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use model::ComponentName;
use model::layout::Layout;
use model::manifest::{MANIFEST_SCHEMA, Manifest};

use crate::runner::StepError;

/// Ends the name of a manifest of a commit that is under way.
pub(super) const PENDING: &str = ".pending.json";

/// Where the manifest of a component lies.
pub fn path(prefix: &Utf8Path, component: &ComponentName) -> Utf8PathBuf {
    Layout::manifests(prefix).join(format!("{component}.json"))
}

/// Where the manifest of a commit lies that is under way, or was killed.
pub fn pending_path(prefix: &Utf8Path, component: &ComponentName) -> Utf8PathBuf {
    Layout::manifests(prefix).join(format!(".{component}{PENDING}"))
}

/// What lies where a manifest should be.
pub(crate) enum Reading {
    Absent,
    Whole(Box<Manifest>),
    /// With what is wrong.
    Damaged(String),
}

/// Reads a manifest.
///
/// # Errors
/// When it cannot be read, or was written by a newer version.
pub(crate) fn read(path: &Utf8Path) -> Result<Reading, StepError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Reading::Absent),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            return Ok(Reading::Damaged("a directory is in its place".to_owned()));
        }
        Err(error) => return Err(StepError::io("read", path, &error)),
    };
    let damaged = |why: &dyn fmt::Display| Ok(Reading::Damaged(why.to_string()));
    // The number comes first: a newer format may not decode as this one.
    let value: serde_json::Value = match serde_json::from_slice(&bytes) {
        Ok(value) => value,
        Err(error) => return damaged(&error),
    };
    let schema = value.get("schema").and_then(serde_json::Value::as_u64).unwrap_or_default();
    if schema > u64::from(MANIFEST_SCHEMA) {
        return Err(StepError::new(
            format!(
                "the manifest {path} has format {schema}, but this version reads formats up to \
                 {MANIFEST_SCHEMA}"
            ),
            "use the version of installer that wrote it, or a newer one",
        ));
    }
    let manifest: Manifest = match serde_json::from_value(value) {
        Ok(manifest) => manifest,
        Err(error) => return damaged(&error),
    };
    // A path that leads out of the prefix would make `uninstall` remove what is not ours.
    let inside = |path: &Utf8Path| {
        path.components().all(|part| matches!(part, Utf8Component::Normal(_))) && !path.as_str().is_empty()
    };
    let below_a_root = |path: &Utf8Path| {
        manifest.roots.iter().any(|root| {
            let of_root = root.strip_prefix("/").is_ok_and(inside);
            of_root && path.strip_prefix(root).is_ok_and(inside)
        })
    };
    if let Some(outside) = manifest.files.keys().find(|path| !inside(path) && !below_a_root(path)) {
        return damaged(&format!("{outside} is neither below the prefix nor below another root of it"));
    }
    Ok(Reading::Whole(Box::new(manifest)))
}
