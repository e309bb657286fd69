//! Names that become parts of paths and of step ids, and paths that must stay below a directory.

use camino::{Utf8Component, Utf8Path};

use super::Checker;

/// How many bytes a name may have. A file name has at most 255 (`NAME_MAX`), and the longest that is made of names has
/// two of them with an ending: `<case>.<source>.lock`, beside which a temporary file is written.
pub(crate) const LONGEST: usize = 100;

/// What names are made of, for people.
pub(crate) const HELP: &str =
    "use letters, digits, `-`, `_`, `.` and `+`, with neither `-` nor `.` at the beginning";

/// Why a text cannot be a name; none if it can.
pub(crate) fn mistake(name: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || "-_.+".contains(c);
    if name.len() > LONGEST {
        Some(format!("use at most {LONGEST} bytes; this has {}", name.len()))
    } else if name.is_empty() || name.starts_with(['-', '.']) || !name.chars().all(plain) {
        Some(HELP.to_owned())
    } else {
        None
    }
}

/// A text for a message: on one line, and no longer than that.
pub(crate) fn shown(name: &str) -> String {
    const WIDTH: usize = 60;
    let mut shown = String::new();
    for (index, character) in name.chars().enumerate() {
        if index == WIDTH {
            shown.push('…');
            break;
        }
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

impl Checker<'_> {
    /// A key of a table that is a name.
    pub(super) fn name(&mut self, path: &[&str], what: &str) {
        let name = path.last().copied().unwrap_or_default();
        if let Some(help) = mistake(name) {
            let message = refused(name, what);
            self.at_key(path, message, Some(help));
        }
    }

    /// A value that is a name; whether it can be one.
    pub(super) fn named(&mut self, path: &[&str], name: &str, what: &str) -> bool {
        let Some(help) = mistake(name) else { return true };
        self.at_value(path, refused(name, what), Some(help));
        false
    }

    /// A path that must stay below `place`: `the source`, `the prefix`.
    pub(super) fn stays_below(&mut self, path: &[&str], written: &Utf8Path, place: &str) {
        let key = path.iter().rev().find(|segment| segment.parse::<usize>().is_err());
        let key = key.copied().unwrap_or_default();
        let below =
            written.components().all(|part| matches!(part, Utf8Component::Normal(_) | Utf8Component::CurDir));
        if !below || written.as_str().contains(char::is_control) {
            let message = format!("`{}` of `{key}` is not below {place}", shown(written.as_str()));
            let help = format!("write a path relative to {place}, without `..`");
            self.at_value(path, message, Some(help));
        }
    }
}

fn refused(name: &str, what: &str) -> String {
    if name.is_empty() {
        format!("the name of {what} is empty")
    } else {
        format!("`{}` cannot be the name of {what}", shown(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_into_file_names_and_are_no_options() {
        for name in ["x264", "nv-codec-headers", "a.b", "libstdc++", "_own", "视频", "+x"] {
            assert_eq!(mistake(name), None, "{name}");
        }
        let long = "a".repeat(LONGEST + 1);
        assert_eq!(mistake(&long[1..]), None);
        for name in [
            "",
            "-rf",
            ".",
            "..",
            ".hidden",
            "con:x",
            "a b",
            "a/b",
            "a\\b",
            "a\0",
            "a\u{1b}[0m",
            "a\n",
            &long,
        ] {
            assert!(mistake(name).is_some(), "{name:?}");
        }
        assert_eq!(shown("a\0b\u{1b}"), "a\\u{0}b\\u{1b}");
        assert_eq!(shown(&"视".repeat(300)).chars().count(), 61);
    }
}
