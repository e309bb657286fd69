//! Copies named files of a build tree into the staging root.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use engine::files;
use engine::runner::StepError;
use model::plan::StageFiles;

pub(super) fn stage(action: &StageFiles) -> Result<(), StepError> {
    if let Some(missing) = action.files.iter().find(|file| !file.from.is_file()) {
        return Err(StepError::new(
            format!("{} was not built, and should be installed as {}", missing.from, missing.to),
            "correct the component's list of files, or the features that it is built with",
        ));
    }
    files::remove_tree(&action.staging)?;
    for file in &action.files {
        let relative = file.to.strip_prefix("/").map_err(|_| {
            StepError::new(format!("{} is not an absolute path", file.to), "report this defect")
        })?;
        let into = action.staging.join(relative);
        if let Some(directory) = into.parent() {
            files::create_dir_all(directory)?;
        }
        fs::copy(&file.from, &into)
            .and_then(|_| fs::set_permissions(&into, fs::Permissions::from_mode(file.mode)))
            .map_err(|error| StepError::io("copy to", &into, &error))?;
    }
    Ok(())
}
