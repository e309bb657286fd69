//! What the whole project talks about: cases, targets, plans, locks, events, reports.
//!
//! Types and pure functions only. Nothing in this crate reads a file, starts a process or asks the clock;
//! text comes in and goes out as strings, so that every decision can be tested from recorded data.

pub mod accelerators;
pub mod account;
pub mod asked;
pub mod case;
pub mod catalog;
pub mod circle;
pub mod compatibility;
pub mod cuda;
pub mod distribution;
pub mod event;
pub mod exit;
pub mod fingerprint;
pub mod id;
pub mod layout;
pub mod lock;
pub mod manifest;
pub mod nearest;
pub mod plan;
pub mod python;
pub mod report;
pub mod requirements;
pub mod shell;
pub mod site;
pub mod source_facts;
pub mod target;
pub mod text;
pub mod verify_level;
mod version;
pub mod visible;
pub mod xmake;

pub use id::{ComponentName, Digest, SourceName, StepId};
