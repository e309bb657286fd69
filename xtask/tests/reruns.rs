//! What runs again after an edit: a table of (edit → steps).
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use common::*;

const CASE: &str = r#"schema = 1
[metadata]
name = "edits"
[sources.lib]
kind = "path"
path = "lib"
[sources.app]
kind = "path"
path = "app"
[sources.other]
kind = "path"
path = "other"
[components.lib]
driver = "autotools"
options = { with-answer = 42 }
[components.app]
driver = "cmake"
needs = ["lib"]
options = { GREETING = "hello" }
[[components.app.checks]]
kind = "run"
command = ["{prefix}/bin/app"]
contains = "hello 42"
[components.other]
driver = "command"
[components.other.commands]
compile = [["make", "-C", "{source}", "other.txt"]]
install = [["install", "-D", "-m", "644", "{source}/other.txt", "{destdir}{prefix}/share/other.txt"]]
"#;

/// A library with a configure script, a program that needs it, and something that needs neither.
fn project(home: &Path) {
    for directory in ["lib", "app", "other"] {
        std::fs::create_dir_all(home.join(directory)).unwrap();
    }
    let write = |path: &str, text: &str| std::fs::write(home.join(path), text).unwrap();
    write("case.toml", CASE);
    write(
        "lib/configure",
        r#"#!/bin/sh
set -e
source=$(cd "$(dirname "$0")" && pwd)
answer=0
for word; do
    case $word in
        --prefix=*) prefix=${word#*=} ;;
        --with-answer=*) answer=${word#*=} ;;
        *) echo "configure: error: unknown option $word"; exit 1 ;;
    esac
done
cat >Makefile <<MAKE
all: libanswer.so
answer.o: $source/answer.c $source/answer.h
	\$(CC) -c -fPIC -DANSWER=$answer $CFLAGS -o \$@ $source/answer.c
libanswer.so: answer.o
	\$(CC) -shared -Wl,-soname,libanswer.so $LDFLAGS -o \$@ answer.o
install: all
	install -D libanswer.so \$(DESTDIR)$prefix/lib/libanswer.so
	install -D -m 644 $source/answer.h \$(DESTDIR)$prefix/include/answer.h
MAKE
"#,
    );
    std::fs::set_permissions(home.join("lib/configure"), std::fs::Permissions::from_mode(0o755)).unwrap();
    write("lib/answer.h", "int answer(void);\n");
    write("lib/answer.c", "#include \"answer.h\"\nint answer(void) { return ANSWER; }\n");
    write(
        "app/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.18)\nproject(app C)\nfind_library(ANSWER answer REQUIRED)\n\
         find_path(HEADERS answer.h REQUIRED)\nadd_executable(app main.c)\n\
         target_compile_definitions(app PRIVATE GREETING=\"${GREETING}\")\n\
         target_include_directories(app PRIVATE ${HEADERS})\ntarget_link_libraries(app ${ANSWER})\n\
         install(TARGETS app)\n",
    );
    write(
        "app/main.c",
        "#include <answer.h>\n#include <stdio.h>\nint main(void) { printf(\"%s %d\\n\", GREETING, answer()); return 0; }\n",
    );
    write("other/Makefile", "other.txt: in.txt\n\tcp in.txt other.txt\n");
    write("other/in.txt", "other\n");
}

/// Steps of components: `lib: copy configure` gives `build/lib/copy` and `build/lib/configure`.
fn steps(words: &[&str]) -> BTreeSet<String> {
    words
        .iter()
        .flat_map(|words| {
            let (component, verbs) = words.split_once(": ").unwrap();
            verbs.split(' ').map(move |verb| format!("build/{component}/{verb}"))
        })
        .collect()
}

struct Edit {
    what: &'static str,
    /// Makes the edit; what it gives back are further arguments of the command line.
    make: fn(&Path) -> &'static [&'static str],
    /// Takes it back; none where the tree is as it was after the run.
    undo: Option<fn(&Path)>,
    runs: &'static [&'static str],
    /// What runs after the edit was taken back, where it is not the same.
    runs_after_undo: Option<&'static [&'static str]>,
}

