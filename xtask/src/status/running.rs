//! The run that goes on while `status` looks.

use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use engine::runlog;
use exec::lock::{Holding, RunLock};
use model::plan::Phase;
use report::text::{count, duration};
use report::{Run, Running};
use serde_json::{Value, json};

/// Between a lock and the log of the first phase clocks and file systems may round.
const ROUNDED: Duration = Duration::from_secs(2);

/// A run that holds the lock of the state directory, and the phase that it is in.
pub struct Present {
    holding: Holding,
    /// The log of the phase, when that began, and what is in it; none between phases.
    phase: Option<(Utf8PathBuf, SystemTime, Run)>,
    now: SystemTime,
}

/// The run that holds the lock now, if one does.
pub fn look(state: &Utf8Path) -> Option<Present> {
    let holding = RunLock::holding(&crate::directories::lock_of(state))?;
    let log = runlog::list(state).pop();
    let phase = log.and_then(|path| {
        let began = began(&path)?;
        let mut run = Run::default();
        runlog::read(&path).iter().for_each(|timed| run.fold(timed));
        // What stands there may be the end of an earlier phase, or of a run that was killed.
        let own = began + ROUNDED >= holding.since && run.report.verdict.is_none();
        (own && run.report.phase.is_some()).then_some((path, began, run))
    });
    Some(Present { holding, phase, now: SystemTime::now() })
}

/// When the phase of a log began, as its name says.
pub fn began(log: &Utf8Path) -> Option<SystemTime> {
    let (millis, _) = log.file_stem()?.split_once('-')?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_millis(millis.parse().ok()?))
}

impl Present {
    /// The log that is being written.
    pub fn log(&self) -> Option<&Utf8Path> {
        self.phase.as_ref().map(|(path, ..)| path.as_path())
    }

    /// For how long a step has run: a log has its own clock, which began before it did.
    fn elapsed_ms(&self, began: SystemTime, run: &Run, step: &Running) -> u64 {
        (milliseconds(began, self.now) + run.started_ms).saturating_sub(step.since_ms)
    }

    /// Who runs, since when, and where it is.
    pub fn text(&self) -> String {
        let Holding { pid, command, since } = &self.holding;
        let long = duration(milliseconds(*since, self.now));
        let mut text =
            format!("running now, pid {pid}, since {} ({long}): `{command}`\n", exec::utc::told(*since));
        let Some((_, began, run)) = &self.phase else {
            text.push_str("  no step has begun yet, or it is between two phases\n");
            return text;
        };
        let (ended, all, running) = (run.ended(), run.steps.len(), run.running.len());
        let failed = match run.report.failures().count() {
            0 => String::new(),
            failed => format!(" ({failed} failed)"),
        };
        let cancelling =
            run.cancelling.as_ref().map_or_else(String::new, |why| format!("cancelling ({why}), "));
        text.push_str(&format!(
            "  {}: {cancelling}{ended} of {} done{failed}, {running} running, {} waiting\n",
            run.report.phase.map_or("run", Phase::as_str),
            count(all, "step"),
            all.saturating_sub(ended + running)
        ));
        for step in &run.running {
            let elapsed = duration(self.elapsed_ms(*began, run, step));
            text.push_str(&format!("  {elapsed:>8}  {}: {}\n", step.step, run.words(&step.step)));
        }
        text
    }

    /// As `--json` has it.
    pub fn json(&self) -> Value {
        let Holding { pid, command, since } = &self.holding;
        let phase = self.phase.as_ref().map(|(_, began, run)| {
            let steps = run.running.iter().map(|step| {
                let elapsed = self.elapsed_ms(*began, run, step);
                json!({ "step": step.step, "title": run.title(&step.step), "elapsed_ms": elapsed })
            });
            json!({
                "phase": run.report.phase,
                "done": run.ended(),
                "steps": run.steps.len(),
                "running": steps.collect::<Vec<_>>(),
            })
        });
        json!({
            "pid": pid,
            "command": command,
            "since": exec::utc::told(*since),
            "elapsed_ms": milliseconds(*since, self.now),
            "at": phase,
        })
    }
}

fn milliseconds(from: SystemTime, to: SystemTime) -> u64 {
    to.duration_since(from).map_or(0, |passed| u64::try_from(passed.as_millis()).unwrap_or(u64::MAX))
}
