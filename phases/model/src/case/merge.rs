//! Puts a case together: the file, the cases it extends, and what the command line says over them.

use camino::{Utf8Path, Utf8PathBuf};
use indexmap::IndexMap;

use super::artifacts::PresetArtifacts;
use super::diagnostic::{Diagnostic, Diagnostics, Warning, nearest};
use super::tree::{FileKind, Files, Node, Span, Value, dotted};
use super::{
    CASE_SCHEMA, Case, Recipes, SystemPackages, json, preset, schema, semantic, stack, toml, validate, wanted,
};

/// How many cases may extend one another; more is taken for a mistake.
const LONGEST_CHAIN: usize = 32;

/// How a case is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML.
    Toml,
    /// JSON, without comments.
    Json,
}

/// A case as text.
#[derive(Clone, Debug)]
pub struct CaseFile {
    /// The path as messages show it.
    pub name: String,
    /// What is in it.
    pub text: String,
    /// How it is written.
    pub format: Format,
    /// The absolute directory that it lies in; none for one that is built in.
    pub directory: Option<Utf8PathBuf>,
    /// What lies beside it, where it is a preset of an older tool.
    pub artifacts: Option<PresetArtifacts>,
}

/// What the command line says over the case.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--set KEY=VALUE`, in their order: a dotted key, and a TOML value or plain text. Where the case
    /// wants a text, what is written is one: `python.version=3.10`.
    pub set: Vec<(String, String)>,
    /// `--source NAME=PATH`: a directory in the place of a source.
    pub sources: Vec<(String, Utf8PathBuf)>,
    /// The name of a case that says none; usually that of its directory.
    pub default_name: String,
}

/// Where a value of the case comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Dotted key; names that need it are quoted.
    pub key: String,
    /// The value as JSON.
    pub value: String,
    /// `file:line`, `--set`, `--source` or `default`.
    pub from: String,
}

/// A case that holds together, with the places of its values.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The case.
    pub case: Case,
    /// All values, in the order of the case.
    pub origins: Vec<Origin>,
    /// What was not read, of presets of older tools.
    pub warnings: Vec<Warning>,
    files: Files,
    tree: Node,
}

impl Loaded {
    /// Where a key, or the nearest one above it, is written: `case.toml:12`, or the flag.
    pub fn place(&self, path: &[&str]) -> String {
        self.files.origin(&self.tree.nearest(path).key)
    }

    /// A diagnostic at a dotted key, or at the nearest key above it that is written somewhere. An index of a list is a
    /// segment: `components.ffmpeg.needs.0`.
    pub fn at_key(&self, key: &str, message: &str, help: &str) -> Diagnostics {
        let segments: Vec<String> = match toml::parse_key(key) {
            Some(segments) => segments.into_iter().map(|(segment, _)| segment).collect(),
            None => key.split('.').map(str::to_owned).collect(),
        };
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let help = (!help.is_empty()).then(|| help.to_owned());
        let span = if self.tree.get(&path[..path.len().min(1)]).is_some() {
            &self.tree.nearest(&path).key
        } else {
            &self.tree.span
        };
        self.files.diagnose(span, message, help).into()
    }
}

/// Reads a case and everything it extends, and refuses what does not hold together.
///
/// `parent` brings the case that an `extends` names: it gets the value and the name of the file that says so, and
/// answers with the file or with words that say why it cannot.
///
/// # Errors
/// All that is wrong, each with its place; syntax first, then keys and types, then what the values mean.
pub fn load(
    root: CaseFile,
    parent: &mut dyn FnMut(&str, &str) -> Result<CaseFile, String>,
    overrides: &Overrides,
    recipes: &Recipes,
) -> Result<Loaded, Diagnostics> {
    let mut files = Files::default();
    let mut warnings = Vec::new();
    let mut tree = chain(&mut files, root, parent, &mut warnings)?;
    tree = settings(&mut files, tree, overrides)?;
    for (name, path) in &overrides.sources {
        let kept = tree.get(&["sources", name]).map(kept).unwrap_or_default();
        let replaced = replaced_source(&mut files, name, path.as_str(), kept);
        put(&mut tree, "sources", name, replaced);
    }
    if tree.get(&["metadata"]).is_none_or(|metadata| metadata.table().is_some())
        && tree.get(&["metadata", "name"]).is_none()
    {
        let file = files.add("default", &overrides.default_name, FileKind::Default);
        let span = Span { file, start: 0, end: 0 };
        let name = Node { value: Value::Text(overrides.default_name.clone()), key: span.clone(), span };
        put(&mut tree, "metadata", "name", name);
    }

    let schema = schema::schema();
    let found = validate::validate(&schema, &files, &tree);
    if !found.is_empty() {
        return Err(in_order(found));
    }
    let mut case: Case = match serde_json::from_value(tree.to_json()) {
        Ok(case) => case,
        Err(error) => {
            // The walker knows all that the decoder refuses (see the tests), so this place is as good as any.
            let span = tree.get(&["schema"]).map_or(&tree.span, |node| &node.key);
            return Err(files.diagnose(span, format!("failed to read the case: {error}"), None).into());
        }
    };
    let found = semantic::check(&case, &files, &tree, recipes);
    if !found.is_empty() {
        return Err(in_order(found));
    }
    let found = recipes.broken(&case);
    if !found.is_empty() {
        return Err(Diagnostics(found));
    }
    let origins = origins(&case, &files, &tree)
        .map_err(|error| files.diagnose(&tree.span, format!("failed to print the case: {error}"), None))?;
    stack::settle(&mut case);
    recipes.settle(&mut case);
    let warnings = warnings.into_iter().map(Warning).collect();
    Ok(Loaded { case, origins, warnings, files, tree })
}

