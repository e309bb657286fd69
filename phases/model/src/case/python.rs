//! What follows from the words of `[python]`.

use super::{Case, Driver, Python, PythonEnvironment};

impl PythonEnvironment {
    /// Whether what the interpreter has is kept, and constrains the rest.
    pub fn keeps(self) -> bool {
        self != Self::Venv
    }

    /// Whether packages go into the interpreter's own environment instead of one that installer makes.
    pub fn is_interpreters_own(self) -> bool {
        matches!(self, Self::Existing | Self::Conda)
    }

    /// The word in a case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Venv => "venv",
            Self::VenvSystemSite => "venv-system-site",
            Self::Existing => "existing",
            Self::Conda => "conda",
        }
    }
}

impl Python {
    /// The interpreter, a name on PATH or a path: the one that is named, else that of the conda environment, else that
    /// of the wanted version, else `python3`.
    pub fn program(&self) -> String {
        let of_conda = || {
            let prefix = self.prefix.as_ref().filter(|_| self.environment == PythonEnvironment::Conda)?;
            Some(prefix.join("bin/python").into_string())
        };
        let of_version = || {
            let parts: Vec<&str> = self.version.as_ref()?.split('.').take(2).collect();
            Some(format!("python{}", parts.join(".")))
        };
        let named = self.interpreter.clone();
        named.or_else(of_conda).or_else(of_version).unwrap_or_else(|| "python3".to_owned())
    }

    /// Whether packages are named that have to be brought.
    pub fn wants_packages(&self) -> bool {
        !self.requirements.is_empty() || !self.packages.is_empty() || !self.optional.is_empty()
    }
}

impl Case {
    /// `[python]`, where there is an environment that components can be built with: one that exists, or one that
    /// something is installed into (a project that pip builds wants its build requirements at least).
    pub fn python_environment(&self) -> Option<&Python> {
        let built = self.components.values().any(|component| component.driver == Some(Driver::Python));
        self.python.as_ref().filter(|python| python.environment.keeps() || python.wants_packages() || built)
    }
}
