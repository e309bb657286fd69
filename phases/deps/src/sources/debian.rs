//! Kind `debian`: the distribution's source package with its patches, as `dpkg-source -x` would leave it, without
//! dpkg-dev.

pub(crate) mod apt;
mod dsc;
mod patches;

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, StepError};

use self::apt::PrivateApt;
use self::dsc::{Dsc, Format};
use super::{Fetched, RecordedFile, Request, SourceRecord};
use crate::archive::{single_directory, unpack as unpack_archive};
use crate::http::download::hash_if_there;

/// Downloads the source package: the version of the lock, else that of the case, else the newest of the distribution.
pub fn fetch(package: &str, version: Option<&str>, request: &Request<'_>) -> Result<Fetched, StepError> {
    let context = request.context;
    let version = request.locked.map(|locked| locked.version.as_str()).or(version);
    let valid = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.~:".contains(c));
    if !valid(package) || package.starts_with('-') || !version.is_none_or(valid) {
        return Err(StepError::new(
            format!("`{package}` is not the name of a source package, or its version is not one"),
            "correct the case",
        ));
    }
    let apt = PrivateApt::set_up(context)?;
    let directory = request.into.join("apt-download");
    std::fs::create_dir_all(&directory)
        .map_err(|error| StepError::io("create directory", &directory, &error))?;
    let names = apt.download(package, version, &directory, context)?;
    let Some(name) = names.iter().find(|name| name.ends_with(".dsc")) else {
        return Err(StepError::new(
            format!("apt downloaded no .dsc for source package {package}"),
            "check the package's name with `apt-cache showsrc`",
        ));
    };
    let dsc = Dsc::read(&directory.join(name))?;
    let mut fetched = Fetched {
        upstream: Some(upstream_version(&dsc.version).to_owned()),
        version: dsc.version.clone(),
        main: name.clone(),
        ..Fetched::default()
    };
    for wanted in dsc.files.keys().chain([name]) {
        let path = directory.join(wanted);
        let (sha256, size) = hash_if_there(&path)?.ok_or_else(|| {
            StepError::new(
                format!("apt did not download {wanted}"),
                format!("remove {directory}, so that apt downloads all of it"),
            )
        })?;
        if let Some(expected) = dsc.files.get(wanted).filter(|expected| **expected != sha256) {
            std::fs::remove_file(&path).map_err(|error| StepError::io("remove", &path, &error))?;
            return Err(StepError::new(
                format!("{wanted} has SHA-256 {sha256}, but {name} says {expected}; it was not kept"),
                "the mirror has another file than its index says: choose another one in /etc/apt, or with [apt.mirrors] in site.toml",
            ));
        }
        fetched.files.insert(wanted.clone(), RecordedFile { sha256, size });
    }
    for name in fetched.files.keys() {
        let to = request.into.join(name);
        files::rename(&directory.join(name), &to)?;
    }
    Ok(fetched)
}

/// Unpacks the source package below `fresh` and returns the tree.
pub fn unpack(
    from: &Utf8Path,
    record: &SourceRecord,
    fresh: &Utf8Path,
    context: &dyn Context,
) -> Result<Utf8PathBuf, StepError> {
    let dsc = Dsc::read(&from.join(&record.main))?;
    let mut files = 0;
    let mut put = |name: &str, into: &Utf8Path| -> Result<u64, StepError> {
        let unpacked = unpack_archive(&from.join(name), into, context)?;
        files += unpacked.files;
        Ok(unpacked.newest)
    };
    let top = fresh.join("top");
    let main = dsc.main()?;
    let mut newest = put(main, &top)?;
    let tree = single_directory(&top)?;
    for (component, name) in dsc.components() {
        let scratch = fresh.join("component");
        newest = newest.max(put(name, &scratch)?);
        let place = tree.join(component);
        files::remove_tree(&place)?;
        let inner = single_directory(&scratch)?;
        files::rename(&inner, &place)?;
        files::remove_tree(&scratch)?;
    }
    match dsc.format {
        Format::Quilt => {
            files::remove_tree(&tree.join("debian"))?;
            newest = newest.max(put(dsc.packaging()?, &tree)?);
            patches::apply_series(&tree, newest, context)?;
        }
        Format::One => {
            if let Some(diff) = dsc.diff() {
                patches::apply_compressed(&tree, &from.join(diff), newest, context)?;
            }
        }
        Format::Native => {}
    }
    let rules = tree.join("debian/rules");
    if rules.is_file() && !rules.is_symlink() {
        // A diff cannot say that it is a program.
        std::fs::set_permissions(&rules, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .map_err(|error| StepError::io("set the mode of", &rules, &error))?;
    }
    context.figure("files", files);
    Ok(tree)
}

/// `7:5.1.6-0+deb12u1` → `5.1.6` (deb-version(7): epoch before the first colon, revision after the last dash).
pub fn upstream_version(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, version)| version);
    version.rsplit_once('-').map_or(version, |(upstream, _)| upstream)
}

#[cfg(test)]
mod tests;
