//! Why an old command line is not translated.

use std::fmt;

/// What is wrong with it, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Refused {
    /// With a way out.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: Some(help.into()) }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

/// What a translation comes to.
pub type Result<T> = std::result::Result<T, Refused>;
