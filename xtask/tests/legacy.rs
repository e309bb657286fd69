//! The old scripts' names, and what is made of old deployment cases, as their users meet them.
#![expect(clippy::disallowed_methods, reason = "a test calls the scripts that people call")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::*;
use model::exit;

fn write(home: &Path, name: &str, text: &str) {
    let path = home.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Standard error without what differs from one place to the next.
fn told(home: &Path, output: &Output) -> String {
    said(output).replace(home.to_str().unwrap(), "[HOME]")
}

const COMPONENT: &str = r#"
[components.NAME]
driver = "command"
[components.NAME.commands]
compile = [["sh", "-c", "cat '{source}/name' > out"]]
install = [["install", "-D", "out", "{destdir}{prefix}/bin/NAME"]]
"#;

fn mounted(name: &str) -> String {
    format!("[sources.{name}]\nkind = \"mounted\"\ndescription = \"a checkout of {name}\"\n")
}

/// A project as InfiniLM-SVC is laid out, whose case builds three small components.
fn project(home: &Path, sources: &str) {
    let app = home.join("app");
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts");
    for script in ["install.sh", "install-deps.sh", "install-build.sh"] {
        std::fs::create_dir_all(app.join("scripts")).unwrap();
        std::fs::copy(scripts.join(script), app.join("scripts").join(script)).unwrap();
    }
    write(&app, "rust/Cargo.toml", "[workspace]\n");
    write(&app, "name", "the service\n");
    let components: String = ["infinicore", "infinilm", "infinilm-svc"]
        .iter()
        .map(|name| COMPONENT.replace("NAME", name))
        .collect();
    let sources = format!("{sources}{}", mounted("infinilm-svc"));
    write(
        &app,
        "cases/my-case/case.toml",
        &format!("schema = 1\n[metadata]\nname = \"my-case\"\n{sources}{components}"),
    );
    write(home, "workspace/InfiniCore/name", "core\n");
    write(home, "workspace/InfiniLM/name", "lm\n");
}

/// A repository with a file that says where it comes from.
fn repository(home: &Path, name: &str) -> String {
    let directory = home.join("upstream").join(name);
    write(&directory, "name", "of the repository\n");
    for words in [&["init", "-q", "-b", "main"][..], &["add", "."], &["commit", "-q", "-m", "all"]] {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=t", "-c", "user.email=t@example.com"]).args(words).current_dir(&directory);
        let output = git.env("HOME", home).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
    let url = directory.to_str().unwrap();
    format!("[sources.{name}]\nkind = \"git\"\nurl = \"{url}\"\nrevision = \"main\"\n")
}

/// A script of the project, from another directory, with the environment of a RUN line.
fn script(home: &Path, name: &str, words: &[&str]) -> Command {
    let mut script = Command::new(home.join("app/scripts").join(name));
    script.args(words).current_dir(home).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    script.env("HOME", home).env("INSTALLER", env!("CARGO_BIN_EXE_installer"));
    script.env("INSTALLER_PROGRAM", "installer");
    for (variable, place) in [
        ("INSTALLER_STATE_DIR", "state"),
        ("INSTALLER_CACHE_DIR", "cache"),
        ("INSTALLER_ARTIFACTS", "artifacts"),
        ("INSTALLER_DATA_DIR", "data"),
    ] {
        script.env(variable, home.join(place));
    }
    script
}

#[test]
fn run_lines_of_an_existing_dockerfile_build_unchanged() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    project(home, &(repository(home, "infinicore") + &repository(home, "infinilm")));
    let bin = home.join("prefix/bin");
    let read = |name: &str| std::fs::read_to_string(bin.join(name)).unwrap();
    let deps = script(home, "install-deps.sh", &["--deployment-case", "my-case"]).output().unwrap();
    assert_eq!(code(&deps), exit::OK, "{}", said(&deps));

    // What the first phase brought serves where no checkout is given.
    let words = ["--install-path", bin.to_str().unwrap(), "--deployment-case=my-case"];
    // `if install-build.sh --skip-build …; then echo reused; else …` has to see that nothing can be reused.
    let reused = || script(home, "install-build.sh", &words).arg("--skip-build").output().unwrap();
    let missing = reused();
    assert_eq!(code(&missing), exit::VERIFY_FAILED, "{}", said(&missing));
    assert!(said(&missing).contains("infinilm-svc is not installed"), "{}", said(&missing));
    let build = script(home, "install-build.sh", &words).output().unwrap();
    assert_eq!(code(&build), exit::OK, "{}", said(&build));
    assert_eq!(read("infinicore"), "of the repository\n");
    let there = reused();
    assert_eq!(code(&there), exit::OK, "{}", said(&there));

    let core = home.join("workspace/InfiniCore");
    let lm = home.join("workspace/InfiniLM");
    let words = [
        "--install-path",
        bin.to_str().unwrap(),
        "--deployment-case",
        "my-case",
        "--infinicore-src",
        core.to_str().unwrap(),
        "--infinilm-src",
        lm.to_str().unwrap(),
    ];
    let build = script(home, "install-build.sh", &words).output().unwrap();
    assert_eq!(code(&build), exit::OK, "{}", said(&build));
    for (name, text) in [("infinicore", "core\n"), ("infinilm", "lm\n"), ("infinilm-svc", "the service\n")] {
        assert_eq!(read(name), text);
    }
    let told = told(home, &build);
    let line = "  installer build --case my-case --prefix [HOME]/prefix --source infinicore=[HOME]/workspace/InfiniCore --source infinilm=[HOME]/workspace/InfiniLM --source infinilm-svc=[HOME]/app\n";
    assert_eq!(told.matches(line).count(), 1, "{told}");

    // The line that is printed is the same: it finds everything done.
    let words = line.trim().strip_prefix("installer ").unwrap().replace("[HOME]", home.to_str().unwrap());
    let mut again = Command::new(env!("CARGO_BIN_EXE_installer"));
    again.args(words.split(' ')).args(["--dry-run", "--detailed-exitcode"]).current_dir(home.join("app"));
    let prepared = script(home, "install.sh", &[]);
    again.env_clear().envs(prepared.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let again = again.output().unwrap();
    assert_eq!(code(&again), exit::OK, "{}{}", printed(&again), said(&again));
}

#[test]
fn variables_are_twins_and_what_is_left_out_needs_no_checkout() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    project(home, &(mounted("infinicore") + &mounted("infinilm")));
    // The checkout that is not there belongs to a component that is left out.
    let output = script(home, "install.sh", &[])
        .env("INSTALL_PHASE", "build")
        .env("DEPLOYMENT_CASE", "my-case")
        .env("INSTALL_PATH", home.join("prefix/bin"))
        .env("INSTALL_INFINICORE", "false")
        .env("INFINICORE_SRC", home.join("nowhere"))
        .env("INFINILM_SRC", home.join("workspace/InfiniLM"))
        .output()
        .unwrap();
    assert_eq!(code(&output), exit::OK, "{}", said(&output));
    assert!(home.join("prefix/bin/infinilm").exists() && home.join("prefix/bin/infinilm-svc").exists());
    assert!(!home.join("prefix/bin/infinicore").exists());
    // Nothing has to be brought for it, and leaving it out is no mistake all the same.
    let words = ["--deployment-case=my-case", "--install-infinicore=false"];
    let mut deps = script(home, "install-deps.sh", &words);
    let deps = deps.env("INFINILM_SRC", home.join("workspace/InfiniLM")).output().unwrap();
    assert_eq!(code(&deps), exit::OK, "{}", said(&deps));
}

#[test]
fn the_scripts_say_what_is_wrong() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    project(home, &(mounted("infinicore") + &mounted("infinilm")));
    let app = home.join("app");
    write(&app, "deployment/cases/old/install.defaults.sh", "INSTALL_INFINICORE=false\n");
    let old = script(home, "install-deps.sh", &["--deployment-case=old"]).output().unwrap();
    assert_eq!(code(&old), exit::USAGE);
    insta::assert_snapshot!("an-old-case", told(home, &old));
    let unknown =
        script(home, "install.sh", &["--infinicore-scr=/x", "--deployment-case=my-case", "--phase=build"]);
    let unknown = { unknown }.output().unwrap();
    assert_eq!(code(&unknown), exit::USAGE);
    insta::assert_snapshot!("an-unknown-option", told(home, &unknown));
    let failed = script(
        home,
        "install-build.sh",
        &["--deployment-case=my-case", "--infinicore-src=workspace/nowhere"],
    );
    let failed = { failed }.output().unwrap();
    assert_eq!(code(&failed), exit::USAGE);
    insta::assert_snapshot!("a-checkout-that-is-not-there", told(home, &failed));
    let alone = script(home, "install.sh", &[])
        .env("INSTALLER", "/nowhere")
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    assert_eq!(code(&alone), 127);
    assert!(said(&alone).contains("installer was not found"), "{}", said(&alone));
    let help = script(home, "install.sh", &["--help"]).output().unwrap();
    assert_eq!(code(&help), exit::OK);
    assert!(printed(&help).contains("--infinicore-src PATH"), "{}", printed(&help));
}

