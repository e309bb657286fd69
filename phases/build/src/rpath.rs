//! Run paths of ELF files: a placeholder at link time, `$ORIGIN`-relative directories once the file's place is known.
//!
//! A linker writes a run path into `.dynstr`, where it cannot grow later. So components link with a placeholder that
//! is longer than any real run path, and a commit writes the real one over it.

use std::fs::File;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Endianness, ReadCache, ReadRef, elf};

/// Stands in the run path of everything that a component links. It ends with a slash because linkers let a string of
/// `.dynstr` share the tail of a longer one, and no symbol or library name ends with a slash.
pub const RPATH_PLACEHOLDER: &str = "/installer-rpath-placeholder/\
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
    /end/";

/// No run path and no library's name is longer, in bytes.
const LONGEST_STRING: u64 = 1 << 20;

/// What an ELF file asks of the dynamic linker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Linkage {
    /// `DT_RPATH` and `DT_RUNPATH`.
    pub run_paths: Vec<String>,
    /// `DT_NEEDED`: names of libraries, or paths where a library without a soname was linked by its path.
    pub needed: Vec<String>,
}

/// What a string of `.dynstr` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    RunPath,
    Needed,
}

/// A string of `.dynstr`, and where it begins in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found<'data> {
    says: Says,
    start: u64,
    text: &'data [u8],
}

/// Whether a file is an ELF file, by its first bytes.
pub fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF")
}

/// The run paths and needed libraries of an ELF file; nothing for other files.
///
/// # Errors
/// When the file is damaged.
pub fn linkage(bytes: &[u8]) -> Result<Linkage, String> {
    linkage_in(bytes)
}

/// The same of a file, of which no more is read than that.
///
/// # Errors
/// When the file is damaged.
pub fn linkage_of(file: &File) -> Result<Linkage, String> {
    linkage_in(&ReadCache::new(file))
}

fn linkage_in<'data, R: ReadRef<'data>>(data: R) -> Result<Linkage, String> {
    let mut linkage = Linkage::default();
    for found in find(data)? {
        let text = String::from_utf8_lossy(found.text).into_owned();
        match found.says {
            Says::RunPath => linkage.run_paths.push(text),
            Says::Needed => linkage.needed.push(text),
        }
    }
    Ok(linkage)
}

/// Bytes that are written over those of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Where they begin in the file.
    pub at: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What an ELF file asks of the dynamic linker with `directories` in place of the placeholder, and what has to be written
/// over its bytes for that.
///
/// # Errors
/// When the file is damaged, or the directories are longer than the placeholder.
pub fn replace_placeholder(file: &File, directories: &[String]) -> Result<(Linkage, Vec<Patch>), String> {
    let real = directories.join(":");
    if real.len() > RPATH_PLACEHOLDER.len() {
        return Err(format!(
            "its run path {real} has {} bytes, but only {} fit",
            real.len(),
            RPATH_PLACEHOLDER.len()
        ));
    }
    let (mut linkage, mut patches) = (Linkage::default(), Vec::new());
    for found in find(&ReadCache::new(file))? {
        let mut text = found.text.to_vec();
        if found.says == Says::Needed {
            linkage.needed.push(String::from_utf8_lossy(&text).into_owned());
            continue;
        }
        while let Some(start) =
            text.windows(RPATH_PLACEHOLDER.len()).position(|window| window == RPATH_PLACEHOLDER.as_bytes())
        {
            let end = start + RPATH_PLACEHOLDER.len();
            // What follows stays where it is, because another string may share it; slashes at the end of a directory
            // mean nothing. Without anything behind it, the string simply ends earlier.
            let padding = if end < text.len() { b'/' } else { 0 };
            text[start..start + real.len()].copy_from_slice(real.as_bytes());
            text[start + real.len()..end].fill(padding);
            patches.push(Patch { at: found.start + start as u64, bytes: text[start..end].to_vec() });
        }
        let ended = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
        linkage.run_paths.push(String::from_utf8_lossy(&text[..ended]).into_owned());
    }
    Ok((linkage, patches))
}

