//! Directories that are given for sources: `--source NAME=PATH`, `--<component>-src PATH`, and the latter's twins in the
//! environment (`INFINILM_SVC_SRC`).
//!
//! Which components there are is known only when the case is read, and which case it is only when the command line is.
//! So a word of the form `--<component>-src` becomes one flag that clap knows, and is held against the case later.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use model::case::{Overrides, SourceNames};
use model::exit;

use crate::args::Common;
use crate::cases::{self, FoundCase};
use crate::error::{Error, Result};
use crate::projects::Defaults;
use crate::{invocation, layout, out};

/// Sources, each with its directory.
pub type Given = Vec<(String, Utf8PathBuf)>;

/// How the flags of components end, and their twins.
const FLAG: &str = "-src";
const VARIABLE: &str = "_SRC";

/// The command line with `--component-src NAME=PATH` for every `--NAME-src PATH`. Words after `--` are another
/// program's.
pub fn rewritten(words: Vec<String>) -> Result<Vec<String>> {
    let mut found = Vec::with_capacity(words.len());
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--" {
            found.push(word);
            found.extend(words);
            break;
        }
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        let name = flag.strip_prefix("--").and_then(|flag| flag.strip_suffix(FLAG));
        let Some(name) = name.filter(|name| !name.is_empty() && !name.starts_with('-')) else {
            found.push(word);
            continue;
        };
        let value =
            value.or_else(|| words.next()).filter(|value| !value.is_empty() && !value.starts_with("--"));
        let Some(path) = value else {
            return Err(Error::usage(format!("{flag} names no directory"))
                .with_help(format!("{flag} PATH, where PATH is the directory of its source")));
        };
        found.push(format!("--component-src={name}={path}"));
    }
    Ok(found)
}

/// The directories that are given for the sources of a case, absolute. A flag of a component counts more than
/// `--source`, and both more than a component's variable.
pub fn given(
    common: &Common,
    found: &FoundCase,
    overrides: &Overrides,
    defaults: &Defaults,
) -> Result<Given> {
    let mut sources = Given::new();
    let variables = variables(invocation::environment(common));
    let nothing = common.component_src.is_empty() && common.source.is_empty() && variables.is_empty();
    if !nothing || !defaults.is_empty() {
        let names = model::case::source_names(
            found.file.clone(),
            &mut |wanted, child| cases::parent(wanted, child),
            overrides,
        )
        .map_err(|diagnostics| Error::of_case(exit::BAD_CASE, diagnostics))?;
        let components = &names.components;
        sources.extend(of_defaults(defaults, components)?);
        for (source, path) in of_variables(&variables, components)? {
            set(&mut sources, &source, path);
        }
        spelled_out(common, &names, &mut sources)?;
        for text in &common.component_src {
            let (name, path) = text.split_once('=').unwrap_or((text, ""));
            let what = format!("--{name}{FLAG}");
            let Some((_, source)) = components.iter().find(|(component, _)| component == name) else {
                return Err(unknown(&what, name, components));
            };
            set(&mut sources, source, directory(&what, path, "give the directory of its source")?);
        }
    }
    Ok(sources)
}

/// `--source NAME=PATH`. A name that the case does not have would be read by nothing, and something else be built.
fn spelled_out(common: &Common, names: &SourceNames, sources: &mut Given) -> Result<()> {
    let variable = std::env::var("INSTALLER_SOURCE").unwrap_or_default();
    for text in &common.source {
        let (name, path) = text.split_once('=').ok_or_else(|| {
            Error::usage(format!("`--source {text}` has no `=`")).with_help("--source ffmpeg=/mnt/ffmpeg")
        })?;
        let from_variable = variable.split('\n').any(|line| line == text);
        let what = format!("{} {name}", if from_variable { "INSTALLER_SOURCE" } else { "--source" });
        if !names.sources.iter().any(|known| known == name) {
            let help = match names.nearest(name) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.sources.is_empty() => "it has none".to_owned(),
                None => format!("it has {}", names.sources.join(", ")),
            };
            return Err(Error::usage(format!("{what}: the case has no source `{name}`")).with_help(help));
        }
        let path = directory(&what, path, "give the directory of its source")?;
        set(sources, name, path);
    }
    Ok(())
}

fn set(sources: &mut Given, name: &str, path: Utf8PathBuf) {
    sources.retain(|(other, _)| other != name);
    sources.push((name.to_owned(), path));
}

