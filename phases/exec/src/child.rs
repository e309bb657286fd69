//! A running child: what it prints, how it is cancelled, how it ends.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use camino::Utf8PathBuf;
use model::event::Stream;

use crate::children;
use crate::errno::worded;
use crate::jobserver::Client;
use crate::leaks::{LeakWatch, Tell};
use crate::offline::force::Force;
use crate::output::{Chunk, Lines, read_chunk};
use crate::redact::{PrivateKey, Redactor};
use crate::sys::descriptors;
use crate::wire::{self, Leak, Order, Report};

/// How long a tool's pipes are read on after all its processes have ended.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// How a child ended. All its descendants are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Exit status; death by signal N is 128 + N.
    pub status: i32,
    /// It ran longer than it may.
    pub timed_out: bool,
    /// It was cancelled before it ended by itself.
    pub cancelled: bool,
    /// CPU time of all its processes, user and system. Zero when the launcher was killed.
    pub cpu: Duration,
    /// The largest resident set of any one of its processes, in KiB.
    pub peak_rss_kib: u64,
    /// Standard output, if it was captured.
    pub stdout: String,
    /// What it wanted of the network.
    pub leaks: Vec<Leak>,
    /// It was ended because it went on after the first of them for longer than [`crate::Launch::leak_grace`].
    pub ended_for_leak: bool,
}

/// Gets each line, redacted and without its end.
pub type Sink = Box<dyn FnMut(Stream, &str) + Send>;

/// A running child. Dropped without [`Child::wait`], it is ended first.
pub struct Child {
    pub(crate) program: String,
    pub(crate) process: Option<std::process::Child>,
    pub(crate) socket: Arc<UnixStream>,
    pub(crate) canceller: Canceller,
    pub(crate) stdout: Option<File>,
    pub(crate) stderr: Option<File>,
    pub(crate) printer: Printer,
    pub(crate) capture: bool,
    pub(crate) grace: Duration,
    /// Whom to ask for names that only the resolver saw, and how many it had seen before.
    pub(crate) names: Option<(Arc<Force>, usize)>,
    pub(crate) leaks: LeakWatch,
    pub(crate) _client: Option<Client>,
}

/// Cancels a child from any thread, at any time.
#[derive(Clone)]
pub struct Canceller {
    pub(crate) socket: Arc<UnixStream>,
    pub(crate) asked: Arc<AtomicBool>,
}

impl Canceller {
    /// SIGTERM to all processes of the child, SIGKILL to what is left after the grace; a patient child is waited for.
    /// Returns at once; [`Child::wait`] returns when all are gone.
    pub fn cancel(&self) {
        if !self.asked.swap(true, Ordering::SeqCst) {
            // A launcher that cannot be told has ended, and then there is nothing to cancel.
            drop(wire::send(&self.socket, &Order::Cancel, &[]));
        }
    }
}

impl Child {
    /// Tells each leak as it is seen, during [`Child::wait`].
    #[must_use]
    pub fn telling_leaks(mut self, tell: Tell) -> Self {
        self.leaks.tell = Some(tell);
        self
    }

