//! A writable copy of a source, brought in line by content, so that an incremental build recompiles only what changed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::SystemTime;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use engine::{files, lfs};
use model::plan::WorkingCopy;

const TEMPORARY: &str = ".installer-tmp-copy";

/// Brings the copy in line with the source, which is only read.
///
/// Times: a file with the same content keeps its own; in a new copy all get the source's; later what changed or came
/// anew gets the moment of this call, so that make and ninja see it as newer than their objects although the source may
/// be older, and none of it as newer than another file (which would make autotools regenerate).
///
/// What a build itself wrote into the copy stays: only files that were copied earlier and left the source are removed.
pub(super) fn sync(action: &WorkingCopy, context: &dyn Context) -> Result<(), StepError> {
    if !action.from.is_dir() {
        return Err(StepError::new(
            format!("the source tree {} does not exist", action.from),
            "run `installer deps`, or mount the source there",
        ));
    }
    let record = record(&action.into);
    let earlier: Option<BTreeSet<Utf8PathBuf>> = files::read_cache(&record);
    if earlier.is_none() || !action.into.exists() {
        // Nobody knows what of it was copied and what was built.
        files::remove_tree(&action.into)?;
    }
    let new = !action.into.exists();
    files::create_dir_all(&action.into)?;
    let mut copy =
        Copy { action, context, now: (!new).then(SystemTime::now), present: BTreeSet::new(), copied: 0 };
    let earlier = earlier.unwrap_or_default();
    // A copy that is killed half-way has files of both.
    let listed = list(&action.from)?;
    if !action.lfs_pointers {
        refuse_pointers(&action.from, &listed)?;
    }
    files::write_cache(&record, &earlier.union(&listed).collect::<BTreeSet<_>>())?;
    super::copied::remember(&action.into, &action.from)?;
    copy.directory(Utf8Path::new(""))?;
    let mut removed = 0;
    for gone in earlier.difference(&copy.present) {
        let path = action.into.join(gone);
        if fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_dir()) {
            files::remove_tree(&path)?;
            removed += 1;
        }
    }
    engine::manifest::remove_empty_directories(
        &action.into,
        &[],
        earlier.difference(&copy.present).map(Utf8PathBuf::as_path),
    )?;
    files::write_cache(&record, &copy.present)?;
    context.figure("copied", copy.copied);
    if removed > 0 {
        context.figure("removed", removed);
    }
    Ok(())
}

