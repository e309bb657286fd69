//! A check of its own process: starts a server, asks it over loopback, ends it, and says what it saw.
//!
//! `installer __check-http <json>` runs it below the launcher, in the same network namespace as the server.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use engine::runner::StepError;
use exec::foreground::Foreground;
use serde::{Deserialize, Serialize};

/// The hidden subcommand.
pub const SUBCOMMAND: &str = "__check-http";

/// How long a server may take until it listens.
const START: Duration = Duration::from_secs(20);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(20);
/// An answer is not read beyond this many bytes.
const LIMIT: u64 = 16 * 1024 * 1024;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The server's command; `{port}` stands for a free port.
    pub serve: Vec<String>,
    /// The requested path.
    pub path: String,
    /// The expected status code.
    pub status: u16,
    /// What the body must contain.
    pub contains: Option<String>,
}

impl Request {
    /// The command that carries the check out.
    ///
    /// # Errors
    /// When this program's own file cannot be named.
    pub fn command(&self) -> Result<Vec<String>, StepError> {
        let program =
            std::env::current_exe().map_err(|error| StepError::io("find", "this program's file", &error))?;
        let json = serde_json::to_string(self).map_err(|error| {
            StepError::new(format!("failed to encode a check: {error}"), "report this defect")
        })?;
        Ok(vec![program.to_string_lossy().into_owned(), SUBCOMMAND.to_owned(), json])
    }
}

/// The hidden subcommand's body: `args` is the JSON of a [`Request`]. The exit status is 0 when the answer is as
/// expected, 1 when it is not, 2 when the arguments are wrong. What it saw is printed on standard output.
pub fn main(args: &[String]) -> i32 {
    let request: Request = match args {
        [json] => match serde_json::from_str(json) {
            Ok(request) => request,
            Err(error) => {
                println!("the check cannot be decoded: {error}");
                return 2;
            }
        },
        _ => {
            println!("usage: {SUBCOMMAND} <json>");
            return 2;
        }
    };
    match check(&request) {
        Ok(saw) => {
            println!("{saw}");
            0
        }
        Err(why) => {
            println!("{why}");
            1
        }
    }
}

fn check(request: &Request) -> Result<String, String> {
    let port = free_port().map_err(|error| format!("no free port on 127.0.0.1: {error}"))?;
    let argv: Vec<String> =
        request.serve.iter().map(|word| word.replace("{port}", &port.to_string())).collect();
    let mut server =
        Foreground::start(&argv).map_err(|error| format!("failed to start `{}`: {error}", argv.join(" ")))?;
    let answer = ask(request, port, &mut server);
    let ended = server.end();
    let answer = answer?;
    ended.map_err(|error| format!("failed to end the server: {error}"))?;
    answer.judge(request)
}

/// A port that was free a moment ago; the server binds it itself.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn ask(request: &Request, port: u16, server: &mut Foreground) -> Result<Answer, String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let started = Instant::now();
    let mut stream = loop {
        if let Some(status) =
            server.ended().map_err(|error| format!("failed to check the server: {error}"))?
        {
            return Err(format!("the server ended before it listened on port {port}: {status}"));
        }
        match TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
            Ok(stream) => break stream,
            Err(error) if started.elapsed() > START => {
                return Err(format!("the server did not listen on port {port} within 20 s: {error}"));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    exchange(&mut stream, request, port)
        .and_then(|bytes| {
            Answer::parse(&bytes)
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it is not an HTTP answer"))
        })
        .map_err(|error| format!("no answer for {} on port {port}: {error}", request.path))
}

fn exchange(stream: &mut TcpStream, request: &Request, port: u16) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    // In one piece: a server may answer and close after the first that it reads.
    let asked = format!(
        "GET {} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        request.path
    );
    stream.write_all(asked.as_bytes())?;
    let mut bytes = Vec::new();
    let read = stream.take(LIMIT).read_to_end(&mut bytes);
    // A server that resets the connection after a whole answer has answered.
    match read {
        Err(error) if bytes.is_empty() => Err(error),
        _ => Ok(bytes),
    }
}

struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let (version, rest) = head.lines().next()?.split_once(' ')?;
        let status = version.starts_with("HTTP/").then(|| rest.get(..3)?.parse().ok()).flatten()?;
        let body = &bytes[end + 4..];
        let chunked = head.lines().any(|line| {
            let line = line.to_ascii_lowercase();
            line.strip_prefix("transfer-encoding:").is_some_and(|value| value.contains("chunked"))
        });
        let body = if chunked { unchunk(body) } else { body.to_vec() };
        Some(Self { status, body: String::from_utf8_lossy(&body).into_owned() })
    }

    fn judge(&self, request: &Request) -> Result<String, String> {
        let shown: String = self.body.chars().take(500).collect();
        if self.status != request.status {
            return Err(format!(
                "{} answered with status {} instead of {}: {shown}",
                request.path, self.status, request.status
            ));
        }
        match &request.contains {
            Some(wanted) if !self.body.contains(wanted.as_str()) => {
                Err(format!("the answer for {} has no `{wanted}`: {shown}", request.path))
            }
            _ => Ok(format!(
                "{} answered with status {}, {} bytes",
                request.path,
                self.status,
                self.body.len()
            )),
        }
    }
}

/// Joins chunks (RFC 9112, section 7.1); stops at the first that is cut short.
fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end])
            .ok()
            .and_then(|line| usize::from_str_radix(line.split(';').next()?.trim(), 16).ok());
        match size.and_then(|size| Some((size, rest.get(end + 2..)?.get(..size)?))) {
            Some((size, chunk)) if size > 0 => {
                body.extend_from_slice(chunk);
                rest = rest.get(end + 2 + size + 2..).unwrap_or_default();
            }
            _ => break,
        }
    }
    body
}
