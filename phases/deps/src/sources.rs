//! Sources: from where the case says to files in the artifacts, and from there to a tree.
//!
//! A source's files lie in one directory with `source.json`, which tells what they are. The first alternative that can
//! be had and matches is taken; once the lock holds what was taken, only that is accepted.

mod archive;
mod crates;
mod debian;
mod file;
mod git;
mod manifests;
mod path;
pub(crate) mod pypi;
mod record;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use camino::Utf8Path;
use engine::runner::{Context, Finding, Observation, StepError};
use engine::source_files::{self, Counting, Listing, shown};
use engine::{files, lfs, times};
use model::case::SourceSpec;
use model::event::{Failure, FailureKind};
use model::lock::LockedSource;
use model::plan::{FetchSource, UnpackSource};
use model::{Digest, SourceName};

use crate::archive::{single_directory, unpack as unpack_archive};
use crate::http::Client;
use crate::http::download::hash_if_there;
pub use record::{CONTENT, MANIFESTS, RECORD, RecordedFile, SOURCE_SCHEMA, SourceRecord};
use record::{packed_here, sibling};

/// What one kind of source brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Fetched {
    /// The exact version, or the commit.
    version: String,
    /// The version as the project calls it, for titles.
    upstream: Option<String>,
    /// The file to unpack.
    main: String,
    /// All files.
    files: BTreeMap<String, RecordedFile>,
    /// For a directory of the user's: what it looked like.
    stamp: Option<Digest>,
    /// Of a commit: whether its project asks git for its version.
    asks_git: bool,
    /// And what `git describe` says of it.
    description: Option<String>,
}

/// What a kind of source is given.
struct Request<'a> {
    source: &'a SourceName,
    into: &'a Utf8Path,
    /// What the lock holds, when it is of this kind.
    locked: Option<&'a LockedSource>,
    client: &'a Client,
    context: &'a dyn Context,
}

/// Rows of the catalog that bringing this kind of source needs.
pub fn needs(spec: &SourceSpec) -> Vec<&'static str> {
    match spec {
        SourceSpec::Git { .. } => vec!["git"],
        SourceSpec::Path { .. }
        | SourceSpec::Mounted { .. }
        | SourceSpec::Archive { .. }
        | SourceSpec::File { .. }
        | SourceSpec::Debian { .. }
        | SourceSpec::Pypi { .. }
        | SourceSpec::Crate { .. } => Vec::new(),
    }
}

/// The digest by which a lock entry is known to be of this list of alternatives.
pub fn wanted_digest(alternatives: &[SourceSpec]) -> Digest {
    // Such a list always serialises.
    Digest::of(serde_json::to_vec(alternatives).unwrap_or_default())
}

/// Whether a source's files are there and are what case and lock want; reads `source.json` and looks at sizes.
///
/// # Errors
/// When the record is there and cannot be read.
pub fn observe(action: &FetchSource, context: &dyn Context) -> Result<Observation, StepError> {
    let finding = |what: String| Observation {
        findings: vec![Finding { what, cure: "run `installer deps`".to_owned() }],
        ..Observation::default()
    };
    let Some(record) = SourceRecord::read(&action.into)? else {
        return Ok(finding(format!("source {} is not downloaded", action.source)));
    };
    let wanted = wanted_digest(&action.alternatives);
    let locked = locked(action, &wanted, context);
    if let Some(why) = unfit(&record, action, &wanted, locked.as_ref(), context)? {
        return Ok(finding(why));
    }
    for (name, file) in &record.files {
        let path = action.into.join(name);
        if std::fs::metadata(&path).map_or(true, |metadata| metadata.len() != file.size) {
            return Ok(finding(format!("{path} is missing or incomplete")));
        }
    }
    if let Some(lost) = record.lost_beside(&action.into) {
        return Ok(finding(format!("{lost} is missing or damaged")));
    }
    let content = record.facts.content.as_ref().map_or("", |content| content.as_str());
    let found = BTreeMap::from([
        (action.source.to_string(), format!("{} {}", record.kind, record.version)),
        ("content".to_owned(), content.to_owned()),
    ]);
    Ok(Observation { found, ..Observation::default() })
}

