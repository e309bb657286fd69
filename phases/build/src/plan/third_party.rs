//! What a source is known by, and what it has as submodules or takes from the system.

use engine::planning::{Known, PlannedSource};
use model::case::Vendored;
use model::catalog;
use model::plan::{Need, Probe, RequiredBuildFile, RequiredSource, ThirdParty};

use super::planned::Planned;
use crate::subject::within;

/// What the system has to bring, because the source does not, as far as that is known.
fn missing<'a>(known: &'a Known<'_>, planned: &'a Planned<'_>) -> impl Iterator<Item = &'a Vendored> {
    let has = |directory: &str| {
        let facts = known.facts.get(&planned.source);
        facts.is_some_and(|facts| facts.third_party.iter().any(|other| other == directory))
    };
    planned.component.vendored.iter().filter(move |one| !has(&one.directory))
}

/// Rows of the catalog that `deps` brings. Of a source that is not there yet it is not known what it has.
pub(super) fn rows<'a>(known: &'a Known<'_>, planned: &'a Planned<'_>) -> Vec<&'a str> {
    missing(known, planned).flat_map(|one| &one.rows).map(String::as_str).collect()
}

/// What preflight looks at.
pub(super) fn required(
    known: &Known<'_>,
    planned: &Planned<'_>,
    source: &PlannedSource,
) -> Option<RequiredSource> {
    let mark = planned.component.mark.as_ref()?;
    let manager = known.target.package_manager.as_deref();
    let tree = within(&source.tree, planned.component.subdirectory.as_deref());
    let mut third_party = Vec::new();
    for one in missing(known, planned) {
        for (n, row) in one.rows.iter().enumerate() {
            let Some(mut need) = catalog::need(row, manager, planned.name.as_str()) else { continue };
            if let Need { probe: Some(Probe::PkgConfig { minimum, .. }), .. } = &mut need {
                *minimum = one.minimum.clone().filter(|_| n == 0);
            }
            let directory = &one.directory;
            let cure = if source.mounted {
                format!("get the submodule: git -C {tree} submodule update --init third_party/{directory}")
            } else {
                format!("set `submodules = true` in [sources.{}]", planned.source)
            };
            third_party.push(ThirdParty { need, cure });
        }
    }
    Some(RequiredSource {
        tree: source.mounted.then_some(tree),
        source: planned.source.clone(),
        name: mark.project.clone(),
        file: mark.file.clone(),
        says: mark.says.clone(),
        third_party,
    })
}

/// By what a directory of the user's is seen to be such a project. What a recipe knows its source by says more.
pub(super) fn build_file(planned: &Planned<'_>, source: &PlannedSource) -> Option<RequiredBuildFile> {
    let files: &[&str] = if planned.component.autoreconf {
        &["configure.ac", "configure.in"]
    } else {
        planned.driver.build_files()
    };
    let any_of: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
    let marked = planned.component.mark.is_some();
    (source.mounted && !marked && !any_of.is_empty()).then(|| RequiredBuildFile {
        tree: within(&source.tree, planned.component.subdirectory.as_deref()),
        source: planned.source.clone(),
        component: planned.name.clone(),
        driver: planned.driver.as_str().to_owned(),
        any_of,
    })
}
