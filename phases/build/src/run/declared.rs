//! What a project declares for CMake's FetchContent: where each content would come from, and how the case brings it.

use std::collections::BTreeSet;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use engine::source_files;

/// So many files of a project are read at most: what is not found is told without its address.
const FILES: usize = 4_000;

/// One `FetchContent_Declare`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Declared {
    name: String,
    /// Where it stands: file and line.
    place: String,
    url: Option<String>,
    sha256: Option<String>,
    repository: Option<String>,
    tag: Option<String>,
}

/// What is told of content that nobody brought: what it is and where the project would have it from, and what to write.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MissingContent {
    pub(super) what: String,
    pub(super) cure: String,
}

/// What is known of these contents, whose names CMake may have changed to capitals, in a build tree.
pub(super) fn wanted(names: &[&str], build: &Utf8Path, component: &str) -> Vec<MissingContent> {
    let mut roots = vec![build.join("_deps")];
    // A cache that is not there or cannot be read tells nothing more.
    let cache = fs::read(build.join("CMakeCache.txt")).unwrap_or_default();
    let cache = String::from_utf8_lossy(&cache);
    let home = cache.lines().find_map(|line| line.strip_prefix("CMAKE_HOME_DIRECTORY:INTERNAL="));
    roots.extend(home.map(Utf8PathBuf::from));
    let mut found: Vec<Declared> = Vec::new();
    // CMake goes by the first declaration, which is in the project itself rather than in what it fetched.
    for root in roots.iter().rev() {
        for file in cmake_files(root) {
            let text = fs::read(&file).unwrap_or_default();
            let place = file.strip_prefix(root).unwrap_or(&file);
            found.extend(declarations(&String::from_utf8_lossy(&text), place));
        }
    }
    names
        .iter()
        .map(|name| {
            let declared = found.iter().find(|one| one.name.eq_ignore_ascii_case(name));
            let unknown = Declared { name: name.to_lowercase(), ..Declared::default() };
            declared.unwrap_or(&unknown).told(component)
        })
        .collect()
}

impl Declared {
    fn told(&self, component: &str) -> MissingContent {
        let name = &self.name;
        let from = self.url.as_ref().or(self.repository.as_ref());
        let what = match from {
            Some(from) => format!("{name}, which the project downloads from {from} ({})", self.place),
            None => format!("{name}, which the project downloads"),
        };
        let unclear = |text: &str| text.contains("${");
        let source: String =
            name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let mut lines =
            vec![format!("download {name} in `deps`: add to the case"), format!("  [sources.{source}]")];
        if let (Some(repository), None) = (&self.repository, &self.url) {
            let tag = self.tag.as_deref().unwrap_or("TAG OR COMMIT");
            lines.push("  kind = \"git\"".to_owned());
            lines.push(format!("  url = \"{repository}\""));
            lines.push(format!("  revision = \"{tag}\""));
        } else {
            let url = self.url.as_deref().unwrap_or("https://ITS ADDRESS");
            let sha256 = self.sha256.as_deref().unwrap_or("ITS sha256sum");
            lines.push("  kind = \"archive\"".to_owned());
            lines.push(format!("  urls = [\"{url}\"]"));
            lines.push(format!("  sha256 = \"{sha256}\""));
        }
        lines.push(format!("and below [components.{component}]"));
        let key = if name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            name.clone()
        } else {
            format!("\"{name}\"")
        };
        lines.push(format!("  fetch_content = {{ {key} = \"{source}\" }}"));
        if [&self.url, &self.repository, &self.tag].into_iter().flatten().any(|text| unclear(text)) {
            lines.push(format!("with the values of the variables that {} sets", self.place));
        }
        MissingContent { what, cure: lines.join("\n") }
    }
}

/// Files below a directory in which CMake code stands, those nearer to the top first.
fn cmake_files(root: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut found = Vec::new();
    let mut open: BTreeSet<(usize, Utf8PathBuf)> = BTreeSet::from([(0, root.to_owned())]);
    let mut seen = 0;
    while let Some((depth, directory)) = open.pop_first() {
        let Ok(entries) = directory.read_dir_utf8() else { continue };
        let mut here: Vec<Utf8PathBuf> = Vec::new();
        for entry in entries.flatten() {
            seen += 1;
            let name = entry.file_name();
            match entry.file_type() {
                Ok(kind)
                    if kind.is_dir()
                        && name != ".git"
                        && !source_files::is_product(entry.path().as_std_path()) =>
                {
                    open.insert((depth + 1, entry.path().to_owned()));
                }
                Ok(kind) if kind.is_file() && (name == "CMakeLists.txt" || name.ends_with(".cmake")) => {
                    here.push(entry.path().to_owned());
                }
                _ => {}
            }
        }
        here.sort();
        found.extend(here);
        if seen > FILES {
            break;
        }
    }
    found
}

