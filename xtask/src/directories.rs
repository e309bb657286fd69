//! State and cache directory of a case: whose they are, and who works in them now.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use exec::lock::{LockError, RunLock};
use model::exit;
use model::plan::{Action, Plan};

use crate::args::Common;
use crate::error::{Error, Result};
use crate::load::Setting;
use crate::out::warn;

/// The file that a run has locked for as long as it lasts.
const LOCK: &str = "lock";

/// The file that a run of this state directory has locked.
pub fn lock_of(state: &Utf8Path) -> Utf8PathBuf {
    state.join(LOCK)
}

/// Identifies the state directory.
pub fn marker(setting: &Setting) -> String {
    setting.layout.owner()
}

/// Takes the locks of state and cache directory, and ends what a killed run left running.
pub fn take_lock(common: &Common, setting: &Setting) -> Result<RunLock> {
    let lock = take_lock_of_state(common, setting)?;
    let (state, cache) = (&setting.layout.state, &setting.layout.cache);
    engine::files::create_dir_all(cache)?;
    // A lock that this process has already would be waited for in vain.
    if state.canonicalize_utf8().ok() == cache.canonicalize_utf8().ok() {
        return Ok(lock);
    }
    Ok(lock.with(acquire(common, cache)?))
}

/// The same for what touches no build tree.
pub fn take_lock_of_state(common: &Common, setting: &Setting) -> Result<RunLock> {
    let state = &setting.layout.state;
    engine::files::create_dir_all(state)?;
    let lock = acquire(common, state)?;
    let ended = exec::launcher::end_leftovers(&marker(setting), lock.path())
        .map_err(|error| Error::internal(format!("failed to end what a killed run left running: {error}")))?;
    for process in ended {
        warn(&format!("ended what a killed run left running: {process}"));
    }
    Ok(lock)
}

fn acquire(common: &Common, directory: &Utf8Path) -> Result<RunLock> {
    RunLock::acquire(&directory.join(LOCK), common.wait).map_err(|error| match error {
        LockError::Io { .. } => Error::internal(error.to_string()),
        LockError::Held { .. } | LockError::Leftovers { .. } => {
            Error::new(exit::LOCKED, error.to_string()).with_help("--wait waits for it")
        }
    })
}

/// Sees that state and cache directory are this case's: two cases in one would each take the other's build trees for
/// their own.
pub fn own(setting: &Setting) -> Result<()> {
    let case = &setting.case().metadata.name;
    let mut whole = false;
    let mut damaged = false;
    for (directory, flag) in [(&setting.layout.state, "--state-dir"), (&setting.layout.cache, "--cache-dir")]
    {
        let mark = directory.join("case");
        let text = engine::files::record(&mark)?;
        match text.as_deref().map(marked) {
            Some(Some(owner)) if owner == case => {
                whole = true;
                continue;
            }
            Some(Some(owner)) => {
                return Err(Error::usage(format!("{directory} is used by the case `{owner}`"))
                    .with_help(format!("give each case its own {flag}")));
            }
            Some(None) => {
                damaged = true;
                warn(&format!(
                    "{mark} was damaged and is written again: {directory} counts as that of {case}"
                ));
            }
            None => {}
        }
        engine::files::atomic_write(&mark, format!("{case}\n").as_bytes())?;
    }
    if damaged && !whole {
        // Whose build trees these are, nothing tells any more: what they are paired with goes, and so do they.
        engine::files::remove_tree(&setting.layout.state.join("pair"))?;
    }
    Ok(())
}

/// The name of a case that a mark holds; none when it is damaged. A whole one is a line.
fn marked(text: &str) -> Option<&str> {
    let name = text.strip_suffix('\n')?;
    let plain =
        !name.is_empty() && !name.contains(|letter: char| letter.is_whitespace() || letter == '\u{fffd}');
    plain.then_some(name)
}

/// Moves aside what stands in the place of a record and is none: before anything is read or written there.
pub fn heal_places(setting: &Setting, plans: &[Plan]) -> Result<()> {
    engine::misplaced::set_aside(&setting.layout, plans)?.iter().for_each(|told| warn(told));
    Ok(())
}

/// Writes damaged manifests again where the plans install, or moves them aside.
pub fn heal_manifests(setting: &Setting, plans: &[Plan]) -> Result<()> {
    let prefixes: BTreeSet<&Utf8Path> = plans
        .iter()
        .flat_map(|plan| &plan.steps)
        .filter_map(|step| match &step.action {
            Action::Commit(commit) => Some(commit.prefix.as_path()),
            Action::InstallWheels(wheels) => Some(wheels.environment.as_path()),
            _ => None,
        })
        .collect();
    for prefix in prefixes {
        for told in engine::manifest::damaged::heal(&setting.layout, prefix)? {
            warn(&told);
        }
    }
    Ok(())
}

/// Sees that the build trees are those that the ledger speaks of. One of them may be another's: a cache mount that a
/// builder handed out twice, a directory that was restored, a --state-dir of its own. What the ledger calls compiled
/// would then be something else; a lost tree is only built again.
pub fn same_records(setting: &Setting) -> Result<()> {
    let (state, cache) = (&setting.layout.state, &setting.layout.cache);
    let (mine, theirs) = (state.join("pair"), cache.join("pair"));
    let (known, found) = (engine::files::record(&mine)?, engine::files::record(&theirs)?);
    if known.is_some() && known == found {
        return Ok(());
    }
    // Both are new, or of a version that did not look.
    if known.is_some() || found.is_some() {
        for name in ["build", "work", "staging", "sources"] {
            let trees = cache.join(name);
            if trees.exists() {
                warn(&format!("{trees} does not match the records in {state} and is created again"));
                engine::files::remove_tree(&trees)?;
            }
        }
    }
    // A new one each time: the same on two caches would say that both are this ledger's.
    let moment = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let pair = model::Digest::of(format!("{} {} {state}", moment.as_nanos(), std::process::id()));
    engine::files::atomic_write(&mine, pair.as_str().as_bytes())?;
    engine::files::atomic_write(&theirs, pair.as_str().as_bytes())?;
    Ok(())
}

/// The standard mark of a directory that may be lost (Cache Directory Tagging Specification), with who made it.
const CACHE_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# This directory was made by installer; `installer clean` removes it.\n";

/// Whether a cache directory is installer's own.
pub fn is_own_cache(cache: &Utf8Path) -> bool {
    std::fs::read_to_string(cache.join("CACHEDIR.TAG")).is_ok_and(|text| text == CACHE_TAG)
}

/// Marks a cache directory as installer's own, if it is new or empty.
pub fn mark_cache(cache: &Utf8Path) -> Result<()> {
    let empty = match cache.read_dir_utf8() {
        Ok(mut entries) => entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == LOCK)),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if empty {
        engine::files::create_dir_all(cache)?;
        engine::files::atomic_write(&cache.join("CACHEDIR.TAG"), CACHE_TAG.as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cache_that_installer_made_is_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
        let (new, used) = (root.join("new"), root.join("used"));
        mark_cache(&new).unwrap();
        assert!(is_own_cache(&new));
        std::fs::create_dir(&used).unwrap();
        std::fs::write(used.join("mine.txt"), "keep").unwrap();
        mark_cache(&used).unwrap();
        assert!(!is_own_cache(&used));
        // A second run finds its own mark and what it built, and changes nothing.
        std::fs::create_dir(new.join("build")).unwrap();
        mark_cache(&new).unwrap();
        assert!(is_own_cache(&new));
    }
}
