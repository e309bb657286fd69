//! Whose things are: build trees of another driver, components and environments of another case, what a case names no more.
#![expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::*;

/// A program that says how it was built, with what three drivers need.
fn source(home: &Path) {
    let src = home.join("src");
    std::fs::create_dir_all(&src).unwrap();
    std::fs::write(
        src.join("main.c"),
        "#include <stdio.h>\n#ifndef WHO\n#define WHO \"the project\"\n#endif\nint main(void) { puts(WHO); return 0; }\n",
    )
    .unwrap();
    std::fs::write(
        src.join("CMakeLists.txt"),
        "cmake_minimum_required(VERSION 3.16)\nproject(hello C)\nadd_executable(hello main.c)\ninstall(TARGETS hello)\n",
    )
    .unwrap();
    std::fs::write(
        src.join("meson.build"),
        "project('hello', 'c')\nexecutable('hello', 'main.c', install: true)\n",
    )
    .unwrap();
    // As autotools write it, without autotools.
    let configure = r#"#!/bin/sh
for word; do case $word in --prefix=*) prefix=${word#--prefix=} ;; esac; done
src=$(dirname "$0")
printf '%s\n' "hello: $src/main.c" "	\$(CC) $CFLAGS $LDFLAGS -o hello $src/main.c" \
    "install: hello" "	install -D hello \$(DESTDIR)$prefix/bin/hello" >Makefile
: >config.log
"#;
    std::fs::write(src.join("configure"), configure).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(src.join("configure"), mode).unwrap();
}

/// Writes a case with the component `hello` and answers with its path.
fn case(home: &Path, directory: &str, name: &str, component: &str) -> PathBuf {
    let path = home.join(directory).join(format!("{name}.toml"));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let src = home.join("src");
    let text = format!(
        "schema = 1\n[metadata]\nname = \"{name}\"\n[sources.hello]\nkind = \"path\"\npath = \"{}\"\n[components.hello]\n{component}",
        src.display()
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// The driver `command`, with a program that says these words.
fn commands(who: &str) -> String {
    format!(
        "driver = \"command\"\nsystem = [\"c-compiler\"]\n[components.hello.commands]\n\
         compile = [[\"sh\", \"-c\", \"cc $CFLAGS $LDFLAGS '-DWHO=\\\"{who}\\\"' -o {{build}}/hello {{source}}/main.c\"]]\n\
         install = [[\"install\", \"-D\", \"{{build}}/hello\", \"{{destdir}}{{prefix}}/bin/hello\"]]\n"
    )
}

/// Runs it with a state directory of its own; all else is shared.
fn with_state(home: &Path, state: &str, words: &[&str], case: &Path) -> Output {
    let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    words.extend(["--case".to_owned(), case.to_str().unwrap().to_owned()]);
    for (name, place) in [
        ("prefix", "prefix".to_owned()),
        ("artifacts", "artifacts".to_owned()),
        ("data-dir", "data".to_owned()),
        ("state-dir", state.to_owned()),
        ("cache-dir", format!("cache-{state}")),
    ] {
        words.extend([format!("--{name}"), home.join(place).to_str().unwrap().to_owned()]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    command(home, &words).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output().unwrap()
}

fn all(home: &Path, state: &str, case: &Path) -> String {
    let output = with_state(home, state, &["all", "--progress", "plain"], case);
    assert_eq!(common::code(&output), 0, "{}", said(&output));
    said(&output)
}

fn hello(home: &Path) -> String {
    let output = Command::new(home.join("prefix/bin/hello")).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_build_tree_that_another_driver_filled_is_made_anew() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    source(home);
    let drivers = [
        "driver = \"autotools\"\n",
        "driver = \"cmake\"\n",
        "driver = \"cmake\"\ngenerator = \"make\"\n",
        "driver = \"meson\"\n",
    ];
    let by_commands = commands("the commands");
    let app = |text: &str| case(home, "app", "app", text);
    for driver in drivers {
        for (text, expected) in
            [(driver, "the project"), (&*by_commands, "the commands"), (driver, "the project")]
        {
            all(home, "state", &app(text));
            assert_eq!(hello(home), expected, "{driver}");
        }
    }
    assert!(all(home, "state", &app(drivers[3])).contains("nothing to do"));
}

#[test]
fn other_commands_find_nothing_of_what_the_earlier_ones_made() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    source(home);
    std::fs::write(
        home.join("src/Makefile"),
        "hello: main.c\n\tcc $(LDFLAGS) -DWHO='\"$(WHO)\"' -o hello main.c\n",
    )
    .unwrap();
    let made = |who: &str| {
        format!(
            "driver = \"command\"\nsystem = [\"c-compiler\", \"make\"]\n[components.hello.commands]\n\
             compile = [[\"make\", \"-C\", \"{{source}}\", \"WHO={who}\"]]\n\
             install = [[\"install\", \"-D\", \"{{source}}/hello\", \"{{destdir}}{{prefix}}/bin/hello\"]]\n"
        )
    };
    // The same words in an edited source go on where they were.
    for who in ["one", "two", "one"] {
        all(home, "state", &case(home, "app", "app", &made(who)));
        assert_eq!(hello(home), who);
    }
    let mark = home.join("cache-state/work/hello/of-the-tree");
    std::fs::write(&mark, "").unwrap();
    std::fs::write(home.join("src/more"), "").unwrap();
    all(home, "state", &case(home, "app", "app", &made("one")));
    assert!(mark.exists(), "the working copy was made anew although the commands are the same");
    // Nobody knows who filled it: it counts as another's.
    std::fs::write(home.join("cache-state/filled/hello"), "\u{0}").unwrap();
    std::fs::write(home.join("src/more"), "more").unwrap();
    all(home, "state", &case(home, "app", "app", &made("one")));
    assert!(!mark.exists());
}

#[test]
fn another_case_over_the_same_build_trees_builds_its_own() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    source(home);
    let one = case(home, "n1", "app", "driver = \"cmake\"\n");
    let two = case(home, "n2", "app", &commands("the commands"));
    for (case, expected) in [(&one, "the project"), (&two, "the commands"), (&one, "the project")] {
        all(home, "state", case);
        assert_eq!(hello(home), expected);
    }
}
