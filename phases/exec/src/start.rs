//! Starts a launcher: what session and offline force have in common.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use crate::errno::worded;
use crate::lock::RunLock;
use crate::redact::Redactor;
use crate::{children, wire};

/// What the children of a session have in common.
pub struct SessionConfig {
    /// The binary that becomes a launcher; absolute. Usually this process's own.
    pub launcher: PathBuf,
    /// The arguments that make it one: `["__launch"]`.
    pub launcher_args: Vec<String>,
    /// Identifies the state directory; each child has it in its environment as `INSTALLER_RUN_MARKER`, so that the
    /// next run finds what a killed one left.
    pub marker: String,
    /// Shared with the launchers, so that the lock is let go of only when all children are gone.
    pub run_lock: Option<Arc<RunLock>>,
    /// Children with [`model::plan::Network::Denied`] are kept from the network by force.
    pub offline: bool,
    /// Job tokens.
    pub jobs: u32,
    /// Goes over every line before anyone sees it.
    pub redactor: Redactor,
}

/// The standard output and standard error of a launcher, which become the tool's.
pub(crate) enum Streams {
    /// These pipes.
    Pipes(OwnedFd, OwnedFd),
    /// Those of this process; the launcher then stays in its process group, which is the terminal's.
    Inherited,
    /// Nothing, and this process's standard error.
    ErrorOnly,
}

/// Starts a launcher and returns it with the socket that controls it.
pub(crate) fn start_launcher(
    config: &SessionConfig,
    streams: Streams,
) -> io::Result<(std::process::Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    #[expect(clippy::disallowed_methods, reason = "this crate is the one that starts processes")]
    let mut command = std::process::Command::new(&config.launcher);
    command
        .args(&config.launcher_args)
        .env_clear()
        .env(wire::MARKER_VARIABLE, &config.marker)
        .env(wire::LAUNCHER_VARIABLE, "1")
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)));
    if !matches!(streams, Streams::Inherited) {
        // Ctrl-C on the terminal is for the scheduler alone.
        command.process_group(0);
    }
    match streams {
        Streams::Pipes(stdout, stderr) => command.stdout(stdout).stderr(stderr),
        Streams::Inherited => command.stdout(Stdio::inherit()).stderr(Stdio::inherit()),
        Streams::ErrorOnly => command.stdout(Stdio::null()).stderr(Stdio::inherit()),
    };
    let child = children::start(|| command.spawn(), |child| vec![child.id()]).map_err(|error| {
        worded(&error, format!("failed to start the launcher {}: {error}", config.launcher.display()))
    })?;
    // The command holds the launcher's ends of socket and pipes.
    drop(command);
    Ok((child, ours))
}
