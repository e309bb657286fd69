//! Wheels into the artifacts: those that the lock names, else resolved anew near to them, never compiled.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use model::Digest;
use model::event::{Failure, FailureKind};
use model::lock::LockedWheels;
use model::plan::FetchWheels;
use model::requirements;

use super::kept::Kept;
use super::places::{OwnWheels, Places};
use super::wheel::{self, Wheels};
use super::{Interpreter, REQUIREMENTS_LOCK, command, pip_environment, told};
use crate::http::Client;
use crate::network;
use crate::sources::pypi;
use engine::{files, pyproject, requirement_files};

/// Lists that lie beside the wheels that pip brings.
const LISTS: [&str; 3] = [EXACTLY, NEAR, FIXED];
const EXACTLY: &str = "exactly.txt";
const NEAR: &str = "near.txt";
const FIXED: &str = "fixed.txt";

/// Brings the wheels and writes `requirements.lock` last, so that its presence says that all is there.
///
/// # Errors
/// When a requirement has no wheel for this interpreter and machine, when a wheel is not what the lock says, and when
/// the index cannot be reached.
pub fn run(action: &FetchWheels, context: &dyn Context) -> Result<(), StepError> {
    let action = &with_build_requirements(action)?;
    let interpreter = super::interpreter(&action.interpreter, context)?;
    right_version(action, &interpreter)?;
    let kept = Kept::look(action, context)?;
    let wanted = wanted(action, &interpreter, &kept, context)?;
    let (locked, answers) = locked(action, context);
    files::create_dir_all(&action.into)?;
    let download = Download { action, interpreter: &interpreter, kept, context, pip: OnceCell::new() };

    let wheels = if answers.as_ref() == Some(&wanted) {
        download.exactly(&locked)?;
        locked
    } else {
        if action.optional.is_some() {
            // The list of an earlier run answers another question, should this one fail.
            remove_if_there(&action.into.join(REQUIREMENTS_LOCK))?;
        }
        let wheels = download.resolve(&locked)?;
        context.update_lock(&mut |lock| match &action.optional {
            None => {
                lock.wheels.clone_from(&wheels);
                lock.wheels_wanted = Some(wanted.clone());
            }
            Some(group) => {
                let entry = LockedWheels { wanted: wanted.clone(), wheels: wheels.clone() };
                lock.optional_wheels.insert(group.clone(), entry);
            }
        })?;
        wheels
    };
    remove_others(&action.into, &wheels)?;
    // So that the next look reads none of them.
    wheel::hashes(&action.into, context)?;
    context.figure("wheels", wheels.len() as u64);
    files::atomic_write(&action.into.join(REQUIREMENTS_LOCK), wheel::render(&wheels).as_bytes())
}

/// Why wheels have to be downloaded again: one of the list is not there as it was, or the list is not what the lock says.
/// A list that is gone is an output that is gone.
///
/// # Errors
/// When it cannot be read.
pub fn broken(action: &FetchWheels, context: &dyn Context) -> Result<Option<String>, StepError> {
    let list = action.into.join(REQUIREMENTS_LOCK);
    let Some(text) = files::record(&list)? else { return Ok(None) };
    if let (wheels, Some(_)) = locked(action, context) {
        if text != wheel::render(&wheels) {
            return Ok(Some(format!("{list} is not what the lock says")));
        }
    }
    let there = wheel::hashes(&action.into, context)?;
    let lost = wheel::parse(&text)
        .into_iter()
        .find(|(_, _, wanted)| !wanted.iter().all(|hash| there.contains(hash)));
    Ok(lost.map(|(name, version, _)| {
        format!("the wheel of {name} {version} is missing or damaged in {}", action.into)
    }))
}

