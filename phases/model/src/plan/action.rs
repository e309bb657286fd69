//! What a step does: a closed enum, with one struct of plain data for each kind.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::{Need, Preflight};
use crate::asked::Required;
use crate::case::{AptRepository, Check, PythonIndex, SourceSpec};
use crate::cuda::WantedCuda;
use crate::source_facts::PinnedRust;
use crate::verify_level::VerifyLevel;
use crate::{ComponentName, SourceName};

/// What a step does. Closed: a run can do nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "a plan has a few hundred steps at most")]
pub enum Action {
    /// Makes sure that what the case needs of the distribution is there.
    EnsurePackages(EnsurePackages),
    /// Makes sure that a toolchain is there and new enough.
    EnsureToolchain(EnsureToolchain),
    /// Downloads a source into the artifacts: the first alternative that can be had and matches.
    FetchSource(FetchSource),
    /// Unpacks a fetched source.
    UnpackSource(UnpackSource),
    /// Resolves and downloads wheels into the artifacts.
    FetchWheels(FetchWheels),
    /// `cargo fetch --locked` with nothing but manifests and lock files.
    FetchCrates(FetchCrates),
    /// Creates the Python environment at its final path and installs the wheels, without an index.
    InstallWheels(InstallWheels),
    /// Installs the wheels into a staging root, for an environment that is not installer's own.
    StageWheels(StageWheels),
    /// Looks whether all that a component's build needs is there. Observed; its digest names packages and versions.
    Preflight(Preflight),
    /// Brings a working copy in line with a source, by content, keeping times of what did not change.
    WorkingCopy(WorkingCopy),
    /// Runs commands one after the other.
    Exec(Exec),
    /// Reads a configured tree and fails when something that was asked for is not enabled.
    ExpectEnabled(ExpectEnabled),
    /// Copies named files and trees into the staging root, and writes short texts there.
    StageFiles(StageFiles),
    /// Lets the case's Python environment import what a component installed below its prefix.
    LinkPython(LinkPython),
    /// Checks a staging root, records it in a manifest, and moves its files into the prefix.
    Commit(Commit),
    /// Holds every installed file against its hash, then runs the component's checks.
    Verify(Verify),
}

/// See [`Action::EnsurePackages`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnsurePackages {
    /// The package manager: `apt`.
    pub manager: String,
    /// What is needed, each with the packages that bring it.
    pub needs: Vec<Need>,
    /// Repositories of the case, set up when a package is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<DeclaredRepository>,
}

/// An apt repository of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredRepository {
    /// The case, for the mark in the file.
    pub case: String,
    /// The name of its files below `/etc/apt`, without an ending: `installer-vision-cuda`.
    pub file: String,
    /// Where its key is or will be, when that is a file.
    pub key_file: Option<Utf8PathBuf>,
    /// What the case says.
    pub repository: AptRepository,
}

/// See [`Action::EnsureToolchain`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "toolchain", rename_all = "kebab-case")]
pub enum EnsureToolchain {
    /// A CUDA toolkit.
    Cuda {
        /// What is wanted.
        wanted: WantedCuda,
        /// Where that of wheels is put; none: wheels may or can not bring it.
        tree: Option<Utf8PathBuf>,
        /// The artifacts, where the wheels are kept.
        artifacts: Utf8PathBuf,
    },
    /// cargo and rustc.
    Rust {
        /// Lowest version, from the case.
        minimum: Option<String>,
        /// Sources whose lock file and manifest raise it, once they are there.
        sources: Vec<SourceName>,
        /// Directory that holds `<source>/source.json` with those facts.
        source_artifacts: Utf8PathBuf,
        /// `RUSTUP_HOME` and `CARGO_HOME` when rustup has to bring it.
        install_root: Utf8PathBuf,
        /// The package manager that may bring it instead.
        manager: Option<String>,
    },
    /// The Rust that sources pin.
    PinnedRust {
        /// What the user's own directories pin.
        pins: Vec<PinnedRust>,
        /// Sources that may pin one, once they are there.
        sources: Vec<SourceName>,
        /// Directory that holds `<source>/source.json` with that.
        source_artifacts: Utf8PathBuf,
        /// `RUSTUP_HOME` and `CARGO_HOME` when rustup has to bring it.
        install_root: Utf8PathBuf,
    },
    /// A conda environment.
    Conda {
        /// Where it is, or is created.
        prefix: Utf8PathBuf,
        /// An explicit specification, absolute.
        specification: Option<Utf8PathBuf>,
        /// Packages of it that need not be downloaded.
        packages: Utf8PathBuf,
    },
    /// xmake.
    Xmake {
        /// Lowest version, from the case and the sources that are the user's own.
        minimum: Option<String>,
        /// Where the files of the source lie that the case gives for it.
        source: Option<Utf8PathBuf>,
        /// Where what it holds is put.
        tree: Utf8PathBuf,
        /// The package manager that may bring it instead.
        manager: Option<String>,
    },
    /// ninja, new enough to be a client of the jobserver.
    Ninja {
        /// Where the binary of the wheel is put: `<tools>/bin/ninja`.
        tools: Utf8PathBuf,
        /// The artifacts, where the wheel is kept.
        artifacts: Utf8PathBuf,
    },
}

