//! apt repositories that a case declares.
//!
//! They go to `/etc/apt`, where every repository of a machine is: `apt upgrade` then updates what came from them, and
//! the next stage of an image can install from them. Each is tried before it is put there, with its own key and alone,
//! so that one that is dead or wrongly signed never breaks anybody's `apt-get update`.

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, StepError};
use model::Digest;
use model::case::KeyFrom;
use model::event::FailureKind;
use model::lock::LockedRepository;
use model::plan::DeclaredRepository;
use model::target::Target;

use super::manager::PackageManager;
use super::running::{self, command, lines_of};
use crate::http::{Client, Expect};

/// Where sources and keys lie (`sources.list(5)`).
const SOURCES: &str = "etc/apt/sources.list.d";
const KEYRINGS: &str = "etc/apt/keyrings";

/// How every file that is written here begins: what does not is somebody else's, and is left alone.
pub const MARK: &str = "# Written by installer for the case";

/// A repository that could not be set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dead {
    /// Its name in the case.
    pub name: String,
    /// What apt, or the way to its key, said.
    pub trouble: String,
}

impl std::fmt::Display for Dead {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "failed to use the apt repository `{}` of the case: {}", self.name, self.trouble)
    }
}

/// Sets up those that are not as the case says. One that cannot be had is a warning, and handed back: it may not be
/// needed.
///
/// # Errors
/// When a key is not the one of the lock, and when the run is cancelled.
pub(super) fn set_up(
    root: &Utf8Path,
    manager: &'static dyn PackageManager,
    repositories: &[DeclaredRepository],
    context: &dyn Context,
) -> Result<Vec<Dead>, StepError> {
    let mut dead = Vec::new();
    for declared in repositories {
        match one(root, manager, declared, context) {
            Ok(None) => {}
            Ok(Some(trouble)) => dead.push(Dead { name: declared.repository.name.clone(), trouble }),
            Err(StepError::Failed(failure)) if failure.kind != FailureKind::Preflight => {
                dead.push(Dead { name: declared.repository.name.clone(), trouble: failure.message });
            }
            Err(error) => return Err(error),
        }
    }
    dead.iter().for_each(|one| context.warn(&one.to_string()));
    Ok(dead)
}

/// Tries one repository and puts it in its place; what went wrong with it, if something did.
fn one(
    root: &Utf8Path,
    manager: &'static dyn PackageManager,
    declared: &DeclaredRepository,
    context: &dyn Context,
) -> Result<Option<String>, StepError> {
    let key = key(declared, context)?;
    let text = sources(declared, key.as_ref(), context.target());
    if in_place(root, declared, &text, key.as_ref())? {
        return Ok(None);
    }
    let name = &declared.repository.name;
    if context.offline() {
        return Ok(Some("it is not set up yet, and --offline forbids contacting it".to_owned()));
    }
    context.note(&format!("setting up the apt repository {name}"));
    let execute = |argv: &[String]| context.execute(&command(argv, context.network_environment()));
    let new_key = key.as_ref().filter(|key| !root.join(key.to.as_str().trim_start_matches('/')).exists());
    if let Some(key) = &key {
        // A key is believed by the sources that name it and by nothing else: it may lie there before they do. apt
        // checks signatures as a user of its own, who may not read the case's directory.
        execute(&key.put_argv())?;
    }
    let tried = context.layout().artifacts.join("apt").join(format!("{}.sources", declared.file));
    files::atomic_write(&tried, text.as_bytes())?;
    let trouble = match running::execute(manager, &update_argv(&tried), context) {
        // apt before 2.1.15 calls it a success when a repository does not answer.
        Ok(finished) => trouble(manager, &finished.tail),
        Err(StepError::Failed(failure)) => trouble(manager, &failure.excerpt)
            .or_else(|| trouble(manager, &lines_of(&failure)))
            .or(Some(failure.message)),
        Err(cancelled) => return Err(cancelled),
    };
    if trouble.is_some() {
        if let Some(key) = new_key {
            execute(&["rm", "-f", key.to.as_str()].map(str::to_owned))?;
        }
        return Ok(trouble);
    }
    execute(&put_argv(&text, &sources_path(declared)))?;
    Ok(None)
}

