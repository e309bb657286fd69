//! What of a source counts: all that lies below its root but for what git keeps there, and, in a directory of the user's,
//! but for what tools make there again (`target`, `node_modules`, …).
//!
//! Names are what the file system says: any bytes, up to 255 of them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use model::event::FailureKind;

use crate::runner::StepError;

/// Directories of these names hold nothing but what a tool makes again.
const MADE: [&str; 3] = ["node_modules", ".venv", "__pycache__"];
/// Where cargo and Maven build, unless they are told otherwise.
const TARGET: &str = "target";
/// What they build.
const MANIFESTS: [&str; 2] = ["Cargo.toml", "pom.xml"];
/// Says that a directory holds nothing but what can be made again (bford.info/cachedir).
const TAG: &str = "CACHEDIR.TAG";
/// How the content of such a file begins.
const SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Which entries of a source count.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counting<'a> {
    exclude: &'a [String],
    products: Option<&'a [String]>,
}

impl<'a> Counting<'a> {
    /// All of them: what was fetched is as its authors published it.
    pub fn all() -> Self {
        Self::default()
    }

    /// Those of a directory that somebody works in: without what tools make there again, except for the names and paths
    /// in `keep`.
    pub fn of_users(keep: &'a [String]) -> Self {
        Self { exclude: &[], products: Some(keep) }
    }

    /// Without entries of these names, at any depth.
    #[must_use]
    pub fn without(self, exclude: &'a [String]) -> Self {
        Self { exclude, ..self }
    }
}

/// What was found below a root.
#[derive(Debug, Default)]
pub struct Listing {
    /// Files, links and directories that count, sorted by the bytes of their paths: directories come before what is in
    /// them.
    pub entries: Vec<Entry>,
    /// Directories that are left out, relative to the root.
    pub products: Vec<PathBuf>,
    /// Sockets, pipes and devices, relative to the root: no source.
    pub special: Vec<PathBuf>,
}

/// A file, a link or a directory.
#[derive(Debug)]
pub struct Entry {
    /// Relative to the root.
    pub path: PathBuf,
    /// Of the entry itself, not of what a link leads to.
    pub metadata: Metadata,
}

/// What could not be read, and why.
#[derive(Debug)]
pub struct Unreadable {
    /// A file or directory.
    pub path: PathBuf,
    /// The error.
    pub error: io::Error,
}

impl Unreadable {
    /// For `map_err`.
    pub fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |error| Self { path: path.to_owned(), error }
    }
}

impl From<Unreadable> for StepError {
    fn from(unreadable: Unreadable) -> Self {
        let path = shown(&unreadable.path);
        if unreadable.error.kind() != io::ErrorKind::PermissionDenied {
            return Self::io("read", path, &unreadable.error);
        }
        let rights = if unreadable.path.is_dir() { "a+rx" } else { "a+r" };
        Self::of_kind(
            FailureKind::Step,
            format!("failed to read {path}: {}", unreadable.error),
            vec![
                format!("`chmod {rights} {path}` as its owner lets this user read it"),
                "or remove it from the source, or run as a user who may read it".to_owned(),
            ],
        )
    }
}

/// Lists what counts below a directory.
///
/// # Errors
/// What cannot be read.
pub fn list(root: &Path, counting: Counting<'_>) -> Result<Listing, Unreadable> {
    let mut listing = Listing::default();
    walk(root, Path::new(""), counting, &mut listing)?;
    listing.entries.sort_unstable_by(|one, other| one.path.as_os_str().cmp(other.path.as_os_str()));
    listing.products.sort();
    listing.special.sort();
    Ok(listing)
}

fn walk(root: &Path, below: &Path, counting: Counting<'_>, listing: &mut Listing) -> Result<(), Unreadable> {
    let directory = root.join(below);
    let mut open = Vec::new();
    for entry in fs::read_dir(&directory).map_err(Unreadable::at(&directory))? {
        let entry = entry.map_err(Unreadable::at(&directory))?;
        let name = entry.file_name();
        if name == ".git" || counting.exclude.iter().any(|left_out| name == left_out.as_str()) {
            continue;
        }
        let path = below.join(&name);
        let metadata = entry.metadata().map_err(Unreadable::at(&entry.path()))?;
        if metadata.is_dir() {
            open.push((path, metadata));
        } else if metadata.is_file() || metadata.is_symlink() {
            listing.entries.push(Entry { path, metadata });
        } else {
            listing.special.push(path);
        }
    }
    for (path, metadata) in open {
        let mut inside = counting;
        if let Some(keep) = counting.products {
            if is_kept(&path, keep) {
                inside.products = None;
            } else if is_product(&root.join(&path)) {
                listing.products.push(path);
                continue;
            }
        }
        walk(root, &path, inside, listing)?;
        listing.entries.push(Entry { path, metadata });
    }
    Ok(())
}

