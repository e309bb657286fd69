//! Credentials in addresses: what a proxy's may hold, and how git gets a repository's without an argument that every
//! process of the machine can read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

/// The first sign in the credentials of a proxy's address that has to be percent-encoded there (RFC 3986).
pub fn raw_sign(url: &str) -> Option<char> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (credentials, _) = rest.rsplit_once('@')?;
    credentials.chars().find(|sign| "#/?@[]".contains(*sign) || sign.is_whitespace())
}

/// `%23` for `#`.
pub fn percent_encoded(sign: char) -> String {
    let mut bytes = [0; 4];
    sign.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// An address of a repository, and what git is configured with to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitAddress {
    /// The address without credentials.
    pub url: String,
    /// git-config(1), "http.<url>.extraHeader": key and value, where the address has credentials.
    pub header: Option<(String, String)>,
}

impl GitAddress {
    /// Takes user and password out of an address of `http` or `https`; others are left as they are.
    pub fn new(address: &str) -> Self {
        let plain = || Self { url: address.to_owned(), header: None };
        let Some((scheme, rest)) =
            address.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
        else {
            return plain();
        };
        let (authority, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
        let Some((credentials, host)) = authority.rsplit_once('@') else { return plain() };
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
        let pair = [decoded(user), b":".to_vec(), decoded(password)].concat();
        Self {
            url: format!("{scheme}://{host}{path}"),
            header: Some((
                format!("http.{scheme}://{host}/.extraHeader"),
                format!("Authorization: Basic {}", STANDARD.encode(pair)),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_that_end_credentials_are_found() {
        assert_eq!(raw_sign("http://ann:Se#kret@127.0.0.1:3128"), Some('#'));
        assert_eq!(raw_sign("ann:p@ss@proxy:1"), Some('@'));
        assert_eq!(raw_sign("http://ann:Se%23kret@127.0.0.1:3128/"), None);
        assert_eq!(raw_sign("http://127.0.0.1:3128/#"), None);
        assert_eq!(percent_encoded('#'), "%23");
    }

    #[test]
    fn credentials_go_into_a_header_for_their_host_alone() {
        let address = GitAddress::new("https://me:p%40ss@git.example:8443/a/b.git");
        assert_eq!(address.url, "https://git.example:8443/a/b.git");
        let (key, value) = address.header.unwrap();
        assert_eq!(key, "http.https://git.example:8443/.extraHeader");
        assert_eq!(value, format!("Authorization: Basic {}", STANDARD.encode("me:p@ss")));
        for plain in ["https://git.example/a@b", "ssh://git@git.example/a", "git@git.example:a", "/srv/a.git"]
        {
            assert_eq!(GitAddress::new(plain), GitAddress { url: plain.to_owned(), header: None });
        }
    }
}
