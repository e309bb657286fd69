//! Phase two: drivers, recipes and their hooks, preflight, commit, verify.
//!
//! The planning half ([`requirements`], [`plan`]) is pure; the running half ([`run`]) carries actions out.

mod arguments;
mod built;
mod cuda;
mod drivers;
mod environment;
mod hooks;
mod options;
mod plan;
pub mod recipes;
pub mod rpath;
pub mod run;
mod subject;

pub use plan::{USUAL_JOB_MIB, plan, requirements};
