//! The command line as a user types it.
#![expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::path::Path;
use std::process::Command;

use common::*;

#[test]
fn a_wrong_command_line_is_told_and_exits_with_2() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(code(&installer(home.path(), &["al"])), 2);
    let output = installer(home.path(), &["all"]);
    assert_eq!(code(&output), 2);
    insta::assert_snapshot!(said(&output).replace(&built_in_cases(), "CASES"), @r"
    error: no case is given
      help: add its name, or set INSTALLER_CASE; there are: CASES
    ");
    let output = installer(home.path(), &["all", "--case", "quickstrat"]);
    assert_eq!(code(&output), 2);
    insta::assert_snapshot!(said(&output).replace(&built_in_cases(), "CASES"), @r"
    error: there is no case `quickstrat`
      looked for it as a path, in cases, /etc/installer/cases, and among the built-in cases
      help: did you mean `quickstart`? all: CASES
    ");
}

#[test]
fn a_wrong_case_is_shown_with_line_and_caret_and_exits_with_3() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(
        home.path().join("my.toml"),
        "schema = 1\n[metadata]\nname = \"x\"\n[componets.a]\ndriver = \"make\"\n",
    )
    .unwrap();
    let output = installer(home.path(), &["plan", "--case", "my.toml"]);
    assert_eq!(code(&output), 3);
    let text = said(&output);
    assert!(
        text.contains("my.toml:4:2") && text.contains("componets") && text.contains("components"),
        "{text}"
    );
    assert!(text.contains('^'), "{text}");
}

#[test]
fn the_phase_is_the_same_as_a_command_and_as_an_option() {
    let home = tempfile::tempdir().unwrap();
    let command = placed(home.path(), &["deps", "--case", "quickstart", "--dry-run"]);
    assert_eq!(code(&command), 0, "{}", said(&command));
    for words in [&["--phase=deps"][..], &["--phase", "deps"][..]] {
        let arguments: Vec<&str> =
            words.iter().copied().chain(["--deployment-case", "quickstart", "--dry-run"]).collect();
        assert_eq!(printed(&placed(home.path(), &arguments)), printed(&command));
    }
    assert!(printed(&command).contains("source/ffmpeg/fetch"));
    assert!(!home.path().join("state-dir").exists(), "a dry run changed the host");
}

#[test]
fn a_plan_is_data_and_says_by_its_code_that_something_is_to_be_done() {
    let home = tempfile::tempdir().unwrap();
    let output =
        placed(home.path(), &["plan", "build", "--case", "quickstart", "--json", "--detailed-exitcode"]);
    assert_eq!(code(&output), 7, "{}", said(&output));
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let steps = plan["plans"][0]["steps"].as_array().unwrap();
    let configure = steps.iter().find(|step| step["step"]["id"] == "build/ffmpeg/configure").unwrap();
    let args = configure["step"]["action"]["commands"][1]["args"].as_array().unwrap();
    assert!(args.iter().any(|word| word == "--enable-shared"), "{args:?}");
    assert_eq!(configure["step"]["network"], "denied");
}

#[test]
fn build_without_deps_is_a_preflight_failure_that_names_every_cure() {
    let home = tempfile::tempdir().unwrap();
    let output = placed(home.path(), &["build", "--case", "quickstart", "--progress", "plain"]);
    assert_eq!(code(&output), 4, "{}", said(&output));
    let text = said(&output);
    for component in ["build/ffmpeg/preflight", "build/sfz/preflight"] {
        assert!(text.contains(component), "{component} is not named:\n{text}");
    }
    assert!(text.contains(" deps --case quickstart --prefix "), "{text}");
    assert!(!home.path().join("cache-dir/build").exists(), "something was compiled");
}

