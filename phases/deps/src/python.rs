//! Python packages: `deps` resolves and downloads wheels, `build` installs them with the index off.

pub mod fetch;
pub mod install;
mod places;
mod router;
pub mod wheel;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use model::plan::{Argument, Command};

use crate::needs;

/// The file beside the wheels that pins each of them with its hash, in pip's requirements format.
pub const REQUIREMENTS_LOCK: &str = "requirements.lock";

/// What the rest wants to know of an interpreter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// Where it is, links not resolved: a virtual environment keeps the name by which it was made.
    pub program: Utf8PathBuf,
    /// `cpython-3.11`.
    pub kind: String,
}

/// Finds an interpreter by name or path and asks it what it is, once.
///
/// # Errors
/// When it is not there or does not start.
pub fn interpreter(name: &str, context: &dyn Context) -> Result<Interpreter, StepError> {
    let environment = context.network_environment();
    let path = environment.get("PATH").map_or("", String::as_str);
    let program = needs::find_tool(Utf8Path::new("/"), path, &[name.to_owned()]).ok_or_else(|| {
        StepError::new(
            format!("the Python interpreter {name} is not there"),
            "run `installer deps`, or set python.interpreter in the case to one that is installed",
        )
    })?;
    let files = vec![program.clone(), needs::resolved(&program)];
    let kind = context.cached_probe(&format!("python {program}"), &files, &mut || {
        let code = "import sys; print('%s-%d.%d' % (sys.implementation.name, *sys.version_info[:2]))";
        let asked = context.capture(&command(&program, ["-c", code], environment.clone()))?;
        if asked.status == 0 {
            return Ok(asked.stdout.trim().to_owned());
        }
        Err(StepError::new(
            format!("{program} cannot tell its version: {}", asked.tail.join(" ")),
            "set python.interpreter in the case to one that works",
        ))
    })?;
    Ok(Interpreter { program, kind })
}

/// A command of an interpreter.
pub(crate) fn command<'a>(
    program: &Utf8Path,
    args: impl IntoIterator<Item = &'a str>,
    environment: BTreeMap<String, String>,
) -> Command {
    Command {
        program: program.to_string(),
        args: args.into_iter().map(Argument::from).collect(),
        environment,
        directory: Utf8PathBuf::from("/"),
    }
}

/// pip asks nothing, does not look for a newer self, and keeps its cache where the case's caches are.
pub(crate) fn pip_environment(context: &dyn Context) -> BTreeMap<String, String> {
    let mut environment = context.network_environment();
    for (name, value) in [
        ("PIP_DISABLE_PIP_VERSION_CHECK", "1".to_owned()),
        ("PIP_NO_INPUT", "1".to_owned()),
        ("PIP_CACHE_DIR", context.layout().cache.join("pip").into_string()),
        ("PYTHONNOUSERSITE", "1".to_owned()),
    ] {
        environment.insert(name.to_owned(), value);
    }
    environment
}
