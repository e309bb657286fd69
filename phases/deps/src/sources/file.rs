//! Kind `file`: one file from one of several URLs, known by its hash and kept as it is.

use camino::Utf8Path;
use engine::lfs;
use engine::runner::StepError;
use model::Digest;
use model::layout::file_name;

use crate::http::url::redact;

use super::{Fetched, RecordedFile, Request, archive};

/// Downloads the file from the first URL that has it. Its name is the source's, which planning knows.
pub fn fetch(urls: &[String], sha256: &Digest, request: &Request<'_>) -> Result<Fetched, StepError> {
    let name = file_name(request.source);
    let done = archive::first_of(urls, sha256, &name, request)?;
    if lfs::pointer(request.into, Utf8Path::new(&name))?.is_some() {
        return Err(StepError::new(
            format!("what lies at {} is a pointer of Git LFS instead of the file", redact(&urls[0])),
            "give the address of the file itself and its SHA-256, which the pointer names behind `oid`",
        ));
    }
    let file = RecordedFile { sha256: done.sha256, size: done.size };
    Ok(Fetched {
        upstream: None,
        version: sha256.short().to_owned(),
        main: name.clone(),
        files: [(name, file)].into(),
        stamp: None,
        ..Fetched::default()
    })
}
