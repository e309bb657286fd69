//! Times of files in copies and unpacked trees. Build tools tell by them what to make again, so they have to hold three
//! things whatever a checkout, a clock or an archive says: none is later than now, which would make ninja and make try
//! again for ever; their order is kept; and what autotools made is not older than what it was made from, which would have
//! automake run again where it may not even be installed. A checkout writes its files in no order.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Moves times that are later than now to the present moment, and keeps their order.
#[derive(Debug)]
pub struct NotLater {
    now: SystemTime,
    later: Vec<SystemTime>,
}

impl NotLater {
    /// For these times.
    pub fn of(times: impl IntoIterator<Item = SystemTime>) -> Self {
        let now = SystemTime::now();
        let mut later: Vec<SystemTime> = times.into_iter().filter(|time| *time > now).collect();
        later.sort_unstable();
        later.dedup();
        Self { now, later }
    }

    /// The present moment, the same for all.
    pub fn now(&self) -> SystemTime {
        self.now
    }

    /// The time to give to a file that has this one.
    pub fn time(&self, time: SystemTime) -> SystemTime {
        if time <= self.now {
            return time;
        }
        let above = self.later.len() - self.later.partition_point(|other| *other <= time);
        // A nanosecond for each: file systems tell them apart.
        self.now.checked_sub(Duration::from_nanos(above as u64)).unwrap_or(self.now)
    }
}

/// Sets when a file was modified.
///
/// # Errors
/// Of the operating system.
pub fn set(path: &Path, time: SystemTime) -> io::Result<()> {
    // The owner may set times of a file that may not be written.
    std::fs::File::open(path)?.set_modified(time)
}

/// What of a project's files autotools makes, and from what.
#[derive(Default)]
struct Autotools {
    /// Directories of `configure` with what it is made from.
    projects: Vec<PathBuf>,
    macros: Option<SystemTime>,
    makefiles: Option<SystemTime>,
    aclocal: Vec<(PathBuf, SystemTime)>,
    /// `configure` and templates of headers.
    configured: Vec<(PathBuf, SystemTime)>,
    templates: Vec<(PathBuf, SystemTime)>,
}

/// Makes what autotools made in a tree not older than what it was made from; gives what had to be changed for that.
///
/// `files` are the tree's files, relative to it.
///
/// # Errors
/// When a time cannot be read or set.
pub fn settle_generated<'a>(
    tree: &Path,
    files: impl IntoIterator<Item = &'a Path> + Clone,
) -> io::Result<Vec<PathBuf>> {
    let found = Autotools::find(tree, files)?;
    let mut raised = Vec::new();
    let mut raise = |files: &[(PathBuf, SystemTime)], least: Option<SystemTime>| -> io::Result<()> {
        for (path, time) in files {
            if let Some(least) = least.filter(|least| time < least) {
                set(&tree.join(path), least)?;
                raised.push(path.clone());
            }
        }
        Ok(())
    };
    raise(&found.aclocal, found.macros)?;
    let aclocal = found.aclocal.iter().map(|(_, time)| *time).max().max(found.macros);
    raise(&found.configured, aclocal)?;
    raise(&found.templates, aclocal.max(found.makefiles))?;
    Ok(raised)
}

impl Autotools {
    fn find<'a>(tree: &Path, files: impl IntoIterator<Item = &'a Path> + Clone) -> io::Result<Self> {
        let mut found = Self::default();
        for path in files.clone() {
            if path.file_name().is_some_and(|name| name == "configure") {
                let beside = |name: &str| tree.join(path.with_file_name(name)).is_file();
                if beside("configure.ac") || beside("configure.in") {
                    found.projects.extend(path.parent().map(Path::to_owned));
                }
            }
        }
        if found.projects.is_empty() {
            return Ok(found);
        }
        for path in files {
            if found.projects.iter().any(|project| path.starts_with(project)) {
                found.add(tree, path)?;
            }
        }
        Ok(found)
    }

    fn add(&mut self, tree: &Path, path: &Path) -> io::Result<()> {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Ok(()) };
        let ends = |ending: &str| name.ends_with(ending);
        let made = ["aclocal.m4", "configure"].contains(&name)
            || ends("Makefile.in")
            || ends(".h.in")
            || ends(".hin");
        if !(made || ["configure.ac", "configure.in"].contains(&name) || ends(".m4") || ends(".am")) {
            return Ok(());
        }
        let metadata = std::fs::symlink_metadata(tree.join(path))?;
        if !metadata.is_file() {
            return Ok(());
        }
        let time = metadata.modified()?;
        let file = (path.to_owned(), time);
        match name {
            "aclocal.m4" => self.aclocal.push(file),
            "configure" => self.configured.push(file),
            _ if ends("Makefile.in") => self.templates.push(file),
            _ if ends(".h.in") || ends(".hin") => self.configured.push(file),
            _ if ends(".am") => self.makefiles = self.makefiles.max(Some(time)),
            _ => self.macros = self.macros.max(Some(time)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_future_become_the_present_one_and_keep_their_order() {
        let now = SystemTime::now();
        let hours = |hours: u64| now + Duration::from_secs(3600 * hours);
        let before = now - Duration::from_secs(5);
        let times = NotLater::of([hours(3), before, hours(1), hours(2), hours(1)]);
        let [first, second, third] = [1, 2, 3].map(|number| times.time(hours(number)));
        assert!(before < first && first < second && second < third && third == times.now());
        assert_eq!(times.time(before), before);
    }

    #[test]
    fn what_autotools_made_is_not_older_than_what_it_was_made_from() {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path();
        let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + seconds);
        // As a checkout writes them: by name.
        let names = [
            "Makefile.am",
            "Makefile.in",
            "aclocal.m4",
            "configure",
            "config.h.in",
            "configure.ac",
            "m4/x.m4",
            "main.c",
        ];
        std::fs::create_dir(tree.join("m4")).unwrap();
        for (number, name) in names.iter().enumerate() {
            std::fs::write(tree.join(name), "").unwrap();
            set(&tree.join(name), at(number as u64)).unwrap();
        }
        let settle = || settle_generated(tree, names.iter().map(Path::new)).unwrap();
        assert_eq!(settle().len(), 4);
        let time = |name: &str| tree.join(name).metadata().unwrap().modified().unwrap();
        for (made, from) in [
            ("aclocal.m4", "m4/x.m4"),
            ("configure", "aclocal.m4"),
            ("config.h.in", "aclocal.m4"),
            ("Makefile.in", "configure.ac"),
            ("Makefile.in", "Makefile.am"),
        ] {
            assert!(time(made) >= time(from), "{made} is older than {from}");
        }
        assert_eq!(time("main.c"), at(7));
        assert!(settle().is_empty(), "what is right stays as it is");
        // Without what `configure` is made from, nothing is.
        std::fs::remove_file(tree.join("configure.ac")).unwrap();
        set(&tree.join("aclocal.m4"), at(0)).unwrap();
        let left = names.iter().filter(|name| **name != "configure.ac").map(Path::new);
        assert!(settle_generated(tree, left).unwrap().is_empty());
    }
}
