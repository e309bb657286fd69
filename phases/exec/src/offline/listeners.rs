//! Who answers on this machine: a process of the run, or one that was there before.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use super::daemons;
use crate::procfs;
use crate::sys::process;

/// State of a listening TCP socket in `/proc/net/tcp` (proc(5)).
const LISTENING: &str = "0A";
/// Flag of a listening Unix socket in `/proc/net/unix`: `__SO_ACCEPTCON`.
const ACCEPTS: u32 = 0x1_0000;
/// Type of a Unix socket that takes datagrams.
const DATAGRAM: &str = "0002";
/// Abstract sockets of displays, which carry nothing out.
const DISPLAYS: [&str; 2] = ["@/tmp/.X11-unix/", "@/tmp/.ICE-unix/"];

/// Who is behind an address of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answerer {
    /// Nobody, or nobody of whom is known: the kernel refuses.
    Nobody,
    /// A process of this run.
    Run,
    /// Another one; its name where it can be seen.
    Other(Option<String>),
}

/// See the module.
pub(crate) struct Listeners {
    /// The process that started the launchers of this run.
    scheduler: i32,
    /// Sockets that were seen to be the run's; their numbers are not used again soon.
    own: BTreeSet<u64>,
}

impl Listeners {
    pub(crate) fn new() -> Self {
        let own = process::own_pid();
        Self { scheduler: procfs::status(own).map_or(own, |status| status.parent), own: BTreeSet::new() }
    }

    /// Who answers at an internet address; `protocol` is the kernel's name for the asking socket's, where it is known.
    pub(crate) fn at(&mut self, thread: i32, to: SocketAddr, protocol: Option<&str>) -> Answerer {
        let tables: &[(&str, bool)] = match protocol {
            Some(name) if name.contains("TCP") => &[("tcp", true), ("tcp6", true)],
            Some(name) if name.contains("UDP") => &[("udp", false), ("udp6", false)],
            _ => &[("tcp", true), ("tcp6", true), ("udp", false), ("udp6", false)],
        };
        let mut found: Vec<(bool, u64)> = Vec::new();
        for (table, listens) in tables {
            let text = fs::read_to_string(format!("/proc/{thread}/net/{table}")).unwrap_or_default();
            let entries = text.lines().skip(1).filter_map(|line| entry(line, *listens));
            found.extend(
                entries.filter(|entry| entry.takes(to)).map(|entry| (entry.is_exact(to), entry.inode)),
            );
        }
        // The kernel prefers the socket that is bound to the very address.
        let exact = found.iter().any(|(exact, _)| *exact);
        self.of(found.into_iter().filter(|(is_exact, _)| *is_exact == exact).map(|(_, inode)| inode))
    }

    /// Who answers at an abstract Unix socket, in the kernel's writing (`@name`).
    pub(crate) fn at_abstract(&mut self, thread: i32, name: &str) -> Answerer {
        if DISPLAYS.iter().any(|display| name.starts_with(display)) {
            return Answerer::Run;
        }
        let text = fs::read_to_string(format!("/proc/{thread}/net/unix")).unwrap_or_default();
        self.of(text.lines().filter_map(bound).filter(|(_, bound)| *bound == name).map(|(inode, _)| inode))
    }

    /// Who answers at a Unix socket in the file system. One that nobody in this network namespace listens at may belong
    /// to a process in another.
    pub(crate) fn at_path(&mut self, thread: i32, path: &Path) -> Answerer {
        let seen = daemons::seen(thread, path);
        let Some(socket) = fs::metadata(&seen).ok().filter(|file| file.file_type().is_socket()) else {
            return Answerer::Nobody;
        };
        let real = fs::canonicalize(&seen).unwrap_or(seen);
        if daemons::is_harmless(&real, process::own_ids().0) {
            return Answerer::Run;
        }
        let is_it = |bound: &Path| {
            // A relative name counts from where the listener was when it bound it.
            let file = || fs::metadata(daemons::seen(thread, bound));
            (bound.is_relative() && bound.file_name() == real.file_name())
                || file().is_ok_and(|file| (file.dev(), file.ino()) == (socket.dev(), socket.ino()))
        };
        let text = fs::read_to_string(format!("/proc/{thread}/net/unix")).unwrap_or_default();
        match self.of(text
            .lines()
            .filter_map(bound)
            .filter(|(_, name)| is_it(Path::new(name)))
            .map(|it| it.0))
        {
            Answerer::Nobody => Answerer::Other(None),
            answerer => answerer,
        }
    }

    fn of(&mut self, inodes: impl Iterator<Item = u64>) -> Answerer {
        let inodes: BTreeSet<u64> = inodes.collect();
        if inodes.is_empty() {
            return Answerer::Nobody;
        }
        if !inodes.is_subset(&self.own) {
            let run = procfs::descendants(&[self.scheduler]);
            self.own.extend(run.into_iter().chain([self.scheduler]).flat_map(procfs::sockets));
        }
        match inodes.difference(&self.own).next() {
            None => Answerer::Run,
            Some(other) => {
                let holder = procfs::all().into_iter().find(|pid| procfs::sockets(*pid).contains(other));
                Answerer::Other(holder.map(procfs::name))
            }
        }
    }
}

