//! Schema, walker, decoder and committed reference say the same.

use camino::Utf8Path;

use super::super::tree::{FileKind, Files};
use super::super::validate::validate;
use super::super::{json, tree};
use super::*;

/// A value that a schema allows, with every key that it knows; `choice` picks among alternatives.
fn sample(root: &Json, node: &Json, choice: usize) -> Json {
    let node = resolve(root, node);
    for key in ["anyOf", "oneOf"] {
        if let Some(branches) = node.get(key).and_then(Json::as_array) {
            let branches: Vec<&Json> = branches.iter().filter(|branch| branch["type"] != "null").collect();
            return sample(root, branches[choice % branches.len()], choice / branches.len());
        }
    }
    if let Some(word) = node.get("const") {
        return word.clone();
    }
    let kind = node["type"].as_str().or_else(|| node["type"][0].as_str()).expect("a type");
    match kind {
        "string" => json!("text"),
        "integer" => json!(1),
        "boolean" => json!(true),
        "array" => json!([sample(root, &node["items"], choice)]),
        "object" => {
            let mut table = serde_json::Map::new();
            for (key, property) in node.get("properties").and_then(Json::as_object).into_iter().flatten() {
                table.insert(key.clone(), sample(root, property, choice));
            }
            if node["additionalProperties"].is_object() {
                table.insert("some".to_owned(), sample(root, &node["additionalProperties"], choice));
            }
            Json::Object(table)
        }
        other => panic!("the walker does not know type {other}"),
    }
}

/// What the walker refuses in this value.
fn walked(value: &Json) -> usize {
    let mut files = Files::default();
    let file = files.add("case.json", &value.to_string(), FileKind::File);
    let node: tree::Node = json::parse(&files, file).expect("JSON");
    validate(&schema(), &files, &node).len()
}

fn decoded(value: &Json) -> bool {
    serde_json::from_value::<Case>(value.clone()).is_ok()
}

/// Every table in the value, by JSON pointer.
fn tables(value: &Json, at: &str, found: &mut Vec<String>) {
    match value {
        Json::Object(table) => {
            found.push(at.to_owned());
            table.iter().for_each(|(key, value)| tables(value, &format!("{at}/{key}"), found));
        }
        Json::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| tables(value, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

/// Enough for every combination of the alternatives that the schema nests.
const CHOICES: usize = 24;

#[test]
fn every_key_of_the_schema_decodes() {
    let schema = schema();
    for choice in 0..CHOICES {
        let value = sample(&schema, &schema, choice);
        assert_eq!(walked(&value), 0, "the walker refuses {value:#}");
        if let Err(error) = serde_json::from_value::<Case>(value.clone()) {
            panic!("{error}: {value:#}");
        }
    }
}

#[test]
fn a_key_that_is_not_in_the_schema_is_refused_by_both() {
    let schema = schema();
    let mut refused = 0;
    for choice in 0..CHOICES {
        let value = sample(&schema, &schema, choice);
        let mut places = Vec::new();
        tables(&value, "", &mut places);
        for place in places {
            let mut wrong = value.clone();
            let table = wrong.pointer_mut(&place).and_then(Json::as_object_mut).expect("a table");
            // Tables with names of the user's choosing have any key, and then a value of the wrong type is refused.
            table.insert("zz-unknown".to_owned(), json!(1.5));
            assert_eq!(walked(&wrong), 1, "the walker takes an unknown key at {place}");
            assert!(!decoded(&wrong), "the decoder takes an unknown key at {place}");
            refused += 1;
        }
    }
    assert!(refused > 200, "only {refused} tables were tried");
}

#[test]
fn a_value_of_another_type_is_refused_by_both() {
    let schema = schema();
    for choice in 0..CHOICES {
        let value = sample(&schema, &schema, choice);
        let mut places = Vec::new();
        tables(&value, "", &mut places);
        for place in places {
            let keys: Vec<String> =
                value.pointer(&place).and_then(Json::as_object).expect("a table").keys().cloned().collect();
            for key in keys {
                let mut wrong = value.clone();
                wrong.pointer_mut(&place).expect("a table")[&key] = json!(1.5);
                assert!(walked(&wrong) > 0, "the walker takes 1.5 at {place}/{key}");
                assert!(!decoded(&wrong), "the decoder takes 1.5 at {place}/{key}");
            }
        }
    }
}

#[test]
fn the_walker_knows_every_word_of_the_schema() {
    fn words(value: &Json, names_follow: bool, found: &mut std::collections::BTreeSet<String>) {
        match value {
            Json::Object(table) => {
                for (key, value) in table {
                    if !names_follow {
                        found.insert(key.clone());
                    }
                    if names_follow || key != "default" {
                        words(value, !names_follow && ["properties", "$defs"].contains(&key.as_str()), found);
                    }
                }
            }
            Json::Array(list) => list.iter().for_each(|value| words(value, false, found)),
            _ => {}
        }
    }
    let mut found = std::collections::BTreeSet::new();
    words(&schema(), false, &mut found);
    let known = [
        "$defs",
        "$ref",
        "$schema",
        "additionalProperties",
        "anyOf",
        "const",
        "default",
        "description",
        "format",
        "items",
        "maximum",
        "minimum",
        "oneOf",
        "properties",
        "required",
        "title",
        "type",
    ];
    let unknown: Vec<_> = found.iter().filter(|word| !known.contains(&word.as_str())).collect();
    assert!(unknown.is_empty(), "the walker ignores {unknown:?}");
}

/// `UPDATE_REFERENCE=1` writes the file instead.
fn committed(name: &str, generated: &str) {
    let path = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("docs/reference");
        std::fs::write(&path, generated).expect("the reference");
    }
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(
        text == generated,
        "{path} is out of date: run UPDATE_REFERENCE=1 cargo nextest run -p model reference"
    );
}

#[test]
fn the_committed_reference_is_that_of_the_types() {
    committed("case.schema.json", &json_schema());
    committed("case.md", &reference_markdown());
}
