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
    if installed.editable {
        return Err(StepError::new(
            format!("{name} is an editable install, which links to a directory that is not in the image"),
            format!("run `installer build` again with --set components.{name}.editable=false"),
        ));
    }
    if let Some(problem) = manifest::verify_files(&installed).first() {
        return Err(StepError::new(
            format!("{name} has changed since it was installed: {problem}"),
            "run `installer verify` to list all changes, and `installer build` to repair them",
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
        return Err(StepError::new(format!("{environment} does not exist"), "run `installer build` first"));
    }
    if environment.join(deps::python::record::INCOMPLETE).exists() {
        return Err(StepError::new(format!("{environment} is unfinished"), "run `installer build` first"));
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

#[cfg(test)]
mod tests {
    use model::manifest::{MANIFEST_SCHEMA, Manifest};

    use super::*;

    #[test]
    fn what_links_to_a_directory_of_the_user_s_is_not_copied() {
        let directory = tempfile::tempdir().unwrap();
        let prefix = Utf8Path::from_path(directory.path()).unwrap();
        std::os::unix::fs::symlink("/home/me/module.py", prefix.join("module.py")).unwrap();
        let name = ComponentName::new("x");
        let install = |editable: bool| {
            let manifest = Manifest {
                schema: MANIFEST_SCHEMA,
                component: name.clone(),
                case: "case".to_owned(),
                state: None,
                version: None,
                checkout: None,
                editable,
                needs: Vec::new(),
                prefix: prefix.to_owned(),
                roots: Vec::new(),
                files: [("module.py".into(), Entry::Link { target: "/home/me/module.py".to_owned() })].into(),
            };
            manifest::write(&manifest).unwrap();
        };
        let mut contents = Contents::default();
        install(true);
        let Err(StepError::Failed(failure)) = component(&name, prefix, false, &mut contents) else {
            panic!("refused");
        };
        assert!(failure.message.contains("x is an editable install"), "{}", failure.message);
        assert!(failure.cures[0].contains("--set components.x.editable=false"), "{:?}", failure.cures);
        assert_eq!(contents, Contents::default());

        install(false);
        component(&name, prefix, false, &mut contents).unwrap();
        assert_eq!(contents.files[&prefix.join("module.py")], What::Link);
    }
}
