//! Keeping secrets out of every line that is shown or written.

mod documents;
mod forms;
mod names;
mod rules;

use std::borrow::Cow;
use std::collections::BTreeMap;

use forms::Form;
use regex::{Regex, RegexBuilder};

pub use names::{is_secret, looks_like_token, names_secret};
pub use rules::parts_of_credentials;

/// As large may the search for all known secrets become, in bytes.
const LARGEST: usize = 64 << 20;

/// Masks known secrets, `user:password@` in URLs, and values of authorization headers and tokens. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    secrets: Option<Regex>,
    /// Finds what each line with a known secret has, and few others, at a fraction of the cost; none: it may be in any.
    hints: Option<Regex>,
}

impl Redactor {
    /// Knows these secrets, on top of the rules that need no knowledge.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut all: Vec<Form> = secrets.into_iter().flat_map(|secret| forms::of(&secret)).collect();
        // Longest first, so that a secret that contains another is masked whole.
        all.sort_by(|one, other| other.cmp(one));
        all.dedup();
        if all.is_empty() {
            return Self::default();
        }
        let search = |patterns: Vec<&str>| {
            RegexBuilder::new(&patterns.join("|")).case_insensitive(true).size_limit(LARGEST).build().ok()
        };
        // It can only be too large; then nothing is safe to show.
        let everything = || RegexBuilder::new(".+").build().ok();
        match search(all.iter().map(|form| form.pattern.as_str()).collect()) {
            Some(secrets) => {
                let hints: Option<Vec<&str>> = all.iter().map(|form| form.hint.as_deref()).collect();
                Self { secrets: Some(secrets), hints: hints.and_then(search) }
            }
            None => Self { secrets: everything(), hints: None },
        }
    }

    /// Whether a known secret may be in the line.
    fn may_know(&self, line: &str) -> bool {
        self.hints.as_ref().is_none_or(|hints| line.contains('%') || hints.is_match(line))
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
                secrets.extend(documents::secrets_in(value));
            }
            secrets.extend(rules::parts_of_credentials(name, value));
            secrets.extend(rules::header_value(value).map(str::to_owned));
        }
        Self::new(secrets)
    }

    /// Many lines without secrets.
    pub fn redact_lines(&self, text: &str) -> String {
        let mut key = PrivateKey::default();
        let lines: Vec<Cow<'_, str>> =
            text.split('\n').map(|line| self.redact_next(&mut key, line)).collect();
        lines.join("\n")
    }

    /// The next line of a stream without secrets: what a private key is made of is known by the line that begins it.
    pub fn redact_next<'line>(&self, key: &mut PrivateKey, line: &'line str) -> Cow<'line, str> {
        if key.goes_on(line) { Cow::Borrowed(rules::MASK) } else { self.redact(line) }
    }

    /// The line without secrets.
    pub fn redact<'line>(&self, line: &'line str) -> Cow<'line, str> {
        let mut line = Cow::Borrowed(line);
        if let Some(secrets) = self.secrets.as_ref().filter(|_| self.may_know(&line)) {
            if let Cow::Owned(masked) = secrets.replace_all(&line, rules::MASK) {
                line = Cow::Owned(masked);
            }
        }
        if !rules::may_apply(&line) {
            return line;
        }
        let spans = rules::spans(&line);
        if !spans.is_empty() {
            line = Cow::Owned(rules::masked(&line, spans));
        }
        line
    }
}

/// Whether the lines of a stream are those of a private key.
#[derive(Debug, Default)]
pub struct PrivateKey(bool);

