//! What a package manager has to answer.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use model::site::Site;

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
    fn rust_packages(&self) -> &'static [[&'static str; 2]] {
        &[["rust", "cargo"]]
    }

    /// The package with the headers and the library of Python `minor` (`3.11`).
    fn python_headers(&self, _minor: &str) -> String {
        "python3-devel".to_owned()
    }

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

    /// Writes below the cache what the site says (mirrors, authorities, proxies), in this manager's own form; nothing
    /// where the site says nothing that it has to know.
    ///
    /// # Errors
    /// When the system's configuration below `root` cannot be read, or ours cannot be written.
    fn write_site(&self, root: &Utf8Path, context: &dyn Context) -> Result<(), StepError>;

    /// The words of a command of this manager with what [`PackageManager::write_site`] wrote, if it wrote anything.
    fn site_words(&self, argv: &[String], context: &dyn Context) -> Vec<String>;

    /// Removes what [`PackageManager::write_site`] wrote when it holds a password.
    ///
    /// # Errors
    /// When something cannot be removed.
    fn forget_site(&self, site: &Site, cache: &Utf8Path) -> Result<(), StepError>;

    /// What an administrator types: `apt-get install nasm`.
    fn cure(&self, packages: &[String]) -> String;

    /// The same as a line that works when pasted on a machine that was never asked for a package.
    fn command_line(&self, packages: &[String]) -> String {
        self.cure(packages)
    }
}

/// What installing the missing packages would cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PackageCost {
    /// Packages that would be newly installed, what they depend on included.
    pub packages: u32,
    /// Bytes to download, where the manager says.
    pub download_bytes: Option<u64>,
    /// Bytes on the disk afterwards, where the manager says.
    pub installed_bytes: Option<u64>,
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
