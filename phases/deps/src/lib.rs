//! Phase one: brings everything that needs a network or root, and compiles nothing of the case.
//!
//! One file per package manager (`packages/`), toolchain (`toolchains/`), language environment (`python`,
//! `crates_fetch`) and kind of source (`sources/`). [`plan()`] says what will be done, [`DepsRunner`] does it.

pub mod archive;
pub mod crates_fetch;
pub mod facts;
pub mod http;
pub mod needs;
pub mod network;
pub mod packages;
pub mod plan;
pub mod plan_sources;
pub mod python;
pub mod root_commands;
pub mod runner;
pub mod sources;
pub mod target;
pub mod toolchains;
mod tools;

pub use plan::plan;
pub use root_commands::root_commands;
pub use runner::DepsRunner;
