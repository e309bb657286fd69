//! Files: `<name>.part` with a note beside it until the whole is there and is what was expected.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use engine::{fault, files};
use model::Digest;
use model::event::FailureKind;
use serde::{Deserialize, Serialize};

use super::exchange::{Answer, Trouble};
use super::pace::Pace;
use super::url::{Url, redact};
use super::{Client, DOWNLOAD, bad_status, page};
use crate::archive::is_archive;

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// What a file must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// SHA-256 of the whole file.
    pub sha256: Option<Digest>,
    /// Its size in bytes.
    pub size: Option<u64>,
}

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downloaded {
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// How many bytes came over the network this time.
    pub transferred: u64,
}

/// What is known of a partial file: `<name>.part.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Partial {
    /// Digest of the URL, which may hold secrets.
    url: Digest,
    etag: Option<String>,
    last_modified: Option<String>,
    size: Option<u64>,
    sha256: Option<Digest>,
}

impl Partial {
    /// What makes sure that a range is of the same file (RFC 9110, section 13.1.5: no weak entity tags).
    fn validator(&self) -> Option<&str> {
        self.etag.as_deref().filter(|tag| !tag.starts_with("W/")).or(self.last_modified.as_deref())
    }
}

/// What one attempt came to.
enum Attempt {
    /// The partial file is whole.
    Whole { resumed: bool },
    /// What lies there is of no use; begin anew.
    Useless(String),
}

struct Job<'a> {
    client: &'a Client,
    url: &'a Url,
    part: Utf8PathBuf,
    note: Utf8PathBuf,
    expect: &'a Expect,
    context: &'a dyn Context,
    transferred: u64,
    /// The longest that the partial file ever was.
    furthest: u64,
}

impl Client {
    /// Downloads `url` to `dest`, unless a file with the expected hash is there already.
    ///
    /// # Errors
    /// When it cannot be had or is not what was expected; what came so far stays in `<dest>.part` and is gone on with
    /// the next time. When the run is offline or being cancelled.
    pub fn download(
        &self,
        url: &str,
        dest: &Utf8Path,
        expect: &Expect,
        context: &dyn Context,
    ) -> Result<Downloaded, StepError> {
        if let Some(wanted) = &expect.sha256 {
            if let Some((sha256, size)) = hash_if_there(dest)?.filter(|(found, _)| found == wanted) {
                return Ok(Downloaded { sha256, size, transferred: 0 });
            }
        }
        let put =
            expect.sha256.as_ref().map(|sha256| format!("or put the file with SHA-256 {sha256} at {dest}"));
        self.refuse_when_offline(url, put, context)?;
        let parsed = Url::parse(url).map_err(|error| StepError::new(error, "correct the URL"))?;
        if let Some(directory) = dest.parent() {
            std::fs::create_dir_all(directory)
                .map_err(|error| StepError::io("create directory", directory, &error))?;
        }
        let mut job = Job {
            client: self,
            url: &parsed,
            part: files::file_beside(dest, ".part"),
            note: files::file_beside(dest, ".part.json"),
            expect,
            context,
            transferred: 0,
            furthest: 0,
        };
        let (sha256, size) = job.bring()?;
        job.publish(dest)?;
        Ok(Downloaded { sha256, size, transferred: job.transferred })
    }
}

