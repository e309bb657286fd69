//! A root with a package database of its own; this test's program stands for every ELF file.

use std::os::unix::fs::symlink;

use deps::packages::apt::Apt;

use super::*;

struct Root {
    _directory: tempfile::TempDir,
    root: Utf8PathBuf,
    contents: Contents,
}

impl Root {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap().canonicalize_utf8().unwrap();
        Self { _directory: directory, root, contents: Contents::default() }
    }

    fn elf(&self, path: &str) -> Utf8PathBuf {
        let place = self.root.join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(std::env::current_exe().unwrap(), &place).unwrap();
        place
    }

    fn installed(&mut self, path: &str) -> Utf8PathBuf {
        let place = self.elf(path);
        self.contents.files.insert(place.clone(), What::File);
        place
    }

    fn write(&self, path: &str, text: &str) -> Utf8PathBuf {
        let place = self.root.join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, text).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        place
    }

    fn package(&self, name: &str, files: &str) {
        self.write(&format!("var/lib/dpkg/info/{name}.list"), files);
    }

    fn packages(&self) -> Vec<String> {
        self.needed().packages.into_keys().collect()
    }

    fn needed(&self) -> Needed {
        needed(&self.contents, &Apt, &self.root).unwrap()
    }
}

/// Names of the libraries that a test program of Rust is linked with.
fn libraries() -> Vec<String> {
    elf::demands(&fs::read(std::env::current_exe().unwrap()).unwrap()).unwrap().unwrap().needed
}

#[test]
fn libraries_are_told_by_the_packages_that_own_them() {
    let mut root = Root::new();
    root.installed("usr/local/bin/tool");
    root.write("etc/ld.so.conf", "/usr/lib/here\n");
    let all = libraries();
    assert!(all.len() >= 2, "{all:?}");
    for name in &all[1..] {
        root.elf(&format!("usr/lib/here/{name}"));
        root.package(&format!("owner-of-{name}"), &format!("/.\n/usr/lib/here/{name}\n"));
    }
    let needed = root.needed();
    let expected: BTreeSet<String> = all[1..].iter().map(|name| format!("owner-of-{name}")).collect();
    assert_eq!(needed.packages.into_keys().collect::<BTreeSet<_>>(), expected);
    assert_eq!(needed.missing, [(all[0].clone(), root.root.join("usr/local/bin/tool"))].into());
    assert!(needed.glibc.is_some());
    // A library that is installed with it is nobody's package.
    let name = all[0].clone();
    root.installed(&format!("usr/local/lib/anywhere/{name}"));
    assert_eq!(root.needed().missing, BTreeMap::new());
}

#[test]
fn a_library_of_another_machine_does_not_serve_and_an_unowned_one_is_told() {
    let mut root = Root::new();
    root.installed("usr/local/bin/tool");
    for name in libraries() {
        let place = root.elf(&format!("usr/lib/{name}"));
        let mut bytes = fs::read(&place).unwrap();
        bytes[18] ^= 0x55;
        fs::write(&place, bytes).unwrap();
    }
    assert_eq!(root.needed().missing.len(), libraries().len());
    for name in libraries() {
        root.elf(&format!("usr/lib/{name}"));
    }
    let needed = root.needed();
    assert_eq!((needed.missing.len(), needed.unowned.len()), (0, libraries().len()));
    assert!(needed.packages.is_empty());
}

#[test]
fn interpreters_of_scripts_and_environments_are_told_through_every_link() {
    let mut root = Root::new();
    root.write("usr/bin/python3.13", "the interpreter\n");
    symlink("python3.13", root.root.join("usr/bin/python3")).unwrap();
    root.package("python3-minimal", "/usr/bin/python3\n");
    root.package("python3.13-minimal", "/usr/bin/python3.13\n");
    root.write("usr/bin/perl", "");
    root.package("perl-base", "/usr/bin/perl\n");
    let link = root.root.join("opt/environment/bin/python");
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    symlink(root.root.join("usr/bin/python3"), &link).unwrap();
    root.contents.files.insert(link, What::Link);
    assert_eq!(root.packages(), ["python3", "python3.13"], "the parts that have a standard library");
    let script = root.write("usr/local/bin/script", "#!/usr/bin/env -S perl -w\n");
    root.contents.files.insert(script.clone(), What::File);
    assert_eq!(root.packages(), ["perl-base", "python3", "python3.13"]);
    // A sample that nobody can start needs nothing.
    fs::set_permissions(&script, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(root.packages(), ["python3", "python3.13"]);
}
