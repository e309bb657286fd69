//! What a running step may use.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use exec::jobserver::Token;
use exec::session::Tell;
use exec::{Canceller, Ended, Launch, Redactor, Session};
use model::event::{Event, Failure, FailureKind, Stream};
use model::layout::Layout;
use model::lock::LockedTarget;
use model::plan::{Argument, Command, Jobs, Network, Step};
use model::site::Site;
use model::target::Target;

use crate::cargo;
use crate::context::{Memory, World, network_environment};
use crate::excerpt::Finder;
use crate::outside::{Outside, Told};
use crate::runner::{Context, Finished, Runner, StepError};
use crate::scarcity;
use crate::signals::Cancel;

/// What the steps of a run share.
pub(crate) struct Shared<'a> {
    pub(crate) world: World<'a>,
    pub(crate) session: Session,
    pub(crate) redactor: Redactor,
    pub(crate) memory: &'a Memory,
    pub(crate) outside: Outside,
    pub(crate) leak_grace: Duration,
    pub(crate) cancel: Cancel,
    pub(crate) children: Mutex<BTreeMap<u64, Canceller>>,
    pub(crate) next_child: Mutex<u64>,
}

impl Shared<'_> {
    /// Ends what runs.
    pub(crate) fn cancel_children(&self) {
        for canceller in self.children.lock().unwrap_or_else(PoisonError::into_inner).values() {
            canceller.cancel();
        }
    }
}

/// What a step's thread tells the scheduler.
pub(crate) enum Message {
    Event(Event),
    /// One that was waited for.
    Token(Token),
    Ended {
        index: usize,
        result: Result<(), StepError>,
    },
}

/// Figures that a step gathered while it ran.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) figures: BTreeMap<String, u64>,
    pub(crate) cpu: Duration,
    /// The check that did not hold, from 0.
    pub(crate) unheld: Option<usize>,
}

pub(crate) struct RunContext<'a> {
    pub(crate) shared: &'a Shared<'a>,
    pub(crate) step: &'a Step,
    pub(crate) jobs: u32,
    pub(crate) sender: Sender<Message>,
    pub(crate) gathered: Arc<Mutex<Gathered>>,
    pub(crate) deadline: Option<Instant>,
}

/// How a command is run.
#[derive(Clone, Copy)]
struct How {
    /// Standard output is captured instead of logged.
    capture: bool,
    /// It is waited for and not killed.
    patient: bool,
}

