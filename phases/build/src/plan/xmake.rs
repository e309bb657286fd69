//! What components that xmake builds need of `deps` and of preflight.

use std::collections::BTreeMap;

use engine::planning::{Known, Requirements};
use model::case::{Component, Driver, SourceSpec};
use model::catalog::version_at_least;
use model::plan::{Need, Probe, RequiredXmakePackage};
use model::xmake::XmakeFacts;

use super::planned::Planned;
use crate::drivers::xmake::{self, Packages, XMAKE};

/// Whether one that is built from source is among the components that this one needs.
pub(super) fn is_built(known: &Known<'_>, component: &Component) -> bool {
    component.needs.iter().any(|name| {
        let needed = known.case.components.get(name);
        name.as_str() == XMAKE || needed.is_some_and(|needed| is_built(known, needed))
    })
}

fn facts<'a>(known: &Known<'a>, planned: &Planned<'_>) -> Option<&'a XmakeFacts> {
    xmake::facts(known, &planned.source, planned.component.subdirectory.as_deref())
}

fn packages<'a>(known: &Known<'a>, planned: &Planned<'_>) -> Option<Packages<'a>> {
    (planned.driver == Driver::Xmake).then(|| {
        let settings = xmake::settings(planned.component);
        xmake::packages(&settings, &planned.asked_for(), facts(known, planned))
    })
}

/// Rows of the catalog that its packages stand on.
pub(super) fn system(known: &Known<'_>, planned: &Planned<'_>) -> Vec<String> {
    packages(known, planned).map(|packages| packages.system(known)).unwrap_or_default()
}

/// Whether it is compiled against the interpreter of the case.
pub(super) fn uses_python(known: &Known<'_>, planned: &Planned<'_>) -> bool {
    packages(known, planned).is_some_and(|packages| {
        let settings = xmake::settings(planned.component);
        !settings.python_extensions.is_empty() || packages.use_python(known)
    })
}

/// What preflight looks for of its packages.
pub(super) fn required(known: &Known<'_>, planned: &Planned<'_>) -> Vec<RequiredXmakePackage> {
    let Some(packages) = packages(known, planned) else { return Vec::new() };
    let settings = xmake::settings(planned.component);
    packages.required(planned.component, &settings, planned.name.as_str())
}

/// The lowest version that the case and what is known of the project take.
fn minimum(known: &Known<'_>, facts: Option<&XmakeFacts>) -> Option<String> {
    let of_case = known.case.toolchains.xmake.minimum.clone();
    let of_project = facts.and_then(|facts| facts.minimum.clone());
    match (of_case, of_project) {
        (Some(one), Some(other)) => Some(if version_at_least(&one, &other) { one } else { other }),
        (one, other) => one.or(other),
    }
}

/// Raises the version in the need for xmake.
pub(super) fn at_least(known: &Known<'_>, planned: &Planned<'_>, need: &mut Need) {
    if need.name != XMAKE {
        return;
    }
    // A package of the distribution may be too old: `deps` brings it as a toolchain.
    need.packages.clear();
    if let Some(Probe::Tool { minimum: lowest, .. }) = &mut need.probe {
        *lowest = minimum(known, facts(known, planned));
    }
}

/// `deps` brings xmake as a toolchain, which asks the distribution by itself.
pub(super) fn require(
    known: &Known<'_>,
    planned: &Planned<'_>,
    needs: &mut BTreeMap<String, Need>,
    requirements: &mut Requirements,
) {
    if needs.remove(XMAKE).is_none() {
        return;
    }
    requirements.xmake.components.push(planned.name.clone());
    requirements.xmake.required |= !planned.component.optional;
    // Of a source that `deps` fetches first nothing is known before; the plan is the same after that.
    let alternatives = known.case.sources.get(&planned.source);
    let mounted = alternatives.is_some_and(|found| matches!(found.as_slice(), [SourceSpec::Path { .. }]));
    let lowest = minimum(known, facts(known, planned).filter(|_| mounted));
    requirements.xmake_minimum = match (requirements.xmake_minimum.take(), lowest) {
        (Some(one), Some(other)) => Some(if version_at_least(&one, &other) { one } else { other }),
        (one, other) => one.or(other),
    };
}

/// The source of a prebuilt one is fetched for them.
pub(super) fn require_source(known: &Known<'_>, requirements: &mut Requirements) {
    if let Some(source) = &known.case.toolchains.xmake.source {
        if !requirements.xmake.components.is_empty() {
            requirements.sources.insert(source.clone(), requirements.xmake.clone());
        }
    }
}
