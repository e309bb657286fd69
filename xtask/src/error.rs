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
    /// What is wrong.
    pub message: String,
    /// What to do, each a way out.
    pub help: Vec<String>,
    /// What is wrong with a case, each with its place; the message says the same.
    pub diagnostics: Vec<Diagnostic>,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: Vec::new(), diagnostics: Vec::new() }
    }

    /// With a way out.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(exit::USAGE, message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(exit::INTERNAL, message)
    }

    /// What a case says, or what it asks for here, is wrong.
    pub fn of_case(code: i32, diagnostics: Diagnostics) -> Self {
        let text = diagnostics.to_string();
        // The level of the first is said by whoever prints the error.
        let message = without_level(text.trim_end()).to_owned();
        Self { code, message, help: Vec::new(), diagnostics: diagnostics.0 }
    }

    /// With the way out, and without the level.
    pub fn told(&self) -> String {
        engine::told(&self.message, &self.help)
    }

    /// With its level, as it ends a command.
    pub fn text(&self) -> String {
        format!("error: {}", self.told())
    }

    /// As it stands among other lines: what is wrong with a case shows its level there too.
    pub fn among_others(&self) -> String {
        if self.diagnostics.is_empty() { self.told() } else { self.text() }
    }

    /// Each way out on a line of its own.
    pub fn help_text(&self) -> Option<String> {
        (!self.help.is_empty()).then(|| self.help.join("\n"))
    }

    /// As `--json` has it.
    pub fn json(&self) -> Value {
        let mut error = json!({ "exit_code": self.code, "message": self.message });
        if let Some(help) = self.help_text() {
            error["help"] = help.into();
        }
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

/// A text that begins with its level, without that.
fn without_level(text: &str) -> &str {
    text.strip_prefix("error: ").unwrap_or(text)
}

impl From<clap::Error> for Error {
    fn from(error: clap::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&clap::Error> for Error {
    fn from(error: &clap::Error) -> Self {
        Self::usage(without_level(error.render().to_string().trim_end()))
    }
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        Self { help: error.help, ..Self::internal(error.message) }
    }
}

impl From<engine::runner::StepError> for Error {
    fn from(error: engine::runner::StepError) -> Self {
        EngineError::from(error).into()
    }
}