/// What a directory can be given for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceNames {
    /// The components of a case, each with the name of the source that it is built from, in the order of the case.
    pub components: Vec<(String, String)>,
    /// The names of its sources, and those that components expect.
    pub sources: Vec<String>,
}

impl SourceNames {
    /// The source that `word` was probably meant to be.
    pub fn nearest(&self, word: &str) -> Option<&str> {
        nearest(word, self.sources.iter().map(String::as_str))
    }
}

/// The names of a case that directories are given by. What else is wrong with it is for [`load`] to say.
///
/// # Errors
/// When a file cannot be parsed, or a case that is extended cannot be had.
pub fn source_names(
    root: CaseFile,
    parent: &mut dyn FnMut(&str, &str) -> Result<CaseFile, String>,
    overrides: &Overrides,
) -> Result<SourceNames, Diagnostics> {
    let mut files = Files::default();
    let tree = chain(&mut files, root, parent, &mut Vec::new())?;
    let tree = settings(&mut files, tree, overrides)?;
    let components = tree.get(&["components"]).and_then(Node::table).into_iter().flatten();
    let components: Vec<(String, String)> = components
        .map(|(name, component)| {
            let source = component.get(&["source"]).and_then(Node::text).unwrap_or(name);
            (name.clone(), source.to_owned())
        })
        .collect();
    let declared = tree.get(&["sources"]).and_then(Node::table).into_iter().flatten();
    let mut sources: Vec<String> = declared.map(|(name, _)| name.clone()).collect();
    for (_, source) in &components {
        if !sources.contains(source) {
            sources.push(source.clone());
        }
    }
    Ok(SourceNames { components, sources })
}

/// A tree with every `--set` over it.
fn settings(files: &mut Files, mut tree: Node, overrides: &Overrides) -> Result<Node, Diagnostics> {
    if overrides.set.is_empty() {
        return Ok(tree);
    }
    let schema = schema::schema();
    for (key, value) in &overrides.set {
        let set = setting(files, &schema, key, value)?;
        tree = merge(files, set, tree, &mut Vec::new());
    }
    Ok(tree)
}

/// Several errors come in the order of the text that they stand in.
fn in_order(mut found: Vec<Diagnostic>) -> Diagnostics {
    found.sort_by_key(|diagnostic| {
        diagnostic.place.as_ref().map(|place| (place.file.clone(), place.line, place.column))
    });
    Diagnostics(found)
}

/// The file and all that it extends, merged.
fn chain(
    files: &mut Files,
    root: CaseFile,
    parent: &mut dyn FnMut(&str, &str) -> Result<CaseFile, String>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Node, Diagnostics> {
    let tree = read(files, &root, warnings)?;
    let mut chain = Chain { files, parent, warnings, read: 1, open: vec![root.name] };
    let tree = chain.on_parents(tree)?;
    if let Some(fragment) =
        tree.get(&["metadata", "fragment"]).filter(|node| matches!(node.value, Value::Bool(true)))
    {
        let help = "extend it together with a case that it completes: `extends = [\"CASE\", \"FRAGMENT\"]`";
        let message = "this is a fragment of a case and cannot be used alone";
        return Err(files.diagnose(&fragment.key, message.to_owned(), Some(help.to_owned())).into());
    }
    Ok(tree)
}

/// Case files that stand on one another.
struct Chain<'a> {
    files: &'a mut Files,
    parent: &'a mut dyn FnMut(&str, &str) -> Result<CaseFile, String>,
    warnings: &'a mut Vec<Diagnostic>,
    /// How many files were read.
    read: usize,
    /// The file that is at hand, and those that led to it.
    open: Vec<String>,
}

