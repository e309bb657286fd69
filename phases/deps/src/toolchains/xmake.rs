//! xmake: one that is there and new enough, else the distribution's, else a prebuilt one from a source of the case.

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, Finding, Observation, StepError};
use model::SourceName;
use model::catalog::version_at_least;
use model::event::{Failure, FailureKind};
use model::layout::SYSTEM_PATH;
use model::plan::UnpackSource;

use crate::packages::{self, PackageManager};
use crate::sources::{self, SourceRecord};
use crate::tools;

/// The name of the program, of the package and of the catalog's row.
pub const XMAKE: &str = "xmake";

/// Where a prebuilt one lies in what a source holds.
const IN_A_TREE: [&str; 4] = ["bin/xmake", "usr/bin/xmake", "usr/local/bin/xmake", "xmake"];

/// What is wanted, and from where.
pub(super) struct XmakeRequest<'a> {
    minimum: Option<&'a str>,
    /// Where the files of the case's source lie.
    source: Option<&'a Utf8Path>,
    /// Where what it holds is put.
    tree: &'a Utf8Path,
    manager: Option<&'a str>,
}

impl<'a> XmakeRequest<'a> {
    pub(super) fn new(
        minimum: &'a Option<String>,
        source: &'a Option<Utf8PathBuf>,
        tree: &'a Utf8Path,
        manager: &'a Option<String>,
    ) -> Self {
        let (minimum, source, manager) = (minimum.as_deref(), source.as_deref(), manager.as_deref());
        Self { minimum, source, tree, manager }
    }

    fn described(&self) -> String {
        self.minimum.map_or_else(|| XMAKE.to_owned(), |minimum| format!("xmake {minimum} or newer"))
    }

    fn takes(&self, version: &str) -> bool {
        self.minimum.is_none_or(|minimum| version_at_least(version, minimum))
    }
}

/// A program with its version.
struct XmakeProgram {
    program: Utf8PathBuf,
    version: String,
}

pub(super) fn observe(wanted: &XmakeRequest<'_>, context: &dyn Context) -> Result<Observation, StepError> {
    let mut seen = Observation::default();
    let (found, others) = choose(wanted, context)?;
    let Some(found) = found else {
        seen.findings.push(Finding {
            what: absent(wanted, &others),
            cure: "run `installer deps`, or install xmake by hand and put it on PATH".to_owned(),
        });
        return Ok(seen);
    };
    if !is_in_place(&found, context) {
        seen.findings.push(Finding {
            what: format!("a build would not find {}", found.program),
            cure: "run `installer deps`".to_owned(),
        });
    }
    seen.found.insert(XMAKE.to_owned(), format!("{} ({})", found.version, found.program));
    Ok(seen)
}

pub(super) fn run(wanted: &XmakeRequest<'_>, context: &dyn Context) -> Result<(), StepError> {
    if let (Some(found), _) = choose(wanted, context)? {
        return put_in_place(&found, context);
    }
    let manager = wanted.manager.and_then(packages::by_name);
    let mut tried = Vec::new();
    if let Some(manager) = manager {
        packages::have_lists(manager, context)?;
        match candidate(manager, context)? {
            None => tried.push("the distribution has no package of it".to_owned()),
            Some(version) if !wanted.takes(&version) => {
                tried.push(format!("the distribution's is {version}"));
            }
            Some(version) if !context.target().root => {
                let how = manager.cure(&[XMAKE.to_owned()]);
                tried.push(format!("the distribution's, {version}, must be installed as root: {how}"));
            }
            Some(_) => packages::install(manager, &[XMAKE.to_owned()], context)?,
        }
    }
    let mut chosen = choose(wanted, context)?;
    if chosen.0.is_none() {
        if let Some(source) = wanted.source {
            bring(source, wanted.tree, context)?;
            chosen = choose(wanted, context)?;
        }
    }
    let (found, others) = chosen;
    if let Some(found) = found {
        return put_in_place(&found, context);
    }
    let mut what = vec![absent(wanted, &others)];
    what.append(&mut tried);
    if wanted.source.is_none() {
        what.push("the case has no source of it".to_owned());
    }
    Err(StepError::Failed(Failure {
        kind: FailureKind::Preflight,
        message: what.join("; "),
        cures: cures(wanted),
        ..Failure::default()
    }))
}

