//! What is run as root, against a recorded root and an apt that answers by a script.

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Finished, StepError};
use model::event::Failure;
use model::plan::{Command, EnsurePackages, Need};
use model::site::Sudo;
use testkit::FakeContext;

use super::*;

const DPKG: &str = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21\n";

struct Root {
    _directory: tempfile::TempDir,
    path: Utf8PathBuf,
    context: FakeContext,
}

impl Root {
    fn new(lists: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(directory.path().canonicalize().unwrap()).unwrap();
        let root = Self { _directory: directory, path, context: FakeContext::new() };
        root.status("");
        if lists {
            engine::files::atomic_write(&root.path.join("var/lib/apt/lists/x_InRelease"), b"").unwrap();
        }
        root
    }

    fn status(&self, more: &str) {
        let text = format!("{DPKG}\n{more}");
        engine::files::atomic_write(&self.path.join("var/lib/dpkg/status"), text.as_bytes()).unwrap();
    }

    /// The apt words of each command that was run.
    fn ran(&self) -> Vec<String> {
        self.context
            .record()
            .commands
            .iter()
            .map(|command| {
                let line = words(command).join(" ");
                let start = line.find(" apt-").or_else(|| line.find(" dpkg ")).unwrap();
                line[start + 1..].split(" -").next().unwrap().to_owned()
            })
            .collect()
    }

    fn run(&self, packages: &[&str]) -> Result<(), StepError> {
        run_in(&self.path, &wanted(packages), &self.context)
    }
}

