//! Moves a checked staging root into the prefix. Killed at any point and run again, it ends in the same state.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use engine::manifest::{self, ProblemKind, Removal, damaged};
use engine::runner::{Context, StepError};
use engine::{committed, fault, files};
use model::ComponentName;
use model::manifest::{Entry, MANIFEST_SCHEMA, Manifest};
use model::plan::Commit;

use super::staged::{self, Staged};

/// Begins the name of a file that is being copied into the prefix.
const TEMPORARY: &str = ".installer-tmp-";

pub(super) fn commit(action: &Commit, context: &dyn Context) -> Result<(), StepError> {
    let time = source_date_epoch()?;
    let staged = staged::read(action)?;
    let installed = manifest::load(&action.prefix, &action.component)?;
    let interrupted = manifest::load_pending(&action.prefix, &action.component)?;
    let earlier: Vec<&Manifest> = installed.iter().chain(&interrupted).collect();
    let unknown = conflicts(action, &staged, &earlier)?;
    warn_of_changes(action, &staged, &earlier, context);
    staged.warnings.iter().for_each(|warning| context.warn(warning));

    if let Some(other) = earlier.iter().find(|earlier| earlier.case != action.case) {
        context.warn(&format!(
            "replaces {} of the case {} under {}",
            action.component, other.case, action.prefix
        ));
    }

    let manifest = Manifest {
        schema: MANIFEST_SCHEMA,
        component: action.component.clone(),
        case: action.case.clone(),
        version: action.version.clone(),
        checkout: action.checkout.as_ref().and_then(|tree| super::preflight::checkout::state(tree, context)),
        editable: action.editable,
        needs: action.needs.clone(),
        prefix: action.prefix.clone(),
        roots: action.roots.clone(),
        files: staged.entries.clone(),
    };
    // What a killed commit of another version left has to stay known until it is removed.
    let mut pending = manifest.clone();
    for (path, entry) in interrupted.iter().flat_map(|interrupted| &interrupted.files) {
        pending.files.entry(path.clone()).or_insert_with(|| entry.clone());
    }
    for root in interrupted.iter().flat_map(|interrupted| &interrupted.roots) {
        if !pending.roots.contains(root) {
            pending.roots.push(root.clone());
        }
    }
    committed::begin(context.layout(), &action.component)?;
    manifest::write_pending(&pending)?;
    unknown.iter().try_for_each(|path| set_aside(path, context))?;
    place_all(action, &staged, time, context)?;
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

/// Looks before anything is moved whether a file would overwrite what is not this component's. Says which files may be
/// its own, where a damaged manifest cannot tell any more.
fn conflicts(action: &Commit, staged: &Staged, earlier: &[&Manifest]) -> Result<Vec<Utf8PathBuf>, StepError> {
    let mut owners: BTreeMap<Utf8PathBuf, ComponentName> = BTreeMap::new();
    let installed = manifest::load_all(&action.prefix)?;
    for manifest in installed.into_iter().chain(manifest::load_all_pending(&action.prefix)?) {
        if manifest.component != action.component {
            owners.extend(manifest.files.into_keys().map(|path| (path, manifest.component.clone())));
        }
    }
    let (mut problems, mut cures) = (Vec::new(), Vec::new());
    let damaged = damaged::lies_aside(&action.prefix, &action.component);
    let mut unknown = Vec::new();
    for (relative, entry) in &staged.entries {
        let path = action.prefix.join(relative);
        if let Some(owner) = owners.get(relative) {
            problems.push(format!("{path} belongs to {owner}"));
            cures.push(format!(
                "uninstall {owner}, or give {} its own prefix, or switch off what installs the file",
                action.component
            ));
            continue;
        }
        let own = earlier.iter().any(|manifest| manifest.files.contains_key(relative));
        let what = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                "is below something that is not a directory".to_owned()
            }
            Err(error) => return Err(StepError::io("inspect", &path, &error)),
            Ok(metadata) if metadata.is_dir() => "is a directory".to_owned(),
            Ok(_) if own => continue,
            Ok(_) => match manifest::problem(&path, entry) {
                None | Some(ProblemKind::Mode { .. }) => continue,
                Some(_) if damaged => {
                    unknown.push(path);
                    continue;
                }
                Some(_) => "exists already and belongs to no component that installer knows".to_owned(),
            },
        };
        problems.push(format!("{path} {what}"));
        cures.push("move the existing files away, or choose another prefix with --prefix".to_owned());
    }
    if problems.is_empty() {
        return Ok(unknown);
    }
    cures.sort();
    cures.dedup();
    let more = problems.len().saturating_sub(20);
    problems.truncate(20);
    let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
    Err(StepError::of_kind(
        model::event::FailureKind::Step,
        format!(
            "{} would overwrite files that are not its own: {}{rest}",
            action.component,
            problems.join("; ")
        ),
        cures,
    ))
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
        if !known.is_empty() && changed(new) && known.iter().all(|entry| changed(entry)) {
            context.warn(&format!("{path} has changed since it was installed and is replaced"));
        }
    }
}

