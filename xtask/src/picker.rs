//! Choosing a case where none was named.

use std::fmt;
use std::io::{BufRead, Write};

use inquire::{InquireError, Select};
use model::case::Overrides;
use model::exit;
use model::visible::visible;
use unicode_width::UnicodeWidthStr;

use crate::cases;
use crate::error::{Error, Result};
use crate::out::say;

/// In the place of a description.
pub fn unreadable(name: &str) -> String {
    format!("(has mistakes: `{} case check {name}` lists them)", crate::invocation::program())
}

/// Lines of the terminal that are not for cases: the question, the help, and where the cursor was.
const OTHER_LINES: usize = 4;
/// More cases at once are rather searched than read.
const MOST_AT_ONCE: usize = 20;
/// The mark before a case, and the blanks between its name and its description.
const MARGIN: usize = 4;

/// The description of a case, or what is wrong with it.
pub fn description(name: &str) -> Result<String> {
    let found = cases::find(name)?;
    let overrides = Overrides { default_name: found.name.clone(), ..Overrides::default() };
    let recipes = crate::recipes::all();
    let mut parent = |wanted: &str, child: &str| cases::parent(wanted, child);
    model::case::load(found.file, &mut parent, &overrides, &recipes)
        .map(|loaded| loaded.case.metadata.description)
        .map_err(|diagnostics| Error::of_case(exit::BAD_CASE, diagnostics))
}

/// A case to choose.
struct Choice {
    name: String,
    description: String,
    /// As it stands in the list.
    line: String,
}

impl fmt::Display for Choice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.line)
    }
}

/// Asks on a terminal; elsewhere says what to type.
pub fn pick(on_terminal: bool) -> Result<String> {
    if !on_terminal {
        return Err(Error::usage("no case is given").with_help(format!(
            "add its name, or set INSTALLER_CASE; there are: {}",
            cases::names().join(", ")
        )));
    }
    let simple = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    loop {
        let (columns, rows) = size();
        let choices = choices(columns);
        let name = if simple { by_number(&choices)? } else { by_arrows(choices, columns, rows)? };
        match description(&name) {
            Ok(_) => return Ok(name),
            // Another one may be well.
            Err(error) => say(&format!("{}\n", error.among_others())),
        }
    }
}

fn size() -> (usize, usize) {
    let size = terminal_size::terminal_size_of(std::io::stderr());
    size.map_or((80, 24), |(width, height)| (width.0.into(), height.0.into()))
}

/// One's own cases first, then those in the binary.
fn choices(columns: usize) -> Vec<Choice> {
    let listed = cases::listed();
    let longest = listed.iter().map(|listed| listed.name.width()).max().unwrap_or(0);
    listed
        .into_iter()
        .map(|listed| {
            let description = description(&listed.name).unwrap_or_else(|_| unreadable(&listed.name));
            let description = visible(&description).into_owned();
            let line = line(&visible(&listed.name), &description, longest, columns);
            Choice { name: listed.name, description, line }
        })
        .collect()
}

/// A name with as much of its description as a line has room for. Where names take most of it, there is none.
fn line(name: &str, description: &str, longest: usize, columns: usize) -> String {
    let column = longest.min(columns / 2).max(name.width());
    let text = fitted(description, columns.saturating_sub(column + MARGIN + 1));
    let blanks = " ".repeat(column - name.width());
    format!("{name}{blanks}  {text}").trim_end().to_owned()
}

/// The beginning of a text, cut between two words.
fn fitted(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut fitted = String::new();
    for word in text.split_whitespace() {
        // The dots want a place of their own.
        let blank = usize::from(!fitted.is_empty());
        if fitted.width() + blank + word.width() + " …".width() > columns {
            break;
        }
        if blank == 1 {
            fitted.push(' ');
        }
        fitted.push_str(word);
    }
    if fitted.is_empty() { fitted } else { fitted + " …" }
}

