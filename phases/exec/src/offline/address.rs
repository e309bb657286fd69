//! Socket addresses as a program hands them to the kernel.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Where a call leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// It cannot leave the machine, or the kernel will refuse it anyway.
    Inside,
    /// An internet address; whether it is this machine's own is for others to say.
    Internet(SocketAddr),
    /// A Unix socket in the file system.
    Path(PathBuf),
    /// A Unix socket without a file, as the kernel writes its name (`@name`).
    Abstract(String),
    /// Another way out.
    Other(&'static str),
}

/// Longest address that is looked at: `sockaddr_storage`.
pub(crate) const LONGEST_ADDRESS: u64 = 128;

/// Reads a `sockaddr`. `connects`: it is that of `connect`, where no family means "disconnect"; in a datagram's
/// address no family means IPv4 (udp(7), and the kernel's `udp_sendmsg`).
pub(crate) fn parse(bytes: &[u8], connects: bool) -> Destination {
    let Some(family) = bytes.first_chunk::<2>() else { return Destination::Inside };
    let family = i32::from(u16::from_ne_bytes(*family));
    let port = || bytes.get(2..4).map_or(0, |port| u16::from_be_bytes([port[0], port[1]]));
    match family {
        libc::AF_UNSPEC if connects => Destination::Inside,
        libc::AF_INET | libc::AF_UNSPEC => match bytes.get(4..8) {
            Some(ip) if bytes.len() >= 16 => {
                let ip = Ipv4Addr::new(ip[0], ip[1], ip[2], ip[3]);
                Destination::Internet(SocketAddr::new(IpAddr::V4(ip), port()))
            }
            _ => Destination::Inside,
        },
        libc::AF_INET6 => match bytes.get(8..24).and_then(<[u8]>::first_chunk::<16>) {
            Some(ip) => {
                let ip = Ipv6Addr::from(*ip);
                let ip = ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4);
                Destination::Internet(SocketAddr::new(ip, port()))
            }
            None => Destination::Inside,
        },
        libc::AF_UNIX => unix(&bytes[2..]),
        libc::AF_PACKET => Destination::Other("raw network packets"),
        libc::AF_VSOCK => Destination::Other("the virtual machine's host (vsock)"),
        // Netlink, crypto and the like.
        _ => Destination::Inside,
    }
}

/// What a socket of this kind would reach, and with which error it is refused; none for local sockets and for those
/// whose calls name an address that can be judged: TCP, UDP, and pings.
pub(crate) fn leads_out(family: i32, kind: i32, protocol: i32) -> Option<(String, i32)> {
    let kind = kind & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC);
    match family {
        libc::AF_UNSPEC | libc::AF_UNIX | libc::AF_NETLINK | libc::AF_ALG => None,
        libc::AF_INET | libc::AF_INET6 => match (kind, protocol) {
            (libc::SOCK_STREAM, 0 | libc::IPPROTO_TCP | libc::IPPROTO_MPTCP) => None,
            (libc::SOCK_DGRAM, 0 | libc::IPPROTO_UDP | libc::IPPROTO_UDPLITE) => None,
            (libc::SOCK_DGRAM, libc::IPPROTO_ICMP | libc::IPPROTO_ICMPV6) => None,
            (libc::SOCK_RAW, _) => Some(("the network by raw packets".to_owned(), libc::EPERM)),
            _ => Some((format!("the network by protocol {protocol}"), libc::EPROTONOSUPPORT)),
        },
        libc::AF_PACKET => Some(("the network by raw packets".to_owned(), libc::EPERM)),
        libc::AF_VSOCK => Some(("the virtual machine's host (vsock)".to_owned(), libc::EAFNOSUPPORT)),
        other => Some((format!("the network by a socket of family {other}"), libc::EAFNOSUPPORT)),
    }
}

/// The name in a `sockaddr_un` (unix(7)): a path up to the first zero byte, or a zero byte and a name.
fn unix(name: &[u8]) -> Destination {
    match name.split_first() {
        None => Destination::Inside,
        // The kernel prints zero bytes within as `@` as well.
        Some((0, name)) => {
            Destination::Abstract(format!("@{}", String::from_utf8_lossy(name).replace('\0', "@")))
        }
        Some(_) => {
            let path = name.split(|byte| *byte == 0).next().unwrap_or_default();
            Destination::Path(PathBuf::from(OsStr::from_bytes(path)))
        }
    }
}

