//! Toolchains: one file each.

mod conda;
pub mod cuda;
pub mod cuda_machine;
pub mod cuda_wheels;
pub mod ninja;
pub mod pinned;
pub mod rust;
pub mod rustup;
mod wheel_tags;
pub mod xmake;

use engine::runner::{Context, Observation, StepError};
use model::plan::EnsureToolchain;

/// Looks whether a toolchain is there and new enough.
///
/// # Errors
/// When the look itself fails.
pub fn observe(action: &EnsureToolchain, context: &dyn Context) -> Result<Observation, StepError> {
    match action {
        EnsureToolchain::Cuda { wanted, tree, .. } => cuda::observe(wanted, tree.as_deref(), context),
        EnsureToolchain::Conda { prefix, specification, .. } => {
            conda::observe(prefix, specification.as_deref())
        }
        EnsureToolchain::Ninja { tools, .. } => ninja::observe(tools, context),
        EnsureToolchain::Rust { minimum, sources, source_artifacts, install_root, .. } => {
            let wanted = rust::wanted(minimum.as_deref(), sources, source_artifacts)?;
            rust::observe(wanted.as_deref(), install_root, context)
        }
        EnsureToolchain::PinnedRust { pins, sources, source_artifacts, .. } => {
            pinned::observe(&pinned::wanted(pins, sources, source_artifacts)?, context)
        }
        EnsureToolchain::Xmake { minimum, source, tree, manager } => {
            let wanted = xmake::XmakeRequest::new(minimum, source, tree, manager);
            xmake::observe(&wanted, context)
        }
    }
}

/// Brings it.
///
/// # Errors
/// When none of the ways to bring it is open, with all of them named.
pub fn run(action: &EnsureToolchain, context: &dyn Context) -> Result<(), StepError> {
    match action {
        EnsureToolchain::Cuda { wanted, tree, artifacts } => {
            cuda::run(wanted, tree.as_deref(), artifacts, context)
        }
        EnsureToolchain::Conda { prefix, specification, packages } => {
            conda::run(prefix, specification.as_deref(), packages, context)
        }
        EnsureToolchain::Ninja { tools, artifacts } => ninja::run(tools, artifacts, context),
        EnsureToolchain::Rust { minimum, sources, source_artifacts, install_root, manager } => {
            let wanted = rust::wanted(minimum.as_deref(), sources, source_artifacts)?;
            rust::run(wanted.as_deref(), install_root, manager.as_deref(), context)
        }
        EnsureToolchain::PinnedRust { pins, sources, source_artifacts, install_root } => {
            pinned::run(&pinned::wanted(pins, sources, source_artifacts)?, install_root, context)
        }
        EnsureToolchain::Xmake { minimum, source, tree, manager } => {
            xmake::run(&xmake::XmakeRequest::new(minimum, source, tree, manager), context)
        }
    }
}
