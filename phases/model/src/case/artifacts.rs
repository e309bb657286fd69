//! What lies in the artifacts directory of a preset of an older tool, as data: this crate reads no files.

use camino::Utf8PathBuf;

use crate::Digest;
use crate::catalog::version_at_least;

/// The directory `artifacts/<preset>/` and what of it counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PresetArtifacts {
    /// Absolute.
    pub directory: Utf8PathBuf,
    /// Those of `requirements-base.txt` and `requirements.txt` that are there, in this order.
    pub requirements: Vec<String>,
    /// `requirements-extra.txt`, if it is there: these packages may fail.
    pub extra: Option<String>,
    /// Whether `wheels/` holds any.
    pub wheels: bool,
    /// What lies in `sources/`.
    pub sources: Vec<SourceFile>,
    /// The packages in `debs/`.
    pub debs: Vec<String>,
}

/// An archive or a tree in `sources/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its file name.
    pub name: String,
    /// Where it is, absolute.
    pub path: Utf8PathBuf,
    /// Of an archive; a directory has none.
    pub sha256: Option<Digest>,
}

impl SourceFile {
    /// The version in its name, as far as it has one.
    fn digits(&self) -> String {
        let stem = self.stem();
        let parts = stem.rsplit(['-', '_']).find(|part| part.starts_with(|c: char| c.is_ascii_digit()));
        parts.unwrap_or("0").to_owned()
    }

    /// Its name in small letters, without what tells the kind of archive.
    fn stem(&self) -> String {
        const ENDS: [&str; 5] = [".zip", ".tgz", ".tbz2", ".tbz", ".txz"];
        let name = self.name.to_ascii_lowercase();
        let end =
            name.find(".tar").or_else(|| ENDS.iter().find_map(|end| Some(name.strip_suffix(end)?.len())));
        match end {
            Some(end) if self.sha256.is_some() => name[..end].to_owned(),
            _ => name,
        }
    }
}

/// Whether what follows a name says which version it is: `1.4`, `n11.1`, `v2`, `snapshot`.
fn is_version(rest: &str) -> bool {
    const WORDS: [&str; 7] = ["snapshot", "master", "main", "stable", "release", "git", "src"];
    let number = rest.strip_prefix(['v', 'n', 'r']).unwrap_or(rest);
    number.starts_with(|c: char| c.is_ascii_digit()) || WORDS.iter().any(|word| rest.starts_with(word))
}

impl PresetArtifacts {
    /// The source of a component in a version: `ffmpeg-6.0.tar.xz`, `opencv-4.8.0/`, or without the version `ffmpeg/`.
    pub fn source(&self, component: &str, version: &str) -> Option<&SourceFile> {
        let wanted = [
            format!("{component}-{version}"),
            format!("{component}_{version}"),
            format!("{component}-{version}.orig"),
            component.to_owned(),
        ];
        wanted.iter().find_map(|wanted| self.sources.iter().find(|source| source.stem() == *wanted))
    }

    /// The source of a component in whatever version is there: `x265.tar.bz2`, `opus-1.4/`, `libx264_snapshot.zip`; of
    /// several the newest.
    pub fn of_any_version(&self, component: &str) -> Option<&SourceFile> {
        let bare = |name: &str| name.strip_prefix("lib").unwrap_or(name).replace('_', "-");
        let wanted = bare(component);
        let is_it = |source: &&SourceFile| {
            let stem = bare(&source.stem());
            let rest = stem.strip_prefix(&wanted);
            rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix('-').is_some_and(is_version))
        };
        let mut found: Vec<&SourceFile> = self.sources.iter().filter(is_it).collect();
        found.sort_by(|one, other| {
            let newer = version_at_least(&one.digits(), &other.digits());
            newer.cmp(&version_at_least(&other.digits(), &one.digits()))
        });
        found.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_found_by_component_and_version() {
        let archive = |name: &str| SourceFile {
            name: name.to_owned(),
            path: name.into(),
            sha256: Some(Digest::of(name)),
        };
        let tree = |name: &str| SourceFile { sha256: None, ..archive(name) };
        let artifacts = PresetArtifacts {
            sources: vec![archive("ffmpeg-5.1.tar.xz"), archive("FFmpeg-6.0.tar.gz"), tree("opencv")],
            ..PresetArtifacts::default()
        };
        let found = |name: &str, version: &str| artifacts.source(name, version).map(|it| it.name.as_str());
        assert_eq!(found("ffmpeg", "6.0"), Some("FFmpeg-6.0.tar.gz"));
        assert_eq!(found("ffmpeg", "7.0"), None, "another version is another source");
        assert_eq!(found("opencv", "4.8.0"), Some("opencv"));
        let sources = vec![
            archive("libx264_snapshot.zip"),
            tree("opus-1.9"),
            archive("opus-1.10.tar.gz"),
            archive("opus-tools-2.0.tar.gz"),
            archive("x265.tar.bz2"),
            tree("x2650"),
        ];
        let artifacts = PresetArtifacts { sources, ..PresetArtifacts::default() };
        let found = |name: &str| artifacts.of_any_version(name).map(|it| it.name.as_str());
        assert_eq!(found("x264"), Some("libx264_snapshot.zip"));
        assert_eq!(found("opus"), Some("opus-1.10.tar.gz"));
        assert_eq!((found("x265"), found("libvpx")), (Some("x265.tar.bz2"), None));
    }
}
