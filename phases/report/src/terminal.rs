//! A terminal: what is finished scrolls up, what runs is redrawn below it.

mod region;

use std::io::{self, Write};

use model::event::{Event, Outcome, Stream, Timed};

use crate::terminal::region::{Span, fit, region};
use crate::{Options, Renderer, Run, summary_text, text, wrap};

/// Shows the cursor and ends all colours: what to write to the terminal when the program ends in a way that does not
/// reach [`Renderer::finish`] (a panic).
pub const RESTORE: &str = "\x1b[?25h\x1b[0m";

/// The live region is redrawn at most this often, in milliseconds.
const DRAW_EVERY_MS: u64 = 100;
/// Behind the times, and a little further: what belongs to the line above.
const HANG: usize = 12;
const HIDE_CURSOR: &str = "\x1b[?25l";
/// Synchronized output: terminals that know it show a redraw at once, others ignore it.
const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
}

impl Default for Size {
    fn default() -> Self {
        Self { columns: 80, rows: 24 }
    }
}

/// A live region with what runs, redrawn at most ten times a second.
#[derive(Clone, Debug)]
pub struct Terminal {
    options: Options,
    size: Size,
    run: Run,
    phases: Vec<Run>,
    /// Lines that wait to scroll up with the next redraw.
    scroll: Vec<String>,
    /// Width of each line of the region as it stands on the screen.
    drawn: Vec<usize>,
    drawn_ms: u64,
    cursor_hidden: bool,
}

impl Terminal {
    /// A renderer for a terminal of this size that has not seen an event. Nothing is written before the first event.
    pub fn new(size: Size, options: Options) -> Self {
        Self {
            options,
            size: usable(size),
            run: Run::default(),
            phases: Vec::new(),
            scroll: Vec::new(),
            drawn: Vec::new(),
            drawn_ms: 0,
            cursor_hidden: false,
        }
    }

    fn columns(&self) -> usize {
        // The last column stays free: a character there leaves terminals in different states.
        usize::from(self.size.columns).saturating_sub(1)
    }

    fn scroll_lines(&mut self, timed: &Timed) {
        let style = self.options.style;
        match &timed.event {
            Event::Output { step, stream, line } => {
                if self.options.verbose || (*stream == Stream::Note && !line.starts_with("$ ")) {
                    self.scroll(&format!("{} {line}", style.dim(&format!("[{step}]"))), 2);
                }
            }
            Event::StepFinished { step, outcome, wall_ms, figures, .. } => {
                let wall = format!("{:>8}  ", text::duration(*wall_ms));
                let title = self.run.words(step);
                match outcome {
                    Outcome::Done => {
                        let figures = text::figures(figures);
                        let figures = if figures.is_empty() { figures } else { format!("  {figures}") };
                        let room =
                            self.columns().saturating_sub(text::width(&wall) + 6 + text::width(&figures));
                        let spans = [
                            Span::plain(wall),
                            Span::new("done", |style, text| style.green(text)),
                            // What came of it is worth more than the last words of what it was.
                            Span::plain(format!("  {}", text::shorten(&title, room.max(24)))),
                            Span::new(figures, |style, text| style.dim(text)),
                        ];
                        self.scroll.push(fit(&spans, self.columns(), style));
                    }
                    Outcome::Cancelled => {
                        self.scroll(&format!("{wall}{}  {title}", style.yellow("cancelled")), HANG);
                    }
                    Outcome::Failed(failure) => {
                        let word = if self.run.is_optional(step) {
                            style.yellow("failed (optional)")
                        } else {
                            style.red("FAILED")
                        };
                        // Not cut: a message that wraps is better than one that ends in the middle.
                        let message = failure.message.lines().next().unwrap_or_default();
                        self.scroll(&format!("{wall}{word}  {title}: {message}"), HANG);
                    }
                }
            }
            Event::Warning { step, message } if self.run.is_news(message) => {
                let about =
                    step.as_ref().map_or_else(String::new, |step| format!("{}: ", self.run.words(step)));
                for (number, line) in message.lines().enumerate() {
                    let line = if number == 0 {
                        format!("{:>8}  {} {about}{line}", "", style.yellow("warning:"))
                    } else {
                        format!("{:HANG$}{line}", "")
                    };
                    self.scroll(&line, HANG);
                }
            }
            Event::Leak { step, process, wanted, grace_seconds, .. } => {
                let (title, what) = (self.run.words(step), style.red("network access"));
                let rest = text::leak(process, wanted, *grace_seconds);
                self.scroll(&format!("{:>8}  {what}  {title}: {rest}", ""), HANG);
            }
            Event::RunStarted { .. }
            | Event::StepStarted { .. }
            | Event::Progress { .. }
            | Event::Check { .. }
            | Event::Account(_)
            | Event::StepSkipped { .. }
            | Event::Warning { .. }
            | Event::Cancelling { .. }
            | Event::Installed { .. }
            | Event::RunFinished { .. } => {}
        }
    }

