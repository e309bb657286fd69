//! The crash-safe record of work: which step finished with which fingerprint.
//!
//! One file a step. Before a step starts its entry says that it is under way; afterwards it says how it ended. An
//! entry that says "under way" while no run is, belongs to an attempt that was killed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use model::fingerprint::Material;
use model::{Digest, StepId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::files;
use crate::runner::StepError;

/// The format that this version writes.
pub const LEDGER_SCHEMA: u32 = 1;

/// The entries of one case.
#[derive(Clone, Debug)]
pub struct Ledger {
    directory: Utf8PathBuf,
}

/// What is known of a step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// [`LEDGER_SCHEMA`]; a newer one is refused.
    pub schema: u32,
    /// The step.
    pub step: StepId,
    /// How the last attempt ended.
    pub last: Last,
    /// The material of the last attempt that succeeded.
    pub material: Option<Material>,
    /// Its digest.
    pub digest: Option<Digest>,
    /// When the last attempt began or ended, in seconds since 1970.
    pub at: u64,
    /// How long the last successful attempt took, in milliseconds.
    pub wall_ms: u64,
}

/// How the last attempt at a step ended: an entry without what its result depends on, which is most of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Standing {
    schema: u32,
    /// How the last attempt ended.
    pub last: Last,
    /// The digest of the material of the last attempt, if it succeeded.
    pub digest: Option<Digest>,
}

/// What is read of an entry.
trait Written {
    fn schema(&self) -> u32;
}

impl Written for Entry {
    fn schema(&self) -> u32 {
        self.schema
    }
}

impl Written for Standing {
    fn schema(&self) -> u32 {
        self.schema
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Last {
    /// It did not, as far as anyone could write down: it runs, or was killed.
    UnderWay,
    /// Well.
    Done,
    /// With an error of its own.
    Failed,
}

impl Ledger {
    /// The ledger below a state directory.
    pub fn open(state: &Utf8Path) -> Self {
        Self { directory: state.join("steps") }
    }

    fn path(&self, step: &StepId) -> Utf8PathBuf {
        self.directory.join(format!("{}.json", step.as_str().replace('/', ".")))
    }

    /// The entry of a step.
    ///
    /// # Errors
    /// When it cannot be read or was written by a newer version. A damaged one counts as none.
    pub fn entry(&self, step: &StepId) -> Result<Option<Entry>, EngineError> {
        self.read(step)
    }

    /// The same without what its result depends on, which is quicker.
    ///
    /// # Errors
    /// As [`Self::entry`].
    pub fn standing(&self, step: &StepId) -> Result<Option<Standing>, EngineError> {
        self.read(step)
    }

    fn read<W: Written + DeserializeOwned>(&self, step: &StepId) -> Result<Option<W>, EngineError> {
        let path = self.path(step);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // Damaged as well; a run moves it aside.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(error) => {
                return Err(unreadable(&path, &error));
            }
        };
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        let entry: Option<W> = serde_json::from_slice(&bytes).ok();
        let schema = entry.as_ref().map(W::schema);
        let schema = schema.or_else(|| serde_json::from_slice(&bytes).ok().map(|Version { schema }| schema));
        if let Some(schema) = schema {
            if schema > LEDGER_SCHEMA {
                return Err(EngineError::new(format!("{path} has schema {schema}, written by a newer installer; this one reads up to {LEDGER_SCHEMA}")).with_help("use that installer, or another --state-dir"));
            }
        }
        Ok(entry)
    }

    /// Says that a step is under way: from here on a kill leaves it not done.
    ///
    /// # Errors
    /// When the entry cannot be written.
    pub fn begin(&self, step: &StepId, earlier: Option<&Entry>) -> Result<(), StepError> {
        self.write(
            "ledger-begin",
            &Entry {
                schema: LEDGER_SCHEMA,
                step: step.clone(),
                last: Last::UnderWay,
                material: earlier.and_then(|entry| entry.material.clone()),
                digest: None,
                at: now(),
                wall_ms: 0,
            },
        )
    }

    /// Says that a step succeeded.
    ///
    /// # Errors
    /// When the entry cannot be written.
    pub fn done(
        &self,
        step: &StepId,
        material: Option<Material>,
        digest: Digest,
        wall_ms: u64,
    ) -> Result<(), StepError> {
        self.write(
            "ledger-finish",
            &Entry {
                schema: LEDGER_SCHEMA,
                step: step.clone(),
                last: Last::Done,
                material,
                digest: Some(digest),
                at: now(),
                wall_ms,
            },
        )
    }

    /// Says that a step ended by itself, with an error.
    ///
    /// # Errors
    /// When the entry cannot be written.
    pub fn failed(&self, step: &StepId, earlier: Option<&Entry>) -> Result<(), StepError> {
        self.write(
            "ledger-finish",
            &Entry {
                schema: LEDGER_SCHEMA,
                step: step.clone(),
                last: Last::Failed,
                material: earlier.and_then(|entry| entry.material.clone()),
                digest: None,
                at: now(),
                wall_ms: 0,
            },
        )
    }

    fn write(&self, point: &'static str, entry: &Entry) -> Result<(), StepError> {
        let bytes = serde_json::to_vec(entry).map_err(|error| {
            StepError::new(format!("failed to encode the ledger: {error}"), "report this defect")
        })?;
        files::atomic_write_private(point, &self.path(&entry.step), &bytes)
    }
}

/// A record that cannot be read, with the way out where it is another user's.
pub(crate) fn unreadable(path: &Utf8Path, error: &io::Error) -> EngineError {
    let failed = EngineError::reading(path, error);
    let help =
        "records are for their owner alone: run this as the user who built, or name another --state-dir";
    if error.kind() == io::ErrorKind::PermissionDenied { failed.with_help(help) } else { failed }
}

/// Figures of earlier runs by step: how long each took, for estimates.
pub fn durations(ledger: &Ledger, steps: impl Iterator<Item = StepId>) -> BTreeMap<StepId, u64> {
    steps
        .filter_map(|step| {
            let entry = ledger.entry(&step).ok()??;
            (entry.wall_ms > 0).then_some((step, entry.wall_ms))
        })
        .collect()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