/// The ways out.
fn cures(wanted: &XmakeRequest<'_>) -> Vec<String> {
    let what = wanted.described();
    vec![
        format!(
            "give a prebuilt {what}: [sources.xmake] of kind `archive` with its sha256, and source = \"xmake\" in [toolchains.xmake]"
        ),
        "or build it: a component called `xmake` from its source release, in `needs` of what xmake builds"
            .to_owned(),
        format!("or install {what} by hand and put it on PATH, or use a base image that has it"),
    ]
}

fn absent(wanted: &XmakeRequest<'_>, others: &[XmakeProgram]) -> String {
    let there: Vec<String> =
        others.iter().map(|found| format!("{} is {}", found.program, found.version)).collect();
    if there.is_empty() {
        format!("{} is needed, but not installed", wanted.described())
    } else {
        format!("{} is needed, but {}", wanted.described(), there.join(", "))
    }
}

/// The first that is new enough, and those that are not. What a build would find by itself comes first.
fn choose(
    wanted: &XmakeRequest<'_>,
    context: &dyn Context,
) -> Result<(Option<XmakeProgram>, Vec<XmakeProgram>), StepError> {
    let mut others: Vec<XmakeProgram> = Vec::new();
    for program in candidates(wanted, context)? {
        let version = match tools::tool_version(&program, context) {
            Ok(version) => version,
            // Damaged: another one is taken, or brought.
            Err(StepError::Failed(_)) => {
                others.push(XmakeProgram { program, version: "damaged".to_owned() });
                continue;
            }
            Err(StepError::Cancelled) => return Err(StepError::Cancelled),
        };
        let found = XmakeProgram { program, version };
        if wanted.takes(&found.version) {
            return Ok((Some(found), others));
        }
        others.push(found);
    }
    Ok((None, others))
}

fn candidates(wanted: &XmakeRequest<'_>, context: &dyn Context) -> Result<Vec<Utf8PathBuf>, StepError> {
    let names = [XMAKE.to_owned()];
    let root = Utf8Path::new("/");
    let mut found: Vec<Utf8PathBuf> = Vec::new();
    let mut add = |program: Utf8PathBuf| {
        // One program by several names: /bin may be /usr/bin, and our link leads to one of the others.
        let resolved = tools::resolved(&program);
        if found.iter().all(|other| tools::resolved(other) != resolved) {
            found.push(program);
        }
    };
    let linked = link(context).canonicalize_utf8().ok();
    linked.into_iter().for_each(&mut add);
    let environment = context.network_environment();
    let path = environment.get("PATH").map_or("", String::as_str);
    for directory in SYSTEM_PATH.split(':').chain(path.split(':')) {
        if Some(Utf8Path::new(directory)) != link(context).parent() {
            tools::find_tool(root, directory, &names).into_iter().for_each(&mut add);
        }
    }
    if let Some(placed) = placed(wanted)? {
        program_in(&placed).into_iter().for_each(&mut add);
    }
    Ok(found)
}

/// Where what the source holds now is put: another content goes to another directory.
fn placed(wanted: &XmakeRequest<'_>) -> Result<Option<Utf8PathBuf>, StepError> {
    let Some(source) = wanted.source else { return Ok(None) };
    let record = SourceRecord::read(source)?;
    Ok(record.and_then(|record| record.facts.content).map(|content| wanted.tree.join(content.short())))
}

fn program_in(tree: &Utf8Path) -> Option<Utf8PathBuf> {
    let names: Vec<String> = IN_A_TREE.iter().map(|below| tree.join(below).into_string()).collect();
    tools::find_tool(Utf8Path::new("/"), "", &names)
}

