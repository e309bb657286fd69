//! What a commit leaves in a prefix until it is through: files under temporary names, and what it replaces.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use model::ComponentName;
use model::layout::Layout;

use crate::files;
use crate::runner::StepError;

/// Begins the name of a file that is being copied into the prefix.
const TEMPORARY: &str = ".installer-tmp-";

/// The name under which a file is written until it is whole.
pub fn temporary(path: &Utf8Path) -> Utf8PathBuf {
    let name = path.file_name().unwrap_or("file");
    let directory = path.parent().unwrap_or(Utf8Path::new("/"));
    directory.join(files::beside(TEMPORARY, name, ""))
}

/// Whether a name is one of [`temporary`].
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY)
}

/// Removes what a killed copy left of a file.
///
/// # Errors
/// When it cannot be removed.
pub fn remove_temporary(path: &Utf8Path) -> Result<(), StepError> {
    let temporary = temporary(path);
    if fs::symlink_metadata(&temporary).is_ok() { files::remove_tree(&temporary) } else { Ok(()) }
}

/// Where the files of a component lie that a commit replaced, until the new ones have passed their checks.
pub fn kept_directory(prefix: &Utf8Path, component: &ComponentName) -> Utf8PathBuf {
    Layout::manifests(prefix).join(KEPT).join(component.as_str())
}

const KEPT: &str = ".kept";

/// Removes it, and the directory of all of them if it is empty.
///
/// # Errors
/// When it cannot be removed.
pub fn remove_kept(prefix: &Utf8Path, component: &ComponentName) -> Result<(), StepError> {
    let directory = kept_directory(prefix, component);
    if fs::symlink_metadata(&directory).is_err() {
        return Ok(());
    }
    files::remove_tree(&directory)?;
    let all = Layout::manifests(prefix).join(KEPT);
    if files::names(&all)?.is_some_and(|names| names.is_empty()) {
        fs::remove_dir(&all).map_err(|error| StepError::io("remove", &all, &error))?;
    }
    Ok(())
}
