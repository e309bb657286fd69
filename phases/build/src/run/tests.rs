use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use engine::manifest;
use engine::runner::{Context, Finding, Observation, Runner, StepError};
use model::case::{Check, PythonEnvironment};
use model::event::{Failure, FailureKind};
use model::manifest::Manifest;
use model::plan::{
    Action, Claims, Commit, ExpectEnabled, Expectation, Freshness, Importing, Need, Network, Phase,
    Preflight, Privilege, RequiredPath, RequiredPython, Shows, StageFiles, StagedFile, StagedText,
    StagedTree, Step, Verify, WorkingCopy,
};
use model::verify_level::VerifyLevel;
use testkit::FakeContext;

use super::{BuildRunner, commit, expect, http_check, stage, verify_component, working_copy};
use crate::rpath::{RPATH_PLACEHOLDER, linkage};

fn failure(result: Result<(), StepError>) -> Failure {
    match result {
        Err(StepError::Failed(failure)) => failure,
        other => panic!("expected a failure, got {other:?}"),
    }
}

fn action(context: &FakeContext, component: &str) -> Commit {
    let component = component.into();
    Commit {
        roots: Vec::new(),
        needs: Vec::new(),
        case: "case".to_owned(),
        version: Some("1".to_owned()),
        checkout: None,
        editable: false,
        staging: context.layout.staging(&component),
        prefix: context.layout.prefix.clone(),
        library_directories: Vec::new(),
        forbidden_paths: vec![context.layout.build_tree(&component)],
        component,
    }
}

fn stage(action: &Commit, files: &[(&str, &str)]) {
    drop(fs::remove_dir_all(&action.staging));
    for (name, text) in files {
        let path = action.staging.join(action.prefix.strip_prefix("/").unwrap()).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
}

fn tree_of(directory: &Utf8Path) -> Vec<(String, String, u32)> {
    let mut found = Vec::new();
    for entry in directory.read_dir_utf8().unwrap() {
        let path = entry.unwrap().into_path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            found.extend(tree_of(&path));
        } else {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            found.push((path.into_string(), text, metadata.permissions().mode() & 0o7777));
        }
    }
    found.sort();
    found
}

