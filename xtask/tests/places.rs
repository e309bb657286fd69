//! What differs from place to place: the mask of new files, times, names, and what lies in a mounted source.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use common::*;

fn write(home: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = home.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn succeeded(output: &Output) -> String {
    assert_eq!(code(output), 0, "{}{}", said(output), printed(output));
    said(output)
}

fn outside(words: &[&str], directory: &Path) {
    #[expect(clippy::disallowed_methods, reason = "a test prepares what it tests on")]
    let output = Command::new(words[0]).args(&words[1..]).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", said(&output));
}

/// The installer below a shell that sets the mask.
fn masked(mask: &str, home: &Path, words: &[&str]) -> Output {
    let mut shell = command(home, &[]);
    let program = shell.get_program().to_owned();
    let environment: Vec<_> =
        shell.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    #[expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
    let mut child = Command::new("/bin/sh");
    child.args(["-c", "umask $0; exec \"$@\"", mask]).arg(program).args(words).args(place(home));
    shell = child;
    shell.current_dir(home).env_clear().envs(environment).stdin(std::process::Stdio::null());
    without_index(&mut shell).output().unwrap()
}

/// Every path below some directories that others read, with its mode.
fn modes(home: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    let mut open: Vec<_> = ["prefix", "data-dir/environments", "artifacts", "state-dir", "case.lock"]
        .iter()
        .map(|name| home.join(name))
        .collect();
    while let Some(path) = open.pop() {
        let metadata = path.symlink_metadata().unwrap();
        if metadata.is_symlink() {
            continue;
        }
        let name = path.strip_prefix(home).unwrap().to_str().unwrap().to_owned();
        // These are named by times and by this place.
        if ["state-dir/runs/", "state-dir/trees/"].iter().any(|below| name.starts_with(below)) {
            continue;
        }
        found.push((name, metadata.permissions().mode() & 0o7777));
        if metadata.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found.sort();
    found
}

#[test]
fn what_is_installed_is_for_others_whatever_the_mask() {
    let [usual, private] = ["022", "077"].map(|mask| {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path();
        wheel(&home.join("wheels"), "plain", "1.0");
        write(home, "tool/run.sh", "#!/bin/sh\n");
        std::fs::set_permissions(home.join("tool/run.sh"), std::fs::Permissions::from_mode(0o700)).unwrap();
        write(
            home,
            "case.toml",
            r#"schema = 1
[metadata]
name = "mask"
[python]
packages = ["plain"]
find_links = ["wheels"]
[sources.tool]
kind = "path"
path = "tool"
[components.tool]
driver = "command"
[components.tool.commands]
install = [["install", "-D", "{source}/run.sh", "{destdir}{prefix}/lib/deep/run.sh"], ["sh", "-c", "echo > {destdir}{prefix}/lib/deep/text"]]
"#,
        );
        succeeded(&masked(mask, home, &["all", "case.toml"]));
        modes(home)
    });
    assert!(usual.iter().any(|(name, _)| name.starts_with("prefix/share/installer/")), "{usual:?}");
    assert!(usual.iter().any(|(name, _)| name.ends_with("plain/__init__.py")), "{usual:?}");
    let unreadable: Vec<_> = private.iter().filter(|(_, mode)| mode & 0o044 != 0o044).collect();
    assert!(unreadable.is_empty(), "{unreadable:?}");
    let differ: Vec<_> = private.iter().zip(&usual).filter(|(one, other)| one != other).collect();
    assert!(private.len() == usual.len() && differ.is_empty(), "{differ:?}");
}
