//! What a run prints for its user to type next works when pasted, and what was named once need not be named again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::{code, command, installer, place, placed, placed_command, printed, project, said};

/// The case of [`project`] with both sources mounted.
fn mounted_project(home: &Path) {
    project(home);
    let path = home.join("case.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let mounted = ["lib", "app"].iter().fold(text, |text, name| {
        let by_path = format!("kind = \"path\"\npath = \"{name}\"");
        text.replace(&by_path, &format!("kind = \"mounted\"\ndescription = \"the {name}\""))
    });
    std::fs::write(path, mounted).unwrap();
}

fn source(home: &Path, name: &str) -> String {
    format!("--{name}-src={}", home.join(name).display())
}

/// Runs the command that a run printed as the next one, as a shell that finds the program by name would.
#[expect(clippy::disallowed_methods, reason = "a test pastes a line into a shell")]
fn paste(home: &Path, output: &Output) -> Output {
    let said = said(output);
    let line = said
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("next: `"))
        .unwrap_or_else(|| panic!("no next line:\n{said}"));
    let line = line.split('`').next().unwrap();
    let bin = Path::new(env!("CARGO_BIN_EXE_installer")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let found = Command::new("sh")
        .args(["-c", line])
        .current_dir(home)
        .env_clear()
        .env("PATH", path)
        .env("HOME", home)
        .output()
        .unwrap();
    assert_eq!(code(&found), 0, "`{line}`:\n{}", self::said(&found));
    found
}

#[test]
fn the_next_command_of_each_phase_works_when_pasted() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    mounted_project(home);
    let sources = [source(home, "lib"), source(home, "app")];
    let deps = placed(home, &["deps", "--case", "case.toml", &sources[0], &sources[1]]);
    assert_eq!(code(&deps), 0, "{}", said(&deps));
    let build = paste(home, &deps);
    assert!(said(&build).contains("build: done"), "{}", said(&build));
    let verify = paste(home, &build);
    assert!(
        said(&verify).contains("verify: done") && said(&verify).contains("2 steps ran"),
        "{}",
        said(&verify)
    );
}

/// Called by a path, the program is called so in what it prints too.
fn called_by_path(home: &Path, words: &[&str]) -> Output {
    let output = placed_command(home, words).env_remove("INSTALLER_PROGRAM").output().unwrap();
    let path = format!("next: `{} ", env!("CARGO_BIN_EXE_installer"));
    assert!(said(&output).contains(&path), "{}", said(&output));
    output
}

#[test]
fn the_next_command_after_a_part_of_a_case_is_about_that_part() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    project(home);
    let built = called_by_path(
        home,
        &["all", "--case", "case.toml", "--only", "lib", "--set", "metadata.description=x y"],
    );
    assert_eq!(code(&built), 0, "{}", said(&built));
    let verify = paste(home, &built);
    assert!(said(&verify).contains("1 step ran"), "{}", said(&verify));
}

#[test]
fn mounted_sources_are_named_once() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    mounted_project(home);
    let sources = [source(home, "lib"), source(home, "app")];
    let unnamed = placed(home, &["build", "--case", "case.toml"]);
    assert!(said(&unnamed).contains("no directory is given for it"), "{}", said(&unnamed));
    let built = placed(home, &["all", "--case", "case.toml", &sources[0], &sources[1]]);
    assert_eq!(code(&built), 0, "{}", said(&built));

    // Read again from where they were, and said so.
    std::fs::write(home.join("lib/answer.c"), "int answer(void) { return 40 + 2; }\n").unwrap();
    let again = placed(home, &["build", "--case", "case.toml"]);
    assert_eq!(code(&again), 0, "{}", said(&again));
    let told = format!("source lib: {} (from the last run)", home.join("lib").display());
    assert!(said(&again).contains(&told) && said(&again).contains("build: done"), "{}", said(&again));
    let explained = placed(home, &["explain", "build/app/compile", "--case", "case.toml"]);
    assert_eq!(code(&explained), 0, "{}", said(&explained));

    // What reads no source does not want one, even when it is gone.
    std::fs::rename(home.join("app"), home.join("moved")).unwrap();
    for words in [
        &["verify"][..],
        &["status"],
        &["uninstall", "--all", "--dry-run"],
        &["clean"],
        &["uninstall", "--all"],
    ] {
        let mut words = words.to_vec();
        words.extend(["--case", "case.toml"]);
        let output = placed(home, &words);
        assert_eq!(code(&output), 0, "{words:?}: {}", said(&output));
    }
    let gone = placed(home, &["build", "--case", "case.toml"]);
    assert!(said(&gone).contains("no directory is given for it"), "{}", said(&gone));
}

