//! What a project would download by itself is brought by `deps`, or its lack is told by name.
#![expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::*;
use testkit::server::{Reply, TestServer};

fn write(home: &Path, name: &str, text: &str) {
    let path = home.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A run in which nothing stands between the installer and a server of the test.
fn run(home: &Path, words: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = placed_command(home, words);
    command.args(["--case", "case.toml", "--progress", "plain"]);
    for name in ["http_proxy", "https_proxy"] {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied()).output().unwrap()
}

/// A program that takes a constant from content that it declares by an address.
fn fetching(home: &Path) {
    write(
        home,
        "app/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.18)\nproject(app C)\ninclude(FetchContent)\n\
         FetchContent_Declare(Fixed URL https://fixed.example/fixed-1.tar.gz)\nFetchContent_MakeAvailable(Fixed)\n\
         add_executable(app main.c)\ntarget_include_directories(app PRIVATE ${fixed_SOURCE_DIR})\n\
         install(TARGETS app)\n",
    );
    write(
        home,
        "app/main.c",
        "#include <fixed.h>\n#include <stdio.h>\nint main(void) { printf(\"%d\\n\", FIXED); return 0; }\n",
    );
    // It writes into its own source, as some projects do.
    write(
        home,
        "fixed/CMakeLists.txt",
        "file(WRITE ${CMAKE_CURRENT_SOURCE_DIR}/fixed.h \"#define FIXED 42\\n\")\n",
    );
}

const FETCHING: &str = "schema = 1\n[metadata]\nname = \"fetching\"\n[sources.app]\nkind = \"path\"\npath = \"app\"\n\
    [components.app]\ndriver = \"cmake\"\ngenerator = \"make\"\n";

#[test]
fn fetch_content_takes_what_deps_brought_and_tells_what_nobody_brought() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    fetching(home);
    write(home, "case.toml", FETCHING);
    let lacking = run(home, &["all"], &[]);
    let text = said(&lacking);
    assert_eq!(code(&lacking), 5, "{text}");
    for told in [
        "build/app/expect",
        "Fixed, which the project downloads from https://fixed.example/fixed-1.tar.gz (CMakeLists.txt:4)",
        "urls = [\"https://fixed.example/fixed-1.tar.gz\"]",
        "fetch_content = { Fixed = \"fixed\" }",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    write(home, "other/readme", "");
    let other = run(home, &["build", "--source", "app=other"], &[]);
    let text = said(&other);
    assert_eq!(code(&other), 4, "{text}");
    assert!(text.contains("/other has no CMakeLists.txt, but app is built with the driver cmake"), "{text}");
    assert!(text.contains("`subdirectory = \"DIR\"` in [components.app]"), "{text}");
    write(home, "app/main.c", "int main(void) { return 0 }\n");
    write(
        home,
        "app/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.18)\nproject(app C)\nadd_executable(app main.c)\n",
    );
    let wrong = run(home, &["build"], &[]);
    let (text, own) = (said(&wrong), home.join("app/main.c"));
    assert!(text.contains(&format!("| {}:1:26: error: ", own.display())), "{text}");
    fetching(home);

    let fed = "fetch_content = { Fixed = \"fixed\" }\n[[components.app.checks]]\nkind = \"run\"\n\
        command = [\"{prefix}/bin/app\"]\ncontains = \"42\"\n[sources.fixed]\nkind = \"path\"\npath = \"fixed\"\n";
    write(home, "case.toml", &format!("{FETCHING}{fed}"));
    let built = run(home, &["all"], &[]);
    assert_eq!(code(&built), 0, "{}", said(&built));
    assert!(!home.join("fixed/fixed.h").exists(), "the user's own directory was written to");
    let again = run(home, &["all"], &[]);
    assert!(said(&again).contains("nothing to do"), "{}", said(&again));

    // A name that the project does not declare is no silent nothing either.
    write(home, "case.toml", &format!("{FETCHING}{fed}").replace("{ Fixed =", "{ Mixed ="));
    let wrong = run(home, &["all"], &[]);
    assert_eq!(code(&wrong), 5, "{}", said(&wrong));
    assert!(said(&wrong).contains("FETCHCONTENT_SOURCE_DIR_MIXED"), "{}", said(&wrong));
}

#[test]
fn a_file_that_a_project_would_download_is_put_where_it_looks() {
    let server = TestServer::start(|request| match request.target.as_str() {
        "/model.bin" => Reply::ok("a model\n"),
        _ => Reply::status(404),
    });
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    // It does with less when the download fails, and says so to nobody.
    write(
        home,
        "app/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.18)\nproject(app NONE)\nset(model ${CMAKE_BINARY_DIR}/downloads/m/1-model.bin)\n\
         if(NOT EXISTS ${model})\n  file(DOWNLOAD https://models.example/model.bin ${model}.part STATUS status)\nendif()\n\
         if(EXISTS ${model})\n  install(FILES ${model} DESTINATION share)\nelse()\n  install(FILES CMakeLists.txt DESTINATION share)\nendif()\n",
    );
    let case = "schema = 1\n[metadata]\nname = \"files\"\n[sources.app]\nkind = \"path\"\npath = \"app\"\n\
        [components.app]\ndriver = \"cmake\"\n";
    write(home, "case.toml", case);
    let lacking = run(home, &["all"], &[]);
    let text = said(&lacking);
    assert_eq!(code(&lacking), 6, "{text}");
    assert!(text.contains("models.example") && text.contains("build/app/configure"), "{text}");
    assert!(
        text.contains(
            "CMakeLists.txt:5 (file(DOWNLOAD)) downloads https://models.example/model.bin to ${model}.part"
        ),
        "{text}"
    );

    let sha256 = model::Digest::of("a model\n");
    let fed = format!(
        "files = {{ \"downloads/m/1-model.bin\" = \"model\" }}\n[sources.model]\nkind = \"file\"\n\
         urls = [\"{}\"]\nsha256 = \"{sha256}\"\n",
        server.url("/model.bin")
    );
    write(home, "case.toml", &format!("{case}{fed}"));
    let unfetched = run(home, &["build"], &[]);
    assert_eq!(code(&unfetched), 4, "{}", said(&unfetched));
    assert!(said(&unfetched).contains("gets the source model"), "{}", said(&unfetched));
    let built = run(home, &["all"], &[]);
    assert_eq!(code(&built), 0, "{}", said(&built));
    assert_eq!(std::fs::read_to_string(home.join("prefix/share/1-model.bin")).unwrap(), "a model\n");
    assert_eq!(server.requests().len(), 1, "{:?}", server.requests());
    let again = run(home, &["all"], &[]);
    assert!(said(&again).contains("nothing to do"), "{}", said(&again));
    // What the case no longer feeds is no longer there, although the tree is kept.
    write(home, "case.toml", case);
    let taken_away = run(home, &["build"], &[]);
    assert_eq!(code(&taken_away), 6, "{}", said(&taken_away));
    // Another content is another input, and is held against its hash.
    write(home, "case.toml", &format!("{case}{fed}").replace(sha256.as_str(), &"0".repeat(64)));
    let wrong = run(home, &["deps"], &[]);
    assert_eq!(code(&wrong), 5, "{}", said(&wrong));
}

/// A wheel with a build backend that makes wheels of one module, and a directory that serves as its index page.
fn backend(directory: &Path) -> Vec<u8> {
    let script = r##"
import zipfile
backend = '''
import os, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "answer-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        wheel.write("answer.py")
        wheel.writestr("answer-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: answer\\nVersion: 1.0\\n")
        wheel.writestr("answer-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("answer-1.0.dist-info/RECORD", "answer.py,,\\n")
    return name
'''
with zipfile.ZipFile("wheel.whl", "w") as wheel:
    wheel.writestr("tiny_maker.py", backend)
    wheel.writestr("tiny_maker-2.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-maker\nVersion: 2.0\n")
    wheel.writestr("tiny_maker-2.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr("tiny_maker-2.0.dist-info/RECORD", "tiny_maker.py,,\n")
"##;
    let made = Command::new("python3").args(["-c", script]).current_dir(directory).status().unwrap();
    assert!(made.success());
    std::fs::read(directory.join("wheel.whl")).unwrap()
}

#[test]
fn what_a_python_project_wants_for_its_build_is_brought_by_deps() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let wheel = backend(home);
    let server = TestServer::start(move |request| {
        match request.target.as_str() {
        "/simple/tiny-maker/" => Reply::ok(
            "<!DOCTYPE html><a href=\"/files/tiny_maker-2.0-py3-none-any.whl\">tiny_maker-2.0-py3-none-any.whl</a>",
        )
        .header("Content-Type", "text/html"),
        "/files/tiny_maker-2.0-py3-none-any.whl" => Reply::ok(wheel.clone()),
        _ => Reply::status(404),
    }
    });
    write(home, "answer/answer.py", "ANSWER = 42\n");
    write(
        home,
        "answer/pyproject.toml",
        "[build-system]\nrequires = [\"tiny_maker>=2\", \"never; python_version < '3'\"]\nbuild-backend = \"tiny_maker\"\n",
    );
    write(
        home,
        "case.toml",
        "schema = 1\n[metadata]\nname = \"pip\"\n[python]\n[sources.answer]\nkind = \"path\"\npath = \"answer\"\n\
         [components.answer]\ndriver = \"python\"\n[[components.answer.checks]]\nkind = \"run\"\n\
         command = [\"{python}\", \"-c\", \"import answer; print(answer.ANSWER)\"]\ncontains = \"42\"\n",
    );
    let index = server.url("/simple/");
    let environment = [("PIP_INDEX_URL", index.as_str())];
    let early = run(home, &["build"], &environment);
    let text = said(&early);
    assert_eq!(code(&early), 4, "{text}");
    assert!(
        text.contains("tiny-maker is not among the wheels") && text.contains("`tiny_maker>=2`"),
        "{text}"
    );
    assert!(!text.contains("never"), "a condition that does not hold here wants nothing: {text}");
    let built = run(home, &["all"], &environment);
    assert_eq!(code(&built), 0, "{}", said(&built));
}

#[test]
fn an_external_project_takes_the_archive_that_was_put_there() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    write(home, "pack/part-1/part.txt", "a part\n");
    let packed = Command::new("tar")
        .args(["-czf", "part-1.tar.gz", "-C", "pack", "part-1"])
        .current_dir(home)
        .status();
    assert!(packed.unwrap().success());
    let archive = std::fs::read(home.join("part-1.tar.gz")).unwrap();
    let sha256 = model::Digest::of(&archive);
    let server = TestServer::start(move |_| Reply::ok(archive.clone()));
    write(
        home,
        "app/CMakeLists.txt",
        &format!(
            "cmake_minimum_required(VERSION 3.18)\nproject(app NONE)\ninclude(ExternalProject)\n\
             ExternalProject_Add(part URL https://parts.example/part-1.tar.gz URL_HASH SHA256={sha256}\n\
             CONFIGURE_COMMAND \"\" BUILD_COMMAND \"\" INSTALL_COMMAND \"\")\n\
             install(FILES ${{CMAKE_BINARY_DIR}}/part-prefix/src/part/part.txt DESTINATION share)\n"
        ),
    );
    write(
        home,
        "case.toml",
        &format!(
            "schema = 1\n[metadata]\nname = \"parts\"\n[sources.app]\nkind = \"path\"\npath = \"app\"\n\
             [components.app]\ndriver = \"cmake\"\nfiles = {{ \"part-prefix/src/part-1.tar.gz\" = \"part\" }}\n\
             [sources.part]\nkind = \"file\"\nurls = [\"{}\"]\nsha256 = \"{sha256}\"\n",
            server.url("/part-1.tar.gz")
        ),
    );
    let built = run(home, &["all"], &[]);
    assert_eq!(code(&built), 0, "{}", said(&built));
    assert_eq!(std::fs::read_to_string(home.join("prefix/share/part.txt")).unwrap(), "a part\n");
}

