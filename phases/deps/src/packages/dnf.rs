//! dnf, of versions 4 and 5, and the yum of before: Fedora, Red Hat, openEuler and what derives from them.

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, StepError};
use model::site::Site;

use super::manager::{Ask, Database, PackageCost, PackageManager};
use super::site_repositories::copy_repositories;
use super::{rpm, site};

/// dnf, where there is one.
pub const DNF: Rpm = Rpm { program: "dnf" };

/// yum 3, where it is not another name of dnf.
pub const YUM: Rpm = Rpm { program: "yum" };

/// A repository that does not answer may not be needed; dnf says that it goes on without.
const SKIP_DEAD: &str = "--setopt=*.skip_if_unavailable=True";

/// Where `.repo` files lie (dnf.conf(5), `reposdir`), and the main configuration.
const REPOSITORIES: &[&str] = &["etc/yum.repos.d", "etc/yum/repos.d", "etc/distro.repos.d"];
const CONFIGURATIONS: &[&str] = &["etc/dnf/dnf.conf", "etc/yum.conf"];

/// dnf or yum.
#[derive(Clone, Copy, Debug)]
pub struct Rpm {
    program: &'static str,
}

impl Rpm {
    fn is_yum(self) -> bool {
        self.program == "yum"
    }

    fn argv(self, words: &[&str], packages: &[String]) -> Vec<String> {
        ["env", "LC_ALL=C", self.program]
            .iter()
            .chain(words)
            .map(|word| (*word).to_owned())
            // A demanded version is written as everywhere in cases: `nasm=2.16`.
            .chain(packages.iter().map(|package| package.replacen('=', "-", 1)))
            .collect()
    }

    fn install<'a>(self, first: &[&'a str]) -> Vec<&'a str> {
        let mut words = first.to_vec();
        words.push("install");
        // yum's packages have no weak dependencies, and it always takes the newest.
        if !self.is_yum() {
            words.extend(["--best", "--setopt=install_weak_deps=False"]);
        }
        words.push(SKIP_DEAD);
        words
    }
}

