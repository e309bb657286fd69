//! Exact versions and hashes of all that `deps` brings, free of host names; one per case, beside it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, SourceName};

/// The format that this version writes.
pub const LOCK_SCHEMA: u32 = 1;

/// The lock of one case, for every kind of machine on which it was resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// [`LOCK_SCHEMA`]; a newer one is refused.
    pub schema: u32,
    /// By [`crate::target::Target::lock_key`].
    #[serde(default)]
    pub target: BTreeMap<String, LockedTarget>,
}

/// What was resolved on one kind of machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedTarget {
    /// By source.
    #[serde(default)]
    pub sources: BTreeMap<SourceName, LockedSource>,
    /// Wheels by file name.
    #[serde(default)]
    pub wheels: BTreeMap<String, LockedWheel>,
    /// The digest of the requirements and the interpreter's version that `wheels` answer; with another one they are
    /// resolved anew, near to these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wheels_wanted: Option<Digest>,
    /// Wheels that may be missing, by the name of their group.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub optional_wheels: BTreeMap<String, LockedWheels>,
    /// Helper tools that come as files (`ninja`), by name.
    #[serde(default)]
    pub tools: BTreeMap<String, LockedSource>,
    /// apt repositories of the case, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub repositories: BTreeMap<String, LockedRepository>,
}

/// The alternative that was taken and what it held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedSource {
    /// The digest of the case's list of alternatives: an entry for another list is stale.
    pub wanted: Digest,
    /// `debian`, `archive`, `git` …
    pub kind: String,
    /// The exact version, or the commit.
    pub version: String,
    /// The files with their SHA-256.
    #[serde(default)]
    pub files: BTreeMap<String, Digest>,
    /// Of a commit whose project asks git for its version: what `git describe` says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What is believed of an apt repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedRepository {
    /// SHA-256 of the key.
    pub key: Digest,
}

/// Wheels and what they answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedWheels {
    /// The digest of the requirements.
    pub wanted: Digest,
    /// By file name.
    #[serde(default)]
    pub wheels: BTreeMap<String, LockedWheel>,
}

/// One wheel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedWheel {
    /// Normalised project name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the file.
    pub sha256: Digest,
}

impl Default for Lock {
    fn default() -> Self {
        Self { schema: LOCK_SCHEMA, target: BTreeMap::new() }
    }
}
