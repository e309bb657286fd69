//! What a bare `installer` and `-h` show, manual pages, and completions in a real shell.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a test starts the programs that it tests")]

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use common::*;

/// Every command that is shown.
const COMMANDS: &[&str] = &[
    "all",
    "build",
    "case",
    "case check",
    "case diff",
    "case import",
    "case list",
    "case new",
    "case reference",
    "case show",
    "clean",
    "completions",
    "deps",
    "doctor",
    "explain",
    "image",
    "image dockerfile",
    "image export",
    "image install-packages",
    "image runtime-packages",
    "plan",
    "recipe",
    "recipe check",
    "recipe list",
    "recipe show",
    "schema",
    "shell",
    "status",
    "uninstall",
    "verify",
];

fn narrow(directory: &Path, line: &str, flag: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().chain([flag]).collect();
    let output = command(directory, &words).env("COLUMNS", "80").output().unwrap();
    assert_eq!(code(&output), 0, "{line} {flag}: {}", said(&output));
    printed(&output)
}

fn fits(what: &str, text: &str, lines: usize) {
    assert!(text.lines().count() <= lines, "{what} has {} lines:\n{text}", text.lines().count());
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{what}: {line}");
    }
}

#[test]
fn a_bare_installer_prints_one_page_and_is_content() {
    let home = tempfile::tempdir().unwrap();
    let output = installer(home.path(), &[]);
    assert_eq!(code(&output), 0);
    assert_eq!(said(&output), "");
    let page = printed(&output);
    fits("the page", &page, 24);
    for word in ["installer all quickstart", "installer plan CASE", "installer -h"] {
        assert!(page.contains(word), "{page}");
    }
    // Flags without a command are a mistake.
    assert_eq!(code(&installer(home.path(), &["--case", "quickstart"])), 2);
}

