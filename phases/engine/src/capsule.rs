//! The capsule: the archive that a failed step of `build` leaves behind, with all that somebody needs to see why it
//! failed, on this machine or far from it, and a script that reopens a shell at that point.
//!
//! It is gathered here and not in `report`, which reads events and no files. Every text goes through the redactor.

mod gather;
mod reopen;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use exec::{Redactor, utc};
use model::StepId;
use model::event::{Failure, OfflineForce};
use model::fingerprint::Material;
use model::layout::Layout;
use model::plan::{Plan, Step};

use crate::context::World;
use crate::ledger::{Last, Ledger};
use crate::runner::StepError;
use crate::{EngineError, files, tarball};

/// How many capsules of a case are kept.
pub const KEPT: usize = 5;

/// How the name of a capsule ends.
const ENDING: &str = ".tar.gz";

/// What the command line knows of a run and a capsule tells.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The case as it was resolved.
    pub case: serde_json::Value,
    /// This program; absolute.
    pub program: String,
    /// What names the same case, with the same overrides and directories, to another subcommand.
    pub arguments: Vec<String>,
    /// Where relative paths of the arguments begin.
    pub directory: Utf8PathBuf,
}

/// A step that failed, and what was known of it.
pub(crate) struct Failed<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) step: &'a Step,
    pub(crate) failure: &'a Failure,
    pub(crate) material: &'a Material,
    /// What the observed steps of the run found: package → version, tool → version.
    pub(crate) observed: &'a BTreeMap<StepId, BTreeMap<String, String>>,
    pub(crate) world: &'a World<'a>,
    pub(crate) origin: &'a Origin,
    pub(crate) offline: Option<OfflineForce>,
    /// The events of the run so far.
    pub(crate) events: Option<&'a Utf8Path>,
    pub(crate) redactor: &'a Redactor,
}

/// One file of a capsule.
struct Entry {
    /// Below the directory that the capsule unpacks to.
    path: String,
    mode: u32,
    text: String,
}

/// Writes the capsule of a failed step and removes the oldest beyond [`KEPT`].
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(failed: &Failed<'_>) -> Result<Utf8PathBuf, StepError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let layout = failed.world.layout;
    let name =
        format!("{}.{}.{}", failed.plan.case, failed.step.id.as_str().replace('/', "."), utc::compact(now));
    let directory = layout.capsules();
    files::create_dir_all(&directory)?;
    let path = directory.join(format!("{name}{ENDING}"));
    let temporary = directory.join(format!(".{name}.tmp"));
    let entries = gather::entries(failed);
    let packed = pack(&temporary, &name, &entries, now).and_then(|()| std::fs::rename(&temporary, &path));
    packed.map_err(|error| {
        // What failed is told by the first error.
        drop(std::fs::remove_file(&temporary));
        StepError::io("write", &path, &error)
    })?;
    prune(layout)?;
    Ok(path)
}

/// Removes the oldest beyond [`KEPT`].
fn prune(layout: &Layout) -> Result<(), StepError> {
    let all = list(layout);
    all[..all.len().saturating_sub(KEPT)].iter().try_for_each(|old| remove(&old.path))
}

fn pack(to: &Utf8Path, top: &str, entries: &[Entry], modified: u64) -> io::Result<()> {
    let encoder = flate2::write::GzEncoder::new(files::create_private(to)?, flate2::Compression::default());
    let mut tar = tar::Builder::new(encoder);
    for entry in entries {
        let bytes = entry.text.as_bytes();
        let mut header = tarball::header(tar::EntryType::Regular, entry.mode, bytes.len() as u64, modified);
        tar.append_data(&mut header, format!("{top}/{}", entry.path), bytes)?;
    }
    let mut file = tar.into_inner()?.finish()?;
    file.flush()?;
    file.sync_all()
}

/// A capsule that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capsule {
    /// The archive.
    pub path: Utf8PathBuf,
    /// Case and step, as they stand in its name.
    pub what: String,
    /// When the step failed, so that it sorts.
    time: String,
}

