//! What is installed under a prefix: reading and writing manifests, holding files against them, and uninstalling.
//!
//! A commit first writes a *pending* manifest, which names all that it may leave behind if it is killed; the final
//! one replaces it when every file is in place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::ops::Bound;
use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use model::ComponentName;
use model::layout::Layout;
use model::manifest::{Entry, Manifest};

use crate::files;
use crate::runner::StepError;

pub mod damaged;
mod stored;
mod traces;

use stored::PENDING;
pub(crate) use stored::{Reading, read};
pub use stored::{path, pending_path};
pub use traces::{is_temporary, kept_directory, remove_kept, remove_temporary, temporary};

/// The manifests of all components under a prefix, by name; pending ones do not count.
///
/// # Errors
/// When one cannot be read, or was written by a newer version.
pub fn load_all(prefix: &Utf8Path) -> Result<Vec<Manifest>, StepError> {
    load_directory(prefix, |name| name.ends_with(".json") && !name.starts_with('.'))
}

/// The pending manifests under a prefix: commits that are under way or were killed.
///
/// # Errors
/// When one cannot be read, or was written by a newer version.
pub fn load_all_pending(prefix: &Utf8Path) -> Result<Vec<Manifest>, StepError> {
    load_directory(prefix, |name| name.ends_with(PENDING) && name.starts_with('.'))
}

fn load_directory(prefix: &Utf8Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<Manifest>, StepError> {
    let directory = Layout::manifests(prefix);
    let Some(names) = files::names(&directory)? else { return Ok(Vec::new()) };
    let paths: Vec<Utf8PathBuf> =
        names.iter().filter(|name| wanted(name)).map(|name| directory.join(name)).collect();
    let mut manifests = Vec::with_capacity(paths.len());
    for path in paths {
        manifests.extend(load_file(&path)?);
    }
    Ok(manifests)
}

/// The manifest of one component, if it is installed.
///
/// # Errors
/// When it cannot be read, or was written by a newer version.
pub fn load(prefix: &Utf8Path, component: &ComponentName) -> Result<Option<Manifest>, StepError> {
    load_file(&path(prefix, component))
}

/// The pending manifest of one component, if a commit was killed.
///
/// # Errors
/// When it cannot be read, or was written by a newer version.
pub fn load_pending(prefix: &Utf8Path, component: &ComponentName) -> Result<Option<Manifest>, StepError> {
    load_file(&pending_path(prefix, component))
}

fn load_file(path: &Utf8Path) -> Result<Option<Manifest>, StepError> {
    match read(path)? {
        Reading::Absent => Ok(None),
        Reading::Whole(manifest) => Ok(Some(*manifest)),
        Reading::Damaged(why) => Err(StepError::new(
            format!("the manifest {path} is damaged: {why}"),
            "run `installer build`: it writes the manifest again, or installs the component again",
        )),
    }
}

/// Writes a manifest, atomically.
///
/// # Errors
/// An error of the operating system, with what to do about it.
pub fn write(manifest: &Manifest) -> Result<(), StepError> {
    write_to(&path(&manifest.prefix, &manifest.component), manifest)
}

/// Writes a pending manifest, atomically.
///
/// # Errors
/// An error of the operating system, with what to do about it.
pub fn write_pending(manifest: &Manifest) -> Result<(), StepError> {
    write_to(&pending_path(&manifest.prefix, &manifest.component), manifest)
}

fn write_to(path: &Utf8Path, manifest: &Manifest) -> Result<(), StepError> {
    let mut bytes = serde_json::to_vec_pretty(manifest)
        .map_err(|error| StepError::new(format!("failed to encode {path}: {error}"), "report this defect"))?;
    bytes.push(b'\n');
    files::atomic_write_at("manifest-write", path, &bytes)
}

/// One installed file that is not as it was installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its absolute path.
    pub path: Utf8PathBuf,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong with an installed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// It is not there.
    Missing,
    /// Its content changed, or something else stands in its place.
    Changed,
    /// Its permission bits changed.
    Mode {
        /// What was installed.
        expected: u32,
        /// What is there.
        found: u32,
    },
    /// The link points elsewhere.
    Link {
        /// What was installed.
        expected: String,
        /// What is there.
        found: String,
    },
    /// It cannot be read.
    Unreadable(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.kind {
            ProblemKind::Missing => write!(formatter, "{path} is missing"),
            ProblemKind::Changed => write!(formatter, "{path} has changed"),
            ProblemKind::Mode { expected, found } => {
                write!(formatter, "{path} has mode {found:04o} instead of {expected:04o}")
            }
            ProblemKind::Link { expected, found } => {
                write!(formatter, "{path} points at {found} instead of {expected}")
            }
            ProblemKind::Unreadable(why) => write!(formatter, "failed to read {path}: {why}"),
        }
    }
}

