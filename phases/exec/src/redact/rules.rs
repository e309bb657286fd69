//! What is secret without being known: credentials in URLs, values whose names say it, options, private keys.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

use super::names::{is_plain, is_secret, names_secret};

/// What stands in place of a secret.
pub(super) const MASK: &str = "***";
/// Words after which a value is secret when `:` comes between, in prose as well.
const BEFORE_A_COLON: &[&str] = &[
    "access_token",
    "api-key",
    "api_key",
    "apikey",
    "auth_token",
    "authtoken",
    "passwd",
    "password",
    "private-token",
    "secret",
    "token",
    "x-api-key",
];
/// Headers whose whole value is secret.
const SECRET_HEADERS: &[&str] = &["authorization", "proxy-authorization", "cookie", "set-cookie"];
/// Parameters of a URL that let its bearer in.
const SECRET_PARAMETERS: &[&str] = &[
    "awsaccesskeyid",
    "sig",
    "signature",
    "x-amz-credential",
    "x-amz-security-token",
    "x-amz-signature",
    "x-goog-credential",
    "x-goog-signature",
];
/// Options of programs whose value is `user:password`.
const USER_OPTIONS: &[&str] = &["-u", "-U", "--user", "--proxy-user", "--http-user"];

const KEY_BEGINS: &str = "-----BEGIN ";
const KEY_ENDS: &str = "-----END ";
const KEY_KIND: &str = "PRIVATE KEY-----";

type Span = (usize, usize);

/// One of these stands in every line that a rule applies to, in either case of letters.
const TRIGGERS: &[&str] = &[
    "@",
    "-u",
    "accesskey",
    "api-key",
    "apikey",
    "auth",
    "cookie",
    "cred",
    "key",
    "pass",
    "pat=",
    "-pat",
    "private",
    "pw",
    "secret",
    "sig",
    "token",
    "user",
    "eyj",
    "gho_",
    "ghp_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "hf_",
    "npm_",
    "pypi-",
    "sk-",
    "xox",
];

/// Whether any rule may apply to a line: most lines of a build have nothing of the kind, and cost one look.
pub(super) fn may_apply(line: &str) -> bool {
    static SEARCH: LazyLock<Option<Regex>> = LazyLock::new(|| {
        RegexBuilder::new(&TRIGGERS.join("|")).case_insensitive(true).unicode(false).build().ok()
    });
    SEARCH.as_ref().is_none_or(|search| search.is_match(line))
}

/// Where secrets lie in a line.
pub(super) fn spans(line: &str) -> Vec<Span> {
    let mut spans = user_information(line);
    let lower = line.to_ascii_lowercase();
    spans.extend(headers(line, &lower));
    spans.extend(before_colons(line, &lower));
    spans.extend(assignments(line));
    spans.extend(options(line));
    spans.extend(private_key(line));
    spans
}

/// The line with a mask in place of each span.
pub(super) fn masked(line: &str, mut spans: Vec<Span>) -> String {
    spans.sort_unstable();
    let mut result = String::with_capacity(line.len());
    let mut at = 0;
    for (start, end) in spans {
        if end <= at {
            continue;
        }
        if start >= at {
            result.push_str(&line[at..start]);
            result.push_str(MASK);
        }
        at = end;
    }
    result.push_str(&line[at..]);
    result
}

/// The secrets in a variable's value: passwords of its URLs (and user names that may be tokens), whole and in the parts
/// that a program reads that takes a raw `#`, `/`, `?` or `@` in them for the end.
pub fn parts_of_credentials(name: &str, value: &str) -> Vec<String> {
    let mut spans = user_information(value);
    // A proxy's address has no path: all before the last `@` is user and password.
    if name.to_ascii_lowercase().ends_with("_proxy") {
        let begin = value.find("://").map_or(0, |at| at + 3);
        spans.extend(value.rfind('@').filter(|end| *end > begin).map(|end| (begin, end)));
    }
    let mut secrets = Vec::new();
    for (start, end) in spans {
        let credentials = &value[start..end];
        let password = credentials.split_once(':').map_or(credentials, |(_, password)| password);
        if password.contains(['#', '/', '?', '@']) {
            secrets.extend(password.split(['#', '/', '?', '@']).map(str::to_owned));
        }
        secrets.extend([password.to_owned(), credentials.to_owned()]);
    }
    secrets
}

