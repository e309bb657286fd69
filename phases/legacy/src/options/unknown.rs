//! Words of an old command line that are no options.

use model::nearest::closest;

use super::given::Given;
use super::line::line;
use super::refused::{Refused, Result};
use super::table::OPTIONS;
use super::translate::Translated;

/// Words that are no options are refused, with what the others come to.
///
/// # Errors
/// When there is one.
pub fn refuse_unknown(given: &Given, others: Option<&Translated>) -> Result<()> {
    if given.unknown.is_empty() {
        return Ok(());
    }
    let unknown: Vec<String> = given.unknown.iter().map(|word| unknown(word)).collect();
    let help = others.map(|others| {
        let lines: Vec<String> = others.commands.iter().map(|words| line(words)).collect();
        format!("without it, the command line is now: {}", lines.join(" && "))
    });
    Err(Refused { message: unknown.join("\n"), help })
}

/// What to say of a word that is no option.
fn unknown(word: &str) -> String {
    let name = word.split('=').next().unwrap_or(word);
    if !name.starts_with('-') {
        return format!("`{word}` is not an option, and the scripts take nothing else");
    }
    let names = OPTIONS.iter().map(|option| option.name);
    let nearest = closest(name, names, Some(name.len() / 3));
    match nearest.and_then(|nearest| OPTIONS.iter().find(|option| option.name == nearest)) {
        Some(option) => {
            format!("unknown option `{name}`: did you mean `{}`? now: {}", option.name, option.now)
        }
        _ => format!("unknown option `{name}`: new options are for `installer` itself"),
    }
}
