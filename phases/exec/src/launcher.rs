//! The launcher: a small single-threaded process between the scheduler and a tool, which outlives nothing.
//!
//! It is this same binary under a hidden subcommand. It reads what to start from its standard input (a Unix socket),
//! joins the session's namespaces, starts the tool, and then waits for whichever comes first: the tool's end, an
//! order, the scheduler's death (the socket closes), the time limit. In each case it ends everything that is still
//! below it. Only then it exits, and with it goes its share of the run's lock.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

pub use crate::leftovers::end_leftovers;

use crate::ending::{Ending, LOOK_AGAIN};
use crate::errno::{errno, worded};
use crate::fence;
use crate::offline::audit::{Audit, Told};
use crate::offline::holder;
use crate::output::{Chunk, read_chunk};
use crate::sys::process::{self, Group, Program, Reaped, Stage, StartFailure};
use crate::sys::{descriptors, namespaces, seccomp};
use crate::wire::{self, LaunchTask, Order, Report, Role, Task};
use crate::{privilege, procfs};

/// Where descriptors of the jobserver begin: shells and configure scripts use low numbers for their own ends.
const JOBSERVER_DESCRIPTORS: i32 = 100;
/// How long after SIGKILL a process that this user may not signal is given up.
const GIVE_UP: Duration = Duration::from_secs(10);
/// How often `sudo` is asked to signal what only root may.
const ASK_SUDO_AGAIN: Duration = Duration::from_secs(1);
/// What execvp(3) uses when there is no PATH.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Exit code of a launcher that could not do its work.
const BROKEN: i32 = 70;

/// The body of the hidden subcommand; `args` are what follows it. Returns the exit code.
///
/// Must run before the process has started a thread: joining a user namespace and sharing the descriptor table with
/// the tool until it executes both demand that.
pub fn launcher_main(args: &[String]) -> i32 {
    let result = match args {
        [] => obey(),
        [trial] if trial == holder::TRY_AUDIT => holder::trial(),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "this subcommand is internal")),
    };
    match result {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("installer's launcher: {error}");
            BROKEN
        }
    }
}

fn obey() -> io::Result<()> {
    descriptors::close_inherited_on_exec()?;
    // The tool's standard input must not be the control socket.
    let control = descriptors::duplicate_from(io::stdin(), 3)?;
    descriptors::duplicate_onto_standard(File::open("/dev/null")?, 0)?;
    let control = UnixStream::from(control);
    match wire::receive::<Task>(&control)? {
        // The scheduler died before it said what to do.
        None => Ok(()),
        Some((Task::Hold(task), _)) => holder::hold(&control, &task),
        Some((Task::Launch(task), descriptors)) => {
            let grace = Duration::from_millis(task.grace_ms);
            match prepare(*task, descriptors) {
                Ok(prepared) => Watch::over(prepared, control, grace).run(),
                Err(error) => {
                    let failed = Report::Failed {
                        errno: errno(&error).unwrap_or(libc::EIO),
                        message: error.to_string(),
                    };
                    wire::send(&control, &failed, &[])
                }
            }
        }
    }
}

/// A tool that runs, and what is held for it.
struct Prepared {
    task: LaunchTask,
    pid: i32,
    audit: Option<Audit>,
    signals: OwnedFd,
    /// Reading ends of the tool's output.
    outputs: Vec<OwnedFd>,
    /// What of the fence could not be put up.
    unfenced: Vec<String>,
    /// Held until this process ends.
    _run_lock: Vec<OwnedFd>,
}

