//! Projects whose build asks git for their version: the working copy has no repository, and the version is right all the
//! same.
#![expect(clippy::disallowed_methods, reason = "a test makes its repository with git")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::path::Path;
use std::process::Command;

use common::*;

/// What the project asks, each into a line of its own.
const ASKS: &str = "set -e\ncd \"$1\"\ngit describe --tags --dirty\ngit describe --tags --long --abbrev=8\n\
                    git describe --tags --abbrev=0\ngit -C \"$1\" rev-parse --short=9 HEAD\ngit rev-parse HEAD\n\
                    git log -1 --format=%h\ngit rev-parse --is-inside-work-tree 2>/dev/null || echo no\n";

fn git(directory: &Path, words: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=x", "-c", "user.email=x@x.example", "-c", "tag.gpgSign=false"])
        .args(words);
    let output = command.current_dir(directory).output().unwrap();
    assert!(output.status.success(), "git {words:?}: {}", said(&output));
    printed(&output).trim().to_owned()
}

fn case(home: &Path, source: &str) {
    write(
        home,
        "case.toml",
        format!(
            "schema = 1\n[metadata]\nname = \"told\"\n[sources.told]\n{source}\n[components.told]\ndriver = \"command\"\n\
             [components.told.commands]\ncompile = [[\"sh\", \"-c\", \"sh {{source}}/version.sh {{source}} > {{build}}/version\"]]\n\
             install = [[\"install\", \"-D\", \"{{build}}/version\", \"{{destdir}}{{prefix}}/share/version\"]]\n\
             [[components.told.checks]]\nkind = \"run\"\ncommand = [\"test\", \"-s\", \"{{prefix}}/share/version\"]\n"
        ),
    );
}

/// The lines of what is installed after `all`.
fn built(home: &Path) -> Vec<String> {
    succeeded(&placed(home, &["all", "--case", "case.toml", "--progress", "plain", "-y"]));
    let text = std::fs::read_to_string(home.join("prefix/share/version")).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_build_that_asks_git_gets_what_git_says_of_the_source() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    let told = home.join("told");
    // The words that make it known for one that asks are in the file that asks.
    write(home, "told/version.sh", ASKS);
    git(&told, &["init", "--quiet", "-b", "main"]);
    git(&told, &["add", "."]);
    git(&told, &["commit", "--quiet", "-m", "one"]);
    git(&told, &["tag", "v1.2.0"]);
    git(&told, &["commit", "--quiet", "--allow-empty", "-m", "two"]);
    let answers = || {
        let head = git(&told, &["rev-parse", "HEAD"]);
        vec![
            git(&told, &["describe", "--tags", "--dirty"]),
            git(&told, &["describe", "--tags", "--long", "--abbrev=8"]),
            git(&told, &["describe", "--tags", "--abbrev=0"]),
            head[..9].to_owned(),
            head,
            git(&told, &["log", "-1", "--format=%h"]),
        ]
    };
    case(home, "kind = \"path\"\npath = \"told\"");
    let before = git(&told, &["status", "--porcelain"]);
    let first = built(home);
    assert_eq!(first[..6], answers()[..]);
    assert!(first[0].starts_with("v1.2.0-1-g"), "{first:?}");
    assert_eq!(git(&told, &["status", "--porcelain"]), before);
    let again = succeeded(&placed(home, &["all", "--case", "case.toml", "--progress", "plain", "-y"]));
    assert!(again.contains("build: nothing to do"), "{again}");
    // Nothing but a tag is new.
    git(&told, &["tag", "v1.3.0"]);
    assert_eq!(built(home)[0], "v1.3.0");
    write(home, "told/version.sh", format!("# more\n{ASKS}"));
    assert_eq!(built(home)[0], "v1.3.0-dirty");
    git(&told, &["checkout", "--quiet", "version.sh"]);

    // A commit that is fetched, by a branch; and from the artifacts alone, where there is no repository at all.
    git(&told, &["commit", "--quiet", "--allow-empty", "-m", "three"]);
    case(home, &format!("kind = \"git\"\nurl = \"file://{}\"\nrevision = \"main\"", told.display()));
    let fetched = built(home);
    assert_eq!(fetched[..5], answers()[..5]);
    assert!(fetched[0].starts_with("v1.3.0-1-g"), "{fetched:?}");
    let lock = std::fs::read_to_string(home.join("case.lock")).unwrap();
    assert!(lock.contains("description = \"v1.3.0-1-g"), "{lock}");
    for name in ["told", "cache-dir", "state-dir", "prefix"] {
        std::fs::remove_dir_all(home.join(name)).unwrap();
    }
    succeeded(&placed(home, &["all", "--offline", "--case", "case.toml", "--progress", "plain", "-y"]));
    let carried = std::fs::read_to_string(home.join("prefix/share/version")).unwrap();
    assert_eq!(carried.lines().next().unwrap(), fetched[0]);
}

#[test]
fn where_git_has_no_answer_the_run_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    let script = "# git describe\nset -e\necho 0.0.0-unknown\n";
    write(home, "told/version.sh", script);
    case(home, "kind = \"path\"\npath = \"told\"");
    let plan = placed(home, &["plan", "build", "--case", "case.toml"]);
    assert!(printed(&plan).contains("source told is no checkout"), "{}{}", printed(&plan), said(&plan));
    write(home, "pack/told-1.0/version.sh", script);
    let sha256 =
        bash(home, "tar -czf told-1.0.tar.gz -C pack told-1.0; sha256sum told-1.0.tar.gz | cut -d ' ' -f 1");
    case(
        home,
        &format!(
            "kind = \"archive\"\nurls = [\"file://{}/told-1.0.tar.gz\"]\nsha256 = \"{}\"",
            home.display(),
            sha256.trim()
        ),
    );
    let all = succeeded(&placed(home, &["all", "--case", "case.toml", "--progress", "plain", "-y"]));
    assert!(all.contains("its build asks git for a version, which an archive has not"), "{all}");
}
