//! What an interpreter is and what it can import, asked of itself and remembered.
//!
//! It is started isolated (`-I`): neither `PYTHONPATH` nor the user's own packages count, because no step sees them.

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use model::python::{InterpreterFacts, Package, Packages};

use super::command;
use crate::sources::pypi::normalised;
use crate::tools;

/// `sysconfig` as documented in <https://docs.python.org/3/library/sysconfig.html>; the mark of PEP 668 lies beside the
/// standard library.
const FACTS: &str = r#"
import json, os, sys, sysconfig
v, path = sysconfig.get_config_var, sysconfig.get_path
virtual = sys.prefix != sys.base_prefix
names = [v("LDLIBRARY") or "", "libpython%d.%d.so" % sys.version_info[:2]]
places = [os.path.join(p, n) for p in (v("LIBDIR"), v("LIBPL")) for n in names if p and n]
print(json.dumps({
    "executable": sys.executable,
    "implementation": sys.implementation.name,
    "version": "%d.%d.%d" % sys.version_info[:3],
    "prefix": path("data"),
    "site": path("purelib"),
    "is_virtual": virtual,
    "externally_managed": not virtual and os.path.exists(os.path.join(path("stdlib"), "EXTERNALLY-MANAGED")),
    "paths": [p for p in sys.path if os.path.isdir(p)],
    "include": v("INCLUDEPY"),
    "library": next((p for p in places if os.path.exists(p)), None),
    "libraries": v("LIBDIR"),
}))
"#;

/// The first of several of the same name is the one that is imported.
const PACKAGES: &str = r#"
import json
from importlib.metadata import distributions
found = []
for d in distributions():
    name, version = d.metadata["Name"], d.metadata["Version"]
    if name and version:
        needs = [r for r in d.requires or [] if "extra" in r.partition(";")[2]]
        found.append({"name": name, "version": version, "location": str(getattr(d, "_path", "")),
                      "extras": d.metadata.get_all("Provides-Extra") or [], "extra_requires": needs})
print(json.dumps(found))
"#;

/// Asks an interpreter what it is.
///
/// # Errors
/// When it is not there or does not answer.
pub fn facts(name: &str, context: &dyn Context) -> Result<InterpreterFacts, StepError> {
    let program = behind_shim(super::program(name, context)?, context)?;
    let mut files = vec![program.clone(), tools::resolved(&program)];
    // An environment is another one when this changes (https://docs.python.org/3/library/site.html).
    files.extend(program.parent().and_then(Utf8Path::parent).map(|prefix| prefix.join("pyvenv.cfg")));
    let answer = asked(&format!("facts of {program}"), &program, FACTS, &files, context)?;
    serde_json::from_str(&answer).map_err(|error| unreadable(&program, &error))
}

/// The interpreter that pyenv's shim of that name starts, or the program itself. A shim takes a tenth of a second.
///
/// Which one it starts depends on files (<https://github.com/pyenv/pyenv#choosing-the-python-version>), as commands are
/// started here: in `/`, without `PYENV_VERSION`.
fn behind_shim(program: Utf8PathBuf, context: &dyn Context) -> Result<Utf8PathBuf, StepError> {
    let root = program.parent().filter(|shims| shims.file_name() == Some("shims")).and_then(Utf8Path::parent);
    let Some(root) = root.filter(|root| root.join("libexec/pyenv").is_file() && is_script(&program)) else {
        return Ok(program);
    };
    let environment = context.network_environment();
    let version = root.join("version");
    // A version that is installed or removed changes the directory.
    let files = [program.clone(), version, root.join("versions"), "/.python-version".into()];
    let key = format!("interpreter behind {program} on {:?}", environment.get("PATH"));
    let answer = context
        .cached_probe(&key, &files, &mut || ask(&program, "import sys; print(sys.executable)", context))?;
    let found = Utf8PathBuf::from(answer);
    Ok(if found.is_file() { found } else { program })
}

/// What an interpreter can import, by normalised name.
///
/// # Errors
/// When it does not answer.
pub fn packages(interpreter: &InterpreterFacts, context: &dyn Context) -> Result<Packages, StepError> {
    let program = &interpreter.executable;
    // Whatever brings or removes a package makes or removes an entry there.
    let mut files = vec![program.clone()];
    files.extend(interpreter.paths.iter().cloned());
    let answer = asked(&format!("packages of {program}"), program, PACKAGES, &files, context)?;
    let found: Vec<Package> = serde_json::from_str(&answer).map_err(|error| unreadable(program, &error))?;
    let mut packages = Packages::new();
    for mut package in found {
        package.name = normalised(&package.name);
        packages.entry(package.name.clone()).or_insert(package);
    }
    Ok(packages)
}

