//! The holder: a process that finds out how the network can be kept away, makes the namespaces that do it, and answers
//! name queries in them. Launchers join them, so that all steps of a session share one loopback.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::address::Destination;
use super::call::Wanted;
use super::{daemons, dns, names::Names};
use crate::sys::descriptors;
use crate::sys::namespaces;
use crate::sys::process::{self, Program};
use crate::sys::seccomp::{self, Answer, Filter, Wish};
use crate::wire::{self, Findings, HoldTask, Order, Report};

/// First argument with which the holder starts itself to try the audit out.
pub(crate) const TRY_AUDIT: &str = "try-audit";
/// An address that is nobody's (RFC 5737).
const NOBODY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The trial makes two calls; on the slowest machine it needs some milliseconds.
const TRIAL_LIMIT: Duration = Duration::from_secs(10);

/// What container engines make read-only as well.
const KERNEL_FILES: &[&str] = &["/proc/sys", "/proc/sysrq-trigger", "/sys"];

/// The whole life of the holder.
pub(crate) fn hold(socket: &UnixStream, task: &HoldTask) -> io::Result<()> {
    process::become_subreaper()?;
    let mut findings = Findings::default();
    let interfaces = namespaces::interfaces()?;
    findings.isolated = !interfaces.iter().any(|interface| interface.leads_out);
    findings.own_addresses = interfaces.iter().filter_map(|interface| interface.address).collect();
    if task.audit {
        match try_audit(&task.launcher_args) {
            Ok(answers_names) => {
                findings.audit = true;
                findings.answers_names = answers_names;
            }
            Err(error) => findings.no_audit_because = Some(error.to_string()),
        }
    }
    let mut wall = None;
    if task.wall {
        match Wall::build(&mut findings) {
            Ok(built) => wall = Some(built),
            Err(error) => findings.no_namespace_because = Some(error.to_string()),
        }
    }
    findings.namespace = wall.is_some();
    let with: Vec<_> =
        wall.iter().flat_map(|wall| wall.namespaces.iter().chain([&wall.root])).map(AsFd::as_fd).collect();
    wire::send(socket, &Report::Held { findings }, &with)?;
    match wall {
        Some(mut wall) => wall.serve(socket),
        None => Ok(()),
    }
}

/// Namespaces, and the name server in them.
struct Wall {
    namespaces: Vec<OwnedFd>,
    /// The root directory of whoever started this run, in the mount namespace.
    root: OwnedFd,
    resolvers: Vec<UdpSocket>,
    names: Names,
    told: BTreeSet<String>,
}

impl Wall {
    fn build(findings: &mut Findings) -> io::Result<Self> {
        let (user, group) = process::own_ids();
        let as_root = user == 0 && context("unshare", namespaces::unshare(false)).is_ok();
        if !as_root {
            context("make user and network namespaces", namespaces::unshare(true))?;
            // user_namespaces(7): without privileges only one's own ids can be mapped, and setgroups must be off.
            context("write setgroups", fs::write("/proc/self/setgroups", "deny"))?;
            context("map the user", fs::write("/proc/self/uid_map", format!("{user} {user} 1")))?;
            context("map the group", fs::write("/proc/self/gid_map", format!("{group} {group} 1")))?;
        }
        context("make mounts private", namespaces::make_mounts_private())?;
        context("bring up loopback", namespaces::loopback_up())?;
        let mut resolvers =
            vec![context("bind a name server", UdpSocket::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), 53)))?];
        // A machine may have no IPv6.
        resolvers.extend(UdpSocket::bind((IpAddr::V6(Ipv6Addr::LOCALHOST), 53)));
        for resolver in &resolvers {
            resolver.set_nonblocking(true)?;
        }
        findings.unmasked = mask(user);
        if as_root {
            // Their files belong to root, and the kernel would start programs outside for whoever writes to some.
            findings.unmasked.extend(namespaces::make_read_only(KERNEL_FILES));
        }
        // setns(2) leads to the root of the namespace, and this process may live in a chroot.
        let root = context("open the root", fs::File::open("/"))?.into();
        let kinds: &[&str] = if as_root { &["net", "mnt"] } else { &["user", "net", "mnt"] };
        let namespaces = kinds
            .iter()
            .map(|kind| context("open a namespace", fs::File::open(format!("/proc/self/ns/{kind}"))))
            .map(|file| file.map(OwnedFd::from))
            .collect::<io::Result<_>>()?;
        Ok(Self { namespaces, root, resolvers, names: Names::of_this_machine(), told: BTreeSet::new() })
    }

    /// Answers name queries until the scheduler closes the socket or dies.
    fn serve(&mut self, socket: &UnixStream) -> io::Result<()> {
        loop {
            let mut waiting = vec![socket.as_fd()];
            waiting.extend(self.resolvers.iter().map(AsFd::as_fd));
            let ready = descriptors::poll(&waiting, None)?;
            // Names first: a ping asks for all that came before it.
            self.answer(socket)?;
            if ready[0] {
                match wire::receive::<Order>(socket)? {
                    Some((Order::Ping, _)) => wire::send(socket, &Report::Pong, &[])?,
                    Some((Order::Cancel, _)) | None => return Ok(()),
                }
            }
        }
    }

    fn answer(&mut self, socket: &UnixStream) -> io::Result<()> {
        let mut packet = [0; 1500];
        for resolver in &self.resolvers {
            while let Ok((length, from)) = resolver.recv_from(&mut packet) {
                let Some(name) = dns::question(&packet[..length]) else { continue };
                // Told before it is answered, so that it is told before the asker ends. A later step may ask the same.
                if self.names.is_news(&name) || self.told.contains(&name) {
                    self.told.insert(name.clone());
                    wire::send(socket, &Report::Asked { name }, &[])?;
                }
                if let Some(answer) = dns::no_such_name(&packet[..length]) {
                    // An asker that is gone needs no answer.
                    drop(resolver.send_to(&answer, from));
                }
            }
        }
        Ok(())
    }
}

