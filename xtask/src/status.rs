//! `status`: what is installed, and how the last runs ended.

use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use engine::runlog;
use model::compatibility::short_commit;
use model::event::{Outcome, Verdict};
use model::exit;
use model::manifest::{CheckoutState, Manifest};
use model::plan::Phase;
use model::report::Report;
use report::text::count;
use serde_json::json;

use crate::args::Common;
use crate::error::{Error, Result};
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

/// The last run of each phase that did something, and when it began, the newest first.
fn last_runs(state: &Utf8Path) -> Vec<(SystemTime, Report)> {
    let logs = runlog::list(state);
    let last = |phase: Phase| {
        let ending = format!("-{}", phase.as_str());
        logs.iter().rev().find_map(|path| {
            let millis = path.file_stem()?.strip_suffix(&ending)?.parse().ok()?;
            let mut report = Report::default();
            runlog::read(path).iter().for_each(|timed| report.fold(timed));
            // A preflight that did not hold begins no run.
            report.phase = Some(phase);
            Some((SystemTime::UNIX_EPOCH + Duration::from_millis(millis), report))
        })
    };
    let mut runs: Vec<_> = [Phase::Deps, Phase::Build].into_iter().filter_map(last).collect();
    runs.sort_by_key(|(began, _)| std::cmp::Reverse(*began));
    runs
}

fn run_lines(began: SystemTime, report: &Report) -> String {
    let phase = report.phase.map_or("run", Phase::as_str);
    let how = match report.verdict {
        Some(Verdict::Done) => "done",
        Some(Verdict::NothingToDo) => "nothing to do",
        Some(Verdict::Failed) => "failed",
        Some(Verdict::Cancelled) => "cancelled",
        None => "was killed or is still running",
    };
    let well = report.ran.iter().filter(|ran| ran.outcome == Outcome::Done).count();
    let ran = count(well, "step");
    let mut text = format!("last {phase}, {}: {how}, {ran} ran\n", exec::utc::told(began));
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
    let runs = last_runs(&setting.layout.state);
    if common.json {
        let encoding = |error| Error::internal(format!("failed to encode the status: {error}"));
        let mut reports = Vec::new();
        for (began, report) in &runs {
            let mut report = serde_json::to_value(report).map_err(encoding)?;
            report["began"] = json!(exec::utc::told(*began));
            reports.push(report);
        }
        let value = json!({
            "schema": 1,
            "case": case,
            "layout": setting.layout,
            "components": installed.iter().map(|installed| installed.json(case)).collect::<Vec<_>>(),
            "last_runs": reports,
        });
        out::json(&value)?;
        return Ok(exit::OK);
    }
    let mut text = format!("case {case}\n");
    installed.iter().for_each(|installed| text.push_str(&installed.line(case)));
    runs.iter().rev().for_each(|(began, report)| text.push_str(&run_lines(*began, report)));
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