/// Brings a source into the artifacts: what lies there already if it is right, else the first alternative that can be
/// had and matches. Writes `source.json`, the manifests that cargo needs, and the lock.
///
/// # Errors
/// When no alternative can be had, each named with its reason; when the lock holds something else than what is offered;
/// when the run is offline or being cancelled.
pub fn fetch(action: &FetchSource, context: &dyn Context) -> Result<(), StepError> {
    let wanted = wanted_digest(&action.alternatives);
    let locked = locked(action, &wanted, context);
    if let Some(record) = reusable(action, &wanted, locked.as_ref(), context)? {
        context.note(&format!("{} {} {} is already there", action.source, record.kind, record.version));
        let record = made_again(record, &action.into, context)?;
        return lock(action, &record, context);
    }
    std::fs::create_dir_all(&action.into)
        .map_err(|error| StepError::io("create directory", &action.into, &error))?;
    let known = SourceRecord::read(&action.into)?.into_iter().flat_map(|record| record.files.into_keys());
    let known = known.chain(locked.iter().flat_map(|locked| locked.files.keys().cloned()));
    // A lock may come from elsewhere; a name that leads out of the directory is refused below.
    let known = known.filter(|name| record::check_name(name).is_ok());
    known.map(|name| action.into.join(name)).try_for_each(|path| files::make_way(&path))?;
    let client = Client::new(context.site());
    let mut refusals: Vec<(String, StepError)> = Vec::new();
    for spec in &action.alternatives {
        let described = describe(spec);
        if let Some(locked) = locked.as_ref().filter(|locked| locked.kind != spec.kind()) {
            context.note(&format!(
                "{described}: skipped, because the lock has {} {}",
                locked.kind, locked.version
            ));
            continue;
        }
        let request = Request {
            source: &action.source,
            into: &action.into,
            locked: locked.as_ref(),
            client: &client,
            context,
        };
        match bring(spec, &request).and_then(|fetched| accept(action, &wanted, spec, fetched, context)) {
            Ok(record) => {
                for (refused, error) in &refusals {
                    context.warn(&format!(
                        "source {}: {refused} is not available ({}); using {described}",
                        action.source,
                        message(error)
                    ));
                }
                context.figure("bytes", record.files.values().map(|file| file.size).sum());
                return lock(action, &record, context);
            }
            Err(StepError::Cancelled) => return Err(StepError::Cancelled),
            Err(error) => refusals.push((described, error)),
        }
    }
    Err(none_could_be_had(action, locked.as_ref(), refusals, context))
}

/// Unpacks a fetched source; the tree is replaced as a whole.
///
/// # Errors
/// When its files are missing or changed, when they cannot be unpacked or patched, when the run is being cancelled.
pub fn unpack(action: &UnpackSource, context: &dyn Context) -> Result<(), StepError> {
    let record = SourceRecord::read(&action.from)?.ok_or_else(|| {
        StepError::of_kind(
            FailureKind::Preflight,
            format!("source {} is not downloaded: {} has no source.json", action.source, action.from),
            vec!["run `installer deps` with the same case".to_owned()],
        )
    })?;
    for (name, file) in &record.files {
        let path = action.from.join(name);
        if hash_if_there(&path)?.is_none_or(|(sha256, _)| sha256 != file.sha256) {
            return Err(StepError::of_kind(
                FailureKind::Preflight,
                format!("{path} is missing or does not match source.json beside it"),
                vec![format!("remove {}, then run `installer deps`", action.from)],
            ));
        }
    }
    let fresh = sibling(&action.into, "unpacking");
    let old = sibling(&action.into, "old");
    files::remove_tree(&fresh)?;
    files::remove_tree(&old)?;
    let tree = match record.kind.as_str() {
        "debian" => debian::unpack(&action.from, &record, &fresh, context)?,
        _ => {
            let unpacked = unpack_archive(&action.from.join(&record.main), &fresh, context)?;
            context.figure("files", unpacked.files);
            // A tar that was packed here has no directory of its own at the top.
            if packed_here(&record.kind) { fresh.clone() } else { single_directory(&fresh)? }
        }
    };
    let tree = match &record.subdirectory {
        None => tree,
        Some(below) if tree.join(below).is_dir() => tree.join(below),
        Some(below) => {
            return Err(StepError::new(
                format!("{} has no directory {below}", record.main),
                format!("correct `subdirectory` of source {} in the case", action.source),
            ));
        }
    };
    if !action.lfs_pointers {
        refuse_pointers(&record, &tree, context)?;
    }
    if record.kind == "archive" && crate::facts::asks_git(&tree) {
        context.warn(&format!(
            "source {}: its build asks git for a version, which an archive has not: it gets what the project falls back \
             to; a source of kind `git` has it",
            record.source
        ));
    }
    let listed = source_files::list(tree.as_std_path(), Counting::all())?;
    if action.into.symlink_metadata().is_ok() {
        carry_times(&action.into, &tree, &listed, context)?;
    }
    // Before the tree gets its name: once it has it, it is whole.
    times::settle_generated(tree.as_std_path(), listed.entries.iter().map(|entry| entry.path.as_path()))
        .map_err(|error| StepError::io("set times in", &tree, &error))?;
    if action.into.symlink_metadata().is_ok() {
        files::rename(&action.into, &old)?;
    }
    files::rename(&tree, &action.into)?;
    files::remove_tree(&fresh)?;
    files::remove_tree(&old)
}

