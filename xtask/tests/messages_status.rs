//! Whole screens of `status` and `doctor`, and text of others on the way to a terminal.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::path::Path;

use common::*;
use model::visible::is_obeyed;

/// What a hostile or careless author writes: a title, a cleared screen, a hidden line, a turned line.
const ACTS: &str = r"\u001b]0;owned\u0007 \u001b[2J\u001b[8mhidden\u001b[0m \u009b1A \u202egpj.exe\u007f";

/// A case that has it in every text, and whose tools print it.
fn hostile(home: &Path) {
    let raw = "printf '\\033]0;owned\\007\\033[2Jraw \\302\\2331A\\n'";
    write(
        home,
        "cases/hostile/case.toml",
        format!(
            "schema = 1\n[metadata]\nname = \"hostile\"\ndescription = \"{ACTS}\"\n\
             [environment]\nNOTE = \"{ACTS}\"\n[sources.one]\nkind = \"path\"\npath = \"src\"\n\
             [components.one]\ndriver = \"command\"\nsource = \"one\"\nenvironment = {{ OWN = \"{ACTS}\" }}\n\
             [components.one.commands]\ncompile = [[\"sh\", \"-c\", \"{}\", \"{ACTS}\"]]\n\
             install = [[\"install\", \"-D\", \"-m\", \"644\", \"{{source}}/x\", \"{{destdir}}{{prefix}}/share/x\"]]\n\
             [[components.one.checks]]\nkind = \"run\"\ncommand = [\"sh\", \"-c\", \"{}; exit 1\"]\n",
            raw.replace('\\', "\\\\"),
            raw.replace('\\', "\\\\"),
        ),
    );
    write(home, "cases/hostile/src/x", "x\n");
    write(home, "bad.toml", format!("schema = 1\n[metadata]\nname = \"b\"\n\"{ACTS}\" = 1\n"));
    write(home, "raw.toml", "schema = 1\n[metadata]\nname = \"b\u{9b}2J\" \u{202e}= \x1b]0;owned\x07 1\n");
    write(home, "site.toml", format!("schema = 1\n[pip]\nindex = \"http://127.0.0.1:9/{ACTS}\"\n"));
    write(home, "wrong-site.toml", format!("schema = 1\n[pip]\n\"{ACTS}\" = 1\n"));
}

#[test]
fn no_text_of_a_case_or_of_a_tool_moves_a_terminal() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    hostile(home);
    let case = ["--case", "hostile"];
    let mut seen = 0;
    let mut shown = |words: &[&str], colour: bool| {
        let takes_place = !matches!(words[0], "case" | "image" | "recipe");
        let mut command = if takes_place { placed_command(home, words) } else { command(home, words) };
        let output = command.output().unwrap();
        let text = format!("{}{}", printed(&output), said(&output));
        // Colours of our own, where they were asked for.
        let own = |text: String| match colour {
            true => report::Style::SEQUENCES.iter().fold(text, |text, own| text.replace(own, "")),
            false => text,
        };
        let text = own(text);
        let bad = text.lines().find(|line| line.contains(is_obeyed));
        assert_eq!(bad, None, "{words:?}: {text:?}");
        seen += usize::from(text.contains("owned") || text.contains("gpj"));
        text
    };
    for words in [
        &["case", "list"][..],
        &["case", "list", "--json"],
        &["case", "show", "hostile"],
        &["case", "show", "hostile", "--origins"],
        &["case", "check", "hostile"],
        &["case", "check", "bad.toml"],
        &["case", "check", "bad.toml", "--json"],
        &["case", "check", "raw.toml"],
        &["case", "diff", "hostile", "quickstart"],
        &["case", "check", "\u{1b}]0;owned\u{7}"],
        &["build", "\u{1b}]0;owned\u{7}", "--\u{1b}[2Jowned"],
    ] {
        shown(words, false);
    }
    for words in [
        &["plan", "build"][..],
        &["plan", "build", "--json"],
        &["explain", "build/one/compile"],
        &["explain", "build/one/compile", "--json"],
        &["build", "--progress", "plain", "-v", "-y"],
        &["build", "--progress", "json", "-y"],
        &["build", "--progress", "quiet", "-y"],
        &["status"],
        &["status", "--json"],
        &["verify"],
        &["doctor", "--site", "site.toml"],
        &["doctor", "--site", "site.toml", "--json"],
        &["doctor", "--site", "wrong-site.toml"],
    ] {
        shown(&[words, &case].concat(), false);
    }
    for words in
        [&["plan", "build", "-v"][..], &["explain", "build/one/compile"], &["build", "--progress", "plain"]]
    {
        shown(&[words, &case, &["--color", "always"]].concat(), true);
    }
    assert!(seen > 15, "{seen} screens showed anything of it");
    // On a terminal only what the renderer itself writes: its region, no title.
    let drawn = placed(home, &["build", "--case", "hostile", "--progress", "tty", "-v", "-y"]);
    let drawn = said(&drawn);
    assert!(drawn.contains("raw 1A") && drawn.contains("\x1b[?2026h"), "{drawn:?}");
    for sequence in ["\x1b]", "\u{9b}", "\x1b[2J", "\x1b[8m", "\x07", "\u{202e}", "\x7f"] {
        assert!(!drawn.contains(sequence), "{sequence:?} in {drawn:?}");
    }
}

