//! Secrets: passwords with every reserved character, given in every place where one can be given, in runs that end well
//! and in runs that fail. Searched for wherever anything is shown or kept, in all forms in which it may stand.
#![expect(clippy::disallowed_methods, reason = "a test starts programs that read what it searches")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use common::*;

/// All that RFC 3986 reserves, and what shells, JSON and HTML quote.
const RESERVED: &str = r#"@:/?#[]!$&'()*+,;=%<>"\ x"#;

/// Where a secret can be given.
const PLACES: [&str; 13] = [
    "the environment of a case",
    "the environment of a component",
    "--set",
    "a proxy of the environment",
    "a proxy of the site",
    "an index of the environment",
    "an index of the site",
    "a repository of git",
    "a rewritten address of git",
    "cargo's token in the environment",
    "cargo's token in the environment of a case",
    "docker's logins in the environment of a component",
    "an index that asks for it",
];

/// The part of the secret of a place that no encoding but base64 changes.
fn core(place: usize) -> String {
    format!("Kanari{place}Vogel")
}

fn secret(place: usize) -> String {
    format!("{}{RESERVED}", core(place))
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

/// The whole signs of base64 of these bytes.
fn base64_signs(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<bool> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
    bits.chunks_exact(6)
        .map(|six| six.iter().fold(0usize, |value, bit| value * 2 + usize::from(*bit)))
        .map(|value| char::from(SIGNS[value]))
        .collect()
}

/// What base64 of a text holds for sure that holds these bytes at any place.
fn base64_parts(text: &str) -> Vec<String> {
    (0..3usize)
        .map(|before| {
            let bytes: Vec<u8> = std::iter::repeat_n(0u8, before).chain(text.bytes()).collect();
            base64_signs(&bytes)[(before * 8).div_ceil(6)..].to_owned()
        })
        .collect()
}

/// A text to search for, and whose it is.
fn needles() -> Vec<(String, usize)> {
    (0..PLACES.len())
        .flat_map(|place| {
            let core = core(place);
            base64_parts(&core).into_iter().chain([core]).map(move |needle| (needle, place))
        })
        .collect()
}

/// What was searched, and what was found.
#[derive(Default)]
struct Search {
    searched: usize,
    found: BTreeSet<String>,
}

impl Search {
    fn text(&mut self, what: &str, bytes: &[u8], but: &[usize]) {
        self.searched += 1;
        let text = String::from_utf8_lossy(bytes);
        for (needle, place) in needles() {
            // Whole texts are searched much faster than their lines.
            if !but.contains(&place) && text.contains(&needle) {
                if let Some(line) = text.lines().find(|line| line.contains(&needle)) {
                    self.found.insert(format!("{what} has the secret of {}: {line}", PLACES[place]));
                }
            }
        }
    }

    fn output(&mut self, what: &str, output: &Output) {
        self.text(&format!("standard output of {what}"), &output.stdout, &[]);
        self.text(&format!("standard error of {what}"), &output.stderr, &[]);
    }

    /// All files below, their names too; capsules unpacked.
    fn tree(&mut self, directory: &Path) {
        let mut open = vec![directory.to_owned()];
        while let Some(directory) = open.pop() {
            let Ok(entries) = fs::read_dir(&directory) else { continue };
            for path in entries.map(|entry| entry.unwrap().path()) {
                let what = path.display().to_string();
                self.text(&format!("the name {what}"), what.as_bytes(), &[]);
                if path.is_symlink() {
                    continue;
                } else if path.is_dir() {
                    open.push(path);
                } else if what.ends_with(".tar.gz") {
                    let unpacked = Command::new("tar").arg("-xzOf").arg(&path).output().unwrap();
                    assert!(unpacked.status.success(), "{what}");
                    self.text(&what, &unpacked.stdout, &[]);
                } else if let Ok(bytes) = fs::read(&path) {
                    self.text(&what, &bytes, &[]);
                }
            }
        }
    }
}

/// The arguments of every process of this machine, looked at until it is told to stop.
fn watch(stop: Arc<AtomicBool>) -> thread::JoinHandle<Search> {
    thread::spawn(move || {
        let mut search = Search::default();
        let mut seen = BTreeSet::new();
        while !stop.load(Ordering::Relaxed) {
            for entry in fs::read_dir("/proc").unwrap().flatten() {
                let Ok(arguments) = fs::read(entry.path().join("cmdline")) else { continue };
                if seen.insert(arguments.clone()) {
                    // What the user types is in the arguments of this program itself.
                    search.text("the arguments of a process", &arguments, &[2]);
                }
            }
            thread::sleep(Duration::from_millis(2));
        }
        search
    })
}

/// Prints what it has in its environment in every form, and fails if it is told to.
const NOISY: &str = r#"
import base64, html, json, os, urllib.parse, sys
for name, value in os.environ.items():
    print(name + "=" + value)
    print("plainly", value)
    print(base64.b64encode(value.encode()).decode(), base64.b64encode(("me:" + value).encode()).decode())
    print(urllib.parse.quote(value), urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value).lower())
    print(json.dumps({"x": value}), html.escape(value), repr(value))
    if value.startswith("{"):
        for login in json.loads(value)["auths"].values():
            print(login["auth"], login["password"], base64.b64decode(login["auth"]).decode())
    print("curl -u me:" + value.split(" ")[0], file=sys.stderr)
