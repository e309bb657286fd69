//! What a case asks for is there at the end, or the run fails by file and line.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::Path;

use common::{code, placed, printed, said};
use model::exit;

fn write(home: &Path, name: &str, text: &str) {
    let path = home.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Runs, and answers with all that was said.
fn expect(home: &Path, words: &[&str], wanted: i32) -> String {
    let output = placed(home, &[words, &["--case", "case.toml"]].concat());
    let all = format!("{}{}", said(&output), printed(&output));
    assert_eq!(code(&output), wanted, "{words:?}: {all}");
    all
}

#[test]
fn a_requirement_that_leaves_no_wheel_is_refused_by_file_and_line_before_anything_is_downloaded() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    write(home, "pkg/pyproject.toml", "[project]\nname = \"pkg\"\nversion = \"1\"\n");
    for line in [
        "pkg @ git+file:///srv/pkg.git",
        "pkg @ git+https://example.invalid/pkg.git@v1",
        "pkg @ file:///srv/pkg-1.tar.gz",
        "pkg @ https://example.invalid/pkg-1.tar.gz",
        "./pkg",
        "-e ./pkg",
        "git+https://example.invalid/pkg.git#egg=pkg",
        "https://example.invalid/pkg-1.zip",
        "--no-binary pkg",
    ] {
        let case = |python: &str| {
            write(
                home,
                "case.toml",
                &format!("schema = 1\n[metadata]\nname = \"mine\"\n[python]\n{python}\n"),
            );
        };
        case("requirements = [\"reqs/base.txt\"]");
        write(home, "reqs/base.txt", "# what the base needs\n-r nested/more.txt\n");
        write(home, "reqs/nested/more.txt", &format!("\n\n{line}\n"));
        for words in [&["case", "check"][..], &["deps"], &["all"]] {
            let all = expect(home, words, exit::BAD_CASE);
            assert!(all.contains("reqs/nested/more.txt:3"), "{line}: {all}");
            assert!(all.contains("driver = \"python\""), "{line}: {all}");
        }
        case(&format!("packages = [{line:?}]"));
        let all = expect(home, &["case", "check"], exit::BAD_CASE);
        assert!(all.contains("case.toml:5") && all.contains("driver = \"python\""), "{line}: {all}");
        case(&format!("packages = []\n[[python.optional]]\nname = \"more\"\npackages = [{line:?}]"));
        let all = expect(home, &["deps"], exit::BAD_CASE);
        assert!(all.contains("case.toml:8"), "{line}: {all}");
    }
    assert!(!home.join("artifacts").exists(), "nothing is downloaded");
    write(
        home,
        "reqs/base.txt",
        "pkg @ file:///srv/pkg-1-py3-none-any.whl\n./wheels/other-1-py3-none-any.whl\n",
    );
    write(
        home,
        "case.toml",
        "schema = 1\n[metadata]\nname = \"mine\"\n[python]\nrequirements = [\"reqs/base.txt\"]\n",
    );
    expect(home, &["case", "check"], exit::OK);
}