/// A case of two components, the first of which waits for a file `go`.
fn waiting(home: &Path, with_second: bool) {
    write(home, "src/x", "x\n");
    let component = |name: &str, compile: &str| {
        format!(
            "[components.{name}]\ndriver = \"command\"\nsource = \"one\"\n[components.{name}.commands]\ncompile = [[{compile}]]\n\
             install = [[\"install\", \"-D\", \"-m\", \"644\", \"{{source}}/x\", \"{{destdir}}{{prefix}}/share/{name}\"]]\n"
        )
    };
    let wait = format!(
        "\"sh\", \"-c\", \"touch {0}/began; while [ ! -e {0}/go ]; do sleep 0.02; done\"",
        home.display()
    );
    let second = if with_second { component("second", "\"true\"") } else { String::new() };
    let head = "schema = 1\n[metadata]\nname = \"waiting\"\n[sources.one]\nkind = \"path\"\npath = \"src\"\n";
    write(home, "case.toml", format!("{head}{}{second}", component("first", &wait)));
}

/// A screen without what differs from machine to machine and from run to run.
fn settled(home: &Path, text: &str) -> String {
    let text = text.replace(home.to_str().unwrap(), "[HOME]");
    let words = text.split_inclusive(' ').map(|word| {
        let number = word.chars().next().is_some_and(|first| first.is_ascii_digit());
        let date = word.len() > 9 && word.get(4..5) == Some("-");
        let clock = word.len() > 7 && word.get(2..3) == Some(":") && word.get(5..6) == Some(":");
        match word {
            _ if number && date => "[DATE] ".to_owned(),
            _ if number && clock => "[TIME] ".to_owned(),
            _ => word.to_owned(),
        }
    });
    words.collect()
}

#[test]
fn status_says_what_runs_what_is_left_of_earlier_and_what_was_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    waiting(home, true);
    let case = ["--case", "case.toml"];
    let mut build =
        placed_command(home, &[&["build", "--progress", "quiet", "-y", "-j1"][..], &case].concat());
    let mut build = build.spawn().unwrap();
    eventually("the step", || home.join("began").exists().then_some(()));
    let status = |words: &[&str]| printed(&placed(home, &[&["status"][..], &case, words].concat()));
    let text = status(&[]);
    let running: serde_json::Value = serde_json::from_str(&status(&["--json"])).unwrap();
    write(home, "go", "");
    assert!(build.wait().unwrap().success());

    let pid = build.id();
    assert_eq!(running["running"]["pid"], pid, "{running}");
    assert_eq!(running["running"]["at"]["phase"], "build", "{running}");
    let steps = running["running"]["at"]["running"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["step"] == "build/first/compile"), "{running}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[1].starts_with(&format!("running now, pid {pid}, since ")), "{text}");
    assert!(lines[1].contains("installer build --progress quiet"), "{text}");
    assert!(lines[2].starts_with("  build: ") && lines[2].contains(" done, "), "{text}");
    assert!(lines.iter().any(|line| line.contains(" s  build/first/compile: ")), "{text}");
    assert!(text.contains(": is running, ") && !text.contains("was killed"), "{text}");

    waiting(home, false);
    let after = settled(home, &status(&[]));
    let after: String =
        after.lines().filter(|line| !line.starts_with("logs ")).map(|line| format!("{line}\n")).collect();
    insta::assert_snapshot!("status", after);
    let json: serde_json::Value = serde_json::from_str(&status(&["--json"])).unwrap();
    assert_eq!(json["running"], serde_json::Value::Null);
    assert_eq!(json["former"][0]["component"], "second");
    // As it advises.
    assert_eq!(code(&placed(home, &["uninstall", "second", "--case", "case.toml"])), 0);
    assert!(!status(&[]).contains("second"));
}

