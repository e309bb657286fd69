//! `status`: what runs now, what is installed, and how the last runs ended.

mod running;

use std::collections::BTreeSet;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use engine::python_home::wheels_component;
use engine::runlog;
use model::account::Account;
use model::compatibility::short_commit;
use model::event::{Outcome, Verdict};
use model::exit;
use model::manifest::{CheckoutState, Manifest};
use model::plan::Phase;
use model::report::Report;
use report::Style;
use report::text::count;
use running::Present;
use serde_json::json;

use crate::args::Common;
use crate::error::{Error, Result};
use crate::invocation;
use crate::load::Setting;
use crate::out::{self, print};
use crate::uninstall::{environment, prefixes};

fn built_from(checkout: &CheckoutState) -> String {
    let changed = match checkout.dirty {
        Some(true) => " with uncommitted changes",
        Some(false) => "",
        None => " (uncommitted changes unknown)",
    };
    format!(", from commit {}{changed}", short_commit(&checkout.commit))
}

/// Something that the case installs, and what is there of it.
struct Installed {
    name: String,
    prefix: Option<Utf8PathBuf>,
    manifest: Option<Manifest>,
    /// Whether it is the case's Python environment, whose making was cut short.
    unfinished: bool,
}

impl Installed {
    fn line(&self, case: &str) -> String {
        let Self { name, prefix, manifest, unfinished } = self;
        let Some(prefix) = prefix else { return format!("  {name}: not installed\n") };
        match manifest {
            _ if *unfinished => format!("  {name}: {prefix} is unfinished\n"),
            None => format!("  {name}: not installed in {prefix}\n"),
            Some(manifest) if manifest.case != case => format!(
                "  {name}: not installed in {prefix}, but by the case {} ({})\n",
                manifest.case,
                count(manifest.files.len(), "file")
            ),
            Some(manifest) => format!(
                "  {name}{} in {prefix}: {}{}{}\n",
                manifest.version.as_ref().map_or_else(String::new, |version| format!(" {version}")),
                count(manifest.files.len(), "file"),
                manifest.checkout.as_ref().map_or_else(String::new, built_from),
                if manifest.editable { ", editable" } else { "" },
            ),
        }
    }

    fn json(&self, case: &str) -> serde_json::Value {
        let own = self.manifest.as_ref().filter(|manifest| manifest.case == case && !self.unfinished);
        json!({
            "component": self.name,
            "prefix": self.prefix,
            "installed": own.is_some(),
            "of_case": self.manifest.as_ref().map(|manifest| &manifest.case),
            "version": own.and_then(|manifest| manifest.version.clone()),
            "checkout": own.and_then(|manifest| manifest.checkout.clone()),
            "editable": own.is_some_and(|manifest| manifest.editable),
            "files": own.map_or(0, |manifest| manifest.files.len()),
        })
    }
}

fn installed(setting: &Setting) -> Result<Vec<Installed>> {
    let mut prefixes = prefixes(setting);
    let mut found = Vec::new();
    if let Some(environment) = environment(setting) {
        let manifest = match &environment.prefix {
            Some(prefix) => engine::manifest::load(prefix, &environment.component)?,
            None => None,
        };
        let incomplete = |prefix: &Utf8PathBuf| prefix.join(deps::python::record::INCOMPLETE).exists();
        let unfinished = environment.own && environment.prefix.as_ref().is_some_and(incomplete);
        found.push(Installed { name: "python".to_owned(), prefix: environment.prefix, manifest, unfinished });
    }
    // In the order of the case.
    for name in setting.case().components.keys() {
        let prefix = prefixes.remove(name).unwrap_or_else(|| setting.layout.prefix.clone());
        let manifest = engine::manifest::load(&prefix, name)?;
        found.push(Installed { name: name.to_string(), prefix: Some(prefix), manifest, unfinished: false });
    }
    Ok(found)
}

/// What this case has installed once and names no more.
fn former(setting: &Setting, present: &[Installed]) -> Result<Vec<Installed>> {
    let case = setting.case();
    let own = setting.layout.python_environment(&case.metadata.name);
    let known = present.iter().filter_map(|installed| installed.prefix.clone());
    let prefixes: BTreeSet<Utf8PathBuf> = known.chain([setting.layout.prefix.clone(), own.clone()]).collect();
    let mut found = Vec::new();
    for prefix in prefixes {
        for manifest in engine::manifest::load_all(&prefix)? {
            let wheels =
                manifest.component.as_str().starts_with(wheels_component(&case.metadata.name).as_str());
            let named = match wheels {
                true => case.python_environment().is_some(),
                false => case.components.contains_key(&manifest.component),
            };
            if manifest.case == case.metadata.name && !named {
                let name = if wheels && prefix == own {
                    "python".to_owned()
                } else {
                    manifest.component.to_string()
                };
                found.push(Installed {
                    name,
                    prefix: Some(prefix.clone()),
                    manifest: Some(manifest),
                    unfinished: false,
                });
            }
        }
    }
    Ok(found)
}

