//! Carrying a plan out: one thread that takes messages, and one for each running step.

mod account;
mod claims;
mod decide;
mod ending;
mod gates;
mod installed;
mod lease;
mod out;
mod secrets;
mod space;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use exec::jobserver::Token;
use exec::lock::RunLock;
use exec::{Redactor, Session, SessionConfig};
use model::account::Ended;
use model::event::{Event, FailureKind, Outcome, SkipReason, Timed, Verdict};
use model::fingerprint::Material;
use model::plan::{Jobs, Phase, Plan, Step};
use model::target::Capacity;
use model::{Digest, StepId};

use crate::assess::{Assessment, Records, State, untrusted};
use crate::capsule::Origin;
use crate::context::World;
use crate::ledger::Last;
use crate::outside::Outside;
use crate::run_context::{Gathered, Message, RunContext, Shared};
use crate::runlog::RunLog;
use crate::runner::{Runner, StepError};
use crate::selection::Selection;
use crate::{Cancel, EngineError, fault, files, filled, scarcity};
pub use secrets::redactor;

use claims::{Claimed, Waiter};
use decide::Start;
use gates::closed_gates;
use out::Out;

/// How often the observer is told the time.
const TICK: Duration = Duration::from_millis(100);

/// Is told what happens.
pub trait Observer {
    /// An event.
    fn event(&mut self, timed: &Timed);

    /// The time in milliseconds, about ten times a second.
    fn tick(&mut self, now_ms: u64);
}

/// How a plan is carried out.
pub struct RunOptions {
    /// What steps share.
    pub capacity: Capacity,
    /// After a failure, whether steps that do not need the failed one are still started.
    pub keep_going: bool,
    /// Which steps are wanted.
    pub selection: Selection,
    /// The binary that becomes a launcher, absolute.
    pub launcher: PathBuf,
    /// The arguments that make it one.
    pub launcher_args: Vec<String>,
    /// Held while this runs.
    pub run_lock: Option<Arc<RunLock>>,
    /// Identifies the state directory to a later run.
    pub marker: String,
    /// Asks for the end.
    pub cancel: Cancel,
    /// What capsules of failed steps of `build` tell of the run; none: no capsules are written.
    pub capsules: Option<Origin>,
    /// The zero of event times, one for all phases of a command.
    pub started: Instant,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finish {
    /// How.
    pub verdict: Verdict,
    /// The gravest kind of failure among steps that are not optional.
    pub failure: Option<FailureKind>,
}

/// What the children of a run have in common.
fn session(plan: &Plan, options: &RunOptions, redactor: &Redactor) -> Result<Session, EngineError> {
    Session::start(SessionConfig {
        launcher: options.launcher.clone(),
        launcher_args: options.launcher_args.clone(),
        marker: options.marker.clone(),
        run_lock: options.run_lock.clone(),
        offline: plan.phase == Phase::Build,
        jobs: options.capacity.jobs,
        redactor: redactor.clone(),
    })
    .map_err(|error| {
        let told = EngineError::new(format!("failed to prepare for running steps: {error}"));
        EngineError { help: scarcity::cure(&error).into_iter().collect(), ..told }
    })
}

/// Carries a plan out.
///
/// # Errors
/// When the records cannot be read or written, or no child can be started at all. Failing steps are events.
pub fn run(
    plan: &Plan,
    runner: &dyn Runner,
    world: &World<'_>,
    options: &RunOptions,
    observer: &mut dyn Observer,
) -> Result<Finish, EngineError> {
    let plan = &*options.selection.narrowed(plan);
    let records = Records::open(world)?;
    end_killed_attempts(plan, &records)?;
    let assessment = records.assess(plan, runner, world, &options.selection)?;
    let mut out = Out { observer, log: None, started: options.started, begun: Instant::now() };
    if !assessment.pending() {
        records.persist()?;
        return tell_nothing_to_do(plan, &assessment, world, options, out.observer);
    }
    out.log = Some(RunLog::begin(&world.layout.state, plan.phase.as_str())?);
    if let Some(finish) = closed_gates(plan, &assessment, options, world, &mut out)? {
        return Ok(finish);
    }
    filled::take_over(plan, |index| assessment.rows[index].state.may_run())?;
    let redactor = redactor(plan, world.site);
    let session = session(plan, options, &redactor)?;
    out.begin(plan, options, world, session.offline_force());
    let shared = Shared {
        world: *world,
        session,
        redactor,
        memory: &records.memory,
        outside: Outside::of(plan, world.layout),
        leak_grace: plan.leak_grace(),
        cancel: options.cancel.clone(),
        children: Mutex::default(),
        next_child: Mutex::default(),
    };
    let finish = std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let positions = plan.steps.iter().enumerate().map(|(at, step)| (&step.id, at)).collect();
        let mut scheduler = Scheduler {
            plan,
            runner,
            records: &records,
            shared: &shared,
            options,
            assessment: &assessment,
            chains: chains(plan, &assessment, &positions),
            positions,
            status: vec![Status::Waiting; plan.steps.len()],
            digests: BTreeMap::new(),
            observed: BTreeMap::new(),
            running: BTreeMap::new(),
            waiter: Waiter::default(),
            wanting: BTreeMap::new(),
            doubted: BTreeSet::new(),
            not_run: BTreeMap::new(),
            failure: None,
            stopping: false,
            ran: 0,
            sender,
            out,
        };
        scheduler.run(scope, &receiver)
    })?;
    records.persist()?;
    Ok(finish)
}

