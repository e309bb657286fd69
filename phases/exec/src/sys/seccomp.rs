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
    /// socketcall, socket, connect, sendto, sendmsg, sendmmsg, request_key.
    pub const CALLS_32: [i64; 7] = [102, 359, 362, 369, 370, 345, 287];
}
#[cfg(target_arch = "aarch64")]
mod machine {
    pub const ARCHITECTURE: u32 = 0xC000_00B7;
    pub const ARCHITECTURE_32: u32 = 0x4000_0028;
    /// socketcall, socket, connect, sendto, sendmsg, sendmmsg, request_key.
    pub const CALLS_32: [i64; 7] = [102, 281, 283, 290, 296, 374, 310];
}
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod machine {
    pub const ARCHITECTURE: u32 = 0;
    pub const ARCHITECTURE_32: u32 = 0;
    pub const CALLS_32: [i64; 7] = [-1; 7];
}

/// `io_uring_setup` has this number on every architecture.
const IO_URING_SETUP: i64 = 425;
/// `pidfd_getfd` as well.
const PIDFD_GETFD: i64 = 438;
/// Bit that marks a call of the x32 interface.
const X32: u32 = 0x4000_0000;
/// Network calls of x32 programs: socket, connect, sendto, sendmsg, sendmmsg (`syscall_64.tbl`).
const CALLS_X32: [u32; 5] = [41, 42, 44, 518, 538];
/// Families whose sockets stay on the machine: local ones, the kernel's own (netlink), and its cryptography.
const FAMILIES_INSIDE: [libc::c_int; 4] = [libc::AF_UNSPEC, libc::AF_UNIX, libc::AF_NETLINK, libc::AF_ALG];

// Offsets in struct seccomp_data.
const OFFSET_NUMBER: u32 = 0;
const OFFSET_ARCHITECTURE: u32 = 4;
/// The first argument, low half.
const OFFSET_FIRST: u32 = 16;
/// The fifth argument, low and high half (both architectures are little-endian).
const OFFSET_FIFTH: [u32; 2] = [48, 52];

/// Which calls of a program are caught, and what becomes of them.
pub struct Filter {
    program: Vec<libc::sock_filter>,
    notifies: bool,
}

impl Filter {
    /// Reports `connect`, `sendmsg`, `sendmmsg`, `sendto` with an address, `socket` of families that may lead out,
    /// `io_uring_setup` (which could do the same unseen), `pidfd_getfd` (which takes connected ones), `request_key` (which asks name servers through the kernel), and
    /// the same calls of 32-bit programs; refuses calls of unknown kinds of program; lets all else through. None where the
    /// architecture is not known here.
    pub fn notifying() -> Option<Self> {
        let notify = give(libc::SECCOMP_RET_USER_NOTIF);
        Self::for_this_machine(true, notify, notify, notify)
    }

    /// For a network namespace where no call can be reported: refuses what such a namespace does not hold back (families
    /// that do not know of namespaces, and what could open them unseen), and lets all else through.
    pub fn refusing() -> Option<Self> {
        let through = give(libc::SECCOMP_RET_ALLOW);
        Self::for_this_machine(false, through, refuse(libc::EAFNOSUPPORT), refuse(libc::ENOSYS))
    }

    /// `network`: what becomes of calls that name an address; `socket`: of sockets of other families; `kernel`: of what
    /// would make the kernel call.
    fn for_this_machine(
        notifies: bool,
        network: libc::sock_filter,
        socket: libc::sock_filter,
        kernel: libc::sock_filter,
    ) -> Option<Self> {
        if machine::ARCHITECTURE == 0 {
            return None;
        }
        let allow = give(libc::SECCOMP_RET_ALLOW);
        let mut inside: Vec<i32> = FAMILIES_INSIDE.to_vec();
        if !notifies {
            inside.extend([libc::AF_INET, libc::AF_INET6]);
        }
        // On entry the number is loaded; each block ends by giving an answer.
        let sockets = |number: i64| {
            let mut block = vec![load(OFFSET_FIRST)];
            for family in &inside {
                block.extend([jump_unless(*family as u32, 0, 1), allow]);
            }
            block.push(socket);
            unless(number, block)
        };
        let calls = |numbers: &[i64], answer| {
            numbers.iter().flat_map(|number| unless(*number, vec![answer])).collect()
        };
        let mut foreign =
            vec![jump_unless(machine::ARCHITECTURE_32, 1, 0), refuse(libc::ENOSYS), load(OFFSET_NUMBER)];
        let [any, opens, named @ .., key] = machine::CALLS_32;
        // Where nothing is reported its arguments cannot be read; programs of today do not use it.
        foreign.extend::<Vec<_>>(calls(&[any, IO_URING_SETUP, PIDFD_GETFD, key], kernel));
        foreign.extend::<Vec<_>>(calls(&named, network));
        foreign.extend(sockets(opens));
        foreign.push(allow);

        let mut program = vec![load(OFFSET_ARCHITECTURE)];
        program.push(jump_unless(machine::ARCHITECTURE, foreign.len() as u8, 0));
        program.extend(foreign);
        program.push(load(OFFSET_NUMBER));
        if cfg!(target_arch = "x86_64") {
            let mut block = Vec::new();
            for number in CALLS_X32 {
                let answer = if notifies { network } else { refuse(libc::ENOSYS) };
                block.extend([jump_unless(number | X32, 0, 1), answer]);
            }
            block.push(refuse(libc::ENOSYS));
            program.push(libc::sock_filter {
                code: (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16,
                jt: 0,
                jf: block.len() as u8,
                k: X32,
            });
            program.extend(block);
        }
        program.extend::<Vec<_>>(calls(&[IO_URING_SETUP, PIDFD_GETFD, libc::SYS_request_key], kernel));
        program.extend::<Vec<_>>(calls(&[libc::SYS_connect, libc::SYS_sendmsg, libc::SYS_sendmmsg], network));
        program.extend(sockets(libc::SYS_socket));
        program.extend([jump_unless(libc::SYS_sendto as u32, 1, 0), allow]);
        // An address that is null in both halves: the socket is connected already.
        program.extend([
            load(OFFSET_FIFTH[0]),
            jump_unless(0, 0, 3),
            load(OFFSET_FIFTH[1]),
            jump_unless(0, 0, 1),
            allow,
            network,
        ]);
        Some(Self { program, notifies })
    }

    /// Installs it in this process, for good, and returns the number of the listener (close-on-exec) of a filter that
    /// notifies. One that only refuses is done without where the kernel has no filters. Allocates nothing.
    pub fn install(&self) -> io::Result<Option<i32>> {
        let program =
            libc::sock_fprog { len: self.program.len() as u16, filter: self.program.as_ptr().cast_mut() };
        // With "wait killable" (Linux 5.19) a signal does not tear a reported call in two.
        let listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
        let patient = listener | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
        // SAFETY: `program` points to that many instructions, which the kernel copies.
        unsafe {
            check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
            let set = |flags: libc::c_ulong| {
                libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
            };
            if !self.notifies {
                set(0);
                return Ok(None);
            }
            let mut result = set(patient);
            if result == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL) {
                result = set(listener);
            }
            check(result).map(|number| Some(number as i32))
        }
    }
}

