//! Checkouts of the user's, accelerators and their fragments, as a user meets them.
#![expect(clippy::disallowed_methods, reason = "a test starts the program that it tests, and git")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::path::Path;
use std::process::Command;

use common::*;

const CORE: &str = "2cec6ce6b27a789bf47818b370defa47a271dcc4";
const LM: &str = "65909f8593d64f8dcce09de71b05da095dd66214";
const NEWER_LM: &str = "df1a1fd949ac9044c853275c901d248fd6221b13";

/// A case of these components, each built from what `--source` names.
fn case(home: &Path, name: &str, components: &[&str], more: &str) {
    let mut text = format!("schema = 1\n{more}[metadata]\nname = \"{name}\"\n");
    for component in components {
        text += &format!(
            "[sources.{component}]\nkind = \"mounted\"\ndescription = \"a checkout\"\n\
             [components.{component}]\ndriver = \"command\"\n[components.{component}.commands]\n\
             compile = [[\"sh\", \"-c\", \"echo sdk=$KUNLUN_HOME >sdk\"]]\n\
             install = [[\"install\", \"-D\", \"{{source}}/file\", \"{{destdir}}{{prefix}}/share/{component}\"], \
             [\"install\", \"-D\", \"sdk\", \"{{destdir}}{{prefix}}/share/{component}.sdk\"]]\n"
        );
    }
    std::fs::write(home.join(format!("{name}.toml")), text).unwrap();
}

/// A directory that looks like a checkout at this commit, as far as files of git say.
fn looks_like(path: &Path, commit: &str) {
    std::fs::create_dir_all(path.join(".git")).unwrap();
    std::fs::write(path.join(".git/HEAD"), format!("{commit}\n")).unwrap();
    std::fs::write(path.join("file"), "content\n").unwrap();
}

fn git(directory: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgSign=false"])
        .arg("-C")
        .arg(directory)
        .args(words)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A repository with one commit.
fn repository(path: &Path) -> String {
    std::fs::create_dir_all(path).unwrap();
    git(path, &["init", "-q"]);
    std::fs::write(path.join("file"), "content\n").unwrap();
    git(path, &["add", "."]);
    git(path, &["commit", "-qm", "one"]);
    git(path, &["rev-parse", "HEAD"])
}

#[test]
fn a_wrong_pair_of_checkouts_is_refused_with_one_that_works() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    case(home, "pair", &["infinicore", "infinilm"], "");
    looks_like(&home.join("core"), CORE);
    looks_like(&home.join("lm"), NEWER_LM);
    let words =
        ["plan", "build", "--case", "pair.toml", "--source", "infinicore=core", "--source", "infinilm=lm"];
    let refused = placed(home, &words);
    assert_eq!(code(&refused), 3, "{}", said(&refused));
    let text = said(&refused);
    for word in ["infinilm df1a1fd9 do not work together", "Graph::bind_host_int_array", LM, "git checkout"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    looks_like(&home.join("lm"), LM);
    let fine = placed(home, &words);
    assert_eq!(code(&fine), 0, "{}", said(&fine));
    assert!(!(said(&fine) + &printed(&fine)).contains("work together"), "{}", said(&fine));
    looks_like(&home.join("lm"), "563cb3eb89e0ab66574ebd1fbc4496fd81a1f642");
    let unknown = placed(home, &words);
    assert_eq!(code(&unknown), 0, "{}", said(&unknown));
    assert!(
        (said(&unknown) + &printed(&unknown)).contains("are not known to work together"),
        "{}",
        printed(&unknown)
    );
}

#[test]
fn a_checkout_is_built_as_it_is_and_a_clone_of_the_same_commit_builds_nothing() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    case(home, "mine", &["app"], "");
    let tree = home.join("app");
    let commit = repository(&tree);
    let build = |progress: &str| {
        let output =
            placed(home, &["build", "--case", "mine.toml", "--source", "app=app", "--progress", progress]);
        assert_eq!(code(&output), 0, "{}{}", said(&output), printed(&output));
        output
    };
    let manifest = || -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(home.join("prefix/share/installer/app.json")).unwrap()).unwrap()
    };
    assert!(!said(&build("plain")).contains("source app"), "nothing is to be said of it");
    assert_eq!(manifest()["checkout"], serde_json::json!({ "commit": commit, "dirty": false }));
    let index = std::fs::read(tree.join(".git/index")).unwrap();

    // The same commit elsewhere, and then in its place: other times, other inodes, the same content.
    git(home, &["clone", "-q", "app", "again"]);
    std::fs::rename(&tree, home.join("old")).unwrap();
    std::fs::rename(home.join("again"), &tree).unwrap();
    assert_eq!(started(&build("json")).len(), 0, "a clone of the same commit is the same source");
    assert_eq!(std::fs::read(home.join("old/.git/index")).unwrap(), index);

    std::fs::write(tree.join("file"), "changed\n").unwrap();
    let told = said(&build("plain"));
    assert!(told.contains("has uncommitted changes (M file)"), "{told}");
    assert_eq!(manifest()["checkout"], serde_json::json!({ "commit": commit, "dirty": true }));
    let status = placed(home, &["status", "--case", "mine.toml", "--source", "app=app"]);
    let shown = printed(&status);
    assert!(shown.contains(&format!("from commit {} with uncommitted changes", &commit[..8])), "{shown}");
    assert_eq!(git(&tree, &["status", "--porcelain"]), "M file", "the user's changes are his");
}

