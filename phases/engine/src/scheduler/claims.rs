//! What a step takes while it runs, and how it comes by a job token that tools hold.
//!
//! make, cargo and ninja keep what tokens they can get until they have no more to do, and take one that comes free within
//! microseconds. A step that asked ten times a second would get none for minutes. So a thread waits for a token like the
//! tools do; and where that takes too long, one step at a time begins on credit: with one process more than there are
//! jobs, until the token is there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;
use std::time::{Duration, Instant};

use exec::jobserver::Token;
use model::plan::{Action, Jobs, Step};

use super::{Scheduler, Status, lease};
use crate::EngineError;
use crate::assess::State;
use crate::run_context::Message;

/// How long a step waits for a token before it begins on credit.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often whoever waits for a token looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);
/// Copies at once, at least: they take a disk rather than a core.
const COPIES: usize = 4;
/// The weight of what a lease still waits for, up to which other compiles leave it the tokens: a copy, a configuration.
const SOON: u32 = 15;

/// What a step may begin with.
#[derive(Debug)]
pub(super) enum Claimed {
    /// These tokens; none for a step that takes none.
    Tokens(Vec<Token>),
    /// A token that it gets later.
    Credit,
}

/// Whoever waits for a token on the run's behalf.
#[derive(Default)]
pub(super) struct Waiter {
    /// Tells the thread that nobody wants a token any more.
    enough: Option<Arc<AtomicBool>>,
    /// The token that it got.
    pub(super) token: Option<Token>,
}

impl Waiter {
    pub(super) fn got(&mut self, token: Token) {
        (self.enough, self.token) = (None, Some(token));
    }

    /// Whether no token is awaited and none is there.
    pub(super) fn is_idle(&self) -> bool {
        self.enough.is_none() && self.token.is_none()
    }

    /// Ends the thread at its next look; a token that it got by then goes back.
    pub(super) fn stop(&mut self) {
        if let Some(enough) = self.enough.take() {
            enough.store(true, Ordering::Relaxed);
        }
        self.token = None;
    }
}