/// Pointers of Git LFS would be compiled and installed as if they were the files that they stand for. What was published
/// as a whole has them on purpose or by a mistake that nobody here can mend.
fn refuse_pointers(record: &SourceRecord, tree: &Utf8Path, context: &dyn Context) -> Result<(), StepError> {
    let found = lfs::pointers(tree)?;
    if found.is_empty() {
        return Ok(());
    }
    let way = match record.kind.as_str() {
        "path" => "run `git lfs pull` in the directory that is packed".to_owned(),
        "git" => "install git-lfs and run `installer deps` again".to_owned(),
        "archive" => {
            "name an archive that has the files: those that a server makes of a repository lack them. A \
                      source of kind `git` downloads them where git-lfs is installed"
                .to_owned()
        }
        _ => {
            context.warn(&format!("source {}: {}", record.source, lfs::named(&found)));
            return Ok(());
        }
    };
    Err(lfs::refused(Utf8Path::new(&format!("source {}", record.source)), &found, way))
}

/// Gives what is the same in the tree of before its times, and all else the present moment: build trees that were made
/// from the one before tell by times what to compile again, and an archive's are older than any object.
fn carry_times(
    before: &Utf8Path,
    tree: &Utf8Path,
    listed: &Listing,
    context: &dyn Context,
) -> Result<(), StepError> {
    let now = std::time::SystemTime::now();
    for entry in listed.entries.iter().filter(|entry| entry.metadata.is_file()) {
        if context.cancelled() {
            return Err(StepError::Cancelled);
        }
        let (old, new) = (before.as_std_path().join(&entry.path), tree.as_std_path().join(&entry.path));
        let time = time_of_same(&old, &new, &entry.metadata)
            .map_err(|error| StepError::io("compare", shown(&new), &error))?;
        times::set(&new, time.map_or(now, |time| time.min(now)))
            .map_err(|error| StepError::io("set the time of", shown(&new), &error))?;
    }
    Ok(())
}

/// When a file was modified, if it holds the same as another one.
fn time_of_same(
    old: &Path,
    new: &Path,
    after: &std::fs::Metadata,
) -> std::io::Result<Option<std::time::SystemTime>> {
    let Ok(before) = old.symlink_metadata() else { return Ok(None) };
    let same = before.is_file() && before.len() == after.len() && files::same_content(old, new)?;
    if same { before.modified().map(Some) } else { Ok(None) }
}

/// The lock's entry for this source, unless it is of another list of alternatives.
fn locked(action: &FetchSource, wanted: &Digest, context: &dyn Context) -> Option<LockedSource> {
    context.locked().sources.remove(&action.source).filter(|locked| locked.wanted == *wanted)
}

/// Why a record is not of what is wanted, if it is not.
fn unfit(
    record: &SourceRecord,
    action: &FetchSource,
    wanted: &Digest,
    locked: Option<&LockedSource>,
    context: &dyn Context,
) -> Result<Option<String>, StepError> {
    if record.wanted != *wanted {
        return Ok(Some(format!(
            "the download of source {} belongs to another case, or to this one before it changed",
            action.source
        )));
    }
    if let Some(why) = locked.and_then(|locked| record.differs_from(locked)) {
        return Ok(Some(format!("the download of source {} does not match the lock ({why})", action.source)));
    }
    let Some(stamp) = &record.stamp else { return Ok(None) };
    let changed = path::stamp(&action.alternatives, context)?.is_none_or(|now| now != *stamp);
    Ok(changed.then(|| format!("the directory of source {} changed since it was packed", action.source)))
}

