//! What a Python project wants of its build environment: `[build-system] requires` of `pyproject.toml` (PEP 518).

use camino::Utf8Path;

use crate::files;
use crate::runner::StepError;

/// One requirement of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The project's name, normalised (PEP 503).
    pub name: String,
    /// As it stands: `setuptools>=61`.
    pub text: String,
    /// It holds only on some machines or interpreters: it has a marker behind `;`.
    pub conditional: bool,
}

/// The build requirements of a project; none when there is no such file. A project without that table is built by
/// setuptools.
///
/// # Errors
/// When the file cannot be read or is not what PEP 518 says.
pub fn build_requirements(path: &Utf8Path) -> Result<Vec<Requirement>, StepError> {
    let Some(text) = files::read_if_there(path)? else { return Ok(Vec::new()) };
    let wrong = |why: String| {
        StepError::new(
            format!("{path} is not a project file: {why}"),
            "correct [build-system] in it (PEP \
                                                                        518)",
        )
    };
    let table: toml::Table = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
    let Some(system) = table.get("build-system") else { return Ok(vec![requirement("setuptools")]) };
    let requires = system.get("requires").and_then(toml::Value::as_array);
    let requires = requires.ok_or_else(|| wrong("[build-system] has no list `requires`".to_owned()))?;
    requires
        .iter()
        .map(|value| {
            value.as_str().map(requirement).ok_or_else(|| {
                wrong(
                    "`requires` contains something other than \
                                                                 text"
                        .to_owned(),
                )
            })
        })
        .collect()
}

/// Reads a requirement (PEP 508) as far as its name.
pub fn requirement(text: &str) -> Requirement {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(text.len());
    let name = text[..end].to_ascii_lowercase().replace(['_', '.'], "-");
    Requirement { name, text: text.to_owned(), conditional: text.contains(';') }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<String>, StepError> {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(directory.path()).unwrap().join("pyproject.toml");
        std::fs::write(&path, text).unwrap();
        Ok(build_requirements(&path)?.into_iter().map(|requirement| requirement.name).collect())
    }

    #[test]
    fn requirements_are_read_by_name() {
        let text = "[build-system]\nrequires = [\"setuptools>=61\", \"Cython~=3.0 ; python_version<'3.9'\", \"py_build.cmake[all]\"]\n";
        assert_eq!(names(text).unwrap(), ["setuptools", "cython", "py-build-cmake"]);
        assert!(requirement("Cython~=3.0 ; python_version<'3.9'").conditional);
        assert_eq!(names("[project]\nname = \"x\"\n").unwrap(), ["setuptools"]);
        assert!(names("[build-system]\n").is_err());
        assert!(names("not toml [").is_err());
        assert_eq!(build_requirements(Utf8Path::new("/nonexistent/pyproject.toml")).unwrap(), []);
    }
}
