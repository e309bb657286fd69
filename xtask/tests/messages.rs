//! Messages that lead out: the whole screen of each mistake and failure, as a user sees it.
#![expect(clippy::disallowed_methods, reason = "a test makes its inputs with programs")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;

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

/// An index that knows no project, for as long as the test runs.
fn empty_index() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/simple", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            // The request is of no interest: the answer is the same.
            let _ = stream.read(&mut head).unwrap();
            stream
                .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .unwrap();
        }
    });
    url
}

/// A wheel of a project that needs others.
fn wheel(directory: &Path, name: &str, version: &str, needs: &str) {
    const MAKE: &str = "import sys, zipfile\nfile, name, version, needs = sys.argv[1:]\nwith zipfile.ZipFile(file, 'w') as it:\n \
                        info = name + '-' + version + '.dist-info/'\n it.writestr(name + '.py', '')\n \
                        it.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: %s\\nVersion: %s\\n' % (name, version) + \
                        (needs and 'Requires-Dist: %s\\n' % needs))\n \
                        it.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n \
                        it.writestr(info + 'RECORD', '')\n";
    fs::create_dir_all(directory).unwrap();
    let file = directory.join(format!("{name}-{version}-py3-none-any.whl"));
    let made =
        Command::new("python3").args(["-c", MAKE, file.to_str().unwrap(), name, version, needs]).status();
    assert!(made.unwrap().success());
}

#[test]
fn what_pip_says_has_a_way_out_of_its_own() {
    let zeros = "0".repeat(64);
    let home = home(&[
        ("nobody.toml", &python("packages = [\"numpyy==1.0\"]\nfind_links = [\"wheels\"]")),
        ("hash.toml", &python("requirements = [\"hash.txt\"]\nfind_links = [\"wheels\"]")),
        ("hash.txt", &format!("ones==1.0 --hash=sha256:{zeros}\n")),
        ("half.toml", &python("requirements = [\"half.txt\"]\nfind_links = [\"wheels\"]")),
        ("half.txt", &format!("ones==1.0 --hash=sha256:{zeros}\ntwos==2.0\n")),
        ("conflict.toml", &python("packages = [\"wants-one\", \"wants-two\"]\nfind_links = [\"wheels\"]")),
        ("typo.toml", &python("requirements = [\"typo.txt\"]\nfind_links = [\"wheels\"]")),
        ("typo.txt", "ones\ntwos=>1\n"),
    ]);
    let wheels = home.path().join("wheels");
    for (name, version, needs) in [
        ("ones", "1.0", ""),
        ("twos", "2.0", ""),
        ("base", "1.0", ""),
        ("base", "2.0", ""),
        ("wants_one", "1.0", "base==1.0"),
        ("wants_two", "1.0", "base==2.0"),
    ] {
        wheel(&wheels, name, version, needs);
    }
    let index = empty_index();
    let mut screens = Vec::new();
    for case in ["nobody", "hash", "half", "conflict", "typo"] {
        let mut command = placed_command(
            home.path(),
            &["deps", "--case", &format!("{case}.toml"), "--progress", "quiet", "-y"],
        );
        command.env("PIP_INDEX_URL", &index);
        let output = command.output().unwrap();
        let said = format!("{}{}", printed(&output), said(&output));
        // The cause and the ways out: what is quoted of pip differs with its version.
        let own = said
            .lines()
            .filter(|line| !line.contains(" | ") && !line.contains("command:") && !line.contains("log:"));
        let text: Vec<String> =
            own.map(|line| line.replace(home.path().to_str().unwrap(), "[HOME]")).collect();
        screens.push(format!("{case} [{}]\n{}\n", code(&output), text.join("\n")));
    }
    insta::assert_snapshot!("pip", screens.join("\n"));
}
