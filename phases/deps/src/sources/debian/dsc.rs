//! Debian source control files (deb-src-control(5), dsc(5)).

use std::collections::BTreeMap;

use camino::Utf8Path;
use engine::runner::StepError;
use model::Digest;

/// What is needed of a `.dsc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dsc {
    /// `Version`.
    pub version: String,
    /// `Format`.
    pub format: Format,
    /// `Checksums-Sha256`: name → SHA-256.
    pub files: BTreeMap<String, Digest>,
}

/// Formats of source packages (dpkg-source(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `1.0`: a tar archive and perhaps a diff.
    One,
    /// `3.0 (native)`: one tar archive.
    Native,
    /// `3.0 (quilt)`: original archives, one of packaging, and patches.
    Quilt,
}

impl Dsc {
    /// Reads one.
    ///
    /// # Errors
    /// When it cannot be read, or is of a format that is not known.
    pub fn read(path: &Utf8Path) -> Result<Self, StepError> {
        let text = std::fs::read_to_string(path).map_err(|error| StepError::io("read", path, &error))?;
        Self::parse(&text).map_err(|why| {
            StepError::new(
                format!("failed to read {path}: {why}"),
                "use another kind of source (`archive` or `git`)",
            )
        })
    }

    /// Parses its text. The signature around it counts for nothing here: apt made sure of the file's hash.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields = fields(text);
        let field =
            |name: &str| fields.get(name).map(String::as_str).ok_or(format!("it has no field {name}"));
        let format = match field("Format")?.trim() {
            "1.0" => Format::One,
            "3.0 (native)" => Format::Native,
            "3.0 (quilt)" => Format::Quilt,
            other => return Err(format!("unknown source format `{other}`")),
        };
        let mut files = BTreeMap::new();
        for line in field("Checksums-Sha256")?.lines().filter(|line| !line.trim().is_empty()) {
            let [sha256, _, name] = line.split_whitespace().collect::<Vec<_>>()[..] else {
                return Err(format!("`{}` is not a checksum", line.trim()));
            };
            super::super::record::check_name(name)
                .map_err(|_| format!("`{name}` is not the name of a file"))?;
            files.insert(name.to_owned(), Digest::from(sha256.to_ascii_lowercase()));
        }
        Ok(Self { version: field("Version")?.trim().to_owned(), format, files })
    }

    fn named(&self, part: &str) -> Option<&str> {
        let names = self.files.keys().map(String::as_str).filter(|name| !name.ends_with(".asc"));
        names.into_iter().find(|name| name.contains(part))
    }

    /// The archive that everything else goes into.
    pub fn main(&self) -> Result<&str, StepError> {
        let plain = || {
            self.files
                .keys()
                .map(String::as_str)
                .find(|name| name.contains(".tar.") && !name.ends_with(".asc"))
        };
        let found = match self.format {
            Format::Quilt => self.named(".orig.tar."),
            Format::One => self.named(".orig.tar.").or_else(plain),
            Format::Native => plain(),
        };
        found.ok_or_else(|| missing("an archive"))
    }

    /// Further original archives: directory and name.
    pub fn components(&self) -> Vec<(&str, &str)> {
        let names = self.files.keys().map(String::as_str).filter(|name| !name.ends_with(".asc"));
        names
            .filter_map(|name| {
                let (_, rest) = name.split_once(".orig-")?;
                let (component, _) = rest.split_once(".tar.")?;
                Some((component, name))
            })
            .collect()
    }

    /// The archive of packaging and patches.
    pub fn packaging(&self) -> Result<&str, StepError> {
        self.named(".debian.tar.").ok_or_else(|| missing("a debian.tar archive"))
    }

    /// The diff of format 1.0.
    pub fn diff(&self) -> Option<&str> {
        self.named(".diff.")
    }
}

fn missing(what: &str) -> StepError {
    StepError::new(
        format!("the source package has no {what}"),
        "use another kind of source (`archive` or `git`)",
    )
}

/// The fields of the first paragraph; lines of a field's continuation are kept apart.
fn fields(text: &str) -> BTreeMap<String, String> {
    let body = match text.split_once("-----BEGIN PGP SIGNED MESSAGE-----") {
        // The armour's own headers end with an empty line.
        Some((_, signed)) => signed.split_once("\n\n").map_or("", |(_, body)| body),
        None => text,
    };
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    let mut last: Option<String> = None;
    for line in body.lines() {
        if line.trim().is_empty() || line.starts_with("-----BEGIN PGP SIGNATURE") {
            break;
        }
        if line.starts_with([' ', '\t']) {
            if let Some(value) = last.as_ref().and_then(|name| fields.get_mut(name)) {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.insert(name.to_owned(), value.trim().to_owned());
            last = Some(name.to_owned());
        }
    }
    fields
}
