//! Packages by package manager, and apt repositories beyond the distribution's own.

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::semantic::name;
use crate::Digest;

/// The packages for one package manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ManagerPackages {
    /// Names alone.
    List(Vec<String>),
    /// Names, and where they come from.
    Table(PackagesFrom),
}

/// Names, and where they come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackagesFrom {
    /// Names.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Repositories beyond those of the machine (`apt` only). They are set up when a package is missing.
    #[serde(default)]
    pub repositories: Vec<AptRepository>,
}

/// An apt repository. `{codename}`, `{id}`, `{version}` (without dots) and `{arch}` stand for those of the machine:
/// `bookworm`, `debian`, `12`, `x86_64`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AptRepository {
    /// Its name: letters, digits, `-`, `_` and `.`. It becomes part of a file's name below `/etc/apt`.
    pub name: String,
    /// Where it is. Credentials belong in `/etc/apt/auth.conf.d`, not here.
    pub uris: Vec<String>,
    /// Suites: `["{codename}"]`, or a path that ends with `/` for a repository without suites.
    pub suites: Vec<String>,
    /// Components, `["main"]`; none if the suite is a path.
    #[serde(default)]
    pub components: Vec<String>,
    /// Debian's architectures; default: the machine's.
    #[serde(default)]
    pub architectures: Vec<String>,
    /// The OpenPGP key that signs it, and is trusted for this repository only: a file beside the case, the
    /// armoured text itself, or `{ url = "…", sha256 = "…" }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<RepositoryKey>,
    /// Accept it without a signature. Whoever can change what it serves, or the connection to it, can then become root
    /// here.
    #[serde(default)]
    pub trusted: bool,
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RepositoryKey {
    /// A path relative to the case, or text that begins with `-----BEGIN PGP PUBLIC KEY BLOCK-----`.
    FileOrText(String),
    /// A download.
    Download(KeyDownload),
}

/// A key that `deps` downloads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyDownload {
    /// Where it is.
    pub url: String,
    /// SHA-256 of the file.
    pub sha256: Digest,
}

/// Where a key comes from, once it is known what its text means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyFrom<'a> {
    /// A file beside the case.
    File(Utf8PathBuf),
    /// The text itself.
    Text(&'a str),
    /// A download.
    Download(&'a KeyDownload),
}

impl RepositoryKey {
    /// What it means.
    pub fn from(&self) -> KeyFrom<'_> {
        match self {
            Self::FileOrText(text) if text.trim_start().starts_with("-----BEGIN PGP ") => KeyFrom::Text(text),
            Self::FileOrText(path) => KeyFrom::File(Utf8PathBuf::from(path)),
            Self::Download(download) => KeyFrom::Download(download),
        }
    }
}

impl AptRepository {
    /// What is wrong with it: the key that says so, what, and what to write.
    pub fn mistakes(&self) -> Vec<(&'static str, String, &'static str)> {
        let mut found = Vec::new();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name::mistake(&self.name).is_some() || !self.name.chars().all(plain) {
            let what = format!("`{}` cannot be the name of an apt repository", name::shown(&self.name));
            let help = "use at most 100 ASCII letters, digits, `-`, `_` and `.`, with neither `-` nor `.` at the beginning";
            found.push(("name", what, help));
        }
        for (key, words, help) in [
            ("uris", &self.uris, "write at least one: \"https://packages.example.org/debian\""),
            ("suites", &self.suites, "write at least one: \"{codename}\", or a path that ends with `/`"),
        ] {
            if words.is_empty() {
                found.push((key, format!("the apt repository `{}` has no {key}", self.name), help));
            }
        }
        for uri in &self.uris {
            let Some((_, rest)) = uri.split_once(":/") else {
                found.push(("uris", format!("`{uri}` is not a URI"), "write it with its scheme: https://…"));
                continue;
            };
            if rest.trim_start_matches('/').split('/').next().is_some_and(|authority| authority.contains('@'))
            {
                let help = "put them into a file in /etc/apt/auth.conf.d (apt_auth.conf(5))";
                found.push(("uris", "a repository's address contains credentials".to_owned(), help));
            }
        }
        for (key, words) in [
            ("uris", &self.uris),
            ("suites", &self.suites),
            ("components", &self.components),
            ("architectures", &self.architectures),
        ] {
            for word in words.iter().filter(|word| word.is_empty() || word.contains(char::is_whitespace)) {
                found.push((
                    key,
                    format!("`{word}` is not a single word"),
                    "write a list: [\"one\", \"two\"]",
                ));
            }
        }
        let path = |suite: &String| suite.ends_with('/');
        if self.suites.iter().any(path) && !self.components.is_empty() {
            let what =
                format!("the apt repository `{}` has components and a suite that is a path", self.name);
            found.push(("components", what, "remove the components, or the `/` at the suite's end"));
        } else if self.suites.iter().any(|suite| !path(suite)) && self.components.is_empty() {
            let what = format!("the apt repository `{}` has no components", self.name);
            found.push((
                "suites",
                what,
                "add components = [\"main\"], or write a suite that is a path: \"./\"",
            ));
        }
        if self.key.is_none() && !self.trusted {
            let what = format!("the apt repository `{}` has no key", self.name);
            found.push((
                "name",
                what,
                "add `key` (a file beside the case), or `trusted = true` to accept it without a signature",
            ));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> AptRepository {
        AptRepository {
            name: "cuda".to_owned(),
            uris: vec!["https://packages.example.org/{id}{version}".to_owned()],
            suites: vec!["./".to_owned()],
            key: Some(RepositoryKey::FileOrText("cuda.asc".to_owned())),
            ..AptRepository::default()
        }
    }

    #[test]
    fn mistakes_are_named_before_apt_sees_them() {
        assert_eq!(repository().mistakes(), []);
        let keys = |change: fn(&mut AptRepository)| {
            let mut changed = repository();
            change(&mut changed);
            changed.mistakes().into_iter().map(|(key, ..)| key).collect::<Vec<_>>()
        };
        assert_eq!(keys(|one| one.name = "a/b".to_owned()), ["name"]);
        assert_eq!(keys(|one| one.uris.clear()), ["uris"]);
        assert_eq!(keys(|one| one.uris = vec!["example.org".to_owned()]), ["uris"]);
        assert_eq!(keys(|one| one.uris = vec!["https://joe:x@example.org/a".to_owned()]), ["uris"]);
        assert_eq!(keys(|one| one.suites = vec!["a b".to_owned()]), ["suites", "suites"]);
        assert_eq!(keys(|one| one.components = vec!["main".to_owned()]), ["components"]);
        assert_eq!(keys(|one| one.suites = vec!["bookworm".to_owned()]), ["suites"]);
        assert_eq!(keys(|one| one.key = None), ["name"]);
        assert_eq!(keys(|one| (one.key, one.trusted) = (None, true)), [""; 0]);
    }

    #[test]
    fn a_key_is_text_or_a_file() {
        let text = "\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n";
        assert_eq!(RepositoryKey::FileOrText(text.to_owned()).from(), KeyFrom::Text(text));
        let file = RepositoryKey::FileOrText("keys/a.gpg".to_owned());
        assert_eq!(file.from(), KeyFrom::File("keys/a.gpg".into()));
    }
}
