//! The part of the shell's language that files of settings are written in: assignments, `export`, conditions on them.
//! Everything else is told with its line. Nothing is run, no file is opened, and nothing of the environment is known.

mod lexer;

use std::collections::BTreeMap;

use lexer::{Command, Part, Word, is_name};

use super::{Finding, Kind};

/// A stretch of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// What a variable has that these files do not set.
    Outside(String),
    /// Nothing, because such a variable is not set: `${NAME:-}`.
    Unset(String),
}

/// A variable that a file sets.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub pieces: Vec<Piece>,
    pub exported: bool,
    pub file: String,
    pub line: usize,
    /// The line as written.
    pub text: String,
}

impl Variable {
    /// The value, if all of it is known.
    pub fn value(&self) -> Option<String> {
        text(&self.pieces)
    }

    /// Variables of elsewhere that it is made of.
    pub fn outside(&self) -> Vec<&str> {
        let names = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Outside(name) => Some(name.as_str()),
            _ => None,
        });
        names.collect()
    }
}

fn text(pieces: &[Piece]) -> Option<String> {
    let texts = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => Some(text.as_str()),
        Piece::Unset(_) => Some(""),
        Piece::Outside(_) => None,
    });
    texts.collect()
}

/// Why a text is not words alone.
#[derive(Debug)]
pub(super) struct Unplain(pub String);

/// The words of a command line without variables or operators.
pub(super) fn plain_words(line: &str) -> Result<Vec<String>, Unplain> {
    let commands = lexer::commands(line);
    let [command] = commands.as_slice() else {
        return Err(Unplain("it is more than one command".to_owned()));
    };
    if let Some(why) = &command.beyond {
        return Err(Unplain(why.clone()));
    }
    command
        .words
        .iter()
        .map(|word| word.literal().ok_or_else(|| Unplain(format!("`{}` is not plain text", word.raw))))
        .collect()
}

/// What a condition comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Truth {
    Holds,
    Fails,
    /// Only known elsewhere: what it asks, in words.
    Elsewhere(String),
}

/// An open block.
enum Block {
    If {
        now: Truth,
        done: bool,
    },
    /// One that is not followed, with what ends it.
    Closed {
        what: &'static str,
        until: &'static str,
    },
}

/// Reads files one after another, as `source` would.
#[derive(Default)]
pub(super) struct Reader {
    /// In the order in which they were last set.
    pub variables: BTreeMap<String, Variable>,
    pub findings: Vec<Finding>,
    /// Values that only some machines get: name, and where.
    pub conditional: Vec<(String, Finding)>,
    file: String,
    blocks: Vec<Block>,
}

/// Commands that set nothing.
const WITHOUT_EFFECT: [&str; 6] = ["echo", "printf", ":", "true", "set", "shopt"];

impl Reader {
    pub fn read(&mut self, file: &str, text: &str) {
        file.clone_into(&mut self.file);
        self.blocks.clear();
        let lines: Vec<&str> = text.lines().collect();
        let commands = lexer::commands(text);
        for command in &commands {
            let line = lines.get(command.line - 1).copied().unwrap_or_default().trim();
            // `a && b`, `a | b`: all of it or nothing.
            let joined = command.joined || command.joins;
            self.command(command, line, joined);
        }
        if !self.blocks.is_empty() {
            let last = lines.len();
            self.tell(last, "", "a block is not closed: it is read up to here".to_owned());
        }
    }

    fn tell(&mut self, line: usize, text: &str, why: String) {
        let told =
            |finding: &Finding| finding.file == self.file && finding.line == line && finding.why == why;
        if !self.findings.iter().any(told) {
            self.findings.push(Finding {
                kind: Kind::Unread,
                file: self.file.clone(),
                line,
                text: text.to_owned(),
                why,
            });
        }
    }

    /// Whether commands count here: yes, no, or only on some machines.
    fn here(&self) -> Truth {
        let mut here = Truth::Holds;
        for block in &self.blocks {
            match block {
                Block::If { now: Truth::Fails, .. } => return Truth::Fails,
                Block::If { now: Truth::Elsewhere(what), .. } => here = Truth::Elsewhere(what.clone()),
                _ => {}
            }
        }
        here
    }

