//! `connect` through io_uring: see io_uring(7). Structures and numbers from `linux/io_uring.h`.
#![expect(unsafe_code, reason = "system calls that real programs make")]

use std::io;
use std::mem::size_of;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use crate::ways::{Outside, check, raw_address, socket};

const OFFSET_SUBMISSIONS: i64 = 0;
const OFFSET_ENTRIES: i64 = 0x1000_0000;
const OPERATION_CONNECT: u8 = 16;
const WAIT_FOR_EVENTS: u32 = 1;

pub(crate) fn connect_through_ring(to: Ipv4Addr, _: &Outside) -> io::Result<()> {
    let socket = socket(libc::AF_INET, libc::SOCK_STREAM, 0)?;
    let address = raw_address(to, libc::AF_INET);
    // `struct io_uring_params` has 120 bytes; offsets of the submission queue begin at 40: head, tail, mask, …, array.
    let mut parameters = [0_u32; 30];
    // SAFETY: the kernel fills the parameters; the mappings have the sizes that they name; what is written lies within.
    unsafe {
        let ring = check(libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()))? as i32;
        let [tail, mask, array] = [11, 12, 16].map(|index: usize| parameters[index] as usize);
        let map = |length: usize, offset: i64| {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            libc::mmap(std::ptr::null_mut(), length, protection, libc::MAP_SHARED, ring, offset)
        };
        let queue = map(array + 4 * parameters[0] as usize, OFFSET_SUBMISSIONS).cast::<u8>();
        let entry = map(64 * parameters[0] as usize, OFFSET_ENTRIES).cast::<u8>();
        entry.write(OPERATION_CONNECT);
        entry.add(4).cast::<i32>().write(socket.as_raw_fd());
        entry.add(8).cast::<u64>().write(size_of::<libc::sockaddr_in>() as u64);
        entry.add(16).cast::<u64>().write((&raw const address) as u64);
        let at = queue.add(tail).cast::<u32>();
        let index = at.read() & queue.add(mask).cast::<u32>().read();
        queue.add(array).cast::<u32>().add(index as usize).write(0);
        std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
        at.write(at.read() + 1);
        let none = std::ptr::null_mut::<u8>();
        check(libc::syscall(libc::SYS_io_uring_enter, ring, 1, 1, WAIT_FOR_EVENTS, none, 0))?;
    }
    Ok(())
}