/// A line of `/proc/net/tcp` and the like.
struct Entry {
    address: SocketAddr,
    inode: u64,
}

impl Entry {
    fn is_exact(&self, to: SocketAddr) -> bool {
        self.address.ip() == to.ip()
    }

    fn takes(&self, to: SocketAddr) -> bool {
        let any = match self.address.ip() {
            IpAddr::V4(ip) => ip.is_unspecified() && to.is_ipv4(),
            // It takes IPv4 as well, unless it was told not to.
            IpAddr::V6(ip) => ip.is_unspecified(),
        };
        // "Any" as a destination is loopback.
        let loopback = to.ip().is_unspecified() && self.address.ip().is_loopback();
        self.address.port() == to.port() && (any || loopback || self.is_exact(to))
    }
}

fn entry(line: &str, listens: bool) -> Option<Entry> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (ip, port) = fields.get(1)?.split_once(':')?;
    if listens && *fields.get(3)? != LISTENING {
        return None;
    }
    let address = SocketAddr::new(ip_of(ip)?, u16::from_str_radix(port, 16).ok()?);
    Some(Entry { address, inode: fields.get(9)?.parse().ok()? })
}

/// An address as the kernel prints it: words of 32 bits in the machine's order.
fn ip_of(text: &str) -> Option<IpAddr> {
    let mut bytes = Vec::new();
    for at in (0..text.len()).step_by(8) {
        bytes.extend(u32::from_str_radix(text.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    }
    match bytes.len() {
        4 => Some(IpAddr::V4(Ipv4Addr::from(*bytes.first_chunk::<4>()?))),
        16 => {
            let ip = Ipv6Addr::from(*bytes.first_chunk::<16>()?);
            Some(ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4))
        }
        _ => None,
    }
}

/// The number and the name of the socket in a line of `/proc/net/unix`, if it has a name and takes what is sent.
fn bound(line: &str) -> Option<(u64, &str)> {
    let mut rest = line;
    let mut next = || {
        let (field, after) = rest.trim_start().split_once(' ')?;
        rest = after;
        Some(field)
    };
    let (_, _, _, flags, kind, _) = (next()?, next()?, next()?, next()?, next()?, next()?);
    let inode = next()?.parse().ok()?;
    let accepts = u32::from_str_radix(flags, 16).ok()? & ACCEPTS != 0 || kind == DATAGRAM;
    (accepts && !rest.is_empty()).then_some((inode, rest))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    fn own() -> i32 {
        process::own_pid()
    }

    #[test]
    fn lines_of_the_kernel_are_read() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 x";
        let entry = entry(line, true).unwrap();
        assert_eq!((entry.address, entry.inode), ("127.0.0.1:8080".parse().unwrap(), 4242));
        assert!(entry.takes("127.0.0.1:8080".parse().unwrap()));
        assert!(entry.takes("0.0.0.0:8080".parse().unwrap()));
        assert!(!entry.takes("127.0.0.2:8080".parse().unwrap()));
        let line = "0000000000000000: 00000002 00000000 00010000 0001 01 777 @name";
        assert_eq!(bound(line), Some((777, "@name")));
        let line = "0000000000000000: 00000002 00000000 00010000 0001 01   778 /tmp/a name";
        assert_eq!(bound(line), Some((778, "/tmp/a name")));
        assert_eq!(bound("0000000000000000: 00000002 00000000 00000000 0001 03 779 /tmp/connected"), None);
        assert_eq!(bound("Num       RefCount Protocol Flags    Type St Inode Path"), None);
    }

    #[test]
    fn a_listener_of_the_run_is_told_from_others() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // This process is the scheduler, or a stranger.
        let mut own_run = Listeners { scheduler: own(), own: BTreeSet::new() };
        assert_eq!(own_run.at(own(), address, Some("TCP")), Answerer::Run);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(own_run.at(own(), socket.local_addr().unwrap(), Some("UDP")), Answerer::Run);
        let mut other = Listeners { scheduler: i32::MAX, own: BTreeSet::new() };
        assert!(matches!(other.at(own(), address, None), Answerer::Other(Some(_))));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a socket");
        let unix = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(own_run.at_path(own(), &path), Answerer::Run);
        assert!(matches!(other.at_path(own(), &path), Answerer::Other(Some(_))));
        drop(unix);
        assert_eq!(own_run.at_path(own(), &path), Answerer::Other(None), "it may be served from elsewhere");
        assert_eq!(own_run.at_path(own(), directory.path()), Answerer::Nobody);
        drop(listener);
        assert_eq!(other.at(own(), address, None), Answerer::Nobody);
    }
}
