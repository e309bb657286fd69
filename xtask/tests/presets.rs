//! Presets of older tools, and stacks of Python packages from several indexes, as a user meets them.
#![expect(clippy::disallowed_methods, reason = "a test makes wheels with Python's own modules")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use common::*;

/// Writes wheels and the pages of simple indexes: each argument is `DIRECTORY NAME VERSION ORIGIN [REQUIREMENT]`.
const WHEELS: &str = r#"
import pathlib, sys, zipfile
for line in sys.argv[1:]:
    directory, name, version, origin, *needs = line.split()
    place = pathlib.Path(directory)
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {need}\n" for need in needs)
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr(f"{name}.py", f"origin = '{origin}'\nversion = '{version}'\n")
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    links = "".join(f'<a href="{other.name.replace("+", "%2B")}">{other.name}</a>\n' for other in sorted(place.glob("*.whl")))
    (place / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>\n")
"#;

fn wheels(home: &Path, lines: &[&str]) {
    let output =
        Command::new("python3").arg("-c").arg(WHEELS).args(lines).current_dir(home).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

fn write(home: &Path, name: &str, text: &str) {
    let path = home.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Standard error without what differs from one place to the next.
fn told(home: &Path, output: &std::process::Output) -> String {
    said(output).replace(home.to_str().unwrap(), "[HOME]")
}

/// A preset whose torch is built for a Python that every machine of today has.
fn preset(home: &Path) -> String {
    format!(
        r#"{{
  "metadata": {{ "name": "stand-in", "description": "small wheels in the place of large ones" }}, "base_image": "", "python": {{}}, "tensorrt": {{}}, "build_options": {{}},
  "pytorch": {{
    "torch_version": "2.8.0",
    "torchvision_version": "0.23.0",
    "index_url": "file://{}/own/simple"
  }},
  "cuda": {{ "version": "12.6", "arch": 86 }}
}}
"#,
        home.display()
    )
}

/// The index of all packages has a torch of the same version and a newer one; a directory has an older `six`.
fn stand_in(home: &Path) {
    wheels(
        home,
        &[
            "main/simple/torch torch 2.8.0+cu126 decoy",
            "main/simple/torch torch 9.9.9 decoy",
            "main/simple/torchvision torchvision 0.23.0 decoy",
            "main/simple/helper helper 1.0 main torch",
            "main/simple/six six 2.0 main",
            "own/simple/torch torch 2.8.0+cu126 own",
            "own/simple/torchvision torchvision 0.23.0+cu126 own torch==2.8.0",
            "own/simple/helper helper 7.0 decoy",
            "artifacts/stand-in/wheels six 1.0 directory",
        ],
    );
    write(home, "presets/stand-in.json", &preset(home));
    write(home, "artifacts/stand-in/requirements-base.txt", "six\n");
    write(home, "artifacts/stand-in/requirements.txt", "helper\n");
}

fn all(home: &Path, words: &[&str]) -> std::process::Output {
    let arguments: Vec<&str> = words.iter().copied().chain(["--case", "presets/stand-in.json"]).collect();
    let mut command = placed_command(home, &arguments);
    command.env("PIP_INDEX_URL", format!("file://{}/main/simple", home.display()));
    // Ours, beside what the preset has of its own.
    command.env("PIP_NO_CACHE_DIR", "1").output().unwrap()
}

fn asked(home: &Path, code: &str) -> String {
    let python = home.join("data-dir/environments/stand-in/bin/python");
    let output = Command::new(python).args(["-c", code]).output().unwrap();
    format!("{}{}", printed(&output), said(&output)).trim().to_owned()
}

#[test]
fn each_package_comes_from_its_own_place_and_extras_may_fail() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    stand_in(home);
    write(home, "artifacts/stand-in/requirements-extra.txt", "nowhere-to-be-found==1.0\n");
    let output = all(home, &["all", "--progress", "plain"]);
    let text = told(home, &output);
    assert_eq!(code(&output), 0, "{text}");
    let origins = "import torch, torchvision, helper, six; print(torch.origin, torch.version, torchvision.origin, helper.origin, six.origin)";
    assert_eq!(asked(home, origins), "own 2.8.0+cu126 own main directory");
    assert!(text.contains("the index has no wheel of nowhere-to-be-found==1.0"), "{text}");
    assert!(text.contains("deps/wheels/extra") && text.contains("build/python/extra"), "{text}");
    let lock = std::fs::read_to_string(home.join("artifacts/wheels/requirements.lock")).unwrap();
    assert!(lock.contains("torch==2.8.0+cu126") && lock.contains("--hash=sha256:"), "{lock}");
    let locked = std::fs::read_to_string(home.join("presets/stand-in.lock")).unwrap();
    assert!(!locked.contains("file://") && !locked.contains("simple"), "no addresses in the lock: {locked}");

    // The extras are there now: they alone are brought, and added to what stands.
    wheels(home, &["main/simple/nowhere-to-be-found nowhere_to_be_found 1.0 main six"]);
    let output = all(home, &["all", "--progress", "json"]);
    assert_eq!(code(&output), 0, "{}", told(home, &output));
    let ran = started(&output);
    assert!(ran.contains("deps/wheels/extra") && ran.contains("build/python/extra"), "{ran:?}");
    assert!(!ran.contains("deps/wheels") && !ran.contains("build/python"), "{ran:?}");
    assert_eq!(
        asked(home, "import nowhere_to_be_found as n, six; print(n.origin, six.origin)"),
        "main directory"
    );
    let output = all(home, &["all", "--progress", "json"]);
    assert_eq!(code(&output), 0, "{}", told(home, &output));
    assert_eq!(started(&output).len(), 0, "nothing to do");
}