#[expect(clippy::disallowed_methods, reason = "a test's own compiler and program")]
fn process(argv: &[&str]) -> String {
    let output =
        std::process::Command::new(argv[0]).args(&argv[1..]).env_remove("LD_LIBRARY_PATH").output().unwrap();
    assert!(output.status.success(), "{argv:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Compiles a library and a program that needs it into the staging root, with this run path.
fn compile(context: &FakeContext, action: &Commit, run_path: &str) -> Utf8PathBuf {
    stage(action, &[("bin/.keep", ""), ("lib/.keep", "")]);
    let root = action.staging.join(action.prefix.strip_prefix("/").unwrap());
    fs::remove_file(root.join("bin/.keep")).unwrap();
    fs::remove_file(root.join("lib/.keep")).unwrap();
    let (library, program) = (context.path("answer.c"), context.path("main.c"));
    fs::write(&library, "int nd(void) { return 7; }\nint answer(void) { return 42; }\n").unwrap();
    fs::write(
        &program,
        "#include <stdio.h>\nint answer(void); int nd(void);\nint main(void) { printf(\"%d\\n\", answer() + nd()); return 0; }\n",
    )
    .unwrap();
    let flag = format!("-Wl,-rpath,{run_path}");
    let (so, exe) = (root.join("lib/libanswer.so"), root.join("bin/ask"));
    process(&["gcc", "-shared", "-fPIC", "-o", so.as_str(), library.as_str(), &flag]);
    let search = format!("-L{}", root.join("lib"));
    process(&["gcc", "-o", exe.as_str(), program.as_str(), &search, "-lanswer", &flag]);
    action.prefix.join("bin/ask")
}

#[test]
fn what_is_staged_below_another_root_is_installed_there_and_goes_with_the_component() {
    let context = FakeContext::new();
    let mut action = action(&context, "service");
    let app = context.path("app");
    action.roots = vec![app.clone()];
    let source = context.path("source");
    for (path, mode) in
        [("script/run.sh", 0o755), ("script/sub/lib.sh", 0o600), ("script/__pycache__/x", 0o644)]
    {
        let path = source.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "text\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let tree =
        |from: &str, to: &str, optional| StagedTree { from: source.join(from), to: app.join(to), optional };
    let mut files = StageFiles {
        staging: action.staging.clone(),
        files: vec![StagedFile {
            from: source.join("script/run.sh"),
            to: action.prefix.join("bin/run"),
            mode: 0o755,
        }],
        trees: vec![tree("script", "script", false), tree("none", "config", true)],
        texts: vec![StagedText { text: "A=1\n".to_owned(), to: app.join("env.sh"), mode: 0o644 }],
    };
    stage::stage(&files).unwrap();
    commit::commit(&action, &context).unwrap();
    let shown =
        |path: &Utf8Path| tree_of(path).into_iter().map(|(name, _, mode)| (name, mode)).collect::<Vec<_>>();
    assert_eq!(
        shown(&app),
        [
            (app.join("env.sh").into_string(), 0o644),
            (app.join("script/run.sh").into_string(), 0o755),
            (app.join("script/sub/lib.sh").into_string(), 0o644),
        ]
    );
    assert!(action.prefix.join("bin/run").is_file());

    // Of the next version nothing is left that it does not have.
    files.texts.clear();
    fs::remove_dir_all(source.join("script/sub")).unwrap();
    stage::stage(&files).unwrap();
    commit::commit(&action, &context).unwrap();
    assert_eq!(shown(&app), [(app.join("script/run.sh").into_string(), 0o755)]);
    assert!(!app.join("script/sub").exists());
    manifest::uninstall(&action.prefix, &action.component, false).unwrap();
    assert_eq!(shown(&app), []);

    // What is not said to be a root is refused, and so is a tree that is not there.
    action.roots.clear();
    stage::stage(&files).unwrap();
    assert!(failure(commit::commit(&action, &context)).message.contains("outside its prefix"));
    files.trees[1].optional = false;
    assert!(failure(stage::stage(&files)).message.contains("source/none should be installed"));
}

#[test]
fn a_committed_program_finds_its_library_without_the_environment() {
    let context = FakeContext::new();
    let mut action = action(&context, "ask");
    action.library_directories = vec![context.path("prefix/lib/other"), "/opt/elsewhere/lib".into()];
    let program = compile(&context, &action, RPATH_PLACEHOLDER);
    commit::commit(&action, &context).unwrap();
    assert_eq!(process(&[program.as_str()]), "49\n");
    assert_eq!(
        linkage(&fs::read(&program).unwrap()).unwrap().run_paths,
        ["$ORIGIN/../lib:$ORIGIN/../lib/other:/opt/elsewhere/lib"]
    );
    let installed = manifest::load(&action.prefix, &action.component).unwrap().unwrap();
    assert_eq!(manifest::verify_files(&installed), []);
    assert_eq!(context.record().figures["files"], 2);
}

#[test]
fn a_user_run_path_behind_the_placeholder_survives() {
    let context = FakeContext::new();
    let action = action(&context, "ask");
    let program = compile(&context, &action, &format!("{RPATH_PLACEHOLDER}:/opt/user/lib"));
    commit::commit(&action, &context).unwrap();
    assert_eq!(process(&[program.as_str()]), "49\n");
    let paths = linkage(&fs::read(&program).unwrap()).unwrap().run_paths;
    assert!(paths[0].starts_with("$ORIGIN/../lib/") && paths[0].ends_with(":/opt/user/lib"), "{paths:?}");
}

#[test]
fn a_program_that_does_not_find_its_own_library_is_told_of() {
    let context = FakeContext::new();
    let action = action(&context, "ask");
    compile(&context, &action, "/opt/elsewhere");
    commit::commit(&action, &context).unwrap();
    let warnings = context.record().warnings.clone();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("bin/ask needs libanswer.so"), "{warnings:?}");
}

#[test]
fn a_library_that_is_needed_by_the_path_of_its_build_is_refused() {
    let context = FakeContext::new();
    let action = action(&context, "ask");
    compile(&context, &action, RPATH_PLACEHOLDER);
    // A library without a soname that is linked by its path is needed by that path.
    let root = action.staging.join(action.prefix.strip_prefix("/").unwrap());
    let build = &action.forbidden_paths[0];
    fs::create_dir_all(build).unwrap();
    let (library, program) = (build.join("libbare.so"), root.join("bin/ask"));
    fs::copy(root.join("lib/libanswer.so"), &library).unwrap();
    let main = context.path("main.c");
    process(&["gcc", "-o", program.as_str(), main.as_str(), library.as_str()]);
    let told = failure(commit::commit(&action, &context));
    assert!(told.message.contains(&format!("bin/ask needs the library {library}")), "{}", told.message);
}

#[test]
fn what_names_the_build_is_refused_and_nothing_is_moved() {
    let context = FakeContext::new();
    let action = action(&context, "ask");
    compile(&context, &action, action.forbidden_paths[0].join("lib").as_str());
    let told = failure(commit::commit(&action, &context));
    assert!(told.message.contains("bin/ask has the run path"), "{}", told.message);
    assert!(!told.cures.is_empty());
    stage(&action, &[("lib/x.pc", &format!("libdir={}/lib", action.staging))]);
    assert!(failure(commit::commit(&action, &context)).message.contains("names the staging root"));
    stage(&action, &[("bin/x", "x")]);
    let inside = action.staging.join(action.prefix.strip_prefix("/").unwrap()).join("bin/x");
    fs::set_permissions(&inside, fs::Permissions::from_mode(0o4755)).unwrap();
    assert!(failure(commit::commit(&action, &context)).message.contains("setuid"));
    stage(&action, &[("bin/x", "x")]);
    fs::create_dir_all(action.staging.join("etc")).unwrap();
    fs::write(action.staging.join("etc/x.conf"), "").unwrap();
    assert!(failure(commit::commit(&action, &context)).message.contains("/etc/x.conf"));
    assert!(!action.prefix.exists());
}

#[test]
fn a_conflict_names_file_and_owner_before_anything_is_moved() {
    let context = FakeContext::new();
    let (one, two) = (action(&context, "one"), action(&context, "two"));
    stage(&one, &[("lib/shared", "one")]);
    commit::commit(&one, &context).unwrap();
    stage(&two, &[("lib/a", "new"), ("lib/shared", "one")]);
    let told = failure(commit::commit(&two, &context));
    assert!(told.message.contains("lib/shared belongs to one"), "{}", told.message);
    stage(&two, &[("lib/a", "new"), ("lib/mine", "theirs"), ("lib/same", "same")]);
    fs::write(two.prefix.join("lib/mine"), "mine").unwrap();
    fs::write(two.prefix.join("lib/same"), "same").unwrap();
    let told = failure(commit::commit(&two, &context));
    assert!(told.message.contains("lib/mine exists already"), "{}", told.message);
    assert!(!told.message.contains("lib/same"), "{}", told.message);
    assert!(!two.prefix.join("lib/a").exists());
    assert_eq!(manifest::load_all_pending(&two.prefix).unwrap(), []);
}

#[test]
fn obsolete_files_go_and_changed_ones_stay() {
    let context = FakeContext::new();
    let action = action(&context, "one");
    stage(&action, &[("lib/a", "a"), ("old/deep/b", "b"), ("lib/c", "c")]);
    commit::commit(&action, &context).unwrap();
    fs::write(action.prefix.join("lib/c"), "changed").unwrap();
    stage(&action, &[("lib/a", "a2")]);
    commit::commit(&action, &context).unwrap();
    assert!(!action.prefix.join("old").exists());
    assert_eq!(fs::read_to_string(action.prefix.join("lib/a")).unwrap(), "a2");
    assert_eq!(fs::read_to_string(action.prefix.join("lib/c")).unwrap(), "changed");
    assert!(context.record().warnings.iter().any(|warning| warning.contains("lib/c")));
}

#[test]
fn a_killed_commit_converges_even_to_another_version() {
    let context = FakeContext::new();
    let action = action(&context, "one");
    let last = [("lib/a", "a3"), ("lib/d", "d")];
    stage(&action, &last);
    commit::commit(&action, &context).unwrap();
    let wanted = tree_of(&action.prefix);
    fs::remove_dir_all(&action.prefix).unwrap();

    stage(&action, &[("lib/a", "a1"), ("lib/old", "old")]);
    commit::commit(&action, &context).unwrap();
    let first = manifest::load(&action.prefix, &action.component).unwrap().unwrap();
    // A commit of version 2 is killed: its pending manifest, one of its files, and a half copy are there.
    stage(&action, &[("lib/a", "a2"), ("lib/two", "two")]);
    commit::commit(&action, &context).unwrap();
    let second = manifest::load(&action.prefix, &action.component).unwrap().unwrap();
    manifest::write_pending(&Manifest { files: second.files, ..second }).unwrap();
    manifest::write(&first).unwrap();
    fs::write(action.prefix.join("lib/a"), "a1").unwrap();
    fs::write(action.prefix.join("lib/old"), "old").unwrap();
    fs::write(action.prefix.join("lib/.installer-tmp-two"), "t").unwrap();

    stage(&action, &last);
    commit::commit(&action, &context).unwrap();
    // What it replaced is kept until it is verified.
    let kept = manifest::kept_directory(&action.prefix, &action.component);
    let mut found = tree_of(&action.prefix);
    found.retain(|(name, ..)| !Utf8Path::new(name).starts_with(&kept));
    assert_eq!(found, wanted);
}

#[test]
fn a_working_copy_touches_only_what_changed() {
    let context = FakeContext::new();
    let (from, into) = (context.path("source"), context.path("copy"));
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let time = |path: &Utf8Path| fs::metadata(path).unwrap().modified().unwrap();
    let set =
        |path: &Utf8Path| fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
    fs::create_dir_all(from.join("sub")).unwrap();
    fs::create_dir_all(from.join(".git")).unwrap();
    fs::write(from.join(".git/HEAD"), "x").unwrap();
    for name in ["same", "sub/changed", "gone"] {
        fs::write(from.join(name), "one").unwrap();
        set(&from.join(name));
    }
    symlink("same", from.join("link")).unwrap();
    symlink("../../beside", from.join("sub/out")).unwrap();
    let action =
        WorkingCopy { from: from.clone(), into: into.clone(), keep: Vec::new(), lfs_pointers: false };
    working_copy::sync(&action, &context).unwrap();
    assert_eq!(time(&into.join("same")), old);
    assert!(!into.join(".git").exists());
    assert_eq!(into.join("link").read_link_utf8().unwrap(), "same");
    assert_eq!(into.join("sub/out").read_link_utf8().unwrap(), from.join("sub/../../beside"));
    fs::write(into.join("made"), "by the build").unwrap();
    fs::write(from.join("new"), "new").unwrap();
    set(&from.join("new"));
    fs::remove_file(from.join("gone")).unwrap();
    fs::write(from.join("same"), "one").unwrap();
    fs::write(from.join("sub/changed"), "two").unwrap();
    set(&from.join("sub/changed"));
    working_copy::sync(&action, &context).unwrap();
    assert_eq!(time(&into.join("same")), old);
    assert!(time(&into.join("sub/changed")) > old, "make has to see that it changed");
    assert_eq!(fs::read_to_string(into.join("sub/changed")).unwrap(), "two");
    assert!(time(&into.join("new")) > old, "it may hide a file of that name elsewhere");
    assert!(into.join("made").exists() && !into.join("gone").exists());
    // A copy of which nobody knows what was copied is made anew.
    fs::remove_file(format!("{into}.files")).unwrap();
    working_copy::sync(&action, &context).unwrap();
    assert!(!into.join("made").exists() && into.join("new").exists());
}

/// Why `fs_extra` copies no working copy. When this fails, it may have learned to: see docs/crates.md.
#[test]
fn a_working_copy_keeps_links_and_times_and_one_of_fs_extra_does_not() {
    let context = FakeContext::new();
    let (from, ours, theirs) = (context.path("source"), context.path("ours"), context.path("theirs"));
    let old = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    fs::create_dir_all(from.join("real")).unwrap();
    fs::write(from.join("real/file"), "text").unwrap();
    fs::File::options().write(true).open(from.join("real/file")).unwrap().set_modified(old).unwrap();
    symlink("file", from.join("real/link")).unwrap();
    symlink("real", from.join("directory")).unwrap();

    working_copy::sync(
        &WorkingCopy { from: from.clone(), into: ours.clone(), keep: Vec::new(), lfs_pointers: false },
        &context,
    )
    .unwrap();
    let options = fs_extra::dir::CopyOptions::new().copy_inside(true);
    fs_extra::dir::copy(&from, &theirs, &options).unwrap();

    let kept = |copy: &Utf8Path| {
        assert_eq!(fs::read_to_string(copy.join("directory/link")).unwrap(), "text");
        let is_link = |name: &str| copy.join(name).is_symlink();
        let time = fs::metadata(copy.join("real/file")).unwrap().modified().unwrap();
        (is_link("real/link"), is_link("directory"), time == old)
    };
    assert_eq!(kept(&ours), (true, true, true));
    assert_eq!(kept(&theirs), (false, false, false));

    // A link that leads nowhere is part of a source like any other.
    symlink("nowhere", from.join("broken")).unwrap();
    working_copy::sync(
        &WorkingCopy { from: from.clone(), into: ours.clone(), keep: Vec::new(), lfs_pointers: false },
        &context,
    )
    .unwrap();
    assert_eq!(ours.join("broken").read_link_utf8().unwrap(), "nowhere");
    let done = fs_extra::dir::copy(&from, context.path("again"), &options);
    assert!(done.is_err() || !context.path("again/broken").is_symlink(), "{done:?}");
}

#[test]
fn preflight_tells_everything_at_once() {
    let context = FakeContext::new();
    let check = |need: &Need, _: &[Utf8PathBuf], _: &dyn Context| match need.name.as_str() {
        "there" => Ok(Some("there 1".to_owned())),
        name => Err(Finding { what: format!("{name} is missing"), cure: format!("install {name}") }),
    };
    let rust = |_: Option<&model::source_facts::PinnedRust>, _: &dyn Context| {
        Ok(Some(("1.70.0".to_owned(), "rustc".to_owned())))
    };
    let python = |required: &RequiredPython, _: &dyn Context| {
        let finding = Finding { what: format!("{} is old", required.interpreter), cure: String::new() };
        Ok(Observation { findings: vec![finding], ..Observation::default() })
    };
    let runner = BuildRunner::new(&check, &rust, &python);
    let need = |name: &str, optional| Need {
        name: name.to_owned(),
        probe: None,
        packages: Vec::new(),
        wanted_by: Vec::new(),
        optional,
    };
    let step = Step {
        id: "build/x/preflight".into(),
        phase: Phase::Build,
        component: Some("x".into()),
        serves: Vec::new(),
        title: "look".to_owned(),
        needs: Vec::new(),
        after: Vec::new(),
        proven: Vec::new(),
        action: Action::Preflight(Preflight {
            python: Some(RequiredPython {
                interpreter: "python2".to_owned(),
                environment: PythonEnvironment::Venv,
                case: "x".to_owned(),
                break_system_packages: false,
                installs: false,
                compiles: true,
                packages: None,
            }),
            needs: vec![need("there", false), need("nasm", false), need("doxygen", true)],
            rust: Some("1.85".to_owned()),
            xmake_packages: Vec::new(),
            paths: vec![RequiredPath { path: "/nonexistent/x".into(), cure: "mount it".to_owned() }],
            disk_mib: u64::MAX,
            disk_at: context.path("not/yet"),
            ..Preflight::default()
        }),
        freshness: Freshness::Observed,
        inputs: Vec::new(),
        outputs: Vec::new(),
        scratch: Vec::new(),
        filled: None,
        claims: Claims::default(),
        network: Network::Denied,
        privilege: Privilege::User,
        timeout_seconds: None,
        optional: false,
        weight: 0,
    };
    let observation = runner.observe(&step, &context).unwrap();
    assert_eq!(observation.findings.len(), 5, "{:?}", observation.findings);
    assert_eq!(observation.warnings.len(), 1);
    assert_eq!(observation.found["there"], "there 1");
    let told = failure(runner.run(&step, &context));
    assert_eq!(told.kind, FailureKind::Preflight);
    assert!(told.message.contains("nasm is missing") && told.message.contains("/nonexistent/x"));
}

#[test]
fn every_unmet_expectation_is_named() {
    let context = FakeContext::new();
    let cache = context.path("CMakeCache.txt");
    fs::write(&cache, "WITH_JPEG:BOOL=OFF\nWITH_PNG:BOOL=1\nCMAKE_X:STRING=y\n").unwrap();
    let entry = |name: &str, missing: Option<&str>| Expectation {
        asked: format!("-D{name}=ON"),
        file: cache.clone(),
        shows: Shows::CacheEntry { name: name.to_owned(), value: "ON".to_owned() },
        missing: missing.map(str::to_owned),
    };
    let none = |text: &str| Expectation {
        asked: "X".to_owned(),
        file: cache.clone(),
        shows: Shows::NoLineWith(text.to_owned()),
        missing: None,
    };
    let check = |expectations| expect::check(&ExpectEnabled { expectations }, "x");
    check(vec![entry("WITH_PNG", None), none("not used")]).unwrap();
    let told = failure(check(vec![
        entry("WITH_JPEG", Some("libjpeg (libjpeg-dev)")),
        entry("WITH_GIF", None),
        none("CMAKE_X"),
    ]));
    for part in ["WITH_JPEG=OFF", "libjpeg-dev", "has no WITH_GIF", "CMAKE_X"] {
        assert!(told.message.contains(part), "{part}: {}", told.message);
    }
}

#[test]
fn checks_hold_or_show_what_they_printed() {
    let mut context = FakeContext::new();
    context.run_commands = true;
    let commit_action = action(&context, "one");
    stage(&commit_action, &[("share/text", "hello\n")]);
    commit::commit(&commit_action, &context).unwrap();
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let verify = |checks| {
        let action = Verify {
            component: "one".into(),
            prefix: context.layout.prefix.clone(),
            checks,
            environment: context.environment.clone(),
            directory: context.path("scratch"),
            level: VerifyLevel::Import,
            wheels: false,
            requirements: Vec::new(),
            python: None,
        };
        verify_component(&action, &context)
    };
    let run = |line: &str, contains: &str| Check::Run {
        command: words(line),
        contains: Some(contains.to_owned()),
        level: VerifyLevel::Import,
    };
    let same = |right: &str| Check::SameOutput {
        before: vec![words("cp {prefix}/share/text {scratch}/copy")],
        left: words("cat {prefix}/share/text"),
        right: words(right),
        level: VerifyLevel::Import,
    };
    verify(vec![run("cat {prefix}/share/text", "hello"), same("cat {scratch}/copy")]).unwrap();
    let told = failure(verify(vec![run("cat {prefix}/share/text", "absent")]));
    assert_eq!(told.kind, FailureKind::Verify);
    assert!(
        told.message.contains("did not print `absent`") && told.message.contains("hello"),
        "{}",
        told.message
    );
    assert!(failure(verify(vec![same("echo other")])).message.contains("`other`"));
    let script = Check::Run {
        command: ["sh", "-c", "\necho told\nexit 3\n", "a b"].map(str::to_owned).to_vec(),
        contains: None,
        level: VerifyLevel::Import,
    };
    let told = failure(verify(vec![script]));
    assert_eq!(told.message, "`sh -c '…' 'a b'` ended with status 3:\ntold");
    assert!(told.cures[0].contains("installer explain build/one/verify"), "{:?}", told.cures);
    assert!(told.cures[1].contains("skip_recipe_checks"), "{:?}", told.cures);
    fs::write(context.path("prefix/share/text"), "hullo\n").unwrap();
    assert!(failure(verify(vec![])).message.contains("has changed"));
}

#[test]
fn without_checks_a_component_is_held_to_what_its_kind_allows() {
    let mut context = FakeContext::new();
    context.run_commands = true;
    let program = process(&["sh", "-c", "command -v python3"]).trim().to_owned();
    let figures = |context: &FakeContext| context.record().figures.clone();
    let verify = |context: &FakeContext, level| {
        let python =
            Importing { program: program.clone().into(), directory: Some(context.path("prefix/py")) };
        let mut environment = context.environment.clone();
        // As the environment's `.pth` file does.
        environment.insert("PYTHONPATH".to_owned(), context.path("prefix/py").into_string());
        let action = Verify {
            component: "one".into(),
            prefix: context.layout.prefix.clone(),
            checks: Vec::new(),
            environment,
            directory: context.path("scratch"),
            level,
            wheels: false,
            requirements: Vec::new(),
            python: Some(python),
        };
        verify_component(&action, context)
    };
    let action = action(&context, "one");
    let root = action.staging.join(action.prefix.strip_prefix("/").unwrap());
    stage(&action, &[("share/data", "of no kind"), ("py/tests/__init__.py", "raise SystemExit(1)\n")]);
    commit::commit(&action, &context).unwrap();
    verify(&context, VerifyLevel::Import).unwrap();
    assert_eq!(figures(&context).get("by_hash_only"), Some(&1));
    assert_eq!(figures(&context).get("checks"), None);

    compile(&context, &action, RPATH_PLACEHOLDER);
    let source = context.path("open.c");
    fs::write(&source, "int nowhere(void); int open_end(void) { return nowhere(); }\n").unwrap();
    fs::create_dir_all(root.join("lib/plugins")).unwrap();
    let open = |place: &str| {
        process(&["gcc", "-shared", "-fPIC", "-o", root.join(place).as_str(), source.as_str()]);
    };
    open("lib/plugins/libopen.so");
    commit::commit(&action, &context).unwrap();
    verify(&context, VerifyLevel::Import).unwrap();
    // The libraries that its files need, and the symbols of its library.
    assert_eq!(figures(&context).get("checks"), Some(&2));

    compile(&context, &action, RPATH_PLACEHOLDER);
    fs::create_dir_all(root.join("py/pack")).unwrap();
    fs::write(root.join("py/pack/__init__.py"), "import os\n").unwrap();
    fs::write(root.join("py/wrong.py"), "import of_no_package\n").unwrap();
    commit::commit(&action, &context).unwrap();
    let told = failure(verify(&context, VerifyLevel::Import));
    assert_eq!(told.kind, FailureKind::Verify);
    assert!(told.message.contains("of_no_package"), "{}", told.message);
    assert!(told.cures.iter().any(|cure| cure.contains("[[components.one.checks]]")), "{:?}", told.cures);
    verify(&context, VerifyLevel::Link).unwrap();

    compile(&context, &action, RPATH_PLACEHOLDER);
    open("lib/libopen.so");
    commit::commit(&action, &context).unwrap();
    let told = failure(verify(&context, VerifyLevel::Import));
    assert!(told.message.contains("cannot be loaded: undefined symbol nowhere"), "{}", told.message);
}

#[test]
fn a_library_has_to_export_and_to_find_its_symbols() {
    let mut context = FakeContext::new();
    context.run_commands = true;
    let commit_action = action(&context, "one");
    compile(&context, &commit_action, RPATH_PLACEHOLDER);
    let root = commit_action.staging.join(commit_action.prefix.strip_prefix("/").unwrap());
    let source = context.path("open.c");
    fs::write(&source, "int nowhere(void); int open_end(void) { return nowhere(); }\n").unwrap();
    let so = root.join("lib/libopen.so");
    process(&["gcc", "-shared", "-fPIC", "-o", so.as_str(), source.as_str()]);
    let odd = context.path("odd.c");
    fs::write(
        &odd,
        "__thread int state; static int one(void) { return 1; } static void *pick(void) { return one; }\n\
         int fast(void) __attribute__((ifunc(\"pick\"))); __attribute__((visibility(\"hidden\"))) int hidden;\n",
    )
    .unwrap();
    process(&["gcc", "-shared", "-fPIC", "-o", root.join("lib/libodd.so").as_str(), odd.as_str()]);
    fs::write(root.join("lib/libtext.so"), "INPUT(-lanswer)\n").unwrap();
    commit::commit(&commit_action, &context).unwrap();
    let verify = |name: &str, exports: &[&str]| {
        let exports = exports.iter().map(|symbol| (*symbol).to_owned()).collect();
        let action = Verify {
            component: "one".into(),
            prefix: context.layout.prefix.clone(),
            checks: vec![Check::Library { name: name.to_owned(), exports, level: VerifyLevel::Import }],
            environment: context.environment.clone(),
            directory: context.path("scratch"),
            level: VerifyLevel::Import,
            wheels: false,
            requirements: Vec::new(),
            python: None,
        };
        verify_component(&action, &context)
    };
    verify("libanswer.so", &["answer", "nd"]).unwrap();
    verify("libodd.so", &["fast", "state"]).unwrap();
    for (name, exports, told) in [
        ("libodd.so", vec!["hidden"], "does not export hidden"),
        ("libanswer.so", vec!["answer", "question", "printf"], "does not export question, printf"),
        ("libopen.so", vec!["open_end"], "cannot be loaded: undefined symbol nowhere"),
        ("libnone.so", vec![], "one installed no libnone.so"),
        ("libtext.so", vec![], "it is not a library"),
    ] {
        let failure = failure(verify(name, &exports));
        assert_eq!(failure.kind, FailureKind::Verify);
        assert!(failure.message.contains(told), "{}", failure.message);
    }
}

#[test]
fn a_server_is_asked_and_ended() {
    let context = FakeContext::new();
    fs::write(context.path("page.html"), "<b>hello</b>").unwrap();
    let ask = |path: &str, status, contains: &str| {
        let request = http_check::Request {
            serve: [
                "python3",
                "-m",
                "http.server",
                "--bind",
                "127.0.0.1",
                "--directory",
                context.root().as_str(),
                "{port}",
            ]
            .map(str::to_owned)
            .to_vec(),
            path: path.to_owned(),
            status,
            contains: Some(contains.to_owned()),
        };
        http_check::main(&[serde_json::to_string(&request).unwrap()])
    };
    assert_eq!(ask("/page.html", 200, "hello"), 0);
    assert_eq!(ask("/page.html", 200, "other"), 1);
    assert_eq!(ask("/absent", 200, ""), 1);
    let dead = http_check::Request {
        serve: vec!["false".to_owned()],
        path: "/".to_owned(),
        status: 200,
        contains: None,
    };
    assert_eq!(http_check::main(&[serde_json::to_string(&dead).unwrap()]), 1);
    assert_eq!(http_check::main(&[]), 2);
}
