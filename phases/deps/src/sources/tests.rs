//! Sources against a server in this process, made-up archives and repositories.

use std::io::Write as _;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context as _, StepError};
use model::Digest;
use model::case::SourceSpec;
use model::lock::LockedTarget;
use model::plan::{FetchSource, UnpackSource};
use model::site::Site;
use testkit::{FakeContext, Reply, TestServer};

use super::{SourceRecord, fetch, observe, unpack};

/// A `.tar.gz` with these files.
fn tar_gz(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_700_000_000);
        tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn service() -> Vec<u8> {
    tar_gz(&[
        ("svc-1.2.0/Cargo.toml", "[package]\nname = \"svc\"\nversion = \"1.2.0\"\nrust-version = \"1.74\"\n"),
        ("svc-1.2.0/Cargo.lock", "version = 4\n"),
        ("svc-1.2.0/src/main.rs", "fn main() {}\n"),
        ("svc-1.2.0/.cargo/config.toml", "[build]\n"),
    ])
}

fn action(context: &FakeContext, alternatives: Vec<SourceSpec>) -> FetchSource {
    FetchSource { source: "svc".into(), alternatives, into: context.path("artifacts/sources/svc") }
}

fn unpacking(context: &FakeContext) -> UnpackSource {
    UnpackSource {
        source: "svc".into(),
        from: context.path("artifacts/sources/svc"),
        into: context.path("cache/sources/svc"),
        lfs_pointers: false,
    }
}

fn archive(server: &TestServer, path: &str, content: &[u8]) -> SourceSpec {
    SourceSpec::Archive {
        urls: vec![server.url(path)],
        sha256: Digest::of(content),
        subdirectory: None,
        lfs: Default::default(),
    }
}

fn message(error: StepError) -> String {
    match error {
        StepError::Failed(failure) => format!("{}\n{}", failure.message, failure.cures.join("\n")),
        StepError::Cancelled => "cancelled".to_owned(),
    }
}

fn read(path: &Utf8Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn an_archive_is_fetched_recorded_locked_and_unpacked() {
    let body = service();
    let served = body.clone();
    let server = TestServer::start(move |_| Reply::ok(served.clone()));
    let context = FakeContext::new();
    let action = action(&context, vec![archive(&server, "/svc-1.2.0.tar.gz", &body)]);
    assert!(!observe(&action, &context).unwrap().holds());
    fetch(&action, &context).unwrap();
    assert!(observe(&action, &context).unwrap().holds());

    let record = SourceRecord::read(&action.into).unwrap().unwrap();
    assert_eq!((record.kind.as_str(), record.version.as_str()), ("archive", "1.2.0"));
    assert_eq!(record.facts.required_rust().as_deref(), Some("1.78"));
    assert!(action.into.join("manifests/.cargo/config.toml").is_file());
    assert!(!action.into.join("manifests/src").exists());
    let locked = context.locked().sources.remove("svc").unwrap();
    assert_eq!(locked.files["svc-1.2.0.tar.gz"], Digest::of(&body));

    let unpacking = unpacking(&context);
    std::fs::create_dir_all(unpacking.into.join("stale")).unwrap();
    unpack(&unpacking, &context).unwrap();
    assert_eq!(read(&unpacking.into.join("src/main.rs")), "fn main() {}\n");
    assert!(!unpacking.into.join("stale").exists(), "the tree is replaced as a whole");
    let beside: Vec<_> = unpacking.into.parent().unwrap().read_dir_utf8().unwrap().collect();
    assert_eq!(beside.len(), 1, "nothing is left beside the tree");

    context.set_offline(true);
    drop(server);
    fetch(&action, &context).unwrap();
}

#[test]
fn the_first_alternative_that_can_be_had_is_taken_and_the_others_are_told() {
    let body = service();
    let served = body.clone();
    let server = TestServer::start(move |request| match request.target.as_str() {
        "/good-1.0.tgz" => Reply::ok(served.clone()),
        "/other-1.0.tgz" => Reply::ok("something else"),
        _ => Reply::status(404),
    });
    let context = FakeContext::new();
    let alternatives = vec![
        archive(&server, "/gone-1.0.tgz", &body),
        archive(&server, "/other-1.0.tgz", &body),
        archive(&server, "/good-1.0.tgz", &body),
    ];
    fetch(&action(&context, alternatives), &context).unwrap();
    let warnings = context.record().warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings[0].contains("gone-1.0.tgz is not available") && warnings[0].contains("404"),
        "{warnings:?}"
    );
    assert!(warnings[1].contains("SHA-256"), "{warnings:?}");

    let none = vec![archive(&server, "/gone-1.0.tgz", &body), archive(&server, "/other-1.0.tgz", &body)];
    let error = message(fetch(&action(&FakeContext::new(), none), &context).unwrap_err());
    assert!(error.contains("from any of its alternatives"), "{error}");
    assert!(
        error.contains("404") && error.contains("SHA-256") && error.contains("--source svc=PATH"),
        "{error}"
    );
}

