//! Downloads against a server in this process that fails in every way a server can.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::runner::StepError;
use model::Digest;
use model::site::Site;
use testkit::{FakeContext, Reply, TestServer};

use super::{Client, Expect, Policy};

const FAST: Policy = Policy {
    attempts: 3,
    first_pause: Duration::from_millis(1),
    longest_pause: Duration::from_millis(20),
    connect: Duration::from_secs(5),
    silence: Duration::from_secs(5),
    slowest: 1,
    slow_for: Duration::from_secs(5),
};

fn client() -> Client {
    Client::with_policy(&Site::default(), FAST)
}

fn site(variables: &[(&str, &str)]) -> Site {
    Site::from_environment(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn content() -> Vec<u8> {
    (0..300_000u32).flat_map(u32::to_le_bytes).collect()
}

fn expect(content: &[u8]) -> Expect {
    Expect { sha256: Some(Digest::of(content)), size: None }
}

fn message(error: StepError) -> String {
    match error {
        StepError::Failed(failure) => format!("{}\n{}", failure.message, failure.cures.join("\n")),
        StepError::Cancelled => "cancelled".to_owned(),
    }
}

type Answer = Box<dyn Fn(&testkit::Request) -> Reply + Send + Sync>;

/// A server that answers the first requests by number and all later ones with the last reply.
fn in_turn(replies: Vec<Answer>) -> TestServer {
    let turn = AtomicUsize::new(0);
    TestServer::start(move |request| {
        let turn = turn.fetch_add(1, Ordering::SeqCst).min(replies.len() - 1);
        replies[turn](request)
    })
}

#[test]
fn a_download_that_broke_off_goes_on_where_it_stopped() {
    let body = content();
    let (first, later) = (body.clone(), body.clone());
    let server = in_turn(vec![
        Box::new(move |request| Reply::ranged(request, &first, "\"one\"").cut(400_000)),
        Box::new(move |request| Reply::ranged(request, &later, "\"one\"")),
    ]);
    let context = FakeContext::new();
    let dest = context.path("down/file");
    let done = client().download(&server.url("/file"), &dest, &expect(&body), &context).unwrap();
    assert_eq!(std::fs::read(&dest).unwrap(), body);
    assert_eq!(done.transferred, body.len() as u64, "nothing came twice");
    let asked = server.requests();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].header("range"), "bytes=400000-");
    assert_eq!(asked[1].header("if-range"), "\"one\"");
    assert!(!context.path("down/file.part").exists() && !context.path("down/file.part.json").exists());
}

#[test]
fn a_later_run_goes_on_with_what_an_earlier_one_left() {
    let body = content();
    let served = body.clone();
    let server = in_turn(vec![
        Box::new({
            let served = served.clone();
            move |request| Reply::ranged(request, &served, "\"one\"").cut(1000)
        }),
        Box::new(|_| Reply::status(503)),
        Box::new(|_| Reply::status(503)),
        Box::new(|_| Reply::status(503)),
        Box::new(move |request| Reply::ranged(request, &served, "\"one\"")),
    ]);
    let context = FakeContext::new();
    let dest = context.path("file");
    let url = server.url("/file");
    let expect = expect(&body);
    let error = message(client().download(&url, &dest, &expect, &context).unwrap_err());
    assert!(error.contains("503"), "{error}");
    assert!(error.contains("a later run continues") && error.contains("another mirror"), "{error}");
    assert!(!dest.exists(), "a part is not the file");
    let done = client().download(&url, &dest, &expect, &context).unwrap();
    assert_eq!(done.transferred, body.len() as u64 - 1000);
    assert_eq!(std::fs::read(&dest).unwrap(), body);
}

#[test]
fn a_file_that_changed_on_the_server_is_downloaded_from_its_beginning() {
    let (old, new) = (vec![1u8; 50_000], content());
    let served = new.clone();
    let server = in_turn(vec![
        Box::new(move |request| Reply::ranged(request, &old, "\"old\"").cut(20_000)),
        Box::new(move |request| Reply::ranged(request, &served, "\"new\"")),
    ]);
    let context = FakeContext::new();
    let dest = context.path("file");
    let done = client().download(&server.url("/file"), &dest, &Expect::default(), &context).unwrap();
    assert_eq!(std::fs::read(&dest).unwrap(), new);
    assert_eq!(done.sha256, Digest::of(&new));
}

