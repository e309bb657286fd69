//! zypper: openSUSE and SUSE Linux Enterprise.

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, StepError};
use model::site::Site;

use super::manager::{Ask, Database, PackageCost, PackageManager};
use super::site_repositories::copy_repositories;
use super::{rpm, site};

/// zypper.
#[derive(Clone, Copy, Debug)]
pub struct Zypper;

/// Where `.repo` files lie (zypper(8)).
const REPOSITORIES: &[&str] = &["etc/zypp/repos.d"];

impl PackageManager for Zypper {
    fn name(&self) -> &'static str {
        "zypper"
    }

    fn query(&self, root: &Utf8Path, ask: Ask<'_>) -> std::io::Result<Database> {
        let mut database = rpm::query(root, ask)?;
        // What comes in several versions is written in zypp.conf(5), and zypper itself installs over what is left.
        database.interrupted = false;
        database.broken.clear();
        Ok(database)
    }

    fn database_files(&self, root: &Utf8Path) -> Vec<Utf8PathBuf> {
        rpm::database_files(root)
    }

    fn owner(&self, root: &Utf8Path, path: &Utf8Path, _: &[String], ask: Ask<'_>) -> Option<String> {
        rpm::owner(root, path, ask)
    }

    fn has_lists(&self, root: &Utf8Path) -> bool {
        rpm::has_repository_index(&root.join("var/cache/zypp/raw"), 1)
    }

    fn lock_files(&self, root: &Utf8Path) -> Vec<Utf8PathBuf> {
        // Another zypper is waited for by zypper itself, see `argv`.
        rpm::lock_files(root)
    }

    fn repair_argv(&self) -> Vec<Vec<String>> {
        Vec::new()
    }

    fn repair_hint(&self) -> &'static str {
        "zypper verify"
    }

    fn refresh_argv(&self) -> Vec<Vec<String>> {
        vec![argv(&["refresh"], &[])]
    }

    fn install_argv(&self, packages: &[String]) -> Vec<Vec<String>> {
        vec![argv(&["install", "--no-recommends"], packages)]
    }

    fn simulate_argv(&self, packages: &[String]) -> Vec<String> {
        argv(&["--no-refresh", "install", "--dry-run", "--no-recommends"], packages)
    }

    fn cost_argv(&self, packages: &[String]) -> Vec<String> {
        self.simulate_argv(packages)
    }

    fn read_cost(&self, output: &str) -> PackageCost {
        let mut cost = PackageCost::default();
        for line in output.lines().map(str::trim) {
            // `2 new packages to install.`, `3 packages to upgrade, 1 new, 1 to reinstall.`
            if line.ends_with('.')
                && (line.contains(" new package") || line.contains(" new,") || line.ends_with(" new."))
            {
                let count = line.split(", ").find(|part| part.contains(" new"));
                let number = count.and_then(|part| part.split(' ').next()?.parse().ok());
                cost.packages = number.unwrap_or(cost.packages);
            }
            if let Some((_, rest)) = line.split_once("Overall download size: ") {
                cost.download_bytes = size(rest);
            }
            if let Some((_, rest)) = line.split_once("After the operation, additional ") {
                cost.installed_bytes = size(rest);
            } else if line.contains("No additional space will be used") {
                cost.installed_bytes = Some(0);
            }
        }
        cost
    }

    fn candidate_argv(&self, package: &str) -> Vec<String> {
        argv(&["--no-refresh", "info"], &[package.to_owned()])
    }

    fn read_candidate(&self, output: &str) -> Option<String> {
        let mut lines = output.lines().filter_map(|line| line.split_once(':'));
        lines.rfind(|(key, _)| key.trim() == "Version").map(|(_, value)| value.trim().to_owned())
    }

    fn lists_are_stale(&self, tail: &[String]) -> bool {
        tail.iter().any(|line| line.contains("not found on medium"))
    }

    fn refresh_trouble(&self, lines: &[String]) -> Option<String> {
        let of =
            |mark: &str| lines.iter().find(|line| line.contains(mark)).map(|line| line.trim().to_owned());
        let name = of("Skipping repository").or_else(|| of("' is invalid."))?;
        // `Error code: …` and `Error message: …` say why.
        Some(of("Error message: ").map_or(name.clone(), |why| format!("{name} {why}")))
    }

    fn unknown_packages(&self, lines: &[String]) -> Vec<String> {
        let name = |line: &String| {
            let line = line.trim();
            let found = line.strip_prefix("No provider of '").and_then(|rest| rest.strip_suffix("' found."));
            let older = || line.strip_prefix("Package '")?.strip_suffix("' not found.");
            Some(found.or_else(older)?.to_owned())
        };
        lines.iter().filter_map(name).collect()
    }

    fn explains(&self, lines: &[String]) -> Option<String> {
        // zypper(8), exit code 106: all was installed, from the other repositories.
        let skipped = lines.iter().any(|line| line.contains("have not been refreshed because of an error"));
        skipped.then(|| self.refresh_trouble(lines).unwrap_or_else(|| "repositories were skipped".to_owned()))
    }

    fn search_hint(&self, package: &str) -> String {
        format!(
            "look for it: zypper search {package}; on SUSE Linux Enterprise many libraries are in modules: SUSEConnect --list-extensions"
        )
    }

    fn write_site(&self, root: &Utf8Path, context: &dyn Context) -> Result<(), StepError> {
        let mirrors = &context.site().package_mirrors;
        if mirrors.is_empty() {
            return Ok(());
        }
        let directory = site::directory(context);
        files::fresh_dir(&directory)?;
        copy_repositories(root, REPOSITORIES, &directory.join("repositories"), mirrors)
    }

    fn site_words(&self, argv: &[String], context: &dyn Context) -> Vec<String> {
        if context.site().package_mirrors.is_empty() {
            return argv.to_vec();
        }
        site::with_option(argv, "zypper", "--reposd-dir", &site::directory(context).join("repositories"))
    }

    fn forget_site(&self, site: &Site, cache: &Utf8Path) -> Result<(), StepError> {
        site::forget(site, cache)
    }

    fn cure(&self, packages: &[String]) -> String {
        format!("zypper install {}", packages.join(" "))
    }
}

