//! Digests of inputs: over content, with sizes and times only to save reading a file again.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use model::Digest;
use model::plan::Input;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::files;
use crate::runner::StepError;
use crate::source_files::{self, Counting, Unreadable, shown};

/// A file that changed within this time before it was read may change again without showing it.
const YOUNG_NS: i128 = 2_000_000_000;

/// The digests that were worked out, and the caches behind them.
pub struct Trees {
    directory: Utf8PathBuf,
    pending: Mutex<BTreeMap<Utf8PathBuf, Remembered>>,
}

/// What is remembered of one tree or file, in two files: the summary is enough when nothing changed.
struct Remembered {
    summary: Summary,
    details: Details,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Summary {
    /// Over names, sizes, times, inodes and modes.
    listing: Digest,
    /// Over names, modes, link targets and content.
    content: Digest,
    /// Nothing was too young when it was read.
    settled: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Details {
    /// Path → stamp, content.
    files: BTreeMap<String, (Stamp, Digest)>,
    /// What was too young to be trusted by its stamp: only to tell later which file changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    young: BTreeMap<String, Digest>,
}

impl Details {
    fn digests(&self) -> BTreeMap<&String, &Digest> {
        let settled = self.files.iter().map(|(name, (_, digest))| (name, digest));
        settled.chain(&self.young).collect()
    }
}

/// Size, mtime and ctime in nanoseconds, inode.
type Stamp = (u64, i128, i128, u64);

struct Entry {
    /// Relative to the tree; empty for a single file.
    path: PathBuf,
    kind: Kind,
    stamp: Stamp,
}

enum Kind {
    File { executable: bool },
    Link { target: PathBuf },
    Directory,
}

impl Trees {
    /// Caches lie in `<state>/trees/`.
    pub fn new(state: &Utf8Path) -> Self {
        Self { directory: state.join("trees"), pending: Mutex::default() }
    }

    /// The digest of an input; none when there is nothing at its path.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn digest(&self, input: &Input) -> Result<Option<Digest>, StepError> {
        let (path, exclude, keep): (&Utf8Path, &[String], &[String]) = match input {
            Input::File { path } | Input::MaybeFile { path } | Input::Requirements { path, .. } => {
                (path, &[], &[])
            }
            Input::Tree { path, exclude, keep } => (path, exclude, keep),
        };
        let entries = match list(path, Counting::of_users(keep).without(exclude)) {
            Ok(entries) => entries,
            Err(unreadable) if unreadable.error.kind() == io::ErrorKind::NotFound => {
                let may_lack =
                    matches!(input, Input::MaybeFile { .. } | Input::Requirements { optional: true, .. });
                return Ok(may_lack.then(|| Digest::of("nothing is there")));
            }
            Err(unreadable) => return Err(unreadable.into()),
        };
        let mut hasher = sha2::Sha256::new();
        for entry in &entries {
            hasher.update(entry.path.as_os_str().as_bytes());
            let (size, modified, changed, inode) = entry.stamp;
            hasher.update([0, entry.kind.letter()]);
            // A directory's size and times change with files that may be excluded.
            if !matches!(entry.kind, Kind::Directory) {
                hasher.update(size.to_le_bytes());
                hasher.update(modified.to_le_bytes());
                hasher.update(changed.to_le_bytes());
                hasher.update(inode.to_le_bytes());
            }
        }
        let listing = Digest::from_sha256(&hasher.finalize());
        let place = self.place(path, exclude, keep);
        let known: Option<Summary> = files::read_cache(&place.with_extension("summary"));
        if let Some(known) = known.filter(|known| known.settled && known.listing == listing) {
            return Ok(Some(known.content));
        }
        Ok(self.read_again(path, &place, listing, &entries).map(Some)?)
    }

    fn read_again(
        &self,
        root: &Utf8Path,
        place: &Utf8Path,
        listing: Digest,
        entries: &[Entry],
    ) -> Result<Digest, Unreadable> {
        let now = now_ns();
        let earlier: Details = files::read_cache(&place.with_extension("details")).unwrap_or_default();
        let mut details = Details::default();
        let mut settled = true;
        let mut hasher = sha2::Sha256::new();
        for entry in entries {
            hasher.update(entry.path.as_os_str().as_bytes());
            hasher.update([0, entry.kind.letter()]);
            match &entry.kind {
                Kind::Directory => {}
                Kind::Link { target } => hasher.update(target.as_os_str().as_bytes()),
                Kind::File { executable } => {
                    let young = entry.stamp.1.max(entry.stamp.2) > now - YOUNG_NS;
                    settled &= !young;
                    let name = shown(&entry.path);
                    let known = earlier.files.get(&*name).filter(|(stamp, _)| *stamp == entry.stamp);
                    let digest = match known {
                        Some((_, digest)) => digest.clone(),
                        None => {
                            let path = match entry.path.as_os_str().is_empty() {
                                true => root.as_std_path().to_owned(),
                                false => root.as_std_path().join(&entry.path),
                            };
                            files::sha256_of(&path).map_err(Unreadable::at(&path))?.0
                        }
                    };
                    hasher.update([u8::from(*executable)]);
                    hasher.update(digest.as_str().as_bytes());
                    if young {
                        details.young.insert(name.into_owned(), digest);
                    } else {
                        details.files.insert(name.into_owned(), (entry.stamp, digest));
                    }
                }
            }
            hasher.update([0xff]);
        }
        let content = Digest::from_sha256(&hasher.finalize());
        let summary = Summary { listing, content: content.clone(), settled };
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.insert(place.to_owned(), Remembered { summary, details });
        Ok(content)
    }

    /// Files of a tree, whose digest was asked before, that are not what they were when it had this one (its short
    /// form). None where that is not known any more.
    pub fn changed(&self, input: &Input, before: &str) -> Vec<String> {
        let Input::Tree { path, exclude, keep } = input else { return Vec::new() };
        let place = self.place(path, exclude, keep);
        let summary: Option<Summary> = files::read_cache(&place.with_extension("summary"));
        if summary.is_none_or(|summary| summary.content.short() != before) {
            return Vec::new();
        }
        let earlier: Details = files::read_cache(&place.with_extension("details")).unwrap_or_default();
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(now) = pending.get(&place) else { return Vec::new() };
        let (earlier, now) = (earlier.digests(), now.details.digests());
        let names: std::collections::BTreeSet<&String> = earlier.keys().chain(now.keys()).copied().collect();
        names.into_iter().filter(|name| earlier.get(name) != now.get(name)).cloned().collect()
    }

    /// Writes what was learned.
    ///
    /// # Errors
    /// When the state directory cannot be written.
    pub fn persist(&self) -> Result<(), StepError> {
        let pending = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        for (place, remembered) in pending {
            files::write_cache(&place.with_extension("details"), &remembered.details)?;
            files::write_cache(&place.with_extension("summary"), &remembered.summary)?;
        }
        Ok(())
    }

    fn place(&self, path: &Utf8Path, exclude: &[String], keep: &[String]) -> Utf8PathBuf {
        let kept: String = keep.iter().map(|kept| format!("\0\0{kept}")).collect();
        let key = Digest::of(format!("{path}\0{}{kept}", exclude.join("\0")));
        self.directory.join(key.short())
    }
}

impl Kind {
    fn file(metadata: &fs::Metadata) -> Self {
        Self::File { executable: metadata.mode() & 0o111 != 0 }
    }

