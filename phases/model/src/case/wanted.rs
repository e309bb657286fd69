//! What `--set` means by a word without quotes: `3.10` is a text where the case wants a text, and a number where it
//! wants a number.

use serde_json::Value as Json;

use super::tree::{Files, Node, Span, Value};
use super::validate::{accepts, list, resolve, types_of};

/// Turns values of a flag into the text that was written, wherever the case takes a text and not such a value.
/// `segments` is the key that `node` is the value of.
pub(super) fn settle(root: &Json, files: &Files, segments: &[&str], node: &mut Node) {
    let mut schemas = vec![root];
    for segment in segments {
        schemas = below(root, &schemas, segment);
    }
    settle_value(root, files, &schemas, node);
}

/// Several schemas are those of several kinds: which of them counts may be said later on the same command line.
fn settle_value(root: &Json, files: &Files, schemas: &[&Json], node: &mut Node) {
    let accepted = schemas.iter().any(|schema| accepts(root, schema, &node.value));
    if !accepted && schemas.iter().any(|schema| wants_text(root, schema)) {
        if let Some(written) = written(files, &node.span) {
            node.value = Value::Text(written.to_owned());
        }
        return;
    }
    match &mut node.value {
        Value::List(elements) => {
            let items: Vec<&Json> =
                branches(root, schemas).into_iter().filter_map(|schema| schema.get("items")).collect();
            elements.iter_mut().for_each(|element| settle_value(root, files, &items, element));
        }
        Value::Table(table) => {
            for (name, child) in table {
                settle_value(root, files, &below(root, schemas, name), child);
            }
        }
        _ => {}
    }
}

fn wants_text(root: &Json, schema: &Json) -> bool {
    let mut types = Vec::new();
    types_of(root, schema, &mut types);
    types.contains(&"string")
}

fn written<'a>(files: &'a Files, span: &Span) -> Option<&'a str> {
    files.0.get(span.file)?.text.get(span.start..span.end).map(str::trim)
}

/// The schemas of what stands at `segment` of a table.
fn below<'a>(root: &'a Json, schemas: &[&'a Json], segment: &str) -> Vec<&'a Json> {
    branches(root, schemas)
        .into_iter()
        .filter_map(|schema| {
            let named = schema.get("properties").and_then(|properties| properties.get(segment));
            named.or_else(|| schema.get("additionalProperties").filter(|values| values.is_object()))
        })
        .collect()
}

/// The schemas with every alternative that they have, none of which has alternatives itself.
fn branches<'a>(root: &'a Json, schemas: &[&'a Json]) -> Vec<&'a Json> {
    let mut open: Vec<&Json> = schemas.to_vec();
    let mut found = Vec::new();
    while let Some(schema) = open.pop() {
        let schema = resolve(root, schema);
        found.push(schema);
        for key in ["anyOf", "oneOf"] {
            open.extend(list(schema, key).into_iter().flatten());
        }
    }
    found
}
