//! What `deps` will do.

mod crates;
mod packages;
mod python;
mod step;
mod toolchains;

use engine::planning::{PlanCx, PlanError, Requirements};

use crate::plan_sources;

/// Plans `deps`: packages of the distribution, sources, toolchains, wheels and crates. What is independent overlaps;
/// only what runs a program that packages may have to bring (python3, cargo, git) waits for them.
///
/// # Errors
/// When the case names a package that no package manager could mean, or a source that is not declared.
pub fn plan(cx: &mut PlanCx<'_>, requirements: &Requirements) -> Result<(), PlanError> {
    let packages = packages::packages(cx, requirements)?;
    plan_sources::plan(cx, &requirements.sources)?;
    toolchains::rust_toolchain(cx, requirements, packages.as_ref());
    toolchains::pinned_rust(cx, requirements, packages.as_ref());
    if requirements.ninja {
        toolchains::ninja(cx, requirements);
    }
    toolchains::cuda(cx, requirements, packages.as_ref());
    toolchains::xmake(cx, requirements, packages.as_ref());
    python::wheels(cx, requirements, packages.as_ref());
    for source in &requirements.crates {
        crates::crates(cx, source, requirements)?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
