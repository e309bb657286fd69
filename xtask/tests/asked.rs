//! What a case asks for is there at the end, or the run fails by file and line.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::Path;

use common::{code, placed, printed, said, with_cargo, write};
use model::exit;

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
                format!("schema = 1\n[metadata]\nname = \"mine\"\n[python]\n{python}\n"),
            );
        };
        case("requirements = [\"reqs/base.txt\"]");
        write(home, "reqs/base.txt", "# what the base needs\n-r nested/more.txt\n");
        write(home, "reqs/nested/more.txt", format!("\n\n{line}\n"));
        let all = expect(home, &["case", "check"], exit::BAD_CASE);
        assert!(all.contains("reqs/nested/more.txt:3"), "{line}: {all}");
        assert!(all.contains("driver = \"python\""), "{line}: {all}");
        if line != "./pkg" {
            continue;
        }
        let all = expect(home, &["all"], exit::BAD_CASE);
        assert!(all.contains("reqs/nested/more.txt:3"), "{line}: {all}");
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
    write(home, "wheels/other-1-py3-none-any.whl", "");
    expect(home, &["case", "check"], exit::OK);
}

/// Makes wheels: `name version`, one a line; an extra `more` that needs `extra_of_NAME` where the line ends in `+`.
const WHEELS: &str = r#"
import os, sys, zipfile
into, lines = sys.argv[1], sys.argv[2]
os.makedirs(into, exist_ok=True)
for line in lines.splitlines():
    name, version, *more = line.split()
    info = f"{name}-{version}.dist-info"
    extra = f"Provides-Extra: more\nRequires-Dist: extra_of_{name}; extra == 'more'\n" if more else ""
    with zipfile.ZipFile(f"{into}/{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", f"version = {version!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{extra}")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        files = [f"{name}/__init__.py", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD"]
        wheel.writestr(f"{info}/RECORD", "".join(f"{f},,\n" for f in files))
"#;

#[expect(clippy::disallowed_methods, reason = "a test prepares what it tests on")]
fn wheels(home: &Path, lines: &str) {
    let into = home.join("wheels");
    let made =
        std::process::Command::new("python3").args(["-c", WHEELS, into.to_str().unwrap(), lines]).status();
    assert!(made.unwrap().success());
}

/// A component with an option, a check and one for another level, and an environment.
fn whole(home: &Path) {
    wheels(home, "plain 1.0 +\nother 2.0\nextra_of_plain 1.0\n");
    write(home, "reqs/base.txt", "other>=2 ; python_version >= '3'\n-r more.txt\n");
    write(home, "reqs/more.txt", "# for Windows\ncolours ; sys_platform == 'win32'\n");
    write(
        home,
        "one/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.16)\nproject(one NONE)\noption(LOUD \"\" OFF)\nif(LOUD)\n  install(FILES loud.txt DESTINATION share)\nendif()\n",
    );
    write(home, "one/loud.txt", "loud\n");
    write(
        home,
        "case.toml",
        r#"schema = 1
[metadata]
name = "mine"
[python]
requirements = ["reqs/base.txt"]
packages = ["plain[more]"]
find_links = ["wheels"]
[sources.one]
kind = "path"
path = "one"
[components.one]
driver = "cmake"
generator = "make"
arguments = ["-Wno-dev"]
[components.one.options]
LOUD = true
[[components.one.checks]]
kind = "run"
command = ["cat", "{prefix}/share/loud.txt"]
[[components.one.checks]]
kind = "run"
command = ["false"]
level = "device"
"#,
    );
}

fn offline(home: &Path, words: &[&str], wanted: i32) -> String {
    expect(home, &[words, &["--offline", "--progress", "plain"]].concat(), wanted)
}

#[test]
fn the_account_at_the_end_names_all_that_was_asked_for_and_what_is_not_for_this_machine() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    whole(home);
    let account =
        "asked for: 1 component, 2 options, 3 requirements, 2 checks: all there but 2 not for this machine";
    let apart = |all: &str| {
        assert!(all.contains(account), "{all}");
        assert!(all.contains("requirement `colours ; sys_platform == 'win32'`"), "{all}");
        assert!(all.contains("reqs/more.txt:2): its marker is false"), "{all}");
        assert!(all.contains("check `false` (case.toml:20): for verifications of level device"), "{all}");
    };
    apart(&offline(home, &["all"], exit::OK));
    let again = offline(home, &["all"], exit::OK);
    assert!(again.contains("build: nothing to do"), "{again}");
    apart(&again);
    apart(&offline(home, &["verify"], exit::OK));
    let output = placed(home, &["verify", "--json", "--case", "case.toml"]);
    let document: serde_json::Value = serde_json::from_str(&printed(&output)).unwrap();
    assert_eq!(document["account"]["asked"]["requirement"], 3, "{document}");
    assert_eq!(document["account"]["exceptions"][0]["answer"], "not-here", "{document}");

    let left_out = offline(home, &["build", "--skip", "one"], exit::OK);
    assert!(left_out.contains("left out by --only or --skip"), "{left_out}");
    let one = offline(home, &["build", "--only", "one"], exit::OK);
    assert!(one.contains("3 left out by --only or --skip"), "{one}");
}

