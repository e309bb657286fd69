//! One need at a time, against a root with a few tools and packages.

use std::os::unix::fs::PermissionsExt;

use engine::runner::Finished;
use model::Digest;
use testkit::FakeContext;

use super::*;
use crate::packages::by_name;

/// A root with one tool of a package, one of nobody, and a header.
struct Root {
    directory: tempfile::TempDir,
    context: FakeContext,
}

impl Root {
    fn new() -> Self {
        let root = Self { directory: tempfile::tempdir().unwrap(), context: FakeContext::new() };
        root.file("var/lib/dpkg/status", "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21\n\nPackage: nasm\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.16.01-1\n\nPackage: gcc\nStatus: install ok installed\nArchitecture: amd64\nVersion: 4:12.2.0-3\n\nPackage: gcc-12\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.2.0-14\n\nPackage: zlib1g-dev\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2.13\n");
        root.file("var/lib/dpkg/info/nasm.list", "/usr/bin/nasm\n");
        root.file("var/lib/dpkg/info/gcc.list", "/usr/bin/cc\n");
        root.file("var/lib/dpkg/info/gcc-12.list", "/usr/bin/gcc-12\n");
        root.file("usr/bin/nasm", "");
        root.file("usr/bin/gcc-12", "");
        std::os::unix::fs::symlink("gcc-12", root.path().join("usr/bin/cc")).unwrap();
        root
    }

    fn path(&self) -> Utf8PathBuf {
        resolved(Utf8Path::from_path(self.directory.path()).unwrap())
    }

    fn file(&self, path: &str, content: &str) {
        let path = self.path().join(path);
        engine::files::atomic_write(&path, content.as_bytes()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn check(&self, need: &Need) -> Result<Option<String>, Finding> {
        let manager = by_name("apt").unwrap();
        let root = self.path();
        let database = manager.query(&root, &packages::ask_directly).unwrap();
        let found = check(
            need,
            &Host {
                root: &root,
                manager: Some(manager),
                database: Some(&database),
                path: "/usr/local/bin:/usr/bin",
                build_path: "/usr/local/bin:/usr/bin",
                prefixes: &[],
                context: &self.context,
            },
        );
        found.map(|found| found.map(|found| found.replace(root.as_str(), "")))
    }
}

fn row(name: &str) -> Need {
    catalog::need(name, Some("apt"), "ffmpeg").unwrap()
}

#[test]
fn what_is_found_names_the_package_that_a_tool_really_belongs_to() {
    let root = Root::new();
    assert_eq!(root.check(&row("nasm")).unwrap().unwrap(), "nasm 2.16.01-1 (/usr/bin/nasm)");
    assert_eq!(
        root.check(&row("c-compiler")).unwrap().unwrap(),
        "gcc-12 12.2.0-14 (/usr/bin/cc); gcc 4:12.2.0-3",
        "the package behind the link, and the others of the need"
    );
    assert!(root.context.record().commands.is_empty(), "no process is started for what packages own");
}

#[test]
fn a_tool_of_nobody_is_asked_for_its_version_once() {
    let root = Root::new();
    root.file("usr/local/bin/cmake", "");
    root.context.on(|command| {
        command
            .program
            .ends_with("/cmake")
            .then(|| Ok(Finished { stdout: "cmake version 3.28.1\n".to_owned(), ..Finished::default() }))
    });
    for _ in 0..2 {
        assert_eq!(root.check(&row("cmake")).unwrap().unwrap(), "cmake 3.28.1 (/usr/local/bin/cmake)");
    }
    assert_eq!(root.context.record().commands.len(), 1);
    let mut newer = row("cmake");
    newer.probe = Some(Probe::Tool { names: vec!["cmake".to_owned()], minimum: Some("3.30".to_owned()) });
    let finding = root.check(&newer).unwrap_err();
    assert!(finding.what.contains("is 3.28.1, but 3.30 or newer is needed"), "{finding:?}");
}

#[test]
fn what_is_missing_comes_with_its_cure() {
    let root = Root::new();
    assert_eq!(
        root.check(&row("make")).unwrap_err(),
        Finding {
            what: "make is not installed, needed by ffmpeg".to_owned(),
            cure: "run `installer deps`, or: apt-get install make".to_owned()
        }
    );
    let toolchain = Need { packages: Vec::new(), ..row("xmake") };
    let cure = root.check(&toolchain).unwrap_err().cure;
    assert!(cure.starts_with("run `installer deps`, which installs xmake"), "{cure}");
    let package = catalog::need("apt:libfoo-dev", Some("apt"), "case").unwrap();
    assert_eq!(root.check(&package).unwrap_err().what, "package libfoo-dev is not installed, needed by case");
    let elsewhere = catalog::need("dnf:libfoo-devel", Some("apt"), "case").unwrap();
    assert_eq!(root.check(&elsewhere).unwrap(), None);
    let mut unpackaged = row("make");
    unpackaged.packages.clear();
    let cure = root.check(&unpackaged).unwrap_err().cure;
    assert!(cure.contains("package_names.apt.make = [") && cure.contains("by hand"), "{cure}");
}

#[test]
fn a_library_that_is_too_old_is_named_with_its_file() {
    let root = Root::new();
    root.file("usr/lib/pkgconfig/spdlog.pc", "Name: spdlog\nVersion: 1.10.0\nRequires: fmt\n");
    let mut spdlog = row("spdlog");
    assert!(root.check(&spdlog).is_ok());
    let module = "spdlog".to_owned();
    spdlog.probe = Some(Probe::PkgConfig { module, minimum: Some("1.15".to_owned()) });
    let finding = root.check(&spdlog).unwrap_err();
    assert!(
        finding.what.starts_with("spdlog is 1.10.0 (") && finding.what.contains("1.15 or newer"),
        "{finding:?}"
    );
    root.file("usr/lib/pkgconfig/spdlog.pc", "Version: 1.15.2\n");
    assert!(root.check(&spdlog).is_ok());
}

#[test]
fn headers_are_seen_by_file_or_by_package() {
    let root = Root::new();
    assert_eq!(root.check(&row("zlib")).unwrap().unwrap(), "zlib1g-dev 1:1.2.13", "the package knows better");
    root.file("usr/local/include/zlib.h", "#define ZLIB 1\n");
    let found = root.check(&row("zlib")).unwrap().unwrap();
    assert_eq!(found, format!("zlib {} (/usr/local/include/zlib.h)", Digest::of("#define ZLIB 1\n").short()));
    assert!(root.check(&row("libc-headers")).is_err());
    root.file("usr/include/x86_64-linux-gnu/stdio.h", "");
    assert!(root.check(&row("libc-headers")).is_ok());
}

#[test]
fn a_missing_python_module_is_not_remembered() {
    let root = Root::new();
    root.file("usr/bin/python3", "");
    assert!(root.check(&row("python3-venv")).unwrap_err().what.contains("has no module ensurepip"));
    root.context.on(|_| Some(Ok(Finished { stdout: "3.11.2\n".to_owned(), ..Finished::default() })));
    let found = root.check(&row("python3-venv")).unwrap().unwrap();
    assert_eq!(found, "ensurepip of Python 3.11.2 (/usr/bin/python3)");
}
