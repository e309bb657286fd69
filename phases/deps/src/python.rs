//! Python packages: `deps` resolves and downloads wheels, `build` installs them with the index off.

pub mod facts;
pub mod fetch;
pub mod install;
mod kept;
pub mod listed;
mod places;
pub mod record;
pub mod require;
mod router;
pub mod stage;
mod told;
pub mod wheel;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use model::plan::{Argument, Command};

use crate::tools;

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
    let program = program(name, context)?;
    let files = vec![program.clone(), tools::resolved(&program)];
    let kind = context.cached_probe(&format!("python {program}"), &files, &mut || {
        let code = "import sys; print('%s-%d.%d' % (sys.implementation.name, *sys.version_info[:2]))";
        let asked = context.capture(&command(&program, ["-c", code], environment.clone()))?;
        if asked.status == 0 {
            return Ok(asked.stdout.trim().to_owned());
        }
        Err(StepError::new(
            format!("{program} does not print its version: {}", asked.tail.join(" ")),
            "set python.interpreter in the case to one that works",
        ))
    })?;
    Ok(Interpreter { program, kind })
}

/// Where an interpreter is, links not resolved.
///
/// # Errors
/// When it is not there.
pub(crate) fn program(name: &str, context: &dyn Context) -> Result<Utf8PathBuf, StepError> {
    let environment = context.network_environment();
    let path = environment.get("PATH").map_or("", String::as_str);
    tools::find_tool(Utf8Path::new("/"), path, &[name.to_owned()]).ok_or_else(|| {
        StepError::new(
            format!("the Python interpreter {name} does not exist"),
            "run `installer deps`, or set python.interpreter in the case to one that is installed",
        )
    })
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

/// What pip is told to install the wheels of a lock and nothing else: the index off, hashes required.
fn locked_install<'a>(wheels: &'a Utf8Path, lock: &'a Utf8Path, more: &[&'a str]) -> Vec<&'a str> {
    let fixed = ["-m", "pip", "install", "--no-index", "--find-links", wheels.as_str(), "--no-deps"];
    let last = ["--require-hashes", "-r", lock.as_str()];
    fixed.into_iter().chain(more.iter().copied()).chain(last).collect()
}

/// pip in a step of `build`: neither proxies nor indexes, and no configuration that could name one.
pub(crate) fn offline_pip_environment(context: &dyn Context) -> BTreeMap<String, String> {
    let mut environment = pip_environment(context);
    environment.retain(|name, _| {
        matches!(name.as_str(), "PATH" | "HOME" | "LC_ALL" | "PYTHONNOUSERSITE")
            || name.starts_with("PIP_NO_")
    });
    environment.insert("PIP_CONFIG_FILE".to_owned(), "/dev/null".to_owned());
    environment.insert("PIP_DISABLE_PIP_VERSION_CHECK".to_owned(), "1".to_owned());
    environment
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
