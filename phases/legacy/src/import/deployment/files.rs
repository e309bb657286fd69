//! The files that go along with the case: requirements and configuration, without what is secret or of the place.

use super::Import;
use crate::import::{Finding, Kind, of_a_place};

impl Import<'_> {
    /// Requirement files go along without what is of the place; their names.
    pub(super) fn requirements(&mut self) -> Vec<String> {
        let is_one = |name: &str| name.starts_with("requirements") && name.ends_with(".txt");
        let old = self.old;
        let mut names = Vec::new();
        for (name, text) in old.files.iter().filter(|(name, _)| is_one(name)) {
            let mut kept = String::new();
            for (index, line) in text.lines().enumerate() {
                let option = line.trim().split([' ', '=']).next().unwrap_or_default();
                let index_option =
                    ["-i", "--index-url", "--extra-index-url", "--trusted-host"].contains(&option);
                if index_option || (self.is_secret)("", line) {
                    let why = if index_option {
                        of_a_place("pip")
                    } else {
                        "it contains a credential and is skipped".to_owned()
                    };
                    self.findings.push(Finding {
                        kind: Kind::Site,
                        file: name.clone(),
                        line: index + 1,
                        text: if index_option { option.to_owned() } else { String::new() },
                        why,
                    });
                    continue;
                }
                if ["-r", "--requirement", "-c", "--constraint", "-e", "--editable"].contains(&option) {
                    self.findings.push(Finding {
                        kind: Kind::Unread,
                        file: name.clone(),
                        line: index + 1,
                        text: line.trim().to_owned(),
                        why: "it names another file or directory: write what it needs here, or list the file under `python.requirements`".to_owned(),
                    });
                    continue;
                }
                kept.push_str(line);
                kept.push('\n');
            }
            self.files.push((name.clone(), kept));
            names.push(name.clone());
        }
        names
    }

    /// Configuration goes along as it is, but for lines that look like credentials.
    pub(super) fn configuration(&mut self) {
        let old = self.old;
        for (name, text) in old.files.iter().filter(|(name, _)| name.starts_with("config/")) {
            let mut kept = String::new();
            for (index, line) in text.lines().enumerate() {
                let (key, value) = line.split_once('=').unwrap_or(("", line));
                let bare = value.trim().trim_matches(['"', '\'']);
                if (self.is_secret)(key.trim(), bare) {
                    self.findings.push(Finding {
                        kind: Kind::Site,
                        file: name.clone(),
                        line: index + 1,
                        text: key.trim().to_owned(),
                        why: "it looks like a credential and is skipped: set it with `docker run -e`"
                            .to_owned(),
                    });
                    continue;
                }
                kept.push_str(line);
                kept.push('\n');
            }
            self.files.push((name.clone(), kept));
        }
    }
}
