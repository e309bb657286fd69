//! Ways out of a step, as raw calls: what real programs do, and what a clever one might. Each tries to let one packet
//! reach an address (port 7), and tells on standard error why it could not.
#![expect(unsafe_code, reason = "system calls that real programs make")]

use std::ffi::CString;
use std::fs;
use std::io::{self, Write};
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

/// Where each way leads.
const PORT: u16 = 7;
/// A path in the kernel's limits, bound by the outside.
pub(crate) const ABSTRACT: &str = "installer-ways";

/// What stands outside of the run: see `outside.rs`.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Outside {
    pub(crate) pid: i32,
    /// Port of the relays on TCP and UDP.
    pub(crate) port: u16,
    /// An address of this machine at which a relay listens.
    pub(crate) own: Ipv4Addr,
    /// Connected sockets, by where they lead.
    pub(crate) connected: Vec<(Ipv4Addr, RawFd)>,
    /// Interface that leads there, and the hardware address behind it.
    pub(crate) interface: u32,
    pub(crate) hardware: [u8; 6],
    /// A Unix socket that no list names.
    pub(crate) unnamed: String,
}

type Way = fn(Ipv4Addr, &Outside) -> io::Result<()>;

/// By name.
pub(crate) const WAYS: &[(&str, Way)] = &[
    ("TCP, connect", |to, _| TcpStream::connect_timeout(&address(to), WAIT).map(drop)),
    ("TCP, connect through IPv6", |to, _| {
        TcpStream::connect_timeout(&SocketAddr::new(to.to_ipv6_mapped().into(), PORT), WAIT).map(drop)
    }),
    ("TCP, connect in a thread", |to, _| {
        thread::spawn(move || TcpStream::connect_timeout(&address(to), WAIT).map(drop))
            .join()
            .unwrap_or(Ok(()))
    }),
    ("TCP, fast open (sendto)", |to, _| {
        let socket = socket(libc::AF_INET, libc::SOCK_STREAM, 0)?;
        send_to(&socket, to, libc::AF_INET, libc::MSG_FASTOPEN)
    }),
    ("TCP, fast open (connect, then write)", fast_open),
    ("TCP, multipath", |to, _| connect(&socket(libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_MPTCP)?, to)),
    ("TCP, by a process that leaves the session", daemon),
    ("UDP, connect and send", |to, _| {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect(address(to))?;
        socket.send(b"x").map(drop)
    }),
    ("UDP, sendto", |to, _| UdpSocket::bind("0.0.0.0:0")?.send_to(b"x", address(to)).map(drop)),
    ("UDP, sendto without a family", |to, _| {
        send_to(&socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?, to, libc::AF_UNSPEC, 0)
    }),
    ("UDP, sendmsg", |to, _| send_message(to, false)),
    ("UDP, sendmmsg", |to, _| send_message(to, true)),
    ("UDP-Lite, sendto", |to, _| {
        send_to(&socket(libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_UDPLITE)?, to, libc::AF_INET, 0)
    }),
    ("name server, query without connection", |to, _| crate::ask(&format!("{to}:53"), "ways.example.org")),
    ("name server, query on a connection", |to, _| {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect((to, 53))?;
        socket.send(&crate::query("ways.example.org")?).map(drop)
    }),
    ("name server, TCP", |to, _| TcpStream::connect_timeout(&SocketAddr::new(to.into(), 53), WAIT).map(drop)),
    ("raw IP, ICMP", |to, _| {
        let socket = socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP)?;
        connect(&socket, to)?;
        send(&socket, &[8, 0, 0xf7, 0xff, 0, 0, 0, 0])
    }),
    ("raw IP, own header", |to, _| {
        let socket = socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_RAW)?;
        connect(&socket, to)?;
        send(&socket, &datagram(to))
    }),
    ("raw packet to an address (AF_PACKET, sendto)", |to, outside| packet(to, outside, true)),
    ("raw packet without an address (AF_PACKET, bind and send)", |to, outside| packet(to, outside, false)),
    ("io_uring, connect", super::ring::connect_through_ring),
    ("32-bit call, connect", |to, _| bits32(to, Bits32::Connect)),
    ("32-bit call, socketcall", |to, _| bits32(to, Bits32::SocketCall)),
    ("32-bit call, sendto", |to, _| bits32(to, Bits32::SendTo)),
    ("proxy on loopback, TCP", |to, outside| relay(to, TcpStream::connect(("127.0.0.1", outside.port))?)),
    ("proxy on loopback, another address of it", |to, outside| {
        relay(to, TcpStream::connect(("127.8.0.8", outside.port))?)
    }),
    ("proxy on loopback, UDP", |to, outside| {
        let text = format!("{to}\n");
        UdpSocket::bind("127.0.0.1:0")?.send_to(text.as_bytes(), ("127.0.0.1", outside.port)).map(drop)
    }),
    ("proxy at the machine's own address", |to, outside| {
        relay(to, TcpStream::connect((outside.own, outside.port))?)
    }),
    ("container engine (Unix socket)", |to, _| relay(to, UnixStream::connect(ENGINE)?)),
    ("container engine, relative path", |to, _| {
        std::env::set_current_dir("/run/podman")?;
        relay(to, UnixStream::connect("./podman.sock")?)
    }),
    ("container engine, symbolic link", |to, _| {
        let link = std::env::temp_dir().join(format!("installer-way-{}", std::process::id()));
        std::os::unix::fs::symlink(ENGINE, &link)?;
        let stream = UnixStream::connect(&link);
        fs::remove_file(&link)?;
        relay(to, stream?)
    }),
    ("container engine, mask unmounted", |to, _| {
        unmount(ENGINE);
        relay(to, UnixStream::connect(ENGINE)?)
    }),
    ("container engine, mask unmounted in a new user namespace", |to, _| {
        // SAFETY: takes no pointer.
        unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) };
        unmount(ENGINE);
        relay(to, UnixStream::connect(ENGINE)?)
    }),
    ("container engine, through another process's root", |to, outside| {
        relay(to, UnixStream::connect(format!("/proc/{}/root{ENGINE}", outside.pid))?)
    }),
    ("container engine, after leaving the mount namespace", |to, outside| {
        join(outside.pid, "mnt")?;
        relay(to, UnixStream::connect(ENGINE)?)
    }),
    ("D-Bus (Unix socket)", |to, _| relay(to, UnixStream::connect(BUS)?)),
    ("name service cache (Unix socket)", |to, _| relay(to, UnixStream::connect(NAMES)?)),
    ("unknown daemon (Unix socket)", |to, outside| relay(to, UnixStream::connect(&outside.unnamed)?)),
    ("unknown daemon (Unix socket without a file)", |to, _| {
        let name = std::os::unix::net::SocketAddr::from_abstract_name(ABSTRACT)?;
        relay(to, UnixStream::connect_addr(&name)?)
    }),
    ("another network namespace (setns)", |to, outside| {
        join(outside.pid, "net")?;
        UdpSocket::bind("0.0.0.0:0")?.send_to(b"x", address(to)).map(drop)
    }),
    ("another process's socket (pidfd_getfd)", stolen),
    ("another process's socket, as its user (setuid)", |to, outside| {
        let somebody = super::outside::SOMEBODY;
        // SAFETY: take no pointer.
        unsafe {
            check(libc::setresgid(somebody, somebody, somebody))?;
            check(libc::setresuid(somebody, somebody, somebody))?;
        }
        stolen(to, outside)
    }),
];

