//! What is wrong with a case, shown at its place in the text.

use std::fmt;

use unicode_width::UnicodeWidthChar;

pub use crate::nearest::nearest;
use crate::visible::{is_obeyed, sign};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, as a lower-case fragment that names the thing.
    pub message: String,
    /// Where, if it has a place.
    pub place: Option<Location>,
    /// What to do.
    pub help: Option<String>,
}

/// A stretch of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file as messages show it, or the flag.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Characters that are marked, at least one.
    pub width: usize,
    /// The whole line, without its end.
    pub text: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.render("error", formatter)
    }
}

/// What does not stop anything, shown like an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning(pub Diagnostic);

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.render("warning", formatter)
    }
}

/// The columns that a tab is shown with.
const TAB: usize = 4;

impl Diagnostic {
    fn render(&self, level: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{level}: {}", self.message)?;
        let mut margin = String::from(" ");
        if let Some(place) = &self.place {
            let number = place.line.to_string();
            margin = " ".repeat(number.len() + 1);
            // A tab has no width of its own; the caret must stand below what it marks.
            let mut shown = String::new();
            let mut indent = 0;
            let mut marked = 0;
            // What a terminal would obey shows as a sign, which has a width.
            let signs = place.text.chars().map(|one| if is_obeyed(one) { sign(one) } else { one });
            for (index, character) in signs.enumerate() {
                // In columns of a terminal: wide characters take two, combining marks none.
                let width = if character == '\t' { TAB } else { character.width().unwrap_or(0) };
                if character == '\t' {
                    shown.push_str(&" ".repeat(TAB));
                } else {
                    shown.push(character);
                }
                if index + 1 < place.column {
                    indent += width;
                } else if index + 1 < place.column + place.width {
                    marked += width;
                }
            }
            write!(
                formatter,
                "\n{margin}--> {}:{}:{}\n{margin} |\n {number} | {shown}\n{margin} | {}{}",
                place.file,
                place.line,
                place.column,
                " ".repeat(indent),
                "^".repeat(marked.max(1)),
            )?;
        }
        if let Some(help) = &self.help {
            write!(formatter, "\n{margin} = help: {help}")?;
        }
        Ok(())
    }
}

/// All that is wrong, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n\n")?;
            }
            diagnostic.fmt(formatter)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

/// "did you mean `x`?", or the list of what is known.
pub(super) fn suggest<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
    what: &str,
) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(word, known.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    if known.is_empty() {
        return None;
    }
    let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    Some(format!("{what}: {}", names.join(", ")))
}
