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
mod manager;
mod rpm;
mod running;
pub(crate) mod site;
pub(crate) mod site_apt;
mod site_repositories;
pub mod zypper;

use camino::Utf8Path;
use engine::runner::StepError;
use model::site::Site;

pub use cost::package_cost;
pub use ensure::{commands, observe, run};
pub(crate) use ensure::{have_lists, install};
pub use manager::{Ask, Database, PackageCost, PackageManager, ask_directly};
pub use running::database;
pub(crate) use running::{ask_in, candidate};

/// All managers that can be driven, sorted by name.
pub const MANAGERS: &[&dyn PackageManager] = &[&apk::Apk, &apt::Apt, &dnf::DNF, &dnf::YUM, &zypper::Zypper];

/// The manager of this name, if it can be driven.
pub fn by_name(name: &str) -> Option<&'static dyn PackageManager> {
    MANAGERS.iter().copied().find(|manager| manager.name() == name)
}

/// Removes what was written for package managers when it holds a password: a cache directory may well end in an image's layer.
///
/// # Errors
/// When something cannot be removed.
pub fn forget_secrets(site: &Site, cache: &Utf8Path) -> Result<(), StepError> {
    MANAGERS.iter().try_for_each(|manager| manager.forget_site(site, cache))
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