impl Chain<'_> {
    /// A tree on top of all that it extends.
    fn on_parents(&mut self, tree: Node) -> Result<Node, Diagnostics> {
        let named: Vec<Node> = match tree.get(&["extends"]) {
            None => Vec::new(),
            Some(Node { value: Value::List(list), .. }) => list.clone(),
            Some(one) => vec![one.clone()],
        };
        let mut below: Option<Node> = None;
        for node in &named {
            // Of the wrong type: the schema says so with better words.
            let Some(value) = node.text() else { continue };
            let over = self.parent(node, value)?;
            below = Some(match below {
                Some(below) => merge(self.files, over, below, &mut Vec::new()),
                None => over,
            });
        }
        Ok(match below {
            Some(below) => merge(self.files, tree, below, &mut Vec::new()),
            None => tree,
        })
    }

    /// What `node` names, with all that it extends itself.
    fn parent(&mut self, node: &Node, value: &str) -> Result<Node, Diagnostics> {
        let from = self.open.last().map_or("", String::as_str);
        let file = (self.parent)(value, from).map_err(|why| {
            let help = "`extends` takes the name of a case or a path relative to this file".to_owned();
            self.files.diagnose(&node.span, format!("cannot extend `{value}`: {why}"), Some(help))
        })?;
        if self.open.contains(&file.name) {
            let help = "a case cannot extend itself; remove one `extends` of the cycle".to_owned();
            let message = format!("`extends` has a cycle: {} is already part of this case", file.name);
            return Err(self.files.diagnose(&node.span, message, Some(help)).into());
        }
        self.read += 1;
        if self.read > LONGEST_CHAIN {
            let message = format!("more than {LONGEST_CHAIN} cases extend each other");
            let help = "merge some of them into one case".to_owned();
            return Err(self.files.diagnose(&node.span, message, Some(help)).into());
        }
        let mut tree = read(self.files, &file, self.warnings)?;
        if let Some(directory) = &file.directory {
            rebase(&mut tree, directory);
        }
        self.open.push(file.name);
        let mut tree = self.on_parents(tree)?;
        self.open.pop();
        if let Value::Table(table) = &mut tree.value {
            if let Some(Node { value: Value::Table(metadata), .. }) = table.get_mut("metadata") {
                if metadata.get("fragment").is_some_and(|node| matches!(node.value, Value::Bool(true))) {
                    // It describes itself, and not what it is a part of.
                    table.shift_remove("metadata");
                } else {
                    // The name is the case's own: two cases of one name would share their artifacts and records.
                    metadata.shift_remove("name");
                }
            }
        }
        Ok(tree)
    }
}

/// Makes the relative paths of a case absolute: they are relative to the file that says them, and not to the case that
/// extends it.
fn rebase(tree: &mut Node, directory: &Utf8Path) {
    fn at(node: &mut Node, path: &[&str], act: &mut dyn FnMut(&mut Node)) {
        let Some((first, rest)) = path.split_first() else { return act(node) };
        match (&mut node.value, *first) {
            (Value::Table(table), "*") => table.values_mut().for_each(|node| at(node, rest, act)),
            (Value::List(list), "*") => list.iter_mut().for_each(|node| at(node, rest, act)),
            (Value::Table(table), name) => {
                if let Some(node) = table.get_mut(name) {
                    at(node, rest, act);
                }
            }
            _ => {}
        }
    }
    let mut absolute = |node: &mut Node| {
        match &mut node.value {
            // A repository's key may be the text itself.
            Value::Text(text) if !text.trim_start().starts_with("-----BEGIN ") => {
                *text = directory.join(&*text).into_string();
            }
            _ => {}
        }
    };
    for path in [
        &["sources", "*", "path"][..],
        &["sources", "*", "*", "path"],
        &["components", "*", "app", "config"],
        &["python", "requirements", "*"],
        &["python", "find_links", "*"],
        &["python", "optional", "*", "requirements", "*"],
        &["system_packages", "apt", "repositories", "*", "key"],
    ] {
        at(tree, path, &mut absolute);
    }
    let mut file = |node: &mut Node| match &mut node.value {
        Value::Text(text) if SystemPackages::is_file(text) => *text = directory.join(&*text).into_string(),
        _ => {}
    };
    for path in [
        &["system_packages", "*"][..],
        &["system_packages", "*", "*"],
        &["system_packages", "*", "packages", "*"],
    ] {
        at(tree, path, &mut file);
    }
}

