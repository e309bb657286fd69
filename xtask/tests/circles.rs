//! Of two files of a crate, at most one uses the other.
//!
//! Reads the sources of all crates, resolves `use` and paths in code to the file that defines what they name, and prints
//! circles of files (through each file the shortest) with the lines that make them. What counts:
//!
//! - Production code alone: what stands below `#[cfg(test)]` is left out.
//! - A re-export (`pub use`) uses nothing. Whoever names something through it uses the file that defines it.
//! - The types and traits of a parent module belong to its children as well (`super::Thing`); its functions, constants
//!   and statics do not.
//! - A method is seen where its type is named (`Thing::new`), and not where it is called (`thing.run()`).
//!
//! `CIRCLES_IN=DIRECTORY` looks at another checkout.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[test]
fn no_circle_of_files() {
    let root = std::env::var_os("CIRCLES_IN")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), PathBuf::from);
    let mut crates: Vec<PathBuf> = std::fs::read_dir(root.join("phases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .chain([root.join("xtask")])
        .filter(|path| path.join("src").is_dir())
        .collect();
    crates.sort();
    assert!(crates.len() > 5, "there are more crates than these: {crates:?}");
    let circles: Vec<String> = crates.iter().flat_map(|path| Crate::read(path).circles(&root)).collect();
    assert!(circles.is_empty(), "{} circles of files:\n\n{}", circles.len(), circles.join("\n"));
}

/// A word or a mark of the source, with its line.
#[derive(Clone, Debug)]
struct Token {
    text: String,
    line: usize,
}

impl Token {
    fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// Comments, strings, numbers and lifetimes are left out; a path in a string of an attribute (`#[serde(with = "a::b")]`)
/// is not.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut all, mut at, mut line) = (Vec::<Token>::new(), 0, 1);
    // Open brackets since `#[`; 0 outside of an attribute.
    let mut attribute = 0;
    let at_is = |at: usize, wanted: &str| {
        wanted.chars().enumerate().all(|(offset, c)| chars.get(at + offset) == Some(&c))
    };
    while let Some(&c) = chars.get(at) {
        let start = at;
        if at_is(at, "//") {
            while chars.get(at).is_some_and(|c| *c != '\n') {
                at += 1;
            }
        } else if at_is(at, "/*") {
            let mut depth = 0;
            loop {
                if at_is(at, "/*") {
                    (depth, at) = (depth + 1, at + 2);
                } else if at_is(at, "*/") {
                    (depth, at) = (depth - 1, at + 2);
                } else {
                    at += 1;
                }
                if depth == 0 || at >= chars.len() {
                    break;
                }
            }
        } else if let Some((hashes, quote)) = raw_string(&chars, at) {
            let end = format!("\"{}", "#".repeat(hashes));
            at = quote + 1;
            while at < chars.len() && !at_is(at, &end) {
                at += 1;
            }
            at += end.len();
        } else if c == '"' || (matches!(c, 'b' | 'c') && chars.get(at + 1) == Some(&'"')) {
            at += if c == '"' { 1 } else { 2 };
            let inside = at;
            while chars.get(at).is_some_and(|c| *c != '"') {
                at += if chars[at] == '\\' { 2 } else { 1 };
            }
            let said: String = chars[inside..at.min(chars.len())].iter().collect();
            at += 1;
            if attribute > 0 && said.split("::").all(is_name) {
                for (place, word) in said.split("::").enumerate() {
                    if place > 0 {
                        all.push(Token { text: "::".to_owned(), line });
                    }
                    all.push(Token { text: word.to_owned(), line });
                }
            }
        } else if c == '\'' || at_is(at, "b'") {
            at += if c == '\'' { 1 } else { 2 };
            if chars.get(at) == Some(&'\\') {
                at += 2;
                while chars.get(at).is_some_and(|c| *c != '\'') {
                    at += 1;
                }
                at += 1;
            } else if chars.get(at + 1) == Some(&'\'') {
                at += 2;
            } else {
                // A lifetime or a label.
                while chars.get(at).is_some_and(|c| c.is_alphanumeric() || *c == '_') {
                    at += 1;
                }
            }
        } else if c.is_alphanumeric() || c == '_' {
            if at_is(at, "r#") {
                at += 2;
            }
            let start = at;
            while chars.get(at).is_some_and(|c| c.is_alphanumeric() || *c == '_') {
                at += 1;
            }
            if !c.is_ascii_digit() {
                all.push(Token { text: chars[start..at].iter().collect(), line });
            }
        } else if at_is(at, "::") {
            all.push(Token { text: "::".to_owned(), line });
            at += 2;
        } else {
            if !c.is_whitespace() {
                match c {
                    '[' if attribute > 0 || all.last().is_some_and(|last| last.text == "#") => attribute += 1,
                    ']' if attribute > 0 => attribute -= 1,
                    _ => {}
                }
                all.push(Token { text: c.to_string(), line });
            }
            at += 1;
        }
        line += chars[start..at.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    all
}

/// The number of `#` and the place of the quote, where a raw string begins.
fn raw_string(chars: &[char], at: usize) -> Option<(usize, usize)> {
    let mut next = at;
    next += usize::from(matches!(chars.get(next), Some('b' | 'c')));
    next += if chars.get(next) == Some(&'r') { 1 } else { return None };
    let hashes = chars[next..].iter().take_while(|c| **c == '#').count();
    (chars.get(next + hashes) == Some(&'"')).then_some((hashes, next + hashes))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// The place behind the bracket that closes the one at `at`.
fn behind_bracket(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate().skip(at) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return place + 1;
        }
    }
    tokens.len()
}

/// The place behind the item that begins at `at`: behind its `;`, its block, or (a field, a variant) its comma.
fn behind_item(tokens: &[Token], at: usize) -> usize {
    const ITEMS: &[&str] = &[
        "fn",
        "const",
        "static",
        "struct",
        "enum",
        "union",
        "trait",
        "type",
        "impl",
        "mod",
        "use",
        "pub",
        "unsafe",
        "async",
        "extern",
        "let",
        "macro_rules",
    ];
    let word = tokens.get(at).map_or("", |token| &token.text);
    let is_item = ITEMS.contains(&word);
    let by_semicolon = matches!(word, "const" | "static" | "type" | "use" | "let")
        && tokens.get(at + 1).is_none_or(|next| next.text != "fn");
    let mut place = at;
    while let Some(token) = tokens.get(place) {
        match token.text.as_str() {
            ";" => return place + 1,
            "," if !is_item => return place + 1,
            "{" if !by_semicolon => return behind_bracket(tokens, place),
            "(" | "[" | "{" => place = behind_bracket(tokens, place),
            ")" | "]" | "}" => return place,
            _ => place += 1,
        }
    }
    place
}

/// Leaves out what is compiled for tests alone.
fn production(tokens: &[Token]) -> Vec<Token> {
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let here =
            |offset: usize, text: &str| tokens.get(at + offset).is_some_and(|token| token.text == text);
        if here(0, "#") && here(1, "[") && here(2, "cfg") {
            let end = behind_bracket(tokens, at + 1);
            let has = |word: &str| tokens[at..end].iter().any(|token| token.text == word);
            if has("test") && !has("not") && !has("any") {
                at = end;
                while tokens.get(at).is_some_and(|token| token.text == "#") {
                    at = behind_bracket(tokens, at + 1);
                }
                at = behind_item(tokens, at);
                continue;
            }
        }
        kept.push(tokens[at].clone());
        at += 1;
    }
    kept
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Type,
    Other,
}

/// An import: the name that it has here, and the path behind it.
#[derive(Debug)]
struct Import {
    path: Vec<String>,
    exported: bool,
    line: usize,
}

#[derive(Debug, Default)]
struct Module {
    parent: Option<usize>,
    /// Index of the file that it stands in.
    file: usize,
    children: BTreeMap<String, usize>,
    items: BTreeMap<String, Kind>,
    imports: BTreeMap<String, Import>,
    globs: Vec<Import>,
    /// The code in it, without that of its children.
    code: Vec<Token>,
}

#[derive(Debug, Default)]
struct Crate {
    modules: Vec<Module>,
    files: Vec<PathBuf>,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PathTarget {
    Module(usize),
    Item(usize, Kind),
}

/// Which lines of a file use which other file, and by what name.
type Edges = BTreeMap<(usize, usize), BTreeSet<(usize, String)>>;

impl Crate {
    fn read(directory: &Path) -> Self {
        let mut read = Crate::default();
        for root in ["src/lib.rs", "src/main.rs"] {
            let path = directory.join(root);
            if path.is_file() {
                read.read_file(&path, &directory.join("src"), None);
            }
        }
        read
    }

    /// `children` is the directory that its `mod name;` lead to.
    fn read_file(&mut self, path: &Path, children: &Path, parent: Option<usize>) -> usize {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let module = self.modules.len();
        let file = self.files.len();
        self.files.push(path.to_owned());
        self.modules.push(Module { parent, file, ..Module::default() });
        self.read_items(&production(&tokens(&text)), module, children);
        module
    }

    fn read_items(&mut self, tokens: &[Token], module: usize, children: &Path) {
        let mut at = 0;
        while at < tokens.len() {
            let start = at;
            // Attributes and visibility.
            let mut exported = false;
            while let Some(token) = tokens.get(at) {
                match token.text.as_str() {
                    "#" => {
                        let bang = tokens.get(at + 1).is_some_and(|next| next.text == "!");
                        at = behind_bracket(tokens, at + 1 + usize::from(bang));
                    }
                    "pub" => {
                        exported = true;
                        at += 1;
                        if tokens.get(at).is_some_and(|next| next.text == "(") {
                            at = behind_bracket(tokens, at);
                        }
                    }
                    _ => break,
                }
            }
            if at >= tokens.len() {
                break;
            }
            let end = behind_item(tokens, at).max(at + 1);
            let word = |place: usize| tokens.get(place).map_or("", |token| token.text.as_str());
            let name = |place: usize| tokens.get(place).map(|token| token.text.clone()).unwrap_or_default();
            match word(at) {
                "use" => {
                    let tree = &tokens[at + 1..end];
                    self.read_use(module, tree, exported);
                }
                "mod" if word(at + 2) == ";" => {
                    let name = name(at + 1);
                    let beside = children.join(format!("{name}.rs"));
                    let below = children.join(&name).join("mod.rs");
                    let path = if beside.is_file() { beside } else { below };
                    let child = self.read_file(&path, &children.join(&name), Some(module));
                    self.modules[module].children.insert(name, child);
                }
                "mod" => {
                    let name = name(at + 1);
                    let child = self.modules.len();
                    let file = self.modules[module].file;
                    self.modules.push(Module { parent: Some(module), file, ..Module::default() });
                    self.modules[module].children.insert(name.clone(), child);
                    self.read_items(&tokens[at + 3..end.saturating_sub(1)], child, &children.join(&name));
                }
                _ => {
                    self.note_item(module, &tokens[at..end]);
                    self.read_code(module, &tokens[start..end]);
                }
            }
            at = end;
        }
    }

    /// Notes the name that an item defines, if it defines one.
    fn note_item(&mut self, module: usize, item: &[Token]) {
        for (place, token) in item.iter().enumerate() {
            let kind = match token.text.as_str() {
                "struct" | "enum" | "union" | "trait" | "type" => Kind::Type,
                "fn" | "static" => Kind::Other,
                "const"
                    if item.get(place + 1).is_some_and(|next| !matches!(&*next.text, "fn" | "unsafe")) =>
                {
                    Kind::Other
                }
                "macro_rules" => Kind::Other,
                "async" | "unsafe" | "extern" | "const" => continue,
                _ => return,
            };
            let mut names = item[place + 1..].iter().filter(|token| token.is_word() && token.text != "mut");
            if let Some(name) = names.next() {
                self.modules[module].items.insert(name.text.clone(), kind);
            }
            return;
        }
    }

    /// Keeps code to look for paths in; a `use` within a function is an import of its module.
    fn read_code(&mut self, module: usize, tokens: &[Token]) {
        let mut at = 0;
        while at < tokens.len() {
            if tokens[at].text == "use" {
                let end = behind_item(tokens, at);
                self.read_use(module, &tokens[at + 1..end], false);
                at = end;
            } else {
                self.modules[module].code.push(tokens[at].clone());
                at += 1;
            }
        }
    }

    fn read_use(&mut self, module: usize, tree: &[Token], exported: bool) {
        let mut leaves = Vec::new();
        use_tree(tree, &[], &mut leaves);
        for (path, name, line) in leaves {
            let import = Import { path, exported, line };
            match name {
                Some(name) => {
                    self.modules[module].imports.insert(name, import);
                }
                None => self.modules[module].globs.push(import),
            }
        }
    }

    /// What a path leads to from a module: a module and an item of one name are told apart by what is behind it.
    fn resolve(&self, from: usize, path: &[String], depth: usize) -> Vec<PathTarget> {
        let Some((first, rest)) = path.split_first() else { return vec![PathTarget::Module(from)] };
        if depth > 16 {
            return Vec::new();
        }
        match first.as_str() {
            "crate" => {
                let mut root = from;
                while let Some(parent) = self.modules[root].parent {
                    root = parent;
                }
                return self.resolve(root, rest, depth + 1);
            }
            "self" => return self.resolve(from, rest, depth + 1),
            "super" => {
                let parent = self.modules[from].parent;
                return parent.map_or_else(Vec::new, |parent| self.resolve(parent, rest, depth + 1));
            }
            _ => {}
        }
        let module = &self.modules[from];
        let mut found = Vec::new();
        if let Some(child) = module.children.get(first) {
            found.extend(self.resolve(*child, rest, depth + 1));
        }
        // What is behind a type are its variants, methods and constants; behind a function is nothing.
        let items = module.items.get(first).filter(|kind| **kind == Kind::Type || rest.is_empty());
        if let Some(kind) = items {
            found.push(PathTarget::Item(from, *kind));
        }
        if let Some(import) = module.imports.get(first).filter(|import| import.path.first() != Some(first)) {
            let path: Vec<String> = import.path.iter().chain(rest).cloned().collect();
            found.extend(self.resolve(from, &path, depth + 1));
        }
        if found.is_empty() {
            for glob in &module.globs {
                for place in self.resolve(from, &glob.path, depth + 1) {
                    if let PathTarget::Module(place) = place {
                        if place != from {
                            found.extend(self.resolve(place, path, depth + 1));
                        }
                    }
                }
            }
        }
        found.dedup();
        found
    }

    fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for (number, module) in self.modules.iter().enumerate() {
            // Names that stand alone and may be those of a glob or of a re-export.
            let alone: BTreeMap<&str, usize> = module
                .code
                .iter()
                .enumerate()
                .filter(|(place, token)| {
                    let beside = |place: Option<usize>| {
                        place.and_then(|place| module.code.get(place)).map_or("", |token| &token.text)
                    };
                    token.is_word()
                        && !matches!(beside(place.checked_sub(1)), "." | "::")
                        && beside(Some(place + 1)) != "::"
                })
                .map(|(_, token)| (token.text.as_str(), token.line))
                .collect();
            for (name, import) in &module.imports {
                let found = self.resolve(number, &import.path, 0);
                let ambiguous = found.iter().any(|found| matches!(found, PathTarget::Module(_)));
                let line = match alone.get(name.as_str()) {
                    Some(line) if import.exported => *line,
                    None if import.exported || ambiguous => continue,
                    _ => import.line,
                };
                self.note(&mut edges, number, &found, line, &import.path.join("::"));
            }
            for (name, line) in &alone {
                let known = module.items.contains_key(*name)
                    || module.imports.contains_key(*name)
                    || module.children.contains_key(*name);
                if !known && !module.globs.is_empty() {
                    self.note(
                        &mut edges,
                        number,
                        &self.resolve(number, &[(*name).to_owned()], 0),
                        *line,
                        name,
                    );
                }
            }
            for (path, line) in paths(&module.code) {
                self.note(&mut edges, number, &self.resolve(number, &path, 0), line, &path.join("::"));
            }
        }
        edges
    }

    fn note(&self, edges: &mut Edges, from: usize, found: &[PathTarget], line: usize, name: &str) {
        for found in found {
            let PathTarget::Item(to, kind) = *found else { continue };
            let files = (self.modules[from].file, self.modules[to].file);
            let parents_type = kind == Kind::Type && self.is_above(to, from);
            if files.0 != files.1 && !parents_type {
                edges.entry(files).or_default().insert((line, name.to_owned()));
            }
        }
    }

    fn is_above(&self, above: usize, below: usize) -> bool {
        let mut at = self.modules[below].parent;
        while let Some(module) = at {
            if module == above {
                return true;
            }
            at = self.modules[module].parent;
        }
        false
    }

    /// The shortest circle through each file that is in one, with the lines that make it.
    fn circles(&self, root: &Path) -> Vec<String> {
        let edges = self.edges();
        let name = |file: usize| {
            let path = &self.files[file];
            path.strip_prefix(root).unwrap_or(path).display().to_string()
        };
        let mut told = BTreeSet::new();
        let mut circles = Vec::new();
        for file in 0..self.files.len() {
            let Some(circle) = shortest_circle(&edges, file) else { continue };
            if !told.insert(circle.iter().copied().collect::<BTreeSet<_>>()) {
                continue;
            }
            let names: Vec<String> = circle.iter().chain([&file]).map(|file| name(*file)).collect();
            let mut text = format!("{}\n", names.join(" -> "));
            for (place, from) in circle.iter().enumerate() {
                let to = circle[(place + 1) % circle.len()];
                let lines = &edges[&(*from, to)];
                for (line, used) in lines.iter().take(5) {
                    text.push_str(&format!("  {}:{line} uses {used} of {}\n", name(*from), name(to)));
                }
                if lines.len() > 5 {
                    text.push_str(&format!("  and {} more\n", lines.len() - 5));
                }
            }
            circles.push(text);
        }
        circles
    }
}

/// The files of the shortest circle that begins with this one.
fn shortest_circle(edges: &Edges, start: usize) -> Option<Vec<usize>> {
    let mut open = std::collections::VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = open.pop_front() {
        let last = *way.last()?;
        for (_, to) in edges.range((last, 0)..(last + 1, 0)).map(|(files, _)| files) {
            if *to == start {
                return Some(way);
            }
            if seen.insert(*to) {
                open.push_back(way.iter().copied().chain([*to]).collect());
            }
        }
    }
    None
}

/// The leaves of what is behind `use`: path, name here (`None` for a glob), line.
fn use_tree(tree: &[Token], before: &[String], leaves: &mut Vec<(Vec<String>, Option<String>, usize)>) {
    let mut path = before.to_vec();
    let mut at = 0;
    while let Some(token) = tree.get(at) {
        match token.text.as_str() {
            "{" => {
                let end = behind_bracket(tree, at);
                let inside = &tree[at + 1..end - 1];
                let mut start = 0;
                let mut place = 0;
                while place <= inside.len() {
                    match inside.get(place).map(|token| token.text.as_str()) {
                        Some("{") => {
                            place = behind_bracket(inside, place);
                            continue;
                        }
                        Some(",") | None => {
                            if start < place {
                                use_tree(&inside[start..place], &path, leaves);
                            }
                            start = place + 1;
                        }
                        _ => {}
                    }
                    place += 1;
                }
                return;
            }
            "*" => {
                leaves.push((path, None, token.line));
                return;
            }
            "as" => {
                let name = tree.get(at + 1).map(|token| token.text.clone());
                leaves.push((path, name, token.line));
                return;
            }
            _ if token.is_word() => path.push(token.text.clone()),
            _ => {}
        }
        at += 1;
    }
    // `a::{self}` is `a`.
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    if let (Some(name), Some(token)) = (path.last().cloned(), tree.first()) {
        leaves.push((path, Some(name), token.line));
    }
}

/// Paths of two words and more.
fn paths(code: &[Token]) -> Vec<(Vec<String>, usize)> {
    let (mut all, mut at) = (Vec::new(), 0);
    while at < code.len() {
        if !code[at].is_word() || at.checked_sub(1).is_some_and(|before| code[before].text == "::") {
            at += 1;
            continue;
        }
        let line = code[at].line;
        let mut path = vec![code[at].text.clone()];
        while code.get(at + 1).is_some_and(|token| token.text == "::")
            && code.get(at + 2).is_some_and(Token::is_word)
        {
            path.push(code[at + 2].text.clone());
            at += 2;
        }
        if path.len() > 1 {
            all.push((path, line));
        }
        at += 1;
    }
    all
}

/// A crate of these files, and its circles.
fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join("src").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    Crate::read(directory.path()).circles(directory.path())
}

