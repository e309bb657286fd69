//! Whether what the site and the case name answers: asked with `--online` only.

use std::collections::BTreeMap;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use deps::http::{Client, Policy};
use engine::{StandaloneContext, World};
use model::case::{Case, SourceSpec};
use model::site::raw_sign;

use super::check::{Check, Patient};
use super::place::proxies;
use crate::error::Result;

const CONNECT: Duration = Duration::from_secs(5);

/// Something on the network that `deps` would use.
pub(super) enum Server {
    Proxy(String),
    Mirror {
        /// Where it is named: a key of the site file, a source of the case.
        named: String,
        address: String,
        /// What else of the case lies there.
        more: usize,
    },
}

/// What could be asked: proxies, then mirrors and indexes of the site, then servers of the case, each once.
pub(super) fn servers(patient: &Patient) -> Vec<Server> {
    let proxies = proxies(patient).into_iter().filter(|address| raw_sign(address).is_none());
    let mut servers: Vec<Server> = proxies.map(Server::Proxy).collect();
    let mirrors = of_site(patient).into_iter();
    servers.extend(mirrors.map(|(named, address)| Server::Mirror { named, address, more: 0 }));
    servers.extend(patient.case.iter().flat_map(of_case));
    servers
}

/// Asks each, and says what answered, how long that took and what to do.
pub(super) fn checks(patient: &Patient) -> Result<Vec<Check>> {
    let world =
        World { layout: &patient.layout, site: &patient.site, target: &patient.target, offline: false };
    let context = StandaloneContext::new(&world)?;
    let policy = Policy {
        attempts: 1,
        connect: CONNECT,
        silence: Duration::from_secs(10),
        ..Policy::of(&patient.site)
    };
    let client = Client::with_policy(&patient.site, policy);
    let ask = |server| match server {
        Server::Proxy(address) => ask_proxy(&address),
        Server::Mirror { named, address, more } => {
            let more = if more > 0 { format!(" (and {more} more there)") } else { String::new() };
            ask_mirror(&format!("{named}: {address}{more}"), &named, &address, &client, &context)
        }
    };
    let found: Vec<Check> = servers(patient).into_iter().map(ask).collect();
    if found.is_empty() {
        let what = "neither the site nor the case names a server; public ones are not asked";
        return Ok(vec![Check::ok("mirror", what)]);
    }
    Ok(found)
}

/// Where the address can be corrected.
fn key(named: &str) -> String {
    let file = if named.starts_with("sources.") { "the case" } else { "the site file" };
    format!("{named} in {file}")
}

/// `0.12 s`.
fn since(began: Instant) -> String {
    format!("{:.2} s", began.elapsed().as_secs_f32())
}

fn ask_proxy(address: &str) -> Check {
    let began = Instant::now();
    match connect(address) {
        Ok(()) => Check::ok("proxy", format!("proxy {address} accepts connections, in {}", since(began))),
        Err(why) => Check::failure(
            "proxy",
            format!("proxy {address} cannot be reached, after {}: {why}", since(began)),
            "correct `proxies` in the site file, or http_proxy and https_proxy",
        ),
    }
}

fn ask_mirror(
    what: &str,
    named: &str,
    address: &str,
    client: &Client,
    context: &StandaloneContext<'_>,
) -> Check {
    if let Some(path) = address.strip_prefix("file:") {
        let path = format!("/{}", path.trim_start_matches('/'));
        return match Utf8Path::new(&path).exists() {
            true => Check::ok("mirror", what),
            false => Check::failure(
                "mirror",
                format!("{what} does not exist"),
                format!("mount or create {path}, or correct {}", key(named)),
            ),
        };
    }
    if !address.starts_with("http://") && !address.starts_with("https://") {
        return Check::ok("mirror", format!("{what}: not asked: only http, https and file are"));
    }
    let began = Instant::now();
    let status = client.status(address, context);
    let long = since(began);
    let answers = |status: u16| format!("{what} answers {status} in {long}");
    match status {
        Ok(407) => Check::failure(
            "mirror",
            format!("{what}: the proxy needs credentials"),
            "put them into the proxy's address: http://user:password@host:port",
        ),
        Ok(status @ (401 | 403)) => Check::warning(
            "mirror",
            answers(status),
            "it needs credentials, or a proxy forbids it: try to download a file below it",
        ),
        Ok(status @ 404) if named.starts_with("sources.") => {
            let cure = format!("correct {}, or add an alternative", key(named));
            Check::warning("mirror", answers(status), cure)
        }
        Ok(status @ 500..) => Check::warning("mirror", answers(status), "ask its operator"),
        Ok(status) => Check::ok("mirror", answers(status)),
        Err(why) => Check::failure(
            "mirror",
            format!("{what} cannot be reached, after {long}: {why}"),
            format!("correct {}, or make the host reachable from here", key(named)),
        ),
    }
}