/// Whether a directory is named in `keep`, by its name or by its path.
fn is_kept(path: &Path, keep: &[String]) -> bool {
    keep.iter().any(|kept| {
        let kept = kept.trim_end_matches('/');
        if kept.contains('/') { path == Path::new(kept) } else { path.file_name() == Some(OsStr::new(kept)) }
    })
}

/// Whether a directory holds only what a tool makes again. A source may well have a directory `target` of its own: it is
/// cargo's or Maven's beside their manifests, unless it is a package itself, or where cargo left its mark in it.
pub fn is_product(directory: &Path) -> bool {
    let name = directory.file_name().unwrap_or_default();
    if MADE.iter().any(|made| name == *made) {
        return true;
    }
    let manifest = |place: &Path| MANIFESTS.iter().any(|name| place.join(name).is_file());
    if name == TARGET
        && (directory.join(".rustc_info.json").is_file()
            || (directory.parent().is_some_and(manifest) && !manifest(directory)))
    {
        return true;
    }
    let mut begins = Vec::new();
    let tag = fs::File::open(directory.join(TAG));
    tag.and_then(|tag| tag.take(SIGNATURE.len() as u64).read_to_end(&mut begins)).is_ok()
        && begins == SIGNATURE
}

/// The bytes of the files below a directory. What cannot be read counts for nothing.
pub fn size(directory: &Path) -> u64 {
    let (mut sum, mut open) = (0_u64, vec![directory.to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => open.push(entry.path()),
                Ok(metadata) => sum = sum.saturating_add(metadata.len()),
                Err(_) => {}
            }
        }
    }
    sum
}

/// Several paths in a message: the first few by name.
pub fn named<'a>(paths: impl IntoIterator<Item = &'a Path>) -> String {
    const NAMED: usize = 5;
    let all: BTreeSet<&Path> = paths.into_iter().collect();
    let first: Vec<Cow<'_, str>> = all.iter().take(NAMED).map(|path| shown(path)).collect();
    let more = all.len().saturating_sub(NAMED);
    if more == 0 { first.join(", ") } else { format!("{} and {more} more", first.join(", ")) }
}

/// A path in a message: bytes that are not UTF-8 as `\xff`.
pub fn shown(path: &Path) -> Cow<'_, str> {
    if let Some(text) = path.to_str() {
        return Cow::Borrowed(text);
    }
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(files: &[(&str, &str)], keep: &[&str]) -> (Vec<String>, Vec<String>) {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let keep: Vec<String> = keep.iter().map(|name| (*name).to_owned()).collect();
        let listing = list(directory.path(), Counting::of_users(&keep)).unwrap();
        let files = listing.entries.iter().filter(|entry| entry.metadata.is_file());
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        (
            files.map(|entry| text(&entry.path)).collect(),
            listing.products.iter().map(|path| text(path)).collect(),
        )
    }

    #[test]
    fn what_tools_make_again_does_not_count_and_what_only_has_its_name_does() {
        let tag = format!("{}\n# made by a tool\n", std::str::from_utf8(SIGNATURE).unwrap());
        let files = [
            ("Cargo.toml", ""),
            ("target/debug/x", ""),
            ("src/target/mod.rs", ""),
            ("old/target/.rustc_info.json", ""),
            ("tools/Cargo.toml", ""),
            ("tools/target/Cargo.toml", ""),
            ("web/node_modules/a/index.js", ""),
            (".venv/bin/x", ""),
            ("py/__pycache__/x.pyc", ""),
            ("cache/CACHEDIR.TAG", tag.as_str()),
            ("cache/x", ""),
            ("no-cache/CACHEDIR.TAG", "Signature: none"),
        ];
        let (counted, left_out) = listed(&files, &[]);
        assert_eq!(
            counted,
            [
                "Cargo.toml",
                "no-cache/CACHEDIR.TAG",
                "src/target/mod.rs",
                "tools/Cargo.toml",
                "tools/target/Cargo.toml"
            ]
        );
        assert_eq!(
            left_out,
            [".venv", "cache", "old/target", "py/__pycache__", "target", "web/node_modules"]
        );
        let (counted, left_out) = listed(&files, &["node_modules", "old/target", "cache/"]);
        for kept in ["web/node_modules/a/index.js", "old/target/.rustc_info.json", "cache/x"] {
            assert!(counted.iter().any(|name| name == kept), "{counted:?}");
        }
        assert_eq!(left_out, [".venv", "py/__pycache__", "target"]);
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_shown_with_its_bytes() {
        assert_eq!(shown(Path::new(OsStr::from_bytes(b"a\xffb\xc3\xa4"))), "a\\xffbä");
    }
}
