//! Readers of events and of plans: terminal, plain, JSON, quiet; the summary; `plan` and `explain`.
//!
//! Nothing here reads a file, asks the clock or knows a terminal. The command line hands in events, the time, the size
//! of the terminal and something to write to, so that every screen can be tested from recorded events.

mod account;
mod cleaned;
mod counted;
mod ending;
mod explain;
mod json;
mod lacks;
mod next;
mod plain;
mod plan;
mod quiet;
mod run;
mod style;
mod summary;
mod terminal;
pub mod text;
mod tool;
mod wrap;

use std::io::{self, Write};

use cleaned::Cleaned;
use model::event::Timed;
use plain::Plain;
use quiet::Quiet;
use terminal::Terminal;

pub use account::account_text;
pub use cleaned::cleaned;
pub use counted::{Counter, Tally};
pub use explain::explain_text;
pub use json::Json;
pub use next::{Next, Purpose};
pub use plan::{PackageCost, PlanOptions, PlanRow, RowState, plan_text};
pub use run::{Run, Running};
pub use style::Style;
pub use summary::summary_text;
pub use terminal::{RESTORE, Size};

/// Turns the events of a run into something to read, as they come.
///
/// `out` is standard output for [`Json`], which is data, and standard error for all others, which are talk
/// ([`Kind::is_data`]).
pub trait Renderer {
    /// Takes one event.
    ///
    /// # Errors
    /// When `out` cannot be written.
    fn event(&mut self, event: &Timed, out: &mut dyn Write) -> io::Result<()>;

    /// Called about ten times a second while the run goes on. `now_ms` is on the clock of [`Timed::at_ms`]; `size` is
    /// that of the terminal, if there is one.
    ///
    /// # Errors
    /// When `out` cannot be written.
    fn tick(&mut self, now_ms: u64, size: Option<Size>, out: &mut dyn Write) -> io::Result<()> {
        let _ = (now_ms, size, out);
        Ok(())
    }

    /// Called once after the last event, however the run ended: leaves the terminal as it was, then says what was done.
    ///
    /// # Errors
    /// When `out` cannot be written.
    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()>;
}

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A live region at the bottom of a terminal.
    Terminal(Size),
    /// Lines with a step prefix, for CI and Dockerfiles.
    Plain,
    /// One event a line.
    Json,
    /// Failures and leaks only.
    Quiet,
}

impl Kind {
    /// Whether the output is data, for standard output, rather than talk, for standard error.
    pub fn is_data(self) -> bool {
        matches!(self, Self::Json)
    }
}

/// What all renderers are told.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Colours, as an addition: nothing is said by colour alone.
    pub style: Style,
    /// Show what the steps print, too.
    pub verbose: bool,
    /// What the user can type next.
    pub next: Next,
}

/// The renderer of this kind. None that writes for people is ever handed text that a terminal would obey.
pub fn renderer(kind: Kind, options: Options) -> Box<dyn Renderer + Send> {
    let options = Options { next: options.next.visible(), ..options };
    match kind {
        Kind::Terminal(size) => Box::new(Cleaned(Terminal::new(size, options))),
        Kind::Plain => Box::new(Cleaned(Plain::new(options))),
        Kind::Json => Box::new(Json),
        Kind::Quiet => Box::new(Cleaned(Quiet::new(options))),
    }
}
