//! Processes: starting the tool, signals, reaping, sessions.
#![expect(unsafe_code, reason = "clone, exec and signals need it")]

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use super::seccomp::Filter;
use super::{capabilities, check, descriptors, landlock};

/// A program that is to be started by [`start`], all in the form in which the kernel wants it: nothing may be
/// allocated between the clone and the exec.
pub struct Program<'a> {
    /// Tried one after the other, as execvp(3) does with PATH.
    pub candidates: &'a [CString],
    /// Argument vector, the name first.
    pub arguments: &'a [CString],
    /// `NAME=value`.
    pub environment: &'a [CString],
    /// Working directory.
    pub directory: &'a CStr,
    /// What it shares with this process.
    pub group: Group,
    /// SIGKILL when the process that starts it dies.
    pub dies_with_parent: bool,
    /// It keeps no capability that a build does not need.
    pub restricted: bool,
    /// Seccomp filter; the listener of one that notifies is handed back.
    pub filter: Option<&'a Filter>,
}

/// How far a program is set apart from the process that starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// A session of its own: no controlling terminal.
    Session,
    /// A process group of its own.
    Own,
    /// The same process group.
    Shared,
}

/// A started program.
pub struct Started {
    /// Its process.
    pub pid: i32,
    /// The listener of its filter, if it has one.
    pub listener: Option<OwnedFd>,
}

/// Which part of a start failed, and why.
pub struct StartFailure {
    /// What was tried.
    pub stage: Stage,
    /// Why not.
    pub error: io::Error,
}

/// Parts of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// Making a process.
    Clone = 1,
    /// Session, signals, parent.
    Setup,
    /// Changing the directory.
    Directory,
    /// Installing the filter.
    Filter,
    /// Executing the program.
    Execute,
}

/// Tag of the report that carries the listener's number.
const LISTENER: u8 = 0;

/// Starts a program whose standard streams and inheritable descriptors are those of this process.
///
/// Only for single-threaded processes. The child shares the descriptor table until it executes, so that the listener
/// of its seccomp filter appears here without being sent (a sent one would be caught by the filter itself); the
/// parent is held (`CLONE_VFORK`) until the child has executed or given up.
pub fn start(program: &Program<'_>) -> Result<Started, StartFailure> {
    let fail = |error| StartFailure { stage: Stage::Clone, error };
    let (report_read, report_write) = descriptors::pipe().map_err(fail)?;
    descriptors::set_nonblocking(&report_read).map_err(fail)?;
    let arguments = pointers(program.arguments);
    let environment = pointers(program.environment);
    let parent = own_pid();
    // SAFETY: without CLONE_VM the child has its own memory, as after fork(2). It makes system calls only and never
    // returns from `run_child`.
    let pid = unsafe {
        let flags = (libc::CLONE_FILES | libc::CLONE_VFORK | libc::SIGCHLD) as libc::c_long;
        check(libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0)).map_err(fail)?
    } as i32;
    if pid == 0 {
        run_child(program, &arguments, &environment, parent, report_write.as_raw_fd());
    }
    let mut listener = None;
    let mut report = [0_u8; 16];
    // SAFETY: reads at most the buffer's length.
    let length = unsafe { libc::read(report_read.as_raw_fd(), report.as_mut_ptr().cast(), report.len()) };
    for record in report.get(..usize::try_from(length).unwrap_or(0)).unwrap_or_default().chunks_exact(5) {
        let number = i32::from_ne_bytes([record[1], record[2], record[3], record[4]]);
        if record[0] == LISTENER {
            // SAFETY: the child made this descriptor in the table that was shared; nobody else owns it here.
            listener = Some(unsafe { OwnedFd::from_raw_fd(number) });
            continue;
        }
        // The child has exited already.
        reap(pid).map_err(fail)?;
        let stage = [Stage::Setup, Stage::Directory, Stage::Filter, Stage::Execute]
            .into_iter()
            .find(|stage| *stage as u8 == record[0])
            .unwrap_or(Stage::Clone);
        return Err(StartFailure { stage, error: io::Error::from_raw_os_error(number) });
    }
    Ok(Started { pid, listener })
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
}

