//! What must be there, and how it is seen.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::cuda::WantedCuda;

/// One thing that must be there, how to see it, and which packages of the chosen manager bring it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// Name in the catalog (`nasm`, `c-compiler`), or the package's own name for a package that the case lists.
    pub name: String,
    /// How to see that it is there without asking the package manager; none: only the package counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// Packages that bring it here; empty when this distribution has none.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Who asked: components, or `case`.
    #[serde(default)]
    pub wanted_by: Vec<String>,
    /// Its absence is a warning and not an error.
    #[serde(default)]
    pub optional: bool,
}

/// A side-effect-free look at the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "probe", rename_all = "kebab-case")]
pub enum Probe {
    /// One of these programs is on PATH and, where given, new enough.
    Tool {
        /// Names, best first.
        names: Vec<String>,
        /// Lowest version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minimum: Option<String>,
    },
    /// A header is on the compiler's default path (or below one of the needed prefixes).
    Header {
        /// `zlib.h`.
        name: String,
    },
    /// A pkg-config module's `.pc` file is on the search path.
    PkgConfig {
        /// `zlib`.
        module: String,
        /// Lowest version, as the file says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minimum: Option<String>,
    },
    /// A CUDA toolkit is there that will do.
    Cuda {
        /// What is wanted.
        wanted: WantedCuda,
        /// Where a build looks for it.
        root: Utf8PathBuf,
        /// The g++ that compiles the host's part; none: no installed one is known to be taken.
        host_compiler: Option<Utf8PathBuf>,
        /// What is compiled for, `86`: the toolkit has to know it.
        architectures: Vec<String>,
    },
    /// The package in a file is installed, in its version or a newer one.
    PackageFile {
        /// `/srv/debs/libvendor_1.0_amd64.deb`.
        path: Utf8PathBuf,
    },
    /// A Python interpreter can import a module (Debian ships `ensurepip` apart from the interpreter).
    PythonModule {
        /// The interpreter: a name on PATH or a path.
        interpreter: String,
        /// `ensurepip`.
        module: String,
    },
}
