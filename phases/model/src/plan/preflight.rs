//! What a preflight step looks at.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::Need;
use crate::case::PythonEnvironment;
use crate::source_facts::PinnedRust;
use crate::{ComponentName, SourceName};

/// See [`super::Action::Preflight`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preflight {
    /// The package manager whose database is asked.
    pub manager: Option<String>,
    /// What must be there.
    pub needs: Vec<Need>,
    /// Lowest Rust, if it builds with cargo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rust: Option<String>,
    /// The Rust that its source pins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rust_pin: Option<PinnedRust>,
    /// What `deps` found out about the crates that it fetched ([`FetchedCrates`] as JSON), if it builds with cargo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crates: Option<Utf8PathBuf>,
    /// Python packages that must be among the wheels that `deps` brought, if it builds against them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wheels: Option<RequiredWheels>,
    /// The project file whose build requirements must be among those wheels, if it is built by pip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<RequiredProject>,
    /// What the backend must read of the arguments, if any is meant for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<RequiredBackend>,
    /// What the user's own source tree must be and what it may leave to the system, if a recipe knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Box<RequiredSource>>,
    /// What the user's own source tree must have for the driver, if no recipe knows better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_file: Option<RequiredBuildFile>,
    /// What the interpreter must have and be, if it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<RequiredPython>,
    /// What the accelerators need for which it is compiled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accelerators: Vec<RequiredAccelerator>,
    /// The directory of the user's that it is built from, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout: Option<RequiredCheckout>,
    /// What the packages that an xmake project asks for must be found by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub xmake_packages: Vec<RequiredXmakePackage>,
    /// Compiler caches that the case does not ask for and that the project may find on PATH by itself: of one that does
    /// not work is warned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compiler_caches: Vec<String>,
    /// Files and directories that must be there, with who brings them: a mounted source, fetched crates.
    pub paths: Vec<RequiredPath>,
    /// Free disk below `disk_at`, in MiB.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub disk_mib: u64,
    /// Where that disk is needed.
    #[serde(default, skip_serializing_if = "is_nowhere")]
    pub disk_at: Utf8PathBuf,
    /// What those megabytes are for; what has its part already needs none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disk_for: Vec<DiskEstimate>,
    /// Prefixes of needed components, for headers and `.pc` files.
    #[serde(default)]
    pub prefixes: Vec<Utf8PathBuf>,
    /// Directories outside the prefix that will be written to; they need not be there yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writable: Vec<RequiredPath>,
}

/// The file by which a driver builds a project: `CMakeLists.txt`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredBuildFile {
    /// The user's own directory.
    pub tree: Utf8PathBuf,
    /// The source that it is.
    pub source: SourceName,
    /// The component that is built of it.
    pub component: ComponentName,
    /// The driver, by its word in a case.
    pub driver: String,
    /// Names of which one must be there.
    pub any_of: Vec<String>,
}

/// What a recipe knows of the tree that it builds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredSource {
    /// The user's own directory; none: the source is fetched, and is what the case says.
    pub tree: Option<Utf8PathBuf>,
    /// Its name in the case.
    pub source: SourceName,
    /// What it should be, by the name that people use: `InfiniCore`.
    pub name: String,
    /// The file by which it is known, below the tree.
    pub file: Utf8PathBuf,
    /// What that file says: `target("infinicore_cpp_api")`. White space and the kind of quotes do not count.
    pub says: String,
    /// What the tree does not bring and the system has to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub third_party: Vec<ThirdParty>,
}

/// A library that a source would bring as a submodule and that is not in its tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThirdParty {
    /// How the system's is seen.
    pub need: Need,
    /// How the source's own is had: the command.
    pub cure: String,
}

/// What is known of the crates that a source locks once they are fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchedCrates {
    /// The highest `rust-version` among those that a build for this machine compiles.
    pub minimum_rust: Option<String>,
    /// The crate that says so, with its version.
    pub wanted_by: Option<String>,
}

