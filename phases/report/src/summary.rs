//! What a run did, at its end: per phase what ran, then warnings, leaks and failures, then what to type next.

use std::collections::BTreeMap;

use model::StepId;
use model::event::{Failure, FailureKind, OfflineForce, Outcome, SkipReason, Verdict};
use model::report::StepReport;

use crate::account::account;
use crate::ending::ending;
use crate::text::line;
use crate::{Options, Purpose, Run, Style, lacks, text, tool};

/// Lines of excerpt that all failures together may take, so that they stay on one screen.
const EXCERPT_LINES: usize = 24;
/// Lines of excerpt of a failure that is no more than a warning.
const OPTIONAL_EXCERPT_LINES: usize = 6;
/// Rows of one phase; what took least is summed up beyond that.
const ROWS: usize = 20;

/// The summary of all phases of a run, in the order in which they ran.
pub fn summary_text(phases: &[Run], options: &Options) -> String {
    let style = options.style;
    let mut out = String::new();
    for run in phases {
        phase(&mut out, run, options);
    }
    for run in phases {
        optional_failures(&mut out, run, options);
    }
    if let Some(last) = phases.last() {
        warned(&mut out, last, style);
    }
    for run in phases {
        leaks(&mut out, run, style);
    }
    for run in phases {
        failures(&mut out, run, options);
    }
    if let Some(last) = phases.last() {
        ending(&mut out, last, &options.next, style);
    }
    out
}

/// Short times matter in headlines: `38 ms`.
fn precise(milliseconds: u64) -> String {
    if milliseconds < 1000 { format!("{milliseconds} ms") } else { text::duration(milliseconds) }
}

fn phase(out: &mut String, run: &Run, options: &Options) {
    let (style, purpose) = (options.style, options.next.purpose);
    let report = &run.report;
    let name = style.bold(purpose.name(run));
    let wall = precise(report.wall_ms);
    let failed = report.failures().filter(|(step, _)| !run.is_optional(step)).count();
    let well = report.ran.iter().filter(|ran| ran.outcome == Outcome::Done).count();
    let mut counts = vec![format!("{} ran", text::count(well, "step"))];
    if failed > 0 {
        counts.push(format!("{failed} failed"));
    }
    if report.fresh > 0 {
        counts.push(format!("{} fresh", report.fresh));
    }
    let not_run = report.left_out.iter().filter(|(_, why)| !matches!(why, SkipReason::NotSelected)).count();
    if not_run > 0 {
        counts.push(format!("{not_run} not run"));
    }
    let not_selected = report.left_out.len() - not_run;
    if not_selected > 0 {
        counts.push(format!("{not_selected} left out by --only or --skip"));
    }
    let counts = counts.join(", ");
    let verdict = match report.verdict {
        Some(Verdict::Done) => style.green(&format!("done in {wall}")),
        Some(Verdict::NothingToDo) => {
            let fresh = text::count(report.fresh, "step");
            let verdict = style.green("nothing to do");
            line(out, &format!("{name}: {verdict}, {fresh} fresh ({wall})"));
            return report.account.iter().for_each(|told| account(out, told, style));
        }
        Some(Verdict::Failed) => style.red(&format!("FAILED after {wall}")),
        Some(Verdict::Cancelled) => {
            let why = run.cancelling.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
            style.yellow(&format!("cancelled after {wall}{why}"))
        }
        None => style.red("ended without a result"),
    };
    let cpu: u64 = report.ran.iter().map(|ran| ran.cpu_ms).sum();
    let cpu = if cpu >= 1000 { format!("; {} of CPU time", text::duration(cpu)) } else { String::new() };
    line(out, &format!("{name}: {verdict}: {counts}{cpu}"));
    rows(out, run, style);
    not_run_rows(out, run);
    report.account.iter().for_each(|told| account(out, told, style));
    let built = purpose != Purpose::Verify && !report.ran.is_empty();
    if let Some(force) = report.offline.as_ref().filter(|_| built) {
        let unseen = match force.unseen.len() {
            0 => String::new(),
            _ if options.verbose => String::new(),
            1 => " (1 kind is not seen: -v says which)".to_owned(),
            several => format!(" ({several} kinds are not seen: -v says which)"),
        };
        line(out, &format!("  network: {}{unseen}", offline(force)));
        for unseen in force.unseen.iter().filter(|_| options.verbose) {
            line(out, &format!("           not seen: {unseen}"));
        }
    }
}

