//! What a step wrote outside of its trees, where nothing could keep it from that.
//!
//! A file counts as written when the kernel changed its entry (ctime, which no program can set) after the step began: no
//! state is kept. Others may write at the same time, so that the message says when it was written and not by whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use model::event::Failure;
use model::plan::{Action, Step};

use super::{Outside, Owner, Told};
use crate::manifest;
use crate::runner::StepError;
use crate::source_files::{self, Counting};

/// What of a prefix is looked at: others keep theirs in the rest (`share`, `etc`, `var`).
const INSTALLED: [&str; 9] =
    ["bin", "sbin", "lib", "lib64", "libexec", "include", "share/pkgconfig", "share/cmake", "share/man"];
/// What Python writes beside modules that it imports.
const COMPILED: &str = "__pycache__";
/// File times are as old as the last tick of the kernel's clock.
const TICK: Duration = Duration::from_millis(20);
/// So many files are named.
const NAMED: usize = 3;

/// What there was when a step began.
pub(crate) struct Before {
    since: Duration,
    /// Installed places that are looked at: where a fence holds, those that did not exist and so could not be fenced.
    prefixes: Vec<Utf8PathBuf>,
    /// The user's directories with what was in them.
    sources: Vec<(Utf8PathBuf, BTreeSet<Utf8PathBuf>)>,
    home: Option<(Utf8PathBuf, BTreeSet<String>)>,
    /// No fence holds: all of a prefix is not this run's.
    open: bool,
}

impl Outside {
    /// Looks at what there is before a step; with a fence only at what that cannot hold.
    pub(crate) fn before(&self, step: &Step, fenced: bool) -> Before {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(TICK);
        let prefixes: BTreeSet<Utf8PathBuf> = self
            .places
            .iter()
            .filter(|(path, owner)| match owner {
                Owner::Prefix => !fenced || !path.exists(),
                Owner::System => !fenced && path == "/usr/local",
                _ => false,
            })
            .map(|(path, _)| path.clone())
            .collect();
        let mut before = Before {
            since,
            prefixes: prefixes.into_iter().collect(),
            sources: Vec::new(),
            home: None,
            open: !fenced,
        };
        if !fenced {
            // A source that cannot be read has no working copy, and fails before this.
            let sources = step.component.iter().filter_map(|component| self.sources.get(component)).flatten();
            let listed =
                sources.filter_map(|source| Some((source.clone(), files_of(source)?.into_keys().collect())));
            before.sources.extend(listed);
            let mut homes = super::owned(&self.places, &Owner::Home);
            before.home = homes.next().map(|home| (home.to_owned(), names_in(home)));
        }
        before
    }

    /// What a step wrote where it must not. What is new in the home directory is a warning: its user works there.
    ///
    /// # Errors
    /// When it wrote into a source or past DESTDIR.
    pub(crate) fn after(
        &self,
        step: &Step,
        before: &Before,
        warn: &mut dyn FnMut(String),
    ) -> Result<(), StepError> {
        let program = program_of(step);
        for (source, earlier) in &before.sources {
            let Some(now) = files_of(source) else {
                let told = self.told(source, &Owner::Source, DURING, step, &program);
                return Err(failed(
                    told,
                    vec![format!("removed: {source}")],
                    "if you removed it yourself, put it back and run the same command again",
                ));
            };
            let changed = now.iter().filter(|(_, changed)| **changed >= before.since);
            let gone = earlier.iter().filter(|path| !now.contains_key(*path));
            let found: Vec<_> =
                changed.map(|(path, _)| (path, "wrote")).chain(gone.map(|path| (path, "removed"))).collect();
            if let Some((first, _)) = found.first() {
                let what = found.iter().map(|(path, did)| format!("{did}: {}", source.join(path)));
                let told = self.told(&source.join(first), &Owner::Source, DURING, step, &program);
                return Err(failed(
                    told,
                    what.collect(),
                    "if you changed it yourself, run the same command again",
                ));
            }
        }
        let installed = self.installed();
        for prefix in &before.prefixes {
            let mut found = Vec::new();
            if before.open {
                for below in INSTALLED {
                    written_below(&prefix.join(below), before.since, &mut found);
                }
            } else {
                written_below(prefix, before.since, &mut found);
            }
            let is_known = |path: &Utf8Path| {
                installed.contains(path) || path.starts_with(prefix.join(model::layout::RECORDS))
            };
            found.retain(|path| !is_known(path));
            if let Some(first) = found.first() {
                let told = self.told(first, &Owner::Prefix, DURING, step, &program);
                let what = found.iter().map(|path| format!("wrote: {path}")).collect();
                let cure = "remove these files; if another program wrote them, run the same command again";
                return Err(failed(told, what, cure));
            }
        }
        if let Some((home, earlier)) = &before.home {
            let now = names_in(home);
            let mut new = now.difference(earlier).map(|name| home.join(name).into_string());
            if let Some(first) = new.next() {
                warn(format!(
                    "{first} is new in the home directory since the step began: a step has a HOME of its own"
                ));
            }
        }
        Ok(())
    }

