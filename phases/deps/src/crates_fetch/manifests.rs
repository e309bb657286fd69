//! A copy of a tree that holds nothing but what cargo reads to resolve: manifests, lock files, configuration, and
//! empty files where a manifest declares a target.

use std::collections::BTreeSet;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use engine::runner::StepError;
use engine::source_files::{self, Counting};
use toml::{Table, Value};

use engine::files;

/// Files that are copied, by name. `.cargo-checksum.json` makes a vendored directory readable as a registry.
const COPIED: &[&str] =
    &["Cargo.lock", "Cargo.toml", "rust-toolchain", "rust-toolchain.toml", ".cargo-checksum.json"];

/// Directories that hold no manifest that counts.
const SKIPPED: [&str; 1] = [".xmake"];

/// Copies manifests from `from` to `to` and makes up the targets that they declare. What tools make is left out, but for
/// what is in `keep`.
///
/// # Errors
/// When something cannot be read or written, or a manifest is not TOML.
pub fn copy(from: &Utf8Path, to: &Utf8Path, keep: &[String]) -> Result<(), StepError> {
    let skipped = SKIPPED.map(str::to_owned);
    let mut packages = Vec::new();
    for entry in source_files::list(from.as_std_path(), Counting::of_users(keep).without(&skipped))?.entries {
        // No manifest has another name.
        let Ok(below) = Utf8PathBuf::from_path_buf(entry.path) else { continue };
        let (Some(name), Some(relative)) = (below.file_name(), below.parent()) else { continue };
        let configuration =
            relative.file_name() == Some(".cargo") && matches!(name, "config" | "config.toml");
        if entry.metadata.is_dir() || (!configuration && !COPIED.contains(&name)) {
            continue;
        }
        let path = from.join(&below);
        let content = files::read(&path)?;
        files::atomic_write(&to.join(&below), &content)?;
        if name == "Cargo.toml" {
            packages.push((relative.to_owned(), path, content));
        }
    }
    for (directory, path, content) in packages {
        let text = String::from_utf8_lossy(&content);
        // Test data of a project may hold manifests that are broken on purpose; cargo will say if one counts.
        let Ok(manifest) = toml::from_str::<Table>(&text) else { continue };
        for target in targets(&manifest) {
            let Some(below) = inside(&directory.join(&target)) else {
                return Err(StepError::new(
                    format!("{path} declares a target outside its source: {target}"),
                    "move it below the source",
                ));
            };
            let file = to.join(below);
            if !file.exists() {
                files::atomic_write(&file, b"fn main() {}\n")?;
            }
        }
    }
    Ok(())
}

/// A path without `..`; `None` when it leads out of where it starts.
fn inside(path: &Utf8Path) -> Option<Utf8PathBuf> {
    let mut found = Utf8PathBuf::new();
    for part in path.components() {
        match part {
            Utf8Component::Normal(name) => found.push(name),
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => found.pop().then_some(())?,
            Utf8Component::RootDir | Utf8Component::Prefix(_) => return None,
        }
    }
    Some(found)
}