impl RunContext<'_> {
    fn send(&self, event: Event) {
        // The scheduler outlives every step; if it is gone, nobody is there to be told.
        drop(self.sender.send(Message::Event(event)));
    }

    fn log(&self) -> Utf8PathBuf {
        self.shared.world.layout.step_log(&self.step.id)
    }

    fn launch(&self, command: &Command, how: How) -> (Launch, String) {
        let args = command.args.iter().map(|argument| match argument {
            Argument::Literal(text) => text.clone(),
            Argument::Jobs { jobs } => format!("{jobs}{}", self.jobs),
        });
        let launch = Launch {
            program: command.program.clone(),
            args: args.collect(),
            environment: cargo::environment(command),
            directory: command.directory.clone(),
            network: self.step.network,
            privilege: self.step.privilege,
            sudo: self.shared.world.site.sudo,
            jobserver: self.step.claims.jobs == Jobs::Jobserver,
            timeout: self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())),
            leak_grace: Some(self.shared.leak_grace),
            fence: Outside::concerns(self.step).then(|| self.shared.outside.fence(self.step, command)),
            patient: how.patient,
            capture_stdout: how.capture,
            unlogged: cargo::counts(command).then_some(cargo::is_drawn),
            log: Some(self.log()),
        };
        let words = model::shell::words(&launch.argv());
        let words = self.shared.redactor.redact(&words).into_owned();
        (launch, words)
    }

    fn run(&self, command: &Command, how: How) -> Result<(Ended, Finder, String), StepError> {
        if self.cancelled() {
            return Err(StepError::Cancelled);
        }
        let (launch, words) = self.launch(command, how);
        let finder = Arc::new(Mutex::new(Finder::default()));
        let sink_finder = Arc::clone(&finder);
        let sender = self.sender.clone();
        let step = self.step.id.clone();
        let counts = cargo::counts(command);
        let sink = Box::new(move |stream: Stream, line: &str| {
            if counts && cargo::is_drawn(line) {
                let event = cargo::count(line).map(|(done, total)| Event::Progress {
                    step: step.clone(),
                    done,
                    total: Some(total),
                    unit: Some("units".to_owned()),
                });
                if let Some(event) = event {
                    drop(sender.send(Message::Event(event)));
                }
                return;
            }
            if stream != Stream::Note {
                sink_finder.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
            drop(sender.send(Message::Event(Event::Output {
                step: step.clone(),
                stream,
                line: line.to_owned(),
            })));
        });
        let child = self.shared.session.spawn(launch, sink).map_err(|error| {
            StepError::Failed(Failure {
                message: format!("failed to start `{}`: {error}", command.program),
                command: Some(words.clone()),
                cures: vec![not_started(&error, &command.program)],
                log: Some(self.log().into_string()),
                ..Failure::default()
            })
        })?;
        let number = {
            let mut next = self.shared.next_child.lock().unwrap_or_else(PoisonError::into_inner);
            *next += 1;
            *next
        };
        let child = child.telling_leaks(self.leaks());
        let canceller = child.canceller();
        self.shared.children.lock().unwrap_or_else(PoisonError::into_inner).insert(number, canceller.clone());
        if self.cancelled() {
            // It was cancelled between the question above and now.
            canceller.cancel();
        }
        let ended = child.wait();
        self.shared.children.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        let ended = ended.map_err(|error| {
            StepError::new(
                format!("failed to wait for `{}`: {error}", command.program),
                "run the same command again",
            )
        })?;
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner).cpu += ended.cpu;
        let finder = std::mem::take(&mut *finder.lock().unwrap_or_else(PoisonError::into_inner));
        self.judge(&ended, &finder, &words)?;
        Ok((ended, finder, words))
    }

    /// What ends a step whatever the command's status is.
    fn judge(&self, ended: &Ended, finder: &Finder, words: &str) -> Result<(), StepError> {
        let failure = |kind, message: String, cures| {
            StepError::Failed(Failure {
                kind,
                message,
                command: Some(words.to_owned()),
                excerpt: finder.excerpt(),
                cures,
                log: Some(self.log().into_string()),
                capsule: None,
                died_of_signal: signal(ended.status).is_some() || finder.died_of_signal(),
            })
        };
        if ended.timed_out {
            let limit = self.step.timeout_seconds.unwrap_or_default();
            return Err(failure(
                FailureKind::TimedOut,
                format!("took longer than its limit of {limit} s"),
                vec!["see the log for what it was waiting for".to_owned()],
            ));
        }
        let by_us = ended.cancelled && !ended.ended_for_leak;
        if by_us || (self.cancelled() && ended.status >= 128) {
            return Err(StepError::Cancelled);
        }
        if self.step.network == Network::Denied && !ended.leaks.is_empty() {
            let mut wanted: Vec<String> = Vec::new();
            for leak in &ended.leaks {
                let told = format!("{} tried to reach {}", leak.process, leak.wanted);
                if wanted.contains(&told) {
                    continue;
                }
                wanted.push(told);
            }
            let went_on = if ended.ended_for_leak {
                format!("; it went on for {} s and was ended", self.shared.leak_grace.as_secs())
            } else {
                String::new()
            };
            let mut error = failure(
                FailureKind::Offline,
                format!("tried to use the network, which `build` forbids: {}{went_on}", wanted.join(", ")),
                vec![self.advice()],
            );
            // What else went wrong in a step that asked its machine many things is not why it failed.
            let naming = finder.naming(ended.leaks.iter().map(|leak| leak.wanted.as_str()));
            if let (StepError::Failed(failure), false) = (&mut error, naming.is_empty()) {
                failure.excerpt = naming;
            }
            return Err(error);
        }
        Ok(())
    }

    /// Runs a command that has to end well.
    fn succeed(&self, command: &Command, patient: bool) -> Result<Finished, StepError> {
        let (ended, finder, words) = self.run(command, How { capture: false, patient })?;
        if ended.status == 0 {
            return Ok(Finished { status: 0, stdout: ended.stdout, tail: finder.tail() });
        }
        let how = match ended.status {
            137 => {
                "was killed (SIGKILL); if not by you, memory may have run out: see dmesg, and try a lower \
                    -j"
                .to_owned()
            }
            status => match signal(status) {
                Some(signal) => format!("was killed by signal {signal}"),
                None => format!("failed with status {status}"),
            },
        };
        let program = program(command);
        let outside = &self.shared.outside;
        let refused = Outside::concerns(self.step)
            .then(|| outside.refused(finder.refused(), self.step, command, program))
            .flatten();
        let excerpt = finder.excerpt();
        // One that a tool went on after is not what it failed of.
        let is_cause = finder.refused().iter().any(|line| excerpt.contains(line));
        let mut also = Vec::new();
        if let Some(Told { message, cures }) = refused {
            if is_cause {
                return Err(StepError::Failed(Failure {
                    message,
                    command: Some(words),
                    excerpt: finder.refused().to_vec(),
                    cures,
                    log: Some(self.log().into_string()),
                    ..Failure::default()
                }));
            }
            also = std::iter::once(message).chain(cures).collect();
        }
        Err(StepError::Failed(Failure {
            message: format!("`{program}` {how}"),
            command: Some(words),
            excerpt,
            cures: also,
            log: Some(self.log().into_string()),
            died_of_signal: signal(ended.status).is_some() || finder.died_of_signal(),
            ..Failure::default()
        }))
    }

    fn ask(&self, command: &Command, patient: bool) -> Result<Finished, StepError> {
        let (ended, finder, _) = self.run(command, How { capture: true, patient })?;
        Ok(Finished { status: ended.status, stdout: ended.stdout, tail: finder.tail() })
    }

    /// Carries the step out, and sees what it wrote where it must not.
    pub(crate) fn carry_out(&self, runner: &dyn Runner) -> Result<(), StepError> {
        if !Outside::concerns(self.step) {
            return runner.run(self.step, self);
        }
        let before = self.shared.outside.before(self.step, self.shared.session.fences());
        runner.run(self.step, self)?;
        self.shared.outside.after(self.step, &before, &mut |message| self.warn(&message))
    }

    /// Tells each leak when it is seen. The first one of a command says how long it may go on.
    fn leaks(&self) -> Tell {
        let (sender, step, advice) = (self.sender.clone(), self.step.id.clone(), self.advice());
        let mut grace = u32::try_from(self.shared.leak_grace.as_secs()).ok();
        let mut told = BTreeSet::new();
        Box::new(move |leak| {
            if told.insert((leak.process.clone(), leak.wanted.clone())) {
                drop(sender.send(Message::Event(Event::Leak {
                    step: step.clone(),
                    process: leak.process.clone(),
                    wanted: leak.wanted.clone(),
                    advice: advice.clone(),
                    grace_seconds: grace.take(),
                })));
            }
        })
    }

    /// What `deps` lacks when this step wants the network.
    fn advice(&self) -> String {
        let component = self.step.component.as_ref().map_or("the component", |name| name.as_str());
        format!(
            "download it in `deps`: a [sources.…] entry for an archive or repository, [python] packages for \
             wheels, `system` of [components.{component}] for a library; or switch off the part of \
             {component} that downloads with an option"
        )
    }
}

