//! What a site file means in the variables that tools read.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;

use super::{Authorities, GitAddress, Site, SiteFile, Sudo, SudoPolicy};

/// Variables that name a bundle of authorities: OpenSSL (and rustls-native-certs), curl, Python's requests, pip, git,
/// cargo.
pub const BUNDLE_VARIABLES: &[&str] = &[
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
];

impl Site {
    /// What a site's files say, with the environment of the process over them. `bundle` is where the joined authorities
    /// will lie, `system` is the system's own bundle.
    pub fn new(
        file: &SiteFile,
        process: impl IntoIterator<Item = (String, String)>,
        bundle: &Utf8Path,
        system: Option<&Utf8Path>,
        root: bool,
    ) -> Self {
        let mut site = Self::from_environment(process);
        let from_process = site.network_environment.clone();
        let environment = &mut site.network_environment;
        let mut proxies_are_ours = false;
        let mut proxy_keys = BTreeMap::new();
        for (name, value) in variables(file) {
            if !from_process.contains_key(&name) {
                proxies_are_ours |= matches!(name.as_str(), "http_proxy" | "https_proxy");
                match name.to_ascii_lowercase().as_str() {
                    "http_proxy" => drop(proxy_keys.insert(name.clone(), "proxies.http")),
                    "https_proxy" => drop(proxy_keys.insert(name.clone(), "proxies.https")),
                    _ => {}
                }
                environment.insert(name, value);
            }
        }
        site.apt_proxies = proxies_are_ours;
        site.proxy_keys = proxy_keys;
        site.git_addresses = rewrites(file).into_values().collect();
        site.apt_mirrors = file.apt.mirrors.clone();
        site.package_mirrors = file.packages.mirrors.clone();
        site.archive_mirrors = file.archives.clone();
        site.downloads = file.downloads;
        let said = environment.get("SSL_CERT_FILE").cloned();
        if let Some(authority) = &file.certificates.authorities {
            let base = said.as_deref().map(Utf8Path::new).or(system);
            for name in BUNDLE_VARIABLES {
                // A file that is named for one tool alone stays that tool's.
                let own = environment.get(*name).is_some_and(|file| base.is_none_or(|base| base != file));
                if !own {
                    environment.insert((*name).to_owned(), bundle.to_string());
                }
            }
            site.authorities = Some(Authorities {
                file: authority.clone(),
                base: base.map(Utf8Path::to_owned),
                bundle: bundle.to_owned(),
            });
        } else if let Some(said) = said {
            // Tools name certificate authorities each in their own way; what is said once counts for all of them.
            for name in BUNDLE_VARIABLES {
                environment.entry((*name).to_owned()).or_insert_with(|| said.clone());
            }
        }
        if file.sudo == SudoPolicy::Never && !root {
            site.sudo = Sudo::Unavailable;
        }
        site
    }
}

/// A site file as variables; what it does not say is not there.
fn variables(file: &SiteFile) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut both = |lower: &str, value: String| {
        found.insert(lower.to_ascii_uppercase(), value.clone());
        found.insert(lower.to_owned(), value);
    };
    if let Some(proxy) = &file.proxies.http {
        both("http_proxy", proxy.clone());
    }
    if let Some(proxy) = &file.proxies.https {
        both("https_proxy", proxy.clone());
    }
    if !file.proxies.no_proxy.is_empty() {
        both("no_proxy", file.proxies.no_proxy.join(","));
    }
    let mut one = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            found.insert(name.to_owned(), value);
        }
    };
    let extra = &file.pip.extra_indexes;
    one("PIP_INDEX_URL", file.pip.index.clone());
    one("PIP_EXTRA_INDEX_URL", (!extra.is_empty()).then(|| extra.join(" ")));
    one("INSTALLER_CRATES_INDEX", file.crates.index.clone());
    one("RUSTUP_DIST_SERVER", file.rustup.dist_server.clone());
    one("RUSTUP_UPDATE_ROOT", file.rustup.update_root.clone());
    one("XMAKE_MAIN_REPO", file.xmake.index.clone());
    // git-config(1), "GIT_CONFIG_COUNT".
    let rewrites = rewrites(file);
    let mut settings = Vec::new();
    for (from, to) in &rewrites {
        let to = GitAddress::new(to);
        settings.push((format!("url.{}.insteadOf", to.url), from.clone()));
        settings.extend(to.header);
    }
    // Two repositories of one host need the header once.
    let mut seen = BTreeSet::new();
    settings.retain(|setting| seen.insert(setting.clone()));
    for (number, (key, value)) in settings.iter().enumerate() {
        one(&format!("GIT_CONFIG_KEY_{number}"), Some(key.clone()));
        one(&format!("GIT_CONFIG_VALUE_{number}"), Some(value.clone()));
    }
    if !rewrites.is_empty() {
        one("GIT_CONFIG_COUNT", Some(settings.len().to_string()));
        // The git that is built into cargo knows nothing of these variables.
        one("CARGO_NET_GIT_FETCH_WITH_CLI", Some("true".to_owned()));
    }
    found
}

