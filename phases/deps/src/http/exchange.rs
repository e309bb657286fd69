//! One request and its answer, in a thread of its own, so that cancelling a run does not wait for a server.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::runner::Context;
use ureq::http::{HeaderMap, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Proxy};

use super::proxy::{Proxies, Setting};
use super::roots::Roots;
use super::url::Url;
use super::{Policy, forward};

/// Redirects that are followed.
const REDIRECTS: usize = 10;
/// Bytes handed over at a time.
const CHUNK: usize = 128 * 1024;
/// How often a waiting request asks whether the run is being cancelled.
const POLL: Duration = Duration::from_millis(100);

/// What makes requests.
#[derive(Debug)]
pub struct Wire {
    proxies: Proxies,
    direct: Agent,
    /// How long a server may be silent.
    silence: Duration,
}

/// The head of an answer.
#[derive(Debug)]
pub struct Head {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Where the answer came from, after redirects.
    pub url: Url,
}

impl Head {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `Content-Type`, in lower case, without parameters.
    pub fn content_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// How many bytes follow, if the server says.
    pub fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// How long the server asks to wait (seconds or a date).
    pub fn retry_after(&self) -> Option<Duration> {
        let value = self.header("retry-after")?.trim();
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = httpdate::parse_http_date(value).ok()?;
        Some(date.duration_since(SystemTime::now()).unwrap_or_default())
    }
}

/// Why there is no answer, or no whole one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The run is being cancelled.
    Cancelled,
    /// It may go better next time: what went wrong with the connection.
    Temporary(String),
    /// The server is there and refuses for now: what it says, and how long it asks to wait.
    Busy(String, Option<Duration>),
    /// The server is there and gives nothing, or too little.
    Slow(String),
    /// It will not go better: what is wrong, and what to do.
    Lasting(String, Vec<String>),
}

enum Message {
    Head(Box<Head>),
    Chunk(Vec<u8>),
    End,
    Trouble(Trouble),
}

/// An answer whose body is still to be read.
pub struct Answer {
    /// Its head.
    pub head: Head,
    rest: Receiver<Message>,
}

