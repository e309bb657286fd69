//! `[toolchains.cuda]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The CUDA toolkit. It is brought for components that ask for it: a recipe whose options do (`enable-cuda-nvcc`,
/// `WITH_CUDA`), or `system = ["cuda"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CudaToolchain {
    /// Where it comes from.
    #[serde(default)]
    pub from: CudaOrigin,
    /// Lowest release; `version` of `[cuda]` says exactly which. Without either, wheels provide 13.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<String>,
    /// Parts from wheels beyond compiler and runtime, by the names of the extras of PyPI's project `cuda-toolkit`:
    /// `cublas`, `cufft`, `curand`, `npp`, `nvrtc` …
    #[serde(default)]
    pub libraries: Vec<String>,
}

/// Where the CUDA toolkit comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CudaOrigin {
    /// The machine's, if it has one that will do, else from wheels.
    #[default]
    Auto,
    /// The machine's or base image's: `CUDA_HOME`, `nvcc` on PATH, `/usr/local/cuda`. Packages of `system_packages`
    /// may bring it.
    System,
    /// From PyPI's wheels (CUDA 13 and newer), unpacked beside the other toolchains. Needs neither root nor pip.
    Wheels,
}