const DEFAULTS: &str = r#"#!/usr/bin/env bash
if [ "${INSTALL_INFINICORE:-auto}" = "auto" ]; then
    INSTALL_INFINICORE=false
fi
INSTALL_INFINILM="${INSTALL_INFINILM:-false}"
LAUNCH_COMPONENTS="${LAUNCH_COMPONENTS:-registry,router}"
echo "reading" && touch "$HOME/was-run"
this line is no assignment
A=$(touch "$HOME/was-run")
"#;

const ENVIRONMENT: &str = "export HTTPS_PROXY=http://joe:s3cret@proxy.example.com:3128\nexport HF_TOKEN=hf_abcdefghijklmnopqrst\nexport SDK_HOME=/opt/sdk\n";

#[test]
fn a_deployment_case_is_imported_once_and_nothing_of_it_is_run() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    write(home, "deployment/cases/mine/install.defaults.sh", DEFAULTS);
    write(home, "deployment/cases/mine/env-set.sh", ENVIRONMENT);
    write(home, "deployment/cases/mine/config/one.toml", "port = 8100\n");
    write(home, "deployment/cases/mine/start.sh", "exit 1\n");
    let imported = installer(home, &["case", "import", "deployment/cases/mine"]);
    assert_eq!(code(&imported), exit::OK, "{}", said(&imported));
    insta::assert_snapshot!("imported", told(home, &imported));
    let text = std::fs::read_to_string(home.join("cases/mine/case.toml")).unwrap();
    insta::assert_snapshot!("imported-case", text);
    assert!(!home.join("was-run").exists());
    assert_eq!(std::fs::read_to_string(home.join("cases/mine/config/one.toml")).unwrap(), "port = 8100\n");

    write(home, "cases/mine/case.toml", "mine now");
    let again = installer(home, &["case", "import", "deployment/cases/mine"]);
    assert_eq!(code(&again), exit::USAGE);
    assert!(said(&again).contains("cases/mine exists already"), "{}", said(&again));
    assert_eq!(std::fs::read_to_string(home.join("cases/mine/case.toml")).unwrap(), "mine now");

    let elsewhere = installer(
        home,
        &["case", "import", "deployment/cases/mine/install.defaults.sh", "--output", "other/case"],
    );
    assert_eq!(code(&elsewhere), exit::OK, "{}", said(&elsewhere));
    assert!(std::fs::read_to_string(home.join("other/case/case.toml")).unwrap().contains("name = \"case\""));
    for (from, why) in
        [("deployment", "neither a deployment case nor a preset"), ("other/case", "is already a case")]
    {
        let refused = installer(home, &["case", "import", from, "--output", "x/y"]);
        assert_eq!(code(&refused), exit::USAGE, "{from}");
        assert!(said(&refused).contains(why), "{}", said(&refused));
    }
    assert!(!home.join("x").exists());
}

