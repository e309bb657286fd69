//! What an `xmake.lua` says, read as text: packages, options, targets. Nothing of it is run.
//!
//! A project file is a program, and what a program says cannot all be read off it. What is written with plain strings is
//! found; where something is computed, the facts say that they are incomplete, and nobody is refused because of them.

mod conditions;
mod lua;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::case::OptionValue;
use conditions::Blocks;
pub use conditions::Condition;
use lua::{Token, tokens};

/// The project file.
pub const PROJECT_FILE: &str = "xmake.lua";

/// How many files one project may include.
const MOST_FILES: usize = 400;

/// What the files of a project say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct XmakeFacts {
    /// Packages that it asks for.
    pub requires: Vec<XmakeRequirement>,
    /// Its options, with their defaults where these are plain.
    pub options: BTreeMap<String, Option<bool>>,
    /// Its targets.
    pub targets: Vec<String>,
    /// Where it uses the rule `python.module`, which xmake has from 3.0 on.
    pub python_module: Option<Spot>,
    /// The version that it demands with `set_xmakever`.
    pub minimum: Option<String>,
    /// Whether something of it could not be read: computed names, included files that are not there.
    pub incomplete: bool,
}

/// A package that a project asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct XmakeRequirement {
    /// Its name without version and prefix: `zlib`.
    pub name: String,
    /// As it stands there: `zlib >=1.2`.
    pub text: String,
    /// Where.
    pub at: Spot,
    /// Whether the project does without it.
    pub optional: bool,
    /// What must hold for it to be asked for.
    pub when: Vec<Condition>,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// Relative to the project.
    pub file: Utf8PathBuf,
    /// From 1.
    pub line: usize,
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl XmakeFacts {
    /// The packages that a project asks for with these options, each once. Where it cannot be told whether one is asked
    /// for, it is not among them.
    pub fn wanted(&self, options: &IndexMap<String, OptionValue>) -> Vec<&XmakeRequirement> {
        let is_on = |name: &str| match options.get(name) {
            Some(OptionValue::Switch(on)) => Some(*on),
            Some(OptionValue::Text(text)) => Some(!matches!(text.as_str(), "n" | "no" | "false" | "")),
            Some(_) => Some(true),
            None => self.options.get(name).copied().flatten(),
        };
        let mut found: Vec<&XmakeRequirement> = Vec::new();
        for requirement in &self.requires {
            let holds = requirement.when.iter().all(|one| one.holds(&is_on) == Some(true));
            if holds && found.iter().all(|other| other.name != requirement.name) {
                found.push(requirement);
            }
        }
        found
    }
}

/// Reads a project, with `read` for its files by their paths in it. `None`: it has no project file.
pub fn scan(read: &mut dyn FnMut(&Utf8Path) -> Option<String>) -> Option<XmakeFacts> {
    let text = read(Utf8Path::new(PROJECT_FILE))?;
    let mut scan = Scan { read, facts: XmakeFacts::default(), seen: Vec::new() };
    scan.file(Utf8Path::new(PROJECT_FILE), &text, &[]);
    Some(scan.facts)
}

struct Scan<'a> {
    read: &'a mut dyn FnMut(&Utf8Path) -> Option<String>,
    facts: XmakeFacts,
    seen: Vec<Utf8PathBuf>,
}

/// The arguments of a call.
#[derive(Debug, Default)]
struct Call {
    /// The strings that are arguments by themselves.
    texts: Vec<String>,
    /// Whether an argument is computed.
    computed: bool,
    /// Plain values of a table among the arguments: `optional = true`.
    table: BTreeMap<String, bool>,
}