#[test]
fn a_component_that_needs_another_is_built_once_and_rebuilt_when_its_source_changes() {
    let home = tempfile::tempdir().unwrap();
    project(home.path());
    let case = home.path().join("case.toml");
    let arguments = ["all", "--case", case.to_str().unwrap(), "--progress", "json"];
    let first = placed(home.path(), &arguments);
    assert_eq!(code(&first), 0, "{}{}", printed(&first), said(&first));
    let app = Command::new(home.path().join("prefix/bin/app")).env_clear().output().unwrap();
    assert_eq!(String::from_utf8(app.stdout).unwrap(), "the answer is 42\n");

    let second = placed(home.path(), &arguments);
    assert_eq!(code(&second), 0, "{}", said(&second));
    assert!(!printed(&second).contains("step-started"), "a second run ran something:\n{}", printed(&second));

    // A comment re-runs nothing; nor does another number of jobs.
    let text = std::fs::read_to_string(&case).unwrap();
    std::fs::write(&case, format!("# a comment\n{text}")).unwrap();
    let mut more: Vec<&str> = arguments.to_vec();
    more.push("-j7");
    assert!(!printed(&placed(home.path(), &more)).contains("step-started"));

    // The app's source re-runs the app's steps and none of the library's.
    let main = std::fs::read_to_string(home.path().join("app/main.c")).unwrap();
    std::fs::write(home.path().join("app/main.c"), main.replace("the answer is", "still: the answer is"))
        .unwrap();
    let third = printed(&placed(home.path(), &arguments));
    let started: Vec<&str> = third.lines().filter(|line| line.contains("step-started")).collect();
    assert!(started.iter().any(|line| line.contains("build/app/compile")), "{third}");
    assert!(started.iter().all(|line| line.contains("build/app/")), "{started:#?}");

    // An installed file that is gone is put back without compiling.
    std::fs::remove_file(home.path().join("prefix/bin/app")).unwrap();
    let fourth = placed(home.path(), &arguments);
    let text = printed(&fourth);
    assert_eq!(code(&fourth), 0, "{text}");
    assert!(home.path().join("prefix/bin/app").exists(), "{text}");
    assert!(!text.lines().any(|line| line.contains("step-started") && line.contains("/compile")), "{text}");

    let removed = placed(home.path(), &["uninstall", "lib", "--case", case.to_str().unwrap()]);
    assert_eq!(code(&removed), 2, "the app needs it: {}", said(&removed));
    let removed = placed(home.path(), &["uninstall", "app", "--case", case.to_str().unwrap()]);
    assert_eq!(code(&removed), 0, "{}", said(&removed));
    assert!(!home.path().join("prefix/bin/app").exists());
    assert!(home.path().join("prefix/lib/libanswer.so").exists());
}

/// What a command of the case's own is told of jobs it keeps: a long compile waits for a token that is back in a moment.
#[test]
fn a_compile_that_keeps_its_jobs_waits_for_all_of_them_where_little_else_is_to_be_done() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("source")).unwrap();
    // While `short` installs, which takes one of two tokens, the compile of `long` gets ready.
    let case = r#"schema = 1
