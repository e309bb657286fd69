//! Short questions to tools: `cc --version`.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt as _;

use crate::children;
use crate::errno::worded;

/// What a tool answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Exit status; death by signal N is 128 + N.
    pub status: i32,
    /// What it printed on standard output.
    pub stdout: String,
    /// What it printed on standard error.
    pub stderr: String,
}

/// Runs a command and returns what it prints on standard output, as [`ask`] does.
///
/// # Errors
/// When it cannot be started, or ends with a status other than zero.
pub fn capture(argv: &[&str]) -> io::Result<String> {
    let answer = ask(argv)?;
    if answer.status != 0 {
        return Err(io::Error::other(format!(
            "`{}` ended with status {}: {}",
            argv.join(" "),
            answer.status,
            answer.stderr.trim()
        )));
    }
    Ok(answer.stdout)
}

/// Runs a command and returns what it answers, whatever its status. It sees PATH, HOME and `LC_ALL=C` and nothing else,
/// and reads from nowhere.
///
/// For questions that are answered at once. What may take time, compile or use the network is a step.
///
/// # Errors
/// When it cannot be started.
pub fn ask(argv: &[&str]) -> io::Result<Answer> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "an empty command"));
    };
    let environment: BTreeMap<String, String> = ["PATH", "HOME"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
        .chain([("LC_ALL".to_owned(), "C".to_owned())])
        .collect();
    #[expect(clippy::disallowed_methods, reason = "this crate is the one that starts processes")]
    let expression = duct::cmd(*program, arguments)
        .full_env(environment)
        .stdin_null()
        .stdout_capture()
        .stderr_capture()
        .unchecked();
    let context = |error: &io::Error| worded(error, format!("failed to run `{}`: {error}", argv.join(" ")));
    let handle =
        children::start(|| expression.start(), duct::Handle::pids).map_err(|error| context(&error))?;
    let pids = handle.pids();
    let output = handle.into_output().map_err(|error| context(&error))?;
    children::forget(pids);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let signal = || 128 + output.status.signal().unwrap_or_default();
    Ok(Answer {
        status: output.status.code().unwrap_or_else(signal),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_comes_back() {
        assert_eq!(capture(&["echo", "a b"]).unwrap(), "a b\n");
        assert_eq!(capture(&["sh", "-c", "echo $LC_ALL"]).unwrap(), "C\n");
    }

    #[test]
    fn errors_name_the_command_and_what_it_said() {
        let failed = capture(&["sh", "-c", "echo broken >&2; exit 3"]).unwrap_err().to_string();
        assert!(failed.contains("sh -c") && failed.contains("broken"), "{failed}");
        let missing = capture(&["no-such-tool-here", "-V"]).unwrap_err().to_string();
        assert!(missing.contains("no-such-tool-here -V"), "{missing}");
        assert!(capture(&[]).is_err());
    }
}
