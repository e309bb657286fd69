//! apk: Alpine and what derives from it. There is no apk to be had where this was written: what it prints and writes is
//! known from its documentation.

use std::io::{Error, ErrorKind};

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, StepError};
use model::site::Site;

use super::manager::{Ask, Database, PackageCost, PackageManager};
use super::site;

/// apk of versions 2 and 3.
#[derive(Clone, Copy, Debug)]
pub struct Apk;

/// The database; below /usr since apk 3 on a system whose directories are merged.
const DATABASES: &[&str] = &["lib/apk/db", "usr/lib/apk/db"];

/// The list of repositories.
const REPOSITORIES: &str = "etc/apk/repositories";

impl PackageManager for Apk {
    fn name(&self) -> &'static str {
        "apk"
    }

    fn query(&self, root: &Utf8Path, _: Ask<'_>) -> std::io::Result<Database> {
        Ok(read(&installed(root)?))
    }

    fn database_files(&self, root: &Utf8Path) -> Vec<Utf8PathBuf> {
        DATABASES.iter().map(|directory| root.join(directory).join("installed")).collect()
    }

    fn owner(&self, root: &Utf8Path, path: &Utf8Path, _: &[String], _: Ask<'_>) -> Option<String> {
        let path = path.strip_prefix(root).ok()?;
        let text = installed(root).ok()?;
        let owner = |path: &Utf8Path| {
            let (wanted, name) = (path.parent()?.as_str(), path.file_name()?);
            let (mut package, mut directory) = ("", "");
            for line in text.lines() {
                match line.split_once(':') {
                    Some(("P", value)) => package = value,
                    Some(("F", value)) => directory = value,
                    Some(("R", value)) if value == name && directory == wanted => {
                        return Some(package.to_owned());
                    }
                    _ => {}
                }
            }
            None
        };
        // With a merged /usr, packages may still list a file under its old path.
        owner(path).or_else(|| owner(path.strip_prefix("usr").ok()?))
    }

    fn has_lists(&self, root: &Utf8Path) -> bool {
        ["var/cache/apk", "etc/apk/cache"].iter().any(|directory| {
            std::fs::read_dir(root.join(directory)).is_ok_and(|entries| {
                entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("APKINDEX."))
            })
        })
    }

    fn lock_files(&self, root: &Utf8Path) -> Vec<Utf8PathBuf> {
        DATABASES.iter().map(|directory| root.join(directory).join("lock")).collect()
    }

    fn repair_argv(&self) -> Vec<Vec<String>> {
        vec![argv(&["fix"], &[])]
    }

    fn repair_hint(&self) -> &'static str {
        "apk fix"
    }

    fn refresh_argv(&self) -> Vec<Vec<String>> {
        vec![argv(&["update"], &[])]
    }

    fn install_argv(&self, packages: &[String]) -> Vec<Vec<String>> {
        // `--upgrade` takes the newest of what is named and there already.
        vec![argv(&["add", "--upgrade"], packages)]
    }

    fn simulate_argv(&self, packages: &[String]) -> Vec<String> {
        argv(&["add", "--simulate", "--no-network"], packages)
    }

    fn cost_argv(&self, packages: &[String]) -> Vec<String> {
        // Sizes are told from this verbosity on.
        argv(&["add", "--simulate", "--no-network", "--verbose"], packages)
    }

    fn read_cost(&self, output: &str) -> PackageCost {
        let mut cost = PackageCost::default();
        for line in output.lines().map(str::trim) {
            // `(3/12) Installing cmake (3.27.8-r0)`
            if line.starts_with('(') && line.contains(") Installing ") {
                cost.packages += 1;
            } else if let Some(rest) = line.strip_prefix("Need to download ") {
                cost.download_bytes = size(rest);
            } else if let Some(rest) = line.strip_prefix("After this operation, ") {
                cost.installed_bytes = size(rest);
            }
        }
        cost
    }

    fn candidate_argv(&self, package: &str) -> Vec<String> {
        argv(&["policy"], &[package.to_owned()])
    }

    fn read_candidate(&self, output: &str) -> Option<String> {
        // `rust policy:`, then a line a version, `  1.76.0-r0:`, each with the places that have it below it.
        let version = |line: &str| {
            let depth = line.len() - line.trim_start().len();
            (depth == 2).then(|| line.trim().strip_suffix(':').map(str::to_owned)).flatten()
        };
        let versions = output.lines().filter_map(version);
        versions.reduce(
            |best, other| {
                if model::catalog::version_at_least(&other, &best) { other } else { best }
            },
        )
    }

    fn python_headers(&self, _minor: &str) -> String {
        "python3-dev".to_owned()
    }

    fn lists_are_stale(&self, tail: &[String]) -> bool {
        // The index names a file that the mirror has replaced.
        tail.iter().any(|line| line.contains("package mentioned in index not found"))
    }

    fn refresh_trouble(&self, lines: &[String]) -> Option<String> {
        let of = |mark: &str| lines.iter().find(|line| line.starts_with(mark));
        let warning = of("WARNING: updating").or_else(|| of("WARNING: opening"));
        warning.or_else(|| of("WARNING: Ignoring")).or_else(|| of("ERROR:")).cloned()
    }

    fn unknown_packages(&self, lines: &[String]) -> Vec<String> {
        let name = |line: &String| Some(line.trim().strip_suffix(" (no such package):")?.to_owned());
        lines.iter().filter_map(name).collect()
    }

    fn search_hint(&self, package: &str) -> String {
        format!(
            "look for it: apk search {package}; many libraries are in the repository `community`, see /etc/apk/repositories"
        )
    }

    fn write_site(&self, root: &Utf8Path, context: &dyn Context) -> Result<(), StepError> {
        let mirrors = &context.site().package_mirrors;
        if mirrors.is_empty() {
            return Ok(());
        }
        let directory = site::directory(context);
        files::fresh_dir(&directory)?;
        let text = site::read(&root.join(REPOSITORIES))?;
        site::write_secret(&directory.join("apk-repositories"), &site::rewritten(&text, mirrors))
    }

    fn site_words(&self, argv: &[String], context: &dyn Context) -> Vec<String> {
        if context.site().package_mirrors.is_empty() {
            return argv.to_vec();
        }
        let file = site::directory(context).join("apk-repositories");
        site::with_option(argv, "apk", "--repositories-file", &file)
    }

    fn forget_site(&self, site: &Site, cache: &Utf8Path) -> Result<(), StepError> {
        site::forget(site, cache)
    }

    fn cure(&self, packages: &[String]) -> String {
        format!("apk add {}", packages.join(" "))
    }
}

