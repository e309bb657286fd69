//! Puts files into a prefix, each whole or not at all.
//!
//! Every file is written under a temporary name beside its place, then all of them are made safe on the disk, then each is
//! renamed. So a crash leaves no empty file under a final name, and the disk is waited for once and not once for each file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::sync::RwLock;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use engine::{fault, files, manifest};
use model::manifest::Entry;

/// Commits take turns by prefix as steps do; what puts an earlier version back waits for all of them.
pub(super) static PREFIXES: RwLock<()> = RwLock::new(());

/// Up to so many files or directories are made safe one by one; more of them with all else that the file system has to
/// write.
const ONE_BY_ONE: usize = 32;

/// Puts what `entries` name into the prefix. `write` makes a file at the path that it is given last.
///
/// # Errors
/// When one cannot be written; what was written under a temporary name until then is removed.
pub(super) fn all(
    prefix: &Utf8Path,
    entries: &BTreeMap<&Utf8Path, &Entry>,
    write: &dyn Fn(&Utf8Path, &Utf8Path) -> io::Result<()>,
    context: &dyn Context,
) -> Result<(), StepError> {
    let mut temporaries = Vec::new();
    let placed = by_steps(prefix, entries, write, context, &mut temporaries);
    if placed.is_err() {
        for temporary in temporaries {
            // A next commit removes it anyway; what failed is told by the first error.
            drop(fs::remove_file(temporary));
        }
    }
    placed
}

fn by_steps(
    prefix: &Utf8Path,
    entries: &BTreeMap<&Utf8Path, &Entry>,
    write: &dyn Fn(&Utf8Path, &Utf8Path) -> io::Result<()>,
    context: &dyn Context,
    temporaries: &mut Vec<Utf8PathBuf>,
) -> Result<(), StepError> {
    let is_link = |entry: &Entry| matches!(entry, Entry::Link { .. });
    let mut directories: BTreeSet<Utf8PathBuf> = BTreeSet::new();
    for (relative, entry) in entries {
        if context.cancelled() {
            return Err(StepError::Cancelled);
        }
        let into = prefix.join(relative);
        let failed = |error: io::Error| StepError::io("install", &into, &error);
        let directory = into.parent().unwrap_or(prefix);
        if !directories.contains(directory) {
            files::create_dir_all(directory)?;
            directories.insert(directory.to_owned());
        }
        // One name for each file: what a killed commit left is replaced by the next one.
        let temporary = manifest::temporary(&into);
        files::remove_tree(&temporary)?;
        temporaries.push(temporary.clone());
        fault::check("commit-copy").map_err(failed)?;
        match entry {
            Entry::Link { target } => symlink(target, &temporary).map_err(failed)?,
            Entry::File { .. } => write(relative, &temporary).map_err(failed)?,
        }
    }
    let written: Vec<&Utf8PathBuf> = temporaries
        .iter()
        .zip(entries)
        .filter(|(_, (_, entry))| !is_link(entry))
        .map(|(path, _)| path)
        .collect();
    fault::check("commit-sync").map_err(|error| StepError::io("write to", prefix, &error))?;
    safe(&written, &directories)?;
    // Files before links, so that no link ever points at what is not there yet.
    for pass in [false, true] {
        for ((relative, _), temporary) in
            entries.iter().zip(&*temporaries).filter(|((_, entry), _)| is_link(entry) == pass)
        {
            let into = prefix.join(relative);
            fault::check("commit-rename")
                .and_then(|()| fs::rename(temporary, &into))
                .map_err(|error| StepError::io("install", &into, &error))?;
        }
    }
    safe(&[], &directories)
}

/// Has the disk hold what was written: these files, or the names in these directories where there are none.
fn safe(written: &[&Utf8PathBuf], directories: &BTreeSet<Utf8PathBuf>) -> Result<(), StepError> {
    let names: Vec<&Utf8PathBuf> = directories.iter().collect();
    let wanted = if written.is_empty() { names.as_slice() } else { written };
    let sync = |path: &Utf8Path| fs::File::open(path).and_then(|file| file.sync_all());
    if wanted.len() <= ONE_BY_ONE {
        return wanted.iter().try_for_each(|path| {
            sync(path).map_err(|error| StepError::io("write to the disk", path, &error))
        });
    }
    // A directory below the prefix may be another file system.
    let mut seen = BTreeSet::new();
    for directory in names {
        let whole = || -> io::Result<()> {
            let opened = fs::File::open(directory)?;
            if seen.insert(opened.metadata()?.dev()) {
                rustix::fs::syncfs(&opened)?;
            }
            Ok(())
        };
        let mut whole = whole;
        whole().map_err(|error| StepError::io("write to the disk", directory, &error))?;
    }
    Ok(())
}
