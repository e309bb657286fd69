//! Requirement files as pip reads them: where it finds what they name, and what they include.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::path::Path;
use std::process::Command;

use common::*;

/// A case whose packages come from `wheels` alone.
fn case(home: &Path, python: &str) {
    for version in ["1.0", "2.0"] {
        wheel(&home.join("wheels"), "plain", version);
    }
    wheel(&home.join("wheels"), "other", "1.0");
    write(
        home,
        "case.toml",
        format!("schema = 1\n[metadata]\nname = \"reqs\"\n[python]\nfind_links = [\"wheels\"]\n{python}\n"),
    );
    // Modules that pip uses: it must not take them for its own.
    for module in ["logging.py", "pip.py"] {
        write(home, module, "raise SystemExit('a module of the case was run')\n");
    }
}

fn all(home: &Path, wanted: i32) -> String {
    run(home, "all", wanted)
}

/// What `deps` locked of a package.
fn locked(home: &Path, name: &str) -> String {
    run(home, "deps", 0);
    let lock = std::fs::read_to_string(home.join("artifacts/wheels/requirements.lock")).unwrap();
    lock.lines()
        .find(|line| line.starts_with(name))
        .unwrap_or_default()
        .trim_end_matches([' ', '\\'])
        .to_owned()
}

fn run(home: &Path, phase: &str, wanted: i32) -> String {
    let mut command = placed_command(home, &[phase, "case.toml", "--progress", "plain"]);
    let output = without_index(&mut command).output().unwrap();
    let text = format!("{}{}", said(&output), printed(&output));
    assert_eq!(code(&output), wanted, "{text}");
    text
}

/// The version of a package that the case's environment imports.
fn version(home: &Path, name: &str) -> String {
    let python = home.join("data-dir/environments/reqs/bin/python");
    #[expect(clippy::disallowed_methods, reason = "a test looks at what was installed")]
    let output = Command::new(python)
        .args(["-I", "-c", &format!("import {name}; print({name}.version)")])
        .output()
        .unwrap();
    printed(&output).trim().to_owned()
}

#[test]
fn what_pip_finds_from_the_cases_directory_is_found_and_what_a_file_includes_counts() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    case(
        home,
        "requirements = [\"reqs/base.txt\"]\npackages = [\"other\", \"./more/argued-1.0-py3-none-any.whl\"]",
    );
    wheel(&home.join("more"), "argued", "1.0");
    wheel(&home.join("more"), "beside", "1.0");
    wheel(&home.join("more"), "addressed", "1.0+local");
    write(
        home,
        "reqs/base.txt",
        "\u{feff}# f\u{fc}r alle\n-r nested/more.txt\n-c nested/limits.txt\nplain ; python_version >= '3.6'\nnone ; python_version < '3'\n",
    );
    write(
        home,
        "reqs/nested/more.txt",
        format!(
            "more/beside-1.0-py3-none-any.whl\naddressed @ file://{}/more/addressed-1.0%2Blocal-py3-none-any.whl\n",
            home.display()
        ),
    );
    write(home, "reqs/nested/limits.txt", "plain<2\n");
    let told = all(home, 0);
    assert!(!told.contains("unnoticed"), "{told}");
    for (name, wanted) in
        [("plain", "1.0"), ("other", "1.0"), ("beside", "1.0"), ("argued", "1.0"), ("addressed", "1.0+local")]
    {
        assert_eq!(version(home, name), wanted, "{name}");
    }
    assert!(all(home, 0).contains("nothing to do"));

    // A constraint two files away.
    write(home, "reqs/nested/limits.txt", "plain==2.0\n");
    let told = all(home, 0);
    assert!(told.contains("[deps/wheels]") && told.contains("nested/limits.txt"), "{told}");
    assert!(told.contains("[build/python] done"), "{told}");
    assert_eq!(version(home, "plain"), "2.0");

    // The wheel that a path names is another one.
    let place = home.join("more/beside-1.0-py3-none-any.whl");
    wheel(&home.join("again"), "beside", "1.0");
    wheel(&home.join("again"), "unused", "1.0");
    let script = "import sys, zipfile\nzipfile.ZipFile(sys.argv[1], 'a').writestr('beside/added.py', '')";
    #[expect(clippy::disallowed_methods, reason = "a test prepares what it tests on")]
    let changed = Command::new("/usr/bin/python3").args(["-c", script]).arg(&place).output().unwrap();
    assert!(changed.status.success(), "{}", said(&changed));
    all(home, 0);
    let added = home.join("data-dir/environments/reqs/lib");
    let found = installed_below(&added).into_iter().any(|(name, ..)| name.ends_with("beside/added.py"));
    assert!(found, "the new wheel is installed");

    // Lost artifacts come again, by the lock, from where they were.
    std::fs::remove_dir_all(home.join("artifacts")).unwrap();
    assert!(!all(home, 0).contains("failed"));
}

#[test]
fn an_included_file_that_is_missing_is_named_with_the_line_that_includes_it() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    case(home, "requirements = [\"reqs/base.txt\"]");
    write(home, "reqs/base.txt", "plain\n-r nested/more.txt\n");
    write(home, "reqs/nested/more.txt", "other\n# a comment\n--constraint=gone.txt\n");
    let checked = placed(home, &["case", "check", "case.toml"]);
    assert_eq!(code(&checked), model::exit::BAD_CASE);
    assert!(said(&checked).contains("reqs/nested/more.txt:3"), "{}", said(&checked));
    let told = run(home, "deps", model::exit::STEP_FAILED);
    let home = home.display();
    assert!(
        told.contains(&format!(
            "{home}/reqs/nested/gone.txt, which {home}/reqs/nested/more.txt includes on line 3"
        )),
        "{told}"
    );
    assert!(told.contains("correct the line that includes it"), "{told}");
    write(directory.path(), "reqs/nested/gone.txt", "plain<2\n");
    assert_eq!(code(&placed(directory.path(), &["case", "check", "case.toml"])), model::exit::OK);
    write(directory.path(), "reqs/nested/gone.txt", "./wheels/gone-1.0-py3-none-any.whl\n");
    let checked = placed(directory.path(), &["case", "check", "case.toml"]);
    assert_eq!(code(&checked), model::exit::BAD_CASE);
    assert!(said(&checked).contains("reqs/nested/gone.txt:1") && said(&checked).contains("no such file"));
    write(directory.path(), "reqs/nested/gone.txt", "plain<2\n");
    assert_eq!(locked(directory.path(), "plain"), "plain==1.0");
}

#[test]
fn a_requirement_file_in_utf_16_is_decoded_by_its_byte_order_mark() {
    let encodings: [fn(u16) -> [u8; 2]; 2] = [u16::to_le_bytes, u16::to_be_bytes];
    for encode in encodings {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path();
        case(home, "requirements = [\"reqs/utf16.txt\"]");
        let bytes: Vec<u8> = "\u{feff}plain==1.0\r\n".encode_utf16().flat_map(encode).collect();
        write(home, "reqs/utf16.txt", bytes);
        assert_eq!(locked(home, "plain"), "plain==1.0");
    }
}
