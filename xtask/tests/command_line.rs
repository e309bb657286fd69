//! The command line as a user meets it: exit codes, and every word on standard error when something is wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::built_in_cases;
use model::exit;
use serde_json::Value;

/// A working directory with a home of its own, so that no test sees or touches what the machine has.
struct Scene {
    directory: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap() };
        std::fs::create_dir(place.path().join("home")).unwrap();
        place
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The installer with nothing of this process's environment but what it needs, and no terminal.
    #[expect(clippy::disallowed_methods, reason = "a test of the binary has to start it")]
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_installer"));
        command
            .args(words)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.path().join("home"))
            .env("COLUMNS", "100")
            .env("INSTALLER_PROGRAM", "installer")
            .stdin(std::process::Stdio::null());
        for (variable, name) in [
            ("INSTALLER_PREFIX", "prefix"),
            ("INSTALLER_STATE_DIR", "state"),
            ("INSTALLER_CACHE_DIR", "cache"),
            ("INSTALLER_ARTIFACTS", "artifacts"),
            ("INSTALLER_DATA_DIR", "data"),
        ] {
            command.env(variable, self.path().join(name));
        }
        command
    }

    fn run(&self, words: &[&str]) -> Run {
        Run::of(self, self.command(words).output().unwrap())
    }
}

