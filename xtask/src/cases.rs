//! Where cases are found: as a path, in `./cases`, `$INSTALLER_CASES`, `/etc/installer/cases`, among the presets of the
//! project around the working directory, then in the binary.

use std::collections::BTreeMap;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use include_dir::{Dir, include_dir};
use model::case::{CaseFile, Format, PresetArtifacts, SourceFile};

use crate::error::{Error, Result};
use crate::projects::{self, Defaults, Project};
use crate::texts;

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../cases");

/// The names that a case file may have in its directory.
const FILES: [&str; 3] = ["case.toml", "case.json", "preset.json"];

/// A case that was found, not yet read for meaning.
#[derive(Debug)]
pub struct FoundCase {
    pub file: CaseFile,
    /// By default the case's name: that of its directory, or of its file.
    pub name: String,
    /// Where it lies on the disk; none for one in the binary.
    pub place: Option<CaseDirectory>,
}

/// Where a case lies.
#[derive(Clone, Debug)]
pub struct CaseDirectory {
    /// Its directory, absolute.
    pub directory: Utf8PathBuf,
    /// Its file, absolute.
    pub file: Utf8PathBuf,
    /// The name of its lock: `case.lock`, or after the file where cases of several names share a directory.
    pub lock: String,
    /// Whether it is a preset of an older tool: JSON without `schema`.
    pub preset: bool,
    /// Whether it is one of a project of that tool, whose directory counts in the place of the file's.
    pub project: bool,
}

/// Directories in which names are looked for, in order.
pub fn directories() -> Vec<Utf8PathBuf> {
    let mut found = vec![Utf8PathBuf::from("cases")];
    if let Ok(listed) = std::env::var("INSTALLER_CASES") {
        found.extend(listed.split(':').filter(|word| !word.is_empty()).map(Utf8PathBuf::from));
    }
    found.push("/etc/installer/cases".into());
    found
}

/// Where a case is.
enum Located {
    File(Utf8PathBuf),
    BuiltIn(&'static str, &'static str),
}

fn locate(wanted: &str) -> Option<Located> {
    let path = Utf8Path::new(wanted);
    if path.is_file() {
        return Some(Located::File(path.to_owned()));
    }
    let mut candidates: Vec<Utf8PathBuf> = FILES.iter().map(|file| path.join(file)).collect();
    for directory in directories() {
        candidates.extend(FILES.iter().map(|file| directory.join(wanted).join(file)));
        candidates.extend(["toml", "json"].iter().map(|format| directory.join(format!("{wanted}.{format}"))));
    }
    if let Some(file) = candidates.into_iter().find(|candidate| candidate.is_file()) {
        return Some(Located::File(file));
    }
    if let Some(file) = Project::here().and_then(|project| project.preset(wanted)) {
        return Some(Located::File(file.to_owned()));
    }
    FILES.into_iter().find_map(|file| {
        let text = EMBEDDED.get_file(format!("{wanted}/{file}"))?.contents_utf8()?;
        Some(Located::BuiltIn(file, text))
    })
}

/// The case that is meant where none is named.
pub fn default() -> Option<String> {
    let variable = std::env::var("DEPLOYMENT_CASE").ok().filter(|name| !name.is_empty());
    variable.or_else(|| Defaults::here().preset().map(str::to_owned))
}

/// Whether there is a case of this name, or at this path.
pub fn exists(wanted: &str) -> bool {
    match locate(wanted).filter(|_| !wanted.is_empty()) {
        // Any file can be given as a case; a word that is one by chance has to look like it.
        Some(Located::File(path)) => path != wanted || matches!(path.extension(), Some("toml" | "json")),
        Some(Located::BuiltIn(..)) => true,
        None => false,
    }
}

/// Finds a case by name or path.
pub fn find(wanted: &str) -> Result<FoundCase> {
    match locate(wanted) {
        Some(Located::File(path)) => return read(&path),
        Some(Located::BuiltIn(file, text)) => {
            return Ok(FoundCase {
                file: CaseFile {
                    name: format!("(built in) {wanted}/{file}"),
                    text: text.to_owned(),
                    format: format_of(file),
                    directory: None,
                    artifacts: None,
                },
                name: wanted.to_owned(),
                place: None,
            });
        }
        None => {}
    }
    let names = names();
    let nearest = model::nearest::closest(wanted, names.iter().map(String::as_str), None);
    let mut looked: Vec<String> = directories().into_iter().map(Utf8PathBuf::into_string).collect();
    looked.extend(Project::here().map(|project| project.root.join(projects::PRESETS).into_string()));
    Err(Error::usage(format!(
        "there is no case `{wanted}`\n  looked for it as a path, in {}, and among the built-in cases",
        looked.join(", ")
    ))
    .with_help(nearest.map_or_else(
        || "write one with `installer case new NAME`".to_owned(),
        |nearest| format!("did you mean `{nearest}`? all: {}", names.join(", ")),
    )))
}

