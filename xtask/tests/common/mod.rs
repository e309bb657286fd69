//! What tests of the command line share.
#![expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
#![allow(dead_code, reason = "each test binary uses some of it")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

pub fn installer(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_installer"));
    command.args(arguments).current_dir(directory).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", directory);
    command.output().unwrap()
}

pub fn place(directory: &Path) -> Vec<String> {
    ["prefix", "state-dir", "cache-dir", "artifacts", "data-dir"]
        .iter()
        .flat_map(|name| [format!("--{name}"), directory.join(name).to_str().unwrap().to_owned()])
        .collect()
}

pub fn placed(directory: &Path, arguments: &[&str]) -> Output {
    let place = place(directory);
    let all: Vec<&str> = arguments.iter().copied().chain(place.iter().map(String::as_str)).collect();
    installer(directory, &all)
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
    let prefix = home.join("prefix");
    walk(&prefix, &prefix, &mut found);
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
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it never came: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// One running process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    pub name: String,
    pub words: Vec<String>,
}

/// All processes of this machine that have not ended, by proc(5).
pub fn processes() -> Vec<Process> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
        let status = String::from_utf8_lossy(&read("stat")).into_owned();
        // `pid (name) state parent …`; the name may hold anything.
        let (Some(open), Some(close)) = (status.find('('), status.rfind(')')) else { continue };
        let rest: Vec<&str> = status[close + 1..].split_whitespace().collect();
        if rest.first().is_none_or(|state| matches!(*state, "Z" | "X")) {
            continue;
        }
        let words = read("cmdline")
            .split(|byte| *byte == 0)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        found.push(Process {
            pid,
            parent: rest[1].parse().unwrap_or(0),
            name: status[open + 1..close].to_owned(),
            words,
        });
    }
    found
}

/// The descendants of a process, nearest first.
pub fn descendants(of: i32) -> Vec<Process> {
    let all = processes();
    let mut found: Vec<Process> = Vec::new();
    let mut open = vec![of];
    while let Some(parent) = open.pop() {
        for process in all.iter().filter(|process| process.parent == parent) {
            open.push(process.pid);
            found.push(process.clone());
        }
    }
    found
}

/// Processes that mention a directory in their words or work in it.
pub fn left_in(directory: &Path) -> Vec<Process> {
    let text = directory.to_str().unwrap();
    let works_there = |process: &Process| {
        std::fs::read_link(PathBuf::from(format!("/proc/{}/cwd", process.pid)))
            .is_ok_and(|at| at.starts_with(directory))
    };
    processes()
        .into_iter()
        .filter(|process| process.words.iter().any(|word| word.contains(text)) || works_there(process))
        .filter(|process| process.pid != i32::try_from(std::process::id()).unwrap())
        .collect()
}

/// Sends a signal, if the process is still there.
pub fn signal(pid: i32, name: &str) {
    Command::new("kill").args(["-s", name, &pid.to_string()]).output().unwrap();
}
