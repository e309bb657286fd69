//! Crates.

use camino::Utf8PathBuf;
use engine::planning::{PlanCx, PlanError, Requirements};
use model::case::Driver;
use model::plan::{Action, FetchCrates, Freshness, Input};
use model::{SourceName, StepId};

use super::step::step;
use crate::plan_sources;

pub(super) fn crates(
    cx: &mut PlanCx<'_>,
    source: &SourceName,
    requirements: &Requirements,
) -> Result<(), PlanError> {
    let users = requirements.sources.get(source);
    let layout = cx.known.layout;
    let planned = cx.source(source, source.as_str())?;
    let directories = crate_directories(cx, source, requirements);
    let from = if planned.mounted { planned.tree.clone() } else { layout.source_artifacts(source) };
    let mut step = step(
        &format!("deps/crates/{source}"),
        format!("download the crates locked by {source}"),
        Action::FetchCrates(FetchCrates {
            source: source.clone(),
            from,
            directories: directories.clone(),
            cargo_home: layout.cargo_home(),
            keep: planned.keep.clone(),
        }),
        Freshness::Fingerprinted,
    );
    if planned.mounted {
        // A change of manifests that matters changes the lock file, for --locked.
        let roots = if directories.is_empty() { vec![Utf8PathBuf::new()] } else { directories };
        // A member of a workspace is locked by the workspace above it.
        let mut places: Vec<Utf8PathBuf> =
            roots.iter().flat_map(|root| root.ancestors()).map(|place| planned.tree.join(place)).collect();
        places.sort();
        places.dedup();
        step.inputs = places
            .iter()
            .flat_map(|place| ["Cargo.lock", "Cargo.toml"].map(|file| place.join(file)))
            .map(|path| Input::MaybeFile { path })
            .collect();
    } else {
        step.needs = vec![plan_sources::fetch_id(source)];
    }
    step.after = vec![StepId::new("deps/toolchain/rust")];
    if let Some(users) = users {
        step.serves.clone_from(&users.components);
        step.optional = !users.required;
    }
    step.claims.locks = vec!["cargo-home".to_owned()];
    let case = &cx.known.case.metadata.name;
    step.outputs = vec![layout.fetched_crates(case, source), layout.fetched_crates_facts(case, source)];
    step.weight = 30;
    cx.add(step);
    Ok(())
}

/// Where in a source the components that cargo builds from it lie.
fn crate_directories(cx: &PlanCx<'_>, source: &SourceName, requirements: &Requirements) -> Vec<Utf8PathBuf> {
    let mut found: Vec<Utf8PathBuf> = cx
        .known
        .case
        .components
        .iter()
        .filter(|(name, component)| {
            let built_from = component.source.as_ref().map_or(name.as_str(), SourceName::as_str);
            built_from == source.as_str() && matches!(component.driver, None | Some(Driver::Cargo))
        })
        .filter_map(|(_, component)| {
            component.subdirectory.clone().or_else(|| requirements.crate_directories.get(source).cloned())
        })
        .collect();
    found.sort();
    found.dedup();
    found
}
