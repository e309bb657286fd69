//! What `deps` brings for a component beside its source: trees for CMake's FetchContent, and files that a project would
//! download while it is configured.

use engine::planning::{Known, PlanCx, PlanError};
use model::SourceName;
use model::case::{Component, OptionValue, placeholder};
use model::layout::Layout;
use model::plan::{Command, Input, RequiredPath, Step};

use crate::run::PLACED;

use super::gate;
use super::planned::Planned;
use super::step::{step_id, template, working_copy_of};
use crate::subject::Subject;

/// What is planned of it.
#[derive(Default)]
pub(super) struct Fed {
    /// Steps that bring the trees.
    pub(super) copies: Vec<Step>,
    /// Options that lead the project to them.
    pub(super) options: Vec<(String, OptionValue)>,
    /// The files that are placed.
    pub(super) inputs: Vec<Input>,
}

/// All sources of a component beside the one that is built.
pub(super) fn sources(component: &Component) -> impl Iterator<Item = SourceName> {
    trees(component).chain(single(component).cloned())
}

/// Trees that are copied for a component, so that it may write into them.
fn trees(component: &Component) -> impl Iterator<Item = SourceName> {
    let index = component.xmake.iter().flat_map(|xmake| &xmake.package_index);
    component.fetch_content.values().chain(index).cloned().chain(component.sources_of_options())
}

/// Single files that are put where a component looks for them.
fn single(component: &Component) -> impl Iterator<Item = &SourceName> {
    let archives = component.xmake.iter().flat_map(|xmake| xmake.package_archives.values());
    component.files.values().chain(archives)
}

/// What shows in preflight that they are there.
pub(super) fn paths(
    known: &Known<'_>,
    planned: &Planned<'_>,
    cx: &PlanCx<'_>,
) -> Result<Vec<RequiredPath>, PlanError> {
    let cure = |source: &SourceName| {
        format!("run `installer deps`, which gets the source {source}, with the same --artifacts")
    };
    let mut paths = Vec::new();
    for source in trees(planned.component) {
        let found = cx.source(&source, planned.name.as_str())?;
        paths.push(if found.mounted {
            let cure = format!("give the directory of its source with --source {source}=PATH");
            RequiredPath { path: found.tree, cure }
        } else {
            let path = known.layout.source_artifacts(&source).join("source.json");
            RequiredPath { path, cure: cure(&source) }
        });
    }
    for source in single(planned.component) {
        paths.push(RequiredPath { path: known.layout.source_file(source), cure: cure(source) });
    }
    Ok(paths)
}

/// Plans copies of the trees: a project may write into what it takes for its own download.
pub(super) fn plan(cx: &PlanCx<'_>, planned: &Planned<'_>) -> Result<Fed, PlanError> {
    let layout = cx.known.layout;
    let mut fed = Fed::default();
    for source in trees(planned.component) {
        let found = cx.source(&source, planned.name.as_str())?;
        let into = layout.fetch_content(planned.name, &source);
        let verb = format!("copy-{source}");
        let id = step_id(planned.name, &verb);
        if !fed.copies.iter().any(|copy| copy.id == id) {
            let title = format!("synchronise the copy of {source} for {} with its source", planned.name);
            let action = working_copy_of(&found, into.clone(), cx.known.lfs_pointers(&source));
            let mut copy = template(cx.phase, planned.name, &verb, title, action);
            copy.needs = found.needs;
            copy.after = vec![gate::id()];
            copy.inputs = found.inputs;
            copy.outputs = vec![into.clone()];
            copy.optional = planned.component.optional;
            fed.copies.push(copy);
        }
    }
    for (name, source) in &planned.component.fetch_content {
        let into = layout.fetch_content(planned.name, source);
        // CMake's FetchContent, "FETCHCONTENT_SOURCE_DIR_<uppercaseName>".
        let variable = format!("FETCHCONTENT_SOURCE_DIR_{}", name.to_uppercase());
        fed.options.push((variable, OptionValue::Text(into.into_string())));
    }
    fed.inputs
        .extend(single(planned.component).map(|source| Input::File { path: layout.source_file(source) }));
    Ok(fed)
}

/// An option's text with the trees of the sources that it names.
pub(super) fn with_trees(text: &str, planned: &Planned<'_>, layout: &Layout) -> String {
    planned.component.sources_of_options().iter().fold(text.to_owned(), |text, source| {
        text.replace(&placeholder::tree_of(source), layout.fetch_content(planned.name, source).as_str())
    })
}

/// The commands that put the files into the build tree, with their times, so that nothing is built again for the sake of
/// the same file. What is put there is written down first: it goes before the tree is configured again.
pub(super) fn commands(subject: &Subject<'_>) -> Vec<Command> {
    let files = &subject.component.files;
    if files.is_empty() {
        return Vec::new();
    }
    let mut list = vec!["-c", "printf '%s\\n' \"$@\" >\"$0\"", PLACED];
    list.extend(files.keys().map(String::as_str));
    let mut commands = vec![subject.command("sh", list)];
    commands.extend(files.iter().map(|(place, source)| {
        let from = subject.known.layout.source_file(source);
        let to = subject.build.join(place);
        subject.command("install", ["-p", "-D", "-m", "644", from.as_str(), to.as_str()])
    }));
    commands
}
