//! What is said of packages of the distribution must mean.

use std::collections::BTreeSet;

use super::super::diagnostic::{nearest, suggest};
use super::Checker;
use crate::case::{AptRepository, SystemPackages};
use crate::catalog;
use crate::distribution::MANAGERS;

impl Checker<'_> {
    pub(super) fn system_packages(&mut self) {
        let case = self.case;
        if let SystemPackages::ByManager(by) = &case.system_packages {
            for manager in by.keys().filter(|manager| !MANAGERS.contains(&manager.as_str())) {
                let help = suggest(manager, MANAGERS.iter().copied(), "known");
                self.at_key(
                    &["system_packages", manager],
                    format!("unknown package manager `{manager}`"),
                    help,
                );
            }
            for manager in by.keys() {
                self.repositories(manager, case.system_packages.repositories(manager));
            }
        }
    }

    fn repositories(&mut self, manager: &str, repositories: &[AptRepository]) {
        let list = ["system_packages", manager, "repositories"];
        if manager != "apt" && !repositories.is_empty() {
            let help = "only repositories of apt can be declared; set up others yourself".to_owned();
            self.at_key(&list, format!("`{manager}` takes no repositories"), Some(help));
            return;
        }
        let mut names = BTreeSet::new();
        for (index, repository) in repositories.iter().enumerate() {
            let index = index.to_string();
            let at = |key: &'static str| [&list[..], &[index.as_str(), key]].concat();
            for (key, what, help) in repository.mistakes() {
                self.at_value(&at(key), what, Some(help.to_owned()));
            }
            if !names.insert(&repository.name) {
                let what = format!("two apt repositories are called `{}`", repository.name);
                self.at_value(&at("name"), what, Some("give each its own name".to_owned()));
            }
        }
    }

    pub(super) fn package_names(&mut self) {
        for (manager, names) in &self.case.package_names {
            if !MANAGERS.contains(&manager.as_str()) {
                let help = suggest(manager, MANAGERS.iter().copied(), "known");
                self.at_key(
                    &["package_names", manager],
                    format!("unknown package manager `{manager}`"),
                    help,
                );
                continue;
            }
            for (need, packages) in names {
                let path = ["package_names", manager.as_str(), need.as_str()];
                if !catalog::entries().contains_key(need) {
                    let help = nearest(need, catalog::entries().keys().map(String::as_str))
                        .map(|near| format!("did you mean `{near}`?"));
                    self.at_key(&path, format!("`{need}` is not in the catalog of system needs"), help);
                }
                let odd = |package: &&String| {
                    !package.starts_with(|first: char| first.is_ascii_alphanumeric())
                        || package.contains(char::is_whitespace)
                };
                if let Some(package) = packages.iter().find(odd) {
                    let help =
                        "write one name per text; an empty list means that it is installed in another way";
                    self.at_value(
                        &path,
                        format!("`{package}` is not the name of a package"),
                        Some(help.to_owned()),
                    );
                }
            }
        }
    }

    pub(super) fn system_need(&mut self, path: &[&str], wanted: &str) {
        match wanted.split_once(':') {
            Some((manager, package)) if MANAGERS.contains(&manager) && package.trim().is_empty() => {
                let help = Some(format!("write the package: `{manager}:libfoo-dev`"));
                self.at_value(path, format!("`{wanted}` names no package"), help);
            }
            Some((manager, _)) if MANAGERS.contains(&manager) => {}
            Some((manager, _)) => {
                let help = suggest(manager, MANAGERS.iter().copied(), "known");
                self.at_value(path, format!("unknown package manager `{manager}` in `{wanted}`"), help);
            }
            None if !catalog::entries().contains_key(wanted) => {
                let help = nearest(wanted, catalog::entries().keys().map(String::as_str))
                    .map(|near| format!("did you mean `{near}`?"))
                    .unwrap_or_else(|| format!("write the package with its manager: `apt:{wanted}`"));
                self.at_value(path, format!("`{wanted}` is not in the catalog of system needs"), Some(help));
            }
            None => {}
        }
    }
}
