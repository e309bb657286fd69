//! Patches of source packages: unified diffs, applied as `dpkg-source` has `patch` do it (`-p1`, no fuzz, offsets
//! allowed, files that become empty removed).

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Component, Path};
use std::time::{Duration, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use diffy::Patch;
use engine::runner::{Context, StepError};

/// Applies `debian/patches/series`. Patched files all get the time `modified` (seconds since 1970), so that none seems
/// to be older than what was made from it.
///
/// # Errors
/// When a patch does not fit.
pub fn apply_series(tree: &Utf8Path, modified: u64, context: &dyn Context) -> Result<(), StepError> {
    let directory = tree.join("debian/patches");
    let vendor = directory.join(format!("{}.series", context.target().os.id));
    let series = if vendor.is_file() { vendor } else { directory.join("series") };
    let text = match std::fs::read_to_string(&series) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StepError::io("read", &series, &error)),
    };
    let mut applied = 0;
    for name in patch_names(&text) {
        if context.cancelled() {
            return Err(StepError::Cancelled);
        }
        let path = directory.join(name);
        let patch = std::fs::read(&path).map_err(|error| StepError::io("read", &path, &error))?;
        apply(tree, &patch, modified).map_err(|why| does_not_fit(&path, &why))?;
        applied += 1;
    }
    context.figure("patches", applied);
    Ok(())
}

/// Applies the one diff of format 1.0.
///
/// # Errors
/// When it cannot be read or does not fit.
pub fn apply_compressed(
    tree: &Utf8Path,
    diff: &Utf8Path,
    modified: u64,
    context: &dyn Context,
) -> Result<(), StepError> {
    let failed = |error: std::io::Error| StepError::io("read", diff, &error);
    let file = std::fs::File::open(diff).map_err(failed)?;
    let mut patch = Vec::new();
    flate2::read::MultiGzDecoder::new(file).read_to_end(&mut patch).map_err(failed)?;
    apply(tree, &patch, modified).map_err(|why| does_not_fit(diff, &why))?;
    context.figure("patches", 1);
    Ok(())
}

fn does_not_fit(patch: &Utf8Path, why: &str) -> StepError {
    StepError::new(
        format!("patch {patch} does not apply: {why}"),
        "use another kind of source (`archive` or `git`), or unpack it with dpkg-source and use a `path` \
         source",
    )
}