struct Run {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    fn of(place: &Scene, output: Output) -> Self {
        let root = place.path().to_str().unwrap();
        // Cases come and go; where all of them are listed does not depend on which there are.
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).unwrap().replace(root, "[PLACE]").replace(&built_in_cases(), "[CASES]")
        };
        Self { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    fn expect(self, code: i32) -> Self {
        assert_eq!(self.status, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// A case without sources or packages: what it does depends on nothing that the machine has.
const EMPTY: &str = "schema = 1\n[metadata]\nname = \"empty\"\n";

#[test]
fn wrong_usage() {
    let place = Scene::new();
    insta::assert_snapshot!("unknown-flag", place.run(&["all", "--jbos", "2"]).expect(exit::USAGE).stderr);
    insta::assert_snapshot!("unknown-phase", place.run(&["--phase=bild"]).expect(exit::USAGE).stderr);
    insta::assert_snapshot!("no-jobs", place.run(&["all", "-j", "0"]).expect(exit::USAGE).stderr);
    place.write("cases/empty/case.toml", EMPTY);
    let set = place.run(&["plan", "--case", "empty", "--set", "nonsense"]).expect(exit::USAGE);
    insta::assert_snapshot!("set-without-value", set.stderr);
    let source = place.run(&["plan", "--case", "empty", "--source", "ffmpeg"]).expect(exit::USAGE);
    insta::assert_snapshot!("source-without-path", source.stderr);
    let only = place.run(&["plan", "--case", "empty", "--only", "ffmpg"]).expect(exit::USAGE);
    insta::assert_snapshot!("unknown-component", only.stderr);
}

#[test]
fn a_directory_for_a_component() {
    const TWO: &str = "schema = 1\n[metadata]\nname = \"two\"\n\
        [sources.my-lib]\nkind = \"mounted\"\ndescription = \"a library\"\n\
        [sources.code]\nkind = \"mounted\"\ndescription = \"a tool\"\n\
        [components.my-lib]\ndriver = \"cmake\"\n[components.tool]\nsource = \"code\"\ndriver = \"cmake\"\n";
    let place = Scene::new();
    place.write("cases/two/case.toml", TWO);
    for directory in ["one", "two", "three", "four"] {
        place.write(&format!("{directory}/CMakeLists.txt"), "");
    }
    let sources = |words: &[&str], variables: &[(&str, &str)]| {
        let words = [&["case", "show", "--origins", "--case", "two"], words].concat();
        let output = place.command(&words).envs(variables.iter().copied()).output().unwrap();
        let run = Run::of(&place, output).expect(exit::OK);
        let words = |line: &str| line.split_ascii_whitespace().map(str::to_owned).collect::<Vec<String>>();
        let mut paths: Vec<Vec<String>> = run.stdout.lines().map(words).collect();
        paths.retain(|line| line[0].starts_with("sources.") && line[0].ends_with(".path"));
        let mut paths: Vec<String> = paths.iter().map(|line| line[..3].join(" ")).collect();
        paths.sort();
        (paths, run.stderr)
    };
    let both = |lib: &str, code: &str| {
        vec![
            format!("sources.code.path = \"[PLACE]/{code}\""),
            format!("sources.my-lib.path = \"[PLACE]/{lib}\""),
        ]
    };
    // A component's source has whatever name it has; with `=` or without; spelled out.
    assert_eq!(sources(&["--my-lib-src", "one", "--tool-src=two"], &[]).0, both("one", "two"));
    assert_eq!(sources(&["--source", "my-lib=one", "--source", "code=two"], &[]).0, both("one", "two"));
    // What is typed counts more than a variable, a component's own flag more than `--source`.
    let variables = [("MY_LIB_SRC", "three"), ("TOOL_SRC", "four")];
    assert_eq!(sources(&[], &variables).0, both("three", "four"));
    assert_eq!(sources(&["--source", "code=two"], &variables).0, both("three", "two"));
    assert_eq!(sources(&["--source", "code=two", "--tool-src", "one"], &variables).0, both("three", "one"));
    // A variable that is no component's of this case: another program's, or of a recipe that other cases have.
    let (_, said) = sources(&[], &[("OTHER_SRC", "/nowhere"), ("FFMPEG_SRC", "/nowhere"), ("TOOL_SRC", "")]);
    assert_eq!(said, "note: FFMPEG_SRC is ignored: the case has no component `ffmpeg`\n");

    let wrong = |words: &[&str], variables: &[(&str, &str)]| {
        let words = [&["plan", "--case", "two"], words].concat();
        let output = place.command(&words).envs(variables.iter().copied()).output().unwrap();
        Run::of(&place, output).expect(exit::USAGE).stderr
    };
    let all = [
        wrong(&["--my-libb-src", "one"], &[]),
        wrong(&["--opencv-src", "one"], &[]),
        wrong(&["--tool-src"], &[]),
        wrong(&["--tool-src", "--my-lib-src=one"], &[]),
        wrong(&["--tool-src", "nowhere"], &[]),
        wrong(&[], &[("TOOL_SRC", "nowhere")]),
    ];
    insta::assert_snapshot!("component-sources", all.concat());
}

#[test]
fn a_case_that_is_not_there() {
    let place = Scene::new();
    let run = place.run(&["plan", "--case", "quikstart"]).expect(exit::USAGE);
    assert_eq!(run.stdout, "");
    insta::assert_snapshot!("unknown-case", run.stderr);
}

#[test]
fn no_case_and_nobody_to_ask() {
    let place = Scene::new();
    insta::assert_snapshot!("no-case", place.run(&["all"]).expect(exit::USAGE).stderr);
}

#[test]
fn a_case_with_a_mistake() {
    let place = Scene::new();
    place.write("cases/typo/case.toml", "schema = 1\n\n[metadata]\nname = \"typo\"\n\n[componets.ffmpeg]\n");
    insta::assert_snapshot!(
        "unknown-key",
        place.run(&["plan", "--case", "typo"]).expect(exit::BAD_CASE).stderr
    );
    place.write("cases/cut/case.toml", "schema = 1\n[metadata\n");
    insta::assert_snapshot!("syntax", place.run(&["case", "check", "cut"]).expect(exit::BAD_CASE).stderr);
    let sourceless = "schema = 1\n[components.app]\ndriver = \"cmake\"\n";
    place.write("cases/sourceless/case.toml", sourceless);
    let run = place.run(&["plan", "build", "--case", "sourceless"]).expect(exit::BAD_CASE);
    insta::assert_snapshot!("sourceless", run.stderr);
}

#[test]
fn names_with_spaces_and_beyond_ascii() {
    let place = Scene::new();
    place.write("my cases/größer/case.toml", &EMPTY.replace("empty", "größer"));
    let run = place.run(&["plan", "--case", "my cases/größer", "--json"]).expect(exit::OK);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(plan["plans"][0]["case"], "größer");
}

#[test]
fn words_that_are_not_utf8_are_refused_and_do_not_panic() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Scene::new();
    let mut command = place.command(&["plan", "--case"]);
    let run =
        Run::of(&place, command.arg(OsStr::from_bytes(b"caf\xe9")).output().unwrap()).expect(exit::USAGE);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

#[test]
fn the_quickstart_plan_is_json_with_all_its_steps() {
    let place = Scene::new();
    let run = place.run(&["plan", "--case", "quickstart", "--json"]).expect(exit::OK);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    let phases: Vec<&str> =
        plan["plans"].as_array().unwrap().iter().map(|plan| plan["phase"].as_str().unwrap()).collect();
    assert_eq!(phases, ["deps", "build"]);
    for phase in plan["plans"].as_array().unwrap() {
        let steps = phase["steps"].as_array().unwrap();
        assert!(!steps.is_empty());
        for row in steps {
            assert!(row["step"]["id"].is_string(), "{row}");
            assert!(
                row["state"].is_string()
                    && row["why"].is_string()
                    && row["differences"].is_array()
                    && row["warnings"].is_array(),
                "{row}"
            );
        }
    }
    let ids: Vec<&str> = plan["plans"][1]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["step"]["id"].as_str().unwrap())
        .collect();
    assert!(ids.contains(&"build/ffmpeg/compile"), "{ids:?}");
    let detailed = ["plan", "--case", "quickstart", "--detailed-exitcode"];
    place.run(&detailed).expect(exit::CHANGES_PENDING);
}

#[test]
fn planning_writes_nothing() {
    let place = Scene::new();
    place.run(&["plan", "--case", "quickstart"]).expect(exit::OK);
    place.run(&["all", "--case", "quickstart", "--dry-run"]).expect(exit::OK);
    let mut left: Vec<_> =
        std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["home"]);
    assert_eq!(std::fs::read_dir(place.path().join("home")).unwrap().count(), 0);
}

#[test]
fn a_phase_can_be_a_flag_or_a_variable() {
    let place = Scene::new();
    let word = place.run(&["deps", "--dry-run", "--case", "quickstart"]).expect(exit::OK);
    assert!(word.stdout.starts_with("deps quickstart on "), "{}", word.stdout);
    for words in [
        &["--phase=deps", "--dry-run", "--case", "quickstart"][..],
        &["--phase", "deps", "--dry-run", "--deployment-case", "quickstart"],
        &["deps", "quickstart", "--dry-run"],
    ] {
        assert_eq!(place.run(words).expect(exit::OK).stdout, word.stdout, "{words:?}");
    }
    let mut command = place.command(&["--dry-run"]);
    command.env("INSTALLER_PHASE", "deps").env("DEPLOYMENT_CASE", "quickstart");
    assert_eq!(Run::of(&place, command.output().unwrap()).expect(exit::OK).stdout, word.stdout);
}

#[test]
fn a_phase_and_a_command_are_one_too_many() {
    let place = Scene::new();
    for (command, help) in [
        ("all", "installer deps --case NAME"),
        ("plan", "installer plan deps --case NAME"),
        ("status", "leave --phase out"),
    ] {
        let run = place.run(&["--phase=deps", command, "--case", "quickstart"]).expect(exit::USAGE);
        assert!(run.stderr.contains(help), "{command}: {}", run.stderr);
    }
    // A variable is set for all that is run in an image.
    let mut command = place.command(&["plan", "build", "--case", "quickstart"]);
    command.env("INSTALLER_PHASE", "deps");
    let run = Run::of(&place, command.output().unwrap()).expect(exit::OK);
    assert!(run.stdout.starts_with("build quickstart on "), "{}", run.stdout);
}

#[test]
fn plan_takes_a_phase_a_case_or_both() {
    let place = Scene::new();
    place.write("cases/empty/case.toml", EMPTY);
    let both = place.run(&["plan", "--case", "empty"]).expect(exit::OK).stdout;
    assert_eq!(place.run(&["plan", "empty"]).expect(exit::OK).stdout, both);
    let one = place.run(&["plan", "build", "--case", "empty"]).expect(exit::OK).stdout;
    assert_eq!(place.run(&["plan", "build", "empty"]).expect(exit::OK).stdout, one);
    assert_ne!(one, both);
    let run = place.run(&["plan", "bild", "empty"]).expect(exit::USAGE);
    assert!(run.stderr.contains("`bild` is not a phase"), "{}", run.stderr);
    assert!(run.stderr.contains("installer plan [deps|build|all] [CASE]"), "{}", run.stderr);
}

#[test]
fn a_source_that_the_case_does_not_have_is_refused() {
    const LIB: &str = "schema = 1\n[metadata]\nname = \"lib\"\n[sources.shapes]\nkind = \"path\"\npath = \"here\"\n\
        [components.lib]\nsource = \"shapes\"\ndriver = \"cmake\"\n";
    let place = Scene::new();
    place.write("cases/lib/case.toml", LIB);
    place.write("cases/lib/here/CMakeLists.txt", "");
    place.write("other/CMakeLists.txt", "");
    for (word, help) in [("shape", "did you mean `shapes`?"), ("nothing", "it has shapes")] {
        let given = format!("{word}=other");
        let run = place.run(&["all", "--case", "lib", "--source", &given]).expect(exit::USAGE);
        assert!(
            run.stderr.contains(&format!("--source {word}: the case has no source `{word}`")),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains(help), "{}", run.stderr);
        let mut command = place.command(&["plan", "--case", "lib"]);
        command.env("INSTALLER_SOURCE", &given);
        let run = Run::of(&place, command.output().unwrap()).expect(exit::USAGE);
        assert!(run.stderr.contains(&format!("INSTALLER_SOURCE {word}: ")), "{}", run.stderr);
    }
    let empty = place.run(&["plan", "--case", "lib", "--source", "shapes="]).expect(exit::USAGE);
    assert!(empty.stderr.contains("--source shapes has an empty path"), "{}", empty.stderr);
    place.run(&["plan", "--case", "lib", "--source", "shapes=other"]).expect(exit::OK);
}

#[test]
fn a_directory_that_is_not_there_is_told_before_the_build() {
    const LIB: &str = "schema = 1\n[metadata]\nname = \"lib\"\n[sources.shapes]\nkind = \"path\"\npath = \"../../srcc/\"\n\
        [components.shapes]\ndriver = \"cmake\"\n";
    let place = Scene::new();
    place.write("cases/lib/case.toml", LIB);
    let run = place.run(&["all", "--case", "lib"]).expect(exit::PREFLIGHT);
    for sign in ["[PLACE]/srcc does not exist", "cases/lib/case.toml:6", "--source shapes=PATH"] {
        assert!(run.stderr.contains(sign), "{}", run.stderr);
    }
    let warning = "sources.shapes.path: [PLACE]/srcc does not exist (cases/lib/case.toml:6)";
    let plan = place.run(&["plan", "deps", "--case", "lib"]).expect(exit::OK);
    assert!(plan.stdout.contains(warning), "{}", plan.stdout);
    let check = place.run(&["case", "check", "lib"]).expect(exit::OK);
    assert!(check.stderr.contains(warning), "{}", check.stderr);
    place.write("srcc/CMakeLists.txt", "");
    let check = place.run(&["case", "check", "lib"]).expect(exit::OK);
    assert!(!check.stderr.contains("does not exist"), "{}", check.stderr);
}

#[test]
fn what_a_preset_says_in_vain_is_told_when_it_is_shown() {
    let place = Scene::new();
    let preset = r#"{"metadata": {"name": "bad"}, "base_image": "", "python": {}, "pytorch": {}, "tensorrt": {}, "cuda": {},
  "build_options": {}, "nonsense": true}"#;
    place.write("bad/preset.json", preset);
    let run = place.run(&["case", "show", "bad"]).expect(exit::OK);
    assert!(run.stdout.starts_with('{'), "{}", run.stdout);
    assert!(run.stderr.contains("nonsense"), "{}", run.stderr);
}

