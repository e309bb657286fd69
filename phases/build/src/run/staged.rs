//! What lies in a staging root, checked for what must not be installed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::StepError;
use model::Digest;
use model::manifest::Entry;
use model::plan::Commit;

use crate::rpath;

/// The files to install, with what they will be.
pub(super) struct Staged {
    /// Path below the prefix → entry.
    pub entries: BTreeMap<Utf8PathBuf, Entry>,
    /// Library directories for run paths, absolute at their final place.
    libraries: Vec<Utf8PathBuf>,
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
    walk(&action.staging, &mut found)?;
    if found.is_empty() {
        return Err(StepError::new(
            format!("the staging root {} is empty: nothing was installed into it", action.staging),
            "see the log of the install step: it may ignore DESTDIR",
        ));
    }
    let outside: Vec<String> = found
        .iter()
        .filter(|path| !path.starts_with(&root))
        .map(|path| format!("/{}", path.strip_prefix(&action.staging).unwrap_or(path)))
        .collect();
    if !outside.is_empty() {
        return Err(StepError::new(
            format!(
                "{} would install outside its prefix {}: {}",
                action.component,
                action.prefix,
                outside.join(", ")
            ),
            "give its configure options that put all of its files below the prefix",
        ));
    }
    let mut staged = Staged { entries: BTreeMap::new(), libraries: libraries(action, &root, &found) };
    let mut problems = Vec::new();
    for path in found {
        let relative = path.strip_prefix(&root).unwrap_or(&path).to_owned();
        match entry(action, &staged.libraries, &path, &relative)? {
            Ok(entry) => {
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
        "correct the options or patches of the component so that it installs neither paths of its build nor special files",
    ))
}

impl Staged {
    /// The bytes that one staged file is installed with.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub(super) fn content(&self, action: &Commit, relative: &Utf8Path) -> Result<Vec<u8>, StepError> {
        let path = staged_prefix(action).join(relative);
        content(action, &self.libraries, &path, relative)?
            .map_err(|problem| StepError::new(problem, "build the component again"))
    }
}

/// Where the prefix lies in the staging root.
pub(super) fn staged_prefix(action: &Commit) -> Utf8PathBuf {
    action.staging.join(action.prefix.strip_prefix("/").unwrap_or(&action.prefix))
}

fn walk(directory: &Utf8Path, found: &mut Vec<Utf8PathBuf>) -> Result<(), StepError> {
    let failed = |error: &std::io::Error| StepError::io("list", directory, error);
    let mut children = Vec::new();
    for entry in directory.read_dir_utf8().map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        children.push((entry.path().to_owned(), entry.file_type().map_err(|error| failed(&error))?));
    }
    children.sort_by(|left, right| left.0.cmp(&right.0));
    for (path, kind) in children {
        if kind.is_dir() { walk(&path, found)? } else { found.push(path) }
    }
    Ok(())
}

/// `lib`, every other staged directory that holds shared libraries, then those of needed components.
fn libraries(action: &Commit, root: &Utf8Path, found: &[Utf8PathBuf]) -> Vec<Utf8PathBuf> {
    let mut libraries = vec![action.prefix.join("lib")];
    let shared = |name: &str| name.starts_with("lib") && (name.ends_with(".so") || name.contains(".so."));
    for path in found.iter().filter(|path| path.file_name().is_some_and(shared)) {
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

type Checked<T> = Result<Result<T, String>, StepError>;

fn entry(action: &Commit, libraries: &[Utf8PathBuf], path: &Utf8Path, relative: &Utf8Path) -> Checked<Entry> {
    let metadata = fs::symlink_metadata(path).map_err(|error| StepError::io("look at", path, &error))?;
    if metadata.is_symlink() {
        let target = path.read_link_utf8().map_err(|error| StepError::io("read the link", path, &error))?;
        if target.starts_with(&action.staging) {
            return Ok(Err(format!("{relative} is a link into the staging root ({target})")));
        }
        return Ok(Ok(Entry::Link { target: target.into_string() }));
    }
    if !metadata.is_file() {
        return Ok(Err(format!("{relative} is neither a file nor a link")));
    }
    let mode = metadata.permissions().mode();
    if mode & 0o6000 != 0 {
        return Ok(Err(format!("{relative} is setuid or setgid ({:04o})", mode & 0o7777)));
    }
    Ok(content(action, libraries, path, relative)?.map(|bytes| Entry::File {
        sha256: Digest::of(&bytes),
        size: bytes.len() as u64,
        mode: if mode & 0o111 == 0 { 0o644 } else { 0o755 },
    }))
}

fn content(
    action: &Commit,
    libraries: &[Utf8PathBuf],
    path: &Utf8Path,
    relative: &Utf8Path,
) -> Checked<Vec<u8>> {
    let mut bytes = files::read(path)?;
    if rpath::is_elf(&bytes) {
        let directory = action.prefix.join(relative.parent().unwrap_or(Utf8Path::new("")));
        let directories = rpath::origin_relative(&directory, &action.prefix, libraries);
        let paths =
            rpath::replace_placeholder(&mut bytes, &directories).and_then(|_| rpath::run_paths(&bytes));
        let paths = match paths {
            Ok(paths) => paths,
            Err(why) => return Ok(Err(format!("{relative}: {why}"))),
        };
        let forbidden = paths.iter().flat_map(|path| path.split(':')).find(|directory| {
            let directory = Utf8Path::new(directory);
            std::iter::once(&action.staging)
                .chain(&action.forbidden_paths)
                .any(|forbidden| directory.starts_with(forbidden))
        });
        if let Some(forbidden) = forbidden {
            return Ok(Err(format!(
                "{relative} has the run path {forbidden}, which is of its build and will be gone"
            )));
        }
    } else if matches!(relative.extension(), Some("pc" | "cmake" | "la")) {
        let staging = action.staging.as_str().as_bytes();
        if bytes.windows(staging.len()).any(|window| window == staging) {
            return Ok(Err(format!("{relative} names the staging root {}", action.staging)));
        }
    }
    Ok(Ok(bytes))
}
