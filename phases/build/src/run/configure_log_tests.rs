use super::*;

const STATIC: &str = "\
require_pkg_config libx264 x264 x264.h x264_encoder_encode
/usr/bin/ld: a.o: undefined reference to `something of an earlier check'
require_pkg_config libx265 x265 x265.h x265_api_get
pkg-config --exists --print-errors x265
gcc -I/p/include -c -o /tmp/test.o /tmp/test.c
/usr/bin/ld: /p/lib/libx265.a(x265.cpp.o): in function `run()':
x265.cpp:(.text+0x1f): undefined reference to `std::thread::_State::~_State()'
x265.cpp:(.text+0xff): undefined reference to `operator new(unsigned long)'
collect2: error: ld returned 1 exit status
ERROR: x265 not found using pkg-config
";

fn explained(name: &str, text: &str, excerpt: &[&str]) -> Failure {
    let directory = tempfile::tempdir().unwrap();
    let log = Utf8Path::from_path(directory.path()).unwrap().join("logs").join(name);
    std::fs::create_dir(log.parent().unwrap()).unwrap();
    std::fs::write(&log, text).unwrap();
    let mut failure = Failure {
        excerpt: excerpt.iter().map(|line| (*line).to_owned()).collect(),
        cures: vec!["the general".to_owned()],
        ..Failure::default()
    };
    explain(&mut failure, &[log.with_file_name("nowhere.log"), log], "ffmpeg");
    failure
}

#[test]
fn the_linkers_error_stands_behind_a_package_that_was_not_found() {
    let excerpt = ["ERROR: x265 not found using pkg-config", "", "If you think configure made a mistake, …"];
    let failure = explained("config.log", STATIC, &excerpt);
    assert_eq!(
        failure.excerpt,
        [
            "ERROR: x265 not found using pkg-config",
            "logs/config.log:",
            "  x265.cpp:(.text+0x1f): undefined reference to `std::thread::_State::~_State()'",
            "  x265.cpp:(.text+0xff): undefined reference to `operator new(unsigned long)'",
        ]
    );
    assert_eq!(
        failure.cures,
        [
            "/p/lib/libx265.a is a static library, and the libraries that it needs are not linked: add \
             `pkg-config-flags = \"--static\"` to [components.ffmpeg.options], which asks pkg-config for them; or \
             build it as a shared library",
            "the general",
        ]
    );
}

#[test]
fn wanted_and_found_version_are_told_of_a_part_that_is_not_satisfied() {
    let asked = "pkg-config --exists --print-errors ffnvcodec";
    let of_pkgconf = |range: &str| {
        format!(
            "{asked} {range}\nPackage dependency requirement 'ffnvcodec {range}' could not be satisfied.\n\
             Package 'ffnvcodec' has version '11.0.10.1', required version is '{range}'\n"
        )
    };
    let end = "ERROR: nvenc requested, but not all dependencies are satisfied: ffnvcodec\n";
    let text = format!("{}{}{end}", of_pkgconf(">= 12.1.14.0"), of_pkgconf(">= 12.0.16.0 < 12.1"));
    let failure = explained("config.log", &text, &[end.trim()]);
    let told = failure.excerpt.last().unwrap();
    assert_eq!(told, "  ffnvcodec: wanted >= 12.1.14.0, or >= 12.0.16.0 < 12.1; found 11.0.10.1");
    assert!(failure.cures[0].contains("ffnvcodec in a version that is wanted"), "{:?}", failure.cures);

    let of_pkg_config =
        format!("{asked} >= 9.1\nRequested 'ffnvcodec >= 9.1' but version of ffnvcodec is 8.0\n{end}");
    let failure = explained("config.log", &of_pkg_config, &[end.trim()]);
    assert_eq!(failure.excerpt.last().unwrap(), "  ffnvcodec: wanted >= 9.1; found 8.0");
    let gone =
        format!("{asked} >= 9.1\nPackage ffnvcodec was not found in the pkg-config search path.\n{end}");
    let failure = explained("config.log", &gone, &[end.trim()]);
    assert_eq!(failure.excerpt.last().unwrap(), "  ffnvcodec: wanted >= 9.1; no such package was found");
}