[metadata]
name = "tokens"
[sources.here]
kind = "path"
path = "source"
[components.short]
driver = "command"
source = "here"
[components.short.commands]
install = [["sh", "-ec", """
install -D /dev/null {destdir}{prefix}/share/short
mkdir -p $HOME
touch $HOME/short
for i in $(seq 600); do [ ! -e $HOME/ready ] || break; sleep 0.1; done
sleep 2
"""]]
[components.long]
driver = "command"
source = "here"
[components.long.commands]
configure = [["sh", "-ec", "for i in $(seq 600); do [ ! -e $HOME/short ] || break; sleep 0.1; done; touch $HOME/ready"]]
compile = [["sh", "-ec", "echo $0 >jobs", "{jobs}"]]
install = [["install", "-D", "-m", "644", "jobs", "{destdir}{prefix}/share/jobs"]]
"#;
    std::fs::write(home.path().join("case.toml"), case).unwrap();
    let output = placed(home.path(), &["all", "--case", "case.toml", "--jobs", "2", "-y"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    assert_eq!(std::fs::read_to_string(home.path().join("prefix/share/jobs")).unwrap(), "2\n");
}

/// A case of one component, which compiles by this command of a shell.
fn compiles_by(home: &Path, command: &str) {
    std::fs::create_dir(home.join("src")).unwrap();
    std::fs::write(home.join("src/x"), "x").unwrap();
    std::fs::write(
        home.join("case.toml"),
        format!(
            r#"schema = 1
[metadata]
name = "leak"
[sources.leak]
kind = "path"
path = "src"
[components.leak]
driver = "command"
[components.leak.commands]
compile = [["bash", "-c", "{command}"]]
install = [["sh", "-c", "mkdir -p '{{destdir}}{{prefix}}' && touch '{{destdir}}{{prefix}}/x'"]]
"#
        ),
    )
    .unwrap();
}

#[test]
fn a_build_that_wants_the_network_fails_with_6_and_says_what_it_wanted() {
    let home = tempfile::tempdir().unwrap();
    compiles_by(home.path(), "getent hosts secret-download.invalid; true");
    let output = placed(home.path(), &["build", "--case", "case.toml", "--progress", "plain"]);
    let text = said(&output);
    assert_eq!(code(&output), 6, "{text}");
    assert!(text.contains("secret-download.invalid") && text.contains("build/leak/compile"), "{text}");
}

#[test]
fn a_proxy_on_loopback_is_outside_of_the_run_without_a_wall() {
    let home = tempfile::tempdir().unwrap();
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.local_addr().unwrap();
    compiles_by(home.path(), &format!("exec 3<>/dev/tcp/127.0.0.1/{}; true", address.port()));
    let output = placed_command(home.path(), &["build", "--case", "case.toml", "--progress", "plain"])
        .env("INSTALLER_OFFLINE_FORCE", "audit")
        .output()
        .unwrap();
    let text = said(&output);
    assert_eq!(code(&output), 6, "{text}");
    let wanted = format!("bash tried to reach {address} (");
    assert!(text.contains(&wanted) && text.contains("which this run did not start"), "{text}");
}

#[test]
fn a_failed_compile_shows_its_first_error_and_the_next_run_goes_on() {
    let home = tempfile::tempdir().unwrap();
    project(home.path());
    std::fs::write(home.path().join("app/main.c"), "#include <no-such-header.h>\n").unwrap();
    let case = home.path().join("case.toml");
    let arguments = ["all", "--case", case.to_str().unwrap(), "--progress", "plain"];
    let output = placed(home.path(), &arguments);
    let text = said(&output);
    assert_eq!(code(&output), 5, "{text}");
    assert!(
        text.contains("fatal error: no-such-header.h") && text.contains("build.app.compile.log"),
        "{text}"
    );
    project(home.path());
    let mended = placed(home.path(), &["all", "--case", case.to_str().unwrap(), "--progress", "json"]);
    assert_eq!(code(&mended), 0, "{}", said(&mended));
    assert!(
        !printed(&mended)
            .lines()
            .any(|line| line.contains("step-started") && line.contains("build/lib/compile"))
    );
}

#[test]
fn what_is_not_run_names_the_step_that_failed_itself() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("src")).unwrap();
    let mut text =
        "schema = 1\n[metadata]\nname = \"three\"\n[sources.src]\nkind = \"path\"\npath = \"src\"\n"
            .to_owned();
    for name in ["one", "two", "three"] {
        text += &format!(
            "[components.{name}]\ndriver = \"command\"\nsource = \"src\"\n[components.{name}.commands]\ncompile = [[\"false\"]]\ninstall = [[\"true\"]]\n"
        );
    }
    std::fs::write(home.path().join("case.toml"), text).unwrap();
    // One job: the first to fail keeps the others from starting, and nothing of those has failed.
    let output = placed(home.path(), &["build", "--case", "case.toml", "-j1", "--progress", "json"]);
    assert_eq!(code(&output), 5, "{}", said(&output));
    let events: Vec<serde_json::Value> =
        printed(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed: Vec<&serde_json::Value> = events
        .iter()
        .filter(|event| event["outcome"]["result"] == "failed")
        .map(|event| &event["step"])
        .collect();
    assert_eq!(failed.len(), 1, "{events:?}");
    let of_reason = |reason: &str| -> Vec<&serde_json::Value> {
        events.iter().filter(|event| event["why"]["reason"] == reason).collect()
    };
    let blocked = of_reason("need-failed");
    assert!(!blocked.is_empty());
    assert!(blocked.iter().all(|event| event["why"]["need"] == *failed[0]), "{blocked:?}");
    assert!(!of_reason("cancelled").is_empty(), "{events:?}");
}

#[test]
fn schema_and_completions_are_printed() {
    let home = tempfile::tempdir().unwrap();
    let schema: serde_json::Value =
        serde_json::from_slice(&installer(home.path(), &["schema"]).stdout).unwrap();
    assert!(schema["properties"]["components"].is_object());
    assert!(printed(&installer(home.path(), &["completions", "bash"])).contains("_installer()"));
}

#[test]
fn what_was_uninstalled_is_installed_again_without_compiling() {
    let home = tempfile::tempdir().unwrap();
    project(home.path());
    let case = home.path().join("case.toml");
    let case = case.to_str().unwrap();
    assert_eq!(code(&placed(home.path(), &["all", "--case", case, "--progress", "quiet"])), 0);
    assert_eq!(code(&placed(home.path(), &["uninstall", "app", "--case", case])), 0);
    assert_eq!(code(&placed(home.path(), &["plan", "--case", case, "--detailed-exitcode"])), 7);
    let again = placed(home.path(), &["all", "--case", case, "--progress", "json"]);
    assert_eq!(code(&again), 0, "{}", said(&again));
    assert!(home.path().join("prefix/bin/app").exists());
    assert!(!printed(&again).lines().any(|line| line.contains("step-started") && line.contains("/compile")));
}