    fn command(&mut self, command: &Command, line: &str, joined: bool) {
        let first = command.words.first().map_or("", |word| word.raw.as_str());
        if let Some(Block::Closed { what, until }) = self.blocks.last() {
            let (what, ends) = (*what, first == *until);
            self.tell(command.line, line, format!("it is part of a {what}, which is not read"));
            if ends {
                self.blocks.pop();
            } else if let Some((what, until)) = opens(command) {
                self.blocks.push(Block::Closed { what, until });
            } else if first == "if" {
                self.blocks.push(Block::Closed { what: "condition", until: "fi" });
            }
            return;
        }
        if let Some((what, until)) = opens(command) {
            self.tell(command.line, line, format!("it is part of a {what}, which is not read"));
            if !command.words.iter().any(|word| word.raw == until) {
                self.blocks.push(Block::Closed { what, until });
            }
            return;
        }
        match first {
            "if" => {
                let now = if joined {
                    Truth::Elsewhere(condition_text(&command.words[1..]))
                } else {
                    self.truth(command)
                };
                let done = now == Truth::Holds;
                self.blocks.push(Block::If { now, done });
            }
            "elif" => {
                let asked = self.truth(command);
                if let Some(Block::If { now, done }) = self.blocks.last_mut() {
                    *now = match (&*now, asked) {
                        _ if *done => Truth::Fails,
                        // The branch before may be taken or not: so may this one.
                        (Truth::Elsewhere(what), Truth::Holds) => Truth::Elsewhere(format!("not {what}")),
                        (_, asked) => asked,
                    };
                    *done |= *now == Truth::Holds;
                }
            }
            "else" => {
                if let Some(Block::If { now, done }) = self.blocks.last_mut() {
                    *now = match &*now {
                        _ if *done => Truth::Fails,
                        Truth::Elsewhere(what) => Truth::Elsewhere(format!("not {what}")),
                        _ => Truth::Holds,
                    };
                }
                self.rest(command, line, joined);
            }
            "then" => {
                // What follows `if a && b` is on its own again.
                self.rest(command, line, false);
            }
            "fi" => {
                self.blocks.pop();
            }
            // The second half of `if [ a ] && [ b ]; then`.
            "[" | "[[" | "test" if joined => {}
            "" => {
                if let Some(why) = &command.beyond {
                    self.tell(command.line, line, why.clone());
                }
            }
            _ => self.plain(&command.words, command, line, joined),
        }
    }

    /// What stands on the line of a `then` or an `else`.
    fn rest(&mut self, command: &Command, line: &str, joined: bool) {
        if command.words.len() > 1 {
            self.plain(&command.words[1..], command, line, joined);
        }
    }

    fn plain(&mut self, words: &[Word], command: &Command, line: &str, joined: bool) {
        let here = self.here();
        if here == Truth::Fails {
            return;
        }
        let Some(first) = words.first() else { return };
        let without_effect = WITHOUT_EFFECT.contains(&first.raw.as_str())
            && command.beyond.is_none()
            && !words.iter().any(Word::assigns_by_default);
        if without_effect {
            return;
        }
        if let Some(why) = &command.beyond {
            return self.tell(command.line, line, why.clone());
        }
        if joined {
            return self.tell(
                command.line,
                line,
                "commands joined with `&&`, `||` or `|` are not followed".to_owned(),
            );
        }
        match first.raw.as_str() {
            ":" => {
                for word in words {
                    self.defaults(word, line, command.line);
                }
            }
            "export" | "readonly" => {
                self.declare(&words[1..], first.raw == "export", command.line, line, &here)
            }
            "declare" | "typeset" if words.get(1).is_some_and(|word| word.raw == "-x") => {
                self.declare(&words[2..], true, command.line, line, &here);
            }
            "unset" if here == Truth::Holds => {
                for word in &words[1..] {
                    self.variables.remove(&word.raw);
                }
            }
            "source" | "." => {
                self.tell(command.line, line, "it reads another file, which is not read".to_owned())
            }
            _ if words.iter().all(|word| word.assignment().is_some()) => {
                for word in words {
                    self.assign(word, false, command.line, line, &here);
                }
            }
            _ => {
                let what = first.literal().unwrap_or_else(|| first.raw.clone());
                let why = if first.assignment().is_some() || !what.chars().all(|c| c.is_ascii_graphic()) {
                    "it runs a command, and import runs nothing".to_owned()
                } else {
                    format!("`{what}` is not an assignment: it runs a command, and import runs nothing")
                };
                self.tell(command.line, line, why);
            }
        }
    }

    fn declare(&mut self, words: &[Word], exported: bool, number: usize, line: &str, here: &Truth) {
        for word in words {
            if word.assignment().is_some() {
                self.assign(word, exported, number, line, here);
            } else if is_name(&word.raw) {
                if let Some(variable) = self.variables.get_mut(&word.raw) {
                    variable.exported |= exported;
                }
            } else {
                self.tell(number, line, format!("`{}` is not an assignment", word.raw));
            }
        }
    }

