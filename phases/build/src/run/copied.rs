//! Errors in a working copy, shown with the paths of the files that the user has: an editor that opens the copy would
//! change what the next run overwrites.

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, StepError};
use model::layout::plain;
use model::plan::{Action, Step};

/// Writes down, beside a copy, of what it is one.
pub(super) fn remember(copy: &Utf8Path, original: &Utf8Path) -> Result<(), StepError> {
    files::atomic_write(&beside(copy), original.as_str().as_bytes())
}

fn beside(copy: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{copy}.from"))
}

/// Names in the excerpt of a failure the user's files in the place of their copies.
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
    let commands = if let Action::Exec(exec) = &step.action { &exec.commands[..] } else { &[] };
    let mut directories: Vec<&Utf8Path> =
        commands.iter().map(|command| command.directory.as_path()).collect();
    let build = layout.build_tree(component);
    directories.push(&build);
    let tree = Tree { copy: &copy, original: &original, directories };
    for line in &mut failure.excerpt {
        *line = tree.shown(line);
    }
    StepError::Failed(failure)
}

/// A working copy, and of what it is one.
struct Tree<'a> {
    copy: &'a Utf8Path,
    original: &'a Utf8Path,
    /// What relative paths of tools may be relative to.
    directories: Vec<&'a Utf8Path>,
}

impl Tree<'_> {
    /// A line with the user's paths.
    fn shown(&self, line: &str) -> String {
        let mut shown = String::with_capacity(line.len());
        let mut rest = line;
        while let Some(at) = rest.find(|c| !ends_path(c)) {
            shown.push_str(&rest[..at]);
            rest = &rest[at..];
            let end = rest.find(ends_path).unwrap_or(rest.len());
            let word = &rest[..end];
            match self.own(word) {
                Some(own) => shown.push_str(own.as_str()),
                None => shown.push_str(word),
            }
            rest = &rest[end..];
        }
        shown.push_str(rest);
        shown
    }

    /// The user's file that a word means, if it means the copy of one. A file that the build made there is none.
    fn own(&self, word: &str) -> Option<Utf8PathBuf> {
        let original = |path: &Utf8Path| {
            let own = self.original.join(plain(path).strip_prefix(self.copy).ok()?);
            own.is_file().then_some(own)
        };
        let path = Utf8Path::new(word);
        // A bare word is a word; with a directory or an extension it may be a file.
        if path.is_absolute() {
            return original(path);
        }
        if !word.contains(['/', '.']) {
            return None;
        }
        self.directories.iter().find_map(|directory| original(&directory.join(path)))
    }
}

fn ends_path(c: char) -> bool {
    c.is_whitespace() || ":,;()<>=[]'\"`‘’“”".contains(c)
}

#[cfg(test)]
mod tests {
    use model::event::Failure;
    use testkit::FakeContext;

    use super::*;

    #[test]
    fn an_excerpt_names_the_users_files_and_not_their_copies() {
        let directory = tempfile::tempdir().unwrap();
        let own = Utf8Path::from_path(directory.path()).unwrap().join("srcbad");
        files::atomic_write(&own.join("src/f2.cpp"), b"int x").unwrap();
        let context = FakeContext::new();
        let copy = context.layout().working_copy(&"shapes".into());
        let build = context.layout().build_tree(&"shapes".into());
        let step: Step = serde_json::from_value(serde_json::json!({
            "id": "build/shapes/compile", "phase": "build", "component": "shapes", "title": "t",
            "freshness": "fingerprinted", "network": "denied",
            "action": { "kind": "exec", "commands": [
                { "program": "make", "args": [], "environment": {}, "directory": copy.join("src") },
            ] },
        }))
        .unwrap();
        let failed = || {
            let excerpt = vec![
                format!("FAILED: x.o {copy}/src/gone.cpp"),
                format!("{copy}/src/f2.cpp:2:18: error: expected `;'"),
                "f2.cpp:3:1: error: f2.cpp again".to_owned(),
                "../../work/shapes/src/f2.cpp(4): error in f2".to_owned(),
            ];
            StepError::Failed(Failure { excerpt, ..Failure::default() })
        };
        let excerpt = |error| match error {
            StepError::Failed(failure) => failure.excerpt,
            StepError::Cancelled => Vec::new(),
        };
        assert_eq!(
            excerpt(with_original(failed(), &step, &context)),
            excerpt(failed()),
            "nobody knows of what"
        );
        remember(&copy, &own).unwrap();
        assert!(build.parent().unwrap().parent() == copy.parent().unwrap().parent());
        assert_eq!(
            excerpt(with_original(failed(), &step, &context)),
            [
                format!("FAILED: x.o {copy}/src/gone.cpp"),
                format!("{own}/src/f2.cpp:2:18: error: expected `;'"),
                format!("{own}/src/f2.cpp:3:1: error: {own}/src/f2.cpp again"),
                format!("{own}/src/f2.cpp(4): error in f2"),
            ]
        );
    }
}
