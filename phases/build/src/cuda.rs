//! What components that are built with the CUDA toolkit get: where it is, and the compiler of the host's part.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use engine::planning::Known;
use model::case::{Component, ComputeCapability};
use model::cuda::{CUDA, WantedCuda, host_compiler};
use model::plan::{Need, Probe};

/// Variables that name the compiler of the host's part, as CMake (`CUDAHOSTCXX`) and nvcc (`NVCC_CCBIN`) read them.
const HOST_COMPILER: [&str; 2] = ["CUDAHOSTCXX", "NVCC_CCBIN"];

/// The toolkit that a component is built with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolkit {
    /// Its root.
    pub root: Utf8PathBuf,
    /// Whether wheels bring it: then its libraries lie where no dynamic linker looks by itself.
    pub of_wheels: bool,
    /// The g++ for the host's part.
    pub host_compiler: Option<Utf8PathBuf>,
    /// The GPUs that are compiled for; none: what nvcc does by itself.
    pub architectures: Vec<ComputeCapability>,
    wanted: WantedCuda,
}

/// The toolkit for a component that asks for it.
pub fn toolkit(known: &Known<'_>, component: &Component) -> Toolkit {
    let wanted = WantedCuda::of(known.case);
    let root = wanted.root(known.target, known.layout);
    let named = |name: &str| component.environment.get(name).or_else(|| known.case.environment.get(name));
    let host_compiler =
        HOST_COMPILER.iter().find_map(|name| named(name)).map(Utf8PathBuf::from).or_else(|| {
            let newest = wanted.newest_gcc(known.target);
            host_compiler(&known.target.cxx_compilers, newest).map(ToOwned::to_owned)
        });
    let of_wheels = Some(&root) == wanted.tree(known.layout).as_ref();
    // A case that was loaded has none that cannot be read.
    let architectures =
        known.case.cuda.as_ref().and_then(|cuda| cuda.capabilities().ok()).unwrap_or_default();
    Toolkit { root, of_wheels, host_compiler, architectures, wanted }
}

impl Toolkit {
    /// What preflight looks for.
    pub fn need(&self, wanted_by: &str) -> Need {
        Need {
            name: CUDA.to_owned(),
            probe: Some(Probe::Cuda {
                wanted: self.wanted.clone(),
                root: self.root.clone(),
                host_compiler: self.host_compiler.clone(),
                architectures: self.architectures.iter().map(ComputeCapability::number).collect(),
            }),
            packages: Vec::new(),
            wanted_by: vec![wanted_by.to_owned()],
            optional: false,
        }
    }

    /// Adds what makefiles, CMake and nvcc itself read; what case and component say stands.
    pub fn extend(&self, environment: &mut BTreeMap<String, String>) {
        let root = self.root.to_string();
        let mut set = |name: &str, value: String| {
            environment.entry(name.to_owned()).or_insert(value);
        };
        set("CUDACXX", format!("{root}/bin/nvcc"));
        for name in ["CUDA_HOME", "CUDA_PATH", "CUDAToolkit_ROOT"] {
            set(name, root.clone());
        }
        if let Some(compiler) = &self.host_compiler {
            HOST_COMPILER.iter().for_each(|name| set(name, compiler.to_string()));
        }
        if !self.architectures.is_empty() {
            set("CUDAARCHS", self.numbers());
        }
        if let Some(path) = environment.get_mut("PATH") {
            *path = format!("{root}/bin:{path}");
        }
    }

    /// `86;90`, as CMake has them.
    fn numbers(&self) -> String {
        self.architectures.iter().map(ComputeCapability::number).collect::<Vec<_>>().join(";")
    }

    /// The variables of CMake.
    pub fn cmake_variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("CMAKE_CUDA_COMPILER", format!("{}/bin/nvcc", self.root)),
            ("CUDAToolkit_ROOT", self.root.to_string()),
        ];
        variables.extend(
            self.host_compiler.iter().map(|compiler| ("CMAKE_CUDA_HOST_COMPILER", compiler.to_string())),
        );
        if !self.architectures.is_empty() {
            variables.push(("CMAKE_CUDA_ARCHITECTURES", self.numbers()));
        }
        variables
    }
}
