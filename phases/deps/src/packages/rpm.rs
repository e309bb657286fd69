//! The database of rpm, which dnf, yum and zypper share. Its format differs from one version to the next, so that rpm
//! itself is asked.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::manager::{Ask, Database};

/// Where databases lie: since Fedora 36 and openSUSE 15.3 below /usr, so that a snapshot of it holds them.
const DIRECTORIES: &[&str] = &["var/lib/rpm", "usr/lib/sysimage/rpm"];

/// SQLite, ndb and Berkeley DB. SQLite's journal may hold what its file does not hold yet.
const FILES: &[&str] = &["rpmdb.sqlite", "rpmdb.sqlite-wal", "Packages.db", "Packages"];

/// A line a package (`P`), and one for each thing that it provides (`R`).
const FORMAT: &str = r"P\t%{NAME}\t%{EPOCH}\t%{VERSION}-%{RELEASE}\t%{ARCH}\n[R\t%{PROVIDENAME}\n]";

pub(super) fn database_files(root: &Utf8Path) -> Vec<Utf8PathBuf> {
    DIRECTORIES
        .iter()
        .flat_map(|directory| FILES.iter().map(move |file| root.join(directory).join(file)))
        .collect()
}

/// What a transaction of rpm locks (`rpmtsCreate` of rpm's library; a record lock).
pub(super) fn lock_files(root: &Utf8Path) -> Vec<Utf8PathBuf> {
    DIRECTORIES.iter().map(|directory| root.join(directory).join(".rpm.lock")).collect()
}

pub(super) fn query(root: &Utf8Path, ask: Ask<'_>) -> std::io::Result<Database> {
    Ok(read(&ask(&rpm(root, &["-qa", "--qf", FORMAT]))?))
}

pub(super) fn owner(root: &Utf8Path, path: &Utf8Path, ask: Ask<'_>) -> Option<String> {
    let below = Utf8Path::new("/").join(path.strip_prefix(root).ok()?);
    // It fails when nobody owns the file.
    let said = ask(&rpm(root, &["-qf", "--qf", r"%{NAME}\n", below.as_str()])).ok()?;
    said.lines().next().map(str::to_owned)
}

fn rpm(root: &Utf8Path, words: &[&str]) -> Vec<String> {
    let mut argv = vec!["rpm".to_owned()];
    if root != "/" {
        argv.extend(["--root".to_owned(), root.to_string()]);
    }
    argv.extend(words.iter().map(|word| (*word).to_owned()));
    argv
}

/// Whether a `repomd.xml` lies in a directory `depth` levels down, in its `repodata` or beside it.
pub(super) fn has_repository_index(directory: &Utf8Path, depth: usize) -> bool {
    let here = ["repodata/repomd.xml", "repomd.xml"].iter().any(|file| directory.join(file).is_file());
    let below = || directory.read_dir_utf8().into_iter().flatten().flatten();
    here || (depth > 0 && below().any(|entry| has_repository_index(entry.path(), depth - 1)))
}

/// Reads what [`FORMAT`] printed.
fn read(text: &str) -> Database {
    let mut packages: Vec<Package<'_>> = Vec::new();
    for line in text.lines() {
        let mut fields = line.split('\t');
        match (fields.next(), packages.last_mut()) {
            (Some("P"), _) => packages.extend(Package::read(fields)),
            (Some("R"), Some(package)) => package.provides.extend(fields.next()),
            _ => {}
        }
    }
    let native = native(&packages);
    let mut database = Database { version_alone: true, ..Database::default() };
    let mut seen = BTreeSet::new();
    for package in &packages {
        let foreign = !["noarch", "(none)"].contains(&package.architecture) && package.architecture != native;
        let whole = format!("{}.{}", package.name, package.architecture);
        let name = if foreign { whole.clone() } else { package.name.to_owned() };
        if !seen.insert(whole.clone()) && !package.comes_in_several() {
            database.broken.push(name.clone());
        }
        if !foreign {
            for provided in package.provides.iter().map(|provided| (*provided).to_owned()).chain([whole]) {
                database.provides.entry(provided).or_insert_with(|| name.clone());
            }
        }
        let version = match package.epoch {
            "(none)" | "0" => package.version.to_owned(),
            epoch => format!("{epoch}:{}", package.version),
        };
        database.installed.insert(name, version);
    }
    database.broken.sort();
    database.broken.dedup();
    // Of two versions of one package the older waits for its removal, which is the last that a transaction does.
    database.interrupted = !database.broken.is_empty();
    database
}