fn prepare(mut task: LaunchTask, descriptors: Vec<OwnedFd>) -> io::Result<Prepared> {
    process::become_subreaper()?;
    let signals = process::signals()?;
    let mut run_lock = Vec::new();
    let mut outputs = Vec::new();
    let mut jobserver = Vec::new();
    for (role, descriptor) in task.descriptors.iter().zip(descriptors) {
        match role {
            Role::RunLock => run_lock.push(descriptor),
            Role::Input => descriptors::duplicate_onto_standard(descriptor, 0)?,
            Role::Output => outputs.push(descriptor),
            Role::Namespace => namespaces::join(&descriptor)
                .map_err(|error| io::Error::new(error.kind(), format!("cannot join a namespace: {error}")))?,
            Role::Root => namespaces::enter_root(&descriptor).map_err(|error| {
                io::Error::new(error.kind(), format!("cannot return to the root: {error}"))
            })?,
            Role::JobserverRead | Role::JobserverWrite => {
                let descriptor = descriptors::duplicate_from(descriptor, JOBSERVER_DESCRIPTORS)?;
                descriptors::keep_across_exec(&descriptor)?;
                jobserver.push(descriptor);
            }
        }
    }
    if let (Some(jobs), [read, write]) = (task.jobserver, &jobserver[..]) {
        let flags = format!("-j{jobs} --jobserver-auth={},{}", read.as_raw_fd(), write.as_raw_fd());
        let entry = task.environment.entry("MAKEFLAGS".to_owned()).or_default();
        *entry = if entry.is_empty() { format!(" {flags}") } else { format!("{entry} {flags}") };
    }
    let unfenced = task.fence.as_ref().map_or_else(|| Ok(Vec::new()), fence::put_up)?;
    let filter = match (&task.audit, task.restricted) {
        (Some(_), _) => Some(
            seccomp::Filter::notifying()
                .ok_or_else(|| io::Error::other("no seccomp filter is known for this architecture"))?,
        ),
        (None, true) => seccomp::Filter::refusing(),
        (None, false) => None,
    };
    let started = start(&task, filter.as_ref())?;
    let audit = match (started.listener, &task.audit) {
        (Some(listener), Some(audit)) => Some(Audit::new(listener, audit.clone())),
        _ => None,
    };
    Ok(Prepared { pid: started.pid, task, audit, signals, outputs, unfenced, _run_lock: run_lock })
}

fn start(task: &LaunchTask, filter: Option<&seccomp::Filter>) -> io::Result<process::Started> {
    let path = task.environment.get("PATH").map_or(DEFAULT_PATH, String::as_str);
    let candidates: Vec<String> = if task.program.contains('/') {
        vec![task.program.clone()]
    } else {
        path.split(':')
            .map(|directory| if directory.is_empty() { "." } else { directory })
            .map(|directory| format!("{directory}/{}", task.program))
            .collect()
    };
    let environment: Vec<String> =
        task.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut arguments = vec![task.program.clone()];
    arguments.extend(task.args.iter().cloned());
    let attempt = |candidates: &[String], arguments: &[String]| -> io::Result<_> {
        let directory = CString::new(task.directory.as_str())?;
        let result = process::start(&Program {
            candidates: &c_strings(candidates)?,
            arguments: &c_strings(arguments)?,
            environment: &c_strings(&environment)?,
            directory: &directory,
            group: match (task.attached, task.elevated) {
                (true, _) => Group::Shared,
                (false, true) => Group::Own,
                (false, false) => Group::Session,
            },
            // A patient tool goes on when the launcher dies.
            dies_with_parent: !task.patient,
            restricted: task.restricted,
            filter,
        });
        Ok(result)
    };
    let failure = match attempt(&candidates, &arguments)? {
        Ok(started) => return Ok(started),
        Err(failure) => failure,
    };
    if failure.error.raw_os_error() == Some(libc::ENOEXEC) {
        // As execvp(3): a file without `#!` is a shell script.
        let script = candidates
            .into_iter()
            .find(|candidate| Path::new(&task.directory).join(candidate).is_file())
            .unwrap_or_else(|| task.program.clone());
        arguments.splice(0..1, ["sh".to_owned(), script]);
        return attempt(&["/bin/sh".to_owned()], &arguments)?
            .map_err(|failure| describe(&failure, task, path));
    }
    Err(describe(&failure, task, path))
}

fn c_strings(strings: &[String]) -> io::Result<Vec<CString>> {
    strings
        .iter()
        .map(|string| {
            CString::new(string.as_str()).map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidInput, format!("a zero byte in {string:?}"))
            })
        })
        .collect()
}

