//! What `deps` brings for a component beside its source: trees for CMake's FetchContent, and files that a project would
//! download while it is configured.

use camino::Utf8Path;
use engine::planning::{Known, PlanCx, PlanError};
use model::SourceName;
use model::case::{Component, Driver, OptionValue, placeholder};
use model::layout::Layout;
use model::plan::{Command, Input, RequiredPath, Step};

use crate::run::{PLACED, placed_beside};

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
    let trees = component.fetch_content.values().chain(component.subprojects.values());
    trees.chain(index).cloned().chain(component.sources_of_options())
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

/// Whether what is put there for a component lies in its source, which is copied then.
pub(super) fn writes_into_source(component: &Component, driver: Driver) -> bool {
    driver == Driver::Meson
        && (!component.subprojects.is_empty() || component.files.keys().any(|place| is_of_source(place)))
}

/// Whether Meson looks for it in the source.
fn is_of_source(place: &str) -> bool {
    place.starts_with("subprojects/")
}

/// The commands that put the files into the build tree, with their times, so that nothing is built again for the sake of
/// the same file. What is put there is written down first: it goes before the tree is configured again.
pub(super) fn commands(subject: &Subject<'_>) -> Vec<Command> {
    let component = &subject.component;
    let in_source = |place: &&String| subject.driver == Driver::Meson && is_of_source(place);
    let of_source: Vec<&String> = component.files.keys().filter(in_source).collect();
    let of_build: Vec<&String> = component.files.keys().filter(|place| !in_source(place)).collect();
    let mut commands = put(subject, &subject.build, PLACED, &of_build, &[]);
    let links: Vec<String> = component.subprojects.keys().map(|name| format!("subprojects/{name}")).collect();
    let list = placed_beside(&subject.known.layout.working_copy(subject.name));
    commands.extend(put(subject, &subject.source, list.as_str(), &of_source, &links));
    commands.extend(component.subprojects.iter().map(|(name, source)| {
        let tree = subject.known.layout.fetch_content(subject.name, source);
        let link = subject.source.join("subprojects").join(name);
        // A submodule that was not checked out is an empty directory.
        let script = "rmdir \"$1\" 2>/dev/null; ln -s -f -n -T \"$0\" \"$1\"";
        subject.command("sh", ["-c", script, tree.as_str(), link.as_str()])
    }));
    commands
}

/// Commands that put files, and later links, into a tree, and say so in a list.
fn put(
    subject: &Subject<'_>,
    tree: &Utf8Path,
    list: &str,
    files: &[&String],
    links: &[String],
) -> Vec<Command> {
    if files.is_empty() && links.is_empty() {
        return Vec::new();
    }
    // A project may lie below the top of its source.
    let below = tree.strip_prefix(&subject.tree).unwrap_or(Utf8Path::new(""));
    let places = files.iter().map(|place| place.as_str()).chain(links.iter().map(String::as_str));
    let mut note = vec!["-c".to_owned(), "printf '%s\\n' \"$@\" >\"$0\"".to_owned(), list.to_owned()];
    note.extend(places.map(|place| below.join(place).into_string()));
    let mut commands = vec![subject.command("sh", note)];
    commands.extend(files.iter().map(|place| {
        let from = subject.known.layout.source_file(&subject.component.files[*place]);
        let to = tree.join(place.as_str());
        subject.command("install", ["-p", "-D", "-m", "644", from.as_str(), to.as_str()])
    }));
    commands
}