fn former_lines(common: &Common, setting: &Setting, former: &Installed) -> String {
    let line = former.line(&setting.case().metadata.name);
    let mut lines = format!("{}, which the case no longer has\n", line.trim_end());
    // Elsewhere nothing would find it.
    if former.prefix.as_ref() == Some(&setting.layout.prefix) {
        let arguments = invocation::arguments(common, &setting.wanted, &[]);
        lines.push_str(&format!(
            "    help: `{} uninstall {} {arguments}` removes it\n",
            invocation::program(),
            former.name
        ));
    }
    lines
}

/// The last run of a phase, as its log tells.
struct LastRun {
    began: SystemTime,
    report: Report,
    log: Utf8PathBuf,
}

fn read_log(log: &Utf8Path, phase: Phase) -> Option<LastRun> {
    let began = running::began(log)?;
    let mut report = Report::default();
    runlog::read(log).iter().for_each(|timed| report.fold(timed));
    // A preflight that did not hold begins no run.
    report.phase = Some(phase);
    Some(LastRun { began, report, log: log.to_owned() })
}

/// The logs of a phase, the newest first.
fn logs_of(state: &Utf8Path, phase: Phase) -> impl Iterator<Item = Utf8PathBuf> {
    let ending = format!("-{}", phase.as_str());
    let logs = runlog::list(state).into_iter().rev();
    logs.filter(move |log| log.file_stem().is_some_and(|stem| stem.ends_with(&ending)))
}

/// The last run of each phase that did something, the newest first.
fn last_runs(state: &Utf8Path) -> Vec<LastRun> {
    let last = |phase| logs_of(state, phase).find_map(|log| read_log(&log, phase));
    let mut runs: Vec<_> = [Phase::Deps, Phase::Build].into_iter().filter_map(last).collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.began));
    runs
}

/// What the last `build` that ended well found of all that the case asked for then, and when.
fn last_account(state: &Utf8Path) -> Option<(SystemTime, Account)> {
    logs_of(state, Phase::Build).find_map(|log| {
        let run = read_log(&log, Phase::Build)?;
        Some((run.began, run.report.account?))
    })
}

fn run_lines(run: &LastRun, present: Option<&Present>) -> String {
    let LastRun { began, report, log } = run;
    let phase = report.phase.map_or("run", Phase::as_str);
    let how = match report.verdict {
        Some(Verdict::Done) => "done",
        Some(Verdict::NothingToDo) => "nothing to do",
        Some(Verdict::Failed) => "failed",
        Some(Verdict::Cancelled) => "cancelled",
        None if present.and_then(Present::log) == Some(log) => "is running",
        None => "was killed",
    };
    let well = report.ran.iter().filter(|ran| ran.outcome == Outcome::Done).count();
    let ran = count(well, "step");
    let mut text = format!("last {phase}, {}: {how}, {ran} ran\n", exec::utc::told(*began));
    for ran in &report.ran {
        if let Outcome::Failed(failure) = &ran.outcome {
            text.push_str(&format!("  {} failed: {}\n", ran.step, failure.message));
            for capsule in failure.capsule.iter().filter(|path| Utf8Path::new(path).exists()) {
                text.push_str(&format!("    capsule: {capsule}\n"));
            }
        }
    }
    text
}

/// Shows the state of a case on this machine.
pub fn status(common: &Common) -> Result<i32> {
    let setting = Setting::gather_without_sources(common, None)?;
    let case = &setting.case().metadata.name;
    let installed = installed(&setting)?;
    runlog::readable(&setting.layout.state)?;
    let former = former(&setting, &installed)?;
    let runs = last_runs(&setting.layout.state);
    let account = last_account(&setting.layout.state);
    let present = running::look(&setting.layout.state);
    if common.json {
        let encoding = |error| Error::internal(format!("failed to encode the status: {error}"));
        let mut reports = Vec::new();
        for LastRun { began, report, .. } in &runs {
            let mut report = serde_json::to_value(report).map_err(encoding)?;
            report["began"] = json!(exec::utc::told(*began));
            reports.push(report);
        }
        let value = json!({
            "schema": 1,
            "case": case,
            "layout": setting.layout,
            "running": present.as_ref().map(Present::json),
            "components": installed.iter().map(|installed| installed.json(case)).collect::<Vec<_>>(),
            "former": former.iter().map(|installed| installed.json(case)).collect::<Vec<_>>(),
            "account": account.as_ref().map(|(_, account)| account),
            "last_runs": reports,
        });
        out::json(&value)?;
        return Ok(exit::OK);
    }
    let mut text = format!("case {case}\n");
    present.iter().for_each(|present| text.push_str(&present.text()));
    installed.iter().for_each(|installed| text.push_str(&installed.line(case)));
    former.iter().for_each(|former| text.push_str(&former_lines(common, &setting, former)));
    runs.iter().rev().for_each(|run| text.push_str(&run_lines(run, present.as_ref())));
    if let Some((when, account)) = &account {
        text.push_str(&format!("what the case asked for, build of {}\n", exec::utc::told(*when)));
        text.push_str(&report::account_text(account, Style::Plain));
    }
    let layout = &setting.layout;
    text.push_str(&format!(
        "logs {}\nartifacts {}\nlock {}\n",
        layout.state.join("logs"),
        layout.artifacts,
        layout.lock
    ));
    print(&text)?;
    Ok(exit::OK)
}
