//! Socket addresses as a program hands them to the kernel.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where a call leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// It cannot leave the machine, or the kernel will refuse it anyway.
    Inside,
    /// An internet address; whether it is this machine's own is for others to say.
    Internet(SocketAddr),
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
        libc::AF_PACKET => Destination::Other("raw network packets"),
        libc::AF_VSOCK => Destination::Other("the virtual machine's host (vsock)"),
        // Unix, netlink, crypto and the like.
        _ => Destination::Inside,
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
    fn what_is_cut_short_or_local_stays_inside() {
        assert_eq!(parse(&[], true), Destination::Inside);
        assert_eq!(parse(&ipv4(libc::AF_INET, [192, 0, 2, 7], 9)[..9], true), Destination::Inside);
        assert_eq!(parse(&ipv4(libc::AF_UNIX, [0; 4], 0), true), Destination::Inside);
        assert!(is_loopback("127.0.1.1".parse().unwrap()));
        assert!(is_loopback("::".parse().unwrap()));
        assert!(!is_loopback("10.0.0.1".parse().unwrap()));
    }
}
