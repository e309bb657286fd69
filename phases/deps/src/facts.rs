//! What planning needs to know of sources, read off files: `source.json` for fetched ones, manifests for mounted ones.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use model::case::{Case, SourceSpec};
use model::layout::Layout;
use model::requirements::{Asked, Place, Says};
use model::source_facts::{CargoConfig, FactsOfSource, SourceFacts};
use model::xmake::{self, XmakeFacts};
use toml::{Table, Value};

use crate::sources::SourceRecord;

mod pins;

/// Gathers the facts of all sources of a case. Reads a few small files and starts nothing; what is not there or cannot
/// be read has no facts, and the steps that need it say so.
pub fn gather(case: &Case, layout: &Layout) -> SourceFacts {
    let mut all = SourceFacts::new();
    for (name, alternatives) in &case.sources {
        let facts = match alternatives.as_slice() {
            [SourceSpec::Path { path, .. }] => {
                let tree = layout.case_dir.join(path);
                tree.is_dir().then(|| {
                    let facts = of_tree(&tree);
                    let from_git = facts.asks_git || !facts.versions_from_git.is_empty();
                    let tags = from_git.then(|| engine::checkout::tags(&tree));
                    let commit = engine::checkout::read(&tree).and_then(|checkout| checkout.commit);
                    FactsOfSource { commit, tags: tags.flatten(), ..facts }
                })
            }
            _ => SourceRecord::read(&layout.source_artifacts(name)).ok().flatten().map(|record| record.facts),
        };
        all.extend(facts.map(|facts| (name.clone(), facts)));
    }
    all
}

/// The requirements of the files that a case names and of those that they include, without comments; a file that is not
/// there has none, and the step that reads it says so.
pub fn requirement_lines(asked: &[Asked]) -> Vec<String> {
    let of_files = asked.iter().filter(|asked| {
        let required = !asked.limits && asked.group.is_none();
        required && matches!(asked.place, Place::Line { .. }) && matches!(asked.says, Says::Requirement(_))
    });
    of_files.map(|asked| asked.text.clone()).collect()
}

/// The facts that the manifests at the top of a tree tell; where there are none, those one directory below it.
pub fn of_tree(tree: &Utf8Path) -> FactsOfSource {
    let mut directories = vec![tree.to_owned()];
    let here = |directory: &Utf8PathBuf| {
        directory.join("Cargo.toml").is_file() || directory.join("Cargo.lock").is_file()
    };
    if !here(&directories[0]) {
        let below = tree.read_dir_utf8().into_iter().flatten().flatten().map(|entry| entry.path().to_owned());
        directories = below.filter(|directory| here(directory)).collect();
        directories.sort();
    }
    let mut facts = FactsOfSource { third_party: third_party(tree), ..FactsOfSource::default() };
    for directory in directories {
        if let Some(lock) = table(&directory.join("Cargo.lock")) {
            facts.cargo_lock_version = facts.cargo_lock_version.max(Some(lock_version(&lock)));
        }
        let Some(manifest) = table(&directory.join("Cargo.toml")) else { continue };
        let of_package = |key: &str| {
            let package = manifest.get("package").and_then(|package| package.get(key));
            let inherited = package.is_some_and(|value| value.get("workspace").is_some());
            let workspace = || manifest.get("workspace")?.get("package")?.get(key);
            let value = if package.is_none() || inherited { workspace() } else { package };
            value.and_then(Value::as_str).map(str::to_owned)
        };
        facts.version = facts.version.take().or_else(|| of_package("version"));
        if let Some(minimum) = of_package("rust-version") {
            let higher = facts
                .minimum_rust
                .as_deref()
                .is_none_or(|known| model::catalog::version_at_least(&minimum, known));
            if higher {
                facts.minimum_rust = Some(minimum);
            }
        }
    }
    facts.xmake = xmake_projects(tree);
    facts.rust_pins = pins::of(tree);
    facts.cargo_configs = cargo_configs(tree);
    facts.versions_from_git = versions_from_git(tree);
    facts.asks_git = asks_git(tree);
    facts
}

