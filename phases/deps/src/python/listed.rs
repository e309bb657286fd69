//! Every requirement that a case names, with its place: `packages`, requirement files, and the files that those include.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use model::case::Python;
use model::requirements::{self, Asked, Place, Says};
use model::text;

/// Reads them in the order of the case. A file that is not there or cannot be read says nothing here: the step that
/// downloads the wheels names it.
pub fn asked(python: &Python, case_dir: &Utf8Path) -> Vec<Asked> {
    let mut reader = Reader { found: Vec::new(), seen: BTreeSet::new() };
    let files = |files: &[Utf8PathBuf]| files.iter().map(|file| case_dir.join(file)).collect::<Vec<_>>();
    reader.packages("python.packages", &python.packages, None);
    reader.files(files(&python.requirements), None);
    for (index, group) in python.optional.iter().enumerate() {
        let key = format!("python.optional.{index}.packages");
        reader.packages(&key, &group.packages, Some(&group.name));
        reader.files(files(&group.requirements), Some(&group.name));
    }
    reader.found
}

struct Reader {
    found: Vec<Asked>,
    /// Files with whether they only limit.
    seen: BTreeSet<(Utf8PathBuf, bool)>,
}

impl Reader {
    fn packages(&mut self, key: &str, packages: &[String], group: Option<&str>) {
        for (index, text) in packages.iter().enumerate() {
            self.found.push(Asked {
                place: Place::Key(format!("{key}.{index}")),
                text: text.clone(),
                says: requirements::says(text),
                limits: false,
                group: group.map(str::to_owned),
            });
        }
    }

    fn files(&mut self, files: Vec<Utf8PathBuf>, group: Option<&str>) {
        let mut queue: Vec<(Utf8PathBuf, bool)> = files.into_iter().rev().map(|file| (file, false)).collect();
        while let Some((file, limits)) = queue.pop() {
            if !self.seen.insert((file.clone(), limits)) {
                continue;
            }
            let Some(content) = std::fs::read(&file).ok().and_then(|bytes| text::decode(&bytes).ok()) else {
                continue;
            };
            let beside =
                |named: &str| model::layout::plain(&file.parent().unwrap_or(Utf8Path::new("/")).join(named));
            for line in requirements::lines(&content) {
                let says = requirements::says(&line.text);
                match &says {
                    Says::Include(named) => queue.push((beside(named), limits)),
                    Says::Constraints(named) => queue.push((beside(named), true)),
                    _ => {}
                }
                let place = Place::Line { file: file.clone(), number: line.number };
                let group = group.map(str::to_owned);
                self.found.push(Asked { place, text: line.text, says, limits, group });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn included_files_are_read_beside_the_file_that_names_them() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        std::fs::create_dir_all(root.join("reqs/nested")).unwrap();
        std::fs::write(root.join("reqs/base.txt"), "# base\n-r nested/more.txt\n-c nested/limits.txt\na\n")
            .unwrap();
        std::fs::write(root.join("reqs/nested/more.txt"), "-r ../base.txt\nb==1\n").unwrap();
        std::fs::write(root.join("reqs/nested/limits.txt"), "c<2\n").unwrap();
        let python = Python {
            requirements: vec!["reqs/base.txt".into()],
            packages: vec!["d".to_owned()],
            ..Python::default()
        };
        let found = asked(&python, root);
        let projects: Vec<(String, bool)> = found
            .iter()
            .filter_map(|asked| match &asked.says {
                Says::Requirement(requirement) => Some((requirement.project.clone(), asked.limits)),
                _ => None,
            })
            .collect();
        let of = |name: &str, limits| (name.to_owned(), limits);
        assert_eq!(projects, [of("d", false), of("a", false), of("c", true), of("b", false)]);
        let b = found.iter().find(|asked| asked.text == "b==1").unwrap();
        assert_eq!(b.place, Place::Line { file: root.join("reqs/nested/more.txt"), number: 2 });
    }
}