/// Sockets that stand in for daemons.
pub(crate) const ENGINE: &str = "/run/podman/podman.sock";
pub(crate) const BUS: &str = "/run/dbus/system_bus_socket";
pub(crate) const NAMES: &str = "/run/nscd/socket";

const WAIT: Duration = Duration::from_secs(2);

/// Goes a way.
pub(crate) fn go(name: &str, to: &str, outside: &str) -> io::Result<()> {
    let (_, way) =
        WAYS.iter().find(|(known, _)| *known == name).ok_or_else(|| io::Error::other("no such way"))?;
    let outside = serde_json::from_slice(&fs::read(outside)?)?;
    way(to.parse().map_err(io::Error::other)?, &outside)
}

fn address(to: Ipv4Addr) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(to, PORT))
}

pub(crate) fn check<N: Copy + PartialOrd + From<i8>>(result: N) -> io::Result<N> {
    if result < N::from(0) { Err(io::Error::last_os_error()) } else { Ok(result) }
}

pub(crate) fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: a new descriptor, owned from here on.
    unsafe { Ok(OwnedFd::from_raw_fd(check(libc::socket(family, kind, protocol))?)) }
}

pub(crate) fn raw_address(to: Ipv4Addr, family: i32) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: family as u16,
        sin_port: PORT.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(to).to_be() },
        sin_zero: [0; 8],
    }
}