/// Whether files of a build ask git for a version, as far as they are where such files are: at the top, and in
/// directories for parts of a build.
pub fn asks_git(tree: &Utf8Path) -> bool {
    const DIRECTORIES: &[&str] =
        &["", "cmake", "CMake", "cmake_modules", "build-aux", "scripts", "tools", "m4"];
    // Larger ones are made by tools.
    const LARGEST: u64 = 256 * 1024;
    let is_of_build = |name: &str| {
        matches!(
            name,
            "CMakeLists.txt" | "meson.build" | "build.rs" | "configure.ac" | "Makefile" | "version.sh"
        ) || [".cmake", ".m4", ".sh"].iter().any(|end| name.ends_with(end))
    };
    let files = DIRECTORIES.iter().flat_map(|directory| {
        let entries = tree.join(directory).read_dir_utf8().into_iter().flatten().flatten();
        entries.filter(|entry| is_of_build(entry.file_name()))
    });
    files.filter(|entry| entry.metadata().is_ok_and(|metadata| metadata.len() <= LARGEST)).any(|entry| {
        let text = std::fs::read(entry.path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        text.contains("vcs_tag(") || (text.contains("describe") && text.to_ascii_lowercase().contains("git"))
    })
}

/// Where a tree has Python projects that take their version from git and have no other file that tells it.
fn versions_from_git(tree: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = tree.read_dir_utf8().into_iter().flatten().flatten();
    let is_project = |directory: &Utf8Path| {
        ["pyproject.toml", "setup.py"].iter().any(|name| directory.join(name).is_file())
    };
    let below = entries.filter(|entry| is_project(entry.path()));
    let mut found: Vec<Utf8PathBuf> =
        below.map(|entry| Utf8PathBuf::from(entry.file_name())).chain([Utf8PathBuf::new()]).collect();
    found.retain(|directory| {
        let directory = tree.join(directory);
        let told = ["PKG-INFO", ".git_archival.txt"].iter().any(|name| directory.join(name).is_file());
        let project = table(&directory.join("pyproject.toml"));
        !told && (project.is_some_and(|project| is_from_git(&project)) || setup_asks_git(&directory))
    });
    found.sort();
    found
}

/// The older way: `setup(use_scm_version=True)`, which counts for nothing where setuptools-scm is not installed.
fn setup_asks_git(directory: &Utf8Path) -> bool {
    let setup = std::fs::read(directory.join("setup.py")).unwrap_or_default();
    String::from_utf8_lossy(&setup).contains("use_scm_version")
}

/// Whether a project has no version of its own and one of the tools that ask git for it.
fn is_from_git(project: &Table) -> bool {
    let at = |keys: &[&str]| {
        let (first, rest) = keys.split_first()?;
        rest.iter().try_fold(project.get(*first)?, |value, key| value.get(*key))
    };
    let requires = at(&["build-system", "requires"]).and_then(Value::as_array).into_iter().flatten();
    let tools = ["setuptools-scm", "hatch-vcs"];
    let required = requires
        .filter_map(Value::as_str)
        .any(|text| tools.contains(&engine::pyproject::requirement(text).name.as_str()));
    at(&["project", "version"]).is_none()
        && (required
            || at(&["tool", "setuptools_scm"]).is_some()
            || at(&["tool", "hatch", "version", "source"]).and_then(Value::as_str) == Some("vcs"))
}

/// What files of cargo's say, at the top of a tree and one directory below it; the older of their two names counts first,
/// as for cargo.
fn cargo_configs(tree: &Utf8Path) -> Vec<CargoConfig> {
    let entries = tree.read_dir_utf8().into_iter().flatten().flatten();
    let below = entries.filter(|entry| entry.path().join(".cargo").is_dir());
    let below = below.map(|entry| Utf8PathBuf::from(entry.file_name()));
    let mut directories: Vec<Utf8PathBuf> = below.chain([Utf8PathBuf::new()]).collect();
    directories.sort();
    let read = |directory: &Utf8PathBuf| {
        let names = ["config", "config.toml"].map(|name| tree.join(directory).join(".cargo").join(name));
        let config = table(names.iter().find(|name| name.is_file())?)?;
        let targets = config.get("target").and_then(Value::as_table);
        let target_flags = targets
            .is_some_and(|targets| targets.iter().any(|(_, target)| target.get("rustflags").is_some()));
        let target = config.get("build").and_then(|build| build.get("target")).and_then(Value::as_str);
        let target = target.map(str::to_owned);
        (target_flags || target.is_some()).then(|| CargoConfig {
            directory: directory.clone(),
            target_flags,
            target,
        })
    };
    directories.iter().filter_map(read).collect()
}

/// The directories of `third_party` that are not empty, sorted.
fn third_party(tree: &Utf8Path) -> Vec<String> {
    let entries = tree.join("third_party").read_dir_utf8().into_iter().flatten().flatten();
    let mut filled: Vec<String> = entries
        .filter(|entry| entry.path().read_dir_utf8().is_ok_and(|mut inside| inside.next().is_some()))
        .map(|entry| entry.file_name().to_owned())
        .collect();
    filled.sort();
    filled
}

/// What the xmake projects of a tree say: the one at its top, or those one directory below it.
fn xmake_projects(tree: &Utf8Path) -> BTreeMap<Utf8PathBuf, XmakeFacts> {
    let scan = |below: &Utf8Path| {
        let read = &mut |file: &Utf8Path| std::fs::read_to_string(tree.join(below).join(file)).ok();
        Some((below.to_owned(), xmake::scan(read)?))
    };
    if let Some(top) = scan(Utf8Path::new("")) {
        return [top].into();
    }
    let entries = tree.read_dir_utf8().into_iter().flatten().flatten();
    entries.filter_map(|entry| scan(Utf8Path::new(entry.file_name()))).collect()
}

/// Files before the key was brought in are of version 1 or 2, which every cargo of today reads.
fn lock_version(lock: &Table) -> u32 {
    lock.get("version")
        .and_then(Value::as_integer)
        .and_then(|version| u32::try_from(version).ok())
        .unwrap_or(1)
}

fn table(path: &Utf8Path) -> Option<Table> {
    toml::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Utf8PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
        for (name, text) in files {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        (directory, root)
    }

    #[test]
    fn a_workspace_tells_version_and_minimum_rust() {
        let (_guard, root) = tree(&[
            (
                "Cargo.toml",
                "[workspace]\nmembers=[\"a\"]\n[workspace.package]\nversion=\"1.2.3\"\nrust-version=\"1.80\"\n",
            ),
            ("Cargo.lock", "version = 4\n"),
        ]);
        let facts = of_tree(&root);
        assert_eq!(facts.version.as_deref(), Some("1.2.3"));
        assert_eq!(facts.required_rust().as_deref(), Some("1.80"));
        assert_eq!(facts.cargo_lock_version, Some(4));
    }

    #[test]
    fn inherited_keys_and_old_locks_are_read() {
        let (_guard, root) = tree(&[
            (
                "Cargo.toml",
                "[package]\nname=\"x\"\nversion={workspace=true}\n[workspace.package]\nversion=\"0.3.0\"\n",
            ),
            ("Cargo.lock", "[[package]]\nname=\"x\"\n"),
        ]);
        let facts = of_tree(&root);
        assert_eq!((facts.version.as_deref(), facts.cargo_lock_version), (Some("0.3.0"), Some(1)));
    }

    #[test]
    fn manifests_one_directory_below_count_when_the_top_has_none() {
        let (_guard, root) = tree(&[
            ("rust/Cargo.toml", "[package]\nname=\"x\"\nversion=\"0.1.0\"\nrust-version=\"1.9\"\n"),
            ("python/Cargo.toml", "[package]\nname=\"y\"\nversion=\"0.1.0\"\nrust-version=\"1.70\"\n"),
            ("README", ""),
        ]);
        assert_eq!(of_tree(&root).minimum_rust.as_deref(), Some("1.70"));
    }

    #[test]
    fn a_submodule_that_was_not_brought_does_not_count() {
        let (_guard, root) = tree(&[("third_party/spdlog/include/spdlog.h", ""), ("third_party/README", "")]);
        std::fs::create_dir(root.join("third_party/json")).unwrap();
        assert_eq!(of_tree(&root).third_party, ["spdlog"]);
    }

    #[test]
    fn an_xmake_project_tells_what_it_asks_for() {
        let (_guard, root) = tree(&[
            ("xmake.lua", "includes(\"xmake/more.lua\")\nadd_requires(\"zlib\")"),
            ("xmake/more.lua", "add_requires(\"fmt\")"),
        ]);
        let facts = of_tree(&root);
        let names: Vec<&str> =
            facts.xmake[Utf8Path::new("")].requires.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["fmt", "zlib"]);
        let (_guard, root) = tree(&[("native/xmake.lua", "target(\"x\")"), ("README", "")]);
        assert_eq!(of_tree(&root).xmake[Utf8Path::new("native")].targets, ["x"]);
    }

    #[test]
    fn projects_that_take_their_version_from_git_are_recognised() {
        let scm = "[build-system]\nrequires=[\"setuptools_scm[toml]>=8\"]\n[project]\nname=\"x\"\ndynamic=[\"version\"]\n";
        let (_guard, root) = tree(&[
            ("pyproject.toml", scm),
            (
                "static/pyproject.toml",
                "[build-system]\nrequires=[\"setuptools_scm\"]\n[project]\nversion=\"1\"\n",
            ),
            ("vcs/pyproject.toml", "[tool.hatch.version]\nsource=\"vcs\"\n"),
            ("told/pyproject.toml", scm),
            ("told/PKG-INFO", "Version: 1\n"),
            ("older/setup.py", "from setuptools import setup\nsetup(name='x', use_scm_version=True)\n"),
        ]);
        assert_eq!(of_tree(&root).versions_from_git, ["", "older", "vcs"]);
    }

    #[test]
    fn what_cargo_is_told_in_a_source_is_known_where_it_counts() {
        let (_guard, root) = tree(&[
            (".cargo/config.toml", "[target.'cfg(unix)']\nrustflags = [\"-C\", \"target-cpu=native\"]\n"),
            ("one/.cargo/config", "[build]\ntarget = \"x86_64-unknown-linux-musl\"\n"),
            ("two/.cargo/config.toml", "[build]\nrustflags = [\"--cfg\", \"zz\"]\n"),
        ]);
        let facts = of_tree(&root);
        let configs = facts.cargo_configs_for(Some(Utf8Path::new("one/deep")));
        assert_eq!(configs.len(), 2);
        assert_eq!(configs[1].target.as_deref(), Some("x86_64-unknown-linux-musl"));
        let configs = facts.cargo_configs_for(Some(Utf8Path::new("two")));
        assert!(configs.len() == 1 && configs[0].target_flags, "{configs:?}");
    }

    #[test]
    fn nothing_there_is_no_error() {
        let (_guard, root) = tree(&[("Cargo.toml", "not toml at all [")]);
        assert_eq!(of_tree(&root), FactsOfSource::default());
        assert_eq!(of_tree(Utf8Path::new("/nonexistent")), FactsOfSource::default());
    }
}
