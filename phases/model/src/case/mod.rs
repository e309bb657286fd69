//! The case: what the user wants. TOML, or JSON with the same keys.
//!
//! The doc comments of these types are the case reference: the JSON Schema and `docs/reference/case.md` are generated
//! from them, and the decoder refuses every key that is not here.

pub mod application;
mod apt_repository;
mod artifacts;
mod cuda;
mod cuda_toolchain;
mod diagnostic;
mod image;
mod json;
mod legacy;
mod merge;
pub mod placeholder;
mod python;
pub(crate) mod reference;
mod schema;
mod semantic;
mod source;
mod stack;
pub(crate) mod toml;
pub(crate) mod tree;
pub(crate) mod validate;
mod wanted;
mod xmake;

#[cfg(test)]
mod case_tests;

pub use application::Application;
pub use apt_repository::{AptRepository, KeyDownload, KeyFrom, ManagerPackages, PackagesFrom, RepositoryKey};
pub use artifacts::{PresetArtifacts, SourceFile};
pub use cuda::{ComputeCapability, Cuda, CudaArch, CudaArchName, NotACapability};
pub use cuda_toolchain::{CudaOrigin, CudaToolchain};
pub use diagnostic::{Diagnostic, Diagnostics, Place, Warning};
pub use image::{HealthCheck, Image, Port};
pub use merge::{CaseFile, Format, Loaded, Origin, Overrides, SourceNames, load, read_preset, source_names};
pub use reference::reference_markdown;
pub use schema::json_schema;
pub use semantic::KnownNames;
pub use source::{Alternatives, SourceSpec, is_commit};
pub use stack::{
    OptionalPackages, PYTORCH_PROJECTS, PythonIndex, Pytorch, Tensorrt, cuda_tag, normalised_project,
};
pub use tree::quoted as quoted_key;
pub use xmake::{XmakePackage, XmakeSettings, XmakeToolchain};

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::distribution::naming;
use crate::verify_level::VerifyLevel;
use crate::{ComponentName, SourceName};

/// The newest format that this version reads.
pub const CASE_SCHEMA: u32 = 1;

/// A deployment case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Format of the file; `1`.
    pub schema: u32,
    /// Name and description.
    pub metadata: Metadata,
    /// Another case, by name or path, whose values stand where this one says nothing. Tables are merged, lists and
    /// plain values are replaced. A list of several is merged in its order: what a later one says stands over what those
    /// before it say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<Extends>,
    /// The image that `installer` runs in, where it runs in one: `debian:12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_image: Option<String>,
    /// Packages of the distribution beyond those that the components need: a list, or a list by package manager. A word
    /// with a `/` is a package file, `./debs/libvendor_1.0_amd64.deb`, relative to the case (apt only).
    #[serde(default)]
    pub system_packages: SystemPackages,
    /// What needs of the catalog are called here, by package manager: `[package_names.dnf]`, `nlohmann-json =
    /// ["json-devel"]`. An empty list says that a need comes by other ways: it is neither installed nor looked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub package_names: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Compilers and build tools.
    #[serde(default)]
    pub toolchains: Toolchains,
    /// Python packages, brought by `deps` as wheels and installed by `build` into an environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<Python>,
    /// CUDA: the toolkit and the GPUs that are compiled for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuda: Option<Cuda>,
    /// PyTorch and its companions: Python packages, from an index of their own where one is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pytorch: Option<Pytorch>,
    /// TensorRT's Python packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tensorrt: Option<Tensorrt>,
    /// Where code comes from: a source, or a list of alternatives of which the first that can be had is taken.
    #[serde(default)]
    pub sources: BTreeMap<SourceName, Alternatives>,
    /// What is built, by name. A name that is built in (`ffmpeg`) brings its recipe; any other declares a driver.
    #[serde(default)]
    pub components: IndexMap<ComponentName, Component>,
    /// Options for all components.
    #[serde(default)]
    pub build_options: BuildOptions,
    /// Environment variables for all commands of `build`.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// How the runtime image starts and what it offers; `installer image dockerfile` makes instructions of it. In words
    /// and values `{prefix}` stands for the prefix, `{environment}` for the directory of the case's Python environment
    /// and `{python}` for its interpreter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
}

/// The cases that a case stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Extends {
    /// One.
    One(String),
    /// Several; later ones stand over earlier ones.
    Many(Vec<String>),
}

/// What the case is called and for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// Short name; by default the name of the case's directory. It is not taken from a case that this one extends.
    #[serde(default)]
    pub name: String,
    /// One line for lists.
    #[serde(default)]
    pub description: String,
    /// When it was written, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The GPU that it is meant for, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_gpu: Option<String>,
    /// Whether it is a part that other cases extend, and none that could be built by itself. Nothing else of a
    /// fragment's metadata goes to who extends it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fragment: bool,
}

