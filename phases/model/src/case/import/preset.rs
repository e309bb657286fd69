//! A JSON preset of an older tool as a case of its own.

use super::{Finding, Imported, IsSecret, Kind, is_proxy, of_a_place, quoted, without_credentials};
use crate::case::diagnostic::{Diagnostics, Warning};
use crate::case::tree::{self, Node, Value};
use crate::case::{CaseFile, merge};

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
pub fn preset(file: &CaseFile, name: &str, is_secret: IsSecret<'_>) -> Result<Preset, Diagnostics> {
    let (mut tree, warnings) = merge::read_preset(file)?;
    let mut requirements = Vec::new();
    beside(&mut tree, &mut requirements);
    let mut findings = environment(&mut tree, &file.name, is_secret);
    let mut text = format!("# Read from {} by `installer case import`.\n\n", file.name);
    if let Value::Table(table) = &mut tree.value {
        if let Some(Node { value: Value::Table(metadata), .. }) = table.get_mut("metadata") {
            metadata.shift_remove("name");
        }
        let (plain, tables): (Vec<_>, Vec<_>) = table.iter().partition(|(_, node)| node.table().is_none());
        for (key, node) in plain {
            text.push_str(&format!("{} = {}\n", tree::quoted(key), inline(node)));
        }
        text.push_str(&format!("\n[metadata]\nname = {}\n", quoted(name)));
        for (key, node) in tables {
            section(&mut text, &[key.as_str()], node, key == "metadata");
        }
    }
    without_credentials(&mut text, &mut findings, is_secret);
    Ok(Preset { imported: Imported { case: text, files: Vec::new(), findings }, requirements, warnings })
}

/// Takes out of the environment what belongs to a place.
fn environment(tree: &mut Node, file: &str, is_secret: IsSecret<'_>) -> Vec<Finding> {
    let Value::Table(root) = &mut tree.value else { return Vec::new() };
    let Some(Node { value: Value::Table(table), .. }) = root.get_mut("environment") else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    table.retain(|name, node| {
        let secret = node.text().is_some_and(|text| is_secret(name, text));
        if !secret && !is_proxy(name) {
            return true;
        }
        let why = if is_proxy(name) {
            of_a_place("proxies")
        } else {
            "it looks like a credential, and is not taken: give it to `docker run -e`".to_owned()
        };
        findings.push(Finding { kind: Kind::Site, file: file.to_owned(), line: 0, text: name.clone(), why });
        false
    });
    findings
}

/// Requirement files come along, so that the new case stands alone.
fn beside(tree: &mut Node, found: &mut Vec<(String, String)>) {
    let mut take = |node: &mut Node| {
        if let Value::List(files) = &mut node.value {
            for file in files {
                if let Value::Text(path) = &mut file.value {
                    let name = path.rsplit('/').next().unwrap_or(path).to_owned();
                    found.push((name.clone(), std::mem::replace(path, name)));
                }
            }
        }
    };
    let Value::Table(root) = &mut tree.value else { return };
    let Some(Node { value: Value::Table(python), .. }) = root.get_mut("python") else { return };
    if let Some(node) = python.get_mut("requirements") {
        take(node);
    }
    if let Some(Node { value: Value::List(groups), .. }) = python.get_mut("optional") {
        for group in groups {
            if let Value::Table(group) = &mut group.value {
                if let Some(node) = group.get_mut("requirements") {
                    take(node);
                }
            }
        }
    }
}

/// A table and the tables in it, each under its own header.
fn section(text: &mut String, path: &[&str], node: &Node, opened: bool) {
    let Some(table) = node.table() else { return };
    let (plain, tables): (Vec<_>, Vec<_>) = table.iter().partition(|(_, node)| node.table().is_none());
    // A component without keys is a component all the same.
    if !opened && (!plain.is_empty() || tables.is_empty()) {
        text.push_str(&format!("\n[{}]\n", tree::dotted(path)));
    }
    for (key, node) in plain.iter().filter(|(_, node)| !matches!(node.value, Value::Null)) {
        text.push_str(&format!("{} = {}\n", tree::quoted(key), inline(node)));
    }
    for (key, node) in tables {
        let below: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
        section(text, &below, node, false);
    }
}

fn inline(node: &Node) -> String {
    match &node.value {
        Value::Null => "\"\"".to_owned(),
        Value::Bool(on) => on.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Text(text) => quoted(text),
        Value::List(nodes) => format!("[{}]", nodes.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Table(table) => {
            let pairs: Vec<String> =
                table.iter().map(|(key, node)| format!("{} = {}", tree::quoted(key), inline(node))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}