fn by_arrows(choices: Vec<Choice>, columns: usize, rows: usize) -> Result<String> {
    let help = match columns {
        0..60 => "type to filter, Esc to leave",
        _ => "arrows to move, type to filter, Enter to choose, Esc to leave",
    };
    let asked = Select::new("Which case?", choices)
        .with_scorer(&|typed, choice, _, at| score(typed, choice, at))
        .with_formatter(&|chosen| visible(&chosen.value.name).into_owned())
        .with_help_message(help)
        .with_page_size(rows.saturating_sub(OTHER_LINES).clamp(3, MOST_AT_ONCE))
        .prompt();
    match asked {
        Ok(choice) => Ok(choice.name),
        Err(InquireError::OperationCanceled | InquireError::OperationInterrupted) => Err(left()),
        Err(error) => Err(Error::internal(format!("failed to ask on the terminal: {error}"))
            .with_help("name the case: `installer all CASE`")),
    }
}

fn left() -> Error {
    Error::new(exit::CANCELLED, "no case was chosen").with_help("`installer case list` lists them all")
}

/// Every word that was typed has to be in the name or the description; a name that begins with it comes first.
fn score(typed: &str, choice: &Choice, at: usize) -> Option<i64> {
    let typed = typed.to_lowercase();
    let (name, description) = (choice.name.to_lowercase(), choice.description.to_lowercase());
    let all = typed.split_whitespace().all(|word| name.contains(word) || description.contains(word));
    let rank = match typed.trim() {
        "" => 0,
        whole if name.starts_with(whole) => 3,
        whole if name.contains(whole) => 2,
        _ => 1,
    };
    // What ranks the same keeps its order.
    all.then(|| rank * 1_000_000 - i64::try_from(at).unwrap_or(i64::MAX))
}

/// A list with numbers, where the terminal has no cursor that could move.
fn by_number(choices: &[Choice]) -> Result<String> {
    let asking = |error| Error::internal(format!("failed to ask on the terminal: {error}"));
    let mut err = std::io::stderr().lock();
    for (number, choice) in choices.iter().enumerate() {
        writeln!(err, "{:>3} {}", number + 1, choice.line).map_err(asking)?;
    }
    loop {
        write!(err, "Which case (number or name)? ").and_then(|()| err.flush()).map_err(asking)?;
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line).map_err(asking)? == 0 {
            return Err(left());
        }
        let answer = line.trim();
        let by_number = answer.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
        if let Some(choice) = by_number.or_else(|| choices.iter().find(|choice| choice.name == answer)) {
            return Ok(choice.name.clone());
        }
        writeln!(err, "`{}` is not in the list.", visible(answer)).map_err(asking)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_cut_between_words_and_fit() {
        let text = "FFmpeg with x264 and x265, für größere Häuser";
        for columns in 0..60 {
            let cut = fitted(text, columns);
            assert!(cut.width() <= columns, "{columns}: {cut}");
            let kept = cut.trim_end_matches(" …");
            let next = text[kept.len()..].chars().next();
            assert!(
                text.starts_with(kept) && next.is_none_or(char::is_whitespace) || kept.is_empty(),
                "{cut}"
            );
        }
        assert_eq!(fitted(text, 26), "FFmpeg with x264 and …");
        assert_eq!(fitted(text, 100), text);
        for columns in [20, 40, 80] {
            let line = line("quickstart", text, 30, columns);
            assert!(line.width() < columns, "{columns}: {line}");
        }
    }

    #[test]
    fn what_is_typed_filters_and_names_come_before_descriptions() {
        let choice = |name: &str, description: &str| Choice {
            name: name.to_owned(),
            description: description.to_owned(),
            line: String::new(),
        };
        let choices =
            [choice("with-ffmpeg", "a"), choice("vision", "OpenCV with FFmpeg"), choice("ffmpeg-full", "b")];
        let found = |typed: &str| {
            let mut found: Vec<_> = choices
                .iter()
                .enumerate()
                .filter_map(|(at, choice)| Some((score(typed, choice, at)?, choice.name.as_str())))
                .collect();
            found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
            found.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
        };
        assert_eq!(found(""), ["with-ffmpeg", "vision", "ffmpeg-full"]);
        assert_eq!(found("FFM"), ["ffmpeg-full", "with-ffmpeg", "vision"]);
        assert_eq!(found("opencv ffmpeg"), ["vision"]);
        assert_eq!(found("nothing"), Vec::<&str>::new());
    }
}
