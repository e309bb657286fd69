use camino::Utf8PathBuf;
use testkit::FakeContext;

use super::*;

fn estimates(context: &FakeContext) -> Preflight {
    let estimate = |name: &str, mib| DiskEstimate {
        component: name.into(),
        mib,
        taken: vec![context.layout.build_tree(&name.into()), context.layout.committed(&name.into())],
    };
    Preflight {
        manager: None,
        needs: Vec::new(),
        rust: None,
        crates: None,
        wheels: None,
        project: None,
        source: None,
        python: None,
        xmake_packages: Vec::new(),
        paths: Vec::new(),
        disk_mib: 2_900,
        disk_at: context.layout.cache.clone(),
        disk_for: vec![estimate("ffmpeg", 900), estimate("opencv", 2_000)],
        memory_mib: 0,
        prefixes: Vec::new(),
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
    assert!(told.what.starts_with(&format!("{program} is broken")), "{told:?}");
    assert!(told.what.ends_with("ends with status 1"), "{told:?}");
    assert!(told.cure.contains("compiler_cache"), "{told:?}");
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
