//! `[cuda]`: which toolkit, and for which GPUs. What people write for a GPU (`86`, `8.6`, `sm_86`) means one thing here.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// CUDA: the toolkit and the GPUs that are compiled for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cuda {
    /// Version of the toolkit, `11.8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Compute capability of the GPU, or a list of them: `86`, `"8.6"` and `"sm_86"` mean the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<CudaArch>,
}

/// One compute capability, or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CudaArch {
    /// Without the dot: `86`.
    Number(i64),
    /// In any spelling; several may stand in one text, with `;`, `,` or blanks between them.
    Text(String),
    /// Several.
    List(Vec<CudaArchName>),
}

/// One compute capability in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CudaArchName {
    /// Without the dot: `86`.
    Number(i64),
    /// In any spelling.
    Text(String),
}

impl Cuda {
    /// The compute capabilities, in the order of the case, each once.
    ///
    /// # Errors
    /// When one cannot be read; a case that was loaded has none such.
    pub fn capabilities(&self) -> Result<Vec<ComputeCapability>, NotACapability> {
        let texts: Vec<String> = match &self.arch {
            None => Vec::new(),
            Some(CudaArch::Number(number)) => vec![number.to_string()],
            Some(CudaArch::Text(text)) => {
                // An empty text is a mistake and not an empty list.
                let words = text.split([';', ',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned);
                let words: Vec<String> = words.collect();
                if words.is_empty() { vec![text.clone()] } else { words }
            }
            Some(CudaArch::List(list)) => list
                .iter()
                .map(|name| match name {
                    CudaArchName::Number(number) => number.to_string(),
                    CudaArchName::Text(text) => text.clone(),
                })
                .collect(),
        };
        let mut found = Vec::new();
        for text in texts {
            let capability = ComputeCapability::parse(&text)?;
            if !found.contains(&capability) {
                found.push(capability);
            }
        }
        Ok(found)
    }
}

/// What a GPU can do, as NVIDIA numbers it (CUDA C++ Programming Guide, "Compute Capabilities").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ComputeCapability {
    /// `8` of 8.6.
    pub major: u32,
    /// `6` of 8.6.
    pub minor: u32,
    /// The variant that runs on this GPU alone or on its family: `a` of `sm_90a`, `f` of `sm_100f`.
    pub variant: Option<char>,
}

/// A text that names no compute capability.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a compute capability")]
pub struct NotACapability(pub String);

impl ComputeCapability {
    /// Reads any of the usual spellings: `86`, `8.6`, `sm_86`, `compute_86`, `90a`.
    ///
    /// # Errors
    /// When the text is none of them. A single digit could be a major version or a typing error, and is refused.
    pub fn parse(text: &str) -> Result<Self, NotACapability> {
        let wrong = || NotACapability(text.to_owned());
        let word = text.trim();
        let word = ["sm_", "compute_"].iter().find_map(|prefix| word.strip_prefix(prefix)).unwrap_or(word);
        let variant = word.chars().last().filter(|last| ['a', 'f'].contains(last));
        let digits = variant.and_then(|last| word.strip_suffix(last)).unwrap_or(word);
        let (major, minor) = match digits.split_once('.') {
            Some(halves) => halves,
            None => digits.split_at_checked(digits.len().saturating_sub(1)).ok_or_else(wrong)?,
        };
        let plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
        if !plain(major) || !plain(minor) || minor.len() != 1 {
            return Err(wrong());
        }
        let number = |part: &str| part.parse::<u32>().map_err(|_| wrong());
        let capability = Self { major: number(major)?, minor: number(minor)?, variant };
        // No toolkit that anybody still has compiles for less, and `10` would be read as 1.0.
        if capability.major < 3 { Err(wrong()) } else { Ok(capability) }
    }

    /// `86`, as `CMAKE_CUDA_ARCHITECTURES` has it.
    pub fn number(&self) -> String {
        format!("{}{}{}", self.major, self.minor, self.variant.map(String::from).unwrap_or_default())
    }

    /// `sm_86`, as nvcc has it.
    pub fn sm(&self) -> String {
        format!("sm_{}", self.number())
    }
}

/// `8.6`, as `TORCH_CUDA_ARCH_LIST` and OpenCV's `CUDA_ARCH_BIN` have it.
impl fmt::Display for ComputeCapability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)?;
        self.variant.map_or(Ok(()), |variant| write!(formatter, "{variant}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_means_the_same() {
        for text in ["86", "8.6", "sm_86", "compute_86", " 8.6 "] {
            let capability = ComputeCapability::parse(text).unwrap();
            assert_eq!(
                (capability.to_string(), capability.number(), capability.sm()),
                ("8.6".to_owned(), "86".to_owned(), "sm_86".to_owned()),
                "{text}"
            );
        }
        assert_eq!(ComputeCapability::parse("120").unwrap().to_string(), "12.0");
        assert_eq!(ComputeCapability::parse("12.0").unwrap().number(), "120");
        assert_eq!(ComputeCapability::parse("sm_90a").unwrap().to_string(), "9.0a");
        assert_eq!(ComputeCapability::parse("100f").unwrap().sm(), "sm_100f");
    }

    #[test]
    fn what_could_mean_anything_is_refused() {
        for text in
            ["", "8", "10", "1.0", "8.65", "ampere", "sm86", "8.6+PTX", "-86", "8.", ".6", "86aa", "ä"]
        {
            assert!(ComputeCapability::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn one_or_several_in_the_order_of_the_case() {
        let read = |json: &str| {
            let cuda: Cuda = serde_json::from_str(json).unwrap();
            cuda.capabilities().map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(read("{}").unwrap(), "");
        assert_eq!(read(r#"{"arch": 86}"#).unwrap(), "8.6");
        assert_eq!(read(r#"{"arch": "8.6;8.9, sm_86"}"#).unwrap(), "8.6 8.9");
        assert_eq!(read(r#"{"arch": [90, "8.6"]}"#).unwrap(), "9.0 8.6");
        assert_eq!(read(r#"{"arch": ""}"#).unwrap_err(), NotACapability(String::new()));
        assert_eq!(read(r#"{"arch": [86, "gpu"]}"#).unwrap_err(), NotACapability("gpu".to_owned()));
    }
}