#[test]
fn a_requirement_that_the_environment_does_not_meet_fails_by_file_and_line() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    whole(home);
    // pip only warns of an extra that a package does not have.
    write(home, "reqs/more.txt", "\n\nother[standrad]>=2\n");
    let all = offline(home, &["all"], exit::VERIFY_FAILED);
    assert!(all.contains("reqs/more.txt:3: `other[standrad]>=2` is asked for"), "{all}");
    assert!(all.contains("other 2.0 has no extra standrad"), "{all}");
    write(home, "reqs/more.txt", "\n\nother>=2\n");
    let all = offline(home, &["all"], exit::OK);
    assert!(all.contains("3 requirements") && !all.contains("2 not for this machine"), "{all}");
}

#[test]
fn an_option_that_is_lost_fails_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    whole(home);
    let case = std::fs::read_to_string(home.join("case.toml")).unwrap();
    write(home, "case.toml", case.replace("LOUD = true", "LOUD = true\nWITH_NOTHING = true"));
    let all = offline(home, &["all"], exit::STEP_FAILED);
    assert!(all.contains("case.toml:17 asks for the option `WITH_NOTHING=true`"), "{all}");
    write(home, "case.toml", case.replace("\"-Wno-dev\"", "\"-Wno-dev\", \"-DWITH_LESS=1\""));
    let all = offline(home, &["build"], exit::STEP_FAILED);
    assert!(all.contains("case.toml:14 asks for the option `-DWITH_LESS=1`"), "{all}");
    write(home, "case.toml", case.replace("[\"cat\", ", "[\"grep\", \"quiet\", "));
    let all = offline(home, &["build"], exit::VERIFY_FAILED);
    assert!(all.contains("case.toml:17 asks for the check `grep quiet"), "{all}");

    write(home, "one/meson.build", "project('one')\ninstall_data('loud.txt')\n");
    let meson = "schema = 1\n[metadata]\nname = \"mine\"\n[sources.one]\nkind = \"path\"\npath = \"one\"\n[components.one]\ndriver = \"meson\"\n[components.one.options]\nnope = true\n";
    write(home, "case.toml", meson);
    let all = offline(home, &["build"], exit::STEP_FAILED);
    assert!(all.contains("case.toml:10 asks for the option `nope=true`"), "{all}");

    write(home, "one/Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    write(home, "one/Cargo.lock", "version = 3\n\n[[package]]\nname = \"one\"\nversion = \"0.1.0\"\n");
    write(home, "one/src/main.rs", "fn main() {}\n");
    let cargo = meson
        .replace("\"meson\"", "\"cargo\"\nfeatures = [\"nope\"]")
        .replace("[components.one.options]\nnope = true\n", "");
    write(home, "case.toml", &cargo);
    let all = with_cargo(home, &["all", "--offline"], exit::STEP_FAILED);
    assert!(all.contains("case.toml:9 asks for the option `nope`"), "{all}");

    // What would be lost without a word is refused.
    write(home, "case.toml", case.replace("\"-Wno-dev\"", "\"--no-warn-unused-cli\""));
    let all = offline(home, &["build"], exit::BAD_CASE);
    assert!(all.contains("case.toml:14") && all.contains("which variables no project used"), "{all}");
    write(home, "one/setup.py", "from setuptools import setup\nsetup(name='one', version='1')\n");
    let python = meson
        .replace("\"meson\"", "\"python\"\narguments = [\"-C\", \"nope=1\"]")
        .replace("[components.one.options]\nnope = true\n", "[python]\n");
    write(home, "case.toml", &python);
    let all = offline(home, &["build"], exit::PREFLIGHT);
    assert!(all.contains("setuptools.build_meta, which builds it, ignores the setting `nope`"), "{all}");
}

