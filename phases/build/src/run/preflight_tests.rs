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
            "{cache} has 2899 MiB free, but about 2900 MiB are needed to build (ffmpeg 900, opencv 2000)"
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
