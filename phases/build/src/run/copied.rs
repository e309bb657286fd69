//! Errors in a working copy, led back to the file that the user has.

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, StepError};
use model::plan::Step;

/// How many files are named.
const NAMED: usize = 2;

/// Writes down, beside a copy, of what it is one.
pub(super) fn remember(copy: &Utf8Path, original: &Utf8Path) -> Result<(), StepError> {
    files::atomic_write(&beside(copy), original.as_str().as_bytes())
}

fn beside(copy: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{copy}.from"))
}

/// Adds to a failure which files the copies are of that its errors name.
pub(super) fn with_original(error: StepError, step: &Step, context: &dyn Context) -> StepError {
    let StepError::Failed(mut failure) = error else { return error };
    let layout = context.layout();
    let Some(component) = &step.component else { return StepError::Failed(failure) };
    let copy = layout.working_copy(component);
    // Without the note the failure stands as it is.
    let original = files::record(&beside(&copy)).ok().flatten().map(Utf8PathBuf::from);
    // An unpacked source is no more the user's than its copy.
    let Some(original) = original.filter(|original| !original.starts_with(&layout.cache)) else {
        return StepError::Failed(failure);
    };
    let mut told: Vec<String> = Vec::new();
    for place in failure.excerpt.iter().flat_map(|line| places(line, &copy)) {
        let own = original.join(place);
        if own.is_file() {
            let line = format!("{} is a copy of {own}: edit that", copy.join(place));
            if !told.contains(&line) {
                told.push(line);
            }
        }
    }
    told.truncate(NAMED);
    failure.cures.splice(0..0, told);
    StepError::Failed(failure)
}

/// Paths below the copy in a line, relative to it.
fn places<'a>(line: &'a str, copy: &Utf8Path) -> impl Iterator<Item = &'a str> {
    let before = format!("{copy}/");
    let ends = |c: char| c.is_whitespace() || ":,;()<>'\"`‘’“”".contains(c);
    let rests: Vec<&str> = line.match_indices(&before).map(|(at, _)| &line[at + before.len()..]).collect();
    rests.into_iter().map(move |rest| rest.split(ends).next().unwrap_or_default()).filter(|s| !s.is_empty())
}

#[cfg(test)]
mod tests {
    use model::event::Failure;
    use testkit::FakeContext;

    use super::*;

    #[test]
    fn an_error_in_the_copy_names_the_users_file() {
        let directory = tempfile::tempdir().unwrap();
        let own = Utf8Path::from_path(directory.path()).unwrap().join("srcbad");
        files::atomic_write(&own.join("src/f2.cpp"), b"int x").unwrap();
        let context = FakeContext::new();
        let step: Step = serde_json::from_value(serde_json::json!({
            "id": "build/shapes/compile", "phase": "build", "component": "shapes", "title": "t",
            "freshness": "fingerprinted", "network": "denied",
            "action": { "kind": "exec", "commands": [] },
        }))
        .unwrap();
        let copy = context.layout().working_copy(&"shapes".into());
        let failed = || {
            let excerpt = vec![
                format!("FAILED: x.o {copy}/src/gone.cpp"),
                format!("{copy}/src/f2.cpp:2:18: error: expected `;'"),
                format!("{copy}/src/f2.cpp:3:1: error: again"),
            ];
            StepError::Failed(Failure {
                excerpt,
                cures: vec!["the general".to_owned()],
                ..Failure::default()
            })
        };
        let cures = |error| match error {
            StepError::Failed(failure) => failure.cures,
            StepError::Cancelled => Vec::new(),
        };
        assert_eq!(cures(with_original(failed(), &step, &context)), ["the general"], "nobody knows of what");
        remember(&copy, &own).unwrap();
        let told = cures(with_original(failed(), &step, &context));
        assert_eq!(
            told,
            [format!("{copy}/src/f2.cpp is a copy of {own}/src/f2.cpp: edit that"), "the general".to_owned()]
        );
    }
}
