//! Seccomp user notification: a filter that reports network calls, and the listener that answers them.
//!
//! See seccomp(2) and seccomp_unotify(2). System-call numbers of 32-bit programs are from the kernel's tables
//! `arch/x86/entry/syscalls/syscall_32.tbl` and `arch/arm/tools/syscall.tbl`.
#![expect(unsafe_code, reason = "seccomp has no wrappers")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::check;

#[cfg(target_arch = "x86_64")]
mod machine {
    pub const ARCHITECTURE: u32 = 0xC000_003E;
    pub const ARCHITECTURE_32: u32 = 0x4000_0003;
    /// socketcall, connect, sendto, sendmsg, sendmmsg.
    pub const DENIED_32: &[u32] = &[102, 362, 369, 370, 345];
}
#[cfg(target_arch = "aarch64")]
mod machine {
    pub const ARCHITECTURE: u32 = 0xC000_00B7;
    pub const ARCHITECTURE_32: u32 = 0x4000_0028;
    /// socketcall, connect, sendto, sendmsg, sendmmsg.
    pub const DENIED_32: &[u32] = &[102, 283, 290, 296, 374];
}
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod machine {
    pub const ARCHITECTURE: u32 = 0;
    pub const ARCHITECTURE_32: u32 = 0;
    pub const DENIED_32: &[u32] = &[];
}

/// `io_uring_setup` has this number on every architecture.
const IO_URING_SETUP: u32 = 425;
/// Bit that marks a call of the x32 interface.
const X32: u32 = 0x4000_0000;

// Offsets in struct seccomp_data.
const OFFSET_NUMBER: u32 = 0;
const OFFSET_ARCHITECTURE: u32 = 4;
/// The fifth argument, low and high half (both architectures are little-endian).
const OFFSET_FIFTH: [u32; 2] = [48, 52];

/// Reports `connect`, `sendmsg`, `sendmmsg`, and `sendto` with an address; refuses `io_uring_setup` (which could do
/// the same unseen), network calls of 32-bit programs, and calls of unknown kinds of program; lets all else through.
pub struct Filter {
    program: Vec<libc::sock_filter>,
}

impl Filter {
    /// The filter for this machine; none where its architecture is not known here.
    pub fn for_this_machine() -> Option<Self> {
        if machine::ARCHITECTURE == 0 {
            return None;
        }
        let load = |offset| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset);
        let give = |value| statement(libc::BPF_RET | libc::BPF_K, value);
        let refuse = |errno: i32| give(libc::SECCOMP_RET_ERRNO | errno as u32);
        let mut foreign = vec![jump_unless(machine::ARCHITECTURE_32, 0, 1)];
        foreign.push(jump(1));
        foreign.push(refuse(libc::ENOSYS));
        foreign.push(load(OFFSET_NUMBER));
        for number in machine::DENIED_32 {
            foreign.extend([jump_unless(*number, 0, 1), refuse(libc::EACCES)]);
        }
        foreign.extend([jump_unless(IO_URING_SETUP, 0, 1), refuse(libc::ENOSYS)]);
        foreign.push(give(libc::SECCOMP_RET_ALLOW));

        let mut program = vec![load(OFFSET_ARCHITECTURE)];
        program.push(jump_unless(machine::ARCHITECTURE, foreign.len() as u8, 0));
        program.extend(foreign);
        program.push(load(OFFSET_NUMBER));
        if cfg!(target_arch = "x86_64") {
            program.push(libc::sock_filter {
                code: (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16,
                jt: 0,
                jf: 1,
                k: X32,
            });
            program.push(refuse(libc::ENOSYS));
        }
        program.extend([jump_unless(IO_URING_SETUP, 0, 1), refuse(libc::ENOSYS)]);
        for number in [libc::SYS_connect, libc::SYS_sendmsg, libc::SYS_sendmmsg] {
            program.extend([jump_unless(number as u32, 0, 1), give(libc::SECCOMP_RET_USER_NOTIF)]);
        }
        program.extend([jump_unless(libc::SYS_sendto as u32, 1, 0), give(libc::SECCOMP_RET_ALLOW)]);
        // An address that is null in both halves: the socket is connected already.
        program.extend([
            load(OFFSET_FIFTH[0]),
            jump_unless(0, 0, 3),
            load(OFFSET_FIFTH[1]),
            jump_unless(0, 0, 1),
            give(libc::SECCOMP_RET_ALLOW),
            give(libc::SECCOMP_RET_USER_NOTIF),
        ]);
        Some(Self { program })
    }

