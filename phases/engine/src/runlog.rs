//! The events of the last runs, one JSON object a line, below `<state>/runs/`.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use model::event::Timed;

use crate::runner::StepError;
use crate::{EngineError, fault, files, ledger};

const KEPT: usize = 20;

/// The log of one phase of one run.
pub struct RunLog {
    path: Utf8PathBuf,
    file: BufWriter<fs::File>,
}

impl RunLog {
    /// Begins a log and removes the oldest beyond twenty.
    ///
    /// # Errors
    /// When the state directory cannot be written.
    pub fn begin(state: &Utf8Path, phase: &str) -> Result<Self, StepError> {
        let directory = state.join("runs");
        files::create_dir_all(&directory)?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let path = directory.join(format!("{:015}-{phase}.jsonl", since.as_millis()));
        let file = fault::check("event-log")
            .and_then(|()| files::create_private(&path))
            .map_err(|error| StepError::io("write", &path, &error))?;
        let mut earlier = list(state);
        while earlier.len() > KEPT {
            let oldest = earlier.remove(0);
            fs::remove_file(&oldest).map_err(|error| StepError::io("remove", &oldest, &error))?;
        }
        Ok(Self { path, file: BufWriter::new(file) })
    }

    /// Where it is.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Adds an event.
    ///
    /// # Errors
    /// When it cannot be written: a full disk is told before a compile fails of it.
    pub fn write(&mut self, timed: &Timed) -> Result<(), StepError> {
        // An event is maps, lists and strings, which always serialise.
        let line = serde_json::to_string(timed).unwrap_or_default();
        writeln!(self.file, "{line}")
            .and_then(|()| self.file.flush())
            .map_err(|error| StepError::io("write", &self.path, &error))
    }
}

/// Fails where the logs are another user's, so that nothing is said of what nobody could read.
///
/// # Errors
/// When the logs, or the newest of them, may not be read.
pub fn readable(state: &Utf8Path) -> Result<(), EngineError> {
    let directory = state.join("runs");
    let looked = fs::read_dir(&directory).map(drop);
    let tried = looked.map_err(|error| (directory, error)).and_then(|()| {
        list(state)
            .pop()
            .map_or(Ok(()), |newest| fs::File::open(&newest).map(drop).map_err(|error| (newest, error)))
    });
    match tried {
        Err((path, error)) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(ledger::unreadable(&path, &error))
        }
        _ => Ok(()),
    }
}

/// The logs that are there, oldest first.
pub fn list(state: &Utf8Path) -> Vec<Utf8PathBuf> {
    let Ok(entries) = state.join("runs").read_dir_utf8() else { return Vec::new() };
    let mut found: Vec<Utf8PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path().to_owned()).collect();
    found.retain(|path| path.extension() == Some("jsonl"));
    found.sort();
    found
}

/// Reads a log; lines that were cut short by a kill are left out.
pub fn read(path: &Utf8Path) -> Vec<Timed> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
