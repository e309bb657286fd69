//! Whether one needed thing is there: what `deps/packages` and the preflight of `build` both ask.

use std::borrow::Borrow;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, Finding, Observation, StepError};
use model::catalog::{self, version_at_least};
use model::distribution::naming;
use model::plan::{Command, Need, Probe};
use model::target::Target;

use crate::packages::deb_file::{self, Installed};
use crate::packages::{self, Database, PackageManager};
use crate::toolchains;
use crate::tools::{below, content, resolved};
pub use crate::tools::{find_tool, tool_version};

/// Where is looked.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    /// `/`, or a recorded root in tests.
    pub root: &'a Utf8Path,
    /// The manager in charge, if it can be driven.
    pub manager: Option<&'static dyn PackageManager>,
    /// What it has installed.
    pub database: Option<&'a Database>,
    /// The user's `PATH`, on which Python interpreters are looked for.
    pub path: &'a str,
    /// The `PATH` of a build, on which every other tool has to be.
    pub build_path: &'a str,
    /// Prefixes of needed components, for headers and `.pc` files.
    pub prefixes: &'a [Utf8PathBuf],
    /// For remembered probes.
    pub context: &'a dyn Context,
}

/// What a look asks of the machine, read once for many needs.
pub struct Machine {
    manager: Option<&'static dyn PackageManager>,
    database: Option<Arc<Database>>,
    path: String,
    build_path: String,
}

impl Machine {
    /// Reads the database of this manager, if it can be driven.
    ///
    /// # Errors
    /// When the package database cannot be read.
    pub fn read(root: &Utf8Path, manager: Option<&str>, context: &dyn Context) -> std::io::Result<Self> {
        let manager = manager.and_then(packages::by_name);
        let database = manager.map(|manager| packages::database(manager, root, context)).transpose()?;
        let path = context.network_environment().remove("PATH").unwrap_or_default();
        Ok(Self { manager, database, path, build_path: context.layout().build_path() })
    }

    /// What the manager has installed.
    pub fn database(&self) -> Option<&Database> {
        self.database.as_deref()
    }

    /// Where [`check`] looks.
    pub fn host<'a>(
        &'a self,
        root: &'a Utf8Path,
        prefixes: &'a [Utf8PathBuf],
        context: &'a dyn Context,
    ) -> Host<'a> {
        Host {
            root,
            manager: self.manager,
            database: self.database(),
            path: &self.path,
            build_path: &self.build_path,
            prefixes,
            context,
        }
    }
}

/// What was found of needs, each with the answer of [`check`]: an optional one that is not met is a warning.
pub fn observed(checked: impl IntoIterator<Item = (impl Borrow<Need>, Checked)>) -> Observation {
    let mut seen = Observation::default();
    for (need, result) in checked {
        let need = need.borrow();
        match result {
            Ok(found) => seen.found.extend(found.map(|found| (need.name.clone(), found))),
            Err(finding) if need.optional => {
                seen.warnings.push(format!("{} ({})", finding.what, finding.cure));
            }
            Err(finding) => seen.findings.push(finding),
        }
    }
    seen
}

/// The answer of [`check`].
pub type Checked = Result<Option<String>, Finding>;

/// Looks whether a need is met. What was found names package, version and path, `nasm 2.16.01-1 (/usr/bin/nasm)`, so
/// that an upgrade changes the digest of dependents. `None`: it asks for nothing here (a package of another manager).
///
/// # Errors
/// What is missing, with its cure; also for an optional need.
pub fn check(need: &Need, host: &Host<'_>) -> Checked {
    let Some(probe) = &need.probe else { return packages_alone(need, host) };
    if let Probe::Cuda { wanted, root, host_compiler, architectures } = probe {
        let host_compiler = host_compiler.as_deref();
        let planned = toolchains::cuda::Planned { wanted, root, host_compiler, architectures };
        return planned.look(&need.wanted_by, host.context).map(Some);
    }
    match seen(need, probe, host) {
        Ok(found) => Ok(Some(found)),
        Err(Unmet::Absent) => {
            // The package knows better than a search path where a header lies.
            let packaged = matches!(probe, Probe::Header { .. } | Probe::PkgConfig { .. });
            match packaged.then(|| installed_packages(need, host)).flatten() {
                Some(found) => Ok(Some(found)),
                None => Err(finding(need, host, absence(need, probe))),
            }
        }
        Err(Unmet::Other(what)) => Err(finding(need, host, what)),
    }
}