/// Whether an address is this machine wherever one is: loopback, or "any", which leads to loopback.
pub(crate) fn is_loopback(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ipv4(family: i32, ip: [u8; 4], port: u16) -> Vec<u8> {
        let mut bytes = u16::try_from(family).unwrap().to_ne_bytes().to_vec();
        bytes.extend(port.to_be_bytes());
        bytes.extend(ip);
        bytes.extend([0; 8]);
        bytes
    }

    #[test]
    fn internet_addresses_are_read() {
        assert_eq!(
            parse(&ipv4(libc::AF_INET, [192, 0, 2, 7], 443), true),
            Destination::Internet("192.0.2.7:443".parse().unwrap())
        );
        let mut six = u16::try_from(libc::AF_INET6).unwrap().to_ne_bytes().to_vec();
        six.extend([0x01, 0xbb, 0, 0, 0, 0]);
        six.extend("2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
        six.extend([0; 4]);
        assert_eq!(parse(&six, true), Destination::Internet("[2001:db8::1]:443".parse().unwrap()));
        six[8..24].copy_from_slice(&"::ffff:192.0.2.7".parse::<Ipv6Addr>().unwrap().octets());
        assert_eq!(parse(&six, true), Destination::Internet("192.0.2.7:443".parse().unwrap()));
    }

    #[test]
    fn no_family_disconnects_but_sends() {
        let bytes = ipv4(libc::AF_UNSPEC, [192, 0, 2, 7], 9);
        assert_eq!(parse(&bytes, true), Destination::Inside);
        assert_eq!(parse(&bytes, false), Destination::Internet("192.0.2.7:9".parse().unwrap()));
    }

    #[test]
    fn sockets_whose_addresses_cannot_be_judged_lead_out() {
        let close = libc::SOCK_CLOEXEC;
        assert_eq!(leads_out(libc::AF_INET, libc::SOCK_STREAM | close, 0), None);
        assert_eq!(leads_out(libc::AF_INET6, libc::SOCK_DGRAM | close, libc::IPPROTO_UDP), None);
        assert_eq!(leads_out(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0), None);
        for (family, kind, protocol) in [
            (libc::AF_INET, libc::SOCK_RAW | close, libc::IPPROTO_ICMP),
            (libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_SCTP),
            (libc::AF_PACKET, libc::SOCK_DGRAM, 0),
            (libc::AF_VSOCK, libc::SOCK_STREAM, 0),
            (libc::AF_CAN, libc::SOCK_RAW, 1),
        ] {
            assert!(leads_out(family, kind, protocol).is_some(), "{family} {kind} {protocol}");
        }
    }

    #[test]
    fn unix_sockets_have_a_path_or_a_name() {
        let mut bytes = u16::try_from(libc::AF_UNIX).unwrap().to_ne_bytes().to_vec();
        assert_eq!(parse(&bytes, true), Destination::Inside);
        bytes.extend(b"/run/docker.sock\0\0");
        assert_eq!(parse(&bytes, true), Destination::Path("/run/docker.sock".into()));
        bytes.splice(2.., *b"\0bus");
        assert_eq!(parse(&bytes, true), Destination::Abstract("@bus".to_owned()));
    }

    #[test]
    fn what_is_cut_short_or_local_stays_inside() {
        assert_eq!(parse(&[], true), Destination::Inside);
        assert_eq!(parse(&ipv4(libc::AF_INET, [192, 0, 2, 7], 9)[..9], true), Destination::Inside);
        assert_eq!(parse(&ipv4(libc::AF_NETLINK, [0; 4], 0), true), Destination::Inside);
        assert!(is_loopback("127.0.1.1".parse().unwrap()));
        assert!(is_loopback("::".parse().unwrap()));
        assert!(!is_loopback("10.0.0.1".parse().unwrap()));
    }
}
