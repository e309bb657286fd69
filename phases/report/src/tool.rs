//! What tools said, coloured as compilers colour it on a terminal: they see a pipe, and leave it to us.

use crate::style::Style;

/// Words with which a tool says that something is wrong.
const ERRORS: &[&str] = &[
    "fatal error:",
    "internal compiler error:",
    "CMake Error",
    "configure: error:",
    "undefined reference to",
    "multiple definition of",
    "cannot find -l",
    "error:",
    "ERROR:",
    "Error:",
    "FAILED:",
    "fatal:",
];
const WARNINGS: &[&str] = &["CMake Warning", "warning:", "WARNING:"];

/// Where a word begins, and how long it is.
type Word = (usize, usize);
type Paint = fn(Style, &str) -> String;

/// A line with its error, warning or note in colour, and the place before it in bold.
pub(crate) fn painted(line: &str, style: Style) -> String {
    let first = |words: &[&str]| {
        words.iter().filter_map(|word| Some((begins(line, word)?, word.len()))).min_by_key(|(at, _)| *at)
    };
    // rustc and cargo say `error[E0432]:`.
    let of_rust = line.starts_with("error[").then(|| line.find("]:").map(|end| (0, end + 2))).flatten();
    let kinds: [(Option<Word>, Paint); 3] = [
        (of_rust.or_else(|| first(ERRORS)), Style::red),
        (first(WARNINGS), Style::yellow),
        (first(&["note:"]), Style::cyan),
    ];
    let earliest = kinds
        .iter()
        .filter_map(|(found, paint)| Some((found.as_ref()?, paint)))
        .min_by_key(|(found, _)| found.0);
    let Some((&(at, length), paint)) = earliest else { return line.to_owned() };
    let (before, rest) = line.split_at(at);
    let (word, after) = rest.split_at(length);
    let place = before.trim_end();
    let blanks = &before[place.len()..];
    let place = if is_place(place) { style.bold(place) } else { place.to_owned() };
    format!("{place}{blanks}{}{after}", paint(style, word))
}

/// Where the word stands by itself.
fn begins(line: &str, word: &str) -> Option<usize> {
    line.match_indices(word).map(|(at, _)| at).find(|at| {
        line[..*at]
            .chars()
            .next_back()
            .is_none_or(|before| before.is_whitespace() || ":(`'\"".contains(before))
    })
}

/// `src/a.c:3:7:`.
fn is_place(text: &str) -> bool {
    text.ends_with(':') && !text.contains(' ') && text.len() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_coloured_as_their_tools_do_it() {
        let shown = |line: &str| {
            painted(line, Style::Colour)
                .replace("\x1b[1;31m", "<red>")
                .replace("\x1b[33m", "<yellow>")
                .replace("\x1b[36m", "<cyan>")
                .replace("\x1b[1m", "<bold>")
                .replace("\x1b[0m", "</>")
        };
        for (line, expected) in [
            (
                "a.c:7:10: fatal error: x.h: No such file",
                "<bold>a.c:7:10:</> <red>fatal error:</> x.h: No such file",
            ),
            ("a.c:3:1: error: expected ';'", "<bold>a.c:3:1:</> <red>error:</> expected ';'"),
            ("CMake Error at CMakeLists.txt:3 (x):", "<red>CMake Error</> at CMakeLists.txt:3 (x):"),
            ("error[E0432]: unresolved import `x`", "<red>error[E0432]:</> unresolved import `x`"),
            (
                "x.cpp:(.text+0x1f): undefined reference to `f()'",
                "<bold>x.cpp:(.text+0x1f):</> <red>undefined reference to</> `f()'",
            ),
            (
                "a.c:3:1: warning: unused [-Wunused]",
                "<bold>a.c:3:1:</> <yellow>warning:</> unused [-Wunused]",
            ),
            ("a.c:3:1: note: declared here", "<bold>a.c:3:1:</> <cyan>note:</> declared here"),
            ("FAILED: a.o", "<red>FAILED:</> a.o"),
            ("../meson.build:2:0: ERROR: no x", "<bold>../meson.build:2:0:</> <red>ERROR:</> no x"),
            ("    7 | int main(void) { error }", "    7 | int main(void) { error }"),
            ("-Werror: no", "-Werror: no"),
        ] {
            assert_eq!(shown(line), expected);
            assert_eq!(painted(line, Style::Plain), line, "without colours nothing is added");
        }
    }
}
