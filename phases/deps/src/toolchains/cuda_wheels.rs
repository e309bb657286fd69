//! The CUDA toolkit of PyPI's wheels: the project `cuda-toolkit` names, for each release, the wheels that belong
//! together; each is unpacked into one tree, and links that a development package would have are added.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, StepError};
use model::Digest;
use model::cuda::{CUDA, WantedCuda};
use model::lock::LockedSource;
use pep440_rs::{Version, VersionSpecifiers};
use serde::{Deserialize, Serialize};

use super::wheel_tags::runs_here;
use crate::archive;
use crate::http::download::hash_if_there;
use crate::http::{Client, Expect};
use crate::python::wheel;
use crate::sources::pypi::{self, Offered, normalised};

/// The project whose releases are those of the toolkit and whose extras are its parts.
const PROJECT: &str = "cuda-toolkit";

/// What compiling and linking needs, by extras of [`PROJECT`].
const PARTS: &[&str] = &["cccl", "crt", "cudart", "nvcc", "nvvm"];

/// Lies in the tree when it is whole.
const RECORD: &str = "installer.json";

/// What a tree was unpacked from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    version: String,
    files: BTreeMap<String, Digest>,
}

/// What the lock says of these wheels.
pub(super) fn locked(wanted: &WantedCuda, context: &dyn Context) -> Option<LockedSource> {
    let digest = digest(wanted);
    context.locked().tools.get(CUDA).filter(|locked| locked.wanted == digest).cloned()
}

/// The version of the tree, if it is whole and what the lock says; without a lock nothing is.
pub(super) fn unpacked(tree: &Utf8Path, locked: Option<&LockedSource>) -> Option<String> {
    let record: Record = files::read_cache(&tree.join(RECORD))?;
    let same = locked.is_some_and(|locked| locked.files == record.files);
    (same && tree.join("bin/nvcc").is_file()).then_some(record.version)
}

/// Brings the wheels into `directory` and unpacks them into `tree`.
pub(super) fn bring(
    wanted: &WantedCuda,
    release: &str,
    tree: &Utf8Path,
    directory: &Utf8Path,
    context: &dyn Context,
) -> Result<(), StepError> {
    let client = Client::new(context.site());
    let entry = match locked(wanted, context) {
        Some(locked) => {
            let mut transferred = 0;
            for (file, sha256) in &locked.files {
                transferred += pinned(file, sha256, directory, &client, context)?;
            }
            context.figure("bytes", transferred);
            locked
        }
        None => {
            let entry = newest(wanted, release, directory, &client, context)?;
            context.update_lock(&mut |lock| {
                lock.tools.insert(CUDA.to_owned(), entry.clone());
            })?;
            entry
        }
    };
    unpack(&entry, directory, tree, context)
}

/// What the lock's entry answers.
fn digest(wanted: &WantedCuda) -> Digest {
    let release = wanted.of_wheels().unwrap_or_default();
    Digest::of(format!("cuda {release} {}", wanted.libraries.join(" ")))
}

/// Brings one wheel that the lock names; how many bytes came.
fn pinned(
    file: &str,
    sha256: &Digest,
    directory: &Utf8Path,
    client: &Client,
    context: &dyn Context,
) -> Result<u64, StepError> {
    let path = directory.join(file);
    if hash_if_there(&path)?.is_some_and(|(found, _)| found == *sha256) {
        return Ok(0);
    }
    let project = wheel::parse_file_name(file).map(|(project, _)| project).unwrap_or_default();
    let missing = format!("{file}, which the lock lists");
    let offered = pypi::find(&project, &missing, client, context, |offered| {
        offered.iter().find(|one| one.name == file).cloned()
    })?;
    let expect = Expect { sha256: Some(sha256.clone()), size: None };
    client.download(&offered.url, &path, &expect, context).map(|brought| brought.transferred)
}