impl Scan<'_> {
    fn file(&mut self, path: &Utf8Path, text: &str, outer: &[Condition]) {
        self.seen.push(path.to_owned());
        let tokens = tokens(text);
        let mut blocks = Blocks::new(outer);
        let mut option: Option<String> = None;
        let mut at = 0;
        while at < tokens.len() {
            let (token, line) = &tokens[at];
            let after_dot = at > 0 && matches!(tokens[at - 1].0, Token::Mark('.' | ':'));
            at += 1;
            let Token::Name(name) = token else { continue };
            if after_dot {
                continue;
            }
            if blocks.keyword(name, &tokens, &mut at) {
                continue;
            }
            let Some(call) = call(&tokens, &mut at) else { continue };
            let spot = Spot { file: path.to_owned(), line: *line };
            match name.as_str() {
                "add_requires" => self.requires(&call, &spot, blocks.open()),
                "includes" => self.includes(path, &call, blocks.open()),
                "option" => {
                    option = call.texts.first().cloned();
                    self.facts.incomplete |= option.is_none();
                    if let Some(name) = &option {
                        self.facts.options.insert(name.clone(), call.table.get("default").copied());
                    }
                }
                "target" | "rule" | "task" | "package" | "toolchain" | "option_end" => {
                    option = None;
                    if name == "target" {
                        self.facts.targets.extend(call.texts.first().cloned());
                        self.facts.incomplete |= call.computed;
                    }
                }
                "set_default" => {
                    if let Some(default) = option.as_ref().and_then(|name| self.facts.options.get_mut(name)) {
                        *default = call.table.get("").copied();
                    }
                }
                "add_rules" if call.texts.iter().any(|rule| rule == "python.module") => {
                    self.facts.python_module.get_or_insert(spot);
                }
                "set_xmakever" => self.facts.minimum = call.texts.first().cloned(),
                _ => {}
            }
        }
    }

    fn requires(&mut self, call: &Call, spot: &Spot, when: Vec<Condition>) {
        self.facts.incomplete |= call.computed;
        for text in &call.texts {
            let word = text.split_whitespace().next().unwrap_or_default();
            // `conan::zlib/1.3`, `zlib~debug`, `vcpkg::zlib`.
            let bare = word.rsplit("::").next().unwrap_or(word);
            let name = bare.split(['~', '/', '[', '@']).next().unwrap_or(bare);
            if name.is_empty() {
                continue;
            }
            self.facts.requires.push(XmakeRequirement {
                name: name.to_owned(),
                text: text.clone(),
                at: spot.clone(),
                optional: call.table.get("optional") == Some(&true),
                when: when.clone(),
            });
        }
    }

    fn includes(&mut self, from: &Utf8Path, call: &Call, when: Vec<Condition>) {
        self.facts.incomplete |= call.computed;
        for wanted in call.texts.iter().filter(|text| !text.starts_with('@')) {
            let path = from.parent().unwrap_or(Utf8Path::new("")).join(wanted);
            let Some(path) = inside(&path) else {
                self.facts.incomplete = true;
                continue;
            };
            // A directory stands for the project file in it.
            let places = [path.clone(), path.join(PROJECT_FILE)];
            if self.seen.len() >= MOST_FILES || places.iter().any(|place| self.seen.contains(place)) {
                continue;
            }
            let found = places.iter().find_map(|place| Some((place, (self.read)(place)?)));
            match found {
                Some((place, text)) => self.file(place, &text, &when),
                None => self.facts.incomplete = true,
            }
        }
    }
}

/// A path without `.` and `..`, if it stays in the project.
fn inside(path: &Utf8Path) -> Option<Utf8PathBuf> {
    let mut clean = Utf8PathBuf::new();
    for component in path.components() {
        match component {
            Utf8Component::Normal(name) => clean.push(name),
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir if clean.pop() => {}
            _ => return None,
        }
    }
    Some(clean)
}

/// The call that the name before `at` begins, if it is one; `at` is then behind it, or at the functions and
/// tables in it, whose own calls count as well.
fn call(tokens: &[(Token, usize)], at: &mut usize) -> Option<Call> {
    let mut call = Call::default();
    match tokens.get(*at)? {
        (Token::Text(text), _) => {
            *at += 1;
            call.texts.push(text.clone());
            return Some(call);
        }
        (Token::Mark('('), _) => *at += 1,
        _ => return None,
    }
    let mut plain = true;
    let mut depth = 0_usize;
    let mut argument: Option<String> = None;
    while let Some((token, _)) = tokens.get(*at) {
        *at += 1;
        match token {
            Token::Mark(')') if depth == 0 => break,
            Token::Mark('(' | '{' | '[') => {
                plain &= depth > 0 || *token == Token::Mark('{');
                depth += 1;
            }
            Token::Mark(')' | '}' | ']') => depth = depth.saturating_sub(1),
            Token::Mark(',') if depth == 0 => {
                finish(&mut call, argument.take(), plain);
                plain = true;
            }
            Token::Text(text) if depth == 0 => argument = Some(text.clone()),
            Token::Name(name) if name == "function" => {
                // What is in it belongs to whoever reads on.
                *at -= 1;
                break;
            }
            Token::Name(name) if matches!(name.as_str(), "true" | "false") => {
                let key = match (
                    at.checked_sub(3).map(|n| &tokens[n].0),
                    at.checked_sub(2).map(|n| &tokens[n].0),
                ) {
                    (Some(Token::Name(key)), Some(Token::Mark('='))) if depth == 1 => key.clone(),
                    _ if depth == 0 => String::new(),
                    _ => continue,
                };
                call.table.insert(key, name == "true");
            }
            _ => plain &= depth > 0,
        }
    }
    finish(&mut call, argument, plain);
    Some(call)
}

fn finish(call: &mut Call, argument: Option<String>, plain: bool) {
    match argument {
        Some(text) if plain => call.texts.push(text),
        _ => call.computed |= !plain,
    }
}
