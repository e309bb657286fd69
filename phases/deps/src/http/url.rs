//! URLs: just enough to follow redirects and links, and to show them without secrets.

use exec::redact::{Redactor, parts_of_credentials};
use ureq::http::Uri;

/// An absolute `http` or `https` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// `http` or `https`.
    pub scheme: String,
    /// `user:password` before the host, as written.
    pub userinfo: Option<String>,
    /// Host name or address (IPv6 in brackets), in lower case.
    pub host: String,
    /// The port where the URL names one.
    pub port: Option<u16>,
    /// Path and query; begins with `/`.
    pub path: String,
}

impl Url {
    /// Reads an absolute URL; a fragment is dropped.
    ///
    /// # Errors
    /// A fragment of a sentence that says what is wrong with it, without any secret that it may hold.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shown = || redact(text);
        let uri: Uri = text.trim().parse().map_err(|error| format!("{} is not a URL ({error})", shown()))?;
        let scheme = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return Err(format!("{} is neither an http nor an https URL", shown()));
        }
        let authority = uri.authority().ok_or_else(|| format!("{} names no host", shown()))?;
        let userinfo = authority.as_str().rsplit_once('@').map(|(userinfo, _)| userinfo.to_owned());
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self {
            scheme,
            userinfo,
            host: authority.host().to_ascii_lowercase(),
            port: authority.port_u16(),
            path,
        })
    }

    /// The port that is connected to.
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or(if self.scheme == "https" { 443 } else { 80 })
    }

    /// `host[:port]`.
    pub fn authority(&self) -> String {
        self.port.map_or_else(|| self.host.clone(), |port| format!("{}:{port}", self.host))
    }

    /// Whether both are served by the same server.
    pub fn same_server(&self, other: &Self) -> bool {
        self.scheme == other.scheme
            && self.host == other.host
            && self.effective_port() == other.effective_port()
    }

    /// The last component of the path, without the query.
    pub fn file_name(&self) -> &str {
        let path = self.path.split('?').next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    }

    /// Resolves a link found at `self` (RFC 3986, section 5.2). Credentials go along to the same server, and to no other.
    ///
    /// # Errors
    /// As for [`Url::parse`].
    pub fn join(&self, link: &str) -> Result<Self, String> {
        let link = link.trim();
        let link = link.split('#').next().unwrap_or_default();
        let mut joined = if link.contains("://") {
            Self::parse(link)?
        } else if let Some(rest) = link.strip_prefix("//") {
            Self::parse(&format!("{}://{rest}", self.scheme))?
        } else {
            let base = self.path.split('?').next().unwrap_or("/");
            let (path, query) =
                link.split_once('?').map_or((link, None), |(path, query)| (path, Some(query)));
            let path = if path.is_empty() {
                base.to_owned()
            } else if path.starts_with('/') {
                without_dots(path)
            } else {
                let directory = base.rsplit_once('/').map_or("", |(directory, _)| directory);
                without_dots(&format!("{directory}/{path}"))
            };
            let path = query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
            return Self::parse(&Self { path, ..self.clone() }.to_string());
        };
        if joined.userinfo.is_none() && joined.same_server(self) {
            joined.userinfo.clone_from(&self.userinfo);
        }
        Ok(joined)
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}://", self.scheme)?;
        if let Some(userinfo) = &self.userinfo {
            write!(formatter, "{userinfo}@")?;
        }
        write!(formatter, "{}{}", self.authority(), self.path)
    }
}

fn without_dots(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let mut last_is_directory = false;
    for part in path.split('/').skip(1) {
        last_is_directory = matches!(part, "." | ".." | "");
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            "" => {}
            part => parts.push(part),
        }
    }
    let end = if last_is_directory && !parts.is_empty() { "/" } else { "" };
    format!("/{}{end}", parts.join("/"))
}

/// A URL as it may be shown: without user, password, and the values of its query (signed URLs carry tokens there).
pub fn redact(url: &str) -> String {
    let Some((scheme, _)) = url.split_once("://") else {
        // A proxy may be written without a scheme, and has no path.
        return url.rsplit_once('@').map_or_else(|| url.to_owned(), |(_, host)| format!("***@{host}"));
    };
    let shown = Redactor::default().redact(url).into_owned();
    let rest = scheme.len() + "://".len();
    shown[rest..].find('?').map_or_else(|| shown.clone(), |at| format!("{}?***", &shown[..rest + at]))
}

/// The texts in a URL that no message may show: its user information, and the password alone.
pub fn secrets(url: &str) -> Vec<String> {
    let mut secrets = parts_of_credentials("", url);
    secrets.retain(|secret| !secret.is_empty());
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_resolved_against_the_page_they_stand_on() {
        let base = Url::parse("https://index.test/simple/numpy/?a=b").unwrap();
        let join = |link: &str| base.join(link).unwrap().to_string();
        assert_eq!(
            join("../../packages/a/numpy-1.tar.gz#sha256=00"),
            "https://index.test/packages/a/numpy-1.tar.gz"
        );
        assert_eq!(join("/x"), "https://index.test/x");
        assert_eq!(join("y?z=1"), "https://index.test/simple/numpy/y?z=1");
        assert_eq!(join("//other.test/x"), "https://other.test/x");
        assert_eq!(join("http://other.test:8080"), "http://other.test:8080/");
    }

    #[test]
    fn credentials_go_to_the_same_server_and_to_no_other() {
        let base = Url::parse("https://user:secret@index.test/simple/").unwrap();
        assert_eq!(base.join("a").unwrap().to_string(), "https://user:secret@index.test/simple/a");
        assert_eq!(base.join("https://index.test/f").unwrap().userinfo.as_deref(), Some("user:secret"));
        assert_eq!(base.join("https://index.test:444/f").unwrap().userinfo, None);
        assert_eq!(base.join("http://index.test/f").unwrap().userinfo, None);
        assert_eq!(base.join("https://files.test/f").unwrap().userinfo, None);
    }

    #[test]
    fn what_is_shown_holds_no_secret() {
        assert_eq!(redact("https://user:pa%40ss@h.test/p?token=x"), "https://***@h.test/p?***");
        assert_eq!(redact("user:pass@proxy:3128"), "***@proxy:3128");
        assert_eq!(redact("http://h.test/a@b"), "http://h.test/a@b");
        assert!(!Url::parse("ftp://user:pass@h.test/").unwrap_err().contains("pass"));
        assert_eq!(secrets("http://u:p@h/"), ["p", "u:p"]);
    }
}
