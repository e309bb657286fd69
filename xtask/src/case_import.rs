//! `case import`: a case from what an older tool left.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use exec::redact::Redactor;
use legacy::import::{self, Deployment, Finding, Imported, Kind, Moved};
use model::case::Format;
use model::exit;

use crate::args::Common;
use crate::cases;
use crate::error::{Error, Result};
use crate::load::load_case;
use crate::out::say;
use crate::projects::Project;
use crate::texts;

/// What makes a directory a deployment case of the scripts.
const SETTINGS: [&str; 2] = ["install.defaults.sh", "env-set.sh"];

/// Reads what lies there, and writes the case.
pub fn import(common: &Common, from: &Utf8Path, output: Option<&Utf8Path>) -> Result<i32> {
    let from = if SETTINGS.contains(&from.file_name().unwrap_or_default()) && from.is_file() {
        match from.parent() {
            Some(parent) if !parent.as_str().is_empty() => parent,
            _ => Utf8Path::new("."),
        }
    } else {
        from
    };
    let absolute = crate::layout::absolute(from)?;
    let stem = if absolute.is_dir() { absolute.file_name() } else { absolute.file_stem() };
    let named = output.map(crate::layout::absolute).transpose()?;
    let own = crate::projects::name_of(&absolute);
    let name = named.as_deref().map_or(own.as_deref().or(stem), Utf8Path::file_name).unwrap_or_default();
    let name = name.to_owned();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    if name.is_empty() || name.starts_with(['-', '.']) || !name.chars().all(plain) {
        return Err(Error::usage(format!("`{name}` cannot be the name of a case"))
            .with_help("give the new case's directory: --output cases/NAME"));
    }
    let directory = output.map_or_else(|| Utf8Path::new("cases").join(&name), Utf8Path::to_owned);
    if directory.read_dir_utf8().is_ok_and(|mut entries| entries.next().is_some()) || directory.is_file() {
        return Err(Error::usage(format!("{directory} exists already and is not overwritten"))
            .with_help("remove it, or choose another directory with --output DIR"));
    }
    let imported = if absolute.is_dir() && SETTINGS.iter().any(|file| absolute.join(file).is_file()) {
        deployment(from, &name)?
    } else {
        preset(from, &name, &model::layout::plain(&crate::layout::absolute(&directory)?))?
    };
    for (file, text) in &imported.files {
        engine::files::atomic_write(&directory.join(file), text.as_bytes())?;
    }
    // Last, so that a directory with a case in it is whole.
    engine::files::atomic_write(&directory.join("case.toml"), imported.case.as_bytes())?;
    tell(&imported.findings);
    let unread = imported.findings.iter().filter(|finding| finding.kind == Kind::Unread).count();
    let rest = match unread {
        0 => String::new(),
        1 => "; 1 line was not understood".to_owned(),
        many => format!("; {many} lines were not understood"),
    };
    say(&format!("wrote {directory}/case.toml{rest}"));
    match load_case(common, directory.as_str()) {
        Ok(_) => {
            say(&format!("see what it does with `installer plan --case {directory}`"));
            Ok(exit::OK)
        }
        Err(error) => {
            say(&format!("{}\n\nthe case was written, but has mistakes to correct", error.text()));
            Ok(exit::BAD_CASE)
        }
    }
}

/// By its name, by its look, or because a password stands in it.
fn is_secret(name: &str, value: &str) -> bool {
    let variable = BTreeMap::from([(name.to_owned(), value.to_owned())]);
    Redactor::from_environment(&variable).redact(value) != value
}

