//! Where things lie, for this user on this machine.

use std::collections::BTreeMap;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use model::layout::Layout;
use model::target::Target;

use crate::args::Common;
use crate::cases::CaseDirectory;
use crate::error::{Error, Result};
use crate::remembered::Remembered;

/// Settles every directory of a case. The place is none for a case in the binary.
pub fn resolve(
    common: &Common,
    case: &str,
    place_of_case: Option<&CaseDirectory>,
    target: &Target,
    environment: &BTreeMap<String, String>,
) -> Result<Layout> {
    let root = target.root;
    let home = || {
        environment.get("HOME").map(Utf8PathBuf::from).ok_or_else(|| {
            Error::usage("HOME is not set, and an ordinary user's files go below it")
                .with_help("set HOME, or give --prefix, --state-dir, --cache-dir, --artifacts and --data-dir")
        })
    };
    let xdg = |variable: &str, below: &str| -> Result<Utf8PathBuf> {
        match environment.get(variable).filter(|value| value.starts_with('/')) {
            Some(directory) => Ok(Utf8PathBuf::from(directory).join("installer")),
            None => Ok(home()?.join(below).join("installer")),
        }
    };
    let place = |given: &Option<Utf8PathBuf>, default: &dyn Fn() -> Result<Utf8PathBuf>| match given {
        Some(path) => absolute(path),
        None => default(),
    };
    let prefix =
        place(&common.prefix, &|| if root { Ok("/usr/local".into()) } else { Ok(home()?.join(".local")) })?;
    let state = place(&common.state_dir, &|| {
        Ok(if root {
            Utf8PathBuf::from("/var/lib/installer")
        } else {
            xdg("XDG_STATE_HOME", ".local/state")?
        }
        .join(case))
    })?;
    let cache = place(&common.cache_dir, &|| {
        Ok(if root { Utf8PathBuf::from("/var/cache/installer") } else { xdg("XDG_CACHE_HOME", ".cache")? }
            .join(case))
    })?;
    let data = place(&common.data_dir, &|| {
        if root { Ok("/opt/installer".into()) } else { xdg("XDG_DATA_HOME", ".local/share") }
    })?;
    let artifacts = artifacts(common, case, place_of_case, target)?;
    let artifacts = match Remembered::read(&state, &key(case, place_of_case)).artifacts() {
        // `deps` ran in another directory, or in a shell with other variables.
        Some(earlier) if common.artifacts.is_none() && !artifacts.is_dir() => earlier.to_owned(),
        _ => artifacts,
    };
    let beside = place_of_case.map(|place| place.directory.join(&place.lock));
    let (lock, given_lock) = match beside {
        Some(lock) if place_of_case.is_some_and(|place| writable(&place.directory)) => (lock, None),
        Some(lock) => (artifacts.join("case.lock"), Some(lock).filter(|lock| lock.is_file())),
        None => (artifacts.join("case.lock"), None),
    };
    let case_dir = place_of_case.map(|place| place.directory.as_path());
    let case_dir = match case_dir {
        Some(directory) => directory.to_owned(),
        None => data.join("cases").join(case),
    };
    Ok(Layout { prefix, state, cache, artifacts, data, case_dir, lock, given_lock })
}

/// Where `deps` leaves what it brings, unless it did so elsewhere before.
pub fn artifacts(
    common: &Common,
    case: &str,
    place_of_case: Option<&CaseDirectory>,
    target: &Target,
) -> Result<Utf8PathBuf> {
    let directory = match &common.artifacts {
        Some(path) => absolute(path)?,
        None if target.root && target.container => Utf8PathBuf::from("/opt/installer/artifacts").join(case),
        None => match place_of_case.filter(|place| place.project) {
            Some(place) => place.directory.join("artifacts").join(case),
            None => absolute(Utf8Path::new("artifacts"))?.join(case),
        },
    };
    // A preset of an older tool has files of its own in that directory, which are not ours to tidy up.
    let preset = place_of_case.is_some_and(|place| place.preset);
    let own =
        || ["requirements.txt", "requirements-base.txt"].iter().any(|name| directory.join(name).exists());
    let brought = preset && (common.artifacts.is_none() || own());
    Ok(if brought { directory.join("brought") } else { directory })
}

/// What tells a case from one of the same name in another project: its file, or the name of one in the binary.
pub fn key(case: &str, place: Option<&CaseDirectory>) -> String {
    let Some(place) = place else { return case.to_owned() };
    place.file.canonicalize_utf8().unwrap_or_else(|_| place.file.clone()).into_string()
}

/// A path from the working directory, in UTF-8.
pub fn absolute(path: &Utf8Path) -> Result<Utf8PathBuf> {
    camino::absolute_utf8(path).map_err(|error| {
        Error::usage(format!("{path} cannot be made an absolute path in UTF-8: {error}"))
            .with_help("use a directory whose path is UTF-8")
    })
}

/// Whether a file could be made there; asked by the kernel's own rules, without making one.
fn writable(directory: &Utf8Path) -> bool {
    let Ok(metadata) = fs::metadata(directory) else { return false };
    metadata.is_dir() && exec::may_write(directory)
}
