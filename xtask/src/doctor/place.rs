//! What the site says: its files, proxies and certificate authorities. No server is asked.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use camino::Utf8Path;
use model::site::{percent_encoded, raw_sign};

use super::check::{Check, Patient, State};

pub(super) fn checks(patient: &Patient, online: bool) -> Vec<Check> {
    let mut found = files(patient);
    found.extend(proxy_checks(patient, online));
    found.extend(authorities(patient));
    found
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

/// Addresses of proxies, each once.
pub(super) fn proxies(patient: &Patient) -> BTreeSet<String> {
    let environment = &patient.site.network_environment;
    ["http_proxy", "https_proxy", "all_proxy"]
        .iter()
        .filter_map(|name| environment.get(*name).cloned())
        .collect()
}

fn proxy_checks(patient: &Patient, online: bool) -> Vec<Check> {
    let unreadable = patient.site.unreadable_proxies().into_iter().map(|(name, sign)| {
        Check::failure(
            "proxy",
            format!("the credentials in {name} hold `{sign}`, which ends them for the tools that read it"),
            format!("percent-encode it: write {} for `{sign}`", percent_encoded(sign)),
        )
    });
    let mut found: Vec<Check> = unreadable.collect();
    if !online {
        let readable = proxies(patient).into_iter().filter(|address| raw_sign(address).is_none());
        found.extend(readable.map(|address| Check::ok("proxy", format!("proxy {address}: not asked"))));
    }
    if found.is_empty() && proxies(patient).is_empty() {
        found.push(Check::ok("proxy", "none"));
    }
    found
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
