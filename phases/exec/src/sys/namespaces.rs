//! Namespaces, mounts and network interfaces.
#![expect(unsafe_code, reason = "unshare, setns, mount and interface requests need it")]

use std::ffi::{CStr, CString};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::check;

/// Leaves the network and mount namespaces for new ones, and the user namespace as well if asked.
pub fn unshare(user: bool) -> io::Result<()> {
    let flags = libc::CLONE_NEWNET | libc::CLONE_NEWNS | if user { libc::CLONE_NEWUSER } else { 0 };
    // SAFETY: takes no pointer.
    check(unsafe { libc::unshare(flags) }).map(drop)
}

/// Joins a namespace, of whatever kind the descriptor stands for.
pub fn join(namespace: impl AsFd) -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::setns(namespace.as_fd().as_raw_fd(), 0) }).map(drop)
}

/// Makes this directory the root and the working directory of this process.
pub fn enter_root(root: impl AsFd) -> io::Result<()> {
    // SAFETY: a live descriptor and a live C string.
    unsafe {
        check(libc::fchdir(root.as_fd().as_raw_fd()))?;
        check(libc::chroot(c".".as_ptr())).map(drop)
    }
}

/// Keeps mounts of this namespace from showing in the one that it came from.
pub fn make_mounts_private() -> io::Result<()> {
    mount(None, c"/", libc::MS_REC | libc::MS_PRIVATE)
}

/// Mounts one file over another.
pub fn bind(from: &Path, onto: &Path) -> io::Result<()> {
    let from = CString::new(from.as_os_str().as_bytes())?;
    let onto = CString::new(onto.as_os_str().as_bytes())?;
    mount(Some(&from), &onto, libc::MS_BIND)
}

/// Makes what is mounted at these paths, and below them, read-only in this mount namespace; returns what could not be.
pub fn make_read_only(paths: &[&str]) -> Vec<String> {
    let mut failures = Vec::new();
    for path in paths {
        let made = CString::new(*path).map_err(io::Error::from).and_then(|place| {
            mount(Some(&place), &place, libc::MS_BIND | libc::MS_REC)?;
            let table = std::fs::read_to_string("/proc/self/mountinfo")?;
            // proc_pid_mountinfo(5): the fifth field is the mount point.
            let points = table.lines().filter_map(|line| line.split(' ').nth(4));
            for point in points.filter(|point| Path::new(point).starts_with(path)) {
                let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC | libc::MS_RDONLY;
                mount(None, &CString::new(point)?, libc::MS_REMOUNT | libc::MS_BIND | flags)?;
            }
            Ok(())
        });
        if let Err(error) = made.or_else(|error| if Path::new(path).exists() { Err(error) } else { Ok(()) }) {
            failures.push(format!("{path} could not be made read-only ({error})"));
        }
    }
    failures
}

/// Leaves the mount namespace for a copy of it.
pub fn unshare_mounts() -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::unshare(libc::CLONE_NEWNS) }).map(drop)
}

/// Mounts what is at a path over itself, with all that is mounted below, read-only or writable.
pub fn bind_all(path: &Path, read_only: bool) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    mount(Some(&path), &path, libc::MS_BIND | libc::MS_REC)?;
    match set_read_only(&path, read_only) {
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => remount(&path, read_only),
        other => other,
    }
}

/// mount_setattr(2), from Linux 5.12 on: of all mounts at and below a path.
fn set_read_only(path: &CStr, read_only: bool) -> io::Result<()> {
    let attribute = libc::MOUNT_ATTR_RDONLY;
    // SAFETY: all-zero is a valid mount_attr.
    let mut attributes: libc::mount_attr = unsafe { std::mem::zeroed() };
    if read_only {
        attributes.attr_set = attribute
    } else {
        attributes.attr_clr = attribute
    }
    // SAFETY: a live C string and a live mount_attr of the size that is said.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The same of the topmost mount alone. In a user namespace the flags that a mount has cannot be taken from it.
fn remount(path: &CStr, read_only: bool) -> io::Result<()> {
    // SAFETY: all-zero is a valid statvfs; a live C string and a live statvfs.
    let kept = unsafe {
        let mut state: libc::statvfs = std::mem::zeroed();
        check(libc::statvfs(path.as_ptr(), &raw mut state))?;
        state.f_flag
            & (libc::ST_NOSUID | libc::ST_NODEV | libc::ST_NOEXEC | libc::ST_NOATIME | libc::ST_NODIRATIME)
    };
    // The flags of statvfs(3) have the values of those of mount(2).
    let wanted = if read_only { libc::MS_RDONLY } else { 0 };
    mount(None, path, libc::MS_REMOUNT | libc::MS_BIND | kept | wanted)
}

fn mount(from: Option<&CStr>, onto: &CStr, flags: libc::c_ulong) -> io::Result<()> {
    let from = from.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: live C strings or null, which these kinds of mount ignore.
    check(unsafe { libc::mount(from, onto.as_ptr(), std::ptr::null(), flags, std::ptr::null()) }).map(drop)
}

/// Brings up the loopback interface of the current network namespace.
pub fn loopback_up() -> io::Result<()> {
    // SAFETY: all-zero is a valid ifreq; the name is shorter than its field; the requests read and write an ifreq.
    unsafe {
        let socket = OwnedFd::from_raw_fd(check(libc::socket(
            libc::AF_INET,
            libc::SOCK_DGRAM | libc::SOCK_CLOEXEC,
            0,
        ))?);
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
            *to = *from as libc::c_char;
        }
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS as _, &raw mut request))?;
        request.ifr_ifru.ifru_flags |= (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw mut request)).map(drop)
    }
}

/// A network interface's address.
pub struct Interface {
    /// It is up and not the loopback interface.
    pub leads_out: bool,
    /// Its address, if this entry has one.
    pub address: Option<IpAddr>,
}

/// The interfaces of the current network namespace, one entry for each address (and one for each bare link).
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let mut found = Vec::new();
    // SAFETY: getifaddrs gives a linked list that is valid until freeifaddrs; addresses are read as the type that
    // their family says.
    unsafe {
        let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
        check(libc::getifaddrs(&raw mut list))?;
        let mut entry = list;
        while let Some(interface) = entry.as_ref() {
            let flags = interface.ifa_flags as libc::c_int;
            let address =
                interface.ifa_addr.as_ref().and_then(|address| match i32::from(address.sa_family) {
                    libc::AF_INET => {
                        let address = interface.ifa_addr.cast::<libc::sockaddr_in>().read_unaligned();
                        Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr))))
                    }
                    libc::AF_INET6 => {
                        let address = interface.ifa_addr.cast::<libc::sockaddr_in6>().read_unaligned();
                        Some(IpAddr::V6(Ipv6Addr::from(address.sin6_addr.s6_addr)))
                    }
                    _ => None,
                });
            let leads_out = flags & libc::IFF_UP != 0 && flags & libc::IFF_LOOPBACK == 0;
            found.push(Interface { leads_out, address });
            entry = interface.ifa_next;
        }
        libc::freeifaddrs(list);
    }
    Ok(found)
}
