//! Meson's wraps: what a project would download, and how the case brings it.
//!
//! Meson's manual, "Wrap dependency system manual". Meson names what it looked for and not the wrap, so that both are
//! held against each other here.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::StepError;

use super::declared::MissingContent;

/// How Meson says that it may not download (`mesonbuild/wrap/wrap.py`).
pub(super) const REFUSED: &str = "wrap-based subproject downloading is disabled";
/// What Meson leaves in a directory that it unpacked itself.
const UNPACKED: &str = ".meson-subproject-wrap-hash.txt";

/// One `subprojects/NAME.wrap`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wrap {
    name: String,
    /// Its path in the source.
    file: Utf8PathBuf,
    /// The section: `wrap-file`, `wrap-git` and so on.
    kind: String,
    /// The keys of that section.
    values: Vec<(String, String)>,
    /// The names of dependencies and programs that it provides.
    provides: Vec<String>,
}

impl Wrap {
    fn read(name: &str, file: Utf8PathBuf, text: &str) -> Self {
        let mut wrap = Self { name: name.to_owned(), file, ..Self::default() };
        let mut section = "";
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
            if let Some(begun) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = begun;
                if begun.starts_with("wrap-") {
                    wrap.kind = begun.to_owned();
                }
            } else if let Some((key, value)) = line.split_once('=') {
                let (key, value) = (key.trim(), value.trim());
                match section {
                    "provide" if matches!(key, "dependency_names" | "program_names") => {
                        wrap.provides.extend(value.split(',').map(|name| name.trim().to_owned()));
                    }
                    "provide" => wrap.provides.push(key.to_owned()),
                    _ => wrap.values.push((key.to_owned(), value.to_owned())),
                }
            }
        }
        wrap
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.values.iter().find(|(found, _)| found == key).map(|(_, value)| value.as_str())
    }

    fn directory(&self) -> &str {
        self.value("directory").unwrap_or(&self.name)
    }

    fn address(&self) -> Option<&str> {
        self.value("source_url").or_else(|| self.value("url"))
    }

    fn answers_to(&self, name: &str) -> bool {
        let same = |other: &str| other.eq_ignore_ascii_case(name);
        same(&self.name) || self.provides.iter().any(|other| same(other))
    }

    /// Whether what it would download lies in these `subprojects` already.
    fn is_there(&self, subprojects: &Utf8Path) -> bool {
        let cached = self
            .value("source_filename")
            .is_some_and(|file| subprojects.join("packagecache").join(file).exists());
        cached || subprojects.join(self.directory()).is_dir()
    }

    /// What it is, and the lines of the case that bring it.
    fn told(&self, component: &str) -> MissingContent {
        let Self { name, file, .. } = self;
        let from = self.address().map_or_else(String::new, |from| format!(" from {from}"));
        let hash = self.value("source_hash").map_or_else(String::new, |hash| format!(", SHA-256 {hash}"));
        let what = format!("{name}, which the project downloads{from} ({file}{hash})");
        let mut lines = vec![format!("download {name} in `deps`: add to the case")];
        let source: String =
            name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let last = if self.kind == "wrap-git" {
            self.git(&source, &mut lines)
        } else {
            self.files(&source, &mut lines)
        };
        lines.push(format!("and below [components.{component}]"));
        lines.push(last);
        MissingContent { what, cure: lines.join("\n") }
    }

    /// Lines for the source; gives the one for the component.
    fn git(&self, source: &str, lines: &mut Vec<String>) -> String {
        lines.push(format!("  [sources.{source}]"));
        lines.push("  kind = \"git\"".to_owned());
        lines.push(format!("  url = \"{}\"", self.value("url").unwrap_or("https://ITS ADDRESS")));
        lines.push(format!("  revision = \"{}\"", self.value("revision").unwrap_or("TAG OR COMMIT")));
        if self.value("clone-recursive").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            lines.push("  submodules = true".to_owned());
        }
        format!("  subprojects = {{ {} = \"{source}\" }}", key(self.directory()))
    }

    /// The same for the archive, and for the build files of the wrap database that go over it.
    fn files(&self, source: &str, lines: &mut Vec<String>) -> String {
        let mut placed = Vec::new();
        for (part, source) in [("source", source.to_owned()), ("patch", format!("{source}-patch"))] {
            let value = |key: &str| self.value(&format!("{part}_{key}"));
            if part == "patch" && value("url").is_none() {
                continue;
            }
            lines.push(format!("  [sources.{source}]"));
            lines.push("  kind = \"file\"".to_owned());
            lines.push(format!("  urls = [\"{}\"]", value("url").unwrap_or("https://ITS ADDRESS")));
            lines.push(format!("  sha256 = \"{}\"", value("hash").unwrap_or("ITS sha256sum")));
            let name = value("filename").unwrap_or("ITS NAME");
            placed.push(format!("\"subprojects/packagecache/{name}\" = \"{source}\""));
        }
        format!("  files = {{ {} }}", placed.join(", "))
    }
}

/// A key as TOML takes it.
fn key(name: &str) -> String {
    let bare = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if bare { name.to_owned() } else { format!("\"{name}\"") }
}

