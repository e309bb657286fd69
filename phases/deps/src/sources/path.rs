//! Kind `path`: a directory of the user's. Alone it is mounted and nothing is fetched; as one of several alternatives
//! it is packed when it is there, so that what follows is the same for all of them.

use camino::Utf8Path;
use engine::runner::{Context, StepError};
use engine::source_files::Counting;
use model::Digest;
use model::case::SourceSpec;

use super::{Fetched, RecordedFile, Request};
use crate::archive::{metadata_stamp, pack};
use crate::http::download::hash_if_there;

const PACKED: &str = "tree.tar";

/// What the first directory among the alternatives that is there looks like.
pub fn stamp(alternatives: &[SourceSpec], context: &dyn Context) -> Result<Option<Digest>, StepError> {
    let found = alternatives.iter().find_map(|spec| match spec {
        SourceSpec::Path { path, keep, .. } => {
            Some((context.layout().case_dir.join(path), keep)).filter(|(directory, _)| directory.is_dir())
        }
        _ => None,
    });
    found.map(|(directory, keep)| metadata_stamp(&directory, Counting::of_users(keep), context)).transpose()
}

/// Packs the directory.
pub fn fetch(path: &Utf8Path, keep: &[String], request: &Request<'_>) -> Result<Fetched, StepError> {
    let directory = request.context.layout().case_dir.join(path);
    if !directory.is_dir() {
        return Err(StepError::new(
            format!("{directory} is not a directory"),
            format!("mount it there, or give its directory with --source {}=PATH", request.source),
        ));
    }
    // Before it is packed: a change meanwhile is then seen the next time.
    let stamp = metadata_stamp(&directory, Counting::of_users(keep), request.context)?;
    let packed = request.into.join(PACKED);
    pack(&directory, &packed, 0, Counting::of_users(keep), request.context)?;
    let (sha256, size) = hash_if_there(&packed)?
        .ok_or_else(|| StepError::new(format!("{packed} vanished"), "run the same command again"))?;
    Ok(Fetched {
        version: sha256.short().to_owned(),
        upstream: None,
        main: PACKED.to_owned(),
        files: [(PACKED.to_owned(), RecordedFile { sha256, size })].into(),
        stamp: Some(stamp),
        ..Fetched::default()
    })
}
