//! What checks have in common: how a command is run, and how a failure is told.

use engine::runner::{Context, Finished, StepError};
use model::ComponentName;
use model::event::FailureKind;
use model::plan::{Argument, Command, Verify};

/// Lines of output that a failed check shows.
pub(super) const SHOWN: usize = 20;

/// A check that did not hold.
pub(super) fn failed(message: String, cure: String) -> StepError {
    StepError::of_kind(FailureKind::Verify, message, vec![cure])
}

/// What a command of a check says.
pub(super) fn capture(
    action: &Verify,
    words: &[String],
    context: &dyn Context,
) -> Result<Finished, StepError> {
    let Some((program, args)) = words.split_first() else {
        return Err(failed(
            format!("a check of {} has an empty command", action.component),
            "write its command in the case".to_owned(),
        ));
    };
    let finished = context.capture(&Command {
        program: program.clone(),
        args: args.iter().cloned().map(Argument::Literal).collect(),
        environment: action.environment.clone(),
        directory: action.directory.clone(),
    });
    finished.map_err(|error| match error {
        StepError::Failed(mut failure) => {
            failure.cures.push(asks_too_much(&action.component));
            StepError::Failed(failure)
        }
        StepError::Cancelled => StepError::Cancelled,
    })
}

/// What to do about a check that is wrong.
pub(super) fn asks_too_much(component: &ComponentName) -> String {
    format!(
        "if the check is too strict, change it in the case; if it is the recipe's: `skip_recipe_checks = \
         true` in components.{component}"
    )
}
