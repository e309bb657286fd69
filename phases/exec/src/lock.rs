//! One run at a time for each state directory, and for each cache directory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};

use crate::procfs;
use crate::redact::Redactor;
use crate::sys::{descriptors, process};
use crate::utc;

/// How often a waiting run tries again.
const TRY_AGAIN: Duration = Duration::from_millis(50);
/// How long launchers of a dead run have to end what it left running; their own grace, and time to spare.
const LEFTOVERS_LIMIT: Duration = Duration::from_secs(30);

/// The lock of a directory, held as long as this value, or a launcher that got it, lives. The kernel lets go of
/// it when the last of these dies, however it dies.
#[derive(Debug)]
pub struct RunLock {
    file: File,
    path: Utf8PathBuf,
    /// Of another directory, held as long as this one.
    beside: Option<Box<RunLock>>,
}

/// The run that has a lock now.
#[derive(Clone, Debug)]
pub struct Holding {
    /// Its process.
    pub pid: i32,
    /// Its command line, without secrets.
    pub command: String,
    /// When it took the lock.
    pub since: SystemTime,
}

/// Why the lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run has it.
    #[error(
        "{path} is locked by another run, pid {pid}, since {since}: `{command}`; wait for it to end, or end \
         it"
    )]
    Held {
        /// The lock file.
        path: Utf8PathBuf,
        /// The other run's process.
        pid: i32,
        /// Its command line.
        command: String,
        /// When it began, in UTC.
        since: String,
    },
    /// A run that is dead left processes that do not end (dpkg in a transaction, say).
    #[error(
        "{path} is still locked by processes that an ended run (pid {pid}, since {since}: `{command}`) left \
         behind: see `fuser {path}`, and try again when they have ended"
    )]
    Leftovers {
        /// The lock file.
        path: Utf8PathBuf,
        /// The dead run's process.
        pid: i32,
        /// Its command line.
        command: String,
        /// When it began, in UTC.
        since: String,
    },
    /// The lock file cannot be made or written.
    #[error(
        "failed to lock {path}: {source}; choose another --state-dir or --cache-dir, or make it writable"
    )]
    Io {
        /// The lock file.
        path: Utf8PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl RunLock {
    /// Takes the lock. The file and its directory are made if they are not there. `wait`: until another run lets go.
    /// What a dead run left is waited for in any case, since its launchers are ending it.
    ///
    /// # Errors
    /// See [`LockError`].
    pub fn acquire(path: &Utf8Path, wait: bool) -> Result<Self, LockError> {
        let io = |source| LockError::Io { path: path.to_owned(), source };
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(io)?;
        }
        let began = Instant::now();
        loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
                .map_err(io)?;
            if descriptors::try_lock(&file).map_err(io)? {
                // Whoever had it may have removed the file (`clean`): then this lock is on a file that nobody else sees.
                if !same_file(&file, path).map_err(io)? {
                    continue;
                }
                let holder = Holder::this_process();
                file.set_len(0).and_then(|()| file.write_all(holder.to_text().as_bytes())).map_err(io)?;
                return Ok(Self { file, path: path.to_owned(), beside: None });
            }
            let mut text = String::new();
            file.rewind().map_err(io)?;
            // What is no text says as little of a holder as what is half-written.
            drop(file.read_to_string(&mut text));
            let late = began.elapsed() > LEFTOVERS_LIMIT;
            let path = || path.to_owned();
            match Holder::from_text(&text) {
                _ if wait => {}
                Some(holder) if holder.lives() => {
                    let Holder { pid, command, since, .. } = holder;
                    return Err(LockError::Held { path: path(), pid, command, since });
                }
                Some(Holder { pid, command, since, .. }) if late => {
                    return Err(LockError::Leftovers { path: path(), pid, command, since });
                }
                None if late => {
                    return Err(io(io::Error::other("it is locked by an unknown process")));
                }
                // Launchers of a dead run are ending what it left, or the holder is about to say who it is.
                Some(_) | None => {}
            }
            thread::sleep(TRY_AGAIN);
        }
    }

    /// The run that has the lock at this path, if one does. Looks and takes nothing: a run that begins meanwhile is not
    /// in its way.
    pub fn holding(path: &Utf8Path) -> Option<Holding> {
        let Holder { pid, command, .. } = Holder::read(path).filter(Holder::lives)?;
        // It is written once, by whoever has taken it.
        let since = fs::metadata(path).and_then(|metadata| metadata.modified()).ok()?;
        Some(Holding { pid, command, since })
    }

    /// The lock file.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// This lock and another, as one.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.beside = Some(Box::new(other));
        self
    }

    /// To be handed to launchers.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::successors(Some(self), |lock| lock.beside.as_deref()).map(|lock| lock.file.as_fd())
    }
}

fn same_file(file: &File, path: &Utf8Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok(ours.dev() == there.dev() && ours.ino() == there.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Who has a lock, as its file tells.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) pid: i32,
    /// When that process started, in ticks after boot: numbers of processes are given away again.
    pub(crate) started: u64,
    pub(crate) since: String,
    pub(crate) command: String,
}

impl Holder {
    fn this_process() -> Self {
        let pid = process::own_pid();
        let words: Vec<String> =
            std::env::args_os().map(|word| word.to_string_lossy().replace('\n', " ")).collect();
        Self {
            pid,
            started: procfs::status(pid).map_or(0, |status| status.started),
            since: utc::told(SystemTime::now()),
            command: Redactor::default().redact(&words.join(" ")).into_owned(),
        }
    }

    /// What the file of a lock says.
    pub(crate) fn read(path: &Utf8Path) -> Option<Self> {
        Self::from_text(&fs::read_to_string(path).ok()?)
    }

    /// Whether that process is still there.
    pub(crate) fn lives(&self) -> bool {
        procfs::status(self.pid).is_some_and(|status| status.started == self.started && status.state != 'Z')
    }

    fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n{}\n", self.pid, self.started, self.since, self.command)
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let holder = Self {
            pid: lines.next()?.parse().ok()?,
            started: lines.next()?.parse().ok()?,
            since: lines.next()?.to_owned(),
            command: lines.next()?.to_owned(),
        };
        text.ends_with('\n').then_some(holder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_read_back_and_a_half_written_one_is_none() {
        let holder = Holder::this_process();
        let text = holder.to_text();
        assert!(holder.lives());
        assert_eq!(Holder::from_text(&text), Some(holder));
        assert_eq!(Holder::from_text(&text[..text.len() - 1]), None);
        assert!(!Holder { started: 1, ..Holder::from_text(&text).unwrap() }.lives());
    }
}
