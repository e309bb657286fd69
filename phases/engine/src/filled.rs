//! Build trees and working copies that another driver, generator or list of commands filled.

use std::fs;

use camino::Utf8PathBuf;
use model::plan::{Filled, Plan, Step};

use crate::files;
use crate::runner::StepError;

/// The trees of a step that are there and were filled by another, or by nobody knows whom.
///
/// # Errors
/// When the mark cannot be read.
pub(crate) fn by_another(step: &Step) -> Result<Vec<&Utf8PathBuf>, StepError> {
    let Some(filled) = &step.filled else { return Ok(Vec::new()) };
    if is_marked(filled)? {
        return Ok(Vec::new());
    }
    Ok(filled.trees.iter().filter(|tree| fs::symlink_metadata(tree).is_ok()).collect())
}

fn is_marked(filled: &Filled) -> Result<bool, StepError> {
    Ok(files::record(&filled.mark)?.is_some_and(|mark| mark.trim() == filled.by))
}

/// Removes the trees that another filled and that a step which `runs` would work in, and marks them. Killed in between, the
/// next run does it again.
///
/// # Errors
/// When a tree cannot be removed, or a mark cannot be read or written.
pub(crate) fn take_over(plan: &Plan, runs: impl Fn(usize) -> bool) -> Result<(), StepError> {
    for (index, step) in plan.steps.iter().enumerate() {
        let Some(filled) = step.filled.as_ref().filter(|_| runs(index)) else { continue };
        if is_marked(filled)? {
            continue;
        }
        filled.trees.iter().try_for_each(|tree| files::remove_tree(tree))?;
        files::atomic_write(&filled.mark, format!("{}\n", filled.by).as_bytes())?;
    }
    Ok(())
}
