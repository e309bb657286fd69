//! The case's lock on the disk.

use std::fs;
use std::io;

use camino::Utf8Path;
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
    let mut lock = read(&layout.lock)?;
    if let Some(given) = &layout.given_lock {
        for (target, given) in read(given)?.target {
            let ours = lock.target.entry(target).or_default();
            ours.sources.extend(given.sources);
            ours.tools.extend(given.tools);
            ours.repositories.extend(given.repositories);
            if given.wheels_wanted.is_some() {
                (ours.wheels, ours.wheels_wanted) = (given.wheels, given.wheels_wanted);
            }
        }
    }
    Ok(lock)
}

/// A damaged lock is refused and not resolved anew: the versions that it pins may be the only record of what was tried.
fn read(path: &Utf8Path) -> Result<Lock, EngineError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lock::default()),
        Err(error) => return Err(EngineError::reading(path, &error)),
    };
    #[derive(serde::Deserialize)]
    struct Version {
        schema: u32,
    }
    let damaged = |at: usize, why: &str| {
        let line = 1 + bytes[..at.min(bytes.len())].iter().filter(|byte| **byte == b'\n').count();
        EngineError::new(format!("{path}:{line}: the lock is damaged: {why}")).with_help(format!(
            "restore it from version control; without a whole one, `mv {path} {path}.damaged`, and \
             `installer deps` resolves every version again"
        ))
    };
    let text =
        std::str::from_utf8(&bytes).map_err(|error| damaged(error.valid_up_to(), "it is not UTF-8"))?;
    let wrong = |error: toml::de::Error| damaged(error.span().map_or(0, |span| span.start), error.message());
    let version: Version = toml::from_str(text).map_err(wrong)?;
    if version.schema > LOCK_SCHEMA {
        return Err(EngineError::new(format!(
            "{path} has schema {}, written by a newer installer; this one reads up to {LOCK_SCHEMA}",
            version.schema
        ))
        .with_help("use that installer"));
    }
    toml::from_str(text).map_err(wrong)
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

#[cfg(test)]
mod tests {
    use model::lock::{LockedSource, LockedTarget};

    use super::*;

    #[test]
    fn a_lock_that_cannot_be_written_is_obeyed_and_completed_elsewhere() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let mut layout = Layout {
            prefix: root.to_owned(),
            state: root.to_owned(),
            cache: root.to_owned(),
            artifacts: root.to_owned(),
            data: root.to_owned(),
            case_dir: root.to_owned(),
            lock: root.to_owned(),
            given_lock: None,
        };
        let source = |version: &str| LockedSource { version: version.to_owned(), ..LockedSource::default() };
        let lock = |sources: &[(&str, &str)]| {
            let mut target = LockedTarget::default();
            target.sources.extend(sources.iter().map(|(name, version)| ((*name).into(), source(version))));
            Lock { target: [("debian-12-x86_64".to_owned(), target)].into(), ..Lock::default() }
        };
        layout.lock = root.join("case.lock");
        store(&layout, &lock(&[("a", "1")])).unwrap();
        layout.given_lock = Some(layout.lock.clone());
        layout.lock = root.join("artifacts/case.lock");
        store(&layout, &lock(&[("a", "2"), ("b", "7")])).unwrap();
        assert_eq!(load(&layout).unwrap(), lock(&[("a", "1"), ("b", "7")]));
        assert_eq!(load(&Layout { given_lock: None, ..layout }).unwrap(), lock(&[("a", "2"), ("b", "7")]));
    }
}
