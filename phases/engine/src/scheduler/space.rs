//! A disk that is full: where, and what makes room.

use camino::{Utf8Path, Utf8PathBuf};
use model::event::Failure;
use model::layout::Layout;
use model::plan::Step;

/// How ENOSPC and EDQUOT are told by tools and by Rust.
const SIGNS: [&str; 3] = ["No space left on device", "Disk quota exceeded", "(os error 28)"];

/// A place where steps write, and the way to another one.
struct Place<'a> {
    path: &'a Utf8Path,
    elsewhere: &'static str,
}

/// What is left on a file system.
struct Left {
    mib: u64,
    /// None where files need none.
    inodes: Option<u64>,
}

/// So few are none: a step writes more files than that at once.
const FEW_INODES: u64 = 16;

/// What to do about a failure that came of a full disk; none for another failure.
pub(super) fn cure(failure: &Failure, step: &Step, case: &str, layout: &Layout) -> Option<String> {
    let lines: Vec<&str> =
        failure.message.lines().chain(failure.excerpt.iter().map(String::as_str)).collect();
    let told = lines.iter().find(|line| SIGNS.iter().any(|sign| line.contains(sign)))?;
    let places = places(step, layout);
    let (place, left) = named(told, &places).or_else(|| fullest(&places))?;
    let Place { path, elsewhere } = place;
    let room = if *path == layout.cache || path.starts_with(&layout.cache) {
        format!(
            " (`installer clean --case {case}` removes the build trees of this case, --case OTHER those of another)"
        )
    } else {
        String::new()
    };
    Some(match left.inodes {
        Some(inodes) if inodes <= FEW_INODES => format!(
            "the file system of {path} has {inodes} inodes left, so that it takes no more files whatever space is free \
             (`df -i` shows it): remove files there{room}, or {elsewhere}"
        ),
        _ => format!("{path} has {} MiB free now: free space there{room}, or {elsewhere}", left.mib),
    })
}

fn places<'a>(step: &'a Step, layout: &'a Layout) -> Vec<Place<'a>> {
    const CACHE: &str = "build elsewhere with --cache-dir DIR";
    let scratch = step.scratch.iter().map(|scratch| Place { path: &scratch.path, elsewhere: CACHE });
    let of_layout = [
        (&layout.cache, CACHE),
        (&layout.artifacts, "keep the artifacts elsewhere with --artifacts DIR"),
        (&layout.prefix, "install elsewhere with --prefix DIR"),
        (&layout.state, "keep the state elsewhere with --state-dir DIR"),
        (&layout.data, "keep toolchains and environments elsewhere with --data-dir DIR"),
    ];
    let of_layout = of_layout.into_iter().map(|(path, elsewhere)| Place { path, elsewhere });
    // Compilers write what lies between their parts to the last.
    let temporary = Place { path: Utf8Path::new("/tmp"), elsewhere: "name another directory in TMPDIR" };
    scratch.chain(of_layout).chain([temporary]).collect()
}

/// The place that the line itself names: the longest, where one lies in another.
fn named<'a, 'b>(line: &str, places: &'b [Place<'a>]) -> Option<(&'b Place<'a>, Left)> {
    let named = places.iter().filter(|place| line.contains(&format!("{}/", place.path)));
    let place = named.max_by_key(|place| place.path.as_str().len())?;
    Some((place, left(place.path)?))
}

fn fullest<'a, 'b>(places: &'b [Place<'a>]) -> Option<(&'b Place<'a>, Left)> {
    let left = places.iter().filter_map(|place| Some((place, left(place.path)?)));
    left.min_by_key(|(_, left)| (left.inodes.is_none_or(|inodes| inodes > FEW_INODES), left.mib))
}

fn left(path: &Utf8Path) -> Option<Left> {
    let existing: Utf8PathBuf = path.ancestors().find(|path| path.exists())?.to_owned();
    // What cannot be asked is not named.
    let state = rustix::fs::statvfs(existing.as_std_path()).ok()?;
    Some(Left {
        mib: state.f_bavail.saturating_mul(state.f_frsize) / (1024 * 1024),
        inodes: (state.f_files > 0).then_some(state.f_favail),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_with_a_place_and_what_makes_room() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let layout = Layout {
            prefix: root.join("prefix"),
            state: root.join("state"),
            cache: root.join("cache"),
            artifacts: root.join("artifacts"),
            data: root.join("data"),
            case_dir: root.to_owned(),
            lock: root.join("case.lock"),
            given_lock: None,
        };
        let step: Step = serde_json::from_value(serde_json::json!({
            "id": "build/x/compile", "phase": "build", "title": "t", "freshness": "fingerprinted",
            "network": "denied", "action": { "kind": "exec", "commands": [] },
        }))
        .unwrap();
        let line = "/usr/bin/ld: final link failed: No space left on device".to_owned();
        let full = Failure { excerpt: vec![line], ..Failure::default() };
        let told = cure(&full, &step, "mine", &layout).unwrap();
        assert!(told.contains(" MiB free now: "), "{told}");
        assert!(told.contains("`installer clean --case mine`") && told.contains("--cache-dir"), "{told}");
        let own = Failure { message: "failed to write /x: x (os error 28)".to_owned(), ..Failure::default() };
        assert!(cure(&own, &step, "mine", &layout).is_some());
        assert_eq!(cure(&Failure::default(), &step, "mine", &layout), None);
        // The place that is named is the one to have elsewhere.
        for (file, way) in [("prefix/lib/libx.so", "--prefix DIR"), ("artifacts/wheels/x", "--artifacts DIR")]
        {
            let message =
                format!("failed to write {}: No space left on device (os error 28)", root.join(file));
            let told = cure(&Failure { message, ..Failure::default() }, &step, "mine", &layout).unwrap();
            assert!(told.ends_with(way) && !told.contains("--cache-dir"), "{told}");
        }
    }
}
