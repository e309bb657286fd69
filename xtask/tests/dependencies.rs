//! What this project depends on: licences, versions, and the page that says why each crate is there.
//!
//! A plain test rather than `cargo deny`, which would be one more tool to install and, without a network, asks for the
//! crates of all platforms.
#![expect(clippy::disallowed_methods, reason = "a test asks cargo")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Licences under which a crate may become part of the binary that is handed to others.
const LICENCES: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
    "bzip2-1.0.6",
];

/// Crates that are there in two versions, and why. One that no longer is has to go from here.
const TWICE: &[(&str, &str)] = &[
    ("getrandom", "`ring` needs 0.2; 0.4 is `tempfile`'s, for tests alone"),
    (
        "syn",
        "`derive_more-impl`, which `crossterm` needs, is at 2; what runs while compiling is not in the binary",
    ),
    ("vte", "`insta` needs 0.14 and `vt100` 0.15, both for tests alone"),
];

/// What cargo knows of the packages for this machine.
struct Metadata {
    packages: BTreeMap<String, Value>,
    nodes: BTreeMap<String, Value>,
    members: Vec<String>,
}

impl Metadata {
    fn read() -> Self {
        let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let output = Command::new(env!("CARGO"))
            .args([
                "metadata",
                "--locked",
                "--offline",
                "--format-version",
                "1",
                "--filter-platform",
                &platform,
            ])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let read: Value = serde_json::from_slice(&output.stdout).unwrap();
        let by_id = |list: &Value| {
            list.as_array()
                .unwrap()
                .iter()
                .map(|one| (text(&one["id"]), one.clone()))
                .collect::<BTreeMap<_, _>>()
        };
        Self {
            packages: by_id(&read["packages"]),
            nodes: by_id(&read["resolve"]["nodes"]),
            members: read["workspace_members"].as_array().unwrap().iter().map(text).collect(),
        }
    }

    /// Everything that is compiled into the program: no tests, and nothing of build scripts.
    fn in_the_binary(&self) -> BTreeSet<String> {
        let program = self.members.iter().find(|id| self.packages[*id]["name"] == "xtask").unwrap();
        let (mut found, mut open) = (BTreeSet::new(), vec![program.clone()]);
        while let Some(id) = open.pop() {
            for dependency in self.nodes[&id]["deps"].as_array().unwrap() {
                if dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null()) {
                    open.extend(Some(text(&dependency["pkg"])).filter(|next| !found.contains(next)));
                }
            }
            found.insert(id);
        }
        found
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

/// Crates from elsewhere in `[workspace.dependencies]`.
fn chosen() -> BTreeSet<String> {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let all = manifest["workspace"]["dependencies"].as_table().unwrap();
    all.iter().filter(|(_, value)| value.get("path").is_none()).map(|(name, _)| name.clone()).collect()
}

fn accepted(licence: &str) -> bool {
    let licences: Vec<spdx::Licensee> =
        LICENCES.iter().map(|licence| spdx::Licensee::parse(licence).unwrap()).collect();
    // Older crates write `MIT/Apache-2.0`.
    spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX)
        .is_ok_and(|said| said.evaluate(|wanted| licences.iter().any(|one| one.satisfies(wanted))))
}

#[test]
fn every_licence_in_the_binary_is_one_that_this_project_accepts() {
    for licence in
        ["MIT/Apache-2.0", "(MIT OR GPL-3.0-only) AND Unicode-3.0", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(accepted(licence), "{licence}");
    }
    for licence in
        ["", "GPL-3.0-only", "MIT AND LGPL-2.1-or-later", "Apache-2.0 WITH Classpath-exception-2.0"]
    {
        assert!(!accepted(licence), "{licence}");
    }
    let metadata = Metadata::read();
    let binary = metadata.in_the_binary();
    assert!(binary.len() > 100, "the program has more dependencies than these: {binary:?}");
    let refused: Vec<String> = binary
        .iter()
        .map(|id| &metadata.packages[id])
        .filter(|package| !accepted(package["license"].as_str().unwrap_or_default()))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "licences that LICENCES does not name:\n{}", refused.join("\n"));
}

#[test]
fn no_crate_is_there_in_two_versions_without_a_reason() {
    let metadata = Metadata::read();
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for id in metadata.nodes.keys() {
        let package = &metadata.packages[id];
        versions.entry(text(&package["name"])).or_default().insert(text(&package["version"]));
    }
    versions.retain(|_, versions| versions.len() > 1);
    let twice: Vec<&str> = versions.keys().map(String::as_str).collect();
    let reasons: Vec<&str> = TWICE.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        twice, reasons,
        "`cargo tree --workspace --duplicates` says why; left is what is, right is TWICE"
    );
}

#[test]
fn the_page_of_crates_names_each_and_no_other() {
    let page = read("docs/crates.md");
    // Of tables with a column `crate`, what stands in it between backticks.
    let (mut named, mut in_table) = (BTreeSet::new(), false);
    for line in page.lines() {
        let first = line.split('|').nth(1).map(str::trim);
        in_table = first.is_some_and(|first| in_table || first == "crate");
        if let Some(first) = first.filter(|_| in_table) {
            named.extend(first.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    assert_eq!(chosen(), named, "left is Cargo.toml, right is docs/crates.md");
}

#[test]
fn every_dependency_is_used() {
    let metadata = Metadata::read();
    let mut declared = BTreeSet::new();
    let mut unused = Vec::new();
    for package in metadata.members.iter().map(|id| &metadata.packages[id]) {
        let directory = PathBuf::from(text(&package["manifest_path"])).parent().unwrap().to_owned();
        let mut sources = String::new();
        let mut open = vec![directory];
        while let Some(at) = open.pop() {
            for entry in std::fs::read_dir(at).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    sources.push_str(&std::fs::read_to_string(path).unwrap());
                }
            }
        }
        let words: BTreeSet<&str> =
            sources.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).collect();
        for name in package["dependencies"].as_array().unwrap().iter().map(|one| text(&one["name"])) {
            let path = format!("{}::", name.replace('-', "_"));
            if !words.iter().any(|word| word.starts_with(&path) || word.contains(&format!("::{path}"))) {
                unused.push(format!("{}: {name}", text(&package["name"])));
            }
            declared.insert(name);
        }
    }
    assert!(unused.is_empty(), "no source of the crate names it: {unused:?}");
    let idle: Vec<String> = chosen().difference(&declared).cloned().collect();
    assert!(idle.is_empty(), "in [workspace.dependencies] and in no crate: {idle:?}");
}
