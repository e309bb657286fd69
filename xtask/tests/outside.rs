//! What a step does outside of its trees: it is told by file and step, and nothing there is changed.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::path::Path;
use std::process::Output;

use common::*;

/// A case of one component with these commands, built from `src`.
fn case(home: &Path, compile: &str, install: &str, more: &str) {
    std::fs::create_dir_all(home.join("src")).unwrap();
    std::fs::write(home.join("src/file"), "content\n").unwrap();
    std::fs::write(
        home.join("case.toml"),
        format!(
            r#"schema = 1
[metadata]
name = "outside"
[sources.one]
kind = "path"
path = "src"
[components.one]
driver = "command"
{more}
[components.one.commands]
compile = [["sh", "-ec", '''{compile}''']]
install = [["sh", "-ec", '''{install}''']]
"#
        ),
    )
    .unwrap();
}

const INSTALL: &str = "install -D {source}/file {destdir}{prefix}/share/one";

fn build(home: &Path, force: &str) -> Output {
    let mut command = placed_command(home, &["build", "--case", "case.toml", "--progress", "plain"]);
    command.env("INSTALLER_OFFLINE_FORCE", force).output().unwrap()
}

#[test]
fn a_leak_is_told_when_it_happens_and_the_step_is_ended_after_a_grace() {
    let home = tempfile::tempdir().unwrap();
    let tries = "for i in $(seq 300); do getent hosts downloads.invalid || sleep 0.1; done";
    case(home.path(), tries, INSTALL, "[build_options]\nleak_grace_seconds = 1");
    let began = std::time::Instant::now();
    let arguments = ["build", "--case", "case.toml", "--progress", "json"];
    let output = placed(home.path(), &arguments);
    assert_eq!(code(&output), 6, "{}", said(&output));
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    let events: Vec<serde_json::Value> =
        printed(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| {
        events.iter().find(|event| event["event"] == kind && event["step"] == "build/one/compile")
    };
    let leak = of("leak").unwrap();
    assert_eq!((&leak["wanted"], &leak["grace_seconds"]), (&"downloads.invalid".into(), &1.into()));
    let finished = of("step-finished").unwrap();
    let later = finished["at_ms"].as_u64().unwrap() - leak["at_ms"].as_u64().unwrap();
    assert!(later >= 900, "told {later} ms before its end");
    assert_eq!(finished["outcome"]["kind"], "offline");
    let message = finished["outcome"]["message"].as_str().unwrap();
    assert!(message.ends_with("; it went on for 1 s and was ended"), "{message}");

    let output = build(home.path(), "auto");
    let text = said(&output);
    let told =
        text.find("; the step fails, and is ended in 1 s if it goes on").unwrap_or_else(|| panic!("{text}"));
    assert!(told < text.find("FAILED after").unwrap(), "{text}");
}

#[test]
fn what_a_step_wrote_into_the_source_or_past_destdir_is_found_without_a_fence() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let own = home.join("src").display().to_string();
    case(home, &format!("echo more >{own}/generated.h"), INSTALL, "");
    let output = build(home, "audit");
    let text = said(&output);
    assert_eq!(code(&output), 5, "{text}");
    assert!(
        text.contains("build/one/compile") && text.contains("src/generated.h, which is in your source"),
        "{text}"
    );

    std::fs::remove_file(home.join("src/generated.h")).unwrap();
    case(home, "true", &format!("{INSTALL}; install -D {{source}}/file {{prefix}}/bin/tool"), "");
    let output = build(home, "audit");
    let text = said(&output);
    assert_eq!(code(&output), 5, "{text}");
    assert!(
        text.contains("build/one/stage") && text.contains("prefix/bin/tool, which is outside of DESTDIR"),
        "{text}"
    );
    assert!(text.contains("prefix={destdir}{prefix}"), "{text}");

    std::fs::remove_dir_all(home.join("prefix")).unwrap();
    case(home, "true", INSTALL, "");
    let output = build(home, "audit");
    assert_eq!(code(&output), 0, "{}", said(&output));
}

