//! CUDA toolkits: what a case wants, which of a machine's it takes, and what a toolkit takes itself.

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::case::{Case, CudaOrigin};
use crate::layout::Layout;
use crate::target::{CudaToolkit, Target, Tool};
use crate::version::version_at_least;

/// The name of the catalog's row, of the step and of the lock's entry.
pub const CUDA: &str = "cuda";

/// The release that wheels bring when the case says none.
const DEFAULT_RELEASE: &str = "13.0";

/// The first release whose wheels hold a compiler: those of CUDA 12 hold headers and `ptxas` alone.
pub const FIRST_WHEELS: &str = "13.0";

/// The oldest GPU that they compile for (`nvcc --list-gpu-arch` of 13.0).
pub const OLDEST_OF_WHEELS: &str = "75";

/// Where a distribution's or a base image's toolkit lies by custom (NVIDIA CUDA Installation Guide for Linux).
pub const USUAL_ROOT: &str = "/usr/local/cuda";

/// The newest gcc that a toolkit's headers take, by release: what `include/crt/host_config.h` says in NVIDIA's wheels of
/// 11.8, 12.0, 12.3, 12.4, 12.8 and 13.0. It stands in while the toolkit is not there yet; one that is there says it
/// itself in that header.
const NEWEST_GCC: &[(&str, u32)] = &[("13.0", 15), ("12.8", 14), ("12.4", 13), ("12.0", 12), ("11.8", 11)];

/// What a case wants of CUDA.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedCuda {
    /// Where from.
    pub from: CudaOrigin,
    /// The release, `13.0`, when it must be that one: `version` of `[cuda]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The lowest release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<String>,
    /// Parts beyond compiler and runtime, sorted; only wheels bring them one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<String>,
}

impl WantedCuda {
    /// What a case says.
    pub fn of(case: &Case) -> Self {
        let toolchain = &case.toolchains.cuda;
        let mut libraries = toolchain.libraries.clone();
        libraries.sort();
        libraries.dedup();
        Self {
            from: toolchain.from,
            version: case.cuda.as_ref().and_then(|cuda| cuda.version.clone()),
            minimum: toolchain.minimum.clone(),
            libraries,
        }
    }

    /// Whether a toolkit of this version will do.
    pub fn takes(&self, version: &str) -> bool {
        self.version.as_ref().is_none_or(|wanted| same_release(version, wanted))
            && self.minimum.as_ref().is_none_or(|minimum| version_at_least(version, minimum))
    }

    /// In words: `CUDA 13.0`, `CUDA 12.4 or newer`.
    pub fn described(&self) -> String {
        match (&self.version, &self.minimum) {
            (Some(version), _) => format!("CUDA {version}"),
            (None, Some(minimum)) => format!("CUDA {minimum} or newer"),
            (None, None) => "a CUDA toolkit".to_owned(),
        }
    }

    /// The machine's toolkit that is taken, best first.
    pub fn of_system<'a>(&self, toolkits: &'a [CudaToolkit]) -> Option<&'a CudaToolkit> {
        (self.from != CudaOrigin::Wheels)
            .then(|| toolkits.iter().find(|toolkit| self.takes(&toolkit.version)))
            .flatten()
    }

    /// The release that wheels bring, `13.0`, if they may and can.
    pub fn of_wheels(&self) -> Option<String> {
        if self.from == CudaOrigin::System {
            return None;
        }
        let release = match (&self.version, &self.minimum) {
            (Some(version), _) => version,
            (None, Some(minimum)) if !version_at_least(DEFAULT_RELEASE, minimum) => minimum,
            (None, _) => DEFAULT_RELEASE,
        };
        // `13` means the first of them, and a patch level is the lock's to say.
        let mut parts = release.split('.');
        let release = format!("{}.{}", parts.next().unwrap_or_default(), parts.next().unwrap_or("0"));
        version_at_least(&release, FIRST_WHEELS).then_some(release)
    }

    /// Where the toolkit of wheels stands, at its final path: cases that want the same share one.
    pub fn tree(&self, layout: &Layout) -> Option<Utf8PathBuf> {
        let name = std::iter::once(self.of_wheels()?).chain(self.libraries.iter().cloned());
        Some(layout.data.join(CUDA).join(name.collect::<Vec<_>>().join("+")))
    }

    /// Where a build looks for the toolkit: the machine's, else that of wheels, else where one usually is.
    pub fn root(&self, target: &Target, layout: &Layout) -> Utf8PathBuf {
        self.of_system(&target.cuda)
            .map(|toolkit| Utf8PathBuf::from(&toolkit.root))
            .or_else(|| self.tree(layout))
            .unwrap_or_else(|| Utf8PathBuf::from(USUAL_ROOT))
    }

    /// The newest gcc that this toolkit takes, as far as it is known before one looks.
    pub fn newest_gcc(&self, target: &Target) -> Option<u32> {
        match self.of_system(&target.cuda) {
            Some(toolkit) => toolkit.newest_gcc.or_else(|| newest_gcc(&toolkit.version)),
            None => newest_gcc(&self.of_wheels()?),
        }
    }
}