/// The action with what the projects want for their build. What the case says of a package itself counts more.
fn with_build_requirements(action: &FetchWheels) -> Result<FetchWheels, StepError> {
    let mut action = action.clone();
    let named: BTreeSet<String> =
        action.packages.iter().map(|text| pyproject::requirement(text).name).collect();
    for project in &action.projects {
        for requirement in pyproject::build_requirements(project)? {
            if let Some((message, _)) = requirements::refused(&requirements::says(&requirement.text)) {
                return Err(StepError::new(
                    format!("{project}: [build-system] requires {}: {message}", requirement.text),
                    "put a wheel of it into a directory of python.find_links, and write its name alone there",
                ));
            }
            if !named.contains(&requirement.name) && !action.packages.contains(&requirement.text) {
                action.packages.push(requirement.text);
            }
        }
    }
    Ok(action)
}

/// The interpreter that the case names may be of another version than the one that it wants.
fn right_version(action: &FetchWheels, interpreter: &Interpreter) -> Result<(), StepError> {
    let Some(version) = &action.version else { return Ok(()) };
    let wanted = version.split('.').take(2).collect::<Vec<_>>().join(".");
    if interpreter.kind.ends_with(&format!("-{wanted}")) {
        return Ok(());
    }
    Err(StepError::of_kind(
        FailureKind::Preflight,
        format!("{} is {}, but the case needs Python {wanted}", interpreter.program, interpreter.kind),
        vec![
            format!("name a Python {wanted} in python.interpreter"),
            "or set python.version to the installed version".to_owned(),
        ],
    ))
}

/// What the lock has for this action, and what that answers.
fn locked(action: &FetchWheels, context: &dyn Context) -> (Wheels, Option<Digest>) {
    let mut locked = context.locked();
    match &action.optional {
        None => (locked.wheels, locked.wheels_wanted),
        Some(group) => locked
            .optional_wheels
            .remove(group)
            .map_or_else(Default::default, |entry| (entry.wheels, Some(entry.wanted))),
    }
}

/// The digest over all that the resolution answers: the interpreter, the packages, the requirement files with the
/// files that they include, which packages have an index or wheels of their own, and for optional packages all others.
/// Addresses are none of it: another mirror resolves nothing anew.
fn wanted(
    action: &FetchWheels,
    interpreter: &Interpreter,
    kept: &Kept,
    context: &dyn Context,
) -> Result<Digest, StepError> {
    let mut text = format!("{}\n", interpreter.kind);
    if let Some(kept) = kept.wanted() {
        text.push_str(&format!("kept {kept}\n"));
    }
    for package in &action.packages {
        text.push_str(&format!("package {package}\n"));
    }
    for index in &action.indexes {
        text.push_str(&format!("index {} {}\n", index.name, index.packages.join(" ")));
    }
    for constraint in &action.constraints {
        text.push_str(&format!("constraint {constraint}\n"));
    }
    for directory in &action.find_links {
        for (file, wheel) in wheel::read_directory(directory)? {
            text.push_str(&format!("wheel {file} {}\n", wheel.sha256));
        }
    }
    if action.optional.is_some() {
        text.push_str(&pins(&context.locked().wheels));
    }
    for file in requirement_files::read(&action.requirements) {
        text.push_str(&format!("file\n{}\n", file?.text));
    }
    for path in named_wheels(action, context)? {
        let (sha256, _) =
            files::sha256_file(&path).map_err(|error| StepError::io("read the wheel", &path, &error))?;
        text.push_str(&format!("wheel {} {sha256}\n", path.file_name().unwrap_or_default()));
    }
    Ok(Digest::of(text))
}

/// The wheels that requirements name by path and that are there; pip says which are not.
fn named_wheels(action: &FetchWheels, context: &dyn Context) -> Result<Vec<Utf8PathBuf>, StepError> {
    let mut lines: Vec<String> = action.packages.clone();
    for file in requirement_files::read(&action.requirements) {
        lines.extend(requirements::lines(&file?.text).into_iter().map(|line| line.text));
    }
    let found = requirement_files::wheels(lines.iter().map(String::as_str), &context.layout().case_dir);
    Ok(found.into_iter().filter(|path| path.is_file()).collect())
}