/// Connects to the host and port of a proxy, and says nothing to it.
fn connect(address: &str) -> std::result::Result<(), String> {
    let (scheme, rest) = address.split_once("://").unwrap_or(("http", address));
    let authority = rest.split('/').next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let port = match scheme {
        "https" => 443,
        "http" => 80,
        _ => 1080,
    };
    let host = if has_port { host.to_owned() } else { format!("{host}:{port}") };
    let mut last = "its name does not resolve".to_owned();
    for address in host.to_socket_addrs().map_err(|error| error.to_string())? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(_) => return Ok(()),
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

/// What the site names, with the key that names it.
fn of_site(patient: &Patient) -> Vec<(String, String)> {
    let environment = &patient.site.network_environment;
    let mut found = Vec::new();
    let mut add = |key: &str, address: &str| {
        let address = address.strip_prefix("sparse+").unwrap_or(address).to_owned();
        if !found.iter().any(|(_, known)| *known == address) {
            found.push((key.to_owned(), address));
        }
    };
    for (key, variable) in [
        ("pip.index", "PIP_INDEX_URL"),
        ("pip.extra_indexes", "PIP_EXTRA_INDEX_URL"),
        ("crates.index", "INSTALLER_CRATES_INDEX"),
        ("rustup.dist_server", "RUSTUP_DIST_SERVER"),
        ("rustup.update_root", "RUSTUP_UPDATE_ROOT"),
        ("xmake.index", "XMAKE_MAIN_REPO"),
    ] {
        for address in environment.get(variable).map_or("", String::as_str).split_whitespace() {
            add(key, address);
        }
    }
    for address in patient.site.apt_mirrors.values() {
        add("apt.mirrors", address);
    }
    for address in patient.site.package_mirrors.values() {
        add("packages.mirrors", address);
    }
    for address in patient.site.archive_mirrors.values() {
        add("archives", address);
    }
    for address in patient.files.loaded.file.git.rewrites.values() {
        add("git.rewrites", address);
    }
    found
}

/// The servers of a case's sources and repositories: of what lies on one server, the first is asked.
fn of_case(case: &Case) -> Vec<Server> {
    let mut addresses: Vec<(String, String)> = Vec::new();
    for (name, specs) in &case.sources {
        for spec in specs.as_slice() {
            let urls = match spec {
                // What git asks first of a server that speaks HTTP (gitprotocol-http).
                SourceSpec::Git { url, .. } if url.starts_with("http") => {
                    vec![format!("{}/info/refs?service=git-upload-pack", url.trim_end_matches('/'))]
                }
                SourceSpec::Git { url, .. } => vec![url.clone()],
                SourceSpec::Archive { urls, .. } | SourceSpec::File { urls, .. } => urls.clone(),
                _ => Vec::new(),
            };
            addresses.extend(urls.into_iter().map(|url| (format!("sources.{name}"), url)));
        }
    }
    let mut servers: BTreeMap<String, (String, String, usize)> = BTreeMap::new();
    for (named, address) in addresses {
        let server: String = address.split('/').take(3).collect::<Vec<_>>().join("/");
        servers.entry(server).and_modify(|(_, _, more)| *more += 1).or_insert((named, address, 0));
    }
    let servers = servers.into_values();
    servers.map(|(named, address, more)| Server::Mirror { named, address, more }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_connected_to_and_a_dead_one_is_told() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(connect(&format!("http://me:secret@{address}/")), Ok(()));
        drop(listener);
        assert!(connect(&format!("http://{address}")).is_err());
    }
}
