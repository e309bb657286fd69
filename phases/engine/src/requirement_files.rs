//! Requirement files of pip with all that they include (`-r`, `-c`), as pip finds it: a file beside the one that names
//! it, a wheel below the directory that pip runs in, which is the case's.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use model::layout::plain;
use model::requirements::{self, Says};
use model::text;

use crate::runner::StepError;

/// What most of these files are.
const REQUIREMENTS: &str = "requirement file";

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequirementFile {
    /// Absolute.
    pub path: Utf8PathBuf,
    /// Decoded by its byte order mark, as pip does.
    pub text: String,
}

/// A line that includes another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Including {
    /// Absolute.
    pub file: Utf8PathBuf,
    /// From 1.
    pub number: usize,
    /// The line.
    pub text: String,
}

/// A file that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// `requirement file`, or what else it is.
    what: &'static str,
    /// Absolute, or an address.
    pub file: String,
    /// The line that includes it; none for one that the case names.
    pub by: Option<Including>,
    /// What to do.
    pub help: &'static str,
    why: String,
}

impl Unread {
    /// What is wrong.
    pub fn message(&self) -> String {
        format!("failed to read the {} {}: {}", self.what, self.file, self.why)
    }
}

impl From<Unread> for StepError {
    fn from(unread: Unread) -> Self {
        let Unread { what, file, by, why, help } = unread;
        let by = by
            .map(|Including { file: by, number, .. }| format!(", which {by} includes on line {number}"))
            .unwrap_or_default();
        Self::new(format!("failed to read the {what} {file}{by}: {why}"), help)
    }
}

/// What cannot be read of a file and of those that it includes, and wheels that they name by path and that are not there,
/// as far as they are to lie below `base`, the directory of relative ones.
pub fn unread(file: &Utf8Path, base: &Utf8Path) -> Vec<Unread> {
    let mut found = Vec::new();
    for read in read(&[file.to_owned()]) {
        let read = match read {
            Ok(read) => read,
            Err(unread) => {
                found.push(unread);
                continue;
            }
        };
        for line in requirements::lines(&read.text) {
            // One that lies elsewhere may be there on the machine that it is for.
            let of_case = |wheel: &Utf8PathBuf| wheel.starts_with(base) && !wheel.is_file();
            let gone = wheels([line.text.as_str()], base).into_iter().find(of_case);
            found.extend(gone.map(|wheel| Unread {
                what: "wheel",
                file: wheel.into_string(),
                by: Some(Including { file: read.path.clone(), number: line.number, text: line.text.clone() }),
                why: "there is no such file".to_owned(),
                help: "put it there, or correct the line",
            }));
        }
    }
    found
}

/// Reads these files, the last first, and those that they include.
pub fn read(files: &[Utf8PathBuf]) -> Vec<Result<RequirementFile, Unread>> {
    let mut queue: Vec<(Utf8PathBuf, Option<Including>)> =
        files.iter().map(|file| (file.clone(), None)).collect();
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    while let Some((path, by)) = queue.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        match content(&path, by.clone()) {
            Err(unread) => found.push(Err(unread)),
            Ok(text) => {
                for line in requirements::lines(&text) {
                    let (Says::Include(named) | Says::Constraints(named)) = requirements::says(&line.text)
                    else {
                        continue;
                    };
                    let by = Including { file: path.clone(), number: line.number, text: line.text.clone() };
                    let by = Some(by);
                    match beside(&path, &named) {
                        Some(included) => queue.push((included, by)),
                        None => found.push(Err(Unread {
                            what: REQUIREMENTS,
                            file: named,
                            by,
                            why: "it is an address, and what it says may change".to_owned(),
                            help: "download it, and include the file",
                        })),
                    }
                }
                found.push(Ok(RequirementFile { path, text }));
            }
        }
    }
    found
}

/// All that a requirement file is, itself aside: the files that it includes and the wheels that these name by path,
/// whether they are there or not.
pub fn parts(file: &Utf8Path, base: &Utf8Path) -> BTreeSet<Utf8PathBuf> {
    let mut parts = BTreeSet::new();
    for read in read(&[file.to_owned()]) {
        match read {
            Ok(read) => {
                parts.extend(wheels(
                    requirements::lines(&read.text).iter().map(|line| line.text.as_str()),
                    base,
                ));
                parts.insert(read.path);
            }
            Err(unread) if !unread.file.contains("://") => {
                parts.insert(unread.file.into());
            }
            Err(_) => {}
        }
    }
    parts.remove(file);
    parts
}