/// Pointers of Git LFS would be compiled and installed as if they were the files that they stand for.
fn refuse_pointers(from: &Utf8Path, listed: &BTreeSet<Utf8PathBuf>) -> Result<(), StepError> {
    let mut found = Vec::new();
    for path in listed {
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

/// Every file and link of a source, as the copy will have them.
fn list(from: &Utf8Path) -> Result<BTreeSet<Utf8PathBuf>, StepError> {
    let mut found = BTreeSet::new();
    let mut open = vec![Utf8PathBuf::new()];
    while let Some(below) = open.pop() {
        for name in wanted_names(&from.join(&below))? {
            let relative = below.join(name);
            let path = from.join(&relative);
            let metadata =
                fs::symlink_metadata(&path).map_err(|error| StepError::io("inspect", &path, &error))?;
            if metadata.is_dir() {
                open.push(relative);
            } else {
                found.insert(relative);
            }
        }
    }
    Ok(found)
}

struct Copy<'a> {
    action: &'a WorkingCopy,
    context: &'a dyn Context,
    /// What changed gets this time; none for a new copy, in which everything keeps the source's.
    now: Option<SystemTime>,
    /// Files and links that the source has.
    present: BTreeSet<Utf8PathBuf>,
    copied: u64,
}

fn wanted_names(directory: &Utf8Path) -> Result<BTreeSet<String>, StepError> {
    let failed = |error: &io::Error| StepError::io("list", directory, error);
    let mut names = BTreeSet::new();
    for entry in directory.read_dir_utf8().map_err(|error| failed(&error))? {
        names.insert(entry.map_err(|error| failed(&error))?.file_name().to_owned());
    }
    names.remove(".git");
    Ok(names)
}

impl Copy<'_> {
    fn directory(&mut self, below: &Utf8Path) -> Result<(), StepError> {
        for name in wanted_names(&self.action.from.join(below))? {
            if self.context.cancelled() {
                return Err(StepError::Cancelled);
            }
            self.entry(&below.join(name))?;
        }
        Ok(())
    }

    fn entry(&mut self, relative: &Utf8Path) -> Result<(), StepError> {
        let (from, into) = (self.action.from.join(relative), self.action.into.join(relative));
        let source = fs::symlink_metadata(&from).map_err(|error| StepError::io("inspect", &from, &error))?;
        let present = match fs::symlink_metadata(&into) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(StepError::io("inspect", &into, &error)),
        };
        if let Some(present) = &present {
            if present.file_type() != source.file_type() {
                files::remove_tree(&into)?;
            }
        }
        if source.is_dir() {
            files::create_dir_all(&into)?;
            return self.directory(relative);
        }
        self.present.insert(relative.to_owned());
        if source.is_symlink() {
            return self.link(relative, &from, &into);
        }
        if !source.is_file() {
            return Err(StepError::new(
                format!("{from} is neither a file nor a directory nor a link"),
                "remove it from the source tree",
            ));
        }
        let mode = (source.permissions().mode() & 0o777) | 0o600;
        let present = present.filter(fs::Metadata::is_file);
        let changed = match &present {
            Some(present) if present.len() == source.len() => {
                !files::same_content(&from, &into).map_err(|error| StepError::io("compare", &into, &error))?
            }
            _ => true,
        };
        let done = if changed {
            let time = self.now.map_or_else(|| source.modified(), Ok);
            self.copied += 1;
            time.and_then(|time| replace(&from, &into, mode, time))
        } else if present.is_some_and(|present| present.permissions().mode() & 0o777 != mode) {
            fs::set_permissions(&into, fs::Permissions::from_mode(mode))
        } else {
            Ok(())
        };
        done.map_err(|error| StepError::io("write", &into, &error))
    }

    fn link(&mut self, relative: &Utf8Path, from: &Utf8Path, into: &Utf8Path) -> Result<(), StepError> {
        let mut target =
            from.read_link_utf8().map_err(|error| StepError::io("read the link", from, &error))?;
        if leads_out(relative, &target) {
            // Beside the copy there is nothing of what lies beside the source.
            target = from.parent().unwrap_or(Utf8Path::new("/")).join(target);
        }
        if into.read_link_utf8().is_ok_and(|present| present == target) {
            return Ok(());
        }
        files::remove_tree(into)?;
        self.copied += 1;
        symlink(&target, into).map_err(|error| StepError::io("make the link", into, &error))
    }
}

/// Whether a link at this place below a tree points out of it, by way of `..`.
fn leads_out(relative: &Utf8Path, target: &Utf8Path) -> bool {
    let mut depth = relative.components().count() as i64 - 1;
    for part in target.components() {
        match part {
            Utf8Component::ParentDir => depth -= 1,
            Utf8Component::Normal(_) => depth += 1,
            Utf8Component::CurDir => {}
            // An absolute link stays as it is.
            Utf8Component::RootDir | Utf8Component::Prefix(_) => return false,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

/// Copies beside the destination and renames, so that a file is never half a file.
fn replace(from: &Utf8Path, into: &Utf8Path, mode: u32, time: SystemTime) -> io::Result<()> {
    let temporary: Utf8PathBuf = into.parent().unwrap_or(Utf8Path::new("/")).join(TEMPORARY);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::copy(from, &temporary)?;
    fs::set_permissions(&temporary, fs::Permissions::from_mode(mode))?;
    fs::File::options().write(true).open(&temporary)?.set_modified(time)?;
    fs::rename(&temporary, into)
}