fn directory(what: &str, path: &str, help: &str) -> Result<Utf8PathBuf> {
    if path.is_empty() {
        return Err(Error::usage(format!("{what} has an empty path")).with_help(help));
    }
    let path = layout::absolute(Utf8Path::new(path))?;
    if path.is_dir() {
        return Ok(path);
    }
    Err(Error::usage(format!("{what}: {path} is not a directory")).with_help(help))
}

fn unknown(what: &str, name: &str, components: &[(String, String)]) -> Error {
    let names: Vec<&str> = components.iter().map(|(component, _)| component.as_str()).collect();
    let meant = model::nearest::closest(name, names.iter().copied(), Some(2))
        .map_or_else(String::new, |other| format!("did you mean --{other}{FLAG}? "));
    let has = if names.is_empty() { "no components".to_owned() } else { names.join(", ") };
    Error::usage(format!("{what}: the case has no component `{name}`"))
        .with_help(format!("{meant}it has {has}; give any other source with --source NAME=PATH"))
}

/// Variables of the environment that may be some component's.
fn variables(environment: BTreeMap<String, String>) -> BTreeMap<String, String> {
    environment.into_iter().filter(|(name, value)| name.ends_with(VARIABLE) && !value.is_empty()).collect()
}

/// The variable of a component: `infinilm-svc` has `INFINILM_SVC_SRC`.
fn variable(component: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    component.chars().map(plain).collect::<String>() + VARIABLE
}

/// What the `.env` of a project says for them.
fn of_defaults(defaults: &Defaults, components: &[(String, String)]) -> Result<Given> {
    let mut sources = Given::new();
    for (component, source) in components {
        if let Some((name, path)) = defaults.source(component) {
            let help = format!("give the directory of the source of {component}, or remove the line");
            let what = format!("{name} in {}", defaults.file);
            set(&mut sources, source, directory(&what, path.as_str(), &help)?);
        }
    }
    Ok(sources)
}

/// What variables say for the components of a case. One that is set for a shell or an image meets every case: what the
/// case does not have is passed over, with a word where it is the name of a recipe and so hardly another program's.
fn of_variables(variables: &BTreeMap<String, String>, components: &[(String, String)]) -> Result<Given> {
    let mut sources = Given::new();
    for (component, source) in components {
        let name = variable(component);
        if let Some(path) = variables.get(&name) {
            let help = format!("give the directory of the source of {component}, or unset {name}");
            set(&mut sources, source, directory(&name, path, &help)?);
        }
    }
    let recipes = crate::recipes::all();
    for recipe in recipes.names() {
        let name = variable(recipe);
        let is_here = components.iter().any(|(component, _)| variable(component) == name);
        if variables.contains_key(&name) && !is_here {
            out::say(&format!("note: {name} is ignored: the case has no component `{recipe}`"));
        }
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn flags_of_components_are_handed_on_and_those_of_others_left_alone() {
        for (line, expected) in [
            (
                "i build --a-src /a --b-c-src=/b=c -j 2",
                "i build --component-src=a=/a --component-src=b-c=/b=c -j 2",
            ),
            ("i shell s -- make --a-src /a", "i shell s -- make --a-src /a"),
            (
                "i build --source a=/a-src --src --set x=--y-src",
                "i build --source a=/a-src --src --set x=--y-src",
            ),
        ] {
            assert_eq!(rewritten(words(line)).ok(), Some(words(expected)), "{line}");
        }
        for line in ["i build --a-src", "i build --a-src=", "i build --a-src --jobs 2"] {
            assert!(rewritten(words(line)).is_err(), "{line}");
        }
    }

    #[test]
    fn no_flag_of_this_program_looks_like_that_of_a_component() {
        use clap::CommandFactory as _;
        let command = crate::args::Cli::command();
        let all =
            command.get_subcommands().flat_map(clap::Command::get_arguments).chain(command.get_arguments());
        let longs: Vec<&str> =
            all.filter(|argument| !argument.is_hide_set()).filter_map(clap::Arg::get_long).collect();
        assert!(longs.contains(&"source"));
        assert!(longs.iter().all(|long| !long.ends_with(FLAG)), "{longs:?}");
    }

    #[test]
    fn the_variable_of_a_component_is_its_name_in_capitals() {
        assert_eq!(variable("infinilm-svc"), "INFINILM_SVC_SRC");
        assert_eq!(variable("libfoo++2.0"), "LIBFOO__2_0_SRC");
    }
}
