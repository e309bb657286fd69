//! Whether an interpreter is what a case needs: found by name in an instant, and not after half an hour of compiling.

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, Finding, Observation, StepError};
use model::Digest;
use model::case::PythonEnvironment;
use model::plan::{RequiredPython, RequiredWheels};
use model::python::{InterpreterFacts, Package, Packages};

use super::{facts, wheel};
use crate::packages;

/// Looks at an interpreter.
///
/// # Errors
/// When a file that says what is there cannot be read.
pub fn observe(required: &RequiredPython, context: &dyn Context) -> Result<Observation, StepError> {
    let mut seen = Observation::default();
    let interpreter = match facts::facts(&required.interpreter, context) {
        Ok(interpreter) => interpreter,
        Err(StepError::Cancelled) => return Err(StepError::Cancelled),
        Err(StepError::Failed(failure)) => {
            let cure = failure.cures.join("; ");
            seen.findings.push(Finding { what: failure.message, cure });
            return Ok(seen);
        }
    };
    let what = format!("{} {} ({})", interpreter.implementation, interpreter.version, interpreter.executable);
    seen.found.insert("interpreter".to_owned(), what);
    if required.compiles {
        seen.findings.extend(headers(&interpreter, context));
        seen.findings.extend(library(&interpreter, context));
    }
    if required.installs {
        seen.findings.extend(may_be_used(required, &interpreter));
    }
    if !required.environment.keeps() {
        return Ok(seen);
    }
    let all = facts::packages(&interpreter, context)?;
    if let Some(packages) = &required.packages {
        needed(packages, &interpreter, &all, &mut seen)?;
    }
    if required.installs {
        let kept = facts::kept(all, &interpreter, &required.case)?;
        let list: String =
            kept.values().map(|package| format!("{}=={}\n", package.name, package.version)).collect();
        seen.found.insert(format!("packages of {}", interpreter.executable), Digest::of(list).to_string());
    }
    Ok(seen)
}

/// Why nothing may be installed beside this interpreter, if so.
fn may_be_used(required: &RequiredPython, interpreter: &InterpreterFacts) -> Option<Finding> {
    let executable = &interpreter.executable;
    if required.environment.is_interpreters_own() {
        let refused = interpreter.externally_managed && !required.break_system_packages;
        return refused.then(|| Finding {
            what: format!(
                "the packages of {executable} are managed by the distribution (PEP 668), but \
                 python.environment = \"{}\" would install beside them",
                required.environment.as_str()
            ),
            cure: "set python.environment = \"venv-system-site\", which sees these packages and installs \
                   into its own directory; or python.break_system_packages = true if nobody else uses this \
                   interpreter (an image)"
                .to_owned(),
        });
    }
    (required.environment == PythonEnvironment::VenvSystemSite && interpreter.is_virtual).then(|| Finding {
        what: format!(
            "{executable} belongs to a virtual environment, whose packages another environment does not see"
        ),
        cure: "set python.environment = \"existing\" to use that environment, or python.interpreter to the interpreter that it was made from".to_owned(),
    })
}

fn headers(interpreter: &InterpreterFacts, context: &dyn Context) -> Option<Finding> {
    let InterpreterFacts { executable, version, include, .. } = interpreter;
    let directory = include.as_deref().unwrap_or(Utf8Path::new("/"));
    if !directory.join("Python.h").is_file() {
        return Some(Finding {
            what: format!(
                "{executable} (Python {version}) has no headers: {} does not exist",
                directory.join("Python.h")
            ),
            cure: development(interpreter, context),
        });
    }
    let found = headers_version(directory)?;
    let bare = found.trim_end_matches('+');
    (!bare.starts_with(version.as_str())).then(|| Finding {
        what: format!(
            "{executable} is Python {version}, but the headers in {directory} are of {found}: bindings would \
             be left out silently"
        ),
        cure: format!(
            "set python.interpreter to the interpreter that belongs to {directory}, or reinstall \
                       Python {version} with its headers"
        ),
    })
}