    /// A handle to cancel it.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Hands its lines to the sink and the log until it and all that it started have ended.
    ///
    /// When its launcher is killed, what it left is ended, and the status is 137.
    ///
    /// # Errors
    /// When the log cannot be written; the child is ended then.
    pub fn wait(mut self) -> io::Result<Ended> {
        let mut ended = Ended::default();
        let mut captured = Vec::new();
        let mut lines = [Lines::default(), Lines::default()];
        let mut launcher_reported = false;
        let mut control_open = true;
        while control_open || self.stdout.is_some() || self.stderr.is_some() {
            let mut waiting: Vec<(Source, BorrowedFd<'_>)> = Vec::new();
            waiting.extend(control_open.then(|| (Source::Control, self.socket.as_fd())));
            waiting.extend(self.stdout.as_ref().map(|pipe| (Source::Output(Stream::Stdout), pipe.as_fd())));
            waiting.extend(self.stderr.as_ref().map(|pipe| (Source::Output(Stream::Stderr), pipe.as_fd())));
            let (sources, descriptors): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
            // After the launcher's end all writers are gone, unless one could not be ended.
            let limit =
                if control_open { self.leaks.look_again(self.asks_for_names()) } else { Some(LAST_OUTPUT) };
            let ready = descriptors::poll(&descriptors, limit)?;
            if !control_open && !ready.contains(&true) {
                break;
            }
            if control_open {
                self.see_to_leaks(&mut ended)?;
            }
            for (source, _) in sources.into_iter().zip(ready).filter(|(_, ready)| *ready) {
                match source {
                    Source::Output(stream) => self.read(stream, &mut lines, &mut captured)?,
                    Source::Control => {
                        // A broken socket is a dead launcher as well.
                        let report = wire::receive::<Report>(&self.socket).ok().flatten();
                        let Some((report, _)) = report else {
                            control_open = false;
                            let mut read = |child: &mut Self| {
                                child.read(Stream::Stdout, &mut lines, &mut captured)?;
                                child.read(Stream::Stderr, &mut lines, &mut captured)
                            };
                            self.launcher_ended(launcher_reported, &mut ended, &mut read)?;
                            continue;
                        };
                        launcher_reported |= matches!(report, Report::Ended { .. });
                        self.take(report, &mut ended)?;
                    }
                }
            }
        }
        for (stream, lines) in [Stream::Stdout, Stream::Stderr].into_iter().zip(&mut lines) {
            let mut result = Ok(());
            lines.finish(|line| result = self.printer.print(stream, line));
            result?;
        }
        ended.stdout = String::from_utf8_lossy(&captured).into_owned();
        self.take_names(&mut ended)?;
        ended.ended_for_leak = ended.cancelled && self.leaks.ended;
        Ok(ended)
    }

    /// Whether names are seen by the resolver alone, which tells them only when it is asked.
    fn asks_for_names(&self) -> bool {
        self.names.as_ref().is_some_and(|(force, _)| force.alone_sees_names())
    }

    /// Ends what goes on for too long after a leak.
    fn see_to_leaks(&mut self, ended: &mut Ended) -> io::Result<()> {
        if self.asks_for_names() && self.leaks.names_are_due() {
            self.take_names(ended)?;
        }
        if self.leaks.is_over() {
            self.canceller.cancel();
        }
        Ok(())
    }

    fn take_names(&mut self, ended: &mut Ended) -> io::Result<()> {
        let Some((force, before)) = &self.names else { return Ok(()) };
        for wanted in force.names_since(*before)? {
            let leak = Leak { process: "unknown".to_owned(), pid: 0, wanted };
            if !ended.leaks.contains(&leak) {
                self.leaks.seen(&leak);
                ended.leaks.push(leak);
            }
        }
        Ok(())
    }

    fn read(&mut self, stream: Stream, lines: &mut [Lines; 2], captured: &mut Vec<u8>) -> io::Result<()> {
        let (pipe, lines, captures) = match stream {
            Stream::Stdout => (&mut self.stdout, &mut lines[0], self.capture),
            _ => (&mut self.stderr, &mut lines[1], false),
        };
        let mut buffer = [0; 64 << 10];
        let Some(file) = pipe else { return Ok(()) };
        match read_chunk(file, &mut buffer)? {
            Chunk::End => *pipe = None,
            Chunk::Nothing => {}
            Chunk::Bytes(length) if captures => captured.extend(&buffer[..length]),
            Chunk::Bytes(length) => {
                let mut result = Ok(());
                let printer = &mut self.printer;
                lines.push(&buffer[..length], |line| {
                    if result.is_ok() {
                        result = printer.print(stream, line);
                    }
                });
                result?;
            }
        }
        Ok(())
    }

    /// What is in its standard error now, without a line break at its end.
    pub(crate) fn said_at_last(&mut self) -> String {
        let mut buffer = [0; 4 << 10];
        match self.stderr.as_mut().map(|pipe| read_chunk(pipe, &mut buffer)) {
            Some(Ok(Chunk::Bytes(length))) => {
                String::from_utf8_lossy(&buffer[..length]).trim_end().to_owned()
            }
            _ => String::new(),
        }
    }

    fn take(&mut self, report: Report, ended: &mut Ended) -> io::Result<()> {
        match report {
            Report::Ended { status, timed_out, cancelled, cpu_us, peak_rss_kib } => {
                *ended = Ended {
                    status,
                    timed_out,
                    cancelled,
                    cpu: Duration::from_micros(cpu_us),
                    peak_rss_kib,
                    ..std::mem::take(ended)
                };
            }
            Report::Leaked { leak } => {
                self.leaks.seen(&leak);
                ended.leaks.push(leak);
            }
            Report::Note { line } => self.printer.print(Stream::Note, &line)?,
            _ => {}
        }
        Ok(())
    }

    /// Reaps the launcher. If it did not say how the tool ended, it was killed, and its descendants are ours now.
    fn launcher_ended(
        &mut self,
        reported: bool,
        ended: &mut Ended,
        read: &mut dyn FnMut(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let status = process.wait()?;
        children::forget([process.id()]);
        if reported {
            return Ok(());
        }
        ended.status = 128 + libc::SIGKILL;
        ended.cancelled = self.canceller.asked.load(Ordering::SeqCst);
        let orphans = children::end_orphans(self.grace, || read(self))?;
        let rest = if orphans.is_empty() {
            String::new()
        } else {
            format!("; ended what it left: {}", orphans.join(", "))
        };
        let line = format!("the launcher of `{}` was killed ({status}){rest}", self.program);
        self.printer.print(Stream::Note, &line)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // To the launcher this is the scheduler's death. Both directions are closed for cancellers as well.
            drop(self.socket.shutdown(std::net::Shutdown::Both));
            // Closed pipes, so that a tool that writes does not wait for us.
            (self.stdout, self.stderr) = (None, None);
            if process.wait().is_ok() {
                children::forget([process.id()]);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Source {
    Control,
    Output(Stream),
}

/// Where lines go.
pub(crate) struct Printer {
    sink: Sink,
    log: Option<(Utf8PathBuf, File)>,
    unlogged: Option<fn(&str) -> bool>,
    redactor: Redactor,
    /// Of the streams, each by itself.
    keys: [PrivateKey; 2],
}

impl Printer {
    /// Lines go to the sink, and to the end of the log.
    pub(crate) fn new(
        sink: Sink,
        log: Option<&Utf8PathBuf>,
        unlogged: Option<fn(&str) -> bool>,
        redactor: Redactor,
    ) -> io::Result<Self> {
        let log = match log {
            Some(path) => Some((path.clone(), open_log(path)?)),
            None => None,
        };
        Ok(Self { sink, log, unlogged, redactor, keys: Default::default() })
    }

    pub(crate) fn print(&mut self, stream: Stream, line: &str) -> io::Result<()> {
        const ERASE: &str = "\x1b[K";
        let unlogged = self.unlogged.filter(|_| stream != Stream::Note);
        let line = match (unlogged, line.strip_prefix(ERASE)) {
            // It only took a drawing away.
            (Some(_), Some("")) => return Ok(()),
            (Some(_), Some(rest)) => rest,
            _ => line,
        };
        let key = &mut self.keys[usize::from(stream == Stream::Stderr)];
        let line = self.redactor.redact_next(key, line);
        let logged = !unlogged.is_some_and(|drawn| drawn(&line));
        if let Some((path, file)) = self.log.as_mut().filter(|_| logged) {
            file.write_all(format!("{line}\n").as_bytes())
                .map_err(|error| named("write to", path, &error))?;
        }
        (self.sink)(stream, &line);
        Ok(())
    }
}

fn open_log(path: &Utf8PathBuf) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(|error| named("create", directory, &error))?;
    }
    // What a tool prints is for who runs it.
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    file.map_err(|error| named("open", path, &error))
}

/// An error that names the file.
pub(crate) fn named(what: &str, path: impl AsRef<str>, error: &io::Error) -> io::Error {
    worded(error, format!("failed to {what} {}: {error}", path.as_ref()))
}
