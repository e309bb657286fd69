//! Files that were put into a build tree for an earlier configuration, and that a later one may no longer ask for.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::StepError;
use model::plan::Exec;

/// The list of the files in a build tree, one path in it a line.
pub(crate) const PLACED: &str = ".installer-placed";

/// Removes what was put into the tree that these commands are about to configure.
pub(super) fn remove(action: &Exec) -> Result<(), StepError> {
    let Some(tree) = action.commands.first().map(|command| &command.directory) else { return Ok(()) };
    let list = tree.join(PLACED);
    let Some(places) = files::record(&list)? else { return Ok(()) };
    // A damaged list names what nobody placed: nothing outside the tree, and no directory.
    let inside =
        |place: &&str| Utf8Path::new(place).components().all(|part| matches!(part, Utf8Component::Normal(_)));
    let paths: Vec<Utf8PathBuf> = places
        .lines()
        .filter(|place| !place.is_empty())
        .filter(inside)
        .map(|place| tree.join(place))
        .filter(|path| std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_dir()))
        .collect();
    for path in paths.iter().chain([&list]) {
        std::fs::remove_file(path).map_err(|error| StepError::io("remove", path, &error))?;
    }
    Ok(())
}