/// A list of packages, or by package manager (`apt`, `dnf` and yum, `zypper`, `apk`) a list, or a table of `packages` and, for
/// apt, `repositories`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SystemPackages {
    /// The same names for every package manager.
    All(Vec<String>),
    /// By package manager.
    ByManager(BTreeMap<String, ManagerPackages>),
}

impl Default for SystemPackages {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl SystemPackages {
    /// Whether a word of the list is a package file rather than a name, told apart as apt-get(8) does: by its `/`.
    pub fn is_file(word: &str) -> bool {
        word.contains('/')
    }

    /// The packages for this manager.
    pub fn for_manager(&self, manager: &str) -> &[String] {
        match self {
            Self::All(names) => names,
            Self::ByManager(by) => match by.get(naming(manager)) {
                Some(ManagerPackages::List(names)) => names,
                Some(ManagerPackages::Table(table)) => &table.packages,
                None => &[],
            },
        }
    }

    /// The repositories for this manager.
    pub fn repositories(&self, manager: &str) -> &[AptRepository] {
        match self {
            Self::ByManager(by) => match by.get(manager) {
                Some(ManagerPackages::Table(table)) => &table.repositories,
                _ => &[],
            },
            Self::All(_) => &[],
        }
    }
}

/// Compilers and build tools.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Toolchains {
    /// Rust, for components built with cargo.
    #[serde(default)]
    pub rust: RustToolchain,
    /// CMake.
    #[serde(default)]
    pub cmake: ToolVersion,
    /// CUDA.
    #[serde(default)]
    pub cuda: CudaToolchain,
    /// xmake.
    #[serde(default)]
    pub xmake: XmakeToolchain,
    /// A compiler cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compiler_cache: Option<CompilerCache>,
}

/// Rust. What the lock files and manifests of the sources demand is added to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RustToolchain {
    /// Lowest version, `1.78`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<String>,
}

/// A tool with a lowest version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolVersion {
    /// Lowest version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<String>,
}

/// Which compiler cache is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CompilerCache {
    /// ccache, for C and C++.
    Ccache,
    /// sccache, for C, C++ and Rust.
    Sccache,
}

/// Python packages and the environment that they go to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Python {
    /// The interpreter: a name on PATH or a path. Default: `python3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// What kind of environment is made.
    #[serde(default)]
    pub environment: PythonEnvironment,
    /// Requirement files, relative to the case.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub requirements: Vec<Utf8PathBuf>,
    /// Single requirements: `numpy==2.1.3`.
    #[serde(default)]
    pub packages: Vec<String>,
    /// The version of Python that is wanted: `3.10`. The interpreter is then `python3.10`, from PATH or from the
    /// distribution, unless `interpreter` names another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Directories of wheels, relative to the case. What one of them has of a project is taken before any index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub find_links: Vec<Utf8PathBuf>,
    /// Package indexes for some packages; all others come from the index that pip knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<PythonIndex>,
    /// Packages that may be missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub optional: Vec<OptionalPackages>,
    /// Environment `conda`: its directory. Its `bin/python` is the interpreter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub prefix: Option<Utf8PathBuf>,
    /// Environment `conda`: an explicit specification (`conda list --explicit --md5`), relative to the case, from which
    /// `deps` creates the environment when it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub lock: Option<Utf8PathBuf>,
    /// Environments `existing` and `conda`: install into the interpreter even where its distribution manages its packages (PEP 668).
    #[serde(default)]
    pub break_system_packages: bool,
}

/// Kinds of Python environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PythonEnvironment {
    /// A virtual environment of its own.
    #[default]
    Venv,
    /// A virtual environment that sees the interpreter's packages. Those are kept: their versions constrain the rest,
    /// and what satisfies a requirement is not brought again.
    VenvSystemSite,
    /// The interpreter's own environment. What it has is kept, as with `venv-system-site`.
    Existing,
    /// A conda environment at `prefix`, used like `existing`; created from `lock` when it is not there.
    Conda,
}

/// Whether the text of a case in TOML says that it is a fragment, for lists. One that cannot be read says nothing.
pub fn is_fragment(text: &str) -> bool {
    // Reading all of every case would take a list as long as that.
    text.contains("fragment")
        && ::toml::from_str::<::toml::Table>(text).is_ok_and(|table| {
            let said = table.get("metadata").and_then(|metadata| metadata.get("fragment"));
            said.and_then(::toml::Value::as_bool) == Some(true)
        })
}

