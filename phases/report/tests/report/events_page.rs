//! `docs/events.md` is the contract with programs that read `--progress json`: its examples must parse, and nothing
//! that can be written may be missing there.

use std::collections::BTreeSet;

use crate::common::{STREAMS, stream};
use model::event::Timed;
use serde_json::Value;

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.md");
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The example lines of the page.
fn examples(page: &str) -> Vec<&str> {
    page.lines().map(str::trim).filter(|line| line.starts_with("{\"at_ms\"")).collect()
}

#[test]
fn every_example_of_the_page_is_an_event_and_is_written_as_it_stands() {
    let page = page();
    let examples = examples(&page);
    assert!(examples.len() > 12, "{} examples", examples.len());
    for line in examples {
        let event: Timed = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(serde_json::to_string(&event).unwrap(), line);
    }
}

#[test]
fn every_kind_of_event_and_every_word_of_an_enum_is_on_the_page() {
    let page = page();
    // The decoder itself lists what it knows when it meets what it does not.
    let asked = [
        r#"{"at_ms":0,"event":"?"}"#,
        r#"{"at_ms":0,"event":"output","step":"a","stream":"?","line":""}"#,
        r#"{"at_ms":0,"event":"step-skipped","step":"a","why":{"reason":"?"}}"#,
        r#"{"at_ms":0,"event":"step-finished","step":"a","outcome":{"result":"?"},"wall_ms":0,"cpu_ms":0}"#,
        r#"{"at_ms":0,"event":"step-finished","step":"a","outcome":{"result":"failed","kind":"?","message":""},"wall_ms":0,"cpu_ms":0}"#,
        r#"{"at_ms":0,"event":"run-finished","verdict":"?","wall_ms":0}"#,
    ];
    for question in asked {
        let error = serde_json::from_str::<Timed>(question).unwrap_err().to_string();
        let (_, known) =
            error.split_once("expected one of ").unwrap_or_else(|| panic!("{question}: {error}"));
        let words: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        assert!(words.len() >= 3, "{error}");
        for word in words {
            assert!(
                page.contains(&format!("`{word}`")),
                "docs/events.md does not tell of `{word}` ({question})"
            );
        }
    }
}

#[test]
fn every_field_that_is_written_is_on_the_page() {
    let page = page();
    let mut fields = BTreeSet::new();
    for event in STREAMS.iter().flat_map(|name| stream(name)) {
        // What `figures` holds is named by each step, not by the format.
        let mut value = serde_json::to_value(&event).unwrap();
        if let Some(map) = value.as_object_mut().filter(|map| map.contains_key("figures")) {
            map.insert("figures".to_owned(), Value::Null);
        }
        collect(&value, &mut fields);
    }
    assert!(fields.len() > 30, "{fields:?}");
    for field in fields {
        assert!(page.contains(&format!("`{field}`")), "docs/events.md does not tell of the field `{field}`");
    }
}

fn collect(value: &Value, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                fields.insert(name.clone());
                collect(value, fields);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, fields)),
        _ => {}
    }
}
