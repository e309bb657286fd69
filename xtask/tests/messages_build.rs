//! Messages of downloads and builds that fail: the whole screen, as a user sees it.
#![expect(clippy::disallowed_methods, reason = "a test makes its inputs with programs")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use common::*;
use testkit::server::{Reply, TestServer};

fn write(home: &Path, name: &str, text: &str) {
    let path = home.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A run in which nothing stands between the installer and a server of the test.
fn run(home: &Path, words: &[&str]) -> Output {
    let mut command = placed_command(home, words);
    command.args(["--progress", "plain"]);
    for name in ["http_proxy", "https_proxy"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

/// All that a command says, without the place, times and ports of this run.
fn screen(home: &Path, words: &[&str]) -> String {
    let output = run(home, words);
    let said = format!("{}{}", printed(&output), said(&output)).replace(home.to_str().unwrap(), "[HOME]");
    // How the network is shut off is this machine's.
    let own = |line: &&str| !line.starts_with("next: ") && !line.starts_with("  network: ");
    let lines = said.lines().filter(own).collect::<Vec<_>>().join("\n");
    format!("$ installer {}\n{lines}\n[{}]\n", words.join(" "), code(&output))
}

fn assert_screens(name: &str, screens: &[String]) {
    insta::with_settings!({ filters => vec![
        (r"127\.0\.0\.1:[0-9]+", "127.0.0.1:[PORT]"),
        (r"\d+(\.\d+)? (s|ms)\b( of CPU time)?", "[TIME]"),
        (r"\.\d{8}T\d{6}Z\.", ".[DATE]."),
        (r"(?m)^ +\[TIME\]", "  [TIME]"),
        (r"\b\d+ jobs?\b", "[JOBS]"),
        (r"sent \d+ bytes", "sent [N] bytes"),
    ] }, { insta::assert_snapshot!(name, screens.join("\n")) });
}

fn archive(server: &TestServer, path: &str) -> String {
    format!(
        "schema = 1\n[metadata]\nname = \"files\"\n[sources.pkg]\nkind = \"archive\"\nurls = [\"{}\"]\n\
         sha256 = \"{}\"\n[components.pkg]\ndriver = \"cmake\"\n",
        server.url(path),
        model::Digest::of("the archive")
    )
}

#[test]
fn a_download_that_brings_something_else_or_nothing_says_what() {
    let server = TestServer::start(|request| match request.target.as_str() {
        "/login.tar.gz" => {
            Reply::ok("<!DOCTYPE html><html><title>Sign in</title><body>Please sign in</body></html>")
                .header("Content-Type", "text/html")
        }
        "/drips.tar.gz" => Reply::ok([7; 4000]).drip(100, Duration::from_millis(100)),
        "/hangs.tar.gz" => Reply::ok([7; 4000]).drip(100, Duration::from_secs(3)),
        "/busy.tar.gz" => Reply::status(503),
        _ => Reply::status(404),
    });
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    write(
        home,
        "site.toml",
        "schema = 1\n[downloads]\nattempts = 2\nsilent_seconds = 1\nslowest = 10_000\nslow_seconds = 1\n",
    );
    let mut screens = Vec::new();
    for name in ["login", "drips", "hangs", "busy", "gone"] {
        let case = format!("{name}.toml");
        write(home, &case, &archive(&server, &format!("/{name}.tar.gz")));
        screens.push(screen(
            home,
            &["deps", "--case", &case, "--site", "site.toml", "--only", "source/pkg/fetch"],
        ));
    }
    write(home, "wrong.toml", "schema = 1\n[downloads]\nattempts = 0\n");
    screens.push(screen(home, &["deps", "--case", "busy.toml", "--site", "wrong.toml"]));
    assert_screens("downloads", &screens);
}

/// A case with one component of this driver.
fn component(driver: &str) -> String {
    format!(
        "schema = 1\n[metadata]\nname = \"app\"\n[sources.app]\nkind = \"path\"\npath = \"app\"\n[components.app]\n\
         driver = \"{driver}\"\n"
    )
}

/// A configure script as FFmpeg's: it says little, and its log says more.
const SCRIPT: &str = r#"#!/bin/sh
mkdir -p ffbuild
log=ffbuild/config.log
fail() {
    echo "ERROR: $1" | tee -a "$log"
    cat <<END

If you think configure made a mistake, make sure you are using the latest
version from Git.
END
    exit 1
}
case "$*" in
*nvenc*)
    cat >"$log" <<END
check_pkg_config ffnvcodec ffnvcodec >= 12.1.14.0 ffnvcodec/nvEncodeAPI.h
pkg-config --exists --print-errors ffnvcodec >= 12.1.14.0
Package dependency requirement 'ffnvcodec >= 12.1.14.0' could not be satisfied.
Package 'ffnvcodec' has version '11.0.10.1', required version is '>= 12.1.14.0'
pkg-config --exists --print-errors ffnvcodec >= 12.0.16.0 ffnvcodec < 12.1
Package dependency requirement 'ffnvcodec >= 12.0.16.0' could not be satisfied.
Package 'ffnvcodec' has version '11.0.10.1', required version is '>= 12.0.16.0'
END
    fail "nvenc requested, but not all dependencies are satisfied: ffnvcodec" ;;
esac
src=$(dirname "$0")
cat >test.c <<END
int x265_api_get(int);
int main(void) { return x265_api_get(0); }
END
echo "require_pkg_config libx265 x265 x265.h x265_api_get" >"$log"
cc -c "$src/x265.c" -o x265.o && ar rc libx265.a x265.o
mkdir -p lib && mv libx265.a lib
cc -o test test.c "$PWD/lib/libx265.a" >>"$log" 2>&1 || fail "x265 not found using pkg-config"
"#;

#[test]
fn a_failed_configure_shows_the_cause_out_of_its_log() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    write(home, "app/configure", SCRIPT);
    let make_executable = Command::new("chmod").args(["+x", "app/configure"]).current_dir(home).status();
    assert!(make_executable.unwrap().success());
    write(home, "app/x265.c", "int cxx_new(int);\nint x265_api_get(int b) { return cxx_new(b); }\n");
    let case = component("autotools");
    write(home, "x265.toml", &case);
    write(home, "nvenc.toml", &format!("{case}options = {{ enable-nvenc = true }}\n"));
    let mut screens = Vec::new();
    for case in ["x265.toml", "nvenc.toml"] {
        screens.push(screen(home, &["build", "--case", case]));
    }
    // The names of files that compilers make up, and of addresses in them, are of no interest.
    let lines = |text: &str| -> String {
        text.lines()
            .filter(|line| !line.trim_start().starts_with("command: "))
            .map(|line| match line.split_once(": undefined reference") {
                Some((_, rest)) => format!("    |   […]: undefined reference{rest}\n"),
                None => format!("{line}\n"),
            })
            .collect()
    };
    let screens: Vec<String> = screens.iter().map(|screen| lines(screen)).collect();
    assert_screens("configure", &screens);
}

#[test]
fn a_compilers_error_is_coloured_where_colours_are_wanted() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    write(
        home,
        "app/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.18)\nproject(app C)\nadd_executable(app main.c)\ninstall(TARGETS app)\n",
    );
    write(home, "app/main.c", "#include <nosuch.h>\nint main(void) { return 0; }\n");
    write(home, "case.toml", &component("cmake"));
    let shown = |colour: &str, environment: &[(&str, &str)]| {
        let mut command = placed_command(home, &["build", "--case", "case.toml", "--progress", "plain"]);
        command.args(["--color", colour]).envs(environment.iter().copied());
        let output = command.output().unwrap();
        assert_eq!(code(&output), 5, "{}", said(&output));
        let said = said(&output);
        let excerpt: Vec<&str> = said.lines().filter(|line| line.starts_with("    | ")).collect();
        excerpt.join("\n")
    };
    let coloured = shown("always", &[]);
    let first = coloured.lines().next().unwrap();
    assert!(first.contains("main.c:1:10:\x1b[0m \x1b[1;31mfatal error:\x1b[0m nosuch.h"), "{coloured:?}");
    assert!(!coloured.contains("FAILED:"), "ninja's words are not the first: {coloured:?}");
    for plain in [shown("auto", &[]), shown("auto", &[("NO_COLOR", "1")]), shown("never", &[])] {
        assert!(!plain.contains('\x1b') && plain.contains("main.c:1:10: fatal error: nosuch.h"), "{plain:?}");
    }
}
