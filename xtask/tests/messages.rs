//! Messages that lead out: the whole screen of each mistake and failure, as a user sees it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::fs;
use std::path::Path;

use common::*;

const CASE: &str = "schema = 1\n[metadata]\nname = \"c\"\n[sources.packer]\nkind = \"path\"\npath = \"src\"\n\
                    [components.packer]\ndriver = \"command\"\n[components.packer.commands]\ncompile = [[\"true\"]]\n\
                    install = [[\"install\", \"-D\", \"{source}/x\", \"{destdir}{prefix}/share/x\"]]\n";

fn python(line: &str) -> String {
    format!("schema = 1\n[metadata]\nname = \"py\"\n[python]\n{line}\n")
}

/// A directory with these files.
fn home(files: &[(&str, &str)]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in [("case.toml", CASE), ("src/x", "x\n")].iter().chain(files) {
        let path = home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    home
}

/// All that a command says, without the place and with its status.
fn screen(home: &Path, words: &[&str]) -> String {
    let takes_place = !matches!(words[0], "case" | "instal" | "setup");
    let output = if takes_place { placed(home, words) } else { installer(home, words) };
    let said = format!("{}{}", printed(&output), said(&output));
    format!(
        "$ installer {}\n{}[{}]\n",
        words.join(" "),
        said.replace(home.to_str().unwrap(), "[HOME]"),
        code(&output)
    )
}

#[test]
fn a_slip_leads_to_what_could_be_meant() {
    let home = home(&[]);
    let screens: Vec<String> = [
        &["instal"][..],
        &["setup"],
        &["explain", "packr", "--case", "case.toml"],
        &["build", "--case", "case.toml", "--only", "packr"],
        &["plan", "--case", "case.toml", "--set", "components.packer.option.y=1"],
        &["plan", "--case", "case.toml", "--set", "components.packr.options.y=1"],
    ]
    .iter()
    .map(|words| screen(home.path(), words))
    .collect();
    insta::assert_snapshot!("slips", screens.join("\n"));
}

#[test]
fn files_of_another_kind_are_refused_with_what_would_work() {
    let home = home(&[
        ("poetry.toml", &python("requirements = [\"poetry.lock\"]")),
        (
            "uv.toml",
            &python(
                "requirements = [\"uv.lock\"]\noptional = [{ name = \"extra\", requirements = [\"pyproject.toml\"] }]",
            ),
        ),
        ("links.toml", &python("packages = [\"six\"]\nfind_links = [\"https://index.example/links\"]")),
        ("url.toml", &python("requirements = [\"https://files.example/requirements.txt\"]")),
        ("passwd", "root:x:0:0:root:/root:/bin/bash\n"),
        ("some.json", "{ \"a\": 1 }\n"),
    ]);
    let screens: Vec<String> = [
        &["case", "check", "poetry.toml"][..],
        &["case", "check", "uv.toml"],
        &["case", "check", "links.toml"],
        &["case", "check", "url.toml"],
        &["case", "import", "passwd"],
        &["case", "import", "some.json"],
        &["case", "import", "case.toml"],
    ]
    .iter()
    .map(|words| screen(home.path(), words))
    .collect();
    insta::assert_snapshot!("other_kinds", screens.join("\n"));
}
