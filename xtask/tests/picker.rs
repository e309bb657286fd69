//! Choosing a case on a terminal, where none was named.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a test starts the programs that it tests")]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Types keys once the question is on the screen, and answers with the exit code and all that was shown.
fn typed(home: &Path, term: &str, keys: &str) -> (i32, String) {
    let line = format!("stty cols 80 rows 24; exec {} case show", env!("CARGO_BIN_EXE_installer"));
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    command.current_dir(home).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command.env("HOME", home).env("TERM", term).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut keyboard = child.stdin.take().unwrap();
    let mut screen = child.stdout.take().unwrap();
    let (mut shown, mut chunk) = (Vec::new(), [0; 4096]);
    let mut waiting = true;
    loop {
        let read = screen.read(&mut chunk).unwrap_or(0);
        if read == 0 {
            break;
        }
        shown.extend_from_slice(&chunk[..read]);
        if waiting && String::from_utf8_lossy(&shown).contains("Which case") {
            waiting = false;
            // The question is there a moment before keys are taken one by one.
            std::thread::sleep(std::time::Duration::from_millis(500));
            keyboard.write_all(keys.as_bytes()).unwrap();
        }
    }
    let ended = child.wait().unwrap();
    (ended.code().unwrap(), String::from_utf8_lossy(&shown).into_owned())
}

#[test]
fn a_case_is_found_by_typing_and_one_may_leave() {
    let home = tempfile::tempdir().unwrap();
    let (code, shown) = typed(home.path(), "xterm", "quicks\r");
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("\"name\": \"quickstart\""), "{shown}");
    for (key, name) in [("\u{1b}", "Esc"), ("\u{3}", "Ctrl-C")] {
        let (code, shown) = typed(home.path(), "xterm", key);
        assert_eq!(code, 130, "{name}: {shown}");
        assert!(shown.contains("no case was chosen"), "{name}: {shown}");
        // The cursor is shown again.
        let (hidden, back) = (shown.rfind("\u{1b}[?25l"), shown.rfind("\u{1b}[?25h"));
        assert!(back >= hidden, "{name}: {shown:?}");
    }
}

#[test]
fn ones_own_cases_come_first_and_a_mistake_is_asked_again() {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in
        [("zebra", "schema = 1\n[metadata]\ndescription = \"My own\"\n"), ("broken", "schema = 1\n[oops\n")]
    {
        let directory = home.path().join("cases").join(name);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("case.toml"), text).unwrap();
    }
    let (code, shown) = typed(home.path(), "dumb", "nonsense\nbroken\n2\n");
    assert_eq!(code, 0, "{shown}");
    let at = |text: &str| shown.find(text).unwrap_or_else(|| panic!("no {text}: {shown}"));
    assert!(at("1 broken") < at("2 zebra") && at("2 zebra") < at("quickstart"), "{shown}");
    assert!(at("`nonsense` is not in the list") < at("unclosed table"), "{shown}");
    assert!(shown.contains("\"description\": \"My own\""), "{shown}");
    let (code, shown) = typed(home.path(), "xterm", "\u{1b}[B\r");
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("\"description\": \"My own\""), "{shown}");
}
