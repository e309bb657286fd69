//! The only file that may raise privileges.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;

use model::site::Sudo;

use crate::children;
use crate::probe;
use crate::sys::process;

/// How a step that needs root gets it here: not at all needed, through `sudo` without a password, through `sudo` with
/// a password that can be asked for (`on_terminal`; see [`ask`]), or not at all.
pub fn detect(on_terminal: bool) -> Sudo {
    if process::own_ids().0 == 0 {
        return Sudo::NotNeeded;
    }
    if which::which("sudo").is_err() {
        return Sudo::Unavailable;
    }
    if on_terminal || probe::capture(&["sudo", "-n", "true"]).is_ok() {
        Sudo::Allowed
    } else {
        Sudo::Unavailable
    }
}

/// Lets `sudo` ask for the password on the terminal, if it has to; commands that follow within its time-out run
/// without asking. Call it before the terminal shows a run.
///
/// # Errors
/// When `sudo` cannot be started or refuses.
pub fn ask() -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "this crate is the one that starts processes")]
    let mut command = std::process::Command::new("sudo");
    command.arg("-v");
    let mut child = children::start(|| command.spawn(), |child| vec![child.id()])?;
    let status = child.wait()?;
    children::forget([child.id()]);
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "sudo refused: run as root, or have an administrator run what `installer deps --case NAME \
             --print-root-commands` prints",
        ))
    }
}

/// What really runs when a command runs as root with this environment.
///
/// The values pass through the environment of `sudo` itself and not through its arguments, because those are visible
/// to every user and end up in the system's log; `sudo` sets PATH and HOME on its own (sudoers(5), `secure_path`).
pub fn elevate(argv: &[String], environment: &BTreeMap<String, String>) -> Vec<String> {
    let kept: Vec<&str> =
        environment.keys().map(String::as_str).filter(|name| !matches!(*name, "PATH" | "HOME")).collect();
    let mut elevated = vec!["sudo".to_owned(), "-n".to_owned()];
    if !kept.is_empty() {
        elevated.push(format!("--preserve-env={}", kept.join(",")));
    }
    elevated.push("--".to_owned());
    elevated.extend(argv.iter().cloned());
    elevated
}

/// Signals processes of root through `sudo`. For launchers only: the child that it starts is theirs to reap.
pub(crate) fn signal_elevated(
    pids: impl IntoIterator<Item = i32>,
    signal: i32,
    path: &str,
) -> io::Result<()> {
    let words = ["sudo", "-n", "--", "kill", "-s"].map(str::to_owned);
    let pids = pids.into_iter().map(|pid| pid.to_string());
    let arguments = words
        .into_iter()
        .chain([signal.to_string()])
        .chain(pids)
        .map(CString::new)
        .collect::<Result<Vec<_>, _>>()?;
    let candidates = path
        .split(':')
        .map(|directory| CString::new(format!("{directory}/sudo")))
        .collect::<Result<Vec<_>, _>>()?;
    process::start(&process::Program {
        candidates: &candidates,
        arguments: &arguments,
        environment: &[CString::new(format!("PATH={path}"))?],
        directory: c"/",
        group: process::Group::Own,
        dies_with_parent: false,
        restricted: false,
        filter: None,
    })
    .map(drop)
    .map_err(|failure| failure.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_do_not_show_in_the_arguments() {
        let environment = BTreeMap::from(
            [
                ("https_proxy", "http://joe:secret@proxy"),
                ("PATH", "/usr/bin"),
                ("DEBIAN_FRONTEND", "noninteractive"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let argv = ["apt-get", "install", "nasm"].map(str::to_owned);
        assert_eq!(
            elevate(&argv, &environment).join(" "),
            "sudo -n --preserve-env=DEBIAN_FRONTEND,https_proxy -- apt-get install nasm"
        );
        assert_eq!(elevate(&argv, &BTreeMap::new()).join(" "), "sudo -n -- apt-get install nasm");
    }
}