#[test]
fn completions_may_be_read_in_part() {
    use std::io::Read as _;
    let place = Scene::new();
    let mut command = place.command(&["completions", "bash"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut first = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(exit::OK));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn switches_in_the_environment_take_what_people_write() {
    let place = Scene::new();
    for value in ["1", "true", "yes"] {
        let mut command = place.command(&["deps", "--case", "quickstart"]);
        command.env("INSTALLER_DRY_RUN", value);
        let run = Run::of(&place, command.output().unwrap()).expect(exit::OK);
        assert!(run.stdout.starts_with("deps quickstart on "), "INSTALLER_DRY_RUN={value}: {}", run.stdout);
    }
}

#[test]
fn a_source_directory_may_have_a_comma() {
    let place = Scene::new();
    place.write("a,b/Cargo.toml", "[package]\nname = \"x\"\nversion = \"0.1.0\"\n");
    let source = format!("ffmpeg={}", place.path().join("a,b").display());
    place.run(&["plan", "build", "--case", "quickstart", "--source", &source]).expect(exit::OK);
}

#[test]
fn a_step_is_explained_and_a_wrong_one_has_a_near_name() {
    let place = Scene::new();
    let run = place.run(&["explain", "build/ffmpeg/compile", "--case", "quickstart"]).expect(exit::OK);
    assert!(run.stdout.starts_with("build/ffmpeg/compile: "), "{}", run.stdout);
    let wrong = place.run(&["explain", "build/ffmpeg/compil", "--case", "quickstart"]).expect(exit::USAGE);
    assert!(wrong.stderr.contains("`build/ffmpeg/compile`"), "{}", wrong.stderr);
    let component = place.run(&["explain", "ffmpeg", "--case", "quickstart"]).expect(exit::USAGE);
    assert!(component.stderr.contains("the steps of ffmpeg are build/ffmpeg/"), "{}", component.stderr);
}

#[test]
fn schema_and_completions_go_to_standard_output() {
    let place = Scene::new();
    let schema = place.run(&["schema"]).expect(exit::OK);
    let value: Value = serde_json::from_str(&schema.stdout).unwrap();
    assert!(value["properties"]["components"].is_object());
    for shell in ["bash", "zsh", "fish"] {
        let run = place.run(&["completions", shell]).expect(exit::OK);
        assert!(run.stdout.contains(&format!("__complete {shell}")), "{shell}: {}", run.stdout);
    }
}

#[test]
fn cases_are_listed_made_and_checked() {
    let place = Scene::new();
    assert!(place.run(&["case", "list"]).expect(exit::OK).stdout.contains("quickstart"));
    place.run(&["case", "new", "mine"]).expect(exit::OK);
    let text = std::fs::read_to_string(place.path().join("cases/mine/case.toml")).unwrap();
    assert!(text.contains("cmake, autotools, meson, cargo, python, xmake, command"), "{text}");
    assert!(place.run(&["case", "reference"]).expect(exit::OK).stdout.contains("fetch_content"));
    place.run(&["case", "check", "mine"]).expect(exit::OK);
    place.write("cases/mine/case.toml", EMPTY);
    place.run(&["case", "new", "mine"]).expect(exit::USAGE);
    assert_eq!(std::fs::read_to_string(place.path().join("cases/mine/case.toml")).unwrap(), EMPTY);
    let shown = place.run(&["case", "show", "quickstart", "--origins"]).expect(exit::OK);
    assert!(shown.stdout.contains("components.ffmpeg"), "{}", shown.stdout);
}

#[test]
fn fault_points_are_listed_one_a_line() {
    let run = Scene::new().run(&["__fault-points"]).expect(exit::OK);
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), engine::fault::POINTS);
}

