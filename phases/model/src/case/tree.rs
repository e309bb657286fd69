//! One tree for TOML and JSON, in which every key and every value knows where it stands.

use indexmap::IndexMap;

/// A piece of text that values come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// `cases/quickstart/case.toml`, `--set`, `INSTALLER_SET`.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// Whether it is a file, whose lines have numbers.
    pub is_file: bool,
}

/// All texts that a case was put together from.
pub type Texts = Vec<Text>;

/// A range of bytes in one of the texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Index into [`Texts`].
    pub text: usize,
    /// First byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Place {
    /// Line and column (in characters), both from 1.
    pub fn line_and_column(self, texts: &[Text]) -> (usize, usize) {
        let before = texts.get(self.text).and_then(|text| text.text.get(..self.start)).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// `case.toml:12`, or the name alone for what is no file.
    pub fn short(self, texts: &[Text]) -> String {
        match texts.get(self.text) {
            Some(text) if text.is_file => format!("{}:{}", text.name, self.line_and_column(texts).0),
            Some(text) => text.name.clone(),
            None => String::new(),
        }
    }
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
}

/// A value of TOML or JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// JSON only.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Another number, as it was written.
    Number(String),
    /// Text.
    Text(String),
    /// TOML only: a date or time without quotes.
    Date(String),
    /// A list.
    List(Vec<Node>),
    /// A table.
    Table(Table),
}

/// The entries of a table in the order of the text.
pub type Table = IndexMap<String, Entry>;

/// One entry of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where the key stands.
    pub key: Place,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The entries, if it is a table.
    pub fn table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The value of a key, if this is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.table()?.get(key).map(|entry| &entry.node)
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// For [`serde`]: the same without places.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Number(text) => text.parse::<f64>().map_or(Json::Null, Json::from),
            Value::Text(text) | Value::Date(text) => text.as_str().into(),
            Value::List(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Value::Table(table) => {
                Json::Object(table.iter().map(|(key, entry)| (key.clone(), entry.node.to_json())).collect())
            }
        }
    }

    /// What is found along `path` (`components.app.needs[1]`): the place of the key (of the item, in a list), and the
    /// value. Names with dots in them are found, too.
    pub fn find(&self, path: &str) -> Option<(Place, &Node)> {
        let (steps, found) = self.descend(path, self.place);
        (steps == path.len()).then_some(found)
    }

    /// What is found along the longest part of `path` that exists.
    pub fn find_nearest(&self, path: &str) -> (Place, &Node) {
        self.descend(path, self.place).1
    }

    /// How many bytes of `path` lead somewhere, and where.
    fn descend(&self, path: &str, here: Place) -> (usize, (Place, &Node)) {
        let mut best = (0, (here, self));
        match &self.value {
            Value::Table(table) => {
                for (key, entry) in table {
                    let Some(rest) = path.strip_prefix(key.as_str()) else { continue };
                    if !(rest.is_empty() || rest.starts_with(['.', '['])) {
                        continue;
                    }
                    let dot = usize::from(rest.starts_with('.'));
                    let (more, found) = entry.node.descend(&rest[dot..], entry.key);
                    let length = if more == 0 { key.len() } else { key.len() + dot + more };
                    if length > best.0 {
                        best = (length, found);
                    }
                }
            }
            Value::List(items) => {
                let index = path.strip_prefix('[').and_then(|rest| rest.split_once(']'));
                if let Some((number, rest)) = index
                    && let Some(item) = number.parse::<usize>().ok().and_then(|number| items.get(number))
                {
                    let dot = usize::from(rest.starts_with('.'));
                    let (more, found) = item.descend(&rest[dot..], item.place);
                    let length = number.len() + 2;
                    best = (if more == 0 { length } else { length + dot + more }, found);
                }
            }
            _ => {}
        }
        best
    }
}

/// `a.b` from `a` and `b`.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
