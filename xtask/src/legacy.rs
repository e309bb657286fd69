//! `installer legacy`: what `scripts/install.sh`, `install-deps.sh` and `install-build.sh` hand on. An old command line
//! in, the new one out; that one is printed and run, as if it had been typed.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Parser;
use exec::redact::Redactor;
use legacy::options::{
    self, CaseFacts, Given, Meaning, OPTIONS, OldOption, Refused, Script, Translated, World, line,
};
use legacy::presets::PresetScript;
use model::exit;

use crate::args::{self, Cli};
use crate::error::{Error, Result};
use crate::invocation;
use crate::load::load_case;
use crate::out::{print, say};
use crate::projects;

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self { help: refused.help.into_iter().collect(), ..Self::usage(refused.message) }
    }
}

/// `installer legacy SCRIPT DIRECTORY [OPTIONS]`: the name of the script, the directory that it lies in, its options.
/// `act` runs a command line of today.
pub fn main(words: &[String], act: fn(&Cli) -> Result<i32>) -> Result<i32> {
    let of_presets = |word: &String| PresetScript::ALL.into_iter().find(|script| script.file() == word);
    if let (Some(script), Some(directory)) = (words.first().and_then(of_presets), words.get(1)) {
        return presets(script, Utf8Path::new(directory), &words[2..], act);
    }
    let script = words.first().and_then(|word| Script::ALL.into_iter().find(|script| script.word() == word));
    let (Some(script), Some(directory)) = (script, words.get(1)) else {
        return Err(Error::usage("`installer legacy` is for the former scripts only")
            .with_help("call scripts/install.sh, or `installer` with its own options"));
    };
    let environment: BTreeMap<String, String> = invocation::all().collect();
    let given = options::read(script, &words[2..], &environment)?;
    if given.help {
        return print(&options::help(script)).map(|()| exit::OK);
    }
    let project = enter_project(Utf8Path::new(directory))?;
    let container = deps::target::probe(Utf8Path::new("/"), &environment).container;
    let translated = translate(script, &given, container, project.as_deref());
    options::refuse_unknown(&given, translated.as_ref().ok())?;
    let mut translated = translated?;
    if let Some(old) = given.value(Meaning::Case).and_then(|case| old_case(&case.text, project.as_deref())) {
        let note = format!("{old} is not read: `installer case show` prints the case of this name");
        translated.notes.push(note);
    }
    run(&format!("{}.sh", script.word()), &translated, project.as_deref(), act)
}

/// A script of a project of presets, which worked in that project.
fn presets(
    script: PresetScript,
    scripts: &Utf8Path,
    words: &[String],
    act: fn(&Cli) -> Result<i32>,
) -> Result<i32> {
    if words.iter().any(|word| matches!(word.as_str(), "--help" | "-h")) {
        return print(&script.help()).map(|()| exit::OK);
    }
    let project = scripts.parent().filter(|project| project.join(projects::PRESETS).is_dir());
    if let Some(project) = project {
        std::env::set_current_dir(project)
            .map_err(|error| Error::usage(format!("failed to enter {project}: {error}")))?;
    }
    let translated = legacy::presets::translate(script, words)?;
    run(script.file(), &translated, project, act)
}

fn translate(
    script: Script,
    given: &Given,
    container: bool,
    project: Option<&Utf8Path>,
) -> Result<Translated> {
    let here = std::env::current_dir().ok().and_then(|here| Utf8PathBuf::try_from(here).ok());
    let world = World {
        container,
        beside: here.map_or_else(BTreeMap::new, |here| options::beside(&here)),
        is_directory: &|path| Utf8Path::new(path).is_dir(),
        head: &|checkout, reference| options::head(Utf8Path::new(checkout), reference),
    };
    let case = options::case_name(script, given, container)?;
    let facts = facts(&case, project)?;
    Ok(options::translate(script, given, &world, case, facts)?)
}

/// The old scripts worked in the project that they lay in, and took relative paths from there.
fn enter_project(scripts: &Utf8Path) -> Result<Option<Utf8PathBuf>> {
    let Some(project) = scripts.parent() else { return Ok(None) };
    let is_one =
        ["rust/Cargo.toml", "deployment/cases", "cases"].iter().any(|mark| project.join(mark).exists());
    if !is_one {
        return Ok(None);
    }
    std::env::set_current_dir(project)
        .map_err(|error| Error::usage(format!("failed to enter {project}: {error}")))?;
    Ok(Some(project.to_owned()))
}

/// A command line of today, which counts in the place of what was typed.
fn parsed(words: &[String]) -> Result<Cli> {
    let mut cli = Cli::try_parse_from(std::iter::once("installer").chain(words.iter().map(String::as_str)))?;
    let variables = OPTIONS.iter().map(OldOption::variable).collect();
    cli.common.translated = Some(args::Translated { words: words.to_vec(), variables });
    Ok(cli)
}

/// What of a case decides how old options are translated.
fn facts(name: &str, project: Option<&Utf8Path>) -> Result<CaseFacts> {
    let cli = parsed(&[])?;
    let loaded = load_case(&cli.common, name).map_err(|error| match old_case(name, project) {
        Some(old) if error.code == exit::USAGE => Error::usage(format!(
            "there is no case `{name}`; {old} is a deployment case of the former scripts"
        ))
        .with_help(format!(
            "`installer case import {old}` converts it to cases/{name}/case.toml; then run this again"
        )),
        _ => error,
    })?;
    let case = loaded.0.case;
    Ok(CaseFacts {
        components: case.components.keys().map(ToString::to_string).collect(),
        sources: case
            .sources
            .iter()
            .map(|(name, specs)| (name.to_string(), specs.as_slice().to_vec()))
            .collect(),
    })
}

/// A deployment case as the old scripts had them.
fn old_case(name: &str, project: Option<&Utf8Path>) -> Option<Utf8PathBuf> {
    let below = Utf8Path::new("deployment/cases").join(name);
    [Some(Utf8Path::new("")), project]
        .into_iter()
        .flatten()
        .map(|place| place.join(&below))
        .find(|place| place.is_dir())
}

fn run(
    script: &str,
    translated: &Translated,
    project: Option<&Utf8Path>,
    act: fn(&Cli) -> Result<i32>,
) -> Result<i32> {
    let inside = project.map_or_else(String::new, |project| format!(" (in {project})"));
    say(&format!("{script} is now{inside}:"));
    for words in &translated.commands {
        say(&format!("  {}", line(words)));
    }
    for note in &translated.notes {
        say(&format!("  note: {}", Redactor::default().redact_lines(note)));
    }
    for words in &translated.commands {
        let code = act(&parsed(words)?)?;
        if code != exit::OK {
            return Ok(code);
        }
    }
    Ok(exit::OK)
}
