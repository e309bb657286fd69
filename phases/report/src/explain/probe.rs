//! How it is seen that something is there.

use model::plan::Probe;

pub(super) fn probe(probe: &Probe) -> String {
    match probe {
        Probe::Tool { names, minimum: Some(minimum) } => {
            format!("program {}, {minimum} or newer", names.join(" or "))
        }
        Probe::Tool { names, minimum: None } => format!("program {}", names.join(" or ")),
        Probe::Cuda { wanted, root, .. } => format!("{} at {root}", wanted.described()),
        Probe::Header { name } => format!("header {name}"),
        Probe::PkgConfig { module, minimum: Some(minimum) } => {
            format!("pkg-config module {module}, {minimum} or newer")
        }
        Probe::PkgConfig { module, minimum: None } => format!("pkg-config module {module}"),
        Probe::PackageFile { path } => format!("the package in {path}, or a newer one"),
        Probe::PythonModule { interpreter, module } => format!("module {module} of {interpreter}"),
    }
}
