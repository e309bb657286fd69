//! Moves a checked staging root into the prefix. Killed at any point and run again, it ends in the same state.

mod conflicts;
pub(super) mod kept;
mod place;
mod way;

use std::fs;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use engine::manifest::{self, ProblemKind, Removal, damaged};
use engine::runner::{Context, StepError};
use engine::{committed, files};
use model::manifest::{Entry, MANIFEST_SCHEMA, Manifest};
use model::plan::Commit;

use self::conflicts::Found;
use self::way::{Obsolete, obsolete};
use super::staged::{self, Staged};
use crate::rpath::Patch;

pub(super) fn commit(action: &Commit, context: &dyn Context) -> Result<(), StepError> {
    source_date_epoch()?;
    let _turn = place::PREFIXES.read().unwrap_or_else(PoisonError::into_inner);
    let staged = staged::read(action)?;
    let installed = manifest::load(&action.prefix, &action.component)?;
    let interrupted = manifest::load_pending(&action.prefix, &action.component)?;
    let kept = kept::read(&action.prefix, &action.component)?;
    let before = kept.iter().map(|kept| &kept.manifest);
    let earlier: Vec<&Manifest> = installed.iter().chain(&interrupted).chain(before).collect();
    let found = conflicts::look(action, &staged, &earlier)?;
    warn_of_changes(action, &staged, &earlier, context);
    staged.warnings.iter().for_each(|warning| context.warn(warning));

    for earlier in &earlier {
        if let Some(other) = committed::other_owner(context.layout(), &action.case, earlier)? {
            context.warn(&format!("replaces {} of {other} under {}", action.component, action.prefix));
            break;
        }
    }

    let manifest = Manifest {
        schema: MANIFEST_SCHEMA,
        component: action.component.clone(),
        case: action.case.clone(),
        state: Some(context.layout().owner()),
        version: action.version.clone(),
        checkout: action.checkout.as_ref().and_then(|tree| super::preflight::checkout::state(tree, context)),
        editable: action.editable,
        needs: action.needs.clone(),
        prefix: action.prefix.clone(),
        roots: action.roots.clone(),
        files: staged.entries.clone(),
    };
    kept::keep(installed.as_ref(), kept.as_ref(), &manifest, context)?;
    committed::begin(context.layout(), &action.component)?;
    manifest::write_pending(&pending(&manifest, &interrupted))?;
    move_in(action, &staged, &found, &obsolete(&manifest, &earlier), context)?;
    remove_obsolete(action, &manifest, &earlier, context)?;
    committed::finish(context.layout(), &manifest)?;
    files::remove_tree(&manifest::pending_path(&action.prefix, &action.component))?;
    damaged::forget(&action.prefix, &action.component)?;

    let bytes = manifest.files.values().map(|entry| match entry {
        Entry::File { size, .. } => *size,
        Entry::Link { .. } => 0,
    });
    context.figure("files", manifest.files.len() as u64);
    context.figure("bytes", bytes.sum());
    Ok(())
}

/// The manifest of a commit that is under way: what a killed one of another version left has to stay known until it is
/// removed.
fn pending(manifest: &Manifest, interrupted: &Option<Manifest>) -> Manifest {
    let mut pending = manifest.clone();
    for (path, entry) in interrupted.iter().flat_map(|interrupted| &interrupted.files) {
        pending.files.entry(path.clone()).or_insert_with(|| entry.clone());
    }
    for root in interrupted.iter().flat_map(|interrupted| &interrupted.roots) {
        if !pending.roots.contains(root) {
            pending.roots.push(root.clone());
        }
    }
    pending
}

