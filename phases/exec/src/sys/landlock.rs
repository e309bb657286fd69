//! Landlock, see landlock(7): a step is set apart from the processes that it did not start.
#![expect(unsafe_code, reason = "Landlock has no wrappers")]

use super::check;

/// `struct landlock_ruleset_attr` (`linux/landlock.h`).
#[repr(C)]
struct Rules {
    files: u64,
    ports: u64,
    scoped: u64,
}

/// `LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET`.
const ABSTRACT_SOCKETS: u64 = 1;

/// From here on this process and what it starts can neither trace, look into (`/proc/PID/root`, `pidfd_getfd`) nor reach
/// over an abstract Unix socket a process that it did not start. Files stay as they are. Before Linux 6.12, and where
/// Landlock is switched off, nothing happens. Needs "no new privileges"; allocates nothing.
pub(crate) fn set_apart() {
    let rules = Rules { files: 0, ports: 0, scoped: ABSTRACT_SOCKETS };
    // SAFETY: reads a live struct of that size; the descriptor is new and closed once.
    unsafe {
        let made =
            libc::syscall(libc::SYS_landlock_create_ruleset, &raw const rules, size_of::<Rules>(), 0_u32);
        if let Ok(descriptor) = check(made) {
            libc::syscall(libc::SYS_landlock_restrict_self, descriptor as libc::c_int, 0_u32);
            libc::close(descriptor as libc::c_int);
        }
    }
}