/// What Meson wanted to download when it configured a build tree, and was not allowed to.
pub(super) fn wanted(build: &Utf8Path, component: &str) -> Vec<MissingContent> {
    let log = fs::read(build.join("meson-logs/meson-log.txt")).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let Some(at) = log.rfind(REFUSED) else { return Vec::new() };
    let Some(source) = log.lines().find_map(|line| line.strip_prefix("Source dir: ")) else {
        return Vec::new();
    };
    let source = Utf8Path::new(source.trim());
    let missing: Vec<Wrap> =
        all(source).into_iter().filter(|wrap| !wrap.is_there(&source.join("subprojects"))).collect();
    // The last that it looked for is what it stopped at.
    let looked_for = log[..at].lines().rev().find_map(|line| {
        let (_, name) = line.split_once("Looking for a fallback subproject for the dependency ")?;
        Some(name.trim().trim_matches(['"', '\'']).to_owned())
    });
    let named = looked_for.and_then(|name| missing.iter().find(|wrap| wrap.answers_to(&name)));
    match named {
        Some(wrap) => vec![wrap.told(component)],
        None => missing.iter().map(|wrap| wrap.told(component)).collect(),
    }
}

/// All wraps of a source, by name.
fn all(source: &Utf8Path) -> Vec<Wrap> {
    // Without the directory there are none.
    let Ok(entries) = source.join("subprojects").read_dir_utf8() else { return Vec::new() };
    let mut found: Vec<Wrap> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().strip_suffix(".wrap")?;
            let text = String::from_utf8_lossy(&fs::read(entry.path()).ok()?).into_owned();
            Some(Wrap::read(name, Utf8Path::new("subprojects").join(entry.file_name()), &text))
        })
        .collect();
    found.sort_by(|left, right| left.name.cmp(&right.name));
    found
}

/// Removes what Meson unpacked from a file that was put into the package cache of a working copy.
pub(super) fn remove_unpacked(copy: &Utf8Path, place: &Utf8Path) -> Result<(), StepError> {
    let Some(cache) = place.parent().filter(|parent| parent.file_name() == Some("packagecache")) else {
        return Ok(());
    };
    let Some(subprojects) = cache.parent().map(|parent| copy.join(parent)) else { return Ok(()) };
    let Some(source) = subprojects.parent() else { return Ok(()) };
    let of_file = |wrap: &Wrap| {
        ["source_filename", "patch_filename"].iter().any(|key| wrap.value(key) == place.file_name())
    };
    for wrap in all(source).into_iter().filter(of_file) {
        let unpacked = subprojects.join(wrap.directory());
        if unpacked.join(UNPACKED).is_file() {
            files::remove_tree(&unpacked)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, text: &str) -> MissingContent {
        Wrap::read(name, Utf8Path::new("subprojects").join(format!("{name}.wrap")), text).told("app")
    }

    #[test]
    fn a_wrap_is_told_with_all_that_the_case_needs_of_it() {
        let file = told(
            "zlib",
            "[wrap-file]\ndirectory = zlib-1.3\nsource_url = https://a.example/z.tgz\nsource_filename = z.tgz\n\
             source_hash = aa\npatch_url = https://a.example/p.zip\npatch_filename = p.zip\npatch_hash = bb\n\
             [provide]\nzlib = zlib_dep\n",
        );
        assert_eq!(
            file.what,
            "zlib, which the project downloads from https://a.example/z.tgz (subprojects/zlib.wrap, SHA-256 aa)"
        );
        for line in [
            "[sources.zlib]",
            "urls = [\"https://a.example/p.zip\"]",
            "sha256 = \"bb\"",
            "files = { \"subprojects/packagecache/z.tgz\" = \"zlib\", \"subprojects/packagecache/p.zip\" = \"zlib-patch\" }",
        ] {
            assert!(file.cure.contains(line), "{line}: {}", file.cure);
        }
        let git = told(
            "Fmt.x",
            "[wrap-git]\nurl = https://a.example/fmt.git\nrevision = 11.0\nclone-recursive = true\n",
        );
        for line in [
            "[sources.fmt-x]",
            "revision = \"11.0\"",
            "submodules = true",
            "subprojects = { \"Fmt.x\" = \"fmt-x\" }",
        ] {
            assert!(git.cure.contains(line), "{line}: {}", git.cure);
        }
    }

    #[test]
    fn the_wrap_that_meson_stopped_at_is_the_one_that_provides_what_it_looked_for() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let (source, build) = (root.join("src"), root.join("build"));
        fs::create_dir_all(source.join("subprojects/there")).unwrap();
        fs::create_dir_all(build.join("meson-logs")).unwrap();
        for (name, text) in [
            (
                "one",
                "[wrap-file]\nsource_url = https://a.example/one\n[provide]\ndependency_names = x, libone\n",
            ),
            ("two", "[wrap-git]\nurl = https://a.example/two\n"),
            ("there", "[wrap-git]\nurl = https://a.example/there\n"),
        ] {
            fs::write(source.join(format!("subprojects/{name}.wrap")), text).unwrap();
        }
        let log = |line: &str| {
            let text = format!("Source dir: {source}\n{line}\nERROR: Automatic {REFUSED}\n");
            fs::write(build.join("meson-logs/meson-log.txt"), text).unwrap();
            wanted(&build, "app").into_iter().map(|one| one.what).collect::<Vec<_>>()
        };
        let of_one = log("Looking for a fallback subproject for the dependency LibOne");
        assert!(of_one.len() == 1 && of_one[0].starts_with("one,"), "{of_one:?}");
        assert_eq!(log("nothing of it").len(), 2, "all that are missing, where nobody knows which");
    }
}
