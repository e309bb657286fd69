//! Reading archives entry by entry, whatever their kind.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use camino::Utf8Path;
use engine::runner::StepError;
use ruzstd::decoding::StreamingDecoder;

/// One entry.
pub struct Entry<'a> {
    /// As it stands in the archive.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// Seconds since 1970.
    pub modified: u64,
    /// What it is.
    pub kind: Kind<'a>,
}

/// What an entry is.
pub enum Kind<'a> {
    /// A regular file.
    File(&'a mut dyn Read),
    /// A directory.
    Directory,
    /// A symbolic link, and where it points.
    Symlink(PathBuf),
    /// Another name of an earlier entry.
    HardLink(PathBuf),
    /// A named pipe, which a source may hold by accident.
    Pipe,
    /// Something that no source has.
    Other(&'static str),
}

/// Hands each entry to `visitor`, in the archive's order.
///
/// # Errors
/// When the archive cannot be read, and what `visitor` returns.
pub fn visit(
    archive: &Utf8Path,
    visitor: &mut dyn FnMut(Entry<'_>) -> Result<(), StepError>,
) -> Result<(), StepError> {
    let failed = |error: io::Error| StepError::io("read", archive, &error);
    let mut file = File::open(archive).map_err(failed)?;
    let mut magic = Vec::new();
    (&mut file).take(512).read_to_end(&mut magic).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let file = BufReader::with_capacity(256 * 1024, file);
    let reader: Box<dyn Read> = match magic.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Box::new(lzma_rust2::XzReader::new(file, true)),
        [b'B', b'Z', b'h', ..] => Box::new(bzip2::bufread::MultiBzDecoder::new(file)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Box::new(ZstdReader::new(file)),
        [b'P', b'K', 3, 4, ..] => return visit_zip(archive, file, visitor),
        bytes if bytes.get(257..262) == Some(b"ustar") => Box::new(file),
        _ => {
            return Err(StepError::new(
                format!(
                    "failed to unpack {archive}: it is neither a tar archive (gzip, xz, bzip2 or zstd) nor a zip file"
                ),
                "check that its URL leads to the archive and not to a page about it",
            ));
        }
    };
    // Decompressors like large reads; tar reads its headers in pieces of 512 bytes.
    visit_tar(archive, BufReader::with_capacity(128 * 1024, reader), visitor)
}

fn visit_tar(
    archive: &Utf8Path,
    reader: impl Read,
    visitor: &mut dyn FnMut(Entry<'_>) -> Result<(), StepError>,
) -> Result<(), StepError> {
    use tar::EntryType;
    let failed = |error: io::Error| damaged(archive, &error);
    let mut tar = tar::Archive::new(reader);
    for entry in tar.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let path = entry.path().map_err(failed)?.into_owned();
        let header = entry.header();
        let mode = header.mode().map_err(failed)?;
        let modified = header.mtime().map_err(failed)?;
        let kind = header.entry_type();
        let link = || -> Result<PathBuf, StepError> {
            let name = entry.link_name().map_err(failed)?;
            Ok(name.map(|name| name.into_owned()).unwrap_or_default())
        };
        let kind = match kind {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File(&mut entry),
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => Kind::Symlink(link()?),
            EntryType::Link => Kind::HardLink(link()?),
            // What git writes the commit's id into.
            EntryType::XGlobalHeader => continue,
            EntryType::Char | EntryType::Block => Kind::Other("device"),
            EntryType::Fifo => Kind::Pipe,
            _ => Kind::Other("entry of an unknown kind"),
        };
        visitor(Entry { path, mode, modified, kind })?;
    }
    Ok(())
}

fn visit_zip(
    archive: &Utf8Path,
    file: BufReader<File>,
    visitor: &mut dyn FnMut(Entry<'_>) -> Result<(), StepError>,
) -> Result<(), StepError> {
    let failed = |error: zip::result::ZipError| damaged(archive, &io::Error::other(error));
    let mut zip = zip::ZipArchive::new(file).map_err(failed)?;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(failed)?;
        let path = PathBuf::from(std::ffi::OsString::from_vec(entry.name_raw().to_vec()));
        let mode = entry.unix_mode().unwrap_or(if entry.is_dir() { 0o755 } else { 0o644 });
        let modified = entry.last_modified().map_or(0, seconds);
        let kind = if entry.is_dir() {
            Kind::Directory
        } else if entry.is_symlink() {
            let mut target = Vec::new();
            entry.read_to_end(&mut target).map_err(|error| damaged(archive, &error))?;
            Kind::Symlink(PathBuf::from(std::ffi::OsString::from_vec(target)))
        } else {
            Kind::File(&mut entry)
        };
        visitor(Entry { path, mode, modified, kind })?;
    }
    Ok(())
}

/// A zip file's time, which has no zone, taken as UTC (days from the civil date: Howard Hinnant, "chrono-compatible
/// low-level date algorithms").
fn seconds(time: zip::DateTime) -> u64 {
    let (year, month, day) = (i64::from(time.year()), i64::from(time.month()), i64::from(time.day()));
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = days * 86_400
        + i64::from(time.hour()) * 3600
        + i64::from(time.minute()) * 60
        + i64::from(time.second());
    u64::try_from(seconds).unwrap_or_default()
}

/// All frames of a zstd file one after the other (`pzstd` writes many), skippable ones left out.
struct ZstdReader<R: BufRead> {
    state: State<R>,
}

enum State<R: BufRead> {
    Between(R),
    Frame(Box<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>),
    Failed,
}

impl<R: BufRead> ZstdReader<R> {
    fn new(reader: R) -> Self {
        Self { state: State::Between(reader) }
    }

    /// Begins the next frame; `false` at the end of the file.
    fn begin(&mut self, mut reader: R) -> io::Result<bool> {
        loop {
            if reader.fill_buf()?.is_empty() {
                self.state = State::Between(reader);
                return Ok(false);
            }
            // RFC 8878, section 3.1.2: 0x184D2A5?, then the size, both little-endian.
            let start = reader.fill_buf()?;
            let skippable = matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
            if !skippable {
                let decoder = StreamingDecoder::new(reader).map_err(io::Error::other)?;
                self.state = State::Frame(Box::new(decoder));
                return Ok(true);
            }
            let mut head = [0; 8];
            reader.read_exact(&mut head)?;
            let size = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
            io::copy(&mut reader.by_ref().take(size), &mut io::sink())?;
        }
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match std::mem::replace(&mut self.state, State::Failed) {
                State::Frame(mut decoder) => {
                    let length = decoder.read(buffer)?;
                    if length > 0 {
                        self.state = State::Frame(decoder);
                        return Ok(length);
                    }
                    self.state = State::Between((*decoder).into_inner());
                }
                State::Between(reader) => {
                    if !self.begin(reader)? {
                        return Ok(0);
                    }
                }
                State::Failed => return Err(io::Error::other("an earlier read failed")),
            }
        }
    }
}

pub(super) fn damaged(archive: &Utf8Path, error: &io::Error) -> StepError {
    StepError::new(
        format!("failed to unpack {archive}: it is damaged or not an archive ({error})"),
        format!("remove {archive} and run the same command again: it is downloaded again"),
    )
}
