//! Writing files so that nothing half-written is ever taken for whole.

use std::cell::RefCell;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use model::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Digest as _;

use crate::fault;
use crate::runner::StepError;
use crate::source_files::shown;

/// Readable for the owner alone.
const PRIVATE: u32 = 0o600;

/// Replaces a file as a whole: a temporary file beside it, flushed to the disk, then renamed over it.
/// Directories above it are created.
///
/// # Errors
/// An error of the operating system, with what to do about it.
pub fn atomic_write(path: &Utf8Path, bytes: &[u8]) -> Result<(), StepError> {
    atomic_write_at("file-write", path, bytes)
}

/// The same, passing a fault point of its own.
///
/// # Errors
/// An error of the operating system, with what to do about it.
pub fn atomic_write_at(point: &'static str, path: &Utf8Path, bytes: &[u8]) -> Result<(), StepError> {
    atomic_write_by(|temporary| fs::File::create(temporary), point, path, bytes)
}

/// The same for a file that its owner alone may read.
///
/// # Errors
/// An error of the operating system, with what to do about it.
pub fn atomic_write_private(point: &'static str, path: &Utf8Path, bytes: &[u8]) -> Result<(), StepError> {
    atomic_write_by(create_private, point, path, bytes)
}

/// Makes an empty file that its owner alone may read: what tools print and what they are given may hold what nobody knows
/// to be a secret.
///
/// # Errors
/// When it cannot be made.
pub fn create_private(path: &Utf8Path) -> io::Result<fs::File> {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(PRIVATE).open(path)?;
    // One of an earlier version may be open to all.
    file.set_permissions(fs::Permissions::from_mode(PRIVATE))?;
    Ok(file)
}

fn atomic_write_by(
    create: impl Fn(&Utf8Path) -> io::Result<fs::File>,
    point: &'static str,
    path: &Utf8Path,
    bytes: &[u8],
) -> Result<(), StepError> {
    let directory = path.parent().unwrap_or(Utf8Path::new("/"));
    create_dir_all(directory)?;
    let name = path.file_name().unwrap_or("file");
    // One name for each file: what a killed writer left is overwritten by the next one.
    let temporary = directory.join(beside(".", name, ".tmp"));
    let written = (|| -> io::Result<()> {
        fault::check(point)?;
        let mut file = create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        // The rename itself has to survive a crash too.
        fs::File::open(directory)?.sync_all()
    })();
    written.map_err(|error| {
        // The temporary file may not exist; what failed is told by the first error.
        drop(fs::remove_file(&temporary));
        StepError::io("write", path, &error)
    })
}

/// The longest name of a file, in bytes.
pub const LONGEST_NAME: usize = 255;

/// A name made of another one, never longer than a file system allows.
pub fn beside(before: &str, name: &str, after: &str) -> String {
    let whole = format!("{before}{name}{after}");
    if whole.len() <= LONGEST_NAME { whole } else { format!("{before}{}{after}", Digest::of(name).short()) }
}

/// The path of a file whose name is that of another one and something after it, as far as a file system allows.
pub fn file_beside(path: &Utf8Path, after: &str) -> Utf8PathBuf {
    path.with_file_name(beside("", path.file_name().unwrap_or("file"), after))
}

/// Creates a directory and those above it.
///
/// # Errors
/// An error of the operating system, with what to do about it.
pub fn create_dir_all(path: &Utf8Path) -> Result<(), StepError> {
    create_directories(path.as_std_path())
}

/// The same for a path of any bytes.
///
/// # Errors
/// As of [`create_dir_all`].
pub fn create_directories(path: &Path) -> Result<(), StepError> {
    if path.is_dir() {
        return Ok(());
    }
    fault::check("directory-create")
        .and_then(|()| fs::create_dir_all(path))
        .map_err(|error| StepError::io("create the directory", shown(path), &error))
}

/// Creates an empty directory, removing what an earlier attempt left there.
///
/// # Errors
/// An error of the operating system, with what to do about it.
pub fn fresh_dir(path: &Utf8Path) -> Result<(), StepError> {
    remove_tree(path)?;
    create_dir_all(path)
}

/// Gives a file or directory another name on the same file system, replacing a file of that name.
///
/// # Errors
/// An error of the operating system, with what to do about it.
pub fn rename(from: &Utf8Path, to: &Utf8Path) -> Result<(), StepError> {
    fault::check("rename")
        .and_then(|()| fs::rename(from, to))
        .map_err(|error| StepError::io("move into place", to, &error))
}

/// Moves what stands in the place of a record aside, to the first free name `<name>.damaged-1`, `-2` and so on, and says
/// which it is.
///
/// # Errors
/// An error of the operating system, with what to do about it.
pub fn set_aside(path: &Utf8Path) -> Result<Utf8PathBuf, StepError> {
    let mut number = 1;
    loop {
        let aside = file_beside(path, &format!("{ASIDE}{number}"));
        if fs::symlink_metadata(&aside).is_err() {
            return rename(path, &aside).map(|()| aside);
        }
        number += 1;
    }
}

/// Moves a directory aside that stands where a file is about to be put.
///
/// # Errors
/// An error of the operating system, with what to do about it.
pub fn make_way(path: &Utf8Path) -> Result<(), StepError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => set_aside(path).map(drop),
        _ => Ok(()),
    }
}

/// Whether a name is one that [`set_aside`] gave.
pub fn is_aside(name: &str) -> bool {
    name.contains(ASIDE)
}

