//! `[toolchains.xmake]` and `[components.NAME.xmake]`.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::SourceName;

/// xmake, for components that are built with it: one that is on the machine and new enough, else the distribution's
/// package, else a prebuilt one from `source`. A component called `xmake` that others need is used in its stead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct XmakeToolchain {
    /// Lowest version, `2.9`. What the sources require with `set_xmakever` applies as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<String>,
    /// A source of kind `archive` with a prebuilt xmake (`bin/xmake` beside `share/xmake`), or of kind `file` that is the
    /// program itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceName>,
}

/// How xmake builds a component. A recipe has values of its own; lists and tables of the case are added to them, single
/// values replace them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct XmakeSettings {
    /// The mode of the build. Default: `release`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The targets that are built. Default: those that the project builds by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// The targets that are installed below the prefix. Default: those that are built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install: Option<Vec<String>>,
    /// Python extensions: targets of which only the file is installed, each with the directory below the prefix that it
    /// goes to. They are built after `targets`, with the interpreter of the case's Python environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub python_extensions: BTreeMap<String, Utf8PathBuf>,
    /// Whether the extensions find the installed targets below `{installed}`, a directory in the build tree, while they
    /// are built: for projects that link them from where they are installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install_first: Option<bool>,
    /// Defines for all targets: `NAME` or `NAME=VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub defines: Vec<String>,
    /// Flags for the C and the C++ compiler.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cxflags: Vec<String>,
    /// Flags for the C compiler.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cflags: Vec<String>,
    /// Flags for the C++ compiler.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cxxflags: Vec<String>,
    /// Flags for the linker, of programs and shared libraries alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ldflags: Vec<String>,
    /// Environment variables for all of xmake's commands. `{source}`, `{build}`, `{prefix}` and `{installed}` stand for the
    /// directories.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Environment variables for the install commands only; `{destdir}` stands for the staging root as well.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub install_environment: BTreeMap<String, String>,
    /// What replaces the packages that the project requires with `add_requires`, by their names there. Those that are
    /// built in need no entry: boost, openmp, pybind11 and zlib.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requires: BTreeMap<String, XmakePackage>,
    /// A source that is a package index (a clone of xmake's, or one of your own): what is neither in `requires` nor on
    /// the system is compiled from it while the component is configured, offline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_index: Option<SourceName>,
    /// Sources of kind `file` that the index would download, by the names under which xmake looks for them:
    /// `{ "fmt-10.2.1.zip" = "fmt-archive" }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub package_archives: BTreeMap<String, SourceName>,
}

/// What replaces a package of xmake: it finds a pkg-config file with these flags. An empty table replaces a package
/// that is required but not used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct XmakePackage {
    /// The version that it claims. Default: `1.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Compiler flags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cflags: Vec<String>,
    /// Linker flags and libraries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub libs: Vec<String>,
    /// pkg-config modules whose flags are added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<String>,
    /// What it needs of the distribution: names of the catalog, or `apt:libfoo-dev` for a package.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub system: Vec<String>,
    /// A header that is compiled against the interpreter of the case's environment, `pybind11/pybind11.h`: the include
    /// directories of the interpreter are added, and those of the Python package that the header's directory names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python_header: Option<String>,
}

impl XmakeSettings {
    /// These with others over them: lists and tables are added to, single values replaced.
    #[must_use]
    pub fn with(mut self, over: &Self) -> Self {
        let single = |own: &mut Option<String>, other: &Option<String>| {
            if other.is_some() {
                own.clone_from(other);
            }
        };
        single(&mut self.mode, &over.mode);
        self.install = over.install.clone().or(self.install);
        self.install_first = over.install_first.or(self.install_first);
        self.package_index = over.package_index.clone().or(self.package_index);
        let Self { targets, defines, cxflags, cflags, cxxflags, ldflags, .. } = &mut self;
        for (own, other) in [
            (targets, &over.targets),
            (defines, &over.defines),
            (cxflags, &over.cxflags),
            (cflags, &over.cflags),
            (cxxflags, &over.cxxflags),
            (ldflags, &over.ldflags),
        ] {
            own.extend(other.iter().cloned());
        }
        self.python_extensions.extend(over.python_extensions.clone());
        self.environment.extend(over.environment.clone());
        self.install_environment.extend(over.install_environment.clone());
        self.requires.extend(over.requires.clone());
        self.package_archives.extend(over.package_archives.clone());
        self
    }
}
