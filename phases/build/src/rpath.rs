//! Run paths of ELF files: a placeholder at link time, `$ORIGIN`-relative directories once the file's place is known.
//!
//! A linker writes a run path into `.dynstr`, where it cannot grow later. So components link with a placeholder that
//! is longer than any real run path, and a commit writes the real one over it.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Endianness, elf};

/// Stands in the run path of everything that a component links. It ends with a slash because linkers let a string of
/// `.dynstr` share the tail of a longer one, and no symbol or library name ends with a slash.
pub const RPATH_PLACEHOLDER: &str = "/installer-rpath-placeholder/\
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
    /end/";

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

/// A string of `.dynstr`, as a range of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct StringRange {
    says: Says,
    start: usize,
    end: usize,
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
    let mut linkage = Linkage::default();
    for place in find(bytes)? {
        let text = String::from_utf8_lossy(&bytes[place.start..place.end]).into_owned();
        match place.says {
            Says::RunPath => linkage.run_paths.push(text),
            Says::Needed => linkage.needed.push(text),
        }
    }
    Ok(linkage)
}

/// Writes `directories` over the placeholder in the run paths of an ELF file. Whether there was one.
///
/// # Errors
/// When the file is damaged, or the directories are longer than the placeholder.
pub fn replace_placeholder(bytes: &mut [u8], directories: &[String]) -> Result<bool, String> {
    let real = directories.join(":");
    if real.len() > RPATH_PLACEHOLDER.len() {
        return Err(format!(
            "its run path {real} has {} bytes, but only {} fit",
            real.len(),
            RPATH_PLACEHOLDER.len()
        ));
    }
    let mut replaced = false;
    for place in find(bytes)?.into_iter().filter(|place| place.says == Says::RunPath) {
        while let Some(at) = bytes[place.start..place.end]
            .windows(RPATH_PLACEHOLDER.len())
            .position(|window| window == RPATH_PLACEHOLDER.as_bytes())
        {
            let start = place.start + at;
            let end = start + RPATH_PLACEHOLDER.len();
            // What follows stays where it is, because another string may share it; slashes at the end of a directory
            // mean nothing. Without anything behind it, the string simply ends earlier.
            let padding = if end < place.end { b'/' } else { 0 };
            bytes[start..start + real.len()].copy_from_slice(real.as_bytes());
            bytes[start + real.len()..end].fill(padding);
            replaced = true;
        }
    }
    Ok(replaced)
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

fn find(bytes: &[u8]) -> Result<Vec<StringRange>, String> {
    let found = match object::FileKind::parse(bytes) {
        Ok(object::FileKind::Elf64) => find_in::<elf::FileHeader64<Endianness>>(bytes),
        Ok(object::FileKind::Elf32) => find_in::<elf::FileHeader32<Endianness>>(bytes),
        _ => return Ok(Vec::new()),
    };
    found.map_err(|error| format!("it is a damaged ELF file: {error}"))
}

fn find_in<Elf: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> object::Result<Vec<StringRange>> {
    let header = Elf::parse(bytes)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, bytes)?;
    let (mut table, mut offsets) = (None, Vec::new());
    for segment in segments {
        for entry in segment.dynamic(endian, bytes)?.unwrap_or_default() {
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
    let mut places = Vec::new();
    for (says, offset) in offsets {
        let start = file_offset.and_then(|base| usize::try_from(base.checked_add(offset)?).ok());
        let length = start.and_then(|start| bytes.get(start..)?.iter().position(|byte| *byte == 0));
        if let (Some(start), Some(length)) = (start, length) {
            places.push(StringRange { says, start, end: start + length });
        }
    }
    Ok(places)
}