/// One file as a tree, with a `schema` that this version knows.
fn read(files: &mut Files, case: &CaseFile, warnings: &mut Vec<Diagnostic>) -> Result<Node, Diagnostics> {
    let file = files.add(&case.name, &case.text, FileKind::File);
    let tree = match case.format {
        Format::Toml => toml::parse(files, file)?,
        Format::Json => json::parse(files, file)?,
    };
    if tree.table().is_none() {
        let message =
            format!("a case must be a table, not {}", validate::described(tree.value.schema_type()));
        let help = "a case begins with `{\"schema\": 1`".to_owned();
        return Err(files.diagnose(&tree.span, message, Some(help)).into());
    }
    if case.format == Format::Json && tree.get(&["schema"]).is_none() && preset::is_preset(&tree) {
        if let Some(wrong) = preset::without_sections(files, &tree) {
            return Err(wrong.into());
        }
        let (converted, found) = preset::convert(files, &tree, case.artifacts.as_ref());
        warnings.extend(found);
        return Ok(converted);
    }
    let Some(node) = tree.get(&["schema"]) else {
        let (message, help) = match case.format {
            Format::Toml => ("key `schema` is missing", format!("write `schema = {CASE_SCHEMA}` at the top")),
            Format::Json => (
                "key `schema` is missing, and this is not a preset of an older tool",
                format!(
                    "write `\"schema\": {CASE_SCHEMA}` at the top; a preset has only sections such as `metadata`"
                ),
            ),
        };
        return Err(files.diagnose(&Span { file, start: 0, end: 0 }, message, Some(help)).into());
    };
    if let Value::Integer(number) = node.value {
        if number > i64::from(CASE_SCHEMA) {
            let message = format!("the case has format {number}, but this version reads up to {CASE_SCHEMA}");
            return Err(files
                .diagnose(&node.span, message, Some("use a newer version of installer".into()))
                .into());
        }
        if number < 1 {
            let message = format!("there is no format {number}");
            return Err(files.diagnose(&node.span, message, Some(format!("write {CASE_SCHEMA}"))).into());
        }
    }
    Ok(tree)
}

/// A preset of an older tool alone, as a case in JSON, with what of it is not read.
///
/// # Errors
/// When it cannot be parsed, or is neither a preset nor a case.
pub fn read_preset(case: &CaseFile) -> Result<(serde_json::Value, Vec<Warning>), Diagnostics> {
    let mut files = Files::default();
    let mut warnings = Vec::new();
    let tree = read(&mut files, case, &mut warnings)?;
    Ok((tree.to_json(), warnings.into_iter().map(Warning).collect()))
}

/// `over` on top of `below`: tables are merged, all else is replaced. A source of another kind is another source, and
/// replaced as a whole.
fn merge(files: &Files, over: Node, below: Node, path: &mut Vec<String>) -> Node {
    let kind = |table: &IndexMap<String, Node>| table.get("kind").and_then(Node::text).map(str::to_owned);
    let is_source = path.len() == 2 && path.first().is_some_and(|first| first == "sources");
    match (over.value, below.value) {
        (Value::Table(over_table), Value::Table(mut table))
            if !is_source || kind(&over_table).is_none() || kind(&over_table) == kind(&table) =>
        {
            for (key, node) in over_table {
                let merged = match table.get(&key) {
                    Some(old) => {
                        path.push(key.clone());
                        let merged = merge(files, node, old.clone(), path);
                        path.pop();
                        merged
                    }
                    None => node,
                };
                table.insert(key, merged);
            }
            // A flag that sets one value in a table does not become the place of the table.
            let (key, span) =
                if files.is_flag(&over.span) { (below.key, below.span) } else { (over.key, over.span) };
            Node { value: Value::Table(table), key, span }
        }
        (value, _) => Node { value, key: over.key, span: over.span },
    }
}