fn context<T>(what: &str, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| io::Error::new(error.kind(), format!("{what}: {error}")))
}

/// Points the resolver at loopback and hides the daemons' sockets; returns what could not be done.
fn mask(user: u32) -> Vec<String> {
    let mut failures = Vec::new();
    let resolver = "nameserver 127.0.0.1\nsearch .\noptions timeout:1 attempts:1\n";
    let switch = fs::read_to_string("/etc/nsswitch.conf").ok().map(|text| files_and_dns_only(&text));
    for (path, content) in [("/etc/resolv.conf", Some(resolver.to_owned())), ("/etc/nsswitch.conf", switch)] {
        // What is missing needs no mask: the C library then asks loopback, and no daemon.
        let (Some(content), Ok(target)) = (content, fs::canonicalize(path)) else { continue };
        if let Err(error) = replace(&target, &content) {
            failures.push(format!("{path} could not be replaced ({error})"));
        }
    }
    for target in daemons::present(user).keys() {
        if let Err(error) = namespaces::bind(Path::new("/dev/null"), target) {
            failures.push(format!("{} could not be masked ({error})", target.display()));
        }
    }
    failures
}

/// Mounts a file with this content over another, in this mount namespace only.
fn replace(target: &Path, content: &str) -> io::Result<()> {
    let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let temporary: PathBuf = std::env::temp_dir().join(format!("installer-{}-{name}", process::own_pid()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&temporary)?;
    let mounted = file.write_all(content.as_bytes()).and_then(|()| namespaces::bind(&temporary, target));
    // The mount keeps the file alive.
    fs::remove_file(&temporary)?;
    mounted
}

/// `nsswitch.conf` whose hosts come from `/etc/hosts` and the name server, and from no daemon.
fn files_and_dns_only(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("hosts:")).collect();
    lines.push("hosts: files dns");
    lines.join("\n") + "\n"
}

/// Starts a child that makes network calls under the filter, and sees whether they can be read and answered.
/// True: a name server's answers can be given as well.
fn try_audit(launcher_args: &[String]) -> io::Result<bool> {
    let filter = Filter::notifying()
        .ok_or_else(|| io::Error::other("no seccomp filter is known for this architecture"))?;
    let arguments = ["installer"]
        .into_iter()
        .chain(launcher_args.iter().map(String::as_str))
        .chain([TRY_AUDIT])
        .map(CString::new)
        .collect::<Result<Vec<_>, _>>()?;
    let started = process::start(&Program {
        candidates: &[c"/proc/self/exe".to_owned()],
        arguments: &arguments,
        environment: &[],
        directory: c"/",
        group: process::Group::Session,
        dies_with_parent: true,
        restricted: true,
        filter: Some(&filter),
    })
    .map_err(|failure| context_of(&failure))?;
    let result = watch_trial(started.listener);
    process::signal(started.pid, libc::SIGKILL)?;
    process::reap(started.pid)?;
    result
}

fn context_of(failure: &process::StartFailure) -> io::Error {
    io::Error::new(failure.error.kind(), format!("{:?}: {}", failure.stage, failure.error))
}

fn watch_trial(listener: Option<OwnedFd>) -> io::Result<bool> {
    let listener = listener.ok_or_else(|| io::Error::other("no seccomp listener"))?;
    let next_call = || {
        if !descriptors::poll(&[listener.as_fd()], Some(TRIAL_LIMIT))?[0] {
            return Err(io::Error::other("the filter reported nothing"));
        }
        seccomp::receive(&listener)?.ok_or_else(|| io::Error::other("the trial process ended early"))
    };
    // The socket itself is reported as well.
    let next = || {
        let mut call = next_call()?;
        while call.wish == Wish::Socket {
            seccomp::answer(&listener, &call, &Answer::Continue)?;
            call = next_call()?;
        }
        Ok::<_, io::Error>(call)
    };
    let call = next()?;
    let wanted = context("read the memory of a child", Wanted::read(&call))?;
    if !matches!(wanted, Wanted::Connection(_, Destination::Internet(to)) if to.ip() == IpAddr::V4(NOBODY)) {
        return Err(io::Error::other("the address of a call could not be read"));
    }
    seccomp::answer(&listener, &call, &Answer::Fail(libc::ENETUNREACH))?;
    let call = next()?;
    let replacement = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let number = call.arguments[0] as u32;
    let replaced = seccomp::replace_descriptor(&listener, &call, number, replacement.as_fd(), true).is_ok();
    seccomp::answer(&listener, &call, &Answer::Succeed)?;
    Ok(replaced)
}

/// What the trial's child does: two calls that the filter must report.
pub(crate) fn trial() -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    for port in [9, 53] {
        // How it ends is the other side's to judge.
        drop(socket.connect((NOBODY, port)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_looked_up_without_daemons() {
        let text =
            "passwd: files systemd\n hosts:  files mymachines resolve [!UNAVAIL=return] dns\nshadow: files";
        assert_eq!(files_and_dns_only(text), "passwd: files systemd\nshadow: files\nhosts: files dns\n");
    }
}