#[test]
fn a_circle_is_told_with_its_lines() {
    let circles = circles_of(&[
        ("lib.rs", "mod a;\nmod b;\npub use b::Thing;\n"),
        ("a.rs", "use crate::Thing;\n\npub fn make(_: Thing) {}\n"),
        ("b.rs", "pub struct Thing;\n// crate::a::make in a comment\nfn f() { crate::a::make(Thing) }\n"),
    ]);
    assert_eq!(
        circles,
        [
            "src/a.rs -> src/b.rs -> src/a.rs\n  src/a.rs:1 uses crate::Thing of src/b.rs\n  src/b.rs:3 uses crate::a::make of src/a.rs\n"
        ]
    );
}

#[test]
fn a_function_of_a_parent_makes_a_circle_and_a_type_does_not() {
    let child = "use super::{Thing, help};\npub fn run(_: &Thing) { help() }\n";
    let parent = "mod child;\npub struct Thing;\nfn help() {}\npub fn go() { child::run(&Thing) }\n";
    assert_eq!(circles_of(&[("lib.rs", parent), ("child.rs", child)]).len(), 1);
    let child = "use super::Thing;\npub fn run(_: &Thing) {}\n";
    assert_eq!(circles_of(&[("lib.rs", parent), ("child.rs", child)]), [""; 0]);
}

