//! Builders and fakes that tests of several crates share.

pub mod context;
pub mod server;

pub use context::FakeContext;
pub use server::{Reply, Request, TestServer};