/// Steps of one component, or one step that works for none.
struct Row<'a> {
    name: String,
    steps: Vec<&'a StepReport>,
}

impl Row<'_> {
    fn wall_ms(&self) -> u64 {
        self.steps.iter().map(|ran| ran.wall_ms).sum()
    }
}

fn rows(out: &mut String, run: &Run, style: Style) {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for ran in &run.report.ran {
        let component = run.summary(&ran.step).and_then(|summary| summary.component.as_ref());
        let name = component.map_or_else(|| ran.step.to_string(), ToString::to_string);
        match rows.iter_mut().find(|row| component.is_some() && row.name == name) {
            Some(row) => row.steps.push(ran),
            None => rows.push(Row { name, steps: vec![ran] }),
        }
    }
    let mut rest: Vec<Row<'_>> = Vec::new();
    if rows.len() > ROWS {
        let mut walls: Vec<u64> = rows.iter().map(Row::wall_ms).collect();
        walls.sort_unstable_by(|left, right| right.cmp(left));
        let threshold = walls.get(ROWS - 1).copied().unwrap_or(0);
        let mut kept = Vec::new();
        for row in rows {
            let list = if row.wall_ms() >= threshold && kept.len() < ROWS { &mut kept } else { &mut rest };
            list.push(row);
        }
        rows = kept;
    }
    let columns = rows.iter().map(|row| text::width(&row.name)).max().unwrap_or(0).min(32);
    for row in &rows {
        let name = text::pad(&row.name, columns);
        let told = details(run, &row.steps, style);
        line(out, format!("  {:>8}  {name}  {told}", text::duration(row.wall_ms())).trim_end());
    }
    if !rest.is_empty() {
        let wall = rest.iter().map(Row::wall_ms).sum();
        line(out, &format!("  {:>8}  {} more", text::duration(wall), rest.len()));
    }
}

/// `configure 8.1 s, compile 1m 50s; 123 files, 45.0 MiB`.
fn details(run: &Run, steps: &[&StepReport], style: Style) -> String {
    let mut figures: BTreeMap<String, u64> = BTreeMap::new();
    let mut verbs = Vec::new();
    for ran in steps {
        for (name, value) in &ran.figures {
            let sum = figures.entry(name.clone()).or_default();
            *sum = sum.saturating_add(*value);
        }
        let verb = ran.step.as_str().rsplit('/').next().unwrap_or_default();
        let state = match &ran.outcome {
            Outcome::Done => String::new(),
            Outcome::Failed(_) if run.is_optional(&ran.step) => {
                format!(" {}", style.yellow("failed (optional)"))
            }
            Outcome::Failed(_) => format!(" {}", style.red("FAILED")),
            Outcome::Cancelled => format!(" {}", style.yellow("cancelled")),
        };
        match steps {
            [_] => verbs.push(state.trim_start().to_owned()),
            _ => verbs.push(format!("{verb} {}{state}", text::duration(ran.wall_ms))),
        }
    }
    verbs.retain(|verb| !verb.is_empty());
    [verbs.join(", "), text::figures(&figures)]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}

fn not_run_rows(out: &mut String, run: &Run) {
    let mut blocked: BTreeMap<&StepId, Vec<&str>> = BTreeMap::new();
    for (step, why) in &run.report.left_out {
        if let SkipReason::NeedFailed { need } = why {
            blocked.entry(root_need(run, need)).or_default().push(step.as_str());
        }
    }
    for (need, steps) in blocked {
        line(out, &format!("  not run, because {need} failed: {}", steps.join(", ")));
    }
}

/// Follows `NeedFailed` to the step that really failed.
fn root_need<'a>(run: &'a Run, need: &'a StepId) -> &'a StepId {
    let mut at = need;
    // A plan has no circles, but a recorded event stream may come from anywhere.
    for _ in 0..=run.report.left_out.len() {
        let blocked_by = run.report.left_out.iter().find_map(|(step, why)| match why {
            SkipReason::NeedFailed { need } if step == at => Some(need),
            _ => None,
        });
        match blocked_by {
            Some(need) => at = need,
            None => break,
        }
    }
    at
}

/// The offline force in words, without what goes unseen.
pub(crate) fn offline(force: &OfflineForce) -> String {
    match (&force.wall, &force.audit) {
        (Some(wall), Some(audit)) => format!("shut off ({wall}), watched by {audit}"),
        (Some(wall), None) => format!("shut off ({wall}); attempts to use it are not watched"),
        (None, Some(audit)) => format!("no wall; refused and reported by {audit}"),
        (None, None) => "NOT shut off: neither wall nor audit".to_owned(),
    }
}

