//! Readers of events and of plans: terminal, plain, JSON, quiet; the summary; `plan` and `explain`.
//!
//! Nothing here reads a file, asks the clock or knows a terminal. The command line hands in events, the time, the size
//! of the terminal and something to write to, so that every screen can be tested from recorded events.

mod account;
mod counted;
mod ending;
mod explain;
mod json;
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

use model::event::Timed;

pub use counted::{Counter, Tally};
pub use explain::explain_text;
pub use json::Json;
pub use next::{Next, Purpose};
pub use plain::Plain;
pub use plan::{PackageCost, PlanOptions, PlanRow, RowState, plan_text};
pub use quiet::Quiet;
pub use run::Run;
pub use style::Style;
pub use summary::summary_text;
pub use terminal::{RESTORE, Size, Terminal};

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

/// The renderer of this kind.
pub fn renderer(kind: Kind, options: Options) -> Box<dyn Renderer + Send> {
    match kind {
        Kind::Terminal(size) => Box::new(Terminal::new(size, options)),
        Kind::Plain => Box::new(Plain::new(options)),
        Kind::Json => Box::new(Json),
        Kind::Quiet => Box::new(Quiet::new(options)),
    }
}