/// One thing that is built and installed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// The built-in recipe that it follows. Default: the one of its own name, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// How it is built; a recipe knows its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<Driver>,
    /// The source it is built from. Default: the source of its own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceName>,
    /// The directory in the source where its build files lie.
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
    /// another source.
    #[serde(default)]
    pub options: IndexMap<String, OptionValue>,
    /// Further arguments for the configure command (cargo: the build command), after all others, as they stand.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Environment variables for its commands, over those of the case.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The prefix. Default: the prefix of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub prefix: Option<Utf8PathBuf>,
    /// Driver `cmake`: generator. Default: Ninja.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<Generator>,
    /// Driver `cmake`: sources of what the project would bring by itself with `FetchContent`, by the name under which it
    /// declares each: `{ googletest = "googletest" }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fetch_content: BTreeMap<String, SourceName>,
    /// Files that are put into the build tree before it is configured, by their path in it, each from a source of kind
    /// `file`: what a project would download, where it looks before it does (a download cache, `NAME-prefix/src` of an
    /// `ExternalProject`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, SourceName>,
    /// Driver `cargo`: the binaries that are built and installed. Default: one, with the component's name.
    #[serde(default)]
    pub binaries: Vec<String>,
    /// Driver `cargo`: features beyond the default ones.
    #[serde(default)]
    pub features: Vec<String>,
    /// Driver `xmake`: what is built and installed, and what stands for the packages that the project asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xmake: Option<XmakeSettings>,
    /// The directory below its prefix where it installs Python modules: the case's environment imports them from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub python_modules: Option<Utf8PathBuf>,
    /// Components `infinicore` and `infinilm`: an editable install. What the environment imports are links to the Python
    /// files of your directory, so that an edited one counts at once. Its source must be marked `writable`; in an image it
    /// is refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub editable: bool,
    /// Driver `command`: what is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands: Option<Commands>,
    /// What the configured tree must show, beyond what the driver checks by itself.
    #[serde(default)]
    pub expect: Vec<Expect>,
    /// How it is seen that the installed component works, beyond the checks of its recipe.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// The checks of its recipe are left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_recipe_checks: bool,
    /// Component `infinilm-svc`: the directory with the entry point, the scripts and the configuration of the deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<Application>,
    /// Its failure is shown and does not fail the run.
    #[serde(default)]
    pub optional: bool,
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

/// A line that a file of the configured tree must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Relative to the build tree.
    #[schemars(with = "String")]
    pub file: Utf8PathBuf,
    /// The line, white space at its ends aside.
    pub line: String,
    /// What is probably missing when it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
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
        /// The level of verification from which on it is run: `device` for one that needs a device.
        #[serde(default, skip_serializing_if = "VerifyLevel::is_import")]
        level: VerifyLevel,
    },
    /// Runs two commands, whose standard outputs must be the same (lines that begin with `#` aside) and not empty.
    SameOutput {
        /// Commands that are run before.
        #[serde(default)]
        before: Vec<Vec<String>>,
        /// One.
        left: Vec<String>,
        /// The other.
        right: Vec<String>,
        /// The level of verification from which on it is run: `device` for one that needs a device.
        #[serde(default, skip_serializing_if = "VerifyLevel::is_import")]
        level: VerifyLevel,
    },
    /// Looks at a shared library that the component installed: every symbol that it needs is to be found in the libraries
    /// that it is linked with (`ldd -r`).
    Library {
        /// Its file name, wherever below the prefix it lies: `libx264.so`.
        name: String,
        /// Symbols that it must export.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exports: Vec<String>,
        /// The level of verification from which on it is run: `device` for one that needs a device.
        #[serde(default, skip_serializing_if = "VerifyLevel::is_import")]
        level: VerifyLevel,
    },
    /// Starts a server, asks it over loopback, and ends it.
    Http {
        /// The server; `{port}` stands for a free port.
        serve: Vec<String>,
        /// The path that is asked for.
        path: String,
        /// The expected status code.
        #[serde(default = "ok_status")]
        status: u16,
        /// What the body must contain.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contains: Option<String>,
        /// The level of verification from which on it is run: `device` for one that needs a device.
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

/// Options for all components.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BuildOptions {
    /// Flags for the C compiler.
    #[serde(default)]
    pub cflags: Vec<String>,
    /// Flags for the C++ compiler.
    #[serde(default)]
    pub cxxflags: Vec<String>,
    /// Flags for the linker.
    #[serde(default)]
    pub ldflags: Vec<String>,
}
