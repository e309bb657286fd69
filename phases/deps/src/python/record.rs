//! What lies in an environment of installer's own, as the manifest that `verify`, `status` and `uninstall` read.
//!
//! The `RECORD` files of the packages would not do: they know neither the interpreter's links nor pip's scripts, and
//! they are as easily lost as what they speak of. Bytecode counts for nothing: Python writes it anew when it likes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use engine::{committed, files, manifest};
use model::manifest::{Entry, MANIFEST_SCHEMA, Manifest};
use model::plan::InstallWheels;

use crate::sources::pypi::normalised;
use crate::tools;

/// Lies in an environment for as long as it is not whole.
pub const INCOMPLETE: &str = ".installer-incomplete";

/// Why an environment has to be made again, or packages have to be added to it again.
///
/// # Errors
/// When its manifest cannot be read.
pub fn broken(action: &InstallWheels, context: &dyn Context) -> Result<Option<String>, StepError> {
    if action.environment.join(INCOMPLETE).exists() {
        return Ok(Some(format!("{} is unfinished", action.environment)));
    }
    let python = action.environment.join("bin/python");
    if action.environment.is_dir() && !tools::is_executable(&python) {
        return Ok(Some(format!("{python} leads to no program")));
    }
    committed::broken(context.layout(), &action.environment, &action.component, &action.case)
}

/// Records all that lies in a new environment.
pub(super) fn whole(action: &InstallWheels, context: &dyn Context) -> Result<(), StepError> {
    let mut found = BTreeMap::new();
    walk(&action.environment, Utf8Path::new(""), &mut found, context)?;
    write(action, found, context)
}

/// Records what was added to an environment: the files of these packages that nobody else brought.
pub(super) fn added(
    action: &InstallWheels,
    packages: &[&str],
    context: &dyn Context,
) -> Result<(), StepError> {
    let home = &action.environment;
    let others = manifest::load_all(home)?;
    let mut found = BTreeMap::new();
    for path in recorded(home, packages)? {
        let known =
            others.iter().any(|other| other.component != action.component && other.files.contains_key(&path));
        if !known && !bytecode(&path) {
            let entry = entry(&home.join(&path), context)?;
            found.extend(entry.map(|entry| (path, entry)));
        }
    }
    write(action, found, context)
}

fn write(
    action: &InstallWheels,
    files: BTreeMap<Utf8PathBuf, Entry>,
    context: &dyn Context,
) -> Result<(), StepError> {
    context.figure("files", files.len() as u64);
    let manifest = Manifest {
        schema: MANIFEST_SCHEMA,
        component: action.component.clone(),
        case: action.case.clone(),
        state: Some(context.layout().owner()),
        version: None,
        checkout: None,
        editable: false,
        needs: Vec::new(),
        prefix: action.environment.clone(),
        roots: Vec::new(),
        files,
    };
    committed::finish(context.layout(), &manifest)
}

fn walk(
    home: &Utf8Path,
    below: &Utf8Path,
    found: &mut BTreeMap<Utf8PathBuf, Entry>,
    context: &dyn Context,
) -> Result<(), StepError> {
    let directory = home.join(below);
    let failed = |error: &std::io::Error| StepError::io("list", &directory, error);
    for listed in directory.read_dir_utf8().map_err(|error| failed(&error))? {
        let listed = listed.map_err(|error| failed(&error))?;
        let path = below.join(listed.file_name());
        if listed.file_type().map_err(|error| failed(&error))?.is_dir() {
            if !bytecode(&path) {
                walk(home, &path, found, context)?;
            }
        } else if path != INCOMPLETE && !bytecode(&path) {
            found.extend(entry(listed.path(), context)?.map(|entry| (path, entry)));
        }
    }
    Ok(())
}

fn bytecode(path: &Utf8Path) -> bool {
    path.extension() == Some("pyc") || path.components().any(|part| part.as_str() == "__pycache__")
}

/// What is at a path; none for what is neither a file nor a link, and for nothing.
fn entry(path: &Utf8Path, context: &dyn Context) -> Result<Option<Entry>, StepError> {
    if context.cancelled() {
        return Err(StepError::Cancelled);
    }
    let failed = |error: &std::io::Error| StepError::io("read", path, error);
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    if metadata.is_symlink() {
        let target = path.read_link_utf8().map_err(|error| failed(&error))?.into_string();
        return Ok(Some(Entry::Link { target }));
    }
    if !metadata.is_file() {
        return Ok(None);
    }
    let (sha256, size) = files::sha256_file(path).map_err(|error| failed(&error))?;
    Ok(Some(Entry::File { sha256, size, mode: metadata.permissions().mode() & 0o7777 }))
}

/// The paths below the environment that the `RECORD`s of these packages name
/// (<https://packaging.python.org/en/latest/specifications/recording-installed-packages/>).
fn recorded(home: &Utf8Path, packages: &[&str]) -> Result<Vec<Utf8PathBuf>, StepError> {
    let library = home.join("lib");
    let list = |directory: &Utf8Path| -> Result<Vec<Utf8PathBuf>, StepError> {
        let failed = |error: &std::io::Error| StepError::io("list", directory, error);
        let entries = directory.read_dir_utf8().map_err(|error| failed(&error))?;
        entries.map(|entry| entry.map(|entry| entry.into_path()).map_err(|error| failed(&error))).collect()
    };
    let mut found = Vec::new();
    for python in list(&library)?.iter().filter(|path| path.join("site-packages").is_dir()) {
        let site = python.join("site-packages");
        for package in list(&site)? {
            let name = package.file_name().and_then(|name| name.strip_suffix(".dist-info"));
            let name = name.and_then(|name| name.split_once('-')).map(|(name, _)| normalised(name));
            if !name.is_some_and(|name| packages.contains(&name.as_str())) {
                continue;
            }
            let record = files::record(&package.join("RECORD"))?.unwrap_or_default();
            let relative = site.strip_prefix(home).unwrap_or(&site);
            found.extend(record.lines().filter_map(|line| below(relative, &first_field(line))));
        }
    }
    Ok(found)
}

