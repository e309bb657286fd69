//! What follows from the words of `[python]`.

use super::{Python, PythonEnvironment};

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
    /// The interpreter: a name on PATH or a path.
    pub fn program(&self) -> String {
        let of_conda = || {
            let prefix = self.prefix.as_ref().filter(|_| self.environment == PythonEnvironment::Conda)?;
            Some(prefix.join("bin/python").into_string())
        };
        self.interpreter.clone().or_else(of_conda).unwrap_or_else(|| "python3".to_owned())
    }

    /// Whether there is an environment that components can be built with: one that exists, or one that something is
    /// installed into.
    pub fn has_environment(&self) -> bool {
        self.environment.keeps() || !self.requirements.is_empty() || !self.packages.is_empty()
    }
}