fn words(command: &Command) -> Vec<String> {
    let literal = |argument: &model::plan::Argument| match argument {
        model::plan::Argument::Literal(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    std::iter::once(command.program.clone()).chain(command.args.iter().map(literal)).collect()
}

fn has(command: &Command, word: &str) -> bool {
    words(command).iter().any(|other| other == word)
}

fn wanted(packages: &[&str]) -> EnsurePackages {
    let need = |name: &&str| Need {
        name: (*name).to_owned(),
        probe: None,
        packages: vec![(*name).to_owned()],
        wanted_by: vec!["ffmpeg".to_owned()],
        optional: false,
    };
    let needs = packages.iter().map(need).collect();
    EnsurePackages { manager: "apt".to_owned(), needs, repositories: Vec::new() }
}

fn installs(root: &Root, package: &str) {
    let path = root.path.clone();
    let text = format!(
        "{DPKG}\nPackage: {package}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1-1\n"
    );
    root.context.on(move |command| {
        if has(command, "install") && has(command, "-y") && !has(command, "--fix-broken") {
            engine::files::atomic_write(&path.join("var/lib/dpkg/status"), text.as_bytes()).unwrap();
        }
        Some(Ok(Finished::default()))
    });
}

fn failed(line: &str) -> StepError {
    StepError::Failed(Failure {
        message: "apt-get failed".to_owned(),
        excerpt: vec![line.to_owned()],
        ..Failure::default()
    })
}

fn failure(result: Result<(), StepError>) -> Failure {
    match result {
        Err(StepError::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_there_costs_nothing() {
    let root = Root::new(true);
    root.status("Package: nasm\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.16.01-1\n");
    let seen = observe_in(&root.path, &wanted(&["nasm"]), &root.context).unwrap();
    assert!(seen.holds());
    assert_eq!(seen.found["nasm"], "nasm 2.16.01-1");
    root.run(&["nasm"]).unwrap();
    assert!(root.ran().is_empty());
}

#[test]
fn lists_that_know_the_package_are_not_brought_up_to_date() {
    let root = Root::new(true);
    installs(&root, "nasm");
    root.run(&["nasm"]).unwrap();
    assert_eq!(root.ran(), ["apt-get install", "apt-get install"]);
    let record = root.context.record();
    assert!(has(&record.commands[0], "-s"), "a simulation first");
    assert_eq!(record.figures["packages"], 1);
}

#[test]
fn without_lists_they_are_brought_first_and_a_dead_repository_is_a_warning() {
    let root = Root::new(false);
    let dead = "E: The repository 'https://dead.example bookworm Release' does not have a Release file.";
    root.context.on(move |command| has(command, "update").then(|| Err(failed(dead))));
    installs(&root, "nasm");
    root.run(&["nasm"]).unwrap();
    assert_eq!(root.ran(), ["apt-get update", "apt-get install", "apt-get install"]);
    assert!(root.context.record().warnings[0].contains(dead));
}

#[test]
fn a_package_that_nobody_knows_is_named_with_who_wants_it() {
    let root = Root::new(true);
    root.context.on(|command| {
        let unknown = "E: Unable to locate package nsam".to_owned();
        has(command, "-s").then(|| Ok(Finished { status: 100, tail: vec![unknown], ..Finished::default() }))
    });
    root.context.on(|_| Some(Ok(Finished::default())));
    let failure = failure(root.run(&["nsam"]));
    assert_eq!(failure.message, "apt of Debian GNU/Linux 12 (bookworm) does not know nsam");
    assert!(failure.cures.iter().any(|cure| cure == "nsam is needed by ffmpeg"), "{:?}", failure.cures);
    assert_eq!(
        root.ran(),
        ["apt-get install", "apt-get update", "apt-get install"],
        "lists were renewed once"
    );
}

#[test]
fn old_lists_are_renewed_once_when_a_download_is_gone() {
    let root = Root::new(true);
    let mut tries = 0;
    root.context.on(move |command| {
        if !has(command, "-y") {
            return None;
        }
        tries += 1;
        let gone = "E: Failed to fetch http://mirror/nasm.deb  404  Not Found";
        (tries == 1).then(|| Err(failed(gone)))
    });
    installs(&root, "nasm");
    root.run(&["nasm"]).unwrap();
    assert_eq!(root.ran(), ["apt-get install", "apt-get install", "apt-get update", "apt-get install"]);
}

#[test]
fn an_interrupted_dpkg_is_mended_first_and_printed_so() {
    let root = Root::new(true);
    root.status("Package: cmake\nStatus: install ok half-configured\nArchitecture: amd64\nVersion: 3\n");
    root.context.on(|_| Some(Ok(Finished::default())));
    let printed = commands_in(&root.path, &wanted(&["nasm"]), &root.context).unwrap();
    let printed: Vec<&[String]> = printed.iter().map(|argv| &argv[5..]).collect();
    assert_eq!(printed[0][..2], ["dpkg", "--force-confdef"]);
    assert_eq!(printed[1][..3], ["apt-get", "install", "--fix-broken"]);
    assert_eq!(printed[2].last().unwrap(), "nasm");
    root.run(&["nasm"]).unwrap();
    assert_eq!(root.ran()[1..], ["dpkg", "apt-get install", "apt-get install", "apt-get install"]);
}

#[test]
fn no_command_of_a_manager_is_killed_half_way() {
    for manager in super::super::MANAGERS {
        let root = Root::new(false);
        root.context.on(|_| Some(Ok(Finished::default())));
        let action = EnsurePackages { manager: manager.name().to_owned(), ..wanted(&["nasm"]) };
        engine::files::atomic_write(&root.path.join("lib/apk/db/installed"), b"").unwrap();
        run_in(&root.path, &action, &root.context).unwrap();
        let record = root.context.record();
        assert!(record.commands.iter().any(|command| has(command, "nasm")), "{:?}", record.commands);
        assert_eq!(record.to_their_end, record.commands, "{}", manager.name());
    }
}

#[test]
fn who_may_not_is_told_what_to_give_the_administrator() {
    let mut root = Root::new(true);
    root.context.target.root = false;
    root.context.site.sudo = Sudo::Unavailable;
    let failure = failure(root.run(&["nasm", "yasm"]));
    assert_eq!(failure.message, "nasm, yasm are not installed, and installing packages must be run as root");
    assert!(failure.cures[0].contains("installer deps --print-root-commands"));
    assert!(root.ran().is_empty());
}

#[test]
fn offline_installs_nothing() {
    let root = Root::new(true);
    root.context.set_offline(true);
    assert!(failure(root.run(&["nasm"])).message.contains("--offline"));
}

#[test]
fn an_unknown_distribution_is_named_with_the_way_to_say_its_manager() {
    let mut root = Root::new(true);
    root.context.target.os = model::target::Os {
        id: "nixos".to_owned(),
        pretty_name: "NixOS 24.05".to_owned(),
        ..Default::default()
    };
    let action = EnsurePackages { manager: String::new(), ..wanted(&["nasm"]) };
    let failure = failure(run_in(Utf8Path::new("/"), &action, &root.context));
    assert!(
        failure.message.contains("NixOS 24.05") && failure.message.contains("\"nixos\""),
        "{}",
        failure.message
    );
    assert!(failure.cures.iter().any(|cure| cure.contains("--package-manager") && cure.contains("zypper")));
}