/// Tells the events of a run in which all that was asked for holds already, as an assessment found.
///
/// # Errors
/// None of its own; the observer may lose events without harm.
pub fn tell_nothing_to_do(
    plan: &Plan,
    assessment: &Assessment,
    world: &World<'_>,
    options: &RunOptions,
    observer: &mut dyn Observer,
) -> Result<Finish, EngineError> {
    let mut out = Out { observer, log: None, started: options.started, begun: Instant::now() };
    out.begin(plan, options, world, None);
    for row in &assessment.rows {
        out.skipped_row(row);
    }
    let rows: BTreeMap<&StepId, State> = assessment.rows.iter().map(|row| (&row.step, row.state)).collect();
    let ended = |step: &StepId| match rows.get(step) {
        Some(State::Fresh) => Ended::Well,
        Some(State::NotSelected) => Ended::Skipped,
        _ => Ended::Failed,
    };
    let verdict = Verdict::NothingToDo;
    out.former(plan, verdict, world.layout)?;
    let failure = account::tell(plan, verdict, &ended, (world.layout, world.site), &mut out)?;
    Ok(out.finish(if failure.is_some() { Verdict::Failed } else { verdict }, failure)?)
}

/// Removes what killed attempts wrote into trees in which it cannot be told from what is whole.
fn end_killed_attempts(plan: &Plan, records: &Records) -> Result<(), EngineError> {
    for step in &plan.steps {
        if records.ledger.standing(&step.id)?.is_some_and(|entry| entry.last == Last::UnderWay) {
            for tree in untrusted(step) {
                files::remove_tree(tree)?;
            }
        }
    }
    Ok(())
}

/// The weight of the longest chain of steps that begins with each; what need not run takes no time.
fn chains(plan: &Plan, assessment: &Assessment, positions: &BTreeMap<&StepId, usize>) -> Vec<u64> {
    // In a plan every step stands behind what it waits for.
    let mut behind = vec![0; plan.steps.len()];
    let mut chains = vec![0; plan.steps.len()];
    for (index, step) in plan.steps.iter().enumerate().rev() {
        let runs = assessment.rows[index].state.may_run();
        chains[index] = behind[index] + if runs { u64::from(step.weight) } else { 0 };
        for before in step.waits_for().filter_map(|id| positions.get(id)) {
            behind[*before] = chains[index].max(behind[*before]);
        }
    }
    chains
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Status {
    Waiting,
    Running,
    /// Its result is there, whether it ran or was fresh.
    Settled,
    /// Left out; steps that come after it may start.
    LeftOut,
    Failed,
}

struct Running {
    started: Instant,
    material: Option<Material>,
    gathered: Arc<Mutex<Gathered>>,
    memory_mib: u64,
    tokens: Vec<Token>,
    /// It began without the token that it has to have.
    on_credit: bool,
}

struct Scheduler<'a> {
    plan: &'a Plan,
    runner: &'a dyn Runner,
    records: &'a Records,
    shared: &'a Shared<'a>,
    options: &'a RunOptions,
    assessment: &'a Assessment,
    /// Where each step stands in the plan.
    positions: BTreeMap<&'a StepId, usize>,
    chains: Vec<u64>,
    status: Vec<Status>,
    digests: BTreeMap<StepId, Digest>,
    /// What observed steps found.
    observed: BTreeMap<StepId, BTreeMap<String, String>>,
    running: BTreeMap<usize, Running>,
    waiter: Waiter,
    /// Steps that lack nothing but a token, each since when.
    wanting: BTreeMap<usize, Instant>,
    /// Steps that were found fresh and turned out not to be.
    doubted: BTreeSet<usize>,
    /// Steps that never started, each with the one whose failure is the reason; none: the run ended before.
    not_run: BTreeMap<usize, Option<StepId>>,
    failure: Option<FailureKind>,
    stopping: bool,
    ran: usize,
    sender: Sender<Message>,
    out: Out<'a>,
}