#[test]
fn urls_of_one_archive_are_tried_in_order() {
    let body = service();
    let served = body.clone();
    let server = TestServer::start(move |request| {
        if request.target.starts_with("/mirror/") { Reply::ok(served.clone()) } else { Reply::status(404) }
    });
    let context = FakeContext::new();
    let urls = vec![server.url("/svc-1.2.0.tar.gz"), server.url("/mirror/v1.tar.gz")];
    let spec =
        SourceSpec::Archive { urls, sha256: Digest::of(&body), subdirectory: None, lfs: Default::default() };
    fetch(&action(&context, vec![spec]), &context).unwrap();
    assert!(context.path("artifacts/sources/svc/svc-1.2.0.tar.gz").is_file());
}

#[test]
fn a_directory_in_what_is_brought_can_be_the_source() {
    let body = tar_gz(&[
        ("bundle-1.0/README", "of the bundle\n"),
        ("bundle-1.0/Cargo.toml", "[package]\nname = \"bundle\"\nversion = \"1.0.0\"\n"),
        (
            "bundle-1.0/svc/Cargo.toml",
            "[package]\nname = \"svc\"\nversion = \"1.2.0\"\nrust-version = \"1.74\"\n",
        ),
        ("bundle-1.0/svc/src/main.rs", "fn main() {}\n"),
    ]);
    let served = body.clone();
    let server = TestServer::start(move |_| Reply::ok(served.clone()));
    let context = FakeContext::new();
    let spec = |below: &str| SourceSpec::Archive {
        urls: vec![server.url("/bundle-1.0.tar.gz")],
        sha256: Digest::of(&body),
        subdirectory: Some(below.into()),
        lfs: Default::default(),
    };
    let wanted = action(&context, vec![spec("svc")]);
    fetch(&wanted, &context).unwrap();
    let record = SourceRecord::read(&wanted.into).unwrap().unwrap();
    assert_eq!(record.facts.minimum_rust.as_deref(), Some("1.74"), "facts are those of the directory");
    let unpacking = unpacking(&context);
    unpack(&unpacking, &context).unwrap();
    assert_eq!(read(&unpacking.into.join("src/main.rs")), "fn main() {}\n");
    assert!(!unpacking.into.join("README").exists());
    // Another directory of the same file is another content.
    let content = read(&wanted.into.join("content.json"));
    let other = action(&context, vec![spec("docs")]);
    assert!(!observe(&other, &context).unwrap().holds());
    fetch(&other, &context).unwrap();
    assert_ne!(read(&other.into.join("content.json")), content);
    let told = message(unpack(&unpacking, &context).unwrap_err());
    assert!(
        told.contains("bundle-1.0.tar.gz has no directory") && told.contains("`subdirectory` of source svc"),
        "{told}"
    );
    assert_eq!(
        read(&unpacking.into.join("src/main.rs")),
        "fn main() {}\n",
        "the tree of before is still there"
    );
}

#[test]
fn another_mirror_in_the_case_leaves_the_content_as_it_was() {
    let body = service();
    let served = body.clone();
    let server = TestServer::start(move |_| Reply::ok(served.clone()));
    let context = FakeContext::new();
    let spec = |urls: &[&str]| SourceSpec::Archive {
        urls: urls.iter().map(|path| server.url(path)).collect(),
        sha256: Digest::of(&body),
        subdirectory: None,
        lfs: Default::default(),
    };
    let first = action(&context, vec![spec(&["/svc-1.2.0.tar.gz"])]);
    fetch(&first, &context).unwrap();
    let content = read(&first.into.join("content.json"));
    let second = action(&context, vec![spec(&["/svc-1.2.0.tar.gz", "/mirror/svc-1.2.0.tar.gz"])]);
    assert!(!observe(&second, &context).unwrap().holds());
    fetch(&second, &context).unwrap();
    assert!(observe(&second, &context).unwrap().holds());
    assert_eq!(read(&first.into.join("content.json")), content);
    assert_eq!(server.requests().len(), 1, "the file that is there is not downloaded again");
}

