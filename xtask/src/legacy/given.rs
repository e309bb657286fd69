//! What an old command line and its environment say.

use std::collections::BTreeMap;

use super::table::{Meaning, OPTIONS, OldOption, Script, row};
use crate::error::{Error, Result};

/// Options that were given.
#[derive(Debug, Default)]
pub struct Given {
    values: BTreeMap<&'static str, Value>,
    /// Words that are no option of the scripts.
    pub unknown: Vec<String>,
    pub help: bool,
}

/// The value of an option, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    pub text: String,
    /// `--infinicore-src`, or `INFINICORE_SRC`.
    pub from: String,
}

/// A value of `auto|true|false`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Auto,
    Yes,
    No,
}

impl Given {
    /// What was given for the option of this meaning; what is empty says nothing, as in the old scripts.
    pub fn value(&self, meaning: Meaning) -> Option<&Value> {
        let option = OPTIONS.iter().find(|option| option.meaning == meaning)?;
        self.of(option)
    }

    pub fn of(&self, option: &OldOption) -> Option<&Value> {
        self.values.get(option.name).filter(|value| !value.text.is_empty())
    }

    /// # Errors
    /// When it is none of the three.
    pub fn mode(&self, option: &OldOption) -> Result<Option<(Mode, &Value)>> {
        let Some(value) = self.of(option) else { return Ok(None) };
        let mode = match value.text.to_ascii_lowercase().as_str() {
            "auto" => Mode::Auto,
            "true" | "1" | "yes" | "y" => Mode::Yes,
            "false" | "0" | "no" | "n" => Mode::No,
            _ => {
                let known = option.value.unwrap_or("true|false");
                return Err(Error::usage(format!(
                    "{} is `{}`\n  help: write one of {known}",
                    value.from, value.text
                )));
            }
        };
        Ok(Some((mode, value)))
    }

    /// Whether a switch is on.
    pub fn on(&self, meaning: Meaning) -> Result<Option<&Value>> {
        let Some(option) = OPTIONS.iter().find(|option| option.meaning == meaning) else { return Ok(None) };
        Ok(self.mode(option)?.filter(|(mode, _)| *mode == Mode::Yes).map(|(_, value)| value))
    }
}

/// Reads a command line, over its environment.
pub fn read(script: Script, words: &[String], environment: &BTreeMap<String, String>) -> Result<Given> {
    let mut given = Given::default();
    for option in OPTIONS {
        let variable = option.variable();
        // `HELP` is no twin that anybody means, and the other two scripts are a phase by their name.
        let means = match option.meaning {
            Meaning::Help => false,
            Meaning::Phase => script == Script::Install,
            _ => true,
        };
        if let Some(text) = environment.get(&variable).filter(|_| means) {
            given.values.insert(option.name, Value { text: text.clone(), from: variable });
        }
    }
    // Who knows both names says it with the one of today.
    let case = OPTIONS.iter().find(|option| option.meaning == Meaning::Case);
    let today = "INSTALLER_CASE";
    if let (Some(option), Some(text), None) = (case, environment.get(today), given.value(Meaning::Case)) {
        given.values.insert(option.name, Value { text: text.clone(), from: today.to_owned() });
    }
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let (name, attached) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            _ => (word.as_str(), None),
        };
        if word == "-h" || name == "--help" {
            given.help = true;
            continue;
        }
        let Some(option) = row(name) else {
            given.unknown.push(word.clone());
            // What follows is its value, if anything.
            if name.starts_with('-')
                && attached.is_none()
                && rest.clone().next().is_some_and(|next| !next.starts_with('-'))
            {
                rest.next();
            }
            continue;
        };
        let text = match (option.value, attached) {
            (_, Some(value)) => value,
            (None, None) => "true".to_owned(),
            (Some(_), None) => {
                let follows = rest.clone().next();
                let is_option = |word: &&String| row(word.split('=').next().unwrap_or_default()).is_some();
                match follows.filter(|word| !is_option(word)) {
                    Some(value) => {
                        rest.next();
                        value.clone()
                    }
                    None => {
                        let value = option.value.unwrap_or_default();
                        return Err(Error::usage(format!(
                            "{name} has no value\n  help: write {name}={value}"
                        )));
                    }
                }
            }
        };
        given.values.insert(option.name, Value { text, from: option.name.to_owned() });
    }
    Ok(given)
}

/// What to say of a word that is no option.
pub fn unknown(word: &str) -> String {
    let name = word.split('=').next().unwrap_or(word);
    if !name.starts_with('-') {
        return format!("`{word}` is no option, and the scripts take nothing else");
    }
    let names = OPTIONS.iter().map(|option| option.name);
    let nearest = model::nearest::closest(name, names, Some(name.len() / 3));
    match nearest.and_then(|nearest| OPTIONS.iter().find(|option| option.name == nearest)) {
        Some(option) => {
            format!("unknown option `{name}`: did you mean `{}`? now: {}", option.name, option.now)
        }
        _ => format!("unknown option `{name}`: options of today are for `installer` itself"),
    }
}