const CONTENT: &str = "the content of a large file\n";

/// A pointer of Git LFS for [`CONTENT`].
fn pointer() -> String {
    let oid = model::Digest::of(CONTENT);
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {}\n", CONTENT.len())
}

/// A component that installs the large file of its source.
fn large(home: &Path, source: &str) {
    let case = format!(
        "schema = 1\n[metadata]\nname = \"mine\"\n[sources.data]\n{source}\n[components.data]\ndriver = \"command\"\n[components.data.commands]\ninstall = [[\"install\", \"-D\", \"{{source}}/model.bin\", \"{{destdir}}{{prefix}}/share/model.bin\"]]\n"
    );
    write(home, "case.toml", &case);
}

#[expect(clippy::disallowed_methods, reason = "a test prepares what it tests on")]
fn run_in(directory: &Path, words: &[&str]) {
    let mut command = std::process::Command::new(words[0]);
    command.args(&words[1..]).current_dir(directory).env("HOME", directory).env("GIT_CONFIG_NOSYSTEM", "1");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "a").env(format!("GIT_{role}_EMAIL"), "a@example.invalid");
    }
    assert!(command.output().unwrap().status.success(), "{words:?}");
}

#[test]
fn lfs_pointers_are_replaced_by_their_files_or_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    let run = |words: &[&str], wanted| {
        let all = expect(home, &[words, &["--progress", "plain"]].concat(), wanted);
        if wanted != exit::OK {
            assert!(
                all.contains("1 file of it is a pointer of Git LFS instead of content (model.bin)"),
                "{all}"
            );
        }
        all
    };
    let installed = || std::fs::read_to_string(home.join("prefix/share/model.bin")).unwrap();
    // A directory of the user's.
    write(home, "data/model.bin", pointer());
    large(home, "kind = \"path\"\npath = \"data\"");
    let all = run(&["all"], exit::STEP_FAILED);
    assert!(all.contains("/data lfs pull`"), "{all}");
    assert!(!home.join("prefix/share/model.bin").exists());
    large(home, "kind = \"path\"\npath = \"data\"\nlfs = \"pointers\"");
    run(&["all"], exit::OK);
    assert_eq!(installed(), pointer());
    // A repository.
    let url = format!("file://{}", home.join("data").display());
    for words in [
        &["git", "init", "--quiet", "-b", "main"][..],
        &["git", "add", "."],
        &["git", "commit", "--quiet", "-m", "one"],
    ] {
        run_in(&home.join("data"), words);
    }
    let git = format!("kind = \"git\"\nurl = \"{url}\"\nrevision = \"main\"");
    large(home, &git);
    let all = run(&["deps"], exit::STEP_FAILED);
    assert!(all.contains("git-lfs"), "{all}");
    // With git-lfs, which brings what the server has.
    let oid = model::Digest::of(CONTENT).to_string();
    let script = format!(
        "#!/bin/sh\ncase \"$1\" in\nversion) echo git-lfs/3 ;;\nfetch) mkdir -p \"$GIT_DIR/lfs/objects/{0}/{1}\" && printf '{2}' >\"$GIT_DIR/lfs/objects/{0}/{1}/{oid}\" ;;\n*) exit 1 ;;\nesac\n",
        &oid[..2],
        &oid[2..4],
        CONTENT.replace('\n', "\\n"),
    );
    write(home, "bin/git-lfs", &script);
    run_in(home, &["chmod", "+x", "bin/git-lfs"]);
    let path = format!("{}:{}", home.join("bin").display(), std::env::var("PATH").unwrap());
    let words = ["all", "--case", "case.toml", "--progress", "plain"];
    let output = common::placed_command(home, &words).env("PATH", path).output().unwrap();
    assert_eq!(code(&output), exit::OK, "{}", said(&output));
    assert_eq!(installed(), CONTENT);
    // An archive, as a server makes it of a repository.
    run_in(home, &["tar", "-czf", "data.tar.gz", "--exclude=.git", "data"]);
    let archive = home.join("data.tar.gz");
    let sha256 = model::Digest::of(std::fs::read(&archive).unwrap());
    let archive =
        format!("kind = \"archive\"\nurls = [\"file://{}\"]\nsha256 = \"{sha256}\"", archive.display());
    large(home, &archive);
    run(&["deps"], exit::STEP_FAILED);
    large(home, &format!("{archive}\nlfs = \"pointers\""));
    run(&["all"], exit::OK);
    assert_eq!(installed(), pointer());
    // One file.
    let file = home.join("data/model.bin");
    let sha256 = model::Digest::of(pointer());
    let case = format!(
        "schema = 1\n[metadata]\nname = \"mine\"\n[sources.model]\nkind = \"file\"\nurls = [\"file://{}\"]\nsha256 = \"{sha256}\"\n[sources.data]\nkind = \"path\"\npath = \"pkg\"\n[components.data]\ndriver = \"cmake\"\ngenerator = \"make\"\nfiles = {{ \"model.bin\" = \"model\" }}\n",
        file.display()
    );
    write(home, "pkg/CMakeLists.txt", "project(data NONE)\n");
    write(home, "case.toml", &case);
    let all = expect(home, &["deps", "--progress", "plain"], exit::STEP_FAILED);
    assert!(all.contains("is a pointer of Git LFS instead of the file"), "{all}");
}

