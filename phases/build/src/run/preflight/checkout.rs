//! What a directory of the user's is at, if it is a git checkout: only looked at, and said where it is not what the case
//! was written for.

use camino::Utf8Path;
use engine::checkout::{self, Checkout};
use engine::runner::{Context, Observation, StepError};
use model::compatibility::{same_commit, short_commit};
use model::manifest::CheckoutState;
use model::plan::{Command, RequiredCheckout};

const GIT: &str = "git";

/// How many changed files a warning names.
const NAMED: usize = 3;

pub(super) fn look(
    required: &RequiredCheckout,
    context: &dyn Context,
    observation: &mut Observation,
) -> Result<(), StepError> {
    let RequiredCheckout { source, tree, revision, .. } = required;
    if !tree.is_dir() {
        // Said as a path that is not there.
        return Ok(());
    }
    let mut warn = |message: String| observation.warnings.push(format!("source {source}: {message}"));
    let Some(found) = checkout::read(tree) else {
        if let Some(revision) = revision {
            warn(format!(
                "{tree} is not a git checkout, so it is unknown whether it is {}",
                short_commit(revision)
            ));
        }
        return Ok(());
    };
    if let Some(gone) = &found.dangling {
        warn(format!(
            "{tree}/.git points at {gone}, which is missing, so its commit is unknown: mount that as well, \
             or a clone"
        ));
        return Ok(());
    }
    if let (Some(commit), Some(revision)) = (&found.commit, revision) {
        if !same_commit(commit, revision) {
            warn(other_commit(tree, &found, commit, revision));
        }
    }
    if let Some(missing) = missing_submodules(required, &found) {
        warn(format!(
            "{} of {tree} {} empty: `git -C {} submodule update --init {}` gets {}",
            missing.join(" and "),
            if missing.len() == 1 { "is" } else { "are" },
            quoted(tree),
            missing.join(" "),
            if missing.len() == 1 { "it" } else { "them" },
        ));
    }
    if !context.target().tools.contains_key(GIT) {
        if revision.is_some() {
            warn(format!("it is unknown whether {tree} has changes: git is not installed"));
        }
        return Ok(());
    }
    match changes(tree, context)? {
        Ok(changes) if changes.is_empty() => {}
        Ok(changes) => {
            let more = match changes.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let named: Vec<&str> = changes.iter().take(NAMED).map(String::as_str).collect();
            warn(format!(
                "{tree} has uncommitted changes ({}{more}), which are built as they are; `git -C {} status` \
                 lists them",
                named.join(", "),
                quoted(tree)
            ));
        }
        Err(why) => warn(format!("it is unknown whether {tree} has changes: {why}")),
    }
    Ok(())
}

/// What a manifest keeps of a checkout; none where there is no commit to keep.
pub(in crate::run) fn state(tree: &Utf8Path, context: &dyn Context) -> Option<CheckoutState> {
    let commit = checkout::read(tree)?.commit?;
    let installed = context.target().tools.contains_key(GIT);
    let changes = installed.then(|| changes(tree, context).ok()?.ok()).flatten();
    let dirty = changes.map(|changes| !changes.is_empty());
    let words = match dirty {
        Some(true) => ", with changes",
        Some(false) => "",
        None => "; it is unknown whether it has changes",
    };
    context.note(&format!("built from {tree} at {commit}{words}"));
    Some(CheckoutState { commit, dirty })
}

fn other_commit(tree: &Utf8Path, found: &Checkout, commit: &str, revision: &str) -> String {
    let at = quoted(tree);
    let fetch = if found.shallow {
        format!("git -C {at} fetch --depth 1 origin {revision} && ")
    } else {
        String::new()
    };
    format!(
        "{tree} is at {}, but the case was written for {}: `{fetch}git -C {at} checkout {revision}` checks \
         that out",
        short_commit(commit),
        short_commit(revision)
    )
}

fn missing_submodules(required: &RequiredCheckout, found: &Checkout) -> Option<Vec<String>> {
    let matters = |path: &Utf8Path| match &required.submodules {
        Some(named) => named.iter().any(|name| name == path),
        None => true,
    };
    let missing: Vec<String> = found
        .submodules
        .iter()
        .filter(|one| !one.filled && matters(&one.path))
        // What `update = none` leaves alone is brought by nobody, unless the component asks for it.
        .filter(|one| !one.skipped || required.submodules.is_some())
        .map(|one| one.path.to_string())
        .collect();
    (!missing.is_empty()).then_some(missing)
}

/// What git calls changed, ` M xmake.lua`; or why git does not say.
///
/// Git is kept from writing its index anew, and from running a monitor of the repository's. It refuses repositories of
/// others (a mount of another user's) because their configuration may name programs; what lies there is compiled and
/// run here anyway.
fn changes(tree: &Utf8Path, context: &dyn Context) -> Result<Result<Vec<String>, String>, StepError> {
    let words = [
        "--no-optional-locks",
        "-c",
        "safe.directory=*",
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.quotePath=false",
        "-C",
        tree.as_str(),
        "status",
        "--porcelain",
        "--untracked-files=normal",
    ];
    let asked = context.capture(&Command {
        program: GIT.to_owned(),
        args: words.iter().map(|word| (*word).into()).collect(),
        environment: [("PATH", context.layout().build_path().as_str()), ("LC_ALL", "C.UTF-8")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        directory: "/".into(),
    });
    match asked {
        Ok(answer) if answer.status == 0 => {
            Ok(Ok(answer.stdout.lines().map(|line| line.trim().to_owned()).collect()))
        }
        Ok(answer) => {
            let last = answer.tail.into_iter().find(|line| !line.trim().is_empty());
            Ok(Err(last.unwrap_or_else(|| format!("git ended with status {}", answer.status))))
        }
        Err(StepError::Cancelled) => Err(StepError::Cancelled),
        Err(StepError::Failed(failure)) => Ok(Err(failure.message)),
    }
}

/// A path as a word of a shell.
fn quoted(path: &Utf8Path) -> String {
    model::shell::word(path.as_str())
}

#[cfg(test)]
#[path = "checkout_tests.rs"]
mod tests;