/// Where user and password lie in each URL, up to the last `@` if the password holds what a URL may not.
fn user_information(line: &str) -> Vec<Span> {
    line.match_indices("://").filter_map(|(at, separator)| credentials(line, at + separator.len())).collect()
}

fn credentials(line: &str, start: usize) -> Option<Span> {
    let ends_url = |sign: char| sign.is_whitespace() || matches!(sign, '"' | '\'' | '<' | '>' | '`');
    let url = &line[start..];
    let url = &url[..url.find(ends_url).unwrap_or(url.len())];
    let authority = &url[..url.find(['/', '?', '#']).unwrap_or(url.len())];
    let length = match (authority.rfind('@'), url.rfind('@')) {
        // A token or a user by itself holds no reserved characters; a later `@` is the path's (`repository@v1`).
        (Some(end), Some(_)) if !authority[..end].contains(':') => end,
        // So does a plain host behind it, else what follows is the rest of a password: `user:p@ss/word@host`.
        (Some(end), Some(last)) => {
            if is_host(&authority[end + 1..]) {
                end
            } else {
                last
            }
        }
        // `user:pass#word@host`: what stands before the `#` is not `host:port`.
        (None, Some(last)) => {
            let (host, port) = authority.split_once(':')?;
            let is_port = !port.is_empty() && port.bytes().all(|sign| sign.is_ascii_digit());
            if host.is_empty() || is_port {
                return None;
            }
            last
        }
        _ => return None,
    };
    (length > 0).then_some((start, start + length))
}

/// Whether it is a host for sure: with a domain or a port.
fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, ""));
    (host.contains('.') || !port.is_empty())
        && host.bytes().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, b'.' | b'-'))
        && port.bytes().all(|sign| sign.is_ascii_digit())
}

/// What lets in, of a variable whose value is a header: `Authorization: Basic …`.
pub(super) fn header_value(value: &str) -> Option<&str> {
    let (name, value) = value.split_once(':')?;
    SECRET_HEADERS
        .contains(&name.trim().to_ascii_lowercase().as_str())
        .then(|| value.split_whitespace().next_back())?
}

fn headers(line: &str, lower: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    for name in SECRET_HEADERS {
        for value in values_after(line, lower, name, &['=', ':']) {
            let end = line[value..].find(['"', '\'']).map_or(line.len(), |length| value + length);
            spans.push((value, end));
        }
    }
    spans
}

fn before_colons(line: &str, lower: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    for name in BEFORE_A_COLON {
        spans.extend(
            values_after(line, lower, name, &['=', ':']).map(|value| (value, end_of_value(line, value))),
        );
    }
    for name in SECRET_PARAMETERS {
        spans.extend(values_after(line, lower, name, &['=']).map(|value| (value, end_of_value(line, value))));
    }
    spans.retain(|(start, end)| end > start);
    spans
}

/// Where values begin after a name: `"token": "x"`, `token=x`, `token: x`.
fn values_after<'a>(
    line: &'a str,
    lower: &'a str,
    name: &'a str,
    separators: &'a [char],
) -> impl Iterator<Item = usize> + 'a {
    lower.match_indices(name).filter_map(move |(index, _)| {
        let before = lower[..index].chars().next_back();
        if before.is_some_and(|sign| sign.is_ascii_alphanumeric()) {
            return None;
        }
        let rest = lower[index + name.len()..].trim_start_matches(['"', '\'', '\\']);
        let value = rest.strip_prefix(separators)?;
        // Two colons or equals signs are program text, not a value.
        if value.starts_with([':', '=']) {
            return None;
        }
        let value = value.trim_start_matches([' ', '"', '\'', '\\']);
        (!value.is_empty()).then(|| line.len() - value.len())
    })
}

fn end_of_value(line: &str, start: usize) -> usize {
    let ends = |sign: char| sign.is_whitespace() || matches!(sign, '"' | '\'' | '&' | ';' | ',' | ')');
    line[start..].find(ends).map_or(line.len(), |length| start + length)
}