/// The patches of a series file in their order (quilt(1)): comments and options left out.
fn patch_names(series: &str) -> Vec<&str> {
    series
        .lines()
        .map(|line| line.split(" #").next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

/// Applies a patch to the files below `tree`.
pub fn apply(tree: &Utf8Path, patch: &[u8], modified: u64) -> Result<(), String> {
    let headers = GitHeaders::read(patch);
    for (from, to) in &headers.renames {
        let (from, to) = (inside(tree, from)?, inside(tree, to)?);
        if from.exists() && !to.exists() {
            make_parent(&to)?;
            std::fs::rename(&from, &to).map_err(|error| format!("failed to rename {from} ({error})"))?;
        }
    }
    for piece in pieces(patch) {
        let file = Patch::from_bytes(piece).map_err(|error| error.to_string())?;
        let (original, modified_name) = (name(file.original())?, name(file.modified())?);
        let removes = modified_name.is_none();
        let candidates: Vec<String> = [modified_name, original].into_iter().flatten().collect();
        let paths = candidates.iter().map(|path| inside(tree, path)).collect::<Result<Vec<_>, _>>()?;
        let path = paths.iter().find(|path| path.is_file()).or(paths.first()).ok_or("it names no file")?;
        let base = match std::fs::read(path) {
            Ok(base) => base,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(format!("failed to read {path} ({error})")),
        };
        let patched = diffy::apply_bytes(&base, &file).map_err(|error| format!("{path}: {error}"))?;
        if patched.is_empty() && (removes || !base.is_empty()) {
            std::fs::remove_file(path).map_err(|error| format!("failed to remove {path} ({error})"))?;
            continue;
        }
        write(path, &patched, modified)?;
    }
    for (name, executable) in &headers.modes {
        let path = inside(tree, name)?;
        if path.is_file() {
            set_executable(&path, *executable)?;
        }
    }
    Ok(())
}

/// The path in a header line without its first directory (`-p1`); none for `/dev/null`.
fn name(header: Option<&[u8]>) -> Result<Option<String>, String> {
    let header = std::str::from_utf8(header.unwrap_or_default()).map_err(|_| "a file's name is not UTF-8")?;
    if header == "/dev/null" {
        return Ok(None);
    }
    let (_, path) = header.split_once('/').ok_or_else(|| format!("`{header}` has no directory to strip"))?;
    // A time after a space and not after a tab, as some tools write it.
    let path = path.split(" 1970-01-01").next().unwrap_or(path);
    Ok(Some(path.trim_start_matches('/').to_owned()))
}

/// The parts of a patch that are about one file each: from `---` to the end of the last hunk. What is between them is
/// for people, whatever it looks like, so hunks are counted through by the numbers in their headers.
fn pieces(patch: &[u8]) -> Vec<&[u8]> {
    let mut starts = vec![0];
    starts.extend(patch.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1));
    let line = |number: usize| -> &[u8] {
        let from = starts.get(number).copied().unwrap_or(patch.len());
        let to = starts.get(number + 1).copied().unwrap_or(patch.len());
        &patch[from..to]
    };
    let mut found = Vec::new();
    let mut number = 0;
    while number < starts.len() {
        let header = line(number).starts_with(b"--- ") && line(number + 1).starts_with(b"+++ ");
        if !header || hunk_lengths(line(number + 2)).is_none() {
            number += 1;
            continue;
        }
        let from = starts[number];
        number += 2;
        while let Some((mut old, mut new)) = hunk_lengths(line(number)) {
            number += 1;
            while old > 0 || new > 0 {
                match line(number).first() {
                    Some(b'-') => old = old.saturating_sub(1),
                    Some(b'+') => new = new.saturating_sub(1),
                    Some(b' ' | b'\n' | b'\r') => {
                        old = old.saturating_sub(1);
                        new = new.saturating_sub(1);
                    }
                    Some(b'\\') => {}
                    // The hunk is cut short, which its parser will say.
                    _ => break,
                }
                number += 1;
            }
            if line(number).starts_with(b"\\ ") {
                number += 1;
            }
        }
        found.push(&patch[from..starts.get(number).copied().unwrap_or(patch.len())]);
    }
    found
}

/// `@@ -1,3 +1,4 @@` → 3 and 4.
fn hunk_lengths(line: &[u8]) -> Option<(usize, usize)> {
    let line = std::str::from_utf8(line.get(..line.len().min(80))?)
        .or_else(|error| std::str::from_utf8(&line[..error.valid_up_to()]));
    let (old, rest) = line.ok()?.strip_prefix("@@ -")?.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let length = |range: &str| range.split_once(',').map_or(Some(1), |(_, length)| length.parse().ok());
    Some((length(old)?, length(new)?))
}

/// The path below the tree; never out of it, and never through a symbolic link.
fn inside(tree: &Utf8Path, path: &str) -> Result<Utf8PathBuf, String> {
    let mut clean = tree.to_owned();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => continue,
            Component::Normal(name) => clean.push(name.to_string_lossy().as_ref()),
            _ => return Err(format!("{path} leads out of the tree")),
        }
        if clean.is_symlink() {
            return Err(format!("{path} leads through a symbolic link"));
        }
    }
    if clean == tree { Err("it names no file".to_owned()) } else { Ok(clean) }
}

fn make_parent(path: &Utf8Path) -> Result<(), String> {
    let Some(above) = path.parent() else { return Ok(()) };
    std::fs::create_dir_all(above).map_err(|error| format!("failed to create {above} ({error})"))
}

fn write(path: &Utf8Path, content: &[u8], modified: u64) -> Result<(), String> {
    make_parent(path)?;
    let failed = |error: std::io::Error| format!("failed to write {path} ({error})");
    let permissions = std::fs::metadata(path).ok().map(|metadata| metadata.permissions());
    match std::fs::remove_file(path) {
        // Not written in place: it may be a hard link to another file of the tree.
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = std::fs::File::create(path).map_err(failed)?;
    std::io::Write::write_all(&mut file, content).map_err(failed)?;
    match permissions {
        Some(permissions) => file.set_permissions(permissions),
        None => file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644)),
    }
    .map_err(failed)?;
    file.set_modified(UNIX_EPOCH + Duration::from_secs(modified)).map_err(failed)
}

