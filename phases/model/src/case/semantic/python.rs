//! Keys of `[python]` that fit together, or do not.

use super::Checker;
use crate::case::PythonEnvironment;

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
}