/// Holds every file against its hash, mode or link target.
pub fn verify_files(manifest: &Manifest) -> Vec<Problem> {
    manifest
        .files
        .iter()
        .filter_map(|(path, entry)| {
            let path = manifest.prefix.join(path);
            let kind = problem(&path, entry)?;
            Some(Problem { path, kind })
        })
        .collect()
}

/// What is wrong with one file; none when it is as its entry says.
pub fn problem(path: &Utf8Path, entry: &Entry) -> Option<ProblemKind> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if absent(&error) => return Some(ProblemKind::Missing),
        Err(error) => return Some(ProblemKind::Unreadable(error.to_string())),
    };
    match entry {
        Entry::Link { target } => {
            if !metadata.is_symlink() {
                return Some(ProblemKind::Changed);
            }
            match path.read_link_utf8() {
                Ok(found) if found == *target => None,
                Ok(found) => Some(ProblemKind::Link { expected: target.clone(), found: found.into_string() }),
                Err(error) => Some(ProblemKind::Unreadable(error.to_string())),
            }
        }
        Entry::File { sha256, size, mode } => {
            if !metadata.is_file() || metadata.len() != *size {
                return Some(ProblemKind::Changed);
            }
            match files::sha256_file(path) {
                Ok((found, _)) if found != *sha256 => return Some(ProblemKind::Changed),
                Ok(_) => {}
                Err(error) => return Some(ProblemKind::Unreadable(error.to_string())),
            }
            let found = metadata.permissions().mode() & 0o7777;
            (found != *mode).then_some(ProblemKind::Mode { expected: *mode, found })
        }
    }
}

/// Whether an error says that nothing is there: also when a directory above it is a file now.
fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A quick look whether every file is there with its size and mode, and every link with its target: the first that is
/// not.
pub fn present(manifest: &Manifest) -> Option<Problem> {
    manifest.files.iter().find_map(|(path, entry)| {
        let path = manifest.prefix.join(path);
        let kind = match (fs::symlink_metadata(&path), entry) {
            (Err(error), _) if absent(&error) => ProblemKind::Missing,
            (Err(error), _) => ProblemKind::Unreadable(error.to_string()),
            (Ok(metadata), Entry::Link { target }) if metadata.is_symlink() => match path.read_link_utf8() {
                Ok(found) if found == *target => return None,
                Ok(found) => ProblemKind::Link { expected: target.clone(), found: found.into_string() },
                Err(error) => ProblemKind::Unreadable(error.to_string()),
            },
            (Ok(metadata), Entry::File { size, mode, .. })
                if metadata.is_file() && metadata.len() == *size =>
            {
                let found = metadata.permissions().mode() & 0o7777;
                if found == *mode {
                    return None;
                }
                ProblemKind::Mode { expected: *mode, found }
            }
            (Ok(_), _) => ProblemKind::Changed,
        };
        Some(Problem { path, kind })
    })
}

/// What an uninstallation did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Files and links that were removed.
    pub files: u64,
    /// Files that were changed since they were installed, and stay; nobody owns them now.
    pub kept_modified: Vec<Utf8PathBuf>,
}

