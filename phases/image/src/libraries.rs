//! Which packages of the distribution installed files run on: the owners of the libraries that their ELF headers name,
//! and of the interpreters that scripts and environments lead to.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use deps::packages::PackageManager;
use engine::files;
use engine::runner::StepError;
use model::layout::SYSTEM_PATH;

use crate::contents::{Contents, What};
use crate::elf::{self, Demands, Kind};
use crate::linker::{self, SearchPath};

/// What a machine must have so that installed files run on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needed {
    /// Package → the files of it that are used.
    pub packages: BTreeMap<String, BTreeSet<Utf8PathBuf>>,
    /// Files that no package brought → an installed file that needs them.
    pub unowned: BTreeMap<Utf8PathBuf, Utf8PathBuf>,
    /// Libraries that are not here either → an installed file that needs them.
    pub missing: BTreeMap<String, Utf8PathBuf>,
    /// Libraries of a device's driver, which the machine brings on which a container runs.
    pub driver: BTreeMap<String, Utf8PathBuf>,
    /// The newest version of glibc whose symbols are used.
    pub glibc: Option<(u32, u32)>,
}

/// Libraries that come with a device's driver and not with what is compiled against it.
const OF_DRIVERS: &[&str] = &[
    "libcuda.so.",
    "libnvcuvid.so.",
    "libnvidia-",
    "libnvoptix.so.",
    "libhsakmt.so.",
    "libascend_hal.so",
    "libcndrv.so",
];

/// Finds out what the files need.
///
/// # Errors
/// When one of them cannot be read or is damaged.
pub fn needed(
    contents: &Contents,
    manager: &dyn PackageManager,
    root: &Utf8Path,
) -> Result<Needed, StepError> {
    let names = contents.files.keys().filter_map(|path| path.file_name()).collect();
    let mut finder = Finder {
        contents,
        names,
        manager,
        root,
        system: SearchPath::of(root),
        owners: RefCell::default(),
        needed: Needed::default(),
    };
    for (path, what) in &contents.files {
        match what {
            What::Link => finder.link(path),
            What::File => finder.file(path)?,
        }
    }
    Ok(finder.needed)
}

struct Finder<'a> {
    contents: &'a Contents,
    names: BTreeSet<&'a str>,
    manager: &'a dyn PackageManager,
    root: &'a Utf8Path,
    system: SearchPath,
    owners: RefCell<BTreeMap<Utf8PathBuf, Option<String>>>,
    needed: Needed,
}

impl Finder<'_> {
    fn file(&mut self, path: &Utf8Path) -> Result<(), StepError> {
        let mut head = Vec::new();
        let failed = |error: &std::io::Error| StepError::io("read", path, error);
        let mut file = fs::File::open(path).map_err(|error| failed(&error))?;
        file.by_ref().take(256).read_to_end(&mut head).map_err(|error| failed(&error))?;
        if build::rpath::is_elf(&head) {
            let bytes = files::read(path)?;
            // What only looks like one is nobody's program.
            if let Ok(Some(demands)) = elf::demands(&bytes) {
                self.elf(path, &demands);
            }
        } else if head.starts_with(b"#!") {
            let executable = file.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0);
            if let Some(program) = executable.then(|| self.interpreter(&head)).flatten() {
                self.outside(&program, path);
            }
        }
        Ok(())
    }

    fn elf(&mut self, path: &Utf8Path, demands: &Demands) {
        self.needed.glibc = self.needed.glibc.max(demands.glibc);
        let run_path = linker::run_path(path, &demands.run_paths);
        for name in &demands.needed {
            match self.resolve(name, demands.kind, &run_path) {
                Some(library) => self.outside(&library, path),
                // Something that is installed with it has that name, and whoever loads both finds it.
                None if self.names.contains(name.as_str()) => {}
                None if OF_DRIVERS.iter().any(|known| name.starts_with(known)) => {
                    self.needed.driver.entry(name.clone()).or_insert_with(|| path.to_owned());
                }
                None => {
                    self.needed.missing.entry(name.clone()).or_insert_with(|| path.to_owned());
                }
            }
        }
    }

    fn resolve(&self, name: &str, kind: Kind, run_path: &[Utf8PathBuf]) -> Option<Utf8PathBuf> {
        if name.contains('/') {
            return Some(Utf8PathBuf::from(name)).filter(|path| path.exists());
        }
        run_path.iter().chain(self.system.directories()).map(|directory| directory.join(name)).find(
            |candidate| {
                let mut head = [0; 20];
                let read = fs::File::open(candidate).and_then(|mut file| file.read_exact(&mut head));
                read.is_ok() && elf::kind(&head) == Some(kind)
            },
        )
    }

    /// The program that runs a script, by its first line.
    fn interpreter(&self, head: &[u8]) -> Option<Utf8PathBuf> {
        let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
        let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
        let program = words.next()?;
        if !program.ends_with("/env") {
            return Some(self.root.join(program.strip_prefix('/')?));
        }
        let name = words.find(|word| !word.starts_with('-'))?;
        let directories = SYSTEM_PATH.split(':').filter_map(|directory| directory.strip_prefix('/'));
        directories.map(|directory| self.root.join(directory).join(name)).find(|path| path.exists())
    }

    fn link(&mut self, path: &Utf8Path) {
        if let Ok(target) = path.read_link_utf8() {
            if target.is_absolute() && target.exists() {
                self.outside(&target, path);
            }
        }
    }

    /// Notes whose a file is that an installed one needs: each link on the way to it, too.
    fn outside(&mut self, file: &Utf8Path, needed_by: &Utf8Path) {
        let mut at = linker::normalised(file);
        // A circle of links ends somewhere.
        for _ in 0..40 {
            if self.contents.files.contains_key(&at) {
                return;
            }
            // A directory above it may be a link into what is installed (`lib64`).
            let real = linker::with_real_directory(&at);
            if self.contents.files.contains_key(&real) {
                return;
            }
            match self.owner(&real) {
                Some(package) => {
                    self.needed.packages.entry(package).or_default().insert(real.clone());
                }
                None => {
                    let link = real.is_symlink();
                    if !link {
                        self.needed.unowned.entry(real.clone()).or_insert_with(|| needed_by.to_owned());
                    }
                }
            }
            let Ok(target) = real.read_link_utf8() else { return };
            let directory = real.parent().unwrap_or(Utf8Path::new("/"));
            at = linker::normalised(&directory.join(target));
        }
    }

    fn owner(&self, path: &Utf8Path) -> Option<String> {
        if let Some(known) = self.owners.borrow().get(path) {
            return known.clone();
        }
        let owner = self
            .manager
            .owner(self.root, path, &[], &deps::packages::ask_directly)
            .map(|package| whole(&package));
        self.owners.borrow_mut().insert(path.to_owned(), owner.clone());
        owner
    }
}

/// Debian splits its Python: the part that is called minimal lacks most of the standard library.
fn whole(package: &str) -> String {
    match package.strip_suffix("-minimal") {
        Some(name) if name.starts_with("python") => name.to_owned(),
        _ => package.to_owned(),
    }
}

#[cfg(test)]
mod tests;
