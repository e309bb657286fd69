//! The lines of the live region.

use crate::{Purpose, Run, Size, Style, text};

/// A piece of a line with one look.
pub(super) struct Span {
    text: String,
    paint: Option<fn(Style, &str) -> String>,
}

impl Span {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), paint: None }
    }

    pub(super) fn new(text: impl Into<String>, paint: fn(Style, &str) -> String) -> Self {
        Self { text: text.into(), paint: Some(paint) }
    }
}

/// One line of the spans, cut to `columns`.
pub(super) fn fit(spans: &[Span], columns: usize, style: Style) -> String {
    let mut line = String::new();
    let mut left = columns;
    for span in spans {
        let cut = text::shorten(&span.text, left);
        let was_cut = cut != span.text;
        left -= text::width(&cut);
        match span.paint {
            Some(paint) if !cut.is_empty() => line.push_str(&paint(style, &cut)),
            _ => line.push_str(&cut),
        }
        if was_cut {
            break;
        }
    }
    line
}

/// The region: a heading, what runs, what is next. Each line comes with its width, and all fit on the screen with one
/// row left for the cursor.
pub(super) fn region(
    run: &Run,
    purpose: Purpose,
    now_ms: u64,
    size: Size,
    style: Style,
) -> Vec<(String, usize)> {
    let columns = usize::from(size.columns).saturating_sub(1);
    let rows = usize::from(size.rows).saturating_sub(1).max(1);
    let mut lines = vec![vec![heading(run, purpose, now_ms)]];
    let next = next_line(run);
    let room = rows.saturating_sub(1 + next.iter().count());
    // A line for each step first, then, as far as there is room, a second one with what it says.
    let with_details = room >= 2 * run.running.len();
    let shown = if room >= run.running.len() { run.running.len() } else { room.saturating_sub(1) };
    for running in run.running.iter().take(shown) {
        let elapsed = text::duration(now_ms.saturating_sub(running.since_ms));
        let title = run.words(&running.step);
        lines.push(vec![Span::plain(format!("{elapsed:>8}  {title}"))]);
        let told = running.describe(now_ms);
        if with_details && !told.is_empty() {
            lines.push(vec![Span::new(format!("{:>8}    {told}", ""), |style, text| style.dim(text))]);
        }
    }
    if shown < run.running.len() && room > 0 {
        lines.push(vec![Span::plain(format!("{:>8}  and {} more", "", run.running.len() - shown))]);
    }
    lines.extend(next.into_iter().map(|span| vec![span]));
    lines.truncate(rows);
    lines.iter().map(|spans| (fit(spans, columns, style), width(spans).min(columns))).collect()
}

fn width(spans: &[Span]) -> usize {
    spans.iter().map(|span| text::width(&span.text)).sum()
}

fn heading(run: &Run, purpose: Purpose, now_ms: u64) -> Span {
    let phase = purpose.name(run);
    let elapsed = text::duration(now_ms.saturating_sub(run.started_ms));
    let running = run.running.len();
    if let Some(reason) = &run.cancelling {
        let what =
            format!("{elapsed:>8}  {phase}: cancelling ({reason}), ending {}", text::count(running, "step"));
        return Span::new(what, |style, text| style.yellow(text));
    }
    let (ended, all) = (run.ended(), run.steps.len());
    let waiting = all.saturating_sub(ended + running);
    let failed = match run.report.failures().count() {
        0 => String::new(),
        failed => format!(" ({failed} failed)"),
    };
    let what =
        format!("{elapsed:>8}  {phase}: {ended} of {all} done{failed}, {running} running, {waiting} waiting");
    Span::new(what, |style, text| style.bold(text))
}

/// What is next and what it waits for.
fn next_line(run: &Run) -> Option<Span> {
    if run.cancelling.is_some() {
        return None;
    }
    // The one with the fewest open needs is the next to start; of those, the first in the plan.
    let (step, needs) = run.waiting().min_by_key(|(_, needs)| needs.len())?;
    let waits = match needs.as_slice() {
        [] => return Some(next(format!("{:>8}  {}, when a job is free", "next", step.title))),
        [one] => run.words(one),
        [one, rest @ ..] => format!("{} and {} more", run.words(one), rest.len()),
    };
    let what = format!("{:>8}  {}, after: {waits}", "next", run.words(&step.id));
    Some(next(what))
}

fn next(what: String) -> Span {
    Span::new(what, |style, text| style.dim(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_across_spans_and_colours_do_not_count() {
        let spans =
            [Span::plain("12345"), Span::new("67890", |style, text| style.green(text)), Span::plain("x")];
        assert_eq!(fit(&spans, 20, Style::Plain), "1234567890x");
        assert_eq!(fit(&spans, 8, Style::Colour), "12345\x1b[32m67…\x1b[0m");
        assert_eq!(fit(&spans, 5, Style::Plain), "12345");
        assert_eq!(fit(&spans, 3, Style::Plain), "12…");
    }
}
