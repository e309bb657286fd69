//! Which step begins when: what takes no job waits for none, and the longest chain goes first.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

mod common;

use std::path::Path;

use common::{code, placed, said};

/// Shell that waits until a file is there, a minute at most, and fails when it never comes.
fn wait(file: &Path) -> String {
    let file = file.display();
    format!("for i in $(seq 600); do [ ! -e {file} ] || break; sleep 0.1; done; [ -e {file} ]")
}

/// A project of `./configure` and make, in `directory`.
fn makes(directory: &Path, configure: &str, makefile: &str) {
    std::fs::create_dir_all(directory).unwrap();
    let script = directory.join("configure");
    std::fs::write(
        &script,
        format!(
            "#!/bin/sh -e\n{configure}\n: >config.log\ncp {}/Makefile.in Makefile\n",
            directory.display()
        ),
    )
    .unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(directory.join("Makefile.in"), makefile).unwrap();
}

/// A makefile whose targets each run this, beside each other, and that installs a file.
fn makefile(home: &Path, name: &str, targets: &[&str], run: &str) -> String {
    let prefix = home.join("prefix").display().to_string();
    let run = run.replace('$', "$$");
    let all = targets.join(" ");
    format!(
        "all: {all}\n{all}:\n\t@{run}\n.PHONY: {all}\ninstall:\n\tinstall -D /dev/null $(DESTDIR){prefix}/share/{name}\n"
    )
}

fn component(name: &str, rest: &str) -> String {
    format!(
        "[sources.{name}]\nkind = \"path\"\npath = \"{name}\"\n[components.{name}]\nsource = \"{name}\"\n{rest}\n"
    )
}

#[test]
fn a_check_runs_beside_a_compile_that_holds_every_job() {
    let home = tempfile::tempdir().unwrap();
    let (runs, checked) = (home.path().join("runs"), home.path().join("checked"));
    let run = format!("touch {}; {}", runs.display(), wait(&checked));
    makes(&home.path().join("greedy"), "", &makefile(home.path(), "greedy", &["one"], &run));
    std::fs::create_dir(home.path().join("short")).unwrap();
    let short = |check: &str| {
        let rest = r#"driver = "command"
[components.short.commands]
install = [["install", "-D", "/dev/null", "{destdir}{prefix}/share/short"]]
[[components.short.checks]]
kind = "run"
command = ["sh", "-ec", "CHECK"]
"#;
        component("short", &rest.replace("CHECK", check))
    };
    let case = |text: &str| {
        let text = format!("schema = 1\n[metadata]\nname = \"jobs\"\n{text}");
        std::fs::write(home.path().join("case.toml"), text).unwrap();
    };
    case(&short("true"));
    let output = placed(home.path(), &["all", "--case", "case.toml", "--jobs", "1", "-y"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    // Of `short` a check is left. It ends when `greedy` compiles, and that, with the only job, when the check has run.
    let check = short(&format!("{}; touch {}", wait(&runs), checked.display()));
    case(&format!("{check}{}", component("greedy", "driver = \"autotools\"\n")));
    let output = placed(home.path(), &["all", "--case", "case.toml", "--jobs", "1", "-y"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
}

#[test]
fn a_configuration_does_not_wait_for_the_end_of_a_compile_that_holds_every_job() {
    let home = tempfile::tempdir().unwrap();
    let (runs, configured) = (home.path().join("runs"), home.path().join("configured"));
    // Two jobs that nothing is given back of until `other` is configured.
    let run = format!("touch {}-$@; {}", runs.display(), wait(&configured));
    let greedy = makefile(home.path(), "greedy", &["one", "two"], &run).replace("$$@", "$@");
    makes(&home.path().join("greedy"), "", &greedy);
    // It is ready for that when all jobs are taken: what comes before takes none.
    let other = makefile(home.path(), "other", &["one"], "true");
    makes(&home.path().join("other"), &format!("touch {}", configured.display()), &other);
    std::fs::create_dir(home.path().join("first")).unwrap();
    let first = r#"driver = "command"
[components.first.commands]
install = [["sh", "-ec", "install -D /dev/null {destdir}{prefix}/share/first; WAIT"]]
"#;
    let case = [
        "schema = 1\n[metadata]\nname = \"jobs\"\n".to_owned(),
        component("greedy", "driver = \"autotools\"\n"),
        component("first", &first.replace("WAIT", &wait(&home.path().join("runs-one")))),
        component("other", "driver = \"autotools\"\nneeds = [\"first\"]\n"),
    ];
    std::fs::write(home.path().join("case.toml"), case.concat()).unwrap();
    let output = placed(home.path(), &["all", "--case", "case.toml", "--jobs", "2", "-y"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    assert!(home.path().join("runs-two").exists(), "both jobs were taken");
}

#[test]
fn of_two_compiles_and_one_job_the_one_with_the_longer_chain_is_first() {
    let home = tempfile::tempdir().unwrap();
    let order = home.path().join("order").display().to_string();
    let mut case = "schema = 1\n[metadata]\nname = \"jobs\"\n".to_owned();
    for (name, needs) in [("alone", ""), ("base", ""), ("tail", "needs = [\"base\"]\n")] {
        std::fs::create_dir(home.path().join(name)).unwrap();
        case.push_str(&component(name, &format!(
            "driver = \"command\"\n{needs}[components.{name}.commands]\ncompile = [[\"sh\", \"-c\", \"echo {name} >>{order}; sleep 1\"]]\ninstall = [[\"install\", \"-D\", \"/dev/null\", \"{{destdir}}{{prefix}}/share/{name}\"]]\n"
        )));
    }
    std::fs::write(home.path().join("case.toml"), case).unwrap();
    // What `base` is copied from takes longer than what `alone` is: its compile is ready later, and first all the same.
    for number in 0..400 {
        std::fs::write(home.path().join(format!("base/{number}")), vec![b'x'; 4096]).unwrap();
    }
    let output = placed(home.path(), &["all", "--case", "case.toml", "--jobs", "1", "-y"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let order = std::fs::read_to_string(&order).unwrap();
    assert!(order.starts_with("base\n"), "{order}");
}

/// A token that is on its way to a step must not look like the end of all work.
#[test]
fn with_one_job_everything_has_its_turn() {
    let home = tempfile::tempdir().unwrap();
    let names = ["one", "two", "three", "four"];
    let mut case = "schema = 1\n[metadata]\nname = \"jobs\"\n".to_owned();
    for name in names {
        makes(
            &home.path().join(name),
            "sleep 0.2",
            &makefile(home.path(), name, &["all-of-it"], "sleep 0.2"),
        );
        case.push_str(&component(name, "driver = \"autotools\"\n"));
    }
    std::fs::write(home.path().join("case.toml"), case).unwrap();
    let output = placed(home.path(), &["all", "--case", "case.toml", "--jobs", "1", "-y"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    for name in names {
        assert!(home.path().join("prefix/share").join(name).exists(), "{name}: {}", said(&output));
    }
}
