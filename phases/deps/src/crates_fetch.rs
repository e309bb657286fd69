//! Crates into the `CARGO_HOME` that `build` uses offline: `cargo fetch --locked` with nothing but manifests and lock
//! files, so that a change of code fetches nothing.

mod kept;
mod manifests;
mod site_config;

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use model::catalog::version_at_least;
use model::plan::{Argument, Command, FetchCrates, FetchedCrates};
use serde::Deserialize;

use crate::toolchains::rust;
use engine::files;

/// Fetches the crates of every lock file of a source, looks that they are all there, and copies the lock file to each
/// of `outputs`, last.
///
/// # Errors
/// When the source has no lock file, when the lock file does not fit its manifest, when a crate cannot be had.
pub fn run(action: &FetchCrates, outputs: &[Utf8PathBuf], context: &dyn Context) -> Result<(), StepError> {
    if !action.from.is_dir() {
        return Err(StepError::new(
            format!("the source `{}` is missing: {} does not exist", action.source, action.from),
            format!(
                "give its directory with --source {}=PATH; a build with docker/Dockerfile shows it to this \
                 phase with --build-arg DEPS_SEES=all",
                action.source
            ),
        ));
    }
    let rust = rust::find(context)?.ok_or_else(|| {
        StepError::new(
            "cargo is not installed",
            "let deps/toolchain/rust run, which installs it (without --only or --skip), or put cargo on PATH",
        )
    })?;
    let scratch = context.layout().cache.join("crates").join(action.source.as_str());
    files::fresh_dir(&scratch)?;
    let copied = action.from.join("manifests");
    let (tree, described) =
        if copied.is_dir() { (copied, "the source") } else { (action.from.clone(), "the tree") };
    manifests::copy(&tree, &scratch, &action.keep)?;
    let roots = lock_directories(action, &scratch);
    if roots.is_empty() {
        return Err(StepError::new(
            format!("{described} of `{}` has no Cargo.lock, so its crates are not pinned", action.source),
            "run `cargo generate-lockfile` in the source and commit Cargo.lock, or use a source that has one \
             (a published crate with binaries does)",
        ));
    }
    files::create_dir_all(&action.cargo_home)?;
    site_config::bring(&action.cargo_home, context)?;

    let mut locks = String::new();
    for root in &roots {
        locks.push_str(&files::read_if_there(&root.join("Cargo.lock"))?.unwrap_or_default());
    }
    let locked = kept::Locked::read(&locks);
    let record = record(outputs);
    if let Some(record) = &record {
        kept::remove_damaged(&action.cargo_home, &locked, record, context.offline())?;
    }
    let there =
        locked.crates.iter().filter(|known| kept::is_cached(&action.cargo_home, &known.file())).count();
    // cargo tells of each that it downloads, and not of how many.
    context.count(there as u64, locked.crates.len() as u64, "crates");
    for root in &roots {
        // What cargo did not have to fetch need not be looked for elsewhere either.
        if context.offline() {
            fetch(&rust, action, root, &["--locked", "--offline"], context)
                .map_err(|error| offline(error, action))?;
        } else {
            fetch(&rust, action, root, &["--locked"], context).map_err(explain_locked)?;
            fetch(&rust, action, root, &["--locked", "--offline"], context)?;
        }
    }
    context.figure("crates", locked.crates.len() as u64);
    let facts = lowest_rust(&rust, action, &roots, context)?;
    for output in outputs {
        if output.extension() == Some("json") {
            files::write_cache(output, &facts)?;
        } else {
            files::atomic_write(output, locks.as_bytes())?;
        }
    }
    if let Some(record) = &record {
        kept::write(&action.cargo_home, &locked, outputs, record)?;
    }
    files::remove_tree(&scratch)
}

/// Where stands what a fetch left: beside its first output.
fn record(outputs: &[Utf8PathBuf]) -> Option<Utf8PathBuf> {
    outputs.first().map(|output| output.with_extension("files"))
}

/// Why the crates have to be fetched again: what a lock needs of the `CARGO_HOME` is gone or damaged.
pub fn broken(action: &FetchCrates, outputs: &[Utf8PathBuf]) -> Option<String> {
    kept::lost(&action.cargo_home, &record(outputs)?)
}