fn place_all(
    action: &Commit,
    staged: &Staged,
    time: Option<SystemTime>,
    context: &dyn Context,
) -> Result<(), StepError> {
    // Files before links, so that no link ever points at what is not there yet.
    let links = |entry: &Entry| matches!(entry, Entry::Link { .. });
    for pass in [false, true] {
        for (relative, entry) in staged.entries.iter().filter(|(_, entry)| links(entry) == pass) {
            if context.cancelled() {
                return Err(StepError::Cancelled);
            }
            place(action, staged, relative, entry, time)?;
        }
    }
    Ok(())
}

fn place(
    action: &Commit,
    staged: &Staged,
    relative: &Utf8Path,
    entry: &Entry,
    time: Option<SystemTime>,
) -> Result<(), StepError> {
    let into = action.prefix.join(relative);
    let directory = into.parent().unwrap_or(&action.prefix);
    files::create_dir_all(directory)?;
    // One name for each file: what a killed commit left is overwritten by the next one.
    let temporary = directory.join(format!("{TEMPORARY}{}", into.file_name().unwrap_or("file")));
    files::remove_tree(&temporary)?;
    let written = match entry {
        Entry::Link { target } => fault::check("commit-copy").and_then(|()| symlink(target, &temporary)),
        Entry::File { mode, .. } => {
            let bytes = staged.content(action, relative)?;
            let from = staged::staged_path(action, relative);
            write_file(&temporary, &bytes, *mode, &from, time)
        }
    };
    let placed =
        written.and_then(|()| fault::check("commit-rename")).and_then(|()| fs::rename(&temporary, &into));
    placed.map_err(|error| {
        // A next commit overwrites it anyway; what failed is told by the first error.
        drop(fs::remove_file(&temporary));
        StepError::io("install", &into, &error)
    })
}

fn write_file(
    temporary: &Utf8Path,
    bytes: &[u8],
    mode: u32,
    from: &Utf8Path,
    time: Option<SystemTime>,
) -> io::Result<()> {
    fault::check("commit-copy")?;
    let modified = match time {
        Some(time) => time,
        None => fs::metadata(from)?.modified()?,
    };
    let mut file = fs::File::create(temporary)?;
    file.write_all(bytes)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.set_modified(modified)?;
    // Before the rename, so that a crash of the machine leaves no empty file under the final name.
    file.sync_data()
}

/// Removes what an earlier version installed and this one does not.
fn remove_obsolete(
    action: &Commit,
    manifest: &Manifest,
    earlier: &[&Manifest],
    context: &dyn Context,
) -> Result<(), StepError> {
    let mut obsolete: BTreeMap<&Utf8Path, Vec<&Entry>> = BTreeMap::new();
    for (path, entry) in earlier.iter().flat_map(|earlier| &earlier.files) {
        if !manifest.files.contains_key(path) {
            obsolete.entry(path).or_default().push(entry);
        }
    }
    for (relative, known) in &obsolete {
        let path = action.prefix.join(relative);
        if manifest::remove_known(&path, known, false)? == Removal::Modified {
            context.warn(&format!(
                "{path} is no longer part of {} but has changed since it was installed: it is kept",
                action.component
            ));
        }
        // Of a file whose copy was killed.
        if let (Some(directory), Some(name)) = (path.parent(), path.file_name()) {
            let temporary = directory.join(format!("{TEMPORARY}{name}"));
            if fs::symlink_metadata(&temporary).is_ok() {
                files::remove_tree(&temporary)?;
            }
        }
    }
    let roots: Vec<Utf8PathBuf> = earlier.iter().flat_map(|earlier| earlier.roots.clone()).collect();
    manifest::remove_empty_directories(&action.prefix, &roots, obsolete.keys().copied())
}