#[derive(Default)]
struct Package<'a> {
    name: &'a str,
    epoch: &'a str,
    version: &'a str,
    architecture: &'a str,
    provides: Vec<&'a str>,
}

impl<'a> Package<'a> {
    fn read(mut fields: impl Iterator<Item = &'a str>) -> Option<Self> {
        Some(Self {
            name: fields.next()?,
            epoch: fields.next()?,
            version: fields.next()?,
            architecture: fields.next()?,
            provides: Vec::new(),
        })
    }

    /// Keys and kernels are installed beside their older versions (dnf.conf(5), `installonlypkgs`).
    fn comes_in_several(&self) -> bool {
        self.name == "gpg-pubkey"
            || self.name.starts_with("kernel")
            || self
                .provides
                .iter()
                .any(|name| name.starts_with("installonlypkg(") || name.starts_with("multiversion("))
    }
}

/// The architecture that most packages are of: that of the machine, whose packages go by their bare name.
fn native<'a>(packages: &[Package<'a>]) -> &'a str {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for package in packages.iter().filter(|package| !["noarch", "(none)"].contains(&package.architecture)) {
        *counts.entry(package.architecture).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or("", |(architecture, _)| architecture)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &str = include_str!("../../tests/data/rpm-query");

    #[test]
    fn versions_provides_and_other_architectures_are_told_apart() {
        let database = read(QUERY);
        assert_eq!(database.find("nasm"), Some(("nasm", "2.16.01-7.fc40")));
        assert_eq!(
            database.find("zlib-devel"),
            Some(("zlib-ng-compat-devel", "2.1.7-1.fc40")),
            "Fedora's zlib by another name"
        );
        assert_eq!(database.find("perl-interpreter").unwrap().1, "4:5.38.2-506.fc40");
        assert_eq!(database.find("glibc"), Some(("glibc", "2.39-22.fc40")));
        assert_eq!(database.find("glibc.i686"), Some(("glibc.i686", "2.39-22.fc40")));
        assert_eq!(database.find("glibc.x86_64"), Some(("glibc", "2.39-22.fc40")));
        assert_eq!(database.find("pkgconfig(zlib)").map(|found| found.0), Some("zlib-ng-compat-devel"));
        assert!(!database.interrupted, "kernels and keys come in several: {:?}", database.broken);
    }

    #[test]
    fn a_version_may_be_demanded_without_epoch_and_release() {
        let database = read(QUERY);
        for wanted in ["5.38.2", "5.38.2-506.fc40", "4:5.38.2", "4:5.38.2-506.fc40"] {
            assert!(database.find(&format!("perl-interpreter={wanted}")).is_some(), "{wanted}");
        }
        for wanted in ["5.38", "5.38.2-505.fc40", "3:5.38.2"] {
            assert!(database.find(&format!("perl-interpreter={wanted}")).is_none(), "{wanted}");
        }
    }

    #[test]
    fn one_package_in_two_versions_is_what_an_interrupted_transaction_left() {
        let twice = format!("{QUERY}P\tnasm\t(none)\t2.16.03-1.fc40\tx86_64\nR\tnasm\n");
        let database = read(&twice);
        assert_eq!(database.broken, ["nasm"]);
        assert!(database.interrupted);
    }

    #[test]
    fn another_root_is_named_to_rpm() {
        let asked = std::cell::RefCell::new(Vec::new());
        let ask = |argv: &[String]| {
            asked.borrow_mut().push(argv.join(" "));
            Ok("nasm\n".to_owned())
        };
        let owner = |root: &str, path: &str| owner(Utf8Path::new(root), Utf8Path::new(path), &ask);
        assert_eq!(owner("/root-of-test", "/root-of-test/usr/bin/nasm").as_deref(), Some("nasm"));
        assert_eq!(owner("/", "/usr/bin/nasm").as_deref(), Some("nasm"));
        assert_eq!(
            *asked.borrow(),
            [
                r"rpm --root /root-of-test -qf --qf %{NAME}\n /usr/bin/nasm",
                r"rpm -qf --qf %{NAME}\n /usr/bin/nasm"
            ]
        );
    }
}
