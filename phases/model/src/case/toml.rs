//! Reads TOML into the tree.

use std::ops::Range;

use indexmap::IndexMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::Diagnostic;
use super::tree::{Files, Node, Span, Value};

/// Reads a whole file.
pub(crate) fn parse(files: &Files, file: usize) -> Result<Node, Diagnostic> {
    let text = files.0.get(file).map_or("", |file| file.text.as_str());
    let document = DeTable::parse(text).map_err(|error| syntax(files, file, &error))?;
    let whole = Span { file, start: 0, end: 0 };
    let reader = Reader { files, file, offset: 0 };
    Ok(Node { value: reader.table(document.get_ref())?, key: whole.clone(), span: whole })
}

/// Reads one value that stands at `offset` of the file's text; `None` if it is not a TOML value.
pub(super) fn parse_value(files: &Files, file: usize, offset: usize, text: &str) -> Option<Node> {
    let value = DeValue::parse(text).ok()?;
    let reader = Reader { files, file, offset };
    let span = reader.span(value.span());
    reader.node(span, &value).ok()
}

/// The segments of a dotted key, with their places in it.
pub(super) fn parse_key(key: &str) -> Option<Vec<(String, Range<usize>)>> {
    if key.contains(['\n', '=', '#', '[', '{']) && !key.contains(['"', '\'']) {
        return None;
    }
    let text = format!("{key}=0");
    let document = DeTable::parse(&text).ok()?;
    let mut segments = Vec::new();
    let mut table = document.get_ref();
    loop {
        let (name, value) = match (table.iter().next(), table.len()) {
            (Some(entry), 1) => entry,
            _ => return None,
        };
        segments.push((name.get_ref().to_string(), name.span()));
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            // Any other end means that the key itself held an equals sign.
            DeValue::Integer(_) if value.span() == (key.len() + 1..text.len()) => return Some(segments),
            _ => return None,
        }
    }
}

fn syntax(files: &Files, file: usize, error: &toml::de::Error) -> Diagnostic {
    let range = error.span().unwrap_or(0..0);
    files.diagnose(
        &Span { file, start: range.start, end: range.end },
        format!("this is not TOML: {}", error.message().trim().replace('\n', ", ")),
        None,
    )
}

struct Reader<'a> {
    files: &'a Files,
    file: usize,
    offset: usize,
}

impl Reader<'_> {
    fn span(&self, range: Range<usize>) -> Span {
        Span { file: self.file, start: range.start + self.offset, end: range.end + self.offset }
    }

    fn node(&self, key: Span, value: &Spanned<DeValue<'_>>) -> Result<Node, Diagnostic> {
        let span = self.span(value.span());
        let read = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Integer(number),
                Err(_) => {
                    return Err(self.files.diagnose(
                        &span,
                        format!("the number {} is too large", number.as_str()),
                        Some("whole numbers have 64 bits".to_owned()),
                    ));
                }
            },
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(value) => Value::Bool(*value),
            // A date without quotes means the text of the date.
            DeValue::Datetime(date) => Value::Text(date.to_string()),
            DeValue::Array(list) => Value::List(
                list.iter()
                    .map(|element| self.node(self.span(element.span()), element))
                    .collect::<Result<_, _>>()?,
            ),
            DeValue::Table(table) => self.table(table)?,
        };
        Ok(Node { value: read, key, span })
    }

    /// The parser sorts keys by name; the tree has them as they are written, since components keep their order.
    fn table(&self, table: &DeTable<'_>) -> Result<Value, Diagnostic> {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut read = IndexMap::new();
        for (key, value) in entries {
            read.insert(key.get_ref().to_string(), self.node(self.span(key.span()), value)?);
        }
        Ok(Value::Table(read))
    }
}
