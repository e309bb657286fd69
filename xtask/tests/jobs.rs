//! Which step begins when: what takes no job waits for none, and the longest chain goes first.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

mod common;

use std::path::Path;

use common::{code, placed, said};

/// Shell that waits until a file is there, a minute at most, and fails when it never comes.
fn wait(file: &str) -> String {
    format!(
        "for i in $(seq 600); do [ ! -e $HOME/{file} ] || exit 0; sleep 0.1; done; echo no {file}; exit 1"
    )
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
fn makefile(name: &str, targets: &[&str], run: &str) -> String {
    let run = run.replace('$', "$$");
    let all = targets.join(" ");
    format!(
        "all: {all}\n{all}:\n\t@{run}\n.PHONY: {all}\ninstall:\n\tinstall -D /dev/null $(DESTDIR)$(HOME)/prefix/share/{name}\n"
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
    let greedy = home.path().join("greedy");
    makes(&greedy, "", &makefile("greedy", &["one"], &wait("checked")));
    std::fs::create_dir(home.path().join("short")).unwrap();
    let short = |check: &str| {
        component(
            "short",
            &format!(
                "driver = \"command\"\n[components.short.commands]\ninstall = [[\"install\", \"-D\", \"/dev/null\", \"{{destdir}}{{prefix}}/share/short\"]]\n[[components.short.checks]]\nkind = \"run\"\ncommand = [\"sh\", \"-c\", \"{check}\"]\n"
            ),
        )
    };
    let case = |text: &str| {
        std::fs::write(
            home.path().join("case.toml"),
            format!("schema = 1\n[metadata]\nname = \"jobs\"\n{text}"),
        )
        .unwrap()
    };
    case(&short("true"));
    let output = placed(home.path(), &["all", "--case", "case.toml", "--jobs", "1", "-y"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    // Nothing is left of `short` but a check, and `greedy`, which holds the only job until that has run.
    let flag = home.path().join("checked");
    let greedy = component("greedy", "driver = \"autotools\"\n");
    case(&format!("{}{greedy}", short(&format!("touch {}", flag.display()))));
    let output = placed(home.path(), &["all", "--case", "case.toml", "--jobs", "1", "-y"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
}

#[test]
fn a_configuration_does_not_wait_for_the_end_of_a_compile_that_holds_every_job() {
    let home = tempfile::tempdir().unwrap();
    // Two jobs that nothing is given back of until `other` is configured.
    let greedy =
        makefile("greedy", &["one", "two"], &format!("touch $HOME/greedy-$@; {}", wait("configured")));
    makes(&home.path().join("greedy"), "", &greedy.replace("$$@", "$@"));
    // It is ready for that when all jobs are taken: what comes before takes none.
    std::fs::create_dir(home.path().join("first")).unwrap();
    makes(&home.path().join("other"), "touch $HOME/configured", &makefile("other", &["one"], "true"));
    let first = "driver = \"command\"\n[components.first.commands]\ninstall = [[\"sh\", \"-ec\", \"\"\"\ninstall -D /dev/null {destdir}{prefix}/share/first\nfor i in $(seq 600); do [ ! -e $HOME/greedy-one ] || exit 0; sleep 0.1; done; exit 1\n\"\"\"]]\n";
    let case = [
        "schema = 1\n[metadata]\nname = \"jobs\"\n".to_owned(),
        component("greedy", "driver = \"autotools\"\n"),
        component("first", first),
        component("other", "driver = \"autotools\"\nneeds = [\"first\"]\n"),
    ];
    std::fs::write(home.path().join("case.toml"), case.concat()).unwrap();
    let output = placed(home.path(), &["all", "--case", "case.toml", "--jobs", "2", "-y"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    assert!(home.path().join("greedy-two").exists(), "both jobs were taken");
}

#[test]
fn of_two_compiles_and_one_job_the_one_with_the_longer_chain_is_first() {
    let home = tempfile::tempdir().unwrap();
    let mut case = "schema = 1\n[metadata]\nname = \"jobs\"\n".to_owned();
    for (name, needs) in [("alone", ""), ("base", ""), ("tail", "needs = [\"base\"]\n")] {
        std::fs::create_dir(home.path().join(name)).unwrap();
        case.push_str(&component(name, &format!(
            "driver = \"command\"\n{needs}[components.{name}.commands]\ncompile = [[\"sh\", \"-c\", \"echo {name} >>$HOME/order; sleep 1\"]]\ninstall = [[\"install\", \"-D\", \"/dev/null\", \"{{destdir}}{{prefix}}/share/{name}\"]]\n"
        )));
    }
    std::fs::write(home.path().join("case.toml"), case).unwrap();
    // What `base` is copied from takes longer than what `alone` is: its compile is ready later, and first all the same.
    for number in 0..3000 {
        std::fs::write(home.path().join(format!("base/{number}")), vec![b'x'; 4096]).unwrap();
    }
    let output = placed(home.path(), &["all", "--case", "case.toml", "--jobs", "1", "-y"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let order = std::fs::read_to_string(home.path().join("order")).unwrap();
    assert!(order.starts_with("base\n"), "{order}");
}
