//! Nothing but failures and leaks.

use std::io::{self, Write};

use model::event::{Event, Timed};

use crate::account::account;
use crate::{Options, Renderer, Run, summary};

/// Says nothing unless something failed or reached for the network.
#[derive(Clone, Debug)]
pub struct Quiet {
    options: Options,
    run: Run,
    told: bool,
}

impl Quiet {
    /// A renderer that has not seen an event.
    pub fn new(options: Options) -> Self {
        Self { options, run: Run::default(), told: true }
    }

    fn tell(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if std::mem::replace(&mut self.told, true) {
            return Ok(());
        }
        let mut text = String::new();
        summary::leaks(&mut text, &self.run, self.options.style);
        summary::failures(&mut text, &self.run, &self.options);
        let missing = self.run.report.account.iter().filter(|account| account.missing().next().is_some());
        missing.for_each(|told| account(&mut text, told, self.options.style));
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

impl Renderer for Quiet {
    fn event(&mut self, event: &Timed, out: &mut dyn Write) -> io::Result<()> {
        self.run.fold(event);
        match event.event {
            Event::RunStarted { .. } => self.told = false,
            Event::RunFinished { .. } => self.tell(out)?,
            _ => {}
        }
        Ok(())
    }

    /// A run that ended without saying so is told of, too.
    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.tell(out)
    }
}