/// A script that takes a number from a subproject; nothing is compiled, which Meson would try first.
fn wrapped(home: &Path, wrap: &str) {
    write(
        home,
        "app/meson.build",
        "project('app')\ncalc = dependency('calc', method: 'pkg-config', fallback: ['calc', 'calc_dep'])\n\
         configure_file(input: 'app.in', output: 'app', configuration: {'N': calc.get_variable('n')},\n\
         \x20 install: true, install_dir: 'bin', install_mode: 'rwxr-xr-x')\n",
    );
    write(home, "app/app.in", "#!/bin/sh\necho app=@N@\n");
    write(home, "app/subprojects/calc.wrap", wrap);
    write(
        home,
        "calc-1.0/meson.build",
        "project('calc')\ncalc_dep = declare_dependency(variables: {'n': '9'})\n",
    );
}

/// The lines that a message says to add, in their places.
fn added(case: &str, message: &str) -> String {
    let lines: Vec<&str> = message
        .lines()
        .skip_while(|line| !line.contains("add to the case"))
        .take_while(|line| !line.trim().starts_with("log:"))
        .skip(1)
        .map(str::trim)
        .collect();
    let at = lines.iter().position(|line| line.starts_with("and below")).unwrap();
    let (sources, component) = (lines[..at].join("\n"), lines[at + 1]);
    format!(
        "{}\n{sources}\n",
        case.replace("driver = \"meson\"", &format!("driver = \"meson\"\n{component}"))
    )
}

