//! A component of a case, and how it is built and checked.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Application, XmakeSettings};
use crate::verify_level::VerifyLevel;
use crate::{ComponentName, SourceName};

/// One thing that is built and installed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// The built-in recipe that it follows. Default: the one of its own name, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// How it is built; a recipe has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<Driver>,
    /// The source it is built from. Default: the source of its own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceName>,
    /// The directory in the source that contains its build files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub subdirectory: Option<Utf8PathBuf>,
    /// Components that must be installed first; they are put on `CMAKE_PREFIX_PATH`, `PKG_CONFIG_PATH` and RPATH.
    #[serde(default)]
    pub needs: Vec<ComponentName>,
    /// What it needs of the distribution: names of the catalog (`nasm`, `zlib`), or `apt:libfoo-dev` for a package.
    #[serde(default)]
    pub system: Vec<String>,
    /// Options in the driver's own names: `-D` variables for CMake, `--<key>[=<value>]` for configure scripts,
    /// `-D<key>=<value>` for Meson, `--<key>=<value>` for xmake. `true` gives the bare option for configure scripts, `ON`
    /// for CMake and `y` for xmake; a list is joined with commas (semicolons for CMake). `{source}`, `{build}` and
    /// `{prefix}` stand for the component's source tree, build tree and prefix, `{source:NAME}` for a copy of the tree of
    /// another source, `{prefix:NAME}` for the prefix of a component that it needs, `{python}` for the interpreter of the
    /// case's environment.
    #[serde(default)]
    pub options: IndexMap<String, OptionValue>,
    /// Further arguments for the configure command (cargo: the build command), after all others, as they stand.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Environment variables for its commands, over those of the case. Placeholders as in `options`, but for
    /// `{source:NAME}`; so have `arguments` and `commands`.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The prefix. Default: the prefix of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub prefix: Option<Utf8PathBuf>,
    /// Driver `cmake`: generator. Default: Ninja.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<Generator>,
    /// Driver `cmake`: sources of what the project would download itself with `FetchContent`, by the name under which
    /// it declares each: `{ googletest = "googletest" }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fetch_content: BTreeMap<String, SourceName>,
    /// Driver `meson`: sources of what a wrap would download into a directory below `subprojects`, by the name of that
    /// directory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subprojects: BTreeMap<String, SourceName>,
    /// Files that are put into the build tree before it is configured, by their path in it, each from a source of kind
    /// `file`: what a project would download, in the place where it looks first (a download cache, `NAME-prefix/src` of
    /// an `ExternalProject`). Driver `meson`: a path below `subprojects` is one in a copy of the source
    /// (`subprojects/packagecache`, where wraps look).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, SourceName>,
    /// Driver `cargo`: the binaries that are built and installed. Default: one, with the component's name.
    #[serde(default)]
    pub binaries: Vec<String>,
    /// Driver `cargo`: features beyond the default ones.
    #[serde(default)]
    pub features: Vec<String>,
    /// Driver `xmake`: what is built and installed, and what replaces the packages that the project requires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xmake: Option<XmakeSettings>,
    /// The directory below its prefix where it installs Python modules: the case's environment imports them from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub python_modules: Option<Utf8PathBuf>,
    /// Components `infinicore` and `infinilm`: an editable install. What the environment imports are links to the Python
    /// files of your directory, so that edits take effect at once. Its source must be marked `writable`; in an image it
    /// is an error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub editable: bool,
    /// Driver `command`: what is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands: Option<Commands>,
    /// What the configured tree must show, beyond what the driver checks by itself.
    #[serde(default)]
    pub expect: Vec<Expect>,
    /// How to check that the installed component works, beyond the checks of its recipe.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// Leaves out the checks of its recipe, with those under its `when`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_recipe_checks: bool,
    /// Component `infinilm-svc`: the directory with the entry point, the scripts and the configuration of the deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<Application>,
    /// Its failure is shown and does not fail the run.
    #[serde(default)]
    pub optional: bool,
    /// What applies if a condition on its options holds: `[components.NAME.when.WITH_TIFF]`. A condition names options
    /// that are on (`!NAME`: that are not), or compares one (`NAME = VALUE`, `NAME != off`; `*` stands for anything),
    /// with `and`, `or` and parentheses; `{arch}` is the architecture, `{needs}` is true where the component needs
    /// another one.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub when: IndexMap<String, When>,
    /// What the user should know before it is built: effects on licences and the like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What is probably missing if a part that the options enable is not enabled, by the name of the part. Hooks that
    /// know parts (`ffmpeg`) show it with the failure.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, String>,
    /// Python packages that it is built against, each with a file that shows that it is installed: `numpy =
    /// "numpy/ndarrayobject.h"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub python_packages: BTreeMap<String, String>,
    /// An estimate of how long it compiles on one core, in seconds: what takes longest begins first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// An estimate of what its unpacked source, its build tree and its staging root take, in MiB. Default: from the
    /// size of its source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_mib: Option<u64>,
    /// An estimate of the memory that one job of its compile takes, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_memory_mib: Option<u64>,
    /// How its source is recognised, so that a wrong directory is refused before anything is compiled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// Libraries that its source has below `third_party` if it has its submodules, and the system's libraries that
    /// replace them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vendored: Vec<Vendored>,
    /// Driver `autotools`: options of its configure script for variables of the environment that it does not read:
    /// `{ CC = "cc" }` gives `--cc=` with the value of `CC`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub environment_options: IndexMap<String, String>,
    /// Driver `autotools`: the configure script is generated first, with `autoreconf --force --install` in a copy of
    /// the source: for sources from version control, which have no script.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub autoreconf: bool,
    /// Driver `autotools`: the configure script refuses options that it does not know. autoconf's does not; for it, the
    /// log is checked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict_configure: bool,
    /// Driver `autotools`: the makefiles break on white space in the source's path; they get a link to it instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub link_source: bool,
    /// Why its prefix may not contain white space, if it may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_white_space_in_prefix: Option<String>,
    /// Whether it can be `editable`: hooks must create the links.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub editable_install: bool,
    /// The code that does what data cannot express: `ffmpeg`, `infinicore`, `infinilm`, `infinilm-svc` or `opencv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<String>,
}

