//! What planning needs to know of sources: read off manifests and lock files, never by running anything.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::xmake::XmakeFacts;
use crate::{Digest, SourceName};

/// Facts by source name; a source that is not there yet has no entry.
pub type SourceFacts = BTreeMap<SourceName, FactsOfSource>;

/// Facts of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactsOfSource {
    /// The digest of what was fetched (the archive files, or the commit), or none for a `path` source.
    pub content: Option<Digest>,
    /// The version, as the source itself or its archive says.
    pub version: Option<String>,
    /// `version` of `Cargo.lock`: 3 wants cargo ≥ 1.53, 4 wants cargo ≥ 1.78.
    pub cargo_lock_version: Option<u32>,
    /// The commit that a directory of the user's is at, where it is a git checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// `rust-version` of `Cargo.toml`.
    pub minimum_rust: Option<String>,
    /// Directories of `third_party` with something in them. An empty one is a submodule that was not brought.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub third_party: Vec<String>,
    /// What its xmake projects say, by the directory in it; empty is the top.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub xmake: BTreeMap<Utf8PathBuf, XmakeFacts>,
}

impl FactsOfSource {
    /// The lowest Rust that can build this source, if it says: the larger of `rust-version` and what the lock file's
    /// format wants (`compatibility.toml`).
    pub fn required_rust(&self) -> Option<String> {
        let by_lock = self.cargo_lock_version.and_then(crate::compatibility::cargo_for_lock);
        let larger = |a: &str, b: &str| crate::catalog::version_at_least(a, b);
        match (self.minimum_rust.as_deref(), by_lock) {
            (Some(manifest), Some(lock)) => {
                Some(if larger(manifest, lock) { manifest } else { lock }.to_owned())
            }
            (one, other) => one.or(other).map(str::to_owned),
        }
    }
}
