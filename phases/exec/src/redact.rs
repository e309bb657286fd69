//! Keeping secrets out of every line that is shown or written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What stands in place of a secret.
const MASK: &str = "***";
/// Shorter "secrets" would mask half of every line; in a URL they are masked all the same.
const SHORTEST_SECRET: usize = 4;

/// Words after which a value is secret when `=` or `:` comes between.
const SECRET_NAMES: &[&str] = &[
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

/// Masks known secrets, `user:password@` in URLs, and values of authorization headers and tokens. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    secrets: Arc<[String]>,
}

impl Redactor {
    /// Knows these secrets, on top of the rules that need no knowledge.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut all: Vec<String> = secrets
            .into_iter()
            .flat_map(|secret| {
                let decoded = percent_decoded(&secret);
                [secret, decoded]
            })
            .flat_map(|secret| secret.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>())
            .filter(|secret| secret.len() >= SHORTEST_SECRET)
            .collect();
        // Longest first, so that a secret that contains another is masked whole.
        all.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        all.dedup();
        Self { secrets: all.into() }
    }

    /// Knows the secrets of an environment: passwords (and user names that may be tokens) of URLs in any value, and
    /// the values of variables whose names say that they are secret.
    pub fn from_environment(environment: &BTreeMap<String, String>) -> Self {
        Self::from_variables(environment)
    }

    /// The same for the variables of several environments.
    pub fn from_variables<'a>(variables: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        let mut secrets = Vec::new();
        for (name, value) in variables {
            if is_secret(name, value) {
                secrets.push(value.clone());
            }
            for (start, end) in user_information(value) {
                let user_information = &value[start..end];
                match user_information.split_once(':') {
                    Some((_, password)) => secrets.push(password.to_owned()),
                    None => secrets.push(user_information.to_owned()),
                }
                secrets.push(user_information.to_owned());
            }
        }
        Self::new(secrets)
    }

    /// Many lines without secrets.
    pub fn redact_lines(&self, text: &str) -> String {
        let lines: Vec<Cow<'_, str>> = text.split('\n').map(|line| self.redact(line)).collect();
        lines.join("\n")
    }

    /// The line without secrets.
    pub fn redact<'line>(&self, line: &'line str) -> Cow<'line, str> {
        let mut line = Cow::Borrowed(line);
        for secret in self.secrets.iter() {
            if line.contains(secret.as_str()) {
                line = Cow::Owned(line.replace(secret.as_str(), MASK));
            }
        }
        let mut spans = user_information(&line);
        spans.extend(named_values(&line));
        if !spans.is_empty() {
            line = Cow::Owned(masked(&line, spans));
        }
        line
    }
}

/// Parts of the names of variables that hold secrets.
const SECRET_VARIABLES: &[&str] = &[
    "access_key",
    "api_key",
    "apikey",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "secret",
    "token",
];
/// What tokens of well-known services begin with.
const TOKEN_BEGINNINGS: &[&str] = &[
    "eyJ",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "hf_",
    "npm_",
    "pypi-",
    "sk-",
    "xoxb-",
    "xoxp-",
];
/// A token of such a service is at least as long.
const SHORTEST_TOKEN: usize = 16;

/// Whether a variable's value is secret, by its name or by what it looks like.
fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // A tokenizer's settings are no tokens; a path or a switch is not the secret itself, and stands in many lines.
    let plain = name.contains("tokeniz")
        || value.starts_with('/')
        || matches!(value, "true" | "false" | "none" | "null" | "auto" | "default");
    let named = !plain && SECRET_VARIABLES.iter().any(|word| name.contains(word));
    let token = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let looks = value.len() >= SHORTEST_TOKEN
        && value.chars().all(token)
        && TOKEN_BEGINNINGS.iter().any(|beginning| value.starts_with(beginning));
    named || looks
}

