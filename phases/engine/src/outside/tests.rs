use model::event::Failure;
use serde_json::json;

use super::*;
use crate::runner::StepError;

/// A run of two components whose places all lie below a directory.
struct Scene {
    root: Utf8PathBuf,
    outside: Outside,
    step: Step,
    _guard: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let guard = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(guard.path()).unwrap().canonicalize_utf8().unwrap();
        for directory in ["src", "prefix/bin", "cache/build/x", "cache/build/other", "home/.cache"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        let layout = Layout {
            prefix: root.join("prefix"),
            state: root.join("state"),
            cache: root.join("cache"),
            artifacts: root.join("artifacts"),
            data: root.join("data"),
            case_dir: root.clone(),
            lock: root.join("case.lock"),
            given_lock: None,
        };
        let step = |id: &str, action: serde_json::Value| {
            json!({
                "id": format!("build/x/{id}"), "phase": "build", "component": "x", "title": "t",
                "freshness": "fingerprinted", "network": "denied", "action": action,
            })
        };
        let install = json!({ "kind": "exec", "commands": [
            { "program": "make", "args": ["install"], "environment": {}, "directory": "/" },
        ] });
        let copy =
            json!({ "kind": "working-copy", "from": root.join("src"), "into": root.join("cache/work/x") });
        let plan: Plan = serde_json::from_value(json!({
            "schema": 1, "case": "c", "phase": "build", "target": "t", "notes": [],
            "steps": [step("copy", copy), step("stage", install)],
        }))
        .unwrap();
        let mut outside = Outside::of(&plan, &layout);
        outside.places.retain(|(_, owner)| *owner != Owner::Home);
        outside.places.push((root.join("home"), Owner::Home));
        outside.open.retain(|path| path.starts_with(&root));
        Self { root, outside, step: plan.steps[1].clone(), _guard: guard }
    }

    fn command(&self, variables: &[(&str, &str)]) -> Command {
        let environment =
            variables.iter().map(|(name, path)| ((*name).to_owned(), self.root.join(path).into_string()));
        Command {
            program: "make".to_owned(),
            args: Vec::new(),
            environment: environment.collect(),
            directory: "/".into(),
        }
    }

    fn refused(&self, line: &str, command: &Command) -> Option<Told> {
        let line = line.replace("ROOT", self.root.as_str());
        assert!(is_refusal(&line), "{line}");
        self.outside.refused(&[line], &self.step, command, "make")
    }

    fn after(&self, before: &written::Before) -> (Option<Failure>, Vec<String>) {
        let mut warned = Vec::new();
        let failure = match self.outside.after(&self.step, before, &mut |message| warned.push(message)) {
            Err(StepError::Failed(failure)) => Some(failure),
            Err(StepError::Cancelled) => panic!("cancelled"),
            Ok(()) => None,
        };
        (failure, warned)
    }
}

#[test]
fn a_refused_file_is_told_with_whose_it_is() {
    let scene = Scene::new();
    let command = scene.command(&[]);
    for (line, words) in [
        (
            "install: cannot create regular file 'ROOT/prefix/bin/tool': Read-only file system",
            "outside of DESTDIR",
        ),
        ("mkdir: cannot create directory ‘ROOT/src/a b’: Read-only file system", "in your source"),
        ("PermissionError: [Errno 30] Read-only file system: 'ROOT/home/.x'", "in the home directory"),
        ("error: ROOT/cache/build/other/a.o: Read-only file system (os error 30)", "component other"),
        ("cp: cannot create '/etc/tool.conf': Read-only file system", "outside of DESTDIR"),
        (
            "file INSTALL cannot copy file \"ROOT/cache/build/x/t\" to \"ROOT/prefix/bin/t\": Read-only file system.",
            "/prefix/bin/t, which is outside of DESTDIR",
        ),
    ] {
        let told = scene.refused(line, &command).unwrap_or_else(|| panic!("{line}"));
        assert!(
            told.message.starts_with("`make` tried to write /") && told.message.contains(words),
            "{told:?}"
        );
        assert!(!told.cures.is_empty(), "{told:?}");
    }
    for line in [
        "cp: cannot create 'ROOT/cache/build/x/a.o': Read-only file system",
        "cp: cannot create '/mnt/cdrom/a': Read-only file system",
        "tar: Read-only file system",
    ] {
        assert!(scene.refused(line, &command).is_none(), "{line}");
    }
}

