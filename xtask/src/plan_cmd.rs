//! `plan`, `--dry-run`, `explain`, `deps --print-root-commands`: readings of a plan and its assessment.

use std::collections::BTreeSet;
use std::io::IsTerminal;

use engine::{Assessment, Selection, StandaloneContext, State, assess};
use model::exit;
use model::fingerprint::Difference;
use model::plan::{Action, EnsurePackages, Plan};
use model::visible::visible;
use report::{PackageCost, PlanOptions, PlanRow, RowState};
use serde_json::json;

use crate::args::{Common, PhaseArg};
use crate::dispatch::Dispatch;
use crate::error::{Error, Result};
use crate::load::Setting;
use crate::out::{self, print_coloured, print_data};
use crate::shown::style;
use crate::steps::{known_words, meant};

struct Assessed {
    plan: Plan,
    assessment: Assessment,
}

impl Assessed {
    /// As a terminal may show it: titles, notes and commands are the case's.
    fn visible(&self) -> Result<Self> {
        let plan = report::cleaned(&self.plan)
            .map_err(|error| Error::internal(format!("failed to show the plan: {error}")))?;
        let shown = |text: &str| visible(text).into_owned();
        let mut assessment = self.assessment.clone();
        for row in &mut assessment.rows {
            row.why = shown(&row.why);
            row.warnings.iter_mut().for_each(|warning| *warning = shown(warning));
            for Difference { what, before, after, files } in &mut row.differences {
                let values = std::iter::once(what).chain(before).chain(after).chain(files);
                values.for_each(|value| *value = shown(value));
            }
        }
        Ok(Self { plan: plan.into_owned(), assessment })
    }
}

fn assess_phases(setting: &Setting, common: &Common, phase: PhaseArg) -> Result<Vec<Assessed>> {
    let selection = Selection { only: common.only.clone(), skip: common.skip.clone() };
    let plans = phase.phases().iter().map(|phase| setting.plan(*phase)).collect::<Result<Vec<Plan>>>()?;
    known_words(&selection, &plans, setting)?;
    plans
        .into_iter()
        .map(|plan| {
            let selection = selection.of_phase(plan.phase, setting.case());
            let plan = selection.narrowed(&plan).into_owned();
            let assessment = assess(&plan, &Dispatch::new(), &setting.world(), &selection)?;
            Ok(Assessed { plan, assessment })
        })
        .collect()
}

fn rows<'a>(assessed: &'a Assessed, context: Option<&StandaloneContext<'_>>) -> Result<Vec<PlanRow<'a>>> {
    assessed
        .plan
        .steps
        .iter()
        .zip(&assessed.assessment.rows)
        .map(|(step, row)| {
            let cost = match (&step.action, context) {
                (Action::EnsurePackages(action), Some(context)) if row.state == State::Stale => {
                    let cost = deps::packages::package_cost(action, context)?;
                    Some(PackageCost {
                        missing: missing(action, context)?,
                        packages: cost.as_ref().map(|cost| cost.packages),
                        download_bytes: cost.as_ref().and_then(|cost| cost.download_bytes),
                        installed_bytes: cost.as_ref().and_then(|cost| cost.installed_bytes),
                    })
                }
                _ => None,
            };
            Ok(PlanRow {
                step,
                state: match row.state {
                    State::Fresh => RowState::Fresh,
                    State::Stale => RowState::WillRun,
                    State::Follows => RowState::MayRun,
                    State::NotSelected => RowState::NotSelected,
                },
                why: row.why.clone(),
                differences: row.differences.clone(),
                cost,
                warnings: row.warnings.clone(),
            })
        })
        .collect()
}

/// The packages that a run would name to the package manager.
fn missing(action: &EnsurePackages, context: &StandaloneContext<'_>) -> Result<Vec<String>> {
    let known: BTreeSet<&String> = action.needs.iter().flat_map(|need| &need.packages).collect();
    let commands = deps::packages::commands(action, context)?;
    Ok(commands.into_iter().flatten().filter(|word| known.contains(word)).collect())
}

/// `plan`, `plan build`, `plan mine`, `plan build mine`.
pub fn phase_and_case(words: &[String]) -> Result<(PhaseArg, Option<&str>)> {
    let phase = words.first().and_then(|word| PhaseArg::named(word));
    match (phase, words) {
        (None, []) => Ok((PhaseArg::All, None)),
        (None, [case]) => Ok((PhaseArg::All, Some(case))),
        (Some(phase), [_]) => Ok((phase, None)),
        (Some(phase), [_, case]) => Ok((phase, Some(case))),
        _ => Err(Error::usage(format!("`{}` is not a phase", words.first().map_or("", String::as_str)))
            .with_help("installer plan [deps|build|all] [CASE]")),
    }
}