fn masked(line: &str, mut spans: Vec<(usize, usize)>) -> String {
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

/// Where the part between `://` and `@` lies in each URL (RFC 3986, "userinfo").
fn user_information(line: &str) -> Vec<(usize, usize)> {
    line.match_indices("://")
        .filter_map(|(index, separator)| {
            let start = index + separator.len();
            let authority = line[start..]
                .find(|character: char| {
                    character.is_whitespace() || matches!(character, '/' | '?' | '#' | '"' | '\'' | '<' | '>')
                })
                .map_or(line.len(), |length| start + length);
            let end = start + line[start..authority].rfind('@')?;
            (end > start).then_some((start, end))
        })
        .collect()
}

/// Where the values of headers and of `name=value` lie whose names say that they are secret.
fn named_values(line: &str) -> Vec<(usize, usize)> {
    let lower = line.to_ascii_lowercase();
    let mut spans = Vec::new();
    for (names, whole_line) in [(SECRET_HEADERS, true), (SECRET_NAMES, false)] {
        for name in names {
            for (index, _) in lower.match_indices(name) {
                let before = lower[..index].chars().next_back();
                let part_of_word = before.is_some_and(|character| character.is_ascii_alphanumeric());
                let after = index + name.len();
                // `"token": "x"`, `token=x`, `token: x`
                let rest = lower[after..].trim_start_matches(['"', '\'']);
                let separated = rest.strip_prefix('=').or_else(|| rest.strip_prefix(':'));
                let (false, Some(value)) = (part_of_word, separated) else { continue };
                // Two colons or equals signs are program text, not a value.
                if value.starts_with([':', '=']) {
                    continue;
                }
                let value = value.trim_start_matches([' ', '"', '\'']);
                let start = line.len() - value.len();
                let end = if whole_line {
                    value.find(['"', '\''])
                } else {
                    value.find(|character: char| {
                        character.is_whitespace() || matches!(character, '"' | '\'' | '&' | ';' | ',' | ')')
                    })
                }
                .map_or(line.len(), |length| start + length);
                if end > start {
                    spans.push((start, end));
                }
            }
        }
    }
    spans
}

/// A password with special characters stands percent-encoded in a URL and plainly elsewhere.
fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().map_or_else(|_| text.to_owned(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_no_knowledge_is_masked_by_rule() {
        let redactor = Redactor::default();
        for (line, expected) in [
            ("GET https://joe:s3cret@proxy.example:3128/x?y=1", "GET https://***@proxy.example:3128/x?y=1"),
            (
                "index http://ghp_abc@host/simple, http://plain/",
                "index http://***@host/simple, http://plain/",
            ),
            (
                "mail me@example.org or see http://example.org/@me",
                "mail me@example.org or see http://example.org/@me",
            ),
            ("> Authorization: Basic am9lOnMzY3JldA==", "> Authorization: ***"),
            ("{\"token\": \"abc\", \"a\": 1}", "{\"token\": \"***\", \"a\": 1}"),
            ("fetch x?access_token=abc&page=2", "fetch x?access_token=***&page=2"),
            ("--password=hunter2 --verbose", "--password=*** --verbose"),
            ("error: expected token::Semi, tokenizer: fine", "error: expected token::Semi, tokenizer: fine"),
            ("parser.c:12: unexpected token", "parser.c:12: unexpected token"),
            ("Bücher: password=größe weiter", "Bücher: password=*** weiter"),
        ] {
            assert_eq!(redactor.redact(line), expected);
        }
    }

    #[test]
    fn known_secrets_are_masked_wherever_they_stand() {
        let environment = [
            ("https_proxy", "http://joe:p%40ss-word@proxy:3128"),
            ("PIP_INDEX_URL", "https://glpat-1234567@index.example/simple"),
            ("NPM_TOKEN", "npm_7654321"),
            ("all_proxy", "socks5h://joe:100%raw@word@proxy:1080"),
            ("PATH", "/usr/bin"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let redactor = Redactor::from_environment(&BTreeMap::from(environment));
        assert_eq!(
            redactor
                .redact("said p@ss-word, p%40ss-word, glpat-1234567, npm_7654321, 100%raw@word; /usr/bin"),
            "said ***, ***, ***, ***, ***; /usr/bin"
        );
    }

    #[test]
    fn variables_are_secret_by_name_or_by_what_they_look_like() {
        for (name, value) in [
            ("DEPLOY_TOKEN", "abcd1234"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI"),
            ("REGISTRY_CREDENTIALS", "joe:pass"),
            ("HUB", "hf_0123456789abcdef"),
        ] {
            assert!(is_secret(name, value), "{name}");
        }
        for (name, value) in [
            ("TOKENIZERS_PARALLELISM", "false"),
            ("USE_TOKEN", "true"),
            ("TOKEN_FILE", "/run/secrets/token"),
            ("MODEL", "hf_small"),
            ("CFLAGS", "-O2"),
        ] {
            assert!(!is_secret(name, value), "{name}");
        }
    }

    #[test]
    fn a_line_without_secrets_is_not_copied() {
        assert!(matches!(Redactor::default().redact("cc -c x.c -o x.o"), Cow::Borrowed(_)));
    }
}