#[test]
fn placeholders_are_filled_in_or_refused_by_file_and_line() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    write(home, "one/readme", "one\n");
    write(home, "two/readme", "two\n");
    let case = r#"schema = 1
[metadata]
name = "mine"
[environment]
EVERYWHERE = "{prefix}/etc"
[sources.one]
kind = "path"
path = "one"
[sources.two]
kind = "path"
path = "two"
[components.two]
driver = "command"
[components.two.commands]
install = [["install", "-D", "{source}/readme", "{destdir}{prefix}/share/two"]]
[components.one]
driver = "command"
needs = ["two"]
arguments = ["{build}/argument"]
[components.one.environment]
OUT = "{build}/out"
FROM = "{source}/readme"
OTHER = "{prefix:two}/share/two"
[components.one.commands]
configure = [["sh", "-c", "mkdir -p \"$OUT\"; echo \"$EVERYWHERE $0\" >\"$OUT/places\""]]
install = [["sh", "-c", "cat \"$FROM\" \"$OTHER\" >>\"$OUT/places\"; install -D \"$OUT/places\" '{destdir}{prefix}/share/places'"]]
[[components.one.checks]]
kind = "run"
command = ["cmp", "{prefix:two}/share/two", "{case}/two/readme"]
"#;
    write(home, "case.toml", case);
    expect(home, &["all", "--progress", "plain"], exit::OK);
    let places = std::fs::read_to_string(home.join("prefix/share/places")).unwrap();
    let (first, rest) = places.split_once('\n').unwrap();
    let prefix = home.join("prefix");
    assert!(first.starts_with(&format!("{}/etc /", prefix.display())), "{places}");
    assert!(first.ends_with("/argument") && !first.contains('{'), "{places}");
    assert_eq!(rest, "one\ntwo\n");

    for (before, after, line) in [
        ("{source}/readme\"\nOTHER", "{destdir}/readme\"\nOTHER", 22),
        ("{case}/two/readme", "{build}/two/readme", 29),
        ("EVERYWHERE = \"{prefix}", "EVERYWHERE = \"{scratch}", 5),
        (
            "[components.one.environment]",
            "[components.one.options]\nX = \"{jobs}\"\n[components.one.environment]",
            21,
        ),
        ("needs = [\"two\"]", "needs = [\"two\"]\nprefix = \"/{build}/x\"", 19),
        ("[environment]", "[build_options]\ncflags = [\"-I{prefix}/include\"]\n[environment]", 5),
        ("[environment]", "[image]\ncommand = [\"{build}/x\"]\n[environment]", 5),
    ] {
        assert!(case.contains(before), "{before}");
        write(home, "case.toml", case.replacen(before, after, 1));
        let told = expect(home, &["case", "check"], exit::BAD_CASE);
        let place = format!("case.toml:{line}:");
        assert!(told.contains("stands for nothing in") && told.contains(&place), "{after}: {told}");
    }
}

