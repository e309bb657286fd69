//! Whether every library that installed ELF files need is found, as the dynamic linker looks for it (ld.so(8)).
//!
//! Nothing is started: a program that is asked by `ldd` may run code of its own, and one of another architecture not
//! at all.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::StepError;
use model::manifest::{Entry, Manifest};

use crate::rpath::{is_elf, linkage_of};

/// A library that is not found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Missing {
    /// `libcuda.so.1`.
    pub library: String,
    /// A file that needs it.
    pub needed_by: Utf8PathBuf,
}

/// Where libraries are looked for.
pub(super) struct Loader {
    root: Utf8PathBuf,
    /// Of `LD_LIBRARY_PATH`.
    given: Vec<Utf8PathBuf>,
    /// Of the system.
    system: Vec<Utf8PathBuf>,
}

impl Loader {
    pub(super) fn new(root: &Utf8Path, multiarch: &str, library_path: Option<&str>) -> Self {
        let mut system = configured(root, "/etc/ld.so.conf", 0);
        let usual = [
            format!("/lib/{multiarch}"),
            format!("/usr/lib/{multiarch}"),
            "/lib64".to_owned(),
            "/usr/lib64".to_owned(),
            "/lib".to_owned(),
            "/usr/lib".to_owned(),
        ];
        system.extend(usual.into_iter().map(Utf8PathBuf::from));
        // musl's default also has this one.
        if root
            .join("lib")
            .read_dir_utf8()
            .is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name().starts_with("ld-musl-")))
        {
            system.push("/usr/local/lib".into());
        }
        let given = library_path.unwrap_or_default().split(':').filter(|path| path.starts_with('/'));
        Self { root: root.to_owned(), given: given.map(Utf8PathBuf::from).collect(), system }
    }

    /// What the files of a component need and nobody has, each library once.
    ///
    /// # Errors
    /// When a file cannot be read or is damaged.
    pub(super) fn missing(&self, manifest: &Manifest) -> Result<Vec<Missing>, StepError> {
        let files = manifest.files.iter().filter(|(_, entry)| matches!(entry, Entry::File { .. }));
        let mut queue: Vec<Utf8PathBuf> = files.map(|(path, _)| manifest.prefix.join(path)).collect();
        let mut seen: BTreeSet<Utf8PathBuf> = queue.iter().cloned().collect();
        let mut missing: Vec<Missing> = Vec::new();
        while let Some(file) = queue.pop() {
            for (library, found) in self.needs(&file)? {
                match found {
                    // What the distribution brings is complete by its packages' dependencies.
                    Some(found) if self.is_of_distribution(&found, &manifest.prefix) => {}
                    Some(found) => {
                        if seen.insert(found.clone()) {
                            queue.push(found);
                        }
                    }
                    None if missing.iter().any(|other| other.library == library) => {}
                    None => missing.push(Missing { library, needed_by: file.clone() }),
                }
            }
        }
        missing.sort();
        Ok(missing)
    }

    /// Whether the distribution brought a library. Directories where others install, `/usr/local/lib` above all, may be
    /// searched as well.
    fn is_of_distribution(&self, library: &Utf8Path, prefix: &Utf8Path) -> bool {
        let is_own = prefix != "/usr" && prefix != "/" && library.starts_with(prefix.join("lib"));
        let is_local = library.starts_with("/usr/local/lib");
        !is_own && !is_local && self.system.iter().any(|directory| library.parent() == Some(directory))
    }

    /// The libraries that a file needs, each with where it is found.
    fn needs(&self, file: &Utf8Path) -> Result<Vec<(String, Option<Utf8PathBuf>)>, StepError> {
        let Some(kind) = kind(file)? else { return Ok(Vec::new()) };
        let linkage = linkage_of(&open(file)?).map_err(|problem| {
            StepError::new(format!("{file}: {problem}"), "install it again with `installer build`")
        })?;
        let real = file.canonicalize_utf8().unwrap_or_else(|_| file.to_owned());
        let origin = real.parent().unwrap_or(Utf8Path::new("/"));
        let own: Vec<Utf8PathBuf> = linkage
            .run_paths
            .iter()
            .flat_map(|path| path.split(':'))
            .filter(|path| !path.is_empty())
            .map(|path| path.replace("${ORIGIN}", origin.as_str()).replace("$ORIGIN", origin.as_str()).into())
            .collect();
        let found = |library: &str| {
            if library.contains('/') {
                let path = Utf8PathBuf::from(library);
                return path.exists().then_some(path);
            }
            let searched = own.iter().chain(&self.given).chain(&self.system);
            let mut places = searched.map(|directory| directory.join(library));
            places.find(|place| self.fits(place, &kind)).or_else(|| beside_modules(origin, library))
        };
        Ok(linkage.needed.iter().map(|library| (library.clone(), found(library))).collect())
    }

    /// The dynamic linker passes over libraries of another class or machine.
    fn fits(&self, place: &Utf8Path, wanted: &Kind) -> bool {
        let place = self.root.join(place.strip_prefix("/").unwrap_or(place));
        matches!(kind(&place), Ok(Some(found)) if found == *wanted)
    }
}

/// Whether a file is an ELF file; a linker script (`libc.so`) is none.
///
/// # Errors
/// When it cannot be read.
pub(super) fn is_elf_file(file: &Utf8Path) -> Result<bool, StepError> {
    Ok(kind(file)?.is_some())
}

/// Whether a file is one that needs libraries.
///
/// # Errors
/// When it cannot be read or is damaged.
pub(super) fn needs_libraries(file: &Utf8Path) -> Result<bool, StepError> {
    if kind(file)?.is_none() {
        return Ok(false);
    }
    // What is no program and no library, such as an object, needs none.
    Ok(linkage_of(&open(file)?).is_ok_and(|linkage| !linkage.needed.is_empty()))
}

