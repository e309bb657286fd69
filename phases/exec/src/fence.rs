//! Keeps a tool from writing where a step must not: read-only bind mounts in a mount namespace of its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use camino::Utf8PathBuf;

use crate::sys::namespaces;
use crate::wire::Fence;

/// Leaves the mount namespace that the steps of a phase share for one in which the fence holds. Says what of it could not
/// be put up; that fails nothing, because other places may be protected all the same.
pub(crate) fn put_up(fence: &Fence) -> io::Result<Vec<String>> {
    namespaces::unshare_mounts()?;
    let mut failures = Vec::new();
    for (place, read_only) in mounts(existing(&fence.read_only), existing(&fence.writable)) {
        if let Err(error) = namespaces::bind_all(&place, read_only) {
            let what = if read_only { "read-only" } else { "writable" };
            failures.push(format!("{} could not be made {what} for the step: {error}", place.display()));
        }
    }
    Ok(failures)
}

/// What is to be mounted, and whether read-only: what is above before what is below it, which a later mount would hide,
/// and nothing that is so already. A place that is both is writable.
fn mounts(read_only: Vec<PathBuf>, writable: Vec<PathBuf>) -> Vec<(PathBuf, bool)> {
    let mut places: Vec<(PathBuf, bool)> = Vec::new();
    places.extend(read_only.into_iter().filter(|place| !writable.contains(place)).map(|place| (place, true)));
    places.extend(writable.iter().map(|place| (place.clone(), false)));
    places.sort();
    places.dedup();
    let mut mounts: Vec<(PathBuf, bool)> = Vec::new();
    for (place, read_only) in places {
        let above = mounts.iter().rev().find(|(above, _)| place.starts_with(above));
        if above.is_some_and(|(_, read_only)| *read_only) != read_only {
            mounts.push((place, read_only));
        }
    }
    mounts
}

/// Those that exist, by the paths that the kernel has for them.
fn existing(places: &[Utf8PathBuf]) -> Vec<PathBuf> {
    let found = places.iter().filter_map(|place| fs::canonicalize(place).ok());
    // All that there is would be too much: nothing could be compiled.
    found.filter(|place| place != Path::new("/")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_place_above_decides() {
        let paths = |texts: &[&str]| texts.iter().map(PathBuf::from).collect::<Vec<_>>();
        let mounts = mounts(
            paths(&["/usr", "/usr/local", "/home/u", "/home/u/cache/build/other", "/home/u/src", "/both"]),
            paths(&["/tmp", "/home/u/cache", "/both"]),
        );
        let told: Vec<_> =
            mounts.iter().map(|(path, read_only)| (path.to_str().unwrap(), *read_only)).collect();
        assert_eq!(
            told,
            [
                ("/home/u", true),
                ("/home/u/cache", false),
                ("/home/u/cache/build/other", true),
                ("/usr", true)
            ]
        );
    }
}
