//! What goes with what (PyTorch, CUDA, Python, NumPy, TensorRT, OpenCV, GPUs), from one table: `compatibility.toml`.
//!
//! A pair that is known not to work is [`Certainty::Wrong`]; one that the table does not know is [`Certainty::Unknown`].

mod check;
mod commits;
mod page;
mod requirement;

pub use check::{Certainty, Finding, Stack, check, numpy_limit};
pub use commits::{same as same_commit, short as short_commit};
pub use page::markdown;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

/// The whole table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// By release of PyTorch.
    pub pytorch: Vec<PytorchRow>,
    /// By release of TensorRT.
    pub tensorrt: Vec<TensorrtRow>,
    /// By release of the CUDA toolkit, oldest first.
    pub toolkit: Vec<ToolkitRow>,
    /// OpenCV and NumPy.
    pub opencv: Vec<OpencvRow>,
    /// Formats of Cargo's lock files, oldest first.
    pub cargo: Vec<CargoRow>,
    /// Python packages of distributions.
    pub python: Vec<PythonRow>,
    /// Commits of projects that are known to work together.
    pub together: Vec<TogetherRow>,
    /// Commits that are known not to.
    pub apart: Vec<ApartRow>,
}

/// One release of PyTorch.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PytorchRow {
    /// `2.1`.
    pub torch: String,
    /// The torchvision that goes with it.
    pub torchvision: String,
    /// The torchaudio that goes with it.
    pub torchaudio: String,
    /// Lowest and highest Python.
    pub python: (String, String),
    /// CUDA releases that it is built for.
    pub cuda: Vec<String>,
    /// NumPy has to be older than this.
    pub numpy_below: Option<String>,
    /// Where this is said.
    pub source: String,
}

/// One release of TensorRT; it speaks of all releases that begin with it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorrtRow {
    /// `8.6`.
    pub tensorrt: String,
    /// Ranges of CUDA releases.
    pub cuda: Vec<(String, String)>,
    /// Where this is said.
    pub source: String,
}

/// What a toolkit compiles for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolkitRow {
    /// From this release on, until that of the next row.
    pub from: String,
    /// Compute capabilities: `8.6`.
    pub architectures: Vec<String>,
    /// Where this is said.
    pub source: String,
}

/// OpenCV's Python module and NumPy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpencvRow {
    /// Releases before this one…
    pub below: String,
    /// …need a NumPy before this one.
    pub numpy_below: String,
    /// Where this is said.
    pub source: String,
}

/// A format of `Cargo.lock`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CargoRow {
    /// `version` in the file.
    pub lock: u32,
    /// The first cargo that reads it.
    pub cargo: String,
    /// Where this is said.
    pub source: String,
}

/// The Python versions of a distribution.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PythonRow {
    /// `debian-12`.
    pub distribution: String,
    /// `3.11`.
    pub python: Vec<String>,
    /// Where this is said.
    pub source: String,
}

/// Commits that were built together and work.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TogetherRow {
    /// By component.
    pub commits: BTreeMap<String, String>,
    /// Where this is said.
    pub source: String,
}

/// Commits that do not work together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApartRow {
    /// By component.
    pub commits: BTreeMap<String, String>,
    /// What is seen then.
    pub why: String,
    /// Where this is said.
    pub source: String,
}

/// The table that is compiled in.
pub fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        #[expect(clippy::expect_used, reason = "compiled in, and a test decodes it")]
        toml::from_str(include_str!("compatibility.toml")).expect("compatibility.toml decodes")
    })
}

/// The first cargo that reads a lock file of this format; a newer format than the table knows wants the newest of it.
pub fn cargo_for_lock(lock: u32) -> Option<&'static str> {
    table().cargo.iter().rfind(|row| row.lock <= lock).map(|row| row.cargo.as_str())
}

/// The Python versions that a distribution has packages of; none when the table does not know it.
pub fn python_of(distribution: &str, version: &str) -> Option<&'static [String]> {
    let wanted = format!("{distribution}-{version}");
    table().python.iter().find(|row| row.distribution == wanted).map(|row| row.python.as_slice())
}
