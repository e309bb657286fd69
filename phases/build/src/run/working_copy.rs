//! A writable copy of a source, brought in line by content, so that an incremental build recompiles only what changed.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, StepError};
use model::plan::WorkingCopy;

const TEMPORARY: &str = ".installer-tmp-copy";

/// Brings the copy in line with the source, which is only read.
///
/// Times: a file with the same content keeps its own; a new one gets the source's; changed ones all get the moment of
/// this call, so that make sees them as newer than their objects although the source may be older, and none of them
/// as newer than another (which would make autotools regenerate).
pub(super) fn sync(action: &WorkingCopy, context: &dyn Context) -> Result<(), StepError> {
    if !action.from.is_dir() {
        return Err(StepError::new(
            format!("the source tree {} does not exist", action.from),
            "run `installer deps`, or mount the source there",
        ));
    }
    files::create_dir_all(&action.into)?;
    let mut copy = Copy { action, context, now: SystemTime::now(), copied: 0, removed: 0 };
    copy.directory(Utf8Path::new(""))?;
    context.figure("copied", copy.copied);
    context.figure("removed", copy.removed);
    Ok(())
}

struct Copy<'a> {
    action: &'a WorkingCopy,
    context: &'a dyn Context,
    now: SystemTime,
    copied: u64,
    removed: u64,
}

fn names(directory: &Utf8Path) -> Result<BTreeSet<String>, StepError> {
    let failed = |error: &io::Error| StepError::io("list", directory, error);
    let mut names = BTreeSet::new();
    for entry in directory.read_dir_utf8().map_err(|error| failed(&error))? {
        names.insert(entry.map_err(|error| failed(&error))?.file_name().to_owned());
    }
    Ok(names)
}

impl Copy<'_> {
    fn directory(&mut self, below: &Utf8Path) -> Result<(), StepError> {
        let (from, into) = (self.action.from.join(below), self.action.into.join(below));
        let mut wanted = names(&from)?;
        wanted.remove(".git");
        for name in names(&into)? {
            let relative = below.join(&name);
            if !wanted.contains(&name) && !self.kept(&relative) {
                files::remove_tree(&into.join(&name))?;
                self.removed += 1;
            }
        }
        for name in wanted {
            if self.context.cancelled() {
                return Err(StepError::Cancelled);
            }
            self.entry(&below.join(name))?;
        }
        Ok(())
    }

    fn kept(&self, relative: &Utf8Path) -> bool {
        self.action
            .keep
            .iter()
            .any(|keep| Utf8Path::new(keep).starts_with(relative) || relative.starts_with(keep))
    }

    fn entry(&mut self, relative: &Utf8Path) -> Result<(), StepError> {
        let (from, into) = (self.action.from.join(relative), self.action.into.join(relative));
        let source = fs::symlink_metadata(&from).map_err(|error| StepError::io("look at", &from, &error))?;
        let present = match fs::symlink_metadata(&into) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(StepError::io("look at", &into, &error)),
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
        if source.is_symlink() {
            return self.link(&from, &into);
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
                !same_content(&from, &into).map_err(|error| StepError::io("compare", &into, &error))?
            }
            _ => true,
        };
        let done = if changed {
            let time = match &present {
                Some(_) => Ok(self.now),
                None => source.modified(),
            };
            self.copied += 1;
            time.and_then(|time| replace(&from, &into, mode, time))
        } else if present.is_some_and(|present| present.permissions().mode() & 0o777 != mode) {
            fs::set_permissions(&into, fs::Permissions::from_mode(mode))
        } else {
            Ok(())
        };
        done.map_err(|error| StepError::io("write", &into, &error))
    }

    fn link(&mut self, from: &Utf8Path, into: &Utf8Path) -> Result<(), StepError> {
        let target = from.read_link_utf8().map_err(|error| StepError::io("read the link", from, &error))?;
        if into.read_link_utf8().is_ok_and(|present| present == target) {
            return Ok(());
        }
        files::remove_tree(into)?;
        self.copied += 1;
        symlink(&target, into).map_err(|error| StepError::io("make the link", into, &error))
    }
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

fn same_content(left: &Utf8Path, right: &Utf8Path) -> io::Result<bool> {
    let (mut left, mut right) = (fs::File::open(left)?, fs::File::open(right)?);
    let (mut one, mut other) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let read = left.read(&mut one)?;
        if read == 0 {
            return Ok(right.read(&mut other)? == 0);
        }
        match right.read_exact(&mut other[..read]) {
            Ok(()) if one[..read] == other[..read] => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}