sys.exit(1 if os.path.exists(sys.argv[1]) else 0)
"#;

/// The logins that docker and its relatives take from a variable: user and password in base64, and the plain ones.
fn docker_logins(place: usize) -> String {
    let login = format!("me:{}", secret(place));
    let encoded = base64_of(&login);
    serde_json::json!({ "auths": { "registry.example": { "auth": encoded, "password": secret(place) } } })
        .to_string()
}

/// In this process: the arguments of a program would be found by the test that runs beside this one.
fn base64_of(text: &str) -> String {
    let padding = "=".repeat((3 - text.len() % 3) % 3);
    let mut padded = text.as_bytes().to_vec();
    padded.resize(text.len() + padding.len(), 0);
    let encoded = base64_signs(&padded);
    format!("{}{padding}", &encoded[..encoded.len() - padding.len()])
}

fn write_inputs(home: &Path) {
    let source = home.join("src");
    fs::create_dir_all(&source).unwrap();
    fs::write(source.join("noisy.py"), NOISY).unwrap();
    let quoted = |place: usize| serde_json::to_string(&secret(place)).unwrap();
    let login = |place: usize| format!("me:{}", percent(&secret(place)));
    let case = |git: &str| {
        format!(
            "schema = 1\n[metadata]\nname = \"noisy\"\n[environment]\nLICENSE_KEY = {}\nCARGO_REGISTRIES_OWN_TOKEN = {}\n[sources.noisy]\nkind = \"path\"\n\
             path = \"src\"\n{git}[components.noisy]\ndriver = \"command\"\nsource = \"noisy\"\n\
             environment = {{ DB_PASS = {}, DOCKER_AUTH_CONFIG = {}, FEED = \"https://{}@feed.example/x\" }}\n[components.noisy.commands]\n\
             compile = [[\"python3\", \"{{source}}/noisy.py\", \"{}/fail\"]]\n\
             install = [[\"install\", \"-D\", \"-m\", \"644\", \"{{source}}/noisy.py\", \"{{destdir}}{{prefix}}/share/noisy.py\"]]\n\
             [[components.noisy.checks]]\nkind = \"run\"\ncommand = [\"python3\", \"{{prefix}}/share/noisy.py\", \"{}/unchecked\"]\n",
            quoted(0),
            quoted(10),
            quoted(1),
            serde_json::to_string(&docker_logins(11)).unwrap(),
            login(1),
            home.display(),
            home.display(),
        )
    };
    fs::write(home.join("case.toml"), case("")).unwrap();
    let git = format!(
        "[sources.one]\nkind = \"git\"\nurl = \"http://{}@127.0.0.1:9/one.git\"\nrevision = \"main\"\n",
        login(7)
    );
    let two =
        "[sources.one]\nkind = \"git\"\nurl = \"http://rewritten.example/two.git\"\nrevision = \"main\"\n";
    for (name, source) in [("git", git.as_str()), ("rewritten", two)] {
        let text = case(source)
            .replace("name = \"noisy\"\n[environment]", &format!("name = \"{name}\"\n[environment]"))
            .replace("source = \"noisy\"", "source = \"one\"");
        fs::write(home.join(format!("{name}.toml")), text).unwrap();
    }
    fs::write(
        home.join("site.toml"),
        format!(
            "schema = 1\n[proxies]\nhttps = \"http://{}@127.0.0.1:9\"\n[pip]\nindex = \"http://{}@127.0.0.1:9/simple\"\n\
             [git.rewrites]\n\"http://rewritten.example/\" = \"http://{}@127.0.0.1:9/\"\n",
            login(4),
            login(6),
            login(8)
        ),
    )
    .unwrap();
}