fn deployment(from: &Utf8Path, name: &str) -> Result<Imported> {
    let mut old = Deployment { name: name.to_owned(), from: from.to_string(), ..Deployment::default() };
    let is_read =
        |file: &str| SETTINGS.contains(&file) || (file.starts_with("requirements") && file.ends_with(".txt"));
    for file in names(from)? {
        let path = from.join(&file);
        if path.is_file() && is_read(&file) {
            old.files.push((file, text(&path)?));
        } else if path.is_dir() && file == "config" {
            for below in names(&path)? {
                let relative = format!("config/{below}");
                if below.ends_with(".toml") && path.join(&below).is_file() {
                    old.files.push((relative, text(&path.join(&below))?));
                } else {
                    old.others.push(relative);
                }
            }
        } else {
            old.others.push(if path.is_dir() { format!("{file}/") } else { file });
        }
    }
    // Settings first, in the order in which they were read.
    old.files
        .sort_by_key(|(file, _)| SETTINGS.iter().position(|known| known == file).unwrap_or(SETTINGS.len()));
    Ok(import::read(&old, &is_secret))
}

fn preset(from: &Utf8Path, name: &str, to: &Utf8Path) -> Result<Imported> {
    let neither = || {
        Error::usage(format!("{from} is neither a deployment case nor a preset")).with_help(format!(
            "a deployment case is a directory with {}; a preset is a JSON file without `schema`",
            SETTINGS.join(" or ")
        ))
    };
    let found = cases::read_preset(from)?.ok_or_else(neither)?;
    if found.file.format != Format::Json {
        let is_case = found.file.text.lines().any(|line| line.trim_start().starts_with("schema"));
        if !is_case {
            return Err(neither());
        }
        return Err(Error::usage(format!("{from} is already a case"))
            .with_help(format!("`extends = \"{from}\"` builds on it")));
    }
    let place = found.place.as_ref().map(|place| place.directory.clone()).unwrap_or_default();
    let moved = Moved { from: place, to: to.to_owned() };
    let read = import::preset(&found.file, name, &moved, &is_secret)
        .map_err(|diagnostics| Error::of_case(exit::BAD_CASE, diagnostics))?;
    for warning in &read.warnings {
        say(&format!("{}\n", Redactor::default().redact_lines(&warning.to_string())));
    }
    let mut imported = read.imported;
    let project = found.place.as_ref().and_then(|place| Project::of_preset(&place.file));
    if let Some(env) = project.map(|project| project.root.join(".env")).filter(|env| env.is_file()) {
        imported.findings.push(Finding {
            kind: Kind::Site,
            file: env.to_string(),
            line: 0,
            text: "its defaults".to_owned(),
            why: "they count for the preset alone: give directories of sources with --source NAME=PATH"
                .to_owned(),
        });
    }
    for (file, path) in read.requirements {
        let path = Utf8PathBuf::from(path);
        imported.files.push((file, text(&path)?));
    }
    Ok(imported)
}

/// The names in a directory, in their order.
fn names(directory: &Utf8Path) -> Result<Vec<String>> {
    let failed = |error: std::io::Error| Error::usage(format!("failed to read {directory}: {error}"));
    let mut found = directory
        .read_dir_utf8()
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.file_name().to_owned()).map_err(failed))
        .collect::<Result<Vec<_>>>()?;
    found.sort();
    Ok(found)
}

fn text(path: &Utf8Path) -> Result<String> {
    texts::read(path).map_err(|error| {
        Error::usage(format!("failed to read {path}: {error}"))
            .with_help(error.help().unwrap_or("import reads text in UTF-8"))
    })
}

fn tell(findings: &[Finding]) {
    let redactor = Redactor::default();
    for (kind, title) in [
        (Kind::Unread, "not understood, not in the case:"),
        (Kind::Site, "settings of this place and credentials, not in the case:"),
        (Kind::Note, "notes:"),
    ] {
        let of_kind: Vec<&Finding> = findings.iter().filter(|finding| finding.kind == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        say(title);
        for finding in of_kind {
            let place = match (finding.file.as_str(), finding.line) {
                ("", _) => String::new(),
                (file, 0) => format!("{file}: "),
                (file, line) => format!("{file}:{line}: "),
            };
            let text = redactor.redact_lines(&finding.text);
            say(&format!("  {place}{text}\n      {}", redactor.redact_lines(&finding.why)));
        }
    }
}
