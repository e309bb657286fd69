//! The same for dnf and zypper, which answer by a script; rpm is asked what is installed.

use std::sync::{Arc, Mutex};

use engine::runner::{Finished, StepError};
use model::event::Failure;
use model::plan::{EnsurePackages, Need};
use testkit::FakeContext;

use super::*;

/// A root with rpm's database, whose content is what `rpm -qa` is made to answer.
struct Root {
    directory: tempfile::TempDir,
    context: FakeContext,
    installed: Arc<Mutex<String>>,
}

impl Root {
    fn new() -> Self {
        let root = Self {
            directory: tempfile::tempdir().unwrap(),
            context: FakeContext::new(),
            installed: Arc::default(),
        };
        root.write("var/cache/dnf/base-1/repodata/repomd.xml", "");
        root.write("var/cache/zypp/raw/base/repodata/repomd.xml", "");
        root.install("");
        let installed = Arc::clone(&root.installed);
        root.context.on(move |command| {
            let answer = || Finished { stdout: installed.lock().unwrap().clone(), ..Finished::default() };
            (command.program == "rpm").then(|| Ok(answer()))
        });
        root
    }

    fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.directory.path()).unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        engine::files::atomic_write(&self.path().join(path), text.as_bytes()).unwrap();
    }

    fn install(&self, lines: &str) {
        *self.installed.lock().unwrap() = lines.to_owned();
        self.write("var/lib/rpm/rpmdb.sqlite", lines);
    }

    /// The commands that were run without what every one has, rpm's questions left out.
    fn ran(&self) -> Vec<String> {
        self.context.command_lines().into_iter().filter(|line| !line.starts_with("rpm ")).collect()
    }
}

fn wanted(manager: &str, package: &str) -> EnsurePackages {
    let need = Need {
        name: package.to_owned(),
        probe: None,
        packages: vec![package.to_owned()],
        wanted_by: vec!["ffmpeg".to_owned()],
        optional: false,
    };
    EnsurePackages { manager: manager.to_owned(), needs: vec![need], repositories: Vec::new() }
}

fn failed(lines: &[&str]) -> StepError {
    let excerpt = lines.iter().map(|line| (*line).to_owned()).collect();
    StepError::Failed(Failure {
        message: "it failed with status 1".to_owned(),
        excerpt,
        ..Failure::default()
    })
}

#[test]
fn an_upgrade_is_another_digest_and_rpm_is_asked_once_for_each() {
    let root = Root::new();
    let observe = || observe_in(root.path(), &wanted("dnf", "nasm"), &root.context).unwrap();
    assert!(!observe().holds());
    root.install("P\tnasm\t(none)\t2.16.01-7.fc40\tx86_64\nR\tnasm\n");
    let first = observe();
    assert_eq!(first.found["nasm"], "nasm 2.16.01-7.fc40");
    assert_eq!(observe().digest(), first.digest());
    root.install("P\tnasm\t(none)\t2.16.03-1.fc40.1\tx86_64\nR\tnasm\n");
    assert_ne!(observe().digest(), first.digest());
    assert_eq!(root.context.record().commands.len(), 3, "once for each state of the database");
    assert!(root.ran().is_empty());
}

#[test]
fn what_the_machine_holds_back_is_told_with_how_to_let_go() {
    let root = Root::new();
    root.context.on(|command| {
        let line = "All matches were filtered out by exclude filtering for argument: nasm";
        command.args.contains(&"-y".into()).then(|| Err(failed(&[line])))
    });
    root.context.on(|_| Some(Ok(Finished { status: 1, ..Finished::default() })));
    let Err(StepError::Failed(failure)) = run_in(root.path(), &wanted("dnf", "nasm"), &root.context) else {
        panic!("it was installed");
    };
    assert!(failure.message.contains("holds it back"), "{}", failure.message);
    assert!(failure.cures[0].contains("versionlock"), "{:?}", failure.cures);
    let ran = root.ran();
    assert!(ran[0].contains("-C --assumeno install") && ran[1].contains("dnf -y install"), "{ran:?}");
    assert_eq!(ran.len(), 2, "{ran:?}");
}

#[test]
fn zypper_went_on_without_a_repository_and_that_is_a_warning() {
    let root = Root::new();
    root.context.on(|command| {
        let simulated = command.args.contains(&"--dry-run".into());
        (!simulated).then(|| {
            Err(failed(&[
                "Warning: Skipping repository 'dead' because of the above error.",
                "Some of the repositories have not been refreshed because of an error.",
            ]))
        })
    });
    root.context.on(|_| Some(Ok(Finished::default())));
    run_in(root.path(), &wanted("zypper", "nasm"), &root.context).unwrap();
    let warnings = root.context.record().warnings;
    assert!(warnings[0].contains("'dead'"), "{warnings:?}");
}

#[test]
fn two_versions_of_one_package_are_mended_by_dnf_first() {
    let root = Root::new();
    root.install("P\tcmake\t(none)\t3.26-1\tx86_64\nR\tcmake\nP\tcmake\t(none)\t3.28-1\tx86_64\nR\tcmake\n");
    root.context.on(|_| Some(Ok(Finished::default())));
    let printed = commands_in(root.path(), &wanted("dnf", "nasm"), &root.context).unwrap();
    assert!(printed[0].join(" ").contains("dnf -y remove --duplicates"), "{printed:?}");
    assert!(printed[1].join(" ").ends_with("nasm"), "{printed:?}");
}
