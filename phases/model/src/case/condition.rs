//! Conditions on the options of a component: what stands under `when`.

use std::fmt;

/// The words of a condition that are no options.
pub const ARCHITECTURE: &str = "{arch}";

/// True where the component needs another one.
pub const NEEDS: &str = "{needs}";

/// A condition on the options of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `NAME`: the option is on. A `*` stands for anything: one such option is given and not off.
    On(String),
    /// `NAME = PATTERN`: the option has this value.
    Is(String, String),
    /// `!CONDITION`.
    Not(Box<Condition>),
    /// `CONDITION and CONDITION`.
    All(Vec<Condition>),
    /// `CONDITION or CONDITION`.
    Any(Vec<Condition>),
}

/// What a condition is held against.
pub trait Asked {
    /// Whether an option is on.
    fn is_on(&self, name: &str) -> bool;
    /// Whether an option has a value: `on`, `off`, or a text in which `*` stands for anything.
    fn is(&self, name: &str, pattern: &str) -> bool;
}

impl Condition {
    /// Reads a condition. `!` binds before `and`, that before `or`; parentheses group.
    ///
    /// # Errors
    /// What is wrong, as a fragment: `` `)` is missing ``.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut words = Words { all: split(text), at: 0 };
        let condition = words.any()?;
        match words.next() {
            None => Ok(condition),
            Some(word) => Err(format!("expected `and`, `or` or the end, not `{word}`")),
        }
    }

    /// Whether it holds.
    pub fn holds(&self, asked: &dyn Asked) -> bool {
        match self {
            Self::On(name) => asked.is_on(name),
            Self::Is(name, pattern) => asked.is(name, pattern),
            Self::Not(condition) => !condition.holds(asked),
            Self::All(all) => all.iter().all(|condition| condition.holds(asked)),
            Self::Any(any) => any.iter().any(|condition| condition.holds(asked)),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |formatter: &mut fmt::Formatter<'_>, all: &[Self], word: &str| {
            let texts: Vec<String> = all
                .iter()
                .map(|one| match one {
                    Self::Any(_) | Self::All(_) => format!("({one})"),
                    _ => one.to_string(),
                })
                .collect();
            formatter.write_str(&texts.join(word))
        };
        match self {
            Self::On(name) => formatter.write_str(name),
            Self::Is(name, pattern) => write!(formatter, "{name} = {pattern}"),
            Self::Not(one) => match one.as_ref() {
                Self::Is(name, pattern) => write!(formatter, "{name} != {pattern}"),
                Self::On(name) => write!(formatter, "!{name}"),
                other => write!(formatter, "!({other})"),
            },
            Self::All(all) => list(formatter, all, " and "),
            Self::Any(any) => list(formatter, any, " or "),
        }
    }
}

/// Words, with parentheses and a leading `!` as words of their own.
fn split(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for mut word in text.split_whitespace() {
        while let Some(rest) = word.strip_prefix(['(', '!']).filter(|_| word != "!=") {
            words.push(&word[..1]);
            word = rest;
        }
        let inner = word.trim_end_matches(')');
        if !inner.is_empty() {
            words.push(inner);
        }
        words.extend(word[inner.len()..].split_inclusive(')'));
    }
    words
}

struct Words<'a> {
    all: Vec<&'a str>,
    at: usize,
}

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.all.get(self.at).copied()
    }

    fn next(&mut self) -> Option<&'a str> {
        let word = self.peek();
        self.at += usize::from(word.is_some());
        word
    }

    fn takes(&mut self, wanted: &str) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Condition, String> {
        let mut found = vec![self.all()?];
        while self.takes("or") {
            found.push(self.all()?);
        }
        Ok(one_or(found, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut found = vec![self.one()?];
        while self.takes("and") {
            found.push(self.one()?);
        }
        Ok(one_or(found, Condition::All))
    }

    fn one(&mut self) -> Result<Condition, String> {
        match self.next() {
            Some("!") => Ok(Condition::Not(Box::new(self.one()?))),
            Some("(") => {
                let inner = self.any()?;
                if self.takes(")") { Ok(inner) } else { Err("`)` is missing".to_owned()) }
            }
            None => Err("the name of an option is missing".to_owned()),
            Some(word @ ("and" | "or" | "=" | "!=" | ")")) => {
                Err(format!("expected the name of an option, not `{word}`"))
            }
            Some(name) => {
                let differs = self.peek() == Some("!=");
                if !differs && self.peek() != Some("=") {
                    return Ok(Condition::On(name.to_owned()));
                }
                self.at += 1;
                let pattern = self.next().ok_or_else(|| format!("the value of `{name}` is missing"))?;
                let is = Condition::Is(name.to_owned(), pattern.to_owned());
                Ok(if differs { Condition::Not(Box::new(is)) } else { is })
            }
        }
    }
}

fn one_or(mut found: Vec<Condition>, several: fn(Vec<Condition>) -> Condition) -> Condition {
    match (found.len(), found.pop()) {
        (1, Some(one)) => one,
        (_, last) => several(found.into_iter().chain(last).collect()),
    }
}

/// Whether a text is what a pattern says, in which `*` stands for anything.
pub fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|end| matches(after, end)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct These(&'static [(&'static str, &'static str)]);

    impl Asked for These {
        fn is_on(&self, name: &str) -> bool {
            self.is(name, "on")
        }

        fn is(&self, name: &str, pattern: &str) -> bool {
            self.0.iter().any(|(known, value)| *known == name && matches(pattern, value))
        }
    }

    #[test]
    fn conditions_are_read_as_they_are_written() {
        let asked = These(&[("A", "on"), ("B", "off"), ("C", "x86_64")]);
        for (text, expected) in [
            ("A", true),
            ("!A", false),
            ("B", false),
            ("B = off", true),
            ("D", false),
            ("D != off", true),
            ("C = x86_64 and !B", true),
            ("A and B or A", true),
            ("A and (B or !A)", false),
            ("!(A and B)", true),
            ("C = x86*", true),
        ] {
            let condition = Condition::parse(text).unwrap();
            assert_eq!(condition.holds(&asked), expected, "{text}");
            assert_eq!(Condition::parse(&condition.to_string()).unwrap(), condition, "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_is_told() {
        for (text, expected) in [
            ("", "the name of an option is missing"),
            ("A and", "the name of an option is missing"),
            ("A B", "expected `and`, `or` or the end, not `B`"),
            ("(A", "`)` is missing"),
            ("A )", "expected `and`, `or` or the end, not `)`"),
            ("A =", "the value of `A` is missing"),
            ("= A", "expected the name of an option, not `=`"),
        ] {
            assert_eq!(Condition::parse(text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn a_star_stands_for_anything() {
        assert!(matches("enable-lib*", "enable-libx264") && matches("*", "") && matches("a*c*", "abcd"));
        assert!(!matches("enable-lib*", "enable-gpl") && !matches("a", "ab") && matches("é*", "éa"));
    }
}