/// `#define PY_VERSION "3.11.2"` of `patchlevel.h`.
fn headers_version(directory: &Utf8Path) -> Option<String> {
    let text = std::fs::read_to_string(directory.join("patchlevel.h")).ok()?;
    let line =
        text.lines().find_map(|line| line.trim().strip_prefix("#define PY_VERSION ").map(str::trim))?;
    Some(line.trim_matches('"').to_owned())
}

fn library(interpreter: &InterpreterFacts, context: &dyn Context) -> Option<Finding> {
    let InterpreterFacts { executable, version, library, libraries, .. } = interpreter;
    if library.is_some() {
        return None;
    }
    let place = libraries.as_deref().unwrap_or(Utf8Path::new("its library directory"));
    Some(Finding {
        what: format!(
            "{executable} (Python {version}) has no library libpython{} in {place}: CMake would take it for \
             missing and silently leave out bindings",
            interpreter.minor()
        ),
        cure: development(interpreter, context),
    })
}

/// How an interpreter gets headers and library.
fn development(interpreter: &InterpreterFacts, context: &dyn Context) -> String {
    let minor = interpreter.minor();
    if !interpreter.is_where_compilers_look() || interpreter.prefix.starts_with("/opt") {
        return format!(
            "install Python {} with its headers and library (pyenv: `PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install {}`), or set python.interpreter to the distribution's, /usr/bin/python3",
            interpreter.version, interpreter.version
        );
    }
    let manager = context.target().package_manager.as_deref().and_then(packages::by_name);
    manager.map_or_else(
        || format!("install the development files of Python {minor}"),
        |manager| {
            let install = manager.cure(&[manager.python_headers(&minor)]);
            format!("{install}, or add it to system_packages and run `installer deps`")
        },
    )
}

/// Packages that something is built against: among the wheels of the case, or in the interpreter with all that is
/// needed of them.
fn needed(
    required: &RequiredWheels,
    interpreter: &InterpreterFacts,
    all: &Packages,
    seen: &mut Observation,
) -> Result<(), StepError> {
    let lock = files::record(&required.lock)?.unwrap_or_default();
    let brought = wheel::parse(&lock);
    let executable = &interpreter.executable;
    for (name, what) in &required.packages {
        if brought.iter().any(|(other, ..)| other == name) {
            continue;
        }
        let Some(package) = all.get(name) else {
            seen.findings.push(Finding {
                what: format!(
                    "{what} is needed, but {executable} has no {name} and the wheels of the case do not have \
                     it either"
                ),
                cure: format!("add {name} to `packages` of [python] in the case, and run `installer deps`"),
            });
            continue;
        };
        let places = places(package, name, what);
        match places.iter().find(|place| place.is_file()) {
            Some(found) => {
                seen.found.insert(name.clone(), format!("{name} {} ({found})", package.version));
            }
            None => seen.findings.push(Finding {
                what: format!(
                    "{name} {} of {executable} has no {what}: {} does not exist",
                    package.version,
                    places.first().map_or("it", |place| place.as_str())
                ),
                cure: format!(
                    "install its headers (Debian 13: python3-{name}-dev), or set python.environment = \
                     \"venv\" and add {name} to `packages`, which has them"
                ),
            }),
        }
    }
    Ok(())
}

/// Where a package keeps a file: a header (NumPy's directory was renamed in 2.0; Debian links it into the compiler's
/// path), or a module.
fn places(package: &Package, name: &str, what: &str) -> Vec<Utf8PathBuf> {
    let site = package.location.parent().unwrap_or(Utf8Path::new("/"));
    ["_core/include", "core/include", "include", ""]
        .iter()
        .map(|below| site.join(name).join(below).join(what))
        .collect()
}

#[cfg(test)]
#[path = "require_tests.rs"]
mod tests;
