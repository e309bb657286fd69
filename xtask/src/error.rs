//! What ends a command, with its exit code.

use engine::EngineError;
use model::exit;

/// An error as the user sees it.
#[derive(Debug)]
pub struct Error {
    /// One of [`model::exit`].
    pub code: i32,
    /// Whole, with the way out; printed after `error: ` unless it says so itself.
    pub message: String,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(exit::USAGE, message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(exit::INTERNAL, message)
    }
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
