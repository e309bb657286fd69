//! Lines for CI and Dockerfiles: each begins with the step that it is about.

use std::io::{self, Write};

use model::StepId;
use model::event::{Event, Failure, Outcome, SkipReason, Stream, Timed};

use crate::summary::failure_lines;
use crate::{Options, Renderer, Run, Size, summary_text, text};

/// A step of which nothing was seen for this long gets a line, in milliseconds: CI systems end silent jobs.
const HEARTBEAT_MS: u64 = 60_000;
/// Lines of excerpt in the log itself.
const EXCERPT_LINES: usize = 40;

/// Plain lines.
#[derive(Clone, Debug)]
pub struct Plain {
    options: Options,
    run: Run,
    phases: Vec<Run>,
    /// Failures whose details are told as soon as other work goes on; when none does, the summary tells them.
    untold: Vec<(StepId, Failure)>,
}

impl Plain {
    /// A renderer that has not seen an event.
    pub fn new(options: Options) -> Self {
        Self { options, run: Run::default(), phases: Vec::new(), untold: Vec::new() }
    }

    fn lines(&mut self, timed: &Timed) -> Vec<String> {
        let style = self.options.style;
        let mut lines = Vec::new();
        match &timed.event {
            Event::RunStarted { case, steps, jobs, .. } => {
                let name = style.bold(self.options.next.purpose.name(&self.run));
                let steps = text::count(steps.len(), "step");
                let jobs = text::count(*jobs as usize, "job");
                lines.push(format!("{name} {case}: {steps}, {jobs}"));
            }
            Event::StepStarted { step, why } => {
                lines.append(&mut self.tell_failures());
                let why = self.options.next.purpose.why(why);
                let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
                lines.push(format!("[{step}] {}{why}", self.run.title(step)));
            }
            Event::Output { step, stream, line } => {
                if !self.untold.is_empty() && self.run.cancelling.is_none() {
                    lines.append(&mut self.tell_failures());
                }
                if self.options.verbose || (*stream == Stream::Note && !line.starts_with("$ ")) {
                    lines.push(format!("[{step}] {}", text::clean(line)));
                }
            }
            Event::Progress { .. } | Event::Check { .. } => {}
            Event::StepSkipped { step, why } => match why {
                SkipReason::NeedFailed { need } => {
                    lines.push(format!("[{step}] not run: {need} failed"));
                }
                // Counted in the summary; a line for each would bury what ran.
                SkipReason::Fresh | SkipReason::NotSelected | SkipReason::Cancelled => {}
            },
            Event::StepFinished { step, outcome, wall_ms, figures, .. } => {
                let wall = text::duration(*wall_ms);
                let state = match outcome {
                    Outcome::Done => format!("{} in {wall}", style.green("done")),
                    Outcome::Cancelled => format!("{} after {wall}", style.yellow("cancelled")),
                    Outcome::Failed(failure) => {
                        self.untold.push((step.clone(), failure.clone()));
                        let word = if self.run.is_optional(step) {
                            style.yellow("failed (optional)")
                        } else {
                            style.red("FAILED")
                        };
                        let message = failure.message.lines().next().unwrap_or_default();
                        format!("{word} after {wall}: {message}")
                    }
                };
                let figures = text::figures(figures);
                let figures = if figures.is_empty() { figures } else { format!(", {figures}") };
                lines.push(format!("[{step}] {state}{figures}"));
            }
            Event::Warning { step, message } => {
                let prefix = step.as_ref().map_or_else(String::new, |step| format!("[{step}] "));
                lines.push(format!("{prefix}{} {message}", style.yellow("warning:")));
            }
            Event::Leak { step, process, wanted, .. } => {
                lines.push(format!("[{step}] {} by {process}: {wanted}", style.red("network wanted")));
            }
            Event::Cancelling { reason } => {
                lines.push(style.yellow(&format!("cancelling: {reason}")));
            }
            Event::RunFinished { .. } => {
                // Whatever is untold now is told by the summary, which follows.
                self.untold.clear();
            }
        }
        lines
    }

    fn tell_failures(&mut self) -> Vec<String> {
        let untold = std::mem::take(&mut self.untold);
        let next = &self.options.next;
        untold
            .iter()
            .flat_map(|(step, failure)| {
                failure_lines(failure, EXCERPT_LINES, next)
                    .into_iter()
                    .map(move |line| format!("[{step}] {line}"))
            })
            .collect()
    }

    /// Lines about steps that have been silent for long.
    fn heartbeats(&mut self, now_ms: u64) -> Vec<String> {
        let mut lines = Vec::new();
        for running in &mut self.run.running {
            if now_ms < running.shown_ms.saturating_add(HEARTBEAT_MS) {
                continue;
            }
            running.shown_ms = now_ms;
            let elapsed = text::duration(now_ms.saturating_sub(running.since_ms));
            let doing = match &running.transfer {
                Some(transfer) => format!(": {}", transfer.describe(now_ms)),
                None if running.last_line.is_empty() => String::new(),
                None => format!(": {}", running.last_line.trim()),
            };
            lines.push(format!("[{}] still running after {elapsed}{doing}", running.step));
        }
        lines
    }

    fn write(lines: &[String], out: &mut dyn Write) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut text = lines.join("\n");
        text.push('\n');
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

impl Renderer for Plain {
    fn event(&mut self, event: &Timed, out: &mut dyn Write) -> io::Result<()> {
        if matches!(event.event, Event::RunStarted { .. }) && self.run.report.phase.is_some() {
            self.phases.push(std::mem::take(&mut self.run));
        }
        self.run.fold(event);
        let mut lines = self.heartbeats(event.at_ms);
        let told = self.lines(event);
        if let (Event::Output { step, .. }, false) = (&event.event, told.is_empty()) {
            for running in self.run.running.iter_mut().filter(|running| running.step == *step) {
                running.shown_ms = event.at_ms;
            }
        }
        lines.extend(told);
        Self::write(&lines, out)
    }

    fn tick(&mut self, now_ms: u64, _size: Option<Size>, out: &mut dyn Write) -> io::Result<()> {
        Self::write(&self.heartbeats(now_ms), out)
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.run.report.phase.is_some() {
            self.phases.push(std::mem::take(&mut self.run));
        }
        out.write_all(summary_text(&self.phases, &self.options).as_bytes())?;
        out.flush()
    }
}
