//! Holds the tree against the schema of [`super::Case`]: all that is wrong at once, each at its place.

use serde_json::Value as Json;

use super::diagnostic::{Diagnostic, suggest};
use super::tree::{Files, Node, Span, Value, dotted};

/// All that the schema refuses.
pub(crate) fn validate(schema: &Json, files: &Files, root: &Node) -> Vec<Diagnostic> {
    let mut walker = Walker { schema, files, path: Vec::new(), found: Vec::new() };
    walker.check(schema, root);
    walker.found
}

struct Walker<'a> {
    schema: &'a Json,
    files: &'a Files,
    path: Vec<String>,
    found: Vec<Diagnostic>,
}

impl<'a> Walker<'a> {
    fn check(&mut self, schema: &'a Json, node: &Node) {
        let schema = resolve(self.schema, schema);
        if let Some(variants) = list(schema, "oneOf") {
            return if variants.iter().all(|variant| variant.get("const").is_some()) {
                self.word(variants, node)
            } else {
                self.tagged(variants, node)
            };
        }
        if let Some(branches) = list(schema, "anyOf") {
            return match branches.iter().find(|branch| accepts(self.schema, branch, &node.value)) {
                Some(branch) => self.check(branch, node),
                None => self.wrong_type(schema, node),
            };
        }
        if !accepts(self.schema, schema, &node.value) {
            return self.wrong_type(schema, node);
        }
        match &node.value {
            Value::Table(_) => self.object(schema, node, None),
            Value::List(elements) => {
                if let Some(items) = schema.get("items") {
                    for (index, element) in elements.iter().enumerate() {
                        self.below(&index.to_string(), items, element);
                    }
                }
            }
            Value::Integer(number) => {
                let low =
                    schema.get("minimum").and_then(Json::as_i64).is_some_and(|minimum| *number < minimum);
                let high =
                    schema.get("maximum").and_then(Json::as_i64).is_some_and(|maximum| *number > maximum);
                if low || high {
                    let bounds = match (schema.get("minimum"), schema.get("maximum")) {
                        (Some(minimum), Some(maximum)) => format!("from {minimum} to {maximum}"),
                        (Some(minimum), None) => format!("of {minimum} or more"),
                        (_, maximum) => format!("up to {}", maximum.map(Json::to_string).unwrap_or_default()),
                    };
                    let message = format!("`{}` must be a number {bounds}, not {number}", dotted(&self.path));
                    self.report(&node.span, message, None);
                }
            }
            _ => {}
        }
    }

    fn below(&mut self, segment: &str, schema: &'a Json, node: &Node) {
        self.path.push(segment.to_owned());
        self.check(schema, node);
        self.path.pop();
    }

    fn report(&mut self, span: &Span, message: String, help: Option<String>) {
        self.found.push(self.files.diagnose(span, message, help));
    }

    /// `variant` names the kind of a table that has one.
    fn object(&mut self, schema: &'a Json, node: &Node, variant: Option<&str>) {
        let Some(table) = node.table() else { return };
        let properties = schema.get("properties").and_then(Json::as_object);
        for (key, child) in table {
            match (properties.and_then(|properties| properties.get(key)), schema.get("additionalProperties"))
            {
                (Some(property), _) => self.below(key, property, child),
                (None, Some(Json::Bool(false))) => {
                    let known =
                        properties.into_iter().flat_map(|properties| properties.keys().map(String::as_str));
                    // A key that nobody wrote may well be the one that was meant.
                    let unused: Vec<&str> = known
                        .filter(|name| table.get(*name).is_none_or(|given| self.files.is_default(&given.key)))
                        .collect();
                    let help = suggest(key, unused, "known here");
                    let of = variant.map(|kind| format!(" for kind `{kind}`")).unwrap_or_default();
                    let message = match dotted(&self.path) {
                        path if path.is_empty() => format!("unknown key `{key}`{of}"),
                        path => format!("unknown key `{key}` in `{path}`{of}"),
                    };
                    self.report(&child.key, message, help);
                }
                (None, Some(values)) if values.is_object() => self.below(key, values, child),
                (None, _) => {}
            }
        }
        let required = list(schema, "required").map_or(&[][..], Vec::as_slice);
        for name in required.iter().filter_map(Json::as_str).filter(|name| !table.contains_key(*name)) {
            let help = properties
                .and_then(|properties| properties.get(name))
                .and_then(|property| {
                    property.get("description").or_else(|| resolve(self.schema, property).get("description"))
                })
                .and_then(Json::as_str)
                .map(|description| format!("`{name}`: {}", description.replace('\n', " ")));
            let of = variant.map(|kind| format!(", which kind `{kind}` needs")).unwrap_or_default();
            let message = match dotted(&self.path) {
                path if path.is_empty() => format!("key `{name}` is missing"),
                path => format!("key `{name}` is missing in `{path}`{of}"),
            };
            self.report(&node.key, message, help);
        }
    }

