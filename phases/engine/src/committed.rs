//! What a case knows of what it installed last: in its state, beside the manifests in the prefixes.

use camino::Utf8Path;
use model::layout::Layout;
use model::manifest::Manifest;
use model::{ComponentName, Digest};

use crate::manifest::Reading;
use crate::runner::StepError;
use crate::{files, manifest};

/// Before anything is installed: whatever was verified before is no longer what is there.
///
/// # Errors
/// When the state cannot be written.
pub fn begin(layout: &Layout, component: &ComponentName) -> Result<(), StepError> {
    files::remove_tree(&layout.verified(component))
}

/// Writes the manifest of what was installed, and remembers that it is this case's.
///
/// # Errors
/// When one of them cannot be written.
pub fn finish(layout: &Layout, manifest: &Manifest) -> Result<(), StepError> {
    manifest::write(manifest)?;
    let bytes = files::read(&manifest::path(&manifest.prefix, &manifest.component))?;
    let digest = Digest::of(&bytes);
    files::atomic_write(&layout.manifest_copy(&manifest.component), &bytes)?;
    remember_prefix(layout, &manifest.prefix)?;
    files::atomic_write(&layout.committed(&manifest.component), format!("{digest}\n").as_bytes())
}

/// Where else a case has installed is known after its components have moved.
fn remember_prefix(layout: &Layout, prefix: &Utf8Path) -> Result<(), StepError> {
    let known = files::record(&layout.prefixes())?.unwrap_or_default();
    if known.lines().any(|line| line == prefix) {
        return Ok(());
    }
    let lines: Vec<&str> =
        known.lines().filter(|line| line.starts_with('/')).chain([prefix.as_str()]).collect();
    files::atomic_write(&layout.prefixes(), format!("{}\n", lines.join("\n")).as_bytes())
}

/// What stands for the digest of a version that did not pass its checks.
const FAILED: &str = "failed its checks";

/// Writes the manifest of an earlier version again, because the one after it did not pass its checks. The next run
/// installs that one again, unless it has become another.
///
/// # Errors
/// When one of the records cannot be written.
pub fn put_back(layout: &Layout, manifest: &Manifest) -> Result<(), StepError> {
    files::atomic_write(&layout.committed(&manifest.component), format!("{FAILED}\n").as_bytes())?;
    manifest::write(manifest)?;
    let bytes = files::read(&manifest::path(&manifest.prefix, &manifest.component))?;
    files::atomic_write(&layout.manifest_copy(&manifest.component), &bytes)
}

/// Whether what is installed is what this case installed last.
///
/// # Errors
/// When the records cannot be read.
pub fn is_last(layout: &Layout, installed: &Manifest) -> Result<bool, StepError> {
    let committed = files::record(&layout.committed(&installed.component))?;
    let digest = digest(&manifest::path(&installed.prefix, &installed.component))?;
    Ok(committed.is_some_and(|committed| committed.trim() == digest))
}

/// Whose an installed component is, in words, where it is not this case's: another case may have its name.
///
/// # Errors
/// When the records cannot be read.
pub fn other_owner(layout: &Layout, case: &str, installed: &Manifest) -> Result<Option<String>, StepError> {
    if installed.case != case {
        return Ok(Some(format!("the case {}", installed.case)));
    }
    let same = installed.state.as_ref().is_none_or(|state| *state == layout.owner());
    // A state directory may have been moved.
    if same
        || (manifest::path(&installed.prefix, &installed.component).exists() && is_last(layout, installed)?)
    {
        return Ok(None);
    }
    Ok(Some(format!("another case {case}, whose state directory is not {}", layout.state)))
}

/// Why what this case installed has to be installed again, if it has to: a quick look, which hashes nothing but the
/// manifest.
///
/// # Errors
/// When a manifest cannot be read.
pub fn broken(
    layout: &Layout,
    prefix: &Utf8Path,
    component: &ComponentName,
    case: &str,
) -> Result<Option<String>, StepError> {
    let path = manifest::path(prefix, component);
    let installed = match manifest::read(&path)? {
        Reading::Whole(installed) => installed,
        Reading::Absent => return Ok(Some(format!("{path} is gone"))),
        Reading::Damaged(_) => return Ok(Some(format!("{path} is damaged"))),
    };
    if let Some(other) = other_owner(layout, case, &installed)? {
        return Ok(Some(format!("the installed one is of {other}")));
    }
    let digest = digest(&path)?;
    Ok(match files::record(&layout.committed(component))? {
        None => Some("its files have changed".to_owned()),
        Some(committed) if committed.trim() == FAILED => {
            Some("the last one did not pass its checks, and the one before it is installed".to_owned())
        }
        Some(committed) if committed.trim() != digest => Some("another one was installed over it".to_owned()),
        Some(_) => manifest::present(&installed).map(|problem| problem.to_string()),
    })
}

fn digest(path: &Utf8Path) -> Result<String, StepError> {
    files::sha256_file(path)
        .map(|(digest, _)| digest.to_string())
        .map_err(|error| StepError::io("read", path, &error))
}
