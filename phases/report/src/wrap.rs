//! Long lines on a terminal: broken between words, and indented so that one sees what belongs together.

use unicode_width::UnicodeWidthChar;

/// How many columns a text with colours takes.
fn visible(text: &str) -> usize {
    let mut columns = 0;
    let mut escape = false;
    for character in text.chars() {
        match character {
            '\x1b' => escape = true,
            'm' if escape => escape = false,
            _ if escape => {}
            other => columns += other.width().unwrap_or(0),
        }
    }
    columns
}

/// A line as lines of at most `columns`, the second and later ones behind `indent`. A word that is longer than a line
/// keeps its length, and so does a command between backticks: it is there to be pasted.
pub fn line(line: &str, columns: usize, indent: &str) -> Vec<String> {
    if visible(line) <= columns {
        return vec![line.to_owned()];
    }
    let indent = if visible(indent) * 2 > columns { "  " } else { indent };
    let start = line.len() - line.trim_start_matches(' ').len();
    let mut lines = Vec::new();
    let mut present = line[..start].to_owned();
    let mut has_words = false;
    for word in words(&line[start..]) {
        if has_words && visible(&present) + 1 + visible(word.trim_end()) > columns {
            lines.push(std::mem::replace(&mut present, indent.to_owned()).trim_end().to_owned());
            has_words = false;
        }
        if has_words {
            present.push(' ');
        }
        present.push_str(word);
        has_words = true;
    }
    lines.push(present.trim_end().to_owned());
    lines
}

/// Whether a number and its unit would be parted: `2.1 s`, `81 MiB`.
fn is_measure(before: &str, after: &str) -> bool {
    let unit = after.split([' ', ',', ';', ')']).next().unwrap_or_default();
    let number = before.trim_start_matches('(').starts_with(|first: char| first.is_ascii_digit());
    number && matches!(unit, "s" | "ms" | "min" | "B" | "KiB" | "MiB" | "GiB" | "TiB")
}

/// Splits at single spaces that stand between no backticks and in no measure.
fn words(text: &str) -> Vec<&str> {
    let paired = text.matches('`').count() % 2 == 0;
    let (mut quoted, mut from) = (false, 0);
    let mut words = Vec::new();
    for (at, character) in text.char_indices() {
        match character {
            '`' if paired => quoted = !quoted,
            ' ' if !quoted && !is_measure(&text[from..at], &text[at + 1..]) => {
                words.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    words.push(&text[from..]);
    words
}

/// Each line of a report, wrapped: what belongs to a line is indented further than it, and an excerpt keeps its bar.
/// Command lines stay as they are.
pub fn report(text: &str, columns: usize) -> String {
    let mut out = String::new();
    for whole in text.lines() {
        let rest = whole.trim_start();
        let leading = whole.len() - rest.len();
        let indent = match rest.split(' ').next().unwrap_or_default() {
            "help:" | "logs:" | "next:" => leading + 6,
            // The row of a component: under its name.
            word if word.starts_with(|first: char| first.is_ascii_digit()) => 14,
            _ => leading + 2,
        };
        let lines = if rest.starts_with("command:") {
            vec![whole.to_owned()]
        } else if let Some(excerpt) = rest.strip_prefix("| ") {
            let bar = &whole[..leading + 2];
            let lines = line(excerpt, columns.saturating_sub(leading + 2), "    ");
            lines.iter().map(|line| format!("{bar}{line}")).collect()
        } else {
            line(whole, columns, &" ".repeat(indent))
        };
        for line in lines {
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_are_indented() {
        let told = "    warning: a repository did not answer";
        assert_eq!(line(told, 24, "      "), ["    warning: a", "      repository did not", "      answer"]);
        assert_eq!(line(told, 80, "      "), [told]);
        assert_eq!(
            line("a /a/path/longer/than/that b", 10, "  "),
            ["a", "  /a/path/longer/than/that", "  b"]
        );
    }

    #[test]
    fn a_command_to_paste_is_not_broken_and_colours_take_no_room() {
        let told = "next: `installer build --case mine` goes on";
        assert_eq!(line(told, 20, "  "), ["next:", "  `installer build --case mine`", "  goes on"]);
        assert_eq!(line("\x1b[33mwarning:\x1b[0m all well", 17, "  "), ["\x1b[33mwarning:\x1b[0m all well"]);
        assert_eq!(line("it`s all well", 8, "  "), ["it`s all", "  well"]);
        assert_eq!(line("stage 2.1 s, all", 9, "  "), ["stage", "  2.1 s,", "  all"]);
    }

    #[test]
    fn a_report_keeps_what_is_to_be_pasted_and_the_bar_of_an_excerpt() {
        let text = "  command: cd '/x' && make all of it\n    | an error: of this kind\n  help: install the package it wants\n";
        assert_eq!(
            report(text, 22),
            "  command: cd '/x' && make all of it\n    | an error: of\n    |     this kind\n  help: install the\n        package it\n        wants\n"
        );
    }
}