fn connect(socket: &OwnedFd, to: Ipv4Addr) -> io::Result<()> {
    let to = raw_address(to, libc::AF_INET);
    let length = size_of::<libc::sockaddr_in>() as u32;
    // SAFETY: a live address of that length.
    check(unsafe { libc::connect(socket.as_raw_fd(), (&raw const to).cast(), length) }).map(drop)
}

fn send(socket: &OwnedFd, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: a live buffer of that length.
    check(unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) }).map(drop)
}

fn send_to(socket: &OwnedFd, to: Ipv4Addr, family: i32, flags: i32) -> io::Result<()> {
    let to = raw_address(to, family);
    let length = size_of::<libc::sockaddr_in>() as u32;
    // SAFETY: a live buffer and a live address of those lengths.
    check(unsafe {
        libc::sendto(socket.as_raw_fd(), b"x".as_ptr().cast(), 1, flags, (&raw const to).cast(), length)
    })
    .map(drop)
}

fn send_message(to: Ipv4Addr, many: bool) -> io::Result<()> {
    let socket = socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    let mut to = raw_address(to, libc::AF_INET);
    let mut part = libc::iovec { iov_base: b"x".as_ptr().cast_mut().cast(), iov_len: 1 };
    // SAFETY: zeroed headers are valid; all pointers outlive the calls.
    unsafe {
        let mut message: libc::mmsghdr = zeroed();
        message.msg_hdr.msg_name = (&raw mut to).cast();
        message.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
        message.msg_hdr.msg_iov = &raw mut part;
        message.msg_hdr.msg_iovlen = 1;
        let sent = if many {
            i64::from(libc::sendmmsg(socket.as_raw_fd(), &raw mut message, 1, 0))
        } else {
            libc::sendmsg(socket.as_raw_fd(), &raw const message.msg_hdr, 0) as i64
        };
        check(sent).map(drop)
    }
}

fn fast_open(to: Ipv4Addr, _: &Outside) -> io::Result<()> {
    let socket = socket(libc::AF_INET, libc::SOCK_STREAM, 0)?;
    let on: libc::c_int = 1;
    // SAFETY: a live integer.
    check(unsafe {
        let option = libc::TCP_FASTOPEN_CONNECT;
        libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, option, (&raw const on).cast(), 4)
    })?;
    connect(&socket, to)?;
    send(&socket, b"x")
}

/// A grandchild in a session of its own, after its parents have gone.
fn daemon(to: Ipv4Addr, _: &Outside) -> io::Result<()> {
    // SAFETY: this process has one thread.
    unsafe {
        if check(libc::fork())? == 0 {
            libc::setsid();
            if libc::fork() == 0 {
                drop(TcpStream::connect_timeout(&address(to), WAIT));
            }
            libc::_exit(0);
        }
    }
    // What it does must be done before the session ends it.
    thread::sleep(Duration::from_millis(300));
    Ok(())
}

/// An IPv4 packet with a UDP datagram.
fn datagram(to: Ipv4Addr) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 29, 0, 1, 0, 0, 64, 17, 0, 0, 198, 18, 0, 1];
    packet.extend(to.octets());
    packet.extend([0, 9, 0, 7, 0, 9, 0, 0, b'x']);
    let sum: u32 = packet[..20].chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let sum = !(((sum >> 16) + (sum & 0xffff)) as u16);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet
}

