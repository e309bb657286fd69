//! Packing a tree so that the same tree always gives the same bytes.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use camino::Utf8Path;
use engine::runner::{Context, StepError};
use engine::source_files::{self, Counting, Entry, Listing, Unreadable, named};
use engine::{fault, tarball};
use model::Digest;
use sha2::{Digest as _, Sha256};

/// Packs the tree at `from` as a tar archive at `to`: entries sorted, owner and times normalised (every entry is given
/// the time `modified`, in seconds since 1970), modes reduced to 644 and 755.
///
/// # Errors
/// When something cannot be read or written, or the run is being cancelled.
pub fn pack(
    from: &Utf8Path,
    to: &Utf8Path,
    modified: u64,
    counting: Counting<'_>,
    context: &dyn Context,
) -> Result<(), StepError> {
    let failed = |error: io::Error| StepError::io("write", to, &error);
    fault::check("pack-write").map_err(failed)?;
    let file = File::create(to).map_err(failed)?;
    let mut tar = tar::Builder::new(io::BufWriter::with_capacity(256 * 1024, file));
    let listed = walk(from, counting, context)?;
    if !listed.special.is_empty() {
        let left_out = named(listed.special.iter().map(PathBuf::as_path));
        context.warn(&format!("{from}: left out what is neither file nor directory nor link: {left_out}"));
    }
    for Entry { path, metadata } in listed.entries {
        if context.cancelled() {
            return Err(StepError::Cancelled);
        }
        let full = from.as_std_path().join(&path);
        let unreadable = |error: io::Error| StepError::from(Unreadable { path: full.clone(), error });
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
pub fn metadata_stamp(
    tree: &Utf8Path,
    counting: Counting<'_>,
    context: &dyn Context,
) -> Result<Digest, StepError> {
    let mut hasher = Sha256::new();
    for Entry { path, metadata } in walk(tree, counting, context)?.entries {
        // The time of a directory says nothing that its entries do not.
        let time = if metadata.is_dir() { None } else { metadata.modified().ok() };
        let time = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        let size = if metadata.is_dir() { 0 } else { metadata.len() };
        let rest = format!("\0{:o}\0{size}\0{}\n", metadata.permissions().mode(), time.as_nanos());
        hasher.update(path.as_os_str().as_bytes());
        hasher.update(rest.as_bytes());
    }
    Ok(Digest::from_sha256(&hasher.finalize()))
}

/// Everything below a tree that counts, relative to it, sorted; directories before what is in them.
fn walk(tree: &Utf8Path, counting: Counting<'_>, context: &dyn Context) -> Result<Listing, StepError> {
    if context.cancelled() {
        return Err(StepError::Cancelled);
    }
    let mut listed = source_files::list(tree.as_std_path(), counting)?;
    // The order of the archives that locks speak of: by the parts of a path.
    listed.entries.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(listed)
}