/// Python packages that preflight looks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredWheels {
    /// The list of the wheels that are there.
    pub lock: Utf8PathBuf,
    /// Normalised project names, each with what of it is needed: `numpy` → `numpy/ndarrayobject.h`.
    pub packages: BTreeMap<String, String>,
}

/// The build requirements that preflight looks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredProject {
    /// The list of the wheels that are there.
    pub lock: Utf8PathBuf,
    /// `pyproject.toml`.
    pub file: Utf8PathBuf,
}

/// What the build backend of a Python project must read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredBackend {
    /// `pyproject.toml`, which names the backend.
    pub file: Utf8PathBuf,
    /// Names of settings.
    pub settings: Vec<String>,
}

/// What preflight looks for in a Python interpreter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredPython {
    /// A name on PATH, or a path.
    pub interpreter: String,
    /// What becomes of it.
    pub environment: PythonEnvironment,
    /// The case: what it installed into the interpreter itself does not count as existing.
    pub case: String,
    /// Whether an interpreter that somebody else manages may be installed into.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub break_system_packages: bool,
    /// Whether packages are installed into the environment: then what is there counts, and it must be allowed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub installs: bool,
    /// Whether its headers and its library must be there and fit, because something is compiled against it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub compiles: bool,
    /// Packages that must be among the wheels of the case or in the interpreter, each with what of it is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<RequiredWheels>,
}

/// What preflight looks for where an option switches an accelerator on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredAccelerator {
    /// The row of the table: `nvidia`.
    pub name: String,
    /// The option that switches it on.
    pub option: String,
    /// The vendor's SDK, if it has one that `deps` does not bring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdk: Option<RequiredSdk>,
    /// Programs that must be on `path`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// PATH of the component's commands.
    pub path: String,
    /// The option by which an architecture is named, if none is, so that the device of the machine would be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks_device: Option<AskedDevice>,
}

/// A vendor's SDK that preflight looks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredSdk {
    /// What it is called.
    pub title: String,
    /// Variables that name its directory.
    pub variables: Vec<String>,
    /// Its directory; none when nothing says where it is.
    pub root: Option<Utf8PathBuf>,
    /// The variable that says so.
    pub named_by: Option<String>,
    /// What it must hold, each a list of which one will do.
    pub holds: Vec<Vec<Utf8PathBuf>>,
}

/// An architecture that nobody names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedDevice {
    /// The option that would name it.
    pub option: String,
    /// A value of it.
    pub example: String,
    /// Whether `[cuda]` would name it as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub or_cuda: bool,
    /// There is a device if one of these is there; none: that cannot be seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Utf8PathBuf>,
}

/// A directory of the user's, which may be a git checkout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredCheckout {
    /// The source.
    pub source: SourceName,
    /// The directory; never written to.
    pub tree: Utf8PathBuf,
    /// The commit that it should be at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Submodules that matter; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submodules: Option<Vec<Utf8PathBuf>>,
}

/// A package that an xmake project asks for, which only the system can bring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredXmakePackage {
    /// The pkg-config module that xmake would find.
    pub module: String,
    /// What is asked for, and where: `zlib >=1.2 (xmake.lua:3)`.
    pub asked: String,
    /// What to do when it is not there.
    pub cure: String,
}

/// The disk that building a component takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskEstimate {
    /// The component.
    pub component: ComponentName,
    /// A guess, in MiB.
    pub mib: u64,
    /// The source tree by whose size the guess is lowered, where no recipe knows better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_source: Option<Utf8PathBuf>,
    /// If one of these is there it has taken its part.
    pub taken: Vec<Utf8PathBuf>,
}

/// A path that preflight looks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredPath {
    /// Absolute path.
    pub path: Utf8PathBuf,
    /// What to do when it is not there.
    pub cure: String,
}

fn is_zero(mib: &u64) -> bool {
    *mib == 0
}

fn is_nowhere(path: &Utf8PathBuf) -> bool {
    path.as_str().is_empty()
}