#[test]
fn tests_and_strings_make_no_circle_and_paths_of_attributes_do() {
    let b = "pub fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::a::g;\n}\nconst _: &str = \"crate::a::g\";\n";
    let a = "pub fn g() { crate::b::f() }\n";
    assert_eq!(circles_of(&[("lib.rs", "mod a;\nmod b;\n"), ("a.rs", a), ("b.rs", b)]), [""; 0]);
    let b = "pub fn f() {}\nstruct S { #[serde(default = \"crate::a::g\")] x: u8 }\n";
    assert_eq!(circles_of(&[("lib.rs", "mod a;\nmod b;\n"), ("a.rs", a), ("b.rs", b)]).len(), 1);
}

#[test]
fn globs_aliases_and_modules_lead_to_the_file_behind_them() {
    let a = "use crate::b as other;\npub struct A;\npub fn g() { other::f() }\n";
    let b = "use crate::prelude::*;\npub fn f() { let _ = A; }\n";
    let lib = "mod a;\nmod b;\nmod prelude;\n";
    let files = [("lib.rs", lib), ("a.rs", a), ("b.rs", b), ("prelude.rs", "pub use crate::a::A;\n")];
    assert_eq!(circles_of(&files).len(), 1);
    let b = "use crate::prelude::*;\npub fn f() {}\n";
    let files = [("lib.rs", lib), ("a.rs", a), ("b.rs", b), ("prelude.rs", "pub use crate::a::A;\n")];
    assert_eq!(circles_of(&files), [""; 0]);
}
