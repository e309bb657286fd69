//! Under which conditions a line of a project file counts.

use serde::{Deserialize, Serialize};

use super::lua::Token;

/// What must hold for a line to count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// One of these options is on.
    AnyOn(Vec<String>),
    /// None of these options is on.
    NoneOn(Vec<String>),
    /// It holds on Linux.
    Always,
    /// It does not hold on Linux.
    Never,
    /// It cannot be told.
    Unknown,
}

impl Condition {
    /// Whether it holds, if that can be told.
    pub fn holds(&self, is_on: &dyn Fn(&str) -> Option<bool>) -> Option<bool> {
        let any = |names: &[String]| {
            let answers: Vec<Option<bool>> = names.iter().map(|name| is_on(name)).collect();
            if answers.contains(&Some(true)) {
                Some(true)
            } else if answers.contains(&None) {
                None
            } else {
                Some(false)
            }
        };
        match self {
            Self::AnyOn(names) => any(names),
            Self::NoneOn(names) => any(names).map(|on| !on),
            Self::Always => Some(true),
            Self::Never => Some(false),
            Self::Unknown => None,
        }
    }

    fn negated(&self) -> Self {
        match self {
            Self::AnyOn(names) => Self::NoneOn(names.clone()),
            Self::NoneOn(names) => Self::AnyOn(names.clone()),
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::Unknown => Self::Unknown,
        }
    }

    /// The condition between `if` and `then`.
    fn of(tokens: &[&Token]) -> Self {
        if let [Token::Name(not), rest @ ..] = tokens {
            if not == "not" {
                return Self::of(rest).negated();
            }
        }
        let [Token::Name(asked), Token::Mark('('), arguments @ .., Token::Mark(')')] = tokens else {
            return Self::Unknown;
        };
        let mut names = Vec::new();
        for argument in arguments {
            match argument {
                Token::Text(text) => names.push(text.clone()),
                Token::Mark(',') => {}
                _ => return Self::Unknown,
            }
        }
        let one_of = |known: &[&str]| names.iter().any(|name| known.contains(&name.as_str()));
        match asked.as_str() {
            "has_config" => Self::AnyOn(names),
            "is_plat" | "is_os" | "is_host" if one_of(&["linux"]) => Self::Always,
            "is_plat" | "is_os" | "is_host" => Self::Never,
            _ => Self::Unknown,
        }
    }
}

/// The blocks that are open at a line.
pub(super) struct Blocks {
    outer: Vec<Condition>,
    open: Vec<Vec<Condition>>,
}

impl Blocks {
    pub(super) fn new(outer: &[Condition]) -> Self {
        Self { outer: outer.to_vec(), open: Vec::new() }
    }

    /// What must hold here.
    pub(super) fn open(&self) -> Vec<Condition> {
        self.outer
            .iter()
            .chain(self.open.iter().flatten())
            .filter(|one| **one != Condition::Always)
            .cloned()
            .collect()
    }

    /// Whether a name is a keyword that opens or ends a block; `at` is then behind what belongs to it.
    pub(super) fn keyword(&mut self, name: &str, tokens: &[(Token, usize)], at: &mut usize) -> bool {
        match name {
            "if" => {
                let condition = until_then(tokens, at);
                self.open.push(vec![condition]);
            }
            "elseif" => {
                let condition = until_then(tokens, at);
                self.turn(condition);
            }
            "else" => self.turn(Condition::Always),
            // A body of `for` and `while` is opened by their `do`.
            "function" | "do" | "repeat" => self.open.push(vec![Condition::Unknown]),
            "end" | "until" => {
                self.open.pop();
            }
            _ => return false,
        }
        true
    }

    /// The next branch: what held before does not.
    fn turn(&mut self, next: Condition) {
        if let Some(block) = self.open.last_mut() {
            if let Some(last) = block.last_mut() {
                *last = last.negated();
            }
            block.push(next);
        }
    }
}

fn until_then(tokens: &[(Token, usize)], at: &mut usize) -> Condition {
    let start = *at;
    while tokens.get(*at).is_some_and(|(token, _)| *token != Token::Name("then".to_owned())) {
        *at += 1;
    }
    let inside: Vec<&Token> =
        tokens.get(start..*at).unwrap_or_default().iter().map(|(token, _)| token).collect();
    *at += 1;
    Condition::of(&inside)
}
