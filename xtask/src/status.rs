//! `status`: what is installed, and how the last runs ended.

use engine::runlog;
use model::compatibility::short_commit;
use model::event::{Outcome, Verdict};
use model::exit;
use model::manifest::CheckoutState;
use model::report::Report;
use serde_json::json;

use crate::args::Common;
use crate::error::{Error, Result};
use crate::load::Setting;
use crate::out::print;

fn built_from(checkout: &CheckoutState) -> String {
    let changed = match checkout.dirty {
        Some(true) => " with changes",
        Some(false) => "",
        None => " (whether it had changes was not seen)",
    };
    format!(", from commit {}{changed}", short_commit(&checkout.commit))
}

/// Shows the state of a case on this machine.
pub fn status(common: &Common, as_json: bool) -> Result<i32> {
    let setting = Setting::gather(common, None)?;
    let mut components = Vec::new();
    for (name, component) in &setting.case().components {
        let prefix = component.prefix.clone().unwrap_or_else(|| setting.layout.prefix.clone());
        components.push((name, prefix.clone(), engine::manifest::load(&prefix, name)?));
    }
    let mut reports: Vec<Report> = Vec::new();
    for path in runlog::list(&setting.layout.state).iter().rev().take(2) {
        let mut report = Report::default();
        runlog::read(path).iter().for_each(|timed| report.fold(timed));
        reports.push(report);
    }
    if as_json {
        let components: Vec<serde_json::Value> = components
            .iter()
            .map(|(name, prefix, manifest)| {
                json!({
                    "component": name,
                    "prefix": prefix,
                    "installed": manifest.is_some(),
                    "version": manifest.as_ref().and_then(|manifest| manifest.version.clone()),
                    "checkout": manifest.as_ref().and_then(|manifest| manifest.checkout.clone()),
                    "files": manifest.as_ref().map_or(0, |manifest| manifest.files.len()),
                })
            })
            .collect();
        let value = json!({
            "case": setting.case().metadata.name,
            "layout": setting.layout,
            "components": components,
            "last_runs": reports,
        });
        let text = serde_json::to_string_pretty(&value)
            .map_err(|error| Error::internal(format!("failed to encode the status: {error}")))?;
        print(&format!("{text}\n"))?;
        return Ok(exit::OK);
    }
    let mut text = format!("case {}\n", setting.case().metadata.name);
    for (name, prefix, manifest) in components {
        text.push_str(&match manifest {
            Some(manifest) => format!(
                "  {name} {} in {prefix}: {} files{}\n",
                manifest.version.as_deref().unwrap_or("(no version)"),
                manifest.files.len(),
                manifest.checkout.as_ref().map_or_else(String::new, built_from)
            ),
            None => format!("  {name}: not installed in {prefix}\n"),
        });
    }
    for report in reports.iter().rev() {
        let phase = report.phase.map_or("?", model::plan::Phase::as_str);
        let how = match report.verdict {
            Some(Verdict::Done) => "done",
            Some(Verdict::NothingToDo) => "nothing to do",
            Some(Verdict::Failed) => "failed",
            Some(Verdict::Cancelled) => "cancelled",
            None => "was killed, or runs still",
        };
        text.push_str(&format!("last {phase}: {how}, {} steps ran\n", report.ran.len()));
        for ran in &report.ran {
            if let Outcome::Failed(failure) = &ran.outcome {
                text.push_str(&format!("  {} failed: {}\n", ran.step, failure.message));
                for capsule in failure.capsule.iter().filter(|path| std::path::Path::new(path).exists()) {
                    text.push_str(&format!("    capsule: {capsule}\n"));
                }
            }
        }
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