/// `--wait`: seconds for which another apk is waited for.
fn argv(words: &[&str], packages: &[String]) -> Vec<String> {
    ["env", "LC_ALL=C", "apk", "--no-progress", "--wait", "600"]
        .iter()
        .chain(words)
        .map(|word| (*word).to_owned())
        .chain(packages.iter().cloned())
        .collect()
}

fn installed(root: &Utf8Path) -> std::io::Result<String> {
    for directory in DATABASES {
        let path = root.join(directory).join("installed");
        match std::fs::read(&path) {
            Ok(bytes) => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Error::new(error.kind(), format!("{path}: {error}"))),
        }
    }
    let path = root.join(DATABASES[0]).join("installed");
    Err(Error::new(ErrorKind::NotFound, format!("{path} does not exist: is apk installed?")))
}

/// Reads the database's text (apk-package(5), "installed database"): paragraphs of lines that begin with a letter.
fn read(text: &str) -> Database {
    let mut database = Database::default();
    for paragraph in text.split("\n\n") {
        let field = |letter: &str| {
            let mut lines = paragraph.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(key, _)| *key == letter).map(|(_, value)| value)
        };
        let (Some(name), Some(version)) = (field("P"), field("V")) else { continue };
        for provided in field("p").unwrap_or_default().split_ascii_whitespace() {
            let provided = provided.split(['=', '<', '>', '~']).next().unwrap_or(provided);
            database.provides.entry(provided.to_owned()).or_insert_with(|| name.to_owned());
        }
        // `f:` has a letter for files that could not be written, or a script that failed, when it was installed.
        if field("f").is_some_and(|broken| broken.contains(['f', 's'])) {
            database.broken.push(name.to_owned());
        }
        database.installed.insert(name.to_owned(), version.to_owned());
    }
    database.interrupted = !database.broken.is_empty();
    database
}

