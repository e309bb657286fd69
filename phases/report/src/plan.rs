//! `plan` and `--dry-run`: what a run would do, why, and what it would cost.

use std::fmt::Write as _;

use model::fingerprint::Difference;
use model::plan::{Action, EnsurePackages, Plan, Step};

use crate::{Style, text};

/// A step of the plan, held against the records of this machine.
#[derive(Clone, Debug)]
pub struct PlanRow<'a> {
    /// The step.
    pub step: &'a Step,
    /// What a run would do about it.
    pub state: RowState,
    /// Why: `never ran`, `option --enable-gpl changed`.
    pub why: String,
    /// What changed since it last ran.
    pub differences: Vec<Difference>,
    /// What its packages cost, where that could be asked.
    pub cost: Option<PackageCost>,
    /// What a look at the host found that fails nothing.
    pub warnings: Vec<String>,
}

/// What a run would do about a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowState {
    /// Nothing: it is done, and nothing that it depends on changed.
    Fresh,
    /// It would run.
    WillRun,
    /// A step that it needs would run; whether it runs as well depends on what that one yields.
    MayRun,
    /// `--only` or `--skip` leaves it out.
    NotSelected,
}

impl RowState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::WillRun => "will run",
            Self::MayRun => "may run",
            Self::NotSelected => "left out",
        }
    }
}

/// What installing packages costs.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct PackageCost {
    /// Packages that would be installed because they are missing; those that they depend on are only counted.
    pub missing: Vec<String>,
    /// How many packages would be newly installed, what they depend on included.
    pub packages: Option<u32>,
    /// Bytes to download.
    pub download_bytes: Option<u64>,
    /// Bytes on the disk afterwards.
    pub installed_bytes: Option<u64>,
}

/// How a plan is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlanOptions {
    /// Colours, as an addition.
    pub style: Style,
    /// Tell what fresh steps do, too, and every difference.
    pub verbose: bool,
}

