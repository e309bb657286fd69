//! Planning context, scheduler, fingerprints, ledger, manifest store, event log.

pub mod planning;
pub mod runner;
