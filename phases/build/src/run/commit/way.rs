//! A file that becomes a directory, a directory that becomes a link, and all other changes of kind from one version of a
//! component to the next.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Bound::{Excluded, Unbounded};

use camino::{Utf8Path, Utf8PathBuf};
use engine::manifest::{self, Removal};
use engine::runner::StepError;
use engine::{fault, files};
use model::manifest::{Entry, Manifest};

type Files = BTreeMap<Utf8PathBuf, Entry>;

/// What an earlier version installed and the next one does not, with all that may be there.
pub(super) type Obsolete<'a> = BTreeMap<&'a Utf8Path, Vec<&'a Entry>>;

pub(super) fn obsolete<'a>(manifest: &Manifest, earlier: &[&'a Manifest]) -> Obsolete<'a> {
    let mut obsolete = Obsolete::new();
    for (path, entry) in earlier.iter().flat_map(|earlier| &earlier.files) {
        if !manifest.files.contains_key(path) {
            obsolete.entry(path).or_default().push(entry);
        }
    }
    obsolete
}

/// Whether a new version has a file or a link where an obsolete path has a directory: through a link, the path would lead
/// to what is not obsolete.
pub(super) fn is_behind(obsolete: &Utf8Path, new: &Files) -> bool {
    obsolete.ancestors().skip(1).any(|above| new.contains_key(above))
}

/// Whether a new version has files below an obsolete path.
pub(super) fn holds_new(obsolete: &Utf8Path, new: &Files) -> bool {
    let mut behind = new.range::<Utf8Path, _>((Excluded(obsolete), Unbounded));
    behind.next().is_some_and(|(path, _)| path.starts_with(obsolete))
}

/// Removes obsolete files where a new version has a directory, and directories of obsolete files where it has a file or a
/// link.
///
/// # Errors
/// When what is there is not as it was installed: nothing of somebody else's is removed.
pub(super) fn clear(prefix: &Utf8Path, new: &Files, obsolete: &Obsolete<'_>) -> Result<(), StepError> {
    for (relative, known) in obsolete {
        let path = prefix.join(relative);
        let is_directory = |path: &Utf8Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
        let mut above = relative.ancestors().skip(1).filter(|above| new.contains_key(*above));
        // Where a killed commit placed the link already, the path leads through it.
        let within = above.next().is_some_and(|above| is_directory(&prefix.join(above)));
        let below = holds_new(relative, new) && !is_directory(&path);
        if !within && !below {
            continue;
        }
        fault::check("commit-clear").map_err(|error| StepError::io("remove", &path, &error))?;
        if manifest::remove_known(&path, known, false)? == Removal::Modified {
            return Err(in_the_way(&path));
        }
    }
    for path in new.keys().map(|relative| prefix.join(relative)) {
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
            remove_empty(&path)?;
        }
    }
    Ok(())
}

fn in_the_way(path: &Utf8Path) -> StepError {
    StepError::new(
        format!("{path} has changed since it was installed, and the new version has something else there"),
        "move it away",
    )
}

/// Removes a directory in which there are none but empty directories, and what a killed copy left.
fn remove_empty(directory: &Utf8Path) -> Result<(), StepError> {
    for name in files::names(directory)?.unwrap_or_default() {
        let path = directory.join(&name);
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
            remove_empty(&path)?;
        } else if manifest::is_temporary(&name) {
            files::remove_tree(&path)?;
        } else {
            return Err(in_the_way(&path));
        }
    }
    fault::check("commit-clear")
        .and_then(|()| fs::remove_dir(directory))
        .map_err(|error| StepError::io("remove", directory, &error))
}

/// The first file below a directory that is in the way of a new version: one that is nobody's, or has changed.
pub(super) fn foreign(
    prefix: &Utf8Path,
    relative: &Utf8Path,
    earlier: &[&Manifest],
) -> Result<Option<Utf8PathBuf>, StepError> {
    for name in files::names(&prefix.join(relative))?.unwrap_or_default() {
        let relative = relative.join(&name);
        let path = prefix.join(&relative);
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
            if let Some(found) = foreign(prefix, &relative, earlier)? {
                return Ok(Some(found));
            }
            continue;
        }
        let known = earlier.iter().filter_map(|manifest| manifest.files.get(&relative));
        if !manifest::is_temporary(&name) && !manifest::is_known(&path, known) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
