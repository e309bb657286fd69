//! The audit: answers the calls that the seccomp filter reports. Runs in the launcher.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use super::address::{self, Destination};
use super::{dns, names::Names};
use crate::procfs;
use crate::sys::descriptors;
use crate::sys::seccomp::{self, Answer, Call};
use crate::wire::{AuditTask, Leak};

/// More leaks than these of one step tell nothing new.
const MOST_LEAKS: usize = 100;
/// A message has rarely more parts, and a query one.
const MOST_PARTS: u64 = 8;
/// Messages of one `sendmmsg` that are looked at; resolvers send two. The kernel takes no more than this.
const MOST_MESSAGES: u64 = 1024;
/// Bytes of a datagram that are looked at for a name.
const LONGEST_QUERY: u64 = 1500;
const NAME_SERVICE: u16 = 53;

/// Sizes of `struct msghdr` and `struct mmsghdr` on 64-bit Linux.
const MESSAGE_HEADER: usize = 56;
const MANY_MESSAGE_HEADER: u64 = 64;

/// Who opened a connection to what it took for a name server.
#[derive(Clone)]
struct Asker {
    process: String,
    pid: u32,
}

/// See the module.
pub(crate) struct Audit {
    listener: OwnedFd,
    task: AuditTask,
    names: Names,
    /// Answers name queries; made when the first is seen.
    responder: Option<UdpSocket>,
    /// By the port from which they ask.
    askers: BTreeMap<u16, Asker>,
    seen: BTreeSet<(String, String)>,
}

impl Audit {
    /// Takes over the listener of a filter.
    pub(crate) fn new(listener: OwnedFd, task: AuditTask) -> Self {
        Self {
            listener,
            task,
            names: Names::of_this_machine(),
            responder: None,
            askers: BTreeMap::new(),
            seen: BTreeSet::new(),
        }
    }

    /// Can be read when a call waits.
    pub(crate) fn listener(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    /// Can be read when a name is asked.
    pub(crate) fn responder(&self) -> Option<BorrowedFd<'_>> {
        self.responder.as_ref().map(AsFd::as_fd)
    }

    /// Answers the call that waits.
    pub(crate) fn answer_call(&mut self, tell: &mut dyn FnMut(Leak)) -> io::Result<()> {
        let Some(call) = seccomp::receive(&self.listener)? else { return Ok(()) };
        let answer = self.judge(&call, tell);
        seccomp::answer(&self.listener, &call, &answer)
    }

    fn judge(&mut self, call: &Call, tell: &mut dyn FnMut(Leak)) -> Answer {
        let wanted = match Messages::read(call) {
            Ok(wanted) => wanted,
            // The kernel will find the same and say EFAULT; if it was only we who could not read, nothing may leave.
            Err(_) if self.task.enforce => return Answer::Fail(libc::EFAULT),
            Err(_) => return Answer::Continue,
        };
        // What was read may be another process's memory if the caller died and its number was given away.
        if !seccomp::still_waits(&self.listener, call) {
            return Answer::Continue;
        }
        let mut leads_out = false;
        for Message { destination, query } in wanted {
            match destination {
                Destination::Inside => {}
                Destination::Other(what) => {
                    leads_out = true;
                    self.tell(call, what.to_owned(), tell);
                }
                Destination::Internet(to)
                    if to.port() == NAME_SERVICE && call.number == libc::SYS_connect =>
                {
                    let expected = address::is_loopback(to.ip()) || self.names.is_server(to.ip());
                    if !expected {
                        self.tell(call, to.to_string(), tell);
                    }
                    if self.task.answers_names && self.redirect(call).is_ok() {
                        return Answer::Succeed;
                    }
                    // In a name space of its own the holder's resolver answers, and logs.
                    if expected && (self.task.enforce || !address::is_loopback(to.ip())) {
                        self.tell(call, format!("{to} (a name server)"), tell);
                    }
                    leads_out = true;
                }
                Destination::Internet(to) if to.port() == NAME_SERVICE => {
                    match dns::question(&query) {
                        Some(name) if self.names.is_news(&name) => self.tell(call, name, tell),
                        Some(_) => {}
                        None if address::is_loopback(to.ip()) => {}
                        None => self.tell(call, to.to_string(), tell),
                    }
                    // Even a name server on loopback asks others.
                    leads_out = true;
                }
                Destination::Internet(to)
                    if address::is_loopback(to.ip()) || self.task.own_addresses.contains(&to.ip()) => {}
                Destination::Internet(to) => {
                    leads_out = true;
                    self.tell(call, to.to_string(), tell);
                }
            }
        }
        if leads_out && self.task.enforce { Answer::Fail(libc::ENETUNREACH) } else { Answer::Continue }
    }

