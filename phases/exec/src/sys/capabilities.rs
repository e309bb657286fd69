//! Capabilities, see capabilities(7): what is left of root's powers to a step that compiles.
#![expect(unsafe_code, reason = "capset has no wrapper")]

use std::io;

use super::check;

/// What a build needs that only root can do, by the kernel's numbers (`linux/capability.h`): what `tar`, `install -o`
/// and `make install` do with files of others, and what `sudo` needs to become the root that it is already.
///
/// All others are given up, among them those with which a step would leave the network namespace (`SYS_ADMIN`), use
/// another process (`SYS_PTRACE`, and `SETUID` to become its user), send packets of its own (`NET_RAW`, `NET_ADMIN`),
/// leave a chroot (`SYS_CHROOT`), or reach the kernel and its devices (`SYS_MODULE`, `SYS_RAWIO`, `MKNOD`, `BPF` …).
const KEPT: &[u32] = &[
    0,  // CHOWN
    1,  // DAC_OVERRIDE
    3,  // FOWNER
    4,  // FSETID
    5,  // KILL
    6,  // SETGID
    10, // NET_BIND_SERVICE
    29, // AUDIT_WRITE
    31, // SETFCAP
];
/// Numbers of capabilities fit in a word of 64 bits.
const MOST: u32 = 64;
/// `_LINUX_CAPABILITY_VERSION_3`.
const VERSION: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// One half of each set.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Gives up, for this process and all that it starts, every capability that a build does not need; programs with the
/// set-user-ID bit give none back. Allocates nothing.
pub(crate) fn keep_what_builds_need() -> io::Result<()> {
    let kept = KEPT.iter().fold(0_u64, |set, number| set | 1 << number);
    // SAFETY: no call takes a pointer but the last two, and theirs are to a live header and two live sets.
    unsafe {
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        for number in (0..MOST).filter(|number| kept & 1 << number == 0) {
            // EPERM: nothing can come from the bounding set while there are no new privileges. EINVAL: past the last.
            libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(number), 0, 0, 0);
        }
        // Linux 4.3; before there were none.
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        let header = Header { version: VERSION, pid: 0 };
        let mut sets = [Sets::default(); 2];
        check(libc::syscall(libc::SYS_capget, &raw const header, sets.as_mut_ptr()))?;
        for (half, sets) in sets.iter_mut().enumerate() {
            let kept = (kept >> (32 * half)) as u32;
            sets.permitted &= kept;
            sets.effective &= kept;
            sets.inheritable = 0;
        }
        check(libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr())).map(drop)
    }
}
