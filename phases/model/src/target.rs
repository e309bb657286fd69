//! Facts about the machine (or, recorded, about a base image) that a plan depends on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::python::InterpreterFacts;

/// What planning knows of the machine. Probed on this host or recorded from a base image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The distribution, from `/etc/os-release`.
    pub os: Os,
    /// `x86_64`, `aarch64` … as `uname -m` says.
    pub arch: String,
    /// `glibc 2.36`, `musl`.
    pub libc: String,
    /// Whether steps run as root.
    pub root: bool,
    /// Whether this is the inside of a container or an image build.
    pub container: bool,
    /// Whether it is one of an image build, as far as that can be told: BuildKit's.
    #[serde(default)]
    pub image_build: bool,
    /// The package manager in charge: `apt`, `dnf` …; none when the distribution is unknown.
    pub package_manager: Option<String>,
    /// Tools on PATH by name, with their version where planning needs it.
    #[serde(default)]
    pub tools: BTreeMap<String, Tool>,
    /// g++ by its version (`g++-12` as well), in the order of PATH.
    #[serde(default)]
    pub cxx_compilers: Vec<Tool>,
    /// CUDA toolkits, best first.
    #[serde(default)]
    pub cuda: Vec<CudaToolkit>,
    /// The case's Python interpreter, if the case has one and it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<InterpreterFacts>,
    /// Variables that `installer` was started with and that name a vendor's SDK and its parts
    /// ([`crate::accelerators::passed_on`]).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sdk_variables: BTreeMap<String, String>,
}

/// `/etc/os-release`, as far as planning cares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Os {
    /// `ID`: `debian`.
    pub id: String,
    /// The words of `ID_LIKE`.
    #[serde(default)]
    pub id_like: Vec<String>,
    /// `VERSION_ID`: `12`; empty on rolling distributions.
    #[serde(default)]
    pub version: String,
    /// `VERSION_CODENAME`: `bookworm`.
    #[serde(default)]
    pub codename: String,
    /// `PRETTY_NAME`.
    #[serde(default)]
    pub pretty_name: String,
}

/// A tool found on PATH.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Where it is, links not resolved.
    pub path: String,
    /// Its version, `1.85.0`, where planning asked for it.
    #[serde(default)]
    pub version: Option<String>,
}

/// A CUDA toolkit of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CudaToolkit {
    /// Its root, links not resolved: `/usr/local/cuda`.
    pub root: String,
    /// Its release: `13.0`.
    pub version: String,
    /// The newest gcc that its headers take, where they say it.
    #[serde(default)]
    pub newest_gcc: Option<u32>,
}

/// What shapes the schedule and never the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Job tokens: `-j`, else the CPUs that this process may use.
    pub jobs: u32,
    /// Memory that steps may claim together, in MiB.
    pub memory_mib: u64,
}

impl Target {
    /// Debian's multiarch tuple of the architecture (<https://wiki.debian.org/Multiarch/Tuples>), which is the name of
    /// library directories.
    pub fn multiarch(&self) -> &'static str {
        match self.arch.as_str() {
            "aarch64" => "aarch64-linux-gnu",
            "armv7l" => "arm-linux-gnueabihf",
            "i386" | "i686" => "i386-linux-gnu",
            "loongarch64" => "loongarch64-linux-gnu",
            "ppc64le" => "powerpc64le-linux-gnu",
            "riscv64" => "riscv64-linux-gnu",
            "s390x" => "s390x-linux-gnu",
            _ => "x86_64-linux-gnu",
        }
    }

    /// The key under which a lock keeps what was resolved for this kind of machine: `debian-12-x86_64`.
    pub fn lock_key(&self) -> String {
        let version = if self.os.version.is_empty() { "rolling" } else { &self.os.version };
        format!("{}-{}-{}", self.os.id, version, self.arch)
    }
}
