//! What is in the way of a commit, looked at before anything is moved.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use engine::manifest::{self, ProblemKind, damaged};
use engine::runner::StepError;
use model::ComponentName;
use model::manifest::Manifest;
use model::plan::Commit;

use super::way;
use crate::run::staged::Staged;

/// What was found where nothing is in the way.
pub(super) struct Found {
    /// Files that may be the component's own, where a damaged manifest cannot tell any more.
    pub unknown: Vec<Utf8PathBuf>,
}

/// Looks whether a file would overwrite what is not this component's.
///
/// # Errors
/// All that is in the way, at once.
pub(super) fn look(action: &Commit, staged: &Staged, earlier: &[&Manifest]) -> Result<Found, StepError> {
    let mut owners: BTreeMap<Utf8PathBuf, ComponentName> = BTreeMap::new();
    let installed = manifest::load_all(&action.prefix)?;
    for manifest in installed.into_iter().chain(manifest::load_all_pending(&action.prefix)?) {
        if manifest.component != action.component {
            owners.extend(manifest.files.into_keys().map(|path| (path, manifest.component.clone())));
        }
    }
    let (mut problems, mut cures) = (Vec::new(), Vec::new());
    let damaged = damaged::lies_aside(&action.prefix, &action.component);
    let mut unknown = Vec::new();
    for (relative, entry) in &staged.entries {
        let path = action.prefix.join(relative);
        if let Some(owner) = owners.get(relative) {
            problems.push(format!("{path} belongs to {owner}"));
            cures.push(format!(
                "uninstall {owner}, or give {} its own prefix, or switch off what installs the file",
                action.component
            ));
            continue;
        }
        // Below what was a file or a link of its own, nothing is reached as yet.
        let was_own = |above: &Utf8Path| earlier.iter().any(|manifest| manifest.files.contains_key(above));
        let above = relative.ancestors().skip(1).find(|above| {
            was_own(above)
                && fs::symlink_metadata(action.prefix.join(above)).is_ok_and(|found| !found.is_dir())
        });
        if let Some(above) = above {
            let path = action.prefix.join(above);
            let known = earlier.iter().filter_map(|manifest| manifest.files.get(above));
            if !manifest::is_known(&path, known) {
                problems
                    .push(format!("{path} has changed since it was installed and would become a directory"));
                cures.push("move it away".to_owned());
            }
            continue;
        }
        let own = earlier.iter().any(|manifest| manifest.files.contains_key(relative));
        let what = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                "is below something that is not a directory".to_owned()
            }
            Err(error) => return Err(StepError::io("inspect", &path, &error)),
            Ok(metadata) if metadata.is_dir() => match way::foreign(&action.prefix, relative, earlier)? {
                None => continue,
                Some(other) => format!("is a directory with {other} in it, which is not the component's own"),
            },
            Ok(_) if own => continue,
            Ok(_) => match manifest::problem(&path, entry) {
                None | Some(ProblemKind::Mode { .. }) => continue,
                Some(_) if damaged => {
                    unknown.push(path);
                    continue;
                }
                Some(_) => "exists already and belongs to no component that installer knows".to_owned(),
            },
        };
        problems.push(format!("{path} {what}"));
        cures.push("move the existing files away, or choose another prefix with --prefix".to_owned());
    }
    if problems.is_empty() {
        return Ok(Found { unknown });
    }
    cures.sort();
    cures.dedup();
    let more = problems.len().saturating_sub(20);
    problems.truncate(20);
    let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
    Err(StepError::of_kind(
        model::event::FailureKind::Step,
        format!(
            "{} would overwrite files that are not its own: {}{rest}",
            action.component,
            problems.join("; ")
        ),
        cures,
    ))
}
