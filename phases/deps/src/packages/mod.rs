//! Package managers of distributions: one file each, and one line in [`MANAGERS`].
//!
//! A manager answers with argument vectors and never runs them, so that a dry run prints what a run runs.

pub mod apk;
pub mod apt;
pub mod apt_repositories;
mod cost;
pub(crate) mod deb_file;
pub mod dnf;
mod dpkg_status;
mod ensure;
mod lock_wait;
mod rpm;
pub(crate) mod site_apt;
mod site_repositories;
pub mod zypper;

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, OnceLock};

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use model::plan::{Argument, Command};

pub use cost::{PackageCost, package_cost};
pub use ensure::{commands, observe, run};
pub(crate) use ensure::{have_lists, install};
pub use site_apt::forget_secrets;

/// Runs a question that changes nothing (`rpm -qa`) and hands back its standard output; an error when it fails.
pub type Ask<'a> = &'a dyn Fn(&[String]) -> std::io::Result<String>;

/// An [`Ask`] for where there is no run.
///
/// # Errors
/// When the program cannot be started or fails.
pub fn ask_directly(argv: &[String]) -> std::io::Result<String> {
    exec::probe::capture(&argv.iter().map(String::as_str).collect::<Vec<_>>())
}

/// How one distribution family installs packages.
pub trait PackageManager: Sync {
    /// The name that cases use: `apt`.
    fn name(&self) -> &'static str;

    /// What is installed below `root` (`/`): read from the manager's own files, or asked of what alone can read them.
    ///
    /// # Errors
    /// When its database cannot be read.
    fn query(&self, root: &Utf8Path, ask: Ask<'_>) -> std::io::Result<Database>;

    /// The files whose change makes an earlier [`PackageManager::query`] worthless.
    fn database_files(&self, root: &Utf8Path) -> Vec<Utf8PathBuf>;

    /// The package that installed `path` (links resolved); `likely` packages are looked at first.
    fn owner(&self, root: &Utf8Path, path: &Utf8Path, likely: &[String], ask: Ask<'_>) -> Option<String>;

    /// Whether package lists are there to install from.
    fn has_lists(&self, root: &Utf8Path) -> bool;

    /// Files that another run of the manager locks, to wait for rather than to fail on.
    fn lock_files(&self, root: &Utf8Path) -> Vec<Utf8PathBuf>;

    /// Finishes a transaction that was interrupted.
    fn repair_argv(&self) -> Vec<Vec<String>>;

    /// The same, as an administrator types it: `dpkg --configure -a`.
    fn repair_hint(&self) -> &'static str;

    /// Brings the package lists up to date.
    fn refresh_argv(&self) -> Vec<Vec<String>>;

    /// Installs packages, asking nothing and removing nothing.
    fn install_argv(&self, packages: &[String]) -> Vec<Vec<String>>;

    /// Finds out, changing nothing and as any user, whether [`PackageManager::install_argv`] could succeed.
    fn simulate_argv(&self, packages: &[String]) -> Vec<String>;

    /// Prints what [`PackageManager::install_argv`] would download and install; changes nothing.
    fn cost_argv(&self, packages: &[String]) -> Vec<String>;

    /// Reads the output of [`PackageManager::cost_argv`].
    fn read_cost(&self, output: &str) -> PackageCost;

    /// Prints which version of a package would be installed.
    fn candidate_argv(&self, package: &str) -> Vec<String>;

    /// Reads the output of [`PackageManager::candidate_argv`].
    fn read_candidate(&self, output: &str) -> Option<String>;

    /// Pairs of packages that bring rustc and cargo, best first.
    fn rust_packages(&self) -> &'static [[&'static str; 2]];

    /// Whether the lines that a failed install printed say that the package lists are out of date.
    fn lists_are_stale(&self, tail: &[String]) -> bool;

    /// What a refresh said about a repository that could not be had, if it was so.
    fn refresh_trouble(&self, lines: &[String]) -> Option<String>;

    /// The packages that a simulation or an install said do not exist.
    fn unknown_packages(&self, lines: &[String]) -> Vec<String>;

    /// What to do about a package that nobody knows, beyond correcting its name.
    fn search_hint(&self, package: &str) -> String;

    /// The packages that it knows and may not install, because the machine's configuration holds them back.
    fn held_packages(&self, _: &[String]) -> Vec<String> {
        Vec::new()
    }

    /// How an administrator lets go of [`PackageManager::held_packages`].
    fn hold_hint(&self) -> &'static str {
        ""
    }

    /// Why an install ended with an error although all was installed, if its output says so.
    fn explains(&self, _: &[String]) -> Option<String> {
        None
    }

    /// What an administrator types: `apt-get install nasm`.
    fn cure(&self, packages: &[String]) -> String;

    /// The same as a line that works when pasted on a machine that was never asked for a package.
    fn command_line(&self, packages: &[String]) -> String {
        self.cure(packages)
    }
}