fn set_executable(path: &Utf8Path, executable: bool) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if executable { 0o755 } else { 0o644 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .map_err(|error| format!("failed to set the mode of {path} ({error})"))
}

/// What git writes before a file's hunks, as far as `patch` heeds it.
#[derive(Debug, Default, PartialEq, Eq)]
struct GitHeaders {
    renames: Vec<(String, String)>,
    /// Path → whether it becomes executable.
    modes: BTreeMap<String, bool>,
}

impl GitHeaders {
    fn read(patch: &[u8]) -> Self {
        let mut found = Self::default();
        let mut file: Option<String> = None;
        let mut from: Option<String> = None;
        for line in patch.split(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(line);
            if let Some(rest) = line.strip_prefix("diff --git ") {
                file = rest.rsplit_once(" b/").map(|(_, path)| path.to_owned());
                from = None;
            } else if line.starts_with("@@ ") {
                // What follows is content.
                file = None;
            } else if let Some(name) = &file {
                let mode = line.strip_prefix("new file mode ").or_else(|| line.strip_prefix("new mode "));
                if let Some(mode) = mode.filter(|mode| mode.starts_with("100")) {
                    found.modes.insert(name.clone(), mode.trim() == "100755");
                } else if let Some(path) = line.strip_prefix("rename from ") {
                    from = Some(path.to_owned());
                } else if let (Some(path), Some(from)) = (line.strip_prefix("rename to "), from.take()) {
                    found.renames.push((from, path.to_owned()));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Utf8PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
        for (name, content) in files {
            make_parent(&root.join(name)).unwrap();
            std::fs::write(root.join(name), content).unwrap();
        }
        (directory, root)
    }

    fn read(root: &Utf8Path, name: &str) -> String {
        std::fs::read_to_string(root.join(name)).unwrap()
    }

    #[test]
    fn series_files_have_comments_and_options() {
        let series = "# head\nfirst.patch\n\n second.patch -p1\nthird.patch # why\n";
        assert_eq!(patch_names(series), ["first.patch", "second.patch", "third.patch"]);
    }

    #[test]
    fn files_are_changed_made_and_removed() {
        let (_guard, root) =
            tree(&[("src/a.c", "one\ntwo\nthree\n"), ("old.txt", "gone\n"), ("empty.h", "x\n")]);
        let patch = "Description: several\n --- not a header\n\
            Index: pkg-1.0/src/a.c\n===================================================================\n\
            --- pkg-1.0.orig/src/a.c\t2020-01-01 00:00:00.000000000 +0000\n+++ pkg-1.0/src/a.c\t2021-01-01 00:00:00.000000000 +0000\n\
            @@ -1,3 +1,3 @@ function\n one\n-two\n+zwei\n three\n\
            --- /dev/null\n+++ b/new/file.txt\n@@ -0,0 +1,2 @@\n+hello\n+there\n\
            --- a/old.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n\
            --- a/empty.h\t2020-01-01\n+++ b/empty.h\t1970-01-01 00:00:00.000000000 +0000\n@@ -1,1 +0,0 @@\n-x\n";
        apply(&root, patch.as_bytes(), 1_600_000_000).unwrap();
        assert_eq!(read(&root, "src/a.c"), "one\nzwei\nthree\n");
        assert_eq!(read(&root, "new/file.txt"), "hello\nthere\n");
        assert!(!root.join("old.txt").exists() && !root.join("empty.h").exists());
        let time = std::fs::metadata(root.join("src/a.c")).unwrap().modified().unwrap();
        assert_eq!(time, UNIX_EPOCH + Duration::from_secs(1_600_000_000));
    }

    #[test]
    fn hunks_are_found_at_an_offset_and_not_with_fuzz() {
        let (_guard, root) = tree(&[("a", "new\nnew\n1\n2\n3\n4\n5\n")]);
        let patch = "--- a/a\n+++ b/a\n@@ -1,5 +1,5 @@\n 1\n 2\n-3\n+drei\n 4\n 5\n";
        apply(&root, patch.as_bytes(), 0).unwrap();
        assert_eq!(read(&root, "a"), "new\nnew\n1\n2\ndrei\n4\n5\n");
        let other = "--- a/a\n+++ b/a\n@@ -1,3 +1,3 @@\n 1\n 2x\n-drei\n+3\n";
        assert!(apply(&root, other.as_bytes(), 0).unwrap_err().contains("hunk #1"));
    }

    #[test]
    fn bytes_that_are_no_text_and_missing_ends_are_kept() {
        let (_guard, root) = tree(&[]);
        std::fs::write(root.join("l1"), b"caf\xe9\nend").unwrap();
        let patch =
            b"--- a/l1\n+++ b/l1\n@@ -1,2 +1,2 @@\n-caf\xe9\n+th\xe9\n end\n\\ No newline at end of file\n";
        apply(&root, patch, 0).unwrap();
        assert_eq!(std::fs::read(root.join("l1")).unwrap(), b"th\xe9\nend");
    }

    #[test]
    fn headers_of_git_rename_and_set_modes() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_guard, root) = tree(&[("old name.sh", "a\nb\n")]);
        let patch = "From: someone\nSubject: x\n---\n 1 file changed\n\n\
            diff --git a/old name.sh b/new.sh\nsimilarity index 50%\nrename from old name.sh\nrename to new.sh\n\
            index 1..2 100644\n--- a/old name.sh\n+++ b/new.sh\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n\
            diff --git a/run b/run\nnew file mode 100755\nindex 0..1\n--- /dev/null\n+++ b/run\n@@ -0,0 +1 @@\n+#!/bin/sh\n-- \n2.39.0\n";
        apply(&root, patch.as_bytes(), 0).unwrap();
        assert_eq!(read(&root, "new.sh"), "a\nc\n");
        assert!(!root.join("old name.sh").exists());
        assert_eq!(std::fs::metadata(root.join("run")).unwrap().permissions().mode() & 0o777, 0o755);
    }

    #[test]
    fn nothing_is_written_out_of_the_tree() {
        let (_guard, root) = tree(&[]);
        let patch = "--- /dev/null\n+++ b/../evil\n@@ -0,0 +1 @@\n+x\n";
        assert!(apply(&root, patch.as_bytes(), 0).unwrap_err().contains("out of the tree"));
        std::os::unix::fs::symlink("/tmp", root.join("link")).unwrap();
        let patch = "--- /dev/null\n+++ b/link/evil\n@@ -0,0 +1 @@\n+x\n";
        assert!(apply(&root, patch.as_bytes(), 0).unwrap_err().contains("symbolic link"));
    }

    #[test]
    fn a_file_without_a_last_newline_may_be_followed_by_another() {
        let (_guard, root) = tree(&[("a", "x"), ("b", "1\n")]);
        let patch = "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+y\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n-1\n+2\n\
            --- a/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-y\n\\ No newline at end of file\n";
        assert!(apply(&root, patch.as_bytes(), 0).is_err(), "the file has a newline after the first part");
        let (_guard, root) = tree(&[("a", "x"), ("b", "1\n")]);
        let patch = "--- a/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\\ No newline at end of file\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n-1\n+2\n-- \n2.39\n";
        apply(&root, patch.as_bytes(), 0).unwrap();
        assert!(!root.join("a").exists());
        assert_eq!(read(&root, "b"), "2\n");
    }

    #[test]
    fn a_hunk_that_is_cut_short_is_an_error() {
        let (_guard, root) = tree(&[("a", "1\n2\n3\n")]);
        assert!(apply(&root, b"--- a/a\n+++ b/a\n@@ -1,3 +1,3 @@\n 1\n-2\n", 0).is_err());
        assert_eq!(read(&root, "a"), "1\n2\n3\n");
    }

    #[test]
    fn a_patch_without_hunks_changes_nothing() {
        let (_guard, root) = tree(&[("a", "a\n")]);
        apply(&root, b"Description: nothing\n", 0).unwrap();
        apply(&root, b"", 0).unwrap();
        assert_eq!(read(&root, "a"), "a\n");
    }
}
