//! Copies named files of a build tree into the staging root, trees beside them, and texts that the plan knows.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::StepError;
use engine::source_files::shown;
use model::plan::{StageFiles, StagedTree};

/// Directories that are no part of what is installed.
const SKIPPED: [&str; 2] = [".git", "__pycache__"];

pub(super) fn stage(action: &StageFiles) -> Result<(), StepError> {
    if let Some(missing) = action.files.iter().find(|file| !file.from.is_file()) {
        return Err(StepError::new(
            format!("{} should be installed as {} but was not built", missing.from, missing.to),
            "correct the component's list of files, or the features that it is built with",
        ));
    }
    files::remove_tree(&action.staging)?;
    for tree in &action.trees {
        copy_tree(action, tree)?;
    }
    for file in &action.files {
        copy(&file.from, &place(action, &file.to)?, file.mode)?;
    }
    for text in &action.texts {
        let into = place(action, &text.to)?;
        files::atomic_write(&into, text.text.as_bytes())?;
        set_mode(&into, text.mode)?;
    }
    Ok(())
}

fn place(action: &StageFiles, to: &Utf8Path) -> Result<Utf8PathBuf, StepError> {
    let relative = to
        .strip_prefix("/")
        .map_err(|_| StepError::new(format!("{to} is not an absolute path"), "report this defect"))?;
    Ok(action.staging.join(relative))
}

fn copy_tree(action: &StageFiles, tree: &StagedTree) -> Result<(), StepError> {
    if !tree.from.is_dir() {
        if tree.optional && !tree.from.exists() {
            return Ok(());
        }
        return Err(StepError::new(
            format!("{} should be installed as {} but is not a directory", tree.from, tree.to),
            "check that the source is the right one for the component, and complete",
        ));
    }
    let mut open = vec![Utf8PathBuf::new()];
    while let Some(below) = open.pop() {
        let directory = tree.from.join(&below);
        let failed = |error: &std::io::Error| StepError::io("list", &directory, error);
        for entry in fs::read_dir(&directory).map_err(|error| failed(&error))? {
            let entry = entry.map_err(|error| failed(&error))?;
            let path = Utf8PathBuf::from_path_buf(entry.path()).map_err(|path| {
                StepError::new(
                    format!("{} cannot be installed: its name is not UTF-8", shown(&path)),
                    "rename it in the source",
                )
            })?;
            let name = path.file_name().unwrap_or_default();
            let kind = entry.file_type().map_err(|error| failed(&error))?;
            let relative = below.join(name);
            if kind.is_dir() {
                if !SKIPPED.contains(&name) {
                    open.push(relative);
                }
                continue;
            }
            // Of what a link leads to; one that leads nowhere, or to a directory, is said.
            let metadata = fs::metadata(&path).map_err(|error| StepError::io("read", &path, &error))?;
            if !metadata.is_file() {
                return Err(StepError::new(
                    format!("{path} is not a file and cannot be installed"),
                    "remove it from the source, or put a file in its place",
                ));
            }
            let mode = if metadata.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 };
            copy(&path, &place(action, &tree.to.join(relative))?, mode)?;
        }
    }
    Ok(())
}

fn copy(from: &Utf8Path, into: &Utf8Path, mode: u32) -> Result<(), StepError> {
    if let Some(directory) = into.parent() {
        files::create_dir_all(directory)?;
    }
    fs::copy(from, into).map_err(|error| StepError::io("copy to", into, &error))?;
    set_mode(into, mode)
}

fn set_mode(path: &Utf8Path, mode: u32) -> Result<(), StepError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|error| StepError::io("set the mode of", path, &error))
}