    fn letter(&self) -> u8 {
        match self {
            Self::File { executable: false } => b'f',
            Self::File { executable: true } => b'x',
            Self::Link { .. } => b'l',
            Self::Directory => b'd',
        }
    }
}

/// All entries below a directory that count, sorted by path; or the file itself.
fn list(root: &Utf8Path, counting: Counting<'_>) -> Result<Vec<Entry>, Unreadable> {
    let root = root.as_std_path();
    let metadata = fs::metadata(root).map_err(Unreadable::at(root))?;
    if !metadata.is_dir() {
        return Ok(vec![Entry {
            path: PathBuf::new(),
            kind: Kind::file(&metadata),
            stamp: stamp(&metadata),
        }]);
    }
    let listed = source_files::list(root, counting)?.entries;
    listed.into_iter().map(|source_files::Entry { path, metadata }| entry(root, path, &metadata)).collect()
}

fn entry(root: &Path, path: PathBuf, metadata: &fs::Metadata) -> Result<Entry, Unreadable> {
    let kind = if metadata.is_dir() {
        Kind::Directory
    } else if metadata.is_symlink() {
        let link = root.join(&path);
        Kind::Link { target: fs::read_link(&link).map_err(Unreadable::at(&link))? }
    } else {
        Kind::file(metadata)
    };
    Ok(Entry { path, kind, stamp: stamp(metadata) })
}

fn stamp(metadata: &fs::Metadata) -> Stamp {
    let ns = |seconds: i64, nanoseconds: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    (
        metadata.size(),
        ns(metadata.mtime(), metadata.mtime_nsec()),
        ns(metadata.ctime(), metadata.ctime_nsec()),
        metadata.ino(),
    )
}

fn now_ns() -> i128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i128::try_from(since.as_nanos()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(path: &Utf8Path) {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - std::time::Duration::from_secs(3600)).unwrap();
    }

