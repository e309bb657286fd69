//! The version of a component that worked is kept until the next one has passed its checks, and put back if it does not.
//!
//! A commit links the files that it is about to replace or remove into a directory beside the manifests. A verification
//! that holds removes them; one that does not puts them back, and the manifest with them. The record of what is kept comes
//! before the files and goes before them, so that after a kill it is complete, or nothing counts as kept. What puts files
//! back is a commit like any other: a pending manifest names all that it may leave.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::sync::PoisonError;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use engine::{committed, fault, files, manifest};
use model::ComponentName;
use model::layout::Layout;
use model::manifest::{Entry, Manifest};
use model::plan::Verify;
use serde::{Deserialize, Serialize};

use super::place;
use super::way::{self, obsolete};

/// The format that this version writes.
const SCHEMA: u32 = 1;

/// What is kept of an earlier version.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    schema: u32,
    /// The state of the run that keeps it: `installer verify`, or another case, has no say in it.
    state: Utf8PathBuf,
    /// The manifest of that version.
    pub(super) manifest: Manifest,
}

fn record(prefix: &Utf8Path, component: &ComponentName) -> Utf8PathBuf {
    manifest::kept_directory(prefix, component).join("kept.json")
}

/// Where a file of it lies.
fn file(prefix: &Utf8Path, component: &ComponentName, relative: &Utf8Path) -> Utf8PathBuf {
    let directory = manifest::kept_directory(prefix, component);
    match relative.strip_prefix("/") {
        Ok(below) => directory.join("roots").join(below),
        Err(_) => directory.join("files").join(relative),
    }
}

/// What is kept of a component. A damaged record counts as none.
pub(super) fn read(prefix: &Utf8Path, component: &ComponentName) -> Result<Option<Kept>, StepError> {
    let kept: Option<Kept> = files::read_cache(&record(prefix, component));
    Ok(kept.filter(|kept| {
        let own = kept.manifest.component == *component && kept.manifest.prefix == *prefix;
        own && kept.schema == SCHEMA
    }))
}

/// Keeps what a commit of `new` replaces. What was kept before, and has not been followed by a version that passed, stays
/// what is put back.
///
/// # Errors
/// When a file cannot be kept.
pub(super) fn keep(
    installed: Option<&Manifest>,
    kept: Option<&Kept>,
    new: &Manifest,
    context: &dyn Context,
) -> Result<(), StepError> {
    let (prefix, component) = (&new.prefix, &new.component);
    let earlier = match (kept, installed) {
        (Some(kept), _) => kept.manifest.clone(),
        (None, Some(installed)) => {
            // Of a record that a kill kept from being written, or that was removed first.
            manifest::remove_kept(prefix, component)?;
            if installed.files == new.files || has_failed(context.layout(), installed)? {
                return Ok(());
            }
            installed.clone()
        }
        (None, None) => return manifest::remove_kept(prefix, component),
    };
    // The state may be another than when it was kept first.
    let kept = Kept { schema: SCHEMA, state: context.layout().state.clone(), manifest: earlier };
    let bytes = serde_json::to_vec(&kept).map_err(|error| {
        StepError::new(format!("failed to encode what is kept: {error}"), "report this defect")
    })?;
    files::atomic_write_at("kept-write", &record(prefix, component), &bytes)?;
    for (relative, entry) in &kept.manifest.files {
        if new.files.get(relative) == Some(entry) {
            continue;
        }
        let (path, into) = (prefix.join(relative), file(prefix, component, relative));
        // After a kill, what is in its place may be of another version.
        if fs::symlink_metadata(&into).is_err() && manifest::is_known(&path, std::iter::once(entry)) {
            if let Some(directory) = into.parent() {
                files::create_dir_all(directory)?;
            }
            fault::check("kept-link")
                .and_then(|()| duplicate(&path, &into))
                .map_err(|error| StepError::io("keep as", &into, &error))?;
        }
    }
    Ok(())
}