#[test]
fn a_variable_opens_a_directory_of_the_home_and_nothing_of_an_installation() {
    let scene = Scene::new();
    let line = |path: &str| format!("cp: cannot create 'ROOT/{path}': Read-only file system");
    let command =
        scene.command(&[("ANY_CACHE", "home/.cache"), ("A", "prefix/bin"), ("B", "src"), ("C", "home")]);
    assert!(scene.refused(&line("home/.cache/x"), &command).is_none());
    for path in ["home/.x", "prefix/bin/x", "src/x"] {
        assert!(scene.refused(&line(path), &command).is_some(), "{path}");
    }
    let fence = scene.outside.fence(&scene.step, &command);
    let has = |places: &[Utf8PathBuf], path: &str| places.contains(&scene.root.join(path));
    assert!(has(&fence.writable, "home/.cache") && has(&fence.writable, "cache"), "{fence:?}");
    for closed in ["home", "src", "prefix", "cache/build/other"] {
        assert!(has(&fence.read_only, closed), "{closed}: {fence:?}");
    }
    assert!(!has(&fence.read_only, "cache/build/x"), "{fence:?}");
}

#[test]
fn what_is_written_where_no_fence_holds_is_found() {
    let scene = Scene::new();
    fs::write(scene.root.join("src/old.c"), "old").unwrap();
    fs::write(scene.root.join("src/gone.c"), "old").unwrap();
    let tick = std::time::Duration::from_millis(60);
    std::thread::sleep(tick);
    let before = scene.outside.before(&scene.step, false);
    assert_eq!(scene.after(&before).0, None);

    fs::create_dir_all(scene.root.join("prefix/share/installer")).unwrap();
    fs::write(scene.root.join("prefix/share/installer/x.txt"), "ours").unwrap();
    fs::create_dir(scene.root.join("home/.tool")).unwrap();
    let (failure, warned) = scene.after(&before);
    assert_eq!(failure, None);
    assert!(warned.iter().any(|warning| warning.contains("home/.tool is new")), "{warned:?}");

    fs::write(scene.root.join("prefix/bin/tool"), "x").unwrap();
    let failure = scene.after(&before).0.unwrap();
    assert!(failure.message.contains("prefix/bin/tool, which is outside of DESTDIR"), "{failure:?}");
    assert!(failure.cures.iter().any(|cure| cure.contains("$(DESTDIR)$(prefix)")), "{failure:?}");

    fs::remove_file(scene.root.join("src/gone.c")).unwrap();
    fs::write(scene.root.join("src/old.c"), "new").unwrap();
    let failure = scene.after(&before).0.unwrap();
    let root = &scene.root;
    assert_eq!(failure.excerpt, [format!("wrote: {root}/src/old.c"), format!("removed: {root}/src/gone.c")]);
}

#[test]
fn a_prefix_that_did_not_exist_is_looked_at_behind_a_fence_too() {
    let scene = Scene::new();
    fs::remove_dir_all(scene.root.join("prefix")).unwrap();
    let before = scene.outside.before(&scene.step, true);
    fs::write(scene.root.join("src/new.c"), "the fence holds here").unwrap();
    assert_eq!(scene.after(&before).0, None);
    fs::create_dir_all(scene.root.join("prefix/etc")).unwrap();
    fs::write(scene.root.join("prefix/etc/tool.conf"), "x").unwrap();
    let failure = scene.after(&before).0.unwrap();
    assert!(failure.message.contains("prefix/etc/tool.conf"), "{failure:?}");
}
