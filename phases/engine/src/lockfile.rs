//! The case's lock on the disk.

use std::fs;
use std::io;

use model::layout::Layout;
use model::lock::{LOCK_SCHEMA, Lock};

use crate::EngineError;
use crate::files;
use crate::runner::StepError;

/// Reads the lock of a case; an empty one when there is none.
///
/// # Errors
/// When it cannot be read or decoded, or was written by a newer version.
pub fn load(layout: &Layout) -> Result<Lock, EngineError> {
    let path = &layout.lock;
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lock::default()),
        Err(error) => return Err(EngineError::new(format!("failed to read {path}: {error}"))),
    };
    #[derive(serde::Deserialize)]
    struct Version {
        schema: u32,
    }
    let damaged = |error: toml::de::Error| {
        EngineError::new(format!(
            "failed to read the lock {path}: {error}\n  help: restore it from version control, or remove it to resolve anew"
        ))
    };
    let version: Version = toml::from_str(&text).map_err(damaged)?;
    if version.schema > LOCK_SCHEMA {
        return Err(EngineError::new(format!(
            "{path} has schema {}, written by a newer installer; this one reads up to {LOCK_SCHEMA}\n  help: use that installer",
            version.schema
        )));
    }
    toml::from_str(&text).map_err(damaged)
}

/// Writes the lock of a case.
///
/// # Errors
/// When it cannot be written.
pub fn store(layout: &Layout, lock: &Lock) -> Result<(), StepError> {
    let body = toml::to_string(lock).map_err(|error| {
        StepError::new(format!("failed to encode {}: {error}", layout.lock), "report this defect")
    })?;
    let text = format!(
        "# Written by installer: exact versions and hashes of what `deps` brought. Keep it in version control.\n{body}"
    );
    files::atomic_write_at("lock-write", &layout.lock, text.as_bytes())
}
