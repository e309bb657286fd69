//! The last lines of a run: what is installed and where, what to try, where the logs are, what to type next.

use std::collections::BTreeSet;

use camino::Utf8Path;
use model::event::Verdict;
use model::plan::Phase;
use model::report::Installed;

use crate::text::line;
use crate::{Next, Purpose, Run, Style, text};

/// Installed components that are listed by name; the rest is counted.
const ROWS: usize = 16;
/// Programs of one component that are listed by name.
const PROGRAMS: usize = 5;
/// Commands to try.
const COMMANDS: usize = 2;

/// Writes the ending of the last phase of a run.
pub(crate) fn ending(out: &mut String, last: &Run, next: &Next, style: Style) {
    let report = &last.report;
    if next.purpose == Purpose::Phases {
        installed(out, last, style);
        try_it(out, &report.installed, style);
        not_on_path(out, &report.installed, next, style);
    }
    let done = report.verdict == Some(Verdict::Done);
    if done && report.phase == Some(Phase::Deps) && !next.artifacts.is_empty() {
        line(out, &format!("artifacts: {}", next.artifacts));
    }
    if !report.logs.is_empty() && !report.ran.is_empty() {
        line(out, &format!("logs: {}", report.logs));
    }
    if next.program.is_empty() {
        return;
    }
    let command = |name: &str, arguments: &str| {
        format!("`{}`", format!("{} {name} {arguments}", next.program).trim_end())
    };
    let well = matches!(report.verdict, Some(Verdict::Done | Verdict::NothingToDo));
    let say = match report.verdict {
        _ if well && next.purpose != Purpose::Phases => return,
        _ if well && report.phase == Some(Phase::Deps) => {
            format!("next: {} compiles and installs, offline", command("build", &next.arguments))
        }
        _ if well => format!("next: {} checks every installed file again", command("verify", &next.verify)),
        Some(Verdict::Failed) if next.purpose == Purpose::Verify => {
            format!("next: fix it, then `{}` checks again", next.again)
        }
        Some(Verdict::Failed) => format!("next: fix it, then `{}` continues from here", next.again),
        _ => format!("next: `{}` continues from here", next.again),
    };
    line(out, &style.dim(&say));
}

/// `ffmpeg 5.1.9  /usr/local (14 files): ffmpeg, ffprobe`.
fn installed(out: &mut String, last: &Run, style: Style) {
    let all = &last.report.installed;
    if all.is_empty() {
        return;
    }
    line(out, &format!("{}:", style.bold("installed")));
    let wheels = format!("python-{}", last.report.case);
    let name = |one: &Installed| match &one.version {
        // As every command calls it.
        _ if one.component.as_str() == wheels => "python".to_owned(),
        Some(version) => format!("{} {version}", one.component),
        None => one.component.to_string(),
    };
    let columns = all.iter().take(ROWS).map(|one| text::width(&name(one))).max().unwrap_or(0).min(32);
    for one in all.iter().take(ROWS) {
        let files = text::count(one.files, "file");
        let programs = match one.programs.as_slice() {
            [interpreter] if one.component.as_str() == wheels => format!(": {interpreter}"),
            _ => programs(one),
        };
        line(out, &format!("  {}  {} ({files}){programs}", text::pad(&name(one), columns), one.prefix));
    }
    if all.len() > ROWS {
        line(out, &format!("  and {} more", all.len() - ROWS));
    }
}

/// The programs by name, where they are in the prefix's own `bin`; by path where not.
fn programs(one: &Installed) -> String {
    let bin = one.prefix.join("bin");
    let name = |program: &camino::Utf8PathBuf| match program.strip_prefix(&bin) {
        Ok(name) => name.to_string(),
        Err(_) => program.to_string(),
    };
    let mut names: Vec<String> = one.programs.iter().take(PROGRAMS).map(name).collect();
    if one.programs.len() > PROGRAMS {
        names.push(format!("{} more programs", one.programs.len() - PROGRAMS));
    }
    if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) }
}

/// The commands of what was installed last: that is what the user asked for, and what it needs came before it.
fn try_it(out: &mut String, all: &[Installed], style: Style) {
    let with_programs = |one: &&Installed| !one.programs.is_empty();
    let mut commands: Vec<&String> =
        all.iter().rev().filter(with_programs).filter_map(|one| one.command.as_ref()).collect();
    if commands.is_empty() {
        commands = all.iter().rev().filter_map(|one| one.command.as_ref()).collect();
    }
    for command in commands.into_iter().take(COMMANDS) {
        line(out, &format!("{}: {command}", style.bold("try")));
    }
}

/// Directories with programs that a shell does not find by name.
fn not_on_path(out: &mut String, all: &[Installed], next: &Next, style: Style) {
    if next.path.is_empty() {
        return;
    }
    let interpreter = |one: &&Installed| !one.component.as_str().starts_with("python-");
    let directories: BTreeSet<&Utf8Path> = all
        .iter()
        .filter(interpreter)
        .flat_map(|one| one.programs.iter().filter_map(|program| program.parent()))
        .filter(|directory| !next.path.iter().any(|known| known.trim_end_matches('/') == directory.as_str()))
        .collect();
    for directory in directories {
        line(
            out,
            &format!(
                "{} {directory} is not on PATH: export PATH=\"{directory}:$PATH\"",
                style.yellow("warning:")
            ),
        );
    }
}
