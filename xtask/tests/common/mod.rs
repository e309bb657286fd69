//! What tests of the command line share: a place of their own to run in, small projects, and readers of what is left.
#![allow(dead_code, reason = "each test binary uses a part")]

pub mod processes;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The installer with nothing of this process's environment but PATH, and no terminal; its messages call it `installer`.
#[expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
pub fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_installer"));
    command.args(arguments).current_dir(directory).env_clear().stdin(Stdio::null());
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", directory);
    command.env("INSTALLER_PROGRAM", "installer");
    // What this place wants of everything that fetches.
    for name in ["SSL_CERT_FILE", "PIP_CERT", "PIP_INDEX_URL", "http_proxy", "https_proxy", "no_proxy"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command
}

pub fn installer(directory: &Path, arguments: &[&str]) -> Output {
    command(directory, arguments).output().unwrap()
}

/// The names below `cases/`, as lists print them: fragments are left out.
pub fn built_in_cases() -> String {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases");
    let mut names: Vec<String> = std::fs::read_dir(&cases)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            let text = std::fs::read_to_string(cases.join(name).join("case.toml")).unwrap();
            !text.contains("\nfragment = true\n")
        })
        .collect();
    names.sort();
    names.join(", ")
}

/// Flags that put everything that the installer writes below a directory.
pub fn place(directory: &Path) -> Vec<String> {
    ["prefix", "state-dir", "cache-dir", "artifacts", "data-dir"]
        .iter()
        .flat_map(|name| [format!("--{name}"), directory.join(name).to_str().unwrap().to_owned()])
        .collect()
}

/// [`command`] with the flags of [`place`].
pub fn placed_command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = command(directory, arguments);
    command.args(place(directory));
    command
}

pub fn placed(directory: &Path, arguments: &[&str]) -> Output {
    placed_command(directory, arguments).output().unwrap()
}

/// Writes a wheel of one empty package, as an index would have it.
#[expect(clippy::disallowed_methods, reason = "a test prepares what it tests on")]
pub fn wheel(directory: &Path, name: &str, version: &str) {
    const MAKE: &str = r#"
import os, sys, zipfile
into, name, version = sys.argv[1:]
os.makedirs(into, exist_ok=True)
info = f"{name}-{version}.dist-info"
with zipfile.ZipFile(f"{into}/{name}-{version}-py3-none-any.whl", "w") as wheel:
    wheel.writestr(f"{name}/__init__.py", f"version = {version!r}\n")
    wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in [*wheel.namelist(), f"{info}/RECORD"]))
"#;
    let made =
        Command::new("/usr/bin/python3").args(["-c", MAKE]).arg(directory).args([name, version]).output();
    assert!(made.as_ref().is_ok_and(|made| made.status.success()), "{made:?}");
}

/// Without any index but the wheels of the case.
pub fn without_index(command: &mut Command) -> &mut Command {
    command
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("PIP_CONFIG_FILE", "/dev/null")
        .env("PIP_INDEX_URL", "file:///nonexistent")
}

pub fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// A whole build with a real compiler: a library, and a program that needs it.
pub fn project(home: &Path) {
    std::fs::create_dir_all(home.join("lib")).unwrap();
    std::fs::create_dir_all(home.join("app")).unwrap();
    std::fs::write(home.join("lib/answer.c"), "int answer(void) { return 42; }\n").unwrap();
    std::fs::write(
        home.join("app/main.c"),
        "#include <stdio.h>\nint answer(void);\nint main(void) { printf(\"the answer is %d\\n\", answer()); return 0; }\n",
    )
    .unwrap();
    std::fs::write(
        home.join("case.toml"),
        r#"schema = 1
[metadata]
name = "two"
[sources.lib]
kind = "path"
path = "lib"
[sources.app]
kind = "path"
path = "app"
[components.lib]
driver = "command"
system = ["c-compiler"]
[components.lib.commands]
compile = [["sh", "-c", "cc -shared -fPIC -Wl,-soname,libanswer.so $LDFLAGS -o libanswer.so '{source}/answer.c'"]]
install = [["install", "-D", "libanswer.so", "{destdir}{prefix}/lib/libanswer.so"]]
[components.app]
driver = "command"
needs = ["lib"]
[components.app.commands]
compile = [["sh", "-c", "cc '{source}/main.c' $LDFLAGS -lanswer -o app"]]
install = [["install", "-D", "app", "{destdir}{prefix}/bin/app"]]
[[components.app.checks]]
kind = "run"
command = ["{prefix}/bin/app"]
contains = "the answer is 42"
"#,
    )
    .unwrap();
}

/// Paths below the prefix with modes and contents; manifests, which name the prefix, by path alone.
pub fn installed(home: &Path) -> Vec<(String, u32, Vec<u8>)> {
    installed_below(&home.join("prefix"))
}

/// The same below any directory.
pub fn installed_below(root: &Path) -> Vec<(String, u32, Vec<u8>)> {
    fn walk(directory: &Path, root: &Path, found: &mut Vec<(String, u32, Vec<u8>)>) {
        use std::os::unix::fs::PermissionsExt;
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                let content = if name.starts_with("share/installer") {
                    Vec::new()
                } else {
                    std::fs::read(&path).unwrap()
                };
                found.push((name, path.metadata().unwrap().permissions().mode(), content));
            }
        }
    }
    let mut found = Vec::new();
    walk(root, root, &mut found);
    found.sort();
    found
}

/// The ids of the steps that a run with `--progress json` started.
pub fn started(output: &Output) -> BTreeSet<String> {
    printed(output)
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|event| event["event"] == "step-started")
        .map(|event| event["step"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits until something holds; what takes longer than two minutes never will.
pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    processes::wait_for(what, std::time::Duration::from_secs(120), look)
}

/// Puts a copy of a tree in the place of another, links as links.
pub fn copy_tree(from: &Path, to: &Path) {
    drop(std::fs::remove_dir_all(to));
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, into) = (entry.path(), to.join(entry.file_name()));
        if path.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(path).unwrap(), into).unwrap();
        } else if path.is_dir() {
            copy_tree(&path, &into);
        } else {
            std::fs::copy(path, into).unwrap();
        }
    }
}

/// Writes a file and the directories above it.
pub fn write(home: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = home.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// What a script prints that has to succeed.
pub fn bash(directory: &Path, script: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "a test prepares what it tests on")]
    let output = Command::new("bash").args(["-euc", script]).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{script}: {}", said(&output));
    printed(&output)
}

/// What the installer said of a run that has to succeed.
pub fn succeeded(output: &Output) -> String {
    assert_eq!(code(output), 0, "{}{}", said(output), printed(output));
    said(output)
}

/// With the cargo that compiled this test on PATH: a proxy of rustup's needs a home.
pub fn with_cargo(home: &Path, words: &[&str], wanted: i32) -> String {
    let bin = Path::new(env!("CARGO")).parent().unwrap().display();
    let path = format!("{bin}:{}", std::env::var("PATH").unwrap());
    let words = [words, &["--case", "case.toml", "--progress", "plain"]].concat();
    let output = placed_command(home, &words).env("PATH", path).output().unwrap();
    let all = format!("{}{}", said(&output), printed(&output));
    assert_eq!(code(&output), wanted, "{words:?}: {all}");
    all
}
