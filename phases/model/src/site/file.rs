//! `site.toml`: the types, which are its reference, and how several files become one.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{percent_encoded, raw_sign};
use crate::case::reference::table_of_keys;
use crate::case::tree::{FileKind, Files, Node, Value, dotted};
use crate::case::{Diagnostic, Diagnostics, Origin, toml, validate};

/// The newest format that this version reads.
const SITE_SCHEMA: i64 = 1;

/// What a place dictates: proxies, certificate authorities, mirrors, `sudo`. Never part of a case or a fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteFile {
    /// Format of the file; `1`.
    pub schema: u32,
    /// Whether `sudo` may be used when a step must be run as root.
    #[serde(default)]
    pub sudo: SudoPolicy,
    /// Proxies for everything that `deps` downloads.
    #[serde(default)]
    pub proxies: Proxies,
    /// Certificate authorities.
    #[serde(default)]
    pub certificates: Certificates,
    /// apt, for installer's own runs of it; nothing below /etc/apt is changed.
    #[serde(default)]
    pub apt: Apt,
    /// The other package managers, for installer's own runs of them; nothing of their configuration is changed.
    #[serde(default)]
    pub packages: Packages,
    /// pip.
    #[serde(default)]
    pub pip: Pip,
    /// Crates, for sources of kind `crate` and for `cargo fetch`.
    #[serde(default)]
    pub crates: Crates,
    /// rustup.
    #[serde(default)]
    pub rustup: Rustup,
    /// git.
    #[serde(default)]
    pub git: Git,
    /// When a server is given up, for what installer downloads itself and for git.
    #[serde(default)]
    pub downloads: Downloads,
    /// Archives of sources: beginning of an address → its replacement.
    #[serde(default)]
    pub archives: BTreeMap<String, String>,
    /// xmake.
    #[serde(default)]
    pub xmake: Xmake,
}

/// When `sudo` is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SudoPolicy {
    /// When a step needs root and `installer` does not run as root.
    #[default]
    Auto,
    /// Never: what needs root is listed for an administrator.
    Never,
}

/// Proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proxies {
    /// For `http://`, such as `http://proxy.example:3128`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// For `https://`; usually the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub https: Option<String>,
    /// Hosts, domains (`.corp.example`) and networks (`10.0.0.0/8`) that are reached without a proxy.
    #[serde(default)]
    pub no_proxy: Vec<String>,
}

/// Certificate authorities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificates {
    /// A PEM file of authorities that are trusted in addition to the system's; relative to the site file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub authorities: Option<Utf8PathBuf>,
}

/// When a server is given up. An attempt that brings as much as a server that is just fast enough would in
/// `slow_seconds` begins the count of attempts anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Downloads {
    /// Attempts in a row that bring nothing or too little.
    #[schemars(range(min = 1))]
    pub attempts: u32,
    /// Seconds without a byte, after which an attempt ends.
    #[schemars(range(min = 1))]
    pub silent_seconds: u32,
    /// Bytes a second below which a server is too slow.
    #[schemars(range(min = 1))]
    pub slowest: u32,
    /// Seconds for which a server may be too slow, after which an attempt ends.
    #[schemars(range(min = 1))]
    pub slow_seconds: u32,
}

impl Default for Downloads {
    fn default() -> Self {
        Self { attempts: 5, silent_seconds: 60, slowest: 1024, slow_seconds: 60 }
    }
}

/// apt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Apt {
    /// Beginning of an address in the system's sources → its replacement:
    /// `"http://deb.example.org/debian" = "http://mirror.example/debian"`.
    #[serde(default)]
    pub mirrors: BTreeMap<String, String>,
}

/// Package managers beside apt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// The package manager, if the distribution is unknown: `dnf`, `yum`, `zypper`, `apk` or `apt`;
    /// `--package-manager` overrides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// Beginning of an address in the repositories of dnf, yum, zypper or apk → its replacement:
    /// `"https://download.example.org/pub" = "https://mirror.example/pub"`.
    #[serde(default)]
    pub mirrors: BTreeMap<String, String>,
}

