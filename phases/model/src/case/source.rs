//! Where the code of components comes from.

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Digest;

/// One source, or several of which the first that is available and matches is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(with = "AlternativesSchema")]
pub enum Alternatives {
    /// One.
    One(SourceSpec),
    /// Several, best first.
    Many(Vec<SourceSpec>),
    /// None; only while a case is being put together.
    #[default]
    #[serde(skip)]
    Nothing,
}

/// How [`Alternatives`] looks in a schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum AlternativesSchema {
    One(SourceSpec),
    Many(Vec<SourceSpec>),
}

impl Alternatives {
    /// All of them, best first.
    pub fn as_slice(&self) -> &[SourceSpec] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
            Self::Nothing => &[],
        }
    }
}

/// Where code comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SourceSpec {
    /// A directory on this machine, read in place and never written to.
    Path {
        /// Relative to the case, or absolute.
        #[schemars(with = "String")]
        path: Utf8PathBuf,
        /// The commit that it should be at, if it is a git checkout. Another one is a warning.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revision: Option<String>,
        /// That you work in it: a component may import from it (`editable`). installer never writes to it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        writable: bool,
        /// Directories that are part of it although tools make them: names (`node_modules`) or paths relative to it
        /// (`web/node_modules`). Without that, `node_modules`, `.venv`, `__pycache__`, the `target` of cargo and Maven and
        /// every directory with a `CACHEDIR.TAG` are neither copied nor looked at.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        keep: Vec<String>,
        /// What is done with Git LFS pointers in it.
        #[serde(default, skip_serializing_if = "Lfs::is_objects")]
        lfs: Lfs,
    },
    /// A directory that the user names when needed: `--source NAME=PATH`. `deps` does without it unless cargo
    /// builds it.
    Mounted {
        /// What it is, for the message that asks for it: `a checkout of our application`.
        description: String,
        /// The commit that it should be at, if it is a git checkout. Another one is a warning.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revision: Option<String>,
        /// That you work in it: a component may import from it (`editable`). installer never writes to it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        writable: bool,
        /// Directories that are part of it although tools make them: names (`node_modules`) or paths relative to it
        /// (`web/node_modules`). Without that, `node_modules`, `.venv`, `__pycache__`, the `target` of cargo and Maven and
        /// every directory with a `CACHEDIR.TAG` are neither copied nor looked at.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        keep: Vec<String>,
        /// What is done with Git LFS pointers in it.
        #[serde(default, skip_serializing_if = "Lfs::is_objects")]
        lfs: Lfs,
    },
    /// A git repository.
    Git {
        /// Anything that `git clone` takes.
        url: String,
        /// The commit, as 40 hexadecimal digits; a branch or tag is resolved once and then kept in the lock.
        revision: String,
        /// Whether submodules are included.
        #[serde(default)]
        submodules: bool,
        /// What is done with Git LFS pointers in it.
        #[serde(default, skip_serializing_if = "Lfs::is_objects")]
        lfs: Lfs,
    },
    /// A tar archive (gzip, xz, bzip2 or zstd) or a zip file.
    Archive {
        /// Tried in order.
        urls: Vec<String>,
        /// SHA-256 of the file.
        sha256: Digest,
        /// The directory in it that is the source, not counting a single top directory. With it, it can replace an
        /// alternative that has its files at the top.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        subdirectory: Option<Utf8PathBuf>,
        /// What is done with Git LFS pointers in it.
        #[serde(default, skip_serializing_if = "Lfs::is_objects")]
        lfs: Lfs,
    },
    /// One file, kept as it is: what a project would download while it is configured, put where the project looks
    /// with `files` of a component.
    File {
        /// Tried in order.
        urls: Vec<String>,
        /// SHA-256 of the file.
        sha256: Digest,
    },
    /// The distribution's source package, patches applied.
    Debian {
        /// Name of the source package.
        package: String,
        /// Exact version; by default the newest that the distribution offers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
    /// A source distribution from the Python package index.
    Pypi {
        /// Project.
        name: String,
        /// Exact version.
        version: String,
        /// The directory in it that is the source, not counting a single top directory. With it, it can replace an
        /// alternative that has its files at the top.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        subdirectory: Option<Utf8PathBuf>,
    },
    /// A crate from the registry, as published.
    Crate {
        /// Crate.
        name: String,
        /// Exact version.
        version: String,
    },
}

/// What is done with Git LFS pointers: small texts that stand in a checkout for files that were not downloaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Lfs {
    /// `deps` downloads the files of a git repository where git-lfs is installed; pointers that remain are an error.
    #[default]
    Objects,
    /// Pointers are copied as they are: nothing that is built needs what they stand for.
    Pointers,
}

impl Lfs {
    /// Whether it is the default.
    pub fn is_objects(&self) -> bool {
        *self == Self::Objects
    }
}

impl SourceSpec {
    /// The directory in what is brought that is the source, if not all of it.
    pub fn subdirectory(&self) -> Option<&Utf8PathBuf> {
        match self {
            Self::Archive { subdirectory, .. } | Self::Pypi { subdirectory, .. } => subdirectory.as_ref(),
            _ => None,
        }
    }

    /// A directory.
    pub fn path(path: impl Into<Utf8PathBuf>) -> Self {
        Self::Path {
            path: path.into(),
            revision: None,
            writable: false,
            keep: Vec::new(),
            lfs: Lfs::default(),
        }
    }

    /// A mounted source in the directory that was given for it.
    pub fn mounted_at(&self, path: impl Into<Utf8PathBuf>) -> Option<Self> {
        let Self::Mounted { revision, writable, keep, lfs, .. } = self else { return None };
        let (revision, writable, keep, lfs) = (revision.clone(), *writable, keep.clone(), *lfs);
        Some(Self::Path { path: path.into(), revision, writable, keep, lfs })
    }

    /// What a directory of the user's has that tools made and that is part of it.
    pub fn keep(&self) -> &[String] {
        match self {
            Self::Path { keep, .. } | Self::Mounted { keep, .. } => keep,
            _ => &[],
        }
    }

    /// Whether pointers of Git LFS are meant.
    pub fn wants_pointers(&self) -> bool {
        match self {
            Self::Path { lfs, .. }
            | Self::Mounted { lfs, .. }
            | Self::Git { lfs, .. }
            | Self::Archive { lfs, .. } => !lfs.is_objects(),
            Self::File { .. } | Self::Debian { .. } | Self::Pypi { .. } | Self::Crate { .. } => false,
        }
    }

    /// The commit that it is, or should be, at: a name (`main`) says nothing about that.
    pub fn commit(&self) -> Option<&str> {
        let revision = match self {
            Self::Path { revision, .. } | Self::Mounted { revision, .. } => revision.as_deref()?,
            Self::Git { revision, .. } => revision,
            _ => return None,
        };
        is_commit(revision).then_some(revision)
    }

    /// `path`, `git` …
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Path { .. } => "path",
            Self::Mounted { .. } => "mounted",
            Self::Git { .. } => "git",
            Self::Archive { .. } => "archive",
            Self::File { .. } => "file",
            Self::Debian { .. } => "debian",
            Self::Pypi { .. } => "pypi",
            Self::Crate { .. } => "crate",
        }
    }
}

/// Whether a text is a commit, or the beginning of one that is long enough to name it.
pub fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}