/// The plan as text: steps by component in the plan's order, each with its state and why; packages with their cost;
/// notes; and the sum.
pub fn plan_text(plan: &Plan, rows: &[PlanRow<'_>], options: PlanOptions) -> String {
    let style = options.style;
    let mut out = String::new();
    let heading = format!("{} {} on {}", plan.phase.as_str(), plan.case, plan.target);
    write_line(&mut out, &style.bold(&heading));
    let columns = rows.iter().map(|row| text::width(row.step.id.as_str())).max().unwrap_or(0).min(40);
    for (group, rows) in groups(rows) {
        out.push('\n');
        let fresh = rows.iter().filter(|row| row.state == RowState::Fresh).count();
        if fresh == rows.len() && !options.verbose {
            write_line(&mut out, &format!("{}: fresh ({})", style.bold(group), text::count(fresh, "step")));
            continue;
        }
        write_line(&mut out, &style.bold(group));
        for row in rows {
            write_row(&mut out, row, columns, options);
        }
    }
    for note in &plan.notes {
        write_line(&mut out, &format!("\nnote: {note}"));
    }
    let mut warnings: Vec<&String> = plan.warnings.iter().collect();
    for warning in rows.iter().flat_map(|row| &row.warnings) {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    for warning in warnings {
        write_line(&mut out, &format!("\nwarning: {warning}"));
    }
    let _ = writeln!(out, "\n{}", sum(rows));
    out
}

fn write_line(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}

/// Rows by component; those that work for none come under the first word of their id (`deps`, `source`).
fn groups<'r, 'a>(rows: &'r [PlanRow<'a>]) -> Vec<(&'r str, Vec<&'r PlanRow<'a>>)> {
    let mut groups: Vec<(&str, Vec<&PlanRow<'_>>)> = Vec::new();
    for row in rows {
        let id = row.step.id.as_str();
        let name = match &row.step.component {
            Some(component) => component.as_str(),
            None => match id.split_once('/') {
                Some(("source", _)) => "sources",
                Some((first, _)) => first,
                None => id,
            },
        };
        match groups.iter_mut().find(|(group, _)| *group == name) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((name, vec![row])),
        }
    }
    groups
}

fn write_row(out: &mut String, row: &PlanRow<'_>, columns: usize, options: PlanOptions) {
    let style = options.style;
    let state = text::pad(row.state.as_str(), "will run".len());
    let state = match row.state {
        RowState::Fresh | RowState::NotSelected => style.dim(&state),
        RowState::WillRun => style.green(&state),
        RowState::MayRun => style.yellow(&state),
    };
    let id = text::pad(row.step.id.as_str(), columns);
    let optional = if row.step.optional { " (optional)" } else { "" };
    write_line(out, &format!("  {state}  {id}  {}{optional}", row.step.title));
    let told = row.state != RowState::Fresh || options.verbose;
    if told && !row.why.is_empty() {
        write_line(out, &format!("            {}", style.dim(&format!("why: {}", row.why))));
    }
    if told {
        let limit = if options.verbose { usize::MAX } else { 3 };
        for line in differences(&row.differences, limit) {
            write_line(out, &format!("            {line}"));
        }
        if let Action::EnsurePackages(packages) = &row.step.action {
            for line in package_lines(packages, row.cost.as_ref()) {
                write_line(out, &format!("            {line}"));
            }
        }
    }
}

/// `changed action.args.3: --enable-gpl, was --disable-gpl`.
pub(crate) fn differences(differences: &[Difference], limit: usize) -> Vec<String> {
    let mut lines: Vec<String> = differences
        .iter()
        .take(limit)
        .map(|difference| {
            if let Some(words) = difference.of_need() {
                return words;
            }
            // The digests of content say nothing to people.
            if difference.what.starts_with("input ") {
                if let (Some(_), Some(_)) = (&difference.before, &difference.after) {
                    return format!("changed {}{}", difference.what, difference.named_files());
                }
            }
            match (&difference.before, &difference.after) {
                (Some(before), Some(after)) => format!("changed {}: {after}, was {before}", difference.what),
                (None, Some(after)) => format!("added {}: {after}", difference.what),
                (Some(before), None) => format!("removed {}: was {before}", difference.what),
                (None, None) => format!("changed {}", difference.what),
            }
        })
        .collect();
    if differences.len() > limit {
        lines.push(format!("and {} (-v shows all)", text::count(differences.len() - limit, "more change")));
    }
    lines
}

/// What is missing with its cost; without that knowledge, everything that is needed.
pub(crate) fn package_lines(action: &EnsurePackages, cost: Option<&PackageCost>) -> Vec<String> {
    let Some(cost) = cost else {
        let mut packages: Vec<&str> =
            action.needs.iter().flat_map(|need| &need.packages).map(String::as_str).collect();
        packages.sort_unstable();
        packages.dedup();
        return vec![format!("{} packages, where missing: {}", action.manager, listed(&packages))];
    };
    if cost.missing.is_empty() {
        return vec!["every package is installed".to_owned()];
    }
    let missing: Vec<&str> = cost.missing.iter().map(String::as_str).collect();
    let mut figures = Vec::new();
    if let Some(packages) = cost.packages {
        figures.push(format!("{} with what they depend on", text::count(packages as usize, "package")));
    }
    if let Some(bytes) = cost.download_bytes {
        figures.push(format!("{} to download", text::bytes(bytes)));
    }
    if let Some(bytes) = cost.installed_bytes {
        figures.push(format!("{} on disk", text::bytes(bytes)));
    }
    let mut lines: Vec<String> = action
        .repositories
        .iter()
        .map(|declared| {
            let repository = &declared.repository;
            let uris = repository.uris.join(" ");
            format!(
                "{} repository {} ({uris}) is set up first, if it is not yet",
                action.manager, repository.name
            )
        })
        .collect();
    lines.push(format!("{} installs: {}", action.manager, listed(&missing)));
    lines.push(if figures.is_empty() {
        format!("cost: unknown until {} has package lists", action.manager)
    } else {
        format!("cost: {}", figures.join(", "))
    });
    lines
}

fn listed(words: &[&str]) -> String {
    if words.is_empty() { "nothing".to_owned() } else { words.join(" ") }
}

fn sum(rows: &[PlanRow<'_>]) -> String {
    let number = |state| rows.iter().filter(|row| row.state == state).count();
    let (will, may) = (number(RowState::WillRun), number(RowState::MayRun));
    let mut words = Vec::new();
    if will + may == 0 {
        words.push("nothing to do".to_owned());
    } else {
        words.push(format!("{} will run", text::count(will, "step")));
    }
    for (count, word) in [
        (may, "may run"),
        (number(RowState::Fresh), "fresh"),
        (number(RowState::NotSelected), "left out by --only or --skip"),
    ] {
        if count > 0 {
            words.push(format!("{count} {word}"));
        }
    }
    words.join(", ")
}