const WRAPPED: &str = "schema = 1\n[metadata]\nname = \"wrapped\"\n[sources.app]\nkind = \"path\"\npath = \"app\"\n\
    [components.app]\ndriver = \"meson\"\n[[components.app.checks]]\nkind = \"run\"\n\
    command = [\"{prefix}/bin/app\"]\ncontains = \"app=9\"\n";

#[test]
fn a_wrap_is_named_with_the_lines_that_feed_it() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    wrapped(home, "");
    let packed = Command::new("tar").args(["-czf", "calc.tar.gz", "calc-1.0"]).current_dir(home).status();
    assert!(packed.unwrap().success());
    let archive = std::fs::read(home.join("calc.tar.gz")).unwrap();
    let sha256 = model::Digest::of(&archive);
    let server = TestServer::start(move |_| Reply::ok(archive.clone()));
    let url = server.url("/calc-1.0.tar.gz");
    wrapped(
        home,
        &format!(
            "[wrap-file]\ndirectory = calc-1.0\nsource_url = {url}\nsource_filename = calc-1.0.tar.gz\n\
             source_hash = {sha256}\n[provide]\ncalc = calc_dep\n"
        ),
    );
    write(home, "case.toml", WRAPPED);
    let lacking = run(home, &["all"], &[]);
    let text = said(&lacking);
    assert_eq!(code(&lacking), 5, "{text}");
    assert!(
        text.contains(&format!(
            "calc, which the project downloads from {url} (subprojects/calc.wrap, SHA-256 {sha256}), is missing"
        )),
        "{text}"
    );
    let fed = added(WRAPPED, &text);
    write(home, "case.toml", &fed);
    let built = run(home, &["all"], &[]);
    assert_eq!(code(&built), 0, "{fed}\n{}", said(&built));
    assert!(!home.join("app/subprojects/packagecache").exists(), "the user's own directory was written to");
    assert!(said(&run(home, &["all"], &[])).contains("nothing to do"));
    // What the case no longer feeds is no longer there: neither the file nor what Meson unpacked.
    write(home, "case.toml", WRAPPED);
    assert_eq!(code(&run(home, &["build"], &[])), 5);
    let wrong = fed.replace("subprojects/packagecache/", "../");
    write(home, "case.toml", &wrong);
    assert_eq!(code(&run(home, &["build"], &[])), 3);
}

