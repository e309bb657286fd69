//! What the values of a source must mean.

use super::Checker;
use crate::case::{SourceSpec, is_commit};

impl Checker<'_> {
    pub(super) fn source(&mut self, name: &str, spec: &SourceSpec, index: Option<usize>) {
        let index = index.map(|index| index.to_string());
        let at = |key: &'static str| -> Vec<&str> {
            let mut path = vec!["sources", name];
            path.extend(index.as_deref());
            path.push(key);
            path
        };
        let mut empty = |key: &'static str, value: &str, help: &str| {
            if value.trim().is_empty() {
                let message = format!("`{key}` of source `{name}` is empty");
                self.at_value(&at(key), message, Some(help.to_owned()));
            }
        };
        match spec {
            SourceSpec::Path { path, revision, .. } => {
                empty("path", path.as_str(), "write a directory; `.` is the case's own");
                self.pinned(name, revision.as_deref(), &at("revision"));
            }
            SourceSpec::Mounted { description, revision, .. } => {
                empty("description", description, "say what it is: \"a checkout of our application\"");
                self.pinned(name, revision.as_deref(), &at("revision"));
                if index.is_some() {
                    let message = format!("source `{name}` is mounted and has alternatives");
                    let help = "declare only the others: --source replaces a source of any kind".to_owned();
                    self.at_value(&at("kind"), message, Some(help));
                }
            }
            SourceSpec::Git { url, revision, .. } => {
                empty("url", url, "write what `git clone` takes");
                empty("revision", revision, "write a commit, a tag or a branch");
            }
            SourceSpec::Archive { urls, sha256, .. } | SourceSpec::File { urls, sha256 } => {
                if urls.is_empty() {
                    let help = Some("list at least one address of the file".to_owned());
                    self.at_value(&at("urls"), format!("source `{name}` has no urls"), help);
                }
                let digits = sha256.as_str();
                if digits.len() != 64
                    || !digits.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
                {
                    let help = if digits.len() == 64 && digits.chars().all(|c| c.is_ascii_hexdigit()) {
                        "write it in lower case".to_owned()
                    } else {
                        format!("it has {} characters; take it from `sha256sum FILE`", digits.chars().count())
                    };
                    let message = format!("sha256 of source `{name}` is not 64 hexadecimal digits");
                    self.at_value(&at("sha256"), message, Some(help));
                }
            }
            SourceSpec::Debian { package, .. } => {
                empty("package", package, "write the name of the source package")
            }
            SourceSpec::Pypi { name: project, version, .. } => {
                empty("name", project, "write the name of the project");
                empty("version", version, "write the exact version");
            }
            SourceSpec::Crate { name: krate, version } => {
                empty("name", krate, "write the name of the crate");
                empty("version", version, "write the exact version");
            }
        }
        if let Some(directory) = spec.subdirectory() {
            self.stays_below(&at("subdirectory"), directory, "the source");
        }
        for (number, kept) in spec.keep().iter().enumerate() {
            let number = number.to_string();
            let place: Vec<&str> = at("keep").into_iter().chain([number.as_str()]).collect();
            if kept.trim_matches(['/', '.']).is_empty() {
                let help = "write the name of a directory, or its path in the source".to_owned();
                self.at_value(&place, format!("`keep` of source `{name}` names nothing"), Some(help));
            } else {
                self.stays_below(&place, kept.as_str().into(), "the source");
            }
        }
    }

    /// What a checkout is held against must name one commit for ever.
    fn pinned(&mut self, name: &str, revision: Option<&str>, path: &[&str]) {
        let Some(revision) = revision.filter(|revision| !is_commit(revision)) else { return };
        let message = format!("`{revision}` of source `{name}` is not a commit");
        let help =
            "write at least 7 of the 40 hexadecimal digits that `git rev-parse HEAD` prints, in lower case";
        self.at_value(path, message, Some(help.to_owned()));
    }
}
