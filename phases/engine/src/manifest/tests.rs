use super::*;
use model::Digest;
use model::manifest::MANIFEST_SCHEMA;

fn installed(prefix: &Utf8Path) -> Manifest {
    fs::create_dir_all(prefix.join("lib/deep")).unwrap();
    let mut files = BTreeMap::new();
    for (name, text) in [("lib/deep/a", "one"), ("lib/b", "two")] {
        fs::write(prefix.join(name), text).unwrap();
        fs::set_permissions(prefix.join(name), fs::Permissions::from_mode(0o644)).unwrap();
        let entry = Entry::File { sha256: Digest::of(text), size: 3, mode: 0o644 };
        files.insert(Utf8PathBuf::from(name), entry);
    }
    std::os::unix::fs::symlink("b", prefix.join("lib/c")).unwrap();
    files.insert("lib/c".into(), Entry::Link { target: "b".to_owned() });
    let manifest = Manifest {
        needs: Vec::new(),
        schema: MANIFEST_SCHEMA,
        component: "x".into(),
        checkout: None,
        editable: false,
        case: "case".to_owned(),
        state: None,
        version: None,
        prefix: prefix.to_owned(),
        roots: Vec::new(),
        files,
    };
    write(&manifest).unwrap();
    manifest
}

fn prefix(directory: &tempfile::TempDir) -> Utf8PathBuf {
    Utf8Path::from_path(directory.path()).unwrap().join("prefix")
}

fn message(error: StepError) -> String {
    match error {
        StepError::Failed(failure) => failure.message,
        StepError::Cancelled => "cancelled".to_owned(),
    }
}

#[test]
fn uninstall_leaves_nothing_but_what_others_put_there() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = prefix(&directory);
    installed(&prefix);
    fs::write(prefix.join("lib/mine"), "mine").unwrap();
    let removed = uninstall(&prefix, &"x".into(), false).unwrap();
    assert_eq!(removed, Removed { files: 3, kept_modified: Vec::new() });
    let left: Vec<_> = prefix.read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path()).collect();
    assert_eq!(left, [prefix.join("lib")]);
    assert!(prefix.join("lib/mine").is_file() && !prefix.join("lib/deep").exists());
    assert!(message(uninstall(&prefix, &"x".into(), false).unwrap_err()).contains("is not installed"));
}

#[test]
fn files_below_another_root_belong_to_the_component_and_no_others_outside() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = prefix(&directory);
    let mut manifest = installed(&prefix);
    let app = prefix.parent().unwrap().join("app");
    fs::create_dir_all(app.join("deep")).unwrap();
    fs::write(app.join("deep/file"), "one").unwrap();
    fs::set_permissions(app.join("deep/file"), fs::Permissions::from_mode(0o644)).unwrap();
    let entry = Entry::File { sha256: Digest::of("one"), size: 3, mode: 0o644 };
    manifest.files.insert(app.join("deep/file"), entry);
    write(&manifest).unwrap();
    assert!(message(load(&prefix, &"x".into()).unwrap_err()).contains("app/deep/file is neither below"));
    manifest.roots = vec![app.clone()];
    write(&manifest).unwrap();
    assert_eq!(verify_files(&load(&prefix, &"x".into()).unwrap().unwrap()), []);
    assert_eq!(uninstall(&prefix, &"x".into(), false).unwrap().files, 4);
    assert!(app.is_dir() && !app.join("deep").exists(), "the root itself is not the component's to remove");
    // Nor is what a root leads out of.
    manifest.files.insert(app.join("../other"), Entry::Link { target: "x".to_owned() });
    write(&manifest).unwrap();
    assert!(message(load(&prefix, &"x".into()).unwrap_err()).contains("other is neither below"));
}

#[test]
fn a_changed_file_is_kept_and_named_unless_forced() {
    for force in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let prefix = prefix(&directory);
        installed(&prefix);
        fs::write(prefix.join("lib/b"), "six").unwrap();
        let removed = uninstall(&prefix, &"x".into(), force).unwrap();
        assert_eq!(removed.kept_modified, if force { vec![] } else { vec![prefix.join("lib/b")] });
        assert_eq!(prefix.join("lib/b").exists(), !force);
    }
}

#[test]
fn every_kind_of_damage_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = prefix(&directory);
    let manifest = installed(&prefix);
    assert_eq!(verify_files(&manifest), []);
    assert_eq!(present(&manifest), None);
    fs::remove_file(prefix.join("lib/c")).unwrap();
    std::os::unix::fs::symlink("deep/a", prefix.join("lib/c")).unwrap();
    fs::write(prefix.join("lib/b"), "six").unwrap();
    fs::set_permissions(prefix.join("lib/deep/a"), fs::Permissions::from_mode(0o600)).unwrap();
    let told: Vec<String> =
        verify_files(&manifest).iter().map(|it| it.to_string().replace(prefix.as_str(), "P")).collect();
    assert_eq!(
        told,
        [
            "P/lib/b has changed",
            "P/lib/c points at deep/a instead of b",
            "P/lib/deep/a has mode 0600 instead of 0644"
        ]
    );
    fs::remove_file(prefix.join("lib/b")).unwrap();
    assert_eq!(present(&manifest).unwrap().kind, ProblemKind::Missing);
}

#[test]
fn a_newer_format_and_a_path_out_of_the_prefix_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = prefix(&directory);
    let mut manifest = installed(&prefix);
    let entry = Entry::Link { target: "b".to_owned() };
    manifest.files.insert("../outside".into(), entry);
    write(&manifest).unwrap();
    assert!(message(load(&prefix, &"x".into()).unwrap_err()).contains("is neither below the prefix"));
    fs::write(path(&prefix, &"x".into()), r#"{"schema": 99, "other": true}"#).unwrap();
    assert!(message(load_all(&prefix).unwrap_err()).contains("format 99"));
}