impl Wire {
    /// Agents for a site.
    pub fn new(proxies: Proxies, roots: &Roots, policy: &Policy) -> Self {
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots.certificates)).build();
        let direct = Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("installer/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(policy.connect))
            .timeout_connect(Some(policy.connect))
            .timeout_per_read(Some(policy.silence))
            .timeout_recv_response(Some(policy.silence))
            .build()
            .new_agent();
        Self { proxies, direct, silence: policy.silence }
    }

    /// Asks for `url` and waits for the head of the answer.
    ///
    /// # Errors
    /// When there is none, or the run is being cancelled.
    pub fn get(
        self: &Arc<Self>,
        url: &Url,
        headers: Vec<(&'static str, String)>,
        context: &dyn Context,
    ) -> Result<Answer, Trouble> {
        let (sender, receiver) = sync_channel(8);
        let (wire, url) = (Arc::clone(self), url.clone());
        // Not joined: when the run is cancelled it may hang in a read until its time-out; it then finds no one to tell,
        // and it touches nothing but its socket.
        let spawned = std::thread::Builder::new().name("http".to_owned()).spawn(move || {
            if let Err(trouble) = wire.transfer(url, &headers, &sender) {
                // Nobody listens any more when this fails.
                let _ = sender.send(Message::Trouble(trouble));
            }
        });
        spawned.map_err(|error| Trouble::Temporary(format!("no thread could be started: {error}")))?;
        match receive(&receiver, context)? {
            Message::Head(head) => Ok(Answer { head: *head, rest: receiver }),
            Message::Chunk(_) | Message::End => {
                Err(Trouble::Temporary("the answer has no header".to_owned()))
            }
            Message::Trouble(trouble) => Err(trouble),
        }
    }

    fn transfer(
        &self,
        mut url: Url,
        headers: &[(&'static str, String)],
        sender: &SyncSender<Message>,
    ) -> Result<(), Trouble> {
        for _ in 0..=REDIRECTS {
            let proxy = self.proxies.for_url(&url);
            let response = self.call(&url, headers, proxy).map_err(|error| self.explain(error, proxy))?;
            let (parts, body) = response.into_parts();
            let status = parts.status.as_u16();
            if let (301 | 302 | 303 | 307 | 308, Some(to)) =
                (status, parts.headers.get("location").and_then(|to| to.to_str().ok()))
            {
                url = url.join(to).map_err(|error| {
                    Trouble::Lasting(format!("the server redirects to an unusable address: {error}"), vec![])
                })?;
                continue;
            }
            let head = Head { status, headers: parts.headers, url };
            if sender.send(Message::Head(Box::new(head))).is_err() {
                return Ok(());
            }
            let mut reader = body.into_reader();
            loop {
                let mut chunk = vec![0; CHUNK];
                match reader.read(&mut chunk) {
                    Ok(0) => break,
                    Ok(length) => {
                        chunk.truncate(length);
                        if sender.send(Message::Chunk(chunk)).is_err() {
                            return Ok(());
                        }
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        return Err(self.broke(&error));
                    }
                }
            }
            // Nobody listens any more when this fails.
            let _ = sender.send(Message::End);
            return Ok(());
        }
        Err(Trouble::Lasting(format!("the server redirects more than {REDIRECTS} times"), vec![]))
    }

    fn call(
        &self,
        url: &Url,
        headers: &[(&'static str, String)],
        proxy: Option<&Setting>,
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        let uri = url.to_string();
        match proxy {
            Some(setting) if url.scheme == "http" && setting.forwards() => {
                // Read by ureq for its percent-decoding and its defaults.
                let parsed = Proxy::new(&setting.url)?;
                let authorization = parsed.username().map(|user| {
                    format!(
                        "Basic {}",
                        STANDARD.encode(format!("{user}:{}", parsed.password().unwrap_or_default()))
                    )
                });
                let address: Uri = format!("http://{}:{}/", parsed.host(), parsed.port())
                    .parse()
                    .map_err(|_| ureq::Error::InvalidProxyUrl)?;
                let agent = forward::agent(self.direct.config().clone(), address, authorization);
                with_headers(agent.get(uri), headers).call()
            }
            Some(setting) => {
                let proxy = Proxy::new(&setting.url)?;
                with_headers(self.direct.get(uri), headers).config().proxy(Some(proxy)).build().call()
            }
            None => with_headers(self.direct.get(uri), headers).call(),
        }
    }

    /// What it means that the body of an answer does not go on.
    fn broke(&self, error: &std::io::Error) -> Trouble {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
        if matches!(inner, Some(ureq::Error::Timeout(_))) {
            return Trouble::Slow(format!("the server sent nothing for {} s", self.silence.as_secs()));
        }
        Trouble::Temporary(format!("the connection broke: {}", self.scrub(&error.to_string())))
    }

    /// What an error means for the user.
    fn explain(&self, error: ureq::Error, proxy: Option<&Setting>) -> Trouble {
        let by_way = proxy.map_or_else(String::new, |proxy| format!(" through {}", proxy.shown()));
        let text = self.scrub(&error.to_string());
        let text = text.strip_prefix("io: ").unwrap_or(&text);
        let certificate = text.contains("certificate") || matches!(error, ureq::Error::Rustls(_));
        match error {
            _ if certificate => Trouble::Lasting(
                format!("the server's certificate is not trusted{by_way} ({text})"),
                vec![
                    "if a proxy of this site signs connections itself, name its certificate authority with SSL_CERT_FILE=/path/to/ca.pem; check the machine's clock too"
                        .to_owned(),
                ],
            ),
            ureq::Error::ConnectProxyFailed(reason) => Trouble::Lasting(
                format!("the proxy refused the connection{by_way} ({})", self.scrub(&reason)),
                vec!["correct the proxy's address or credentials, or list the host in no_proxy".to_owned()],
            ),
            ureq::Error::InvalidProxyUrl => Trouble::Lasting(
                format!("the proxy setting {} is not a URL", proxy.map(Setting::shown).unwrap_or_default()),
                vec!["set it to http://host:port".to_owned()],
            ),
            ureq::Error::HostNotFound => {
                Trouble::Temporary(format!("the host name does not resolve{by_way}"))
            }
            ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::LargeResponseHeader(..) => {
                Trouble::Lasting(text.to_owned(), vec![])
            }
            ureq::Error::Timeout(ureq::Timeout::RecvResponse | ureq::Timeout::PerRead) => Trouble::Slow(
                format!("the server did not answer in time ({} s){by_way}", self.silence.as_secs()),
            ),
            ureq::Error::Timeout(_) => {
                Trouble::Temporary(format!("the server did not answer in time{by_way}"))
            }
            _ => Trouble::Temporary(format!("{text}{by_way}")),
        }
    }

    /// Takes the proxies' credentials out of a text.
    fn scrub(&self, text: &str) -> String {
        self.proxies.secrets().iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }

    /// The proxy that a request to `url` takes, as it may be shown.
    pub fn proxy_shown(&self, url: &Url) -> Option<String> {
        self.proxies.for_url(url).map(Setting::shown)
    }
}

fn with_headers(
    mut request: ureq::RequestBuilder<ureq::typestate::WithoutBody>,
    headers: &[(&'static str, String)],
) -> ureq::RequestBuilder<ureq::typestate::WithoutBody> {
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    request
}

impl Answer {
    /// The next bytes of the body; none at its end.
    ///
    /// # Errors
    /// When the connection broke, or the run is being cancelled.
    pub fn chunk(&mut self, context: &dyn Context) -> Result<Option<Vec<u8>>, Trouble> {
        match receive(&self.rest, context)? {
            Message::Chunk(bytes) => Ok(Some(bytes)),
            Message::End => Ok(None),
            Message::Trouble(trouble) => Err(trouble),
            Message::Head(_) => Err(Trouble::Temporary("the answer has two headers".to_owned())),
        }
    }
}

fn receive(receiver: &Receiver<Message>, context: &dyn Context) -> Result<Message, Trouble> {
    loop {
        if context.cancelled() {
            return Err(Trouble::Cancelled);
        }
        match receiver.recv_timeout(POLL) {
            Ok(message) => return Ok(message),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Trouble::Temporary("the connection ended without an answer".to_owned()));
            }
        }
    }
}