/// What of these packages was there before this case: its own are told by their manifests.
///
/// # Errors
/// When a manifest cannot be read.
pub fn kept(
    mut packages: Packages,
    interpreter: &InterpreterFacts,
    case: &str,
) -> Result<Packages, StepError> {
    let mut manifests = engine::manifest::load_all(&interpreter.prefix)?;
    manifests.extend(engine::manifest::load_all_pending(&interpreter.prefix)?);
    manifests.retain(|manifest| manifest.case == case);
    packages.retain(|_, package| {
        let own = |file: &str| {
            let path = package.location.join(file);
            path.strip_prefix(&interpreter.prefix)
                .is_ok_and(|below| manifests.iter().any(|manifest| manifest.files.contains_key(below)))
        };
        !own("METADATA")
    });
    Ok(packages)
}

fn asked(
    key: &str,
    program: &Utf8Path,
    code: &str,
    files: &[Utf8PathBuf],
    context: &dyn Context,
) -> Result<String, StepError> {
    // What a script starts depends on more than the script.
    if is_script(program) {
        return ask(program, code, context);
    }
    context.cached_probe(key, files, &mut || ask(program, code, context))
}

fn ask(program: &Utf8Path, code: &str, context: &dyn Context) -> Result<String, StepError> {
    let mut environment = context.network_environment();
    environment.retain(|name, _| matches!(name.as_str(), "PATH" | "HOME" | "LC_ALL"));
    let asked = context.capture(&command(program, ["-I", "-c", code], environment))?;
    if asked.status == 0 {
        return Ok(asked.stdout.trim().to_owned());
    }
    Err(StepError::new(
        format!("{program} does not describe itself: {}", asked.tail.join(" ")),
        "set python.interpreter in the case to a Python 3.8 or newer that works",
    ))
}

fn is_script(program: &Utf8Path) -> bool {
    use std::io::Read as _;
    let mut begin = [0; 2];
    std::fs::File::open(program).and_then(|mut file| file.read_exact(&mut begin)).is_ok() && begin == *b"#!"
}

fn unreadable(program: &Utf8Path, error: &serde_json::Error) -> StepError {
    StepError::new(
        format!("failed to read the description that {program} prints: {error}"),
        "check what it prints at its start: a sitecustomize.py may print more",
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::Relaxed;

    use engine::runner::Finished;
    use testkit::FakeContext;

    use super::*;

    #[test]
    fn a_shim_is_asked_once_until_another_version_is_chosen() {
        let context = FakeContext::new();
        let root = context.path("pyenv");
        for directory in ["shims", "libexec", "versions"] {
            std::fs::create_dir_all(root.join(directory)).unwrap();
        }
        let (shim, real) = (root.join("shims/python3"), root.join("versions/python3"));
        for file in [&shim, &real, &root.join("libexec/pyenv"), &root.join("version")] {
            std::fs::write(file, "#!/bin/sh\n").unwrap();
        }
        std::fs::set_permissions(&shim, std::fs::Permissions::from_mode(0o755)).unwrap();
        let (version, asked) = (root.join("version"), Arc::new(AtomicUsize::new(0)));
        let (chosen, times) = (version.clone(), Arc::clone(&asked));
        context.on(move |command| {
            times.fetch_add(1, Relaxed);
            let stdout = std::fs::read_to_string(&chosen).unwrap();
            command.program.ends_with("python3").then(|| Ok(Finished { status: 0, stdout, tail: Vec::new() }))
        });
        std::fs::write(&version, format!("{real}\n")).unwrap();
        for _ in 0..2 {
            assert_eq!(behind_shim(shim.clone(), &context).unwrap(), real);
        }
        assert_eq!(asked.load(Relaxed), 1, "remembered");
        std::fs::write(&version, "/elsewhere/python3\n").unwrap();
        assert_eq!(behind_shim(shim, &context).unwrap(), root.join("shims/python3"), "it is not there");
        assert_eq!(asked.load(Relaxed), 2);
        assert_eq!(behind_shim("/usr/bin/python3".into(), &context).unwrap(), "/usr/bin/python3");
    }
}