/// Wheels as pins, for `-c`.
fn pins(wheels: &Wheels) -> String {
    wheels.values().map(|wheel| format!("{}=={}\n", wheel.name, wheel.version)).collect()
}

struct Download<'a> {
    action: &'a FetchWheels,
    interpreter: &'a Interpreter,
    kept: Kept,
    context: &'a dyn Context,
    /// Asking pip for its version takes a third of a second.
    pip: OnceCell<Utf8PathBuf>,
}

impl Download<'_> {
    /// The wheels of the lock; those that lie there whole are not downloaded.
    fn exactly(&self, locked: &Wheels) -> Result<(), StepError> {
        let there = wheel::read_directory(&self.action.into)?;
        let mut missing: Wheels = locked
            .iter()
            .filter(|(file, wheel)| there.get(*file).is_none_or(|found| found.sha256 != wheel.sha256))
            .map(|(file, wheel)| (file.clone(), wheel.clone()))
            .collect();
        self.copy_own(&mut missing)?;
        if missing.is_empty() {
            return Ok(());
        }
        self.refuse_offline(&format!(
            "{} wheels of the lock are missing in {}",
            missing.len(),
            self.action.into
        ))?;
        // pip would take a damaged one from here before it asks the index.
        for file in missing.keys().filter(|file| there.contains_key(*file)) {
            let damaged = self.action.into.join(file);
            std::fs::remove_file(&damaged).map_err(|error| StepError::io("remove", &damaged, &error))?;
        }
        let scratch = self.scratch()?;
        let list = scratch.join(EXACTLY);
        files::atomic_write(&list, wheel::render(&missing).as_bytes())?;
        let words = ["--no-deps", "--require-hashes", "-r", list.as_str()];
        self.pip_download(&scratch, &words, OwnWheels::Among)?;
        let brought = wheel::read_directory(&scratch)?;
        if let Some((file, wheel)) = missing
            .iter()
            .find(|(file, wheel)| brought.get(*file).is_none_or(|found| found.sha256 != wheel.sha256))
        {
            return Err(StepError::new(
                format!("the index no longer offers {file} with SHA-256 {}", wheel.sha256),
                format!(
                    "put that file into {}, or remove the case's lock to resolve again",
                    self.action.into
                ),
            ));
        }
        self.take(&scratch, &missing)
    }

    /// Takes what the case's own directories have of these wheels, by hash.
    fn copy_own(&self, missing: &mut Wheels) -> Result<(), StepError> {
        for directory in &self.action.find_links {
            for (file, found) in wheel::read_directory(directory)? {
                if missing.get(&file).is_some_and(|wanted| wanted.sha256 == found.sha256) {
                    let (from, to) = (directory.join(&file), self.action.into.join(&file));
                    files::make_way(&to)?;
                    files::atomic_write(&to, &files::read(&from)?)?;
                    missing.remove(&file);
                }
            }
        }
        for from in named_wheels(self.action, self.context)? {
            let Some(file) = from.file_name().map(str::to_owned) else { continue };
            let content = files::read(&from)?;
            if missing.get(&file).is_some_and(|wanted| wanted.sha256 == Digest::of(&content)) {
                let to = self.action.into.join(&file);
                files::make_way(&to)?;
                files::atomic_write(&to, &content)?;
                missing.remove(&file);
            }
        }
        Ok(())
    }

    /// Resolves the requirements, near to the earlier lock where that is possible.
    fn resolve(&self, earlier: &Wheels) -> Result<Wheels, StepError> {
        let mut arguments: Vec<&str> = Vec::new();
        for file in &self.action.requirements {
            arguments.extend(["-r", file.as_str()]);
        }
        arguments.extend(self.action.packages.iter().map(String::as_str));
        if arguments.is_empty() {
            return Ok(Wheels::new());
        }
        let alone = self.context.offline() && !self.action.find_links.is_empty();
        if !alone {
            self.refuse_offline("the requirements are not resolved yet")?;
        }
        let own = if alone { OwnWheels::Only } else { OwnWheels::First };
        let scratch = self.scratch()?;
        let (existing, stand_ins) =
            (self.action.into.join(".existing.txt"), self.action.into.join(".existing"));
        if !self.kept.packages.is_empty() {
            files::atomic_write(&existing, self.kept.constraints().as_bytes())?;
            self.kept.stand_ins(&stand_ins, &self.pip()?, self.context)?;
            arguments.extend(["-c", existing.as_str(), "--find-links", stand_ins.as_str()]);
        }
        let constraints = scratch.join(NEAR);
        let near: Wheels = earlier
            .iter()
            .filter(|(_, wheel)| !self.kept.packages.contains_key(&wheel.name))
            .map(|(file, wheel)| (file.clone(), wheel.clone()))
            .collect();
        let near = pins(&near);
        let fixed = scratch.join(FIXED);
        // What the case needs is not moved by what it may do without.
        let given = self.action.optional.as_ref().map(|_| self.context.locked().wheels).unwrap_or_default();
        let mut limits = pins(&given);
        limits.extend(self.action.constraints.iter().map(|constraint| format!("{constraint}\n")));
        if !limits.is_empty() {
            files::atomic_write(&fixed, limits.as_bytes())?;
            arguments.extend(["-c", fixed.as_str()]);
        }
        let mut done = false;
        if !near.is_empty() {
            files::atomic_write(&constraints, near.as_bytes())?;
            let mut constrained = vec!["-c", constraints.as_str()];
            constrained.extend(&arguments);
            match self.pip_download(&scratch, &constrained, own) {
                Ok(()) => done = true,
                // Nothing that is resolved otherwise comes over the same network.
                Err(StepError::Failed(failure)) if network::is_cause(&failure, self.context) => {
                    return Err(StepError::Failed(failure));
                }
                Err(StepError::Failed(_)) => self.context.note(
                    "the versions of the lock do not meet the requirements; resolving all of them \
                           again",
                ),
                Err(cancelled) => return Err(cancelled),
            }
        }
        if !done {
            self.anew(&scratch, &arguments, own)?;
        }
        let mut brought = self.kept.without(wheel::read_directory(&scratch)?);
        brought.retain(|file, _| !given.contains_key(file));
        self.take(&scratch, &brought)?;
        files::remove_tree(&stand_ins)?;
        files::remove_tree(&existing)?;
        Ok(brought)
    }

    /// Resolves without regard to an earlier lock; where the case's own wheels do not do, with the indexes beside them.
    fn anew(&self, scratch: &Utf8Path, arguments: &[&str], own: OwnWheels) -> Result<(), StepError> {
        let clear = || -> Result<(), StepError> {
            for file in wheel::read_directory(scratch)?.keys() {
                let path = scratch.join(file);
                std::fs::remove_file(&path).map_err(|error| StepError::io("remove", &path, &error))?;
            }
            Ok(())
        };
        clear()?;
        match self.pip_download(scratch, arguments, own) {
            Err(StepError::Failed(failure))
                if own == OwnWheels::First && !self.action.find_links.is_empty() =>
            {
                self.context.note(&format!(
                    "the wheels of python.find_links are not enough ({}); resolving with the indexes as well",
                    failure.message
                ));
                clear()?;
                self.pip_download(scratch, arguments, OwnWheels::Among)
            }
            other => other,
        }
    }

    /// `pip download` of wheels alone; a package that has none is an error that names it.
    fn pip_download(&self, into: &Utf8Path, arguments: &[&str], own: OwnWheels) -> Result<(), StepError> {
        let pip = self.pip()?;
        let places = Places::new(self.action, &pip, own, self.context)?;
        // Isolated from its directory, which may hold modules of its own.
        let mut words = vec!["-I", "-m", "pip", "download", "--only-binary=:all:"];
        words.extend(places.words.iter().map(String::as_str));
        words.extend(["--dest", into.as_str()]);
        words.extend(arguments);
        let mut command = command(&pip, words, places.environment.clone());
        // What a requirement file names by a relative path is found where plain pip finds it.
        let case_dir = &self.context.layout().case_dir;
        if case_dir.is_dir() {
            command.directory.clone_from(case_dir);
        }
        let run = self.context.execute(&command);
        run.map_err(|error| self.explain(error))?;
        only_wheels(into)
    }

    /// An interpreter that has pip: the one asked for, else one of an environment made for this purpose (Debian's
    /// interpreter comes without pip, and `python3-venv` brings it only into environments).
    fn pip(&self) -> Result<Utf8PathBuf, StepError> {
        if let Some(known) = self.pip.get() {
            return Ok(known.clone());
        }
        let found = self.find_pip()?;
        Ok(self.pip.get_or_init(|| found).clone())
    }

    fn find_pip(&self) -> Result<Utf8PathBuf, StepError> {
        let program = &self.interpreter.program;
        let environment = pip_environment(self.context);
        let has_pip = |program: &Utf8Path| {
            let asked =
                self.context.capture(&command(program, ["-m", "pip", "--version"], environment.clone()));
            match asked {
                Ok(finished) => Ok(finished.status == 0),
                // One that cannot be started has none either.
                Err(StepError::Failed(_)) => Ok(false),
                Err(StepError::Cancelled) => Err(StepError::Cancelled),
            }
        };
        if has_pip(program)? {
            return Ok(program.clone());
        }
        let helper = self.context.layout().tools().join("pip").join(&self.interpreter.kind);
        let python = helper.join("bin/python");
        if !python.exists() || !has_pip(&python)? {
            files::remove_tree(&helper)?;
            self.context.execute(&command(program, ["-m", "venv", helper.as_str()], environment))?;
        }
        Ok(python)
    }

    fn explain(&self, error: StepError) -> StepError {
        let StepError::Failed(mut failure) = error else { return error };
        // The excerpt may end before the constraint is named.
        let log = failure.log.as_ref().and_then(|log| std::fs::read_to_string(log).ok()).unwrap_or_default();
        let last = log.lines().count().saturating_sub(60);
        let said: Vec<String> =
            failure.excerpt.iter().cloned().chain(log.lines().skip(last).map(str::to_owned)).collect();
        if let Some((package, asks)) = self.kept.conflict(&said) {
            failure.message = format!(
                "{asks}, but {} has {} {}, which is kept",
                self.kept.interpreter, package.name, package.version
            );
            failure.cures = vec![
                format!("require {}=={}, or leave its version open", package.name, package.version),
                format!(
                    "or require a version of its dependent that works with {} {}",
                    package.name, package.version
                ),
                "or set python.environment = \"venv\", which installs everything itself".to_owned(),
            ];
            return StepError::Failed(failure);
        }
        let text = std::iter::once(&failure.message).chain(&failure.excerpt);
        let name = text
            .filter_map(|line| line.split_once("No matching distribution found for "))
            .next()
            .map(|(_, name)| name.split_ascii_whitespace().next().unwrap_or(name).to_owned());
        if let Some(name) = name {
            let arch = &self.context.target().arch;
            failure.kind = FailureKind::Step;
            failure.message =
                format!("the index has no wheel of {name} for {} on {arch}", self.interpreter.kind);
            failure.cures = vec![
                format!("require a version of {name} that has one (`deps` compiles nothing)"),
                format!("or put a wheel of it into {}", self.action.into),
                format!(
                    "or build it as a component, from the source {{ kind = \"pypi\", name = {name:?}, … }}"
                ),
            ];
            self.name_missing_project(&name, &mut failure);
        } else if let Some(told::Cause { message, cures }) = told::cause(&said) {
            failure.kind = FailureKind::Step;
            failure.message = message;
            failure.cures = cures;
        } else if failure.cures.is_empty() {
            failure.cures.push("see the log: it has all that pip says".to_owned());
        }
        StepError::Failed(failure)
    }

    /// An index that knows nothing of the name at all is told as that: it is a slip, mostly.
    fn name_missing_project(&self, requirement: &str, failure: &mut Failure) {
        let end = requirement.find(|sign: char| !(sign.is_ascii_alphanumeric() || "-_.".contains(sign)));
        let name = &requirement[..end.unwrap_or(requirement.len())];
        if self.action.indexes.iter().any(|index| index.packages.iter().any(|package| package == name)) {
            return;
        }
        let client = Client::new(self.context.site());
        let indexes = pypi::indexes(&self.context.network_environment());
        let answers = indexes.iter().map(|index| {
            let page = format!("{}/{}/", index.trim_end_matches('/'), pypi::normalised(name));
            client.status(&page, self.context)
        });
        if answers.into_iter().all(|answer| answer == Ok(404)) {
            failure.message = format!("the index has no project {name}");
            failure.cures = vec![
                "correct the name where the case asks for it".to_owned(),
                format!("or, if it is a project of your own, put its wheel into {}", self.action.into),
            ];
        }
    }

    fn refuse_offline(&self, what: &str) -> Result<(), StepError> {
        if !self.context.offline() {
            return Ok(());
        }
        Err(StepError::new(
            format!("{what}, and --offline forbids downloading"),
            format!(
                "run without --offline, or put the wheels and the lock of the case into {}",
                self.action.into
            ),
        ))
    }

    /// On the file system of the artifacts, so that what came is renamed into place.
    fn scratch(&self) -> Result<Utf8PathBuf, StepError> {
        let scratch = self.action.into.join(".incoming");
        files::fresh_dir(&scratch)?;
        Ok(scratch)
    }

    fn take(&self, scratch: &Utf8Path, wheels: &Wheels) -> Result<(), StepError> {
        for file in wheels.keys() {
            let to = self.action.into.join(file);
            files::make_way(&to)?;
            files::rename(&scratch.join(file), &to)?;
        }
        files::remove_tree(scratch)
    }
}