#[test]
fn a_crate_that_is_not_what_the_lock_holds_is_refused_with_the_way_out() {
    let (first, second) = (service(), tar_gz(&[("svc-1.2.0/Cargo.toml", "[package]\nname=\"evil\"\n")]));
    let content = Arc::new(std::sync::Mutex::new(first.clone()));
    let served = Arc::clone(&content);
    let server = TestServer::start(move |request| {
        let body = served.lock().unwrap().clone();
        match request.target.as_str() {
            "/config.json" => Reply::ok(format!("{{\"dl\":\"http://{}/dl\"}}", request.header("host"))),
            "/3/s/svc" => Reply::ok(format!(
                "{{\"name\":\"svc\",\"vers\":\"1.2.0\",\"cksum\":\"{}\",\"yanked\":true}}\n",
                Digest::of(&body)
            )),
            "/dl/svc/1.2.0/download" => Reply::ok(body),
            _ => Reply::status(404),
        }
    });
    let mut context = FakeContext::new();
    context.environment.insert("INSTALLER_CRATES_INDEX".to_owned(), format!("sparse+{}", server.url("")));
    let crate_ = |version: &str| SourceSpec::Crate { name: "svc".to_owned(), version: version.to_owned() };
    let wanted = action(&context, vec![crate_("1.2.0")]);
    fetch(&wanted, &context).unwrap();
    assert!(context.record().warnings.iter().any(|warning| warning.contains("yanked")));
    unpack(&unpacking(&context), &context).unwrap();
    assert!(context.path("cache/sources/svc/src/main.rs").is_file());

    std::fs::remove_dir_all(&wanted.into).unwrap();
    *content.lock().unwrap() = second.clone();
    let error = message(fetch(&wanted, &context).unwrap_err());
    assert!(
        error.contains(Digest::of(&first).as_str()) && error.contains(Digest::of(&second).as_str()),
        "{error}"
    );
    assert!(error.contains("remove [target.debian-12-x86_64.sources.svc]"), "{error}");
    assert!(error.contains(context.layout.lock.as_str()), "{error}");
    assert!(SourceRecord::read(&wanted.into).unwrap().is_none());

    // Without the entry the new one is taken; an entry for another list of alternatives does not count.
    context.set_locked(LockedTarget::default());
    fetch(&wanted, &context).unwrap();
    let error = message(fetch(&action(&context, vec![crate_("9.9.9")]), &context).unwrap_err());
    assert!(error.contains("has no version 9.9.9 (the newest is"), "{error}");
}

#[test]
fn a_source_distribution_comes_from_the_index_of_the_site() {
    let body = service();
    let served = body.clone();
    let server = TestServer::start(move |request| match request.target.as_str() {
        "/simple/svc-py/" => Reply::ok(format!(
            "<a href=\"../../f/svc_py-1.2.0.tar.gz#sha256={}\">svc_py-1.2.0.tar.gz</a>",
            Digest::of(&served)
        ))
        .header("Content-Type", "text/html; charset=utf-8"),
        "/f/svc_py-1.2.0.tar.gz" if !request.header("authorization").is_empty() => Reply::ok(served.clone()),
        _ => Reply::status(403),
    });
    let mut context = FakeContext::new();
    let index = server.url("/simple").replace("http://", "http://me:hunter2@");
    context.site = Site::from_environment([("PIP_INDEX_URL".to_owned(), index)]);
    let spec = |version: &str| SourceSpec::Pypi {
        name: "svc.PY".to_owned(),
        version: version.to_owned(),
        subdirectory: None,
    };
    fetch(&action(&context, vec![spec("1.2")]), &context).unwrap();
    let error = message(fetch(&action(&context, vec![spec("2.0")]), &context).unwrap_err());
    assert!(error.contains("has no source distribution of svc.PY 2.0"), "{error}");
    assert!(!error.contains("hunter2") && !format!("{:?}", context.record()).contains("hunter2"));
    assert!(!format!("{:?}", context.locked()).contains("127.0.0.1"), "a lock names no hosts");
}

