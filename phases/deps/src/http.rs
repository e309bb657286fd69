//! Downloads: over the site's proxies and authorities, retried with back-off, resumed where the server allows, and never
//! mistaken for whole when they are not.

pub mod authorities;
pub mod download;
mod exchange;
mod forward;
mod pace;
mod page;
pub(crate) mod proxy;
mod roots;
pub mod url;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use engine::runner::{Context, StepError};
use model::event::FailureKind;
use model::site::Site;

pub use download::{Downloaded, Expect};
use exchange::{Head, Trouble, Wire};
use proxy::Proxies;
use roots::Roots;
use url::{Url, redact};

/// How patient a client is.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How often one thing is tried in a row without as much coming as [`Pace`](pace::Pace) asks for.
    pub attempts: u32,
    /// The pause before the second attempt; each further one is twice as long.
    pub first_pause: Duration,
    /// The longest pause, whatever the server asks for.
    pub longest_pause: Duration,
    /// How long name resolution and connecting may take, each.
    pub connect: Duration,
    /// How long a server may be silent.
    pub silence: Duration,
    /// Bytes a second below which a server counts as one that gives nothing.
    pub slowest: u64,
    /// How long a server may be that slow.
    pub slow_for: Duration,
}

impl Policy {
    /// What a site says.
    pub fn of(site: &Site) -> Self {
        let said = site.downloads;
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Self {
            attempts: said.attempts,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(60),
            connect: Duration::from_secs(20),
            silence: seconds(said.silent_seconds),
            slowest: said.slowest.into(),
            slow_for: seconds(said.slow_seconds),
        }
    }
}

/// A page that was read.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its text.
    pub text: String,
    /// `Content-Type`, in lower case, without parameters.
    pub content_type: String,
    /// Where it came from, after redirects: links on it are relative to this.
    pub url: Url,
}

/// Asks servers on behalf of a site.
#[derive(Debug)]
pub struct Client {
    site: Site,
    policy: Policy,
    wire: OnceLock<Arc<Wire>>,
}

impl Client {
    /// A client for this site. Certificates are read when the first request is made.
    pub fn new(site: &Site) -> Self {
        Self::with_policy(site, Policy::of(site))
    }

    /// The same with another patience.
    pub fn with_policy(site: &Site, policy: Policy) -> Self {
        Self { site: site.clone(), policy, wire: OnceLock::new() }
    }

    fn wire(&self, context: &dyn Context) -> &Arc<Wire> {
        self.wire.get_or_init(|| {
            let environment = &self.site.network_environment;
            let roots = Roots::load(environment, self.site.authorities.as_ref());
            for warning in &roots.warnings {
                context.warn(warning);
            }
            Arc::new(Wire::new(Proxies::new(environment), &roots, &self.policy))
        })
    }

    /// Reads a page of text.
    ///
    /// # Errors
    /// When it cannot be had, naming the host, the reason and the way out; when the run is offline or being cancelled.
    pub fn get_text(&self, url: &str, context: &dyn Context) -> Result<String, StepError> {
        self.get_page(url, "*/*", context).map(|page| page.text)
    }

    /// Reads a JSON document.
    ///
    /// # Errors
    /// As [`Client::get_text`], and when it is not the JSON that is expected.
    pub fn get_json<T: serde::de::DeserializeOwned>(
        &self,
        url: &str,
        context: &dyn Context,
    ) -> Result<T, StepError> {
        let page = self.get_page(url, "application/json", context)?;
        serde_json::from_str(&page.text).map_err(|error| match page::told(page.text.as_bytes()) {
            Some(page) => StepError::of_kind(
                FailureKind::Step,
                format!("{page} came from {} instead of JSON", redact(url)),
                vec![page::CURE.to_owned()],
            ),
            None => StepError::new(
                format!("{} answers something other than the expected JSON: {error}", redact(url)),
                "check the index or mirror of this site",
            ),
        })
    }

