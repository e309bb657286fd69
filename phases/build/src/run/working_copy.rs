//! A writable copy of a source, brought in line by content, so that an incremental build recompiles only what changed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use engine::source_files::{self, Counting, Listing, Unreadable, named, shown};
use engine::times::{self, NotLater};
use engine::{files, lfs};
use model::plan::WorkingCopy;
use serde::{Deserialize, Serialize};

const TEMPORARY: &str = ".installer-tmp-copy";

/// Brings the copy in line with the source, which is only read.
///
/// Times: a file with the same content keeps its own; in a new copy all get the source's; later what changed or came
/// anew gets the moment of this call, so that make and ninja see it as newer than their objects although the source may
/// be older, and none of it as newer than another file (which would make autotools regenerate). [`times`] says what holds
/// besides.
///
/// What a build itself wrote into the copy stays: only files that were copied earlier and left the source are removed.
pub(super) fn sync(action: &WorkingCopy, context: &dyn Context) -> Result<(), StepError> {
    if !action.from.is_dir() {
        return Err(StepError::new(
            format!("the source tree {} does not exist", action.from),
            "run `installer deps`, or mount the source there",
        ));
    }
    let listed = list(action, context)?;
    let record = record(&action.into);
    let earlier: Option<BTreeSet<Recorded>> = files::read_cache(&record);
    if earlier.is_none() || !action.into.exists() {
        // Nobody knows what of it was copied and what was built.
        files::remove_tree(&action.into)?;
    }
    let new = !action.into.exists();
    files::create_dir_all(&action.into)?;
    let earlier = earlier.unwrap_or_default();
    let present: BTreeSet<Recorded> = listed
        .entries
        .iter()
        .filter(|entry| !entry.metadata.is_dir())
        .map(|entry| Recorded::of(&entry.path))
        .collect();
    // A copy that is killed half-way has files of both.
    if !action.lfs_pointers {
        refuse_pointers(&action.from, &listed)?;
    }
    files::write_cache(&record, &earlier.union(&present).collect::<BTreeSet<_>>())?;
    super::copied::remember(&action.into, &action.from)?;
    let times = NotLater::of(listed.entries.iter().filter_map(|entry| entry.metadata.modified().ok()));
    let mut copy = Copy { action, new, times, copied: 0 };
    for entry in &listed.entries {
        if context.cancelled() {
            return Err(StepError::Cancelled);
        }
        copy.entry(&entry.path, &entry.metadata)?;
    }
    let removed = remove(action, earlier.difference(&present))?;
    files::write_cache(&record, &present)?;
    settle_generated(action, &listed, new, context)?;
    context.figure("copied", copy.copied);
    if removed > 0 {
        context.figure("removed", removed);
    }
    Ok(())
}

/// What of the source is copied. Says what is not.
fn list(action: &WorkingCopy, context: &dyn Context) -> Result<Listing, StepError> {
    // What was fetched is as its authors published it.
    let fetched = action.from.starts_with(&context.layout().cache);
    let counting = if fetched { Counting::all() } else { Counting::of_users(&action.keep) };
    let listed = source_files::list(action.from.as_std_path(), counting)?;
    if !listed.special.is_empty() {
        context.warn(&format!(
            "{}: left out what is neither file nor directory nor link: {}",
            action.from,
            named(listed.special.iter().map(PathBuf::as_path))
        ));
    }
    super::left_out::tell(&action.from, &listed.products, context)?;
    Ok(listed)
}

/// Removes what was copied earlier and left the source; gives the number of files.
fn remove<'a>(
    action: &WorkingCopy,
    gone: impl Iterator<Item = &'a Recorded> + Clone,
) -> Result<u64, StepError> {
    let mut removed = 0;
    for gone in gone.clone() {
        let path = action.into.as_std_path().join(gone.path());
        if fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_dir()) {
            files::remove(&path)?;
            removed += 1;
        }
    }
    for gone in gone {
        for directory in gone.path().ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
            // What is not empty stays, and with it all above.
            if fs::remove_dir(action.into.as_std_path().join(directory)).is_err() {
                break;
            }
        }
    }
    Ok(removed)
}

/// Has what autotools made not look older than what it was made from.
fn settle_generated(
    action: &WorkingCopy,
    listed: &Listing,
    new: bool,
    context: &dyn Context,
) -> Result<(), StepError> {
    let files = listed.entries.iter().map(|entry| entry.path.as_path());
    let raised = times::settle_generated(action.into.as_std_path(), files)
        .map_err(|error| StepError::io("set times in", &action.into, &error))?;
    if !new && !raised.is_empty() {
        context.note(&format!(
            "{} did not change with what autotools made it from and is used as it is, unless the component says \
             `autoreconf = true`",
            named(raised.iter().map(PathBuf::as_path))
        ));
    }
    Ok(())
}

