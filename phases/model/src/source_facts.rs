//! What planning needs to know of sources: read off manifests and lock files, never by running anything.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
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
    /// The Rust that it pins, at its top and one directory below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rust_pins: Vec<PinnedRust>,
    /// What files of cargo's in it (`.cargo/config.toml`) say, at its top and one directory below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cargo_configs: Vec<CargoConfig>,
    /// Directories with a Python project that takes its version from git, at the top and one below it, where nothing in
    /// the directory tells the version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions_from_git: Vec<Utf8PathBuf>,
    /// A digest over the tags of a directory of the user's that takes its version from git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Digest>,
    /// Whether its build asks git for a version: `git describe` in CMake, Meson or build scripts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asks_git: bool,
    /// What `git describe --tags --long` says of the commit that was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Directories of `third_party` with something in them. An empty one is a submodule that was not brought.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub third_party: Vec<String>,
    /// What its xmake projects say, by the directory in it; empty is the top.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub xmake: BTreeMap<Utf8PathBuf, XmakeFacts>,
}

/// What a `.cargo/config.toml` says, as far as it changes how a component is built
/// (<https://doc.rust-lang.org/cargo/reference/config.html>).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CargoConfig {
    /// The directory in the source that it counts in.
    pub directory: Utf8PathBuf,
    /// Whether it has `rustflags` for targets, beside which those of `[build]` count for nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub target_flags: bool,
    /// `build.target`, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// What `rust-toolchain.toml` says (<https://rust-lang.github.io/rustup/overrides.html#the-toolchain-file>).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedRust {
    /// `1.75`, `1.75.0`, `stable`, `nightly-2024-01-01`.
    pub channel: String,
    /// Parts of the toolchain beyond cargo and rustc: `rust-src`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// Other machines that it compiles for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// The file, below the source.
    pub file: Utf8PathBuf,
    /// Whether a project of cargo's lies beside it.
    #[serde(default)]
    pub cargo: bool,
    /// Why nobody can tell from the file what it pins: where it is no TOML, say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unclear: Option<String>,
}

impl PinnedRust {
    /// What is wrong with a file that nobody can tell the pin from, and the way out.
    pub fn refusal(&self) -> Option<(String, &'static str)> {
        let why = self.unclear.as_ref()?;
        let cure = "mend the file; or write `ignore_pins = true` in [toolchains.rust] to build with the Rust that the \
                    machine has";
        Some((format!("{} of the source does not tell which Rust it pins: {why}", self.file), cure))
    }

    /// Where builds find it: `<tools>/rust/1.75`.
    pub fn home(&self, tools: &Utf8Path) -> Utf8PathBuf {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' };
        let name: String = self.channel.chars().map(plain).collect();
        tools.join("rust").join(name.trim_start_matches('.'))
    }

    /// Whether it names a release by its number.
    pub fn is_release(&self) -> bool {
        self.channel.starts_with(|c: char| c.is_ascii_digit())
    }

    /// Whether a Rust of this version, which nothing is known of but that it is a release, is what it asks for.
    pub fn is_met_by(&self, version: &str) -> bool {
        if self.channel == "stable" {
            return true;
        }
        let Some(rest) = version.strip_prefix(&self.channel) else { return false };
        self.is_release() && (rest.is_empty() || rest.starts_with('.'))
    }

    /// Whether rustup's directory of this name holds it: `1.75.0-x86_64-unknown-linux-gnu` for `1.75`.
    pub fn is_toolchain(&self, name: &str) -> bool {
        if name == self.channel {
            return true;
        }
        let Some(rest) = name.strip_prefix(&self.channel) else { return false };
        let dated = rest.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        (rest.starts_with('-') && !dated) || (self.is_release() && rest.starts_with('.'))
    }
}

impl FactsOfSource {
    /// The pin that counts in a directory of the source: the nearest at or above it.
    pub fn pin_for(&self, directory: Option<&Utf8Path>) -> Option<&PinnedRust> {
        let directory = directory.unwrap_or(Utf8Path::new(""));
        let counts = |pin: &&PinnedRust| {
            let place = pin.file.parent().unwrap_or(Utf8Path::new(""));
            directory.starts_with(place)
        };
        self.rust_pins.iter().filter(counts).max_by_key(|pin| pin.file.components().count())
    }

    /// The files of cargo's that count in a directory of the source, the nearest last.
    pub fn cargo_configs_for(&self, directory: Option<&Utf8Path>) -> Vec<&CargoConfig> {
        let directory = directory.unwrap_or(Utf8Path::new(""));
        let counts = |config: &&CargoConfig| directory.starts_with(&config.directory);
        self.cargo_configs.iter().filter(counts).collect()
    }

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
