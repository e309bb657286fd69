//! Files that were put into a build tree for an earlier configuration, and that a later one may no longer ask for.

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::StepError;
use model::plan::Exec;

/// The list of the files in a build tree, one path in it a line.
pub(crate) const PLACED: &str = ".installer-placed";

/// Removes what was put into the tree that these commands are about to configure.
pub(super) fn remove(action: &Exec) -> Result<(), StepError> {
    let Some(tree) = action.commands.first().map(|command| &command.directory) else { return Ok(()) };
    let list = tree.join(PLACED);
    let Some(places) = files::read_if_there(&list)? else { return Ok(()) };
    let inside = |place: &&str| Utf8Path::new(place).components().all(|part| part.as_str() != "..");
    let paths: Vec<Utf8PathBuf> = places
        .lines()
        .filter(|place| !place.is_empty())
        .filter(inside)
        .map(|place| tree.join(place))
        .collect();
    for path in paths.iter().chain([&list]) {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StepError::io("remove", path, &error));
            }
            _ => {}
        }
    }
    Ok(())
}
