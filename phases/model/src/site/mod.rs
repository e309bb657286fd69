//! What the place dictates. Never part of a case, never part of a fingerprint.

mod credentials;
mod environment;
mod file;

pub use credentials::{GitAddress, percent_encoded, raw_sign};
pub use environment::{BUNDLE_VARIABLES, mirrored};
pub use file::{
    Apt, Certificates, Crates, Downloads, Git, LoadedSite, Packages, Pip, Proxies, Rustup, SiteFile,
    SiteText, SudoPolicy, Xmake, json_schema, load, reference_markdown,
};

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

/// Proxies, certificate authorities, indexes: what children that may use the network get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Environment variables for children of `deps`: proxies in both letter cases, `PIP_INDEX_URL`,
    /// `SSL_CERT_FILE` and their like, as they were set for `installer` itself.
    pub network_environment: BTreeMap<String, String>,
    /// Whether `sudo` may be used when a step must be run as root.
    pub sudo: Sudo,
    /// Authorities that are trusted beside the system's.
    pub authorities: Option<Authorities>,
    /// What begins an address of the distribution's repositories → what stands there instead.
    pub apt_mirrors: BTreeMap<String, String>,
    /// The same for distributions without apt.
    pub package_mirrors: BTreeMap<String, String>,
    /// The same for archives of sources.
    pub archive_mirrors: BTreeMap<String, String>,
    /// When a server is given up.
    pub downloads: Downloads,
    /// The proxies come from a site file, so that apt and dnf are told of them whatever `sudo` keeps of the environment.
    pub apt_proxies: bool,
    /// Proxy variables that a site file gave, each with its key there, for messages.
    pub proxy_keys: BTreeMap<String, &'static str>,
    /// What git's addresses are rewritten to, as the site file has them: whoever masks secrets has to know of theirs.
    pub git_addresses: Vec<String>,
}

/// Authorities of the site. Tools replace their own by what they are told, and do not add to it: they are given a
/// bundle that joins both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorities {
    /// The site's own, PEM.
    pub file: Utf8PathBuf,
    /// What it is joined with: what `SSL_CERT_FILE` names, else the system's bundle.
    pub base: Option<Utf8PathBuf>,
    /// Where the joined bundle is written before a run; nothing reads it earlier.
    pub bundle: Utf8PathBuf,
}

/// How a step that needs root gets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sudo {
    /// `installer` runs as root itself.
    #[default]
    NotNeeded,
    /// Not root; `sudo -n` works, or a terminal is there to ask on.
    Allowed,
    /// Not root, and no `sudo`.
    Unavailable,
}

impl Site {
    /// All texts that may hold secrets, by a name that says nothing of itself; for whoever masks them.
    pub fn told(&self) -> BTreeMap<String, String> {
        let mirrors = self.apt_mirrors.values().chain(self.package_mirrors.values());
        let mirrors = mirrors.chain(self.archive_mirrors.values()).chain(&self.git_addresses);
        let mirrors = mirrors.enumerate().map(|(number, to)| (format!("MIRROR_{number}"), to.clone()));
        self.network_environment.clone().into_iter().chain(mirrors).collect()
    }

    /// Proxies whose credentials hold a sign that ends them for every tool that reads the address: by the variable or the
    /// key of the site file, with the sign.
    pub fn unreadable_proxies(&self) -> Vec<(String, char)> {
        let proxies = self.network_environment.iter().filter(|(name, _)| {
            let name = name.to_ascii_lowercase();
            name.ends_with("_proxy") && name != "no_proxy"
        });
        let mut unreadable: Vec<(String, char)> = proxies
            .filter_map(|(name, url)| {
                let key = self.proxy_keys.get(name).map(|key| format!("{key} in site.toml"));
                Some((key.unwrap_or_else(|| name.clone()), raw_sign(url)?))
            })
            .collect();
        // Both letter cases of a variable come of one.
        unreadable.sort_by(|(one, _), (other, _)| {
            one.to_ascii_lowercase().cmp(&other.to_ascii_lowercase()).then_with(|| other.cmp(one))
        });
        unreadable.dedup_by_key(|(name, _)| name.to_ascii_lowercase());
        unreadable
    }

    /// The variables that are passed on to children of `deps`, whatever their value.
    pub const PASSED: &'static [&'static str] = &[
        "http_proxy",
        "https_proxy",
        "ftp_proxy",
        "all_proxy",
        "no_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "FTP_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "CURL_CA_BUNDLE",
        "REQUESTS_CA_BUNDLE",
        "PIP_CERT",
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
        "PIP_TRUSTED_HOST",
        "PIP_DEFAULT_TIMEOUT",
        "PIP_CONFIG_FILE",
        "GIT_SSL_CAINFO",
        "XMAKE_MAIN_REPO",
        "CARGO_HTTP_CAINFO",
        "CARGO_HTTP_PROXY",
        "CARGO_HOME",
        "RUSTUP_HOME",
        "INSTALLER_CRATES_INDEX",
        "RUSTUP_DIST_SERVER",
        "RUSTUP_UPDATE_ROOT",
    ];

    /// Takes what is to be passed on from an environment and completes the other letter case of each proxy.
    pub fn from_environment(environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut network_environment: BTreeMap<String, String> = environment
            .into_iter()
            .filter(|(name, value)| Self::PASSED.contains(&name.as_str()) && !value.is_empty())
            .collect();
        for lower in ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"] {
            let upper = lower.to_ascii_uppercase();
            if let Some(value) =
                network_environment.get(lower).or_else(|| network_environment.get(&upper)).cloned()
            {
                network_environment.entry(lower.to_owned()).or_insert_with(|| value.clone());
                network_environment.entry(upper).or_insert(value);
            }
        }
        Self { network_environment, ..Self::default() }
    }
}