fn describe(failure: &StartFailure, task: &LaunchTask, path: &str) -> io::Error {
    let StartFailure { stage, error } = failure;
    let program = &task.program;
    let message = match stage {
        Stage::Execute if error.raw_os_error() == Some(libc::ENOENT) && !program.contains('/') => {
            format!("`{program}` is in no directory of PATH ({path}): install it, or add its directory")
        }
        Stage::Execute if error.raw_os_error() == Some(libc::E2BIG) => {
            format!("the arguments and environment of `{program}` are too long for the kernel")
        }
        Stage::Execute if error.raw_os_error() == Some(libc::ENOENT) => {
            format!("cannot execute {program}: it, or the interpreter that it names, does not exist")
        }
        Stage::Execute => format!("cannot execute {program}: {error}"),
        Stage::Directory => format!("cannot enter {}: {error}", task.directory),
        Stage::Filter => format!("cannot install the filter that watches for network calls: {error}"),
        Stage::Clone | Stage::Setup => format!("cannot make a process for `{program}`: {error}"),
    };
    worded(error, message)
}

/// The wait for a tool's end.
struct Watch {
    prepared: Prepared,
    /// None when the scheduler is dead.
    control: Option<UnixStream>,
    grace: Duration,
    deadline: Option<Instant>,
    main_status: Option<i32>,
    ending: Option<Ending>,
    killing_since: Option<Instant>,
    asked_sudo: Option<Instant>,
    timed_out: bool,
    cancelled: bool,
}

impl Watch {
    fn over(prepared: Prepared, control: UnixStream, grace: Duration) -> Self {
        let deadline = prepared.task.timeout_ms.map(|limit| Instant::now() + Duration::from_millis(limit));
        Self {
            prepared,
            control: Some(control),
            grace,
            deadline,
            main_status: None,
            ending: None,
            killing_since: None,
            asked_sudo: None,
            timed_out: false,
            cancelled: false,
        }
    }

