//! What a failed compile leaves behind, and that the next run goes on where it stopped.
#![expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::*;

/// Secrets of every place from which one could get into a capsule.
const CANARIES: [&str; 4] = ["canary-environment-1", "canary-url-2", "canary-proxy-3", "canary-index-4"];

/// Ten files and a main one, of which the eighth does not compile; and a configuration that repeats secrets.
fn ten(home: &Path, generator: &str) {
    let source = home.join("src");
    std::fs::create_dir_all(&source).unwrap();
    let mut main = String::new();
    for number in 0..10 {
        std::fs::write(
            source.join(format!("f{number}.c")),
            format!("int f{number}(void) {{ return {number}; }}\n"),
        )
        .unwrap();
        main.push_str(&format!("int f{number}(void);\n"));
    }
    main.push_str("int main(void) { return f0() + f7(); }\n");
    std::fs::write(source.join("main.c"), main).unwrap();
    std::fs::write(source.join("f7.c"), "#error \"canary-proxy-3 and canary-index-4\"\n").unwrap();
    let files: Vec<String> = (0..10).map(|number| format!("f{number}.c")).collect();
    std::fs::write(
        source.join("CMakeLists.txt"),
        format!(
            "cmake_minimum_required(VERSION 3.18)\nproject(ten C)\n\
             set(FEED \"$ENV{{FEED}}\" CACHE STRING \"where it is fed from\")\n\
             message(STATUS \"token $ENV{{DEPLOY_TOKEN}}\")\n\
             add_executable(ten main.c {})\ninstall(TARGETS ten)\n",
            files.join(" ")
        ),
    )
    .unwrap();
    std::fs::write(
        home.join("case.toml"),
        format!(
            "schema = 1\n[metadata]\nname = \"ten\"\n[environment]\nDEPLOY_TOKEN = \"canary-environment-1\"\n\
             [sources.ten]\nkind = \"path\"\npath = \"src\"\n[components.ten]\ndriver = \"cmake\"\n\
             generator = \"{generator}\"\nenvironment = {{ FEED = \"https://joe:canary-url-2@feed.example/x\" }}\n"
        ),
    )
    .unwrap();
}

/// A build in a place with a proxy and an index that want passwords.
fn build(home: &Path, progress: &str) -> Output {
    let mut command = placed_command(home, &["build", "--case", "case.toml", "--progress", progress, "-j2"]);
    command.env("https_proxy", "http://joe:canary-proxy-3@127.0.0.1:9");
    command.env("PIP_INDEX_URL", "https://joe:canary-index-4@index.example/simple");
    command.output().unwrap()
}

/// The objects that the last compile made or tried to make.
fn compiled(home: &Path) -> BTreeSet<String> {
    let log = std::fs::read_to_string(home.join("state-dir/logs/build.ten.compile.log")).unwrap();
    log.lines()
        .filter_map(|line| Some(line.split_once("Building C object ")?.1.rsplit('/').next()?.to_owned()))
        .collect()
}

