//! What is secret in a run.

use exec::Redactor;
use model::plan::{Action, Plan};
use model::site::Site;

/// Knows the secrets of the place and of everything that the plan gives to a process.
pub fn redactor(plan: &Plan, site: &Site) -> Redactor {
    let of_steps = plan.steps.iter().flat_map(|step| match &step.action {
        Action::Exec(exec) => {
            exec.commands.iter().flat_map(|command| &command.environment).collect::<Vec<_>>()
        }
        Action::Verify(verify) => verify.environment.iter().collect(),
        _ => Vec::new(),
    });
    Redactor::from_variables(site.told().iter().chain(of_steps))
}
