//! Against a pip that answers by a script: it puts a wheel of every project that it is asked for into `--dest`.

use std::os::unix::fs::PermissionsExt;

use engine::runner::Finished;
use model::event::Failure;
use model::plan::{Argument, Command};
use testkit::FakeContext;

use super::*;

fn words(command: &Command) -> Vec<String> {
    command
        .args
        .iter()
        .map(|argument| match argument {
            Argument::Literal(text) => text.clone(),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// The newest version that the fake index offers.
fn context(newest: &'static str) -> (FakeContext, FetchWheels) {
    let mut context = FakeContext::new();
    let python = context.path("bin/python3");
    files::atomic_write(&python, b"").unwrap();
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
    context.environment.insert("PATH".to_owned(), context.path("bin").into_string());
    context.environment.insert("PIP_INDEX_URL".to_owned(), "http://127.0.0.1:9/simple".to_owned());
    context.on(move |command| {
        let words = words(command);
        let Some(at) = words.iter().position(|word| word == "--dest") else {
            return Some(Ok(Finished { stdout: "cpython-3.11\n".to_owned(), ..Finished::default() }));
        };
        let into = Utf8PathBuf::from(&words[at + 1]);
        let file_after = |flag: &str| {
            let at = words.iter().position(|word| word == flag)?;
            Some(std::fs::read_to_string(&words[at + 1]).unwrap())
        };
        let near = file_after("-c").unwrap_or_default();
        let mut asked: Vec<String> =
            words[at + 2..].iter().filter(|word| !word.starts_with(['-', '/'])).cloned().collect();
        asked.extend(file_after("-r").into_iter().flat_map(|text| {
            wheel::parse(&text)
                .into_iter()
                .map(|(name, version, _)| format!("{name}=={version}"))
                .collect::<Vec<_>>()
        }));
        for project in asked {
            if project == "old" {
                let line = "ERROR: No matching distribution found for old".to_owned();
                return Some(Err(StepError::Failed(Failure { excerpt: vec![line], ..Failure::default() })));
            }
            let (name, version) = project.split_once("==").unwrap_or((&project, newest));
            let kept = near.lines().find_map(|line| line.strip_prefix(&format!("{name}==")));
            let version = kept.unwrap_or(version);
            std::fs::write(
                into.join(format!("{name}-{version}-py3-none-any.whl")),
                format!("{name} {version}"),
            )
            .unwrap();
        }
        Some(Ok(Finished::default()))
    });
    let action = FetchWheels {
        interpreter: "python3".to_owned(),
        requirements: Vec::new(),
        packages: vec!["attrs".to_owned(), "six".to_owned()],
        projects: Vec::new(),
        into: context.layout.artifacts.join("wheels"),
        indexes: Vec::new(),
        find_links: Vec::new(),
        optional: None,
        also: None,
        version: None,
        kept_for: None,
        constraints: Vec::new(),
    };
    (context, action)
}

fn downloads(context: &FakeContext) -> usize {
    context.command_lines().iter().filter(|line| line.contains(" download ")).count()
}

#[test]
fn what_was_resolved_is_locked_and_obeyed_without_asking_again() {
    let (context, action) = context("2.0");
    run(&action, &context).unwrap();
    assert_eq!(downloads(&context), 1);
    let lock = std::fs::read_to_string(action.into.join(REQUIREMENTS_LOCK)).unwrap();
    assert!(
        lock.contains(&format!("attrs==2.0 \\\n    --hash=sha256:{}", Digest::of("attrs 2.0"))),
        "{lock}"
    );
    assert_eq!(context.locked().wheels.len(), 2);

    context.set_offline(true);
    run(&action, &context).unwrap();
    assert_eq!(downloads(&context), 1, "nothing more, and --offline is no hindrance");
}

#[test]
fn only_what_is_damaged_comes_again_and_by_its_hash() {
    let (context, action) = context("2.0");
    run(&action, &context).unwrap();
    let damaged = action.into.join("six-2.0-py3-none-any.whl");
    std::fs::write(&damaged, "cut").unwrap();
    std::fs::write(action.into.join("gone-1-py3-none-any.whl"), "").unwrap();
    run(&action, &context).unwrap();
    let last = context.command_lines().pop().unwrap();
    assert!(last.contains("--no-deps --require-hashes -r "), "{last}");
    assert_eq!(std::fs::read_to_string(&damaged).unwrap(), "six 2.0");
    assert!(!action.into.join("gone-1-py3-none-any.whl").exists(), "what is not wanted goes");
    assert!(!action.into.join(".incoming").exists());
}

#[test]
fn an_index_that_changed_its_mind_is_refused() {
    let (context, action) = context("2.0");
    run(&action, &context).unwrap();
    let mut locked = context.locked();
    locked.wheels.get_mut("six-2.0-py3-none-any.whl").unwrap().sha256 = Digest::of("another");
    context.set_locked(locked);
    let Err(StepError::Failed(failure)) = run(&action, &context) else { panic!("taken") };
    assert!(failure.message.contains("no longer offers six-2.0-py3-none-any.whl"), "{}", failure.message);
}

#[test]
fn changed_requirements_are_resolved_near_to_the_lock() {
    let (earlier, action) = context("1.0");
    run(&action, &earlier).unwrap();
    let (context, mut action) = context("2.0");
    context.set_locked(earlier.locked());
    action.packages.push("extra".to_owned());
    run(&action, &context).unwrap();
    let locked = context.locked();
    let files: Vec<&String> = locked.wheels.keys().collect();
    assert_eq!(
        files,
        ["attrs-1.0-py3-none-any.whl", "extra-2.0-py3-none-any.whl", "six-1.0-py3-none-any.whl"]
    );
}

#[test]
fn a_package_without_a_wheel_is_named_and_not_compiled() {
    let (context, mut action) = context("2.0");
    action.packages = vec!["old".to_owned()];
    let Err(StepError::Failed(failure)) = run(&action, &context) else { panic!("done") };
    assert_eq!(failure.message, "the index has no wheel of old for cpython-3.11 on x86_64");
    assert!(!action.into.join(REQUIREMENTS_LOCK).exists());
    assert!(context.command_lines().iter().any(|line| line.contains("--only-binary=:all:")));
}

#[test]
fn an_interpreter_of_another_version_is_refused_before_anything_is_fetched() {
    let (context, mut action) = context("2.0");
    action.version = Some("3.11.4".to_owned());
    run(&action, &context).unwrap();
    action.version = Some("3.1".to_owned());
    let Err(StepError::Failed(failure)) = run(&action, &context) else { panic!("done") };
    assert_eq!(failure.kind, FailureKind::Preflight);
    assert!(
        failure.message.ends_with("is cpython-3.11, but the case needs Python 3.1"),
        "{}",
        failure.message
    );
    assert_eq!(downloads(&context), 1);
}

#[test]
fn optional_packages_do_not_move_what_the_case_needs_and_are_locked_apart() {
    let (context, action) = context("2.0");
    run(&action, &context).unwrap();
    let optional = FetchWheels {
        packages: vec!["six".to_owned(), "extra".to_owned()],
        into: context.layout.optional_wheels("more"),
        optional: Some("more".to_owned()),
        also: Some(action.into.clone()),
        ..action.clone()
    };
    // A wheel that somebody put there for want of an index stays until it is known what is wanted.
    files::create_dir_all(&optional.into).unwrap();
    std::fs::write(optional.into.join("own-1-py3-none-any.whl"), "").unwrap();
    run(&optional, &context).unwrap();
    let line = context.command_lines().into_iter().rfind(|line| line.contains(" download ")).unwrap();
    assert!(line.contains("fixed.txt") && line.contains(&format!("--find-links {}", action.into)), "{line}");
    let locked = context.locked();
    let group: Vec<&String> = locked.optional_wheels["more"].wheels.keys().collect();
    assert_eq!(group, ["extra-2.0-py3-none-any.whl"], "six was brought before");
    assert_eq!(locked.wheels.len(), 2);
    assert!(action.into.join("six-2.0-py3-none-any.whl").is_file());
}

#[test]
fn offline_without_a_lock_is_an_error_that_says_so() {
    let (context, action) = context("2.0");
    context.set_offline(true);
    let Err(StepError::Failed(failure)) = run(&action, &context) else { panic!("done") };
    assert!(failure.message.contains("--offline"), "{}", failure.message);
}

#[test]
fn what_a_project_wants_for_its_build_is_brought_unless_the_case_says_more() {
    let (context, mut action) = context("2.0");
    let project = context.path("app/pyproject.toml");
    std::fs::create_dir_all(project.parent().unwrap()).unwrap();
    std::fs::write(&project, "[build-system]\nrequires = [\"maker>=1\", \"six>=3\"]\n").unwrap();
    action.projects = vec![project, context.path("absent/pyproject.toml")];
    let whole = with_build_requirements(&action).unwrap();
    assert_eq!(whole.packages, ["attrs", "six", "maker>=1"]);
}
