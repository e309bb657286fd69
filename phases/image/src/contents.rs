//! What a case has installed on this machine: the files of its components with their manifests, and its Python
//! environment.

use std::collections::BTreeMap;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use engine::manifest;
use engine::runner::StepError;
use model::ComponentName;
use model::manifest::Entry;
use model::plan::{Action, LinkPython, Plan};

/// Every file and link, by absolute path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// What each is.
    pub files: BTreeMap<Utf8PathBuf, What>,
}

/// What is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A regular file.
    File,
    /// A symbolic link, as it stands.
    Link,
}

/// Gathers what a case has installed, as its plan of `build` says where: the files of each manifest, the case's own
/// Python environment whole, and of an environment that was there before only what was added to it.
///
/// # Errors
/// When a component or the environment is not installed, or not as it was installed.
pub fn gather(plan: &Plan) -> Result<Contents, StepError> {
    let mut contents = Contents::default();
    for step in &plan.steps {
        match &step.action {
            Action::Commit(commit) => {
                component(&commit.component, &commit.prefix, step.optional, &mut contents)?;
            }
            Action::InstallWheels(wheels) if !wheels.added => {
                environment(&wheels.environment, &mut contents)?
            }
            Action::LinkPython(LinkPython { component, site: Some(site), .. }) => {
                let link = site.join(format!("{component}.pth"));
                if link.is_file() {
                    contents.files.insert(link, What::File);
                }
            }
            _ => {}
        }
    }
    Ok(contents)
}

fn component(
    name: &ComponentName,
    prefix: &Utf8Path,
    optional: bool,
    contents: &mut Contents,
) -> Result<(), StepError> {
    let Some(installed) = manifest::load(prefix, name)? else {
        if optional {
            return Ok(());
        }
        return Err(StepError::new(
            format!("{name} is not installed under {prefix}"),
            "run `installer build` first",
        ));
    };
    if let Some(problem) = manifest::verify_files(&installed).first() {
        return Err(StepError::new(
            format!("{name} is not as it was installed: {problem}"),
            "run `installer verify` for all that is wrong, and `installer build` to mend it",
        ));
    }
    for (path, entry) in &installed.files {
        let what = match entry {
            Entry::File { .. } => What::File,
            Entry::Link { .. } => What::Link,
        };
        contents.files.insert(prefix.join(path), what);
    }
    contents.files.insert(manifest::path(prefix, name), What::File);
    Ok(())
}

fn environment(environment: &Utf8Path, contents: &mut Contents) -> Result<(), StepError> {
    if !environment.is_dir() {
        return Err(StepError::new(format!("{environment} is not there"), "run `installer build` first"));
    }
    if environment.join(deps::python::install::INCOMPLETE).exists() {
        return Err(StepError::new(
            format!("{environment} was never finished"),
            "run `installer build` first",
        ));
    }
    walk(environment, contents)
}

fn walk(directory: &Utf8Path, contents: &mut Contents) -> Result<(), StepError> {
    let failed = |error: &io::Error| StepError::io("list", directory, error);
    for entry in directory.read_dir_utf8().map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        let kind = entry.file_type().map_err(|error| failed(&error))?;
        if kind.is_dir() {
            walk(entry.path(), contents)?;
        } else if kind.is_symlink() {
            contents.files.insert(entry.into_path(), What::Link);
        } else if kind.is_file() {
            contents.files.insert(entry.into_path(), What::File);
        }
    }
    Ok(())
}
