//! Reads JSON (strict: no comments, no trailing commas) into the tree.

use indexmap::IndexMap;
use jsonc_parser::ast;
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::diagnostic::Diagnostic;
use super::tree::{Files, Node, Span, Value};

const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
};

/// Reads a whole file.
pub(super) fn parse(files: &Files, file: usize) -> Result<Node, Diagnostic> {
    let text = files.0.get(file).map_or("", |file| file.text.as_str());
    let reader = Reader { files, file };
    let parsed = parse_to_ast(text, &CollectOptions::default(), &STRICT).map_err(|error| {
        let kind = error.kind().to_string();
        files.diagnose(&reader.span(error.range()), format!("this is not JSON: {}", lower(&kind)), None)
    })?;
    let Some(value) = parsed.value else {
        let start = Span { file, start: 0, end: 0 };
        return Err(files.diagnose(
            &start,
            "the file is empty",
            Some("a case begins with `{\"schema\": 1`".to_owned()),
        ));
    };
    let whole = reader.span(value.range());
    reader.node(whole, &value)
}

fn lower(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

struct Reader<'a> {
    files: &'a Files,
    file: usize,
}

impl Reader<'_> {
    fn span(&self, range: Range) -> Span {
        Span { file: self.file, start: range.start, end: range.end }
    }

    fn node(&self, key: Span, value: &ast::Value<'_>) -> Result<Node, Diagnostic> {
        let span = self.span(value.range());
        let read = match value {
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::BooleanLit(value) => Value::Bool(value.value),
            ast::Value::StringLit(text) => Value::Text(text.value.to_string()),
            ast::Value::NumberLit(number) => self.number(&span, number.value)?,
            ast::Value::Array(list) => Value::List(
                list.elements
                    .iter()
                    .map(|element| self.node(self.span(element.range()), element))
                    .collect::<Result<_, _>>()?,
            ),
            ast::Value::Object(object) => {
                let mut table = IndexMap::new();
                for property in &object.properties {
                    let name = property.name.as_str().to_owned();
                    let key = self.span(property.name.range());
                    if table.contains_key(&name) {
                        return Err(self.files.diagnose(
                            &key,
                            format!("key `{name}` is given twice"),
                            Some("keep one of them".to_owned()),
                        ));
                    }
                    table.insert(name, self.node(key, &property.value)?);
                }
                Value::Table(table)
            }
        };
        Ok(Node { value: read, key, span })
    }

    fn number(&self, span: &Span, text: &str) -> Result<Value, Diagnostic> {
        if text.contains(['.', 'e', 'E']) {
            return Ok(Value::Float(text.parse().unwrap_or(f64::NAN)));
        }
        text.parse().map(Value::Integer).map_err(|_| {
            self.files.diagnose(
                span,
                format!("the number {text} is too large"),
                Some("whole numbers have 64 bits".to_owned()),
            )
        })
    }
}