#[test]
fn autoconfs_log_tells_the_compilers_error() {
    let text = "configure:10: checking for gcc\nconfigure:11: result: gcc\nconfigure:20: checking for opus.h\n\
                configure:20: gcc -c conftest.c >&5\nconftest.c:9:10: fatal error: opus.h: No such file or directory\n\
                configure:20: $? = 1\nconfigure: failed program was:\n| #include <opus.h>\nconfigure:25: error: opus is required\n\
                ## Cache variables. ##\nconfigure:99: checking nothing\n";
    let failure = explained("config.log", text, &["configure: error: opus is required"]);
    assert_eq!(
        failure.excerpt,
        [
            "configure: error: opus is required",
            "logs/config.log:",
            "  conftest.c:9:10: fatal error: opus.h: No such file or directory",
        ]
    );
    let linked = STATIC
        .replace("require_pkg_config", "configure:7: checking for")
        .replace("ERROR:", "configure:9: error:");
    let failure = explained("config.log", &linked, &["configure: error: x265 not found"]);
    assert!(failure.cures[0].contains("PKG_CONFIG = \"pkg-config --static\""), "{:?}", failure.cures);
}

#[test]
fn cmakes_log_tells_why_the_check_before_its_error_failed() {
    let excerpt =
        ["-- Performing Test HAVE_B - Failed", "CMake Error at CMakeLists.txt:9 (message):", "  b is needed"];
    let old = "Performing C SOURCE FILE Test HAVE_A failed with the following output:\na.c:1:1: error: of a\nSource file was:\n\
               Performing C SOURCE FILE Test HAVE_B failed with the following output:\nChange Dir: /b\n\
               /b/src.c:1:10: fatal error: b.h: No such file or directory\nSource file was:\n#include <b.h>\n: error: no\n";
    let failure = explained("CMakeError.log", old, &excerpt);
    assert_eq!(
        failure.excerpt[3..],
        ["logs/CMakeError.log:", "  /b/src.c:1:10: fatal error: b.h: No such file or directory"]
    );
    let new = "    checks:\n      - \"Performing Test HAVE_B\"\n    buildResult:\n      stdout: |\n        /b/src.c:1:10: fatal error: b.h: No such file\n      exitCode: 1\n        x.c:1:1: error: later\n";
    let failure = explained("CMakeConfigureLog.yaml", new, &excerpt);
    assert_eq!(failure.excerpt[4..], ["  /b/src.c:1:10: fatal error: b.h: No such file"]);
    // A check that failed long before says nothing of the error.
    assert_eq!(explained("CMakeError.log", old, &excerpt[1..]).excerpt.len(), 2);
}

#[test]
fn mesons_log_tells_what_the_compiler_said() {
    let text = "Running compile:\nCode:\n #include <nosuch.h>\nCompiler stderr:\n /t/testfile.c:1:10: fatal error: nosuch.h: No such file or directory\n\
                compilation terminated.\n\nChecking if \"nosuch works\" compiles: NO \n\nmeson.build:4:2: ERROR: Problem encountered: nosuch is needed\n";
    let failure =
        explained("meson-log.txt", text, &["meson.build:4:2: ERROR: Problem encountered: nosuch is needed"]);
    assert_eq!(
        failure.excerpt[1..],
        ["logs/meson-log.txt:", "  /t/testfile.c:1:10: fatal error: nosuch.h: No such file or directory"]
    );
    let earlier = text.replace("\n\nmeson.build", "\nMessage: something else\nmeson.build");
    assert_eq!(explained("meson-log.txt", &earlier, &["x: ERROR: y"]).excerpt, ["x: ERROR: y"]);
}
