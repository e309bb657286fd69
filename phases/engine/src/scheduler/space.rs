//! A disk that is full: where, and what makes room.

use camino::{Utf8Path, Utf8PathBuf};
use model::event::Failure;
use model::layout::Layout;
use model::plan::Step;

/// How ENOSPC and EDQUOT are told by tools and by Rust.
const SIGNS: [&str; 3] = ["No space left on device", "Disk quota exceeded", "(os error 28)"];

/// What to do about a failure that came of a full disk; none for another failure.
pub(super) fn cure(failure: &Failure, step: &Step, case: &str, layout: &Layout) -> Option<String> {
    let mut lines = failure.message.lines().chain(failure.excerpt.iter().map(String::as_str));
    if !lines.any(|line| SIGNS.iter().any(|sign| line.contains(sign))) {
        return None;
    }
    let mut places: Vec<&Utf8Path> = step.scratch.iter().map(|scratch| scratch.path.as_path()).collect();
    // Compilers write what lies between their parts to the last.
    places
        .extend([&layout.cache, &layout.artifacts, &layout.prefix, &layout.state].map(|path| path.as_path()));
    places.push(Utf8Path::new("/tmp"));
    let fullest =
        places.into_iter().filter_map(|path| Some((free_mib(path)?, path))).min_by_key(|(free, _)| *free);
    let what = fullest.map_or_else(String::new, |(free, path)| format!("{path} has {free} MiB free now: "));
    Some(format!(
        "{what}free space there (`installer clean --case {case}` removes the build trees of this case, --case OTHER those of another), or build elsewhere with --cache-dir DIR"
    ))
}

fn free_mib(path: &Utf8Path) -> Option<u64> {
    let existing: Utf8PathBuf = path.ancestors().find(|path| path.exists())?.to_owned();
    // What cannot be asked is not named.
    let state = rustix::fs::statvfs(existing.as_std_path()).ok()?;
    Some(state.f_bavail.saturating_mul(state.f_frsize) / (1024 * 1024))
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
    }
}
