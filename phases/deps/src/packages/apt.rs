//! apt and dpkg: Debian, Ubuntu and what derives from them.

use std::io::{Error, ErrorKind};

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use model::site::Site;

use super::manager::{Ask, Database, PackageCost, PackageManager};
use super::{dpkg_status, site_apt};

/// Seconds for which apt waits for dpkg's lock (apt ≥ 1.9.11 knows the option; older ones ignore it, and the lock is
/// waited for before apt is started as well).
const LOCK_TIMEOUT: &str = "DPkg::Lock::Timeout=600";

/// apt.
#[derive(Clone, Copy, Debug)]
pub struct Apt;

impl PackageManager for Apt {
    fn name(&self) -> &'static str {
        "apt"
    }

    fn query(&self, root: &Utf8Path, _: Ask<'_>) -> std::io::Result<Database> {
        let path = root.join("var/lib/dpkg/status");
        let bytes = std::fs::read(&path).map_err(|error| match error.kind() {
            // An empty dpkg database is what a root has in which nothing was installed yet.
            ErrorKind::NotFound => {
                Error::new(ErrorKind::NotFound, format!("{path} does not exist: is dpkg installed?"))
            }
            _ => Error::new(error.kind(), format!("{path}: {error}")),
        })?;
        let mut database = dpkg_status::read(&String::from_utf8_lossy(&bytes));
        // dpkg journals each change as a numbered file and folds them into `status` when it ends well (`dpkg(1)`).
        if let Ok(entries) = std::fs::read_dir(root.join("var/lib/dpkg/updates")) {
            database.interrupted |= entries
                .flatten()
                .any(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()));
        }
        Ok(database)
    }

    fn database_files(&self, root: &Utf8Path) -> Vec<Utf8PathBuf> {
        vec![root.join("var/lib/dpkg/status"), root.join("var/lib/dpkg/updates")]
    }

    fn owner(&self, root: &Utf8Path, path: &Utf8Path, likely: &[String], _: Ask<'_>) -> Option<String> {
        let path = path.strip_prefix(root).ok()?;
        // With a merged /usr, packages may still list a file under its old path.
        let absolute = Utf8Path::new("/").join(path);
        let mut spellings = vec![absolute.clone()];
        if let Ok(below) = path.strip_prefix("usr") {
            spellings.push(Utf8Path::new("/").join(below));
        }
        let directory = root.join("var/lib/dpkg/info");
        let lists = |list: &Utf8Path| {
            let Ok(bytes) = std::fs::read(list) else { return false };
            let text = String::from_utf8_lossy(&bytes);
            spellings.iter().any(|spelling| has_line(&text, spelling.as_str()))
        };
        for package in likely {
            if let Some(list) = file_list(&directory, package) {
                if lists(&list) {
                    return Some(package.clone());
                }
            }
        }
        let mut all: Vec<Utf8PathBuf> = directory
            .read_dir_utf8()
            .ok()?
            .flatten()
            .map(|entry| entry.path().to_owned())
            .filter(|path| path.extension() == Some("list"))
            .collect();
        all.sort();
        let list = all.into_iter().find(|list| lists(list))?;
        let name = list.file_stem()?;
        Some(name.split(':').next().unwrap_or(name).to_owned())
    }

    fn has_lists(&self, root: &Utf8Path) -> bool {
        std::fs::read_dir(root.join("var/lib/apt/lists")).is_ok_and(|entries| {
            entries.flatten().any(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                name.contains("_Packages") || name.contains("_InRelease") || name.ends_with("_Release")
            })
        })
    }

    fn lock_files(&self, root: &Utf8Path) -> Vec<Utf8PathBuf> {
        [
            "var/lib/dpkg/lock-frontend",
            "var/lib/dpkg/lock",
            "var/lib/apt/lists/lock",
            "var/cache/apt/archives/lock",
        ]
        .iter()
        .map(|path| root.join(path))
        .collect()
    }

    fn repair_argv(&self) -> Vec<Vec<String>> {
        vec![
            argv(&["dpkg", "--force-confdef", "--force-confold", "--configure", "-a"], &[]),
            argv(&["apt-get", "install", "--fix-broken", "-y", "-o", LOCK_TIMEOUT], &[]),
        ]
    }

    fn repair_hint(&self) -> &'static str {
        "dpkg --configure -a"
    }

    fn refresh_argv(&self) -> Vec<Vec<String>> {
        vec![argv(&["apt-get", "update", "-o", LOCK_TIMEOUT, "-o", "Acquire::Retries=3"], &[])]
    }

    fn install_argv(&self, packages: &[String]) -> Vec<Vec<String>> {
        vec![argv(
            &[
                "apt-get",
                "install",
                "-y",
                "--no-install-recommends",
                "-o",
                LOCK_TIMEOUT,
                "-o",
                "Acquire::Retries=3",
                "-o",
                "Dpkg::Use-Pty=0",
                "-o",
                "Dpkg::Options::=--force-confdef",
                "-o",
                "Dpkg::Options::=--force-confold",
            ],
            packages,
        )]
    }

    fn simulate_argv(&self, packages: &[String]) -> Vec<String> {
        argv(&["apt-get", "install", "-s", "--no-install-recommends"], packages)
    }

    fn cost_argv(&self, packages: &[String]) -> Vec<String> {
        // `-s` leaves the sizes out. `--assume-no` alone would install all the same where apt has nothing to ask;
        // `--print-uris` ends before that, and without dpkg nothing could be done after it.
        argv(
            &[
                "apt-get",
                "install",
                "--print-uris",
                "--assume-no",
                "--no-install-recommends",
                "-o",
                "Debug::NoLocking=1",
                "-o",
                "Debug::pkgDPkgPM=1",
            ],
            packages,
        )
    }

    fn read_cost(&self, output: &str) -> PackageCost {
        let mut cost = PackageCost::default();
        for line in output.lines() {
            let line = line.trim();
            if let Some(rest) = line.strip_prefix("Need to get ") {
                // `12.1 MB of archives.` or, when a part is there already, `3.2 MB/12.1 MB of archives.`
                cost.download_bytes = size(rest.split(['/']).next().unwrap_or(rest));
            } else if let Some(rest) = line.strip_prefix("After this operation, ") {
                cost.installed_bytes = size(rest);
            } else if let Some((count, _)) = line.split_once(" newly installed") {
                // `0 upgraded, 12 newly installed, 0 to remove and 3 not upgraded.`
                cost.packages =
                    count.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or_default();
            }
        }
        cost
    }

    fn candidate_argv(&self, package: &str) -> Vec<String> {
        argv(&["apt-cache", "policy"], &[package.to_owned()])
    }

    fn read_candidate(&self, output: &str) -> Option<String> {
        let version = output.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
        (version != "(none)").then(|| version.to_owned())
    }

    fn rust_packages(&self) -> &'static [[&'static str; 2]] {
        // Debian 12 keeps a current Rust for its browsers as `rustc-web`; it provides and conflicts with `rustc`.
        &[["rustc", "cargo"], ["rustc-web", "cargo-web"]]
    }

    fn python_headers(&self, minor: &str) -> String {
        format!("python{minor}-dev")
    }

    fn lists_are_stale(&self, tail: &[String]) -> bool {
        tail.iter().any(|line| {
            let error = line.starts_with("E:") || line.starts_with("Err:") || line.starts_with("W:");
            let stale = line.contains("404")
                || line.contains("Hash Sum mismatch")
                || line.contains("Failed to fetch");
            error && stale
        })
    }

    fn refresh_trouble(&self, lines: &[String]) -> Option<String> {
        let begins =
            |marks: &[&str]| lines.iter().find(|line| marks.iter().any(|mark| line.starts_with(mark)));
        begins(&["W: Failed to fetch ", "E:"]).or_else(|| begins(&["Err:"])).cloned()
    }

    fn unknown_packages(&self, lines: &[String]) -> Vec<String> {
        lines
            .iter()
            .filter_map(|line| {
                if let Some(name) = line.strip_prefix("E: Unable to locate package ") {
                    return Some(name.trim().to_owned());
                }
                let rest = line.strip_prefix("E: Package '")?;
                let (name, rest) = rest.split_once('\'')?;
                rest.contains("has no installation candidate").then(|| name.to_owned())
            })
            .collect()
    }

    fn search_hint(&self, package: &str) -> String {
        format!("look for it: apt-cache search {package}")
    }

    fn write_site(&self, root: &Utf8Path, context: &dyn Context) -> Result<(), StepError> {
        site_apt::prepare(&root.join("etc/apt"), context)
    }

    fn site_words(&self, argv: &[String], context: &dyn Context) -> Vec<String> {
        site_apt::words(argv, context)
    }

    fn forget_site(&self, site: &Site, cache: &Utf8Path) -> Result<(), StepError> {
        site_apt::forget(site, cache)
    }

    fn cure(&self, packages: &[String]) -> String {
        format!("apt-get install {}", packages.join(" "))
    }

    fn command_line(&self, packages: &[String]) -> String {
        // An image has no package lists.
        format!("apt-get update && {}", self.cure(packages))
    }
}