impl Context for RunContext<'_> {
    fn layout(&self) -> &Layout {
        self.shared.world.layout
    }

    fn site(&self) -> &Site {
        self.shared.world.site
    }

    fn target(&self) -> &Target {
        self.shared.world.target
    }

    fn locked(&self) -> LockedTarget {
        self.shared.memory.locked(self.shared.world.target)
    }

    fn update_lock(&self, change: &mut dyn FnMut(&mut LockedTarget)) -> Result<(), StepError> {
        self.shared.memory.update_lock(&self.shared.world, change)
    }

    fn offline(&self) -> bool {
        self.shared.world.offline
    }

    fn note(&self, line: &str) {
        let line = self.shared.redactor.redact(line).into_owned();
        self.send(Event::Output { step: self.step.id.clone(), stream: Stream::Note, line });
    }

    fn warn(&self, message: &str) {
        let message = self.shared.redactor.redact(message).into_owned();
        self.send(Event::Warning { step: Some(self.step.id.clone()), message });
    }

    fn progress(&self, done: u64, total: Option<u64>) {
        self.send(Event::Progress { step: self.step.id.clone(), done, total, unit: None });
    }

    fn count(&self, done: u64, total: u64, unit: &str) {
        let (total, unit) = (Some(total), Some(unit.to_owned()));
        self.send(Event::Progress { step: self.step.id.clone(), done, total, unit });
    }

    fn figure(&self, name: &str, value: u64) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.figures.insert(name.to_owned(), value);
    }

    fn check(&self, place: usize, holds: Option<bool>, why: Option<&str>) {
        if holds == Some(false) {
            self.gathered.lock().unwrap_or_else(PoisonError::into_inner).unheld = Some(place);
        }
        let number = u32::try_from(place + 1).unwrap_or(u32::MAX);
        let why = why.map(|why| self.shared.redactor.redact_lines(why));
        self.send(Event::Check { step: self.step.id.clone(), number, holds, why });
    }

    fn cancelled(&self) -> bool {
        self.shared.cancel.is_cancelled()
    }

    fn execute(&self, command: &Command) -> Result<Finished, StepError> {
        self.succeed(command, false)
    }

    fn capture(&self, command: &Command) -> Result<Finished, StepError> {
        self.ask(command, false)
    }

    fn execute_to_its_end(&self, command: &Command) -> Result<Finished, StepError> {
        self.succeed(command, true)
    }

    fn capture_to_its_end(&self, command: &Command) -> Result<Finished, StepError> {
        self.ask(command, true)
    }

    fn cached_probe(
        &self,
        key: &str,
        files: &[Utf8PathBuf],
        probe: &mut dyn FnMut() -> Result<String, StepError>,
    ) -> Result<String, StepError> {
        self.shared.memory.cached_probe(key, files, probe)
    }

    fn network_environment(&self) -> BTreeMap<String, String> {
        network_environment(self.shared.world.site)
    }
}

