//! What an administrator has to run for a user who may not.

use engine::runner::{Context, StepError};
use model::plan::{Action, Plan};

use crate::packages;

/// The commands that a run would run as root now, ready to paste; empty when none is missing anything. They come from
/// the same argument vectors as a run's.
///
/// # Errors
/// When the package database cannot be read.
pub fn root_commands(plan: &Plan, context: &dyn Context) -> Result<Vec<String>, StepError> {
    let mut lines = Vec::new();
    for step in &plan.steps {
        if let Action::EnsurePackages(action) = &step.action {
            for argv in packages::commands(action, context)? {
                lines.push(argv.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" "));
            }
        }
    }
    Ok(lines)
}

/// For a POSIX shell.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quote("g++"), "g++");
        assert_eq!(quote("Dpkg::Options::=--force-confdef"), "Dpkg::Options::=--force-confdef");
        assert_eq!(quote("it's"), "'it'\\''s'");
        assert_eq!(quote(""), "''");
    }
}
