//! A server that a process which is itself a step's child runs beside itself for a moment.
//!
//! It needs no launcher of its own: the launcher above its parent ends whatever is left of the step.

use std::io;
use std::process::{Child, ExitStatus, Stdio};

/// A running server; dropped, it is killed.
#[derive(Debug)]
pub struct Foreground(Child);

impl Foreground {
    /// Starts a command with this process's environment, directory and output; it reads from nowhere.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(argv: &[String]) -> io::Result<Self> {
        let Some((program, arguments)) = argv.split_first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "an empty command"));
        };
        #[expect(clippy::disallowed_methods, reason = "this crate is the one that starts processes")]
        let mut command = std::process::Command::new(program);
        command.args(arguments).stdin(Stdio::null()).spawn().map(Self)
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    /// Kills it and waits for its end.
    ///
    /// # Errors
    /// When it can be neither killed nor waited for.
    pub fn end(mut self) -> io::Result<()> {
        self.kill()
    }

    fn kill(&mut self) -> io::Result<()> {
        if self.0.try_wait()?.is_none() {
            self.0.kill()?;
            self.0.wait()?;
        }
        Ok(())
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        // Nothing is left to tell an error to; the launcher above ends what remains.
        drop(self.kill());
    }
}
