//! A session: what the children of one phase have in common, and the children themselves.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use model::event::{OfflineForce, Stream};
use model::plan::{Network, Privilege};
use model::site::Sudo;

use crate::child::{Printer, named};
use crate::ending::GRACE;
use crate::errno::worded;
use crate::jobserver::Pool;
use crate::leaks::LeakWatch;
use crate::offline::force::Force;
use crate::start::{Streams, start_launcher};
use crate::sys::descriptors;
use crate::wire::{self, LaunchTask, Report, Role, Task};
use crate::{children, privilege};

pub use crate::child::{Canceller, Child, Ended, Sink};
pub use crate::leaks::Tell;
pub use crate::start::SessionConfig;
pub use crate::wire::{Fence, Leak};

/// Starts children. Can be used from several threads.
pub struct Session {
    config: SessionConfig,
    pool: Pool,
    force: Option<Arc<Force>>,
    grace: Duration,
}

/// What to start, and how.
#[derive(Clone, Debug)]
pub struct Launch {
    /// A name on the environment's PATH, or a path.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its whole environment. `INSTALLER_RUN_MARKER` is added, `INSTALLER_PATIENT` for a patient child, and MAKEFLAGS
    /// for a client of the jobserver.
    pub environment: BTreeMap<String, String>,
    /// Working directory; created when it is not there.
    pub directory: Utf8PathBuf,
    /// Whether it may use the network; forbidding counts in a session that is offline.
    pub network: Network,
    /// Whether it runs as root.
    pub privilege: Privilege,
    /// How root is had.
    pub sudo: Sudo,
    /// It takes part in the pool of job tokens.
    pub jobserver: bool,
    /// It is ended after this time.
    pub timeout: Option<Duration>,
    /// For how long it may go on after it first reached for a network that it may not use; none: to its end.
    pub leak_grace: Option<Duration>,
    /// What it may not write to, where it has a mount namespace of its own.
    pub fence: Option<Fence>,
    /// It must not be killed half-way (dpkg, rpm): cancelling and time limits wait for its end.
    pub patient: bool,
    /// Standard output comes back in [`Ended::stdout`], unredacted, and goes neither to the sink nor to the log.
    pub capture_stdout: bool,
    /// Tells lines that only draw how far a tool is: they go to the sink and not to the log. Before other lines of such a
    /// tool, what takes the drawing away is left out.
    pub unlogged: Option<fn(&str) -> bool>,
    /// Lines are appended to this file.
    pub log: Option<Utf8PathBuf>,
}

impl Launch {
    /// The command as it will run, `sudo` included.
    pub fn argv(&self) -> Vec<String> {
        let mut argv = vec![self.program.clone()];
        argv.extend(self.args.iter().cloned());
        if self.elevated() { privilege::elevate(&argv, &self.environment) } else { argv }
    }

    fn elevated(&self) -> bool {
        self.privilege == Privilege::Root && self.sudo == Sudo::Allowed
    }
}

impl Session {
    /// Prepares for children: makes the pool, and with `offline` finds out how the network can be kept away. Starts no
    /// process unless `offline`.
    ///
    /// # Errors
    /// When the launcher cannot be started, or `INSTALLER_OFFLINE_FORCE` asks for what cannot be had.
    pub fn start(config: SessionConfig) -> io::Result<Self> {
        children::prepare()?;
        let pool = Pool::new(config.jobs)?;
        let force = if config.offline { Some(Arc::new(Force::establish(&config)?)) } else { None };
        Ok(Self { config, pool, force, grace: GRACE })
    }

    /// Changes the time between SIGTERM and SIGKILL, which is 5 seconds otherwise.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How the network is kept away; none in a session that is not offline.
    pub fn offline_force(&self) -> Option<OfflineForce> {
        self.force.as_ref().map(|force| force.event.clone())
    }

    /// Whether a [`Fence`] holds here; otherwise what is written has to be looked for.
    pub fn fences(&self) -> bool {
        self.force.as_ref().is_some_and(|force| !force.namespaces.is_empty())
    }

    /// The job tokens.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Starts a child. The sink gets the command itself as a note first, then the child's lines, during
    /// [`Child::wait`].
    ///
    /// # Errors
    /// When it cannot be started; the message names the program and says what to do.
    pub fn spawn(&self, launch: Launch, sink: Sink) -> io::Result<Child> {
        self.start_child(launch, sink, false)
    }

    /// Starts a child that has this process's standard streams, and its terminal if it has one: a shell for the user.
    /// Nothing that it prints is seen here.
    ///
    /// # Errors
    /// As [`Session::spawn`].
    pub fn spawn_attached(&self, launch: Launch) -> io::Result<Child> {
        self.start_child(launch, Box::new(|_, _| {}), true)
    }

