//! The case reference: `docs/reference/case.md`, written from the schema.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value as Json;

use super::schema::schema;
use super::validate::{described, resolve, types_of, words_of};

/// All keys of a case with type, default and meaning, as Markdown.
pub fn reference_markdown() -> String {
    let mut text = String::from(
        "# Case reference\n\n\
         Generated from the types in `phases/model/src/case/mod.rs`; do not edit. To generate it: \
         `UPDATE_REFERENCE=1 cargo nextest run -p model reference`.\n\n\
         A case is a TOML file, or JSON with the same keys, in UTF-8, with or without a byte order mark, or in UTF-16 \
         with one, and of at most 4 MiB. `<name>` stands for a name that the case chooses, `[]` for \
         each element of a list. `docs/reference/case.schema.json` is the same as a JSON Schema, for editors.\n\n",
    );
    text.push_str(&table_of_keys(&schema()));
    text
}

/// All keys that a schema has, as a table in Markdown.
pub(crate) fn table_of_keys(schema: &Json) -> String {
    let mut pages = Pages { root: schema, rows: Vec::new(), open: BTreeSet::new() };
    pages.table("", schema);
    let mut text = String::from("| Key | Type | Default | Meaning |\n|---|---|---|---|\n");
    for row in &pages.rows {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "| `{}` | {} | {} | {} |", row.key, row.kind, row.default, row.meaning);
    }
    text
}

struct Row {
    key: String,
    kind: String,
    default: String,
    meaning: String,
}

struct Pages<'a> {
    root: &'a Json,
    rows: Vec<Row>,
    /// Definitions on the way here, so that one that holds itself ends.
    open: BTreeSet<usize>,
}

impl<'a> Pages<'a> {
    fn table(&mut self, prefix: &str, table: &'a Json) {
        let required: Vec<&str> = table
            .get("required")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .collect();
        let kind = table.pointer("/properties/kind/const").and_then(Json::as_str);
        let properties = table.get("properties").and_then(Json::as_object).into_iter().flatten();
        for (name, property) in properties.filter(|(name, _)| !(kind.is_some() && *name == "kind")) {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            let default = match property.get("default") {
                Some(value) if value.as_str() != Some("") => format!("`{}`", cell(&value.to_string())),
                _ if required.contains(&name.as_str()) && key != "metadata" => "required".to_owned(),
                _ => String::new(),
            };
            let mut meaning = self.description(property);
            if let Some(kind) = kind {
                meaning = format!("Kind `{kind}`: {meaning}");
            }
            self.rows.push(Row { key: key.clone(), kind: self.kind(property), default, meaning });
            self.below(&key, property);
        }
    }

    /// The keys inside a value: of tables, of their named entries, of the elements of lists.
    fn below(&mut self, key: &str, schema: &'a Json) {
        let schema = resolve(self.root, schema);
        let identity = std::ptr::from_ref(schema) as usize;
        if !self.open.insert(identity) {
            return;
        }
        if let Some(branches) = schema.get("anyOf").and_then(Json::as_array) {
            for branch in branches {
                // An element of a list of alternatives has the keys of the one that stands alone.
                let is_list = resolve(self.root, branch).get("items").is_some();
                if !is_list {
                    self.below(key, branch);
                }
            }
        } else if let Some(variants) = schema.get("oneOf").and_then(Json::as_array) {
            self.variants(key, variants);
        } else if let Some(items) = schema.get("items") {
            self.below(&format!("{key}[]"), items);
        } else if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
            let key = format!("{key}.<name>");
            let (kind, mut meaning) = (self.kind(values), self.description(values));
            if meaning.is_empty() {
                meaning = self.description(schema);
            }
            self.rows.push(Row { key: key.clone(), kind, default: String::new(), meaning });
            self.below(&key, values);
        } else {
            self.table(key, schema);
        }
        self.open.remove(&identity);
    }

    fn variants(&mut self, key: &str, variants: &'a [Json]) {
        for variant in variants {
            let Some(kind) = variant.pointer("/properties/kind/const").and_then(Json::as_str) else {
                continue;
            };
            self.rows.push(Row {
                key: format!("{key}.kind"),
                kind: format!("`{kind}`"),
                default: "required".to_owned(),
                meaning: self.description(variant),
            });
            self.table(key, variant);
        }
    }

    fn kind(&self, schema: &Json) -> String {
        let words = words_of(self.root, schema);
        if !words.is_empty() {
            return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        }
        let mut types = Vec::new();
        types_of(self.root, schema, &mut types);
        let names: Vec<&str> = types
            .iter()
            .filter(|name| **name != "null")
            .map(|name| described(name).trim_start_matches("a "))
            .collect();
        names.join(" or ")
    }

    /// What the key says of itself, or else its type.
    fn description(&self, schema: &Json) -> String {
        let own = schema.get("description").or_else(|| resolve(self.root, schema).get("description"));
        cell(own.and_then(Json::as_str).unwrap_or_default())
    }
}

/// Text that fits into a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}
