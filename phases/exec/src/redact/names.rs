//! Which names say that a value is secret, and which values look like tokens.

/// Parts of a name that say it wherever they stand.
const TELLING_PARTS: &[&str] = &[
    "access_key",
    "accesskey",
    "api_key",
    "apikey",
    "authtoken",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "secret",
    "token",
];
/// Whole words of a name that say it: `DB_PASS`, `MY_AUTH`, but not `BYPASS` or `AUTHOR`.
const TELLING_WORDS: &[&str] =
    &["auth", "authorization", "creds", "pass", "pat", "pgpass", "pw", "pwd", "sshpass"];
/// What a key is for that is a secret: `LICENSE_KEY`, but not `GPG_KEY`, which is public.
const SECRET_KEYS: &[&str] = &[
    "account",
    "auth",
    "client",
    "deploy",
    "encryption",
    "licence",
    "license",
    "master",
    "service",
    "session",
    "signing",
    "ssh",
    "storage",
    "subscription",
];
/// Words after which the value is something else than the secret: `TOKEN_FILE`, `PASSWORD_STORE_DIR`.
const OTHER_THINGS: &[&str] =
    &["count", "dir", "directory", "expires", "file", "length", "path", "ttl", "type", "url"];

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
pub fn is_secret(name: &str, value: &str) -> bool {
    (names_secret(name) && !is_plain(value)) || looks_like_token(value)
}

/// Whether a name says that its value is secret.
pub fn names_secret(name: &str) -> bool {
    let name = words_apart(name);
    // A tokenizer's settings are no tokens.
    if name.contains("tokeniz") {
        return false;
    }
    let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    if words.last().is_some_and(|last| OTHER_THINGS.contains(last)) {
        return false;
    }
    // The shell's own are directories.
    if matches!(name.as_str(), "pwd" | "oldpwd") {
        return false;
    }
    let key = words.windows(2).last().is_some_and(|pair| pair[1] == "key" && SECRET_KEYS.contains(&pair[0]));
    key || TELLING_PARTS.iter().any(|part| name.contains(part))
        || words.iter().any(|word| TELLING_WORDS.contains(word))
}

/// A path or a switch is not the secret itself, and stands in many lines.
pub(super) fn is_plain(value: &str) -> bool {
    value.starts_with('/')
        || matches!(
            value.to_ascii_lowercase().as_str(),
            "" | "true"
                | "false"
                | "yes"
                | "no"
                | "on"
                | "off"
                | "none"
                | "null"
                | "auto"
                | "default"
                | "basic"
        )
}

/// Whether a value looks like a token of a well-known service.
pub fn looks_like_token(value: &str) -> bool {
    let token = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    value.len() >= SHORTEST_TOKEN
        && value.chars().all(token)
        && TOKEN_BEGINNINGS.iter().any(|beginning| value.starts_with(beginning))
}

/// In lower case, with `_` between words, however the name writes them: `dbPass`, `db-pass`, `DB_PASS`.
fn words_apart(name: &str) -> String {
    let mut apart = String::with_capacity(name.len() + 4);
    let mut before_lower = false;
    for character in name.chars() {
        if character.is_ascii_uppercase() && before_lower {
            apart.push('_');
        }
        before_lower = character.is_ascii_lowercase();
        apart.push(if matches!(character, '-' | '.') { '_' } else { character.to_ascii_lowercase() });
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_secret_by_name_or_by_what_they_look_like() {
        for (name, value) in [
            ("DEPLOY_TOKEN", "abcd1234"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI"),
            ("REGISTRY_CREDENTIALS", "joe:pass"),
            ("LICENSE_KEY", "ABCD-EFGH"),
            ("DB_PASS", "hunter22"),
            ("MYSQL_PWD", "hunter22"),
            ("SSHPASS", "hunter22"),
            ("MY_AUTH", "joe:hunter22"),
            ("dbPass", "hunter22"),
            ("HUB", "hf_0123456789abcdef"),
        ] {
            assert!(is_secret(name, value), "{name}");
        }
        for (name, value) in [
            ("TOKENIZERS_PARALLELISM", "false"),
            ("USE_TOKEN", "true"),
            ("TOKEN_FILE", "/run/secrets/token"),
            ("TOKEN_URL", "https://host/token"),
            ("PWD", "somewhere"),
            ("OLDPWD", "somewhere"),
            ("GPG_KEY", "A035C8C19219BA821ECEA86B64E628F8D684696D"),
            ("AUTHOR", "Jane Doe"),
            ("BYPASS", "everything"),
            ("MODEL", "hf_small"),
            ("CFLAGS", "-O2"),
        ] {
            assert!(!is_secret(name, value), "{name}");
        }
    }
}
