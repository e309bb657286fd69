//! Recorded event streams, and what the tests hand to the renderers.

use model::event::Timed;
use report::{Next, Options, Purpose, Style};

/// The streams under `tests/report/streams/`.
pub const STREAMS: &[&str] =
    &["cancelled", "counting", "failure", "keep-going", "leak", "nothing-to-do", "optional", "success"];

/// The events of one recorded stream.
pub fn stream(name: &str) -> Vec<Timed> {
    let path = format!("{}/tests/report/streams/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.lines()
        .enumerate()
        .map(|(n, line)| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{path}:{}: {error}", n + 1))
        })
        .collect()
}

/// Options as the command line would make them.
pub fn options(verbose: bool, colour: bool) -> Options {
    Options {
        style: Style::new(colour),
        verbose,
        next: Next {
            purpose: Purpose::Phases,
            program: "installer".to_owned(),
            again: "installer all --case quickstart".to_owned(),
            arguments: "--case quickstart".to_owned(),
            verify: "--case quickstart".to_owned(),
            path: vec!["/usr/bin".to_owned(), "/usr/local/bin/".to_owned()],
            artifacts: "/root/artifacts/quickstart".to_owned(),
        },
    }
}
