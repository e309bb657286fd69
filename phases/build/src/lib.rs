//! Phase two: drivers and components, preflight, commit, verify.
//!
//! The planning half ([`requirements`], [`plan`]) is pure; the running half ([`run`]) carries actions out.

mod components;
mod cuda;
mod drivers;
mod environment;
mod options;
mod plan;
pub mod rpath;
pub mod run;

pub use components::recipes;
pub use plan::{plan, requirements};
