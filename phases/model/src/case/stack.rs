//! `[pytorch]`, `[tensorrt]` and the indexes that packages come from.

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Case, Python};

/// Projects that PyTorch's own index offers.
pub const PYTORCH_PROJECTS: [&str; 3] = ["torch", "torchvision", "torchaudio"];

/// The name of the index that `pytorch.index_url` makes.
const PYTORCH_INDEX: &str = "pytorch";

/// The name of the index that `tensorrt.index_url` makes, and of the packages that may be missing.
const TENSORRT: &str = "tensorrt";

/// PyTorch and its companions: Python packages, from their own index if one is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pytorch {
    /// Version of torch, with or without its CUDA tag: `2.1.2`, `2.1.2+cu118`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torch_version: Option<String>,
    /// Version of torchvision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torchvision_version: Option<String>,
    /// Version of torchaudio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torchaudio_version: Option<String>,
    /// The package index from which these three come, and the only one for them. Default: the index of all packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_url: Option<String>,
}

/// TensorRT's Python packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tensorrt {
    /// Version: `10.3.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether it is downloaded and installed.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether the finished system must have it. With `false`, a failure to download or install it is shown and does
    /// not fail the run.
    #[serde(default = "yes")]
    pub required_in_runtime: bool,
    /// Versions that are known to work with this case; with any, `version` must be one of them. Each covers what begins
    /// with it (`8.6.1` covers `8.6.1.post1`), and `x` or `*` stands for any number (`10.x`).
    #[serde(default)]
    pub supported_versions: Vec<String>,
    /// The projects that make it up, each in `version`. TensorRT 10 has wheels of `tensorrt-cu12-bindings` and
    /// `tensorrt-cu12-libs`, while `tensorrt` itself is a source distribution that downloads them.
    #[serde(default = "tensorrt_packages")]
    pub packages: Vec<String>,
    /// The package index from which they come, and the only one for them. Default: the index of all packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_url: Option<String>,
}

impl Default for Tensorrt {
    fn default() -> Self {
        Self {
            version: None,
            enabled: true,
            required_in_runtime: true,
            supported_versions: Vec::new(),
            packages: tensorrt_packages(),
            index_url: None,
        }
    }
}

fn yes() -> bool {
    true
}

fn tensorrt_packages() -> Vec<String> {
    vec![TENSORRT.to_owned()]
}

/// A package index for some packages: they come from it and from nowhere else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PythonIndex {
    /// Its name, for messages.
    pub name: String,
    /// The address of its simple index (PEP 503), without user and password: pip reads those from `~/.netrc`.
    pub url: String,
    /// The projects that come from it.
    pub packages: Vec<String>,
}

/// Python packages that may be missing: a failure to bring or install them is shown and does not fail the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptionalPackages {
    /// A name for steps and messages: `extra`.
    pub name: String,
    /// Requirement files, relative to the case.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub requirements: Vec<Utf8PathBuf>,
    /// Single requirements.
    #[serde(default)]
    pub packages: Vec<String>,
}

/// The name of a project as indexes compare it (PEP 503).
pub fn normalised_project(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        let character = if "-_.".contains(character) { '-' } else { character.to_ascii_lowercase() };
        if character != '-' || !text.ends_with('-') {
            text.push(character);
        }
    }
    text
}

impl Pytorch {
    /// `torch==2.1.2+cu118` and its companions, as far as they are asked for.
    pub fn requirements(&self) -> Vec<String> {
        let versions = [&self.torch_version, &self.torchvision_version, &self.torchaudio_version];
        PYTORCH_PROJECTS
            .iter()
            .zip(versions)
            .filter_map(|(project, version)| Some(format!("{project}=={}", version.as_ref()?)))
            .collect()
    }
}

/// `11.8` of torch's version `2.1.2+cu118`; none without a tag or for a build without CUDA (`+cpu`).
pub fn cuda_tag(torch: &str) -> Option<String> {
    let (_, label) = torch.split_once('+')?;
    let digits = label.strip_prefix("cu").filter(|digits| digits.chars().all(|c| c.is_ascii_digit()))?;
    let (major, minor) = digits.split_at_checked(digits.len().checked_sub(1)?)?;
    (!major.is_empty()).then(|| format!("{major}.{minor}"))
}

