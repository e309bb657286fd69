//! Git LFS pointers: small texts that stand in a checkout for files that were not downloaded.
//! (<https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>)

use std::fs;
use std::io::Read;

use camino::{Utf8Path, Utf8PathBuf};

use crate::runner::StepError;

/// How a pointer begins; the second is what the first versions wrote.
const BEGINNINGS: [&str; 2] =
    ["version https://git-lfs.github.com/spec/v1", "version https://hawser.github.com/spec/v1"];

/// A pointer is smaller than this, in bytes.
const LARGEST: u64 = 1024;

/// No pointer is smaller: its first line alone is longer.
const SMALLEST: u64 = 40;

/// Files that a message names.
const NAMED: usize = 3;

/// A pointer in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// Below the tree.
    pub path: Utf8PathBuf,
    /// SHA-256 of the file that it stands for; empty where it does not say one.
    pub oid: String,
}

/// The pointer that a file is, if it is one.
///
/// # Errors
/// When it cannot be read.
pub fn pointer(tree: &Utf8Path, path: &Utf8Path) -> Result<Option<Pointer>, StepError> {
    let file = tree.join(path);
    let failed = |error: std::io::Error| StepError::io("read", &file, &error);
    let metadata = fs::symlink_metadata(&file).map_err(failed)?;
    if !metadata.is_file() || !(SMALLEST..LARGEST).contains(&metadata.len()) {
        return Ok(None);
    }
    let mut open = fs::File::open(&file).map_err(failed)?;
    let mut content = Vec::new();
    open.by_ref().take(SMALLEST).read_to_end(&mut content).map_err(failed)?;
    if !BEGINNINGS.iter().any(|beginning| beginning.as_bytes().starts_with(&content)) {
        return Ok(None);
    }
    open.read_to_end(&mut content).map_err(failed)?;
    let text = String::from_utf8_lossy(&content);
    if !BEGINNINGS.iter().any(|beginning| text.starts_with(beginning)) {
        return Ok(None);
    }
    let oid = text.lines().find_map(|line| line.strip_prefix("oid sha256:")).unwrap_or_default();
    Ok(Some(Pointer { path: path.to_owned(), oid: oid.trim().to_owned() }))
}

/// All pointers below a tree, `.git` left out.
///
/// # Errors
/// When something in it cannot be read.
pub fn pointers(tree: &Utf8Path) -> Result<Vec<Pointer>, StepError> {
    let mut found = Vec::new();
    let mut open = vec![Utf8PathBuf::new()];
    while let Some(below) = open.pop() {
        let directory = tree.join(&below);
        // Names that are not UTF-8 are no concern of this look.
        for entry in fs::read_dir(&directory).map_err(|error| StepError::io("list", &directory, &error))? {
            let entry = entry.map_err(|error| StepError::io("list", &directory, &error))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let kind = entry.file_type().map_err(|error| StepError::io("list", &directory, &error))?;
            let relative = below.join(&name);
            if kind.is_dir() && name != ".git" {
                open.push(relative);
            } else if kind.is_file() {
                found.extend(pointer(tree, &relative)?);
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// In one line: how many there are, and the first of them.
pub fn named(pointers: &[Pointer]) -> String {
    let first: Vec<&str> = pointers.iter().take(NAMED).map(|pointer| pointer.path.as_str()).collect();
    let more = if pointers.len() > NAMED { ", …" } else { "" };
    let (files, are) = if pointers.len() == 1 { ("file", "is a pointer") } else { ("files", "are pointers") };
    format!(
        "{} {files} of it {are} of Git LFS instead of content ({}{more})",
        pointers.len(),
        first.join(", ")
    )
}

/// The failure of a step that would use pointers as if they were the files.
pub fn refused(tree: &Utf8Path, pointers: &[Pointer], way: String) -> StepError {
    let key =
        "or, if what is built needs none of them, write `lfs = \"pointers\"` in the section of the source";
    match StepError::new(format!("{tree}: {}", named(pointers)), way) {
        StepError::Failed(mut failure) => {
            failure.cures.push(key.to_owned());
            StepError::Failed(failure)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_told_from_files_that_speak_of_them() {
        let directory = tempfile::tempdir().unwrap();
        let tree = Utf8Path::from_path(directory.path()).unwrap();
        fs::create_dir_all(tree.join("data/.git")).unwrap();
        let oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
        let text = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 12345\n");
        fs::write(tree.join("data/model.bin"), &text).unwrap();
        fs::write(tree.join("data/.git/x.bin"), &text).unwrap();
        fs::write(tree.join("README"), format!("A pointer looks like this:\n{text}")).unwrap();
        fs::write(tree.join("long"), format!("{text}{}", "x".repeat(2000))).unwrap();
        fs::write(tree.join("short"), "version https://git-lfs").unwrap();
        let found = pointers(tree).unwrap();
        assert_eq!(found, [Pointer { path: "data/model.bin".into(), oid: oid.to_owned() }]);
        assert_eq!(named(&found), "1 file of it is a pointer of Git LFS instead of content (data/model.bin)");
    }
}
