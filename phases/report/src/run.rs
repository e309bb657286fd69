//! What the human renderers remember of a run: the report of the present phase, and where each step stands.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use model::StepId;
use model::event::{Event, StepSummary, Stream, Timed};
use model::report::Report;

use crate::counted::{Counter, says_something};
use crate::text;

/// How far back the rate of a download looks, in milliseconds.
const RATE_WINDOW_MS: u64 = 5_000;

/// One phase, as far as it has come.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// The fold over its events.
    pub report: Report,
    /// Its steps, in the plan's order.
    pub steps: Vec<StepSummary>,
    /// Steps that run now, in the order in which they started.
    pub running: Vec<Running>,
    /// Why it is being cancelled, if it is.
    pub cancelling: Option<String>,
    /// When it started, on the events' clock.
    pub started_ms: u64,
    ended: BTreeSet<StepId>,
    /// What was warned of in this phase and in those before it, each with how often.
    warned: BTreeMap<String, usize>,
}

/// A step that runs now.
#[derive(Clone, Debug)]
pub struct Running {
    /// The step.
    pub step: StepId,
    /// When it started, in milliseconds.
    pub since_ms: u64,
    /// The last line that it printed and that says something; empty before the first.
    pub last_line: String,
    /// What its tools count.
    pub counter: Counter,
    /// How far its download is.
    pub transfer: Option<Transfer>,
    /// When the user last saw something of it; for heartbeats.
    pub shown_ms: u64,
}

/// How far a download or a copy is.
#[derive(Clone, Debug, Default)]
pub struct Transfer {
    /// Bytes done.
    pub done: u64,
    /// Bytes in all, where known.
    pub total: Option<u64>,
    samples: VecDeque<(u64, u64)>,
}

impl Transfer {
    fn sample(&mut self, at_ms: u64, done: u64, total: Option<u64>) {
        if done < self.done {
            // It began anew, with another alternative say; a rate across that would be nonsense.
            self.samples.clear();
        }
        (self.done, self.total) = (done, total);
        self.samples.push_back((at_ms, done));
        while self.samples.len() > 2 && self.samples.get(1).is_some_and(|(at, _)| at + RATE_WINDOW_MS < at_ms)
        {
            self.samples.pop_front();
        }
    }

    /// Bytes a second over the last seconds; none before there is something to measure.
    pub fn rate(&self, now_ms: u64) -> Option<u64> {
        let (at, done) = *self.samples.front()?;
        let elapsed = now_ms.checked_sub(at).filter(|elapsed| *elapsed >= 500)?;
        Some(self.done.saturating_sub(done).saturating_mul(1000) / elapsed)
    }

    /// `10.1 MiB of 82.3 MiB (12%), 3.4 MiB/s, 21 s left`.
    pub fn describe(&self, now_ms: u64) -> String {
        use crate::text::bytes;
        let mut text = bytes(self.done);
        if let Some(total) = self.total.filter(|total| *total > 0) {
            let percent = u128::from(self.done) * 100 / u128::from(total);
            text = format!("{text} of {} ({percent}%)", bytes(total));
        }
        let Some(rate) = self.rate(now_ms) else { return text };
        text = format!("{text}, {}/s", bytes(rate));
        let left = self.total.and_then(|total| total.checked_sub(self.done)).filter(|left| *left > 0);
        // What stands still has no end in sight, and nobody waits for a day.
        let seconds = left.and_then(|left| left.checked_div(rate)).filter(|seconds| *seconds < 86_400);
        match seconds {
            Some(seconds) => format!("{text}, {} left", text::seconds(seconds + 1)),
            None => text,
        }
    }
}

impl Running {
    fn printed(&mut self, stream: Stream, line: &str, at_ms: u64) {
        if stream == Stream::Note && line.starts_with("$ ") {
            self.counter.begin();
        }
        let rest = self.counter.read(line, at_ms);
        if says_something(rest) {
            self.last_line = text::without_filling(rest);
        }
    }

    /// How far it is and what it is at: `155/200: Compiling serde v1.0`; empty when nothing is known.
    pub fn describe(&self, now_ms: u64) -> String {
        let line = self.last_line.as_str();
        if let Some(transfer) = &self.transfer {
            return transfer.describe(now_ms);
        }
        match self.counter.tally() {
            Some(tally) if line.is_empty() => tally.describe(now_ms),
            Some(tally) => format!("{}: {line}", tally.describe(now_ms)),
            None => line.to_owned(),
        }
    }
}

