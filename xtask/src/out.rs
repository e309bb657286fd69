//! Data to standard output, talk to standard error.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use exec::Redactor;
use model::visible::{escaped_json, visible, visible_but};
use report::Style;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::invocation;

static HUSHED: AtomicBool = AtomicBool::new(false);

/// From here on nothing is said: a shell that asks for completions is in the middle of a line.
pub fn hush() {
    HUSHED.store(true, Ordering::Relaxed);
}

/// Prints what people read, without anything that a terminal would obey: it may be a case's or a server's.
pub fn print(text: &str) -> Result<()> {
    written(&visible(text))
}

/// The same for what has colours of our own.
pub fn print_coloured(text: &str) -> Result<()> {
    written(&visible_but(text, &Style::SEQUENCES))
}

/// Prints what a program reads, a Dockerfile say: to the byte, unless a terminal is there to read it.
pub fn print_data(text: &str) -> Result<()> {
    if io::stdout().is_terminal() { print(text) } else { written(text) }
}

/// That a reader went away early (`| head`) is no error.
fn written(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::internal(format!("failed to write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints one JSON document.
pub fn json(document: &Value) -> Result<()> {
    written(&escaped_json(&format!("{document:#}\n")))
}

/// The document with every text in it redacted.
pub fn redacted(document: Value, redactor: &Redactor) -> Value {
    match document {
        Value::String(text) => redactor.redact_lines(&text).into(),
        Value::Array(list) => list.into_iter().map(|value| redacted(value, redactor)).collect(),
        Value::Object(map) => {
            map.into_iter().map(|(name, value)| (name, redacted(value, redactor))).collect()
        }
        other => other,
    }
}

/// Says something to the user. Commands in it (`installer plan`) can be pasted: they call the program as it was called.
pub fn say(text: &str) {
    if HUSHED.load(Ordering::Relaxed) {
        return;
    }
    let text = text.replace("`installer ", &format!("`{} ", invocation::program()));
    // Without a standard error there is nobody to tell.
    drop(writeln!(io::stderr(), "{}", visible(&text)));
}

/// A line of talk on standard error; that nobody reads it is no error.
pub fn warn(message: &str) {
    drop(writeln!(io::stderr(), "warning: {}", visible(message)));
}
