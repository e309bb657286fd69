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
        ("state-dir", format!("state-{state}")),
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
            all(home, "one", &app(text));
            assert_eq!(hello(home), expected, "{driver}");
        }
    }
    assert!(all(home, "one", &app(drivers[3])).contains("nothing to do"));
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
        all(home, "one", &case(home, "app", "app", &made(who)));
        assert_eq!(hello(home), who);
    }
    let mark = home.join("cache-one/work/hello/of-the-tree");
    std::fs::write(&mark, "").unwrap();
    std::fs::write(home.join("src/more"), "").unwrap();
    all(home, "one", &case(home, "app", "app", &made("one")));
    assert!(mark.exists(), "the working copy was made anew although the commands are the same");
    // Nobody knows who filled it: it counts as another's.
    std::fs::write(home.join("cache-one/filled/hello"), "\u{0}").unwrap();
    std::fs::write(home.join("src/more"), "more").unwrap();
    all(home, "one", &case(home, "app", "app", &made("one")));
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
        all(home, "one", case);
        assert_eq!(hello(home), expected);
    }
}

fn code_of(home: &Path, state: &str, words: &[&str], case: &Path) -> (i32, String) {
    let output = with_state(home, state, words, case);
    (common::code(&output), said(&output))
}

#[test]
fn what_another_case_installed_is_neither_verified_nor_uninstalled() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    source(home);
    let (cm, co) = (case(home, "cases", "cm", &commands("cm")), case(home, "cases", "co", &commands("co")));
    // And two that have one name.
    let (n1, n2) = (case(home, "n1", "app", &commands("n1")), case(home, "n2", "app", &commands("n2")));
    all(home, "cm", &cm);
    assert_eq!(code_of(home, "cm", &["verify"], &cm).0, 0);
    for (first, second, states, other) in [
        (&cm, &co, ["cm", "co"], "the case co"),
        (&co, &n1, ["co", "n1"], "the case app"),
        (&n1, &n2, ["n1", "n2"], "another case app, whose state directory is not "),
    ] {
        let told = all(home, states[1], second);
        assert!(told.contains("warning: replaces hello of "), "{told}");
        assert_eq!(hello(home), states[1]);
        assert_eq!(code_of(home, states[1], &["verify"], second).0, 0);
        let (code, told) = code_of(home, states[0], &["verify"], first);
        assert!(code == 9 && told.contains(&format!("is of {other}")), "{code} {told}");
        for words in [&["uninstall", "hello"][..], &["uninstall", "hello", "--dry-run"]] {
            let (code, told) = code_of(home, states[0], words, first);
            assert!(code == 2 && told.contains(&format!("but of {other}")), "{code} {told}");
        }
        let (code, told) = code_of(home, states[0], &["uninstall", "--all"], first);
        assert!(code == 0 && told.contains("is installed"), "{code} {told}");
        assert_eq!(hello(home), states[1]);
    }
    // The first one installs its own again.
    assert!(all(home, "n1", &n1).contains("replaces hello of another case app"));
    assert_eq!(hello(home), "n1");
    // A manifest of a version that wrote no state is the case's, and a state directory may be moved.
    std::fs::rename(home.join("state-n1"), home.join("state-moved")).unwrap();
    assert_eq!(code_of(home, "moved", &["uninstall", "hello"], &n1).0, 0);
    all(home, "n2", &n2);
    let path = home.join("prefix/share/installer/hello.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let without: Vec<&str> =
        text.lines().filter(|line| !line.trim_start().starts_with("\"state\"")).collect();
    assert_eq!(without.len() + 1, text.lines().count());
    std::fs::write(&path, without.join("\n")).unwrap();
    assert_eq!(code_of(home, "n3", &["uninstall", "hello"], &n2).0, 0);
    // By force it goes.
    all(home, "n2", &n2);
    assert_eq!(code_of(home, "n3", &["uninstall", "hello", "--force"], &n2).0, 0);
    assert!(!home.join("prefix/bin/hello").exists());
}

