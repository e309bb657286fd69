//! Archives: tar (plain, gzip, xz, bzip2, zstd) and zip, told apart by their first bytes, unpacked without any program.
//!
//! Nothing is ever written outside the tree: an entry whose path leads out of it, or through a symbolic link, is an
//! error; a link that points out of it is left out with a warning.

mod pack;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use engine::fault;
use engine::runner::{Context, StepError};
use engine::source_files::shown;
use engine::times::{self, NotLater};

pub use pack::{metadata_stamp, pack};
use read::{Entry, Kind, damaged};

/// Endings of archives, longest first.
pub(crate) const ENDINGS: &[&str] = &[
    ".orig.tar.gz",
    ".orig.tar.xz",
    ".tar.bz2",
    ".tar.zst",
    ".tar.gz",
    ".tar.xz",
    ".crate",
    ".tbz2",
    ".tar",
    ".tgz",
    ".txz",
    ".zip",
];

/// Whether a file of this name is an archive.
pub(crate) fn is_archive(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// What was unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Regular files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The youngest of their times, in seconds since 1970.
    pub newest: u64,
}

/// Unpacks an archive below the directory `into`, which is made, with all paths as they stand in the archive.
///
/// # Errors
/// When the archive cannot be read or is damaged, when an entry leads out of the tree, when something cannot be written,
/// when the run is being cancelled.
pub fn unpack(archive: &Utf8Path, into: &Utf8Path, context: &dyn Context) -> Result<Unpacked, StepError> {
    std::fs::create_dir_all(into).map_err(|error| StepError::io("create directory", into, &error))?;
    let mut tree = Tree {
        archive,
        root: into,
        links: BTreeSet::new(),
        directories: Vec::new(),
        later: Vec::new(),
        now: SystemTime::now(),
        done: Unpacked::default(),
        context,
    };
    read::visit(archive, &mut |entry| tree.put(entry))?;
    tree.finish()
}

/// The one directory at the top of a tree, if there is nothing else there; else the tree itself.
///
/// # Errors
/// When the tree cannot be read.
pub fn single_directory(tree: &Utf8Path) -> Result<Utf8PathBuf, StepError> {
    let failed = |error: io::Error| StepError::io("read", tree, &error);
    let mut entries = std::fs::read_dir(tree).map_err(failed)?;
    let (Some(first), None) = (entries.next(), entries.next()) else { return Ok(tree.to_owned()) };
    let first = first.map_err(failed)?;
    if !first.file_type().map_err(failed)?.is_dir() {
        return Ok(tree.to_owned());
    }
    Utf8PathBuf::from_path_buf(first.path()).or_else(|path| {
        // Whatever it is called, it becomes a tree of another name.
        let named = tree.join("top");
        std::fs::rename(path, &named).map_err(failed)?;
        Ok(named)
    })
}

/// The regular files whose path `wanted` says yes to, with their content; paths are without the single directory at the
/// top, if there is one.
///
/// # Errors
/// When the archive cannot be read, or the run is being cancelled.
pub fn read_files(
    archive: &Utf8Path,
    wanted: &dyn Fn(&Utf8Path) -> bool,
    context: &dyn Context,
) -> Result<Vec<(Utf8PathBuf, Vec<u8>)>, StepError> {
    let mut tops: BTreeSet<PathBuf> = BTreeSet::new();
    let mut found: Vec<(Utf8PathBuf, Vec<u8>)> = Vec::new();
    read::visit(archive, &mut |entry| {
        if context.cancelled() {
            return Err(StepError::Cancelled);
        }
        let path = inside(archive, &entry.path)?;
        let Some(top) = path.components().next() else { return Ok(()) };
        // A file at the top counts as itself and as something beside any directory.
        let alone = path.components().count() == 1 && !matches!(entry.kind, Kind::Directory);
        tops.insert(if alone { Path::new("/").join(&path) } else { PathBuf::from(top.as_os_str()) });
        let path = Utf8PathBuf::from(shown(&path).into_owned());
        if let Kind::File(content) = entry.kind {
            if wanted(&path) {
                let mut bytes = Vec::new();
                content.read_to_end(&mut bytes).map_err(|error| damaged(archive, &error))?;
                found.push((path, bytes));
            }
        }
        Ok(())
    })?;
    let single = tops.len() == 1 && tops.iter().all(|top| top.is_relative());
    if single {
        for (path, _) in &mut found {
            *path = path.components().skip(1).collect();
        }
    }
    Ok(found)
}

struct Tree<'a> {
    archive: &'a Utf8Path,
    root: &'a Utf8Path,
    /// Symbolic links that were made: nothing is written through them.
    links: BTreeSet<PathBuf>,
    /// Modes of directories, set when nothing more is written below them.
    directories: Vec<(PathBuf, u32)>,
    /// Files from the future, by the clock of whoever packed them.
    later: Vec<(PathBuf, SystemTime)>,
    now: SystemTime,
    done: Unpacked,
    context: &'a dyn Context,
}

