//! What a later command of the same case needs and does not want to be told again: the directories of mounted sources,
//! and where the artifacts are. Kept in the state directory; losing it loses nothing but the convenience.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use model::SourceName;
use model::case::Alternatives;
use model::layout::Layout;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The sources that a case declares.
type Sources = BTreeMap<SourceName, Alternatives>;

const FILE: &str = "remembered.json";
const SCHEMA: u32 = 1;

/// What the last run of a case was given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    schema: u32,
    /// The case's file, or the name of one in the binary: two projects may each have a case of the same name.
    case: String,
    /// Where the artifacts are.
    artifacts: Utf8PathBuf,
    /// Directories that were given for sources.
    sources: BTreeMap<String, Utf8PathBuf>,
}

impl Remembered {
    /// What is remembered of the case that is at this place; nothing when the file is absent, damaged, or another
    /// version's.
    pub fn read(state: &Utf8Path, case: &str) -> Self {
        let text = std::fs::read_to_string(state.join(FILE)).unwrap_or_default();
        let found: Self = serde_json::from_str(&text).unwrap_or_default();
        if found.schema == SCHEMA && found.case == case { found } else { Self::default() }
    }

    /// The artifacts of the last run, if they are still there.
    pub fn artifacts(&self) -> Option<&Utf8Path> {
        Some(self.artifacts.as_path()).filter(|directory| directory.is_absolute() && directory.is_dir())
    }

    /// The directory that was last given for a source, if it is still there.
    pub fn source(&self, name: &str) -> Option<&Utf8Path> {
        self.sources.get(name).map(Utf8PathBuf::as_path).filter(|directory| directory.is_dir())
    }
}

/// Remembers what this run was given. Sources that were given before and not now stay remembered.
///
/// # Errors
/// When the state directory cannot be written.
pub fn write(layout: &Layout, case: &str, declared: &Sources, given: &[(String, Utf8PathBuf)]) -> Result<()> {
    let before = Remembered::read(&layout.state, case);
    let mut now = Remembered {
        schema: SCHEMA,
        case: case.to_owned(),
        artifacts: layout.artifacts.clone(),
        sources: before.sources.clone(),
    };
    now.sources.retain(|name, _| declared.contains_key(name.as_str()));
    now.sources.extend(given.iter().cloned());
    if now == before {
        return Ok(());
    }
    let text = serde_json::to_string_pretty(&now)
        .map_err(|error| Error::internal(format!("failed to encode what to remember: {error}")))?;
    engine::files::atomic_write(&layout.state.join(FILE), format!("{text}\n").as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_of_this_case_and_still_there_counts() {
        let directory = tempfile::tempdir().unwrap();
        let state = Utf8Path::from_path(directory.path()).unwrap();
        let (artifacts, gone) = (state.join("artifacts"), state.join("gone"));
        std::fs::create_dir(&artifacts).unwrap();
        let remembered = Remembered {
            schema: SCHEMA,
            case: "/p/cases/mine/case.toml".to_owned(),
            artifacts: artifacts.clone(),
            sources: [("media", artifacts.clone()), ("other", gone)]
                .map(|(name, path)| (name.to_owned(), path))
                .into(),
        };
        std::fs::write(state.join(FILE), serde_json::to_string(&remembered).unwrap()).unwrap();
        let found = Remembered::read(state, "/p/cases/mine/case.toml");
        assert_eq!(found.artifacts(), Some(artifacts.as_path()));
        assert_eq!((found.source("media"), found.source("other")), (Some(artifacts.as_path()), None));
        // A case of the same name in another project.
        assert_eq!(Remembered::read(state, "/q/cases/mine/case.toml").artifacts(), None);
        std::fs::write(state.join(FILE), "{ damaged").unwrap();
        assert_eq!(Remembered::read(state, "/p/cases/mine/case.toml"), Remembered::default());
    }
}
