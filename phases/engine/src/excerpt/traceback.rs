//! Python's tracebacks: what counts stands at their end, and of several that follow from each other in the last.

/// Lines before a frame's code that name the file.
const LAST_FRAME: usize = 2;
/// As many lines may the message of an exception have.
const MESSAGE: usize = 6;

/// A traceback, or one after the other, as lines come.
#[derive(Clone, Debug, Default)]
pub(super) struct Traceback {
    /// The blanks before its first line: a tool that passes it on indents it.
    indent: usize,
    frames: Vec<String>,
    exception: Vec<String>,
    over: bool,
}

impl Traceback {
    /// One that begins with this line.
    pub(super) fn begin(line: &str) -> Option<Self> {
        line.trim_start()
            .starts_with("Traceback (most recent call last)")
            .then(|| Self { indent: indent(line), ..Self::default() })
    }

    /// Takes the next line.
    pub(super) fn push(&mut self, line: &str) {
        if let Some(next) = Self::begin(line) {
            *self = next;
            return;
        }
        if self.over {
            return;
        }
        let text = line.trim();
        if self.exception.is_empty() {
            if indent(line) > self.indent && !text.is_empty() {
                self.frames.push(line.to_owned());
            } else if !text.is_empty() {
                self.exception.push(line.to_owned());
            }
            return;
        }
        // What is said of the exception goes on until an empty line.
        self.over = text.is_empty() || self.exception.len() == MESSAGE;
        if !self.over {
            self.exception.push(line.to_owned());
        }
    }

    /// Where it happened, and the exception.
    pub(super) fn lines(&self) -> Vec<String> {
        let frame = self.frames.iter().rposition(|line| line.trim_start().starts_with("File \""));
        let frame = frame.map_or(&[][..], |at| &self.frames[at..]);
        frame.iter().take(LAST_FRAME).chain(&self.exception).cloned().collect()
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}