/// Puts what the source holds where it stays.
fn bring(source: &Utf8Path, tree: &Utf8Path, context: &dyn Context) -> Result<(), StepError> {
    let record = SourceRecord::read(source)?.ok_or_else(|| {
        StepError::new(
            format!("{source} has no source.json"),
            "run `installer deps`, which gets the source of xmake",
        )
    })?;
    let content = record.facts.content.clone().unwrap_or_default();
    let into = tree.join(content.short());
    if record.kind == "file" {
        let (from, to) = (source.join(&record.main), into.join("bin/xmake"));
        let text = std::fs::read(&from).map_err(|error| StepError::io("read", &from, &error))?;
        files::atomic_write(&to, &text)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&to, mode).map_err(|error| StepError::io("write", &to, &error))?;
    } else {
        let action = UnpackSource {
            source: SourceName::new(record.source.as_str()),
            from: source.to_owned(),
            into: into.clone(),
            lfs_pointers: false,
        };
        sources::unpack(&action, context)?;
    }
    if program_in(&into).is_none() {
        return Err(StepError::new(
            format!("the source of xmake has none of {}", IN_A_TREE.join(", ")),
            "use an archive of a built xmake; a source release is built as a component called `xmake`",
        ));
    }
    Ok(())
}

/// The version that the distribution could install.
fn candidate(
    manager: &'static dyn PackageManager,
    context: &dyn Context,
) -> Result<Option<String>, StepError> {
    let version = packages::candidate(manager, XMAKE, context)?;
    Ok(version.map(|version| version.split_once(':').map_or(version.clone(), |(_, rest)| rest.to_owned())))
}

/// The link that leads a build's PATH to one that lies elsewhere.
fn link(context: &dyn Context) -> Utf8PathBuf {
    context.layout().tools().join("bin").join(XMAKE)
}

/// What a build finds without our link.
fn of_the_system() -> Option<Utf8PathBuf> {
    tools::find_tool(Utf8Path::new("/"), SYSTEM_PATH, &[XMAKE.to_owned()])
}

fn is_in_place(found: &XmakeProgram, context: &dyn Context) -> bool {
    let leads_to = link(context).canonicalize_utf8().ok().or_else(of_the_system);
    leads_to.is_some_and(|program| tools::resolved(&program) == tools::resolved(&found.program))
}

