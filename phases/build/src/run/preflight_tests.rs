use camino::Utf8PathBuf;
use testkit::FakeContext;

use super::*;

fn estimates(context: &FakeContext) -> Preflight {
    let estimate = |name: &str, mib| DiskEstimate {
        component: name.into(),
        mib,
        by_source: None,
        taken: vec![context.layout.build_tree(&name.into()), context.layout.committed(&name.into())],
    };
    Preflight {
        disk_mib: 2_900,
        disk_at: context.layout.cache.clone(),
        disk_for: vec![estimate("ffmpeg", 900), estimate("opencv", 2_000)],
        ..Preflight::default()
    }
}

#[test]
fn the_sum_of_what_is_still_to_be_built_must_be_free() {
    let context = FakeContext::new();
    let action = estimates(&context);
    let root = Utf8Path::new("/");
    assert_eq!(too_little_disk(&action, 2_900, root), None);
    let told = too_little_disk(&action, 2_899, root).unwrap();
    let cache = &context.layout.cache;
    assert_eq!(
        told.what,
        format!(
            "{cache} has 2899 MiB free, and about 2900 MiB are needed to build (ffmpeg 900, opencv 2000)"
        )
    );
    assert!(told.cure.contains("--cache-dir"));
    // What is built has taken its part, and so has what was installed and cleaned up.
    std::fs::create_dir_all(context.layout.build_tree(&"opencv".into())).unwrap();
    assert_eq!(too_little_disk(&action, 900, root), None);
    engine::files::atomic_write(&context.layout.committed(&"ffmpeg".into()), b"x").unwrap();
    assert_eq!(too_little_disk(&action, 0, root), None, "nothing is left to build");
}

#[test]
fn the_guess_for_a_component_without_a_recipe_follows_its_source() {
    let context = FakeContext::new();
    let source = context.layout.case_dir.join("src");
    let estimate = DiskEstimate {
        component: "shapes".into(),
        mib: 512,
        by_source: Some(source.clone()),
        taken: Vec::new(),
    };
    assert_eq!(mib(&estimate), 512, "nothing is known of a source that is not there");
    engine::files::atomic_write(&source.join("a.cpp"), b"int x;").unwrap();
    assert_eq!(mib(&estimate), 64);
    let big = std::fs::File::create(source.join("table.inc")).unwrap();
    big.set_len(20 * 1024 * 1024).unwrap();
    assert_eq!(mib(&estimate), 200);
    big.set_len(200 * 1024 * 1024).unwrap();
    assert_eq!(mib(&estimate), 512);
    let action = Preflight { disk_for: vec![estimate], ..Preflight::default() };
    let told = too_little_disk(&action, 0, Utf8Path::new("/")).unwrap();
    assert!(told.what.contains("10 times the source, at least 64 MiB"), "{told:?}");
}

fn cache(context: &FakeContext, name: &str) -> Utf8PathBuf {
    let program = context.layout.tools().join("bin").join(name);
    engine::files::atomic_write(&program, b"").unwrap();
    program
}

#[test]
fn a_compiler_cache_that_does_not_work_is_named_with_what_it_says() {
    let context = FakeContext::new();
    let program = cache(&context, "ccache");
    context.answer("ccache", 1, "");
    let told = broken_cache("ccache", &context).unwrap().unwrap();
    assert_eq!(told.0, program);
    assert_eq!(told.1, format!("{program} is broken: `{program} --version` ends with status 1"));
}

#[test]
fn a_broken_compiler_cache_that_nobody_asked_for_is_warned_of() {
    let mut context = FakeContext::new();
    let program = cache(&context, "ccache");
    context.answer("ccache", 127, "");
    context.layout.case_dir = context.path("case");
    let runner = BuildRunner {
        check_need: &|_, _, _| Ok(None),
        find_rust: &|_| Ok(None),
        check_python: &|_, _| Ok(Observation::default()),
    };
    let look = |names: &[&str]| {
        let compiler_caches = names.iter().map(|name| (*name).to_owned()).collect();
        observe(&runner, &Preflight { compiler_caches, ..Preflight::default() }, &context).unwrap()
    };
    let seen = look(&["ccache"]);
    assert!(seen.holds(), "{:?}", seen.findings);
    let [warning] = seen.warnings.as_slice() else { panic!("{:?}", seen.warnings) };
    assert!(warning.starts_with(&format!("{program} is broken: ")), "{warning}");
    assert!(warning.contains("ends with status 127"), "{warning}");
    assert!(warning.ends_with(&format!("install ccache anew or remove {program}")), "{warning}");
    assert!(look(&[]).warnings.is_empty());
}

#[test]
fn a_compiler_cache_that_works_is_asked_once() {
    let context = FakeContext::new();
    cache(&context, "sccache");
    context.answer("sccache", 0, "sccache 0.8.1\n");
    for _ in 0..2 {
        assert_eq!(broken_cache("sccache", &context).unwrap(), None);
    }
    assert_eq!(context.command_lines().len(), 1);
}