/// The newest g++ of the machine that is no newer than this; of equals the one that is found first.
pub fn host_compiler(compilers: &[Tool], newest: Option<u32>) -> Option<&Utf8Path> {
    let major = |tool: &Tool| tool.version.as_ref()?.split('.').next()?.parse::<u32>().ok();
    let mut best: Option<(u32, &Tool)> = None;
    for tool in compilers {
        let Some(version) = major(tool) else { continue };
        if newest.is_none_or(|newest| version <= newest) && best.is_none_or(|(known, _)| version > known) {
            best = Some((version, tool));
        }
    }
    best.map(|(_, tool)| Utf8Path::new(&tool.path))
}

/// See [`NEWEST_GCC`].
pub fn newest_gcc(version: &str) -> Option<u32> {
    NEWEST_GCC.iter().find(|(first, _)| version_at_least(version, first)).map(|(_, gcc)| *gcc)
}

/// Whether `wanted`, `13` or `13.0`, names the release that `version` is of.
fn same_release(version: &str, wanted: &str) -> bool {
    let release = |text: &str| -> Vec<String> { text.split('.').take(2).map(str::to_owned).collect() };
    release(version).starts_with(&release(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(from: CudaOrigin, version: Option<&str>, minimum: Option<&str>) -> WantedCuda {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        WantedCuda { from, version: owned(version), minimum: owned(minimum), libraries: Vec::new() }
    }

    fn toolkit(root: &str, version: &str) -> CudaToolkit {
        CudaToolkit { root: root.to_owned(), version: version.to_owned(), newest_gcc: None }
    }

    #[test]
    fn the_machine_has_the_first_word_and_wheels_the_second() {
        let machine = [toolkit("/usr/local/cuda", "12.4"), toolkit("/opt/cuda", "13.1")];
        let root = |wanted: &WantedCuda| wanted.of_system(&machine).map(|toolkit| toolkit.root.as_str());
        assert_eq!(root(&wanted(CudaOrigin::Auto, None, None)), Some("/usr/local/cuda"));
        assert_eq!(root(&wanted(CudaOrigin::Auto, None, Some("13.0"))), Some("/opt/cuda"));
        assert_eq!(root(&wanted(CudaOrigin::Auto, Some("13.0"), None)), None);
        assert_eq!(root(&wanted(CudaOrigin::Auto, Some("13"), None)), Some("/opt/cuda"));
        assert_eq!(root(&wanted(CudaOrigin::Wheels, None, None)), None);
    }

    #[test]
    fn wheels_bring_what_is_wanted_if_they_can() {
        let release = |version, minimum| wanted(CudaOrigin::Auto, version, minimum).of_wheels();
        assert_eq!(release(None, None).as_deref(), Some("13.0"));
        assert_eq!(release(None, Some("12.4")).as_deref(), Some("13.0"));
        assert_eq!(release(None, Some("13.2")).as_deref(), Some("13.2"));
        assert_eq!(release(Some("13.1.2"), None).as_deref(), Some("13.1"));
        assert_eq!(release(Some("11.8"), None), None, "no wheel of 11.8 holds a compiler");
        assert_eq!(wanted(CudaOrigin::System, None, None).of_wheels(), None);
    }

    #[test]
    fn the_host_compiler_is_the_newest_that_is_taken() {
        let tool = |path: &str, version: &str| Tool { path: path.to_owned(), version: Some(version.into()) };
        let installed =
            [tool("/usr/bin/g++", "14"), tool("/usr/bin/g++-11", "11"), tool("/usr/bin/g++-9", "9")];
        let path = |newest| host_compiler(&installed, newest).map(Utf8Path::as_str);
        assert_eq!(path(newest_gcc("13.0")), Some("/usr/bin/g++"));
        assert_eq!(path(newest_gcc("11.8")), Some("/usr/bin/g++-11"));
        assert_eq!(path(Some(8)), None);
        assert_eq!(newest_gcc("10.2"), None, "not known before one looks");
        assert_eq!(path(None), Some("/usr/bin/g++"));
        assert!(
            NEWEST_GCC.windows(2).all(|pair| pair[0].1 > pair[1].1 && version_at_least(pair[0].0, pair[1].0))
        );
    }
}