#[test]
fn a_run_with_nothing_to_do_takes_no_lock_and_says_so() {
    let place = Scene::new();
    place.write("cases/empty/case.toml", EMPTY);
    let run = place.run(&["all", "--case", "empty"]).expect(exit::OK);
    assert!(run.stderr.contains("nothing to do"), "{}", run.stderr);
    assert!(!place.path().join("state/lock").exists());
}

#[test]
fn removing_what_is_not_installed_is_an_error() {
    let place = Scene::new();
    place.write("cases/empty/case.toml", EMPTY);
    let run = place.run(&["uninstall", "ffmpeg", "--case", "empty"]);
    assert_ne!(run.status, Some(exit::OK), "{}", run.stdout);
    assert!(run.stderr.contains("ffmpeg"), "{}", run.stderr);
}

#[test]
fn clean_keeps_a_directory_that_was_there_before() {
    let place = Scene::new();
    place.write("cases/empty/case.toml", EMPTY);
    place.write("cache/mine.txt", "keep");
    insta::assert_snapshot!(
        "clean-refused",
        place.run(&["clean", "--case", "empty"]).expect(exit::USAGE).stderr
    );
    assert!(place.path().join("cache/mine.txt").is_file());
}

#[test]
fn generated_pages_are_current_whatever_the_environment() {
    let place = Scene::new();
    let mut command = place.command(&["__reference", "--check"]);
    command.env("INSTALLER_JOBS", "7").env("CARGO_MANIFEST_DIR", env!("CARGO_MANIFEST_DIR"));
    Run::of(&place, command.output().unwrap()).expect(exit::OK);
}