/// pip downloads sources where its configuration says so (`no-binary`); `build` would never install them.
fn only_wheels(directory: &Utf8Path) -> Result<(), StepError> {
    let entries = directory.read_dir_utf8().map_err(|error| StepError::io("read", directory, &error))?;
    let names: Vec<String> = entries.flatten().map(|entry| entry.file_name().to_owned()).collect();
    let known = |name: &String| name.ends_with(".whl") || LISTS.contains(&name.as_str());
    let sources: Vec<String> = names.into_iter().filter(|name| !known(name)).collect();
    if sources.is_empty() {
        return Ok(());
    }
    Err(StepError::new(
        format!("pip downloaded sources instead of wheels: {}", sources.join(", ")),
        "remove `no-binary` from pip's configuration and environment (`pip config list`, PIP_NO_BINARY), or \
         build these projects as components with `driver = \"python\"`",
    ))
}

fn remove_if_there(path: &Utf8Path) -> Result<(), StepError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StepError::io("remove", path, &error))
        }
        _ => Ok(()),
    }
}

/// Wheels that are not wanted any more.
fn remove_others(directory: &Utf8Path, wheels: &Wheels) -> Result<(), StepError> {
    let entries = directory.read_dir_utf8().map_err(|error| StepError::io("read", directory, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| StepError::io("read", directory, &error))?;
        if entry.file_name().ends_with(".whl") && !wheels.contains_key(entry.file_name()) {
            std::fs::remove_file(entry.path())
                .map_err(|error| StepError::io("remove", entry.path(), &error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_that_is_no_wheel_fails_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        std::fs::write(root.join("a-1-py3-none-any.whl"), "").unwrap();
        std::fs::write(root.join(NEAR), "").unwrap();
        assert!(only_wheels(root).is_ok());
        std::fs::write(root.join("b-1.tar.gz"), "").unwrap();
        let StepError::Failed(failure) = only_wheels(root).unwrap_err() else { panic!("it failed") };
        assert!(failure.message.contains("b-1.tar.gz"), "{}", failure.message);
    }
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod run_tests;