fn open(file: &Utf8Path) -> Result<std::fs::File, StepError> {
    std::fs::File::open(file).map_err(|error| StepError::io("read", file, &error))
}

/// What a Python module needs may lie in another package and be loaded when that is imported (torch's libraries).
fn beside_modules(origin: &Utf8Path, library: &str) -> Option<Utf8PathBuf> {
    let is_site = |path: &&Utf8Path| matches!(path.file_name(), Some("site-packages" | "dist-packages"));
    let site = origin.ancestors().find(is_site)?;
    let below = |directory: &Utf8Path| -> Vec<Utf8PathBuf> {
        let entries = directory.read_dir_utf8().into_iter().flatten().flatten();
        entries.map(|entry| entry.path().join("lib").join(library)).collect()
    };
    below(site).into_iter().chain(below(&site.join("nvidia"))).find(|path| path.is_file())
}

/// Class and machine of an ELF file.
#[derive(Debug, PartialEq, Eq)]
struct Kind(u8, [u8; 2]);

fn kind(file: &Utf8Path) -> Result<Option<Kind>, StepError> {
    use std::io::Read as _;
    let mut begin = Vec::with_capacity(20);
    let opened = std::fs::File::open(file).and_then(|file| file.take(20).read_to_end(&mut begin));
    match opened {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StepError::io("read", file, &error)),
        Ok(_) => {}
    }
    Ok(match begin.as_slice() {
        [_, _, _, _, class, _, _, _, _, _, _, _, _, _, _, _, _, _, low, high] if is_elf(&begin) => {
            Some(Kind(*class, [*low, *high]))
        }
        _ => None,
    })
}

/// The directories of `ld.so.conf`, with those of the files that it includes.
fn configured(root: &Utf8Path, file: &str, depth: u32) -> Vec<Utf8PathBuf> {
    let path = root.join(file.trim_start_matches('/'));
    let Ok(text) = std::fs::read_to_string(&path) else { return Vec::new() };
    let mut found = Vec::new();
    for line in text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
        if let Some(pattern) = line.strip_prefix("include ").map(str::trim).filter(|_| depth < 4) {
            found.extend(included(root, pattern).iter().flat_map(|file| configured(root, file, depth + 1)));
        } else if line.starts_with('/') {
            found.push(Utf8PathBuf::from(line));
        }
    }
    found
}

/// `/etc/ld.so.conf.d/*.conf`, relative to the directory of `ld.so.conf` where it does not begin with a slash.
fn included(root: &Utf8Path, pattern: &str) -> Vec<String> {
    let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/{pattern}") };
    let Some((directory, name)) = pattern.rsplit_once('/') else { return Vec::new() };
    let Some((begin, end)) = name.split_once('*') else { return vec![pattern.clone()] };
    let entries =
        root.join(directory.trim_start_matches('/')).read_dir_utf8().into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_owned())
        .filter(|name| {
            name.starts_with(begin) && name.ends_with(end) && name.len() >= begin.len() + end.len()
        })
        .map(|name| format!("{directory}/{name}"))
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_directories_are_those_of_its_configuration() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        for (path, text) in [
            ("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n/opt/last\n"),
            ("etc/ld.so.conf.d/b.conf", "# a comment\n/opt/b # more\n"),
            ("etc/ld.so.conf.d/a.conf", "/opt/a\n"),
            ("etc/ld.so.conf.d/readme", "/opt/no\n"),
        ] {
            engine::files::atomic_write(&root.join(path), text.as_bytes()).unwrap();
        }
        let loader = Loader::new(root, "x86_64-linux-gnu", Some("/given::relative"));
        assert_eq!(loader.given, ["/given"]);
        assert_eq!(
            loader.system[..5],
            ["/opt/a", "/opt/b", "/opt/last", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"]
                .map(Utf8PathBuf::from)
        );
    }

    #[test]
    fn what_others_installed_is_looked_into_although_the_linker_searches_there() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        engine::files::atomic_write(&root.join("etc/ld.so.conf"), b"/usr/local/lib\n/opt/a/lib\n").unwrap();
        let loader = Loader::new(root, "x86_64-linux-gnu", None);
        let of_distribution = |library: &str, prefix: &str| {
            loader.is_of_distribution(Utf8Path::new(library), Utf8Path::new(prefix))
        };
        assert!(of_distribution("/usr/lib/x86_64-linux-gnu/libz.so.1", "/usr/local"));
        assert!(of_distribution("/usr/lib/libz.so.1", "/usr"));
        assert!(of_distribution("/opt/a/lib/libsdk.so", "/usr/local"));
        for prefix in ["/usr/local", "/opt/a"] {
            assert!(!of_distribution("/usr/local/lib/libcore.so", prefix), "{prefix}");
        }
        assert!(!of_distribution("/opt/a/lib/libcore.so", "/opt/a"));
        assert!(!of_distribution("/elsewhere/libcore.so", "/usr/local"));
    }

    #[test]
    fn this_program_finds_all_its_libraries() {
        let program = Utf8PathBuf::from_path_buf(std::env::current_exe().unwrap()).unwrap();
        let loader = Loader::new(Utf8Path::new("/"), "x86_64-linux-gnu", None);
        let needs = loader.needs(&program).unwrap();
        assert!(needs.iter().any(|(library, _)| library.starts_with("libc.so")), "{needs:?}");
        assert!(needs.iter().all(|(_, found)| found.is_some()), "{needs:?}");
        let nowhere = Loader::new(Utf8Path::new("/nonexistent"), "x86_64-linux-gnu", None);
        assert!(nowhere.needs(&program).unwrap().iter().all(|(_, found)| found.is_none()));
    }
}