/// The installer where secrets are given in every place that the command line has.
fn given(home: &Path, words: &[&str], of_site: bool) -> Output {
    let set = format!("components.noisy.environment.SSHPASS={}", serde_json::to_string(&secret(2)).unwrap());
    let mut words = words.to_vec();
    if !matches!(words[0], "doctor" | "status") {
        words.extend(["--set", &set]);
    }
    // What only looks at a case takes no place.
    let is_place_taken = words[0] != "case";
    let mut command = if is_place_taken { placed_command(home, &words) } else { command(home, &words) };
    for name in ["PIP_INDEX_URL", "http_proxy", "https_proxy", "no_proxy"] {
        command.env_remove(name);
    }
    if of_site && is_place_taken {
        command.args(["--site", "site.toml"]);
    } else {
        let login = |place: usize| format!("http://me:{}@127.0.0.1:9", percent(&secret(place)));
        command.env("https_proxy", login(3)).env("PIP_INDEX_URL", format!("{}/simple", login(5)));
        command.env("CARGO_REGISTRIES_OWN_TOKEN", secret(9)).env("CARGO_REGISTRY_TOKEN", secret(9));
    }
    command.output().unwrap()
}

#[test]
fn a_secret_is_shown_and_kept_nowhere() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    write_inputs(home);
    let stop = Arc::new(AtomicBool::new(false));
    let watching = watch(stop.clone());
    let mut search = Search::default();
    let mut ends = Vec::new();
    for of_site in [false, true] {
        for fails in [Some("fail"), Some("unchecked"), None] {
            if let Some(fails) = fails {
                fs::write(home.join(fails), "").unwrap();
            }
            for progress in ["plain", "json", "quiet"] {
                let built =
                    given(home, &["build", "--case", "case.toml", "--progress", progress, "-y"], of_site);
                search.output(&format!("build --progress {progress}"), &built);
                ends.push((fails, code(&built)));
            }
            for words in [
                &["plan", "build", "--case", "case.toml"][..],
                &["plan", "build", "--case", "case.toml", "--json"],
                &["explain", "build/noisy/compile", "--case", "case.toml"],
                &["explain", "build/noisy/compile", "--case", "case.toml", "--json"],
                &["verify", "--case", "case.toml"],
                &["status", "--case", "case.toml"],
                &["image", "dockerfile", "--case", "case.toml"],
                &["case", "check", "case.toml"],
                &["case", "show", "case.toml"],
                &["case", "show", "case.toml", "--origins"],
                &["case", "show", "case.toml", "--origins", "--json"],
            ] {
                search.output(&words.join(" "), &given(home, words, of_site));
            }
            for name in ["state-dir", "artifacts", "prefix/share/installer", "cache-dir"] {
                search.tree(&home.join(name));
            }
            if let Some(fails) = fails {
                fs::remove_file(home.join(fails)).unwrap();
            }
        }
        for case in ["git.toml", "rewritten.toml"] {
            let fetched = given(home, &["deps", "--case", case, "--progress", "plain", "-y"], of_site);
            search.output(&format!("deps of {case}"), &fetched);
            ends.push((Some(case), code(&fetched)));
        }
        search.output("doctor", &given(home, &["doctor", "--case", "case.toml"], of_site));
        for name in ["state-dir", "artifacts", "cache-dir", "data-dir"] {
            search.tree(&home.join(name));
        }
        // The next place has to build again.
        fs::remove_dir_all(home.join("state-dir")).unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    let of_processes = watching.join().unwrap();
    let found: Vec<&String> = search.found.iter().chain(&of_processes.found).collect();
    println!("{} places searched, arguments of {} processes", search.searched, of_processes.searched);
    assert!(
        found.is_empty(),
        "{} found:\n{}",
        found.len(),
        found.iter().map(|line| line.as_str()).collect::<Vec<_>>().join("\n")
    );
    assert!(
        search.searched > 200 && of_processes.searched > 20,
        "{} {}",
        search.searched,
        of_processes.searched
    );
    for (fails, code) in ends {
        assert_eq!(code == 0, fails.is_none(), "{fails:?} ends with {code}");
    }
}