#[test]
fn a_run_that_is_killed_at_any_point_is_finished_by_the_next_one() {
    use std::os::unix::process::ExitStatusExt;
    let undisturbed = tempfile::tempdir().unwrap();
    project(undisturbed.path());
    let case = undisturbed.path().join("case.toml");
    assert_eq!(code(&placed(undisturbed.path(), &["all", "--case", case.to_str().unwrap()])), 0);
    let want = installed(undisturbed.path());
    assert!(want.len() >= 4, "{want:?}");

    let points = printed(&installer(undisturbed.path(), &["__fault-points"]));
    let mut died = 0;
    for point in points.lines() {
        for pass in 1..=12 {
            let home = tempfile::tempdir().unwrap();
            project(home.path());
            let case = home.path().join("case.toml");
            let mut command = Command::new(env!("CARGO_BIN_EXE_installer"));
            command
                .args(["all", "--case", case.to_str().unwrap(), "--progress", "quiet"])
                .args(place(home.path()));
            command.current_dir(home.path()).env("INSTALLER_FAULT", format!("{point}@{pass}=kill"));
            let killed = command.output().unwrap();
            if killed.status.signal().is_none() {
                // This point is not passed that often; nothing was disturbed.
                assert_eq!(code(&killed), 0, "{point}@{pass}: {}", said(&killed));
                break;
            }
            died += 1;
            let next = placed(home.path(), &["all", "--case", case.to_str().unwrap(), "--progress", "plain"]);
            assert_eq!(code(&next), 0, "after a kill at {point}@{pass}: {}", said(&next));
            assert_eq!(installed(home.path()), want, "after a kill at {point}@{pass}");
        }
    }
    assert!(died >= 40, "only {died} kills happened");
}

#[test]
fn a_proxys_password_reaches_no_output_and_no_file() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_installer"));
    command.args(["deps", "--case", "quickstart", "--only", "source/sfz/fetch", "--progress", "json", "-v"]);
    // Nothing listens on the discard port here: the proxy refuses, and every message about it is written.
    for name in ["http_proxy", "HTTPS_PROXY"] {
        command.env(name, "http://user:CANARY-7f3a@127.0.0.1:9");
    }
    let output = command.args(place(home.path())).current_dir(home.path()).output().unwrap();
    assert_eq!(code(&output), 5, "{}", said(&output));
    assert!(printed(&output).contains("127.0.0.1:9"), "the proxy is not named: {}", printed(&output));
    assert!(!printed(&output).contains("CANARY-7f3a") && !said(&output).contains("CANARY-7f3a"));
    let mut files = 0;
    let mut open = vec![home.path().to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                files += 1;
                let content = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                assert!(!content.contains("CANARY-7f3a"), "{} has the password", path.display());
            }
        }
    }
    assert!(files > 0, "nothing was written, so that nothing was searched");
}

#[test]
fn a_full_disk_or_an_error_at_any_point_is_told_and_the_next_run_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let points = printed(&installer(home.path(), &["__fault-points"]));
    for point in points.lines() {
        for (kind, words) in
            [("enospc", "No space left"), ("eio", "Input/output error"), ("erofs", "Read-only")]
        {
            let home = tempfile::tempdir().unwrap();
            project(home.path());
            let case = home.path().join("case.toml");
            let mut command = Command::new(env!("CARGO_BIN_EXE_installer"));
            command
                .args(["all", "--case", case.to_str().unwrap(), "--progress", "plain"])
                .args(place(home.path()));
            command.current_dir(home.path()).env("INSTALLER_FAULT", format!("{point}@2={kind}"));
            let failed = command.output().unwrap();
            let text = said(&failed);
            if code(&failed) != 0 {
                assert!(text.contains(words), "{point}={kind} is not told: {text}");
                assert!(text.contains("help:"), "{point}={kind} has no way out: {text}");
            }
            let next = placed(home.path(), &["all", "--case", case.to_str().unwrap(), "--progress", "plain"]);
            assert_eq!(code(&next), 0, "after {point}={kind}: {}", said(&next));
            assert!(home.path().join("prefix/bin/app").exists());
        }
    }
}
