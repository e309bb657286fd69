//! What has to hold before a component is built: one step that looks at all of it.

use camino::{Utf8Path, Utf8PathBuf};
use engine::planning::{Known, PlanCx, PlanError, PlannedSource};
use model::SourceName;
use model::case::{CompilerCache, Driver};
use model::catalog;
use model::plan::{
    Action, DiskEstimate, Freshness, Need, Phase, Preflight, RequiredCheckout, RequiredPath, Step,
};

use super::planned::Planned;
use super::step::template;
use super::{accelerators, fed, needs, python, third_party, xmake};
use crate::environment::cache_program;

/// What a component of which nothing is known takes of the disk, in MiB.
const DISK_MIB: u64 = 512;

/// What hooks look for before a component is built.
pub(super) struct HookNeeds {
    pub(super) required: Vec<RequiredPath>,
    /// Directories outside its prefix that must be writable.
    pub(super) roots: Vec<Utf8PathBuf>,
}

/// What a component takes of the disk.
pub(super) fn disk_estimate(
    known: &Known<'_>,
    planned: &Planned<'_>,
    cx: &PlanCx<'_>,
) -> Result<DiskEstimate, PlanError> {
    let layout = known.layout;
    let mut mib = planned.component.disk_mib;
    for when in planned.holding(known) {
        mib = when.disk_mib.or(mib);
    }
    let by_source = match mib {
        Some(_) => None,
        None => Some(cx.source(&planned.source, planned.name.as_str())?.tree),
    };
    Ok(DiskEstimate {
        component: planned.name.clone(),
        by_source,
        mib: mib.unwrap_or(DISK_MIB),
        taken: vec![layout.build_tree(planned.name), layout.committed(planned.name)],
    })
}

/// The step that looks at all of it.
pub(super) fn step(
    known: &Known<'_>,
    planned: &Planned<'_>,
    wanted: &HookNeeds,
    cx: &PlanCx<'_>,
) -> Result<Step, PlanError> {
    let source = cx.source(&planned.source, planned.name.as_str())?;
    let mut paths = vec![source_there(known, planned, &source)];
    paths.extend(fed::paths(known, planned, cx)?);
    paths.extend(wanted.required.iter().cloned());
    let writable = wanted.roots.iter().map(|path| RequiredPath {
        cure: format!(
            "run it as root, make {path} writable, or install elsewhere: --set components.{}.app.root=DIR",
            planned.name
        ),
        path: path.clone(),
    });
    let (mut rust, mut crates) = (None, None);
    if planned.driver == Driver::Cargo {
        rust = Some(least_rust(known, planned));
        let case = &known.case.metadata.name;
        crates = Some(known.layout.fetched_crates_facts(case, &planned.source));
        paths.push(RequiredPath {
            path: known.layout.fetched_crates(case, &planned.source),
            cure: format!("run `installer deps`, which downloads the crates that {} locks", planned.source),
        });
    }
    let action = Action::Preflight(Preflight {
        manager: known.target.package_manager.clone(),
        needs: needs::of(known, planned, Phase::Build)?
            .into_iter()
            // Whether its lack matters is the step's to say.
            .map(|need| Need { optional: false, ..need })
            .collect(),
        rust,
        rust_pin: known.rust_pin(planned.name, planned.component).cloned(),
        crates,
        wheels: python::wheels(known, planned),
        project: python::project(known, planned),
        backend: python::backend(known, planned),
        source: third_party::required(known, planned, &source).map(Box::new),
        build_file: third_party::build_file(planned, &source),
        python: python::required(known, planned),
        accelerators: accelerators::required(known, planned)?,
        checkout: checkout(known, planned, &source),
        xmake_packages: xmake::required(known, planned),
        compiler_caches: found_caches(known, planned),
        paths,
        writable: writable.collect(),
        ..Preflight::default()
    });
    let title = format!("check what is needed to build {}", planned.name);
    let mut step = template(cx.phase, planned.name, "preflight", title, action);
    step.freshness = Freshness::Observed;
    step.optional = planned.component.optional;
    Ok(step)
}

/// Where its source lies, or what is kept of it until it is unpacked.
fn source_there(known: &Known<'_>, planned: &Planned<'_>, source: &PlannedSource) -> RequiredPath {
    let name = &planned.source;
    if source.mounted {
        return RequiredPath {
            path: source.tree.join(planned.component.subdirectory.as_deref().unwrap_or(Utf8Path::new(""))),
            cure: format!("give the directory of its source with --source {name}=PATH"),
        };
    }
    RequiredPath {
        path: known.layout.source_artifacts(name).join("source.json"),
        cure: format!("run `installer deps`, which gets the source {name}, with the same --artifacts"),
    }
}

/// Compiler caches that a project of which nothing is known may take from PATH without being asked.
fn found_caches(known: &Known<'_>, planned: &Planned<'_>) -> Vec<String> {
    if planned.component.recipe.is_some() || matches!(planned.driver, Driver::Cargo | Driver::Xmake) {
        return Vec::new();
    }
    let asked = known.case.toolchains.compiler_cache.map(cache_program);
    let found = [CompilerCache::Ccache, CompilerCache::Sccache].map(cache_program);
    found.into_iter().filter(|name| asked != Some(*name)).map(str::to_owned).collect()
}

/// The Rust that its source and the case ask for, whichever is the newer.
fn least_rust(known: &Known<'_>, planned: &Planned<'_>) -> String {
    let demanded = known.facts.get(&planned.source).and_then(|facts| facts.required_rust());
    let wanted = known.case.toolchains.rust.minimum.clone();
    let newer = match (demanded, wanted) {
        (Some(one), Some(other)) if catalog::version_at_least(&one, &other) => Some(one),
        (Some(_), Some(other)) => Some(other),
        (one, other) => one.or(other),
    };
    newer.unwrap_or_else(|| "1.0".to_owned())
}

fn checkout(known: &Known<'_>, planned: &Planned<'_>, source: &PlannedSource) -> Option<RequiredCheckout> {
    source.mounted.then(|| RequiredCheckout {
        source: planned.source.clone(),
        tree: source.tree.clone(),
        revision: pinned(known, &planned.source),
        submodules: None,
    })
}

/// The commit that a source should be at, if the case says one.
fn pinned(known: &Known<'_>, source: &SourceName) -> Option<String> {
    known.case.sources.get(source)?.as_slice().iter().find_map(|spec| spec.commit()).map(str::to_owned)
}
