//! Directories that stand in the place of records: nothing could be read or written there, so they are moved aside.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use model::layout::Layout;
use model::plan::{Action, Plan};

use crate::files;
use crate::runner::StepError;

/// Directories of the state that hold records alone.
const OF_RECORDS: [&str; 6] = ["steps", "trees", "committed", "verified", "manifests", "runs"];

/// Records that lie in the state directory itself.
const OF_STATE: [&str; 7] =
    ["lock", "case", "pair", "prefixes", "probes.json", "remembered.json", crate::secrets::KEY];

/// By one of these a state directory is known as one.
const MARKS: [&str; 3] = ["case", "pair", "remembered.json"];

/// Records that lie in the cache directory itself.
const OF_CACHE: [&str; 5] = ["lock", "case", "pair", "CACHEDIR.TAG", "conda.txt"];

/// Moves aside what stands in the place of a record and is no file, or in the place of a directory of records and is
/// none, and says what it did. Manifests have [a way of their own](crate::manifest::damaged::heal).
///
/// # Errors
/// When something cannot be listed or moved.
pub fn set_aside(layout: &Layout, plans: &[Plan]) -> Result<Vec<String>, StepError> {
    // What somebody else keeps in a directory that was named by mistake is no record.
    if !MARKS.iter().any(|name| layout.state.join(name).is_file()) {
        return Ok(Vec::new());
    }
    let mut found: Vec<Utf8PathBuf> = Vec::new();
    let marks = layout.cache.join("filled");
    for directory in OF_RECORDS.map(|name| layout.state.join(name)).into_iter().chain([marks]) {
        match kind(&directory) {
            Some(Kind::Directory) => found.extend(directories_in(&directory)?),
            Some(Kind::Other) => found.push(directory),
            None => {}
        }
    }
    let own = OF_STATE.map(|name| layout.state.join(name)).into_iter();
    let own = own.chain(OF_CACHE.map(|name| layout.cache.join(name)));
    let planned = plans.iter().flat_map(of_plan(layout));
    found.extend(own.chain(planned).filter(|path| kind(path) == Some(Kind::Directory)));
    found.sort();
    found.dedup();
    let mut told = Vec::new();
    for path in found {
        let aside = files::set_aside(&path)?;
        told.push(format!("{path} was no record: it is moved to {aside}, and the record is written again"));
    }
    Ok(told)
}

/// The records that a plan's steps keep outside the state.
fn of_plan(layout: &Layout) -> impl Fn(&Plan) -> Vec<Utf8PathBuf> {
    let work = layout.cache.join("work");
    move |plan| {
        let of_step = |action: &Action| match action {
            Action::FetchSource(fetch) => {
                ["source.json", "content.json"].map(|name| fetch.into.join(name)).to_vec()
            }
            Action::FetchWheels(fetch) => vec![fetch.into.join("requirements.lock")],
            _ => Vec::new(),
        };
        let steps = plan.steps.iter().flat_map(|step| {
            let crates = matches!(step.action, Action::FetchCrates(_));
            let outputs = step.outputs.iter().filter(move |_| crates).cloned();
            let record = step.outputs.first().filter(|_| crates).map(|output| output.with_extension("files"));
            of_step(&step.action).into_iter().chain(outputs).chain(record)
        });
        let components = plan.steps.iter().filter_map(|step| step.component.as_ref());
        let copies = components
            .flat_map(|name| ["files", "from", "placed"].map(|end| work.join(format!("{name}.{end}"))));
        steps.chain(copies).collect()
    }
}

#[derive(PartialEq, Eq)]
enum Kind {
    Directory,
    Other,
}

fn kind(path: &Utf8Path) -> Option<Kind> {
    let found = fs::symlink_metadata(path).ok()?;
    let leads_to_directory = found.is_dir() || (found.is_symlink() && path.is_dir());
    Some(if leads_to_directory { Kind::Directory } else { Kind::Other })
}

/// What in a directory of records is a directory itself; what was moved aside before stays.
fn directories_in(directory: &Utf8Path) -> Result<Vec<Utf8PathBuf>, StepError> {
    let failed = |error: std::io::Error| StepError::io("list", directory, &error);
    let entries = match directory.read_dir_utf8() {
        Ok(entries) => entries,
        // Another user's: what needs it says so.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_dir() && !files::is_aside(entry.file_name()) {
            found.push(entry.into_path());
        }
    }
    Ok(found)
}
