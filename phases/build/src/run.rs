//! Carrying out what `build` plans: preflight, working copies, commands, commits and checks.

mod cmake;
mod commit;
mod configure_log;
mod copied;
mod declared;
mod expect;
pub mod http_check;
mod left_out;
mod link_python;
mod placed;
mod preflight;
mod stage;
mod staged;
mod verify;
mod wanted;
mod working_copy;
mod wraps;

use camino::Utf8PathBuf;
use engine::excerpt::{kill_in, tells_of_kill};
use engine::runner::{Context, Finding, Observation, Runner, StepError};
use engine::{committed, manifest};
use model::event::{Failure, FailureKind};
use model::plan::{Action, Exec, Need, RequiredPython, Step, Verify};
use model::source_facts::PinnedRust;

use commit::kept;
pub(crate) use placed::{PLACED, beside as placed_beside};
use preflight::CompilerCaches;
pub use verify::verify_component;

/// Looks whether one need is met, with the prefixes of needed components: what `deps` knows and `build` may not
/// depend on.
pub type CheckNeed<'a> =
    &'a (dyn Fn(&Need, &[Utf8PathBuf], &dyn Context) -> Result<Option<String>, Finding> + Sync);

/// Finds the Rust toolchain that would be used: version, and a description of what and where it is.
/// With a pin: the one that is installed for it.
pub type FindRust<'a> =
    &'a (dyn Fn(Option<&PinnedRust>, &dyn Context) -> Result<Option<(String, String)>, StepError> + Sync);

/// Looks whether a Python interpreter is what a build needs.
pub type CheckPython<'a> =
    &'a (dyn Fn(&RequiredPython, &dyn Context) -> Result<Observation, StepError> + Sync);

/// The runner of `build` steps.
pub struct BuildRunner<'a> {
    /// Looks whether one need is met.
    check_need: CheckNeed<'a>,
    /// Finds the Rust toolchain.
    find_rust: FindRust<'a>,
    /// Looks at a Python interpreter.
    check_python: CheckPython<'a>,
    compiler_caches: CompilerCaches,
}

impl<'a> BuildRunner<'a> {
    /// A runner for one run, with what `deps` knows.
    pub fn new(check_need: CheckNeed<'a>, find_rust: FindRust<'a>, check_python: CheckPython<'a>) -> Self {
        Self { check_need, find_rust, check_python, compiler_caches: CompilerCaches::default() }
    }

    /// Whether this runner carries out the step.
    pub fn handles(&self, step: &Step) -> bool {
        matches!(
            step.action,
            Action::Preflight(_)
                | Action::WorkingCopy(_)
                | Action::Exec(_)
                | Action::ExpectEnabled(_)
                | Action::StageFiles(_)
                | Action::LinkPython(_)
                | Action::Commit(_)
                | Action::Verify(_)
        )
    }

    fn foreign(step: &Step) -> StepError {
        StepError::new(format!("`build` cannot carry out step {}", step.id), "report this defect")
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
        let component = step.component.as_ref().map_or("", |name| name.as_str());
        match &step.action {
            Action::Preflight(action) => preflight::require(self, action, context),
            Action::WorkingCopy(action) => working_copy::sync(action, context),
            Action::Exec(action) => {
                if step.id.as_str().ends_with("/configure") {
                    placed::remove(action, step.component.as_ref(), context)?;
                }
                exec(action, component, context).map_err(|error| copied::with_original(error, step, context))
            }
            Action::ExpectEnabled(action) => expect::check(action, component),
            Action::StageFiles(action) => stage::stage(action),
            Action::LinkPython(action) => link_python::link(action),
            Action::Commit(action) => commit::commit(action, context),
            Action::Verify(action) => verified(action, context),
            _ => Err(Self::foreign(step)),
        }
    }

    fn broken(&self, step: &Step, context: &dyn Context) -> Result<Option<String>, StepError> {
        let action = match &step.action {
            Action::Commit(action) => action,
            Action::LinkPython(action) => return link_python::broken(action),
            Action::Verify(action) => {
                let verified = context.layout().verified(&action.component).exists();
                return Ok((!verified).then(|| "not verified since it was installed".to_owned()));
            }
            _ => return Ok(None),
        };
        if manifest::load_pending(&action.prefix, &action.component)?.is_some() {
            return Ok(Some("the last commit was killed while it moved files".to_owned()));
        }
        committed::broken(context.layout(), &action.prefix, &action.component, &action.case)
    }
}

/// Verifies what was committed; what does not pass gives way to the version before it.
fn verified(action: &Verify, context: &dyn Context) -> Result<(), StepError> {
    let verified = verify::verify_component(action, context);
    match &verified {
        Ok(()) => kept::forget(action, context)?,
        Err(StepError::Failed(_)) => match kept::put_back(action, context) {
            Ok(None) => {}
            Ok(Some(version)) => {
                context.warn(&format!("{version}, which was installed before, is installed again"));
            }
            Err(StepError::Failed(failure)) => context.warn(&format!(
                "failed to install what was there before again: {}; the next `installer build` tries again",
                failure.message
            )),
            Err(StepError::Cancelled) => return Err(StepError::Cancelled),
        },
        Err(StepError::Cancelled) => {}
    }
    verified
}

/// A failure with what the logs of a configure script say of it.
fn because(error: StepError, action: &Exec, component: &str) -> StepError {
    let StepError::Failed(mut failure) = error else { return error };
    if failure.kind == FailureKind::Step && !failure.died_of_signal {
        configure_log::explain(&mut failure, &action.logs, component);
    }
    StepError::Failed(failure)
}

fn exec(action: &Exec, component: &str, context: &dyn Context) -> Result<(), StepError> {
    let mut killed = None;
    for command in &action.commands {
        if context.cancelled() {
            return Err(StepError::Cancelled);
        }
        let finished = context
            .execute(command)
            .map_err(|error| wanted::with_cures(error, &command.directory, component))
            .map_err(|error| because(error, action, component))?;
        killed = killed.or_else(|| finished.tail.into_iter().find(|line| tells_of_kill(line)));
    }
    if action.logs.is_empty() {
        return Ok(());
    }
    // A configure script takes a compiler that was killed for a feature that is not there, and goes on.
    for log in &action.logs {
        let text = match std::fs::read(log) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(StepError::io("read", log, &error)),
        };
        let text = String::from_utf8_lossy(&text);
        killed = killed.or_else(|| kill_in(&text).map(|line| format!("{log}: {line}")));
    }
    killed.map_or(Ok(()), |line| {
        Err(StepError::Failed(Failure {
            message: format!("a tool was killed during a check, whose result would be wrong: {line}"),
            cures: vec![
                "run the same command again; if memory ran out (see dmesg), try a lower -j".to_owned(),
            ],
            died_of_signal: true,
            ..Failure::default()
        }))
    })
}

#[cfg(test)]
mod tests;