impl Tensorrt {
    /// `tensorrt==10.3.0`; nothing when it is switched off.
    pub fn requirements(&self) -> Vec<String> {
        let version = self.version.as_ref().map(|version| format!("=={version}")).unwrap_or_default();
        let packages = self.packages.iter().filter(|_| self.enabled);
        packages.map(|package| format!("{package}{version}")).collect()
    }
}

/// Whether a version is one of those that a pattern covers.
pub(super) fn covers(pattern: &str, version: &str) -> bool {
    let mut parts = version.split('+').next().unwrap_or(version).split('.');
    pattern
        .trim()
        .split('.')
        .all(|wanted| parts.next().is_some_and(|part| matches!(wanted, "x" | "X" | "*") || wanted == part))
}

/// Says what `[pytorch]` and `[tensorrt]` ask for as Python packages and indexes, so that the rest knows only those.
pub(super) fn settle(case: &mut Case) {
    let (mut packages, mut indexes, mut optional) = (Vec::new(), Vec::new(), Vec::new());
    let mut index = |name: &str, url: &Option<String>, projects: Vec<String>| {
        if let Some(url) = url {
            indexes.push(PythonIndex { name: name.to_owned(), url: url.clone(), packages: projects });
        }
    };
    if let Some(pytorch) = &case.pytorch {
        packages.extend(pytorch.requirements());
        let projects = PYTORCH_PROJECTS.map(str::to_owned).to_vec();
        index(PYTORCH_INDEX, &pytorch.index_url, projects);
    }
    if let Some(tensorrt) = case.tensorrt.as_ref().filter(|tensorrt| tensorrt.enabled) {
        if tensorrt.required_in_runtime {
            packages.extend(tensorrt.requirements());
        } else {
            let name = TENSORRT.to_owned();
            let group = OptionalPackages { name, packages: tensorrt.requirements(), ..Default::default() };
            optional.push(group);
        }
        index(TENSORRT, &tensorrt.index_url, tensorrt.packages.clone());
    }
    if packages.is_empty() && optional.is_empty() {
        return;
    }
    let python = case.python.get_or_insert_with(Python::default);
    python.packages.extend(packages);
    python.indexes.extend(indexes);
    python.optional.extend(optional);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pytorch(version: &str) -> Pytorch {
        Pytorch { torch_version: Some(version.to_owned()), ..Pytorch::default() }
    }

    #[test]
    fn a_tag_tells_the_toolkit() {
        assert_eq!(cuda_tag("2.1.2+cu118").as_deref(), Some("11.8"));
        assert_eq!(cuda_tag("2.8.0+cu128").as_deref(), Some("12.8"));
        for version in ["2.1.2", "2.1.2+cpu", "2.1.2+cu", "2.1.2+cu1", "2.1.2+cuda"] {
            assert_eq!(cuda_tag(version), None, "{version}");
        }
    }

    #[test]
    fn sections_become_packages_and_indexes() {
        let mut case = Case {
            pytorch: Some(Pytorch {
                torchvision_version: Some("0.16.2".to_owned()),
                index_url: Some("https://torch.example/whl/cu118".to_owned()),
                ..pytorch("2.1.2+cu118")
            }),
            tensorrt: Some(Tensorrt {
                version: Some("8.6.1".to_owned()),
                required_in_runtime: false,
                ..Tensorrt::default()
            }),
            ..Case::default()
        };
        settle(&mut case);
        let python = case.python.unwrap();
        assert_eq!(python.packages, ["torch==2.1.2+cu118", "torchvision==0.16.2"]);
        assert_eq!(python.indexes.len(), 1);
        assert_eq!(python.indexes[0].packages, PYTORCH_PROJECTS);
        assert_eq!(python.optional[0].packages, ["tensorrt==8.6.1"]);
    }

    #[test]
    fn what_is_switched_off_asks_for_nothing() {
        let off = Tensorrt { enabled: false, version: Some("8.6.1".to_owned()), ..Tensorrt::default() };
        let mut case = Case { tensorrt: Some(off), ..Case::default() };
        settle(&mut case);
        assert_eq!(case.python, None);
    }

    #[test]
    fn projects_compare_as_indexes_do() {
        assert_eq!(normalised_project("Typing__Extensions.x"), "typing-extensions-x");
    }
}