fn statement(code: u32, value: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k: value }
}

fn load(offset: u32) -> libc::sock_filter {
    statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset)
}

fn give(value: u32) -> libc::sock_filter {
    statement(libc::BPF_RET | libc::BPF_K, value)
}

fn refuse(errno: i32) -> libc::sock_filter {
    give(libc::SECCOMP_RET_ERRNO | errno as u32)
}

/// These instructions for the call of this number, none for others.
fn unless(number: i64, mut block: Vec<libc::sock_filter>) -> Vec<libc::sock_filter> {
    block.insert(0, jump_unless(number as u32, 0, block.len() as u8));
    block
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

/// The interface through which a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// That of this machine's programs.
    Native,
    /// That of 32-bit programs.
    Bits32,
    /// x32: 64-bit programs with 32-bit pointers.
    X32,
}

/// What a call that is reported does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// `socket`.
    Socket,
    /// `connect`.
    Connect,
    /// `sendto`.
    SendTo,
    /// `sendmsg`.
    SendMessage,
    /// `sendmmsg`.
    SendMessages,
    /// `socketcall`, which stands for any of the others.
    SocketCall,
    /// `request_key`.
    Key,
    /// `io_uring_setup`.
    Ring,
    /// `pidfd_getfd`.
    Descriptor,
    /// Another one; no filter reports any.
    Other,
}

/// A system call that waits for an answer.
pub struct Call {
    /// Identifies it to the kernel.
    pub id: u64,
    /// The thread that made it.
    pub thread: i32,
    /// Through which interface.
    pub interface: Interface,
    /// What it does.
    pub wish: Wish,
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
            interface: interface(&notification.data),
            wish: wish(&notification.data),
            arguments: notification.data.args,
        })),
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn interface(data: &libc::seccomp_data) -> Interface {
    match data.arch {
        machine::ARCHITECTURE_32 => Interface::Bits32,
        _ if cfg!(target_arch = "x86_64") && data.nr as u32 & X32 != 0 => Interface::X32,
        _ => Interface::Native,
    }
}

fn wish(data: &libc::seccomp_data) -> Wish {
    const KINDS_32: [Wish; 7] = [
        Wish::SocketCall,
        Wish::Socket,
        Wish::Connect,
        Wish::SendTo,
        Wish::SendMessage,
        Wish::SendMessages,
        Wish::Key,
    ];
    const KINDS_X32: [Wish; 5] =
        [Wish::Socket, Wish::Connect, Wish::SendTo, Wish::SendMessage, Wish::SendMessages];
    let number = i64::from(data.nr);
    let found = match interface(data) {
        _ if number == IO_URING_SETUP => Some(Wish::Ring),
        _ if number == PIDFD_GETFD => Some(Wish::Descriptor),
        Interface::Bits32 => {
            machine::CALLS_32.iter().position(|known| *known == number).map(|index| KINDS_32[index])
        }
        Interface::X32 => {
            CALLS_X32.iter().position(|known| i64::from(*known | X32) == number).map(|index| KINDS_X32[index])
        }
        Interface::Native => match number {
            libc::SYS_socket => Some(Wish::Socket),
            libc::SYS_connect => Some(Wish::Connect),
            libc::SYS_sendto => Some(Wish::SendTo),
            libc::SYS_sendmsg => Some(Wish::SendMessage),
            libc::SYS_sendmmsg => Some(Wish::SendMessages),
            libc::SYS_request_key => Some(Wish::Key),
            _ => None,
        },
    };
    found.unwrap_or(Wish::Other)
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
