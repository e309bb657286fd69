//! Which proxy a request takes: the proxy variables in both letter cases, and `no_proxy` as curl reads it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::url::{Url, redact, secrets};

/// The proxies of a site.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Setting>,
    https: Option<Setting>,
    all: Option<Setting>,
    exceptions: Vec<Exception>,
}

/// A proxy and the variable that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The variable, for messages.
    pub variable: String,
    /// Its value with a scheme; may hold credentials.
    pub url: String,
}

impl Setting {
    /// `https_proxy=http://***@proxy.test:3128`.
    pub fn shown(&self) -> String {
        format!("{}={}", self.variable, redact(&self.url))
    }

    /// Whether it is a plain HTTP proxy, which forwards `http://` requests without a tunnel.
    pub fn forwards(&self) -> bool {
        self.url.starts_with("http://")
    }
}

/// One entry of `no_proxy`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    Everything,
    /// The host itself and all below it.
    Host {
        name: String,
        port: Option<u16>,
    },
    Network {
        address: IpAddr,
        bits: u8,
    },
}

impl Proxies {
    /// Reads `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`; lower case goes before upper case, as in curl.
    pub fn new(environment: &BTreeMap<String, String>) -> Self {
        let setting = |name: &str| {
            [name.to_owned(), name.to_ascii_uppercase()].into_iter().find_map(|variable| {
                let value = environment.get(&variable)?.trim();
                let url = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
                (!value.is_empty()).then_some(Setting { variable, url })
            })
        };
        let exceptions = environment
            .get("no_proxy")
            .or_else(|| environment.get("NO_PROXY"))
            .map(|list| list.split([',', ' ']).filter_map(Exception::parse).collect())
            .unwrap_or_default();
        Self {
            http: setting("http_proxy"),
            https: setting("https_proxy"),
            all: setting("all_proxy"),
            exceptions,
        }
    }

    /// The proxy for a request to `url`, if it takes one.
    pub fn for_url(&self, url: &Url) -> Option<&Setting> {
        if self.exceptions.iter().any(|exception| exception.covers(url)) {
            return None;
        }
        let own = if url.scheme == "https" { &self.https } else { &self.http };
        own.as_ref().or(self.all.as_ref())
    }

    /// All of them, whatever is asked for.
    pub fn all(&self) -> Vec<&Setting> {
        [&self.http, &self.https, &self.all].into_iter().flatten().collect()
    }

    /// Texts that no message may show.
    pub fn secrets(&self) -> Vec<String> {
        [&self.http, &self.https, &self.all].into_iter().flatten().flat_map(|one| secrets(&one.url)).collect()
    }
}

impl Exception {
    fn parse(entry: &str) -> Option<Self> {
        let entry = entry.trim();
        if entry.is_empty() {
            return None;
        }
        if entry == "*" {
            return Some(Self::Everything);
        }
        if let Some((address, bits)) = entry.split_once('/') {
            let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
            let longest = if address.is_ipv4() { 32 } else { 128 };
            return bits
                .parse()
                .ok()
                .filter(|bits| *bits <= longest)
                .map(|bits| Self::Network { address, bits });
        }
        if let Ok(address) = entry.trim_matches(['[', ']']).parse::<IpAddr>() {
            let bits = if address.is_ipv4() { 32 } else { 128 };
            return Some(Self::Network { address, bits });
        }
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        let name = name.trim_start_matches('*').trim_start_matches('.').trim_end_matches('.');
        Some(Self::Host { name: name.to_ascii_lowercase(), port })
    }

    fn covers(&self, url: &Url) -> bool {
        let host = url.host.trim_matches(['[', ']']).trim_end_matches('.');
        match self {
            Self::Everything => true,
            Self::Host { name, port } => {
                let below = host
                    .strip_suffix(name.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                below && port.is_none_or(|port| port == url.effective_port())
            }
            Self::Network { address, bits } => {
                host.parse().is_ok_and(|host| same_network(*address, host, *bits))
            }
        }
    }
}

fn same_network(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    let (one, other, width) = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (u128::from(one.to_bits()), u128::from(other.to_bits()), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128),
        _ => return false,
    };
    let ignored = u32::from(width - bits);
    one.checked_shr(ignored).unwrap_or(0) == other.checked_shr(ignored).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::new(
            &variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        )
    }

    fn taken(proxies: &Proxies, url: &str) -> Option<String> {
        proxies.for_url(&Url::parse(url).unwrap()).map(|setting| setting.url.clone())
    }

    #[test]
    fn each_scheme_takes_its_own_proxy_in_either_letter_case() {
        let site =
            proxies(&[("HTTPS_PROXY", "http://s:1"), ("http_proxy", "p:2"), ("HTTP_PROXY", "http://not:3")]);
        assert_eq!(taken(&site, "https://a.test/").as_deref(), Some("http://s:1"));
        assert_eq!(taken(&site, "http://a.test/").as_deref(), Some("http://p:2"));
        let all = proxies(&[("ALL_PROXY", "socks5h://s:1080")]);
        assert_eq!(taken(&all, "http://a.test/").as_deref(), Some("socks5h://s:1080"));
        assert_eq!(taken(&proxies(&[]), "http://a.test/"), None);
    }

    #[test]
    fn no_proxy_is_read_as_curl_reads_it() {
        let site = proxies(&[
            ("all_proxy", "http://p:1"),
            ("no_proxy", "localhost, .corp.test,example.org:8080,*.wild.test,10.0.0.0/8,::1,192.168.1.7"),
        ]);
        let direct = [
            "http://localhost/",
            "http://corp.test/",
            "https://a.b.corp.test/",
            "http://example.org:8080/",
            "http://x.wild.test/",
            "http://10.200.3.4:81/",
            "http://[::1]/",
            "http://192.168.1.7/",
            "http://CORP.test/",
        ];
        for url in direct {
            assert_eq!(taken(&site, url), None, "{url}");
        }
        for url in ["http://notcorp.test/", "http://example.org/", "http://11.0.0.1/", "http://192.168.1.70/"]
        {
            assert!(taken(&site, url).is_some(), "{url}");
        }
        assert_eq!(
            taken(&proxies(&[("all_proxy", "http://p:1"), ("NO_PROXY", "*")]), "http://a.test/"),
            None
        );
    }

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        let site = proxies(&[("https_proxy", "http://me:hunter2@p.test:3128")]);
        let setting = site.for_url(&Url::parse("https://a.test/").unwrap()).unwrap();
        assert_eq!(setting.shown(), "https_proxy=http://***@p.test:3128");
        assert_eq!(site.secrets(), ["hunter2", "me:hunter2"]);
    }
}
