//! The forms in which a known secret may stand: as it is, percent-encoded, in JSON, in HTML, in base64.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Shorter "secrets" would mask half of every line; in a URL they are masked all the same.
pub(super) const SHORTEST_SECRET: usize = 4;
/// A shorter part of base64 stands in other words as well.
const SHORTEST_BASE64: usize = 8;
/// What a URL may hold as it is (RFC 3986, "unreserved").
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What encoders of paths leave as it is, too.
const NOT_IN_PATHS: &AsciiSet = &RESERVED.remove(b'/').remove(b'@').remove(b':');

/// All forms of a secret that are long enough to be told from other text.
pub(super) fn of(secret: &str) -> Vec<String> {
    let decoded = percent_decoded(secret);
    let mut forms = Vec::new();
    for plain in [secret, decoded.as_ref()] {
        forms.extend(plain.lines().map(|line| line.trim().to_owned()));
        for set in [NON_ALPHANUMERIC, RESERVED, NOT_IN_PATHS] {
            let encoded = utf8_percent_encode(plain, set).to_string();
            forms.push(lower_case_escapes(&encoded));
            forms.push(encoded.replace("%20", "+"));
            forms.push(encoded);
        }
        forms.push(plain.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n"));
        forms.push(
            plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"),
        );
        // As a shell quotes it.
        forms.push(plain.replace('\'', r"'\''"));
    }
    forms.retain(|form| form.len() >= SHORTEST_SECRET);
    for plain in [secret, decoded.as_ref()] {
        forms.extend(in_base64(plain));
    }
    forms
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

/// `%2F` as `%2f`.
fn lower_case_escapes(encoded: &str) -> String {
    let mut lower = String::with_capacity(encoded.len());
    let mut left = 0;
    for character in encoded.chars() {
        lower.push(if left > 0 { character.to_ascii_lowercase() } else { character });
        left = if character == '%' { 2 } else { usize::saturating_sub(left, 1) };
    }
    lower
}

/// A password with special characters stands percent-encoded in a URL and plainly elsewhere.
fn percent_decoded(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap_or(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn base64_of_a_text_that_holds_it_holds_one_of_its_forms() {
        let forms = of("Se#kret/9?");
        for text in ["joe:Se#kret/9?", "Se#kret/9?", "ab:Se#kret/9?:x", "x Se#kret/9? und"] {
            let encoded = STANDARD.encode(text);
            assert!(
                forms.iter().any(|form| encoded.contains(form.as_str())),
                "{text}: {encoded} of {forms:?}"
            );
        }
    }

    #[test]
    fn a_short_secret_has_no_form_in_base64() {
        assert!(of("abcd").iter().all(|form| form == "abcd"), "{:?}", of("abcd"));
    }
}
