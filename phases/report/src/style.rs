//! Colours. They only repeat what the words say.

/// Whether colours are used, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Text as it is.
    #[default]
    Plain,
    /// ANSI colours.
    Colour,
}

impl Style {
    /// Every sequence that is written for a colour: no others may reach a terminal.
    pub const SEQUENCES: [&str; 6] = ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[1;31m", "\x1b[32m", "\x1b[33m"];

    /// Colours when `wanted`.
    pub fn new(wanted: bool) -> Self {
        if wanted { Self::Colour } else { Self::Plain }
    }

    /// For headings.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// For what need not be read.
    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// For failures.
    pub fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// For what went well.
    pub fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// For warnings.
    pub fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// For notes.
    pub fn cyan(self, text: &str) -> String {
        self.paint("36", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}