#[test]
fn too_few_descriptors_are_told_as_that_wherever_they_end() {
    let home = tempfile::tempdir().unwrap();
    case(home.path(), "true", INSTALL, "");
    let (mut told, mut done) = (0, 0);
    for limit in (6..40).step_by(2) {
        let command = placed_command(home.path(), &["build", "--case", "case.toml", "--progress", "plain"]);
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<&str> = words.map(|word| word.to_str().unwrap()).collect();
        let limited = format!("ulimit -n {limit}; exec \"$@\"");
        let output = bash_with(home.path(), &limited, &words);
        let text = said(&output);
        assert!(!text.contains("is installed and on"), "{limit}: {text}");
        match code(&output) {
            0 => done += 1,
            _ if text.contains("ulimit -n") => told += 1,
            // Before the program itself runs.
            _ => assert!(
                text.contains("error while loading shared libraries") || text.is_empty(),
                "{limit}: {text}"
            ),
        }
    }
    assert!(told >= 3 && done >= 1, "told {told} times, built {done} times");
}

#[expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
fn bash_with(home: &Path, script: &str, words: &[&str]) -> Output {
    let mut command = std::process::Command::new("bash");
    command.args(["-c", script, "bash"]).args(words).current_dir(home).env("HOME", home).output().unwrap()
}

#[test]
fn an_error_in_the_source_is_shown_with_the_path_that_the_user_edits() {
    let home = tempfile::tempdir().unwrap();
    project(home.path());
    std::fs::write(home.path().join("app/main.c"), "#include <no-such-header.h>\n").unwrap();
    let output = placed(home.path(), &["all", "--case", "case.toml", "--progress", "json"]);
    assert_eq!(code(&output), 5, "{}", said(&output));
    let failed: Vec<serde_json::Value> = printed(&output)
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|event| event["outcome"]["result"] == "failed")
        .collect();
    let excerpt = failed[0]["outcome"]["excerpt"].to_string();
    let own = home.path().join("app/main.c");
    assert!(excerpt.contains(&format!("{}:1:10: fatal error", own.display())), "{excerpt}");
    assert!(!excerpt.contains("cache-dir/work"), "{excerpt}");
}

mod needs_namespaces {
    use super::*;

    fn refused(home: &Path, step: &str, words: &[&str]) {
        let output = build(home, "auto");
        let text = said(&output);
        assert_eq!(code(&output), 5, "{text}");
        for word in words.iter().chain([&step]) {
            assert!(text.contains(word), "{word}: {text}");
        }
    }

    #[test]
    fn a_step_cannot_write_outside_of_its_trees_and_is_told_where_it_tried() {
        testkit::need("namespaces");
        // Not in a temporary directory, whose homes are not protected.
        let home = tempfile::tempdir_in(std::env::var_os("HOME").unwrap()).unwrap();
        let home = home.path();
        let own = home.join("src").display().to_string();
        case(home, &format!("echo more >{own}/generated.h"), INSTALL, "");
        refused(
            home,
            "build/one/compile",
            &["src/generated.h, which is in your source", "cache-dir/work/one"],
        );
        assert!(!home.join("src/generated.h").exists());

        let past = format!("{INSTALL}; install -D {{source}}/file {{prefix}}/bin/tool");
        std::fs::create_dir(home.join("prefix")).unwrap();
        case(home, "true", &past, "");
        let told = ["/prefix/bin, which is outside of DESTDIR", "prefix={destdir}{prefix}"];
        refused(home, "build/one/stage", &told);
        assert!(!home.join("prefix/bin").exists());

        case(home, &format!("echo x >{}/.toolrc", home.display()), INSTALL, "");
        refused(
            home,
            "build/one/compile",
            &["/.toolrc, which is in the home directory", "components.one.environment"],
        );
        assert!(!home.join(".toolrc").exists());

        std::fs::create_dir_all(home.join("cache-dir/build/other")).unwrap();
        case(home, &format!("echo x >{}/cache-dir/build/other/a.o", home.display()), INSTALL, "");
        refused(home, "build/one/compile", &["a.o, which belongs to component other"]);

        // What the help says works.
        std::fs::create_dir(home.join("cache-of-tool")).unwrap();
        let directory = home.join("cache-of-tool").display().to_string();
        let variable = format!("environment = {{ TOOL_CACHE = \"{directory}\" }}");
        case(home, "echo x >$TOOL_CACHE/entry", INSTALL, &variable);
        let output = build(home, "auto");
        assert_eq!(code(&output), 0, "{}", said(&output));
        assert!(home.join("cache-of-tool/entry").exists());
    }
}