#[test]
fn commands_that_are_hidden_are_not_suggested() {
    let run = Scene::new().run(&["al"]);
    assert!(run.stderr.contains("'all'") && !run.stderr.contains("__"), "{}", run.stderr);
    let run = Scene::new().run(&["dst"]);
    assert!(!run.stderr.contains("'dist'"), "{}", run.stderr);
}

/// As editors on Windows save it.
fn utf16(text: &str) -> Vec<u8> {
    [b"\xff\xfe".to_vec(), text.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat()
}

#[test]
fn files_with_a_byte_order_mark_are_read() {
    let scene = Scene::new();
    let bytes = |name: &str, bytes: &[u8]| std::fs::write(scene.path().join(name), bytes).unwrap();
    let marked = |text: &str| format!("\u{feff}{text}");
    let preset = r#"{"metadata": {"name": "pj"}, "base_image": "debian:13", "python": {}, "pytorch": {}, "tensorrt": {}, "cuda": {}, "build_options": {}}"#;
    let case = "schema = 1\r\n[components.'视频']\r\nrecipe = 'mine'\r\n[sources.'视频']\r\nkind = 'path'\r\npath = '.'\r\n";
    scene.write("recipes/mine.toml", &marked("driver = 'cmake'\r\n"));
    scene.write("site.toml", &marked("schema = 1\r\nsudo = 'never'\r\n"));
    scene.write("eight.json", &marked(preset));
    scene.write("eight.toml", &marked(case));
    bytes("sixteen.json", &utf16(preset));
    bytes("sixteen.toml", &utf16(case));
    for file in ["eight.json", "sixteen.json", "eight.toml", "sixteen.toml"] {
        scene.run(&["case", "check", file, "--site", "site.toml"]).expect(0);
    }
    // Lines and carets are those of the text.
    bytes("wrong.toml", &utf16("schema = 1\r\n[metadata]\r\nnme = 'x'\r\n"));
    let said = scene.run(&["case", "check", "wrong.toml"]).expect(exit::BAD_CASE).stderr;
    assert!(said.contains("wrong.toml:3:1"), "{said}");
}

#[test]
fn a_file_that_is_no_text_or_too_large_is_refused_with_what_to_do() {
    let scene = Scene::new();
    scene.write("case.toml", EMPTY);
    let large = format!("schema = 1\n{}", "# filling\n".repeat(1024 * 1024));
    for (bytes, why, help) in [
        (large.as_bytes(), "is larger than 4 MiB", "data belongs into files beside it"),
        (b"schema = 1\n# f\xfcr\n".as_slice(), "is not UTF-8 on line 2", "save it as UTF-8"),
        (b"\xff\xfes".as_slice(), "begins like UTF-16", "save it as UTF-8"),
    ] {
        std::fs::write(scene.path().join("other.toml"), bytes).unwrap();
        std::fs::create_dir_all(scene.path().join("recipes")).unwrap();
        std::fs::write(scene.path().join("recipes/other.toml"), bytes).unwrap();
        for words in [
            &["case", "check", "other.toml"][..],
            &["case", "check", "case.toml", "--site", "other.toml"],
            &["recipe", "check", "recipes/other.toml"],
        ] {
            let said = scene.run(words).expect(exit::BAD_CASE).stderr;
            assert!(said.contains(why) && said.contains(help), "{words:?}: {said}");
        }
        std::fs::remove_dir_all(scene.path().join("recipes")).unwrap();
    }
}