/// The first field of a line of CSV.
fn first_field(line: &str) -> String {
    let Some(quoted) = line.strip_prefix('"') else {
        return line.split(',').next().unwrap_or_default().to_owned();
    };
    let end = quoted.replace("\"\"", "\0\0").find('"').unwrap_or(quoted.len());
    quoted[..end].replace("\"\"", "\"")
}

/// A path of a `RECORD`, which is relative to the packages; none if it leads out of the environment.
fn below(site: &Utf8Path, path: &str) -> Option<Utf8PathBuf> {
    let mut parts: Vec<&str> = site.components().map(|part| part.as_str()).collect();
    for part in Utf8Path::new(path).components() {
        match part {
            Utf8Component::Normal(name) => parts.push(name),
            Utf8Component::ParentDir => drop(parts.pop()?),
            Utf8Component::CurDir => {}
            Utf8Component::RootDir | Utf8Component::Prefix(_) => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.iter().collect())
}

#[cfg(test)]
mod tests {
    use testkit::FakeContext;

    use super::*;

    fn action(context: &FakeContext) -> InstallWheels {
        InstallWheels {
            component: "python-mine".into(),
            case: "mine".to_owned(),
            interpreter: "python3".to_owned(),
            wheels: context.layout.wheels(),
            environment: context.layout.python_environment("mine"),
            system_site_packages: false,
            added: false,
        }
    }

    fn put(home: &Utf8Path, path: &str, text: &str) {
        let path = home.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn interpreter(home: &Utf8Path) {
        fs::create_dir_all(home.join("bin")).unwrap();
        std::os::unix::fs::symlink("/bin/sh", home.join("bin/python")).unwrap();
    }

    #[test]
    fn an_environment_that_was_changed_or_never_finished_is_made_again() {
        let context = FakeContext::new();
        let base = action(&context);
        let home = &base.environment;
        put(home, "lib/python3.11/site-packages/plain/__init__.py", "one = 1\n");
        put(home, "lib/python3.11/site-packages/plain/__pycache__/x.pyc", "");
        put(home, INCOMPLETE, "");
        interpreter(home);
        whole(&base, &context).unwrap();
        assert!(broken(&base, &context).unwrap().unwrap().contains("is unfinished"));
        fs::remove_file(home.join(INCOMPLETE)).unwrap();
        assert_eq!(broken(&base, &context).unwrap(), None);
        let known = manifest::load(home, &base.component).unwrap().unwrap();
        assert_eq!(known.files.len(), 2, "the module and the link: {:?}", known.files.keys());
        let python = home.join("bin/python");
        fs::remove_file(&python).unwrap();
        assert!(broken(&base, &context).unwrap().unwrap().contains("bin/python leads to no program"));
        std::os::unix::fs::symlink("/bin/true", &python).unwrap();
        assert!(broken(&base, &context).unwrap().unwrap().contains("points at /bin/true instead of"));
        fs::remove_file(&python).unwrap();
        interpreter(home);
        put(home, "lib/python3.11/site-packages/plain/__init__.py", "one = 1\n# more\n");
        assert!(broken(&base, &context).unwrap().unwrap().contains("plain/__init__.py has changed"));
        fs::remove_dir_all(home).unwrap();
        assert!(broken(&base, &context).unwrap().unwrap().contains("is gone"));
    }

    #[test]
    fn what_was_added_has_a_manifest_of_its_own() {
        let context = FakeContext::new();
        let base = action(&context);
        let home = &base.environment;
        put(home, "lib/python3.11/site-packages/plain/__init__.py", "");
        interpreter(home);
        whole(&base, &context).unwrap();
        put(home, "bin/more", "");
        put(home, "lib/python3.11/site-packages/More.pth", "");
        put(
            home,
            "lib/python3.11/site-packages/My_More-1.0.dist-info/RECORD",
            "../../../bin/more,,\nMore.pth,sha256=x,0\nMy_More-1.0.dist-info/RECORD,,\nplain/__init__.py,,\n../../../../../../etc/passwd,,\ngone.py,,\n",
        );
        let more = InstallWheels { component: "python-mine-more".into(), added: true, ..base.clone() };
        added(&more, &["my-more"], &context).unwrap();
        let known = manifest::load(home, &more.component).unwrap().unwrap();
        let paths: Vec<&str> = known.files.keys().map(|path| path.as_str()).collect();
        let site = "lib/python3.11/site-packages";
        assert_eq!(
            paths,
            [
                "bin/more".to_owned(),
                format!("{site}/More.pth"),
                format!("{site}/My_More-1.0.dist-info/RECORD")
            ]
        );
        assert_eq!(broken(&base, &context).unwrap(), None);
    }

    #[test]
    fn a_quoted_path_is_read() {
        assert_eq!(first_field("a/b.py,sha256=x,3"), "a/b.py");
        assert_eq!(first_field("\"a,b.py\",,"), "a,b.py");
        assert_eq!(first_field("\"a\"\"b.py\",,"), "a\"b.py");
    }
}