/// `ZYPP_LOCK_TIMEOUT`: seconds for which another zypper is waited for (libzypp ≥ 17.25).
fn argv(words: &[&str], packages: &[String]) -> Vec<String> {
    ["env", "LC_ALL=C", "ZYPP_LOCK_TIMEOUT=600", "zypper", "--non-interactive"]
        .iter()
        .chain(words)
        .map(|word| (*word).to_owned())
        .chain(packages.iter().cloned())
        .collect()
}

/// `11.6 KiB. Already cached: …` in bytes.
fn size(text: &str) -> Option<u64> {
    let mut words = text.split_ascii_whitespace();
    let number: f64 = words.next()?.parse().ok()?;
    let factor = match words.next()?.trim_end_matches('.') {
        "B" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    Some((number * factor).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn argument_vectors_ask_nothing_and_take_no_recommended_packages() {
        assert_eq!(
            Zypper.install_argv(&words("nasm ninja=1.11")),
            [words(
                "env LC_ALL=C ZYPP_LOCK_TIMEOUT=600 zypper --non-interactive install --no-recommends nasm ninja=1.11"
            )]
        );
        assert!(
            Zypper.cost_argv(&words("nasm")).iter().any(|word| word == "--dry-run"),
            "or it would install"
        );
        assert_eq!(Zypper.refresh_argv()[0].last().unwrap(), "refresh");
    }

    /// As zypper 1.14 printed it.
    #[test]
    fn sizes_are_read_as_zypper_prints_them() {
        let said = "The following 2 NEW packages are going to be installed:\n  a b\n\n\
                    2 new packages to install.\n\
                    Overall download size: 11.6 KiB. Already cached: 0 B. After the operation, additional 24.0 B will be used.\n\
                    Continue? [y/n/v/...? shows all options] (y): y\n";
        assert_eq!(
            Zypper.read_cost(said),
            PackageCost { packages: 2, download_bytes: Some(11878), installed_bytes: Some(24) }
        );
        let one = "1 package to upgrade, 1 new.\nOverall download size: 5.4 MiB. Already cached: 0 B. No additional space will be used or freed after the operation.\n";
        assert_eq!(
            Zypper.read_cost(one),
            PackageCost { packages: 1, download_bytes: Some(5_662_310), installed_bytes: Some(0) }
        );
    }

    #[test]
    fn errors_name_the_package() {
        let said = "'nsam' not found in package names. Trying capabilities.\nNo provider of 'nsam' found.\n";
        assert_eq!(Zypper.unknown_packages(&lines(said)), ["nsam"]);
        let gone = "File './noarch/nasm-1.0-1.noarch.rpm' not found on medium 'http://mirror.example/repo'";
        assert!(Zypper.lists_are_stale(&lines(gone)));
        assert!(!Zypper.lists_are_stale(&lines(said)));
    }

    #[test]
    fn a_repository_that_was_skipped_is_told_and_is_no_failure_by_itself() {
        let said = "Retrieving repository 'dead' metadata [.error]\nRepository 'dead' is invalid.\n\
                    Error code: Connection failed\nError message: Failed to connect to 127.0.0.1 port 9\n\
                    Warning: Skipping repository 'dead' because of the above error.\n\
                    Some of the repositories have not been refreshed because of an error.\n";
        let told = Zypper.explains(&lines(said)).unwrap();
        assert!(told.contains("'dead'") && told.contains("Failed to connect"), "{told}");
        assert_eq!(Zypper.explains(&lines("Installation has completed with error.\n")), None);
    }

    #[test]
    fn a_candidate_is_read_and_none_is_none() {
        let info = "Information for package rust:\n-----\nRepository     : oss\nName           : rust\n\
                    Version        : 1.75.0-1.1\nArch           : x86_64\n";
        assert_eq!(Zypper.read_candidate(info).as_deref(), Some("1.75.0-1.1"));
        assert_eq!(Zypper.read_candidate("package 'rust' not found.\n"), None);
    }
}
