//! File descriptors: passing them on, waiting for them, locking what they stand for.
#![expect(unsafe_code, reason = "system calls on descriptors that the standard library does not wrap")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use super::check;

/// How many descriptors one message may carry here; far more than a launch needs.
const MOST_DESCRIPTORS: usize = 16;

/// Room for the control message that carries [`MOST_DESCRIPTORS`], aligned as `cmsghdr` demands.
#[repr(align(8))]
struct Control([u8; 128]);

/// Sends bytes over a Unix socket, with descriptors attached to the first of them. Returns how many bytes went.
pub fn send_with(socket: BorrowedFd<'_>, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
    if descriptors.len() > MOST_DESCRIPTORS {
        return Err(io::Error::other("too many descriptors for one message"));
    }
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut control = Control([0; 128]);
    // SAFETY: all-zero is a valid msghdr; every pointer put into it below outlives the call.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    if !descriptors.is_empty() {
        let payload = size_of_val(descriptors) as u32;
        message.msg_control = control.0.as_mut_ptr().cast();
        // SAFETY: CMSG_SPACE only computes.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(payload) } as _;
        // SAFETY: `control` has room for MOST_DESCRIPTORS descriptors, so the first header and its data lie within it.
        unsafe {
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(payload) as _;
            let data = libc::CMSG_DATA(header).cast::<libc::c_int>();
            for (index, descriptor) in descriptors.iter().enumerate() {
                data.add(index).write_unaligned(descriptor.as_raw_fd());
            }
        }
    }
    loop {
        // SAFETY: `message` points to live buffers of the stated lengths.
        match check(unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) }) {
            Ok(sent) => return Ok(sent as usize),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Receives bytes and what descriptors come with them (close-on-exec). Zero bytes: the other end is closed.
pub fn receive_with(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut control = Control([0; 128]);
    // SAFETY: all-zero is a valid msghdr; every pointer put into it below outlives the call.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    let received = loop {
        // SAFETY: `message` points to live buffers of the stated lengths.
        match check(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) }) {
            Ok(received) => break received as usize,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    };
    let mut descriptors = Vec::new();
    // SAFETY: the kernel filled `control`; the CMSG macros walk it within `msg_controllen`, and each number in an
    // SCM_RIGHTS message is a descriptor that is ours from now on.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&raw const message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let bytes = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(header).cast::<libc::c_int>();
                for index in 0..bytes / size_of::<libc::c_int>() {
                    descriptors.push(OwnedFd::from_raw_fd(data.add(index).read_unaligned()));
                }
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
    }
    Ok((received, descriptors))
}

/// Waits until one of the descriptors can be read (or is closed at the other end, or broken); `None` waits forever.
/// Tells for each whether it can. All false: the time is over.
pub fn poll(descriptors: &[BorrowedFd<'_>], timeout: Option<Duration>) -> io::Result<Vec<bool>> {
    let mut entries: Vec<libc::pollfd> = descriptors
        .iter()
        .map(|descriptor| libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 })
        .collect();
    // Rounded up, so that a wait of less than a millisecond does not become a busy loop.
    let milliseconds =
        timeout.map_or(-1, |time| i32::try_from(time.as_micros().div_ceil(1000)).unwrap_or(i32::MAX));
    // SAFETY: `entries` is a live array of that many entries.
    match check(unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, milliseconds) }) {
        Ok(_) => Ok(entries.iter().map(|entry| entry.revents != 0).collect()),
        // The caller computes the rest of its time anew.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(vec![false; descriptors.len()]),
        Err(error) => Err(error),
    }
}

/// A pipe, both ends close-on-exec: (read, write).
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for two descriptors, which are ours after success.
    unsafe {
        check(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC))?;
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

/// A close-on-exec duplicate with a number of at least `lowest`.
pub fn duplicate_from(descriptor: impl AsFd, lowest: i32) -> io::Result<OwnedFd> {
    // SAFETY: the result is a new descriptor that is ours.
    unsafe {
        let raw = check(libc::fcntl(descriptor.as_fd().as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest))?;
        Ok(OwnedFd::from_raw_fd(raw))
    }
}

/// Makes `number` (0, 1 or 2) refer to what `descriptor` refers to, inheritable.
pub fn duplicate_onto_standard(descriptor: impl AsFd, number: i32) -> io::Result<()> {
    assert!((0..=2).contains(&number), "only standard streams are replaced");
    // SAFETY: the standard streams are never owned by an OwnedFd of ours, so nothing is closed behind its back.
    check(unsafe { libc::dup2(descriptor.as_fd().as_raw_fd(), number) }).map(drop)
}

/// Lets a descriptor survive `exec`.
pub fn keep_across_exec(descriptor: impl AsFd) -> io::Result<()> {
    // SAFETY: F_SETFD takes no pointer.
    check(unsafe { libc::fcntl(descriptor.as_fd().as_raw_fd(), libc::F_SETFD, 0) }).map(drop)
}

/// Keeps descriptors that this process inherited (3 and up) from whatever it executes: those of a make that runs
/// `installer`, say.
pub fn close_inherited_on_exec() -> io::Result<()> {
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse::<libc::c_int>().ok());
        if let Some(number) = number.filter(|number| *number > 2) {
            // SAFETY: F_SETFD takes no pointer, and changes nothing for this process itself.
            check(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) })?;
        }
    }
    Ok(())
}

/// Makes reads and writes through this open file description return at once.
pub fn set_nonblocking(descriptor: impl AsFd) -> io::Result<()> {
    let raw = descriptor.as_fd().as_raw_fd();
    // SAFETY: neither command takes a pointer.
    unsafe {
        let flags = check(libc::fcntl(raw, libc::F_GETFL))?;
        check(libc::fcntl(raw, libc::F_SETFL, flags | libc::O_NONBLOCK)).map(drop)
    }
}

/// How many bytes wait in a pipe.
pub fn bytes_waiting(descriptor: impl AsFd) -> io::Result<usize> {
    let mut waiting: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int to the pointer.
    check(unsafe { libc::ioctl(descriptor.as_fd().as_raw_fd(), libc::FIONREAD, &raw mut waiting) })?;
    Ok(waiting.unsigned_abs() as usize)
}

/// The kernel's name for the protocol of another process's socket (`TCP`, `UDPv6` …); none where it cannot be asked.
pub fn protocol(thread: i32, descriptor: u64) -> Option<String> {
    let path = std::ffi::CString::new(format!("/proc/{thread}/fd/{descriptor}")).ok()?;
    let mut name = [0_u8; 64];
    // SAFETY: live C strings, and a buffer of that length.
    let length = unsafe {
        let attribute = c"system.sockprotoname".as_ptr();
        check(libc::getxattr(path.as_ptr(), attribute, name.as_mut_ptr().cast(), name.len())).ok()?
    };
    let name = name.get(..length.unsigned_abs())?;
    Some(String::from_utf8_lossy(name).trim_end_matches('\0').to_owned())
}

/// Takes the exclusive lock of an open file description (flock(2)); false: someone else has it.
pub fn try_lock(descriptor: impl AsFd) -> io::Result<bool> {
    // SAFETY: takes no pointer.
    match check(unsafe { libc::flock(descriptor.as_fd().as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) }) {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::EWOULDBLOCK) => Ok(false),
        Err(error) => Err(error),
    }
}