    /// A word out of a fixed few.
    fn word(&mut self, variants: &'a [Json], node: &Node) {
        let known: Vec<&str> = variants.iter().filter_map(|variant| variant.get("const")?.as_str()).collect();
        let path = dotted(&self.path);
        match node.text() {
            Some(text) if known.contains(&text) => {}
            Some(text) => {
                self.report(
                    &node.span,
                    format!("`{path}` cannot be `{text}`"),
                    suggest(text, known, "it can be"),
                );
            }
            None => {
                let message = format!("`{path}` must be a text, not {}", described(node.value.schema_type()));
                self.report(&node.span, message, suggest("", known, "it can be"));
            }
        }
    }

    /// A table whose `kind` says which keys it has.
    fn tagged(&mut self, variants: &'a [Json], node: &Node) {
        let path = dotted(&self.path);
        let Some(table) = node.table() else {
            let message = format!("`{path}` must be a table, not {}", described(node.value.schema_type()));
            return self.report(&node.span, message, Some("write `{ kind = \"…\", … }`".to_owned()));
        };
        let known: Vec<&str> = variants.iter().filter_map(kind_of).collect();
        let Some(kind) = table.get("kind") else {
            return self.report(
                &node.key,
                format!("key `kind` is missing in `{path}`"),
                suggest("", known, "it can be"),
            );
        };
        match kind.text().and_then(|kind| variants.iter().find(|variant| kind_of(variant) == Some(kind))) {
            Some(variant) => self.object(variant, node, kind_of(variant)),
            None => {
                let shown = kind.text().map_or_else(|| kind.to_json().to_string(), str::to_owned);
                let help = suggest(&shown, known, "it can be");
                self.report(&kind.span, format!("`{path}.kind` cannot be `{shown}`"), help);
            }
        }
    }

    fn wrong_type(&mut self, schema: &'a Json, node: &Node) {
        let mut types = Vec::new();
        types_of(self.schema, schema, &mut types);
        let words: Vec<&str> =
            types.iter().filter(|name| **name != "null").map(|name| described(name)).collect();
        let path = dotted(&self.path);
        let subject = if path.is_empty() { "a case".to_owned() } else { format!("`{path}`") };
        let is = described(node.value.schema_type());
        let few = words_of(self.schema, schema);
        let help = match (&node.value, types.as_slice()) {
            _ if !few.is_empty() => suggest("", few, "it can be"),
            (Value::Text(text), ["array"]) => {
                Some(format!("write [{}]", serde_json::Value::from(text.as_str())))
            }
            (Value::Integer(number), types) if types.contains(&"string") => {
                Some(format!("write \"{number}\""))
            }
            (Value::Float(number), types) if types.contains(&"string") => {
                Some(format!("write it in quotes, such as \"{number}\""))
            }
            _ => None,
        };
        self.report(&node.span, format!("{subject} must be {}, not {is}", words.join(" or ")), help);
    }
}

pub(super) fn list<'a>(schema: &'a Json, key: &str) -> Option<&'a Vec<Json>> {
    schema.get(key).and_then(Json::as_array)
}

fn kind_of(variant: &Json) -> Option<&str> {
    variant.get("properties")?.get("kind")?.get("const")?.as_str()
}

/// Follows `$ref` into `$defs`.
pub(super) fn resolve<'a>(root: &'a Json, mut schema: &'a Json) -> &'a Json {
    while let Some(target) = schema
        .get("$ref")
        .and_then(Json::as_str)
        .and_then(|reference| reference.strip_prefix('#'))
        .and_then(|pointer| root.pointer(pointer))
    {
        schema = target;
    }
    schema
}

/// All types that a schema lets through at its outermost level.
pub(super) fn types_of<'a>(root: &'a Json, schema: &'a Json, types: &mut Vec<&'a str>) {
    let schema = resolve(root, schema);
    for key in ["anyOf", "oneOf"] {
        for branch in list(schema, key).into_iter().flatten() {
            types_of(root, branch, types);
        }
    }
    match schema.get("type") {
        Some(Json::String(name)) => types.push(name),
        Some(Json::Array(names)) => types.extend(names.iter().filter_map(Json::as_str)),
        _ => {}
    }
    let mut seen = Vec::new();
    types.retain(|name| {
        !seen.contains(name) && {
            seen.push(*name);
            true
        }
    });
}

/// The words of a value that has only a few.
pub(super) fn words_of<'a>(root: &'a Json, schema: &'a Json) -> Vec<&'a str> {
    let schema = resolve(root, schema);
    let branches = list(schema, "anyOf").into_iter().flatten().flat_map(|branch| words_of(root, branch));
    let variants = list(schema, "oneOf").into_iter().flatten();
    branches.chain(variants.filter_map(|variant| variant.get("const")?.as_str())).collect()
}

pub(super) fn accepts(root: &Json, schema: &Json, value: &Value) -> bool {
    let mut types = Vec::new();
    types_of(root, schema, &mut types);
    types.contains(&value.schema_type()) || (types.contains(&"number") && matches!(value, Value::Integer(_)))
}

pub(super) fn described(schema_type: &str) -> &'static str {
    match schema_type {
        "null" => "null",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number with a fraction",
        "array" => "a list",
        "object" => "a table",
        _ => "a text",
    }
}