#[test]
fn wheels_that_lie_beside_a_preset_do_without_a_network() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    stand_in(home);
    std::fs::remove_dir_all(home.join("main")).unwrap();
    std::fs::remove_dir_all(home.join("own")).unwrap();
    wheels(
        home,
        &[
            "artifacts/stand-in/wheels torch 2.8.0+cu126 directory",
            "artifacts/stand-in/wheels torchvision 0.23.0+cu126 directory torch",
            "artifacts/stand-in/wheels helper 1.0 directory torch",
        ],
    );
    let output = all(home, &["all", "--offline", "--progress", "plain"]);
    assert_eq!(code(&output), 0, "{}", told(home, &output));
    assert_eq!(
        asked(home, "import torch, helper; print(torch.origin, helper.origin)"),
        "directory directory"
    );
    assert!(home.join("artifacts/stand-in/wheels/torch-2.8.0+cu126-py3-none-any.whl").is_file());
}

#[test]
fn own_wheels_that_do_not_do_are_completed_by_the_indexes() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    stand_in(home);
    write(home, "artifacts/stand-in/requirements-base.txt", "six>=2\n");
    // Nobody has said that this toolkit goes with that torch: plan and report warn.
    write(home, "presets/stand-in.json", &preset(home).replace("12.6", "12.7"));
    let doubt = "warning: pytorch.torch_version: torch 2.8.0 was not built for CUDA 12.7";
    let plan = all(home, &["plan"]);
    assert!(printed(&plan).contains(doubt), "{}", printed(&plan));
    let output = all(home, &["all", "--progress", "plain"]);
    assert_eq!(code(&output), 0, "{}", told(home, &output));
    assert!(said(&output).contains(doubt), "{}", told(home, &output));
    assert_eq!(asked(home, "import six, torch; print(six.origin, torch.origin)"), "main own");
}

#[test]
fn extra_indexes_of_pip_would_undo_the_routes_and_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    stand_in(home);
    let mut command = placed_command(home, &["deps", "--case", "presets/stand-in.json"]);
    command.env("PIP_INDEX_URL", format!("file://{}/main/simple", home.display()));
    command.env("PIP_EXTRA_INDEX_URL", format!("file://{}/own/simple", home.display()));
    let output = command.output().unwrap();
    assert_eq!(code(&output), 5, "{}", told(home, &output));
    assert!(told(home, &output).contains("PIP_EXTRA_INDEX_URL"), "{}", told(home, &output));
}

#[test]
fn a_decoy_where_pip_looks_by_itself_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    stand_in(home);
    wheels(home, &["site torch 9.9.9 decoy"]);
    let mut command = placed_command(home, &["deps", "--case", "presets/stand-in.json"]);
    command.env("PIP_INDEX_URL", format!("file://{}/main/simple", home.display()));
    command.env("PIP_FIND_LINKS", home.join("site"));
    let output = command.output().unwrap();
    assert_eq!(code(&output), 5, "{}", told(home, &output));
    assert!(told(home, &output).contains("also looks for torch in [HOME]/site"), "{}", told(home, &output));
}

