//! Packing a tree so that the same tree always gives the same bytes.

use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::time::UNIX_EPOCH;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use engine::{fault, tarball};
use model::Digest;
use sha2::{Digest as _, Sha256};

/// Packs the tree at `from` as a tar archive at `to`: entries sorted, owner and times normalised (every entry is given
/// the time `modified`, in seconds since 1970), modes reduced to 644 and 755. `.git` is left out.
///
/// # Errors
/// When something cannot be read or written, or the run is being cancelled.
pub fn pack(from: &Utf8Path, to: &Utf8Path, modified: u64, context: &dyn Context) -> Result<(), StepError> {
    let failed = |error: io::Error| StepError::io("write", to, &error);
    fault::check("pack-write").map_err(failed)?;
    let file = File::create(to).map_err(failed)?;
    let mut tar = tar::Builder::new(io::BufWriter::with_capacity(256 * 1024, file));
    for (path, metadata) in walk(from, context)? {
        let full = from.join(&path);
        let unreadable = |error: io::Error| StepError::io("pack", &full, &error);
        if metadata.is_symlink() {
            let target = std::fs::read_link(&full).map_err(unreadable)?;
            let mut header = tarball::header(tar::EntryType::Symlink, 0o777, 0, modified);
            tar.append_link(&mut header, &path, target).map_err(unreadable)?;
        } else if metadata.is_dir() {
            let mut header = tarball::header(tar::EntryType::Directory, 0o755, 0, modified);
            tar.append_data(&mut header, &path, io::empty()).map_err(unreadable)?;
        } else {
            let executable = metadata.permissions().mode() & 0o111 != 0;
            let mode = if executable { 0o755 } else { 0o644 };
            let mut header = tarball::header(tar::EntryType::Regular, mode, metadata.len(), modified);
            let content = File::open(&full).map_err(unreadable)?;
            // A file that grows while it is packed would spoil the archive.
            tar.append_data(&mut header, &path, io::Read::take(content, metadata.len()))
                .map_err(unreadable)?;
        }
    }
    let writer = tar.into_inner().map_err(failed)?;
    writer.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)
}

/// A digest over paths, kinds, sizes and times of a tree: changes when something in it was changed, and also when it
/// was only touched.
///
/// # Errors
/// When the tree cannot be read, or the run is being cancelled.
pub fn metadata_stamp(tree: &Utf8Path, context: &dyn Context) -> Result<Digest, StepError> {
    let mut hasher = Sha256::new();
    for (path, metadata) in walk(tree, context)? {
        // The time of a directory says nothing that its entries do not.
        let time = if metadata.is_dir() { None } else { metadata.modified().ok() };
        let time = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        let size = if metadata.is_dir() { 0 } else { metadata.len() };
        let line = format!("{path}\0{:o}\0{size}\0{}\n", metadata.permissions().mode(), time.as_nanos());
        hasher.update(line.as_bytes());
    }
    Ok(Digest::from_sha256(&hasher.finalize()))
}

/// Everything below a tree, relative to it, sorted; directories before what is in them.
fn walk(tree: &Utf8Path, context: &dyn Context) -> Result<Vec<(Utf8PathBuf, std::fs::Metadata)>, StepError> {
    let mut found = Vec::new();
    let mut waiting = vec![Utf8PathBuf::new()];
    while let Some(relative) = waiting.pop() {
        if context.cancelled() {
            return Err(StepError::Cancelled);
        }
        let directory = tree.join(&relative);
        let failed = |error: io::Error| StepError::io("read", &directory, &error);
        for entry in directory.read_dir_utf8().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name() == ".git" {
                continue;
            }
            let path = relative.join(entry.file_name());
            let metadata = entry.path().symlink_metadata().map_err(failed)?;
            if metadata.is_dir() {
                waiting.push(path.clone());
            } else if !metadata.is_file() && !metadata.is_symlink() {
                continue;
            }
            found.push((path, metadata));
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}