fn put_in_place(found: &XmakeProgram, context: &dyn Context) -> Result<(), StepError> {
    let link = link(context);
    if is_in_place(found, context) {
        return Ok(());
    }
    let target = tools::resolved(&found.program);
    if of_the_system().is_some_and(|program| tools::resolved(&program) == target) {
        return files::remove_tree(&link);
    }
    // Another case may be compiling with what is there: at no moment is there nothing.
    let new = Utf8PathBuf::from(format!("{link}.new"));
    files::remove_tree(&new)?;
    files::create_dir_all(&context.layout().tools().join("bin"))?;
    std::os::unix::fs::symlink(&target, &new).map_err(|error| StepError::io("link", &new, &error))?;
    files::make_way(&link)?;
    files::rename(&new, &link)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use engine::runner::Finished;
    use model::source_facts::FactsOfSource;
    use testkit::FakeContext;

    use super::*;
    use crate::sources::{RecordedFile, SOURCE_SCHEMA};
    use model::Digest;

    /// A context without a package manager, in which a program tells the version that the directory above its own
    /// names, and one of this machine a very old one.
    fn context() -> FakeContext {
        let mut context = FakeContext::new();
        context.environment.insert("PATH".to_owned(), context.path("2.8.1/bin").into_string());
        let root = context.root().to_string();
        context.on(move |command| {
            let named = command.program.strip_prefix(&root).and_then(|path| path.split('/').nth_back(2));
            let version =
                named.filter(|name| name.starts_with(|c: char| c.is_ascii_digit())).unwrap_or("0.1.0");
            let stdout = format!("xmake v{version}+20250101, A cross-platform build utility\n");
            assert_eq!(command.args, ["--version".into(), "--root".into()], "root is refused else");
            let status = i32::from(command.program.contains("/damaged/"));
            Some(Ok(Finished { status, stdout, ..Finished::default() }))
        });
        context
    }

    fn program(path: &Utf8Path) {
        files::atomic_write(path, b"#!/bin/sh\n").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn one_that_only_the_users_path_leads_to_is_linked_for_builds() {
        let context = context();
        program(&context.path("2.8.1/bin/xmake"));
        let tree = context.path("data/xmake");
        let wanted = |minimum: Option<&'static str>| XmakeRequest {
            minimum,
            source: None,
            tree: &tree,
            manager: None,
        };
        let before = observe(&wanted(Some("2.8")), &context).unwrap();
        assert!(before.findings[0].what.contains("would not find"), "{before:?}");
        run(&wanted(Some("2.8")), &context).unwrap();
        let seen = observe(&wanted(Some("2.8")), &context).unwrap();
        assert!(seen.holds() && seen.found[XMAKE].starts_with("2.8.1 ("), "{seen:?}");

        let StepError::Failed(failure) = run(&wanted(Some("3.0")), &context).unwrap_err() else { panic!() };
        assert_eq!(failure.kind, FailureKind::Preflight);
        let link = context.layout.tools().join("bin/xmake");
        assert!(failure.message.contains("xmake 3.0 or newer is needed, but "), "{}", failure.message);
        assert!(failure.message.contains("is 2.8.1") && failure.message.contains("has no source"));
        assert!(failure.cures.iter().any(|cure| cure.contains("[toolchains.xmake]")), "{:?}", failure.cures);
        assert!(link.exists(), "what another case uses stays");
    }

    #[test]
    fn one_that_does_not_run_is_passed_over() {
        let mut context = context();
        let path = format!("{}:{}", context.path("damaged/bin"), context.path("2.8.1/bin"));
        context.environment.insert("PATH".to_owned(), path);
        ["damaged", "2.8.1"].iter().for_each(|name| program(&context.path(format!("{name}/bin/xmake"))));
        files::create_dir_all(&context.layout.tools().join("bin")).unwrap();
        let link = context.layout.tools().join("bin/xmake");
        std::os::unix::fs::symlink(context.path("damaged/bin/xmake"), &link).unwrap();
        let tree = context.path("data/xmake");
        let wanted = XmakeRequest { minimum: None, source: None, tree: &tree, manager: None };
        assert!(!observe(&wanted, &context).unwrap().holds());
        run(&wanted, &context).unwrap();
        let seen = observe(&wanted, &context).unwrap();
        // One of the system, where there is one, comes before the user's.
        assert!(seen.holds() && !seen.found[XMAKE].contains("damaged"), "{seen:?}");
    }

    #[test]
    fn a_source_brings_what_the_machine_does_not_have() {
        let context = context();
        let (tree, source) = (context.path("data/xmake"), context.path("artifacts/sources/xmake"));
        let wanted = XmakeRequest { minimum: Some("3.0"), source: Some(&source), tree: &tree, manager: None };
        let StepError::Failed(failure) = run(&wanted, &context).unwrap_err() else { panic!() };
        assert!(failure.message.contains("no source.json"), "{}", failure.message);

        // The fake tells a version by the directory that the content's digest names.
        let content = Digest::new("3.1.0".to_owned() + &"0".repeat(59));
        files::atomic_write(&source.join("xmake.file"), b"#!/bin/sh\n").unwrap();
        let record = SourceRecord {
            schema: SOURCE_SCHEMA,
            source: "xmake".into(),
            kind: "file".to_owned(),
            main: "xmake.file".to_owned(),
            files: [("xmake.file".to_owned(), RecordedFile { sha256: Digest::of("#!/bin/sh\n"), size: 10 })]
                .into(),
            facts: FactsOfSource { content: Some(content), ..FactsOfSource::default() },
            ..SourceRecord::default()
        };
        record.write(&source).unwrap();
        run(&wanted, &context).unwrap();
        let seen = observe(&wanted, &context).unwrap();
        assert!(seen.holds() && seen.found[XMAKE].starts_with("3.1.0"), "{seen:?}");
        let link = context.layout.tools().join("bin/xmake");
        assert!(link.canonicalize_utf8().unwrap().starts_with(tree.canonicalize_utf8().unwrap()));
        assert_eq!(link.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    }
}