#[test]
fn scripts_of_a_project_of_presets_work_in_it() {
    let place = tempfile::tempdir().unwrap();
    let home = &place.path().canonicalize().unwrap();
    let preset = "{\"metadata\": {\"name\": \"mine\", \"description\": \"a preset\"}, \"base_image\": \"\", \"python\": {}, \"pytorch\": {}, \"tensorrt\": {}, \"cuda\": {}, \"build_options\": {}}";
    write(home, "app/presets/mine.json", preset);
    std::fs::create_dir_all(home.join("app/scripts")).unwrap();
    for name in ["build.py", "deps_sync.sh"] {
        let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/");
        std::fs::copy(format!("{own}{name}"), home.join("app/scripts").join(name)).unwrap();
    }
    let run = |name: &str, words: &[&str], wanted: i32| {
        let output = script(home, name, words).output().unwrap();
        let all = format!("{}{}", printed(&output), told(home, &output));
        assert_eq!(code(&output), wanted, "{name} {words:?}: {all}");
        all
    };
    let listed = run("build.py", &["--list-presets"], exit::OK);
    assert!(listed.contains("mine ") && listed.contains("a preset ("), "{listed}");
    let planned = run("build.py", &["--preset", "mine", "--dry-run"], exit::OK);
    assert!(
        planned.contains("build.py is now (in [HOME]/app):\n  installer plan --case mine\n"),
        "{planned}"
    );
    let refused = run("build.py", &["--preset", "mine"], exit::USAGE);
    assert!(refused.contains("docker build -f Dockerfile.mine --target runtime -t mine ."), "{refused}");
    let brought = run("deps_sync.sh", &["mine"], exit::OK);
    assert!(brought.contains("  installer deps --case mine\n"), "{brought}");
}

