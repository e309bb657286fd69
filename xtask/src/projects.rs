//! Projects of an older tool: a directory with `presets/*.json`, and beside them `artifacts/`, a `.env` and sources.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Error, Result};
use crate::texts;

/// The directory of presets, below that of the project.
pub const PRESETS: &str = "presets";

/// Variables of a `.env` that say how a system looks, and so belong into an image.
const OF_SYSTEM: [&str; 4] = ["TZ", "LANG", "LANGUAGE", "LC_ALL"];
/// How variables of a `.env` end that name the directory of a component's source.
const OF_SOURCES: [&str; 5] = ["_SRC", "_SOURCE", "_PATH", "_SOURCE_PATH", "_DIR"];

/// A project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its directory, absolute.
    pub root: Utf8PathBuf,
    /// Its presets, each with its own name (or that of its file, where that cannot be a case's) and its file.
    pub presets: Vec<(String, Utf8PathBuf)>,
}

impl Project {
    /// The project that this process is in, if it is in one.
    pub fn here() -> Option<&'static Self> {
        static HERE: OnceLock<Option<Project>> = OnceLock::new();
        HERE.get_or_init(|| Self::around(&camino::absolute_utf8(".").ok()?)).as_ref()
    }

    /// The nearest at or above a directory.
    pub fn around(directory: &Utf8Path) -> Option<Self> {
        directory.ancestors().find_map(Self::at)
    }

    /// The one of a preset, by the path of its file.
    pub fn of_preset(file: &Utf8Path) -> Option<Self> {
        let directory = file.parent()?;
        if directory.file_name() != Some(PRESETS) { None } else { Self::at(directory.parent()?) }
    }

    fn at(root: &Utf8Path) -> Option<Self> {
        let entries = root.join(PRESETS).read_dir_utf8().ok()?;
        let files = entries.filter_map(std::result::Result::ok).map(|entry| entry.path().to_owned());
        let mut files: Vec<Utf8PathBuf> = files.filter(|file| file.extension() == Some("json")).collect();
        files.sort();
        if !files.iter().any(|file| name_of(file).is_some()) {
            return None;
        }
        let name = |file: &Utf8PathBuf| match is_json(file) {
            true => name_of(file),
            // Its mistake is told where somebody wants it.
            false => file.file_stem().map(str::to_owned),
        };
        let presets = files.into_iter().filter_map(|file| Some((name(&file)?, file))).collect();
        Some(Self { root: root.to_owned(), presets })
    }

    /// The file of the preset of a name: its own, or that of its file.
    pub fn preset(&self, name: &str) -> Option<&Utf8Path> {
        let own = self.presets.iter().find(|(own, _)| own == name);
        let of_file = || self.presets.iter().find(|(_, file)| file.file_stem() == Some(name));
        own.or_else(of_file).map(|(_, file)| file.as_path())
    }

    /// Its `.env`, if it has one that is not read because others may have written it.
    pub fn distrusted(&self) -> Option<Utf8PathBuf> {
        Some(self.root.join(".env")).filter(|file| file.is_file() && !is_trusted(file))
    }

    /// What its `.env` says; nothing where it has none.
    ///
    /// # Errors
    /// When the file cannot be read, or has a line that sets nothing.
    pub fn defaults(&self) -> Result<Defaults> {
        let file = self.root.join(".env");
        if !file.is_file() || !is_trusted(&file) {
            return Ok(Defaults::default());
        }
        let text = texts::read(&file).map_err(|error| {
            Error::usage(format!("failed to read {file}: {error}"))
                .with_help(error.help().unwrap_or("it is text in UTF-8"))
        })?;
        let values = parse(&text).map_err(|number| {
            Error::usage(format!("{file}:{number}: this line sets nothing"))
                .with_help("write NAME=VALUE, or `#` before a comment")
        })?;
        Ok(Defaults { file, values })
    }
}

/// Whether a file is this user's, root's, or of whose directory this is, and nobody else's to write: it sets proxies.
fn is_trusted(file: &Utf8Path) -> bool {
    let owner = |path: &Utf8Path| path.metadata().map(|metadata| metadata.uid()).ok();
    let Ok(metadata) = file.metadata() else { return false };
    let trusted = [Some(0), Some(rustix::process::geteuid().as_raw()), owner(Utf8Path::new("."))];
    trusted.contains(&Some(metadata.uid())) && metadata.mode() & 0o002 == 0
}

fn is_json(file: &Utf8Path) -> bool {
    texts::read(file).is_ok_and(|text| serde_json::from_str::<serde_json::Value>(&text).is_ok())
}

/// Its name, if a file is a preset: JSON without `schema` and with `metadata`.
pub fn name_of(file: &Utf8Path) -> Option<String> {
    let text = texts::read(file).ok()?;
    let preset: serde_json::Value = serde_json::from_str(&text).ok()?;
    if preset.get("schema").is_some() {
        return None;
    }
    let own = preset.get("metadata")?.get("name").and_then(serde_json::Value::as_str);
    let own = own.filter(|name| model::case::is_case_name(name));
    own.or_else(|| file.file_stem()).map(str::to_owned)
}

