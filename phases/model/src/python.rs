//! A Python interpreter as it tells itself, and the environment of a case that follows from it.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

/// What an interpreter says of itself, by `sys` and `sysconfig`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterpreterFacts {
    /// `sys.executable`: the program behind a shim, links not resolved.
    pub executable: Utf8PathBuf,
    /// `cpython`.
    pub implementation: String,
    /// `3.11.2`.
    pub version: String,
    /// Where an installation puts files that are no modules (`sysconfig`'s path `data`): `/usr/local` for Debian's.
    pub prefix: Utf8PathBuf,
    /// Where an installation puts modules (`purelib`).
    pub site: Utf8PathBuf,
    /// Whether it belongs to a virtual environment.
    pub is_virtual: bool,
    /// Whether somebody else manages its packages (PEP 668).
    pub externally_managed: bool,
    /// The directories of `sys.path`, without those of the user and of `PYTHONPATH`.
    pub paths: Vec<Utf8PathBuf>,
    /// `INCLUDEPY`, where `Python.h` belongs.
    pub include: Option<Utf8PathBuf>,
    /// `libpython3.11.so` or what else programs link that embed it (`LDLIBRARY`), if it is there.
    pub library: Option<Utf8PathBuf>,
    /// `LIBDIR`, where that belongs.
    #[serde(default)]
    pub libraries: Option<Utf8PathBuf>,
}

/// One package that an interpreter can import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Normalised project name.
    pub name: String,
    /// Its version, with a local part where it has one: `2.1.0+cu118`.
    pub version: String,
    /// Its metadata: `….dist-info`, `….egg-info`.
    #[serde(default)]
    pub location: Utf8PathBuf,
    /// Its extras.
    #[serde(default)]
    pub extras: Vec<String>,
    /// What its extras require, as the metadata has it.
    #[serde(default)]
    pub extra_requires: Vec<String>,
}

/// Packages by normalised name.
pub type Packages = BTreeMap<String, Package>;

impl InterpreterFacts {
    /// `3.11`.
    pub fn minor(&self) -> String {
        self.version.split('.').take(2).collect::<Vec<_>>().join(".")
    }

    /// Whether compilers and CMake find its headers and library without being told.
    pub fn is_where_compilers_look(&self) -> bool {
        let usual = |path: &Utf8PathBuf| {
            let path: &Utf8Path = path;
            path.starts_with("/usr/include") || path.starts_with("/usr/local/include")
        };
        self.include.as_ref().is_some_and(usual)
    }
}