/// Where xmake's package index is published (its documentation of environment variables, `XMAKE_MAIN_REPO`).
const XMAKE_INDEXES: &[&str] = &[
    "https://github.com/xmake-io/xmake-repo",
    "https://gitlab.com/tboox/xmake-repo",
    "https://gitee.com/tboox/xmake-repo",
];

/// What begins an address of git's → what stands there instead: a case has xmake's index as a source of kind `git`.
fn rewrites(file: &SiteFile) -> BTreeMap<String, String> {
    let mut rewrites = BTreeMap::new();
    if let Some(index) = &file.xmake.index {
        for published in XMAKE_INDEXES {
            // Git takes the longest beginning that fits.
            rewrites.insert((*published).to_owned(), index.clone());
            rewrites.insert(format!("{published}.git"), index.clone());
        }
    }
    rewrites.extend(file.git.rewrites.clone());
    rewrites
}

/// `address` with its beginning replaced, where one of `mirrors` begins it; the longest counts, and it ends at a `/`.
pub fn mirrored(address: &str, mirrors: &BTreeMap<String, String>) -> Option<String> {
    let rest_of = |from: &str| {
        let rest = address.strip_prefix(from.trim_end_matches('/'))?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
    };
    let (_, to, rest) = mirrors
        .iter()
        .filter_map(|(from, to)| Some((from.trim_end_matches('/').len(), to, rest_of(from)?)))
        .max_by_key(|(length, ..)| *length)?;
    Some(format!("{}{rest}", to.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> SiteFile {
        let mut file = SiteFile::default();
        file.proxies.http = Some("http://p.example:1".to_owned());
        file.proxies.https = Some("http://s.example:1".to_owned());
        file.proxies.no_proxy = vec!["localhost".to_owned(), ".corp.example".to_owned()];
        file.pip.index = Some("https://pip.example/simple".to_owned());
        file.pip.extra_indexes = vec!["https://a.example/".to_owned(), "https://b.example/".to_owned()];
        file.crates.index = Some("sparse+https://crates.example/".to_owned());
        file.git.rewrites =
            [("https://hub.example/".to_owned(), "https://git.example/hub/".to_owned())].into();
        file.certificates.authorities = Some("/etc/corp.pem".into());
        file
    }

    fn site(file: &SiteFile, process: &[(&str, &str)]) -> Site {
        let process = process.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Site::new(file, process, Utf8Path::new("/cache/joined.pem"), Some(Utf8Path::new("/sys.pem")), false)
    }

    #[test]
    fn every_child_of_deps_gets_it_in_the_form_it_wants() {
        let site = site(&file(), &[("UNRELATED", "x")]);
        let lines: Vec<String> =
            site.network_environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        insta::assert_snapshot!("environment", lines.join("\n"));
        let authorities = site.authorities.unwrap();
        assert_eq!(authorities.base.as_deref(), Some(Utf8Path::new("/sys.pem")));
        assert!(site.apt_proxies);
        assert_eq!(site.proxy_keys.get("HTTPS_PROXY"), Some(&"proxies.https"));
    }

    #[test]
    fn the_process_has_the_last_word_in_either_letter_case() {
        let process = [
            ("HTTP_PROXY", "http://mine:9"),
            ("https_proxy", "http://mine:9"),
            ("PIP_INDEX_URL", "https://mine.example"),
        ];
        let site = site(&file(), &process);
        let value = |name: &str| site.network_environment.get(name).map(String::as_str);
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"] {
            assert_eq!(value(name), Some("http://mine:9"), "{name}");
        }
        assert_eq!(value("PIP_INDEX_URL"), Some("https://mine.example"));
        assert_eq!(value("no_proxy"), Some("localhost,.corp.example"));
        assert!(site.proxy_keys.is_empty());
        assert!(!site.apt_proxies, "apt reads the process's own variables");
    }

    #[test]
    fn authorities_are_added_to_those_that_the_process_names() {
        let process =
            [("SSL_CERT_FILE", "/mine.pem"), ("PIP_CERT", "/mine.pem"), ("GIT_SSL_CAINFO", "/git.pem")];
        let with = site(&file(), &process);
        let value = |name: &str| with.network_environment.get(name).map(String::as_str);
        assert_eq!(value("SSL_CERT_FILE"), Some("/cache/joined.pem"));
        assert_eq!(value("PIP_CERT"), Some("/cache/joined.pem"));
        assert_eq!(value("GIT_SSL_CAINFO"), Some("/git.pem"));
        assert_eq!(with.authorities.unwrap().base.as_deref(), Some(Utf8Path::new("/mine.pem")));
        let without = site(&SiteFile::default(), &process[..1]);
        assert_eq!(without.network_environment.get("PIP_CERT").map(String::as_str), Some("/mine.pem"));
        assert_eq!(without.authorities, None);
    }

    #[test]
    fn sudo_that_is_forbidden_is_not_there() {
        let file = SiteFile { sudo: SudoPolicy::Never, ..SiteFile::default() };
        assert_eq!(site(&file, &[]).sudo, Sudo::Unavailable);
        assert_eq!(Site::new(&file, [], Utf8Path::new("/b"), None, true).sudo, Sudo::NotNeeded);
    }

    #[test]
    fn the_longest_beginning_counts_and_ends_at_a_slash() {
        let mirrors = BTreeMap::from(
            [
                ("http://deb.example/debian", "http://m.example/d/"),
                ("http://deb.example/debian/pool/", "file:/pool"),
            ]
            .map(|(from, to)| (from.to_owned(), to.to_owned())),
        );
        let of = |address: &str| mirrored(address, &mirrors);
        assert_eq!(of("http://deb.example/debian").as_deref(), Some("http://m.example/d"));
        assert_eq!(of("http://deb.example/debian/dists").as_deref(), Some("http://m.example/d/dists"));
        assert_eq!(of("http://deb.example/debian/pool/a").as_deref(), Some("file:/pool/a"));
        assert_eq!(of("http://deb.example/debian-security"), None);
    }

    #[test]
    fn credentials_of_a_rewritten_address_are_no_part_of_it() {
        let mut file = SiteFile::default();
        file.git
            .rewrites
            .insert("https://one.example/".to_owned(), "https://me:pw@git.example/one/".to_owned());
        file.git
            .rewrites
            .insert("https://two.example/".to_owned(), "https://me:pw@git.example/two/".to_owned());
        let found = variables(&file);
        assert_eq!(found["GIT_CONFIG_COUNT"], "3", "{found:?}");
        assert_eq!(found["GIT_CONFIG_KEY_0"], "url.https://git.example/one/.insteadOf");
        assert_eq!(found["GIT_CONFIG_KEY_1"], "http.https://git.example/.extraHeader");
        assert_eq!(found["GIT_CONFIG_VALUE_2"], "https://two.example/");
    }

    #[test]
    fn the_index_of_xmake_stands_for_where_it_is_published() {
        let mut file = file();
        file.xmake.index = Some("https://git.example/index.git".to_owned());
        let found = variables(&file);
        assert_eq!(found["GIT_CONFIG_COUNT"], "7", "{found:?}");
        let published = "https://github.com/xmake-io/xmake-repo.git";
        let (key, _) = found.iter().find(|(_, value)| *value == published).unwrap();
        let number = key.strip_prefix("GIT_CONFIG_VALUE_").unwrap();
        assert_eq!(found[&format!("GIT_CONFIG_KEY_{number}")], "url.https://git.example/index.git.insteadOf");
    }
}