/// `env` carries what `sudo` would drop: nothing may ask a question, restart services or show a pager, and messages
/// are read by this program.
fn argv(words: &[&str], packages: &[String]) -> Vec<String> {
    [
        "env",
        "LC_ALL=C.UTF-8",
        "DEBIAN_FRONTEND=noninteractive",
        "APT_LISTCHANGES_FRONTEND=none",
        "NEEDRESTART_SUSPEND=1",
    ]
    .iter()
    .chain(words)
    .map(|word| (*word).to_owned())
    .chain(packages.iter().cloned())
    .collect()
}

/// `<package>.list`, or `<package>:<architecture>.list` for packages that may be installed for several.
fn file_list(directory: &Utf8Path, package: &str) -> Option<Utf8PathBuf> {
    let plain = directory.join(format!("{package}.list"));
    if plain.is_file() {
        return Some(plain);
    }
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "i386",
        "arm" => "armhf",
        "powerpc64" => "ppc64el",
        other => other,
    };
    let qualified = directory.join(format!("{package}:{architecture}.list"));
    qualified.is_file().then_some(qualified)
}

fn has_line(text: &str, wanted: &str) -> bool {
    text.match_indices(wanted).any(|(at, _)| {
        let before = at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n');
        let after = matches!(text.as_bytes().get(at + wanted.len()), None | Some(&b'\n'));
        before && after
    })
}

