//! A rendered Dockerfile finds its case: what it copies for the first phase has it, where the command looks for it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::path::Path;

use common::*;

const PRESET: &str = r#"{
 "metadata": {"name": "pj"}, "base_image": "registry.example/base:1", "python": {"version": "3.11"}, "pytorch": {},
 "tensorrt": {}, "cuda": {}, "build_options": {}, "system_packages": ["jq"], "environment": {}
}"#;

fn copied(from: &Path, into: &Path) {
    std::fs::create_dir_all(into).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = into.join(path.file_name().unwrap());
        if path.is_dir() {
            copied(&path, &to);
        } else {
            std::fs::copy(&path, &to).unwrap();
        }
    }
}

/// The default of a build argument.
fn argument(text: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("ARG {name}="))).unwrap();
    line.trim_matches('"').to_owned()
}

/// What the first phase sees as `/src` of a context, as the Dockerfile's own instructions say.
fn seen(text: &str, context: &Path, into: &Path) {
    if argument(text, "DEPS_SEES") == "all" {
        return copied(context, into);
    }
    let stage = text.split_once("AS sees-cases\n").unwrap().1.split("\nFROM ").next().unwrap();
    for line in stage.lines().filter_map(|line| line.strip_prefix("COPY ")) {
        let words: Vec<String> = if line.starts_with('[') {
            serde_json::from_str(line).unwrap()
        } else {
            line.split(' ').map(|word| word.replace("[s]", "s")).collect()
        };
        let from = context.join(&words[0]);
        if from.is_dir() {
            copied(&from, &into.join(words[1].trim_start_matches('/')));
        }
    }
}

/// Renders a case's Dockerfile in a context, and plans the case in what each phase would see of it.
fn found(context: &Path, words: &[&str]) -> String {
    let rendered = installer(context, &[&["image", "dockerfile"], words].concat());
    assert_eq!(code(&rendered), 0, "{}", said(&rendered));
    let text = printed(&rendered);
    let case = argument(&text, "CASE");
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("src");
    std::fs::create_dir(&source).unwrap();
    seen(&text, context, &source);
    for (phase, place) in [("deps", source.as_path()), ("build", context)] {
        let planned = installer(place, &["plan", phase, "--case", &case]);
        assert_eq!(code(&planned), 0, "{words:?} in {phase}, as {case}: {}", said(&planned));
        assert!(printed(&planned).contains(" pj"), "{}", printed(&planned));
    }
    text
}

#[test]
fn a_preset_is_found_by_the_phases_of_its_dockerfile_wherever_it_lies_in_the_context() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    for place in [
        "presets/pj.json",
        "a place/pj/preset.json",
        "cases/named/preset.json",
        "cases/flat.json",
        "top.json",
    ] {
        write(home, place, PRESET);
    }
    write(home, "artifacts/pj/requirements.txt", "plain==1.0\n");
    let absolute = home.join("presets/pj.json");
    let words: &[&[&str]] = &[
        &["presets/pj.json"],
        &["./presets/../presets/pj.json"],
        &["--case", absolute.to_str().unwrap()],
        &["a place/pj"],
        &["named"],
        &["cases/named"],
        &["flat"],
        &["top.json"],
    ];
    for words in words {
        let text = found(home, words);
        assert!(text.contains("\nARG BASE_IMAGE=\"registry.example/base:1\"\n"), "{text}");
    }
    let text = found(home, &["presets/pj.json"]);
    // What lies beside its directory counts as well, and nothing else makes the first phase run again.
    assert!(
        text.contains("COPY [\"artifacts/pj/\",\"/artifacts/pj/\"]") && !text.contains("DEPS_SEES=all"),
        "{text}"
    );
    let second = printed(&installer(home, &["image", "dockerfile", "presets/pj.json", "--build-only"]));
    assert_eq!(argument(&second, "CASE"), "presets/pj.json");

    // What a case extends, elsewhere.
    let named = "schema = 1\nextends = \"../base/case.toml\"\n[metadata]\nname = \"pj\"\n";
    write(home, "project/case.toml", named);
    write(
        home,
        "base/case.toml",
        "schema = 1\n[metadata]\nname = \"base\"\n[environment]\nGREETING = \"hello\"\n",
    );
    assert_eq!(argument(&found(home, &["project"]), "CASE"), "project/case.toml");
}

#[test]
fn a_case_outside_of_the_context_is_refused_with_where_it_lies() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    write(home, "elsewhere/pj.json", PRESET);
    std::fs::create_dir(home.join("project")).unwrap();
    let project = home.join("project");
    for wanted in ["../elsewhere/pj.json", home.join("elsewhere/pj.json").to_str().unwrap()] {
        let refused = installer(&project, &["image", "dockerfile", wanted]);
        assert_eq!(code(&refused), model::exit::USAGE, "{}", said(&refused));
        let text = said(&refused);
        assert!(text.contains("outside of the build context") && text.contains("elsewhere"), "{text}");
    }
    let mut command = command(&project, &["image", "dockerfile", "pj"]);
    let refused = command.env("INSTALLER_CASES", home.join("elsewhere")).output().unwrap();
    assert!(said(&refused).contains("outside of the build context"), "{}", said(&refused));
    // One in the binary is in the image as well.
    let built_in = installer(&project, &["image", "dockerfile", "quickstart"]);
    assert_eq!(argument(&printed(&built_in), "CASE"), "quickstart");
}