/// Removes exactly the files of a component, then its manifest, then directories that became empty. What was changed
/// since it was installed stays, unless `force`. What a killed commit left is removed too.
///
/// # Errors
/// When the component is not installed under this prefix, or a file cannot be removed.
pub fn uninstall(prefix: &Utf8Path, component: &ComponentName, force: bool) -> Result<Removed, StepError> {
    let manifests: Vec<Manifest> =
        [load(prefix, component)?, load_pending(prefix, component)?].into_iter().flatten().collect();
    if manifests.is_empty() {
        return Err(StepError::new(
            format!(
                "{component} is not installed under {prefix}: {} does not exist",
                path(prefix, component)
            ),
            "name the prefix that it was installed under with --prefix",
        ));
    }
    let mut entries: BTreeMap<&Utf8Path, Vec<&Entry>> = BTreeMap::new();
    for (path, entry) in manifests.iter().flat_map(|manifest| &manifest.files) {
        entries.entry(path).or_default().push(entry);
    }
    let mut removed = Removed::default();
    for (relative, known) in &entries {
        let path = prefix.join(relative);
        // Of a file whose copy was killed.
        remove_temporary(&path)?;
        // One version has a file where the other has a directory.
        let mut behind = entries.range::<Utf8Path, _>((Bound::Excluded(*relative), Bound::Unbounded));
        let holds_others = behind.next().is_some_and(|(path, _)| path.starts_with(relative));
        if holds_others && path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            continue;
        }
        match remove_known(&path, known, force)? {
            Removal::Removed => removed.files += 1,
            Removal::Absent => {}
            Removal::Modified => removed.kept_modified.push(prefix.join(relative)),
        }
    }
    remove_kept(prefix, component)?;
    damaged::forget(prefix, component)?;
    files::remove_tree(&pending_path(prefix, component))?;
    files::remove_tree(&path(prefix, component))?;
    let mut paths: Vec<&Utf8Path> = entries.keys().copied().collect();
    let own = Utf8Path::new("share/installer/manifest");
    paths.push(own);
    let roots = manifests.iter().flat_map(|manifest| manifest.roots.clone()).collect::<Vec<_>>();
    remove_empty_directories(prefix, &roots, paths)?;
    Ok(removed)
}

/// What became of one file that was to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It was removed.
    Removed,
    /// It was not there.
    Absent,
    /// It was changed, and stays.
    Modified,
}

/// Whether what is at a path is as one of these entries says. Another mode alone makes no difference.
pub fn is_known<'a>(path: &Utf8Path, mut known: impl Iterator<Item = &'a Entry>) -> bool {
    known.any(|entry| matches!(problem(path, entry), None | Some(ProblemKind::Mode { .. })))
}

/// Removes a file if it is as one of these entries says, or in any case with `force`. A mode alone is no reason to
/// keep it; a directory in its place always is.
///
/// # Errors
/// When it cannot be removed.
pub fn remove_known(path: &Utf8Path, known: &[&Entry], force: bool) -> Result<Removal, StepError> {
    match fs::symlink_metadata(path) {
        Err(error) if absent(&error) => return Ok(Removal::Absent),
        Err(error) => return Err(StepError::io("inspect", path, &error)),
        Ok(metadata) if metadata.is_dir() => return Ok(Removal::Modified),
        Ok(_) => {}
    }
    if !force && !is_known(path, known.iter().copied()) {
        return Ok(Removal::Modified);
    }
    fs::remove_file(path).map_err(|error| StepError::io("remove", path, &error))?;
    Ok(Removal::Removed)
}

/// Removes the directories above these paths (relative to the prefix, or absolute below one of the roots) that are empty,
/// never the prefix itself or a root, nor what stands directly in `/usr/local`: those directories are the system's
/// (Filesystem Hierarchy Standard 3.0, section 4.9).
///
/// # Errors
/// When an empty one cannot be removed.
pub fn remove_empty_directories<'a>(
    prefix: &Utf8Path,
    roots: &[Utf8PathBuf],
    paths: impl IntoIterator<Item = &'a Utf8Path>,
) -> Result<(), StepError> {
    let ours = |directory: &&Utf8Path| {
        let below = |root: &Utf8PathBuf| directory.starts_with(root) && *directory != root;
        let of_system = prefix == "/usr/local" && directory.components().count() == 1;
        let inside = !directory.is_absolute() || roots.iter().any(below);
        !directory.as_str().is_empty() && !of_system && inside
    };
    let directories: BTreeSet<&Utf8Path> =
        paths.into_iter().flat_map(|path| path.ancestors().skip(1)).filter(ours).collect();
    // Sorted, a directory comes before what is in it.
    for directory in directories.into_iter().rev() {
        let path = prefix.join(directory);
        // A link to a directory is not ours to remove: rmdir(2) refuses it with ENOTDIR.
        match fs::remove_dir(&path) {
            Ok(()) => {}
            Err(error)
                if absent(&error)
                    || matches!(
                        error.kind(),
                        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
                    ) => {}
            Err(error) => return Err(StepError::io("remove", &path, &error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
