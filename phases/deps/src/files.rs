//! Small effects on files that several actions share.

use std::io::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::StepError;

/// Writes a file so that it is there wholly or not at all, creating its directory.
///
/// # Errors
/// When the directory or the file cannot be written.
pub fn write_atomically(path: &Utf8Path, content: &[u8]) -> Result<(), StepError> {
    let failed = |error: std::io::Error| StepError::io("write", path, &error);
    if let Some(directory) = path.parent() {
        create_directory(directory)?;
    }
    let partial = Utf8PathBuf::from(format!("{path}.part"));
    let mut file = std::fs::File::create(&partial).map_err(failed)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&partial, path).map_err(failed)
}

/// Creates a directory and those above it.
///
/// # Errors
/// When it cannot be created.
pub fn create_directory(path: &Utf8Path) -> Result<(), StepError> {
    std::fs::create_dir_all(path).map_err(|error| StepError::io("create directory", path, &error))
}

/// Creates an empty directory, removing what an earlier attempt left there.
///
/// # Errors
/// When it cannot be emptied or created.
pub fn fresh_directory(path: &Utf8Path) -> Result<(), StepError> {
    remove_directory(path)?;
    create_directory(path)
}

/// Removes a directory with all that is in it, if it is there.
///
/// # Errors
/// When it cannot be removed.
pub fn remove_directory(path: &Utf8Path) -> Result<(), StepError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StepError::io("remove", path, &error))
        }
        _ => Ok(()),
    }
}

/// The text of a file; `None` when it is not there.
///
/// # Errors
/// When it is there and cannot be read.
pub fn read_if_there(path: &Utf8Path) -> Result<Option<String>, StepError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StepError::io("read", path, &error)),
    }
}
