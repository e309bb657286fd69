//! The forms in which a known secret may stand: each sign of it as it is or as encoders of URLs, JSON, HTML and shells
//! write it, in any mixture; or the whole in base64.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Shorter "secrets" would mask half of every line; in a URL they are masked all the same.
pub(super) const SHORTEST_SECRET: usize = 4;
/// A shorter part of base64 stands in other words as well.
const SHORTEST_BASE64: usize = 8;

/// A run of letters and digits that is shorter stands in too many lines to tell anything.
const SHORTEST_HINT: usize = 3;

/// One form of a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Form {
    /// Its length, in bytes of the secret.
    pub(super) length: usize,
    /// A regular expression for it.
    pub(super) pattern: String,
    /// A shorter expression for what stands in each line that has this form and no `%`; none: any line may have it.
    pub(super) hint: Option<String>,
}

impl Form {
    /// Only `%` changes letters and digits, so the longest run of them is there.
    fn of_text(text: &str) -> Self {
        let runs = text.split(|sign: char| !sign.is_ascii_alphanumeric());
        let hint = runs.max_by_key(|run| run.len()).filter(|run| run.len() >= SHORTEST_HINT);
        Self { length: text.len(), pattern: in_any_encoding(text), hint: hint.map(str::to_owned) }
    }

    fn of_base64(form: &str) -> Self {
        let pattern = format!("(?-i:{})", regex::escape(form));
        Self { length: form.len(), hint: Some(pattern.clone()), pattern }
    }
}

/// The forms of a secret.
pub(super) fn of(secret: &str) -> Vec<Form> {
    let decoded = percent_decoded(secret);
    let mut patterns = Vec::new();
    for plain in [secret, decoded.as_ref()] {
        let lines = plain.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_SECRET);
        patterns.extend(lines.map(Form::of_text));
        // Of a text of several lines in one: `\n` stands between them.
        if plain.trim().contains('\n') {
            patterns.push(Form::of_text(plain.trim()));
        }
        patterns.extend(in_base64(plain).iter().map(|form| Form::of_base64(form)));
    }
    patterns
}

/// Every sign as itself or as an encoder writes it; letters in either case.
fn in_any_encoding(text: &str) -> String {
    let mut pattern = String::new();
    for sign in text.chars() {
        let plain = regex::escape(sign.encode_utf8(&mut [0; 4]));
        let mut bytes = [0; 4];
        let percent: String =
            sign.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02x}")).collect();
        if sign.is_ascii_alphanumeric() {
            pattern.push_str(&format!("(?:{plain}|{percent})"));
            continue;
        }
        let code = u32::from(sign);
        let named = match sign {
            ' ' => r"|\+",
            '&' => "|&amp;",
            '<' => "|&lt;",
            '>' => "|&gt;",
            '"' => "|&quot;",
            // As a shell quotes it, too.
            '\'' => r"|&apos;|'\\''",
            '\n' => r"|\\n",
            _ => "",
        };
        // A backslash before it, or several where it was quoted more than once.
        pattern
            .push_str(&format!(r"(?:\\*{plain}|{percent}|\\u{code:04x}|&#0*{code};|&#x0*{code:x};{named})"));
    }
    pattern
}

/// What base64 of a text that holds the secret has for sure, wherever in that text the secret stands.
fn in_base64(secret: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for before in 0..3usize {
        let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.bytes()).collect();
        // A sign of base64 is six bits: those that hold a bit of a neighbour are not the secret's alone.
        let first = (before * 8).div_ceil(6);
        let after = bytes.len() * 8 / 6;
        for encoded in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            let own = &encoded[first.min(after)..after];
            if own.len() >= SHORTEST_BASE64 {
                forms.push(own.to_owned());
            }
        }
    }
    forms
}

/// A password with special characters stands percent-encoded in a URL and plainly elsewhere.
fn percent_decoded(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap_or(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn found(secret: &str, text: &str) -> bool {
        of(secret).iter().any(|form| {
            let is_there =
                |pattern: &str| regex::Regex::new(&format!("(?i){pattern}")).unwrap().is_match(text);
            let found = is_there(&form.pattern);
            // Whoever looks for the hint first misses nothing.
            let hinted = text.contains('%') || form.hint.as_deref().is_none_or(is_there);
            assert!(hinted || !found, "{form:?} in {text}");
            found
        })
    }

    #[test]
    fn base64_of_a_text_that_holds_it_holds_one_of_its_forms() {
        for text in ["joe:Se#kret/9?", "Se#kret/9?", "ab:Se#kret/9?:x", "x Se#kret/9? und"] {
            assert!(found("Se#kret/9?", &STANDARD.encode(text)), "{text}");
        }
    }

    #[test]
    fn it_is_found_however_it_is_encoded() {
        let secret = r#"a@b:/?#[]!$&'(<>"\ é"#;
        for text in [
            secret,
            "a%40b%3A/%3F%23%5B%5D!%24%26%27%28%3C%3E%22%5C%20%C3%A9",
            "a%40b%3a%2f%3f%23%5b%5d%21%24%26%27%28%3c%3e%22%5c+%c3%a9",
            r#"a@b:/?#[]!$&'(<>\"\\ \u00e9"#,
            "a@b:/?#[]!$&amp;&#x27;(&lt;&gt;&quot;\\ é",
            r#"a@b:/?#[]!$&'\''(<>"\ é"#,
            r#"'a@b:/?#[]!$&\'(<>"\\ é'"#,
        ] {
            assert!(found(secret, text), "{text}");
        }
        assert!(!found(secret, "a@b:/?#[]!$"));
    }

    #[test]
    fn a_short_secret_has_no_form_in_base64() {
        assert_eq!(of("abcd").iter().filter(|form| form.pattern.contains("-i")).count(), 0);
    }
}
