//! Recorded runs and plans in, whole screens out.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

mod common;
mod events_page;
mod lines;
mod plans;
mod terminal;