#[test]
fn artifacts_are_found_again_from_another_directory_and_another_shell() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    project(home);
    let elsewhere = home.join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    // A shell in which the place of the artifacts was exported.
    let mut flags = place(home);
    let at = flags.iter().position(|flag| flag == "--artifacts").unwrap();
    flags.drain(at..at + 2);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let artifacts = home.join("on-a-disk");
    std::fs::create_dir(&artifacts).unwrap();
    let run = |directory: &Path, words: &[&str], exported: bool| {
        let words: Vec<&str> = words.iter().chain(&flags).copied().collect();
        let mut command = command(directory, &words);
        if exported {
            command.env("INSTALLER_ARTIFACTS", &artifacts);
        }
        command.output().unwrap()
    };
    let deps = run(home, &["all", "--case", "case.toml"], true);
    assert_eq!(code(&deps), 0, "{}", said(&deps));
    let place_of = |output: &Output| -> String {
        let status: serde_json::Value = serde_json::from_str(&printed(output)).unwrap();
        status["layout"]["artifacts"].as_str().unwrap().to_owned()
    };
    let found = run(&elsewhere, &["status", "--json", "--case", "../case.toml"], false);
    assert_eq!(place_of(&found), artifacts.to_str().unwrap());
    let plan = run(&elsewhere, &["build", "--case", "../case.toml"], false);
    let told = format!("artifacts: {} (from the last run)", artifacts.display());
    assert!(code(&plan) == 0 && said(&plan).contains(&told), "{}", said(&plan));

    // Another project's case of the same name has artifacts of its own.
    let other = home.join("other");
    std::fs::create_dir(&other).unwrap();
    project(&other);
    let own = run(&other, &["status", "--json", "--case", "case.toml"], false);
    assert_ne!(place_of(&own), artifacts.to_str().unwrap());
    // And what is gone is not looked for there.
    std::fs::remove_dir(&artifacts).unwrap();
    let gone = run(&elsewhere, &["status", "--json", "--case", "../case.toml"], false);
    assert_ne!(place_of(&gone), artifacts.to_str().unwrap());
}

#[test]
fn a_run_ends_with_what_is_installed_where_and_a_command_to_try() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    project(home);
    let built = placed(home, &["all", "--case", "case.toml"]);
    let said = said(&built);
    let prefix = home.join("prefix");
    let prefix = prefix.display();
    assert!(said.contains(&format!("  app  {prefix} (1 file): app\n")), "{said}");
    assert!(said.contains(&format!("  lib  {prefix} (1 file)\n")), "{said}");
    assert!(said.contains(&format!("try: {prefix}/bin/app\n")), "{said}");
    assert!(
        said.contains(&format!("warning: {prefix}/bin is not on PATH: export PATH=\"{prefix}/bin:$PATH\"")),
        "{said}"
    );
    // Nothing of it when nothing was done.
    let again = placed(home, &["all", "--case", "case.toml"]);
    assert!(!self::said(&again).contains("try:"), "{}", self::said(&again));
    let help = installer(home, &["verify", "--case", "case.toml"]);
    assert_ne!(code(&help), 0);
}