fn replace(home: &Path, file: &str, from: &str, to: &str) {
    let path = home.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

fn mode(home: &Path, file: &str, mode: u32) {
    std::fs::set_permissions(home.join(file), std::fs::Permissions::from_mode(mode)).unwrap();
}

const APP: &str = "app: configure expect compile stage commit verify";
const LIB: &str = "lib: configure expect compile stage commit verify";
const LIB_SOURCE: &str = "lib: copy configure expect compile stage commit verify";

const TABLE: &[Edit] = &[
    Edit { what: "nothing", make: |_| &[], undo: None, runs: &[], runs_after_undo: None },
    Edit {
        what: "a comment in the case",
        make: |home| {
            replace(home, "case.toml", "schema = 1", "# a comment\nschema = 1");
            &[]
        },
        undo: Some(|home| replace(home, "case.toml", "# a comment\n", "")),
        runs: &[],
        runs_after_undo: None,
    },
    Edit { what: "another number of jobs", make: |_| &["-j3"], undo: None, runs: &[], runs_after_undo: None },
    Edit {
        what: "the time of a file",
        make: |home| {
            let file = std::fs::File::options().write(true).open(home.join("lib/answer.c")).unwrap();
            file.set_modified(std::time::SystemTime::now()).unwrap();
            &[]
        },
        undo: None,
        runs: &[],
        runs_after_undo: None,
    },
    Edit {
        what: "a source file of the library",
        make: |home| {
            replace(home, "lib/answer.c", "return ANSWER", "return 0 + ANSWER");
            &[]
        },
        undo: Some(|home| replace(home, "lib/answer.c", "return 0 + ANSWER", "return ANSWER")),
        runs: &[LIB_SOURCE, APP],
        runs_after_undo: None,
    },
    Edit {
        what: "a source file of the program",
        make: |home| {
            replace(home, "app/main.c", "%s %d", "it says %s %d");
            &[]
        },
        undo: Some(|home| replace(home, "app/main.c", "it says ", "")),
        runs: &["app: copy configure expect compile stage commit verify"],
        runs_after_undo: None,
    },
    Edit {
        what: "a new file in a source",
        make: |home| {
            std::fs::write(home.join("other/new.txt"), "new").unwrap();
            &[]
        },
        undo: Some(|home| std::fs::remove_file(home.join("other/new.txt")).unwrap()),
        runs: &["other: copy compile stage commit verify"],
        runs_after_undo: None,
    },
    Edit {
        what: "an executable bit",
        make: |home| {
            mode(home, "other/in.txt", 0o755);
            &[]
        },
        undo: Some(|home| mode(home, "other/in.txt", 0o644)),
        runs: &["other: copy compile stage commit verify"],
        runs_after_undo: None,
    },
    Edit {
        what: "an option of the library's configure",
        make: |_| &["--set", "components.lib.options.with-answer=43", "--set", "components.app.checks=[]"],
        undo: None,
        runs: &[LIB, APP],
        runs_after_undo: Some(&[LIB, APP]),
    },
    Edit {
        what: "a variable of the program's CMake",
        make: |_| &["--set", "components.app.options.GREETING=well hello"],
        undo: None,
        runs: &[APP],
        runs_after_undo: Some(&[APP]),
    },
    Edit {
        what: "a check",
        make: |home| {
            replace(home, "case.toml", "contains = \"hello 42\"", "contains = \"42\"");
            &[]
        },
        undo: Some(|home| replace(home, "case.toml", "contains = \"42\"", "contains = \"hello 42\"")),
        runs: &["app: verify"],
        runs_after_undo: None,
    },
    Edit {
        what: "an environment variable of one component",
        make: |_| &["--set", "components.other.environment.FOO=bar"],
        undo: None,
        runs: &["other: compile stage commit verify"],
        runs_after_undo: Some(&["other: compile stage commit verify"]),
    },
    Edit {
        what: "an installed file is gone",
        make: |home| {
            std::fs::remove_file(home.join("prefix/share/other.txt")).unwrap();
            &[]
        },
        undo: None,
        runs: &["other: commit verify"],
        runs_after_undo: None,
    },
    Edit {
        what: "an installed file has another length",
        make: |home| {
            std::fs::write(home.join("prefix/share/other.txt"), "tampered with").unwrap();
            &[]
        },
        undo: None,
        runs: &["other: commit verify"],
        runs_after_undo: None,
    },
    Edit {
        what: "an installed file has another mode",
        make: |home| {
            mode(home, "prefix/share/other.txt", 0o600);
            &[]
        },
        undo: None,
        runs: &["other: commit verify"],
        runs_after_undo: None,
    },
    Edit {
        what: "one component alone is asked for",
        make: |home| {
            replace(home, "other/in.txt", "other", "changed");
            &["--only", "lib"]
        },
        undo: Some(|home| replace(home, "other/in.txt", "changed", "other")),
        runs: &[],
        runs_after_undo: None,
    },
];

#[test]
fn an_edit_runs_what_depends_on_it_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    project(home);
    let run = |more: &[&str]| {
        let mut words = vec!["all", "--case", "case.toml", "--progress", "json"];
        words.extend(more);
        let output = placed(home, &words);
        assert_eq!(code(&output), 0, "{}", printed(&output));
        started(&output)
    };
    let first = run(&[]);
    assert!(first.contains("build/app/verify") && first.contains("build/other/commit"), "{first:?}");
    let mut wrong = Vec::new();
    for edit in TABLE {
        let more = (edit.make)(home);
        let mut look = |when: &str, found: BTreeSet<String>, expected: &[&str]| {
            let expected = steps(expected);
            if found != expected {
                wrong.push(format!("{}{when}:\n  expected {expected:?}\n  found    {found:?}", edit.what));
            }
        };
        look("", run(more), edit.runs);
        look(", once more", run(more), &[]);
        if let Some(undo) = edit.undo {
            undo(home);
        }
        look(
            ", taken back",
            run(&[]),
            edit.runs_after_undo.unwrap_or(if edit.undo.is_some() { edit.runs } else { &[] }),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_changed_is_told_by_name() {
    let home = tempfile::tempdir().unwrap();
    project(home.path());
    let output = placed(home.path(), &["all", "--case", "case.toml", "--progress", "quiet"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let explain = |step: &str, set: &str| {
        printed(&placed(home.path(), &["explain", step, "--case", "case.toml", "--set", set]))
    };
    let told = explain("build/lib/configure", "components.lib.options.with-answer=43");
    assert!(told.contains("--with-answer"), "{told}");
    let told = explain("build/app/configure", "components.app.options.GREETING=well");
    assert!(told.contains("GREETING"), "{told}");
    std::fs::write(home.path().join("other/in.txt"), "edited\n").unwrap();
    let told = printed(&placed(home.path(), &["explain", "build/other/copy", "--case", "case.toml"]));
    assert!(told.contains("/other"), "{told}");
}