/// The files that cargo wants to see for a package, relative to it (the Cargo book, "Cargo Targets").
fn targets(manifest: &Table) -> BTreeSet<Utf8PathBuf> {
    let mut found = BTreeSet::new();
    let Some(package) = manifest.get("package").and_then(Value::as_table) else { return found };
    let text = |table: &Table, key: &str| table.get(key).and_then(Value::as_str).map(str::to_owned);
    let name = text(package, "name").unwrap_or_default();

    let library = manifest.get("lib").and_then(Value::as_table).and_then(|lib| text(lib, "path"));
    // A package without any target is refused; an empty library hurts none.
    found.insert(library.unwrap_or_else(|| "src/lib.rs".to_owned()).into());
    if let Some(build) = text(package, "build") {
        found.insert(build.into());
    }
    let binary = |binary: &str| {
        if binary == name { "src/main.rs".to_owned() } else { format!("src/bin/{binary}.rs") }
    };
    if let Some(run) = text(package, "default-run") {
        found.insert(binary(&run).into());
    }
    for (kind, directory) in [("bin", ""), ("example", "examples"), ("test", "tests"), ("bench", "benches")] {
        for target in manifest.get(kind).and_then(Value::as_array).into_iter().flatten() {
            let Some(target) = target.as_table() else { continue };
            let path = text(target, "path").or_else(|| {
                let target = text(target, "name")?;
                Some(if kind == "bin" { binary(&target) } else { format!("{directory}/{target}.rs") })
            });
            found.extend(path.map(Utf8PathBuf::from));
        }
    }
    // The binary that default-run means may be declared with a path of its own.
    let declared =
        manifest.get("bin").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table);
    for target in declared.filter(|target| target.contains_key("path")) {
        if let Some(target) = text(target, "name").filter(|_| package.contains_key("default-run")) {
            found.remove(Utf8Path::new(&binary(&target)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(manifest: &str) -> Vec<String> {
        targets(&toml::from_str(manifest).unwrap()).into_iter().map(Utf8PathBuf::into_string).collect()
    }

    #[test]
    fn every_declared_target_gets_a_file() {
        assert_eq!(of("[workspace]\nmembers = [\"a\"]\n"), [""; 0]);
        assert_eq!(of("[package]\nname = \"a\"\n"), ["src/lib.rs"]);
        assert_eq!(
            of(
                "[package]\nname = \"a\"\nbuild = \"build/main.rs\"\ndefault-run = \"tool\"\n[lib]\npath = \"lib.rs\"\n\
                [[bin]]\nname = \"a\"\n[[bin]]\nname = \"tool\"\n[[bin]]\nname = \"x\"\npath = \"x/x.rs\"\n\
                [[example]]\nname = \"e\"\n[[test]]\nname = \"t\"\n[[bench]]\nname = \"b\"\n"
            ),
            [
                "benches/b.rs",
                "build/main.rs",
                "examples/e.rs",
                "lib.rs",
                "src/bin/tool.rs",
                "src/main.rs",
                "tests/t.rs",
                "x/x.rs"
            ]
        );
        assert_eq!(
            of(
                "[package]\nname = \"a\"\nbuild = false\ndefault-run = \"t\"\n[[bin]]\nname = \"t\"\npath = \"t.rs\"\n"
            ),
            ["src/lib.rs", "t.rs"]
        );
    }

    #[test]
    fn nothing_but_manifests_is_copied() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let (from, to) = (root.join("from"), root.join("to"));
        for (path, content) in [
            ("Cargo.toml", "[workspace]\nmembers = [\"member\"]\n"),
            ("Cargo.lock", "version = 4\n"),
            (".cargo/config.toml", "[net]\n"),
            ("src/main.rs", "secret"),
            ("member/Cargo.toml", "[package]\nname = \"member\"\n[[bin]]\nname = \"member\"\n"),
            ("member/src/main.rs", "secret"),
            ("target/package/Cargo.toml", "[package]\n"),
            ("tests/broken/Cargo.toml", "not TOML ["),
        ] {
            files::atomic_write(&from.join(path), content.as_bytes()).unwrap();
        }
        copy(&from, &to, &[]).unwrap();
        let there = |path: &str| to.join(path).is_file();
        assert!(there("Cargo.toml") && there("Cargo.lock") && there(".cargo/config.toml"));
        assert!(!there("src/main.rs") && !there("target/package/Cargo.toml"));
        assert_eq!(std::fs::read_to_string(to.join("member/src/main.rs")).unwrap(), "fn main() {}\n");
        files::atomic_write(
            &from.join("member/Cargo.toml"),
            b"[package]\nname = \"m\"\n[lib]\npath = \"../../../out.rs\"\n",
        )
        .unwrap();
        assert!(copy(&from, &root.join("again"), &[]).is_err(), "a target must not lead out of the copy");
    }
}