/// What the child does between clone and exec.
fn run_child(
    program: &Program<'_>,
    arguments: &[*const libc::c_char],
    environment: &[*const libc::c_char],
    parent: i32,
    report: i32,
) -> ! {
    let tell = |tag: u8, number: i32| {
        let bytes = number.to_ne_bytes();
        let record = [tag, bytes[0], bytes[1], bytes[2], bytes[3]];
        // SAFETY: writes a live buffer of five bytes; a pipe takes it whole.
        unsafe { libc::write(report, record.as_ptr().cast(), record.len()) };
    };
    let give_up = |stage: Stage, error: &io::Error| -> ! {
        tell(stage as u8, error.raw_os_error().unwrap_or(libc::EINVAL));
        // SAFETY: ends this process without running anything of the parent's.
        unsafe { libc::_exit(127) }
    };
    let attempt = |stage: Stage, result: io::Result<()>| {
        if let Err(error) = result {
            give_up(stage, &error);
        }
    };
    attempt(Stage::Setup, default_signals());
    match program.group {
        // SAFETY: takes no pointer.
        Group::Session => attempt(Stage::Setup, check(unsafe { libc::setsid() }).map(drop)),
        // SAFETY: takes no pointer.
        Group::Own => attempt(Stage::Setup, check(unsafe { libc::setpgid(0, 0) }).map(drop)),
        Group::Shared => {}
    }
    if program.dies_with_parent {
        // SAFETY: takes no pointer.
        attempt(Stage::Setup, check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) }).map(drop));
        // The parent may have died before that took effect.
        // SAFETY: takes no pointer.
        if unsafe { libc::getppid() } != parent {
            give_up(Stage::Setup, &io::Error::from_raw_os_error(libc::ESRCH));
        }
    }
    set_usual_umask();
    // SAFETY: a live C string.
    attempt(Stage::Directory, check(unsafe { libc::chdir(program.directory.as_ptr()) }).map(drop));
    if program.restricted {
        attempt(Stage::Setup, capabilities::keep_what_builds_need());
        landlock::set_apart();
    }
    if let Some(filter) = program.filter {
        match filter.install() {
            // From here on the child makes no call that the filter reports: write and execve only.
            Ok(Some(listener)) => tell(LISTENER, listener),
            Ok(None) => {}
            Err(error) => give_up(Stage::Filter, &error),
        }
    }
    let mut reason = io::Error::from_raw_os_error(libc::ENOENT);
    for candidate in program.candidates {
        // SAFETY: null-terminated arrays of live C strings.
        unsafe { libc::execve(candidate.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            // The next directory of PATH may have it.
            Some(libc::ENOENT | libc::ENOTDIR) => {}
            Some(libc::EACCES) => reason = error,
            _ => give_up(Stage::Execute, &error),
        }
    }
    give_up(Stage::Execute, &reason)
}

/// Undoes what the launcher (and Rust's runtime: SIGPIPE) did to signals.
fn default_signals() -> io::Result<()> {
    // The kernel's struct sigaction, all zero: SIG_DFL. Not libc's, whose wrapper refuses the two signals that threads
    // use inside it, and whoever started `installer` may have ignored those too.
    let default = [0_u64; 4];
    for signal in 1..=64 {
        // SAFETY: reads one struct of that size; SIGKILL and SIGSTOP cannot be set, which is fine.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                std::ptr::null_mut::<u64>(),
                size_of::<u64>(),
            )
        };
    }
    // SAFETY: an initialised set.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        check(libc::sigemptyset(&raw mut none))?;
        check(libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut())).map(drop)
    }
}

/// Gives new files of this process and its children the usual modes. What is installed must not depend on the mask of
/// whoever runs `installer`.
pub fn set_usual_umask() {
    // SAFETY: umask cannot fail and takes no pointer.
    unsafe { libc::umask(0o022) };
}

/// This process.
pub fn own_pid() -> i32 {
    // SAFETY: cannot fail.
    unsafe { libc::getpid() }
}

/// This process's effective user and group.
pub fn own_ids() -> (u32, u32) {
    // SAFETY: cannot fail.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// What the kernel lets this process and its user have at most; none: as many as they like.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Descriptors of this process.
    pub files: Option<u64>,
    /// Processes of its user.
    pub processes: Option<u64>,
}

/// The limits that hold now.
pub fn limits() -> Limits {
    let limit = |resource| {
        let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: 0 };
        // SAFETY: the pointer is to a live rlimit; with a known resource it cannot fail.
        unsafe { libc::getrlimit(resource, &raw mut limit) };
        (limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
    };
    Limits { files: limit(libc::RLIMIT_NOFILE), processes: limit(libc::RLIMIT_NPROC) }
}

/// Makes orphaned descendants children of this process.
pub fn become_subreaper() -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }).map(drop)
}

