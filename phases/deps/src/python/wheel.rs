//! Names of wheels, and the lock that pins them.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;
use engine::files;
use engine::runner::{Context, StepError};
use model::Digest;
use model::lock::LockedWheel;

use crate::http::download::hash_if_there;
use crate::sources::pypi::normalised;

/// Wheels by file name.
pub type Wheels = BTreeMap<String, LockedWheel>;

/// Project (normalised) and version of a wheel's file name
/// (<https://packaging.python.org/en/latest/specifications/binary-distribution-format/>).
pub fn parse_file_name(file: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = file.strip_suffix(".whl")?.split('-').collect();
    match parts.as_slice() {
        [name, version, _, _, _] | [name, version, _, _, _, _] => {
            Some((normalised(name), (*version).to_owned()))
        }
        _ => None,
    }
}

/// The wheels that lie in a directory, each hashed; none when it is not there.
///
/// # Errors
/// When one cannot be read.
pub fn read_directory(directory: &Utf8Path) -> Result<Wheels, StepError> {
    let mut found = Wheels::new();
    let entries = match directory.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(StepError::io("read", directory, &error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| StepError::io("read", directory, &error))?;
        let Some((name, version)) = parse_file_name(entry.file_name()) else { continue };
        if let Some((sha256, _)) = hash_if_there(entry.path())? {
            found.insert(entry.file_name().to_owned(), LockedWheel { name, version, sha256 });
        }
    }
    Ok(found)
}

/// The hashes of the wheels that lie in a directory. A wheel is read again only when it changed.
///
/// # Errors
/// When one cannot be read.
pub fn hashes(directory: &Utf8Path, context: &dyn Context) -> Result<BTreeSet<Digest>, StepError> {
    let mut found = BTreeSet::new();
    for name in files::names(directory)?.into_iter().flatten().filter(|name| name.ends_with(".whl")) {
        let path = directory.join(name);
        let hash = context.cached_probe(&format!("hash {path}"), std::slice::from_ref(&path), &mut || {
            Ok(hash_if_there(&path)?.map_or_else(String::new, |(sha256, _)| sha256.to_string()))
        })?;
        found.insert(Digest::new(hash));
    }
    Ok(found)
}

/// Writes wheels as hashed requirements, for `pip install --require-hashes`.
pub fn render(wheels: &Wheels) -> String {
    let mut by_project: BTreeMap<(&str, &str), Vec<&Digest>> = BTreeMap::new();
    for wheel in wheels.values() {
        by_project.entry((&wheel.name, &wheel.version)).or_default().push(&wheel.sha256);
    }
    let mut text = String::from(
        "# Written by `installer deps`. Every wheel that `installer build` installs, with its hash.\n",
    );
    for ((name, version), hashes) in by_project {
        text.push_str(&format!("{name}=={version}"));
        for hash in hashes {
            text.push_str(&format!(" \\\n    --hash=sha256:{hash}"));
        }
        text.push('\n');
    }
    text
}

/// Reads what [`render`] wrote: project, version and hashes.
pub fn parse(text: &str) -> Vec<(String, String, Vec<Digest>)> {
    let mut found: Vec<(String, String, Vec<Digest>)> = Vec::new();
    for word in
        text.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(str::split_ascii_whitespace)
    {
        if let Some(hash) = word.strip_prefix("--hash=sha256:") {
            if let Some(last) = found.last_mut() {
                last.2.push(Digest::new(hash));
            }
        } else if let Some((name, version)) = word.split_once("==") {
            found.push((normalised(name), version.to_owned(), Vec::new()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_off_files() {
        let read = |file: &str| parse_file_name(file);
        assert_eq!(
            read("typing_extensions-4.12.2-py3-none-any.whl"),
            Some(("typing-extensions".to_owned(), "4.12.2".to_owned()))
        );
        assert_eq!(
            read("Torch-2.4.0+cu118-1-cp311-cp311-linux_x86_64.whl"),
            Some(("torch".to_owned(), "2.4.0+cu118".to_owned()))
        );
        assert_eq!(read("numpy-2.1.3.tar.gz"), None);
        assert_eq!(read("numpy.whl"), None);
    }

    #[test]
    fn the_lock_is_read_as_it_was_written() {
        let wheel = |name: &str, version: &str, of: &str| LockedWheel {
            name: name.to_owned(),
            version: version.to_owned(),
            sha256: Digest::of(of),
        };
        let wheels = Wheels::from([
            ("b-1-py3-none-any.whl".to_owned(), wheel("b", "1", "x")),
            ("a-2-py3-none-any.whl".to_owned(), wheel("a", "2", "y")),
        ]);
        let text = render(&wheels);
        assert_eq!(
            text,
            format!(
                "# Written by `installer deps`. Every wheel that `installer build` installs, with its hash.\n\
                 a==2 \\\n    --hash=sha256:{}\nb==1 \\\n    --hash=sha256:{}\n",
                Digest::of("y"),
                Digest::of("x")
            )
        );
        assert_eq!(
            parse(&text),
            [
                ("a".to_owned(), "2".to_owned(), vec![Digest::of("y")]),
                ("b".to_owned(), "1".to_owned(), vec![Digest::of("x")])
            ]
        );
    }

    #[test]
    fn a_directory_is_read_with_hashes_and_other_files_do_not_count() {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(directory.path()).unwrap();
        std::fs::write(path.join("a-1-py3-none-any.whl"), "content").unwrap();
        std::fs::write(path.join("a-1.tar.gz"), "").unwrap();
        let found = read_directory(path).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found["a-1-py3-none-any.whl"].sha256, Digest::of("content"));
        assert!(read_directory(&path.join("absent")).unwrap().is_empty());
    }
}