fn fetch(
    rust: &rust::Rust,
    action: &FetchCrates,
    directory: &Utf8Path,
    flags: &[&str],
    context: &dyn Context,
) -> Result<(), StepError> {
    let mut args: Vec<Argument> = vec!["fetch".into()];
    args.extend(flags.iter().map(|flag| Argument::from(*flag)));
    context.execute(&Command {
        program: rust.cargo.to_string(),
        args,
        environment: environment(rust, &action.cargo_home, context),
        directory: directory.to_owned(),
    })?;
    Ok(())
}

/// The highest `rust-version` among the crates that a build for this machine compiles, by `cargo metadata`: crates for
/// other systems are in the lock file too, and say nothing here.
fn lowest_rust(
    rust: &rust::Rust,
    action: &FetchCrates,
    roots: &[Utf8PathBuf],
    context: &dyn Context,
) -> Result<FetchedCrates, StepError> {
    let environment = environment(rust, &action.cargo_home, context);
    let command = |program: &Utf8Path, args: &[&str], directory: &Utf8Path| Command {
        program: program.to_string(),
        args: args.iter().map(|word| Argument::from(*word)).collect(),
        environment: environment.clone(),
        directory: directory.to_owned(),
    };
    let mut facts = FetchedCrates::default();
    for root in roots {
        let about = asked(&command(&rust.rustc, &["-vV"], root), context)?;
        let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
        let args = [
            "metadata",
            "--format-version=1",
            "--locked",
            "--offline",
            "--quiet",
            "--filter-platform",
            host.as_str(),
        ];
        let metadata = asked(&command(&rust.cargo, &args, root), context)?;
        let metadata: Metadata = serde_json::from_str(&metadata).map_err(|error| {
            StepError::new(
                format!("failed to read the output of `cargo metadata`: {error}"),
                "see the log of this step; another version of cargo may help",
            )
        })?;
        facts = metadata.lowest_rust(facts);
    }
    Ok(facts)
}

/// What a command prints on standard output.
fn asked(command: &Command, context: &dyn Context) -> Result<String, StepError> {
    let finished = context.capture(command)?;
    if finished.status == 0 {
        return Ok(finished.stdout);
    }
    Err(StepError::new(
        format!("`{}` failed with status {}: {}", command.program, finished.status, finished.tail.join("; ")),
        "check whether this toolchain works on its own",
    ))
}

/// What `cargo metadata` prints, as far as it is wanted here
/// (<https://doc.rust-lang.org/cargo/commands/cargo-metadata.html>).
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    rust_version: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
}

impl Metadata {
    fn lowest_rust(&self, mut known: FetchedCrates) -> FetchedCrates {
        let compiled: BTreeSet<&str> = self.resolve.nodes.iter().map(|node| node.id.as_str()).collect();
        for package in self.packages.iter().filter(|package| compiled.contains(package.id.as_str())) {
            let Some(wanted) = &package.rust_version else { continue };
            if known.minimum_rust.as_ref().is_none_or(|lowest| !version_at_least(lowest, wanted)) {
                known.minimum_rust = Some(wanted.clone());
                known.wanted_by = Some(format!("{} {}", package.name, package.version));
            }
        }
        known
    }
}

fn environment(rust: &rust::Rust, cargo_home: &Utf8Path, context: &dyn Context) -> BTreeMap<String, String> {
    let mut environment = context.network_environment();
    let path = environment.get("PATH").cloned().unwrap_or_default();
    let bin = rust.rustc.parent().map_or("", Utf8Path::as_str);
    for (name, value) in [
        // cargo finds rustc on PATH.
        ("PATH", format!("{bin}:{path}")),
        ("CARGO_HOME", cargo_home.to_string()),
        ("CARGO_NET_RETRY", "5".to_owned()),
        ("CARGO_TERM_COLOR", "never".to_owned()),
    ] {
        environment.insert(name.to_owned(), value);
    }
    environment
}

/// Where `cargo fetch` is run: the directories that the plan names, else the root, else every directory near it that
/// has a lock file.
fn lock_directories(action: &FetchCrates, copy: &Utf8Path) -> Vec<Utf8PathBuf> {
    let has_lock = |directory: &Utf8Path| directory.join("Cargo.lock").is_file();
    if !action.directories.is_empty() {
        let mut found: Vec<Utf8PathBuf> = Vec::new();
        for directory in &action.directories {
            // A member of a workspace is locked by the workspace above it.
            let mut at = copy.join(directory);
            while !has_lock(&at) && at != copy {
                at = at.parent().unwrap_or(copy).to_owned();
            }
            if has_lock(&at) && !found.contains(&at) {
                found.push(at);
            }
        }
        return found;
    }
    if has_lock(copy) {
        return vec![copy.to_owned()];
    }
    let mut level = vec![copy.to_owned()];
    for _ in 0..3 {
        let mut below: Vec<Utf8PathBuf> = level
            .iter()
            .filter_map(|directory| directory.read_dir_utf8().ok())
            .flat_map(|entries| entries.flatten().map(|entry| entry.path().to_owned()).collect::<Vec<_>>())
            .filter(|path| path.is_dir())
            .collect();
        below.sort();
        let found: Vec<Utf8PathBuf> = below.iter().filter(|directory| has_lock(directory)).cloned().collect();
        if !found.is_empty() {
            return found;
        }
        level = below;
    }
    Vec::new()
}