    /// Installs it in this process, for good, and returns the number of the listener (close-on-exec). Allocates
    /// nothing.
    pub fn install(&self) -> io::Result<i32> {
        let program =
            libc::sock_fprog { len: self.program.len() as u16, filter: self.program.as_ptr().cast_mut() };
        // With "wait killable" (Linux 5.19) a signal does not tear a reported call in two.
        let listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
        let patient = listener | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
        // SAFETY: `program` points to that many instructions, which the kernel copies.
        unsafe {
            check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
            let mut result =
                libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, patient, &raw const program);
            if result == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL) {
                result = libc::syscall(
                    libc::SYS_seccomp,
                    libc::SECCOMP_SET_MODE_FILTER,
                    listener,
                    &raw const program,
                );
            }
            check(result).map(|number| number as i32)
        }
    }
}

fn statement(code: u32, value: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k: value }
}

/// Skips `equal` instructions when the accumulator equals `value`, else `unequal`.
fn jump_unless(value: u32, equal: u8, unequal: u8) -> libc::sock_filter {
    libc::sock_filter {
        code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
        jt: equal,
        jf: unequal,
        k: value,
    }
}

fn jump(distance: u32) -> libc::sock_filter {
    statement(libc::BPF_JMP | libc::BPF_JA, distance)
}

/// A system call that waits for an answer.
pub struct Call {
    /// Identifies it to the kernel.
    pub id: u64,
    /// The thread that made it.
    pub thread: i32,
    /// Its number.
    pub number: i64,
    /// Its arguments.
    pub arguments: [u64; 6],
}

/// What the caller gets.
pub enum Answer {
    /// The call is carried out as it stands.
    Continue,
    /// The call fails with this error number.
    Fail(i32),
    /// The call is not carried out and returns zero.
    Succeed,
}

/// The next call that waits; none when its maker died in the meantime.
pub fn receive(listener: &OwnedFd) -> io::Result<Option<Call>> {
    // SAFETY: the kernel demands a zeroed struct and fills it.
    let (result, notification) = unsafe {
        let mut notification: libc::seccomp_notif = std::mem::zeroed();
        let result =
            check(libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut notification));
        (result, notification)
    };
    match result {
        Ok(_) => Ok(Some(Call {
            id: notification.id,
            thread: notification.pid as i32,
            number: i64::from(notification.data.nr),
            arguments: notification.data.args,
        })),
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a call still waits, so that what was read from its maker's memory was its maker's.
pub fn still_waits(listener: &OwnedFd, call: &Call) -> bool {
    let id = call.id;
    // SAFETY: reads one u64.
    unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id) == 0 }
}

/// Answers a call. One whose maker died is no error.
pub fn answer(listener: &OwnedFd, call: &Call, answer: &Answer) -> io::Result<()> {
    let mut response = libc::seccomp_notif_resp { id: call.id, val: 0, error: 0, flags: 0 };
    match answer {
        Answer::Continue => response.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
        Answer::Fail(errno) => response.error = -errno,
        Answer::Succeed => {}
    }
    // SAFETY: reads one seccomp_notif_resp.
    match check(unsafe {
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut response)
    }) {
        Err(error) if error.raw_os_error() != Some(libc::ENOENT) => Err(error),
        _ => Ok(()),
    }
}

/// Replaces descriptor `number` of the caller by a duplicate of `replacement` (Linux 5.9).
pub fn replace_descriptor(
    listener: &OwnedFd,
    call: &Call,
    number: u32,
    replacement: BorrowedFd<'_>,
    close_on_exec: bool,
) -> io::Result<()> {
    let request = libc::seccomp_notif_addfd {
        id: call.id,
        flags: libc::SECCOMP_ADDFD_FLAG_SETFD as u32,
        srcfd: replacement.as_fd().as_raw_fd() as u32,
        newfd: number,
        newfd_flags: if close_on_exec { libc::O_CLOEXEC as u32 } else { 0 },
    };
    // SAFETY: reads one seccomp_notif_addfd.
    check(unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ADDFD, &raw const request) })
        .map(drop)
}
