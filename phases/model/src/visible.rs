//! Text of others (a case, a tool, a server) as it may stand on a terminal.

use std::borrow::Cow;

/// Whether a terminal obeys the character rather than show it: the controls of C0 but line feed and tab, DEL, those of
/// C1, and what rearranges a line (bidirectional overrides and isolates, UAX #9).
pub fn is_obeyed(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    }
}

/// The sign that stands for such a character, one column wide, so that a caret below it stays in its place.
pub fn sign(character: char) -> char {
    match character {
        // The block "Control Pictures" of Unicode.
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        _ => '\u{fffd}',
    }
}

/// The text with a sign for everything that a terminal would obey; colours are left out.
pub fn visible(text: &str) -> Cow<'_, str> {
    visible_but(text, &[])
}

/// The same for a text with colours of our own: these sequences, and no others, stay.
pub fn visible_but<'text>(text: &'text str, own: &[&str]) -> Cow<'text, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(is_obeyed) {
        let (before, found) = rest.split_at(at);
        shown.push_str(before);
        if let Some(colour) = colour(found) {
            if own.contains(&colour) {
                shown.push_str(colour);
            }
            rest = &found[colour.len()..];
            continue;
        }
        let mut characters = found.chars();
        // The line end of another system is one.
        if let Some(character) = characters.next().filter(|_| !found.starts_with("\r\n")) {
            shown.push(sign(character));
        }
        rest = characters.as_str();
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// The sequence that sets a colour (SGR, ECMA-48) with which the text begins.
fn colour(text: &str) -> Option<&str> {
    const BEGIN: &str = "\x1b[";
    let parameters = text.strip_prefix(BEGIN)?;
    let end = parameters.find(|sign: char| !(sign.is_ascii_digit() || matches!(sign, ';' | ':')))?;
    parameters[end..].starts_with('m').then(|| &text[..BEGIN.len() + end + 1])
}

/// A JSON document in which what a terminal would obey is escaped; JSON itself escapes only the controls of C0.
pub fn escaped_json(document: &str) -> Cow<'_, str> {
    if !document.contains(is_obeyed) {
        return Cow::Borrowed(document);
    }
    let mut escaped = String::with_capacity(document.len());
    for character in document.chars() {
        if is_obeyed(character) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left_and_the_rest_stays() {
        assert_eq!(visible("\x1b]0;owned\x07 a\x1b[2Jb"), "␛]0;owned␇ a␛[2Jb");
        assert_eq!(visible("\u{9b}31m \x7f \u{202e}txt \u{2066}"), "\u{fffd}31m ␡ \u{fffd}txt \u{fffd}");
        assert_eq!(visible("one\r\ntwo\tthree\rfour"), "one\ntwo\tthree␍four");
        assert_eq!(visible("\x1b[31;1mred\x1b[0m"), "red");
        assert!(matches!(visible("编译 …\tfür\n"), Cow::Borrowed(_)));
        for code in 0..=0x2100 {
            let Some(character) = char::from_u32(code) else { continue };
            assert!(!visible(&format!("a{character}b")).contains(is_obeyed), "{code:x}");
        }
    }

    #[test]
    fn of_colours_only_our_own_stay() {
        let own = ["\x1b[32m", "\x1b[0m"];
        assert_eq!(
            visible_but("\x1b[32mdone\x1b[0m \x1b[8mhidden\x1b[1A", &own),
            "\x1b[32mdone\x1b[0m hidden␛[1A"
        );
    }

    #[test]
    fn a_document_means_the_same_when_it_is_escaped() {
        let value = serde_json::json!({ "a": "\x1b[1m\u{9b}2J\u{7f}\u{202e}\n", "b\u{85}": 1 });
        let plain = value.to_string();
        let escaped = escaped_json(&plain);
        assert!(!escaped.contains(is_obeyed), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
    }
}
