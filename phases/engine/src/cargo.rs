//! How far a compile of cargo's is: only cargo knows how many units there are, and it tells them in a bar that it draws.
//!
//! What is asked of it changes nothing of the result, so that it is no part of the plan: like the jobserver, it is added
//! when the process starts.

use std::collections::BTreeMap;

use model::plan::{Argument, Command};

/// Whether a command compiles with cargo.
pub(crate) fn counts(command: &Command) -> bool {
    let cargo = command.program.rsplit('/').next() == Some("cargo");
    cargo && matches!(command.args.first(), Some(Argument::Literal(word)) if word == "build")
}

/// The environment of a command, with what makes cargo draw its bar though nobody looks
/// (<https://doc.rust-lang.org/cargo/reference/config.html#termprogresswhen>).
pub(crate) fn environment(command: &Command) -> BTreeMap<String, String> {
    let mut environment = command.environment.clone();
    if counts(command) {
        for (name, value) in [("CARGO_TERM_PROGRESS_WHEN", "always"), ("CARGO_TERM_PROGRESS_WIDTH", "80")] {
            environment.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    environment
}

/// Whether a line is a state of the bar, which is no part of the log.
pub(crate) fn is_drawn(line: &str) -> bool {
    line.trim_start().starts_with("Building [")
}

/// How many units are compiled, of how many: `    Building [====>      ] 155/200: serde, syn`.
pub(crate) fn count(line: &str) -> Option<(u64, u64)> {
    let rest = line.trim_start().strip_prefix("Building [")?;
    let (_, rest) = rest.split_once("] ")?;
    let (done, rest) = rest.split_once('/')?;
    let digits = rest.len() - rest.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
    Some((done.trim().parse().ok()?, rest[..digits].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str]) -> Command {
        Command {
            program: words[0].to_owned(),
            args: words[1..].iter().map(|word| Argument::from(*word)).collect(),
            environment: BTreeMap::from([("CARGO_TERM_PROGRESS_WIDTH".to_owned(), "40".to_owned())]),
            directory: "/".into(),
        }
    }

    #[test]
    fn a_compile_of_cargo_is_asked_for_its_bar_and_what_a_case_says_of_it_stays() {
        let environment = environment(&command(&["/opt/bin/cargo", "build"]));
        assert_eq!(environment["CARGO_TERM_PROGRESS_WHEN"], "always");
        assert_eq!(environment["CARGO_TERM_PROGRESS_WIDTH"], "40");
        for other in [&["cargo", "fetch"][..], &["make", "build"], &["cargo"]] {
            assert!(!counts(&command(other)));
        }
    }

    #[test]
    fn the_bar_is_read_and_nothing_else_is() {
        assert_eq!(count("    Building [====>      ] 155/200: serde, syn"), Some((155, 200)));
        assert_eq!(count("Building [=>  ] 1/3(bin)"), Some((1, 3)));
        assert!(is_drawn("    Building [====>      ] 155/200: serde, syn"));
        // Blank lines stand between warnings.
        for line in ["   Compiling serde v1.0.0", "", "note: see Building [x] 1/2"] {
            assert!(!is_drawn(line) && count(line).is_none(), "{line}");
        }
    }
}