/// What a `.pc` file says after `Version:` (pc(5)).
fn pkg_config_version(file: &Utf8Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Version:")).map(|version| version.trim().to_owned())
}

enum Unmet {
    Absent,
    Other(String),
}

fn seen(need: &Need, probe: &Probe, host: &Host<'_>) -> Result<String, Unmet> {
    match probe {
        Probe::Tool { names, minimum } => {
            // Environments are made from an interpreter by its path, wherever the user has it; what a build calls by
            // name has to be where a build looks.
            let python = names.iter().any(|name| name.starts_with("python"));
            let path = if python { host.path } else { host.build_path };
            let tool = find_tool(host.root, path, names).ok_or(Unmet::Absent)?;
            if let Some(minimum) = minimum {
                let version = tool_version(&tool, host.context).map_err(unmet)?;
                if !version_at_least(&version, minimum) {
                    return Err(Unmet::Other(format!(
                        "{tool} is {version}, but {minimum} or newer is needed"
                    )));
                }
            }
            match owned(need, &tool, host)? {
                Some(found) => Ok(found),
                None => {
                    let version = tool_version(&tool, host.context).or_else(|error| match error {
                        // Not every tool knows --version; its content tells one build from another as well.
                        StepError::Failed(_) => content(&tool, host.context),
                        cancelled => Err(cancelled),
                    });
                    Ok(format!("{} {} ({tool})", need.name, version.map_err(unmet)?))
                }
            }
        }
        // `check` has asked already.
        Probe::Cuda { .. } => Err(Unmet::Absent),
        Probe::Header { name } => {
            let header = include_directories(host)
                .into_iter()
                .map(|directory| directory.join(name))
                .find(|path| path.is_file())
                .ok_or(Unmet::Absent)?;
            file_found(need, &header, host)
        }
        Probe::PkgConfig { module, minimum } => {
            let file = pkg_config_directories(host)
                .into_iter()
                .map(|directory| directory.join(format!("{module}.pc")))
                .find(|path| path.is_file())
                .ok_or(Unmet::Absent)?;
            if let Some(minimum) = minimum {
                let version = pkg_config_version(&file).unwrap_or_default();
                if !version_at_least(&version, minimum) {
                    return Err(Unmet::Other(format!(
                        "{module} is {version} ({file}), but {minimum} or newer is needed"
                    )));
                }
            }
            file_found(need, &file, host)
        }
        Probe::PackageFile { path } => match deb_file::look(path, host.database, host.context) {
            Ok(Installed::Enough(found)) => Ok(found),
            Ok(Installed::No) => Err(Unmet::Absent),
            Ok(Installed::Older { name, version, wanted }) => {
                Err(Unmet::Other(format!("{name} is {version}, but {path} has {wanted}")))
            }
            Err(error) => Err(unmet(error)),
        },
        Probe::PythonModule { interpreter, module } => {
            let program =
                find_tool(host.root, host.path, std::slice::from_ref(interpreter)).ok_or(Unmet::Absent)?;
            let version = python_module(&program, module, host).map_err(|error| match error {
                StepError::Failed(_) => Unmet::Absent,
                StepError::Cancelled => unmet(error),
            })?;
            let packages = installed_packages(need, host).unwrap_or_default();
            Ok(format!("{module} of Python {version} ({program}) {packages}").trim_end().to_owned())
        }
    }
}

fn unmet(error: StepError) -> Unmet {
    match error {
        StepError::Failed(failure) => Unmet::Other(failure.message),
        StepError::Cancelled => Unmet::Other("the run was cancelled during the check".to_owned()),
    }
}

