//! Words as a POSIX shell reads them.

/// A command as one could paste it into a shell.
pub fn words(argv: &[String]) -> String {
    let words: Vec<String> = argv.iter().map(|one| word(one)).collect();
    words.join(" ")
}

/// A word, in quotes where it needs them.
pub fn word(text: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "-_=+./:,@%^".contains(character);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { quoted(text) }
}

/// A word in quotes, whatever is in it.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_pasted() {
        let argv = ["make", "V=1", "CFLAGS=-O2 -g", "it's", "", "größe"].map(str::to_owned);
        assert_eq!(words(&argv), r"make V=1 'CFLAGS=-O2 -g' 'it'\''s' '' größe");
        assert_eq!(word("Dpkg::Options::=--force-confdef"), "Dpkg::Options::=--force-confdef");
        assert_eq!(word("g++"), "g++");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