    fn assign(&mut self, word: &Word, exported: bool, number: usize, line: &str, here: &Truth) {
        let Some((name, append, parts)) = word.assignment() else { return };
        let pieces = match self.expand(&parts) {
            Ok(pieces) => pieces,
            Err(why) => return self.tell(number, line, why),
        };
        if let Truth::Elsewhere(what) = here {
            let why = format!("its condition is only known at run time ({what}): it is skipped");
            let finding = Finding {
                kind: Kind::Unread,
                file: self.file.clone(),
                line: number,
                text: line.to_owned(),
                why,
            };
            self.conditional.push((name.to_owned(), finding));
            return;
        }
        let before = self.variables.get(name);
        let exported = exported || before.is_some_and(|variable| variable.exported);
        let pieces = match (append, before) {
            (true, Some(variable)) => variable.pieces.iter().cloned().chain(pieces).collect(),
            (true, None) => std::iter::once(Piece::Outside(name.to_owned())).chain(pieces).collect(),
            _ => pieces,
        };
        let variable =
            Variable { pieces, exported, file: self.file.clone(), line: number, text: line.to_owned() };
        self.variables.insert(name.to_owned(), variable);
    }

    /// `: "${NAME:=default}"`.
    fn defaults(&mut self, word: &Word, line: &str, number: usize) {
        for part in &word.parts {
            let Part::Variable { name, default: Some(default), assigns: true, .. } = part else { continue };
            if self.variables.contains_key(name) {
                continue;
            }
            match self.expand(default) {
                Ok(pieces) => {
                    let variable = Variable {
                        pieces,
                        exported: false,
                        file: self.file.clone(),
                        line: number,
                        text: line.to_owned(),
                    };
                    self.variables.insert(name.clone(), variable);
                }
                Err(why) => self.tell(number, line, why),
            }
        }
    }

    fn expand(&self, parts: &[Part]) -> Result<Vec<Piece>, String> {
        let mut pieces = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => pieces.push(Piece::Text(text.clone())),
                Part::Beyond(why) => return Err(why.clone()),
                Part::Variable { name, default, .. } => match (self.variables.get(name), default) {
                    (Some(variable), Some(default))
                        if variable.value().is_some_and(|value| value.is_empty()) =>
                    {
                        pieces.extend(self.expand(default)?);
                    }
                    (Some(variable), _) => pieces.extend(variable.pieces.iter().cloned()),
                    (None, Some(default)) if default.is_empty() => pieces.push(Piece::Unset(name.clone())),
                    (None, Some(default)) => pieces.extend(self.expand(default)?),
                    (None, None) => pieces.push(Piece::Outside(name.clone())),
                },
            }
        }
        Ok(pieces)
    }

    /// `if [ A = B ]`, `-n`, `-z` on what these files say; everything else is only known elsewhere.
    fn truth(&self, command: &Command) -> Truth {
        let words = command.words.get(1..).unwrap_or_default();
        let elsewhere = || Truth::Elsewhere(condition_text(words));
        if command.beyond.is_some() {
            return elsewhere();
        }
        let inner = match words {
            [open, inner @ .., close] if open.raw == "[" && close.raw == "]" => inner,
            [open, inner @ .., close] if open.raw == "[[" && close.raw == "]]" => inner,
            [open, inner @ ..] if open.raw == "test" => inner,
            _ => return elsewhere(),
        };
        let known = |word: &Word| {
            let pieces = self.expand(&word.parts).ok()?;
            let outside = pieces.iter().any(|piece| !matches!(piece, Piece::Text(_)));
            if outside { None } else { text(&pieces) }
        };
        let (negated, inner) = match inner {
            [not, rest @ ..] if not.raw == "!" => (true, rest),
            _ => (false, inner),
        };
        let holds = match inner {
            [left, sign, right] if ["=", "==", "!="].contains(&sign.raw.as_str()) => {
                match (known(left), known(right)) {
                    (Some(left), Some(right)) => Some((left == right) == (sign.raw != "!=")),
                    _ => None,
                }
            }
            [sign, word] if sign.raw == "-n" => known(word).map(|value| !value.is_empty()),
            [sign, word] if sign.raw == "-z" => known(word).map(|value| value.is_empty()),
            _ => None,
        };
        match holds {
            Some(holds) if holds != negated => Truth::Holds,
            Some(_) => Truth::Fails,
            None => elsewhere(),
        }
    }
}

fn condition_text(words: &[Word]) -> String {
    words.iter().map(|word| word.raw.as_str()).collect::<Vec<_>>().join(" ")
}

/// A block that is not followed: what it is called, and the word that ends it.
fn opens(command: &Command) -> Option<(&'static str, &'static str)> {
    let first = command.words.first().map_or("", |word| word.raw.as_str());
    match first {
        "for" | "while" | "until" | "select" => Some(("loop", "done")),
        "case" => Some(("choice", "esac")),
        "{" => Some(("group", "}")),
        "function" => Some(("function", "}")),
        name if name.ends_with("()") => Some(("function", "}")),
        _ if command.words.get(1).is_some_and(|word| word.raw == "()") => Some(("function", "}")),
        _ => None,
    }
}
