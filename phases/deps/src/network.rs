//! What trouble with the network looks like in what tools print, and what to do about it. Each tool says it in its own
//! words, some only in passing ("no matching distribution"), so that it is read off here for all steps of `deps`.

use camino::Utf8Path;
use engine::runner::{Context, StepError};
use model::event::{Failure, FailureKind};

use crate::http::proxy::{Proxies, Setting};
use crate::http::url::redact;

/// As many of the last lines of a log are read.
const TAIL: usize = 60;

const DOCTOR: &str =
    "`installer doctor --online` shows which proxies, mirrors and authorities are set here, and which answer";

/// How TLS libraries say that they do not trust a server: OpenSSL (Python, git, curl), rustls, GnuTLS (apt, git).
const CERTIFICATE: &[&str] = &[
    "certificate verify failed",
    "certificate_verify_failed",
    "certificate verification failed",
    "error in the certificate verification",
    "unknownissuer",
    "invalid peer certificate",
    "unable to get local issuer certificate",
    "self-signed certificate",
    "self signed certificate",
    "ssl certificate problem",
    "ssl peer certificate",
    "certificate is not trusted",
    "the certificate is not trusted",
    "certificate issuer is unknown",
];

/// How tools say that they cannot reach something, each with the reason in short.
const UNREACHABLE: &[(&str, &str)] = &[
    ("407", "it needs credentials (407)"),
    ("proxy authentication", "it needs credentials (407)"),
    ("tunnel connection failed: 403", "it forbids the connection (403)"),
    ("403 from proxy", "it forbids the connection (403)"),
    ("connection refused", "connection refused"),
    ("proxy refused", "connection refused"),
    ("temporary failure in name resolution", "its name does not resolve"),
    ("temporary failure resolving", "its name does not resolve"),
    ("name or service not known", "its name does not resolve"),
    ("could not resolve", "its name does not resolve"),
    ("host name does not resolve", "its name does not resolve"),
    ("timed out", "no answer in time"),
    ("did not answer in time", "no answer in time"),
    ("network is unreachable", "network is unreachable"),
    ("no route to host", "no route to host"),
    ("tunnel connection failed", "it refuses the connection"),
    ("could not connect", "connecting to it fails"),
    ("couldn't connect", "connecting to it fails"),
    ("failed to connect", "connecting to it fails"),
    ("unable to connect", "connecting to it fails"),
    ("cannot connect", "connecting to it fails"),
    ("failed to establish a new connection", "connecting to it fails"),
];