/// `61.4 MB of additional …` in bytes; apt counts in powers of 1000 and writes thousands with a comma.
fn size(text: &str) -> Option<u64> {
    let mut words = text.split_ascii_whitespace();
    let number: f64 = words.next()?.replace(',', "").parse().ok()?;
    let factor = match words.next()? {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => return None,
    };
    Some((number * factor).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::super::ask_directly;
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn argument_vectors_ask_nothing_and_remove_nothing() {
        assert_eq!(
            Apt.install_argv(&words("nasm g++")),
            [words(
                "env LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_SUSPEND=1 \
                 apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 \
                 -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold nasm g++"
            )]
        );
        assert_eq!(
            Apt.refresh_argv()[0][5..],
            words("apt-get update -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3")
        );
        assert!(
            Apt.cost_argv(&words("nasm")).iter().any(|word| word == "--print-uris"),
            "or it would install"
        );
        assert_eq!(Apt.repair_argv()[0][5..], words("dpkg --force-confdef --force-confold --configure -a"));
        assert_eq!(
            Apt.simulate_argv(&words("nasm"))[5..],
            words("apt-get install -s --no-install-recommends nasm")
        );
    }

    #[test]
    fn sizes_are_read_as_apt_prints_them() {
        let output = "The following NEW packages will be installed:\n  cargo-web rustc-web\n\
                      0 upgraded, 2 newly installed, 0 to remove and 3 not upgraded.\n\
                      Need to get 3,200 kB/12.1 MB of archives.\n\
                      After this operation, 61.4 MB of additional disk space will be used.\nAbort.\n";
        assert_eq!(
            Apt.read_cost(output),
            PackageCost { packages: 2, download_bytes: Some(3_200_000), installed_bytes: Some(61_400_000) }
        );
    }

    #[test]
    fn a_candidate_is_read_and_none_is_none() {
        let policy =
            "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1~deb12u2\n  Version table:\n";
        assert_eq!(Apt.read_candidate(policy).as_deref(), Some("1.96.0+dfsg1-1~deb12u2"));
        assert_eq!(Apt.read_candidate("nasm:\n  Installed: (none)\n  Candidate: (none)\n"), None);
        assert_eq!(Apt.read_candidate(""), None);
    }

    #[test]
    fn errors_name_the_package() {
        let lines = [
            "Reading package lists...".to_owned(),
            "E: Unable to locate package nsam".to_owned(),
            "E: Package 'oldlib-dev' has no installation candidate".to_owned(),
        ];
        assert_eq!(Apt.unknown_packages(&lines), ["nsam", "oldlib-dev"]);
        assert!(!Apt.lists_are_stale(&lines));
        assert!(Apt.lists_are_stale(&["Err:1 mirror bookworm/main nasm 404  Not Found".to_owned()]));
    }

    #[test]
    fn a_repository_that_does_not_answer_is_seen_although_apt_calls_it_a_success() {
        let lines = [
            "Err:2 http://dead.example x InRelease",
            "W: Failed to fetch http://dead.example/dists/x/InRelease  Could not connect",
            "W: Some index files failed to download.",
        ]
        .map(str::to_owned);
        assert_eq!(Apt.refresh_trouble(&lines).as_ref(), Some(&lines[1]));
        assert_eq!(Apt.refresh_trouble(&lines[..1]).as_ref(), Some(&lines[0]));
        assert_eq!(Apt.refresh_trouble(&["Reading package lists...".to_owned()]), None);
    }

    #[test]
    fn a_file_has_the_owner_that_lists_it_exactly() {
        let root = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(root.path()).unwrap();
        let info = root.join("var/lib/dpkg/info");
        std::fs::create_dir_all(&info).unwrap();
        std::fs::write(info.join("a.list"), "/usr/bin/makeinfo\n/usr/bin/make.old\n").unwrap();
        std::fs::write(info.join("make:amd64.list"), "/.\n/bin/make\n").unwrap();
        assert_eq!(Apt.owner(root, &root.join("usr/bin/make"), &[], &ask_directly).as_deref(), Some("make"));
        assert_eq!(Apt.owner(root, &root.join("usr/bin/ma"), &[], &ask_directly), None);
        assert_eq!(
            Apt.owner(root, &root.join("usr/bin/makeinfo"), &["make".to_owned()], &ask_directly).as_deref(),
            Some("a")
        );
    }

    #[test]
    fn lists_and_interruptions_are_seen_below_another_root() {
        let root = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(root.path()).unwrap();
        assert!(
            Apt.query(root, &ask_directly)
                .unwrap_err()
                .to_string()
                .contains("var/lib/dpkg/status does not exist")
        );
        std::fs::create_dir_all(root.join("var/lib/dpkg/updates")).unwrap();
        std::fs::create_dir_all(root.join("var/lib/apt/lists/partial")).unwrap();
        std::fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
        assert!(!Apt.has_lists(root));
        assert!(!Apt.query(root, &ask_directly).unwrap().interrupted);
        std::fs::write(root.join("var/lib/dpkg/updates/0001"), "").unwrap();
        std::fs::write(root.join("var/lib/apt/lists/mirror_dists_bookworm_InRelease"), "").unwrap();
        assert!(Apt.has_lists(root));
        assert!(Apt.query(root, &ask_directly).unwrap().interrupted);
    }
}
