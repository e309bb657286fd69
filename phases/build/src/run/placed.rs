//! Files that were put into a tree for an earlier configuration, and that a later one may no longer ask for.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, StepError};
use model::ComponentName;
use model::plan::Exec;

use super::wraps;

/// The list of the files in a build tree, one path in it a line.
pub(crate) const PLACED: &str = ".installer-placed";

/// The same of a working copy, beside it.
pub(crate) fn beside(copy: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{copy}.placed"))
}

/// Removes what was put into the trees that these commands are about to configure.
pub(super) fn remove(
    action: &Exec,
    component: Option<&ComponentName>,
    context: &dyn Context,
) -> Result<(), StepError> {
    if let Some(component) = component {
        let copy = context.layout().working_copy(component);
        let list = beside(&copy);
        for place in listed(&list)? {
            wraps::remove_unpacked(&copy, &place)?;
        }
        remove_listed(&list, &copy)?;
    }
    let Some(tree) = action.commands.first().map(|command| &command.directory) else { return Ok(()) };
    remove_listed(&tree.join(PLACED), tree)
}

fn remove_listed(list: &Utf8Path, tree: &Utf8Path) -> Result<(), StepError> {
    for place in listed(list)? {
        let path = tree.join(place);
        if std::fs::symlink_metadata(&path).is_ok_and(|found| !found.is_dir()) {
            std::fs::remove_file(&path).map_err(|error| StepError::io("remove", &path, &error))?;
        }
    }
    files::remove(list.as_std_path())
}

/// What stands in a list. A damaged one names what nobody placed: nothing outside the tree.
fn listed(list: &Utf8Path) -> Result<Vec<Utf8PathBuf>, StepError> {
    let inside =
        |place: &&str| Utf8Path::new(place).components().all(|part| matches!(part, Utf8Component::Normal(_)));
    let text = files::record(list)?.unwrap_or_default();
    Ok(text.lines().filter(|place| !place.is_empty()).filter(inside).map(Utf8PathBuf::from).collect())
}