/// Pointers of Git LFS would be compiled and installed as if they were the files that they stand for.
fn refuse_pointers(from: &Utf8Path, listed: &Listing) -> Result<(), StepError> {
    let mut found = Vec::new();
    for entry in listed.entries.iter().filter(|entry| entry.metadata.is_file()) {
        // A pointer is a name that git made, in UTF-8.
        let Some(path) = Utf8Path::from_path(&entry.path) else { continue };
        found.extend(lfs::pointer(from, path)?);
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(lfs::refused(from, &found, format!("run `git -C {from} lfs pull`, which downloads them")))
}

/// Lists the files that were copied, beside the copy.
fn record(copy: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{copy}.files"))
}

/// The name of a copied file in the record: its bytes where they are not UTF-8.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
enum Recorded {
    Text(String),
    Bytes(Vec<u8>),
}

impl Recorded {
    fn of(path: &Path) -> Self {
        match path.to_str() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Bytes(path.as_os_str().as_bytes().to_vec()),
        }
    }

    fn path(&self) -> PathBuf {
        match self {
            Self::Text(text) => PathBuf::from(text),
            Self::Bytes(bytes) => PathBuf::from(OsString::from_vec(bytes.clone())),
        }
    }
}

struct Copy<'a> {
    action: &'a WorkingCopy,
    /// Everything keeps the source's time.
    new: bool,
    times: NotLater,
    copied: u64,
}

impl Copy<'_> {
    fn entry(&mut self, relative: &Path, source: &Metadata) -> Result<(), StepError> {
        let from = self.action.from.as_std_path().join(relative);
        let into = self.action.into.as_std_path().join(relative);
        let present = match fs::symlink_metadata(&into) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(StepError::io("inspect", shown(&into), &error)),
        };
        if let Some(present) = &present {
            if present.file_type() != source.file_type() {
                files::remove(&into)?;
            }
        }
        if source.is_dir() {
            return files::create_directories(&into);
        }
        if source.is_symlink() {
            return self.link(relative, &from, &into);
        }
        self.file(&from, &into, source, present.filter(Metadata::is_file))
    }

    fn file(
        &mut self,
        from: &Path,
        into: &Path,
        source: &Metadata,
        present: Option<Metadata>,
    ) -> Result<(), StepError> {
        let mode = (source.permissions().mode() & 0o777) | 0o600;
        let same = match &present {
            Some(present) if present.len() == source.len() => {
                // The copy is this user's own: what cannot be read is the source.
                files::same_content(from, into).map_err(Unreadable::at(from))?
            }
            _ => false,
        };
        let done = match present.filter(|_| same) {
            None => {
                let time = if self.new {
                    source.modified().map(|time| self.times.time(time))
                } else {
                    Ok(self.times.now())
                };
                self.copied += 1;
                let opened = fs::File::open(from).map_err(Unreadable::at(from))?;
                time.and_then(|time| replace(opened, into, mode, time))
            }
            Some(present) => self.keep(into, &present, mode),
        };
        done.map_err(|error| StepError::io("write", shown(into), &error))
    }

    /// What is the same keeps its time, unless a clock that was wrong gave it one that is yet to come.
    fn keep(&self, into: &Path, present: &Metadata, mode: u32) -> io::Result<()> {
        if present.permissions().mode() & 0o777 != mode {
            fs::set_permissions(into, fs::Permissions::from_mode(mode))?;
        }
        if present.modified()? > self.times.now() { times::set(into, self.times.now()) } else { Ok(()) }
    }

    fn link(&mut self, relative: &Path, from: &Path, into: &Path) -> Result<(), StepError> {
        let mut target = fs::read_link(from).map_err(Unreadable::at(from))?;
        if leads_out(relative, &target) {
            // Beside the copy there is nothing of what lies beside the source.
            target = from.parent().unwrap_or(Path::new("/")).join(target);
        }
        if fs::read_link(into).is_ok_and(|present| present == target) {
            return Ok(());
        }
        files::remove(into)?;
        self.copied += 1;
        symlink(&target, into).map_err(|error| StepError::io("make the link", shown(into), &error))
    }
}

/// Whether a link at this place below a tree points out of it, by way of `..`.
fn leads_out(relative: &Path, target: &Path) -> bool {
    let mut depth = relative.components().count() as i64 - 1;
    for part in target.components() {
        match part {
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            // An absolute link stays as it is.
            Component::RootDir | Component::Prefix(_) => return false,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

/// Copies beside the destination and renames, so that a file is never half a file.
fn replace(mut from: fs::File, into: &Path, mode: u32, time: SystemTime) -> io::Result<()> {
    let temporary = into.parent().unwrap_or(Path::new("/")).join(TEMPORARY);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut copy = fs::File::create(&temporary)?;
    io::copy(&mut from, &mut copy)?;
    copy.set_permissions(fs::Permissions::from_mode(mode))?;
    copy.set_modified(time)?;
    drop(copy);
    fs::rename(&temporary, into)
}
