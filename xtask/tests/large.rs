//! Large files and many files: the memory for the one and the waiting for the disk for the other do not grow with them.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::path::Path;
use std::process::Stdio;

use common::*;

const ALL: [&str; 5] = ["all", "--case", "case.toml", "--progress", "plain"];

/// A component that a shell installs.
fn case(home: &Path, install: &str) {
    std::fs::create_dir(home.join("src")).unwrap();
    std::fs::write(
        home.join("src/install"),
        format!("set -e\nmkdir -p \"$1/share\"\ncd \"$1/share\"\n{install}\n"),
    )
    .unwrap();
    let case = "schema = 1\n[metadata]\nname = \"large\"\n[sources.one]\nkind = \"path\"\npath = \"src\"\n\
                [components.one]\ndriver = \"command\"\n[components.one.commands]\n\
                install = [[\"sh\", \"{source}/install\", \"{destdir}{prefix}\"]]\n\
                [[components.one.checks]]\nkind = \"run\"\ncommand = [\"test\", \"-e\", \"{prefix}/share\"]\n";
    std::fs::write(home.join("case.toml"), case).unwrap();
}

/// The most memory that the program had itself while it ran, in MiB.
fn most_memory(home: &Path, words: &[&str]) -> u64 {
    let log = std::fs::File::create(home.join("log")).unwrap();
    let mut child = placed_command(home, words).stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let mut most = 0;
    let status = eventually("the end of the run", || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        most = most.max(kib.unwrap_or(0) / 1024);
        child.try_wait().unwrap()
    });
    assert!(status.success(), "{words:?}: {}", std::fs::read_to_string(home.join("log")).unwrap());
    assert!(most > 1, "no memory was seen");
    most
}

#[test]
fn a_large_file_is_installed_and_verified_in_little_memory() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    // The second is an ELF file by its beginning, and large by what lies behind it.
    case(home, "head -c 192M /dev/zero > large\ncat /bin/true large > program\ncp program text.cmake");
    let most = most_memory(home, &ALL);
    assert!(most < 120, "build took {most} MiB");
    let most = most_memory(home, &["verify", "--case", "case.toml", "--progress", "plain"]);
    assert!(most < 120, "verify took {most} MiB");
    assert_eq!(std::fs::metadata(home.join("prefix/share/large")).unwrap().len(), 192 << 20);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test compiles the tool that it needs")]
fn many_files_wait_for_the_disk_together() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    case(home, "for n in $(seq 400); do echo $n > file-$n; done");
    // Counts what is made safe file by file; what the whole file system is asked for is no such call.
    let shim = "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <stdlib.h>\n#include <fcntl.h>\n#include <unistd.h>\n\
                static void seen(void) { int f = open(getenv(\"SEEN\"), O_WRONLY | O_CREAT | O_APPEND, 0644); \
                if (f >= 0) { if (write(f, \"x\", 1) < 0) {} close(f); } }\n\
                int fsync(int f) { seen(); return ((int (*)(int))dlsym(RTLD_NEXT, \"fsync\"))(f); }\n\
                int fdatasync(int f) { seen(); return ((int (*)(int))dlsym(RTLD_NEXT, \"fdatasync\"))(f); }\n";
    std::fs::write(home.join("shim.c"), shim).unwrap();
    let words = ["-shared", "-fPIC", "shim.c", "-o", "shim.so", "-ldl"];
    let compiled = std::process::Command::new("cc").current_dir(home).args(words).output().unwrap();
    assert!(compiled.status.success(), "{}", said(&compiled));
    let mut command = placed_command(home, &ALL);
    let run =
        command.env("LD_PRELOAD", home.join("shim.so")).env("SEEN", home.join("seen")).output().unwrap();
    assert_eq!(code(&run), 0, "{}", said(&run));
    let seen = std::fs::metadata(home.join("seen")).unwrap().len();
    assert!(seen > 5, "only {seen} calls were seen");
    assert!(seen < 200, "{seen} calls for 400 files");
    assert_eq!(std::fs::read_dir(home.join("prefix/share")).unwrap().count(), 401);
}