/// Ends the name of what was moved aside, before its number.
const ASIDE: &str = ".damaged-";

/// Removes whatever is at a path; directories that may not be written to are made writable first. Nothing there is
/// fine.
///
/// # Errors
/// An error of the operating system, with what to do about it.
pub fn remove_tree(path: &Utf8Path) -> Result<(), StepError> {
    remove(path.as_std_path())
}

/// The same for a path of any bytes.
///
/// # Errors
/// As of [`remove_tree`].
pub fn remove(path: &Path) -> Result<(), StepError> {
    let removed = fault::check("tree-remove").and_then(|()| match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if !metadata.is_dir() => fs::remove_file(path),
        Ok(_) => fs::remove_dir_all(path).or_else(|error| {
            if error.kind() != io::ErrorKind::PermissionDenied {
                return Err(error);
            }
            make_writable(path)?;
            fs::remove_dir_all(path)
        }),
    });
    removed.map_err(|error| StepError::io("remove", shown(path), &error))
}

fn make_writable(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}

/// Reads a file.
///
/// # Errors
/// An error of the operating system, with what to do about it.
pub fn read(path: &Utf8Path) -> Result<Vec<u8>, StepError> {
    fs::read(path).map_err(|error| StepError::io("read", path, &error))
}

/// The sorted names of what lies in a directory; none when it is not there.
///
/// # Errors
/// When it cannot be listed.
pub fn names(directory: &Utf8Path) -> Result<Option<Vec<String>>, StepError> {
    let failed = |error: io::Error| StepError::io("list", directory, &error);
    let entries = match directory.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(failed)?.file_name().to_owned());
    }
    names.sort();
    Ok(Some(names))
}

/// The text of a file; none when it is not there.
///
/// # Errors
/// When it is there and cannot be read.
pub fn read_if_there(path: &Utf8Path) -> Result<Option<String>, StepError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StepError::io("read", path, &error)),
    }
}

/// The text of a record that installer wrote itself; none when it is not there. A damaged one has another text, whatever
/// its bytes are.
///
/// # Errors
/// When it is there and cannot be read.
pub fn record(path: &Utf8Path) -> Result<Option<String>, StepError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => Ok(Some(String::new())),
        Err(error) => Err(StepError::io("read", path, &error)),
    }
}

/// Reads a JSON file; none when it is not there or cannot be decoded, which for a cache is the same.
pub fn read_cache<T: DeserializeOwned>(path: &Utf8Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Writes a JSON file that may be lost.
///
/// # Errors
/// An error of the operating system, with what to do about it.
pub fn write_cache<T: Serialize>(path: &Utf8Path, value: &T) -> Result<(), StepError> {
    let bytes = serde_json::to_vec(value)
        .map_err(|error| StepError::new(format!("failed to encode {path}: {error}"), "report this defect"))?;
    atomic_write_at("cache-write", path, &bytes)
}

/// Whether two files hold the same bytes.
///
/// # Errors
/// When one cannot be read.
pub fn same_content(left: &Path, right: &Path) -> io::Result<bool> {
    let (mut left, mut right) = (fs::File::open(left)?, fs::File::open(right)?);
    let (mut one, mut other) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let read = left.read(&mut one)?;
        if read == 0 {
            return Ok(right.read(&mut other)? == 0);
        }
        match right.read_exact(&mut other[..read]) {
            Ok(()) if one[..read] == other[..read] => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// The SHA-256 and the size in bytes of a file's content.
///
/// # Errors
/// When it cannot be read.
pub fn sha256_file(path: impl AsRef<Path>) -> io::Result<(Digest, u64)> {
    sha256_of(path, |_, _| {})
}

/// The same of a content that differs from the file's: each piece of it is changed before it counts, with where it begins.
///
/// # Errors
/// When it cannot be read.
pub fn sha256_of(path: impl AsRef<Path>, change: impl Fn(u64, &mut [u8])) -> io::Result<(Digest, u64)> {
    let mut hasher = sha2::Sha256::new();
    let size = pieces(path, |at, bytes| {
        change(at, bytes);
        hasher.update(&*bytes);
        true
    })?;
    Ok((Digest::from_sha256(&hasher.finalize()), size))
}

/// Whether a file holds these bytes.
///
/// # Errors
/// When it cannot be read.
pub fn contains(path: &Utf8Path, wanted: &[u8]) -> io::Result<bool> {
    // What was read last may begin what is looked for.
    let mut tail: Vec<u8> = Vec::new();
    let mut found = false;
    pieces(path, |_, bytes| {
        tail.extend_from_slice(bytes);
        found = tail.windows(wanted.len().max(1)).any(|window| window == wanted);
        tail.drain(..tail.len().saturating_sub(wanted.len()));
        !found
    })?;
    Ok(found)
}

/// Reads a file by pieces, whatever its size, for as long as the reader wants more. Says how many bytes were read.
fn pieces(path: impl AsRef<Path>, mut reader: impl FnMut(u64, &mut [u8]) -> bool) -> io::Result<u64> {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 128 * 1024]);
    }
    let mut file = fs::File::open(path)?;
    BUFFER.with_borrow_mut(|buffer| {
        let mut size = 0;
        loop {
            let read = file.read(buffer)?;
            if read == 0 || !reader(size, &mut buffer[..read]) {
                return Ok(size + read as u64);
            }
            size += read as u64;
        }
    })
}