#[test]
fn a_server_that_ignores_the_condition_is_found_out_by_its_entity_tag() {
    let (old, new) = (vec![1u8; 50_000], content());
    let served = new.clone();
    let server = in_turn(vec![
        Box::new(move |request| Reply::ranged(request, &old, "\"old\"").cut(20_000)),
        Box::new(move |request| {
            let mut request = request.clone();
            request.headers.remove("if-range");
            Reply::ranged(&request, &served, "\"new\"")
        }),
    ]);
    let context = FakeContext::new();
    let dest = context.path("file");
    client().download(&server.url("/file"), &dest, &Expect::default(), &context).unwrap();
    assert_eq!(std::fs::read(&dest).unwrap(), new);
}

#[test]
fn without_a_validator_the_hash_decides_whether_the_continued_file_is_right() {
    let (old, new) = (vec![1u8; 50_000], content());
    let served = new.clone();
    let server = in_turn(vec![
        Box::new(move |request| Reply::ranged(request, &old, "x").without("ETag").cut(20_000)),
        Box::new(move |request| Reply::ranged(request, &served, "x").without("ETag")),
    ]);
    let context = FakeContext::new();
    let dest = context.path("file");
    client().download(&server.url("/file"), &dest, &expect(&new), &context).unwrap();
    assert_eq!(std::fs::read(&dest).unwrap(), new);
    assert!(
        context.record().notes.iter().any(|note| note.contains("from the start")),
        "{:?}",
        context.record()
    );
}

#[test]
fn a_truncated_answer_without_a_range_is_never_the_file() {
    let body = content();
    let served = body.clone();
    let server = TestServer::start(move |_| Reply::ok(served.clone()).cut(1000));
    let context = FakeContext::new();
    let dest = context.path("file");
    let error =
        message(client().download(&server.url("/f"), &dest, &Expect::default(), &context).unwrap_err());
    assert!(error.contains("attempts"), "{error}");
    assert!(!dest.exists());
}

#[test]
fn an_answer_of_unknown_length_is_refused_unless_a_hash_decides() {
    let body = content();
    let served = body.clone();
    let server = TestServer::start(move |_| Reply::ok(served.clone()).without("Content-Length"));
    let context = FakeContext::new();
    let dest = context.path("file");
    let error =
        message(client().download(&server.url("/f"), &dest, &Expect::default(), &context).unwrap_err());
    assert!(error.contains("how large"), "{error}");
    client().download(&server.url("/f"), &dest, &expect(&body), &context).unwrap();
    assert_eq!(std::fs::read(&dest).unwrap(), body);
}

#[test]
fn a_wrong_hash_is_an_error_that_names_both() {
    let server = TestServer::start(|_| Reply::ok("evil"));
    let context = FakeContext::new();
    let dest = context.path("file");
    let url = server.url("/f").replace("http://", "http://user:hunter2@");
    let error = message(client().download(&url, &dest, &expect(b"good"), &context).unwrap_err());
    assert!(
        error.contains(Digest::of("good").as_str()) && error.contains(Digest::of("evil").as_str()),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "{error}");
    assert!(!dest.exists() && !context.path("file.part").exists());
    assert_eq!(server.requests().len(), 1, "a wrong file is not asked for again");
    assert!(server.requests()[0].header("authorization").starts_with("Basic "));
}

#[test]
fn a_size_that_is_not_the_expected_one_is_refused_before_the_body() {
    let server = TestServer::start(|_| Reply::ok("12345"));
    let context = FakeContext::new();
    let expect = Expect { sha256: None, size: Some(4) };
    let error =
        message(client().download(&server.url("/f"), &context.path("f"), &expect, &context).unwrap_err());
    assert!(error.contains("5 bytes instead of 4"), "{error}");
}

#[test]
fn busy_servers_are_asked_again_and_their_wish_is_heeded() {
    let server = in_turn(vec![
        Box::new(|_| Reply::status(429).header("Retry-After", "0")),
        Box::new(|_| Reply::status(500)),
        Box::new(|_| Reply::ok("fine")),
    ]);
    let context = FakeContext::new();
    assert_eq!(client().get_text(&server.url("/"), &context).unwrap(), "fine");
    assert_eq!(context.record().notes.len(), 2);

    let patient = TestServer::start(|_| Reply::status(429).header("Retry-After", "3600"));
    let error = message(client().get_text(&patient.url("/"), &context).unwrap_err());
    assert!(error.contains("asks to wait 3600 seconds"), "{error}");
    assert_eq!(patient.requests().len(), 1);
}

