//! What the tree of a case needs of the image that it is copied into, as data beside it.

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::StepError;
use serde::{Deserialize, Serialize};

use crate::elf;
use crate::libraries::Needed;

/// The newest format that this version reads.
pub const SCHEMA: u32 = 1;

/// Where it lies in the tree, and so in the image.
pub const PLACE: &str = "/etc/installer/image.json";

/// What an image must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The case.
    pub case: String,
    /// The machine that it was built for: `debian-13-x86_64`.
    pub target: String,
    /// The oldest glibc that its files run with: `2.38`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glibc: Option<String>,
    /// Packages of the distribution, sorted.
    pub packages: Vec<String>,
    /// Files outside that no package brought: the runtime base image must have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unowned: Vec<Utf8PathBuf>,
    /// Libraries that were not there either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

impl Description {
    /// From what was found, and the packages that the case asks for besides.
    pub fn new(case: &str, target: &str, needed: &Needed, asked_for: &[String]) -> Self {
        let mut packages: Vec<String> = needed.packages.keys().chain(asked_for).cloned().collect();
        packages.sort();
        packages.dedup();
        Self {
            schema: SCHEMA,
            case: case.to_owned(),
            target: target.to_owned(),
            glibc: needed.glibc.map(|(major, minor)| format!("{major}.{minor}")),
            packages,
            unowned: needed.unowned.keys().cloned().collect(),
            missing: needed.missing.keys().cloned().collect(),
        }
    }

    /// As JSON, with a line end.
    ///
    /// # Errors
    /// Never in practice: it is lists of texts.
    pub fn to_json(&self) -> Result<String, StepError> {
        serde_json::to_string_pretty(self).map(|text| text + "\n").map_err(|error| {
            StepError::new(format!("failed to encode the description: {error}"), "report this defect")
        })
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it cannot be read, or was written by a newer version.
    pub fn read(path: &Utf8Path) -> Result<Self, StepError> {
        let bytes = files::read(path)?;
        let damaged = |why: String| {
            StepError::new(
                format!("failed to use {path}: {why}"),
                "use the file that `installer image export` of the same version wrote",
            )
        };
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        let schema = value.get("schema").and_then(serde_json::Value::as_u64).unwrap_or_default();
        if schema > u64::from(SCHEMA) {
            return Err(damaged(format!(
                "it has format {schema}, but this version reads formats up to {SCHEMA}"
            )));
        }
        serde_json::from_value(value).map_err(|error| damaged(error.to_string()))
    }

    /// Why its files cannot run with this libc (`glibc 2.36`), if they cannot.
    pub fn too_new_for(&self, libc: &str) -> Option<String> {
        let wanted = self.glibc.as_deref()?;
        let there = libc.strip_prefix("glibc ");
        let enough = there.and_then(elf::version) >= elf::version(wanted);
        (!enough).then(|| {
            let there = there.map_or_else(|| "no glibc".to_owned(), |version| format!("glibc {version}"));
            format!(
                "the files were built on {} and need glibc {wanted}, but this image has {there}",
                self.target
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Description {
        let needed = Needed {
            packages: [("zlib1g".to_owned(), [].into()), ("libc6".to_owned(), [].into())].into(),
            glibc: Some((2, 34)),
            ..Needed::default()
        };
        Description::new(
            "app",
            "debian-13-x86_64",
            &needed,
            &["ca-certificates".to_owned(), "libc6".to_owned()],
        )
    }

    #[test]
    fn packages_are_sorted_and_each_is_named_once() {
        assert_eq!(sample().packages, ["ca-certificates", "libc6", "zlib1g"]);
    }

    #[test]
    fn an_image_with_an_older_glibc_is_refused() {
        assert_eq!(sample().too_new_for("glibc 2.41"), None);
        assert_eq!(sample().too_new_for("glibc 2.34"), None);
        let said = sample().too_new_for("glibc 2.31").unwrap();
        assert!(said.contains("glibc 2.34") && said.contains("glibc 2.31"), "{said}");
        assert!(sample().too_new_for("musl").is_some());
    }

    #[test]
    fn what_is_written_is_read_and_newer_formats_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(directory.path()).unwrap().join("image.json");
        std::fs::write(&path, sample().to_json().unwrap()).unwrap();
        assert_eq!(Description::read(&path).unwrap(), sample());
        std::fs::write(&path, sample().to_json().unwrap().replace("\"schema\": 1", "\"schema\": 2")).unwrap();
        assert!(format!("{:?}", Description::read(&path)).contains("format 2"));
    }
}
