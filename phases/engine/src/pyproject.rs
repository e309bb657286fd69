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

/// What builds a project where it does not say.
const DEFAULT_BACKEND: &str = "setuptools.build_meta";

/// The build backend that a project names: `setuptools.build_meta`, also where there is no such file.
///
/// # Errors
/// When the file cannot be read or is no TOML.
pub fn backend(path: &Utf8Path) -> Result<String, StepError> {
    let text = files::read_if_there(path)?.unwrap_or_default();
    let table: toml::Table = toml::from_str(&text).map_err(|error| wrong(path, error.message()))?;
    let named = table.get("build-system").and_then(|system| system.get("build-backend"));
    Ok(named.and_then(toml::Value::as_str).unwrap_or(DEFAULT_BACKEND).to_owned())
}

fn wrong(path: &Utf8Path, why: &str) -> StepError {
    StepError::new(format!("{path} is not a project file: {why}"), "correct [build-system] in it (PEP 518)")
}

/// The build requirements of a project; none when there is no such file. A project without that table is built by
/// setuptools.
///
/// # Errors
/// When the file cannot be read or is not what PEP 518 says.
pub fn build_requirements(path: &Utf8Path) -> Result<Vec<Requirement>, StepError> {
    let Some(text) = files::read_if_there(path)? else { return Ok(Vec::new()) };
    let table: toml::Table = toml::from_str(&text).map_err(|error| wrong(path, error.message()))?;
    let Some(system) = table.get("build-system") else { return Ok(vec![requirement("setuptools")]) };
    let requires = system.get("requires").and_then(toml::Value::as_array);
    let requires = requires.ok_or_else(|| wrong(path, "[build-system] has no list `requires`"))?;
    requires
        .iter()
        .map(|value| {
            let text = value.as_str().map(requirement);
            text.ok_or_else(|| wrong(path, "`requires` contains something other than text"))
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
        assert_eq!(backend(Utf8Path::new("/nonexistent/pyproject.toml")).unwrap(), DEFAULT_BACKEND);
        assert!(names("not toml [").is_err());
        assert_eq!(build_requirements(Utf8Path::new("/nonexistent/pyproject.toml")).unwrap(), []);
    }
}
