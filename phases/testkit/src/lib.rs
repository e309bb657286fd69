//! Builders and fakes that tests of several crates share.

pub mod context;

pub use context::FakeContext;
