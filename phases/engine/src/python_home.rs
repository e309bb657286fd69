//! The Python environment that a case's components are built with and installed into.

use camino::{Utf8Path, Utf8PathBuf};
use model::ComponentName;

use crate::planning::Known;

/// Where it is, as far as planning can know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PythonHome {
    /// Its interpreter.
    pub program: Utf8PathBuf,
    /// Below which everything of it lies that is installed.
    pub prefix: Utf8PathBuf,
    /// Where its modules are, if it is not installer's own.
    pub site: Option<Utf8PathBuf>,
    /// Whether it is the interpreter's own environment, which is there whatever installer does.
    pub existing: bool,
}

/// The environment of the case. What an interpreter has not told yet, because `deps` brings it first, is guessed from
/// its path; `build` is planned again when it is there.
pub fn python_home(known: &Known<'_>) -> PythonHome {
    let made = || {
        let prefix = known.layout.python_environment(&known.case.metadata.name);
        PythonHome { program: prefix.join("bin/python"), prefix, site: None, existing: false }
    };
    let Some(python) = known.case.python.as_ref() else { return made() };
    if !python.environment.is_interpreters_own() {
        return made();
    }
    if let Some(facts) = &known.target.python {
        return PythonHome {
            program: facts.executable.clone(),
            prefix: facts.prefix.clone(),
            site: Some(facts.site.clone()),
            existing: true,
        };
    }
    let program = Utf8PathBuf::from(python.program());
    let prefix =
        program.parent().and_then(Utf8Path::parent).unwrap_or(Utf8Path::new("/usr/local")).to_owned();
    let prefix = if prefix.as_str().is_empty() { "/usr/local".into() } else { prefix };
    PythonHome { program, prefix, site: None, existing: true }
}

/// Under which name the manifest tells what of the wheels this case installed into an interpreter's own environment.
pub fn wheels_component(case: &str) -> ComponentName {
    ComponentName::new(format!("python-{case}"))
}

/// The same of a group of packages that may be missing.
pub fn optional_wheels_component(case: &str, group: &str) -> ComponentName {
    ComponentName::new(format!("{}-{group}", wheels_component(case)))
}