/// Whether this case committed what is installed and it has not passed its checks: nothing to put back.
fn has_failed(layout: &Layout, installed: &Manifest) -> Result<bool, StepError> {
    let own = committed::is_last(layout, installed)?;
    Ok(own && !layout.verified(&installed.component).exists())
}

/// A second name for a file, or where there can be none, a copy of it.
fn duplicate(from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(from)?;
    if metadata.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    // Another file system, or one without links. A half-written copy never has the final name.
    let temporary = manifest::temporary(to);
    fs::copy(from, &temporary)?;
    let copy = fs::File::options().write(true).open(&temporary)?;
    copy.set_modified(metadata.modified()?)?;
    copy.sync_all()?;
    fs::rename(&temporary, to)
}

/// The checks of what was committed hold: nothing is kept any more.
///
/// # Errors
/// When what was kept cannot be removed.
pub(in crate::run) fn forget(action: &Verify, context: &dyn Context) -> Result<(), StepError> {
    let (prefix, component) = (&action.prefix, &action.component);
    let record = record(prefix, component);
    match read(prefix, component)? {
        Some(kept) if kept.state != context.layout().state => return Ok(()),
        Some(_) => {}
        // What a damaged record keeps cannot be put back either.
        None if fs::symlink_metadata(&record).is_ok() => {}
        None => return Ok(()),
    }
    files::remove_tree(&record)?;
    manifest::remove_kept(prefix, component)
}

/// The checks of what was committed do not hold: the version before it is put back, if one is kept. Says which.
///
/// # Errors
/// When it cannot be put back as a whole.
pub(in crate::run) fn put_back(action: &Verify, context: &dyn Context) -> Result<Option<String>, StepError> {
    let (prefix, component) = (&action.prefix, &action.component);
    let Some(kept) = read(prefix, component)?.filter(|kept| kept.state == context.layout().state) else {
        return Ok(None);
    };
    // What becomes empty here may be what another commit is about to fill.
    let _alone = place::PREFIXES.write().unwrap_or_else(PoisonError::into_inner);
    let earlier = kept.manifest;
    let current = manifest::load(prefix, component)?;
    let mut pending = earlier.clone();
    if let Some(manifest) = &current {
        for (path, entry) in &manifest.files {
            pending.files.entry(path.clone()).or_insert_with(|| entry.clone());
        }
        let more = manifest.roots.iter().filter(|root| !earlier.roots.contains(root));
        pending.roots.extend(more.cloned());
    }
    manifest::write_pending(&pending)?;
    let failed: Vec<&Manifest> = current.iter().collect();
    let obsolete = obsolete(&earlier, &failed);
    way::clear(prefix, &earlier.files, &obsolete)?;
    let missing: BTreeMap<&Utf8Path, &Entry> = earlier
        .files
        .iter()
        .map(|(path, entry)| (path.as_path(), entry))
        .filter(|(path, _)| differs(&prefix.join(path), &file(prefix, component, path)))
        .collect();
    let write = |relative: &Utf8Path, temporary: &Utf8Path| -> io::Result<()> {
        duplicate(&file(prefix, component, relative), temporary)
    };
    place::all(prefix, &missing, &write, context)?;
    for (relative, known) in &obsolete {
        if !way::is_behind(relative, &earlier.files) && !way::holds_new(relative, &earlier.files) {
            manifest::remove_known(&prefix.join(relative), known, false)?;
        }
    }
    manifest::remove_empty_directories(prefix, &pending.roots, obsolete.keys().copied())?;
    committed::put_back(context.layout(), &earlier)?;
    files::remove_tree(&manifest::pending_path(prefix, component))?;
    files::remove_tree(&record(prefix, component))?;
    manifest::remove_kept(prefix, component)?;
    let version = earlier.version.map_or_else(String::new, |version| format!(" {version}"));
    Ok(Some(format!("{component}{version}")))
}

/// Whether a file is kept and another one is in its place.
fn differs(path: &Utf8Path, kept: &Utf8Path) -> bool {
    let Ok(kept) = fs::symlink_metadata(kept) else { return false };
    fs::symlink_metadata(path).map_or(true, |there| (there.dev(), there.ino()) != (kept.dev(), kept.ino()))
}