/// The wheels that requirements name by path, with `base` as the directory of relative ones.
pub fn wheels<'a>(lines: impl IntoIterator<Item = &'a str>, base: &Utf8Path) -> Vec<Utf8PathBuf> {
    let local = |text: &str| match requirements::says(text) {
        Says::Requirement(requirement) => requirement
            .target
            .filter(|target| requirements::is_wheel(target))
            .and_then(|target| place(&target)),
        _ => None,
    };
    lines.into_iter().filter_map(local).map(|path| plain(&base.join(path))).collect()
}

fn content(path: &Utf8Path, by: Option<Including>) -> Result<String, Unread> {
    let unread = |why: String, help: &'static str| {
        let help =
            if by.is_none() && help.is_empty() { "correct python.requirements in the case" } else { help };
        let help =
            if help.is_empty() { "write the file, or correct the line that includes it" } else { help };
        Unread { what: REQUIREMENTS, file: path.to_string(), by: by.clone(), why, help }
    };
    let bytes = std::fs::read(path).map_err(|error| unread(error.to_string(), ""))?;
    text::decode(&bytes).map_err(|why| unread(format!("it {why}"), why.help()))
}

/// The file that another one includes; none for an address.
fn beside(file: &Utf8Path, named: &str) -> Option<Utf8PathBuf> {
    Some(plain(&file.parent().unwrap_or(Utf8Path::new("/")).join(place(named)?)))
}

/// A path, or one written as an address (`file:///…`, with `%2B` for `+`); none for other addresses.
fn place(named: &str) -> Option<Utf8PathBuf> {
    let Some(rest) = named.strip_prefix("file:") else {
        let path = named.split_once(['#', '[']).map_or(named, |(path, _)| path);
        return (!named.contains("://")).then(|| path.trim().into());
    };
    let rest = rest.strip_prefix("//localhost").or_else(|| rest.strip_prefix("//")).unwrap_or(rest);
    let rest = rest.split(['#', '?']).next().unwrap_or(rest);
    let mut bytes = Vec::new();
    let mut left = rest.as_bytes();
    while let Some((first, after)) = left.split_first() {
        let coded = (*first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(coded.unwrap_or(*first));
        left = if coded.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).ok().map(Utf8PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_wheels_are_found_where_pip_finds_them() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        std::fs::create_dir_all(root.join("reqs/nested")).unwrap();
        let utf16: Vec<u8> =
            "\u{feff}-c ../limits.txt\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        std::fs::write(
            root.join("reqs/base.txt"),
            "a\n-r nested/more.txt\n./wheels/x-1-py3-none-any.whl[more]\n",
        )
        .unwrap();
        std::fs::write(root.join("reqs/nested/more.txt"), utf16).unwrap();
        std::fs::write(
            root.join("reqs/limits.txt"),
            "y @ file:///w/y-1%2Bz-py3-none-any.whl#sha256=0\n-r gone.txt\n",
        )
        .unwrap();
        let base = root.join("reqs/base.txt");
        let found: Vec<String> = parts(&base, root).into_iter().map(Utf8PathBuf::into_string).collect();
        let below = |name: &str| root.join(name).into_string();
        let mut wanted = [
            "/w/y-1+z-py3-none-any.whl".to_owned(),
            below("reqs/gone.txt"),
            below("reqs/limits.txt"),
            below("reqs/nested/more.txt"),
            below("wheels/x-1-py3-none-any.whl"),
        ];
        wanted.sort();
        assert_eq!(found, wanted);
        let unread: Vec<Unread> = read(&[base]).into_iter().filter_map(Result::err).collect();
        let [gone] = unread.as_slice() else { panic!("{unread:?}") };
        let by = gone.by.as_ref().map(|by| (by.file.clone(), by.number));
        assert_eq!(by, Some((root.join("reqs/limits.txt"), 2)));
        assert_eq!(place("https://x/y.whl"), None);
    }
}