/// What to do about a program that could not be started.
fn not_started(error: &std::io::Error, program: &str) -> String {
    if let Some(cure) = scarcity::cure(error) {
        return cure;
    }
    match error.kind() {
        ErrorKind::NotFound => format!("check that {program} is installed and on the command's PATH"),
        ErrorKind::PermissionDenied => {
            format!(
                "let this user execute {program} and enter the directories above it and the working directory"
            )
        }
        _ => "see the log, and run the same command again: finished steps are kept".to_owned(),
    }
}

/// What a command really runs: the program behind `env NAME=VALUE`.
fn program(command: &Command) -> &str {
    let literals = command.args.iter().filter_map(|argument| match argument {
        Argument::Literal(text) => Some(text.as_str()),
        _ => None,
    });
    let mut words = std::iter::once(command.program.as_str()).chain(literals);
    let mut behind =
        || words.find(|word| base_name(word) != "env" && !word.contains('=') && !word.starts_with('-'));
    if base_name(&command.program) == "env" { behind().unwrap_or("env") } else { &command.program }
}

/// The signal that a status above 128 stands for. Some tools end with -1, which is 255, after every error (xmake does).
fn signal(status: i32) -> Option<i32> {
    (129..=192).contains(&status).then(|| status - 128)
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_called_after_what_it_really_runs() {
        for (words, expected) in [
            ("env LC_ALL=C A=b apt-get install x=1", "apt-get"),
            ("/usr/bin/env -i /opt/tool A=b", "/opt/tool"),
            ("env", "env"),
            ("/bin/cc A=b", "/bin/cc"),
        ] {
            let mut words = words.split(' ');
            let command = Command {
                program: words.next().unwrap_or_default().to_owned(),
                args: words.map(Argument::from).collect(),
                environment: BTreeMap::new(),
                directory: "/".into(),
            };
            assert_eq!(program(&command), expected);
        }
    }
}