fn explain_locked(error: StepError) -> StepError {
    let StepError::Failed(mut failure) = error else { return error };
    let text = std::iter::once(&failure.message).chain(&failure.excerpt);
    let stale = text.clone().any(|line| {
        let old = line.contains("needs to be updated but --locked");
        old || (line.contains("cannot update the lock file") && line.contains("--locked"))
    });
    let version =
        text.clone().any(|line| line.contains("lock file version") && line.contains("not understood"));
    if stale {
        failure.cures.push(
            "the source's Cargo.lock does not match its Cargo.toml: run `cargo update --workspace` there and \
             commit the lock".to_owned(),
        );
    } else if version {
        failure
            .cures
            .push("the lock file needs a newer cargo: set toolchains.rust.minimum in the case".to_owned());
    } else if failure.cures.is_empty() {
        failure.cures.push("see the log: it has all that cargo says".to_owned());
    }
    StepError::Failed(failure)
}

fn offline(error: StepError, action: &FetchCrates) -> StepError {
    let StepError::Failed(mut failure) = error else { return error };
    failure.message = format!("crates of `{}` are missing, and --offline forbids downloading", action.source);
    failure.cures = vec!["run `installer deps` without --offline once".to_owned()];
    StepError::Failed(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(directories: &[&str]) -> FetchCrates {
        FetchCrates {
            source: "service".into(),
            from: "/nowhere".into(),
            directories: directories.iter().map(Utf8PathBuf::from).collect(),
            cargo_home: "/nowhere".into(),
            keep: Vec::new(),
        }
    }

    #[test]
    fn a_source_that_this_phase_does_not_see_is_told() {
        let said = format!("{:?}", run(&action(&[]), &[], &testkit::FakeContext::new()).unwrap_err());
        assert!(said.contains("/nowhere does not exist") && said.contains("--source service=PATH"), "{said}");
    }

    #[test]
    fn the_crate_that_wants_the_newest_rust_is_named_if_it_is_compiled_here() {
        let metadata: Metadata = serde_json::from_str(
            r#"{"packages": [
                {"id": "a", "name": "time", "version": "0.3.44", "rust_version": "1.81.0"},
                {"id": "b", "name": "old", "version": "1.0.0", "rust_version": "1.9"},
                {"id": "w", "name": "windows", "version": "9.0.0", "rust_version": "1.99"},
                {"id": "n", "name": "silent", "version": "1.0.0", "rust_version": null}],
               "resolve": {"nodes": [{"id": "b"}, {"id": "a"}, {"id": "n"}]}}"#,
        )
        .unwrap();
        let facts = metadata.lowest_rust(FetchedCrates::default());
        assert_eq!(facts.minimum_rust.as_deref(), Some("1.81.0"));
        assert_eq!(facts.wanted_by.as_deref(), Some("time 0.3.44"));
    }

    #[test]
    fn lock_files_are_found_where_the_plan_says_at_the_root_or_near_it() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let lock = |at: &str| {
            std::fs::create_dir_all(root.join(at)).unwrap();
            std::fs::write(root.join(at).join("Cargo.lock"), "").unwrap();
        };
        assert!(lock_directories(&action(&[]), root).is_empty());
        lock("rust/service");
        std::fs::create_dir_all(root.join("rust/service/member")).unwrap();
        assert_eq!(lock_directories(&action(&[]), root), [root.join("rust/service")]);
        assert_eq!(lock_directories(&action(&["rust/service/member"]), root), [root.join("rust/service")]);
        assert!(lock_directories(&action(&["other"]), root).is_empty());
        lock("");
        assert_eq!(lock_directories(&action(&[]), root), [root.join("")]);
        assert_eq!(lock_directories(&action(&["other"]), root), [root]);
    }
}