    fn run(mut self) -> io::Result<()> {
        let unfenced = std::mem::take(&mut self.prepared.unfenced);
        self.report(&Report::Started { pid: self.prepared.pid, unfenced });
        while !self.all_gone()? {
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.deadline = None;
                self.timed_out = self.main_status.is_none();
                self.end();
            }
            if self.ending.is_some() && !self.end_descendants()? {
                break;
            }
            self.wait()?;
        }
        // A question that was asked just before the end.
        self.answer_names();
        let (cpu, peak_rss_kib) = process::usage_of_children()?;
        let ended = Report::Ended {
            status: self.main_status.unwrap_or(128 + libc::SIGKILL),
            timed_out: self.timed_out,
            cancelled: self.cancelled,
            cpu_us: u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX),
            peak_rss_kib,
        };
        self.report(&ended);
        Ok(())
    }

    /// Reaps what has ended. When the tool itself has, what it left behind is ended too.
    fn all_gone(&mut self) -> io::Result<bool> {
        loop {
            match process::reap_any()? {
                Reaped::NoChildren => return Ok(true),
                Reaped::Running => return Ok(false),
                Reaped::Ended { pid, status } if pid == self.prepared.pid => {
                    self.main_status = Some(status);
                    self.end();
                }
                Reaped::Ended { .. } => {}
            }
        }
    }

    /// Begins to end everything, once. A patient tool is waited for first.
    fn end(&mut self) {
        let waits = self.prepared.task.patient && self.main_status.is_none();
        if !waits && self.ending.is_none() {
            self.ending = Some(Ending::begin(self.grace));
        }
    }

    /// Signals what is left. False: what is left is not ours to end, and is given up.
    fn end_descendants(&mut self) -> io::Result<bool> {
        let Some(ending) = &mut self.ending else { return Ok(true) };
        let left = procfs::descendants(&[process::own_pid()]);
        let kills = ending.kills();
        if kills && self.killing_since.is_none() {
            self.killing_since = Some(Instant::now());
        }
        ending.signal(left.iter().copied());
        let refused: BTreeMap<i32, String> = ending
            .refused()
            .iter()
            .filter(|(pid, _)| left.contains(pid))
            .map(|(pid, error)| (*pid, error.to_string()))
            .collect();
        if refused.is_empty() {
            return Ok(true);
        }
        let due = self.asked_sudo.is_none_or(|asked| asked.elapsed() >= ASK_SUDO_AGAIN);
        if self.prepared.task.elevated && due {
            let first = self.asked_sudo.replace(Instant::now()).is_none();
            if first || kills {
                let signal = if kills { libc::SIGKILL } else { libc::SIGTERM };
                let path = self.prepared.task.environment.get("PATH");
                let path = path.map_or(DEFAULT_PATH, String::as_str);
                privilege::signal_elevated(refused.keys().copied(), signal, path)?;
            }
        }
        if self.killing_since.is_some_and(|since| since.elapsed() > GIVE_UP) {
            for (pid, error) in refused {
                let line = format!(
                    "{} (pid {pid}) could not be ended and is still running: {error}",
                    procfs::name(pid)
                );
                self.report(&Report::Note { line });
            }
            return Ok(false);
        }
        Ok(true)
    }

    /// Waits for something to happen, and handles it.
    fn wait(&mut self) -> io::Result<()> {
        let timeout = if self.ending.is_some() {
            Some(LOOK_AGAIN)
        } else {
            self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
        };
        let mut waiting: Vec<(Source, BorrowedFd<'_>)> =
            vec![(Source::Signals, self.prepared.signals.as_fd())];
        waiting.extend(self.control.as_ref().map(|control| (Source::Control, control.as_fd())));
        if let Some(audit) = &self.prepared.audit {
            waiting.push((Source::Call, audit.listener()));
            waiting.extend(audit.responder().map(|responder| (Source::Name, responder)));
        }
        if self.control.is_none() {
            // Nobody else reads what a patient tool goes on to write.
            let outputs = self.prepared.outputs.iter().enumerate();
            waiting.extend(outputs.map(|(index, output)| (Source::Output(index), output.as_fd())));
        }
        let (sources, descriptors): (Vec<Source>, Vec<BorrowedFd<'_>>) = waiting.into_iter().unzip();
        let ready = descriptors::poll(&descriptors, timeout)?;
        let mut ended_outputs = Vec::new();
        for (source, _) in sources.into_iter().zip(ready).filter(|(_, ready)| *ready) {
            match source {
                Source::Signals => self.take_signals(),
                Source::Control => self.take_order(),
                Source::Call => self.answer_call()?,
                Source::Name => self.answer_names(),
                Source::Output(index) => {
                    let mut buffer = [0; 64 << 10];
                    let output = File::from(self.prepared.outputs[index].try_clone()?);
                    if read_chunk(output, &mut buffer)? == Chunk::End {
                        ended_outputs.push(index);
                    }
                }
            }
        }
        for index in ended_outputs.into_iter().rev() {
            self.prepared.outputs.remove(index);
        }
        Ok(())
    }

    fn take_signals(&mut self) {
        while let Some(signal) = process::next_signal(&self.prepared.signals) {
            // The others are blocked so that they do no harm.
            if matches!(signal, libc::SIGTERM | libc::SIGINT) {
                self.cancel();
            }
        }
    }

    fn take_order(&mut self) {
        let Some(control) = &self.control else { return };
        match wire::receive::<Order>(control) {
            Ok(Some((Order::Cancel, _))) => self.cancel(),
            Ok(Some((Order::Ping, _))) => self.report(&Report::Pong),
            // The scheduler is dead, or as good as.
            Ok(None) | Err(_) => {
                self.control = None;
                self.cancel();
            }
        }
    }

    fn cancel(&mut self) {
        if self.main_status.is_none() {
            self.cancelled = true;
        }
        self.end();
    }

    fn answer_call(&mut self) -> io::Result<()> {
        let Some(mut audit) = self.prepared.audit.take() else { return Ok(()) };
        let result = audit.answer_call(&mut |told| self.report(&told.into()));
        self.prepared.audit = Some(audit);
        result
    }

    fn answer_names(&mut self) {
        let Some(mut audit) = self.prepared.audit.take() else { return };
        audit.answer_names(&mut |told| self.report(&told.into()));
        self.prepared.audit = Some(audit);
    }

    fn report(&self, report: &Report) {
        if let Some(control) = &self.control {
            // A scheduler that cannot be told is dead; the closed socket tells that soon.
            drop(wire::send(control, report, &[]));
        }
    }
}

impl From<Told> for Report {
    fn from(told: Told) -> Self {
        match told {
            Told::Leak(leak) => Self::Leaked { leak },
            Told::Note(line) => Self::Note { line },
        }
    }
}

#[derive(Clone, Copy)]
enum Source {
    Signals,
    Control,
    Call,
    Name,
    Output(usize),
}