/// All managers that can be driven, sorted by name.
pub const MANAGERS: &[&dyn PackageManager] = &[&apk::Apk, &apt::Apt, &dnf::DNF, &dnf::YUM, &zypper::Zypper];

/// The manager of this name, if it can be driven.
pub fn by_name(name: &str) -> Option<&'static dyn PackageManager> {
    MANAGERS.iter().copied().find(|manager| manager.name() == name)
}

/// What is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Database {
    /// Package → version, for packages that are wholly installed.
    pub installed: BTreeMap<String, String>,
    /// Virtual package → an installed package that provides it.
    pub provides: BTreeMap<String, String>,
    /// Packages that an interrupted transaction left half-way.
    pub broken: Vec<String>,
    /// Whether the manager itself must be mended before it does anything else.
    pub interrupted: bool,
    /// Whether a version may be demanded without epoch and release, as rpm's tools take it.
    pub version_alone: bool,
}

impl Database {
    /// The package that stands for `name`, itself or one that provides it, with its version.
    ///
    /// `name` may carry an architecture (`zlib1g-dev:i386`) or demand a version (`nasm=2.16.01-1`).
    pub fn find(&self, name: &str) -> Option<(&str, &str)> {
        let (name, wanted) =
            name.split_once('=').map_or((name, None), |(name, version)| (name, Some(version)));
        let found = self.installed.get_key_value(name).or_else(|| {
            let provider = self.provides.get(name)?;
            self.installed.get_key_value(provider)
        });
        found
            .map(|(package, version)| (package.as_str(), version.as_str()))
            .filter(|(_, version)| wanted.is_none_or(|wanted| self.is_version(version, wanted)))
    }

    fn is_version(&self, version: &str, wanted: &str) -> bool {
        let after_epoch = version.split_once(':').map_or(version, |(_, rest)| rest);
        let without_release = |version: &str| version.rsplit_once('-').map(|(version, _)| version == wanted);
        version == wanted
            || (self.version_alone
                && (after_epoch == wanted
                    || without_release(version) == Some(true)
                    || without_release(after_epoch) == Some(true)))
    }
}

/// Whether a `repomd.xml` lies in a directory `depth` levels down, in its `repodata` or beside it.
fn has_repository_index(directory: &Utf8Path, depth: usize) -> bool {
    let here = ["repodata/repomd.xml", "repomd.xml"].iter().any(|file| directory.join(file).is_file());
    let below = || directory.read_dir_utf8().into_iter().flatten().flatten();
    here || (depth > 0 && below().any(|entry| has_repository_index(entry.path(), depth - 1)))
}

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

/// Writes for a manager what the site says, where it says anything that it has to know.
///
/// # Errors
/// When the system's configuration cannot be read, or ours cannot be written.
fn prepare_site(manager: &dyn PackageManager, context: &dyn Context) -> Result<(), StepError> {
    match manager.name() {
        "apt" => site_apt::prepare(context),
        other => site_repositories::prepare(other, context),
    }
}

/// The words of a manager's command with what [`prepare_site`] wrote, if it wrote anything.
pub(crate) fn site_words(argv: &[String], context: &dyn Context) -> Vec<String> {
    site_repositories::words(&site_apt::words(argv, context), context)
}

/// An [`Ask`] within a run.
pub(crate) fn ask_in(argv: &[String], context: &dyn Context) -> Result<String, StepError> {
    let answer = context.capture(&command(argv, context.network_environment()))?;
    if answer.status == 0 {
        return Ok(answer.stdout);
    }
    Err(StepError::new(
        format!("`{}` ended with status {}: {}", argv.join(" "), answer.status, answer.tail.join("; ")),
        "see what it says",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managers_are_sorted_and_each_takes_names_that_cases_have() {
        assert!(MANAGERS.windows(2).all(|pair| pair[0].name() < pair[1].name()));
        for manager in MANAGERS {
            let naming = model::distribution::naming(manager.name());
            assert!(model::distribution::MANAGERS.contains(&naming), "{naming}");
        }
    }

    #[test]
    fn a_package_is_found_by_name_by_what_it_provides_and_by_version() {
        let database = Database {
            installed: [("rustc-web".to_owned(), "1.96.0+dfsg1-1".to_owned())].into(),
            provides: [("rustc".to_owned(), "rustc-web".to_owned())].into(),
            ..Database::default()
        };
        assert_eq!(database.find("rustc"), Some(("rustc-web", "1.96.0+dfsg1-1")));
        assert_eq!(database.find("rustc-web=1.96.0+dfsg1-1").map(|found| found.0), Some("rustc-web"));
        assert_eq!(database.find("rustc-web=1.85"), None);
        assert_eq!(database.find("cargo"), None);
    }
}