/// The capsules of a case, oldest first.
pub fn list(layout: &Layout) -> Vec<Capsule> {
    let Ok(entries) = layout.capsules().read_dir_utf8() else { return Vec::new() };
    let mut found: Vec<Capsule> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let (what, time) = entry.file_name().strip_suffix(ENDING)?.rsplit_once('.')?;
            Some(Capsule { what: what.to_owned(), time: time.to_owned(), path: entry.path().to_owned() })
        })
        .collect();
    found.sort_by(|one, other| (&one.time, &one.what).cmp(&(&other.time, &other.what)));
    found
}

/// Capsules that are of no more use: of steps that succeeded since, and all but the newest of each other step.
///
/// # Errors
/// When the ledger cannot be read.
pub fn outdated(layout: &Layout, case: &str, plan: &Plan) -> Result<Vec<Capsule>, EngineError> {
    let ledger = Ledger::open(&layout.state);
    let mut done = Vec::new();
    for step in &plan.steps {
        if ledger.standing(&step.id)?.is_some_and(|entry| entry.last == Last::Done) {
            done.push(format!("{case}.{}", step.id.as_str().replace('/', ".")));
        }
    }
    let all = list(layout);
    let newest = |at: usize| !all[at + 1..].iter().any(|later| later.what == all[at].what);
    let kept: Vec<bool> = (0..all.len()).map(|at| newest(at) && !done.contains(&all[at].what)).collect();
    Ok(all.into_iter().zip(kept).filter(|(_, kept)| !kept).map(|(capsule, _)| capsule).collect())
}

/// Removes a capsule.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove(path: &Utf8Path) -> Result<(), StepError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StepError::io("remove", path, &error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(root: &Utf8Path, names: &[&str]) -> Layout {
        let value = serde_json::json!({
            "prefix": "/p", "state": root, "cache": "/c", "artifacts": "/a", "data": "/d", "case_dir": "/k",
            "lock": "/k/case.lock",
        });
        let layout: Layout = serde_json::from_value(value).unwrap();
        std::fs::create_dir_all(layout.capsules()).unwrap();
        for name in names {
            std::fs::write(layout.capsules().join(name), "").unwrap();
        }
        layout
    }

    fn names(capsules: &[Capsule]) -> Vec<&str> {
        capsules.iter().map(|capsule| capsule.path.file_name().unwrap()).collect()
    }

    #[test]
    fn the_oldest_go_first_whatever_they_are_of() {
        let directory = tempfile::tempdir().unwrap();
        let all: Vec<String> = (0..7)
            .map(|n| format!("a.build.{}.compile.2026010{n}T000000Z.tar.gz", (b'g' - n) as char))
            .collect();
        let mut all: Vec<&str> = all.iter().map(String::as_str).collect();
        all.push("notes.txt");
        let layout = layout(Utf8Path::from_path(directory.path()).unwrap(), &all);
        prune(&layout).unwrap();
        assert_eq!(names(&list(&layout)), all[2..7]);
        assert!(layout.capsules().join("notes.txt").exists());
    }

    #[test]
    fn capsules_of_what_succeeded_since_and_older_ones_of_a_step_are_outdated() {
        let directory = tempfile::tempdir().unwrap();
        let all = [
            "a.build.x.compile.20260101T000000Z.tar.gz",
            "a.build.y.compile.20260102T000000Z.tar.gz",
            "a.build.x.compile.20260103T000000Z.tar.gz",
        ];
        let layout = layout(Utf8Path::from_path(directory.path()).unwrap(), &all);
        let step = |id: &str| {
            serde_json::json!({
                "id": id, "phase": "build", "title": "t", "freshness": "fingerprinted", "network": "denied",
                "action": { "kind": "exec", "commands": [] },
            })
        };
        let plan: Plan = serde_json::from_value(serde_json::json!({
            "schema": 1, "case": "a", "phase": "build", "target": "t", "notes": [],
            "steps": [step("build/x/compile"), step("build/y/compile")],
        }))
        .unwrap();
        assert_eq!(names(&outdated(&layout, "a", &plan).unwrap()), [all[0]]);
        let ledger = Ledger::open(&layout.state);
        ledger.done(&StepId::new("build/y/compile"), None, model::Digest::of("y"), 1).unwrap();
        assert_eq!(names(&outdated(&layout, "a", &plan).unwrap()), [all[0], all[1]]);
    }
}