#[test]
fn a_changed_secret_runs_the_step_again_and_the_record_does_not_tell_it() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    write_inputs(home);
    let build = |password: &str| {
        let set = format!("components.noisy.environment.SSHPASS=\"{password}\"");
        let built =
            placed(home, &["build", "--case", "case.toml", "--progress", "plain", "-y", "--set", &set]);
        assert_eq!(code(&built), 0, "{}", said(&built));
        said(&built) + &printed(&built)
    };
    build("first-one");
    assert!(build("first-one").contains("nothing to do"));
    let again = build("second-one");
    assert!(again.contains("environment SSHPASS changed (a secret)"), "{again}");
    let next = again.lines().find(|line| line.starts_with("next:")).unwrap();
    assert!(next.contains("components.noisy.environment.SSHPASS=\"$SSHPASS\""), "{next}");
    let key = PathBuf::from(home).join("state-dir/secrets.key");
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(key).unwrap().permissions()) & 0o777,
        0o600
    );
}

/// An index with one wheel that answers nobody without the login, for as long as the test runs.
fn private_index(wheels: PathBuf, login: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let expected = format!("authorization: basic {}", base64_of(&login)).to_ascii_lowercase();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (wheels, expected) = (wheels.clone(), expected.clone());
            thread::spawn(move || {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).unwrap_or(0) == 0 {
                        return;
                    }
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                let known = head.to_ascii_lowercase().contains(&expected);
                let file = path.rsplit('/').next().unwrap_or_default();
                let (status, kind, body) = match fs::read(wheels.join(file)) {
                    _ if !known => ("401 Unauthorized", "text/plain", Vec::new()),
                    Ok(wheel) if file.ends_with(".whl") => ("200 OK", "application/octet-stream", wheel),
                    _ if path.contains("/private") => {
                        let wheel = "private_thing-1.0-py3-none-any.whl";
                        (
                            "200 OK",
                            "text/html",
                            format!("<a href=\"/files/{wheel}\">{wheel}</a>").into_bytes(),
                        )
                    }
                    _ => ("404 Not Found", "text/plain", Vec::new()),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
                     WWW-Authenticate: Basic realm=\"private\"\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                // A reader that has seen enough may have gone.
                drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)));
            });
        }
    });
    address
}

#[test]
fn the_password_of_an_index_that_asks_for_it_is_shown_and_kept_nowhere() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    wheel(&home.join("wheels"), "private_thing", "1.0");
    let address = private_index(home.join("wheels"), format!("me:{}", secret(12)));
    write(
        home,
        "case.toml",
        "schema = 1\n[metadata]\nname = \"indexed\"\n[python]\npackages = [\"private-thing==1.0\"]\n",
    );
    let stop = Arc::new(AtomicBool::new(false));
    let watching = watch(stop.clone());
    let mut search = Search::default();
    let mut run = |password: &str, words: &[&str]| {
        let index = format!("http://me:{}@{address}/simple", percent(password));
        let mut command = placed_command(home, words);
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("PIP_CONFIG_FILE", "/dev/null");
        command.env("PIP_INDEX_URL", index).env_remove("http_proxy").env_remove("https_proxy");
        let output = command.output().unwrap();
        search.output(&words.join(" "), &output);
        for name in ["state-dir", "artifacts", "cache-dir"] {
            search.tree(&home.join(name));
        }
        search.text("the lock", &fs::read(home.join("case.lock")).unwrap_or_default(), &[]);
        output
    };
    let deps = ["deps", "--case", "case.toml", "--progress", "plain", "-v", "-y"];
    let wrong = format!("{}x", secret(12));
    let refused = run(&wrong, &deps);
    assert_eq!(code(&refused), 5, "{}", said(&refused));
    for words in [
        &deps[..],
        &["build", "--case", "case.toml", "--progress", "plain", "-v", "-y"],
        &["verify", "--case", "case.toml"],
    ] {
        let done = run(&secret(12), words);
        assert_eq!(code(&done), 0, "{words:?}: {}", said(&done));
    }
    search.tree(&home.join("data-dir/environments"));
    stop.store(true, Ordering::Relaxed);
    let of_processes = watching.join().unwrap();
    println!("{} places searched, arguments of {} processes", search.searched, of_processes.searched);
    let found: Vec<&String> = search.found.iter().chain(&of_processes.found).collect();
    assert!(found.is_empty(), "{found:#?}");
    assert!(search.searched > 100, "{}", search.searched);
}
