//! Lines for CI and Dockerfiles: each begins with the step that it is about.

use std::io::{self, Write};

use model::event::{Event, Outcome, Stream, Timed};

use crate::{Options, Renderer, Run, Size, summary_text, text};

/// A step of which nothing was seen for this long gets a line, in milliseconds: CI systems end silent jobs.
const HEARTBEAT_MS: u64 = 60_000;

/// Plain lines.
#[derive(Clone, Debug)]
pub struct Plain {
    options: Options,
    run: Run,
    phases: Vec<Run>,
}

impl Plain {
    /// A renderer that has not seen an event.
    pub fn new(options: Options) -> Self {
        Self { options, run: Run::default(), phases: Vec::new() }
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
                let why = self.options.next.purpose.why(why);
                let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
                lines.push(format!("[{step}] {}{why}", self.run.title(step)));
            }
            Event::Output { step, stream, line } => {
                if self.options.verbose || (*stream == Stream::Note && !line.starts_with("$ ")) {
                    lines.push(format!("[{step}] {}", line));
                }
            }
            // Told by heartbeats; told or counted by the summary, because a line for each would bury what ran.
            Event::Progress { .. }
            | Event::StepSkipped { .. }
            | Event::Installed { .. }
            | Event::Check { .. }
            | Event::Account(_) => {}
            Event::StepFinished { step, outcome, wall_ms, figures, .. } => {
                let wall = text::duration(*wall_ms);
                let state = match outcome {
                    Outcome::Done => format!("{} in {wall}", style.green("done")),
                    Outcome::Cancelled => format!("{} after {wall}", style.yellow("cancelled")),
                    Outcome::Failed(failure) => {
                        // What else there is to say is in the summary.
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
            Event::Warning { step, message } if self.run.is_news(message) => {
                let prefix = step.as_ref().map_or_else(String::new, |step| format!("[{step}] "));
                lines.push(format!("{prefix}{} {message}", style.yellow("warning:")));
            }
            Event::Warning { .. } | Event::RunFinished { .. } => {}
            Event::Leak { step, process, wanted, grace_seconds, .. } => {
                let what = style.red("network access");
                let rest = text::leak(process, wanted, *grace_seconds);
                lines.push(format!("[{step}] {what} {rest}"));
            }
            Event::Cancelling { reason } => {
                lines.push(style.yellow(&format!("cancelling: {reason}")));
            }
        }
        lines
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
            let doing = running.describe(now_ms);
            let doing = if doing.is_empty() { doing } else { format!(": {doing}") };
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
            let next = self.run.next();
            self.phases.push(std::mem::replace(&mut self.run, next));
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