/// What applies if a condition on the options of a component holds, in addition to the rest of the component.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// What it needs of the distribution.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub system: Vec<String>,
    /// Options, unless the case or the recipe sets another value.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub options: IndexMap<String, OptionValue>,
    /// The recipes of libraries that it builds on: a component of the case that follows one of them must be among its
    /// `needs`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub builds_on: Vec<String>,
    /// What the configured tree must show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Expect>,
    /// How to check that the installed component works.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// What the user should know before it is built.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Python packages that it is built against.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub python_packages: BTreeMap<String, String>,
    /// The directory below its prefix where it installs Python modules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub python_modules: Option<Utf8PathBuf>,
    /// The disk space that it takes, in MiB, instead of the component's own estimate. Of several, the last one applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_mib: Option<u64>,
    /// The memory that one job of its compile takes, in MiB, instead of the component's own estimate. Of several, the
    /// last one applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_memory_mib: Option<u64>,
}

/// By what a source is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// The project's usual name: `InfiniCore`.
    pub project: String,
    /// A file at its top.
    #[schemars(with = "String")]
    pub file: Utf8PathBuf,
    /// A text that the file contains.
    pub says: String,
}

/// A library that a source has below `third_party`, or else the system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vendored {
    /// The directory below `third_party`.
    pub directory: String,
    /// Rows of the catalog.
    pub rows: Vec<String>,
    /// The lowest version of the first row that works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<String>,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OptionValue {
    /// On or off.
    Switch(bool),
    /// A whole number.
    Number(i64),
    /// Text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

/// How a kind of component is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// A configure script and make.
    Autotools,
    /// CMake with Ninja or make.
    Cmake,
    /// Meson with Ninja.
    Meson,
    /// A Python project, built by pip without build isolation and installed into the case's environment.
    Python,
    /// Cargo, with the source's own lock file.
    Cargo,
    /// Commands that the case spells out.
    Command,
    /// xmake, offline.
    Xmake,
}

impl Driver {
    /// All of them, those that people look for first first.
    pub const ALL: [Self; 7] =
        [Self::Cmake, Self::Autotools, Self::Meson, Self::Cargo, Self::Python, Self::Xmake, Self::Command];

    /// The word in a case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Autotools => "autotools",
            Self::Cmake => "cmake",
            Self::Meson => "meson",
            Self::Python => "python",
            Self::Cargo => "cargo",
            Self::Command => "command",
            Self::Xmake => "xmake",
        }
    }

    /// The files of which one marks the top of a project that it builds; none where any directory will do.
    pub fn build_files(self) -> &'static [&'static str] {
        match self {
            Self::Autotools => &["configure"],
            Self::Cmake => &["CMakeLists.txt"],
            Self::Meson => &["meson.build"],
            Self::Python => &["pyproject.toml", "setup.py"],
            Self::Cargo => &["Cargo.toml"],
            Self::Command => &[],
            Self::Xmake => &["xmake.lua"],
        }
    }

    /// All words, for people: `cmake, autotools, …`.
    pub fn words() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

