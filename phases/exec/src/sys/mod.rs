//! Everything that needs unsafe code: thin, safe wrappers over Linux system calls, each with one purpose.
//!
//! Facts about the calls are from their pages in section 2 of the Linux manual. Nothing outside this module may be
//! unsafe; the workspace denies it.

pub(crate) mod capabilities;
pub mod descriptors;
pub(crate) mod landlock;
pub mod namespaces;
pub mod process;
pub mod seccomp;

use std::io;

/// Turns the -1 of a system call into the error that it set.
pub(crate) fn check<N: Copy + PartialEq + From<i8>>(result: N) -> io::Result<N> {
    if result == N::from(-1) { Err(io::Error::last_os_error()) } else { Ok(result) }
}