impl PrivateKey {
    fn goes_on(&mut self, line: &str) -> bool {
        if self.0 {
            // A line of something else comes of another stream, or the key was cut off.
            self.0 = rules::is_of_a_key(line);
            if self.0 || rules::ends_key(line) {
                return true;
            }
        }
        self.0 = rules::begins_key(line) && !rules::ends_key(line);
        false
    }
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
            ("proxy http://ann:Se#kret@127.0.0.1:3128 refused", "proxy http://***@127.0.0.1:3128 refused"),
            ("http://ann:Se/kr?t@proxy.example:80/", "http://***@proxy.example:80/"),
            ("http://ann:p@ss/word@proxy.example:80", "http://***@proxy.example:80"),
            ("git+https://x-token@host/group/one.git@v1.0", "git+https://***@host/group/one.git@v1.0"),
            ("git+https://me:s3cret@host.example/one.git@v1.0", "git+https://***@host.example/one.git@v1.0"),
            ("see http://host:8080/@scope/package@1.0", "see http://host:8080/@scope/package@1.0"),
            ("LICENSE_KEY=AAAA-BBBB DB_PASS='hunter22'", "LICENSE_KEY=*** DB_PASS='***'"),
            ("MYSQL_PWD=hunter22; SSHPASS=hunter22", "MYSQL_PWD=***; SSHPASS=***"),
            ("MY_AUTH=am9lOmh1bnRlcg==", "MY_AUTH=***"),
            ("PWD=/work OLDPWD=/ BYPASS=1234 AUTHOR=Jane", "PWD=/work OLDPWD=/ BYPASS=1234 AUTHOR=Jane"),
            ("ffmpeg -pass 1 -i x; pass=1", "ffmpeg -pass 1 -i x; pass=1"),
            ("mysql --password hunter22 --host h", "mysql --password *** --host h"),
            ("sshpass -p hunter22 ssh h", "sshpass -p *** ssh h"),
            ("curl -u joe:hunter22 http://h/", "curl -u *** http://h/"),
            ("docker run -u 1000:1000 x", "docker run -u 1000:1000 x"),
            ("curl '--user=joe:hunter22'", "curl '--user=***'"),
            (
                "GET /x?X-Amz-Credential=AKIA%2F1&X-Amz-Signature=0ab1&n=1",
                "GET /x?X-Amz-Credential=***&X-Amz-Signature=***&n=1",
            ),
            (
                r"key: -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
                "key: -----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----",
            ),
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
    fn the_logins_in_a_document_are_known_each_by_itself() {
        let logins = r#"{"auths":{"r.example":{"auth":"am9lOmh1bnRlcjItOTk5","email":"joe@r.example"}}}"#;
        let redactor = Redactor::from_environment(&BTreeMap::from([(
            "DOCKER_AUTH_CONFIG".to_owned(),
            logins.to_owned(),
        )]));
        assert_eq!(
            redactor.redact("at r.example joe with hunter2-999 (am9lOmh1bnRlcjItOTk5)"),
            "at r.example joe with *** (***)"
        );
    }

    #[test]
    fn a_private_key_is_masked_over_its_lines() {
        let text = "cat id\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\nAAAA==\n\
                    -----END OPENSSH PRIVATE KEY-----\nOK\n-----BEGIN PRIVATE KEY-----\nMIIE\nmake: done\nMIIE";
        assert_eq!(
            Redactor::default().redact_lines(text),
            "cat id\n-----BEGIN OPENSSH PRIVATE KEY-----\n***\n***\n***\nOK\n-----BEGIN PRIVATE KEY-----\n***\n\
             make: done\nMIIE"
        );
    }

    #[test]
    fn a_proxy_s_password_with_raw_signs_is_known_in_its_parts() {
        let proxy = [("https_proxy".to_owned(), "http://ann:Sesam#kret9/x?@127.0.0.1:3128".to_owned())];
        let redactor = Redactor::from_environment(&BTreeMap::from(proxy));
        assert_eq!(
            redactor.redact("host ann, port Sesam; kret9; Basic YW5uOlNlc2FtI2tyZXQ5L3g/"),
            "host ann, port ***; ***; Basic ***"
        );
    }

    #[test]
    fn a_line_without_secrets_is_not_copied() {
        assert!(matches!(Redactor::default().redact("cc -c x.c -o x.o"), Cow::Borrowed(_)));
    }
}
