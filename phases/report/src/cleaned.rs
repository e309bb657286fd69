//! Text of others, on its way to people, without anything that a terminal would obey.

use std::borrow::Cow;
use std::io::{self, Write};

use model::event::{Event, Timed};
use model::visible::{is_obeyed, visible};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Renderer, Size, text};

/// A renderer that sees every event cleaned: titles and notes of a case, lines of a tool, answers of a server.
pub(crate) struct Cleaned<R>(pub(crate) R);

impl<R: Renderer> Renderer for Cleaned<R> {
    fn event(&mut self, event: &Timed, out: &mut dyn Write) -> io::Result<()> {
        self.0.event(&*cleaned_event(event)?, out)
    }

    fn tick(&mut self, now_ms: u64, size: Option<Size>, out: &mut dyn Write) -> io::Result<()> {
        self.0.tick(now_ms, size, out)
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.0.finish(out)
    }
}

fn cleaned_event(timed: &Timed) -> io::Result<Cow<'_, Timed>> {
    match &timed.event {
        // By far the most.
        Event::Output { step, stream, line } if line.contains(in_events) => {
            let event = Event::Output { step: step.clone(), stream: *stream, line: text::clean(line) };
            Ok(Cow::Owned(Timed { at_ms: timed.at_ms, event }))
        }
        Event::Output { .. } | Event::Progress { .. } => Ok(Cow::Borrowed(timed)),
        // What tools print stands in messages and excerpts too: their colours and redraws leave no trace.
        _ => mapped(timed, in_events, &text::clean_lines),
    }
}

/// The value with every text in it as a terminal may show it: what it would obey is a sign
/// ([`model::visible::visible`]).
///
/// # Errors
/// When the value is no longer one of its kind with such texts.
pub fn cleaned<T: Clone + Serialize + DeserializeOwned>(value: &T) -> io::Result<Cow<'_, T>> {
    mapped(value, is_obeyed, &|text| visible(text).into_owned())
}

/// A tab has no width of its own, which would misalign the live region.
fn in_events(character: char) -> bool {
    character == '\t' || is_obeyed(character)
}

fn mapped<'v, T>(
    value: &'v T,
    is_unclean: fn(char) -> bool,
    clean: &dyn Fn(&str) -> String,
) -> io::Result<Cow<'v, T>>
where
    T: Clone + Serialize + DeserializeOwned,
{
    /// JSON escapes the controls of C0 and nothing else.
    const ESCAPES: [&str; 5] = ["\\u00", "\\r", "\\b", "\\f", "\\t"];
    let text = serde_json::to_string(value)?;
    if !text.contains(is_obeyed) && !ESCAPES.iter().any(|escape| text.contains(escape)) {
        return Ok(Cow::Borrowed(value));
    }
    let one = |text: String| if text.contains(is_unclean) { clean(&text) } else { text };
    Ok(Cow::Owned(serde_json::from_value(in_all(serde_json::from_str(&text)?, &one))?))
}

fn in_all(value: Value, one: &dyn Fn(String) -> String) -> Value {
    match value {
        Value::String(text) => one(text).into(),
        Value::Array(list) => list.into_iter().map(|value| in_all(value, one)).collect(),
        Value::Object(map) => map.into_iter().map(|(name, value)| (one(name), in_all(value, one))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use model::event::Failure;

    use super::*;

    #[test]
    fn every_text_of_an_event_is_cleaned_and_what_is_plain_is_not_copied() {
        let failure = Failure {
            message: "one \x1b]0;owned\x07\ntwo \u{9b}2J".to_owned(),
            excerpt: vec!["\x1b[01m\x1b[Kx.c:1:\x1b[m\x1b[K error".to_owned()],
            ..Failure::default()
        };
        assert_eq!(
            *mapped(&failure, in_events, &text::clean_lines).unwrap(),
            Failure {
                message: "one \ntwo 2J".to_owned(),
                excerpt: vec!["x.c:1: error".to_owned()],
                ..Failure::default()
            }
        );
        let plain = Failure { message: "a \"b\"\nc".to_owned(), ..Failure::default() };
        assert!(matches!(cleaned(&plain).unwrap(), Cow::Borrowed(_)));
    }
}
