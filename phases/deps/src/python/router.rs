//! A package index on loopback that sends pip, project by project, to the one place that the project comes from.
//!
//! pip itself has no such notion: `--extra-index-url` takes whatever index offers the highest version, so that anybody
//! who publishes a package of the same name wins. Asked through this, no other index is asked for a routed project.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use camino::Utf8PathBuf;
use engine::runner::StepError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::sources::pypi::normalised;

/// Longest request line and header that is read, in bytes; pip's are far shorter.
const LONGEST: u64 = 64 * 1024;

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where projects come from. Names are normalised.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// The index of all that stands nowhere else.
    pub main: String,
    /// Indexes by project.
    pub indexes: BTreeMap<String, String>,
    /// Wheels on the disk by project; they go before any index.
    pub files: BTreeMap<String, Vec<Utf8PathBuf>>,
}

/// A running router; it ends with this value.
#[derive(Debug)]
pub struct Router {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Router {
    /// Starts one on a free port of the loopback interface.
    ///
    /// # Errors
    /// When the loopback interface cannot be listened on.
    pub fn start(routes: Routes) -> Result<Self, StepError> {
        let failed = |error: std::io::Error| {
            StepError::new(
                format!("failed to listen on 127.0.0.1 for pip: {error}"),
                "bring the loopback interface up, or leave python.indexes and python.find_links out of the \
                 case",
            )
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (ends, routes) = (Arc::clone(&stop), Arc::new(routes));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ends.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let routes = Arc::clone(&routes);
                // A client that goes away has its own error to show.
                std::thread::spawn(move || drop(answer(&stream, &routes)));
            }
        });
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// What pip takes as `--index-url`.
    pub fn url(&self) -> String {
        format!("http://{}/simple/", self.address)
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread from `accept`.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn answer(mut stream: &TcpStream, routes: &Routes) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream.take(LONGEST));
    let mut request = String::new();
    reader.read_line(&mut request)?;
    // The rest is read, because closing on unread bytes resets the connection.
    let mut header = String::new();
    while reader.read_line(&mut header)? > 0 && !header.trim().is_empty() {
        header.clear();
    }
    let target = request.split_ascii_whitespace().nth(1).unwrap_or_default();
    let project = target.strip_prefix("/simple/").map(|rest| rest.trim_matches('/'));
    let (head, body) = match project.filter(|project| !project.is_empty() && !project.contains('/')) {
        Some(project) => page(&normalised(project), routes),
        None => ("404 Not Found\r\n".to_owned(), String::new()),
    };
    write!(stream, "HTTP/1.1 {head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())?;
    stream.flush()
}

/// Status line with headers, and body.
fn page(project: &str, routes: &Routes) -> (String, String) {
    if let Some(files) = routes.files.get(project) {
        let links: String = files
            .iter()
            .map(|file| {
                format!(
                    "<a href=\"file://{}\">{}</a>\n",
                    utf8_percent_encode(file.as_str(), IN_A_PATH),
                    file.file_name().unwrap_or_default()
                )
            })
            .collect();
        return (
            "200 OK\r\nContent-Type: text/html; charset=utf-8\r\n".to_owned(),
            format!("<!DOCTYPE html>\n<html><body>\n{links}</body></html>\n"),
        );
    }
    let index = routes.indexes.get(project).unwrap_or(&routes.main).trim_end_matches('/');
    // A directory has no page of its own.
    let end = if index.starts_with("file:") { "/index.html" } else { "/" };
    (format!("302 Found\r\nLocation: {index}/{project}{end}\r\n"), String::new())
}

/// What stands as it is in the path of a URL: RFC 3986's unreserved characters, and `/`.
const IN_A_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'_').remove(b'-').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(router: &Router, target: &str) -> String {
        let mut stream = TcpStream::connect(router.address).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn each_project_has_one_place() {
        let one = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let mut routes = Routes {
            main: "https://main.example/simple/".to_owned(),
            indexes: one("torch", "https://torch.example/whl"),
            files: BTreeMap::from([("six".to_owned(), vec!["/a b/six-1+x-py3-none-any.whl".into()])]),
        };
        routes.indexes.extend(one("local", "file:///srv/simple"));
        let router = Router::start(routes).unwrap();
        for (target, location) in [
            ("/simple/numpy/", "https://main.example/simple/numpy/"),
            ("/simple/Torch/", "https://torch.example/whl/torch/"),
            ("/simple/local/", "file:///srv/simple/local/index.html"),
        ] {
            let said = asked(&router, target);
            assert!(said.starts_with("HTTP/1.1 302 Found\r\n"), "{said}");
            assert!(said.contains(&format!("\r\nLocation: {location}\r\n")), "{said}");
        }
        let said = asked(&router, "/simple/six/");
        assert!(said.contains("<a href=\"file:///a%20b/six-1%2Bx-py3-none-any.whl\">six-1+x-py3"), "{said}");
        for target in ["/", "/simple/", "/simple/a/b/", "/other/"] {
            assert!(asked(&router, target).starts_with("HTTP/1.1 404 "), "{target}");
        }
    }

    #[test]
    fn it_ends_with_its_value() {
        let router = Router::start(Routes::default()).unwrap();
        let address = router.address;
        drop(router);
        assert!(TcpStream::connect(address).is_err());
    }
}