/// pip.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pip {
    /// The index, as `PIP_INDEX_URL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// Further indexes, as `PIP_EXTRA_INDEX_URL`.
    #[serde(default)]
    pub extra_indexes: Vec<String>,
}

/// Crates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Crates {
    /// A sparse index instead of the public one, with or without `sparse+` before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
}

/// rustup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rustup {
    /// Where toolchains come from, as `RUSTUP_DIST_SERVER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dist_server: Option<String>,
    /// Where rustup itself comes from, as `RUSTUP_UPDATE_ROOT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_root: Option<String>,
}

/// git.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Git {
    /// Beginning of an address → its replacement, as git's `url.<base>.insteadOf` (git 2.31 or newer).
    #[serde(default)]
    pub rewrites: BTreeMap<String, String>,
}

/// xmake.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Xmake {
    /// The package index, for a source of kind `git` with the address of a published one, and as `XMAKE_MAIN_REPO`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
}

/// A site file as text.
#[derive(Clone, Debug)]
pub struct SiteText {
    /// The path as messages show it.
    pub name: String,
    /// What is in it.
    pub text: String,
    /// The absolute directory that it lies in.
    pub directory: Utf8PathBuf,
}

/// What all site files say together.
#[derive(Clone, Debug, Default)]
pub struct LoadedSite {
    /// The values.
    pub file: SiteFile,
    /// Each value that is written somewhere, with its place. May hold secrets.
    pub origins: Vec<Origin>,
}

/// Reads site files; later ones win, key by key. A list is one value.
///
/// # Errors
/// All that is wrong in the first file that is wrong, each with its place.
pub fn load(texts: &[SiteText]) -> Result<LoadedSite, Diagnostics> {
    let schema = schemars::schema_for!(SiteFile).to_value();
    let mut files = Files::default();
    let mut merged: Option<Node> = None;
    for text in texts {
        let mut tree = read(&mut files, text)?;
        let mut found = validate::validate(&schema, &files, &tree);
        if found.is_empty() {
            found = check(&files, &tree);
        }
        if !found.is_empty() {
            found.sort_by_key(|one| one.place.as_ref().map(|place| (place.line, place.column)));
            return Err(Diagnostics(found));
        }
        if let Some(Value::Text(path)) = at(&mut tree, &["certificates", "authorities"]) {
            *path = text.directory.join(&*path).into_string();
        }
        merged = Some(match merged {
            Some(below) => over(tree, below),
            None => tree,
        });
    }
    let Some(tree) = merged else { return Ok(LoadedSite::default()) };
    let file = serde_json::from_value(tree.to_json())
        .map_err(|error| files.diagnose(&tree.span, format!("failed to read the site: {error}"), None))?;
    let mut origins = Vec::new();
    leaves(&tree, &mut Vec::new(), &mut |path, node| {
        if path != ["schema"] {
            let value = node.to_json().to_string();
            origins.push(Origin { key: dotted(path), value, from: files.origin(&node.key) });
        }
    });
    Ok(LoadedSite { file, origins })
}

/// One file, with a `schema` that this version knows.
fn read(files: &mut Files, text: &SiteText) -> Result<Node, Diagnostics> {
    let file = files.add(&text.name, &text.text, FileKind::File);
    let tree = toml::parse(files, file)?;
    match tree.child("schema").map(|node| (node, &node.value)) {
        Some((node, Value::Integer(number))) if *number != SITE_SCHEMA => {
            let message = format!("the site file has format {number}, but this version reads {SITE_SCHEMA}");
            let help = "use a newer version of installer, or write `schema = 1`".to_owned();
            Err(files.diagnose(&node.span, message, Some(help)).into())
        }
        _ => Ok(tree),
    }
}

/// Keys whose value is an address, or a table or list of addresses.
const ADDRESSES: &[&[&str]] = &[
    &["proxies", "http"],
    &["proxies", "https"],
    &["apt", "mirrors"],
    &["packages", "mirrors"],
    &["pip", "index"],
    &["pip", "extra_indexes"],
    &["crates", "index"],
    &["rustup", "dist_server"],
    &["rustup", "update_root"],
    &["archives"],
];

