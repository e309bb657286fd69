//! Where the dynamic linker looks (`ld.so(8)`), told from files alone.

use std::fs;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

/// Directories that are searched for every program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchPath {
    directories: Vec<Utf8PathBuf>,
}

impl SearchPath {
    /// Those of `/etc/ld.so.conf` below this root, then those that are built into the linker.
    pub fn of(root: &Utf8Path) -> Self {
        let mut found = Self::default();
        found.read(root, &root.join("etc/ld.so.conf"), 0);
        for directory in ["lib64", "usr/lib64", "lib", "usr/lib"] {
            found.directories.push(root.join(directory));
        }
        found
    }

    /// In the order in which they are searched.
    pub fn directories(&self) -> &[Utf8PathBuf] {
        &self.directories
    }

    /// One file; what cannot be read names no directory.
    fn read(&mut self, root: &Utf8Path, file: &Utf8Path, depth: u32) {
        let Ok(text) = fs::read_to_string(file) else { return };
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if let Some(pattern) = line.strip_prefix("include ") {
                // A file that includes itself ends somewhere.
                if depth < 8 {
                    included(root, file, pattern.trim())
                        .iter()
                        .for_each(|file| self.read(root, file, depth + 1));
                }
            } else if let Some(directory) = line.strip_prefix('/') {
                self.directories.push(root.join(directory));
            }
        }
    }
}

/// The files that `include ld.so.conf.d/*.conf` names: a star in the file's name is all that is used.
fn included(root: &Utf8Path, from: &Utf8Path, pattern: &str) -> Vec<Utf8PathBuf> {
    let pattern = match pattern.strip_prefix('/') {
        Some(absolute) => root.join(absolute),
        None => from.parent().unwrap_or(root).join(pattern),
    };
    let (Some(directory), Some(name)) = (pattern.parent(), pattern.file_name()) else { return Vec::new() };
    let Some((start, end)) = name.split_once('*') else { return vec![pattern] };
    let entries = directory.read_dir_utf8().into_iter().flatten().flatten();
    let fits =
        |name: &str| name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end);
    let mut files: Vec<Utf8PathBuf> =
        entries.filter(|entry| fits(entry.file_name())).map(|entry| entry.into_path()).collect();
    files.sort();
    files
}

/// The run path of a file with `$ORIGIN` filled in.
pub fn run_path(file: &Utf8Path, directories: &[String]) -> Vec<Utf8PathBuf> {
    let origin = file.parent().unwrap_or(Utf8Path::new("/")).as_str();
    let real = |text: &String| text.replace("${ORIGIN}", origin).replace("$ORIGIN", origin);
    directories.iter().map(real).filter(|text| text.starts_with('/')).map(Utf8PathBuf::from).collect()
}

/// A path without `.` and `..`, by its words alone.
pub fn normalised(path: &Utf8Path) -> Utf8PathBuf {
    let mut plain = Utf8PathBuf::new();
    for part in path.components() {
        match part {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// The same file through directories that are no links; the file itself may be one.
pub fn with_real_directory(path: &Utf8Path) -> Utf8PathBuf {
    let real = path.parent().and_then(|directory| directory.canonicalize_utf8().ok());
    match (real, path.file_name()) {
        (Some(directory), Some(name)) => directory.join(name),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configured_directories_come_before_built_in_ones() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        fs::create_dir_all(root.join("etc/ld.so.conf.d")).unwrap();
        fs::write(root.join("etc/ld.so.conf"), "include /etc/ld.so.conf.d/*.conf\ninclude ld.so.conf\n")
            .unwrap();
        fs::write(root.join("etc/ld.so.conf.d/b.conf"), "# comment\n/usr/lib/x86_64-linux-gnu # this\n")
            .unwrap();
        fs::write(root.join("etc/ld.so.conf.d/a.conf"), "/usr/local/lib\n").unwrap();
        fs::write(root.join("etc/ld.so.conf.d/c.disabled"), "/never\n").unwrap();
        let search = SearchPath::of(root);
        let found: Vec<&Utf8Path> =
            search.directories().iter().map(|path| path.strip_prefix(root).unwrap()).collect();
        assert_eq!(found[..2], ["usr/local/lib", "usr/lib/x86_64-linux-gnu"]);
        assert!(found.contains(&Utf8Path::new("usr/lib")) && !found.contains(&Utf8Path::new("never")));
    }

    #[test]
    fn run_paths_begin_where_the_file_lies() {
        let given =
            ["$ORIGIN/../lib".to_owned(), "${ORIGIN}".to_owned(), "relative".to_owned(), "/opt/x".to_owned()];
        let found = run_path(Utf8Path::new("/usr/local/bin/tool"), &given);
        assert_eq!(found, ["/usr/local/bin/../lib", "/usr/local/bin", "/opt/x"]);
        assert_eq!(normalised(&found[0]), "/usr/local/lib");
    }
}
