//! `case diff`: what two cases say differently.

use std::collections::{BTreeMap, BTreeSet};

use exec::redact::Redactor;
use model::case::Loaded;
use model::exit;
use serde::Serialize;

use crate::args::{Common, DiffFormat};
use crate::error::Result;
use crate::load::load_case;
use crate::out::{self, print, say};

/// A key that the cases do not agree on.
#[derive(Debug, Serialize)]
struct Difference {
    /// Dotted; an element of a list by its index.
    key: String,
    /// JSON, or none where the case does not have the key.
    a: Option<serde_json::Value>,
    b: Option<serde_json::Value>,
}

/// Prints the differences, and says by the exit code whether there are any.
pub fn diff(common: &Common, a: &str, b: &str, format: DiffFormat) -> Result<i32> {
    let one = load_case(common, a)?.0;
    let other = load_case(common, b)?.0;
    for warning in one.warnings.iter().chain(&other.warnings) {
        say(&format!("{warning}\n"));
    }
    let redactor =
        Redactor::from_variables([&one, &other].into_iter().flat_map(|loaded| &loaded.case.environment));
    let found = differences(&one, &other);
    match if common.json { DiffFormat::Json } else { format } {
        DiffFormat::Text => {
            for difference in &found {
                print(&text(difference, &redactor))?;
            }
        }
        DiffFormat::Json => {
            let redacted: Vec<Difference> = found
                .iter()
                .map(|difference| Difference {
                    key: difference.key.clone(),
                    a: difference.a.as_ref().map(|value| without_secrets(&difference.key, value, &redactor)),
                    b: difference.b.as_ref().map(|value| without_secrets(&difference.key, value, &redactor)),
                })
                .collect();
            let document = serde_json::json!({ "schema": 1, "a": a, "b": b, "differences": redacted });
            out::json(&document)?;
        }
    }
    Ok(if found.is_empty() { exit::OK } else { exit::DIFFERENT })
}

fn differences(one: &Loaded, other: &Loaded) -> Vec<Difference> {
    let (mut a, mut b) = (values(one), values(other));
    // Names that nobody wrote are those of the directories.
    let written = |loaded: &Loaded| {
        loaded.origins.iter().any(|origin| origin.key == "metadata.name" && origin.from != "default")
    };
    if !written(one) && !written(other) {
        a.remove("metadata.name");
        b.remove("metadata.name");
    }
    let keys: BTreeSet<String> = a.keys().chain(b.keys()).cloned().collect();
    keys.into_iter()
        .filter_map(|key| {
            let (a, b) = (a.get(&key), b.get(&key));
            (a != b).then(|| Difference { a: a.cloned(), b: b.cloned(), key })
        })
        .collect()
}

/// Every value by its dotted key. What a case extends is in it already.
fn values(loaded: &Loaded) -> BTreeMap<String, serde_json::Value> {
    let mut found = BTreeMap::new();
    for origin in loaded.origins.iter().filter(|origin| origin.key != "extends") {
        let value = serde_json::from_str(&origin.value).unwrap_or_else(|_| origin.value.clone().into());
        flatten(&origin.key, value, &mut found);
    }
    found
}

/// Lists of tables are compared table by table; other lists as a whole, because an order is part of them.
fn flatten(key: &str, value: serde_json::Value, found: &mut BTreeMap<String, serde_json::Value>) {
    match value {
        serde_json::Value::Array(list) if list.iter().any(serde_json::Value::is_object) => {
            for (index, value) in list.into_iter().enumerate() {
                flatten(&format!("{key}.{index}"), value, found);
            }
        }
        serde_json::Value::Object(table) => {
            for (name, value) in table {
                flatten(&format!("{key}.{name}"), value, found);
            }
        }
        value => {
            found.insert(key.to_owned(), value);
        }
    }
}

fn text(difference: &Difference, redactor: &Redactor) -> String {
    let shown = |value: &serde_json::Value| without_secrets(&difference.key, value, redactor).to_string();
    let line = |sign: &str, value: &Option<serde_json::Value>| {
        value
            .as_ref()
            .map_or_else(String::new, |value| format!("{sign} {} = {}\n", difference.key, shown(value)))
    };
    format!("{}{}", line("-", &difference.a), line("+", &difference.b))
}

/// The value with what is secret masked: by what the environment says, and by the key's last word.
fn without_secrets(key: &str, value: &serde_json::Value, redactor: &Redactor) -> serde_json::Value {
    match value {
        serde_json::Value::String(text) => {
            let name = key.rsplit('.').next().unwrap_or(key).to_owned();
            let own = Redactor::from_environment(&BTreeMap::from([(name, text.clone())]));
            redactor.redact_lines(&own.redact_lines(text)).into()
        }
        serde_json::Value::Array(list) => {
            list.iter().map(|value| without_secrets(key, value, redactor)).collect()
        }
        other => other.clone(),
    }
}