#[test]
fn an_sdk_that_is_missing_is_told_before_anything_runs_and_found_by_its_variable() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    case(home, "core", &["infinicore"], "");
    std::fs::write(
        home.join("xpu.toml"),
        "schema = 1\nextends = [\"core.toml\", \"accelerator-kunlun\"]\n[metadata]\nname = \"xpu\"\n",
    )
    .unwrap();
    repository(&home.join("core"));
    let words = ["build", "--case", "xpu.toml", "--source", "infinicore=core", "--progress", "plain"];
    let refused = placed(home, &words);
    assert_eq!(code(&refused), 4, "{}", said(&refused));
    assert!(said(&refused).contains("KUNLUN_HOME is not set"), "{}", said(&refused));
    assert!(!home.join("prefix").exists());
    let sdk = home.join("sdk");
    for path in ["xtdk/bin/clang++", "xre/include/x", "xhpc/xdnn/include/x", "xhpc/xblas/include/x"] {
        std::fs::create_dir_all(sdk.join(path).parent().unwrap()).unwrap();
        std::fs::write(sdk.join(path), "").unwrap();
    }
    let built = placed_command(home, &words).env("KUNLUN_HOME", &sdk).output().unwrap();
    assert_eq!(code(&built), 0, "{}", said(&built));
    let seen = std::fs::read_to_string(home.join("prefix/share/infinicore.sdk")).unwrap();
    assert_eq!(seen, format!("sdk={}\n", sdk.display()));
    // Another SDK is another build.
    std::fs::rename(&sdk, home.join("other")).unwrap();
    let rebuilt = placed_command(home, &words).env("KUNLUN_HOME", home.join("other")).output().unwrap();
    assert_eq!(code(&rebuilt), 0, "{}", said(&rebuilt));
    assert!(std::fs::read_to_string(home.join("prefix/share/infinicore.sdk")).unwrap().contains("/other"));
}

#[test]
fn fragments_are_listed_apart_and_are_no_cases() {
    let home = tempfile::tempdir().unwrap();
    let list = installer(home.path(), &["case", "list"]);
    assert_eq!(code(&list), 0, "{}", said(&list));
    let text = printed(&list);
    let (cases, fragments) = text.split_once("\nfragments").unwrap();
    assert!(cases.contains("quickstart") && !cases.contains("accelerator-"), "{text}");
    assert!(fragments.contains("accelerator-metax, accelerator-moore"), "{text}");
    let refused = installer(home.path(), &["case", "check", "accelerator-metax"]);
    assert_eq!(code(&refused), 3, "{}", said(&refused));
    assert!(said(&refused).contains("extends = [\"CASE\", \"FRAGMENT\"]"), "{}", said(&refused));
}
