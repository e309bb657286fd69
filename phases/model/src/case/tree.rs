//! The text of a case as a tree whose keys and values know where they stand, whatever the format.

use indexmap::IndexMap;

use super::diagnostic::{Diagnostic, Location};

/// Where a text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// A case file.
    File,
    /// An argument of the command line, shown as if it were a file of one line.
    Flag,
    /// A value that nobody wrote.
    Default,
}

/// A text with the name that messages show.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub name: String,
    pub text: String,
    pub kind: FileKind,
    /// Where its lines begin, in bytes.
    lines: Vec<usize>,
}

impl File {
    fn new(name: &str, text: &str, kind: FileKind) -> Self {
        let later = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(later).collect();
        Self { name: name.to_owned(), text: text.to_owned(), kind, lines }
    }

    /// The number of the line with this byte, from 1, and where it begins.
    fn line(&self, at: usize) -> (usize, usize) {
        let number = self.lines.partition_point(|start| *start <= at);
        (number, self.lines.get(number.saturating_sub(1)).copied().unwrap_or(0))
    }
}

/// Bytes of one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Index into [`Files`].
    pub file: usize,
    pub start: usize,
    pub end: usize,
}

/// All texts that a case is put together from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files(pub Vec<File>);

impl Files {
    pub fn add(&mut self, name: &str, text: &str, kind: FileKind) -> usize {
        self.0.push(File::new(name, text, kind));
        self.0.len() - 1
    }

    /// A diagnostic at a place; what was written by nobody has none.
    pub fn diagnose(&self, span: &Span, message: impl Into<String>, help: Option<String>) -> Diagnostic {
        let place =
            self.0.get(span.file).filter(|file| file.kind != FileKind::Default).map(|file| place(file, span));
        Diagnostic { message: message.into(), place, help }
    }

    /// `file:line`, the flag, or `default`.
    pub fn origin(&self, span: &Span) -> String {
        match self.0.get(span.file) {
            Some(file) if file.kind == FileKind::File => {
                format!("{}:{}", file.name, file.line(floor(&file.text, span.start)).0)
            }
            Some(file) if file.kind == FileKind::Flag => file.name.clone(),
            _ => "default".to_owned(),
        }
    }

    pub fn is_default(&self, span: &Span) -> bool {
        self.0.get(span.file).is_some_and(|file| file.kind == FileKind::Default)
    }

    pub fn is_flag(&self, span: &Span) -> bool {
        self.0.get(span.file).is_some_and(|file| file.kind == FileKind::Flag)
    }
}

/// The line on which `span` begins; what lies beyond its end is not marked.
fn place(file: &File, span: &Span) -> Location {
    let text = file.text.as_str();
    let start = floor(text, span.start);
    let end = floor(text, span.end.max(span.start));
    let (number, line_start) = file.line(start);
    let rest = text.get(line_start..).unwrap_or("");
    let line = rest.split('\n').next().unwrap_or("").trim_end_matches('\r');
    let marked_end = end.min(line_start + line.len());
    Location {
        file: file.name.clone(),
        line: number,
        column: text.get(line_start..start).unwrap_or("").chars().count() + 1,
        width: text.get(start..marked_end).map_or(0, |marked| marked.chars().count()).max(1),
        text: line.to_owned(),
    }
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A value and where it and its key stand.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub value: Value,
    /// The key; of an element of a list, the element.
    pub key: Span,
    pub span: Span,
}

/// What both formats can say.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Table(IndexMap<String, Node>),
}

impl Value {
    /// The name of the type in JSON Schema.
    pub fn schema_type(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Float(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "array",
            Self::Table(_) => "object",
        }
    }
}

impl Node {
    pub fn table(&self) -> Option<&IndexMap<String, Node>> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The child of this name, or of this index in a list.
    pub fn child(&self, segment: &str) -> Option<&Node> {
        match &self.value {
            Value::Table(table) => table.get(segment),
            Value::List(list) => segment.parse::<usize>().ok().and_then(|index| list.get(index)),
            _ => None,
        }
    }

    pub fn get(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, segment| node.child(segment))
    }

    /// The node at `path`, or the last one on the way to it.
    pub fn nearest(&self, path: &[&str]) -> &Node {
        let mut node = self;
        for segment in path {
            match node.child(segment) {
                Some(child) => node = child,
                None => break,
            }
        }
        node
    }

    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Text(value) => value.as_str().into(),
            Value::List(list) => list.iter().map(Node::to_json).collect(),
            Value::Table(table) => serde_json::Value::Object(
                table.iter().map(|(key, node)| (key.clone(), node.to_json())).collect(),
            ),
        }
    }
}

/// A segment of a dotted key as it is written: quoted where it is not a bare key.
pub fn quoted(segment: &str) -> String {
    let bare = !segment.is_empty()
        && segment.chars().all(|character| character.is_ascii_alphanumeric() || "-_".contains(character));
    if bare { segment.to_owned() } else { serde_json::Value::from(segment).to_string() }
}

/// A dotted key of these segments.
pub(crate) fn dotted<S: AsRef<str>>(segments: &[S]) -> String {
    segments.iter().map(|segment| quoted(segment.as_ref())).collect::<Vec<_>>().join(".")
}