#[test]
fn short_help_fits_a_screen_and_long_help_has_the_rest() {
    let home = tempfile::tempdir().unwrap();
    fits("installer -h", &narrow(home.path(), "", "-h"), 40);
    for line in COMMANDS {
        let short = narrow(home.path(), line, "-h");
        fits(&format!("{line} -h"), &short, 40);
        let long = narrow(home.path(), line, "--help");
        assert!(!short.contains("[env:"), "{short}");
        assert!(!long.contains("__") && !short.contains("__"), "hidden commands stay hidden: {line}");
    }
    let (short, long) = (narrow(home.path(), "build", "-h"), narrow(home.path(), "build", "--help"));
    assert!(short.contains("--jobs") && !short.contains("--state-dir"), "{short}");
    assert!(long.contains("--state-dir") && long.contains("[env: INSTALLER_STATE_DIR]"), "{long}");
    for heading in ["What is built:", "How it runs:", "What is shown:", "Where things lie:", "This place:"] {
        assert!(long.contains(heading), "{heading}: {long}");
    }
    // What means nothing to a command is not shown, and taken all the same.
    assert!(!narrow(home.path(), "schema", "--help").contains("--jobs"));
    assert_eq!(code(&installer(home.path(), &["schema", "--jobs", "2"])), 0);
    let top = narrow(home.path(), "", "-h");
    for line in COMMANDS.iter().filter(|line| !line.contains(' ')) {
        assert!(top.contains(&format!("\n  {line} ")), "{line} is in no group:\n{top}");
    }
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("man/man1");
    let output = installer(home.path(), &["__man", directory.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let found: BTreeSet<String> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut expected: BTreeSet<String> =
        COMMANDS.iter().map(|line| format!("installer-{}.1", line.replace(' ', "-"))).collect();
    expected.insert("installer.1".to_owned());
    assert_eq!(found, expected);
    let build = std::fs::read_to_string(directory.join("installer-build.1")).unwrap();
    assert!(build.contains(".TH installer-build 1"), "{build}");
    assert!(build.contains("state\\-dir") && build.contains("INSTALLER_STATE_DIR"), "{build}");
}

/// What bash would offer for a line with the cursor at its end.
fn completed(home: &Path, line: &str) -> Vec<String> {
    // Words as readline splits them: at blanks, `=` and `:`.
    let script = r#"
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
source <("$INSTALLER" completions bash) || exit 9
complete -p installer >/dev/null || exit 8
COMP_LINE=$1 COMP_POINT=${#1}
COMP_WORDS=() rest=$1
while [[ $rest =~ ^([[:space:]]*)([=:]+|[^[:space:]=:]+)(.*)$ ]]; do
    COMP_WORDS+=("${BASH_REMATCH[2]}")
    rest=${BASH_REMATCH[3]}
done
[[ $1 == *[[:space:]] ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_installer "$INSTALLER" "${COMP_WORDS[COMP_CWORD]}" ""
printf '%s\n' "${COMPREPLY[@]}"
"#;
    let mut command = Command::new("bash");
    command.args(["--norc", "-c", script, "bash", line]).current_dir(home).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", home);
    let output = command.env("INSTALLER", env!("CARGO_BIN_EXE_installer")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{line}: {}", said(&output));
    assert_eq!(said(&output), "", "{line}");
    printed(&output).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_completes_what_is_there() {
    let home = tempfile::tempdir().unwrap();
    let own = home.path().join("cases/quite-mine");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(
        own.join("case.toml"),
        "schema = 1\n[sources.here]\nkind = \"path\"\npath = \"src\"\n[components.shapes]\ndriver = \"cmake\"\nsource = \"here\"\n",
    )
    .unwrap();
    for (line, expected) in [
        ("installer expl", &["explain"][..]),
        ("installer __", &[]),
        ("installer deps qui", &["quite-mine", "quickstart"]),
        ("installer deps --case qui", &["quite-mine", "quickstart"]),
        ("installer deps --case=qui", &["quite-mine", "quickstart"]),
        ("installer verify quickstart ", &["ffmpeg", "sfz", "python"]),
        ("installer verify --case quickstart f", &["ffmpeg"]),
        ("installer uninstall sh", &[]),
        ("installer uninstall quite-mine sh", &["shapes"]),
        ("installer build quickstart --only=ffmpeg,sf", &["ffmpeg,sfz"]),
        ("installer build quickstart --source ", &["ffmpeg=", "sfz="]),
        ("installer build quite-mine --source he", &["here="]),
        ("installer build quite-mine --shapes-s", &["--shapes-src"]),
        ("installer explain quickstart build/ffmpeg/comp", &["build/ffmpeg/compile"]),
        ("installer shell build/sfz/comp", &[]),
        ("installer plan b", &["build"]),
        ("installer plan build qui", &["quite-mine", "quickstart"]),
        ("installer case ch", &["check"]),
        ("installer completions ", &["bash", "zsh", "fish"]),
        ("installer deps quickstart --component", &[]),
        ("installer verify no-such-case --only x", &[]),
    ] {
        assert_eq!(completed(home.path(), line), expected, "{line}");
    }
    let flags = completed(home.path(), "installer build --st");
    assert_eq!(flags, ["--state-dir"]);
    let commands = completed(home.path(), "installer ");
    assert!(
        commands.contains(&"all".to_owned()) && commands.iter().all(|word| !word.starts_with(['-', '_']))
    );
    // A case with a mistake says nothing, and ends nothing.
    std::fs::write(own.join("case.toml"), "schema = 1\n[oops\n").unwrap();
    assert_eq!(completed(home.path(), "installer explain quite-mine b"), Vec::<String>::new());
}

#[test]
fn scripts_for_other_shells_are_printed() {
    let home = tempfile::tempdir().unwrap();
    for shell in ["zsh", "fish"] {
        let output = installer(home.path(), &["completions", shell]);
        assert_eq!(code(&output), 0);
        assert!(printed(&output).contains(&format!("__complete {shell} --")), "{}", printed(&output));
    }
    let words = ["__complete", "fish", "--", "installer", "deps", "quick"];
    let output = installer(home.path(), &words);
    assert!(printed(&output).starts_with("quickstart\tFFmpeg"), "{}", printed(&output));
}