#[test]
fn files_that_the_lock_names_need_no_network() {
    let body = service();
    let server = TestServer::start(|_| Reply::status(500));
    let context = FakeContext::new();
    let action = action(&context, vec![archive(&server, "/svc-1.2.0.tar.gz", &body)]);
    let mut locked = LockedTarget::default();
    locked.sources.insert(
        "svc".into(),
        model::lock::LockedSource {
            wanted: super::wanted_digest(&action.alternatives),
            kind: "archive".to_owned(),
            version: "1.2.0".to_owned(),
            files: [("svc-1.2.0.tar.gz".to_owned(), Digest::of(&body))].into(),
            ..Default::default()
        },
    );
    context.set_locked(locked);
    context.set_offline(true);
    std::fs::create_dir_all(&action.into).unwrap();
    std::fs::write(action.into.join("svc-1.2.0.tar.gz"), &body).unwrap();
    fetch(&action, &context).unwrap();
    assert!(server.requests().is_empty());
    assert!(observe(&action, &context).unwrap().holds());
}

#[test]
fn a_lock_that_was_changed_makes_what_is_there_stale() {
    let body = service();
    let served = body.clone();
    let server = TestServer::start(move |_| Reply::ok(served.clone()));
    let context = FakeContext::new();
    let action = action(&context, vec![archive(&server, "/svc-1.2.0.tar.gz", &body)]);
    fetch(&action, &context).unwrap();
    context
        .update_lock(&mut |target| {
            target.sources.get_mut("svc").unwrap().version = "1.3.0".to_owned();
        })
        .unwrap();
    let seen = observe(&action, &context).unwrap();
    assert!(seen.findings[0].what.contains("version 1.2.0 instead of 1.3.0"), "{seen:?}");
}

#[test]
fn files_that_vanish_or_change_are_noticed() {
    let body = service();
    let served = body.clone();
    let server = TestServer::start(move |_| Reply::ok(served.clone()));
    let context = FakeContext::new();
    let action = action(&context, vec![archive(&server, "/svc-1.2.0.tar.gz", &body)]);
    fetch(&action, &context).unwrap();
    let file = action.into.join("svc-1.2.0.tar.gz");
    let mut changed = body.clone();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(&file, &changed).unwrap();
    let error = message(unpack(&unpacking(&context), &context).unwrap_err());
    assert!(
        error.contains("does not match source.json beside it") && error.contains("installer deps"),
        "{error}"
    );
    fetch(&action, &context).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), body, "it is brought again");
    std::fs::remove_file(&file).unwrap();
    assert!(!observe(&action, &context).unwrap().holds());
    std::fs::remove_dir_all(&action.into).unwrap();
    let error = message(unpack(&unpacking(&context), &context).unwrap_err());
    assert!(error.contains("is not downloaded"), "{error}");
}

#[test]
fn a_directory_among_alternatives_is_packed_and_its_changes_are_noticed() {
    let context = FakeContext::new();
    let tree = context.layout.case_dir.join("src");
    std::fs::create_dir_all(tree.join(".git")).unwrap();
    std::fs::write(tree.join(".git/HEAD"), "x").unwrap();
    std::fs::write(tree.join("ünï cödé.c"), "1").unwrap();
    let other = SourceSpec::Crate { name: "svc".to_owned(), version: "1.0.0".to_owned() };
    let action = action(&context, vec![SourceSpec::path("src"), other]);
    fetch(&action, &context).unwrap();
    unpack(&unpacking(&context), &context).unwrap();
    let unpacked = context.path("cache/sources/svc");
    assert_eq!(read(&unpacked.join("ünï cödé.c")), "1");
    assert!(!unpacked.join(".git").exists());
    assert!(context.locked().sources.is_empty());
    assert!(observe(&action, &context).unwrap().holds());
    std::fs::write(tree.join("new.c"), "2").unwrap();
    assert!(!observe(&action, &context).unwrap().holds());
    fetch(&action, &context).unwrap();
    unpack(&unpacking(&context), &context).unwrap();
    assert_eq!(read(&unpacked.join("new.c")), "2");
}

