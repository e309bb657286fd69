//! Kind `file`: one file from one of several URLs, known by its hash and kept as it is.

use engine::runner::StepError;
use model::Digest;
use model::layout::file_name;

use super::{Fetched, RecordedFile, Request, archive};

/// Downloads the file from the first URL that has it. Its name is the source's, which planning knows.
pub fn fetch(urls: &[String], sha256: &Digest, request: &Request<'_>) -> Result<Fetched, StepError> {
    let name = file_name(request.source);
    let done = archive::first_of(urls, sha256, &name, request)?;
    let file = RecordedFile { sha256: done.sha256, size: done.size };
    Ok(Fetched {
        upstream: None,
        version: sha256.short().to_owned(),
        main: name.clone(),
        files: [(name, file)].into(),
        stamp: None,
    })
}
