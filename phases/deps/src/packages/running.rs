//! Runs what managers answer.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, OnceLock};

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, Finished, StepError};
use model::event::Failure;
use model::plan::{Argument, Command};

use super::manager::{Database, PackageManager};

/// [`PackageManager::query`], remembered within this process for as long as the database's files do not change.
///
/// # Errors
/// When the database cannot be read.
pub fn database(
    manager: &dyn PackageManager,
    root: &Utf8Path,
    context: &dyn Context,
) -> std::io::Result<Arc<Database>> {
    type Stamp = Vec<Option<(u64, u64, u64, i64, i64)>>;
    type Cache = HashMap<(&'static str, Utf8PathBuf), (Stamp, Arc<Database>)>;
    static CACHE: OnceLock<Mutex<Cache>> = OnceLock::new();

    let files = manager.database_files(root);
    let stamp: Stamp = files
        .iter()
        .map(|file| {
            let data = std::fs::metadata(file).ok()?;
            Some((data.dev(), data.ino(), data.size(), data.mtime(), data.mtime_nsec()))
        })
        .collect();
    let key = (manager.name(), root.to_owned());
    // A poisoned cache is still a cache: an entry is put in whole or not at all.
    let cache =
        || CACHE.get_or_init(Mutex::default).lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // A database that lies in none of these places changes unseen.
    let seen = stamp.iter().any(Option::is_some);
    if let Some((known, database)) = cache().get(&key).filter(|_| seen) {
        if *known == stamp {
            return Ok(Arc::clone(database));
        }
    }
    let ask = |argv: &[String]| {
        let mut probe = || ask_in(argv, context);
        let answer = if seen { context.cached_probe(&argv.join(" "), &files, &mut probe) } else { probe() };
        answer.map_err(|error| std::io::Error::other(message_of(error)))
    };
    let database = Arc::new(manager.query(root, &ask)?);
    cache().insert(key, (stamp, Arc::clone(&database)));
    Ok(database)
}

/// Runs a command of a manager. It may be in the middle of a transaction when the run is cancelled or its time is over,
/// and is waited for.
///
/// # Errors
/// When it fails, or the run is cancelled.
pub(crate) fn execute(
    manager: &dyn PackageManager,
    argv: &[String],
    context: &dyn Context,
) -> Result<Finished, StepError> {
    let argv = manager.site_words(argv, context);
    context.execute_to_its_end(&command(&argv, context.network_environment()))
}

/// The same, with its output and whatever its status.
///
/// # Errors
/// When it cannot be started, or the run is cancelled.
pub(crate) fn capture(
    manager: &dyn PackageManager,
    argv: &[String],
    context: &dyn Context,
) -> Result<Finished, StepError> {
    let argv = manager.site_words(argv, context);
    context.capture_to_its_end(&command(&argv, context.network_environment()))
}

/// The version of a package that would be installed; none when nobody offers it.
///
/// # Errors
/// When the manager cannot be asked, or the run is cancelled.
pub(crate) fn candidate(
    manager: &dyn PackageManager,
    package: &str,
    context: &dyn Context,
) -> Result<Option<String>, StepError> {
    let asked = capture(manager, &manager.candidate_argv(package), context)?;
    Ok(manager.read_candidate(&asked.stdout).filter(|_| asked.status == 0))
}

/// An [`Ask`] within a run.
pub(crate) fn ask_in(argv: &[String], context: &dyn Context) -> Result<String, StepError> {
    let answer = context.capture_to_its_end(&command(argv, context.network_environment()))?;
    if answer.status == 0 {
        return Ok(answer.stdout);
    }
    Err(StepError::new(
        format!("`{}` ended with status {}: {}", argv.join(" "), answer.status, answer.tail.join("; ")),
        "see its output",
    ))
}

fn message_of(error: StepError) -> String {
    match error {
        StepError::Failed(failure) => failure.message,
        StepError::Cancelled => "the run was cancelled".to_owned(),
    }
}

/// A command of a package manager, with the environment of `deps`.
pub(crate) fn command(argv: &[String], environment: BTreeMap<String, String>) -> Command {
    let (program, args) = argv.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    Command {
        program: program.to_owned(),
        args: args.iter().cloned().map(Argument::Literal).collect(),
        environment,
        directory: Utf8PathBuf::from("/"),
    }
}

/// All that a failed command left to read: its first error, its message, and the end of its log.
pub(super) fn lines_of(failure: &Failure) -> Vec<String> {
    let mut lines = failure.excerpt.clone();
    lines.extend(failure.message.lines().map(str::to_owned));
    if let Some(text) = failure.log.as_ref().and_then(|log| std::fs::read(log).ok()) {
        let text = String::from_utf8_lossy(&text);
        let tail: Vec<&str> = text.lines().rev().take(200).collect();
        lines.extend(tail.into_iter().rev().map(str::to_owned));
    }
    lines
}