/// The newest wheels of a release, downloaded.
fn newest(
    wanted: &WantedCuda,
    release: &str,
    directory: &Utf8Path,
    client: &Client,
    context: &dyn Context,
) -> Result<LockedSource, StepError> {
    let target = context.target();
    let transferred = Cell::new(0);
    let brings = |project: &str, specifiers: &str| -> Result<(String, Digest), StepError> {
        let missing = format!("wheel of {project} {specifiers} for {} with {}", target.arch, target.libc);
        let chosen = pypi::find(project, &missing, client, context, |offered| {
            choose(offered, specifiers, &target.arch, &target.libc).cloned()
        })
        .map_err(reachable)?;
        let expect = Expect { sha256: chosen.sha256.clone(), size: None };
        let brought = client.download(&chosen.url, &directory.join(&chosen.name), &expect, context)?;
        transferred.set(transferred.get() + brought.transferred);
        context.figure("bytes", transferred.get());
        Ok((chosen.name, brought.sha256))
    };
    let (index, _) = brings(PROJECT, &format!("=={release}.*"))?;
    let version = wheel::parse_file_name(&index).map(|(_, version)| version).unwrap_or_default();
    let metadata = metadata(&directory.join(&index), context)?;
    let mut parts: BTreeMap<String, String> = BTreeMap::new();
    for extra in PARTS.iter().copied().chain(wanted.libraries.iter().map(String::as_str)) {
        let needed = requirements(&metadata, extra, &target.arch);
        if needed.is_empty() {
            return Err(StepError::new(
                format!("CUDA {version} has no part `{extra}` for {}", target.arch),
                format!(
                    "correct `libraries` of [toolchains.cuda]; its parts are: {}",
                    extras(&metadata).join(", ")
                ),
            ));
        }
        parts.extend(needed);
    }
    let mut files = BTreeMap::new();
    for (project, specifiers) in &parts {
        let (file, sha256) = brings(project, specifiers)?;
        files.insert(file, sha256);
    }
    Ok(LockedSource {
        wanted: digest(wanted),
        kind: "pypi".to_owned(),
        version,
        files,
        ..LockedSource::default()
    })
}

fn reachable(error: StepError) -> StepError {
    let StepError::Failed(mut failure) = error else { return error };
    failure.cures.push("or use the machine's own toolkit: [toolchains.cuda] from = \"system\"".to_owned());
    StepError::Failed(failure)
}

/// The newest wheel that runs on this machine and is of a released version that the specifiers take.
fn choose<'a>(offered: &'a [Offered], specifiers: &str, arch: &str, libc: &str) -> Option<&'a Offered> {
    let specifiers: VersionSpecifiers = specifiers.parse().ok()?;
    let mut best: Option<(Version, &Offered)> = None;
    for file in offered.iter().filter(|file| !file.yanked) {
        let version = wheel::parse_file_name(&file.name).and_then(|(_, version)| version.parse().ok());
        let Some(version): Option<Version> = version else { continue };
        let released = !version.any_prerelease() && !version.is_post() && !version.is_local();
        let anywhere = file.name.ends_with("-none-any.whl");
        if !released || !specifiers.contains(&version) || !(anywhere || runs_here(&file.name, arch, libc)) {
            continue;
        }
        if best.as_ref().is_none_or(|(known, _)| version > *known) {
            best = Some((version, file));
        }
    }
    best.map(|(_, file)| file)
}