/// The interpreter's version, if it can import the module. Only success is remembered.
fn python_module(program: &Utf8Path, module: &str, host: &Host<'_>) -> Result<String, StepError> {
    let mut files = vec![program.to_owned(), resolved(program)];
    files.extend(host.manager.map(|manager| manager.database_files(host.root)).unwrap_or_default());
    host.context.cached_probe(&format!("module {module} of {program}"), &files, &mut || {
        let asked = host.context.capture(&Command {
            program: program.to_string(),
            args: vec![
                "-c".into(),
                format!("import {module}, platform; print(platform.python_version())").into(),
            ],
            environment: host.context.network_environment(),
            directory: Utf8PathBuf::from("/"),
        })?;
        if asked.status == 0 {
            return Ok(asked.stdout.trim().to_owned());
        }
        Err(StepError::new(format!("{program} cannot import {module}"), "install it"))
    })
}

fn file_found(need: &Need, file: &Utf8Path, host: &Host<'_>) -> Result<String, Unmet> {
    if let Some(found) = owned(need, file, host)? {
        return Ok(found);
    }
    Ok(format!("{} {} ({file})", need.name, content(file, host.context).map_err(unmet)?))
}

/// Package and version that a file belongs to, with the other packages of the need: `gcc-12 12.2.0-14 (/usr/bin/cc);
/// libc6-dev 2.36-9`.
fn owned(need: &Need, file: &Utf8Path, host: &Host<'_>) -> Result<Option<String>, Unmet> {
    let (Some(manager), Some(database)) = (host.manager, host.database) else { return Ok(None) };
    let target = resolved(file);
    // What a package installs lies below /usr or, before /usr was merged, in the root; what lies in /usr/local or a
    // home is nobody's, and need not be searched for in every list.
    if below_root(host.root, &target)
        .is_none_or(|path| path.starts_with("/usr/local") || path.starts_with("/root"))
    {
        return Ok(None);
    }
    let mut files = vec![target.clone()];
    files.extend(manager.database_files(host.root));
    let package = host
        .context
        .cached_probe(&format!("owner of {target}"), &files, &mut || {
            let ask = |argv: &[String]| {
                packages::ask_in(argv, host.context).map_err(|_| std::io::Error::other("no package owns it"))
            };
            Ok(manager.owner(host.root, &target, &need.packages, &ask).unwrap_or_default())
        })
        .map_err(unmet)?;
    let Some((package, version)) = database.find(&package) else { return Ok(None) };
    let mut found = format!("{package} {version} ({file})");
    for other in &need.packages {
        if let Some((name, version)) = database.find(other).filter(|(name, _)| *name != package) {
            found.push_str(&format!("; {name} {version}"));
        }
    }
    Ok(Some(found))
}

/// All packages of the need with their versions, if all are installed.
fn installed_packages(need: &Need, host: &Host<'_>) -> Option<String> {
    let database = host.database?;
    if need.packages.is_empty() {
        return None;
    }
    let all: Option<Vec<String>> = need
        .packages
        .iter()
        .map(|package| database.find(package).map(|(name, version)| format!("{name} {version}")))
        .collect();
    Some(all?.join("; "))
}

fn packages_alone(need: &Need, host: &Host<'_>) -> Result<Option<String>, Finding> {
    if need.packages.is_empty() {
        return Ok(None);
    }
    match installed_packages(need, host) {
        Some(found) => Ok(Some(found)),
        None => {
            let absent: Vec<&str> = need
                .packages
                .iter()
                .filter(|package| host.database.is_none_or(|database| database.find(package).is_none()))
                .map(String::as_str)
                .collect();
            Err(finding(need, host, format!("package {} is not installed", absent.join(", "))))
        }
    }
}

fn absence(need: &Need, probe: &Probe) -> String {
    match probe {
        Probe::Tool { names, .. } if names.contains(&need.name) || names.len() == 1 => {
            format!("{} is not installed", names.first().unwrap_or(&need.name))
        }
        Probe::Tool { names, .. } => format!("{} is not installed (none of {})", need.name, names.join(", ")),
        Probe::Cuda { wanted, root, .. } => format!("{} is not at {root}", wanted.described()),
        Probe::Header { name } => format!("the header {name} ({}) is not installed", need.name),
        Probe::PkgConfig { module, .. } => {
            format!("the pkg-config module {module} ({}) is not installed", need.name)
        }
        Probe::PackageFile { path } => format!("the package in {path} is not installed"),
        Probe::PythonModule { interpreter, module } => {
            format!("{interpreter} has no module {module} ({})", need.name)
        }
    }
}