/// What lies at a path, if it is a preset of an older tool or a case.
pub fn read_preset(path: &Utf8Path) -> Result<Option<FoundCase>> {
    let candidates = std::iter::once(path.to_owned()).chain(FILES.map(|file| path.join(file)));
    let Some(file) = candidates.into_iter().find(|candidate| candidate.is_file()) else { return Ok(None) };
    let found = read(&file)?;
    let is_one = found.file.format == Format::Toml || found.place.as_ref().is_some_and(|place| place.preset);
    Ok(is_one.then_some(found))
}

fn format_of(name: &str) -> Format {
    if name.ends_with(".json") { Format::Json } else { Format::Toml }
}

fn read(path: &Utf8Path) -> Result<FoundCase> {
    let text = texts::read(path).map_err(|error| {
        Error::new(model::exit::BAD_CASE, format!("failed to read the case {path}: {error}"))
            .with_help(error.help().unwrap_or("a case is TOML or JSON in UTF-8"))
    })?;
    let absolute = camino::absolute_utf8(path)
        .map_err(|error| Error::usage(format!("{path} cannot be made an absolute path in UTF-8: {error}")))?;
    let directory = absolute.parent().map_or_else(|| Utf8PathBuf::from("/"), Utf8Path::to_owned);
    let own = FILES.contains(&path.file_name().unwrap_or_default());
    let name = if own { directory.file_name() } else { absolute.file_stem() }.unwrap_or("case").to_owned();
    let format = format_of(path.as_str());
    let json = || serde_json::from_str::<serde_json::Value>(&text).ok();
    let preset = format == Format::Json && json().is_some_and(|text| text.get("schema").is_none());
    let lock = if own { "case.lock".to_owned() } else { format!("{name}.lock") };
    let project = Project::of_preset(&absolute).filter(|_| preset);
    let (directory, lock) = match &project {
        Some(project) => (project.root.clone(), format!("{}/{lock}", projects::PRESETS)),
        None => (directory, lock),
    };
    let artifacts = if preset { preset_artifacts(&text, path, &directory, &name)? } else { None };
    Ok(FoundCase {
        file: CaseFile {
            name: path.to_string(),
            text,
            format,
            directory: Some(directory.clone()),
            artifacts,
        },
        name,
        place: Some(CaseDirectory { directory, file: absolute, lock, preset, project: project.is_some() }),
    })
}

/// What lies in the artifacts directory of a preset of an older tool: `artifacts/<preset>/` beside the file, or beside
/// its directory.
fn preset_artifacts(
    text: &str,
    file: &Utf8Path,
    directory: &Utf8Path,
    name: &str,
) -> Result<Option<PresetArtifacts>> {
    // What is no JSON is for others to say.
    let Ok(text) = serde_json::from_str::<serde_json::Value>(text) else { return Ok(None) };
    let named = text.pointer("/metadata/name").and_then(serde_json::Value::as_str);
    let plain = |name: &&str| !name.is_empty() && !name.starts_with('.') && !name.contains('/');
    let names = [named, file.file_stem(), Some(name)].into_iter().flatten().filter(plain);
    let places = [Some(directory), directory.parent()];
    let directory = names
        .flat_map(|name| places.into_iter().flatten().map(move |place| place.join("artifacts").join(name)))
        .find(|directory| directory.is_dir());
    directory.map(|directory| read_artifacts(&directory)).transpose()
}

