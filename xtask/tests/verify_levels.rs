//! `verify --level`: what a machine without a driver can know of what needs one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::Path;

use common::{code, placed, printed, said};
use model::exit;

/// A library that needs NVIDIA's driver and a program that does not; `libcuda.so.1` is there while they are linked, as
/// a toolkit's stub is. The program loads the library only when it is asked to.
const CASE: &str = r#"schema = 1
[metadata]
name = "gpu"
[sources.gpu]
kind = "path"
path = "gpu"
[components.gpu]
driver = "command"
system = ["c-compiler"]
[components.gpu.commands]
compile = [
  ["sh", "-c", "echo 'int cuInit(void) { return 0; }' | cc -shared -fPIC -Wl,-soname,LIBRARY -xc - -o LIBRARY"],
  ["sh", "-c", "echo 'int cuInit(void); int use(void) { return cuInit(); }' | cc -shared -fPIC -Wl,-soname,libuse.so -xc - $LDFLAGS -o libuse.so -x none ./LIBRARY"],
  ["sh", "-c", "echo 'int main(void) { return 0; }' | cc -xc - $LDFLAGS -o plain"],
  ["sh", "-c", "echo 'int use(void); int main(void) { return use(); }' | cc -xc - $LDFLAGS -o uses -x none ./libuse.so -Wl,--allow-shlib-undefined"],
]
install = [
  ["install", "-D", "libuse.so", "{destdir}{prefix}/lib/libuse.so"],
  ["install", "-D", "plain", "{destdir}{prefix}/bin/plain"],
  ["install", "-D", "uses", "{destdir}{prefix}/bin/uses"],
]
[[components.gpu.checks]]
kind = "run"
command = ["{prefix}/bin/plain"]
[[components.gpu.checks]]
kind = "run"
command = ["{prefix}/bin/uses"]
[[components.gpu.checks]]
kind = "run"
command = ["sh", "-c", "echo the device was asked >&2; exit 3"]
level = "device"
"#;

fn case(home: &Path, library: &str) {
    std::fs::create_dir_all(home.join("gpu")).unwrap();
    std::fs::write(home.join("gpu/readme"), "").unwrap();
    std::fs::write(home.join("case.toml"), CASE.replace("LIBRARY", library)).unwrap();
}

fn expect(home: &Path, words: &[&str], wanted: i32) -> String {
    let output = placed(home, &[words, &["--case", "case.toml", "--progress", "plain"]].concat());
    let text = format!("{}{}", printed(&output), said(&output));
    assert_eq!(code(&output), wanted, "{words:?}: {text}");
    text
}

#[test]
fn a_library_of_nobodys_driver_is_missed_at_every_level() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    case(home, "libstrange.so.7");
    for words in [&["build"][..], &["verify", "--level", "link"], &["verify"]] {
        let told = expect(home, words, exit::VERIFY_FAILED);
        assert!(told.contains("libuse.so needs libstrange.so.7, which is missing"), "{told}");
    }
}

#[test]
fn a_check_of_the_level_device_runs_at_that_level() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    // Nothing of a driver is needed: only the check is.
    case(home, "libc.so.6");
    let text = CASE.replace(" -x none ./LIBRARY", "").replace("cuInit()", "0");
    std::fs::write(home.join("case.toml"), text.replace("LIBRARY", "unused.so")).unwrap();
    expect(home, &["build"], exit::OK);
    let told = expect(home, &["verify", "--level", "device"], exit::VERIFY_FAILED);
    assert!(told.contains("the device was asked"), "{told}");
    // What one level found says nothing of another.
    expect(home, &["verify", "--level", "import"], exit::OK);
}

mod needs_no_nvidia_driver {
    use super::*;

    #[test]
    fn a_driver_is_expected_to_be_missing_below_the_level_device_and_there_alone() {
        // With the driver there is nothing to expect.
        testkit::need("no_nvidia_driver");
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path();
        case(home, "libcuda.so.1");
        let told = expect(home, &["build"], exit::OK);
        assert!(told.contains("expected at run time: libcuda.so.1 of the NVIDIA driver"), "{told}");
        assert!(told.contains("expected at run time: `"), "the check that loads it is told of: {told}");
        // The account names the check, whose command has these words inside.
        assert!(!told.lines().any(|line| line.trim_end().ends_with("the device was asked")), "{told}");

        let told = expect(home, &["verify", "--level", "link"], exit::OK);
        assert!(
            told.contains("expected at run time: libcuda.so.1") && !told.contains("bin/uses` ended"),
            "{told}"
        );
        expect(home, &["verify"], exit::OK);
        let told = expect(home, &["verify", "--level", "device"], exit::VERIFY_FAILED);
        assert!(told.contains("needs libcuda.so.1 of the NVIDIA driver, which is not installed"), "{told}");
        let told = expect(home, &["build", "--verify-level", "device"], exit::VERIFY_FAILED);
        assert!(told.contains("libcuda.so.1"), "{told}");
    }
}