#[test]
fn a_preset_is_imported_and_means_the_same() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    let text = r#"{ "metadata": { "description": "d" }, "base_image": "", "python": { "version": "3.11" },
  "pytorch": {}, "tensorrt": {}, "cuda": {}, "build_options": {}, "environment": { "A": "b" } }"#;
    write(home, "old.json", text);
    write(home, "artifacts/old/requirements.txt", "six==1.16.0\n");
    let imported = installer(home, &["case", "import", "old.json", "--output", "cases/new"]);
    assert_eq!(code(&imported), exit::OK, "{}", said(&imported));
    assert_eq!(std::fs::read_to_string(home.join("cases/new/requirements.txt")).unwrap(), "six==1.16.0\n");
    // Only the name, and where the requirements lie.
    let diff = installer(home, &["case", "diff", "old.json", "new"]);
    assert_eq!(code(&diff), exit::DIFFERENT, "{}", said(&diff));
    insta::assert_snapshot!(printed(&diff).replace(home.to_str().unwrap(), "[HOME]"));
}

#[test]
fn cases_are_compared_key_by_key_with_their_parents() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    write(
        home,
        "cases/base/case.toml",
        "schema = 1\n[environment]\nA = \"1\"\nHF_TOKEN = \"hf_aaaaaaaaaaaaaaaaaaaa\"\n",
    );
    write(home, "cases/same/case.toml", "schema = 1\nextends = \"base\"\n");
    write(
        home,
        "cases/other/case.toml",
        "schema = 1\nextends = \"base\"\nsystem_packages = [\"curl\"]\n[environment]\nA = \"2\"\nHF_TOKEN = \"hf_bbbbbbbbbbbbbbbbbbbb\"\n\"B.C\" = \"x\"\n",
    );
    let same = installer(home, &["case", "diff", "base", "same"]);
    assert_eq!((code(&same), printed(&same)), (exit::OK, String::new()), "{}", said(&same));
    let other = installer(home, &["case", "diff", "cases/base/case.toml", "other"]);
    assert_eq!(code(&other), exit::DIFFERENT, "{}", said(&other));
    insta::assert_snapshot!("text", printed(&other));
    let json = installer(home, &["case", "diff", "base", "other", "--format", "json"]);
    assert_eq!(code(&json), exit::DIFFERENT, "{}", said(&json));
    insta::assert_snapshot!("json", printed(&json));
    for output in [other, json] {
        assert!(!printed(&output).contains("hf_"), "{}", printed(&output));
    }
    let missing = installer(home, &["case", "diff", "base", "nowhere"]);
    assert_eq!(code(&missing), exit::USAGE);
}
