//! Builders and fakes that tests of several crates share.

pub mod context;
pub mod needs;
pub mod server;

pub use context::FakeContext;
pub use needs::need;
pub use server::{Reply, Request, TestServer};
