//! What is wrong with a case, shown with the line and a caret.

use std::fmt::{self, Write as _};

use unicode_width::UnicodeWidthChar;

use super::tree::{Place, Text, Texts};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What.
    pub message: String,
    /// Where; none when it is about no text (a parent that cannot be read, say).
    pub place: Option<Place>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A new one about a place.
    pub fn new(place: Place, message: String) -> Self {
        Self { message, place: Some(place), help: None }
    }

    /// With advice.
    #[must_use]
    pub fn help(mut self, help: String) -> Self {
        self.help = Some(help);
        self
    }

    pub(crate) fn line_in(&self, source: &str) -> usize {
        let start = self.place.map_or(0, |place| place.start.min(source.len()));
        source.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count()
    }

    /// The message, the line with a caret below, and the advice; ends with a line break.
    pub fn render(&self, texts: &[Text]) -> String {
        let mut out = format!("error: {}\n", self.message);
        let text = self.place.and_then(|place| texts.get(place.text).map(|text| (place, text)));
        let mut gutter = 2;
        // Writing into a String cannot fail.
        if let Some((place, text)) = text {
            let (number, column) = place.line_and_column(texts);
            let number = if text.is_file { number.to_string() } else { String::new() };
            gutter = number.len().max(2);
            let at = if text.is_file { format!(":{number}:{column}") } else { String::new() };
            let _ = writeln!(out, "{:gutter$}--> {}{at}", "", text.name);
            let (line, marks) = line_and_marks(&text.text, place);
            let _ = writeln!(out, "{:gutter$} |", "");
            let _ = writeln!(out, "{number:>gutter$} | {line}");
            let _ = writeln!(out, "{:gutter$} | {marks}", "");
        }
        if let Some(help) = &self.help {
            let _ = writeln!(out, "{:gutter$} = help: {help}", "");
        }
        out
    }
}

/// The line in which a place begins, as it can be shown, and the carets below it.
fn line_and_marks(source: &str, place: Place) -> (String, String) {
    let start = floor(source, place.start);
    let line_start = source[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = source[start..].find('\n').map_or(source.len(), |newline| start + newline);
    let end = floor(source, place.end.min(line_end));
    let (mut line, mut before, mut marked) = (String::new(), 0, 0);
    for (offset, character) in source[line_start..line_end].char_indices() {
        let at = line_start + offset;
        let (shown, width) = match character {
            '\t' => ("    ".to_owned(), 4),
            '\r' => continue,
            control if control.is_control() => ("�".to_owned(), 1),
            other => (other.to_string(), other.width().unwrap_or(1)),
        };
        line.push_str(&shown);
        if at < start {
            before += width;
        } else if at < end {
            marked += width;
        }
    }
    let marks = format!("{}{}", " ".repeat(before), "^".repeat(marked.max(1)));
    (line.trim_end().to_owned(), marks)
}

fn floor(source: &str, index: usize) -> usize {
    let index = index.min(source.len());
    (0..=index).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0)
}

/// All that is wrong with a case, with the texts that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseErrors {
    /// What is wrong, in the order of the text; never empty.
    pub diagnostics: Vec<Diagnostic>,
    /// What it is about.
    pub texts: Texts,
}

impl CaseErrors {
    pub(crate) fn new(mut diagnostics: Vec<Diagnostic>, texts: Texts) -> Self {
        diagnostics.sort_by_key(|diagnostic| diagnostic.place.map(|place| (place.text, place.start)));
        Self { diagnostics, texts }
    }
}

impl fmt::Display for CaseErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, diagnostic) in self.diagnostics.iter().enumerate() {
            if number > 0 {
                formatter.write_char('\n')?;
            }
            formatter.write_str(&diagnostic.render(&self.texts))?;
        }
        Ok(())
    }
}

impl std::error::Error for CaseErrors {}