    /// All that is installed by installer, or is being installed.
    fn installed(&self) -> BTreeSet<Utf8PathBuf> {
        let mut all = BTreeSet::new();
        for prefix in super::owned(&self.places, &Owner::Prefix) {
            // One that cannot be read is told by the commit.
            let manifests = manifest::load_all(prefix).into_iter().chain(manifest::load_all_pending(prefix));
            for manifest in manifests.flatten() {
                all.extend(manifest.files.keys().map(|file| manifest.prefix.join(file)));
            }
        }
        all
    }
}

const DURING: &str = "the step, or another program while it ran, wrote";

fn failed(told: Told, mut what: Vec<String>, cure: &str) -> StepError {
    let more = what.len().saturating_sub(NAMED);
    what.truncate(NAMED);
    if more > 0 {
        what.push(format!("and {more} more"));
    }
    let cures = told.cures.into_iter().chain([cure.to_owned()]).collect();
    StepError::Failed(Failure { message: told.message, excerpt: what, cures, ..Failure::default() })
}

/// What installs: the program of the last command.
fn program_of(step: &Step) -> String {
    match &step.action {
        Action::Exec(exec) => exec.commands.last().map(|command| command.program.clone()).unwrap_or_default(),
        _ => String::new(),
    }
}

/// The files of a user's directory that count, relative to it, and when each was last changed.
fn files_of(source: &Utf8Path) -> Option<BTreeMap<Utf8PathBuf, Duration>> {
    let listing = source_files::list(source.as_std_path(), Counting::of_users(&[])).ok()?;
    let files = listing.entries.into_iter().filter(|entry| !entry.metadata.is_dir());
    let known = |entry: source_files::Entry| {
        let changed = changed(&entry.metadata);
        Some((Utf8PathBuf::from_path_buf(entry.path).ok()?, changed))
    };
    Some(files.filter_map(known).collect())
}

fn written_below(directory: &Utf8Path, since: Duration, found: &mut Vec<Utf8PathBuf>) {
    // What is not there, or not readable, was not written by this user.
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let (Ok(metadata), Ok(path)) = (entry.metadata(), Utf8PathBuf::from_path_buf(entry.path())) else {
            continue;
        };
        let name = path.file_name().unwrap_or_default();
        if name == COMPILED || manifest::is_temporary(name) {
            continue;
        }
        if metadata.is_dir() {
            written_below(&path, since, found);
        } else if changed(&metadata) >= since {
            found.push(path);
        }
    }
}

fn names_in(directory: &Utf8Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// When the kernel last changed a file's entry, since 1970.
fn changed(metadata: &fs::Metadata) -> Duration {
    let seconds = u64::try_from(metadata.ctime()).unwrap_or_default();
    Duration::new(seconds, u32::try_from(metadata.ctime_nsec()).unwrap_or_default())
}
