//! What the site says: its files, proxies, mirrors and certificate authorities. No server is asked but those that the
//! site itself names.

use std::collections::BTreeSet;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::Utf8Path;
use deps::http::{Client, Policy};
use engine::{StandaloneContext, World};
use model::site::{percent_encoded, raw_sign};

use super::check::{Check, Patient, State};
use crate::error::Result;

const CONNECT: Duration = Duration::from_secs(5);

pub(super) fn checks(patient: &Patient) -> Result<Vec<Check>> {
    let mut found = files(patient);
    found.extend(proxies(patient));
    found.extend(authorities(patient));
    found.extend(mirrors(patient)?);
    Ok(found)
}

fn files(patient: &Patient) -> Vec<Check> {
    let mut found = Vec::new();
    for (path, there) in &patient.files.places {
        if !there {
            found.push(Check::ok("site", format!("{path} does not exist")));
            continue;
        }
        let mut check = Check::ok("site", path.to_string());
        let own = patient.files.loaded.origins.iter().filter_map(|origin| {
            let line = origin.from.strip_prefix(path.as_str())?.strip_prefix(':')?;
            Some(format!("{} = {} (line {line})", origin.key, origin.value))
        });
        check.details = own.collect();
        let secret = patient.files.loaded.origins.iter().any(|origin| {
            origin.from.starts_with(path.as_str())
                && origin.value.contains('@')
                && origin.value.contains("://")
        });
        let mode = std::fs::metadata(path).map(|metadata| metadata.permissions().mode());
        if secret && mode.is_ok_and(|mode| mode & 0o004 != 0) {
            check.state = State::Warning;
            check.cure = Some(format!("it contains a password and every user can read it: chmod o-r {path}"));
        }
        found.push(check);
    }
    let overridden: Vec<&str> = ["http_proxy", "https_proxy", "PIP_INDEX_URL", "SSL_CERT_FILE"]
        .into_iter()
        .filter(|name| {
            [(*name).to_owned(), name.to_ascii_uppercase()]
                .iter()
                .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
        })
        .collect();
    if !overridden.is_empty() {
        found.push(Check::ok(
            "site",
            format!("set in the environment, which overrides the files: {}", overridden.join(", ")),
        ));
    }
    found
}

fn proxies(patient: &Patient) -> Vec<Check> {
    let environment = &patient.site.network_environment;
    let addresses: BTreeSet<&String> =
        ["http_proxy", "https_proxy", "all_proxy"].iter().filter_map(|name| environment.get(*name)).collect();
    let mut found: Vec<Check> = patient
        .site
        .unreadable_proxies()
        .into_iter()
        .map(|(name, sign)| {
            Check::failure(
                "proxy",
                format!(
                    "the credentials in {name} hold `{sign}`, which ends them for the tools that read it"
                ),
                format!("percent-encode it: write {} for `{sign}`", percent_encoded(sign)),
            )
        })
        .collect();
    for address in addresses.into_iter().filter(|address| raw_sign(address).is_none()) {
        let shown = format!("proxy {address}");
        if patient.common.offline {
            found.push(Check::ok("proxy", format!("{shown}: not tried, --offline")));
            continue;
        }
        found.push(match connect(address) {
            Ok(()) => Check::ok("proxy", format!("{shown} accepts connections")),
            Err(why) => Check::failure(
                "proxy",
                format!("{shown} cannot be reached: {why}"),
                "correct `proxies` in the site file, or http_proxy and https_proxy",
            ),
        });
    }
    if found.is_empty() {
        found.push(Check::ok("proxy", "none"));
    }
    found
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

fn authorities(patient: &Patient) -> Vec<Check> {
    let Some(authorities) = &patient.site.authorities else {
        let said = patient.site.network_environment.get("SSL_CERT_FILE");
        return match said {
            Some(file) => {
                vec![authority_file(Utf8Path::new(file), "SSL_CERT_FILE in the environment", false)]
            }
            None => vec![Check::ok("authorities", "the system's, and the built-in ones")],
        };
    };
    let mut found =
        vec![authority_file(&authorities.file, "certificates.authorities in the site file", true)];
    if let Some(base) = &authorities.base {
        found.push(Check::ok("authorities", format!("combined with {base} for the tools of `deps`")));
    }
    found
}

/// A system's bundle always has some that are expired; in the site's own file each counts.
fn authority_file(file: &Utf8Path, said: &str, own: bool) -> Check {
    let certificates = match deps::http::authorities::inspect(file) {
        Ok(certificates) => certificates,
        Err(why) => return Check::failure("authorities", why, format!("correct {said}")),
    };
    let now = now();
    let expired: Vec<String> = certificates
        .iter()
        .filter(|one| one.until < now)
        .map(|one| format!("{} (until {})", one.name, one.until.get(..8).unwrap_or_default()))
        .collect();
    let what = format!("{file}: {} certificates", certificates.len());
    if expired.is_empty() || (!own && expired.len() < certificates.len()) {
        return Check::ok("authorities", what);
    }
    let what = format!("{what}, expired: {}", expired.join(", "));
    let cure = "put the authority's new certificate into the file";
    if expired.len() == certificates.len() {
        Check::failure("authorities", what, cure)
    } else {
        Check::warning("authorities", what, cure)
    }
}

/// This moment as `YYYYMMDDhhmmss`, UTC.
fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    exec::utc::compact(seconds).replace(['T', 'Z'], "")
}