#[test]
fn an_archive_beside_a_preset_is_the_source_of_its_component() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    let text =
        preset(home).replace("\"build_options\": {}", "\"build_options\": {\"ffmpeg_version\": \"6.0\"}");
    write(home, "presets/stand-in.json", &text);
    write(home, "ffmpeg-6.0/configure", "#!/bin/sh\n");
    let archive = home.join("artifacts/stand-in/sources/ffmpeg-6.0.tar.gz");
    std::fs::create_dir_all(archive.parent().unwrap()).unwrap();
    let pack = || {
        let packed = Command::new("tar")
            .arg("-czf")
            .arg(&archive)
            .args(["--sort=name", "ffmpeg-6.0"])
            .current_dir(home)
            .status()
            .unwrap();
        assert!(packed.success());
    };
    let unpacked = || std::fs::read_to_string(home.join("cache-dir/sources/ffmpeg/configure")).unwrap();
    let only =
        ["deps", "--only", "source/ffmpeg/fetch,source/ffmpeg/unpack", "--offline", "--progress", "json"];
    pack();
    let output = all(home, &only);
    assert_eq!(code(&output), 0, "{}", told(home, &output));
    assert_eq!(unpacked(), "#!/bin/sh\n");
    let output = all(home, &only);
    assert_eq!(started(&output).len(), 0, "{}", told(home, &output));
    // Another archive under the same name is another source.
    write(home, "ffmpeg-6.0/configure", "#!/bin/sh\n# changed\n");
    pack();
    let output = all(home, &only);
    assert_eq!(code(&output), 0, "{}", told(home, &output));
    assert_eq!(unpacked(), "#!/bin/sh\n# changed\n");
}

#[test]
fn a_project_has_presets_by_their_names_and_defaults_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let home = &directory.path().canonicalize().unwrap();
    let text = r#"{
  "metadata": { "name": "production", "description": "small wheels in the place of large ones" },
  "base_image": "debian:12", "python": {}, "pytorch": {}, "tensorrt": {}, "cuda": {},
  "build_options": { "xaiva_media_source": "../nowhere" }, "environment": { "MODE": "fast" }
}"#;
    write(home, "presets/first.json", text);
    write(home, "presets/broken.json", "{");
    write(home, "artifacts/production/requirements.txt", "six\n");
    write(home, "media/CMakeLists.txt", "cmake_minimum_required(VERSION 3.16)\nproject(media NONE)\n");
    write(home, ".env", "# ours\nDEFAULT_PRESET=production\nTZ=\"Asia/Seoul\"\nXAIVA_MEDIA_PATH=media\n");
    let below = home.join("docker/deep");
    std::fs::create_dir_all(&below).unwrap();
    let run = |words: &[&str], wanted: i32| {
        let output = command(&below, words).output().unwrap();
        let all =
            format!("{}{}", printed(&output), told(home, &output)).replace(home.to_str().unwrap(), "[HOME]");
        assert_eq!(code(&output), wanted, "{words:?}: {all}");
        all
    };
    let listed = run(&["case", "list"], 0);
    let line = "production                     small wheels in the place of large ones ([HOME]/presets)";
    assert!(listed.lines().any(|found| found == line), "{listed}");
    assert!(listed.contains("broken                         (has mistakes: "), "{listed}");
    let shown = run(&["case", "show"], 0);
    assert!(shown.contains("\"path\": \"[HOME]/media\""), "{shown}");
    for (name, value) in [("TZ", "Asia/Seoul"), ("MODE", "fast")] {
        assert!(shown.contains(&format!("\"{name}\": \"{value}\"")), "{shown}");
    }
    let place: Vec<String> = ["--prefix", "--state-dir", "--cache-dir", "--data-dir"]
        .iter()
        .flat_map(|flag| [(*flag).to_owned(), home.join(flag.trim_start_matches('-')).display().to_string()])
        .collect();
    let place: Vec<&str> = place.iter().map(String::as_str).collect();
    let planned = run(&[&["plan"], &place[..]].concat(), 0);
    assert!(planned.contains("case: production (DEFAULT_PRESET in [HOME]/.env)"), "{planned}");
    let planned = run(&[&["plan", "--json"], &place[..]].concat(), 0);
    assert!(planned.contains("/artifacts/production/brought"), "{planned}");

    std::fs::set_permissions(home.join(".env"), std::fs::Permissions::from_mode(0o666)).unwrap();
    let told = run(&[&["plan", "--case", "production", "--skip", "xaiva-media"], &place[..]].concat(), 0);
    assert!(told.contains("warning: [HOME]/.env is not read") && !told.contains("defaults: "), "{told}");
    std::fs::remove_file(home.join(".env")).unwrap();

    write(home, ".env", "DEFAULT_PRESET=production\nXAIVA_MEDIA_PATH=gone\n");
    let refused = run(&["case", "show"], 2);
    assert!(refused.contains("XAIVA_MEDIA_PATH in [HOME]/.env: [HOME]/gone is not a directory"), "{refused}");
    write(home, ".env", "DEFAULT_PRESET=production\nnonsense\n");
    assert!(run(&["plan"], 2).contains("[HOME]/.env:2: this line sets nothing"));
    std::fs::remove_file(home.join(".env")).unwrap();
    let imported = run(&["case", "import", "../../presets/first.json", "--output", "../../cases/mine"], 0);
    assert!(imported.contains("wrote ../../cases/mine/case.toml"), "{imported}");
    let case = std::fs::read_to_string(home.join("cases/mine/case.toml")).unwrap();
    assert!(case.contains("path = \"../../../nowhere\""), "{case}");
}

