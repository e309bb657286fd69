//! `verify --json`: what holds, component by component and check by check.

use engine::Observer;
use exec::Redactor;
use model::StepId;
use model::event::{BY_HASH_ONLY, Event, Outcome, SkipReason, Timed};
use model::plan::{Action, Plan, Step};
use report::Next;
use serde_json::{Value, json};

use crate::args::{Common, Progress};
use crate::error::Result;
use crate::load::Setting;
use crate::out;
use crate::shown::Shown;

/// Shows events as they come, and keeps those that say how things are.
pub struct Kept {
    shown: Shown,
    events: Vec<Event>,
}

impl Kept {
    /// One document and a stream of events do not go to one standard output.
    pub fn new(common: &Common, next: Next) -> Self {
        let quiet = common.json && common.progress == Progress::Json;
        let progress = if quiet { Progress::Quiet } else { common.progress };
        let shown = Shown::new(&Common { progress, ..common.clone() }, next);
        Self { shown, events: Vec::new() }
    }

    pub fn finish(mut self) -> Vec<Event> {
        self.shown.finish();
        self.events
    }
}

impl Observer for Kept {
    fn event(&mut self, timed: &Timed) {
        self.shown.event(timed);
        if !matches!(timed.event, Event::Output { .. } | Event::Progress { .. }) {
            self.events.push(timed.event.clone());
        }
    }

    fn tick(&mut self, now_ms: u64) {
        self.shown.tick(now_ms);
    }
}

/// Prints the document.
pub fn print(setting: &Setting, plan: &Plan, missing: &[(StepId, String)], events: &[Event]) -> Result<()> {
    out::json(&document(plan, missing, events, &engine::redactor(plan, &setting.site)))
}

fn document(plan: &Plan, missing: &[(StepId, String)], events: &[Event], redactor: &Redactor) -> Value {
    let components: Vec<Value> =
        plan.steps.iter().filter_map(|step| component(step, missing, events)).collect();
    let bad = |component: &Value| {
        component["holds"] == false && (component["optional"] == false || component["installed"] == true)
    };
    let document = json!({
        "schema": 1,
        "case": plan.case,
        "target": plan.target,
        "holds": !components.iter().any(bad) && !components.iter().any(|one| one["holds"].is_null()),
        "components": components,
        "account": events.iter().find_map(|event| match event {
            Event::Account(account) => Some(account),
            _ => None,
        }),
    });
    out::redacted(document, redactor)
}

fn component(step: &Step, missing: &[(StepId, String)], events: &[Event]) -> Option<Value> {
    let Action::Verify(action) = &step.action else { return None };
    let absent = missing.iter().find(|(id, _)| *id == step.id).map(|(_, what)| what.clone());
    let ended = events.iter().find_map(|event| match event {
        Event::StepFinished { step: id, outcome, figures, .. } if *id == step.id => Some((outcome, figures)),
        _ => None,
    });
    let skipped = events.iter().any(|event| {
        matches!(event, Event::StepSkipped { step: id, why: SkipReason::Cancelled | SkipReason::NeedFailed { .. } } if *id == step.id)
    });
    let failure = match ended {
        Some((Outcome::Failed(failure), _)) => Some(failure),
        _ => None,
    };
    let (holds, why) = match (&absent, ended, failure) {
        (Some(absent), ..) => (Some(false), Some(absent.clone())),
        (None, _, Some(failure)) => (Some(false), Some(failure.message.clone())),
        (None, Some((Outcome::Done, _)), None) => (Some(true), None),
        (None, Some(_), None) => (None, Some("cancelled".to_owned())),
        (None, None, None) if skipped => (None, Some("not checked".to_owned())),
        // It may be missing, and is.
        (None, None, None) => (None, Some("not installed (optional)".to_owned())),
    };
    let installed = absent.is_none() && (ended.is_some() || skipped);
    let warnings: Vec<&String> = events
        .iter()
        .filter_map(|event| match event {
            Event::Warning { step: Some(id), message } if *id == step.id => Some(message),
            _ => None,
        })
        .collect();
    Some(json!({
        "component": if action.wheels { "python" } else { action.component.as_str() },
        "step": step.id,
        "prefix": action.prefix,
        "level": action.level,
        "optional": step.optional,
        "installed": installed,
        "holds": holds,
        "why": why,
        "help": failure.map_or_else(
            || absent.iter().map(|_| "run `installer all`".to_owned()).collect(),
            |failure| failure.cures.clone(),
        ),
        "files": ended.and_then(|(_, figures)| figures.get("files")),
        "checks": checks(step, events),
        "by_hash_only": ended.is_some_and(|(_, figures)| figures.contains_key(BY_HASH_ONLY)),
        "warnings": warnings,
    }))
}

fn checks(step: &Step, events: &[Event]) -> Vec<Value> {
    let Action::Verify(action) = &step.action else { return Vec::new() };
    let told = |wanted: usize| {
        events.iter().find_map(|event| match event {
            Event::Check { step: id, number, holds, why }
                if *id == step.id && usize::try_from(*number) == Ok(wanted) =>
            {
                Some((*holds, why.clone()))
            }
            _ => None,
        })
    };
    let each = action.checks.iter().enumerate().map(|(place, check)| {
        let number = place + 1;
        let (tried, holds, why) = match told(number) {
            Some((holds, why)) => (true, holds, why),
            None if check.level() > action.level => {
                let level = json!(check.level());
                (false, None, Some(format!("for level {}", level.as_str().unwrap_or_default())))
            }
            None => (false, None, Some("not tried".to_owned())),
        };
        json!({ "number": number, "check": check, "tried": tried, "holds": holds, "why": why })
    });
    each.collect()
}