#[test]
fn what_is_not_there_is_not_asked_for_again() {
    let server = TestServer::start(|_| Reply::status(404));
    let context = FakeContext::new();
    let error = message(client().get_text(&server.url("/x"), &context).unwrap_err());
    assert!(error.contains("404 Not Found"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn redirects_are_followed_and_credentials_stay_with_their_server() {
    let other = TestServer::start(|_| Reply::ok("there"));
    let to = other.url("/end");
    let server = TestServer::start(move |request| match request.target.as_str() {
        "/a" => Reply::status(302).header("Location", "/b"),
        "/b" => Reply::status(307).header("Location", &to),
        _ => Reply::status(301).header("Location", "/loop"),
    });
    let context = FakeContext::new();
    let url = server.url("/a").replace("http://", "http://user:pass@");
    assert_eq!(client().get_text(&url, &context).unwrap(), "there");
    assert!(server.requests().iter().all(|request| !request.header("authorization").is_empty()));
    assert_eq!(other.requests()[0].header("authorization"), "");
    let error = message(client().get_text(&server.url("/loop"), &context).unwrap_err());
    assert!(error.contains("redirects more than"), "{error}");
}

#[test]
fn a_proxy_is_asked_with_its_credentials_unless_the_host_is_an_exception() {
    let proxy = TestServer::start(|_| Reply::ok("by way of the proxy"));
    let direct = TestServer::start(|_| Reply::ok("direct"));
    let address = format!("http://me:hunter2@{}", proxy.authority());
    let context = FakeContext::new();
    let client = Client::with_policy(&site(&[("HTTP_PROXY", &address), ("NO_PROXY", "127.0.0.1")]), FAST);
    assert_eq!(client.get_text("http://far.invalid/a?b", &context).unwrap(), "by way of the proxy");
    let asked = proxy.requests();
    assert_eq!(asked[0].target, "http://far.invalid/a?b");
    assert_eq!(asked[0].header("host"), "far.invalid");
    assert_eq!(asked[0].header("proxy-authorization"), "Basic bWU6aHVudGVyMg==");
    assert_eq!(client.get_text(&direct.url("/"), &context).unwrap(), "direct");
}

#[test]
fn a_proxy_that_refuses_a_tunnel_is_named_without_its_password() {
    let proxy = TestServer::start(|_| Reply::status(407));
    let address = format!("http://me:hunter2@{}", proxy.authority());
    let context = FakeContext::new();
    let client = Client::with_policy(&site(&[("https_proxy", &address)]), FAST);
    let error = message(client.get_text("https://far.invalid/", &context).unwrap_err());
    assert_eq!(proxy.requests()[0].method, "CONNECT");
    assert!(error.contains(&format!("https_proxy=http://***@{}", proxy.authority())), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn nobody_there_is_an_error_that_says_what_to_check() {
    let context = FakeContext::new();
    let gone = TestServer::start(|_| Reply::ok("")).url("/x");
    let error = message(client().get_text(&gone, &context).unwrap_err());
    assert!(error.contains("3 attempts") && error.contains("http_proxy"), "{error}");
}

#[test]
fn offline_says_what_would_have_been_fetched_and_present_files_need_no_network() {
    let context = FakeContext::new();
    context.set_offline(true);
    let dest = context.path("file");
    let url = "http://user:pw@far.invalid/file";
    let error = message(client().download(url, &dest, &expect(b"good"), &context).unwrap_err());
    assert!(error.contains("--offline forbids downloading http://***@far.invalid/file"), "{error}");
    assert!(error.contains(&format!("put the file with SHA-256 {}", Digest::of("good"))), "{error}");
    std::fs::write(&dest, "good").unwrap();
    assert_eq!(client().download(url, &dest, &expect(b"good"), &context).unwrap().transferred, 0);
}

#[test]
fn a_cancelled_run_does_not_wait_for_a_silent_server() {
    let context = std::sync::Arc::new(FakeContext::new());
    let canceller = std::sync::Arc::clone(&context);
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let server = TestServer::start(move |_| {
        canceller.cancel();
        // Holds the answer back until the test is over.
        let _ = held.lock().map(|held| held.recv());
        Reply::ok("late")
    });
    assert!(matches!(client().get_text(&server.url("/"), context.as_ref()), Err(StepError::Cancelled)));
    drop(release);
}

#[test]
fn what_is_stored_is_what_the_server_has() {
    // The bytes of an archive, which its server calls encoded.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &content()).unwrap();
    let packed = packed.finish().unwrap();
    let served = packed.clone();
    let server = TestServer::start(move |_| Reply::ok(served.clone()).header("Content-Encoding", "gzip"));
    let context = FakeContext::new();
    let dest = context.path("a.tar.gz");
    client().download(&server.url("/a.tar.gz"), &dest, &expect(&packed), &context).unwrap();
    assert_eq!(std::fs::read(&dest).unwrap(), packed);
    assert_eq!(server.requests()[0].header("accept-encoding"), "identity");

    // A page is text, whatever way it came.
    let mut page = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut page, b"<a href=x>x</a>").unwrap();
    let page = page.finish().unwrap();
    let server = TestServer::start(move |_| Reply::ok(page.clone()).header("Content-Encoding", "gzip"));
    assert_eq!(client().get_text(&server.url("/"), &context).unwrap(), "<a href=x>x</a>");
    assert_eq!(server.requests()[0].header("accept-encoding"), "gzip");
    let broken = TestServer::start(|_| Reply::ok("no gzip").header("Content-Encoding", "gzip"));
    assert!(message(client().get_text(&broken.url("/"), &context).unwrap_err()).contains("is broken"));
}

#[test]
fn a_page_in_the_place_of_a_file_is_told_by_its_title() {
    let page = "<!DOCTYPE html><html><title>Sign in</title><body>Please sign in</body></html>";
    let server = TestServer::start(move |_| Reply::ok(page).header("Content-Type", "text/html"));
    let context = FakeContext::new();
    let sized = Expect { sha256: Some(Digest::of("x")), size: Some(10_000) };
    for (name, expect) in [("a.tar.gz", expect(b"x")), ("b.tar.gz", sized), ("c.tar.gz", Expect::default())] {
        let url = server.url(&format!("/{name}"));
        let error = message(client().download(&url, &context.path(name), &expect, &context).unwrap_err());
        assert!(error.contains("a web page (title \"Sign in\") came from"), "{name}: {error}");
        assert!(error.contains("in a browser"), "{name}: {error}");
        assert!(!context.path(name).exists(), "{name}");
    }
    assert_eq!(server.requests().len(), 3, "a page is not asked for again");
    // A page that is wanted is had.
    client().download(&server.url("/x.html"), &context.path("x.html"), &Expect::default(), &context).unwrap();
    client().download(&server.url("/y.zip"), &context.path("y"), &expect(page.as_bytes()), &context).unwrap();
}

#[test]
fn a_server_that_hangs_or_drips_is_given_up() {
    let policy = Policy {
        silence: Duration::from_millis(300),
        slowest: 10_000,
        slow_for: Duration::from_millis(200),
        ..FAST
    };
    let client = Client::with_policy(&Site::default(), policy);
    let drips = TestServer::start(|request| {
        Reply::ranged(request, &[7; 100_000], "\"one\"").drip(10, Duration::from_millis(20))
    });
    let hangs = TestServer::start(|request| {
        Reply::ranged(request, &[7; 100_000], "\"one\"").drip(1000, Duration::from_secs(2))
    });
    let context = FakeContext::new();
    for (server, told) in [(&drips, "less than 10000 bytes/s"), (&hangs, "the server sent nothing for")] {
        let dest = context.path("file");
        let url = server.url("/file");
        let error = message(client.download(&url, &dest, &expect(&[7; 100_000]), &context).unwrap_err());
        assert!(error.contains(told) && error.contains("(3 attempts)"), "{error}");
        assert_eq!(server.requests().len(), 3, "a few bytes do not begin the count anew");
    }
    let slow = message(client.get_text(&drips.url("/page"), &context).unwrap_err());
    assert!(slow.contains("less than 10000 bytes/s"), "{slow}");
    // One that is fast enough is never given up.
    let steady = TestServer::start(|_| Reply::ok([7; 20_000]).drip(1000, Duration::from_millis(40)));
    client.download(&steady.url("/file"), &context.path("steady"), &expect(&[7; 20_000]), &context).unwrap();
}