#[test]
fn a_record_of_a_newer_version_is_refused() {
    let context = FakeContext::new();
    let action = action(&context, vec![]);
    std::fs::create_dir_all(&action.into).unwrap();
    std::fs::write(action.into.join("source.json"), "{\"schema\": 99}").unwrap();
    assert!(message(observe(&action, &context).unwrap_err()).contains("newer installer"));
}

#[expect(clippy::disallowed_methods, reason = "a test makes a repository")]
fn git(directory: &Utf8Path, args: &[&str]) -> String {
    let output = std::process::Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@t.test", "-c", "protocol.file.allow=always"])
        .args(["-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"])
        .args(args)
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_COMMITTER_DATE", "2024-01-02T03:04:05Z")
        .env("GIT_AUTHOR_DATE", "2024-01-02T03:04:05Z")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn repository(at: &Utf8Path, files: &[(&str, &str)]) {
    std::fs::create_dir_all(at).unwrap();
    git(at, &["init", "--quiet"]);
    for (name, content) in files {
        std::fs::create_dir_all(at.join(name).parent().unwrap()).unwrap();
        std::fs::File::create(at.join(name)).unwrap().write_all(content.as_bytes()).unwrap();
    }
    git(at, &["add", "--all"]);
    git(at, &["commit", "--quiet", "-m", "one"]);
}

#[test]
fn a_branch_is_resolved_once_with_its_submodules_and_then_kept() {
    let mut context = FakeContext::new();
    context.run_commands = true;
    let (main, sub): (Utf8PathBuf, Utf8PathBuf) = (context.path("repos/main"), context.path("repos/sub"));
    repository(&sub, &[("lib.c", "sub"), (".gitattributes", "lib.c export-ignore\n")]);
    repository(&main, &[("a b.c", "one"), ("run.sh", "#!/bin/sh\n")]);
    git(&main, &["submodule", "--quiet", "add", "../sub", "deps/sub dir"]);
    std::fs::set_permissions(main.join("run.sh"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    git(&main, &["commit", "--quiet", "-am", "two"]);
    let first = git(&main, &["rev-parse", "HEAD"]);

    let spec = SourceSpec::Git {
        url: main.to_string(),
        revision: "main".to_owned(),
        submodules: true,
        lfs: Default::default(),
    };
    let action = action(&context, vec![spec]);
    fetch(&action, &context).unwrap();
    unpack(&unpacking(&context), &context).unwrap();
    let tree = context.path("cache/sources/svc");
    assert_eq!(read(&tree.join("a b.c")), "one");
    assert_eq!(read(&tree.join("deps/sub dir/lib.c")), "sub", "export-ignore is for releases");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(tree.join("run.sh")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o755);
    let packed = std::fs::read(action.into.join("tree.tar")).unwrap();
    assert_eq!(context.locked().sources["svc"].version, first);

    // The branch moves on; the lock holds, and the same commit gives the same bytes.
    std::fs::write(main.join("a b.c"), "three").unwrap();
    git(&main, &["commit", "--quiet", "-am", "three"]);
    std::fs::remove_dir_all(&action.into).unwrap();
    context.set_offline(true);
    fetch(&action, &context).unwrap();
    assert_eq!(std::fs::read(action.into.join("tree.tar")).unwrap(), packed);

    // Without the lock's entry the branch is resolved again.
    context.set_offline(false);
    context.set_locked(LockedTarget::default());
    std::fs::remove_dir_all(&action.into).unwrap();
    fetch(&action, &context).unwrap();
    assert_ne!(context.locked().sources["svc"].version, first);
}

#[test]
fn a_revision_that_is_not_there_is_an_error_that_names_it() {
    let mut context = FakeContext::new();
    context.run_commands = true;
    let main = context.path("repo");
    repository(&main, &[("a", "a")]);
    for revision in ["nowhere", "0123456789012345678901234567890123456789"] {
        let spec = SourceSpec::Git {
            url: main.to_string(),
            revision: revision.to_owned(),
            submodules: false,
            lfs: Default::default(),
        };
        let error = message(fetch(&action(&context, vec![spec]), &context).unwrap_err());
        assert!(error.contains(revision) && error.contains("correct `revision`"), "{error}");
    }
}
