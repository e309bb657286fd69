//! A JSON preset of an older tool as a case of its own.

use camino::{Utf8Path, Utf8PathBuf};
use model::case::{CaseFile, Diagnostics, Warning, quoted_key, read_preset};
use model::layout::plain;
use serde_json::{Map, Value};

use super::{Finding, Imported, IsSecret, Kind, is_proxy, of_a_place, quoted, without_credentials};

/// A preset that was read.
#[derive(Clone, Debug, Default)]
pub struct Preset {
    /// The case, and the requirement files that are to be copied beside it: what they are called there, and their
    /// paths.
    pub imported: Imported,
    /// Requirement files: name beside the case, path of the old one.
    pub requirements: Vec<(String, String)>,
    /// What of the preset was not read, each with its line.
    pub warnings: Vec<Warning>,
}

/// Reads a preset, and writes what it means as TOML.
///
/// # Errors
/// When it is no JSON, or no preset.
pub fn preset(
    file: &CaseFile,
    name: &str,
    moved: &Moved,
    is_secret: IsSecret<'_>,
) -> Result<Preset, Diagnostics> {
    let (mut tree, warnings) = read_preset(file)?;
    let mut requirements = Vec::new();
    beside(&mut tree, &mut requirements);
    moved.paths(&mut tree);
    let mut findings: Vec<Finding> = Vec::new();
    for place in ["/environment", "/image/environment"] {
        for finding in environment(tree.pointer_mut(place), &file.name, is_secret) {
            if !findings.iter().any(|known| known.text == finding.text) {
                findings.push(finding);
            }
        }
    }
    let mut text = format!("# Read from {} by `installer case import`.\n\n", file.name);
    if let Value::Object(table) = &mut tree {
        if let Some(Value::Object(metadata)) = table.get_mut("metadata") {
            metadata.shift_remove("name");
        }
        let (plain, tables) = split(table);
        for (key, value) in plain {
            text.push_str(&format!("{} = {}\n", quoted_key(key), inline(value)));
        }
        text.push_str(&format!("\n[metadata]\nname = {}\n", quoted(name)));
        for (key, table) in tables {
            section(&mut text, &quoted_key(key), table, key == "metadata");
        }
    }
    without_credentials(&mut text, &mut findings, is_secret);
    Ok(Preset { imported: Imported { case: text, files: Vec::new(), findings }, requirements, warnings })
}

/// Takes out of the environment what belongs to a place.
fn environment(of: Option<&mut Value>, file: &str, is_secret: IsSecret<'_>) -> Vec<Finding> {
    let Some(Value::Object(table)) = of else { return Vec::new() };
    let mut findings = Vec::new();
    table.retain(|name, value| {
        let secret = value.as_str().is_some_and(|text| is_secret(name, text));
        if !secret && !is_proxy(name) {
            return true;
        }
        let why = if is_proxy(name) {
            of_a_place("proxies")
        } else {
            "it looks like a credential and is skipped: set it with `docker run -e`".to_owned()
        };
        findings.push(Finding { kind: Kind::Site, file: file.to_owned(), line: 0, text: name.clone(), why });
        false
    });
    findings
}

/// Where a preset was and where its case will be: directories, absolute.
#[derive(Clone, Debug, Default)]
pub struct Moved {
    /// What paths in the preset are relative to.
    pub from: Utf8PathBuf,
    /// What paths in the case are relative to.
    pub to: Utf8PathBuf,
}

impl Moved {
    /// Paths in a preset, as the case has to write them.
    fn paths(&self, tree: &mut Value) {
        for source in tree.get_mut("sources").and_then(Value::as_object_mut).into_iter().flatten() {
            if let Some(Value::String(path)) = source.1.get_mut("path") {
                *path = self.path(path);
            }
        }
        for list in ["/python/find_links", "/system_packages"] {
            let list = tree.pointer_mut(list).and_then(Value::as_array_mut);
            for item in list.into_iter().flatten() {
                if let Value::String(text) = item {
                    // A package by its name has no slash.
                    if text.contains('/') && !text.contains("://") {
                        *text = self.path(text);
                    }
                }
            }
        }
    }

    /// What lies in the project stays relative to it, so that it can be moved as a whole.
    fn path(&self, path: &str) -> String {
        let target = plain(&self.from.join(path));
        if Utf8Path::new(path).is_absolute() && !target.starts_with(&self.from) {
            return path.to_owned();
        }
        let up = self.to.ancestors().position(|above| target.starts_with(above)).unwrap_or(0);
        let common = self.to.ancestors().nth(up).unwrap_or(Utf8Path::new("/"));
        let below = target.strip_prefix(common).unwrap_or(&target);
        match (up, below.as_str()) {
            (0, "") => ".".to_owned(),
            (0, below) if below.contains('/') => below.to_owned(),
            (0, below) => format!("./{below}"),
            (up, "") => vec![".."; up].join("/"),
            (up, below) => format!("{}/{below}", vec![".."; up].join("/")),
        }
    }
}

/// Requirement files come along, so that the new case stands alone.
fn beside(tree: &mut Value, found: &mut Vec<(String, String)>) {
    let mut take = |files: Option<&mut Value>| {
        for file in files.and_then(Value::as_array_mut).into_iter().flatten() {
            if let Value::String(path) = file {
                let name = path.rsplit('/').next().unwrap_or(path).to_owned();
                found.push((name.clone(), std::mem::replace(path, name)));
            }
        }
    };
    let Some(Value::Object(python)) = tree.get_mut("python") else { return };
    take(python.get_mut("requirements"));
    for group in python.get_mut("optional").and_then(Value::as_array_mut).into_iter().flatten() {
        take(group.get_mut("requirements"));
    }
}

type Entries<'a, T> = Vec<(&'a String, &'a T)>;

/// What stands under a table's own header, and the tables in it.
fn split(table: &Map<String, Value>) -> (Entries<'_, Value>, Entries<'_, Map<String, Value>>) {
    let (mut plain, mut tables) = (Vec::new(), Vec::new());
    for (key, value) in table {
        match value {
            Value::Object(table) => tables.push((key, table)),
            _ => plain.push((key, value)),
        }
    }
    (plain, tables)
}

/// A table and the tables in it, each under its own header.
fn section(text: &mut String, path: &str, table: &Map<String, Value>, opened: bool) {
    let (plain, tables) = split(table);
    // A component without keys is a component all the same.
    if !opened && (!plain.is_empty() || tables.is_empty()) {
        text.push_str(&format!("\n[{path}]\n"));
    }
    for (key, value) in plain.iter().filter(|(_, value)| !value.is_null()) {
        text.push_str(&format!("{} = {}\n", quoted_key(key), inline(value)));
    }
    for (key, table) in tables {
        section(text, &format!("{path}.{}", quoted_key(key)), table, false);
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        Value::Bool(on) => on.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(values) => format!("[{}]", values.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(table) => {
            let pairs: Vec<String> =
                table.iter().map(|(key, value)| format!("{} = {}", quoted_key(key), inline(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}