    /// Lets a line scroll up with the next redraw, as several where it is too long.
    fn scroll(&mut self, line: &str, hang: usize) {
        self.scroll.extend(wrap::line(line, self.columns(), &" ".repeat(hang)));
    }

    /// Replaces the region by what waits to scroll up and by `lines`.
    fn replace(&mut self, lines: &[(String, usize)], out: &mut dyn Write) -> io::Result<()> {
        let mut screen = String::from(BEGIN);
        let columns = usize::from(self.size.columns);
        // A terminal that became narrower has wrapped the lines that stand there.
        let up: usize = self.drawn.iter().map(|width| width.div_ceil(columns).max(1)).sum();
        if !lines.is_empty() && !self.cursor_hidden {
            screen.push_str(HIDE_CURSOR);
            self.cursor_hidden = true;
        }
        if up > 0 {
            screen.push_str(&format!("\r\x1b[{up}A"));
        }
        screen.push_str("\x1b[J");
        for line in self.scroll.drain(..).chain(lines.iter().map(|(line, _)| line.clone())) {
            screen.push_str(&line);
            // Not a bare line feed: the terminal may be in raw mode.
            screen.push_str("\r\n");
        }
        if lines.is_empty() && self.cursor_hidden {
            screen.push_str(RESTORE);
            self.cursor_hidden = false;
        }
        screen.push_str(END);
        self.drawn = lines.iter().map(|(_, width)| *width).collect();
        out.write_all(screen.as_bytes())?;
        out.flush()
    }

    fn draw(&mut self, now_ms: u64, out: &mut dyn Write) -> io::Result<()> {
        if now_ms.abs_diff(self.drawn_ms) < DRAW_EVERY_MS {
            return Ok(());
        }
        self.drawn_ms = now_ms;
        let lines = region(&self.run, self.options.next.purpose, now_ms, self.size, self.options.style);
        self.replace(&lines, out)
    }

    /// Takes the region away and shows the cursor.
    fn clear(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.drawn.is_empty() && self.scroll.is_empty() && !self.cursor_hidden {
            return Ok(());
        }
        self.replace(&[], out)
    }
}

/// A terminal that does not tell its size (0 × 0) is taken for an ordinary one.
fn usable(size: Size) -> Size {
    let usual = Size::default();
    Size {
        columns: if size.columns == 0 { usual.columns } else { size.columns },
        rows: if size.rows == 0 { usual.rows } else { size.rows },
    }
}

impl Renderer for Terminal {
    fn event(&mut self, event: &Timed, out: &mut dyn Write) -> io::Result<()> {
        if let Event::RunStarted { .. } = event.event {
            if self.run.report.phase.is_some() {
                let next = self.run.next();
                self.phases.push(std::mem::replace(&mut self.run, next));
            }
            // A run that has nothing to do is over before the first redraw, and shows only its summary.
            self.drawn_ms = event.at_ms;
        }
        self.run.fold(event);
        self.scroll_lines(event);
        match event.event {
            Event::RunFinished { .. } => self.clear(out),
            _ => self.draw(event.at_ms, out),
        }
    }

    fn tick(&mut self, now_ms: u64, size: Option<Size>, out: &mut dyn Write) -> io::Result<()> {
        if let Some(size) = size {
            self.size = usable(size);
        }
        match self.run.report.verdict {
            // Between two phases, and after the last, nothing is live.
            None if self.run.report.phase.is_some() => self.draw(now_ms, out),
            _ => Ok(()),
        }
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.clear(out)?;
        if self.run.report.phase.is_some() {
            self.phases.push(std::mem::take(&mut self.run));
        }
        let summary = wrap::report(&summary_text(&self.phases, &self.options), self.columns());
        let summary = summary.replace('\n', "\r\n");
        out.write_all(summary.as_bytes())?;
        out.flush()
    }
}
