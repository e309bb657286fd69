//! Reads what older deployments wrote as shell, and makes a case of it. Text in, text and findings out: nothing is
//! executed, and what is not understood is told with its line.

mod build_command;
mod deployment;
mod preset;
mod shell;

#[cfg(test)]
mod tests;

pub use build_command::build_options;
pub use deployment::{Deployment, REPOSITORIES, SERVICE, WHOLE, read};
pub use preset::{Moved, Preset, preset};

/// What kind of thing is told of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It was not understood, and nothing of it is in the case.
    Unread,
    /// It belongs to the place (`site.toml`) or is a credential, and is not taken.
    Site,
    /// It was understood, and what became of it would surprise.
    Note,
}

/// What is told of one line of an old file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Of what kind.
    pub kind: Kind,
    /// The file, relative to what is imported.
    pub file: String,
    /// From 1; 0 where it is about the file as a whole.
    pub line: usize,
    /// The line as it stands there, or the name of its variable where the value may be secret.
    pub text: String,
    /// Why, and what to do.
    pub why: String,
}

/// A case made of old files.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// The text of `case.toml`.
    pub case: String,
    /// The files beside it that it names: path and text.
    pub files: Vec<(String, String)>,
    /// What is told of the old files, in their order.
    pub findings: Vec<Finding>,
}

/// Whether a value must not be written into a case: by the variable's name, or by what it looks like.
pub type IsSecret<'a> = &'a dyn Fn(&str, &str) -> bool;

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    ::toml::Value::String(text.to_owned()).to_string()
}

/// A list of texts as TOML writes it.
fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

const PROXIES: [&str; 5] = ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"];

fn is_proxy(name: &str) -> bool {
    PROXIES.contains(&name.to_ascii_lowercase().as_str())
}

fn of_a_place(section: &str) -> String {
    format!(
        "it is a setting of the place and is skipped: write it under [{section}] of site.toml (docs/site.md)"
    )
}

/// Takes lines out of the text of a case that hold a credential all the same (a password in an address, say).
fn without_credentials(case: &mut String, findings: &mut Vec<Finding>, is_secret: IsSecret<'_>) {
    let mut kept = String::with_capacity(case.len());
    for line in case.lines() {
        if is_secret("", line) {
            let (key, rest) = line.split_once('=').unwrap_or((line, ""));
            // Behind the last `#` stands where it comes from.
            let (file, number) = rest
                .rsplit_once("# ")
                .and_then(|(_, at)| at.rsplit_once(':'))
                .map_or(("", 0), |(file, number)| (file, number.parse().unwrap_or(0)));
            findings.push(Finding {
                kind: Kind::Site,
                file: file.to_owned(),
                line: number,
                text: key.trim().to_owned(),
                why: "it contains a credential and is skipped".to_owned(),
            });
            continue;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    *case = kept;
}
