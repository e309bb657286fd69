//! What a case asks for against what is there, in a line, and what is apart from that.

use model::account::{Account, Answer, Exception};
use model::asked::Kind;

use crate::text::line;
use crate::{Style, text};

/// Exceptions of one sort that are listed by name; the rest is counted.
const ROWS: usize = 12;

/// What was asked for against what is there, as lines.
pub fn account_text(told: &Account, style: Style) -> String {
    let mut out = String::new();
    account(&mut out, told, style);
    out
}

/// `asked for: 3 components, 41 requirements, 9 checks: all there`.
pub(crate) fn account(out: &mut String, account: &Account, style: Style) {
    let kinds = [Kind::Component, Kind::Option, Kind::Requirement, Kind::Check];
    let counts: Vec<String> =
        kinds.iter().filter_map(|kind| Some(text::count(*account.asked.get(kind)?, kind.word()))).collect();
    if counts.is_empty() {
        return;
    }
    let of = |is: &dyn Fn(&Answer) -> bool| -> Vec<&Exception> {
        account.exceptions.iter().filter(|exception| is(&exception.answer)).collect()
    };
    let missing = of(&|answer| matches!(answer, Answer::Missing { .. }));
    let failed = of(&|answer| *answer == Answer::OptionalFailed);
    let apart = of(&|answer| matches!(answer, Answer::NotHere { .. }));
    let skipped = of(&|answer| *answer == Answer::Skipped);
    let mut told = Vec::new();
    for (all, words) in [
        (&missing, "missing"),
        (&failed, "failed (optional)"),
        (&apart, "not for this machine"),
        (&skipped, "left out by --only or --skip"),
    ] {
        if !all.is_empty() {
            told.push(format!("{} {words}", all.len()));
        }
    }
    let told = match told.is_empty() {
        true => "all there".to_owned(),
        false => format!("all there but {}", told.join(", ")),
    };
    let told = if missing.is_empty() { told } else { style.red(&told) };
    line(out, &format!("  asked for: {}: {told}", counts.join(", ")));
    rows(out, &missing, &style.red("missing"));
    rows(out, &failed, "failed (optional)");
    rows(out, &apart, "not for this machine");
}

fn rows(out: &mut String, exceptions: &[&Exception], word: &str) {
    for exception in exceptions.iter().take(ROWS) {
        let request = &exception.request;
        let why = match &exception.answer {
            Answer::NotHere { why } | Answer::Missing { why } => format!(": {why}"),
            Answer::OptionalFailed | Answer::Skipped => String::new(),
        };
        let what = format!("{} `{}`", request.kind.word(), request.what);
        line(out, &format!("    {word}: {what} ({}){why}", request.place));
    }
    if exceptions.len() > ROWS {
        line(out, &format!("    {word}: {} more", exceptions.len() - ROWS));
    }
}