/// Shows what a run would do.
pub fn plan(common: &Common, phase: PhaseArg, positional: Option<&str>) -> Result<i32> {
    let setting = Setting::gather(common, positional)?;
    let phases = assess_phases(&setting, common, phase)?;
    let pending = phases.iter().any(|assessed| assessed.assessment.pending());
    let world = setting.world();
    let context = StandaloneContext::new(&world)?;
    if common.json {
        let mut plans = Vec::new();
        for assessed in &phases {
            let rows = rows(assessed, Some(&context))?;
            let plan = &assessed.plan;
            let document = json!({
                "schema": plan.schema,
                "case": plan.case,
                "phase": plan.phase,
                "target": plan.target,
                "digest": plan.digest(),
                "notes": plan.notes,
                "warnings": plan.warnings,
                "steps": rows.iter().map(row_json).collect::<Vec<_>>(),
            });
            plans.push(out::redacted(document, &engine::redactor(plan, &setting.site)));
        }
        out::json(&json!({ "plans": plans, "pending": pending }))?;
    } else {
        let options =
            PlanOptions { style: style(common, std::io::stdout().is_terminal()), verbose: common.verbose };
        for assessed in &phases {
            let assessed = &assessed.visible()?;
            let text = report::plan_text(&assessed.plan, &rows(assessed, Some(&context))?, options);
            print_coloured(&engine::redactor(&assessed.plan, &setting.site).redact_lines(&text))?;
        }
    }
    Ok(if pending && common.detailed_exitcode { exit::CHANGES_PENDING } else { exit::OK })
}

fn row_json(row: &PlanRow<'_>) -> serde_json::Value {
    json!({
        "step": row.step,
        "state": row.state.as_str(),
        "why": row.why,
        "differences": row.differences,
        "warnings": row.warnings,
        "cost": row.cost.as_ref().map(|cost| json!({
            "missing": cost.missing,
            "packages": cost.packages,
            "download_bytes": cost.download_bytes,
            "installed_bytes": cost.installed_bytes,
        })),
    })
}

/// Shows one step.
pub fn explain(common: &Common, wanted: &str) -> Result<i32> {
    let setting = Setting::gather(common, None)?;
    let phases = assess_phases(&setting, common, PhaseArg::All)?;
    // A step that both plans have (unpacking) is explained from the first in which it would run.
    let places: Vec<(&Assessed, usize)> = phases
        .iter()
        .filter_map(|assessed| {
            Some((assessed, assessed.plan.steps.iter().position(|step| step.id.as_str() == wanted)?))
        })
        .collect();
    let runs = |place: &&(&Assessed, usize)| place.0.assessment.rows[place.1].state != State::Fresh;
    let Some(&(assessed, at)) = places.iter().find(runs).or(places.first()) else {
        let steps = phases.iter().flat_map(|assessed| &assessed.plan.steps);
        return Err(Error::usage(format!("there is no step `{wanted}`")).with_help(format!(
            "{} (`installer plan {}` lists all)",
            meant(steps, wanted),
            setting.whole_case
        )));
    };
    let rows = rows(assessed, None)?;
    let log = setting.layout.step_log(&rows[at].step.id);
    let log = log.is_file().then_some(log.as_path());
    let redactor = engine::redactor(&assessed.plan, &setting.site);
    if common.json {
        let id = &rows[at].step.id;
        let needed_by: Vec<_> = assessed.plan.steps.iter().filter(|step| step.needs.contains(id)).collect();
        let mut document = row_json(&rows[at]);
        document["schema"] = 1.into();
        document["case"] = json!(assessed.plan.case);
        document["phase"] = json!(assessed.plan.phase);
        document["target"] = json!(assessed.plan.target);
        document["needed_by"] = needed_by.iter().map(|step| step.id.as_str()).collect();
        document["log"] = json!(log);
        out::json(&out::redacted(document, &redactor))?;
        return Ok(exit::OK);
    }
    let options =
        PlanOptions { style: style(common, std::io::stdout().is_terminal()), verbose: common.verbose };
    let assessed = assessed.visible()?;
    let rows = self::rows(&assessed, None)?;
    // People paste this into tickets.
    let text = report::explain_text(&assessed.plan, &rows[at], log, options);
    print_coloured(&redactor.redact_lines(&text))?;
    Ok(exit::OK)
}

/// Prints what an administrator has to run for `deps`.
pub fn root_commands(common: &Common, positional: Option<&str>) -> Result<i32> {
    let setting = Setting::gather(common, positional)?;
    let plan = setting.plan(model::plan::Phase::Deps)?;
    let world = setting.world();
    let context = StandaloneContext::new(&world)?;
    let commands = deps::root_commands(&plan, &context)?;
    if common.json {
        out::json(&json!({ "schema": 1, "commands": commands }))?;
        return Ok(exit::OK);
    }
    if commands.is_empty() {
        crate::out::say("nothing must be run as root");
    }
    for command in commands {
        print_data(&format!("{command}\n"))?;
    }
    Ok(exit::OK)
}