#[test]
fn doctor_asks_nobody_unless_it_is_told_to_and_says_what_it_did_not_look_at() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            use std::io::{Read, Write};
            let mut stream = stream.unwrap();
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let mut head = [0; 4096];
            let length = stream.read(&mut head).unwrap();
            let status = if head[..length].starts_with(b"GET /simple") { "200 OK" } else { "404 Not Found" };
            write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        }
    });
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    write(
        home,
        "site.toml",
        format!(
            "schema = 1\n[pip]\nindex = \"http://{address}/simple\"\nextra_indexes = [\"http://me:hunter2@{dead}/simple\"]\n"
        ),
    );
    let zeros = "0".repeat(64);
    let source = |name: &str| {
        format!(
            "[sources.{name}]\nkind = \"archive\"\nurls = [\"http://{address}/{name}.tar.gz\"]\nsha256 = \"{zeros}\"\n"
        )
    };
    write(
        home,
        "case.toml",
        format!(
            "schema = 1\n[metadata]\nname = \"c\"\n{}{}[components.a]\ndriver = \"cmake\"\n[components.b]\ndriver = \"cmake\"\n",
            source("a"),
            source("b")
        ),
    );
    let doctor = |words: &[&str]| {
        let mut command =
            placed_command(home, &[&["doctor", "case.toml", "--site", "site.toml"][..], words].concat());
        for name in ["PIP_INDEX_URL", "http_proxy", "https_proxy", "no_proxy"] {
            command.env_remove(name);
        }
        let output = command.output().unwrap();
        let text = printed(&output)
            .replace(home.to_str().unwrap(), "[HOME]")
            .replace(&address, "[ALIVE]")
            .replace(&dead, "[DEAD]");
        assert!(!text.contains("hunter2"), "{text}");
        // Of the machine's own state nothing: only what concerns servers, and the end.
        let own = text.lines().filter(|line| {
            ["proxy", "mirror"].iter().any(|area| line.get(9..).is_some_and(|rest| rest.starts_with(area)))
        });
        let end = text.lines().skip_while(|line| *line != "not looked at:");
        let lines = own.chain(end).map(|line| {
            let words = line.split(' ').map(|word| match word.parse::<f32>() {
                Ok(_) if word.contains('.') => "[N]",
                _ => word,
            });
            words.collect::<Vec<_>>().join(" ")
        });
        let screen =
            format!("$ installer doctor {}\n{}\n", words.join(" "), lines.collect::<Vec<_>>().join("\n"));
        (screen, said(&output))
    };
    let (silent, _) = doctor(&[]);
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 0, "a server was asked");
    let (online, _) = doctor(&["--online"]);
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 2, "each server once");
    let (_, both) = doctor(&["--online", "--offline"]);
    insta::assert_snapshot!("doctor", format!("{silent}\n{online}\n{both}"));
}

#[test]
fn what_several_components_lack_is_told_once() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let zeros = "0".repeat(64);
    let names = ["one", "two", "three"];
    let parts: String = names
        .iter()
        .map(|name| {
            format!(
                "[sources.{name}]\nkind = \"archive\"\nurls = [\"http://files.example/{name}.tar.gz\"]\nsha256 = \"{zeros}\"\n\
                 [components.{name}]\ndriver = \"command\"\nsystem = [\"apt:no-such-one\", \"apt:no-such-two\"]\n\
                 [components.{name}.commands]\ninstall = [[\"true\"]]\n"
            )
        })
        .collect();
    write(home, "case.toml", format!("schema = 1\n[metadata]\nname = \"c\"\n{parts}"));
    let built = placed(home, &["build", "--case", "case.toml", "--progress", "quiet", "-y"]);
    assert_eq!(code(&built), 4, "{}", said(&built));
    let text = said(&built).replace(home.to_str().unwrap(), "[HOME]");
    insta::assert_snapshot!("lacks", text);
}
