//! Carrying out what `build` plans: preflight, working copies, commands, commits and checks.

mod commit;
mod expect;
pub mod http_check;
mod preflight;
mod stage;
mod staged;
mod verify;
mod working_copy;

use camino::Utf8PathBuf;
use engine::runner::{Context, Finding, Observation, Runner, StepError};
use engine::{files, manifest};
use model::plan::{Action, Exec, Need, Step};

pub use verify::verify_component;

/// Looks whether one need is met, with the prefixes of needed components: what `deps` knows and `build` may not
/// depend on.
pub type CheckNeed<'a> =
    &'a (dyn Fn(&Need, &[Utf8PathBuf], &dyn Context) -> Result<Option<String>, Finding> + Sync);

/// Finds the Rust toolchain that would be used: version, and a description of what and where it is.
pub type FindRust<'a> = &'a (dyn Fn(&dyn Context) -> Result<Option<(String, String)>, StepError> + Sync);

/// The runner of `build` steps.
pub struct BuildRunner<'a> {
    /// Looks whether one need is met.
    pub check_need: CheckNeed<'a>,
    /// Finds the Rust toolchain.
    pub find_rust: FindRust<'a>,
}

impl BuildRunner<'_> {
    /// Whether this runner carries out the step.
    pub fn handles(&self, step: &Step) -> bool {
        matches!(
            step.action,
            Action::Preflight(_)
                | Action::WorkingCopy(_)
                | Action::Exec(_)
                | Action::ExpectEnabled(_)
                | Action::StageFiles(_)
                | Action::Commit(_)
                | Action::Verify(_)
        )
    }

    fn foreign(step: &Step) -> StepError {
        StepError::new(format!("step {} is not one that `build` carries out", step.id), "report this defect")
    }
}

impl Runner for BuildRunner<'_> {
    fn observe(&self, step: &Step, context: &dyn Context) -> Result<Observation, StepError> {
        match &step.action {
            Action::Preflight(action) => preflight::observe(self, action, context),
            _ => Err(Self::foreign(step)),
        }
    }

    fn run(&self, step: &Step, context: &dyn Context) -> Result<(), StepError> {
        match &step.action {
            Action::Preflight(action) => preflight::require(self, action, context),
            Action::WorkingCopy(action) => working_copy::sync(action, context),
            Action::Exec(Exec { commands }) => commands.iter().try_for_each(|command| {
                if context.cancelled() {
                    return Err(StepError::Cancelled);
                }
                context.execute(command).map(drop)
            }),
            Action::ExpectEnabled(action) => expect::check(action),
            Action::StageFiles(action) => stage::stage(action),
            Action::Commit(action) => commit::commit(action, context),
            Action::Verify(action) => verify::verify_component(action, context),
            _ => Err(Self::foreign(step)),
        }
    }

    fn broken(&self, step: &Step, context: &dyn Context) -> Result<Option<String>, StepError> {
        let Action::Commit(action) = &step.action else { return Ok(None) };
        if manifest::load_pending(&action.prefix, &action.component)?.is_some() {
            return Ok(Some("a commit was killed while it moved files".to_owned()));
        }
        Ok(match manifest::load(&action.prefix, &action.component)? {
            None => Some(format!("{} is gone", manifest::path(&action.prefix, &action.component))),
            Some(manifest) if manifest.case != action.case => {
                Some(format!("the one that is installed is of the case {}", manifest.case))
            }
            Some(manifest) => {
                let path = manifest::path(&action.prefix, &action.component);
                let digest =
                    files::sha256_file(&path).map_err(|error| StepError::io("read", &path, &error))?.0;
                let committed = files::read_if_there(&context.layout().committed(&action.component))?;
                if committed.is_some_and(|committed| committed.trim() != digest.to_string()) {
                    Some("another one was installed over it".to_owned())
                } else {
                    manifest::present(&manifest).map(|problem| problem.to_string())
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;
