//! Entries of tar archives that say nothing of who wrote them.

/// The header of an entry: owner and group are root, the time (in seconds since 1970) is the caller's.
pub fn header(kind: tar::EntryType, mode: u32, size: u64, modified: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(modified);
    header.set_uid(0);
    header.set_gid(0);
    header
}