/// What apt found wrong: above all that the key is not the one that signed.
fn trouble(manager: &dyn PackageManager, lines: &[String]) -> Option<String> {
    const SIGNATURE: &[&str] = &["NO_PUBKEY", "Missing key", "GPG error", "OpenPGP signature", "BADSIG"];
    let signature = lines.iter().find(|line| SIGNATURE.iter().any(|word| line.contains(word)));
    match signature {
        Some(line) => Some(format!("it is not signed by the key of the case: {line}")),
        None => manager.refresh_trouble(lines),
    }
}

/// The commands that set up what is not as the case says; a key that is to be downloaded has to be there already.
///
/// # Errors
/// When a key cannot be read.
pub(super) fn commands(
    root: &Utf8Path,
    repositories: &[DeclaredRepository],
    context: &dyn Context,
) -> Result<Vec<Vec<String>>, StepError> {
    let mut all = Vec::new();
    for declared in repositories {
        let key = local_key(declared)?;
        let text = sources(declared, key.as_ref(), context.target());
        if !in_place(root, declared, &text, key.as_ref())? {
            all.extend(key.iter().map(Key::put_argv));
            all.push(put_argv(&text, &sources_path(declared)));
        }
    }
    Ok(all)
}

/// A key as it is at hand.
struct Key {
    content: Vec<u8>,
    /// Its file, when it is one.
    file: Option<Utf8PathBuf>,
    /// Where it goes: apt tells armoured from binary by the name's end.
    to: Utf8PathBuf,
}

impl Key {
    fn new(declared: &DeclaredRepository, content: Vec<u8>, file: Option<Utf8PathBuf>) -> Self {
        let armoured = content.trim_ascii_start().starts_with(b"-----BEGIN PGP ");
        let ending = if armoured { "asc" } else { "gpg" };
        Self {
            content,
            file,
            to: Utf8Path::new("/").join(KEYRINGS).join(format!("{}.{ending}", declared.file)),
        }
    }

    fn put_argv(&self) -> Vec<String> {
        match &self.file {
            Some(file) => {
                let words = ["install", "-D", "-m", "644", file.as_str(), self.to.as_str()];
                words.map(str::to_owned).into()
            }
            None => put_argv(&String::from_utf8_lossy(&self.content), &self.to),
        }
    }
}

/// The key of a repository, brought if need be, and noted in the lock.
fn key(declared: &DeclaredRepository, context: &dyn Context) -> Result<Option<Key>, StepError> {
    if let (Some(KeyFrom::Download(download)), Some(file)) =
        (declared.repository.key.as_ref().map(|key| key.from()), &declared.key_file)
    {
        let expect = Expect { sha256: Some(download.sha256.clone()), size: None };
        Client::new(context.site()).download(&download.url, file, &expect, context)?;
    }
    let Some(key) = local_key(declared)? else { return Ok(None) };
    let digest = Digest::of(&key.content);
    let name = &declared.repository.name;
    match context.locked().repositories.get(name) {
        Some(locked) if locked.key != digest => Err(StepError::of_kind(
            FailureKind::Preflight,
            format!("the key of the apt repository `{name}` is not the one of the lock"),
            vec![format!(
                "put back the key with SHA-256 {}; if it was meant to change, remove the entry of {name} from {}",
                locked.key,
                context.layout().lock
            )],
        )),
        Some(_) => Ok(Some(key)),
        None => {
            context.update_lock(&mut |lock| {
                lock.repositories.insert(name.clone(), LockedRepository { key: digest.clone() });
            })?;
            Ok(Some(key))
        }
    }
}

/// The key as it lies on the disk or stands in the case.
fn local_key(declared: &DeclaredRepository) -> Result<Option<Key>, StepError> {
    let Some(key) = &declared.repository.key else { return Ok(None) };
    if let KeyFrom::Text(text) = key.from() {
        let text = format!("{}\n", text.trim());
        return Ok(Some(Key::new(declared, text.into_bytes(), None)));
    }
    let Some(file) = &declared.key_file else { return Ok(None) };
    let content = std::fs::read(file).map_err(|error| {
        let name = &declared.repository.name;
        StepError::of_kind(
            FailureKind::Preflight,
            format!("failed to read the key of the apt repository `{name}`, {file}: {error}"),
            vec!["put it beside the case, or correct `key` of the repository".to_owned()],
        )
    })?;
    Ok(Some(Key::new(declared, content, Some(file.clone()))))
}

