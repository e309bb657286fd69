//! The version of a project whose build asks git for it (`git describe` in CMake, Meson, build scripts): what is compiled
//! has no repository, so that a `git` stands first on PATH that answers for the source.

use camino::Utf8PathBuf;
use engine::planning::Known;
use model::case::SourceSpec;
use model::plan::{Action, Phase, StageFiles, StagedText, Step};

use super::gate;
use super::planned::Planned;
use super::step::template;

const GIT: &str = include_str!("described/git.sh");

/// What answers for the source of a component.
#[derive(Debug, PartialEq, Eq)]
enum Answers<'a> {
    /// The user's own checkout, at build time; another commit or tag makes another build.
    Checkout { tree: Utf8PathBuf, state: String },
    /// What was known when it was fetched.
    Fetched { commit: &'a str, description: &'a str },
}

fn answers<'a>(known: &Known<'a>, planned: &Planned<'_>) -> Option<Answers<'a>> {
    let facts = known.facts.get(&planned.source).filter(|facts| facts.asks_git)?;
    let commit = facts.commit.as_deref()?;
    let specs = known.case.sources.get(&planned.source)?;
    if let [SourceSpec::Path { path, .. }] = specs.as_slice() {
        let tags = facts.tags.as_ref().map_or("", |tags| tags.short());
        let tree = known.layout.case_dir.join(path);
        return Some(Answers::Checkout { tree, state: format!("{commit} {tags}") });
    }
    Some(Answers::Fetched { commit, description: facts.description.as_deref().unwrap_or_default() })
}

/// What is said of a component whose build asks git, and nobody can answer.
pub(super) fn unknown(known: &Known<'_>, planned: &Planned<'_>) -> Option<String> {
    let asks = known.facts.get(&planned.source).is_some_and(|facts| facts.asks_git);
    (asks && answers(known, planned).is_none()).then(|| {
        format!(
            "the build of {} asks git for a version, and source {} is no checkout: it gets what the project falls back to",
            planned.name, planned.source
        )
    })
}

/// Whether the build needs git itself: the user's checkout is asked when it is built.
pub(super) fn needs_git(known: &Known<'_>, planned: &Planned<'_>) -> bool {
    matches!(answers(known, planned), Some(Answers::Checkout { .. }))
}

/// The step that writes the program, and the directory that PATH begins with.
pub(super) fn step(
    phase: Phase,
    known: &Known<'_>,
    planned: &Planned<'_>,
    copy: &Utf8PathBuf,
) -> Option<(Step, Utf8PathBuf)> {
    let (tree, state, commit, description) = match answers(known, planned)? {
        Answers::Checkout { tree, state } => (tree.into_string(), state, "", ""),
        Answers::Fetched { commit, description } => (String::new(), String::new(), commit, description),
    };
    let directory = known.layout.cache.join("described").join(planned.name.as_str());
    let quoted = |text: &str| text.replace('\'', r"'\''");
    // First, while no path of the user's is in it.
    let text = GIT
        .replace("state: STATE", &format!("state: {state}"))
        .replace("'TREE'", &format!("'{}'", quoted(&tree)))
        .replace("'COPY'", &format!("'{}'", quoted(copy.as_str())))
        .replace("'BUILD'", &format!("'{}'", quoted(known.layout.build_tree(planned.name).as_str())))
        .replace("'COMMIT'", &format!("'{commit}'"))
        .replace("'DESCRIPTION'", &format!("'{}'", quoted(description)));
    let program = StagedText { text, to: "/git".into(), mode: 0o755 };
    let action = Action::StageFiles(StageFiles {
        staging: directory.clone(),
        files: Vec::new(),
        trees: Vec::new(),
        texts: vec![program],
    });
    let title = format!("have git answer for the source of {}", planned.name);
    let mut step = template(phase, planned.name, "describe", title, action);
    step.after = vec![gate::id()];
    step.outputs = vec![directory.join("git")];
    step.optional = planned.component.optional;
    Some((step, directory))
}
