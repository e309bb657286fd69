//! Words in braces that stand for a place: where one means nothing, a directory of that name would be made.

use super::Checker;
use crate::case::tree::{Node, Value, dotted};
use crate::nearest;

/// All that stand for something somewhere.
const KNOWN: [&str; 10] =
    ["source", "build", "prefix", "python", "destdir", "jobs", "scratch", "case", "environment", "installed"];

/// The beginnings of those with a name in them.
const NAMED: [&str; 2] = ["source:", "prefix:"];

/// What stands for something at a key; none: texts there are for people.
fn allowed(path: &[&str]) -> Option<&'static [&'static str]> {
    const OF_COMMANDS: &[&str] = &["source", "build", "prefix", "python", "prefix:"];
    let of_component = |key: &str, rest: &[&str]| match (key, rest) {
        ("notes" | "missing" | "mark" | "system" | "needs", _) => None,
        ("options", _) => Some(&["source", "build", "prefix", "python", "prefix:", "source:"][..]),
        ("environment" | "arguments", _) => Some(OF_COMMANDS),
        ("commands", _) => Some(&["source", "build", "prefix", "python", "prefix:", "destdir", "jobs"][..]),
        ("checks", [_, "contains" | "path" | "name" | "exports", ..])
        | ("when", [_, "checks", _, "contains" | "path" | "name" | "exports", ..]) => Some(&[][..]),
        ("checks", _) => Some(&["prefix", "scratch", "case", "python", "prefix:"][..]),
        ("xmake", _) => Some(&["source", "build", "prefix", "installed", "destdir"][..]),
        ("when", [_, "options", ..]) => Some(OF_COMMANDS),
        ("when", [_, "checks", ..]) => Some(&["prefix", "scratch", "case", "python", "prefix:"][..]),
        ("when", [_, "notes" | "system" | "builds_on", ..]) => None,
        _ => Some(&[][..]),
    };
    match path {
        ["components", _, key, rest @ ..] => of_component(key, rest),
        ["environment", ..] => Some(OF_COMMANDS),
        ["image", "packages", ..] => None,
        ["image", ..] => Some(&["prefix", "environment", "python"]),
        ["build_options", ..] => Some(&[]),
        _ => None,
    }
}

/// Those that nobody writes by chance, and so the ones that are meant where another word is one slip away.
const LONG: [&str; 7] = ["source", "build", "prefix", "python", "destdir", "scratch", "environment"];

/// The words in braces that are one slip away from a placeholder, each with that. `${prefx}` is a variable.
fn slips(text: &str) -> impl Iterator<Item = (&str, &'static str)> {
    text.match_indices('{').filter(|(at, _)| !text[..*at].ends_with('$')).filter_map(|(at, _)| {
        let (word, _) = text[at + 1..].split_once('}')?;
        let plain = word.chars().all(|c| c.is_ascii_lowercase());
        let known = !plain || KNOWN.contains(&word);
        Some((word, nearest::closest(word, LONG, Some(1)).filter(|_| !known)?))
    })
}

/// The placeholders in a text. `${prefix}` is a variable of a shell or a configure script.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('{').filter_map(|(at, _)| {
        let variable = text[..at].ends_with('$');
        let (word, _) = text[at + 1..].split_once('}')?;
        let known = KNOWN.contains(&word) || NAMED.iter().any(|beginning| word.starts_with(beginning));
        (known && !variable).then_some(word)
    })
}

impl Checker<'_> {
    /// Refuses placeholders where nothing is put in their place.
    pub(super) fn placeholders(&mut self) {
        let (mut wrong, mut slipped) = (Vec::new(), Vec::new());
        for key in ["components", "environment", "image", "build_options"] {
            if let Some(node) = self.tree.child(key) {
                walk(node, &mut vec![key.to_owned()], &mut |path, text, allowed| {
                    wrong.extend(misplaced(path, text, allowed));
                    slipped.extend(slips(text).map(|(word, meant)| (path.to_vec(), word.to_owned(), meant)));
                });
            }
        }
        for (path, word, meant) in slipped {
            let segments: Vec<&str> = path.iter().map(String::as_str).collect();
            let message = format!("`{{{word}}}` stands for nothing");
            self.at_value(&segments, message, Some(format!("did you mean `{{{meant}}}`?")));
        }
        for (path, word, allowed) in wrong {
            let segments: Vec<&str> = path.iter().map(String::as_str).collect();
            let message = format!("`{{{word}}}` stands for nothing in `{}`", dotted(&path));
            let shown = |word: &&str| match word.strip_suffix(':') {
                Some(kind) => format!("`{{{kind}:NAME}}`"),
                None => format!("`{{{word}}}`"),
            };
            let known: Vec<String> = allowed.iter().map(shown).collect();
            let help = match known.is_empty() {
                true => "write the path itself, or remove it".to_owned(),
                false => format!("there can be {}", known.join(", ")),
            };
            self.at_value(&segments, message, Some(help));
        }
    }
}

type Wrong = (Vec<String>, String, &'static [&'static str]);

/// Hands each text to `told`, with what stands for something there.
fn walk(
    node: &Node,
    path: &mut Vec<String>,
    told: &mut impl FnMut(&[String], &str, &'static [&'static str]),
) {
    match &node.value {
        Value::Table(table) => {
            for (key, child) in table {
                path.push(key.clone());
                walk(child, path, told);
                path.pop();
            }
        }
        Value::List(list) => {
            for (index, child) in list.iter().enumerate() {
                path.push(index.to_string());
                walk(child, path, told);
                path.pop();
            }
        }
        Value::Text(text) => {
            let segments: Vec<&str> = path.iter().map(String::as_str).collect();
            if let Some(allowed) = allowed(&segments) {
                told(path, text, allowed);
            }
        }
        _ => {}
    }
}

/// The placeholders in a text that stand for nothing there.
fn misplaced<'t>(
    path: &[String],
    text: &'t str,
    allowed: &'static [&'static str],
) -> impl Iterator<Item = Wrong> + use<'t> {
    let segments: Vec<&str> = path.iter().map(String::as_str).collect();
    // Trees of other sources are refused here with the place where they belong.
    let of_options = matches!(segments[..], ["components", _, "arguments" | "environment" | "when", ..]);
    let means = move |word: &str| {
        allowed.iter().any(|known| *known == word || (known.ends_with(':') && word.starts_with(known)))
    };
    let path = path.to_vec();
    placeholders(text)
        .filter(move |word| !(means(word) || (of_options && word.starts_with("source:"))))
        .map(move |word| (path.clone(), word.to_owned(), allowed))
}