/// The record of what lies there, when all of it is right.
fn reusable(
    action: &FetchSource,
    wanted: &Digest,
    locked: Option<&LockedSource>,
    context: &dyn Context,
) -> Result<Option<SourceRecord>, StepError> {
    // A record that cannot be read is replaced, and one of a newer version refused.
    let Some(record) = SourceRecord::read(&action.into)? else { return Ok(None) };
    if unfit(&record, action, wanted, locked, context)?.is_some() {
        return Ok(None);
    }
    for (name, file) in &record.files {
        if hash_if_there(&action.into.join(name))?.is_none_or(|(sha256, _)| sha256 != file.sha256) {
            return Ok(None);
        }
    }
    Ok(Some(record))
}

/// Writes again what is made from the files and lies beside them, if something of it was lost.
fn made_again(
    record: SourceRecord,
    directory: &Utf8Path,
    context: &dyn Context,
) -> Result<SourceRecord, StepError> {
    if record.lost_beside(directory).is_none() {
        return Ok(record);
    }
    let mut again = record.clone();
    manifests::complete(&mut again, directory, None, context)?;
    // What came with the download is told by no file.
    again.facts = record.facts;
    again.write(directory)?;
    Ok(again)
}

/// Brings one alternative: from files that the lock names and that lie there, else from where they come.
fn bring(spec: &SourceSpec, request: &Request<'_>) -> Result<Fetched, StepError> {
    if let Some(fetched) = request.locked.map(|locked| present(locked, request)).transpose()?.flatten() {
        return Ok(fetched);
    }
    match spec {
        SourceSpec::Path { path, keep, .. } => path::fetch(path, keep, request),
        SourceSpec::Mounted { description, .. } => Err(StepError::new(
            format!("source {} ({description}) is mounted, but no directory is given", request.source),
            format!("give it with --source {}=PATH", request.source),
        )),
        SourceSpec::Git { url, revision, submodules, lfs } => {
            git::fetch(url, revision, *submodules, !lfs.is_objects(), request)
        }
        SourceSpec::Archive { urls, sha256, .. } => archive::fetch(urls, sha256, request),
        SourceSpec::File { urls, sha256 } => file::fetch(urls, sha256, request),
        SourceSpec::Debian { package, version } => debian::fetch(package, version.as_deref(), request),
        SourceSpec::Pypi { name, version, .. } => pypi::fetch(name, version, request),
        SourceSpec::Crate { name, version } => crates::fetch(name, version, request),
    }
}

/// Files that the lock names and that were put there (by a bundle, or by hand): they need no network.
fn present(locked: &LockedSource, request: &Request<'_>) -> Result<Option<Fetched>, StepError> {
    if locked.files.is_empty() {
        return Ok(None);
    }
    let mut fetched = Fetched { version: locked.version.clone(), ..Fetched::default() };
    for (name, wanted) in &locked.files {
        record::check_name(name)?;
        match hash_if_there(&request.into.join(name))? {
            Some((sha256, size)) if sha256 == *wanted => {
                fetched.files.insert(name.clone(), RecordedFile { sha256, size });
            }
            _ => return Ok(None),
        }
    }
    let main = fetched.files.keys().find(|name| locked.kind != "debian" || name.ends_with(".dsc"));
    let Some(main) = main.cloned() else { return Ok(None) };
    fetched.upstream = Some(if locked.kind == "debian" {
        debian::upstream_version(&locked.version).to_owned()
    } else {
        locked.version.clone()
    });
    fetched.main = main;
    Ok(Some(fetched))
}

