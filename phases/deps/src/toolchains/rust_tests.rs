use std::os::unix::fs::PermissionsExt;

use engine::runner::Finished;
use model::source_facts::FactsOfSource;
use testkit::FakeContext;

use super::*;
use crate::sources::SOURCE_SCHEMA;

/// cargo and rustc of a version in a directory; the fake tells the version that its path names.
fn pair(bin: &Utf8Path) {
    for name in ["cargo", "rustc"] {
        files::atomic_write(&bin.join(name), b"").unwrap();
        std::fs::set_permissions(bin.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn context() -> FakeContext {
    let mut context = FakeContext::new();
    context.environment.insert("PATH".to_owned(), context.path("1.70/bin").into_string());
    context.environment.insert("HOME".to_owned(), context.path("home").into_string());
    context.on(|command| {
        let version = command.program.split('/').rev().nth(2).unwrap_or_default().to_owned();
        let version = version.trim_end_matches("-x86_64-unknown-linux-gnu").to_owned();
        if version == "damaged" {
            return Some(Ok(Finished { status: 1, ..Finished::default() }));
        }
        Some(Ok(Finished { stdout: format!("tool {version}.0 (x)\n"), ..Finished::default() }))
    });
    context
}

#[test]
fn a_pair_on_path_is_used_as_it_is_and_one_of_rustup_is_linked() {
    let context = context();
    let root = context.path("data/rust");
    pair(&context.path("1.70/bin"));
    assert!(observe(Some("1.70"), &root, &context).unwrap().holds());
    let old = observe(Some("1.78"), &root, &context).unwrap();
    assert!(old.findings[0].what.contains("is Rust 1.70.0, but Rust 1.78 or newer is needed"), "{old:?}");

    // What rustup installed below our own root.
    let toolchain = root.join("rustup/toolchains/1.90-x86_64-unknown-linux-gnu");
    pair(&toolchain.join("bin"));
    let settings = "default_toolchain = \"1.90-x86_64-unknown-linux-gnu\"\n";
    files::atomic_write(&root.join("rustup/settings.toml"), settings.as_bytes()).unwrap();
    assert!(!observe(Some("1.78"), &root, &context).unwrap().holds(), "not linked yet");
    run(Some("1.78"), &root, Some("apt"), &context).unwrap();
    let seen = observe(Some("1.78"), &root, &context).unwrap();
    assert!(seen.holds() && seen.found["rust"].starts_with("1.90.0 ("), "{seen:?}");
    assert_eq!(find(&context).unwrap().unwrap().version, "1.90.0");

    // Another case is content with less, and leaves the links alone.
    assert!(observe(Some("1.70"), &root, &context).unwrap().holds());
    // A link to a toolchain that is gone counts for nothing.
    std::fs::remove_dir_all(&toolchain).unwrap();
    assert!(observe(Some("1.70"), &root, &context).unwrap().holds());
}

#[test]
fn a_toolchain_of_our_own_that_does_not_run_counts_for_nothing_and_goes_before_another_comes() {
    let (context, mut other) = (context(), context());
    let root = context.path("data/rust");
    pair(&context.path("1.70/bin"));
    let toolchain = root.join("rustup/toolchains/damaged-x86_64-unknown-linux-gnu");
    pair(&toolchain.join("bin"));
    let settings = "default_toolchain = \"damaged-x86_64-unknown-linux-gnu\"\n";
    files::atomic_write(&root.join("rustup/settings.toml"), settings.as_bytes()).unwrap();
    let seen = observe(Some("1.78"), &root, &context).unwrap();
    assert!(seen.findings[0].what.contains("is Rust 1.70.0"), "{seen:?}");
    remove_damaged(&root, &context).unwrap();
    assert!(!toolchain.exists());
    // One of the machine's is the user's to mend.
    other.environment.insert("PATH".to_owned(), other.path("damaged/bin").into_string());
    pair(&other.path("damaged/bin"));
    assert!(observe(Some("1.78"), &other.path("data/rust"), &other).is_err());
}

fn candidates(of: &[(&str, &str)]) -> Vec<(Vec<String>, String)> {
    of.iter()
        .map(|(name, version)| {
            (vec![(*name).to_owned(), name.replace("rustc", "cargo")], (*version).to_owned())
        })
        .collect()
}

#[test]
fn the_nearest_rust_that_is_new_enough_is_taken() {
    let bookworm = [("rustc", "1.63.0+dfsg1-2"), ("rustc-web", "1.96.0+dfsg1-1~deb12u2")];
    let trixie = [("rustc", "1.85.0+dfsg3-1")];
    let packages = |name: &str| Way::Packages(vec![name.to_owned(), name.replace("rustc", "cargo")]);
    let rustup = || Way::Rustup("stable".to_owned());
    for (wanted, existing, offered, may_install, expected) in [
        (None, Some("1.60.0"), &bookworm[..], true, Way::Link),
        (Some("1.78"), Some("1.78.0"), &bookworm, true, Way::Link),
        (Some("1.78"), Some("1.77.2"), &bookworm, true, packages("rustc-web")),
        // The older one would do, and would clone the index of all crates.
        (None, None, &bookworm, true, packages("rustc-web")),
        (Some("1.53"), None, &bookworm[..1], true, packages("rustc")),
        (Some("1.78"), None, &bookworm, true, packages("rustc-web")),
        (Some("1.78"), None, &trixie, true, packages("rustc")),
        (Some("1.86"), None, &trixie, true, rustup()),
        (Some("1.78"), None, &trixie, false, rustup()),
        (Some("1.78"), None, &[], true, rustup()),
    ] {
        let choice =
            Choice { existing: existing.map(str::to_owned), candidates: candidates(offered), may_install };
        assert_eq!(decide(wanted, &choice), expected, "{wanted:?} {existing:?} {offered:?} {may_install}");
    }
}

#[test]
fn the_highest_demand_of_case_and_sources_counts() {
    let directory = tempfile::tempdir().unwrap();
    let artifacts = Utf8Path::from_path(directory.path()).unwrap();
    let record = |name: &str, lock: u32, minimum: &str| {
        let record = SourceRecord {
            schema: SOURCE_SCHEMA,
            main: "source.tar".to_owned(),
            facts: FactsOfSource {
                cargo_lock_version: Some(lock),
                minimum_rust: Some(minimum.to_owned()),
                ..FactsOfSource::default()
            },
            ..SourceRecord::default()
        };
        record.write(&artifacts.join(name)).unwrap();
    };
    record("by-lock", 4, "1.70");
    record("by-manifest", 3, "1.81");
    let names: Vec<SourceName> = ["by-lock", "by-manifest", "mounted"].map(SourceName::from).to_vec();
    assert_eq!(wanted(Some("1.60"), &names, artifacts).unwrap().as_deref(), Some("1.81"));
    assert_eq!(wanted(Some("1.60"), &names[..1], artifacts).unwrap().as_deref(), Some("1.78"));
    assert_eq!(wanted(Some("1.90"), &names, artifacts).unwrap().as_deref(), Some("1.90"));
    assert_eq!(wanted(None, &names[2..], artifacts).unwrap(), None);
}
