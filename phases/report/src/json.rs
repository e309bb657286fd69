//! One event a line, as `docs/events.md` describes.

use std::io::{self, Write};

use model::event::Timed;
use model::visible::escaped_json;

use crate::Renderer;

/// Writes every event as one line of JSON, at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Renderer for Json {
    fn event(&mut self, event: &Timed, out: &mut dyn Write) -> io::Result<()> {
        let line = serde_json::to_string(event).map_err(io::Error::other)?;
        let line = escaped_json(&line).into_owned() + "\n";
        // One write, so that a reader of a pipe never sees half a line.
        out.write_all(line.as_bytes())?;
        out.flush()
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.flush()
    }
}