/// CMake generators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Generator {
    /// `Ninja`.
    Ninja,
    /// `Unix Makefiles`.
    Make,
}

/// Commands of the driver `command`. Each is a list of words; `{source}`, `{build}`, `{prefix}`, `{destdir}` and
/// `{jobs}` stand for the source tree, the build tree (the working directory), the prefix, the staging root and the number of jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Commands {
    /// Run once, before `compile`.
    #[serde(default)]
    pub configure: Vec<Vec<String>>,
    /// Compiles.
    #[serde(default)]
    pub compile: Vec<Vec<String>>,
    /// Installs below `{destdir}`.
    pub install: Vec<Vec<String>>,
}

/// What the configured tree must show: one of `line`, `absent`, `found` and `listed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The file, relative to the build tree. Default: what configuring printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub file: Option<Utf8PathBuf>,
    /// A line that it must have; white space at its ends is ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// A text that none of its lines may contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<String>,
    /// The beginning of a line that must go on with something other than `NO`, as in a summary: `JPEG:`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// A word that must follow the beginning of a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<Listed>,
    /// What was asked for, for people. Default: the line; under `when` the option of the condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// What is probably missing if it does not show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// A word behind the beginning of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// The beginning of the line: `Parallel framework:`.
    pub label: String,
    /// The word.
    pub word: String,
}

/// How it is seen that an installed component works. Words may contain `{prefix}`, `{scratch}` (an empty directory) and
/// `{case}` (the directory of the case, for files that lie beside it) and `{python}` (the interpreter of its environment).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Check {
    /// Runs a command.
    Run {
        /// The command.
        command: Vec<String>,
        /// What its output (both streams) must contain.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contains: Option<String>,
        /// The lowest level of verification that runs it: `device` for one that needs a device.
        #[serde(default, skip_serializing_if = "VerifyLevel::is_import")]
        level: VerifyLevel,
    },
    /// Runs two commands, whose standard outputs must be the same and not empty; lines that begin with `#` are ignored.
    SameOutput {
        /// Commands that are run before.
        #[serde(default)]
        before: Vec<Vec<String>>,
        /// One.
        left: Vec<String>,
        /// The other.
        right: Vec<String>,
        /// The lowest level of verification that runs it: `device` for one that needs a device.
        #[serde(default, skip_serializing_if = "VerifyLevel::is_import")]
        level: VerifyLevel,
    },
    /// Looks at a shared library that the component installed: every symbol that it needs must be in the libraries that
    /// it is linked with (`ldd -r`).
    Library {
        /// Its file name, wherever below the prefix it lies: `libx264.so`.
        name: String,
        /// Symbols that it must export.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exports: Vec<String>,
        /// The lowest level of verification that runs it: `device` for one that needs a device.
        #[serde(default, skip_serializing_if = "VerifyLevel::is_import")]
        level: VerifyLevel,
    },
    /// Starts a server, sends it a request over loopback, and stops it.
    Http {
        /// The server; `{port}` stands for a free port.
        serve: Vec<String>,
        /// The requested path.
        path: String,
        /// The expected status code.
        #[serde(default = "ok_status")]
        status: u16,
        /// What the body must contain.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contains: Option<String>,
        /// The lowest level of verification that runs it: `device` for one that needs a device.
        #[serde(default, skip_serializing_if = "VerifyLevel::is_import")]
        level: VerifyLevel,
    },
}

impl Check {
    /// The level of verification from which on it is run.
    pub fn level(&self) -> VerifyLevel {
        match self {
            Self::Run { level, .. }
            | Self::SameOutput { level, .. }
            | Self::Library { level, .. }
            | Self::Http { level, .. } => *level,
        }
    }

    /// Every word of its commands.
    pub fn words_mut(&mut self) -> Vec<&mut String> {
        match self {
            Self::Run { command, .. } => command.iter_mut().collect(),
            Self::SameOutput { before, left, right, .. } => {
                before.iter_mut().flatten().chain(left).chain(right).collect()
            }
            Self::Library { .. } => Vec::new(),
            Self::Http { serve, .. } => serve.iter_mut().collect(),
        }
    }
}

fn ok_status() -> u16 {
    200
}
