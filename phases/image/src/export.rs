//! Copies what a case has installed into a tree rooted at `/`, for `COPY --from=… TREE/ /`.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::StepError;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

use crate::contents::{Contents, What};

/// How much was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Files and links.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Where a path lies in the tree.
pub fn below(tree: &Utf8Path, path: &Utf8Path) -> Utf8PathBuf {
    tree.join(path.strip_prefix("/").unwrap_or(path))
}

/// Copies files with their modes and times (Python takes a module's compiled form for stale when its time differs), and
/// links as they are.
///
/// # Errors
/// When the tree is there and not empty, and errors of the operating system.
pub fn copy(contents: &Contents, tree: &Utf8Path) -> Result<Copied, StepError> {
    let empty = match tree.read_dir_utf8() {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    if !empty {
        return Err(StepError::new(
            format!("{tree} is not an empty directory"),
            "use a directory that does not exist yet: everything in it becomes part of the image",
        ));
    }
    files::create_dir_all(tree)?;
    let mut copied = Copied::default();
    for (path, what) in &contents.files {
        let place = below(tree, path);
        if let Some(directory) = place.parent() {
            files::create_dir_all(directory)?;
        }
        copied.files += 1;
        copied.bytes += match what {
            What::File => copy_file(path, &place).map_err(|error| StepError::io("copy", path, &error))?,
            What::Link => {
                fs::read_link(path)
                    .and_then(|target| symlink(target, &place))
                    .map_err(|error| StepError::io("copy", path, &error))?;
                0
            }
        };
    }
    Ok(copied)
}

fn copy_file(from: &Utf8Path, to: &Utf8Path) -> io::Result<u64> {
    let bytes = fs::copy(from, to)?;
    let metadata = fs::metadata(from)?;
    fs::set_permissions(to, fs::Permissions::from_mode(metadata.permissions().mode() & 0o7777))?;
    let since = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let time = Timespec {
        tv_sec: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: since.subsec_nanos().into(),
    };
    utimensat(
        CWD,
        to.as_std_path(),
        &Timestamps { last_access: time, last_modification: time },
        AtFlags::empty(),
    )?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_times_and_links_are_those_of_what_is_installed() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let tool = root.join("prefix/bin/tool");
        fs::create_dir_all(tool.parent().unwrap()).unwrap();
        fs::write(&tool, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o555)).unwrap();
        let file = fs::File::open(&tool).unwrap();
        let old = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 123_456_789);
        file.set_modified(old).unwrap();
        let link = root.join("prefix/bin/alias");
        symlink("/nowhere/at/all", &link).unwrap();
        let contents = Contents {
            files: [(tool.clone(), What::File), (link.clone(), What::Link)].into_iter().collect(),
        };
        let tree = root.join("tree");
        assert_eq!(copy(&contents, &tree).unwrap(), Copied { files: 2, bytes: 10 });
        let metadata = fs::metadata(below(&tree, &tool)).unwrap();
        assert_eq!((metadata.permissions().mode() & 0o7777, metadata.modified().unwrap()), (0o555, old));
        assert_eq!(below(&tree, &link).read_link_utf8().unwrap(), "/nowhere/at/all");
        assert!(copy(&contents, &tree).is_err(), "what lies there already would become part of the image");
    }
}