fn read_artifacts(directory: &Utf8Path) -> Result<PresetArtifacts> {
    let names = |below: &str| -> Result<Vec<String>> {
        let path = directory.join(below);
        let Ok(entries) = path.read_dir_utf8() else { return Ok(Vec::new()) };
        let mut names = entries
            .map(|entry| entry.map(|entry| entry.file_name().to_owned()))
            .collect::<std::io::Result<Vec<_>>>()
            .map_err(|error| Error::usage(format!("failed to read {path}: {error}")))?;
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        Ok(names)
    };
    let there = |name: &&str| directory.join(name).is_file();
    let mut sources = Vec::new();
    for name in names("sources")? {
        let path = directory.join("sources").join(&name);
        let sha256 = if path.is_dir() {
            None
        } else {
            let hashed = engine::files::sha256_file(&path);
            let (digest, _) =
                hashed.map_err(|error| Error::usage(format!("failed to read {path}: {error}")))?;
            Some(digest)
        };
        sources.push(SourceFile { name, path, sha256 });
    }
    Ok(PresetArtifacts {
        requirements: ["requirements-base.txt", "requirements.txt"]
            .into_iter()
            .filter(there)
            .map(str::to_owned)
            .collect(),
        extra: Some("requirements-extra.txt").filter(there).map(str::to_owned),
        wheels: names("wheels")?.iter().any(|name| name.ends_with(".whl")),
        sources,
        debs: names("debs")?.into_iter().filter(|name| name.ends_with(".deb")).collect(),
        directory: directory.to_owned(),
    })
}

/// Writes the files that lie beside a case in the binary to where its plan expects them.
pub fn write_out(name: &str, into: &Utf8Path) -> Result<()> {
    let Some(directory) = EMBEDDED.get_dir(name) else { return Ok(()) };
    let mut open = vec![directory];
    while let Some(at) = open.pop() {
        open.extend(at.dirs());
        for file in at.files() {
            let Some(below) = file.path().to_str().and_then(|path| path.strip_prefix(name)) else { continue };
            let path = into.join(below.trim_start_matches('/'));
            if fs::read(&path).ok().as_deref() != Some(file.contents()) {
                engine::files::atomic_write(&path, file.contents())?;
            }
        }
    }
    Ok(())
}

/// A parent that a case `extends`: beside the case that says so, else as any case is found.
pub fn parent(wanted: &str, child: &str) -> std::result::Result<CaseFile, String> {
    let beside = Utf8Path::new(child).parent().unwrap_or(Utf8Path::new("")).join(wanted);
    let candidates = std::iter::once(beside.clone()).chain(FILES.map(|file| beside.join(file)));
    let found = match candidates.collect::<Vec<_>>().iter().find(|path| path.is_file()) {
        Some(path) => read(path),
        None => find(wanted),
    };
    found.map(|found| found.file).map_err(|error| error.told())
}

/// A case that is found by its name.
#[derive(Clone, Debug)]
pub struct Listed {
    pub name: String,
    /// The directory that its own lies in; none for one in the binary.
    pub directory: Option<Utf8PathBuf>,
}

/// All cases, those of one's own before those in the binary, by name.
pub fn listed() -> Vec<Listed> {
    let mut found: Vec<Listed> = all()
        .into_iter()
        .filter(|(_, one)| !one.fragment)
        .map(|(name, one)| Listed { name, directory: one.directory })
        .collect();
    found.sort_by_key(|listed| listed.directory.is_none());
    found
}

/// The names of all cases, sorted.
pub fn names() -> Vec<String> {
    all().into_iter().filter(|(_, one)| !one.fragment).map(|(name, _)| name).collect()
}

/// The names of all fragments: parts that cases extend, which nobody who looks for a case wants to read through.
pub fn fragments() -> Vec<String> {
    all().into_iter().filter(|(_, one)| one.fragment).map(|(name, _)| name).collect()
}

struct Seen {
    directory: Option<Utf8PathBuf>,
    fragment: bool,
}

/// By name, each where it is found first.
fn all() -> BTreeMap<String, Seen> {
    let mut found = BTreeMap::new();
    for directory in directories() {
        let Ok(entries) = directory.read_dir_utf8() else { continue };
        for entry in entries.filter_map(std::result::Result::ok) {
            let Some(file) = FILES.iter().map(|file| entry.path().join(file)).find(|file| file.is_file())
            else {
                continue;
            };
            let seen = || Seen {
                directory: Some(directory.clone()),
                fragment: texts::read(&file).is_ok_and(|text| model::case::is_fragment(&text)),
            };
            found.entry(entry.file_name().to_owned()).or_insert_with(seen);
        }
    }
    if let Some(project) = Project::here() {
        for (name, _) in &project.presets {
            let directory = Some(project.root.join(projects::PRESETS));
            found.entry(name.clone()).or_insert(Seen { directory, fragment: false });
        }
    }
    for entry in EMBEDDED.dirs() {
        let Some(name) = entry.path().to_str() else { continue };
        let text = EMBEDDED.get_file(format!("{name}/case.toml")).and_then(|file| file.contents_utf8());
        let seen = || Seen { directory: None, fragment: text.is_some_and(model::case::is_fragment) };
        found.entry(name.to_owned()).or_insert_with(seen);
    }
    found
}
