//! What lies in a staging root, checked for what must not be installed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::StepError;
use engine::source_files::{named, shown};
use model::Digest;
use model::layout::RECORDS;
use model::manifest::Entry;
use model::plan::Commit;

use crate::rpath::{self, Linkage, Patch};

/// The files to install, with what they will be.
pub(super) struct Staged {
    /// Path below the prefix → entry.
    pub entries: BTreeMap<Utf8PathBuf, Entry>,
    /// What is worth saying and keeps nothing from being installed.
    pub warnings: Vec<String>,
    /// What is written over the bytes of a staged file when it is installed, where that is anything.
    pub patches: BTreeMap<Utf8PathBuf, Vec<Patch>>,
}

/// What one staged file is installed with.
#[derive(Default)]
struct Content {
    /// Of an ELF file.
    linkage: Option<Linkage>,
    patches: Vec<Patch>,
}

/// Reads a staging root.
///
/// # Errors
/// Everything in it that may not be installed, at once.
pub(super) fn read(action: &Commit) -> Result<Staged, StepError> {
    if !action.staging.is_dir() {
        return Err(StepError::new(
            format!("the staging root {} does not exist: nothing was installed into it", action.staging),
            "see the log of the install step: it may ignore DESTDIR",
        ));
    }
    let root = staged_prefix(action);
    let mut found = Vec::new();
    let mut unnamed = Vec::new();
    walk(action.staging.as_std_path(), &mut found, &mut unnamed)?;
    refuse_unnamed(action, &unnamed)?;
    if found.is_empty() {
        return Err(StepError::new(
            format!("the staging root {} is empty: nothing was installed into it", action.staging),
            "see the log of the install step: it may ignore DESTDIR",
        ));
    }
    let outside: Vec<String> = found
        .iter()
        .filter(|path| relative(action, path).is_none())
        .map(|path| format!("/{}", path.strip_prefix(&action.staging).unwrap_or(path)))
        .collect();
    if !outside.is_empty() {
        return Err(StepError::new(
            format!(
                "{} would install outside its prefix {}: {}",
                action.component,
                std::iter::once(&action.prefix)
                    .chain(&action.roots)
                    .map(|root| root.as_str())
                    .collect::<Vec<_>>()
                    .join(" and "),
                outside.join(", ")
            ),
            "set configure options that put all of its files below the prefix",
        ));
    }
    let libraries = libraries(action, &root, &found);
    let own = own_libraries(action, &libraries, &root, &found);
    let mut staged = Staged { entries: BTreeMap::new(), warnings: Vec::new(), patches: BTreeMap::new() };
    let mut problems = Vec::new();
    for path in found {
        let Some(relative) = relative(action, &path) else { continue };
        if is_record(action, &relative) {
            problems.push(format!("{relative} lies in {RECORDS}, where installer keeps its records"));
            continue;
        }
        match entry(action, &libraries, &path, &relative)? {
            Ok((entry, Content { linkage, patches })) => {
                let place = action.prefix.join(&relative);
                staged.warnings.extend(linkage.iter().flat_map(|linkage| unreachable(&place, linkage, &own)));
                if !patches.is_empty() {
                    staged.patches.insert(relative.clone(), patches);
                }
                staged.entries.insert(relative, entry);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        return Ok(staged);
    }
    Err(StepError::new(
        format!("{} cannot be installed: {}", action.component, problems.join("; ")),
        "correct the options or patches of the component so that it installs no special files, no paths \
         of its build, and nothing where installer keeps its records",
    ))
}

/// Where the prefix lies in the staging root.
pub(super) fn staged_prefix(action: &Commit) -> Utf8PathBuf {
    action.staging.join(action.prefix.strip_prefix("/").unwrap_or(&action.prefix))
}

/// Where a file lies in the staging root, by its name in the manifest.
pub(super) fn staged_path(action: &Commit, relative: &Utf8Path) -> Utf8PathBuf {
    let place = action.prefix.join(relative);
    action.staging.join(place.strip_prefix("/").unwrap_or(&place))
}

/// The name that a staged file has in the manifest: relative to the prefix, or absolute below another root. None: it lies
/// elsewhere.
fn relative(action: &Commit, staged: &Utf8Path) -> Option<Utf8PathBuf> {
    if let Ok(relative) = staged.strip_prefix(staged_prefix(action)) {
        return Some(relative.to_owned());
    }
    let place = Utf8Path::new("/").join(staged.strip_prefix(&action.staging).ok()?);
    action.roots.iter().any(|root| place.starts_with(root)).then_some(place)
}

/// Whether a file would lie among the records. The list of an environment's wheels is one, and the only one that is staged.
fn is_record(action: &Commit, relative: &Utf8Path) -> bool {
    let list = format!("{}.requirements.lock", action.component);
    let place = action.prefix.join(relative);
    let below = |root: &Utf8PathBuf| place.strip_prefix(root.join(RECORDS)).ok().map(Utf8Path::to_owned);
    std::iter::once(&action.prefix).chain(&action.roots).filter_map(below).any(|name| name.as_str() != list)
}

/// The files below a staging root, and those whose names are not UTF-8, as they will be installed.
fn walk(directory: &Path, found: &mut Vec<Utf8PathBuf>, unnamed: &mut Vec<PathBuf>) -> Result<(), StepError> {
    let failed = |error: &std::io::Error| StepError::io("list", shown(directory), error);
    let mut children = Vec::new();
    for entry in fs::read_dir(directory).map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        children.push((entry.path(), entry.file_type().map_err(|error| failed(&error))?));
    }
    children.sort_by(|left, right| left.0.cmp(&right.0));
    for (path, kind) in children {
        if kind.is_dir() {
            walk(&path, found, unnamed)?;
        } else {
            match Utf8PathBuf::from_path_buf(path) {
                Ok(path) => found.push(path),
                Err(path) => unnamed.push(path),
            }
        }
    }
    Ok(())
}

/// Manifests and archives speak of files by their names, in UTF-8.
fn refuse_unnamed(action: &Commit, unnamed: &[PathBuf]) -> Result<(), StepError> {
    if unnamed.is_empty() {
        return Ok(());
    }
    let places: Vec<PathBuf> = unnamed
        .iter()
        .map(|path| Path::new("/").join(path.strip_prefix(&action.staging).unwrap_or(path)))
        .collect();
    Err(StepError::new(
        format!(
            "{} would install files whose names are not UTF-8: {}",
            action.component,
            named(places.iter().map(PathBuf::as_path))
        ),
        "rename them in its source, or remove them in a last command of its `install`",
    ))
}

/// `lib`, every other staged directory that holds shared libraries, then those of needed components.
fn libraries(action: &Commit, root: &Utf8Path, found: &[Utf8PathBuf]) -> Vec<Utf8PathBuf> {
    let mut libraries = vec![action.prefix.join("lib")];
    for path in found.iter().filter(|path| path.file_name().is_some_and(is_shared_library)) {
        if let Some(directory) = path.parent().and_then(|parent| parent.strip_prefix(root).ok()) {
            let directory = action.prefix.join(directory);
            if !libraries.contains(&directory) {
                libraries.push(directory);
            }
        }
    }
    for directory in &action.library_directories {
        if !libraries.contains(directory) {
            libraries.push(directory.clone());
        }
    }
    libraries
}

fn is_shared_library(name: &str) -> bool {
    name.starts_with("lib") && (name.ends_with(".so") || name.contains(".so."))
}

/// Shared libraries of this component and of those that it needs: name → directory at its final place.
fn own_libraries(
    action: &Commit,
    libraries: &[Utf8PathBuf],
    root: &Utf8Path,
    found: &[Utf8PathBuf],
) -> BTreeMap<String, Utf8PathBuf> {
    let mut own = BTreeMap::new();
    for directory in libraries {
        let staged =
            directory.strip_prefix(&action.prefix).ok().map(|below| root.join(below)).unwrap_or_default();
        let here = found.iter().filter(|path| path.parent() == Some(staged.as_path()));
        let mut names: Vec<String> = here.filter_map(|path| path.file_name()).map(str::to_owned).collect();
        // A needed component is installed already; one without libraries has no such directory.
        if action.library_directories.contains(directory) {
            let installed = directory.read_dir_utf8().into_iter().flatten().flatten();
            names.extend(installed.map(|entry| entry.file_name().to_owned()));
        }
        for name in names.into_iter().filter(|name| is_shared_library(name)) {
            own.entry(name).or_insert_with(|| directory.clone());
        }
    }
    own
}

/// Libraries of components that an ELF file needs and that neither its run path nor the system's directories lead to.
fn unreachable(place: &Utf8Path, linkage: &Linkage, own: &BTreeMap<String, Utf8PathBuf>) -> Vec<String> {
    let origin = place.parent().map(Utf8Path::as_str).unwrap_or_default();
    let searched: Vec<Utf8PathBuf> = linkage
        .run_paths
        .iter()
        .flat_map(|path| path.split(':'))
        .map(|directory| normalised(&directory.replace("$ORIGIN", origin).replace("${ORIGIN}", origin)))
        .collect();
    // ld.so(8), and what Debian's /etc/ld.so.conf.d adds.
    let by_system = |directory: &Utf8Path| {
        directory == "/usr/local/lib" || directory.starts_with("/usr/lib") || directory.starts_with("/lib")
    };
    linkage
        .needed
        .iter()
        .filter_map(|name| Some((name, own.get(name)?)))
        .filter(|(_, directory)| !searched.contains(directory) && !by_system(directory))
        .map(|(name, directory)| {
            format!(
                "{place} needs {name} from {directory}, which is not on its run path: its build ignores \
                 LDFLAGS"
            )
        })
        .collect()
}

/// A path without `..`, as it would be if no link were in it.
fn normalised(path: &str) -> Utf8PathBuf {
    let mut normal = Utf8PathBuf::new();
    for part in Utf8Path::new(path).components() {
        match part {
            Utf8Component::ParentDir => {
                normal.pop();
            }
            Utf8Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

type Checked<T> = Result<Result<T, String>, StepError>;

fn entry(
    action: &Commit,
    libraries: &[Utf8PathBuf],
    path: &Utf8Path,
    relative: &Utf8Path,
) -> Checked<(Entry, Content)> {
    let metadata = fs::symlink_metadata(path).map_err(|error| StepError::io("inspect", path, &error))?;
    if metadata.is_symlink() {
        let target = fs::read_link(path).map_err(|error| StepError::io("read the link", path, &error))?;
        let target = match Utf8PathBuf::from_path_buf(target) {
            Ok(target) => target,
            Err(target) => {
                let target = shown(&target);
                return Ok(Err(format!("{relative} is a link to a name that is not UTF-8 ({target})")));
            }
        };
        if target.starts_with(&action.staging) {
            return Ok(Err(format!("{relative} is a link into the staging root ({target})")));
        }
        return Ok(Ok((Entry::Link { target: target.into_string() }, Content::default())));
    }
    if !metadata.is_file() {
        return Ok(Err(format!("{relative} is neither a file nor a link")));
    }
    let mode = metadata.permissions().mode();
    if mode & 0o6000 != 0 {
        return Ok(Err(format!("{relative} is setuid or setgid ({:04o})", mode & 0o7777)));
    }
    let content = match content(action, libraries, path, relative)? {
        Ok(content) => content,
        Err(problem) => return Ok(Err(problem)),
    };
    let (sha256, size) =
        hashed(path, &content.patches).map_err(|error| StepError::io("read", path, &error))?;
    let mode = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
    Ok(Ok((Entry::File { sha256, size, mode }, content)))
}

/// The SHA-256 and the size of a file with these patches in it.
fn hashed(path: &Utf8Path, patches: &[Patch]) -> io::Result<(Digest, u64)> {
    files::sha256_of(path, |at, bytes| {
        for patch in patches {
            let (begin, end) =
                (patch.at.max(at), (patch.at + patch.bytes.len() as u64).min(at + bytes.len() as u64));
            // Both are offsets into slices that are in memory.
            let place = |offset: u64, base: u64| usize::try_from(offset - base).unwrap_or(usize::MAX);
            if begin < end {
                bytes[place(begin, at)..place(end, at)]
                    .copy_from_slice(&patch.bytes[place(begin, patch.at)..place(end, patch.at)]);
            }
        }
    })
}

fn content(
    action: &Commit,
    libraries: &[Utf8PathBuf],
    path: &Utf8Path,
    relative: &Utf8Path,
) -> Checked<Content> {
    let failed = |error: io::Error| StepError::io("read", path, &error);
    let mut file = fs::File::open(path).map_err(failed)?;
    let mut begin = [0; 4];
    let read = file.read(&mut begin).map_err(failed)?;
    if rpath::is_elf(&begin[..read]) {
        let directory = action.prefix.join(relative.parent().unwrap_or(Utf8Path::new("")));
        let directories = rpath::origin_relative(&directory, &action.prefix, libraries);
        let (linkage, patches) = match rpath::replace_placeholder(&file, &directories) {
            Ok(found) => found,
            Err(why) => return Ok(Err(format!("{relative}: {why}"))),
        };
        return Ok(match of_build(action, &linkage) {
            Some(problem) => Err(format!("{relative} {problem}")),
            None => Ok(Content { linkage: Some(linkage), patches }),
        });
    }
    if matches!(relative.extension(), Some("pc" | "cmake" | "la"))
        && files::contains(path, action.staging.as_str().as_bytes()).map_err(failed)?
    {
        return Ok(Err(format!("{relative} names the staging root {}", action.staging)));
    }
    Ok(Ok(Content::default()))
}

/// What an ELF file asks for in a directory of its build, if it does.
fn of_build(action: &Commit, linkage: &Linkage) -> Option<String> {
    let of_build = |path: &str| {
        let path = Utf8Path::new(path);
        std::iter::once(&action.staging)
            .chain(&action.forbidden_paths)
            .any(|forbidden| path.starts_with(forbidden))
    };
    if let Some(path) = linkage.run_paths.iter().flat_map(|path| path.split(':')).find(|path| of_build(path))
    {
        return Some(format!("has the run path {path}, a temporary directory of its build"));
    }
    let path = linkage.needed.iter().find(|path| of_build(path))?;
    Some(format!("needs the library {path} in a temporary directory of its build: the library has no soname"))
}
