//! The case: what the user wants. TOML, or JSON with the same keys.
//!
//! The doc comments of these types are the case reference: the JSON Schema and `docs/reference/case.md` are generated
//! from them, and the decoder refuses every key that is not here.

pub mod application;
mod apt_repository;
mod artifacts;
mod component;
pub mod condition;
mod cuda;
mod cuda_toolchain;
mod diagnostic;
mod image;
mod json;
mod merge;
pub mod placeholder;
mod preset;
mod python;
mod recipe;
mod recipe_file;
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
pub use component::{
    Check, Commands, Component, Driver, Expect, Generator, Listed, Mark, OptionValue, Vendored, When,
};
pub use recipe::{Recipe, Recipes};
pub use recipe_file::{load_recipe, parse_recipe};

pub use cuda::{ComputeCapability, Cuda, CudaArch, CudaArchName, NotACapability};
pub use cuda_toolchain::{CudaOrigin, CudaToolchain};
pub use diagnostic::{Diagnostic, Diagnostics, Location, Warning, nearest};
pub use image::{HealthCheck, Image, Port};
pub use merge::{CaseFile, Format, Loaded, Origin, Overrides, SourceNames, load, read_preset, source_names};
pub use reference::reference_markdown;
pub use schema::{json_schema, recipe_json_schema};
pub use semantic::is_case_name;
pub use source::{Alternatives, Lfs, SourceSpec, is_commit};
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
    /// Another case, by name or path, whose values apply where this one has none. Tables are merged, lists and
    /// plain values are replaced. A list of several is merged in its order: a later one overrides those before
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<Extends>,
    /// The image that `installer` runs in, if it runs in one: `debian:12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_image: Option<String>,
    /// Packages of the distribution beyond those that the components need: a list, or a list by package manager. A word
    /// with a `/` is a package file, `./debs/libvendor_1.0_amd64.deb`, relative to the case (apt only).
    #[serde(default)]
    pub system_packages: SystemPackages,
    /// What needs of the catalog are called here, by package manager: `[package_names.dnf]`, `nlohmann-json =
    /// ["json-devel"]`. An empty list means that a need is met in another way: it is neither installed nor looked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub package_names: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Compilers and build tools.
    #[serde(default)]
    pub toolchains: Toolchains,
    /// Python packages, downloaded by `deps` as wheels and installed by `build` into an environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<Python>,
    /// CUDA: the toolkit and the GPUs that are compiled for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuda: Option<Cuda>,
    /// PyTorch and its companions: Python packages, from their own index if one is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pytorch: Option<Pytorch>,
    /// TensorRT's Python packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tensorrt: Option<Tensorrt>,
    /// Where code comes from: a source, or a list of alternatives of which the first available one is used.
    #[serde(default)]
    pub sources: BTreeMap<SourceName, Alternatives>,
    /// What is built, by name. A built-in name (`ffmpeg`) has its recipe; any other declares a driver. Names of
    /// components, sources, cases and groups of packages have letters, digits, `-`, `_`, `.` and `+`, with neither `-`
    /// nor `.` at the beginning, and at most 100 bytes, because they become names of files.
    #[serde(default)]
    pub components: IndexMap<ComponentName, Component>,
    /// Options for all components.
    #[serde(default)]
    pub build_options: BuildOptions,
    /// Environment variables for all commands of `build`.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// How the runtime image starts and what it offers; `installer image dockerfile` turns it into instructions. In
    /// words and values `{prefix}` stands for the prefix, `{environment}` for the directory of the case's Python
    /// environment and `{python}` for its interpreter.
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
    /// Short name; by default the name of the case's directory. It is not inherited from a case that this one extends.
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
    /// Whether it is a part for other cases to extend, which cannot be built alone. Cases that extend it
    /// inherit none of its metadata.
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
    /// Whether sources are built with the Rust that the machine has though their `rust-toolchain.toml` pins another,
    /// which `deps` would install with rustup.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore_pins: bool,
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
    /// What kind of environment is used.
    #[serde(default)]
    pub environment: PythonEnvironment,
    /// Requirement files, relative to the case. What they require has to have a wheel; a project that has none is a
    /// component with the driver `python`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub requirements: Vec<Utf8PathBuf>,
    /// Single requirements: `numpy==2.1.3`.
    #[serde(default)]
    pub packages: Vec<String>,
    /// The version of Python: `3.10`. The interpreter is then `python3.10`, from PATH or from the
    /// distribution, unless `interpreter` names another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Directories of wheels, relative to the case. Their wheels of a project are used before any index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub find_links: Vec<Utf8PathBuf>,
    /// Package indexes for some packages; all others come from pip's own index.
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
    /// `deps` creates the environment if it does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub lock: Option<Utf8PathBuf>,
    /// Environments `existing` and `conda`: install into the interpreter even if its distribution manages its packages
    /// (PEP 668).
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
    /// Seconds for which a step of `build` may go on after it first tried to use the network: it fails in any case, and
    /// by then it is ended. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leak_grace_seconds: Option<u32>,
}
