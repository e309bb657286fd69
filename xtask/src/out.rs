//! Data to standard output, talk to standard error.

use std::io::{self, Write};

use crate::error::{Error, Result};

/// Prints data. That a reader went away early (`| head`) is no error.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::internal(format!("failed to write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Says something to the user.
pub fn say(text: &str) {
    // Without a standard error there is nobody to tell.
    drop(writeln!(io::stderr(), "{text}"));
}
