//! What components need of a distribution, by the name that recipes and cases use, with each distribution's package
//! names in one table (`catalog.toml`).

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::distribution::naming;
use crate::plan::{Need, Probe};
use crate::target::Os;
pub use crate::version::version_at_least;

/// One row of the catalog.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Programs that show that it is there.
    #[serde(default)]
    pub tools: Vec<String>,
    /// A header that shows that it is there.
    pub header: Option<String>,
    /// A pkg-config module that shows that it is there.
    pub pkg_config: Option<String>,
    /// A module of `python3` that shows that it is there.
    pub python_module: Option<String>,
    /// The toolchain that it is: `deps` brings it by other ways than packages.
    pub toolchain: Option<String>,
    /// Packages by package manager; those of dnf are yum's as well, where yum has none of its own.
    #[serde(default)]
    pub packages: BTreeMap<String, Vec<String>>,
    /// Packages by distribution (`ID` of os-release), where its names differ from those of its manager.
    #[serde(default)]
    pub on: BTreeMap<String, Vec<String>>,
}

impl Entry {
    /// The packages that bring it on a distribution with this manager; none where no name is known.
    pub fn packages_for(&self, manager: &str, os: &Os) -> &[String] {
        let id = |id: &String| self.on.iter().find(|(known, _)| known.eq_ignore_ascii_case(id));
        let here = std::iter::once(&os.id).chain(&os.id_like).find_map(id).map(|(_, packages)| packages);
        let of = |manager: &str| self.packages.get(manager);
        here.or_else(|| of(manager)).or_else(|| of(naming(manager))).map_or(&[], Vec::as_slice)
    }
}

/// The whole table.
pub fn entries() -> &'static BTreeMap<String, Entry> {
    static ENTRIES: OnceLock<BTreeMap<String, Entry>> = OnceLock::new();
    ENTRIES.get_or_init(|| {
        // The table is compiled in, and a test decodes it.
        #[expect(clippy::expect_used, reason = "compiled in, and a test decodes it")]
        toml::from_str(include_str!("catalog.toml")).expect("catalog.toml decodes")
    })
}

/// What a recipe or case means by `name`: a row of the catalog, or `apt:libfoo-dev` for a package of that manager.
///
/// Returns `None` when `name` is neither; a package of another manager gives a need that asks for nothing here.
pub fn need(name: &str, manager: Option<&str>, wanted_by: &str) -> Option<Need> {
    need_on(name, manager, &Os::default(), wanted_by)
}

/// [`need`] on a distribution, whose names may differ from those of others with the same manager.
pub fn need_on(name: &str, manager: Option<&str>, os: &Os, wanted_by: &str) -> Option<Need> {
    let wanted_by = vec![wanted_by.to_owned()];
    if let Some((wanted_manager, package)) = name.split_once(':') {
        let here = manager.is_some_and(|manager| naming(manager) == wanted_manager);
        let packages = if here { vec![package.to_owned()] } else { Vec::new() };
        return Some(Need { name: package.to_owned(), probe: None, packages, wanted_by, optional: false });
    }
    let entry = entries().get(name)?;
    let probe = if !entry.tools.is_empty() {
        Some(Probe::Tool { names: entry.tools.clone(), minimum: None })
    } else if let Some(header) = &entry.header {
        Some(Probe::Header { name: header.clone() })
    } else if let Some(module) = &entry.python_module {
        Some(Probe::PythonModule { interpreter: "python3".to_owned(), module: module.clone() })
    } else {
        entry.pkg_config.as_ref().map(|module| Probe::PkgConfig { module: module.clone(), minimum: None })
    };
    let packages = manager.map_or(&[][..], |manager| entry.packages_for(manager, os)).to_vec();
    Some(Need { name: name.to_owned(), probe, packages, wanted_by, optional: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution;

    #[test]
    fn the_table_decodes_and_every_row_can_be_seen() {
        for (name, entry) in entries() {
            assert!(
                !entry.tools.is_empty()
                    || entry.header.is_some()
                    || entry.pkg_config.is_some()
                    || entry.python_module.is_some()
                    || entry.toolchain.is_some(),
                "{name} has nothing to look for"
            );
            let packaged = entry.packages.contains_key("apt") || entry.toolchain.is_some();
            assert!(packaged, "{name} has no Debian package");
            for manager in entry.packages.keys() {
                assert!(
                    manager == "yum" || distribution::MANAGERS.contains(&manager.as_str()),
                    "{name}: {manager}"
                );
            }
            for id in entry.on.keys() {
                assert!(distribution::is_known(id), "{name}: {id}");
            }
        }
    }

    #[test]
    fn every_row_with_packages_has_names_for_every_manager_or_says_by_none_that_there_are_none() {
        for (name, entry) in entries().iter().filter(|(_, entry)| entry.toolchain.is_none()) {
            for manager in distribution::MANAGERS {
                assert!(entry.packages.contains_key(*manager), "{name} says nothing of {manager}");
            }
        }
    }

    #[test]
    fn names_are_those_of_the_distribution_before_those_of_its_manager() {
        let packages = |name: &str, manager: &str, os: &str| {
            need_on(name, Some(manager), &distribution::parse_os_release(os), "case").unwrap().packages
        };
        assert_eq!(packages("perl", "dnf", "ID=fedora\n"), ["perl-interpreter"]);
        assert_eq!(packages("perl", "dnf", "ID=\"openEuler\"\n"), ["perl"]);
        assert_eq!(packages("perl", "dnf", "ID=house\nID_LIKE=openeuler\n"), ["perl"]);
        assert_eq!(packages("pkg-config", "yum", "ID=centos\n"), ["pkgconfig"]);
        assert_eq!(
            packages("zlib", "yum", "ID=centos\n"),
            ["zlib-devel"],
            "dnf's where yum has none of its own"
        );
        assert_eq!(packages("dnf:libfoo-devel", "yum", "ID=centos\n"), ["libfoo-devel"]);
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(version_at_least("1.85.0", "1.78"));
        assert!(version_at_least("1.78", "1.78.0"));
        assert!(!version_at_least("1.9", "1.10"));
        assert!(version_at_least("3.25.1-rc1", "3.25"));
    }

    #[test]
    fn a_package_of_another_manager_asks_for_nothing_here() {
        let other = need("dnf:zlib-devel", Some("apt"), "case").unwrap();
        assert!(other.packages.is_empty());
        assert!(need("no-such-row", Some("apt"), "case").is_none());
    }
}
