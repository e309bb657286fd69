//! Events on the terminal, or as data.

use std::io::{IsTerminal, Write};

use engine::Observer;
use model::event::Timed;
use report::{Kind, Next, Renderer, Size, Style};

use crate::args::{Color, Common, Progress};

/// Whether colours are wanted on this stream.
pub fn style(common: &Common, on_terminal: bool) -> Style {
    Style::new(match common.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => on_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    })
}

/// Shows events as they come.
pub struct Shown {
    renderer: Box<dyn Renderer + Send>,
    kind: Kind,
}

impl Shown {
    pub fn new(common: &Common, next: Next) -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let kind = match common.progress {
            Progress::Json => Kind::Json,
            Progress::Quiet => Kind::Quiet,
            Progress::Plain => Kind::Plain,
            Progress::Tty => Kind::Terminal(size().unwrap_or_default()),
            Progress::Auto if on_terminal && !ci && !dumb => Kind::Terminal(size().unwrap_or_default()),
            Progress::Auto => Kind::Plain,
        };
        let options = report::Options { style: style(common, on_terminal), verbose: common.verbose, next };
        Self { renderer: report::renderer(kind, options), kind }
    }

    pub fn is_live(&self) -> bool {
        matches!(self.kind, Kind::Terminal(_))
    }

    fn with(&mut self, act: impl FnOnce(&mut dyn Renderer, &mut dyn Write) -> std::io::Result<()>) {
        // A reader that went away (`| head`) must not end a compile.
        if self.kind.is_data() {
            drop(act(self.renderer.as_mut(), &mut std::io::stdout().lock()));
        } else {
            drop(act(self.renderer.as_mut(), &mut std::io::stderr().lock()));
        }
    }

    pub fn finish(&mut self) {
        self.with(|renderer, out| renderer.finish(out));
    }
}

impl Observer for Shown {
    fn event(&mut self, timed: &Timed) {
        self.with(|renderer, out| renderer.event(timed, out));
    }

    fn tick(&mut self, now_ms: u64) {
        let size = if self.is_live() { size() } else { None };
        self.with(|renderer, out| renderer.tick(now_ms, size, out));
    }
}

fn size() -> Option<Size> {
    let (width, height) = terminal_size::terminal_size_of(std::io::stderr())?;
    Some(Size { columns: width.0, rows: height.0 })
}