fn packet(to: Ipv4Addr, outside: &Outside, named: bool) -> io::Result<()> {
    let protocol = (libc::ETH_P_IP as u16).to_be();
    let socket =
        socket(libc::AF_PACKET, if named { libc::SOCK_DGRAM } else { libc::SOCK_RAW }, protocol.into())?;
    // SAFETY: an all-zero sockaddr_ll is valid; live buffers of the stated lengths.
    unsafe {
        let mut link: libc::sockaddr_ll = zeroed();
        link.sll_family = libc::AF_PACKET as u16;
        link.sll_protocol = protocol;
        link.sll_ifindex = outside.interface as i32;
        link.sll_halen = 6;
        link.sll_addr[..6].copy_from_slice(&outside.hardware);
        let length = size_of::<libc::sockaddr_ll>() as u32;
        if named {
            let bytes = datagram(to);
            let link = (&raw const link).cast();
            return check(libc::sendto(
                socket.as_raw_fd(),
                bytes.as_ptr().cast(),
                bytes.len(),
                0,
                link,
                length,
            ))
            .map(drop);
        }
        check(libc::bind(socket.as_raw_fd(), (&raw const link).cast(), length))?;
    }
    let mut frame = outside.hardware.to_vec();
    frame.extend([2, 0, 0, 0, 0, 1, 8, 0]);
    frame.extend(datagram(to));
    send(&socket, &frame)
}

fn relay(to: Ipv4Addr, mut stream: impl Write + io::Read) -> io::Result<()> {
    stream.write_all(format!("{to}\n").as_bytes())?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}

fn unmount(path: &str) {
    if let Ok(path) = CString::new(path) {
        // SAFETY: a live C string. That nothing is mounted there is no error of the way.
        unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) };
    }
}

fn join(pid: i32, kind: &str) -> io::Result<()> {
    let namespace = fs::File::open(format!("/proc/{pid}/ns/{kind}"))?;
    // SAFETY: takes no pointer.
    check(unsafe { libc::setns(namespace.as_raw_fd(), 0) }).map(drop)
}

fn stolen(to: Ipv4Addr, outside: &Outside) -> io::Result<()> {
    let connected = outside.connected.iter().find(|(leads, _)| *leads == to);
    let (_, number) = connected.ok_or_else(|| io::Error::other("no such socket"))?;
    // SAFETY: take no pointer; the descriptors are new.
    let socket = unsafe {
        let process = check(libc::syscall(libc::SYS_pidfd_open, outside.pid, 0))?;
        let socket = check(libc::syscall(libc::SYS_pidfd_getfd, process, *number, 0))?;
        OwnedFd::from_raw_fd(socket as RawFd)
    };
    // SAFETY: a live buffer of one byte; `write` is no call that a filter of network calls sees.
    check(unsafe { libc::write(socket.as_raw_fd(), b"x".as_ptr().cast(), 1) }).map(drop)
}

enum Bits32 {
    Connect,
    SocketCall,
    SendTo,
}

/// Calls as a 32-bit program makes them; what they point to lies below 4 GiB.
#[cfg(target_arch = "x86_64")]
fn bits32(to: Ipv4Addr, how: Bits32) -> io::Result<()> {
    let socket = socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    let number = socket.as_raw_fd() as u32;
    // SAFETY: a private page of which the first words are written, and calls that read within it.
    let result = unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
        let page = libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        let at = page as usize as u32;
        page.cast::<libc::sockaddr_in>().write(raw_address(to, libc::AF_INET));
        let length = size_of::<libc::sockaddr_in>() as u32;
        let words = page.cast::<u32>().add(64);
        for (index, word) in [number, at, length].into_iter().enumerate() {
            words.add(index).write(word);
        }
        match how {
            Bits32::Connect => call32(362, [number, at, length, 0, 0, 0]),
            Bits32::SocketCall => call32(102, [3, at + 256, 0, 0, 0, 0]),
            Bits32::SendTo => call32(369, [number, at, 1, 0, at, length]),
        }
    };
    if result < 0 {
        return Err(io::Error::from_raw_os_error(-result));
    }
    send(&socket, b"x")
}

#[cfg(not(target_arch = "x86_64"))]
fn bits32(_: Ipv4Addr, _: Bits32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_arch = "x86_64")]
unsafe fn call32(number: u32, arguments: [u32; 6]) -> i32 {
    let [first, second, third, fourth, fifth, sixth] = arguments;
    let mut result = number;
    // SAFETY: the caller's arguments; rbx and rbp, which the compiler keeps for itself, are put back.
    unsafe {
        std::arch::asm!(
            "push rbx",
            "push rbp",
            "mov ebx, {first:e}",
            "mov ebp, {sixth:e}",
            "int 0x80",
            "pop rbp",
            "pop rbx",
            first = in(reg) first,
            sixth = in(reg) sixth,
            inout("eax") result,
            in("ecx") second,
            in("edx") third,
            in("esi") fourth,
            in("edi") fifth,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    result as i32
}