/// `--set KEY=VALUE` as a tree of its own.
fn setting(
    files: &mut Files,
    schema: &serde_json::Value,
    key: &str,
    value: &str,
) -> Result<Node, Diagnostics> {
    let text = format!("{key}={value}");
    let file = files.add("--set", &text, FileKind::Flag);
    let Some(segments) = toml::parse_key(key) else {
        let span = Span { file, start: 0, end: key.len() };
        let help = "write a dotted key, and quote names that contain dots: \
                    --set 'components.\"a.b\".optional=true'";
        return Err(files.diagnose(&span, format!("`{key}` is not a key"), Some(help.to_owned())).into());
    };
    let span = Span { file, start: key.len() + 1, end: text.len() };
    let mut node = toml::parse_value(files, file, key.len() + 1, value).unwrap_or_else(|| Node {
        value: Value::Text(value.to_owned()),
        key: span.clone(),
        span: span.clone(),
    });
    let path: Vec<&str> = segments.iter().map(|(segment, _)| segment.as_str()).collect();
    wanted::settle(schema, files, &path, &mut node);
    for (segment, range) in segments.into_iter().rev() {
        node.key = Span { file, start: range.start, end: range.end };
        node = Node {
            value: Value::Table(IndexMap::from([(segment, node)])),
            key: span.clone(),
            span: Span { file, start: 0, end: text.len() },
        };
    }
    Ok(node)
}

/// The value that `--set KEY=VALUE` stands for.
#[cfg(test)]
pub(super) fn set_value(key: &str, value: &str) -> Option<Node> {
    let set = setting(&mut Files::default(), &schema::schema(), key, value).ok()?;
    let path: Vec<&str> = key.split('.').collect();
    set.get(&path).cloned()
}

/// The commit that a source, or the first of its alternatives that says one, is pinned to.
fn pinned(source: &Node) -> Option<Node> {
    if let Value::List(list) = &source.value {
        return list.iter().find_map(pinned);
    }
    source.table()?.get("revision").filter(|node| node.text().is_some_and(super::is_commit)).cloned()
}

/// What a directory in the place of a source keeps of it: the commit that it should be at, whether its user works in it,
/// what tools made in it that is part of it, and what its pointers of Git LFS are.
fn kept(source: &Node) -> Vec<(String, Node)> {
    let said = |key: &str| source.table().and_then(|table| table.get(key)).cloned();
    let named = |(name, node): (&str, Option<Node>)| Some((name.to_owned(), node?));
    [
        ("revision", pinned(source)),
        ("writable", said("writable")),
        ("keep", said("keep")),
        ("lfs", said("lfs")),
    ]
    .into_iter()
    .filter_map(named)
    .collect()
}

/// What `--source` puts in the place of a source.
fn replaced_source(files: &mut Files, name: &str, path: &str, kept: Vec<(String, Node)>) -> Node {
    let text = format!("{name}={path}");
    let file = files.add("--source", &text, FileKind::Flag);
    let key = Span { file, start: 0, end: name.len() };
    let span = Span { file, start: name.len() + 1, end: text.len() };
    let text_node =
        |value: &str| Node { value: Value::Text(value.to_owned()), key: span.clone(), span: span.clone() };
    let mut table =
        IndexMap::from([("kind".to_owned(), text_node("path")), ("path".to_owned(), text_node(path))]);
    table.extend(kept);
    Node { value: Value::Table(table), key, span }
}

/// Puts a node at `table.name`; where `table` is not a table the schema will say so.
fn put(tree: &mut Node, table: &str, name: &str, node: Node) {
    let Value::Table(root) = &mut tree.value else { return };
    let (key, span) = (node.key.clone(), node.span.clone());
    let below = root.entry(table.to_owned()).or_insert_with(|| Node {
        value: Value::Table(IndexMap::new()),
        key,
        span,
    });
    if let Value::Table(entries) = &mut below.value {
        entries.insert(name.to_owned(), node);
    }
}

fn origins(case: &Case, files: &Files, tree: &Node) -> Result<Vec<Origin>, serde_json::Error> {
    let mut found = Vec::new();
    let json = serde_json::to_value(case)?;
    flatten(&json, &mut Vec::new(), &mut |path, value| {
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        let from = tree.get(&segments).map_or_else(|| "default".to_owned(), |node| files.origin(&node.key));
        found.push(Origin { key: dotted(path), value: value.to_string(), from });
    });
    Ok(found)
}

/// Every value that is not a table, with its path.
fn flatten(
    value: &serde_json::Value,
    path: &mut Vec<String>,
    each: &mut dyn FnMut(&[String], &serde_json::Value),
) {
    match value {
        serde_json::Value::Object(table) => {
            for (key, value) in table {
                path.push(key.clone());
                flatten(value, path, each);
                path.pop();
            }
        }
        value => each(path, value),
    }
}