/// The run path of a file in `directory`: `$ORIGIN`-relative for libraries below the same prefix, absolute for others.
pub fn origin_relative(directory: &Utf8Path, prefix: &Utf8Path, libraries: &[Utf8PathBuf]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for library in libraries {
        let text = if library.starts_with(prefix) {
            let relative = relative(directory, library);
            if relative.as_str().is_empty() { "$ORIGIN".to_owned() } else { format!("$ORIGIN/{relative}") }
        } else {
            library.to_string()
        };
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

fn relative(from: &Utf8Path, to: &Utf8Path) -> Utf8PathBuf {
    let (from, to): (Vec<Utf8Component<'_>>, Vec<Utf8Component<'_>>) =
        (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(left, right)| left == right).count();
    std::iter::repeat_n(Utf8Component::ParentDir, from.len() - common)
        .chain(to[common..].iter().copied())
        .collect()
}

fn find<'data, R: ReadRef<'data>>(data: R) -> Result<Vec<Found<'data>>, String> {
    let found = match object::FileKind::parse(data) {
        Ok(object::FileKind::Elf64) => find_in::<elf::FileHeader64<Endianness>, R>(data),
        Ok(object::FileKind::Elf32) => find_in::<elf::FileHeader32<Endianness>, R>(data),
        _ => return Ok(Vec::new()),
    };
    found.map_err(|error| format!("it is a damaged ELF file: {error}"))
}

fn find_in<'data, Elf: FileHeader<Endian = Endianness>, R: ReadRef<'data>>(
    data: R,
) -> object::Result<Vec<Found<'data>>> {
    let header = Elf::parse(data)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, data)?;
    let (mut table, mut offsets) = (None, Vec::new());
    for segment in segments {
        for entry in segment.dynamic(endian, data)?.unwrap_or_default() {
            let (tag, value): (u64, u64) = (entry.d_tag(endian).into(), entry.d_val(endian).into());
            if tag == u64::from(elf::DT_NULL) {
                break;
            } else if tag == u64::from(elf::DT_STRTAB) {
                table = Some(value);
            } else if tag == u64::from(elf::DT_RPATH) || tag == u64::from(elf::DT_RUNPATH) {
                offsets.push((Says::RunPath, value));
            } else if tag == u64::from(elf::DT_NEEDED) {
                offsets.push((Says::Needed, value));
            }
        }
    }
    let Some(table) = table.filter(|_| !offsets.is_empty()) else { return Ok(Vec::new()) };
    // DT_STRTAB is an address; the segment that is loaded there tells where it lies in the file.
    let file_offset = segments.iter().find_map(|segment| {
        let start: u64 = segment.p_vaddr(endian).into();
        let size: u64 = segment.p_filesz(endian).into();
        let offset: u64 = segment.p_offset(endian).into();
        let inside = segment.p_type(endian) == elf::PT_LOAD && table >= start && table - start < size;
        inside.then(|| offset.checked_add(table - start)).flatten()
    });
    let length = data.len().unwrap_or_default();
    let mut strings = Vec::new();
    for (says, offset) in offsets {
        let Some(start) = file_offset.and_then(|base| base.checked_add(offset)) else { continue };
        if let Some(text) = string_at(data, start, length) {
            strings.push(Found { says, start, text });
        }
    }
    Ok(strings)
}

/// The string that begins at a place of the file; none when it does not end.
fn string_at<'data, R: ReadRef<'data>>(data: R, start: u64, length: u64) -> Option<&'data [u8]> {
    // What reads a file by pieces gives up on longer ones than a page; a run path may be one.
    let long = || {
        let bytes = data.read_bytes_at(start, LONGEST_STRING.min(length.checked_sub(start)?)).ok()?;
        bytes.get(..bytes.iter().position(|byte| *byte == 0)?)
    };
    data.read_bytes_at_until(start..length, 0).ok().or_else(long)
}
