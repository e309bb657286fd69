//! Command lines of today.

use exec::redact::Redactor;
use model::shell;

/// A command line as it can be typed, without passwords.
pub fn line(words: &[String]) -> String {
    let words: Vec<String> = std::iter::once("installer".to_owned()).chain(words.iter().cloned()).collect();
    Redactor::default().redact_lines(&shell::words(&words))
}