#[test]
fn an_unknown_key_of_a_preset_is_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    let text = preset(home)
        .replace("\"cuda\"", "\"pyhton\": {},\n  \"cuda\"")
        .replace("\"arch\"", "\"archs\": [86], \"arch\"");
    write(home, "presets/stand-in.json", &text);
    let output = placed(home, &["case", "check", "presets/stand-in.json"]);
    assert_eq!(code(&output), 0, "{}", told(home, &output));
    insta::assert_snapshot!("preset-unknown-key", told(home, &output));
}

#[test]
fn a_pair_that_does_not_go_together_is_refused_before_anything_is_fetched() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    let text =
        preset(home).replace("\"2.8.0\"", "\"2.8.0+cu118\"").replace("0.23.0", "0.16.0").replace("86", "30");
    write(home, "presets/stand-in.json", &text);
    let output = placed(home, &["all", "--case", "presets/stand-in.json"]);
    assert_eq!(code(&output), 3, "{}", told(home, &output));
    insta::assert_snapshot!("preset-bad-pairs", told(home, &output));
    assert!(!home.join("artifacts").exists() && !home.join("state-dir").exists());
}

#[test]
fn a_python_that_this_machine_lacks_is_refused_with_what_would_work() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    let text = preset(home)
        .replace("\"python\": {}", "\"python\": {\"version\": \"3.7\"}")
        .replace("2.8.0", "1.13.1");
    write(home, "presets/stand-in.json", &text.replace("0.23.0", "0.14.1").replace("12.6", "11.7"));
    let output = placed(home, &["plan", "--case", "presets/stand-in.json"]);
    let text = told(home, &output);
    assert_eq!(code(&output), 4, "{text}");
    assert!(text.contains("python3.7 is not on PATH") && text.contains("python.interpreter"), "{text}");
    assert!(text.contains("\"version\": \"3.7\"") && text.contains('^'), "{text}");
    // The case itself is well.
    let output = placed(home, &["case", "check", "presets/stand-in.json"]);
    assert_eq!(code(&output), 0, "{}", told(home, &output));
}

#[test]
fn every_case_that_is_built_in_checks_clean() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    let list = printed(&installer(home, &["case", "list"]));
    // Fragments stand behind an empty line; they are no cases by themselves.
    let cases = list.lines().take_while(|line| !line.is_empty());
    let names: Vec<&str> = cases.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() >= 4, "{list}");
    for name in names {
        let output = placed(home, &["case", "check", name]);
        let text = told(home, &output);
        assert_eq!(code(&output), 0, "{name}: {text}");
        assert!(text.contains("no mistakes found") && !text.contains("warning"), "{name}: {text}");
    }
}

mod needs_python_up_to_3_12 {
    use super::*;

    #[test]
    fn numpy_is_held_to_what_torch_was_built_for() {
        // Debian 13's own Python is too new for that torch.
        testkit::need("python_up_to_3_12");
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path();
        wheels(
            home,
            &[
                "main/simple/torch torch 2.2.2 main",
                "main/simple/numpy numpy 1.26.4 main",
                "main/simple/numpy numpy 2.1.3 main",
                "main/simple/helper helper 1.0 main numpy",
            ],
        );
        write(
            home,
            "presets/stand-in.json",
            r#"{"metadata": {"name": "stand-in"}, "base_image": "", "python": {}, "pytorch": {"torch_version": "2.2.2"},
  "tensorrt": {}, "cuda": {}, "build_options": {}}"#,
        );
        write(home, "artifacts/stand-in/requirements.txt", "helper\n");
        let output = all(home, &["deps", "--progress", "plain"]);
        assert_eq!(code(&output), 0, "{}", told(home, &output));
        let lock = std::fs::read_to_string(home.join("artifacts/wheels/requirements.lock")).unwrap();
        assert!(lock.contains("numpy==1.26.4"), "{lock}");
    }
}