/// `METADATA` of a wheel.
fn metadata(file: &Utf8Path, context: &dyn Context) -> Result<String, StepError> {
    let found = archive::read_files(file, &|path| path.file_name() == Some("METADATA"), context)?;
    let (_, bytes) = found.into_iter().next().ok_or_else(|| {
        StepError::new(format!("{file} has no METADATA"), format!("remove {file}; it is downloaded again"))
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Projects with their specifiers that an extra stands for on Linux:
/// `Requires-Dist: nvidia-nvvm==13.0.88.*; (sys_platform == 'linux' and …) and extra == 'nvvm'`.
fn requirements(metadata: &str, extra: &str, arch: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for line in metadata.lines().filter_map(|line| line.strip_prefix("Requires-Dist: ")) {
        let Some((requirement, marker)) = line.split_once(';') else { continue };
        let says = |name: &str, value: &str| !marker.contains(name) || marker.contains(&format!("'{value}'"));
        let ours = marker.contains(&format!("extra == '{extra}'"));
        if !ours || !says("sys_platform", "linux") || !says("platform_machine", arch) {
            continue;
        }
        let requirement = requirement.trim();
        let end = requirement.find(['=', '<', '>', '~', '!', ' ', '[']).unwrap_or(requirement.len());
        let (name, specifiers) = requirement.split_at(end);
        found.insert(normalised(name), specifiers.trim().to_owned());
    }
    found
}

fn extras(metadata: &str) -> Vec<&str> {
    metadata.lines().filter_map(|line| line.strip_prefix("Provides-Extra: ")).collect()
}

/// Unpacks the wheels into one tree, which is replaced as a whole.
fn unpack(
    entry: &LockedSource,
    directory: &Utf8Path,
    tree: &Utf8Path,
    context: &dyn Context,
) -> Result<(), StepError> {
    let fresh = Utf8PathBuf::from(format!("{tree}.unpacking"));
    let old = Utf8PathBuf::from(format!("{tree}.old"));
    files::remove_tree(&fresh)?;
    files::remove_tree(&old)?;
    for file in entry.files.keys() {
        archive::unpack(&directory.join(file), &fresh, context)?;
    }
    // All lie in `nvidia/cu13`; beside it are what pip keeps of each, licences among it.
    let toolkit = archive::single_directory(&fresh.join("nvidia"))?;
    complete(&toolkit)?;
    let licences = toolkit.join("licenses");
    for kept in entries(&fresh)?.into_iter().filter(|path| path.extension() == Some("dist-info")) {
        let from = kept.join("licenses");
        if let (true, Some(name)) = (from.is_dir(), kept.file_stem()) {
            files::create_dir_all(&licences)?;
            files::rename(&from, &licences.join(name))?;
        }
    }
    let record = Record { version: entry.version.clone(), files: entry.files.clone() };
    files::write_cache(&toolkit.join(RECORD), &record)?;
    if tree.symlink_metadata().is_ok() {
        files::rename(tree, &old)?;
    }
    files::rename(&toolkit, tree)?;
    files::remove_tree(&fresh)?;
    files::remove_tree(&old)
}

/// What the vendor's own packages have and wheels lack: `lib64`, where the profile of nvcc looks; names without a
/// version, by which a linker asks; programs that everyone may run.
fn complete(toolkit: &Utf8Path) -> Result<(), StepError> {
    let link = |to: &str, at: Utf8PathBuf| match at.symlink_metadata() {
        Ok(_) => Ok(()),
        Err(_) => symlink(to, at.as_std_path()).map_err(|error| StepError::io("link", &at, &error)),
    };
    link("lib", toolkit.join("lib64"))?;
    if toolkit.join("nvvm").is_dir() {
        link("../lib", toolkit.join("nvvm/lib64"))?;
    }
    for library in entries(&toolkit.join("lib"))? {
        if let Some((stem, _)) = library.file_name().and_then(|name| name.split_once(".so.")) {
            let name = library.file_name().unwrap_or_default();
            link(name, toolkit.join("lib").join(format!("{stem}.so")))?;
        }
    }
    for directory in ["bin", "bin/crt", "nvvm/bin"] {
        for program in entries(&toolkit.join(directory))? {
            let failed = |error| StepError::io("set the mode of", &program, &error);
            let mode = std::fs::metadata(&program).map_err(failed)?.permissions().mode();
            if program.is_file() && mode & 0o100 != 0 {
                std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).map_err(failed)?;
            }
        }
    }
    Ok(())
}

/// What lies in a directory, sorted; nothing when it is not there.
fn entries(directory: &Utf8Path) -> Result<Vec<Utf8PathBuf>, StepError> {
    let failed = |error: &std::io::Error| StepError::io("read", directory, error);
    let found = match directory.read_dir_utf8() {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(&error)),
    };
    let mut paths = found
        .map(|entry| entry.map(|entry| entry.path().to_owned()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(&error))?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
#[path = "cuda_tests.rs"]
mod tests;
