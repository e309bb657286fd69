//! The audit: answers the calls that the seccomp filter reports. Runs in the launcher.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use super::address::{self, Destination};
use super::call::{Message, NAME_SERVICE, Wanted};
use super::daemons::{self, Service};
use super::listeners::{Answerer, Listeners};
use super::{dns, names::Names};
use crate::procfs;
use crate::sys::seccomp::{self, Answer, Call};
use crate::sys::{descriptors, process};
use crate::wire::{AuditTask, Leak};

/// More leaks than these of one step tell nothing new.
const MOST_LEAKS: usize = 100;
/// What the audit has to say.
pub(crate) enum Told {
    /// A process reached for the network.
    Leak(Leak),
    /// For the step's log.
    Note(String),
}

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
    listeners: Listeners,
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
            listeners: Listeners::new(),
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
    pub(crate) fn answer_call(&mut self, tell: &mut dyn FnMut(Told)) -> io::Result<()> {
        let Some(call) = seccomp::receive(&self.listener)? else { return Ok(()) };
        let answer = self.judge(&call, tell);
        seccomp::answer(&self.listener, &call, &answer)
    }

    fn judge(&mut self, call: &Call, tell: &mut dyn FnMut(Told)) -> Answer {
        let wanted = match Wanted::read(call) {
            Ok(wanted) => wanted,
            // The kernel will find the same and say EFAULT; if it was only we who could not read, nothing may leave.
            Err(_) if self.task.enforce => return Answer::Fail(libc::EFAULT),
            Err(_) => return Answer::Continue,
        };
        // What was read may be another process's memory if the caller died and its number was given away.
        if !seccomp::still_waits(&self.listener, call) {
            return Answer::Continue;
        }
        match wanted {
            Wanted::Nothing => Answer::Continue,
            Wanted::Ring => {
                let line = "asked for io_uring, which is refused in a step without network: files are read without it";
                self.note(call, line.to_owned(), tell);
                Answer::Fail(libc::ENOSYS)
            }
            Wanted::Descriptor => {
                self.tell(call, "the network through another process's files (pidfd_getfd)".to_owned(), tell);
                Answer::Fail(libc::EPERM)
            }
            Wanted::Key => {
                self.tell(call, "the network through the kernel's keys (request_key)".to_owned(), tell);
                Answer::Fail(libc::ENOSYS)
            }
            Wanted::Foreign => {
                self.tell(call, "the network by a call of x32".to_owned(), tell);
                Answer::Fail(libc::ENOSYS)
            }
            Wanted::Socket(family, kind, protocol) => match address::leads_out(family, kind, protocol) {
                Some((what, errno)) => {
                    self.tell(call, what, tell);
                    Answer::Fail(errno)
                }
                None => Answer::Continue,
            },
            Wanted::Connection(descriptor, Destination::Internet(to)) if to.port() == NAME_SERVICE => {
                self.judge_name_server(call, descriptor, to, tell)
            }
            Wanted::Connection(descriptor, to) => self.judge_place(call, descriptor, to, tell),
            Wanted::Messages(descriptor, messages) => self.judge_messages(call, descriptor, messages, tell),
        }
    }

    /// A connection to what may be a name server, which learns a name only later.
    fn judge_name_server(
        &mut self,
        call: &Call,
        descriptor: u64,
        to: SocketAddr,
        tell: &mut dyn FnMut(Told),
    ) -> Answer {
        let expected = address::is_loopback(to.ip()) || self.names.is_server(to.ip());
        if !expected {
            self.tell(call, to.to_string(), tell);
        }
        if self.task.answers_names && self.redirect(call, descriptor).is_ok() {
            return Answer::Succeed;
        }
        // In a name space of its own the holder's resolver answers, and logs.
        if expected && (self.task.enforce || !address::is_loopback(to.ip())) {
            self.tell(call, format!("{to} (a name server)"), tell);
        }
        self.refused(libc::ENETUNREACH)
    }

    fn judge_messages(
        &mut self,
        call: &Call,
        descriptor: u64,
        messages: Vec<Message>,
        tell: &mut dyn FnMut(Told),
    ) -> Answer {
        let mut answer = Answer::Continue;
        for Message { destination, query } in messages {
            let verdict = match destination {
                Destination::Internet(to) if to.port() == NAME_SERVICE => {
                    match dns::question(&query) {
                        Some(name) if self.names.is_news(&name) => self.tell(call, name, tell),
                        Some(_) => {}
                        None if address::is_loopback(to.ip()) => {}
                        None => self.tell(call, to.to_string(), tell),
                    }
                    // Even a name server on loopback asks others.
                    self.refused(libc::ENETUNREACH)
                }
                to => self.judge_place(call, descriptor, to, tell),
            };
            if !matches!(verdict, Answer::Continue) {
                answer = verdict;
            }
        }
        answer
    }

    fn judge_place(
        &mut self,
        call: &Call,
        descriptor: u64,
        to: Destination,
        tell: &mut dyn FnMut(Told),
    ) -> Answer {
        match to {
            Destination::Inside => Answer::Continue,
            Destination::Other(what) => {
                self.tell(call, what.to_owned(), tell);
                self.refused(libc::ENETUNREACH)
            }
            Destination::Path(path) => self.judge_path(call, &path, tell),
            // In a network namespace there are no others'.
            Destination::Abstract(_) if !self.task.enforce => Answer::Continue,
            Destination::Abstract(name) => match self.listeners.at_abstract(call.thread, &name) {
                Answerer::Nobody | Answerer::Run => Answer::Continue,
                Answerer::Other(process) => {
                    self.tell(call, of_another(&format!("the Unix socket {name}"), process), tell);
                    Answer::Fail(libc::ECONNREFUSED)
                }
            },
            Destination::Internet(to) if address::is_loopback(to.ip()) && !self.task.enforce => {
                Answer::Continue
            }
            Destination::Internet(to) => {
                let loopback = address::is_loopback(to.ip());
                if self.task.enforce && (loopback || self.task.own_addresses.contains(&to.ip())) {
                    let protocol = descriptors::protocol(call.thread, descriptor);
                    match self.listeners.at(call.thread, to, protocol.as_deref()) {
                        Answerer::Run => return Answer::Continue,
                        // A client may try first, and then start its server.
                        Answerer::Nobody if loopback => return Answer::Continue,
                        Answerer::Nobody => self.tell(call, to.to_string(), tell),
                        Answerer::Other(process) => {
                            self.tell(call, of_another(&to.to_string(), process), tell);
                        }
                    }
                } else {
                    self.tell(call, to.to_string(), tell);
                }
                self.refused(libc::ENETUNREACH)
            }
        }
    }

    fn judge_path(&mut self, call: &Call, path: &Path, tell: &mut dyn FnMut(Told)) -> Answer {
        let place = format!("the daemon at {}", path.display());
        match daemons::at(call.thread, path, process::own_ids().0) {
            Some(Service::Programs) => self.tell(call, place, tell),
            Some(Service::Names) => self.note(call, format!("asked {place}, which is refused"), tell),
            None => match self.listeners.at_path(call.thread, path) {
                Answerer::Nobody | Answerer::Run => return Answer::Continue,
                Answerer::Other(_) => {
                    let line = format!("asked {place}, which is refused: this run did not start it");
                    self.note(call, line, tell);
                }
            },
        }
        Answer::Fail(libc::ECONNREFUSED)
    }

    /// Behind a wall the kernel itself decides.
    fn refused(&self, errno: i32) -> Answer {
        if self.task.enforce { Answer::Fail(errno) } else { Answer::Continue }
    }

    /// Gives the caller a socket that leads to the responder in place of the one that it wanted to connect.
    fn redirect(&mut self, call: &Call, descriptor: u64) -> io::Result<()> {
        let responder = match self.responder.take() {
            Some(responder) => responder,
            None => {
                let responder = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
                responder.set_nonblocking(true)?;
                responder
            }
        };
        let responder = self.responder.insert(responder);
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
    pub(crate) fn answer_names(&mut self, tell: &mut dyn FnMut(Told)) {
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

    fn tell(&mut self, call: &Call, wanted: String, tell: &mut dyn FnMut(Told)) {
        self.tell_once(asker(call), wanted, tell);
    }

    /// What is refused and leads nowhere, for the step's log.
    fn note(&mut self, call: &Call, line: String, tell: &mut dyn FnMut(Told)) {
        let Asker { process, .. } = asker(call);
        if self.seen.len() < MOST_LEAKS && self.seen.insert((process.clone(), line.clone())) {
            tell(Told::Note(format!("{process} {line}")));
        }
    }

    fn tell_once(&mut self, asker: Asker, wanted: String, tell: &mut dyn FnMut(Told)) {
        let Asker { process, pid } = asker;
        if self.seen.len() < MOST_LEAKS && self.seen.insert((process.clone(), wanted.clone())) {
            tell(Told::Leak(Leak { process, pid, wanted }));
        }
    }
}

fn of_another(place: &str, process: Option<String>) -> String {
    match process {
        Some(process) => format!("{place} ({process}, which this run did not start)"),
        None => format!("{place} (a process that this run did not start)"),
    }
}

fn asker(call: &Call) -> Asker {
    let pid = procfs::process_of(call.thread);
    Asker { process: procfs::name(pid), pid: pid.unsigned_abs() }
}
