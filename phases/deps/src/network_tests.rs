//! Lines as the tools print them.

use testkit::FakeContext;

use super::*;

const REFUSING: &str = "http://me:hunter2@127.0.0.1:9";

const PIP: &[&str] = &[
    "WARNING: Retrying (Retry(total=1, connect=None, read=None, redirect=None, status=None)) after connection broken by 'ProxyError('Cannot connect to proxy.', NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused'))': /simple/attrs/",
    "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by 'ProxyError('Cannot connect to proxy.', NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused'))': /simple/attrs/",
    "ERROR: Could not find a version that satisfies the requirement attrs (from versions: none)",
    "ERROR: No matching distribution found for attrs",
];

fn context(variables: &[(&str, &str)]) -> FakeContext {
    let mut context = FakeContext::new();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    context.site.network_environment = variables.collect();
    context
}

fn told(context: &FakeContext, command: Option<&str>, lines: &[&str]) -> (String, String) {
    let failure = Failure {
        message: "it failed".to_owned(),
        command: command.map(str::to_owned),
        excerpt: lines.iter().map(|line| (*line).to_owned()).collect(),
        cures: vec!["the cure before".to_owned()],
        ..Failure::default()
    };
    match explain(StepError::Failed(failure), Utf8Path::new("/nonexistent"), context) {
        StepError::Failed(failure) => (failure.message, failure.cures.join("\n")),
        StepError::Cancelled => panic!("not cancelled"),
    }
}

#[test]
fn a_refusing_proxy_is_named_with_what_set_it_and_without_its_password() {
    let apt = &[
        "E: Failed to fetch http://deb.example.com/debian/pool/j/jq.deb  Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)",
        "E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?",
    ][..];
    let cargo = &["  [7] Could not connect to server (Failed to connect to 127.0.0.1 port 9 after 0 ms)"][..];
    let both = context(&[("http_proxy", REFUSING), ("https_proxy", REFUSING)]);
    for lines in [PIP, apt, cargo] {
        let (message, cures) = told(&both, Some("tool"), lines);
        assert!(message.starts_with("the proxy http://***@127.0.0.1:9 ("), "{message}");
        assert!(message.contains("https_proxy) does not work: "), "{message}");
        assert!(cures.contains("no_proxy") && cures.contains("installer doctor"), "{cures}");
        assert!(!message.contains("hunter2") && !cures.contains("hunter2"), "{message} {cures}");
    }
    let mut of_site = context(&[("https_proxy", REFUSING)]);
    of_site.site.proxy_keys = [("https_proxy".to_owned(), "proxies.https")].into();
    let (message, cures) = told(&of_site, Some("tool"), PIP);
    assert!(message.contains("(proxies.https in site.toml)"), "{message}");
    assert!(cures.contains("correct proxies.https in site.toml"), "{cures}");
}

#[test]
fn what_this_program_asked_for_itself_keeps_its_message() {
    let context = context(&[("https_proxy", REFUSING)]);
    let lines = &[
        "failed to read https://a.example.com/x (5 attempts): Connection refused (os error 111) by way of https_proxy=http://***@127.0.0.1:9",
    ];
    let (message, cures) = told(&context, None, lines);
    assert_eq!(message, "it failed");
    assert!(cures.contains("correct https_proxy"), "{cures}");
}

#[test]
fn a_certificate_that_is_not_trusted_says_how_an_authority_is_named() {
    let lines = [
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate'))': /simple/attrs/",
        "E: Failed to fetch https://mirror.example.com/dists/InRelease  Certificate verification failed: The certificate is NOT trusted.",
        "failed to read https://mirror.example.com/: the server's certificate is not trusted (invalid peer certificate: UnknownIssuer)",
        "  [60] SSL peer certificate or SSH remote key was not OK (SSL certificate problem: self-signed certificate)",
        "fatal: unable to access 'https://mirror.example.com/x/': server certificate verification failed. CAfile: none",
    ];
    for line in lines {
        let (message, cures) = told(&context(&[]), Some("tool"), &[line]);
        assert!(message.starts_with("the certificate of "), "{message}");
        for sign in ["SSL_CERT_FILE=", "[certificates] in site.toml", "installer doctor"] {
            assert!(cures.contains(sign), "{line}: {cures}");
        }
        assert!(!line.contains("mirror.example.com") || message.contains("mirror.example.com"), "{message}");
    }
    let (_, cures) = told(&context(&[("SSL_CERT_FILE", "/a.pem")]), Some("tool"), &lines[..1]);
    assert!(cures.contains("SSL_CERT_FILE is /a.pem now"), "{cures}");
    let (_, cures) = told(&context(&[]), Some("env A=b apt-get update"), &lines[1..2]);
    assert!(cures.contains("apt does not read SSL_CERT_FILE"), "{cures}");
}

#[test]
fn without_a_proxy_it_is_asked_for_one() {
    let line = "E: Failed to fetch http://deb.example.com/x  Temporary failure resolving 'deb.example.com'";
    let (message, cures) = told(&context(&[]), Some("apt-get update"), &[line]);
    assert!(message.contains("cannot be reached from here"), "{message}");
    assert!(cures.contains("http_proxy and https_proxy"), "{cures}");
}

#[test]
fn other_failures_are_left_alone() {
    let with_proxy = context(&[("https_proxy", REFUSING)]);
    for lines in [
        &PIP[2..],
        // It was tried again, and got through.
        &[PIP[0], "ERROR: No matching distribution found for attrs==99"],
        &["dpkg: error processing package x", "Failed to connect to 127.0.0.1 port 9"],
        &["Failed to connect to bus: Connection refused"],
    ] {
        let (message, cures) = told(&with_proxy, Some("tool"), lines);
        assert_eq!((message.as_str(), cures.as_str()), ("it failed", "the cure before"), "{lines:?}");
    }
}
