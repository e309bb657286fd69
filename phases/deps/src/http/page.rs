//! Pages of text: read whole into memory, and recognised where a file was expected.

use std::io::{Read as _, Write as _};

use engine::runner::Context;
use flate2::write::MultiGzDecoder;

use super::Policy;
use super::exchange::{Answer, Trouble};
use super::pace::Pace;

/// The largest page that is read into memory: the simple index of the largest projects is a few MiB.
const LARGEST: usize = 64 * 1024 * 1024;
/// So much of a file is looked at for the title of a page.
const HEAD: u64 = 64 * 1024;

/// What to do about a page in the place of a file.
pub(super) const CURE: &str = "open the address in a browser: where a server asks to sign in, a proxy shows a page of \
     its own or a project shows a list of its files, write the address of the file itself, with credentials if it \
     needs them";

/// The body of an answer, decoded where the server compressed it.
///
/// # Errors
/// When it does not come, or is too large.
pub(super) fn body(answer: &mut Answer, policy: &Policy, context: &dyn Context) -> Result<Vec<u8>, Trouble> {
    let encoding = answer.head.header("content-encoding").unwrap_or_default().trim().to_ascii_lowercase();
    let mut sink = match encoding.as_str() {
        "gzip" | "x-gzip" => Sink::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
        _ => Sink::Plain(Vec::new()),
    };
    let mut pace = Pace::new(policy);
    while let Some(chunk) = answer.chunk(context)? {
        pace.take(chunk.len())?;
        if sink.write(&chunk)? > LARGEST {
            return Err(Trouble::Lasting(
                format!("the page is larger than {} MiB", LARGEST / 1024 / 1024),
                vec!["check the index or mirror of this site".to_owned()],
            ));
        }
    }
    sink.finish()
}

/// Where a body goes.
enum Sink {
    Plain(Vec<u8>),
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
}

impl Sink {
    /// Takes bytes; says how many there are now.
    fn write(&mut self, chunk: &[u8]) -> Result<usize, Trouble> {
        match self {
            Self::Plain(bytes) => {
                bytes.extend_from_slice(chunk);
                Ok(bytes.len())
            }
            Self::Gzip(decoder) => {
                decoder.write_all(chunk).map_err(|error| broken(&error))?;
                Ok(decoder.get_ref().len())
            }
        }
    }

    fn finish(self) -> Result<Vec<u8>, Trouble> {
        match self {
            Self::Plain(bytes) => Ok(bytes),
            Self::Gzip(decoder) => decoder.finish().map_err(|error| broken(&error)),
        }
    }
}

fn broken(error: &std::io::Error) -> Trouble {
    Trouble::Temporary(format!("the compressed answer is broken: {error}"))
}

/// `a web page (title "Sign in")`, where these bytes begin one.
pub(super) fn told(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let begin = text.trim_start_matches('\u{feff}').trim_start();
    let lower = begin.to_ascii_lowercase();
    let is_page = ["<!doctype html", "<html", "<head", "<body"].iter().any(|sign| lower.starts_with(sign))
        || (lower.starts_with("<?xml") && lower.contains("<html"));
    is_page.then(|| match title(begin, &lower) {
        Some(title) => format!("a web page (title \"{title}\")"),
        None => "a web page without a title".to_owned(),
    })
}

/// The same of a file.
pub(super) fn told_of(file: &camino::Utf8Path) -> Option<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(file).ok()?.take(HEAD).read_to_end(&mut bytes).ok()?;
    // Pages come compressed although nobody asked for that.
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        // What is cut off in the middle still has its beginning.
        let _ = flate2::read::MultiGzDecoder::new(bytes.as_slice()).take(HEAD).read_to_end(&mut plain);
        return told(&plain);
    }
    told(&bytes)
}

/// What stands in `<title>`, in one line.
fn title(text: &str, lower: &str) -> Option<String> {
    let (_, from) = lower.split_once("<title").map(|(before, _)| ((), before.len()))?;
    let begin = from + lower[from..].find('>')? + 1;
    let end = begin + lower[begin..].find("</title")?;
    let words: Vec<&str> = text[begin..end].split_whitespace().collect();
    let title: String = words.join(" ").chars().filter(|c| !c.is_control()).take(80).collect();
    let title = [("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "'"), ("&#39;", "'")]
        .iter()
        .fold(title, |title, (from, to)| title.replace(from, to));
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_told_by_its_title() {
        for (bytes, expected) in [
            ("<!DOCTYPE html><html><title>Sign in</title>", Some("a web page (title \"Sign in\")")),
            (
                "\u{feff}\n <HTML lang=en><Title class=x>\n A &amp;\n B </TITLE>",
                Some("a web page (title \"A & B\")"),
            ),
            ("<html><body>no", Some("a web page without a title")),
            ("<html><title>never ended", Some("a web page without a title")),
            ("<?xml version=\"1.0\"?><feed>", None),
            ("PK\u{3}\u{4} <html>", None),
            ("", None),
        ] {
            assert_eq!(told(bytes.as_bytes()).as_deref(), expected, "{bytes}");
        }
    }
}