impl Tree<'_> {
    fn put(&mut self, entry: Entry<'_>) -> Result<(), StepError> {
        if self.context.cancelled() {
            return Err(StepError::Cancelled);
        }
        let path = inside(self.archive, &entry.path)?;
        if path.as_os_str().is_empty() {
            return Ok(());
        }
        if path.ancestors().skip(1).any(|above| self.links.contains(above)) {
            return Err(refused(self.archive, &path, "leads through a symbolic link of the archive"));
        }
        let target = self.root.as_std_path().join(&path);
        let failed = |error: io::Error| StepError::io("unpack to", shown(&target), &error);
        if let Some(above) = target.parent() {
            std::fs::create_dir_all(above).map_err(failed)?;
        }
        if !matches!(entry.kind, Kind::Directory) {
            match std::fs::remove_file(&target) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
            self.links.remove(&path);
        }
        match entry.kind {
            Kind::Directory => {
                if self.links.contains(&path) {
                    return Err(refused(self.archive, &path, "is a symbolic link and a directory at once"));
                }
                std::fs::create_dir_all(&target).map_err(failed)?;
                self.directories.push((target.clone(), entry.mode));
            }
            Kind::File(content) => {
                fault::check("unpack-write").map_err(failed)?;
                let mut file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&target)
                    .map_err(failed)?;
                let size = copy(content, &mut file).map_err(|error| match error {
                    CopyError::Read(error) => damaged(self.archive, &error),
                    CopyError::Write(error) => StepError::io("write", shown(&target), &error),
                })?;
                // As with the usual umask, whatever this one is, and without set-user-id bits: the tree is the same for
                // everyone.
                file.set_permissions(Permissions::from_mode(entry.mode & 0o755 | 0o600)).map_err(failed)?;
                let modified = time(entry.modified);
                file.set_modified(modified).map_err(failed)?;
                if modified > self.now {
                    self.later.push((target, modified));
                }
                self.done.files += 1;
                self.done.bytes += size;
                self.done.newest = self.done.newest.max(entry.modified.min(seconds(self.now)));
            }
            Kind::Symlink(to) => {
                if escapes(path.parent().unwrap_or(Path::new("")), &to) {
                    self.context.warn(&format!(
                        "{}: skipped the symbolic link {} to {}, which points out of the tree",
                        self.archive,
                        shown(&path),
                        shown(&to)
                    ));
                    return Ok(());
                }
                symlink(&to, &target).map_err(failed)?;
                self.links.insert(path);
            }
            Kind::HardLink(to) => {
                let to = inside(self.archive, &to)?;
                if to.ancestors().any(|above| self.links.contains(above)) {
                    return Err(refused(self.archive, &path, "is a hard link to or through a symbolic link"));
                }
                std::fs::hard_link(self.root.as_std_path().join(to), &target).map_err(failed)?;
            }
            Kind::Pipe => {
                self.context.warn(&format!("{}: left out {}, a named pipe", self.archive, shown(&path)));
            }
            Kind::Other(kind) => {
                return Err(refused(self.archive, &path, &format!("is a {kind}, which no source has")));
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Unpacked, StepError> {
        let times = NotLater::of(self.later.iter().map(|(_, time)| *time));
        for (path, time) in &self.later {
            match times::set(path, times.time(*time)) {
                // A later entry of the archive took its place.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => done.map_err(|error| StepError::io("set the time of", shown(path), &error))?,
            }
        }
        for (directory, mode) in &self.directories {
            std::fs::set_permissions(directory, Permissions::from_mode(mode & 0o755 | 0o700))
                .map_err(|error| StepError::io("set the mode of", shown(directory), &error))?;
        }
        Ok(self.done)
    }
}

enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

fn copy(from: &mut dyn io::Read, to: &mut File) -> Result<u64, CopyError> {
    let mut buffer = [0; 64 * 1024];
    let mut size = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(size),
            Ok(length) => {
                io::Write::write_all(to, &buffer[..length]).map_err(CopyError::Write)?;
                size += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(CopyError::Read(error)),
        }
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The path below the tree: without `./` and a slash at its end.
fn inside(archive: &Utf8Path, path: &Path) -> Result<PathBuf, StepError> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(refused(archive, path, "leads out of the tree"));
            }
        }
    }
    Ok(clean)
}

/// Whether a link at `directory` (relative to the tree) points out of the tree.
fn escapes(directory: &Path, to: &Path) -> bool {
    let mut depth = directory.components().count();
    for component in to.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return true,
        }
    }
    false
}

fn refused(archive: &Utf8Path, path: &Path, why: &str) -> StepError {
    StepError::new(
        format!("failed to unpack {archive}: its entry {} {why}", shown(path)),
        "use the archive from another address, or unpack it by hand and use a `path` source",
    )
}