/// Holds what came against the lock, and writes its record.
fn accept(
    action: &FetchSource,
    wanted: &Digest,
    spec: &SourceSpec,
    fetched: Fetched,
    context: &dyn Context,
) -> Result<SourceRecord, StepError> {
    let mut record = SourceRecord {
        schema: SOURCE_SCHEMA,
        source: action.source.clone(),
        wanted: wanted.clone(),
        kind: spec.kind().to_owned(),
        version: fetched.version,
        main: fetched.main,
        files: fetched.files,
        stamp: fetched.stamp,
        subdirectory: spec.subdirectory().cloned(),
        manifests: BTreeMap::new(),
        facts: model::source_facts::FactsOfSource::default(),
    };
    if let Some(why) = locked(action, wanted, context).and_then(|locked| record.differs_from(&locked)) {
        return Err(StepError::new(
            format!("it does not match the lock: {why}"),
            unlock_cure(action, context),
        ));
    }
    manifests::complete(&mut record, &action.into, fetched.upstream, context)?;
    let earlier = locked(action, wanted, context).and_then(|locked| locked.description);
    if fetched.asks_git || earlier.is_some() {
        record.facts.asks_git = true;
        record.facts.commit = Some(record.version.clone());
        record.facts.description = earlier.or(fetched.description);
    }
    record.write(&action.into)?;
    record.tidy(&action.into)?;
    Ok(record)
}

fn lock(action: &FetchSource, record: &SourceRecord, context: &dyn Context) -> Result<(), StepError> {
    // A directory of the user's is not a thing that can be had again.
    if record.kind == "path" {
        return Ok(());
    }
    let entry = record.locked();
    if context.locked().sources.get(&action.source) == Some(&entry) {
        return Ok(());
    }
    context.update_lock(&mut |target| {
        target.sources.insert(action.source.clone(), entry.clone());
    })
}

fn unlock_cure(action: &FetchSource, context: &dyn Context) -> String {
    format!(
        "to use the new one, remove [target.{}.sources.{}] from {} and run the same command again",
        context.target().lock_key(),
        action.source,
        context.layout().lock
    )
}

fn none_could_be_had(
    action: &FetchSource,
    locked: Option<&LockedSource>,
    refusals: Vec<(String, StepError)>,
    context: &dyn Context,
) -> StepError {
    let mut cures: Vec<String> = Vec::new();
    let mut reasons = Vec::new();
    let mut excerpt = Vec::new();
    for (described, error) in refusals {
        let StepError::Failed(failure) = error else { continue };
        excerpt.extend(failure.excerpt);
        reasons.push(format!("{described}: {}", failure.message));
        for cure in failure.cures {
            if !cures.contains(&cure) {
                cures.push(cure);
            }
        }
    }
    if let Some(locked) = locked {
        let unlock = unlock_cure(action, context);
        if !cures.contains(&unlock) {
            cures.push(unlock);
        }
        if reasons.is_empty() {
            reasons.push(format!(
                "the lock has {} {}, but the case has no such alternative",
                locked.kind, locked.version
            ));
        }
    }
    if reasons.is_empty() {
        reasons.push("the case lists no alternative".to_owned());
    }
    cures.push(format!("or give it by hand: --source {}=PATH", action.source));
    let message = if reasons.len() == 1 {
        format!("failed to get source {}: {}", action.source, reasons.join(""))
    } else {
        format!(
            "failed to get source {} from any of its alternatives:\n  {}",
            action.source,
            reasons.join("\n  ")
        )
    };
    StepError::Failed(Failure { message, cures, excerpt, ..Failure::default() })
}

fn message(error: &StepError) -> &str {
    match error {
        StepError::Failed(failure) => &failure.message,
        StepError::Cancelled => "cancelled",
    }
}

/// An alternative in a few words, without secrets.
fn describe(spec: &SourceSpec) -> String {
    match spec {
        SourceSpec::Path { path, .. } => format!("directory {path}"),
        SourceSpec::Mounted { description, .. } => format!("mounted: {description}"),
        SourceSpec::Git { url, revision, .. } => {
            format!("git {} at {revision}", crate::http::url::redact(url))
        }
        SourceSpec::Archive { urls, .. } | SourceSpec::File { urls, .. } => {
            format!(
                "{} {}",
                spec.kind(),
                urls.first().map_or_else(String::new, |url| crate::http::url::redact(url))
            )
        }
        SourceSpec::Debian { package, version } => {
            format!(
                "Debian source package {package}{}",
                version.as_ref().map_or_else(String::new, |version| format!(" {version}"))
            )
        }
        SourceSpec::Pypi { name, version, .. } => format!("source distribution {name} {version}"),
        SourceSpec::Crate { name, version } => format!("crate {name} {version}"),
    }
}
