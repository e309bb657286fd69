//! What lies in the artifacts directory of a preset of an older tool, as data: this crate reads no files.

use camino::Utf8PathBuf;

use crate::Digest;

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

impl PresetArtifacts {
    /// The source of a component in a version: `ffmpeg-6.0.tar.xz`, `opencv-4.8.0/`, or without the version `ffmpeg/`.
    pub fn source(&self, component: &str, version: &str) -> Option<&SourceFile> {
        let stem = |source: &SourceFile| {
            let name = source.name.to_ascii_lowercase();
            match name.find(".tar").or_else(|| name.strip_suffix(".zip").map(str::len)) {
                Some(end) if source.sha256.is_some() => name[..end].to_owned(),
                _ => name,
            }
        };
        let wanted = [
            format!("{component}-{version}"),
            format!("{component}_{version}"),
            format!("{component}-{version}.orig"),
            component.to_owned(),
        ];
        wanted.iter().find_map(|wanted| self.sources.iter().find(|source| stem(source) == *wanted))
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
    }
}
