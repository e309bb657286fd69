//! Just enough of Lua's lexical structure: names, strings and marks, without comments (Lua 5.1 manual, 2.1).

/// A piece of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, keyword or number.
    Name(String),
    /// A string, escapes left as they stand.
    Text(String),
    /// Any other character.
    Mark(char),
}

/// The tokens of a program with their lines, from 1.
pub(super) fn tokens(text: &str) -> Vec<(Token, usize)> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let taken = if first.is_whitespace() {
            first.len_utf8()
        } else if let Some(comment) = rest.strip_prefix("--") {
            2 + match long_bracket(comment) {
                Some((_, length)) => length,
                None => comment.find('\n').unwrap_or(comment.len()),
            }
        } else if let Some((content, length)) = long_bracket(rest) {
            found.push((Token::Text(content.to_owned()), line));
            length
        } else if first == '"' || first == '\'' {
            let (content, length) = quoted(rest, first);
            found.push((Token::Text(content.to_owned()), line));
            length
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.push((Token::Name(rest[..end].to_owned()), line));
            end
        } else {
            found.push((Token::Mark(first), line));
            first.len_utf8()
        };
        line += rest[..taken].matches('\n').count();
        rest = &rest[taken..];
    }
    found
}

/// `[[…]]` or `[==[…]==]` at the beginning: its content, and its length with the brackets.
fn long_bracket(text: &str) -> Option<(&str, usize)> {
    let level = text.strip_prefix('[')?.chars().take_while(|c| *c == '=').count();
    let content = text.get(1 + level..)?.strip_prefix('[')?;
    let close = format!("]{}]", "=".repeat(level));
    let open = level + 2;
    Some(match content.find(&close) {
        Some(end) => (&content[..end], open + end + close.len()),
        None => (content, text.len()),
    })
}

/// A string in quotes: its content, and its length with the quotes. One that is not closed ends with its line.
fn quoted(text: &str, quote: char) -> (&str, usize) {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return (&text[1..at], at + 1);
        } else if c == '\n' {
            return (&text[1..at], at);
        }
    }
    (&text[1..], text.len())
}