#[test]
fn a_wrap_of_a_repository_takes_the_tree_of_a_source() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let url = format!("file://{}/calc-1.0", home.display());
    wrapped(home, &format!("[wrap-git]\nurl = {url}\nrevision = v1\n[provide]\ncalc = calc_dep\n"));
    let script = "git init -q . && git add -A && git -c user.name=a -c user.email=a@example.org commit -qm x && git tag v1";
    let made = Command::new("sh").args(["-c", script]).current_dir(home.join("calc-1.0")).status();
    assert!(made.unwrap().success());
    write(home, "case.toml", WRAPPED);
    let lacking = run(home, &["all"], &[]);
    let text = said(&lacking);
    assert_eq!(code(&lacking), 5, "{text}");
    let fed = added(WRAPPED, &text);
    assert!(fed.contains("subprojects = { calc = \"calc\" }"), "{fed}");
    write(home, "case.toml", &fed);
    let built = run(home, &["all"], &[]);
    assert_eq!(code(&built), 0, "{fed}\n{}", said(&built));
    // Only Meson has subprojects.
    write(home, "case.toml", &fed.replace("driver = \"meson\"", "driver = \"cmake\""));
    assert_eq!(code(&run(home, &["build"], &[])), 3);
}

#[test]
fn an_external_project_by_git_takes_a_mirror_of_this_machine() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    write(home, "dep/part.txt", "a part\n");
    let script = "git init -q . && git add -A && git -c user.name=a -c user.email=a@example.org commit -qm x && \
                  git tag v1 && git clone -q --mirror . ../dep.git";
    let made = Command::new("sh").args(["-c", script]).current_dir(home.join("dep")).status();
    assert!(made.unwrap().success());
    write(
        home,
        "app/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.18)\nproject(app NONE)\ninclude(ExternalProject)\n\
         ExternalProject_Add(dep GIT_REPOSITORY https://deps.example/dep.git GIT_TAG v1\n\
         CONFIGURE_COMMAND \"\" BUILD_COMMAND \"\" INSTALL_COMMAND \"\")\n\
         install(FILES ${CMAKE_BINARY_DIR}/dep-prefix/src/dep/part.txt DESTINATION share)\n",
    );
    write(
        home,
        "case.toml",
        &format!(
            "schema = 1\n[metadata]\nname = \"cloned\"\n[sources.app]\nkind = \"path\"\npath = \"app\"\n\
             [components.app]\ndriver = \"cmake\"\n[components.app.environment]\nGIT_CONFIG_COUNT = \"1\"\n\
             GIT_CONFIG_KEY_0 = \"url.{}/dep.git.insteadOf\"\nGIT_CONFIG_VALUE_0 = \"https://deps.example/dep.git\"\n",
            home.display()
        ),
    );
    let built = run(home, &["build"], &[]);
    assert_eq!(code(&built), 0, "{}", said(&built));
    assert_eq!(std::fs::read_to_string(home.join("prefix/share/part.txt")).unwrap(), "a part\n");
}