/// Whether sources and key are there as they would be written.
fn in_place(
    root: &Utf8Path,
    declared: &DeclaredRepository,
    text: &str,
    key: Option<&Key>,
) -> Result<bool, StepError> {
    let at = |path: &Utf8Path| root.join(path.strip_prefix("/").unwrap_or(path));
    let there = |path: &Utf8Path, wanted: &[u8]| match std::fs::read(at(path)) {
        Ok(found) => Ok(found == wanted),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StepError::io("read", path, &error)),
    };
    Ok(there(&sources_path(declared), text.as_bytes())?
        && match key {
            Some(key) => there(&key.to, &key.content)?,
            None => true,
        })
}

fn sources_path(declared: &DeclaredRepository) -> Utf8PathBuf {
    Utf8Path::new("/").join(SOURCES).join(format!("{}.sources", declared.file))
}

/// The deb822 text (`sources.list(5)`).
fn sources(declared: &DeclaredRepository, key: Option<&Key>, target: &Target) -> String {
    let repository = &declared.repository;
    let placed = |words: &[String]| -> String {
        let words: Vec<String> = words.iter().map(|word| place(word, target)).collect();
        words.join(" ")
    };
    let mut text =
        format!("{MARK} {}; `installer clean --repositories` removes it.\nTypes: deb\n", declared.case);
    text.push_str(&format!("URIs: {}\nSuites: {}\n", placed(&repository.uris), placed(&repository.suites)));
    for (field, words) in
        [("Components", &repository.components), ("Architectures", &repository.architectures)]
    {
        if !words.is_empty() {
            text.push_str(&format!("{field}: {}\n", placed(words)));
        }
    }
    match key {
        Some(key) => text.push_str(&format!("Signed-By: {}\n", key.to)),
        None => text.push_str("Trusted: yes\n"),
    }
    text
}

/// What `{codename}` and its like stand for.
fn place(word: &str, target: &Target) -> String {
    word.replace("{codename}", &target.os.codename)
        .replace("{id}", &target.os.id)
        .replace("{version}", &target.os.version.replace('.', ""))
        .replace("{arch}", &target.arch)
}

/// Brings the lists of one file of sources and of nothing else, and leaves those of others.
fn update_argv(sources: &Utf8Path) -> Vec<String> {
    [
        "env",
        "LC_ALL=C.UTF-8",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "update",
        "-o",
        "DPkg::Lock::Timeout=600",
        "-o",
        "Acquire::Retries=3",
        "-o",
        &format!("Dir::Etc::SourceList={sources}"),
        "-o",
        "Dir::Etc::SourceParts=/dev/null",
        "-o",
        "APT::Get::List-Cleanup=0",
        "-o",
        // What apt from 2.1.15 on knows: a repository that does not answer is an error.
        "APT::Update::Error-Mode=any",
    ]
    .map(str::to_owned)
    .into()
}

/// Writes a text to a file of root, whole or not at all.
fn put_argv(text: &str, to: &Utf8Path) -> Vec<String> {
    let script = "mkdir -p \"${2%/*}\" && printf %s \"$1\" >\"$2.new\" && chmod 644 \"$2.new\" && mv \"$2.new\" \"$2\"";
    ["sh", "-c", script, "sh", text, to.as_str()].map(str::to_owned).into()
}

/// The files below `root` that `installer` wrote for a case: sources by their first line, keys by the sources' names.
///
/// # Errors
/// When a directory of apt cannot be read.
pub fn written_for(root: &Utf8Path, case: &str) -> Result<Vec<Utf8PathBuf>, StepError> {
    let mut found = Vec::new();
    let directory = root.join(SOURCES);
    let entries = match directory.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(StepError::io("read", &directory, &error)),
    };
    for entry in entries {
        let path = entry.map_err(|error| StepError::io("read", &directory, &error))?.path().to_owned();
        let ours = path.file_name().is_some_and(|name| name.starts_with("installer-"));
        let text = if ours { files::record(&path)?.unwrap_or_default() } else { String::new() };
        if !text.starts_with(&format!("{MARK} {case};")) {
            continue;
        }
        let signed_by = text.lines().find_map(|line| line.strip_prefix("Signed-By: "));
        let key = signed_by.map(|key| root.join(key.trim_start_matches('/')));
        found.extend(key.filter(|key| key.starts_with(root.join(KEYRINGS)) && key.is_file()));
        found.push(path);
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
#[path = "apt_repositories_tests.rs"]
mod tests;
