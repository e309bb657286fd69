//! TOML and JSON into one tree.

use indexmap::map::Entry as Slot;
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{ParseOptions, ast};
use toml::de::{DeTable, DeValue};

use super::diagnostic::Diagnostic;
use super::tree::{Entry, Node, Place, Table, Value};

/// In which language a case is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML.
    Toml,
    /// JSON, strictly.
    Json,
}

impl Format {
    /// By the end of the file's name: `.json` is JSON, all else is TOML.
    pub fn of(path: &str) -> Self {
        if path.to_ascii_lowercase().ends_with(".json") { Self::Json } else { Self::Toml }
    }
}

/// Reads a whole file. `text` is its index among the texts.
///
/// # Errors
/// All that is wrong with its syntax.
pub(crate) fn parse(format: Format, source: &str, text: usize) -> Result<Node, Vec<Diagnostic>> {
    match format {
        Format::Toml => parse_toml(source, text),
        Format::Json => parse_json(source, text),
    }
}

fn parse_toml(source: &str, text: usize) -> Result<Node, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(source);
    if errors.is_empty() {
        let place = Place { text, start: 0, end: source.len() };
        return Ok(Node { value: Value::Table(toml_table(table.into_inner(), text, 0)), place });
    }
    let mut found: Vec<Diagnostic> = errors
        .iter()
        .map(|error| {
            let span = error.span().unwrap_or(0..0);
            let place = Place { text, start: span.start, end: span.end };
            Diagnostic::new(place, format!("not valid TOML: {}", error.message()))
        })
        .collect();
    // What follows the first error of a line is mostly its echo.
    found.dedup_by_key(|diagnostic| diagnostic.line_in(source));
    Err(found)
}

/// Reads the value of `--set KEY=VALUE`, which stands at `offset` of its text.
pub(crate) fn parse_toml_value(source: &str, text: usize, offset: usize) -> Option<Node> {
    let value = DeValue::parse(source).ok()?;
    Some(toml_node(value, text, offset))
}

fn toml_table(table: DeTable<'_>, text: usize, offset: usize) -> Table {
    let mut entries: Vec<(String, Entry)> = table
        .into_iter()
        .map(|(key, value)| {
            let place = toml_place(key.span(), text, offset);
            (key.into_inner().into_owned(), Entry { key: place, node: toml_node(value, text, offset) })
        })
        .collect();
    // The parser sorts by name; the order of the text is the order in which components are declared.
    entries.sort_by_key(|(_, entry)| entry.key.start);
    entries.into_iter().collect()
}

fn toml_place(span: std::ops::Range<usize>, text: usize, offset: usize) -> Place {
    Place { text, start: span.start + offset, end: span.end + offset }
}

fn toml_node(node: toml::Spanned<DeValue<'_>>, text: usize, offset: usize) -> Node {
    let place = toml_place(node.span(), text, offset);
    let value = match node.into_inner() {
        DeValue::String(value) => Value::Text(value.into_owned()),
        DeValue::Integer(value) => match i64::from_str_radix(value.as_str(), value.radix()) {
            Ok(value) => Value::Integer(value),
            Err(_) => Value::Number(value.to_string()),
        },
        DeValue::Float(value) => Value::Number(value.as_str().to_owned()),
        DeValue::Boolean(value) => Value::Bool(value),
        DeValue::Datetime(value) => Value::Date(value.to_string()),
        DeValue::Array(items) => {
            Value::List(items.into_iter().map(|item| toml_node(item, text, offset)).collect())
        }
        DeValue::Table(table) => Value::Table(toml_table(table, text, offset)),
    };
    Node { value, place }
}

const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

fn parse_json(source: &str, text: usize) -> Result<Node, Vec<Diagnostic>> {
    let whole = Place { text, start: 0, end: 0 };
    let value = match jsonc_parser::parse_to_ast(source, &jsonc_parser::CollectOptions::default(), &STRICT) {
        Ok(result) => result.value,
        Err(error) => {
            let range = error.range();
            let place = Place { text, start: range.start, end: range.end };
            let message = error.kind().to_string();
            return Err(vec![Diagnostic::new(place, format!("not valid JSON: {}", lower(&message)))]);
        }
    };
    let mut problems = Vec::new();
    match value {
        Some(object @ ast::Value::Object(_)) => {
            let node = json_node(object, text, &mut problems);
            if problems.is_empty() { Ok(node) } else { Err(problems) }
        }
        _ => Err(vec![
            Diagnostic::new(whole, "a case in JSON is one object".to_owned())
                .help("write { \"schema\": 1, \"metadata\": { … }, … }".to_owned()),
        ]),
    }
}

fn lower(message: &str) -> String {
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

fn json_node(value: ast::Value<'_>, text: usize, problems: &mut Vec<Diagnostic>) -> Node {
    let range = value.range();
    let place = Place { text, start: range.start, end: range.end };
    let value = match value {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(literal) => Value::Bool(literal.value),
        ast::Value::NumberLit(literal) => match literal.value.parse() {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::Number(literal.value.to_owned()),
        },
        ast::Value::StringLit(literal) => Value::Text(literal.value.into_owned()),
        ast::Value::Array(array) => {
            Value::List(array.elements.into_iter().map(|item| json_node(item, text, problems)).collect())
        }
        ast::Value::Object(object) => {
            let mut table = Table::new();
            for property in object.properties {
                let range = property.name.range();
                let key = Place { text, start: range.start, end: range.end };
                let node = json_node(property.value, text, problems);
                match table.entry(property.name.into_string()) {
                    Slot::Vacant(slot) => {
                        slot.insert(Entry { key, node });
                    }
                    Slot::Occupied(slot) => problems.push(
                        Diagnostic::new(key, format!("not valid here: the key `{}` stands twice", slot.key()))
                            .help("remove one of them".to_owned()),
                    ),
                }
            }
            Value::Table(table)
        }
    };
    Node { value, place }
}
