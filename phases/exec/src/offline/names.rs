//! Which names are the machine's own, so that asking for them is no reaching for the network.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::sys::process;

/// What this machine's resolver is configured to do, as far as it matters here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    host: String,
    search: Vec<String>,
    servers: Vec<IpAddr>,
    asked: BTreeSet<String>,
}

impl Names {
    /// Reads the host's name and `/etc/resolv.conf` as it is seen here. A missing file means what resolv.conf(5) says:
    /// a name server on this machine.
    pub(crate) fn of_this_machine() -> Self {
        let configuration = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        Self::new(&process::host_name(), &configuration)
    }

    fn new(host: &str, configuration: &str) -> Self {
        let host = host.to_ascii_lowercase();
        let mut names = Self { host: host.clone(), ..Self::default() };
        for line in configuration.lines() {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let server = words.next().map(|word| word.split('%').next().unwrap_or(word));
                    names.servers.extend(server.and_then(|word| word.parse::<IpAddr>().ok()));
                }
                Some("search" | "domain") => {
                    names.search = words
                        .map(|word| word.trim_matches('.').to_ascii_lowercase())
                        .filter(|word| !word.is_empty())
                        .collect();
                }
                _ => {}
            }
        }
        // resolv.conf(5): without a search list it is the host's own domain.
        if names.search.is_empty() {
            names.search.extend(host.split_once('.').map(|(_, domain)| domain.to_owned()));
        }
        names
    }

    /// Whether an address is that of a configured name server.
    pub(crate) fn is_server(&self, ip: IpAddr) -> bool {
        self.servers.contains(&ip)
    }

    /// Takes note of a name that was asked; true when it is worth telling: not the machine's own, and not what the
    /// resolver made of a name told before by adding a domain of its search list.
    pub(crate) fn is_news(&mut self, name: &str) -> bool {
        let base = self.search.iter().find_map(|domain| name.strip_suffix(domain)?.strip_suffix('.'));
        let known = [Some(name), base]
            .into_iter()
            .flatten()
            .any(|name| self.is_own(name) || self.asked.contains(name));
        if !known {
            self.asked.insert(name.to_owned());
        }
        !known
    }

    fn is_own(&self, name: &str) -> bool {
        let short = self.host.split('.').next().unwrap_or_default();
        let own_short = !short.is_empty() && name == short;
        own_short
            || name.is_empty()
            || name == self.host
            || matches!(name, "localhost" | "localhost.localdomain" | "ip6-localhost" | "ip6-loopback")
            || name.ends_with(".localhost")
            || is_own_reverse(name)
    }
}

/// Whether a reverse look-up is for a loopback address or "any".
fn is_own_reverse(name: &str) -> bool {
    if let Some(reversed) = name.strip_suffix(".in-addr.arpa") {
        return reversed == "127" || reversed.ends_with(".127") || reversed == "0.0.0.0";
    }
    name.strip_suffix(".ip6.arpa").is_some_and(|reversed| {
        let digits: String = reversed.split('.').collect();
        digits.len() == 32 && digits[1..].bytes().all(|digit| digit == b'0') && digits.as_bytes()[0] <= b'1'
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURATION: &str =
        "# made by hand\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\nsearch corp.example lan\n";

    #[test]
    fn the_own_name_is_no_news() {
        let mut names = Names::new("Builder.corp.example", CONFIGURATION);
        for own in [
            "builder",
            "builder.corp.example",
            "builder.lan",
            "localhost",
            "db.localhost",
            "1.0.0.127.in-addr.arpa",
            "0.0.0.0.in-addr.arpa",
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
        ] {
            assert!(!names.is_news(own), "{own}");
        }
    }

    #[test]
    fn others_are_news_once() {
        let mut names = Names::new("builder", CONFIGURATION);
        assert!(names.is_news("example.org"));
        assert!(!names.is_news("example.org"));
        assert!(!names.is_news("example.org.corp.example"), "made by the search list");
        assert!(names.is_news("mirror.lan"));
        assert!(names.is_news("builder.example.org"));
        assert!(names.is_news("7.2.0.192.in-addr.arpa"));
    }

    #[test]
    fn name_servers_are_known() {
        let names = Names::new("builder", CONFIGURATION);
        assert!(names.is_server("192.0.2.53".parse().unwrap()));
        assert!(names.is_server("fe80::1".parse().unwrap()));
        assert!(!names.is_server("192.0.2.54".parse().unwrap()));
    }
}