/// What a `.env` says, which counts where nothing else does.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// The file.
    pub file: Utf8PathBuf,
    values: BTreeMap<String, String>,
}

impl Defaults {
    /// Those of the project that this process is in; none where it cannot be read: who reads it says so.
    pub fn here() -> Self {
        Project::here().and_then(|project| project.defaults().ok()).unwrap_or_default()
    }

    /// The preset that is meant where none is named.
    pub fn preset(&self) -> Option<&str> {
        self.values.get("DEFAULT_PRESET").map(String::as_str).filter(|name| !name.is_empty())
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// What counts as the environment of a process where that does not say: proxies, credentials. Directories of sources
    /// are relative to the file, and are not among it.
    pub fn into_variables(self) -> BTreeMap<String, String> {
        let mut values = self.values;
        values.retain(|name, _| !name.ends_with("_SRC"));
        values
    }

    /// What belongs into the environment of an image.
    pub fn of_system(&self) -> impl Iterator<Item = (&String, &String)> {
        self.values.iter().filter(|(name, value)| OF_SYSTEM.contains(&name.as_str()) && !value.is_empty())
    }

    /// The directory of a component's source: `XAIVA_MEDIA_PATH` for `xaiva-media`, below that of the file.
    pub fn source(&self, component: &str) -> Option<(&str, Utf8PathBuf)> {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let name: String = component.chars().map(plain).collect();
        let mut of_it =
            OF_SOURCES.iter().filter_map(|end| self.values.get_key_value(&format!("{name}{end}")));
        let (variable, path) = of_it.find(|(_, path)| !path.is_empty())?;
        let root = self.file.parent().unwrap_or(Utf8Path::new("/"));
        Some((variable, root.join(path)))
    }
}

/// The values, or the number of the line that sets none. Quotes are taken away, and what follows ` #` outside of them; no
/// variables are expanded.
fn parse(text: &str) -> std::result::Result<BTreeMap<String, String>, usize> {
    let mut values = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=').ok_or(index + 1)?;
        let name = name.trim();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(index + 1);
        }
        let value = value.trim();
        let quoted = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.split_once(quote));
        let value = match quoted {
            Some((inside, _)) => inside,
            None => value.split_once(" #").map_or(value, |(value, _)| value.trim_end()),
        };
        values.insert(name.to_owned(), value.to_owned());
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_found_from_below_and_its_presets_by_their_own_names() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap().canonicalize_utf8().unwrap();
        std::fs::create_dir_all(root.join("presets")).unwrap();
        std::fs::create_dir_all(root.join("docker/deep")).unwrap();
        assert_eq!(Project::around(&root.join("docker")), None, "a directory of that name alone is none");
        for (file, text) in [
            ("a.json", r#"{"metadata": {"name": "ubuntu22.04-cuda11.8"}}"#),
            ("b.json", r#"{"metadata": {"name": "A title"}}"#),
            ("case.json", r#"{"schema": 1, "metadata": {"name": "a-case"}}"#),
            ("broken.json", "{"),
        ] {
            std::fs::write(root.join("presets").join(file), text).unwrap();
        }
        let project = Project::around(&root.join("docker/deep")).unwrap();
        assert_eq!(project.root, root);
        let names: Vec<&str> = project.presets.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["ubuntu22.04-cuda11.8", "b", "broken"]);
        let file = |name: &str| project.preset(name).and_then(Utf8Path::file_name);
        assert_eq!(
            (file("ubuntu22.04-cuda11.8"), file("a"), file("nope")),
            (Some("a.json"), Some("a.json"), None)
        );
        assert_eq!(Project::of_preset(&root.join("presets/b.json")).map(|found| found.root), Some(root));
    }

    #[test]
    fn lines_of_a_file_of_variables_are_read_without_comments_and_quotes() {
        let text = "# ours\nexport DEFAULT_PRESET=one\nTZ=\"Asia/Seoul\" # there\nXAIVA_MEDIA_PATH=../media #x\nE=\nQ='a # b'\n";
        let defaults = Defaults { file: "/proj/.env".into(), values: parse(text).unwrap() };
        assert_eq!(defaults.preset(), Some("one"));
        assert_eq!(defaults.of_system().collect::<Vec<_>>(), [(&"TZ".to_owned(), &"Asia/Seoul".to_owned())]);
        let source = defaults.source("xaiva-media").unwrap();
        assert_eq!((source.0, source.1.as_str()), ("XAIVA_MEDIA_PATH", "/proj/../media"));
        assert_eq!(defaults.values["Q"], "a # b");
        assert_eq!((parse("A=1\nnonsense\n"), parse("a b=1")), (Err(2), Err(1)));
    }
}