/// Makes way for the staged files, and puts them into the prefix.
fn move_in(
    action: &Commit,
    staged: &Staged,
    found: &Found,
    obsolete: &Obsolete<'_>,
    context: &dyn Context,
) -> Result<(), StepError> {
    found.unknown.iter().try_for_each(|path| set_aside(path, context))?;
    way::clear(&action.prefix, &staged.entries, obsolete)?;
    let time = source_date_epoch()?;
    let write = |relative: &Utf8Path, temporary: &Utf8Path| -> io::Result<()> {
        let Some(Entry::File { mode, .. }) = staged.entries.get(relative) else { return Ok(()) };
        let patches = staged.patches.get(relative).map_or(&[][..], Vec::as_slice);
        write_file(temporary, &staged::staged_path(action, relative), patches, *mode, time)
    };
    let entries = staged.entries.iter().map(|(path, entry)| (path.as_path(), entry)).collect();
    place::all(&action.prefix, &entries, &write, context)
}

/// Copies a staged file, in the kernel where that can.
fn write_file(
    temporary: &Utf8Path,
    from: &Utf8Path,
    patches: &[Patch],
    mode: u32,
    time: Option<SystemTime>,
) -> io::Result<()> {
    let mut source = fs::File::open(from)?;
    let mut file = fs::File::create(temporary)?;
    io::copy(&mut source, &mut file)?;
    for patch in patches {
        file.seek(SeekFrom::Start(patch.at))?;
        file.write_all(&patch.bytes)?;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.set_modified(match time {
        Some(time) => time,
        None => source.metadata()?.modified()?,
    })
}

/// The time that the reproducible-builds convention dictates for all files, in seconds since 1970.
fn source_date_epoch() -> Result<Option<SystemTime>, StepError> {
    let Ok(text) = std::env::var("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let seconds: u64 = text.trim().parse().map_err(|_| {
        StepError::new(
            format!("SOURCE_DATE_EPOCH is `{text}`, not a number of seconds"),
            "unset it, or set it to seconds since 1970, such as `git log -1 --format=%ct` prints",
        )
    })?;
    Ok(Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)))
}

/// Moves a file aside that may be the component's own or somebody else's: the manifest that would tell was damaged.
fn set_aside(path: &Utf8Path, context: &dyn Context) -> Result<(), StepError> {
    let free = |number: &u32| fs::symlink_metadata(format!("{path}.before-{number}")).is_err();
    let aside = Utf8PathBuf::from(format!("{path}.before-{}", (1..).find(free).unwrap_or(1)));
    files::rename(path, &aside)?;
    context.warn(&format!(
        "{path} is replaced, and what was there is kept as {aside}: the damaged manifest does not say whose it was"
    ));
    Ok(())
}

/// Says which of the component's own files were changed by someone and are replaced now.
fn warn_of_changes(action: &Commit, staged: &Staged, earlier: &[&Manifest], context: &dyn Context) {
    for (relative, new) in &staged.entries {
        let path = action.prefix.join(relative);
        let known: Vec<&Entry> = earlier.iter().filter_map(|manifest| manifest.files.get(relative)).collect();
        let changed = |entry: &Entry| {
            matches!(
                manifest::problem(&path, entry),
                Some(ProblemKind::Changed | ProblemKind::Link { .. } | ProblemKind::Unreadable(_))
            )
        };
        if !known.is_empty() && known.iter().all(|entry| changed(entry)) && changed(new) {
            context.warn(&format!("{path} has changed since it was installed and is replaced"));
        }
    }
}

/// Removes what an earlier version installed and this one does not.
fn remove_obsolete(
    action: &Commit,
    manifest: &Manifest,
    earlier: &[&Manifest],
    context: &dyn Context,
) -> Result<(), StepError> {
    let obsolete = obsolete(manifest, earlier);
    for (relative, known) in &obsolete {
        let path = action.prefix.join(relative);
        // Of a file whose copy was killed.
        manifest::remove_temporary(&path)?;
        if way::is_behind(relative, &manifest.files) || way::holds_new(relative, &manifest.files) {
            continue;
        }
        if manifest::remove_known(&path, known, false)? == Removal::Modified {
            context.warn(&format!(
                "{path} is no longer part of {} but has changed since it was installed: it is kept",
                action.component
            ));
        }
    }
    let roots: Vec<Utf8PathBuf> = earlier.iter().flat_map(|earlier| earlier.roots.clone()).collect();
    manifest::remove_empty_directories(&action.prefix, &roots, obsolete.keys().copied())
}
