//! Keys of `[python]` that fit together, or do not.

use camino::Utf8Path;

use super::Checker;
use crate::case::PythonEnvironment;

/// Files of Python projects that pip does not read as requirements, and what makes requirements of them.
const NO_REQUIREMENTS: &[(&str, &str)] = &[
    (
        "poetry.lock",
        "`poetry export -o requirements.txt` beside it (plugin poetry-plugin-export) writes them",
    ),
    ("uv.lock", "`uv export --no-emit-project -o requirements.txt` beside it writes them"),
    ("pdm.lock", "`pdm export -o requirements.txt` beside it writes them"),
    ("Pipfile", "`pipenv requirements > requirements.txt` beside it writes them"),
    ("Pipfile.lock", "`pipenv requirements > requirements.txt` beside it writes them"),
    (
        "pyproject.toml",
        "list its dependencies in `packages`, and build the project as a component of driver `python`",
    ),
    (
        "setup.py",
        "list its dependencies in `packages`, and build the project as a component of driver `python`",
    ),
    (
        "setup.cfg",
        "list its dependencies in `packages`, and build the project as a component of driver `python`",
    ),
    (
        "environment.yml",
        "list what pip installs there in `packages`, or use the environment: environment = \"conda\"",
    ),
];

impl Checker<'_> {
    pub(super) fn python(&mut self) {
        let Some(python) = &self.case.python else { return };
        let kind = python.environment;
        if kind == PythonEnvironment::Conda {
            if python.prefix.is_none() {
                let help = Some("write `prefix`, the directory of the conda environment".to_owned());
                self.at_value(
                    &["python", "environment"],
                    "an environment `conda` has no prefix".to_owned(),
                    help,
                );
            }
            if python.interpreter.is_some() {
                let help = Some("remove it: it is `bin/python` below `prefix`".to_owned());
                self.at_key(
                    &["python", "interpreter"],
                    "an environment `conda` has an interpreter of its own".to_owned(),
                    help,
                );
            }
        }
        for (index, file) in python.requirements.iter().enumerate() {
            self.requirement_file(&["python", "requirements", &index.to_string()], file);
        }
        for (number, group) in python.optional.iter().enumerate() {
            for (index, file) in group.requirements.iter().enumerate() {
                let (number, index) = (number.to_string(), index.to_string());
                self.requirement_file(&["python", "optional", &number, "requirements", &index], file);
            }
        }
        for (index, directory) in python.find_links.iter().enumerate() {
            if let Some(url) = url_in(directory) {
                let message = format!("`{url}` is not a directory");
                let help = "name a directory of wheels; an index is written in PIP_INDEX_URL or below [pip] in site.toml, \
                            or is the `url` of an entry of [[python.indexes]]";
                self.at_value(&["python", "find_links", &index.to_string()], message, Some(help.to_owned()));
            }
        }
        for (key, given) in [("prefix", python.prefix.is_some()), ("lock", python.lock.is_some())] {
            if given && kind != PythonEnvironment::Conda {
                let help = Some("remove it, or write `environment = \"conda\"`".to_owned());
                let message = format!("`{key}` is only for the environment `conda`");
                self.at_key(&["python", key], message, help);
            }
        }
        if kind.is_interpreters_own() && !python.optional.is_empty() {
            let help = "write `venv-system-site`, or list them in `packages`: \
                        only the case's own environment can lack packages";
            let message = format!("the environment `{}` takes no optional packages", kind.as_str());
            self.at_key(&["python", "optional"], message, Some(help.to_owned()));
        }
        if python.break_system_packages && !kind.is_interpreters_own() {
            let help = Some("remove it: packages are installed into a separate environment".to_owned());
            let message =
                format!("`break_system_packages` has no effect in the environment `{}`", kind.as_str());
            self.at_key(&["python", "break_system_packages"], message, help);
        }
    }

    /// What is no list of requirements would fail in pip, with the words of a mistake in the first line.
    fn requirement_file(&mut self, path: &[&str], file: &Utf8Path) {
        if let Some(url) = url_in(file) {
            let message = format!("`{url}` is not a file of this machine");
            let help = "download it beside the case: a run that reads it from there cannot be repeated";
            self.at_value(path, message, Some(help.to_owned()));
            return;
        }
        let name = file.file_name().unwrap_or_default();
        if let Some((_, help)) = NO_REQUIREMENTS.iter().find(|(other, _)| *other == name) {
            let message = format!("`{name}` is not a requirement file: pip cannot read it");
            self.at_value(path, message, Some((*help).to_owned()));
        }
    }
}

/// The URL that stands where a path belongs; relative paths are joined with the case's directory before.
fn url_in(path: &Utf8Path) -> Option<&str> {
    // Joined paths have one slash less.
    let at = path.as_str().find(":/").filter(|at| *at > 1)?;
    let before = &path.as_str()[..at];
    let begin = before.rfind('/').map_or(0, |slash| slash + 1);
    let scheme = &before[begin..];
    let is_scheme = matches!(scheme, "http" | "https" | "file" | "ftp" | "s3");
    is_scheme.then(|| &path.as_str()[begin..])
}
