//! What ends a command, with its exit code.

use engine::EngineError;
use model::case::{Diagnostic, Diagnostics};
use model::exit;
use serde_json::{Value, json};

/// An error as the user sees it.
#[derive(Debug)]
pub struct Error {
    /// One of [`model::exit`].
    pub code: i32,
    /// Whole, with the way out; printed after `error: ` unless it says so itself.
    pub message: String,
    /// What is wrong with a case, each with its place; the message says the same.
    pub diagnostics: Vec<Diagnostic>,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), diagnostics: Vec::new() }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(exit::USAGE, message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(exit::INTERNAL, message)
    }

    /// What a case says, or what it asks for here, is wrong.
    pub fn of_case(code: i32, diagnostics: Diagnostics) -> Self {
        let message = diagnostics.to_string().trim_end().to_owned();
        Self { code, message, diagnostics: diagnostics.0 }
    }

    /// As `--json` has it.
    pub fn json(&self) -> Value {
        let message = self.message.strip_prefix("error:").map_or(self.message.as_str(), str::trim_start);
        let mut error = json!({ "exit_code": self.code, "message": message });
        if !self.diagnostics.is_empty() {
            error["diagnostics"] = self.diagnostics.iter().map(|one| diagnostic("error", one)).collect();
        }
        json!({ "schema": 1, "error": error })
    }
}

/// A diagnostic as `--json` has it.
pub fn diagnostic(level: &str, diagnostic: &Diagnostic) -> Value {
    let place = diagnostic.place.as_ref();
    json!({
        "level": level,
        "message": diagnostic.message,
        "file": place.map(|place| &place.file),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "help": diagnostic.help,
    })
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        Self::internal(error.message)
    }
}

impl From<engine::runner::StepError> for Error {
    fn from(error: engine::runner::StepError) -> Self {
        EngineError::from(error).into()
    }
}