impl<'a> Scheduler<'a> {
    fn run<'scope>(
        &mut self,
        scope: &'scope std::thread::Scope<'scope, '_>,
        receiver: &Receiver<Message>,
    ) -> Result<Finish, EngineError>
    where
        'a: 'scope,
    {
        for index in 0..self.plan.steps.len() {
            if self.assessment.rows[index].state == State::NotSelected {
                self.status[index] = Status::LeftOut;
                let id = &self.plan.steps[index].id;
                let digest = self.records.digest_of_skipped(
                    &self.plan.steps[index],
                    self.runner,
                    &self.shared.world,
                )?;
                self.digests.extend(digest.map(|digest| (id.clone(), digest)));
                self.out.skipped_row(&self.assessment.rows[index]);
            }
        }
        let mut cancelling = false;
        // An error of the engine itself ends what runs before it is passed on.
        let mut broken: Option<EngineError> = None;
        loop {
            if !cancelling && (self.options.cancel.is_cancelled() || broken.is_some()) {
                cancelling = true;
                self.stopping = true;
                let reason = self.options.cancel.reason().unwrap_or_else(|| "an internal error".to_owned());
                self.options.cancel.cancel(&reason);
                if let Err(error) = self.out.event(Event::Cancelling { reason }) {
                    broken.get_or_insert(error.into());
                }
                self.shared.cancel_children();
            }
            if !self.stopping {
                if let Err(error) = self.start_ready(scope) {
                    broken.get_or_insert(error);
                    continue;
                }
            } else {
                self.waiter.stop();
            }
            // A token that is on its way to the scheduler is one that a step waits for.
            if self.running.is_empty() && (self.stopping || self.waiter.is_idle()) {
                break;
            }
            match receiver.recv_timeout(TICK) {
                Ok(message) => {
                    if let Err(error) = self.take(message, receiver, scope) {
                        broken.get_or_insert(error);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                // This scheduler holds a sender itself.
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let now = self.out.now_ms();
            self.out.observer.tick(now);
        }
        self.waiter.stop();
        if let Some(error) = broken {
            return Err(error);
        }
        self.leave_out_the_rest()?;
        let verdict = if cancelling {
            Verdict::Cancelled
        } else if self.failure.is_some() {
            Verdict::Failed
        } else if self.ran == 0 {
            Verdict::NothingToDo
        } else {
            Verdict::Done
        };
        if verdict == Verdict::Done {
            for event in installed::events(self.plan, self.assessment)? {
                self.out.event(event)?;
            }
        }
        self.out.former(self.plan, verdict, self.shared.world.layout)?;
        let ended = |step: &StepId| {
            self.positions.get(step).map_or(Ended::Failed, |at| match self.status[*at] {
                Status::Settled => Ended::Well,
                Status::LeftOut => Ended::Skipped,
                _ => Ended::Failed,
            })
        };
        let place = (self.shared.world.layout, self.shared.world.site);
        let missing = account::tell(self.plan, verdict, &ended, place, &mut self.out)?;
        let verdict = if missing.is_some() { Verdict::Failed } else { verdict };
        Ok(self.out.finish(verdict, self.failure.or(missing))?)
    }

    fn leave_out_the_rest(&mut self) -> Result<(), EngineError> {
        for index in 0..self.plan.steps.len() {
            if self.status[index] == Status::Waiting {
                let failed = self.failed_need(index).filter(|_| !self.options.cancel.is_cancelled());
                if failed.is_none() && !self.stopping {
                    let step = &self.plan.steps[index].id;
                    return Err(EngineError::new(format!(
                        "{step} was never started, although nothing that it needs failed: report this defect with the case, and run the same command again"
                    )));
                }
                self.not_run.insert(index, failed.clone());
                let why = failed.map_or(SkipReason::Cancelled, |need| SkipReason::NeedFailed { need });
                self.status[index] = Status::Failed;
                let step = &self.plan.steps[index];
                if matches!(why, SkipReason::NeedFailed { .. }) && !step.optional {
                    // It is wanted, whatever it was that failed.
                    self.failure.get_or_insert(FailureKind::Step);
                }
                self.out.event(Event::StepSkipped { step: step.id.clone(), why })?;
            }
        }
        Ok(())
    }

    /// The step whose failure keeps this one from starting: what it needs, or what that needed in its turn.
    fn failed_need(&self, index: usize) -> Option<StepId> {
        let step = &self.plan.steps[index];
        step.needs.iter().chain(&step.proven).find_map(|need| self.failed_itself(need))
    }

    /// The step that really failed, where one did not succeed; none for one that the end of the run came before.
    fn failed_itself(&self, id: &StepId) -> Option<StepId> {
        let at = self.position(id).filter(|at| self.status[*at] == Status::Failed)?;
        self.not_run.get(&at).map_or_else(|| Some(id.clone()), Clone::clone)
    }

    fn position(&self, id: &StepId) -> Option<usize> {
        self.positions.get(id).copied()
    }

    /// Whether all that a step waits for is settled.
    fn is_ready(&self, index: usize) -> bool {
        let step = &self.plan.steps[index];
        let ended = |id: &StepId, may_fail: bool| {
            self.position(id).is_none_or(|at| match self.status[at] {
                Status::Settled | Status::LeftOut => true,
                Status::Failed => may_fail,
                Status::Waiting | Status::Running => false,
            })
        };
        self.status[index] == Status::Waiting
            && step.needs.iter().all(|id| ended(id, false))
            && step.proven.iter().all(|id| ended(id, false))
            && step.after.iter().all(|id| ended(id, true))
    }

    fn start_ready<'scope>(
        &mut self,
        scope: &'scope std::thread::Scope<'scope, '_>,
    ) -> Result<(), EngineError>
    where
        'a: 'scope,
    {
        loop {
            let mut ready: Vec<usize> =
                (0..self.plan.steps.len()).filter(|index| self.is_ready(*index)).collect();
            ready.sort_by_key(|index| std::cmp::Reverse(self.chains[*index]));
            let coming = self.coming_compiles();
            let mut progressed = false;
            let mut tokens_awaited = false;
            for index in ready {
                if self.is_still_fresh(index)? {
                    progressed = true;
                    continue;
                }
                let jobs = self.plan.steps[index].claims.jobs;
                // What waits for tokens has the longer chain: nothing is to take them in front of it.
                if lease::would_delay(jobs)
                    && (tokens_awaited || coming.iter().any(|chain| *chain > self.chains[index]))
                {
                    continue;
                }
                if jobs == Jobs::Lease && self.waits_for_more_tokens(index)? {
                    tokens_awaited = true;
                    continue;
                }
                let Some(claimed) = self.claim(index, scope)? else { continue };
                progressed = true;
                self.start(index, claimed, scope)?;
                if self.stopping {
                    return Ok(());
                }
            }
            if !progressed {
                self.settle_tokens();
                return Ok(());
            }
        }
    }

    /// Whether a step that was found fresh is so; then it is settled, and waits for nothing that only work takes.
    fn is_still_fresh(&mut self, index: usize) -> Result<bool, EngineError> {
        if self.assessment.rows[index].state != State::Fresh || self.doubted.contains(&index) {
            return Ok(false);
        }
        if let Start::Fresh { warnings } = self.decide(index)? {
            self.settle_fresh(index, warnings)?;
            return Ok(true);
        }
        self.doubted.insert(index);
        Ok(false)
    }

    fn settle_fresh(&mut self, index: usize, warnings: Vec<String>) -> Result<(), EngineError> {
        let id = &self.plan.steps[index].id;
        self.status[index] = Status::Settled;
        for message in warnings {
            self.out.event(Event::Warning { step: Some(id.clone()), message })?;
        }
        Ok(self.out.event(Event::StepSkipped { step: id.clone(), why: SkipReason::Fresh })?)
    }

    fn start<'scope>(
        &mut self,
        index: usize,
        claimed: Claimed,
        scope: &'scope std::thread::Scope<'scope, '_>,
    ) -> Result<(), EngineError>
    where
        'a: 'scope,
    {
        let step: &'a Step = &self.plan.steps[index];
        match self.decide(index)? {
            Start::Fresh { warnings } => self.settle_fresh(index, warnings)?,
            Start::LeaveOut { need } => {
                self.status[index] = Status::Failed;
                self.not_run.insert(index, Some(need.clone()));
                let why = SkipReason::NeedFailed { need };
                self.out.event(Event::StepSkipped { step: step.id.clone(), why })?;
            }
            Start::Fail(error) => {
                self.out.event(Event::StepStarted { step: step.id.clone(), why: String::new() })?;
                let gathered = Gathered::default();
                self.failed(index, error, None, Duration::ZERO, &gathered)?;
            }
            Start::Run { why, material } => {
                fault::check("step-start")
                    .map_err(|error| StepError::io("start", step.id.as_str(), &error))?;
                // What changed may have been a secret.
                let why = self.shared.redactor.redact(&why).into_owned();
                self.out.event(Event::StepStarted { step: step.id.clone(), why })?;
                self.prepare(step, material.as_ref())?;
                let gathered = Arc::new(Mutex::new(Gathered::default()));
                let on_credit = matches!(claimed, Claimed::Credit);
                let tokens = match claimed {
                    Claimed::Tokens(tokens) => tokens,
                    Claimed::Credit => Vec::new(),
                };
                let jobs = u32::try_from(tokens.len()).unwrap_or(1).max(1);
                let claims = &step.claims;
                self.running.insert(
                    index,
                    Running {
                        started: Instant::now(),
                        material,
                        gathered: Arc::clone(&gathered),
                        memory_mib: claims.memory_mib,
                        tokens,
                        on_credit,
                    },
                );
                self.status[index] = Status::Running;
                let context = RunContext {
                    shared: self.shared,
                    step,
                    jobs,
                    sender: self.sender.clone(),
                    gathered,
                    deadline: step.timeout_seconds.map(|limit| Instant::now() + Duration::from_secs(limit)),
                };
                let runner = self.runner;
                let sender = self.sender.clone();
                scope.spawn(move || {
                    let result = context.carry_out(runner);
                    drop(context);
                    // The scheduler waits for this message as long as the step counts as running.
                    drop(sender.send(Message::Ended { index, result }));
                });
            }
        }
        Ok(())
    }

    fn take<'scope>(
        &mut self,
        message: Message,
        receiver: &Receiver<Message>,
        scope: &'scope std::thread::Scope<'scope, '_>,
    ) -> Result<(), EngineError>
    where
        'a: 'scope,
    {
        let (index, result) = match message {
            Message::Event(event) => return Ok(self.out.event(event)?),
            Message::Token(token) => {
                self.take_token(token, scope);
                return Ok(());
            }
            Message::Ended { index, result } => (index, result),
        };
        // What it still had to say was sent before its end, but perhaps taken after another's.
        let later: Vec<Message> = receiver.try_iter().collect();
        let Some(running) = self.running.remove(&index) else { return Ok(()) };
        let step = &self.plan.steps[index];
        let wall = running.started.elapsed();
        let gathered = std::mem::take(&mut *running.gathered.lock().unwrap_or_else(PoisonError::into_inner));
        let material = running.material.clone();
        drop(running);
        let result = result.and_then(|()| self.confirm(step, material.clone(), wall));
        match result {
            Ok(()) => {
                self.ran += 1;
                self.status[index] = Status::Settled;
                self.out.finished(&step.id, Outcome::Done, wall, &gathered)?;
            }
            Err(error) => self.failed(index, error, material.as_ref(), wall, &gathered)?,
        }
        for message in later {
            self.take(message, receiver, scope)?;
        }
        Ok(())
    }
}
