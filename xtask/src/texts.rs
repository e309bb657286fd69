//! Reads the files that people write: cases, site files, recipes.

use std::fmt;
use std::io::{self, Read};

use camino::Utf8Path;
use model::text::{LARGEST, Unreadable, decode};

/// Why a file was not read.
#[derive(Debug)]
pub enum NotRead {
    /// The system refused.
    Io(io::Error),
    /// What it holds is no text, or too much of it.
    Text(Unreadable),
}

impl fmt::Display for NotRead {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(formatter),
            Self::Text(why) => write!(formatter, "it {why}"),
        }
    }
}

impl NotRead {
    /// What to do, if that follows from the content.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Io(_) => None,
            Self::Text(why) => Some(why.help()),
        }
    }
}

/// The text of a file, and no more of a large one than shows that it is too large.
pub fn read(path: &Utf8Path) -> Result<String, NotRead> {
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(NotRead::Io)?;
    file.take(limit).read_to_end(&mut bytes).map_err(NotRead::Io)?;
    decode(&bytes).map_err(NotRead::Text)
}
