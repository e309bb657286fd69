//! Keeping the network away from steps that may not use it, and noticing when one reaches for it.
//!
//! The *wall* prevents: a network namespace with nothing but loopback. The *audit* notices: a seccomp filter hands each
//! call that names an address to the launcher. Where there can be no wall (inside an image build's RUN), the audit
//! refuses what leads out.
//!
//! A name server's port is special: the launcher replaces the caller's socket by one that leads to itself, answers
//! each question with "no such name", and so learns which names were wanted by whom.

pub(crate) mod address;
pub(crate) mod audit;
pub(crate) mod call;
pub(crate) mod daemons;
pub(crate) mod dns;
pub(crate) mod force;
pub(crate) mod holder;
pub(crate) mod listeners;
pub(crate) mod names;