impl<'a> Scheduler<'a> {
    /// Takes what a step claims; none when it has to wait.
    pub(super) fn claim<'scope>(
        &mut self,
        index: usize,
        scope: &'scope Scope<'scope, '_>,
    ) -> Result<Option<Claimed>, EngineError>
    where
        'a: 'scope,
    {
        let step = &self.plan.steps[index];
        let claims = &step.claims;
        let held: BTreeSet<&String> =
            self.running.keys().flat_map(|other| &self.plan.steps[*other].claims.locks).collect();
        if claims.locks.iter().any(|lock| held.contains(lock)) {
            return Ok(None);
        }
        let in_use: u64 = self.running.values().map(|running| running.memory_mib).sum();
        let too_much = in_use + claims.memory_mib > self.options.capacity.memory_mib;
        // What claims none takes none of what others took too much of.
        if in_use > 0 && claims.memory_mib > 0 && too_much {
            return Ok(None);
        }
        let pool = self.shared.session.pool();
        let failed = |error| EngineError::new(format!("failed to take a job token: {error}"));
        match claims.jobs {
            Jobs::None if is_copy(step) && self.copies() >= COPIES.max(pool.size() as usize) => Ok(None),
            Jobs::None => Ok(Some(Claimed::Tokens(Vec::new()))),
            Jobs::Lease => {
                let mut tokens: Vec<Token> = self.waiter.token.take().into_iter().collect();
                tokens.extend(pool.lease(self.options.capacity.jobs).map_err(failed)?);
                Ok((!tokens.is_empty()).then_some(Claimed::Tokens(tokens)))
            }
            Jobs::One | Jobs::Jobserver => {
                let token = match self.waiter.token.take() {
                    Some(token) => Some(token),
                    None => pool.try_acquire().map_err(failed)?,
                };
                if let Some(token) = token {
                    return Ok(Some(Claimed::Tokens(vec![token])));
                }
                self.wait_for_a_token(scope);
                let since = *self.wanting.entry(index).or_insert_with(Instant::now);
                // Whoever allows one job means one.
                let allowed = self.options.capacity.jobs > 1 && since.elapsed() >= PATIENCE;
                let in_debt = self.running.values().any(|running| running.on_credit);
                Ok((allowed && !in_debt).then_some(Claimed::Credit))
            }
        }
    }

    fn copies(&self) -> usize {
        self.running.keys().filter(|index| is_copy(&self.plan.steps[**index])).count()
    }

    /// Lets a thread wait for a token, if none does.
    fn wait_for_a_token<'scope>(&mut self, scope: &'scope Scope<'scope, '_>)
    where
        'a: 'scope,
    {
        if self.waiter.enough.is_some() {
            return;
        }
        let enough = Arc::new(AtomicBool::new(false));
        self.waiter.enough = Some(Arc::clone(&enough));
        let (pool, sender) = (self.shared.session.pool().clone(), self.sender.clone());
        scope.spawn(move || {
            while !enough.load(Ordering::Relaxed) {
                match pool.acquire_within(LOOK) {
                    Ok(Some(token)) if !enough.load(Ordering::Relaxed) => {
                        // A scheduler that is gone gives the token back by dropping it.
                        drop(sender.send(Message::Token(token)));
                        return;
                    }
                    Ok(_) => {}
                    // The scheduler asks for one itself, and tells of the error.
                    Err(_) => return,
                }
            }
        });
    }

    /// Gives a token that came to the step that began without one, else keeps it for the next that wants one.
    pub(super) fn take_token<'scope>(&mut self, token: Token, scope: &'scope Scope<'scope, '_>)
    where
        'a: 'scope,
    {
        self.waiter.got(token);
        if let Some(debtor) = self.running.values_mut().find(|running| running.on_credit) {
            debtor.tokens.extend(self.waiter.token.take());
            debtor.on_credit = false;
            if !self.wanting.is_empty() {
                self.wait_for_a_token(scope);
            }
        }
    }

    /// Gives back a token that nobody wanted, and waits for none when nobody wants one.
    pub(super) fn settle_tokens(&mut self) {
        self.waiter.token = None;
        self.wanting.retain(|index, _| self.status[*index] == Status::Waiting);
        if self.wanting.is_empty() && !self.running.values().any(|running| running.on_credit) {
            self.waiter.stop();
        }
    }

    /// Whether a step that leases its tokens should have more than there are now.
    pub(super) fn waits_for_more_tokens(&self, index: usize) -> Result<bool, EngineError> {
        let held = self.running.values().any(|running| running.on_credit || !running.tokens.is_empty());
        if !held || self.assessment.rows[index].state == State::Fresh {
            return Ok(false);
        }
        let pool = self.shared.session.pool();
        let free = pool
            .free()
            .map_err(|error| EngineError::new(format!("failed to count the job tokens: {error}")))?;
        let free = free + u32::from(self.waiter.token.is_some());
        let (own, beside) = self.weights(index);
        Ok(!lease::is_enough(free, pool.size(), own, beside))
    }

    /// The weight of a step, and that of all that is unfinished and does not wait for it.
    fn weights(&self, index: usize) -> (u64, u64) {
        let unfinished = |other: usize| {
            matches!(self.status[other], Status::Waiting | Status::Running)
                && self.assessment.rows[other].state != State::Fresh
        };
        (
            u64::from(self.plan.steps[index].weight),
            lease::beside(self.plan, index, |id| self.position(id), unfinished),
        )
    }

    /// The chains of compiles that wait for nothing but what is over in a moment, and that would have to go on with a
    /// token or none for long if another compile began now. One that can share tokens comes by more of them later, unless
    /// there is but one.
    pub(super) fn coming_compiles(&self) -> Vec<u64> {
        let size = self.shared.session.pool().size();
        (0..self.plan.steps.len())
            .filter(|index| {
                let jobs = self.plan.steps[*index].claims.jobs;
                let keeps = jobs == Jobs::Lease || (jobs == Jobs::Jobserver && size == 1);
                let soon = keeps
                    && self.status[*index] == Status::Waiting
                    && self.assessment.rows[*index].state != State::Fresh
                    && !self.is_ready(*index)
                    && self.weight_before(*index).is_some_and(|weight| weight <= SOON);
                soon && {
                    let (own, beside) = self.weights(*index);
                    !lease::is_enough(size.saturating_sub(1).min(1), size, own, beside)
                }
            })
            .map(|index| self.chains[index])
            .collect()
    }

    /// The weight of all that has to end before a step, if that holds no compile and nothing that failed.
    fn weight_before(&self, index: usize) -> Option<u32> {
        let mut before = BTreeSet::new();
        let mut open = vec![index];
        while let Some(at) = open.pop() {
            let step = &self.plan.steps[at];
            for other in step.waits_for().filter_map(|id| self.position(id)) {
                match self.status[other] {
                    Status::Settled | Status::LeftOut => {}
                    Status::Failed => return None,
                    Status::Waiting | Status::Running => {
                        if lease::would_delay(self.plan.steps[other].claims.jobs) {
                            return None;
                        }
                        if before.insert(other) {
                            open.push(other);
                        }
                    }
                }
            }
        }
        Some(before.iter().map(|other| self.plan.steps[*other].weight).sum())
    }
}

/// Whether a step copies or unpacks a tree.
fn is_copy(step: &Step) -> bool {
    matches!(step.action, Action::UnpackSource(_) | Action::WorkingCopy(_) | Action::StageFiles(_))
}