/// See [`Action::FetchSource`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FetchSource {
    /// The source.
    pub source: SourceName,
    /// Tried in order.
    pub alternatives: Vec<SourceSpec>,
    /// Where its files go ([`crate::layout::Layout::source_artifacts`]), with `source.json` beside them.
    pub into: Utf8PathBuf,
}

/// See [`Action::UnpackSource`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnpackSource {
    /// The source.
    pub source: SourceName,
    /// Where its files and `source.json` lie.
    pub from: Utf8PathBuf,
    /// The tree; replaced as a whole.
    pub into: Utf8PathBuf,
    /// Whether pointers of Git LFS may be in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lfs_pointers: bool,
}

/// See [`Action::FetchWheels`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchWheels {
    /// The interpreter for which they are resolved.
    pub interpreter: String,
    /// Requirement files, absolute.
    pub requirements: Vec<Utf8PathBuf>,
    /// Single requirements: `numpy==2.1`.
    pub packages: Vec<String>,
    /// Project files (`pyproject.toml`) whose build requirements are brought as well, where they are there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<Utf8PathBuf>,
    /// Where the wheels go, with `requirements.lock` (every wheel with its hash) beside them.
    pub into: Utf8PathBuf,
    /// Indexes for some packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<PythonIndex>,
    /// Directories of wheels that go before any index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub find_links: Vec<Utf8PathBuf>,
    /// What other packages must keep to: `numpy<2`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<String>,
    /// The version of Python that the case wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The name of these packages where they are optional; what the case needs stays as it was resolved without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optional: Option<String>,
    /// The wheels that were brought before, which are not brought again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub also: Option<Utf8PathBuf>,
    /// The case, if what the interpreter has is kept and constrains the rest; what the case itself brought does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_for: Option<String>,
}

/// See [`Action::InstallWheels`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallWheels {
    /// Under which name the environment's manifest tells what was installed.
    pub component: ComponentName,
    /// The case.
    pub case: String,
    /// The interpreter on which the environment stands.
    pub interpreter: String,
    /// Wheels and `requirements.lock`.
    pub wheels: Utf8PathBuf,
    /// The environment's final path.
    pub environment: Utf8PathBuf,
    /// Whether it sees the interpreter's own packages.
    pub system_site_packages: bool,
    /// The environment is there, and these are added to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub added: bool,
}

/// See [`Action::StageWheels`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageWheels {
    /// The interpreter whose environment they are meant for.
    pub interpreter: String,
    /// Wheels and `requirements.lock`.
    pub wheels: Utf8PathBuf,
    /// Emptied first.
    pub staging: Utf8PathBuf,
    /// Where the list of the wheels is installed, so that there is always something to install.
    pub list: Utf8PathBuf,
}

/// See [`Action::FetchCrates`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchCrates {
    /// The source with `Cargo.toml` and `Cargo.lock`.
    pub source: SourceName,
    /// A fetched source's artifacts (with `source.json`), or the tree of a `path` source.
    pub from: Utf8PathBuf,
    /// Directories of the source that hold the lock files, relative to it; empty: its root, and where there is none,
    /// every directory near the root that has one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<Utf8PathBuf>,
    /// `CARGO_HOME`.
    pub cargo_home: Utf8PathBuf,
    /// Names and paths of directories in a user's source that count although tools make them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
}

/// See [`Action::WorkingCopy`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkingCopy {
    /// The source tree; never written to.
    pub from: Utf8PathBuf,
    /// The copy.
    pub into: Utf8PathBuf,
    /// Names and paths of directories in a user's source that are copied although tools make them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
    /// Whether pointers of Git LFS may be in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lfs_pointers: bool,
}

/// See [`Action::Exec`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// One after the other; the first failure ends the step.
    pub commands: Vec<Command>,
    /// Files of a configured tree that tell when a tool was killed while it answered a question: the answer that was
    /// taken for it is none, and the step fails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<Utf8PathBuf>,
}

/// One command. Its environment is what stands here and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// A program on the command's own PATH, or a path.
    pub program: String,
    /// Its arguments.
    pub args: Vec<Argument>,
    /// Its whole environment, PATH included.
    pub environment: BTreeMap<String, String>,
    /// Working directory; created when it is not there.
    pub directory: Utf8PathBuf,
}

/// An argument: text, or something that is known only when the command is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Argument {
    /// As it stands.
    Literal(String),
    /// `<before><number of leased jobs>`: `-j2`. Not part of the fingerprint.
    Jobs {
        /// Text before the number.
        jobs: String,
    },
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Self::Literal(text.to_owned())
    }
}

impl From<String> for Argument {
    fn from(text: String) -> Self {
        Self::Literal(text)
    }
}