/// What the site names, with the key or variable that names it.
fn named(patient: &Patient) -> Vec<(String, String)> {
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

fn mirrors(patient: &Patient) -> Result<Vec<Check>> {
    let named = named(patient);
    let world = World {
        layout: &patient.layout,
        site: &patient.site,
        target: &patient.target,
        offline: patient.common.offline,
    };
    let context = StandaloneContext::new(&world)?;
    let policy = Policy {
        attempts: 1,
        connect: CONNECT,
        silence: Duration::from_secs(10),
        ..Policy::of(&patient.site)
    };
    let client = Client::with_policy(&patient.site, policy);
    let mut found = Vec::new();
    for (key, address) in named {
        let what = format!("{key}: {address}");
        if let Some(path) = address.strip_prefix("file:") {
            let path = format!("/{}", path.trim_start_matches('/'));
            found.push(if Utf8Path::new(&path).exists() {
                Check::ok("mirror", what)
            } else {
                Check::failure(
                    "mirror",
                    format!("{what} does not exist"),
                    format!("mount or create {path}, or correct {key}"),
                )
            });
            continue;
        }
        if !address.starts_with("http://") && !address.starts_with("https://") {
            found.push(Check::ok("mirror", format!("{what}: not tried: only http, https and file are")));
            continue;
        }
        if patient.common.offline {
            found.push(Check::ok("mirror", format!("{what}: not tried, --offline")));
            continue;
        }
        found.push(match client.status(&address, &context) {
            Ok(407) => Check::failure(
                "mirror",
                format!("{what}: the proxy needs credentials"),
                "put them into the proxy's address: http://user:password@host:port",
            ),
            Ok(status @ (401 | 403)) => Check::warning(
                "mirror",
                format!("{what} answers {status}"),
                "it needs credentials, or a proxy forbids it: try to download a file below it",
            ),
            Ok(status @ 500..) => {
                Check::warning("mirror", format!("{what} answers {status}"), "ask its operator")
            }
            Ok(status) => Check::ok("mirror", format!("{what} answers {status}")),
            Err(why) => Check::failure(
                "mirror",
                format!("{what} cannot be reached: {why}"),
                format!("correct {key} in the site file, or make the host reachable from here"),
            ),
        });
    }
    if found.is_empty() {
        found.push(Check::ok("mirror", "none configured; public servers are not tested"));
    }
    Ok(found)
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
