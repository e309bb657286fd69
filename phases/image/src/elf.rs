//! What an ELF file asks of the machine that it is to run on.

use object::read::elf::FileHeader;
use object::{Endianness, elf};

/// What the dynamic linker has to find for a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// Width and machine: a library serves only files of its own kind.
    pub kind: Kind,
    /// `DT_NEEDED`: names of libraries, or paths.
    pub needed: Vec<String>,
    /// Directories of `DT_RPATH` and `DT_RUNPATH`, `$ORIGIN` as written.
    pub run_paths: Vec<String>,
    /// The newest version of glibc whose symbols it uses: `(2, 34)`.
    pub glibc: Option<(u32, u32)>,
}

/// Width and machine of an ELF file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// 64 or 32 bits.
    pub wide: bool,
    /// `e_machine`.
    pub machine: u16,
}

/// Reads an ELF file; none for other files.
///
/// # Errors
/// When the file is damaged.
pub fn demands(bytes: &[u8]) -> Result<Option<Demands>, String> {
    let read = match object::FileKind::parse(bytes) {
        Ok(object::FileKind::Elf64) => read::<elf::FileHeader64<Endianness>>(bytes),
        Ok(object::FileKind::Elf32) => read::<elf::FileHeader32<Endianness>>(bytes),
        _ => return Ok(None),
    };
    let (kind, glibc) = read.map_err(|error| format!("it is a damaged ELF file: {error}"))?;
    let linkage = build::rpath::linkage(bytes)?;
    let run_paths = linkage.run_paths.iter().flat_map(|paths| paths.split(':'));
    Ok(Some(Demands {
        kind,
        needed: linkage.needed,
        run_paths: run_paths.filter(|path| !path.is_empty()).map(str::to_owned).collect(),
        glibc,
    }))
}

/// The kind of an ELF file, from its first bytes; none for other files.
pub fn kind(head: &[u8]) -> Option<Kind> {
    // The magic number, EI_CLASS, EI_DATA and e_machine of the ELF specification.
    let machine: [u8; 2] = head.get(18..20)?.try_into().ok()?;
    let little = *head.get(5)? == elf::ELFDATA2LSB;
    build::rpath::is_elf(head).then(|| Kind {
        wide: head.get(4) == Some(&elf::ELFCLASS64),
        machine: if little { u16::from_le_bytes(machine) } else { u16::from_be_bytes(machine) },
    })
}

fn read<Elf: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> object::Result<(Kind, Option<(u32, u32)>)> {
    let header = Elf::parse(bytes)?;
    let endian = header.endian()?;
    let kind = Kind { wide: header.is_type_64(), machine: header.e_machine(endian) };
    let sections = header.sections(endian, bytes)?;
    let mut newest = None;
    let Some((mut libraries, link)) = sections.gnu_verneed(endian, bytes)? else { return Ok((kind, None)) };
    let strings = sections.strings(endian, bytes, link)?;
    while let Some((_, mut versions)) = libraries.next()? {
        while let Some(version) = versions.next()? {
            newest = newest.max(glibc_version(version.name(endian, strings)?));
        }
    }
    Ok((kind, newest))
}

/// `GLIBC_2.34` as numbers; `GLIBC_PRIVATE` and the versions of other libraries are none.
fn glibc_version(name: &[u8]) -> Option<(u32, u32)> {
    version(std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?)
}

/// `2.34` or `2.34.1` as its first two numbers.
pub fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_itself_is_read() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let demands = demands(&own).unwrap().unwrap();
        assert!(demands.needed.iter().any(|name| name.starts_with("libc.so.")), "{demands:?}");
        assert!(demands.glibc.is_some_and(|version| ((2, 2)..(3, 0)).contains(&version)), "{demands:?}");
        assert_eq!(kind(&own[..64]), Some(demands.kind));
    }

    #[test]
    fn other_files_ask_for_nothing_and_damaged_ones_are_told() {
        assert_eq!(demands(b"#!/bin/sh\n").unwrap(), None);
        assert_eq!(kind(b"#!/bin/sh\necho hello\n"), None);
        assert_eq!(kind(b"\x7fELF"), None);
        assert!(demands(b"\x7fELF\x02\x01\x01 and then something else than a header").is_err());
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(glibc_version(b"GLIBC_2.34"), Some((2, 34)));
        assert_eq!(glibc_version(b"GLIBC_2.2.5"), Some((2, 2)));
        assert!(glibc_version(b"GLIBC_2.4") < glibc_version(b"GLIBC_2.17"));
        assert_eq!(glibc_version(b"GLIBC_PRIVATE"), None);
        assert_eq!(glibc_version(b"GLIBCXX_3.4.30"), None);
    }
}
