//! Which force a session uses, and what it cannot see, in words.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::event::OfflineForce;

use crate::children;
use crate::start::{SessionConfig, Streams, start_launcher};
use crate::wire::{self, AuditTask, Findings, HoldTask, Order, Report, Task};

/// Environment variable with which a user (or a test) chooses the force: `auto` (the default: the strongest that the
/// place allows), `wall` (a network namespace and no audit), `audit` (no wall), or `none`. What is named and cannot be
/// had is an error.
pub const FORCE_VARIABLE: &str = "INSTALLER_OFFLINE_FORCE";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Auto,
    Wall,
    Audit,
    None,
}

/// The force of a session.
pub(crate) struct Force {
    pub(crate) event: OfflineForce,
    /// To be joined, in this order.
    pub(crate) namespaces: Vec<OwnedFd>,
    /// The root directory in them.
    pub(crate) root: Option<OwnedFd>,
    /// Calls are caught in some way, and capabilities given up; false only where all was switched off.
    pub(crate) restricts: bool,
    pub(crate) audit: Option<AuditTask>,
    holder: Option<Holder>,
}

/// The process that answers names in the namespaces.
struct Holder {
    process: Child,
    socket: UnixStream,
    asked: Mutex<Vec<String>>,
    /// Its names count: nobody else sees them.
    counts: bool,
}

impl Force {
    /// Finds the strongest force that this place allows and sets it up.
    ///
    /// # Errors
    /// When a process cannot be started, or [`FORCE_VARIABLE`] names a force that cannot be had.
    pub(crate) fn establish(config: &SessionConfig) -> io::Result<Self> {
        let choice = match std::env::var(FORCE_VARIABLE).as_deref() {
            Ok("auto" | "") | Err(_) => Choice::Auto,
            Ok("wall") => Choice::Wall,
            Ok("audit") => Choice::Audit,
            Ok("none") => Choice::None,
            Ok(other) => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("{FORCE_VARIABLE} is `{other}`: set it to auto, wall, audit or none"),
                ));
            }
        };
        if choice == Choice::None {
            let event = OfflineForce {
                wall: None,
                audit: None,
                unseen: vec![format!("everything: {FORCE_VARIABLE}=none switched it off")],
            };
            return Ok(Self {
                event,
                namespaces: Vec::new(),
                root: None,
                restricts: false,
                audit: None,
                holder: None,
            });
        }
        let task = HoldTask {
            wall: choice != Choice::Audit,
            audit: choice != Choice::Wall,
            launcher_args: config.launcher_args.clone(),
        };
        let (process, socket) = start_launcher(config, Streams::ErrorOnly)?;
        wire::send(&socket, &Task::Hold(task), &[])?;
        let Some((Report::Held { findings }, mut namespaces)) = wire::receive(&socket)? else {
            return Err(io::Error::other("the process that shuts the network off ended early"));
        };
        let mut holder = Holder { process, socket, asked: Mutex::default(), counts: false };
        let isolated = findings.isolated && choice != Choice::Audit;
        let walled = findings.namespace || isolated;
        match choice {
            Choice::Wall if !walled => return Err(cannot(choice, findings.no_namespace_because)),
            Choice::Audit if !findings.audit => return Err(cannot(choice, findings.no_audit_because)),
            _ => {}
        }
        let event = OfflineForce {
            wall: if findings.namespace {
                Some("network namespace".to_owned())
            } else {
                isolated.then(|| {
                    "no network here but loopback (docker build --network=none, or a network namespace around installer)"
                        .to_owned()
                })
            },
            audit: findings.audit.then(|| "seccomp notification".to_owned()),
            unseen: unseen(&findings, walled),
        };
        let audit = findings.audit.then(|| AuditTask {
            enforce: !walled,
            answers_names: findings.answers_names,
            own_addresses: findings.own_addresses.clone(),
        });
        holder.counts = findings.namespace && !(findings.audit && findings.answers_names);
        // Without namespaces the holder has ended.
        let holder = if findings.namespace {
            Some(holder)
        } else {
            holder.end();
            None
        };
        let root = namespaces.pop();
        Ok(Self { event, namespaces, root, restricts: true, audit, holder })
    }

    /// Whether nobody but the holder sees names.
    pub(crate) fn alone_sees_names(&self) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.counts)
    }

    /// How many names have been asked of the holder until now, for [`Force::names_since`].
    pub(crate) fn names_until_now(&self) -> io::Result<usize> {
        Ok(self.names()?.map_or(0, |names| names.len()))
    }

    /// Names asked of the holder since then, when only the holder sees them.
    pub(crate) fn names_since(&self, then: usize) -> io::Result<Vec<String>> {
        Ok(self.names()?.map_or_else(Vec::new, |names| names[then.min(names.len())..].to_vec()))
    }

    fn names(&self) -> io::Result<Option<MutexGuard<'_, Vec<String>>>> {
        let Some(holder) = self.holder.as_ref().filter(|holder| holder.counts) else { return Ok(None) };
        let mut names = holder.asked.lock().unwrap_or_else(PoisonError::into_inner);
        wire::send(&holder.socket, &Order::Ping, &[])?;
        loop {
            match wire::receive(&holder.socket)? {
                Some((Report::Asked { name }, _)) => names.push(name),
                Some((Report::Pong, _)) => return Ok(Some(names)),
                _ => {
                    return Err(io::Error::other(
                        "the process that logs name lookups of steps ended early: run the same command again",
                    ));
                }
            }
        }
    }
}

