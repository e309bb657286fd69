//! Programs on a machine: where one lies, and which it is.

use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use model::Digest;
use model::plan::{Argument, Command};

/// The first of these programs on a `PATH`, links not resolved.
pub fn find_tool(root: &Utf8Path, path: &str, names: &[String]) -> Option<Utf8PathBuf> {
    names.iter().find_map(|name| {
        if name.contains('/') {
            return Some(below(root, Utf8Path::new(name))).filter(|path| is_executable(path));
        }
        path.split(':')
            .filter(|directory| directory.starts_with('/'))
            .map(|directory| below(root, Utf8Path::new(directory)).join(name))
            .find(|candidate| is_executable(candidate))
    })
}

/// The version that a program prints of itself, `3.25.1`: the first dotted number of the first line that has one.
/// Remembered for as long as the program does not change.
///
/// # Errors
/// When it cannot be started, fails, or prints no version.
pub fn tool_version(program: &Utf8Path, context: &dyn Context) -> Result<String, StepError> {
    let files = vec![program.to_owned(), resolved(program)];
    context.cached_probe(&format!("version {program}"), &files, &mut || {
        let mut args = vec![Argument::from("--version")];
        // As root it refuses even to tell its version, unless it is told to.
        args.extend((program.file_name() == Some("xmake")).then(|| Argument::from("--root")));
        let asked = context.capture(&Command {
            program: program.to_string(),
            args,
            environment: context.network_environment(),
            directory: Utf8PathBuf::from("/"),
        })?;
        let version = (asked.status == 0)
            .then(|| {
                asked.stdout.lines().chain(asked.tail.iter().map(String::as_str)).find_map(dotted_number)
            })
            .flatten();
        version.map(str::to_owned).ok_or_else(|| {
            StepError::new(
                format!("`{program} --version` ended with status {} and printed no version", asked.status),
                format!("see what `{program} --version` says"),
            )
        })
    })
}

/// The short hash of a file that no package owns.
pub(crate) fn content(file: &Utf8Path, context: &dyn Context) -> Result<String, StepError> {
    context.cached_probe(&format!("content {file}"), &[file.to_owned(), resolved(file)], &mut || {
        let bytes = std::fs::read(file).map_err(|error| StepError::io("read", file, &error))?;
        Ok(Digest::of(bytes).short().to_owned())
    })
}

pub(crate) fn below(root: &Utf8Path, path: &Utf8Path) -> Utf8PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// The file behind links; the path itself when it leads nowhere.
pub(crate) fn resolved(path: &Utf8Path) -> Utf8PathBuf {
    path.canonicalize_utf8().unwrap_or_else(|_| path.to_owned())
}

pub(crate) fn is_executable(path: &Utf8Path) -> bool {
    std::fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// The first word of a line that looks like `1.2` or `1.2.3`, without what surrounds it.
fn dotted_number(line: &str) -> Option<&str> {
    line.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',')).find_map(|word| {
        let start = word.find(|c: char| c.is_ascii_digit())?;
        // `v1.2` and `go1.22` count; a path or a name with digits in it does not.
        if start > 2 || word.contains('/') {
            return None;
        }
        let number = word.get(start..)?;
        let end = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
        let number = number.get(..end)?.trim_end_matches('.');
        number.contains('.').then_some(number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_tools_print_them() {
        for (line, version) in [
            ("cmake version 3.25.1", Some("3.25.1")),
            ("gcc (Debian 12.2.0-14) 12.2.0", Some("12.2.0")),
            ("NASM version 2.16.01 compiled on Dec", Some("2.16.01")),
            ("rustc 1.96.0 (built from a source tarball)", Some("1.96.0")),
            ("1.13.0.git.kitware.jobserver-pipe-1", Some("1.13.0")),
            ("v22.1", Some("22.1")),
            ("This is perl 5, version 36, subversion 0 (v5.36.0)", Some("5.36.0")),
            ("Copyright 2022", None),
        ] {
            assert_eq!(dotted_number(line), version, "{line}");
        }
    }
}