/// The files of a capsule by their path in it, and the directory that it unpacks to.
fn unpacked(home: &Path, capsule: &str) -> (BTreeMap<String, String>, PathBuf) {
    let into = home.join("unpacked");
    std::fs::create_dir_all(&into).unwrap();
    let tar = Command::new("tar").args(["-xzf", capsule, "-C"]).arg(&into).status().unwrap();
    assert!(tar.success());
    let name = Path::new(capsule).file_name().unwrap().to_str().unwrap().strip_suffix(".tar.gz").unwrap();
    let top = into.join(name);
    let mut files = BTreeMap::new();
    let mut open = vec![top.clone()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(&top).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    (files, top)
}

/// The capsule that the events of a run name.
fn capsule(events: &str) -> String {
    events
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .find_map(|event| event["outcome"]["capsule"].as_str().map(str::to_owned))
        .unwrap_or_else(|| panic!("no event names a capsule:\n{events}"))
}

fn fails_then_goes_on(generator: &str) {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    ten(home, generator);
    let deps = placed(home, &["deps", "--case", "case.toml", "--progress", "quiet"]);
    assert_eq!(code(&deps), 0, "{}", said(&deps));
    let failed = build(home, "json");
    assert_eq!(code(&failed), 5, "{}", said(&failed));
    let first = compiled(home);
    assert!(first.contains("f7.c.o"), "{first:?}");

    let path = capsule(&printed(&failed));
    let (files, _) = unpacked(home, &path);
    for (name, wanted) in [
        ("README.txt", "f7.c:1:2: error: #error"),
        ("case.json", "\"name\": \"ten\""),
        ("events.jsonl", "step-started"),
        ("compiler-command.txt", "f7.c"),
        ("failure.json", "f7.c:1:2: error: #error"),
        ("fingerprint.json", "\"option --build\""),
        ("logs/build.ten.compile.log", "f7.c:1:2: error: #error"),
        ("logs/build.ten.configure.log", "-- token ***"),
        ("step.json", "\"build/ten/compile\""),
        ("trees/build/ten/CMakeCache.txt", "FEED:STRING=https://***@feed.example/x"),
        ("trees/build/ten/cmake-variables.txt", "CMAKE_BUILD_TYPE:STRING=Release"),
        ("trees/build/ten/compile_commands.json", "f7.c"),
        ("versions.json", "\"cmake\""),
    ] {
        let text = files.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", files.keys()));
        assert!(text.contains(wanted), "{name} has no {wanted}:\n{text}");
    }
    assert!(
        files.keys().any(|name| name.starts_with("trees/build/ten/CMakeFiles/CMake")),
        "{:?}",
        files.keys()
    );
    let shown = [printed(&failed), said(&failed)];
    for (name, text) in files.iter().chain(shown.iter().map(|text| (text, text))) {
        for canary in CANARIES {
            assert!(!text.contains(canary), "{name} holds {canary}:\n{text}");
        }
    }
    let status = printed(&placed(home, &["status", "--case", "case.toml"]));
    assert!(status.contains(&format!("capsule: {path}")), "{status}");
    let explained = printed(&placed(home, &["explain", "build/ten/compile", "--case", "case.toml"]));
    assert!(explained.contains("DEPLOY_TOKEN=***") && !explained.contains("canary"), "{explained}");
    // People see it in a line of its own.
    let plain = said(&build(home, "plain"));
    assert!(plain.lines().any(|line| line.trim().starts_with("capsule: /")), "{plain}");
    assert!(CANARIES.iter().all(|canary| !plain.contains(canary)), "{plain}");
    let second = compiled(home);
    assert!(second.contains("f7.c.o"), "{second:?}");

    std::fs::write(home.join("src/f7.c"), "int f7(void) { return 0; }\n").unwrap();
    let mended = build(home, "quiet");
    assert_eq!(code(&mended), 0, "{}", said(&mended));
    let third = compiled(home);
    assert!(third.contains("f7.c.o"), "{third:?}");
    let whole: BTreeSet<String> =
        first.union(&second).filter(|object| *object != "f7.c.o").cloned().collect();
    assert!(!whole.is_empty(), "nothing was compiled before the failure");
    assert_eq!(third.intersection(&whole).count(), 0, "compiled again: {third:?} after {whole:?}");
    assert_eq!(third.union(&whole).count(), 11, "{third:?} after {whole:?}");
    assert!(home.join("prefix/bin/ten").exists());

    let clean = placed(home, &["clean", "--case", "case.toml"]);
    assert_eq!(code(&clean), 0, "{}", said(&clean));
    assert!(!Path::new(&path).exists(), "its step succeeded since");
}

#[test]
fn with_ninja_a_failed_compile_leaves_a_capsule_and_the_next_goes_on() {
    fails_then_goes_on("ninja");
}

#[test]
fn with_make_a_failed_compile_leaves_a_capsule_and_the_next_goes_on() {
    fails_then_goes_on("make");
}

/// What a shell is asked to tell of itself.
const TELL: &str = "pwd; echo \"$TZ $DEPLOY_TOKEN\"; getent hosts example.org || echo nobody; ls Makefile";

#[test]
fn a_capsule_reopens_a_shell_where_the_step_stopped() {
    let home = tempfile::tempdir().unwrap();
    let home = &home.path().canonicalize().unwrap();
    ten(home, "make");
    let shell = |words: &[&str]| {
        // What follows `--` is the command's own.
        let mut command = command(home, &["shell", "--case", "case.toml"]);
        command.args(place(home)).args(words).output().unwrap()
    };
    let early = shell(&["build/ten/compile", "--", "true"]);
    assert_eq!(code(&early), 2);
    assert!(said(&early).contains("build/ten/compile has built nothing yet"), "{}", said(&early));
    let deps = placed(home, &["deps", "--case", "case.toml", "--progress", "quiet"]);
    assert_eq!(code(&deps), 0, "{}", said(&deps));
    let failed = build(home, "json");
    assert_eq!(code(&failed), 5, "{}", said(&failed));
    let (_, directory) = unpacked(home, &capsule(&printed(&failed)));

    // Through installer: all that the step had, secrets included, and the network kept away by the same force.
    let reopen = |script: &str| {
        Command::new("sh")
            .args([script, "sh", "-c", TELL])
            .current_dir(&directory)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .output()
            .unwrap()
    };
    let tree = home.join("cache-dir/build/ten");
    let told = reopen("reopen.sh");
    assert_eq!(
        printed(&told),
        format!("{}\nUTC canary-environment-1\nnobody\nMakefile\n", tree.display()),
        "{}",
        said(&told)
    );
    assert!(said(&told).contains("tried to use the network: example.org"), "{}", said(&told));
    assert_eq!(code(&told), 0);
    // Without it: the same without secrets.
    let script = std::fs::read_to_string(directory.join("reopen.sh")).unwrap();
    let without = script.replace(env!("CARGO_BIN_EXE_installer"), "/nonexistent");
    assert_ne!(without, script);
    std::fs::write(directory.join("without.sh"), without).unwrap();
    let told = reopen("without.sh");
    assert_eq!(printed(&told), format!("{}\nUTC \nnobody\nMakefile\n", tree.display()), "{}", said(&told));

    let dry = shell(&["build/ten/compile", "--", "make", "-n"]);
    assert_eq!(code(&dry), 0, "{}", said(&dry));
    assert!(printed(&dry).contains("f7.c"), "{}", printed(&dry));
    let wrong = shell(&["build/ten/commit", "--", "true"]);
    assert_eq!(code(&wrong), 2);
    assert!(
        said(&wrong).contains("runs no command") && said(&wrong).contains("build/ten/configure"),
        "{}",
        said(&wrong)
    );
    let unknown = shell(&["build/ten/compil", "--", "true"]);
    assert!(said(&unknown).contains("did you mean `build/ten/compile`?"), "{}", said(&unknown));

    // What somebody's make was killed at is no more to be trusted than what a step's was.
    assert_eq!(code(&shell(&["build/ten/compile", "--", "sh", "-c", "kill -9 $$"])), 137);
    std::fs::write(home.join("src/f7.c"), "int f7(void) { return 0; }\n").unwrap();
    let mended = build(home, "quiet");
    assert_eq!(code(&mended), 0, "{}", said(&mended));
    assert_eq!(compiled(home).len(), 11, "{:?}", compiled(home));
}

#[test]
fn a_failed_configure_script_leaves_its_log() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    std::fs::create_dir(home.join("src")).unwrap();
    let script = "#!/bin/sh\nmkdir -p ffbuild\necho \"asked with $DEPLOY_TOKEN\" >ffbuild/config.log\n\
        echo 'configure: error: C compiler cannot create executables'\nexit 77\n";
    std::fs::write(home.join("src/configure"), script).unwrap();
    std::fs::set_permissions(home.join("src/configure"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(
        home.join("case.toml"),
        "schema = 1\n[metadata]\nname = \"auto\"\n[environment]\nDEPLOY_TOKEN = \"canary-environment-1\"\n\
         [sources.auto]\nkind = \"path\"\npath = \"src\"\n[components.auto]\ndriver = \"autotools\"\n",
    )
    .unwrap();
    let failed = build(home, "json");
    assert_eq!(code(&failed), 5, "{}", said(&failed));
    let (files, directory) = unpacked(home, &capsule(&printed(&failed)));
    assert_eq!(files["trees/build/auto/ffbuild/config.log"], "asked with ***\n");
    assert!(files["README.txt"].contains("C compiler cannot create executables"), "{}", files["README.txt"]);
    assert!(files["reopen.sh"].contains("build/auto/configure") && directory.join("reopen.sh").is_file());
}