/// `12 MiB of packages.` in bytes.
fn size(text: &str) -> Option<u64> {
    let mut words = text.split_ascii_whitespace();
    let number: f64 = words.next()?.parse().ok()?;
    let factor = match words.next()? {
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
    use super::super::ask_directly;
    use super::*;

    const INSTALLED: &str = include_str!("../../tests/data/apk-installed");

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    fn root() -> (tempfile::TempDir, Utf8PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
        std::fs::create_dir_all(root.join("lib/apk/db")).unwrap();
        std::fs::write(root.join("lib/apk/db/installed"), INSTALLED).unwrap();
        (directory, root)
    }

    #[test]
    fn argument_vectors_ask_nothing() {
        assert_eq!(
            Apk.install_argv(&words("nasm g++")),
            [words("env LC_ALL=C apk --no-progress --wait 600 add --upgrade nasm g++")]
        );
        for argv in [Apk.simulate_argv(&words("nasm")), Apk.cost_argv(&words("nasm"))] {
            assert!(argv.iter().any(|word| word == "--simulate"), "or it would install: {argv:?}");
        }
    }

    #[test]
    fn the_database_is_read_with_what_packages_provide_and_own() {
        let (_guard, root) = root();
        let database = Apk.query(&root, &ask_directly).unwrap();
        assert_eq!(database.find("zlib-dev"), Some(("zlib-dev", "1.3.1-r0")));
        assert_eq!(database.find("pc:zlib").map(|found| found.0), Some("zlib-dev"));
        assert_eq!(database.find("so:libz.so.1").map(|found| found.0), Some("zlib"));
        assert_eq!(database.find("nasm"), None);
        assert_eq!(database.find("zlib-dev=1.3.1-r0").map(|found| found.0), Some("zlib-dev"));
        assert!(!database.interrupted);
        let owner = |path: &str| Apk.owner(&root, &root.join(path), &[], &ask_directly);
        assert_eq!(owner("usr/include/zlib.h").as_deref(), Some("zlib-dev"));
        assert_eq!(owner("usr/lib/libz.so.1.3.1").as_deref(), Some("zlib"), "listed below /lib");
        assert_eq!(owner("usr/include/zconf"), None);
        std::fs::remove_file(root.join("lib/apk/db/installed")).unwrap();
        let error = Apk.query(&root, &ask_directly).unwrap_err();
        assert!(error.to_string().contains("lib/apk/db/installed does not exist"), "{error}");
    }

    #[test]
    fn a_package_whose_script_failed_is_broken() {
        let database = read(&INSTALLED.replace("P:zlib-dev\n", "P:zlib-dev\nf:s\n"));
        assert_eq!(database.broken, ["zlib-dev"]);
        assert!(database.interrupted);
    }

    #[test]
    fn what_it_prints_is_read() {
        let unknown =
            "ERROR: unable to select packages:\n  nsam (no such package):\n    required by: world[nsam]\n";
        assert_eq!(Apk.unknown_packages(&lines(unknown)), ["nsam"]);
        let plan = "(1/2) Installing zlib-dev (1.3.1-r0)\n(2/2) Installing nasm (2.16.01-r0)\n\
                    Need to download 2 MiB of packages.\nAfter this operation, 5 MiB of additional disk space will be used.\nOK: 12 MiB in 20 packages\n";
        assert_eq!(
            Apk.read_cost(plan),
            PackageCost {
                packages: 2,
                download_bytes: Some(2 * 1024 * 1024),
                installed_bytes: Some(5 * 1024 * 1024)
            }
        );
        let policy = "rust policy:\n  1.71.1-r0:\n    lib/apk/db/installed\n  1.76.0-r0:\n    http://mirror.example/community\n";
        assert_eq!(Apk.read_candidate(policy).as_deref(), Some("1.76.0-r0"));
        assert_eq!(Apk.read_candidate(""), None);
        let dead = "fetch http://mirror.example/main/x86_64/APKINDEX.tar.gz\n\
                    WARNING: updating and opening http://mirror.example/main: temporary error (try again later)\n";
        assert!(Apk.refresh_trouble(&lines(dead)).unwrap().contains("temporary error"));
        assert_eq!(Apk.refresh_trouble(&lines("OK: 24165 distinct packages available\n")), None);
    }
}