/// What the types let through and no tool would take.
fn check(files: &Files, tree: &Node) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for path in ADDRESSES {
        let Some(node) = tree.get(path) else { continue };
        leaves(node, &mut path.iter().map(|segment| (*segment).to_owned()).collect(), &mut |path, leaf| {
            let nodes = if let Value::List(list) = &leaf.value { list.iter().collect() } else { vec![leaf] };
            for node in nodes {
                let Some(text) = node.text() else { continue };
                if let Some(sign) =
                    (path.first().map(String::as_str) == Some("proxies")).then(|| raw_sign(text)).flatten()
                {
                    let message = format!(
                        "the credentials in `{}` hold `{sign}`, which ends them for the tools that read it",
                        dotted(path)
                    );
                    let help = format!("percent-encode it: write {} for `{sign}`", percent_encoded(sign));
                    found.push(files.diagnose(&node.span, message, Some(help)));
                    continue;
                }
                if is_address(text) {
                    continue;
                }
                let help = match path.first().map(String::as_str) {
                    Some("proxies") => "write it as http://proxy.example:3128",
                    _ => "write it as https://mirror.example/path, without blanks and quotes",
                };
                let message = format!("`{}` is not an address: {text:?}", dotted(path));
                found.push(files.diagnose(&node.span, message, Some(help.to_owned())));
            }
        });
    }
    found
}

/// A scheme, a colon and no character that would have to be quoted in any tool's configuration.
fn is_address(text: &str) -> bool {
    let scheme = text.strip_prefix("sparse+").unwrap_or(text).split_once(':');
    scheme.is_some_and(|(scheme, rest)| {
        let host = rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty());
        (host || (scheme == "file" && rest.starts_with('/')))
            && !scheme.is_empty()
            && scheme.chars().all(|character| character.is_ascii_alphanumeric() || character == '+')
    }) && !text.contains(|character: char| {
        character.is_whitespace() || character.is_control() || "\"'`\\;{}<>".contains(character)
    })
}

fn at<'a>(node: &'a mut Node, path: &[&str]) -> Option<&'a mut Value> {
    let Some((first, rest)) = path.split_first() else { return Some(&mut node.value) };
    match &mut node.value {
        Value::Table(table) => at(table.get_mut(*first)?, rest),
        _ => None,
    }
}

/// Tables are merged, all else is replaced.
fn over(over: Node, below: Node) -> Node {
    match (over.value, below.value) {
        (Value::Table(above), Value::Table(mut table)) => {
            for (key, node) in above {
                let node = match table.shift_remove(&key) {
                    Some(old) => self::over(node, old),
                    None => node,
                };
                table.insert(key, node);
            }
            Node { value: Value::Table(table), key: over.key, span: over.span }
        }
        (value, _) => Node { value, key: over.key, span: over.span },
    }
}

/// Every value that is not a table, with its path.
fn leaves(node: &Node, path: &mut Vec<String>, each: &mut dyn FnMut(&[String], &Node)) {
    let table: &IndexMap<String, Node> = match &node.value {
        Value::Table(table) => table,
        _ => return each(path, node),
    };
    for (key, node) in table {
        path.push(key.clone());
        leaves(node, path, each);
        path.pop();
    }
}

/// The JSON Schema of a site file, with a line end.
pub fn json_schema() -> String {
    format!("{:#}\n", schemars::schema_for!(SiteFile).to_value())
}

/// All keys of a site file with type, default and meaning, as Markdown.
pub fn reference_markdown() -> String {
    format!(
        "# Site reference\n\n\
         <!-- Generated by `cargo xtask __reference`; edit phases/model/src/site/file.rs. -->\n\n\
         `site.toml` has the settings of a place; [how it is used](../site.md). `<name>` stands for a name that the \
         file chooses, `[]` for each element of a list. `site.schema.json` is the same as a JSON Schema, for editors.\n\n{}",
        table_of_keys(&schemars::schema_for!(SiteFile).to_value())
    )
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
