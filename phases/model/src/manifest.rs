//! What is installed: every file of one component with its hash. Lies in the prefix and travels in image layers.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::{ComponentName, Digest};

/// The format that this version writes.
pub const MANIFEST_SCHEMA: u32 = 1;

/// The files of one component under one prefix: `<prefix>/share/installer/<component>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`MANIFEST_SCHEMA`]; a newer one is refused.
    pub schema: u32,
    /// The component.
    pub component: ComponentName,
    /// The case that installed it.
    pub case: String,
    /// Which state directory that case has, as [`crate::layout::Layout::owner`] tells it: two cases may have one name. None
    /// in manifests of versions that did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The component's version, where its source says one.
    pub version: Option<String>,
    /// The checkout that it was built from, where that was a directory of the user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout: Option<CheckoutState>,
    /// Whether links among `files` lead to that directory of the user's: an editable install.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub editable: bool,
    /// Components that this one was built against: they cannot be uninstalled before it.
    #[serde(default)]
    pub needs: Vec<ComponentName>,
    /// The prefix under which `files` lie.
    pub prefix: Utf8PathBuf,
    /// Other directories under which files of it lie (`/app`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<Utf8PathBuf>,
    /// Path below the prefix, or absolute where it lies below one of `roots` → what is there. So joined to the prefix
    /// each is where the file lies.
    pub files: BTreeMap<Utf8PathBuf, Entry>,
}

/// What a git checkout was at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutState {
    /// The commit.
    pub commit: String,
    /// Whether it had changes that no commit has; none when that could not be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
}

/// One installed thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Entry {
    /// A regular file.
    File {
        /// SHA-256 of the content.
        sha256: Digest,
        /// Size in bytes.
        size: u64,
        /// Permission bits, `0o755`.
        mode: u32,
    },
    /// A symbolic link.
    Link {
        /// What it points at, as stored.
        target: String,
    },
}
