//! A `.pth` file in the case's environment, so that it imports modules that a component installed below its prefix
//! (<https://docs.python.org/3/library/site.html>).

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::StepError;
use model::plan::LinkPython;

pub(super) fn link(action: &LinkPython) -> Result<(), StepError> {
    if !action.directory.is_dir() {
        return Err(StepError::new(
            format!("{} installed no Python modules: {} does not exist", action.component, action.directory),
            "see the log of its configure step: the bindings may have been left out",
        ));
    }
    let file = pth(action)?.ok_or_else(|| {
        StepError::new(
            format!("{} is not a Python environment", action.environment),
            "add packages to [python] in the case, and run `installer all`",
        )
    })?;
    files::atomic_write(&file, format!("{}\n", action.directory).as_bytes())
}

/// Why the environment does not import the modules, if it does not.
pub(super) fn broken(action: &LinkPython) -> Result<Option<String>, StepError> {
    let wanted = format!("{}\n", action.directory);
    Ok(match pth(action)? {
        None => Some(format!("{} is gone", action.environment)),
        Some(file) if files::record(&file)?.as_ref() == Some(&wanted) => None,
        Some(file) => Some(format!("{file} is gone")),
    })
}

/// Where the file lies, in an environment of whatever version of Python.
fn pth(action: &LinkPython) -> Result<Option<Utf8PathBuf>, StepError> {
    let file = format!("{}.pth", action.component);
    if let Some(site) = &action.site {
        return Ok(action.environment.is_dir().then(|| site.join(file)));
    }
    let libraries = action.environment.join("lib");
    let entries = match libraries.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StepError::io("list", &libraries, &error)),
    };
    let site = entries
        .flatten()
        .filter(|entry| entry.file_name().starts_with("python3."))
        .map(|entry| entry.path().join("site-packages"))
        .find(|path: &Utf8PathBuf| Utf8Path::is_dir(path));
    Ok(site.map(|site| site.join(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_learns_of_modules_elsewhere_and_what_is_gone_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let action = LinkPython {
            component: "opencv".into(),
            environment: root.join("env"),
            directory: root.join("prefix/lib/opencv/python"),
            site: None,
        };
        assert!(link(&action).is_err());
        std::fs::create_dir_all(&action.directory).unwrap();
        assert!(link(&action).is_err(), "there is no environment");
        std::fs::create_dir_all(root.join("env/lib/python3.11/site-packages")).unwrap();
        assert!(broken(&action).unwrap().is_some());
        link(&action).unwrap();
        assert_eq!(broken(&action).unwrap(), None);
        let text = std::fs::read_to_string(root.join("env/lib/python3.11/site-packages/opencv.pth")).unwrap();
        assert_eq!(text, format!("{}\n", action.directory));
    }
}