    fn start_child(&self, launch: Launch, sink: Sink, attached: bool) -> io::Result<Child> {
        let force = self.force.as_ref().filter(|_| launch.network == Network::Denied);
        refuse_impossible(&launch, force.is_some())?;
        // Creating is left to the kernel's answer: an existing directory may be in a place that cannot be written.
        if !launch.directory.is_dir() {
            fs::create_dir_all(&launch.directory)
                .map_err(|error| named("create", &launch.directory, &error))?;
        }
        let printer = Printer::new(sink, launch.log.as_ref(), launch.unlogged, self.config.redactor.clone())?;
        let (streams, stdout, stderr) = if attached {
            (Streams::Inherited, None, None)
        } else {
            let (stdout, stdout_write) = descriptors::pipe()?;
            let (stderr, stderr_write) = descriptors::pipe()?;
            for pipe in [&stdout, &stderr] {
                descriptors::set_nonblocking(pipe)?;
            }
            (Streams::Pipes(stdout_write, stderr_write), Some(stdout), Some(stderr))
        };
        let (client, tokens) = if launch.jobserver {
            let (client, read, write) = self.pool.client()?;
            (Some(client), Some([read, write]))
        } else {
            (None, None)
        };
        let kept = match (&stdout, &stderr) {
            (Some(stdout), Some(stderr)) if launch.patient => {
                Some([stdout.try_clone()?, stderr.try_clone()?])
            }
            _ => None,
        };
        let input = io::stdin();
        let mut handed = Handed::default();
        for lock in self.config.run_lock.iter().flat_map(|lock| lock.descriptors()) {
            handed.add(Role::RunLock, lock);
        }
        if let Some([read, write]) = &tokens {
            handed.add(Role::JobserverRead, read.as_fd());
            handed.add(Role::JobserverWrite, write.as_fd());
        }
        for namespace in force.into_iter().flat_map(|force| &force.namespaces) {
            handed.add(Role::Namespace, namespace.as_fd());
        }
        if let Some(root) = force.and_then(|force| force.root.as_ref()) {
            handed.add(Role::Root, root.as_fd());
        }
        for output in kept.iter().flatten() {
            handed.add(Role::Output, output.as_fd());
        }
        if attached {
            handed.add(Role::Input, input.as_fd());
        }
        let argv = launch.argv();
        let task = self.task(&launch, &argv, attached, force, handed.roles);
        let names_before = force.map(|force| force.names_until_now()).transpose()?;
        let (process, socket) = start_launcher(&self.config, streams)?;
        let socket = Arc::new(socket);
        let mut child = Child {
            program: launch.program.clone(),
            process: Some(process),
            canceller: Canceller { socket: Arc::clone(&socket), asked: Arc::default() },
            socket,
            stdout: stdout.map(Into::into),
            stderr: stderr.map(Into::into),
            printer,
            capture: launch.capture_stdout,
            grace: self.grace,
            names: force.cloned().zip(names_before),
            leaks: LeakWatch::new(launch.leak_grace.filter(|_| !launch.patient)),
            _client: client,
        };
        child.printer.print(Stream::Note, &format!("$ {}", model::shell::words(&argv)))?;
        // A launcher that is dead already is found out below.
        let sent = wire::send(&child.socket, &task, &handed.descriptors);
        for line in self.await_start(&mut child, sent)? {
            child.printer.print(Stream::Note, &line)?;
        }
        Ok(child)
    }

    fn task(
        &self,
        launch: &Launch,
        argv: &[String],
        attached: bool,
        force: Option<&Arc<Force>>,
        descriptors: Vec<Role>,
    ) -> Task {
        Task::Launch(Box::new(LaunchTask {
            program: argv[0].clone(),
            args: argv[1..].to_vec(),
            environment: self.environment(launch),
            directory: launch.directory.to_string(),
            timeout_ms: launch.timeout.map(milliseconds),
            grace_ms: milliseconds(self.grace),
            patient: launch.patient,
            elevated: launch.elevated(),
            attached,
            jobserver: launch.jobserver.then(|| self.pool.size()),
            audit: force.and_then(|force| force.audit.clone()),
            restricted: force.is_some_and(|force| force.restricts),
            fence: launch.fence.clone().filter(|_| force.is_some_and(|force| !force.namespaces.is_empty())),
            descriptors,
        }))
    }

    /// Waits for what the launcher says of the program's start: what of its fence could not be put up.
    fn await_start(&self, child: &mut Child, sent: io::Result<()>) -> io::Result<Vec<String>> {
        match wire::receive::<Report>(&child.socket) {
            Ok(Some((Report::Started { unfenced, .. }, _))) => Ok(unfenced),
            Ok(Some((Report::Failed { errno, message }, _))) => {
                Err(worded(&io::Error::from_raw_os_error(errno), message))
            }
            Ok(_) => {
                // The launcher says itself what it could not do.
                let said = child.said_at_last();
                let said = (!said.is_empty()).then_some(said);
                let detail = said.or_else(|| sent.err().map(|error| error.to_string()));
                let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
                Err(io::Error::other(format!(
                    "the launcher {} of `{}` ended early{detail}",
                    self.config.launcher.display(),
                    child.program
                )))
            }
            Err(error) => Err(error),
        }
    }

    fn environment(&self, launch: &Launch) -> BTreeMap<String, String> {
        let mut environment = launch.environment.clone();
        environment.insert(wire::MARKER_VARIABLE.to_owned(), self.config.marker.clone());
        if launch.patient {
            environment.insert(wire::PATIENT_VARIABLE.to_owned(), "1".to_owned());
        }
        environment
    }
}

/// Root that cannot be had, or not together with what keeps the network away.
fn refuse_impossible(launch: &Launch, forced: bool) -> io::Result<()> {
    if launch.privilege == Privilege::Root && launch.sudo == Sudo::Unavailable {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("`{}` must be run as root, and there is no sudo: run installer as root", launch.program),
        ));
    }
    if launch.elevated() && forced {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!(
                "`{}` must be run as root without network, which sudo cannot shut off: run installer as \
                 root, or choose a prefix that you may write to",
                launch.program
            ),
        ));
    }
    Ok(())
}

/// Descriptors that the launcher is handed, and what each is for.
#[derive(Default)]
struct Handed<'a> {
    roles: Vec<Role>,
    descriptors: Vec<BorrowedFd<'a>>,
}

impl<'a> Handed<'a> {
    fn add(&mut self, role: Role, descriptor: BorrowedFd<'a>) {
        self.roles.push(role);
        self.descriptors.push(descriptor);
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
