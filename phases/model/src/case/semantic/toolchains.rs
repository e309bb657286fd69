//! What the values of `toolchains` must mean.

use super::Checker;
use crate::case::CudaOrigin;
use crate::cuda::{FIRST_WHEELS, WantedCuda};

impl Checker<'_> {
    pub(super) fn versions(&mut self) {
        let toolchains = &self.case.toolchains;
        for (tool, minimum) in [
            ("rust", &toolchains.rust.minimum),
            ("cmake", &toolchains.cmake.minimum),
            ("cuda", &toolchains.cuda.minimum),
            ("xmake", &toolchains.xmake.minimum),
        ] {
            let Some(minimum) = minimum else { continue };
            if !is_dotted(minimum) {
                let help = Some("write numbers with dots: \"1.85\"".to_owned());
                let path = ["toolchains", tool, "minimum"];
                self.at_value(&path, format!("`{minimum}` is not a version of {tool}"), help);
            }
        }
    }

    /// What wheels bring: releases that they have, and names that become part of a path.
    pub(super) fn cuda_toolchain(&mut self) {
        let cuda = &self.case.toolchains.cuda;
        let wanted = WantedCuda::of(self.case);
        if cuda.from == CudaOrigin::Wheels && wanted.of_wheels().is_none() {
            let message = format!("PyPI's wheels have no compiler of {}", wanted.described());
            let help = format!(
                "write {FIRST_WHEELS} or newer, or from = \"system\" with a base image or packages that have it"
            );
            self.at_value(&["cuda", "version"], message, Some(help));
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        for (index, library) in cuda.libraries.iter().enumerate() {
            if library.is_empty() || !library.chars().all(plain) {
                let help = "write an extra of PyPI's cuda-toolkit: \"cublas\", \"npp\"";
                let path = ["toolchains", "cuda", "libraries", &index.to_string()];
                self.at_value(&path, format!("`{library}` is not a part of CUDA"), Some(help.to_owned()));
            }
        }
    }
}

/// Whether this is numbers with dots between them.
pub(super) fn is_dotted(version: &str) -> bool {
    version.split('.').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()))
}
