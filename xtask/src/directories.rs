//! State and cache directory of a case: whose they are, and who works in them now.

use camino::Utf8Path;
use exec::lock::{LockError, RunLock};
use model::exit;

use crate::args::Common;
use crate::error::{Error, Result};
use crate::load::Setting;
use crate::out::warn;

/// Identifies the state directory.
pub fn marker(setting: &Setting) -> String {
    model::Digest::of(setting.layout.state.as_str()).short().to_owned()
}

/// Takes the run lock and ends what a killed run left running.
pub fn take_lock(common: &Common, setting: &Setting) -> Result<RunLock> {
    let path = setting.layout.state.join("lock");
    engine::files::create_dir_all(&setting.layout.state)?;
    let lock = RunLock::acquire(&path, common.wait).map_err(|error| match error {
        LockError::Io { .. } => Error::internal(error.to_string()),
        LockError::Held { .. } | LockError::Leftovers { .. } => {
            Error::new(exit::LOCKED, error.to_string()).with_help("--wait waits for it")
        }
    })?;
    let ended = exec::launcher::end_leftovers(&marker(setting), &path)
        .map_err(|error| Error::internal(format!("failed to end what a killed run left running: {error}")))?;
    for process in ended {
        warn(&format!("ended what a killed run left running: {process}"));
    }
    Ok(lock)
}

/// Sees that state and cache directory are this case's: two cases in one would each take the other's build trees for
/// their own.
pub fn own(setting: &Setting) -> Result<()> {
    let case = &setting.case().metadata.name;
    for (directory, flag) in [(&setting.layout.state, "--state-dir"), (&setting.layout.cache, "--cache-dir")]
    {
        let mark = directory.join("case");
        match engine::files::read_if_there(&mark)? {
            Some(owner) if owner.trim() == case => {}
            Some(owner) => {
                return Err(Error::usage(format!("{directory} is used by the case `{}`", owner.trim()))
                    .with_help(format!("give each case its own {flag}")));
            }
            None => engine::files::atomic_write(&mark, format!("{case}\n").as_bytes())?,
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
    let (known, found) = (engine::files::read_if_there(&mine)?, engine::files::read_if_there(&theirs)?);
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
        Ok(mut entries) => entries.next().is_none(),
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
    use camino::Utf8PathBuf;

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