/// A build backend that writes the version that it is told into the one module of its wheel.
const BACKEND: &str = r#"
import os, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    version = os.environ["SETUPTOOLS_SCM_PRETEND_VERSION"]
    info, name = f"told-{version}.dist-info", f"told-{version}-py3-none-any.whl"
    with zipfile.ZipFile(f"{directory}/{name}", "w") as wheel:
        wheel.writestr("told.py", f"version = {version!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: told\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "".join(f"{f},,\n" for f in ["told.py", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD"]))
    return name
"#;

/// Stands for `python -m setuptools_scm`: the last tag and the commits since.
const SCM: &str = r#"
import subprocess, sys, zipfile
main = '''
import subprocess, sys
tree = sys.argv[sys.argv.index("--root") + 1]
said = subprocess.run(["git", "-C", tree, "describe", "--tags", "--long"], stdout=subprocess.PIPE, check=True, universal_newlines=True)
tag, commits, _ = said.stdout.rsplit("-", 2)
print(tag.lstrip("v") + ".post" + commits)
'''
zipfile.ZipFile(sys.argv[1], "a").writestr("setuptools_scm/__main__.py", main)
"#;

#[test]
fn a_version_from_git_is_what_git_says_of_the_source_and_never_silence() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    wheels(home, "setuptools_scm 8.0\n");
    run_in(home, &["python3", "-c", SCM, "wheels/setuptools_scm-8.0-py3-none-any.whl"]);
    write(home, "told/backend.py", BACKEND);
    write(
        home,
        "told/pyproject.toml",
        "[build-system]\nrequires = [\"setuptools_scm>=8\"]\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n[project]\nname = \"told\"\ndynamic = [\"version\"]\n[tool.setuptools_scm]\n",
    );
    let case = |source: &str, more: &str| {
        let text = format!(
            "schema = 1\n[metadata]\nname = \"mine\"\n[python]\nfind_links = [\"wheels\"]\n[sources.told]\n{source}\n[components.told]\ndriver = \"python\"\n{more}"
        );
        write(home, "case.toml", &text);
    };
    let python = home.join("data-dir/environments/mine/bin/python");
    let installed = || {
        run_in(
            home,
            &[python.to_str().unwrap(), "-c", "import told; open('version', 'w').write(told.version)"],
        );
        std::fs::read_to_string(home.join("version")).unwrap()
    };
    let path = "kind = \"path\"\npath = \"told\"";
    case(path, "");
    let told = offline(home, &["all"], exit::BAD_CASE);
    assert!(
        told.contains("case.toml:9") && told.contains("SETUPTOOLS_SCM_PRETEND_VERSION = \"1.2.3\""),
        "{told}"
    );
    case(path, "[components.told.environment]\nSETUPTOOLS_SCM_PRETEND_VERSION = \"9.9\"\n");
    offline(home, &["all"], exit::OK);
    assert_eq!(installed(), "9.9");

    let git = |words: &[&str]| run_in(&home.join("told"), &[&["git"], words].concat());
    git(&["init", "--quiet", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "one"]);
    git(&["tag", "v1.2.0"]);
    git(&["commit", "--quiet", "--allow-empty", "-m", "two"]);
    case(path, "");
    offline(home, &["all"], exit::OK);
    assert_eq!(installed(), "1.2.0.post1");
    let again = offline(home, &["all"], exit::OK);
    assert!(again.contains("build: nothing to do"), "{again}");
    // Nothing but a tag is new.
    git(&["tag", "v1.3.0"]);
    offline(home, &["all"], exit::OK);
    assert_eq!(installed(), "1.3.0.post0");

    let url = format!("kind = \"git\"\nurl = \"file://{}\"\nrevision", home.join("told").display());
    case(&format!("{url} = \"v1.2.0\""), "");
    expect(home, &["all"], exit::OK);
    assert_eq!(installed(), "1.2.0");
    git(&["commit", "--quiet", "--allow-empty", "-m", "three"]);
    case(&format!("{url} = \"main\""), "");
    expect(home, &["all"], exit::OK);
    assert!(installed().starts_with("1.3.1.dev1+g"), "{}", installed());
}
