//! What becomes of damaged manifests: they are written again from the copy in the case's state, or moved aside.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use model::ComponentName;
use model::layout::Layout;

use super::stored::{PENDING, Reading, path, pending_path, read};
use crate::files;
use crate::runner::StepError;

/// Ends the name of a damaged manifest that was moved aside.
const ASIDE: &str = ".damaged";

/// Writes damaged manifests below a prefix again, from the copies in the state. Where there is none, the manifest is moved
/// aside, and its component counts as not installed. Says what it did.
///
/// # Errors
/// When one cannot be read, written or moved, or was written by a newer version.
pub fn heal(layout: &Layout, prefix: &Utf8Path) -> Result<Vec<String>, StepError> {
    let mut told = Vec::new();
    for (component, file) in all(prefix)? {
        let Reading::Damaged(why) = read(&file)? else { continue };
        let copy = layout.manifest_copy(&component);
        if file == path(prefix, &component) {
            if let Reading::Whole(kept) = read(&copy)? {
                if kept.prefix == *prefix && kept.component == component {
                    if file.is_dir() {
                        files::set_aside(&file)?;
                    }
                    files::atomic_write(&file, &files::read(&copy)?)?;
                    told.push(format!(
                        "the manifest {file} was damaged ({why}): it is written again from {copy}"
                    ));
                    continue;
                }
            }
        }
        let aside = Utf8PathBuf::from(format!("{file}{ASIDE}"));
        if file.is_dir() {
            files::remove_tree(&aside)?;
        }
        files::rename(&file, &aside)?;
        told.push(format!(
            "the manifest {file} is damaged ({why}): it is moved to {aside}, and {component} counts as not \
             installed until it is installed again"
        ));
    }
    Ok(told)
}

/// The files that should be manifests, pending ones included, each with its component.
///
/// # Errors
/// When the directory cannot be listed.
pub(crate) fn all(prefix: &Utf8Path) -> Result<Vec<(ComponentName, Utf8PathBuf)>, StepError> {
    let directory = Layout::manifests(prefix);
    let Some(names) = files::names(&directory)? else { return Ok(Vec::new()) };
    let of = |name: &str| -> Option<ComponentName> {
        let hidden = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(PENDING));
        let plain = name.strip_suffix(".json").filter(|_| !name.starts_with('.'));
        hidden.or(plain).map(ComponentName::new)
    };
    Ok(names.iter().filter_map(|name| Some((of(name)?, directory.join(name)))).collect())
}

/// Whether a damaged manifest of a component lies aside: its files cannot be told from those of nobody.
pub fn lies_aside(prefix: &Utf8Path, component: &ComponentName) -> bool {
    aside(prefix, component).iter().any(|path| fs::symlink_metadata(path).is_ok())
}

/// Removes what was moved aside of a component, once it is installed again or no more.
///
/// # Errors
/// When it cannot be removed.
pub fn forget(prefix: &Utf8Path, component: &ComponentName) -> Result<(), StepError> {
    aside(prefix, component)
        .iter()
        .filter(|path| fs::symlink_metadata(path).is_ok())
        .try_for_each(|path| files::remove_tree(path))
}

fn aside(prefix: &Utf8Path, component: &ComponentName) -> [Utf8PathBuf; 2] {
    [path(prefix, component), pending_path(prefix, component)].map(|path| format!("{path}{ASIDE}").into())
}