fn finding(need: &Need, host: &Host<'_>, what: String) -> Finding {
    let asked = if need.wanted_by.is_empty() {
        String::new()
    } else {
        format!(", needed by {}", need.wanted_by.join(", "))
    };
    let toolchain = model::catalog::entries().get(&need.name).is_some_and(|row| row.toolchain.is_some());
    let cure = match host.manager {
        _ if toolchain => format!("run `installer deps`, which installs {} or says how to", need.name),
        _ if need.packages.is_empty() => nameless(need, host.context.target()),
        Some(manager) => format!("run `installer deps`, or: {}", manager.cure(&need.packages)),
        None => format!("install {}", need.packages.join(" ")),
    };
    Finding { what: format!("{what}{asked}"), cure }
}

/// What to do about a need that no package is known for.
fn nameless(need: &Need, target: &Target) -> String {
    let name = &need.name;
    match target.package_manager.as_deref() {
        Some(manager) if catalog::entries().contains_key(name) => {
            let key = format!("package_names.{}.{name}", naming(manager));
            format!(
                "name the package of {manager} that has it with {key} = [\"…\"] in the case, or declare it \
                 installed in another way with {key} = []; or install {name} by hand: installer knows no \
                 package of {manager} that has it"
            )
        }
        manager => format!(
            "install {name} by hand: installer knows no package of {} that has it",
            manager.unwrap_or("this distribution")
        ),
    }
}

/// What a distribution's compilers search, after the prefixes.
fn include_directories(host: &Host<'_>) -> Vec<Utf8PathBuf> {
    let mut found: Vec<Utf8PathBuf> = host.prefixes.iter().map(|prefix| prefix.join("include")).collect();
    let triplet = host.context.target().multiarch();
    let usr = below(host.root, Utf8Path::new("/usr"));
    found.extend([usr.join("local/include"), usr.join("include").join(triplet), usr.join("include")]);
    // Headers that come with the compiler itself, such as omp.h.
    for directory in [
        usr.join("lib/gcc").join(triplet),
        usr.join("lib/gcc").join(format!("{}-redhat-linux", host.context.target().arch)),
        // openEuler; SUSE, which keeps them below lib64; Alpine.
        usr.join("lib/gcc").join(format!("{}-linux-gnu", host.context.target().arch)),
        usr.join("lib64/gcc").join(format!("{}-suse-linux", host.context.target().arch)),
        usr.join("lib/gcc").join(format!("{}-alpine-linux-musl", host.context.target().arch)),
    ] {
        if let Ok(versions) = directory.read_dir_utf8() {
            let mut versions: Vec<Utf8PathBuf> =
                versions.flatten().map(|entry| entry.path().join("include")).collect();
            versions.sort();
            found.extend(versions);
        }
    }
    found
}

fn pkg_config_directories(host: &Host<'_>) -> Vec<Utf8PathBuf> {
    let triplet = host.context.target().multiarch();
    let usr = below(host.root, Utf8Path::new("/usr"));
    let mut prefixes: Vec<Utf8PathBuf> = host.prefixes.to_vec();
    prefixes.extend([usr.join("local"), usr]);
    prefixes
        .iter()
        .flat_map(|prefix| {
            [format!("lib/{triplet}"), "lib64".to_owned(), "lib".to_owned(), "share".to_owned()]
                .map(|part| prefix.join(part).join("pkgconfig"))
        })
        .collect()
}

fn below_root(root: &Utf8Path, path: &Utf8Path) -> Option<Utf8PathBuf> {
    path.strip_prefix(root).ok().map(|path| Utf8Path::new("/").join(path))
}

#[cfg(test)]
#[path = "needs_tests.rs"]
mod tests;