/// See [`Action::ExpectEnabled`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectEnabled {
    /// What must hold in the configured tree.
    pub expectations: Vec<Expectation>,
}

/// One thing that was asked for, and how a configured tree shows that it was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// What was asked for: `--enable-decoder=png`.
    pub asked: String,
    /// The file that shows it.
    pub file: Utf8PathBuf,
    /// How.
    pub shows: Shows,
    /// What is probably missing when it does not hold: a library and its package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// How a file shows that something is enabled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shows {
    /// It has this line, white space at the ends aside.
    Line(String),
    /// It has no line that contains this text; nor has a file that is not there.
    NoLineWith(String),
    /// It has no line that is this text, white space at the ends aside; nor has a file that is not there.
    NoLine(String),
    /// A line that contains this label has this word behind it: `To be built:` and `python3` in OpenCV's summary.
    Word {
        /// `To be built:`.
        label: String,
        /// `python3`.
        word: String,
    },
    /// A line that contains this label says something else than `NO` behind it.
    NotNo {
        /// `FFMPEG:`.
        label: String,
    },
    /// `CMakeCache.txt` has a value for each variable whose name begins so: with CMake's FetchContent, each thing that
    /// is brought has one, which is empty when nobody said where it is.
    NoEmptyEntry {
        /// `FETCHCONTENT_SOURCE_DIR_`.
        beginning: String,
    },
    /// `CMakeCache.txt` has this variable with a value that CMake takes for the same as this one.
    CacheEntry {
        /// `WITH_JPEG`.
        name: String,
        /// `ON`.
        value: String,
    },
}

/// See [`Action::StageFiles`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageFiles {
    /// Emptied first.
    pub staging: Utf8PathBuf,
    /// The files.
    pub files: Vec<StagedFile>,
    /// Whole directories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trees: Vec<StagedTree>,
    /// Files whose content the plan knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<StagedText>,
}

/// One file to stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedFile {
    /// Absolute path of the built file.
    pub from: Utf8PathBuf,
    /// Absolute path where it will be installed.
    pub to: Utf8PathBuf,
    /// Permission bits.
    pub mode: u32,
}

/// A directory to stage: every file in it, executable or not as it is there, at any depth; what a link leads to, in its
/// place. A file that is staged by name or as a text stands over one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedTree {
    /// Absolute path of the directory.
    pub from: Utf8PathBuf,
    /// Absolute path where it will be installed.
    pub to: Utf8PathBuf,
    /// Whether it may be lacking.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// A file that the plan writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedText {
    /// Its content.
    pub text: String,
    /// Absolute path where it will be installed.
    pub to: Utf8PathBuf,
    /// Permission bits.
    pub mode: u32,
}

/// See [`Action::Commit`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The component.
    pub component: ComponentName,
    /// The case, for the manifest.
    pub case: String,
    /// The version, for the manifest.
    pub version: Option<String>,
    /// Components that it needs, for the manifest.
    #[serde(default)]
    pub needs: Vec<ComponentName>,
    /// `DESTDIR`.
    pub staging: Utf8PathBuf,
    /// The prefix.
    pub prefix: Utf8PathBuf,
    /// Other directories under which it installs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<Utf8PathBuf>,
    /// Library directories of needed components, for `$ORIGIN`-relative RPATHs.
    pub library_directories: Vec<Utf8PathBuf>,
    /// Paths that no installed ELF file may name: build tree, staging root, source tree.
    pub forbidden_paths: Vec<Utf8PathBuf>,
    /// The directory of the user's that it was built from, of which the manifest keeps the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout: Option<Utf8PathBuf>,
    /// Whether what is installed links to the user's own files, for the manifest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub editable: bool,
}

/// See [`Action::LinkPython`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkPython {
    /// The component, for the name of the `.pth` file.
    pub component: ComponentName,
    /// The environment.
    pub environment: Utf8PathBuf,
    /// The directory with the modules.
    pub directory: Utf8PathBuf,
    /// Where the environment's modules are, if it is not installer's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Utf8PathBuf>,
}

/// See [`Action::Verify`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verify {
    /// The component.
    pub component: ComponentName,
    /// The prefix with its manifest.
    pub prefix: Utf8PathBuf,
    /// Run after all files were held against their hashes.
    pub checks: Vec<Check>,
    /// Environment of the checks.
    pub environment: BTreeMap<String, String>,
    /// Scratch directory of the checks; emptied first.
    pub directory: Utf8PathBuf,
    /// How far it goes.
    #[serde(default, skip_serializing_if = "VerifyLevel::is_import")]
    pub level: VerifyLevel,
    /// Whether these are wheels, whose libraries are found only while their modules are imported: by hash alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wheels: bool,
    /// Without checks: what has to import the Python modules that it installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<Importing>,
    /// What an environment of wheels has to meet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<Required>,
}

/// See [`Verify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Importing {
    /// The interpreter.
    pub program: Utf8PathBuf,
    /// Where modules lie that are not among the interpreter's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<Utf8PathBuf>,
}