#[test]
fn an_environment_of_another_case_of_the_same_name_is_replaced_with_a_warning() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let python = |directory: &str, package: &str| {
        wheel(&home.join(directory), package, "1.0");
        let path = home.join(directory).join("app.toml");
        let text = format!(
            "schema = 1\n[metadata]\nname = \"app\"\n[python]\npackages = [\"./{package}-1.0-py3-none-any.whl\"]\n"
        );
        std::fs::write(&path, text).unwrap();
        path
    };
    let (one, two) = (python("n3", "three"), python("n4", "four"));
    assert!(!all(home, "s3", &one).contains("warning: replaces"));
    let told = all(home, "s4", &two);
    assert!(told.contains("replaces the Python packages of another case app"), "{told}");
    let (code, told) = code_of(home, "s3", &["verify"], &one);
    assert!(code == 9 && told.contains("is of another case app"), "{code} {told}");
    let (code, told) = code_of(home, "s3", &["uninstall", "python"], &one);
    assert!(code == 2 && told.contains("but of another case app"), "{code} {told}");
    assert!(home.join("data/environments/app/pyvenv.cfg").exists());
    assert_eq!(code_of(home, "s4", &["uninstall", "--all"], &two).0, 0);
    assert!(!home.join("data/environments/app").exists());
}

#[test]
fn what_a_case_names_no_more_is_told_and_goes_with_the_rest() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    source(home);
    let elsewhere = home.join("elsewhere");
    let at = |prefix: &Path| format!("prefix = \"{}\"\n{}", prefix.display(), commands("app"));
    // Installed in the prefix, then in one of its own, then in another.
    let places = [home.join("prefix"), elsewhere.clone(), home.join("third")];
    for (number, place) in places.iter().enumerate() {
        let told = all(home, "one", &case(home, "app", "app", &at(place)));
        assert_eq!(told.contains("still installed, but no longer part of the case"), number > 0, "{told}");
        for earlier in &places[..number] {
            assert!(told.contains(&format!("hello in {}", earlier.display())), "{told}");
        }
    }
    let other = case(home, "app", "app", &commands("app").replace("hello]", "other]"));
    let text = std::fs::read_to_string(&other).unwrap().replace("components.hello", "components.other");
    let text = text.replace(
        "[components.other]\n",
        "[components.other]\nsource = \"hello\"\nprefix = \"/nonexistent\"\n",
    );
    let text =
        text.replace("prefix = \"/nonexistent\"", &format!("prefix = \"{}\"", home.join("fourth").display()));
    std::fs::write(&other, text).unwrap();
    for _ in 0..2 {
        let told = all(home, "one", &other);
        assert!(told.contains(&format!("hello in {}", places[2].display())), "{told}");
    }
    // Another case's in the same prefix stays, and this one's may be named.
    let foreign = case(home, "foreign", "foreign", &at(&places[0]));
    let (code, told) = code_of(home, "foreign", &["all", "--progress", "plain"], &foreign);
    assert!(code == 0 && !told.contains("still installed"), "{told}");
    let there = || -> Vec<bool> { places.iter().map(|place| place.join("bin/hello").exists()).collect() };
    assert_eq!(there(), [true, true, true]);
    assert_eq!(code_of(home, "one", &["uninstall", "--all", "--dry-run"], &other).0, 0);
    assert_eq!(there(), [true, true, true]);
    assert_eq!(code_of(home, "one", &["uninstall", "hello"], &other).0, 0);
    assert_eq!(there(), [true, false, true]);
    let (code, told) = code_of(home, "one", &["uninstall", "--all"], &other);
    assert!(code == 0 && told.contains("of other from"), "{told}");
    assert_eq!(there(), [true, false, false], "{told}");
    assert!(!elsewhere.join("share/installer/hello.json").exists() && !home.join("fourth/bin").exists());
    assert_eq!(code_of(home, "foreign", &["verify"], &foreign).0, 0);
}