    #[test]
    fn content_counts_and_times_do_not() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let source = root.join("src");
        fs::create_dir_all(source.join("a")).unwrap();
        fs::write(source.join("a/one.c"), "int x;").unwrap();
        fs::create_dir(source.join(".git")).unwrap();
        let input = Input::Tree { path: source.clone(), exclude: vec!["skip".to_owned()], keep: Vec::new() };
        let trees = Trees::new(&root.join("state"));
        let first = trees.digest(&input).unwrap().unwrap();
        age(&source.join("a/one.c"));
        fs::write(source.join(".git/HEAD"), "x").unwrap();
        fs::write(source.join("a/skip"), "x").unwrap();
        assert_eq!(trees.digest(&input).unwrap().unwrap(), first, "only times and excluded files changed");
        fs::write(source.join("a/one.c"), "int y;").unwrap();
        assert_ne!(trees.digest(&input).unwrap().unwrap(), first, "the same size, another content");
    }

    #[test]
    fn the_files_that_changed_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let source = root.join("src");
        fs::create_dir(&source).unwrap();
        for name in ["kept.c", "gone.c", "edited.c"] {
            fs::write(source.join(name), name).unwrap();
        }
        age(&source.join("kept.c"));
        let input = Input::Tree { path: source.clone(), exclude: Vec::new(), keep: Vec::new() };
        let trees = Trees::new(&root.join("state"));
        let before = trees.digest(&input).unwrap().unwrap();
        trees.persist().unwrap();
        fs::remove_file(source.join("gone.c")).unwrap();
        fs::write(source.join("edited.c"), "other").unwrap();
        fs::write(source.join("new.c"), "new").unwrap();
        trees.digest(&input).unwrap();
        assert_eq!(trees.changed(&input, before.short()), ["edited.c", "gone.c", "new.c"]);
        assert!(trees.changed(&input, "another").is_empty(), "the records speak of another state");
    }

    #[test]
    fn a_young_entry_is_read_again_although_its_stamp_is_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let file = root.join("file");
        fs::write(&file, "one").unwrap();
        let trees = Trees::new(&root.join("state"));
        let input = Input::File { path: file.clone() };
        let before = trees.digest(&input).unwrap().unwrap();
        trees.persist().unwrap();
        let summary: Summary =
            files::read_cache(&trees.place(&file, &[], &[]).with_extension("summary")).unwrap();
        assert!(!summary.settled, "a file written just now must not be trusted by its times");
        // A filesystem with coarse times would give the second content the first one's stamp; a summary with the stamp of
        // now and the content of before stands for that.
        fs::write(&file, "two").unwrap();
        let after = trees.digest(&input).unwrap().unwrap();
        assert_ne!(after, before);
        trees.persist().unwrap();
        let place = trees.place(&file, &[], &[]).with_extension("summary");
        let mut stale: Summary = files::read_cache(&place).unwrap();
        stale.content = before.clone();
        files::write_cache(&place, &stale).unwrap();
        let again = Trees::new(&root.join("state"));
        assert_eq!(again.digest(&input).unwrap().unwrap(), after, "the stamp alone was trusted");
    }

    #[test]
    fn modes_links_and_absence_count() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let trees = Trees::new(&root.join("state"));
        let source = root.join("src");
        let input = Input::Tree { path: source.clone(), exclude: Vec::new(), keep: Vec::new() };
        assert_eq!(trees.digest(&input).unwrap(), None);
        fs::create_dir(&source).unwrap();
        fs::write(source.join("tool"), "x").unwrap();
        let plain = trees.digest(&input).unwrap();
        fs::set_permissions(source.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
        let executable = trees.digest(&input).unwrap();
        assert_ne!(plain, executable);
        std::os::unix::fs::symlink("nowhere", source.join("link")).unwrap();
        let linked = trees.digest(&input).unwrap();
        assert_ne!(executable, linked);
        fs::remove_file(source.join("link")).unwrap();
        std::os::unix::fs::symlink("elsewhere", source.join("link")).unwrap();
        assert_ne!(trees.digest(&input).unwrap(), linked);
    }
}