impl Run {
    /// Takes one event into account. `RunStarted` forgets what was before.
    pub fn fold(&mut self, timed: &Timed) {
        match &timed.event {
            Event::RunStarted { steps, .. } => {
                let warned = std::mem::take(&mut self.warned);
                *self = Self { steps: steps.clone(), started_ms: timed.at_ms, warned, ..Self::default() };
            }
            Event::StepStarted { step, .. } => self.running.push(Running {
                step: step.clone(),
                since_ms: timed.at_ms,
                last_line: String::new(),
                counter: Counter::default(),
                transfer: None,
                shown_ms: timed.at_ms,
            }),
            Event::Output { step, stream, line } => {
                if let Some(running) = self.running_mut(step) {
                    running.printed(*stream, line, timed.at_ms);
                }
            }
            Event::Progress { step, done, total, unit } => {
                if let Some(running) = self.running_mut(step) {
                    match unit {
                        None => running.transfer.get_or_insert_default().sample(timed.at_ms, *done, *total),
                        Some(_) => running.counter.told(*done, total.unwrap_or(0), timed.at_ms),
                    }
                }
            }
            Event::StepSkipped { step, .. } | Event::StepFinished { step, .. } => self.end(step),
            Event::Cancelling { reason } => self.cancelling = Some(reason.clone()),
            Event::Warning { message, .. } => *self.warned.entry(message.clone()).or_default() += 1,
            Event::Leak { .. } | Event::Installed { .. } | Event::Check { .. } | Event::Account(_) => {}
            Event::RunFinished { .. } => self.running.clear(),
        }
        self.report.fold(timed);
    }

    /// The run of the phase that follows: it knows what was warned of.
    pub fn next(&self) -> Self {
        Self { warned: self.warned.clone(), ..Self::default() }
    }

    /// Whether a warning that was just taken into account is the first of its words.
    pub fn is_news(&self, warning: &str) -> bool {
        self.warned.get(warning).is_some_and(|times| *times == 1)
    }

    /// How many different warnings there were, in this phase and in those before it.
    pub fn warnings(&self) -> usize {
        self.warned.len()
    }

    /// Who reached for the network, where the failure of the step does not say it itself.
    pub fn untold_leaks(&self) -> impl Iterator<Item = &(StepId, String, String, String)> {
        self.report.leaks.iter().filter(|(step, _, wanted, _)| {
            let mut failures = self.report.failures();
            !failures.any(|(failed, failure)| failed == step && failure.message.contains(wanted.as_str()))
        })
    }

    /// What is known of a step.
    pub fn summary(&self, step: &StepId) -> Option<&StepSummary> {
        self.steps.iter().find(|summary| summary.id == *step)
    }

    /// What a step does, for people; its id when nothing better is known.
    pub fn title<'a>(&'a self, step: &'a StepId) -> &'a str {
        self.summary(step).map_or(step.as_str(), |summary| summary.title.as_str())
    }

    /// What a step does and for which component, the same words while it runs and when it is done.
    pub fn words(&self, step: &StepId) -> String {
        let title = self.title(step);
        let component = self.summary(step).and_then(|summary| summary.component.as_ref());
        let names = |component: &str| {
            let part = |other: char| !(other.is_alphanumeric() || matches!(other, '-' | '_' | '.'));
            title.split(part).any(|word| word == component)
        };
        match component.map(|component| component.as_str()).filter(|component| !names(component)) {
            Some(component) => format!("{title} ({component})"),
            None => title.to_owned(),
        }
    }

    /// Whether a step may fail.
    pub fn is_optional(&self, step: &StepId) -> bool {
        self.summary(step).is_some_and(|summary| summary.optional)
    }

    /// How many steps ended or were skipped.
    pub fn ended(&self) -> usize {
        self.ended.len()
    }

    /// Steps that neither ended nor run, in the plan's order, each with the steps that it still waits for.
    pub fn waiting(&self) -> impl Iterator<Item = (&StepSummary, Vec<&StepId>)> {
        self.steps
            .iter()
            .filter(|step| !self.ended.contains(&step.id) && !self.is_running(&step.id))
            .map(|step| (step, step.needs.iter().filter(|need| self.is_pending(need)).collect()))
    }

    fn is_pending(&self, step: &StepId) -> bool {
        !self.ended.contains(step) && self.summary(step).is_some()
    }

    fn is_running(&self, step: &StepId) -> bool {
        self.running.iter().any(|running| running.step == *step)
    }

    fn running_mut(&mut self, step: &StepId) -> Option<&mut Running> {
        self.running.iter_mut().find(|running| running.step == *step)
    }

    fn end(&mut self, step: &StepId) {
        self.running.retain(|running| running.step != *step);
        self.ended.insert(step.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_falls_when_nothing_comes_any_more() {
        let mut transfer = Transfer::default();
        transfer.sample(0, 0, Some(10 << 20));
        assert_eq!(transfer.describe(100), "0 B of 10.0 MiB (0%)");
        transfer.sample(1000, 1 << 20, Some(10 << 20));
        assert_eq!(transfer.describe(1000), "1.0 MiB of 10.0 MiB (10%), 1.0 MiB/s, 10 s left");
        assert_eq!(transfer.describe(4000), "1.0 MiB of 10.0 MiB (10%), 256.0 KiB/s, 37 s left");
    }

    #[test]
    fn a_rate_looks_at_the_last_seconds_and_forgets_an_abandoned_try() {
        let mut transfer = Transfer::default();
        for second in 0..60_u64 {
            transfer.sample(second * 1000, second * 1000, None);
        }
        transfer.sample(60_000, 59_000 + (10 << 20), None);
        assert!(transfer.rate(60_000).is_some_and(|rate| rate > 1 << 20), "{:?}", transfer.rate(60_000));
        transfer.sample(61_000, 10, None);
        assert_eq!(transfer.rate(61_000), None);
    }
}
