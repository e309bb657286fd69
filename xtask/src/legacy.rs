//! `installer legacy`: what `scripts/install.sh`, `install-deps.sh` and `install-build.sh` hand on. An old command line
//! in, the new one out; that one is printed and run, as if it had been typed.

mod given;
mod head;
mod table;
mod translate;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Parser;
use exec::redact::Redactor;
use model::exit;
use model::shell;

use crate::args::Cli;
use crate::error::{Error, Result};
use crate::load::{environment, leave_out, load_case};
use crate::out::{print, say};
use given::Given;
use table::{Meaning, OPTIONS, SERVICE, Script};
use translate::{CaseFacts, Translated, World};

/// `installer legacy SCRIPT DIRECTORY [OPTIONS]`: the name of the script, the directory that it lies in, its options.
pub fn main(words: &[String]) -> Result<i32> {
    let script = words.first().and_then(|word| Script::ALL.into_iter().find(|script| script.word() == word));
    let (Some(script), Some(directory)) = (script, words.get(1)) else {
        return Err(Error::usage(
            "`installer legacy` is what the scripts of old names call\n  help: call scripts/install.sh, or `installer` with options of today",
        ));
    };
    let environment = environment();
    let given = given::read(script, &words[2..], &environment)?;
    leave_out(OPTIONS.iter().map(table::OldOption::variable).collect());
    if given.help {
        return help(script).map(|()| exit::OK);
    }
    let project = enter_project(Utf8Path::new(directory))?;
    let container = deps::target::probe(Utf8Path::new("/"), &environment).container;
    let mut translated = translate(script, &given, container, project.as_deref())?;
    if let Some(old) = given.value(Meaning::Case).and_then(|case| old_case(&case.text, project.as_deref())) {
        let note = format!("{old} is not read: the case of this name is what `installer case show` prints");
        translated.notes.push(note);
    }
    run(script, &translated, project.as_deref())
}

fn translate(
    script: Script,
    given: &Given,
    container: bool,
    project: Option<&Utf8Path>,
) -> Result<Translated> {
    let world = World {
        container,
        beside: beside(),
        is_directory: &|path| Utf8Path::new(path).is_dir(),
        head: &|checkout, reference| head::at(Utf8Path::new(checkout), reference),
        case: &|name| facts(name, project),
    };
    with_unknown(given, translate::translate(script, given, &world))
}

/// Words that are no options are refused, with what the others come to.
fn with_unknown(given: &Given, translated: Result<Translated>) -> Result<Translated> {
    if given.unknown.is_empty() {
        return translated;
    }
    let unknown: Vec<String> = given.unknown.iter().map(|word| given::unknown(word)).collect();
    let instead = match translated {
        Ok(translated) => {
            let lines: Vec<String> = translated.commands.iter().map(|words| line(words)).collect();
            format!("\n  help: without it, the command line is now: {}", lines.join(" && "))
        }
        Err(_) => String::new(),
    };
    Err(Error::usage(format!("{}{instead}", unknown.join("\n"))))
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
        .map_err(|error| Error::usage(format!("{project} cannot be entered: {error}")))?;
    Ok(Some(project.to_owned()))
}

/// Checkouts where the old scripts looked for them: the project itself, and what lies beside it.
fn beside() -> BTreeMap<&'static str, String> {
    let Ok(here) = std::env::current_dir().map(Utf8PathBuf::try_from) else { return BTreeMap::new() };
    let Ok(here) = here else { return BTreeMap::new() };
    let mut found = BTreeMap::new();
    if here.join("rust/Cargo.toml").is_file() {
        found.insert(SERVICE, here.to_string());
        for (name, directory) in [(table::INFINICORE, "InfiniCore"), (table::INFINILM, "InfiniLM")] {
            let place = here.parent().map(|parent| parent.join(directory)).filter(|place| place.is_dir());
            found.extend(place.map(|place| (name, place.into_string())));
        }
    }
    found
}

/// What of a case decides how old options are translated.
fn facts(name: &str, project: Option<&Utf8Path>) -> Result<CaseFacts> {
    let cli = Cli::try_parse_from(["installer"])
        .map_err(|error| Error::usage(error.to_string().trim_end().to_owned()))?;
    let loaded = load_case(&cli.common, name).map_err(|error| match old_case(name, project) {
        Some(old) if error.code == exit::USAGE => Error::usage(format!(
            "there is no case `{name}`, and {old} is one of the old scripts\n  help: `installer case import {old}` writes cases/{name}/case.toml from it, once; then call this again"
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

/// A command line as it can be typed, without passwords.
fn line(words: &[String]) -> String {
    let words: Vec<String> = std::iter::once("installer".to_owned()).chain(words.iter().cloned()).collect();
    Redactor::default().redact_lines(&shell::words(&words))
}

fn run(script: Script, translated: &Translated, project: Option<&Utf8Path>) -> Result<i32> {
    let inside = project.map_or_else(String::new, |project| format!(" (in {project})"));
    say(&format!("{}.sh is now{inside}:", script.word()));
    for words in &translated.commands {
        say(&format!("  {}", line(words)));
    }
    for note in &translated.notes {
        say(&format!("  note: {}", Redactor::default().redact_lines(note)));
    }
    for words in &translated.commands {
        let cli = Cli::try_parse_from(std::iter::once("installer").chain(words.iter().map(String::as_str)))
            .map_err(|error| Error::usage(error.to_string().trim_end().to_owned()))?;
        crate::run::type_instead(words);
        let code = crate::run(&cli)?;
        if code != exit::OK {
            return Ok(code);
        }
    }
    Ok(exit::OK)
}

fn help(script: Script) -> Result<()> {
    print(&format!(
        "{}.sh is a name of old for `installer`: it prints the command line of today, and runs it.\nEvery option takes its value after a blank or after `=`, or from the variable of its name.\n\n",
        script.word()
    ))?;
    let left = |option: &table::OldOption| {
        option.value.map_or_else(|| option.name.to_owned(), |value| format!("{} {value}", option.name))
    };
    let width = OPTIONS.iter().map(|option| left(option).len()).max().unwrap_or(0);
    for option in OPTIONS {
        print(&format!("  {:width$}  now: {}\n", left(option), option.now))?;
    }
    Ok(())
}
