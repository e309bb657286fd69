//! Words for a shell.

/// A word as a POSIX shell reads it.
pub(super) fn quote(word: &str) -> String {
    let safe = |character: char| character.is_ascii_alphanumeric() || "-_=./:,+@%".contains(character);
    if !word.is_empty() && word.chars().all(safe) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
