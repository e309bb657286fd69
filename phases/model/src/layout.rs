//! Where things lie on this machine.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::{ComponentName, Digest, SourceName, StepId};

/// Where manifests lie below a prefix. Nothing is installed there.
pub const RECORDS: &str = "share/installer";

/// Where programs of the distribution lie: what PATH of a build ends with.
pub const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The name under which the file of a source of kind `file` is kept: known before it is brought, whatever its address.
pub fn file_name(source: &SourceName) -> String {
    format!("{source}.file")
}

/// A path without `.`, `..` and a `/` at its end, read as text: for messages, since a link may lead elsewhere.
pub fn plain(path: &Utf8Path) -> Utf8PathBuf {
    let mut plain = Utf8PathBuf::new();
    for part in path.components() {
        match part {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir
                if matches!(plain.components().next_back(), Some(Utf8Component::Normal(_))) =>
            {
                plain.pop();
            }
            // Nothing is above the root.
            Utf8Component::ParentDir if plain.as_str() == "/" => {}
            other => plain.push(other),
        }
    }
    plain
}

/// The directories of one case on one machine; all absolute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Where components are installed unless they name a prefix of their own.
    pub prefix: Utf8PathBuf,
    /// Ledger, logs and the run lock of this case.
    pub state: Utf8PathBuf,
    /// Build trees and unpacked sources of this case; may be lost at any time.
    pub cache: Utf8PathBuf,
    /// What `deps` brought for this case: sources, wheels, crates.
    pub artifacts: Utf8PathBuf,
    /// Toolchains, `CARGO_HOME`, Python environments; shared between cases.
    pub data: Utf8PathBuf,
    /// The case's directory, against which its relative paths are resolved (the working directory for an embedded case).
    pub case_dir: Utf8PathBuf,
    /// The lock file of the case.
    pub lock: Utf8PathBuf,
    /// The lock beside the case where that cannot be written: what it says is obeyed, and `lock` holds what it lacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_lock: Option<Utf8PathBuf>,
}

impl Layout {
    /// Where a source's downloaded files lie, with `source.json` telling what they are.
    pub fn source_artifacts(&self, source: &SourceName) -> Utf8PathBuf {
        self.artifacts.join("sources").join(source.as_str())
    }

    /// Where a source is unpacked. Pristine: nothing but the unpack step writes there.
    pub fn source_tree(&self, source: &SourceName) -> Utf8PathBuf {
        self.cache.join("sources").join(source.as_str())
    }

    /// The one file of a source of kind `file`.
    pub fn source_file(&self, source: &SourceName) -> Utf8PathBuf {
        self.source_artifacts(source).join(file_name(source))
    }

    /// A component's copy of a source that it would fetch itself (CMake's FetchContent).
    pub fn fetch_content(&self, component: &ComponentName, source: &SourceName) -> Utf8PathBuf {
        self.cache.join("fetch-content").join(component.as_str()).join(source.as_str())
    }

    /// A component's build tree.
    pub fn build_tree(&self, component: &ComponentName) -> Utf8PathBuf {
        self.cache.join("build").join(component.as_str())
    }

    /// A component's writable copy of its source, for drivers that cannot build out of tree.
    pub fn working_copy(&self, component: &ComponentName) -> Utf8PathBuf {
        self.cache.join("work").join(component.as_str())
    }

    /// What tells this state directory from others, in what is installed. It does not show the path.
    pub fn owner(&self) -> String {
        Digest::of(self.state.as_str()).short().to_owned()
    }

    /// The list of prefixes that a case has installed into, a line each.
    pub fn prefixes(&self) -> Utf8PathBuf {
        self.state.join("prefixes")
    }

    /// The file that tells who filled the build tree and the working copy of a component.
    pub fn filled(&self, component: &ComponentName) -> Utf8PathBuf {
        self.cache.join("filled").join(component.as_str())
    }

    /// The staging root (`DESTDIR`) of a component.
    pub fn staging(&self, component: &ComponentName) -> Utf8PathBuf {
        self.cache.join("staging").join(component.as_str())
    }

    /// The directory of hashed wheels.
    pub fn wheels(&self) -> Utf8PathBuf {
        self.artifacts.join("wheels")
    }

    /// The directory of hashed wheels of a group of packages that may be missing.
    pub fn optional_wheels(&self, group: &str) -> Utf8PathBuf {
        self.artifacts.join("optional-wheels").join(group)
    }

    /// The `CARGO_HOME` that `deps` fills and `build` uses offline.
    pub fn cargo_home(&self) -> Utf8PathBuf {
        self.data.join("cargo-home")
    }

    /// The lock of a source's crates, written when all of them are in `CARGO_HOME`.
    pub fn fetched_crates(&self, case: &str, source: &SourceName) -> Utf8PathBuf {
        self.cargo_home().join("fetched").join(format!("{case}.{source}.lock"))
    }

    /// What was found out about those crates: a [`FetchedCrates`](crate::plan::FetchedCrates) as JSON.
    pub fn fetched_crates_facts(&self, case: &str, source: &SourceName) -> Utf8PathBuf {
        self.fetched_crates(case, source).with_extension("json")
    }

    /// Helper tools that `deps` brought itself (ninja from its wheel, say); its `bin` leads PATH.
    pub fn tools(&self) -> Utf8PathBuf {
        self.data.join("tools")
    }

    /// Where a build finds programs, whatever PATH the user has: tools that `deps` brought, then the distribution's.
    pub fn build_path(&self) -> String {
        format!("{}:{SYSTEM_PATH}", self.tools().join("bin"))
    }

    /// Where the Python environment of the case stands, at its final path.
    pub fn python_environment(&self, case: &str) -> Utf8PathBuf {
        self.data.join("environments").join(case)
    }

    /// The whole log of a step's last run.
    pub fn step_log(&self, step: &StepId) -> Utf8PathBuf {
        self.state.join("logs").join(format!("{}.log", step.as_str().replace('/', ".")))
    }

    /// Where failed steps leave their capsules.
    pub fn capsules(&self) -> Utf8PathBuf {
        self.state.join("capsules")
    }

    /// What this case installed last of a component: the digest of its manifest. Removed when its files are found
    /// changed, so that the next `build` puts them back.
    pub fn committed(&self, component: &ComponentName) -> Utf8PathBuf {
        self.state.join("committed").join(component.as_str())
    }

    /// A copy of the manifest of what this case installed last of a component: a damaged manifest is written again from it.
    pub fn manifest_copy(&self, component: &ComponentName) -> Utf8PathBuf {
        self.manifest_copies().join(format!("{component}.json"))
    }

    /// The directory with those copies.
    pub fn manifest_copies(&self) -> Utf8PathBuf {
        self.state.join("manifests")
    }

    /// Is there when what this case installed last of a component was verified since.
    pub fn verified(&self, component: &ComponentName) -> Utf8PathBuf {
        self.state.join("verified").join(component.as_str())
    }

    /// Where manifests of what is installed under a prefix lie.
    pub fn manifests(prefix: &camino::Utf8Path) -> Utf8PathBuf {
        prefix.join(RECORDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_without_detours() {
        for (path, expected) in [
            ("/w/cases/nopath/../../srcc/", "/w/srcc"),
            ("/../a/./b", "/a/b"),
            ("../a/../..", "../.."),
            ("/", "/"),
        ] {
            assert_eq!(plain(Utf8Path::new(path)), expected, "{path}");
        }
    }
}
