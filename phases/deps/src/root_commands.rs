//! What an administrator has to run for a user who may not.

use engine::runner::{Context, StepError};
use model::plan::{Action, Plan};

use crate::packages;

/// The commands that a run would run as root now, ready to paste; empty when none is missing anything. They come from
/// the same argument vectors as a run's.
///
/// # Errors
/// When the package database cannot be read.
pub fn root_commands(plan: &Plan, context: &dyn Context) -> Result<Vec<String>, StepError> {
    let mut lines = Vec::new();
    for step in &plan.steps {
        if let Action::EnsurePackages(action) = &step.action {
            for argv in packages::commands(action, context)? {
                lines.push(model::shell::words(&argv));
            }
        }
    }
    Ok(lines)
}
