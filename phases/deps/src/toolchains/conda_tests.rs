//! Against a tool that records its arguments and makes a directory: conda itself cannot be had where this is tested.

use std::os::unix::fs::PermissionsExt;

use engine::runner::Finished;
use testkit::FakeContext;

use super::*;

const SPECIFICATION: &str = "# platform: linux-64\n@EXPLICIT\nhttps://conda.example/main/linux-64/python-3.11.9-0.conda#0123\nhttps://conda.example/main/noarch/pip-24.0-0.conda\n";

struct Scene {
    context: FakeContext,
    prefix: Utf8PathBuf,
    specification: Utf8PathBuf,
    packages: Utf8PathBuf,
}

impl Scene {
    fn new(tools: &[&str]) -> Self {
        let mut context = FakeContext::new();
        let bin = context.path("bin");
        for tool in tools {
            files::atomic_write(&bin.join(tool), b"").unwrap();
            std::fs::set_permissions(bin.join(tool), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        context.environment.insert("PATH".to_owned(), bin.into_string());
        context.on(|command| {
            let Some(Argument::Literal(prefix)) = command.args.get(3) else { panic!("{command:?}") };
            files::atomic_write(&Utf8Path::new(prefix).join("bin/python"), b"").unwrap();
            Some(Ok(Finished::default()))
        });
        let specification = context.path("case/environment.txt");
        files::atomic_write(&specification, SPECIFICATION.as_bytes()).unwrap();
        let (prefix, packages) = (context.path("env"), context.layout.artifacts.join("conda"));
        Self { context, prefix, specification, packages }
    }

    fn run(&self) -> Result<(), String> {
        match run(&self.prefix, Some(&self.specification), &self.packages, &self.context) {
            Ok(()) => Ok(()),
            Err(StepError::Failed(failure)) => {
                Err(format!("{}: {}", failure.message, failure.cures.join("; ")))
            }
            Err(StepError::Cancelled) => panic!("nobody cancelled"),
        }
    }

    fn holds(&self) -> bool {
        observe(&self.prefix, Some(&self.specification)).unwrap().holds()
    }

    fn list(&self) -> String {
        std::fs::read_to_string(self.context.layout.cache.join("conda.txt")).unwrap()
    }
}

#[test]
fn an_environment_is_created_once_from_the_specification() {
    let place = Scene::new(&["conda", "micromamba"]);
    assert!(!place.holds());
    place.run().unwrap();
    assert!(place.holds());
    let lines = place.context.command_lines();
    let list = place.context.layout.cache.join("conda.txt");
    let bin = place.context.path("bin");
    assert_eq!(lines, [format!("{bin}/micromamba create --yes --prefix {} --file {list}", place.prefix)]);
    assert_eq!(place.list(), SPECIFICATION);
    let command = place.context.record().commands.remove(0);
    assert!(command.environment["CONDA_PKGS_DIRS"].starts_with(place.context.layout.cache.as_str()));
    place.run().unwrap();
    assert_eq!(place.context.command_lines().len(), 1, "it is there");

    files::atomic_write(&place.specification, SPECIFICATION.replace("24.0", "25.0").as_bytes()).unwrap();
    assert!(!place.holds());
    let told = place.run().unwrap_err();
    assert!(told.contains("was created from another"), "{told}");
}

#[test]
fn an_environment_that_was_there_before_is_used_as_it_is() {
    let place = Scene::new(&[]);
    files::atomic_write(&place.prefix.join("bin/python"), b"").unwrap();
    assert!(place.holds());
    place.run().unwrap();
    assert!(place.context.command_lines().is_empty());
}

#[test]
fn a_creation_that_was_killed_is_done_again_from_nothing() {
    let place = Scene::new(&["mamba"]);
    files::atomic_write(&incomplete(&place.prefix), b"").unwrap();
    files::atomic_write(&place.prefix.join("bin/python"), b"").unwrap();
    files::atomic_write(&place.prefix.join("half"), b"").unwrap();
    assert!(!place.holds());
    place.run().unwrap();
    assert!(place.holds() && !place.prefix.join("half").exists());
}

#[test]
fn without_a_tool_or_a_specification_it_is_said_what_works() {
    let place = Scene::new(&[]);
    let told = place.run().unwrap_err();
    assert!(
        told.contains("none of micromamba, mamba, conda is on PATH") && told.contains("micromamba create"),
        "{told}"
    );
    let seen = observe(&place.prefix, None).unwrap();
    assert!(seen.findings[0].cure.contains("python.lock"), "{seen:?}");
    let place = Scene::new(&["conda"]);
    files::atomic_write(&place.specification, b"python=3.11\n").unwrap();
    assert!(place.run().unwrap_err().contains("@EXPLICIT"));
    files::atomic_write(&place.prefix.join("thesis.txt"), b"").unwrap();
    assert!(place.run().unwrap_err().contains("is not a conda environment"));
    assert!(place.prefix.join("thesis.txt").is_file());
}

#[test]
fn offline_all_packages_come_from_the_bundle() {
    let place = Scene::new(&["micromamba"]);
    place.context.set_offline(true);
    let told = place.run().unwrap_err();
    assert!(told.contains("does not have python-3.11.9-0.conda, pip-24.0-0.conda"), "{told}");
    for file in ["python-3.11.9-0.conda", "pip-24.0-0.conda"] {
        files::atomic_write(&place.packages.join(file), b"").unwrap();
    }
    place.run().unwrap();
    assert!(place.context.command_lines()[0].ends_with(" --offline"));
    let packages = &place.packages;
    assert_eq!(
        place.list(),
        format!(
            "# platform: linux-64\n@EXPLICIT\nfile://{packages}/python-3.11.9-0.conda#0123\nfile://{packages}/pip-24.0-0.conda\n"
        )
    );
}
