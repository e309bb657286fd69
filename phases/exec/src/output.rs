//! From the bytes of a pipe to lines.

use std::io::{self, Read};

/// A line longer than this (a minified file, a progress bar without line ends) is cut into pieces of this many bytes.
const LONGEST_LINE: usize = 64 << 10;

/// Collects bytes and gives lines. A carriage return ends a line as well, so that progress bars do not pile up.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pending: Vec<u8>,
    after_return: bool,
}

impl Lines {
    /// Takes bytes; calls `sink` with each line that is whole.
    pub(crate) fn push(&mut self, bytes: &[u8], mut sink: impl FnMut(&str)) {
        for byte in bytes {
            match byte {
                // The second half of "\r\n" ends nothing.
                b'\n' if self.after_return => self.after_return = false,
                b'\n' | b'\r' => {
                    self.after_return = *byte == b'\r';
                    self.flush_line(&mut sink);
                }
                _ => {
                    self.after_return = false;
                    self.pending.push(*byte);
                    if self.pending.len() >= LONGEST_LINE {
                        self.flush_line(&mut sink);
                    }
                }
            }
        }
    }

    /// Gives what has no line end yet.
    pub(crate) fn finish(&mut self, mut sink: impl FnMut(&str)) {
        if !self.pending.is_empty() {
            self.flush_line(&mut sink);
        }
    }

    fn flush_line(&mut self, sink: &mut impl FnMut(&str)) {
        sink(&String::from_utf8_lossy(&self.pending));
        self.pending.clear();
    }
}

/// What one read of a pipe gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// This many bytes.
    Bytes(usize),
    /// Nothing now.
    Nothing,
    /// All writers have closed it.
    End,
}

/// Reads what is there.
pub(crate) fn read_chunk(mut pipe: impl Read, buffer: &mut [u8]) -> io::Result<Chunk> {
    match pipe.read(buffer) {
        Ok(0) => Ok(Chunk::End),
        Ok(length) => Ok(Chunk::Bytes(length)),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
            Ok(Chunk::Nothing)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut collected = Vec::new();
        let mut lines = Lines::default();
        for chunk in chunks {
            lines.push(chunk, |line| collected.push(line.to_owned()));
        }
        lines.finish(|line| collected.push(line.to_owned()));
        collected
    }

    #[test]
    fn lines_are_put_together_across_reads() {
        assert_eq!(lines(&[b"on", b"e\ntwo\n\nlast"]), ["one", "two", "", "last"]);
    }

    #[test]
    fn a_carriage_return_ends_a_line_and_with_a_line_feed_only_once() {
        assert_eq!(lines(&[b"1%\r2%\rdone\r", b"\nnext\n"]), ["1%", "2%", "done", "next"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_such() {
        assert_eq!(lines(&[b"a\xffb\n"]), ["a\u{fffd}b"]);
    }

    #[test]
    fn an_endless_line_is_cut() {
        let long = vec![b'x'; LONGEST_LINE + 1];
        assert_eq!(lines(&[&long]).iter().map(String::len).collect::<Vec<_>>(), [LONGEST_LINE, 1]);
    }
}