/// What is wrong.
#[derive(Debug, PartialEq, Eq)]
enum Trouble {
    /// A proxy, or several variables that name it; and why.
    Proxy(Vec<Setting>, &'static str),
    /// The server's name where the line has it.
    Certificate(Option<String>),
    /// There is no proxy on the way; and why.
    Unreachable(&'static str),
}

/// Whether a failure comes of the network.
pub fn is_cause(failure: &Failure, context: &dyn Context) -> bool {
    let log = failure.log.as_deref().map(Utf8Path::new);
    find(&said(failure, log), &proxies(context)).is_some()
}

/// An error of a step of `deps`; where the network is the cause, it says so first, and says what to do about that.
pub fn explain(error: StepError, log: &Utf8Path, context: &dyn Context) -> StepError {
    let StepError::Failed(mut failure) = error else { return error };
    if failure.kind != FailureKind::Step || context.offline() {
        return StepError::Failed(failure);
    }
    let Some(trouble) = find(&said(&failure, Some(log)), &proxies(context)) else {
        return StepError::Failed(failure);
    };
    // What was asked for by this program itself names its address and the reason already.
    let of_tool = failure.command.is_some();
    let (message, cures) = match &trouble {
        Trouble::Proxy(settings, why) => proxy(settings, why, context),
        Trouble::Certificate(host) => certificate(host.as_deref(), &failure, context),
        Trouble::Unreachable(_) if !of_tool => return StepError::Failed(failure),
        Trouble::Unreachable(why) => (
            format!("the network cannot be reached from here: {why}"),
            vec![
                "behind a proxy set http_proxy and https_proxy, or http and https below [proxies] in site.toml; for a mirror see docs/site.md"
                    .to_owned(),
                DOCTOR.to_owned(),
            ],
        ),
    };
    if of_tool {
        failure.message = message;
    }
    failure.cures = cures;
    StepError::Failed(failure)
}

fn proxies(context: &dyn Context) -> Proxies {
    Proxies::new(&context.site().network_environment)
}

/// All lines that may name the cause.
fn said(failure: &Failure, log: Option<&Utf8Path>) -> Vec<String> {
    let text = log.and_then(|log| std::fs::read_to_string(log).ok()).unwrap_or_default();
    let skipped = text.lines().count().saturating_sub(TAIL);
    let lines = failure.message.lines().chain(failure.excerpt.iter().map(String::as_str));
    lines.chain(text.lines().skip(skipped)).map(str::to_owned).collect()
}

fn find(lines: &[String], proxies: &Proxies) -> Option<Trouble> {
    let lines: Vec<(&String, String)> = lines
        .iter()
        .map(|line| (line, line.to_ascii_lowercase()))
        .filter(|(_, lower)| counts(lower))
        .collect();
    let another_cause = ["no space left on device", "dpkg: error", "sub-process /usr/bin/dpkg"];
    if lines.iter().any(|(_, lower)| another_cause.iter().any(|sign| lower.contains(sign))) {
        return None;
    }
    let mut of_certificates = lines
        .iter()
        .filter(|(_, lower)| CERTIFICATE.iter().any(|sign| lower.contains(sign)))
        .map(|(line, _)| host_in(line))
        .peekable();
    if of_certificates.peek().is_some() {
        return Some(Trouble::Certificate(of_certificates.flatten().next()));
    }
    let reason =
        |lower: &str| UNREACHABLE.iter().find(|(sign, _)| lower.contains(sign)).map(|(_, reason)| *reason);
    let found: Vec<(&String, &'static str)> =
        lines.iter().filter_map(|(_, lower)| Some((lower, reason(lower)?))).collect();
    let of_proxy = found.iter().find_map(|(lower, why)| {
        let settings = blamed(lower, proxies);
        (!settings.is_empty()).then_some(Trouble::Proxy(settings, why))
    });
    // "connection refused" alone may be said of a socket on this machine.
    let of_network = ["://", "retrying (retry(", "resol"];
    of_proxy.or_else(|| {
        let (_, why) = found.iter().find(|(lower, _)| of_network.iter().any(|sign| lower.contains(sign)))?;
        Some(Trouble::Unreachable(why))
    })
}

/// Attempts after which the tool went on trying say nothing of how it ended.
fn counts(lower: &str) -> bool {
    let retried = lower.contains("retrying (retry(total=") && !lower.contains("retry(total=0");
    !retried && !lower.contains("; trying again in ")
}

/// The proxies that a line blames: by their address, or by the word alone.
fn blamed(lower: &str, proxies: &Proxies) -> Vec<Setting> {
    let all = proxies.all();
    let address = |setting: &Setting| {
        let rest = setting.url.split_once("://").map_or(setting.url.as_str(), |(_, rest)| rest);
        let rest = rest.split('/').next().unwrap_or_default();
        let authority = rest.rsplit_once('@').map_or(rest, |(_, authority)| authority);
        authority.to_ascii_lowercase()
    };
    let named = |setting: &&&Setting| {
        let authority = address(setting);
        let (host, port) = authority.rsplit_once(':').unwrap_or((&authority, "80"));
        !host.is_empty()
            && lower.contains(host)
            && (lower.contains(&authority)
                || lower.contains(&format!("port {port}"))
                || lower.contains("resol"))
    };
    let by_address: Vec<Setting> = all.iter().filter(named).map(|one| (*one).clone()).collect();
    if !by_address.is_empty() {
        return by_address;
    }
    if ["proxyerror", " proxy", "_proxy="].iter().any(|sign| lower.contains(sign)) {
        let https: Vec<Setting> = all
            .iter()
            .filter(|one| one.variable.eq_ignore_ascii_case("https_proxy"))
            .map(|one| (*one).clone())
            .collect();
        // pip's line names no proxy, but what it connected for.
        if lower.contains("httpsconnection") && !https.is_empty() {
            return https;
        }
        return all.into_iter().cloned().collect();
    }
    Vec::new()
}

/// The server in `https://server/…` or pip's `host='server'`.
fn host_in(line: &str) -> Option<String> {
    let after = |sign: &str| line.split_once(sign).map(|(_, rest)| rest);
    let rest = after("host='").or_else(|| after("https://"))?;
    let rest = rest.split(['/', '\'', ' ', '"', ',', ')']).next()?;
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    (!host.is_empty()).then(|| host.trim_end_matches(':').to_owned())
}

fn proxy(settings: &[Setting], why: &str, context: &dyn Context) -> (String, Vec<String>) {
    let mut urls: Vec<String> = settings.iter().map(|setting| redact(&setting.url)).collect();
    urls.dedup();
    let mut from: Vec<String> = settings
        .iter()
        .map(|setting| match context.site().proxy_keys.get(&setting.variable) {
            Some(key) => format!("{key} in site.toml"),
            None => setting.variable.clone(),
        })
        .collect();
    from.dedup();
    let from = from.join(" and ");
    (
        format!("the proxy {} ({from}) does not work: {why}", urls.join(" or ")),
        vec![
            format!(
                "correct {from}, or list in no_proxy (no_proxy below [proxies] in site.toml) the hosts to \
                 reach without it"
            ),
            DOCTOR.to_owned(),
        ],
    )
}

fn certificate(host: Option<&str>, failure: &Failure, context: &dyn Context) -> (String, Vec<String>) {
    let site = context.site();
    let of_apt = failure.command.as_ref().is_some_and(|command| command.contains("apt-get"));
    let key = "authorities = \"/path/to/ca.pem\" below [certificates] in site.toml";
    let mut how = if of_apt {
        format!("set {key} (apt does not read SSL_CERT_FILE)")
    } else {
        format!("set SSL_CERT_FILE=/path/to/ca.pem, or set {key}")
    };
    if let Some(authorities) = &site.authorities {
        how.push_str(&format!("; it is {} now, which does not have this one", authorities.file));
    } else if let Some(file) = site.network_environment.get("SSL_CERT_FILE").filter(|_| !of_apt) {
        how.push_str(&format!("; SSL_CERT_FILE is {file} now, which does not have this one"));
    }
    (
        format!("the certificate of {} is not trusted", host.unwrap_or("the server")),
        vec![
            format!("if this place signs connections itself, name its certificate authority: {how}"),
            "check the machine's clock too".to_owned(),
            DOCTOR.to_owned(),
        ],
    )
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