/// Blocks the signals that a launcher handles or must outlive and returns a descriptor that delivers them.
pub fn signals() -> io::Result<OwnedFd> {
    // SAFETY: an initialised set; the descriptor is new and ours.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        check(libc::sigemptyset(&raw mut set))?;
        for signal in [
            libc::SIGCHLD,
            libc::SIGTERM,
            libc::SIGINT,
            libc::SIGHUP,
            libc::SIGQUIT,
            libc::SIGUSR1,
            libc::SIGUSR2,
            libc::SIGTSTP,
            libc::SIGTTOU,
            libc::SIGTTIN,
            libc::SIGALRM,
        ] {
            check(libc::sigaddset(&raw mut set, signal))?;
        }
        check(libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()))?;
        let raw = check(libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK))?;
        Ok(OwnedFd::from_raw_fd(raw))
    }
}

/// The next signal that waits in a descriptor of [`signals`].
pub fn next_signal(descriptor: &OwnedFd) -> Option<i32> {
    // SAFETY: all-zero is a valid signalfd_siginfo, and the read fills at most its size.
    unsafe {
        let mut information: libc::signalfd_siginfo = std::mem::zeroed();
        let size = size_of::<libc::signalfd_siginfo>();
        let length = libc::read(descriptor.as_fd().as_raw_fd(), (&raw mut information).cast(), size);
        (length == size as isize).then_some(information.ssi_signo as i32)
    }
}

/// What a look for ended children found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaped {
    /// There are children, none of which ended.
    Running,
    /// There are no children at all.
    NoChildren,
    /// This one ended, with an exit status in the shell's terms (128 + signal).
    Ended {
        /// The child.
        pid: i32,
        /// Its status.
        status: i32,
    },
}

/// Reaps one ended child, whichever, without waiting.
pub fn reap_any() -> io::Result<Reaped> {
    wait(-1, libc::WNOHANG)
}

/// Reaps this child if it has ended, without waiting.
pub fn reap_if_ended(pid: i32) -> io::Result<Reaped> {
    wait(pid, libc::WNOHANG)
}

/// Waits for this child.
pub fn reap(pid: i32) -> io::Result<Reaped> {
    wait(pid, 0)
}

fn wait(pid: i32, flags: i32) -> io::Result<Reaped> {
    let mut status = 0;
    // `__WALL`: also children that were cloned with another signal than SIGCHLD.
    // SAFETY: writes one int.
    match check(unsafe { libc::waitpid(pid, &raw mut status, flags | libc::__WALL) }) {
        Ok(0) => Ok(Reaped::Running),
        Ok(pid) => {
            let status = if libc::WIFSIGNALED(status) {
                128 + libc::WTERMSIG(status)
            } else {
                libc::WEXITSTATUS(status)
            };
            Ok(Reaped::Ended { pid, status })
        }
        Err(error) if error.raw_os_error() == Some(libc::ECHILD) => Ok(Reaped::NoChildren),
        Err(error) => Err(error),
    }
}

/// Sends a signal to one process. A process that is gone is no error.
pub fn signal(pid: i32, signal: i32) -> io::Result<()> {
    if pid <= 1 {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: takes no pointer.
    match check(unsafe { libc::kill(pid, signal) }) {
        Err(error) if error.raw_os_error() != Some(libc::ESRCH) => Err(error),
        _ => Ok(()),
    }
}

/// What all reaped descendants used together: CPU time (user and system), and the largest resident set of any one
/// of them in KiB.
pub fn usage_of_children() -> io::Result<(Duration, u64)> {
    // SAFETY: all-zero is a valid rusage, which the call fills.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        check(libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage))?;
        usage
    };
    let time = |value: libc::timeval| {
        Duration::from_secs(value.tv_sec.unsigned_abs()) + Duration::from_micros(value.tv_usec.unsigned_abs())
    };
    Ok((time(usage.ru_utime) + time(usage.ru_stime), usage.ru_maxrss.unsigned_abs()))
}

/// The machine's name.
pub fn host_name() -> String {
    let mut buffer = [0_u8; 256];
    // SAFETY: writes at most the stated length; the last byte stays zero.
    if unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len() - 1) } != 0 {
        return String::new();
    }
    let length = buffer.iter().position(|byte| *byte == 0).unwrap_or(buffer.len());
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

/// `access(2)` with `W_OK`.
pub fn may_write(path: &std::path::Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return false };
    // SAFETY: the path is a C string that lives until the call returns.
    unsafe { libc::access(path.as_ptr(), libc::W_OK) == 0 }
}
