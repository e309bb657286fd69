//! The only code of the project that starts a process.
//!
//! A [`session::Session`] starts children. Between it and each child stands a launcher ([`launcher`]): this same
//! binary under a hidden subcommand, which sees to it that no process outlives its step, whoever is killed. Children
//! that may not use the network are kept from it by force (`offline`), and what they wanted comes back with their end.
//!
//! All unsafe code is in `sys`; only [`privilege`] raises privileges.

mod child;
mod children;
mod ending;
mod errno;
mod fence;
pub mod foreground;
pub mod jobserver;
pub mod launcher;
mod leaks;
mod leftovers;
pub mod lock;
mod offline;
mod output;
pub mod privilege;
pub mod probe;
mod procfs;
pub mod redact;
pub mod session;
mod start;
mod sys;
pub mod utc;
mod wire;

pub use ending::GRACE;
pub use errno::errno;
pub use offline::force::FORCE_VARIABLE;
pub use redact::Redactor;
pub use session::{Canceller, Child, Ended, Fence, Launch, Leak, Session, SessionConfig};
pub use sys::process::{Limits, limits};
pub use wire::{LAUNCHER_VARIABLE, MARKER_VARIABLE, PATIENT_VARIABLE};

/// Whether this process may write to a path, by the kernel's own rules (`access(2)`), without trying.
pub fn may_write(path: &camino::Utf8Path) -> bool {
    sys::process::may_write(path.as_std_path())
}

/// Gives everything that this process writes from here on the usual modes (0644, 0755), whatever mask it was started
/// with: prefix, environments and records are for others too. What is secret asks for its own mode.
pub fn use_usual_modes() {
    sys::process::set_usual_umask();
}