impl Job<'_> {
    /// Tries until the partial file is whole and right.
    fn bring(&mut self) -> Result<(Digest, u64), StepError> {
        let mut attempt = 0;
        let mut begun_anew = 0;
        loop {
            attempt += 1;
            let before = self.furthest;
            let trouble = match self.attempt()? {
                Ok(Attempt::Whole { resumed }) => {
                    let (sha256, size) = hash_if_there(&self.part)?.unwrap_or_else(|| (Digest::of(""), 0));
                    match self.mismatch(&sha256, size) {
                        None => return Ok((sha256, size)),
                        Some(why) => {
                            let page = page::told_of(&self.part);
                            self.discard()?;
                            if let Some(page) = page {
                                return Err(self.a_page(&page));
                            }
                            if !resumed || begun_anew > 0 {
                                return Err(self.wrong(&why));
                            }
                            begun_anew += 1;
                            self.context.note(&format!(
                                "{}: the continued file {why}; downloading it from the start",
                                redact(&self.url.to_string())
                            ));
                            attempt = 0;
                            continue;
                        }
                    }
                }
                Ok(Attempt::Useless(why)) => {
                    self.discard()?;
                    Trouble::Temporary(why)
                }
                Err(trouble) => trouble,
            };
            // Only bytes that no attempt had before: a server that knows no ranges and always breaks off makes no progress,
            // and one that drips makes too little.
            if self.furthest - before >= Pace::least(&self.client.policy) {
                attempt = 1;
            }
            self.client.pause_or_fail(trouble, attempt, DOWNLOAD, self.url, self.context)?;
        }
    }

    /// One request. The outer error is one of this machine, the inner one of the network.
    fn attempt(&mut self) -> Result<Result<Attempt, Trouble>, StepError> {
        let (mut known, mut have) = self.what_is_there()?;
        let resumed = have > 0;
        let whole = known.size.or(self.expect.size);
        if resumed && whole == Some(have) {
            return Ok(Ok(Attempt::Whole { resumed }));
        }
        let headers = request_headers(&known, have);
        let mut answer = match self.client.wire(self.context).get(self.url, headers, self.context) {
            Ok(answer) => answer,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let head = &answer.head;
        let total = match head.status {
            200 => {
                have = 0;
                head.content_length()
            }
            206 if have > 0 => match content_range(head.header("content-range").unwrap_or_default()) {
                Some((start, total)) if start == have => total,
                _ => {
                    return Ok(Ok(Attempt::Useless(
                        "the server sent another part than requested".to_owned(),
                    )));
                }
            },
            416 if have > 0 => {
                return Ok(Ok(Attempt::Useless("the server has no such part of the file".to_owned())));
            }
            _ => return Ok(Err(bad_status(head))),
        };
        let etag = head.header("etag").map(str::to_owned);
        if have > 0 && known.etag.is_some() && etag.is_some() && known.etag != etag {
            return Ok(Ok(Attempt::Useless("the file changed on the server".to_owned())));
        }
        if let (Some(total), Some(expected)) = (total, self.expect.size) {
            // What is a page is read, for its title.
            if total != expected && head.content_type() != "text/html" {
                return Err(self.wrong(&format!("has {total} bytes instead of {expected}")));
            }
        }
        let total = total.or(self.expect.size);
        let ends_by_itself = head.header("transfer-encoding").is_some();
        if total.is_none() && !ends_by_itself && self.expect.sha256.is_none() {
            return Ok(Err(Trouble::Lasting(
                "the server does not say how large the file is, so an incomplete file would go unnoticed"
                    .to_owned(),
                vec!["give the source a SHA-256, or another URL".to_owned()],
            )));
        }
        if have == 0 {
            known = Partial {
                url: Digest::of(self.url.to_string()),
                etag,
                last_modified: head.header("last-modified").map(str::to_owned),
                size: total,
                sha256: self.expect.sha256.clone(),
            };
            // The old bytes go before the new note comes: a note never describes bytes of another file.
            self.discard()?;
            self.write_note(&known)?;
        }
        self.receive(&mut answer, have, total, resumed)
    }

    /// Writes the body of an answer behind the bytes that are there already.
    fn receive(
        &mut self,
        answer: &mut Answer,
        mut have: u64,
        total: Option<u64>,
        resumed: bool,
    ) -> Result<Result<Attempt, Trouble>, StepError> {
        let mut file = self.open(have)?;
        self.context.progress(have, total);
        let mut told = Instant::now();
        let mut pace = Pace::new(&self.client.policy);
        loop {
            let chunk = match answer.chunk(self.context) {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(trouble) => return Ok(Err(trouble)),
            };
            file.write_all(&chunk).map_err(|error| StepError::io("write", &self.part, &error))?;
            have += chunk.len() as u64;
            self.transferred += chunk.len() as u64;
            self.furthest = self.furthest.max(have);
            if let Some(total) = total.filter(|total| have > *total) {
                return Ok(Ok(Attempt::Useless(format!("the server sent {have} bytes instead of {total}"))));
            }
            if let Err(trouble) = pace.take(chunk.len()) {
                return Ok(Err(trouble));
            }
            if told.elapsed() >= TELL_EVERY {
                self.context.progress(have, total);
                told = Instant::now();
            }
        }
        self.context.progress(have, total);
        if let Some(total) = total.filter(|total| have < *total) {
            return Ok(Err(Trouble::Temporary(format!(
                "the connection ended after {have} of {total} bytes"
            ))));
        }
        Ok(Ok(Attempt::Whole { resumed }))
    }

    /// The note and the length of a partial file that may be gone on with; else nothing, and a length of 0.
    fn what_is_there(&self) -> Result<(Partial, u64), StepError> {
        let length = match std::fs::metadata(&self.part) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Err(StepError::io("inspect", &self.part, &error)),
        };
        // A note that is missing or cannot be read is that of a file which is of no use.
        let note =
            std::fs::read(&self.note).ok().and_then(|text| serde_json::from_slice::<Partial>(&text).ok());
        let usable = note.filter(|note| {
            note.url == Digest::of(self.url.to_string())
                && note.sha256 == self.expect.sha256
                && (note.validator().is_some() || self.expect.sha256.is_some())
                && note.size.is_none_or(|size| length <= size)
        });
        Ok(usable.filter(|_| length > 0).map_or_else(|| (Partial::default(), 0), |note| (note, length)))
    }

    fn open(&self, at: u64) -> Result<File, StepError> {
        let failed = |error: std::io::Error| StepError::io("open", &self.part, &error);
        fault::check("download-write").map_err(failed)?;
        let mut file =
            OpenOptions::new().create(true).truncate(false).write(true).open(&self.part).map_err(failed)?;
        file.set_len(at).map_err(failed)?;
        file.seek(SeekFrom::Start(at)).map_err(failed)?;
        Ok(file)
    }

    fn write_note(&self, note: &Partial) -> Result<(), StepError> {
        let text = serde_json::to_vec(note).unwrap_or_default();
        std::fs::write(&self.note, text).map_err(|error| StepError::io("write", &self.note, &error))
    }

    fn discard(&self) -> Result<(), StepError> {
        for path in [&self.note, &self.part] {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StepError::io("remove", path, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What is wrong with what came. A page is told without a hash, too, unless its address is that of a page.
    fn mismatch(&self, sha256: &Digest, size: u64) -> Option<String> {
        if let Some(expected) = self.expect.size.filter(|expected| *expected != size) {
            return Some(format!("has {size} bytes instead of {expected}"));
        }
        let Some(expected) = &self.expect.sha256 else {
            let name = self.url.file_name();
            let packed = is_archive(name);
            return (packed && page::told_of(&self.part).is_some()).then(|| format!("is no {name}"));
        };
        (expected != sha256).then(|| format!("has SHA-256 {sha256} instead of {expected}"))
    }

    /// A page where a file was expected: its hash says nothing to anybody.
    fn a_page(&self, page: &str) -> StepError {
        let text = format!(
            "{page} came from {} instead of the file; it was not kept",
            redact(&self.url.to_string())
        );
        StepError::of_kind(FailureKind::Step, text, vec![page::CURE.to_owned()])
    }

    fn wrong(&self, why: &str) -> StepError {
        StepError::of_kind(
            FailureKind::Step,
            format!("the file from {} {why}; it was not kept", redact(&self.url.to_string())),
            vec![
                "if the file was replaced on purpose, correct the size or SHA-256 where it is written; \
                 otherwise use another URL or mirror"
                    .to_owned(),
            ],
        )
    }

    /// Makes the whole file durable and gives it its name.
    fn publish(&self, dest: &Utf8Path) -> Result<(), StepError> {
        let failed = |error: std::io::Error| StepError::io("finish", dest, &error);
        File::open(&self.part).and_then(|file| file.sync_all()).map_err(failed)?;
        files::make_way(dest)?;
        files::rename(&self.part, dest)?;
        if let Some(directory) = dest.parent() {
            File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
        }
        match std::fs::remove_file(&self.note) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StepError::io("remove", &self.note, &error))
            }
            _ => Ok(()),
        }
    }
}

/// What asks for the bytes after those that are there.
fn request_headers(known: &Partial, have: u64) -> Vec<(&'static str, String)> {
    // Bytes as they are: a server must not compress what is hashed and counted.
    let mut headers = vec![("accept", "*/*".to_owned()), ("accept-encoding", "identity".to_owned())];
    if have > 0 {
        headers.push(("range", format!("bytes={have}-")));
        if let Some(validator) = known.validator() {
            headers.push(("if-range", validator.to_owned()));
        }
    }
    headers
}

/// `bytes 5-9/10` → 5 and, when it is given, 10.
fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

/// SHA-256 and size of a file, if it is there.
///
/// # Errors
/// When it is there and cannot be read.
pub fn hash_if_there(path: &Utf8Path) -> Result<Option<(Digest, u64)>, StepError> {
    match files::sha256_file(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        // No file either.
        Err(error) if error.kind() == std::io::ErrorKind::IsADirectory => Ok(None),
        Err(error) => Err(StepError::io("read", path, &error)),
    }
}