    /// Gives the caller a socket that leads to the responder in place of the one that it wanted to connect.
    fn redirect(&mut self, call: &Call) -> io::Result<()> {
        let responder = match self.responder.take() {
            Some(responder) => responder,
            None => {
                let responder = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
                responder.set_nonblocking(true)?;
                responder
            }
        };
        let responder = self.responder.insert(responder);
        let descriptor = call.arguments[0] & 0xffff_ffff;
        let flags = procfs::descriptor_flags(call.thread, descriptor)
            .ok_or_else(|| io::Error::from_raw_os_error(libc::EBADF))?;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(responder.local_addr()?)?;
        if flags & libc::O_NONBLOCK != 0 {
            descriptors::set_nonblocking(&socket)?;
        }
        let close_on_exec = flags & libc::O_CLOEXEC != 0;
        let port = socket.local_addr()?.port();
        let number = descriptor as u32;
        seccomp::replace_descriptor(&self.listener, call, number, socket.as_fd(), close_on_exec)?;
        self.askers.insert(port, asker(call));
        Ok(())
    }

    /// Answers all name queries that wait.
    pub(crate) fn answer_names(&mut self, tell: &mut dyn FnMut(Leak)) {
        let Some(responder) = self.responder.take() else { return };
        let mut packet = [0; 1500];
        while let Ok((length, from)) = responder.recv_from(&mut packet) {
            let packet = &packet[..length];
            let Some(name) = dns::question(packet) else { continue };
            if let Some(answer) = dns::no_such_name(packet) {
                // Whoever does not wait for the answer has closed its socket; the name is told all the same.
                drop(responder.send_to(&answer, from));
            }
            if self.names.is_news(&name) {
                let asker = self.askers.get(&from.port()).cloned();
                let asker = asker.unwrap_or(Asker { process: "unknown".to_owned(), pid: 0 });
                self.tell_once(asker, name, tell);
            }
        }
        self.responder = Some(responder);
    }

    fn tell(&mut self, call: &Call, wanted: String, tell: &mut dyn FnMut(Leak)) {
        self.tell_once(asker(call), wanted, tell);
    }

    fn tell_once(&mut self, asker: Asker, wanted: String, tell: &mut dyn FnMut(Leak)) {
        let Asker { process, pid } = asker;
        if self.seen.len() < MOST_LEAKS && self.seen.insert((process.clone(), wanted.clone())) {
            tell(Leak { process, pid, wanted });
        }
    }
}

fn asker(call: &Call) -> Asker {
    let pid = procfs::process_of(call.thread);
    Asker { process: procfs::name(pid), pid: pid.unsigned_abs() }
}

/// One message of a call: where it leads, and its bytes if it leads to a name server.
pub(crate) struct Message {
    pub(crate) destination: Destination,
    pub(crate) query: Vec<u8>,
}

/// Reads what a call wants from its maker's memory.
pub(crate) struct Messages;

impl Messages {
    pub(crate) fn read(call: &Call) -> io::Result<Vec<Message>> {
        let memory = Memory(File::open(format!("/proc/{}/mem", call.thread))?);
        let [_, second, third, _, fifth, sixth] = call.arguments;
        match call.number {
            libc::SYS_connect => {
                let destination = memory.destination(second, third & 0xffff_ffff, true)?;
                Ok(vec![Message { destination, query: Vec::new() }])
            }
            libc::SYS_sendto => {
                let destination = memory.destination(fifth, sixth & 0xffff_ffff, false)?;
                let query = if leads_to_names(&destination) {
                    memory.bytes(second, third.min(LONGEST_QUERY))?
                } else {
                    Vec::new()
                };
                Ok(vec![Message { destination, query }])
            }
            libc::SYS_sendmsg => Ok(vec![memory.message(second)?]),
            libc::SYS_sendmmsg => (0..(third & 0xffff_ffff).min(MOST_MESSAGES))
                .map(|index| memory.message(second.wrapping_add(index * MANY_MESSAGE_HEADER)))
                .collect(),
            _ => Ok(Vec::new()),
        }
    }
}

fn leads_to_names(destination: &Destination) -> bool {
    matches!(destination, Destination::Internet(to) if to.port() == NAME_SERVICE)
}

struct Memory(File);

impl Memory {
    fn bytes(&self, at: u64, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.0.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }

    fn destination(&self, at: u64, length: u64, connects: bool) -> io::Result<Destination> {
        if at == 0 || length < 2 {
            return Ok(Destination::Inside);
        }
        let bytes = self.bytes(at, length.min(address::LONGEST_ADDRESS))?;
        Ok(address::parse(&bytes, connects))
    }

    /// Reads a `struct msghdr`.
    fn message(&self, at: u64) -> io::Result<Message> {
        let header = self.bytes(at, MESSAGE_HEADER as u64)?;
        let word =
            |index: usize| header[index..].first_chunk::<8>().map_or(0, |bytes| u64::from_ne_bytes(*bytes));
        let destination = self.destination(word(0), word(8) & 0xffff_ffff, false)?;
        let mut query = Vec::new();
        if leads_to_names(&destination) {
            for part in 0..word(24).min(MOST_PARTS) {
                let part = self.bytes(word(16).wrapping_add(part * 16), 16)?;
                let half = |range: std::ops::Range<usize>| {
                    part[range].first_chunk::<8>().map_or(0, |bytes| u64::from_ne_bytes(*bytes))
                };
                let room = LONGEST_QUERY - query.len() as u64;
                query.extend(self.bytes(half(0..8), half(8..16).min(room))?);
            }
        }
        Ok(Message { destination, query })
    }
}