/// Every `FetchContent_Declare` of a text; CMake's command names are the same in any letter case.
fn declarations(text: &str, file: &Utf8Path) -> Vec<Declared> {
    const COMMAND: &str = "fetchcontent_declare";
    // Without comments, each line in its place.
    let text: String = text.lines().map(|line| format!("{}\n", without_comment(line))).collect();
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for (at, _) in lower.match_indices(COMMAND) {
        let rest = text[at + COMMAND.len()..].trim_start();
        let Some(arguments) = rest.strip_prefix('(').and_then(|rest| Some(rest.split_once(')')?.0)) else {
            continue;
        };
        let words: Vec<&str> = arguments.split_whitespace().map(|word| word.trim_matches('"')).collect();
        let after = |key: &str| {
            let at = words.iter().position(|word| *word == key)?;
            words.get(at + 1).map(|word| (*word).to_owned())
        };
        let Some(name) = words.first() else { continue };
        let line = text[..at].matches('\n').count() + 1;
        let hash = after("URL_HASH").and_then(|hash| {
            let (kind, value) = hash.split_once('=')?;
            kind.eq_ignore_ascii_case("sha256").then(|| value.to_owned())
        });
        found.push(Declared {
            name: (*name).to_owned(),
            place: format!("{file}:{line}"),
            url: after("URL"),
            sha256: hash,
            repository: after("GIT_REPOSITORY"),
            tag: after("GIT_TAG"),
        });
    }
    found
}

/// A `#` begins a comment where no word is under way: there may be one in an address.
fn without_comment(line: &str) -> &str {
    let begins = |at: usize| at == 0 || line[..at].ends_with(char::is_whitespace);
    let at = line.match_indices('#').map(|(at, _)| at).find(|at| begins(*at));
    at.map_or(line, |at| &line[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_told_with_its_address_and_the_lines_of_the_case() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let (source, build) = (root.join("src"), root.join("build"));
        fs::create_dir_all(source.join("cmake")).unwrap();
        fs::create_dir_all(&build).unwrap();
        fs::write(build.join("CMakeCache.txt"), format!("CMAKE_HOME_DIRECTORY:INTERNAL={source}\n")).unwrap();
        fs::write(
            source.join("CMakeLists.txt"),
            "include(FetchContent)\n# FetchContent_Declare(json URL https://example.com/wrong)\n\
             FetchContent_Declare(\n  json URL \"https://example.com/json.tar.xz\" # the newest\n  URL_HASH SHA256=d6c6)\n",
        )
        .unwrap();
        fs::write(
            source.join("cmake/more.cmake"),
            "fetchcontent_declare(Fmt_Lib GIT_REPOSITORY https://example.com/fmt.git GIT_TAG ${FMT_TAG})\n",
        )
        .unwrap();
        let told = wanted(&["JSON", "FMT_LIB", "OTHER"], &build, "shapes");
        assert_eq!(
            told[0].what,
            "json, which the project downloads from https://example.com/json.tar.xz (CMakeLists.txt:3)"
        );
        let lines: Vec<&str> = told[0].cure.lines().map(str::trim).collect();
        assert_eq!(
            lines[1..],
            [
                "[sources.json]",
                "kind = \"archive\"",
                "urls = [\"https://example.com/json.tar.xz\"]",
                "sha256 = \"d6c6\"",
                "and below [components.shapes]",
                "fetch_content = { json = \"json\" }",
            ]
        );
        assert!(told[1].what.contains("https://example.com/fmt.git"), "{told:?}");
        for line in
            ["[sources.fmt-lib]", "revision = \"${FMT_TAG}\"", "{ Fmt_Lib = \"fmt-lib\" }", "variables"]
        {
            assert!(told[1].cure.contains(line), "{line}: {told:?}");
        }
        assert_eq!(told[2].what, "other, which the project downloads");
    }
}