impl PackageManager for Rpm {
    fn name(&self) -> &'static str {
        self.program
    }

    fn query(&self, root: &Utf8Path, ask: Ask<'_>) -> std::io::Result<Database> {
        let mut database = rpm::query(root, ask)?;
        // yum's own way to mend them is a program that its base system lacks.
        database.interrupted &= !self.is_yum();
        Ok(database)
    }

    fn database_files(&self, root: &Utf8Path) -> Vec<Utf8PathBuf> {
        rpm::database_files(root)
    }

    fn owner(&self, root: &Utf8Path, path: &Utf8Path, _: &[String], ask: Ask<'_>) -> Option<String> {
        rpm::owner(root, path, ask)
    }

    fn has_lists(&self, root: &Utf8Path) -> bool {
        // dnf 5, dnf 4: a directory a repository; yum: below those of architecture and release.
        let places = [("var/cache/libdnf5", 1), ("var/cache/dnf", 1), ("var/cache/yum", 3)];
        places.iter().any(|(directory, depth)| rpm::has_repository_index(&root.join(directory), *depth))
    }

    fn lock_files(&self, root: &Utf8Path) -> Vec<Utf8PathBuf> {
        // Both wait for another run of their own by themselves; rpm started by hand is not waited for.
        rpm::lock_files(root)
    }

    fn repair_argv(&self) -> Vec<Vec<String>> {
        if self.is_yum() {
            return Vec::new();
        }
        vec![self.argv(&["-y", "remove", "--duplicates", SKIP_DEAD], &[])]
    }

    fn repair_hint(&self) -> &'static str {
        if self.is_yum() { "package-cleanup --cleandupes" } else { "dnf remove --duplicates" }
    }

    fn refresh_argv(&self) -> Vec<Vec<String>> {
        if self.is_yum() {
            return vec![
                self.argv(&["-q", "clean", "expire-cache"], &[]),
                self.argv(&["-y", "makecache", "fast", SKIP_DEAD], &[]),
            ];
        }
        vec![self.argv(&["-y", "--refresh", "makecache", SKIP_DEAD], &[])]
    }

    fn install_argv(&self, packages: &[String]) -> Vec<Vec<String>> {
        vec![self.argv(&self.install(&["-y"]), packages)]
    }

    fn simulate_argv(&self, packages: &[String]) -> Vec<String> {
        // `-C`: a look downloads nothing, not even lists that are out of date.
        self.argv(&self.install(&["-C", "--assumeno"]), packages)
    }

    fn cost_argv(&self, packages: &[String]) -> Vec<String> {
        self.simulate_argv(packages)
    }

    fn read_cost(&self, output: &str) -> PackageCost {
        let mut cost = PackageCost::default();
        for line in output.lines().map(str::trim) {
            // dnf 4 and yum: `Install  12 Packages`, `Install  1 Package (+3 Dependent packages)`; dnf 5:
            // ` Installing:        12 packages`.
            if let Some(rest) = line.strip_prefix("Install ").or_else(|| line.strip_prefix("Installing: ")) {
                let counts = rest.split([' ', '(', '+']).filter_map(|word| word.parse::<u32>().ok());
                cost.packages = counts.sum();
            } else if let Some(rest) = line.strip_prefix("Total download size: ") {
                cost.download_bytes = size(rest);
            } else if let Some(rest) = line.strip_prefix("Installed size: ") {
                cost.installed_bytes = size(rest);
            } else if let Some((_, rest)) = line.split_once("Need to download ") {
                cost.download_bytes = size(rest);
            } else if let Some(rest) = line.strip_prefix("After this operation") {
                cost.installed_bytes = size(rest.trim_start_matches(','));
            }
        }
        cost
    }

    fn candidate_argv(&self, package: &str) -> Vec<String> {
        self.argv(&["-C", "-q", "info"], &[package.to_owned()])
    }

    fn read_candidate(&self, output: &str) -> Option<String> {
        // What is installed comes first, then what is newer than that.
        let mut lines = output.lines().filter_map(|line| line.split_once(':'));
        lines.rfind(|(key, _)| key.trim() == "Version").map(|(_, value)| value.trim().to_owned())
    }

    fn lists_are_stale(&self, tail: &[String]) -> bool {
        tail.iter().any(|line| {
            line.contains("No more mirrors to try")
                || line.contains("Status code: 404")
                || (line.contains("404") && (line.contains("[MIRROR]") || line.contains("HTTP")))
        })
    }

    fn refresh_trouble(&self, lines: &[String]) -> Option<String> {
        let of = |mark: &str| lines.iter().position(|line| line.contains(mark));
        // dnf 4 says what is wrong one line further.
        if let Some(at) = of("Errors during downloading metadata") {
            let why = lines.get(at + 1).map_or("", |line| line.trim().trim_start_matches("- "));
            return Some(format!("{} {why}", lines[at].trim()).trim().to_owned());
        }
        [
            "Failed to download metadata for repo",
            "Cannot retrieve repository metadata",
            "Failure: repodata/repomd.xml",
        ]
        .into_iter()
        .find_map(of)
        .map(|at| lines[at].trim().to_owned())
    }

    fn unknown_packages(&self, lines: &[String]) -> Vec<String> {
        let name = |line: &String| {
            let line = line.trim();
            let found = line.strip_prefix("No match for argument: ");
            let of_yum = || line.strip_prefix("No package ")?.strip_suffix(" available.");
            Some(found.or_else(of_yum)?.trim().to_owned())
        };
        lines.iter().filter_map(name).collect()
    }

    fn held_packages(&self, lines: &[String]) -> Vec<String> {
        // `All matches were filtered out by exclude filtering for argument: nasm` (versionlock, `excludepkgs`), or
        // modular filtering.
        let of = |line: &String| Some(line.split_once("filtering for argument: ")?.1.trim().to_owned());
        lines.iter().filter_map(of).collect()
    }

    fn hold_hint(&self) -> &'static str {
        "dnf versionlock delete, or `excludepkgs` in /etc/dnf/dnf.conf and /etc/yum.repos.d; for a module: dnf module enable"
    }

    fn search_hint(&self, package: &str) -> String {
        format!(
            "look for it: {} search {package}; on Red Hat's family many libraries are in CRB (PowerTools on 8) and EPEL: dnf config-manager --set-enabled crb; dnf install epel-release",
            self.program
        )
    }

    fn write_site(&self, root: &Utf8Path, context: &dyn Context) -> Result<(), StepError> {
        let site = context.site();
        if !concerned(site) {
            return Ok(());
        }
        let directory = site::directory(context);
        let repositories = directory.join("repositories");
        files::fresh_dir(&directory)?;
        if !site.package_mirrors.is_empty() {
            copy_repositories(root, REPOSITORIES, &repositories, &site.package_mirrors)?;
        }
        let existing = CONFIGURATIONS.iter().map(|path| root.join(path)).find(|path| path.is_file());
        let text = existing.map_or(Ok(String::new()), |path| site::read(&path))?;
        site::write_secret(&directory.join("dnf.conf"), &configuration(&text, site, &repositories))
    }

    fn site_words(&self, argv: &[String], context: &dyn Context) -> Vec<String> {
        if !concerned(context.site()) {
            return argv.to_vec();
        }
        site::with_option(argv, self.program, "--config", &site::directory(context).join("dnf.conf"))
    }

    fn forget_site(&self, site: &Site, cache: &Utf8Path) -> Result<(), StepError> {
        site::forget(site, cache)
    }

    fn cure(&self, packages: &[String]) -> String {
        format!("{} install {}", self.program, packages.join(" "))
    }
}

/// `12 M`, `6.2 k`, `24` or, of dnf 5, `281 MiB`, in bytes; all count in powers of 1024.
fn size(text: &str) -> Option<u64> {
    let mut words = text.split_ascii_whitespace();
    let number: f64 = words.next()?.parse().ok()?;
    let factor = match words.next().unwrap_or_default().trim_end_matches('.') {
        "k" | "KiB" => 1024.0,
        "M" | "MiB" => 1024.0 * 1024.0,
        "G" | "GiB" => 1024.0 * 1024.0 * 1024.0,
        "" | "B" => 1.0,
        _ => return None,
    };
    Some((number * factor).round() as u64)
}

/// Whether the site says anything that dnf and yum have to know.
fn concerned(site: &Site) -> bool {
    !site.package_mirrors.is_empty() || site.authorities.is_some() || site::proxy(site).is_some()
}

/// The main configuration with ours in it: what is said twice counts the first time that we write it.
fn configuration(text: &str, site: &Site, repositories: &Utf8Path) -> String {
    let mut ours: Vec<(&str, String)> = Vec::new();
    if !site.package_mirrors.is_empty() {
        ours.push(("reposdir", repositories.to_string()));
    }
    if let Some(authorities) = &site.authorities {
        ours.push(("sslcacert", authorities.bundle.to_string()));
    }
    ours.extend(site::proxy(site).map(|proxy| ("proxy", proxy.clone())));
    let mut out = String::from("# Written by installer; see dnf.conf(5).\n[main]\n");
    for (key, value) in &ours {
        out.push_str(&format!("{key}={value}\n"));
    }
    for line in text.lines().filter(|line| line.trim() != "[main]") {
        let key = line.split_once('=').map_or("", |(key, _)| key.trim());
        if ours.iter().all(|(our, _)| *our != key) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
#[path = "dnf_tests.rs"]
mod tests;