impl Drop for Force {
    fn drop(&mut self) {
        if let Some(holder) = self.holder.take() {
            holder.end();
        }
    }
}

impl Holder {
    fn end(mut self) {
        drop(self.socket);
        let pid = self.process.id();
        // It ends at once: its socket is closed. That it was reaped already would be no harm.
        if self.process.wait().is_ok() {
            children::forget([pid]);
        }
    }
}

fn cannot(choice: Choice, reason: Option<String>) -> io::Error {
    let (name, what) = match choice {
        Choice::Wall => ("wall", "a network namespace"),
        _ => ("audit", "a seccomp listener"),
    };
    let reason = reason.unwrap_or_else(|| "no reason given".to_owned());
    io::Error::new(
        io::ErrorKind::Unsupported,
        format!(
            "{FORCE_VARIABLE}={name} needs {what}, which is not available here ({reason}): unset it to use \
             what is available"
        ),
    )
}

/// What the force cannot see.
fn unseen(findings: &Findings, walled: bool) -> Vec<String> {
    let mut unseen = Vec::new();
    let because =
        |reason: &Option<String>| reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    match (walled, findings.audit) {
        (true, true) => {}
        (true, false) => {
            unseen.push(format!(
                "which process used what, and bare addresses: they are refused, but not reported{}",
                because(&findings.no_audit_because)
            ));
            if !findings.namespace {
                unseen.push("names that steps look up: they fail, but are not reported".to_owned());
            }
        }
        (false, true) => unseen.push(format!(
            "a malicious program: without a network namespace{}, addresses are checked before the call \
             and can be changed after",
            because(&findings.no_namespace_because)
        )),
        (false, false) => {
            unseen.push(format!(
                "everything: there is neither a network namespace{} nor a seccomp listener{} here; run with --network=none",
                because(&findings.no_namespace_because),
                because(&findings.no_audit_because)
            ));
            return unseen;
        }
    }
    unseen.push(match (findings.audit, findings.namespace) {
        (true, _) => "what daemons do with files that a step leaves for them, and what those of displays, logs and users \
             do for a step over a Unix socket"
            .to_owned(),
        (false, true) => "what a daemon does for a step over a Unix socket, except those of resolvers, D-Bus and \
             container engines, which are masked"
            .to_owned(),
        (false, false) => "what a daemon does for a step over a Unix socket".to_owned(),
    });
    unseen.extend(findings.unmasked.iter().cloned());
    if findings.audit && !findings.answers_names && !walled {
        unseen.push(
            "names that steps look up: only the name server's address is reported (Linux 5.9 reports the \
             names)"
                .to_owned(),
        );
    }
    unseen
}
