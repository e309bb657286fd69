//! What stands outside of a run in the campaign of ways out: relays that carry on what a step hands to them, and a
//! listener that tells each address at which a packet arrived.
#![expect(unsafe_code, reason = "system calls that real programs make")]

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::thread;

use crate::ways::{ABSTRACT, Outside, check, socket};

/// The ordinary user of the campaign.
pub(crate) const SOMEBODY: u32 = 12345;

/// `outside STATE OWN-ADDRESS INTERFACE HARDWARE SOCKET... -- CONNECTED...`: writes where everything is into the file,
/// and serves until its standard input is closed. Without sockets there are no relays.
pub(crate) fn serve(words: &[&str]) -> io::Result<()> {
    let [state, own, interface, hardware, rest @ ..] = words else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let split = rest.iter().position(|word| *word == "--").unwrap_or(rest.len());
    let own: Ipv4Addr = own.parse().map_err(io::Error::other)?;
    let mut bytes = hardware.split(':').map(|byte| u8::from_str_radix(byte, 16).unwrap_or(0));
    let sockets: Vec<UdpSocket> = rest[split + 1..]
        .iter()
        .map(|to| {
            let socket = UdpSocket::bind("0.0.0.0:0")?;
            socket.connect((*to, 7))?;
            Ok(socket)
        })
        .collect::<io::Result<_>>()?;
    let connected = rest[split + 1..]
        .iter()
        .zip(&sockets)
        .filter_map(|(to, socket)| Some((to.parse().ok()?, socket.as_raw_fd())))
        .collect();
    let mut port = 0;
    if split > 0 {
        port = relays(&rest[..split])?;
    }
    let outside = Outside {
        pid: i32::try_from(std::process::id()).map_err(io::Error::other)?,
        port,
        own,
        connected,
        interface: interface.parse().map_err(io::Error::other)?,
        hardware: std::array::from_fn(|_| bytes.next().unwrap_or(0)),
        unnamed: rest.get(split.wrapping_sub(1)).copied().unwrap_or_default().to_owned(),
    };
    fs::write(state, serde_json::to_vec(&outside)?)?;
    fs::set_permissions(state, PermissionsExt::from_mode(0o644))?;
    println!("ready");
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

/// Relays on all addresses and at these paths; returns their port.
fn relays(paths: &[&str]) -> io::Result<u16> {
    let listener = TcpListener::bind("0.0.0.0:0")?;
    let port = listener.local_addr()?.port();
    let datagrams = UdpSocket::bind(("0.0.0.0", port))?;
    thread::spawn(move || listener.incoming().flatten().for_each(carry_on));
    thread::spawn(move || {
        let mut text = [0; 64];
        while let Ok((length, _)) = datagrams.recv_from(&mut text) {
            carry_on(&text[..length]);
        }
    });
    let name = std::os::unix::net::SocketAddr::from_abstract_name(ABSTRACT)?;
    let mut listeners = vec![UnixListener::bind_addr(&name)?];
    for path in paths {
        listeners.push(UnixListener::bind(path)?);
        fs::set_permissions(path, PermissionsExt::from_mode(0o666))?;
    }
    for listener in listeners {
        thread::spawn(move || listener.incoming().flatten().for_each(carry_on));
    }
    Ok(port)
}

/// Sends a datagram to the address that comes first. Others who ask (a C library at the name service cache) are hung up on
/// at once.
fn carry_on(mut stream: impl Read) {
    let mut text = [0; 64];
    let length = stream.read(&mut text).unwrap_or(0);
    let to = std::str::from_utf8(&text[..length]).ok().and_then(|text| text.trim().parse::<Ipv4Addr>().ok());
    if let (Ok(socket), Some(to)) = (UdpSocket::bind("0.0.0.0:0"), to) {
        drop(socket.send_to(b"x", (to, 7)));
    }
}

/// Prints the destination of each IPv4 packet that arrives in this network namespace.
pub(crate) fn listen() -> io::Result<()> {
    let protocol = i32::from((libc::ETH_P_IP as u16).to_be());
    let socket = socket(libc::AF_PACKET, libc::SOCK_DGRAM, protocol)?;
    println!("ready");
    let mut packet = [0_u8; 2048];
    loop {
        // SAFETY: reads at most the buffer's length.
        let length = unsafe { libc::recv(socket.as_raw_fd(), packet.as_mut_ptr().cast(), packet.len(), 0) };
        if check(length as i64)? >= 20 {
            println!("{}", Ipv4Addr::new(packet[16], packet[17], packet[18], packet[19]));
            io::stdout().flush()?;
        }
    }
}