    /// Reads a page, asking for the media types in `accept`.
    ///
    /// # Errors
    /// As [`Client::get_text`].
    pub fn get_page(&self, url: &str, accept: &str, context: &dyn Context) -> Result<Page, StepError> {
        self.refuse_when_offline(url, None, context)?;
        let parsed = Url::parse(url).map_err(|error| StepError::new(error, "correct the URL"))?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let trouble = match self.read_page(&parsed, accept, context) {
                Ok(page) => return Ok(page),
                Err(trouble) => trouble,
            };
            self.pause_or_fail(trouble, attempt, "read", &parsed, context)?;
        }
    }

    /// The status of one answer, for finding out whether a server can be reached at all; tried once.
    ///
    /// # Errors
    /// Why there was no answer, without secrets.
    pub fn status(&self, url: &str, context: &dyn Context) -> Result<u16, String> {
        let parsed = Url::parse(url)?;
        let secrets = url::secrets(url);
        match self.wire(context).get(&parsed, Vec::new(), context) {
            Ok(answer) => Ok(answer.head.status),
            Err(Trouble::Cancelled) => Err("cancelled".to_owned()),
            Err(
                Trouble::Lasting(reason, _)
                | Trouble::Temporary(reason)
                | Trouble::Busy(reason, _)
                | Trouble::Slow(reason),
            ) => Err(secrets.iter().fold(reason, |text, secret| text.replace(secret, "***"))),
        }
    }

    fn read_page(&self, url: &Url, accept: &str, context: &dyn Context) -> Result<Page, Trouble> {
        let headers = vec![("accept", accept.to_owned()), ("accept-encoding", "gzip".to_owned())];
        let mut answer = self.wire(context).get(url, headers, context)?;
        if answer.head.status != 200 {
            return Err(bad_status(&answer.head));
        }
        let bytes = page::body(&mut answer, &self.policy, context)?;
        let content_type = answer.head.content_type();
        Ok(Page { text: String::from_utf8_lossy(&bytes).into_owned(), content_type, url: answer.head.url })
    }

    /// Waits before the next attempt, or says why there is none.
    fn pause_or_fail(
        &self,
        trouble: Trouble,
        attempt: u32,
        verb: &str,
        url: &Url,
        context: &dyn Context,
    ) -> Result<(), StepError> {
        let shown = redact(&url.to_string());
        let secrets = url::secrets(&url.to_string());
        let clean = |text: String| secrets.iter().fold(text, |text, secret| text.replace(secret, "***"));
        let (reason, asked, cures) = match trouble {
            Trouble::Cancelled => return Err(StepError::Cancelled),
            Trouble::Lasting(reason, mut cures) => {
                if cures.is_empty() {
                    cures.push("correct the URL, or add an alternative to the source".to_owned());
                }
                return Err(StepError::of_kind(
                    FailureKind::Step,
                    format!("failed to {verb} {shown}: {}", clean(reason)),
                    cures,
                ));
            }
            Trouble::Temporary(reason) => (reason, None, self.cures_of_bad_network(url, context)),
            Trouble::Busy(reason, asked) => (reason, asked, vec![cure_of_busy_server(url)]),
            Trouble::Slow(reason) => (reason, None, self.cures_of_slow_server(url, context)),
        };
        let kept = (verb == DOWNLOAD).then(|| KEPT.to_owned());
        let reason = clean(reason);
        let own = self.policy.first_pause.saturating_mul(2u32.saturating_pow(attempt - 1));
        let pause = asked.unwrap_or_default().max(own);
        let too_long = asked.filter(|asked| *asked > self.policy.longest_pause);
        if attempt >= self.policy.attempts || too_long.is_some() {
            let wait = too_long.map_or_else(String::new, |asked| {
                format!("; the server asks to wait {} seconds", asked.as_secs())
            });
            return Err(StepError::of_kind(
                FailureKind::Step,
                format!("failed to {verb} {shown} ({attempt} attempts): {reason}{wait}"),
                cures.into_iter().chain(kept).collect(),
            ));
        }
        let pause = pause.min(self.policy.longest_pause);
        context.note(&format!("{shown}: {reason}; trying again in {:.1} s", pause.as_secs_f32()));
        sleep(pause, context)
    }

    fn cures_of_bad_network(&self, url: &Url, context: &dyn Context) -> Vec<String> {
        let host = &url.host;
        vec![
            self.wire(context).proxy_shown(url).map_or_else(
                || {
                    format!(
                        "check that {host} can be reached from here; behind a proxy set http_proxy and https_proxy"
                    )
                },
                |proxy| format!("check that {host} can be reached through {proxy}, or list it in no_proxy"),
            ),
        ]
    }

    fn cures_of_slow_server(&self, url: &Url, context: &dyn Context) -> Vec<String> {
        let by_way = self.wire(context).proxy_shown(url);
        let by_way = by_way.map_or_else(String::new, |proxy| format!(", reached through {proxy},"));
        vec![
            format!(
                "{}{by_way} is too slow: choose another mirror (`installer doctor` shows those that are set)",
                url.host
            ),
            "on a slow line raise `silent_seconds` or lower `slowest` below [downloads] in site.toml (docs/site.md)"
                .to_owned(),
        ]
    }

    fn refuse_when_offline(
        &self,
        url: &str,
        wanted: Option<String>,
        context: &dyn Context,
    ) -> Result<(), StepError> {
        if !context.offline() {
            return Ok(());
        }
        let mut cures = vec!["run without --offline".to_owned()];
        cures.extend(wanted);
        Err(StepError::of_kind(
            FailureKind::Step,
            format!("--offline forbids downloading {}", redact(url)),
            cures,
        ))
    }
}

/// How the download of a file is called, of which what came is kept.
const DOWNLOAD: &str = "download";
const KEPT: &str = "what is downloaded is kept: a later run continues from there";

fn cure_of_busy_server(url: &Url) -> String {
    format!("the trouble is with {}: choose another mirror, or wait until it is over", url.host)
}

/// What a status other than success means.
fn bad_status(head: &Head) -> Trouble {
    let from = &head.url.host;
    let reason = ureq::http::StatusCode::from_u16(head.status).ok().and_then(|code| code.canonical_reason());
    let text = format!("{from} answers {} {}", head.status, reason.unwrap_or_default());
    match head.status {
        408 | 425 | 429 | 500..=599 => Trouble::Busy(text, head.retry_after()),
        401 | 403 => Trouble::Lasting(
            text,
            vec![format!(
                "{from} needs credentials, or a proxy forbids it: put them into the URL of the index, or \
                 correct the proxy's rules"
            )],
        ),
        407 => Trouble::Lasting(
            text,
            vec!["the proxy needs credentials: http_proxy=http://user:password@host:port".to_owned()],
        ),
        _ => Trouble::Lasting(text, vec![]),
    }
}

/// Sleeps, unless the run is being cancelled.
fn sleep(pause: Duration, context: &dyn Context) -> Result<(), StepError> {
    let end = std::time::Instant::now() + pause;
    loop {
        if context.cancelled() {
            return Err(StepError::Cancelled);
        }
        let left = end.saturating_duration_since(std::time::Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(100)));
    }
}

#[cfg(test)]
mod tests;
