//! What components need of the distribution, and the CUDA toolkit.

use std::collections::BTreeSet;

use engine::planning::{Known, PlanError};
use model::case::Driver;
use model::catalog;
use model::cuda::CUDA;
use model::nearest::closest;
use model::plan::{Need, Phase, Probe};

use super::planned::Planned;
use super::{accelerators, described, python, third_party, xmake};
use crate::cuda::{self, Toolkit};
use crate::drivers;
use crate::drivers::xmake::XMAKE;
use crate::environment::cache_program;

/// What a component needs of the distribution, by catalog name.
pub(super) fn system<'a>(known: &Known<'_>, planned: &'a Planned<'_>) -> BTreeSet<&'a str> {
    let Planned { component, driver, .. } = planned;
    let mut names: BTreeSet<&str> = drivers::system(*driver, component).into_iter().collect();
    names.extend(component.system.iter().map(String::as_str));
    let holding = planned.holding(known);
    names.extend(holding.into_iter().flat_map(|when| &when.system).map(String::as_str));
    names.extend(accelerators::active(planned).into_iter().flat_map(|row| &row.system).map(String::as_str));
    if *driver == Driver::Xmake && !xmake::is_built(known, component) {
        names.insert(XMAKE);
    }
    if described::needs_git(known, planned) {
        names.insert("git");
    }
    if names.contains(CUDA) {
        // nvcc leaves the host's part to it.
        names.insert("cxx-compiler");
    }
    names
}

/// The CUDA toolkit that a component is built with, if it asks for one.
pub(super) fn cuda_toolkit(known: &Known<'_>, planned: &Planned<'_>) -> Option<Toolkit> {
    system(known, planned).contains(CUDA).then(|| cuda::toolkit(known, planned.component))
}

/// What preflight looks for, and what `deps` brings.
pub(super) fn of(known: &Known<'_>, planned: &Planned<'_>, phase: Phase) -> Result<Vec<Need>, PlanError> {
    let Planned { name, component, .. } = planned;
    let mut names = system(known, planned);
    let of_packages = xmake::system(known, planned);
    names.extend(of_packages.iter().map(String::as_str));
    names.extend(known.case.toolchains.compiler_cache.map(cache_program));
    if python::wants_headers_of_distribution(known, planned) {
        names.insert("python3-dev");
    }
    if phase == Phase::Deps {
        names.extend(third_party::rows(known, planned));
    }
    names
        .into_iter()
        .map(|row| {
            if row == CUDA {
                return Ok(cuda::toolkit(known, component).need(name.as_str()));
            }
            let mut need = known.system_need(row, name.as_str());
            if let (Some(Need { name, probe: Some(Probe::Tool { minimum, .. }), .. }), Some(lowest)) =
                (&mut need, &known.case.toolchains.cmake.minimum)
            {
                if name == "cmake" {
                    *minimum = Some(lowest.clone());
                }
            }
            if let Some(need) = &mut need {
                need.optional = component.optional;
                xmake::at_least(known, planned, need);
            }
            need.ok_or_else(|| {
                let rows = catalog::entries().keys().map(String::as_str);
                let nearest = closest(row, rows, None);
                PlanError::new(
                    format!("components.{name}.system"),
                    format!("`{row}` is not a row of the catalog"),
                    format!(
                        "did you mean `{}`? write a package of apt as `apt:{row}`",
                        nearest.unwrap_or_default()
                    ),
                )
            })
        })
        .collect()
}