/// Warnings were told as they came; a pointer is what is left to say.
fn warned(out: &mut String, last: &Run, style: Style) {
    let told = match last.warnings() {
        0 => return,
        1 => "1 warning above".to_owned(),
        several => format!("{several} warnings above"),
    };
    line(out, &style.yellow(&told));
}

/// What may fail and did: what to do about it. The message was told when it failed.
fn optional_failures(out: &mut String, run: &Run, options: &Options) {
    let style = options.style;
    for (step, failure) in run.report.failures().filter(|(step, _)| run.is_optional(step)) {
        let log = failure.log.as_ref().map_or_else(String::new, |log| format!(" (log: {log})"));
        let word = style.yellow("failed (optional):");
        line(out, &format!("{word} {step}, {}{log}", run.title(step)));
        for excerpt in excerpt_lines(failure, OPTIONAL_EXCERPT_LINES, style) {
            line(out, &format!("  {excerpt}"));
        }
        let cures = failure.cures.iter().map(|cure| options.next.spelled_out(cure));
        for help in cures.flat_map(|cure| help_lines(&cure)) {
            line(out, &format!("  {help}"));
        }
        if let Some(capsule) = &failure.capsule {
            line(out, &format!("  capsule: {capsule}"));
        }
    }
}

/// Who reached for the network.
pub(crate) fn leaks(out: &mut String, run: &Run, style: Style) {
    for (step, process, wanted, advice) in run.untold_leaks() {
        let what = style.red("network access");
        line(out, &format!("{what} by {process} in {step}: {wanted}"));
        if !advice.is_empty() {
            line(out, &format!("  help: {advice}"));
        }
    }
}

/// The failures of steps that are not optional, each with all that is needed to act, on one screen.
pub(crate) fn failures(out: &mut String, run: &Run, options: &Options) {
    let style = options.style;
    let failed = run.report.failures().filter(|(step, _)| !run.is_optional(step));
    let (lacking, mut failed): (Vec<_>, Vec<_>) =
        failed.partition(|(_, failure)| failure.kind == FailureKind::Preflight);
    if lacking.len() > 1 {
        if !out.is_empty() {
            out.push('\n');
        }
        lacks::several(out, &lacking, run, &options.next, style);
    } else {
        failed.splice(0..0, lacking);
    }
    let share = EXCERPT_LINES.checked_div(failed.len()).unwrap_or(0).max(4);
    for (step, failure) in failed {
        if !out.is_empty() {
            out.push('\n');
        }
        line(out, &format!("{} {step} ({})", style.red("FAILED"), run.title(step)));
        for told in failure_lines(failure, share, options) {
            line(out, &format!("  {told}"));
        }
    }
}

/// Message, excerpt, command, cures, log and capsule of a failure; the excerpt at most `limit` lines.
pub(crate) fn failure_lines(failure: &Failure, limit: usize, options: &Options) -> Vec<String> {
    let mut lines: Vec<String> = failure.message.lines().map(str::to_owned).collect();
    lines.extend(excerpt_lines(failure, limit, options.style));
    lines
        .extend(failure.command.iter().map(|command| format!("command: {}", text::without_filling(command))));
    let cures = lacks::cures_of(failure);
    lines.extend(cures.iter().flat_map(|cure| help_lines(&options.next.spelled_out(cure))));
    lines.extend(failure.log.iter().map(|log| format!("log: {log}")));
    lines.extend(failure.capsule.iter().map(|capsule| format!("capsule: {capsule}")));
    lines
}

/// The first error, as a tool told it; at most `limit` lines of it.
fn excerpt_lines(failure: &Failure, limit: usize, style: Style) -> Vec<String> {
    let shown = |line: &String| {
        let line = text::without_filling(line);
        format!("  | {}", tool::painted(&line, style))
    };
    let mut lines: Vec<String> = failure.excerpt.iter().take(limit).map(shown).collect();
    if failure.excerpt.len() > limit {
        lines.push(format!("  | … {} in the log", text::count(failure.excerpt.len() - limit, "more line")));
    }
    lines
}

/// A cure behind `help:`; lines of a case that it has stand below each other.
fn help_lines(cure: &str) -> Vec<String> {
    let line =
        |(n, line): (usize, &str)| if n == 0 { format!("help: {line}") } else { format!("      {line}") };
    cure.lines().enumerate().map(line).collect()
}