/// Where the values of `NAME=value` lie whose name says that they are secret, or that look like a token.
fn assignments(line: &str) -> Vec<Span> {
    line.match_indices('=')
        .filter_map(|(at, _)| {
            let in_name = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-' | '.');
            let name = &line[line[..at]
                .rfind(|sign| !in_name(sign))
                .map_or(0, |before| before + width(line, before))..at];
            let name = name.trim_start_matches('-');
            let start = at + 1 + line[at + 1..].len() - line[at + 1..].trim_start_matches(['"', '\'']).len();
            let end = end_of_value(line, start);
            let value = &line[start..end];
            let long = value.len() >= super::forms::SHORTEST_SECRET;
            (long && !value.starts_with('=') && !name.is_empty() && is_secret(name, value))
                .then_some((start, end))
        })
        .collect()
}

fn width(line: &str, at: usize) -> usize {
    line[at..].chars().next().map_or(0, char::len_utf8)
}

/// Where the values of options lie: `--password VALUE`, `-u user:password`, `sshpass -p VALUE`.
fn options(line: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut words = words(line).peekable();
    let mut before = "";
    while let Some((at, word)) = words.next() {
        let bare = word.trim_matches(['"', '\'', ',', '[', ']']);
        if let Some((next, value)) = words.peek().copied() {
            let quoted = value.len() - value.trim_start_matches(['"', '\'']).len();
            let start = next + quoted;
            let value = value.trim_matches(['"', '\'', ',', ']']);
            let is_password =
                bare.strip_prefix("--").is_some_and(|name| !name.contains('=') && names_secret(name));
            let of_sshpass = bare == "-p" && before.ends_with("sshpass");
            let secret = match value {
                _ if value.starts_with('-') => false,
                _ if is_password || of_sshpass => !is_plain(value),
                _ => USER_OPTIONS.contains(&bare) && is_user_and_password(value),
            };
            if secret && !value.is_empty() {
                spans.push((start, start + value.len()));
            }
        }
        // `-uuser:password`, `--user=user:password`
        let joined = USER_OPTIONS.iter().find_map(|option| {
            let value = bare.strip_prefix(option)?;
            Some(if option.starts_with("--") { value.strip_prefix('=')? } else { value })
        });
        if let Some(value) = joined.filter(|value| is_user_and_password(value)) {
            let start = at + word.find(value).unwrap_or(0);
            spans.push((start, start + value.len()));
        }
        before = bare;
    }
    spans
}

fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    line.split(char::is_whitespace).filter(|word| !word.is_empty()).map(move |word| {
        // Both are parts of the same line.
        (word.as_ptr() as usize - line.as_ptr() as usize, word)
    })
}

/// `joe:hunter2`, but not the numbers of a user and a group, a path or a place in a file.
fn is_user_and_password(value: &str) -> bool {
    value.split_once(':').is_some_and(|(user, password)| {
        let numbers = |text: &str| text.bytes().all(|sign| sign.is_ascii_digit());
        !user.is_empty()
            && !password.is_empty()
            && !numbers(password)
            && !user.contains(['/', '='])
            && !password.starts_with("//")
    })
}

/// What of a private key stands in the line that begins it.
fn private_key(line: &str) -> Option<Span> {
    let begin = line.find(KEY_BEGINS).filter(|_| begins_key(line))?;
    let body = begin + line[begin..].find(KEY_KIND)? + KEY_KIND.len();
    let end = line[body..].find(KEY_ENDS).map_or(line.len(), |length| body + length);
    (end > body).then_some((body, end))
}

/// Whether a private key begins in the line.
pub(super) fn begins_key(line: &str) -> bool {
    line.find(KEY_BEGINS).is_some_and(|begin| line[begin..].contains(KEY_KIND))
}

/// Whether a private key ends in the line.
pub(super) fn ends_key(line: &str) -> bool {
    line.find(KEY_ENDS).is_some_and(|end| line[end..].contains(KEY_KIND))
}

/// Whether a line may be one of a private key's block.
pub(super) fn is_of_a_key(line: &str) -> bool {
    const LONGEST: usize = 100;
    let line = line.trim();
    let of_base64 = |sign: u8| sign.is_ascii_alphanumeric() || matches!(sign, b'+' | b'/' | b'=');
    let header = line.starts_with("Proc-Type:") || line.starts_with("DEK-Info:");
    header || (line.len() <= LONGEST && line.bytes().all(of_base64))
}
