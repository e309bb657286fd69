//! Wheels into a staging root, as the interpreter's own installation would lay them out. From there they are committed
//! like a component: nothing that was there is overwritten or uninstalled, and the manifest knows what was brought.

use engine::files;
use engine::runner::{Context, StepError};
use model::plan::StageWheels;

use super::{REQUIREMENTS_LOCK, command, facts, locked_install, offline_pip_environment, wheel};

/// Installs every wheel of `requirements.lock`, hashes required, the index off.
///
/// # Errors
/// When a wheel is missing or is not what the lock says.
pub fn run(action: &StageWheels, context: &dyn Context) -> Result<(), StepError> {
    let interpreter = facts::facts(&action.interpreter, context)?;
    let lock = action.wheels.join(REQUIREMENTS_LOCK);
    let text = files::record(&lock)?
        .ok_or_else(|| StepError::new(format!("{lock} does not exist"), "run `installer deps` first"))?;
    let pinned = wheel::parse(&text);
    files::fresh_dir(&action.staging)?;
    if !pinned.is_empty() {
        let more = [
            // Without it pip would remove an installed version from the live environment, whatever the root.
            "--ignore-installed",
            "--no-compile",
            "--no-warn-script-location",
            "--root",
            action.staging.as_str(),
        ];
        let words = locked_install(&action.wheels, &lock, &more);
        context.execute(&command(&interpreter.executable, words, offline_pip_environment(context)))?;
    }
    let list = action.staging.join(action.list.strip_prefix("/").unwrap_or(&action.list));
    files::atomic_write(&list, text.as_bytes())?;
    context.figure("packages", pinned.len() as u64);
    Ok(())
}
