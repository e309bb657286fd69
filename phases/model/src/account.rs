//! What a case asks for, each with its place, and what became of it: done, failed though it may, left out by the user,
//! not for this machine. What has none of these answers is missing, and the run fails.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::asked::{Kind, Request};
use crate::plan::{Action, Plan, Verify};
use crate::{ComponentName, StepId};

/// What a verification found out about one request, written beside its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Apart {
    /// What kind of thing.
    pub kind: Kind,
    /// Which of the component's, from 0.
    pub number: usize,
    /// Why it is not held against the machine.
    pub why: String,
}

/// The record of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Requests that are not for this machine.
    #[serde(default)]
    pub apart: Vec<Apart>,
}

/// How the step ended that answers for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Well, in this run or an earlier one.
    Well,
    /// The user left it out.
    Skipped,
    /// Not, or what it needs did not.
    Failed,
}

/// What became of a request that is not simply there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// It may fail, and did.
    OptionalFailed,
    /// `--only` or `--skip` leaves it out.
    Skipped,
    /// Its marker is false, or it is a check for another level or another machine.
    NotHere {
        /// Why.
        why: String,
    },
    /// Nothing answers for it.
    Missing {
        /// What was looked for.
        why: String,
    },
}

/// A request with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// What was asked for.
    #[serde(flatten)]
    pub request: Request,
    /// What became of it.
    #[serde(flatten)]
    pub answer: Answer,
}

/// The account at the end of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// How much was asked for, by kind.
    pub asked: BTreeMap<Kind, usize>,
    /// All that is not simply there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<Exception>,
}

impl Account {
    /// What nothing answers for.
    pub fn missing(&self) -> impl Iterator<Item = (&Request, &str)> {
        self.exceptions.iter().filter_map(|exception| match &exception.answer {
            Answer::Missing { why } => Some((&exception.request, why.as_str())),
            _ => None,
        })
    }
}

/// What is there, for [`account`].
pub trait Records {
    /// How a step ended.
    fn ended(&self, step: &StepId) -> Ended;
    /// Whether a component has a manifest in a prefix.
    fn installed(&self, step: &Action) -> bool;
    /// What the verification of a component wrote down.
    fn verified(&self, component: &ComponentName) -> Verified;
}

/// Compares what is asked for with what is there.
pub fn account(plan: &Plan, records: &dyn Records) -> Account {
    let steps = Steps::of(plan);
    let mut verified: BTreeMap<&ComponentName, Verified> = BTreeMap::new();
    let mut account = Account::default();
    for request in &plan.asked {
        *account.asked.entry(request.kind).or_default() += 1;
        let answer = steps.answer(request, records).or_else(|| {
            let record = verified.entry(&request.of).or_insert_with(|| records.verified(&request.of));
            let of_this = |apart: &&Apart| apart.kind == request.kind && Some(apart.number) == request.number;
            let apart = record.apart.iter().find(of_this)?;
            Some(Answer::NotHere { why: apart.why.clone() })
        });
        let exception = answer.map(|answer| Exception { request: request.clone(), answer });
        account.exceptions.extend(exception);
    }
    account
}

/// The steps that answer for requests.
struct Steps<'a> {
    /// Those that install a component, else those that verify it.
    installing: BTreeMap<&'a ComponentName, (&'a StepId, &'a Action)>,
    verifying: BTreeMap<&'a ComponentName, (&'a StepId, &'a Verify)>,
    optional: BTreeSet<&'a StepId>,
}

impl<'a> Steps<'a> {
    fn of(plan: &'a Plan) -> Self {
        let mut found =
            Self { installing: BTreeMap::new(), verifying: BTreeMap::new(), optional: BTreeSet::new() };
        for step in &plan.steps {
            if step.optional {
                found.optional.insert(&step.id);
            }
            match &step.action {
                Action::Commit(commit) => {
                    found.installing.insert(&commit.component, (&step.id, &step.action));
                }
                Action::InstallWheels(wheels) => {
                    found.installing.insert(&wheels.component, (&step.id, &step.action));
                }
                Action::Verify(verify) => {
                    found.verifying.insert(&verify.component, (&step.id, verify));
                    found.installing.entry(&verify.component).or_insert((&step.id, &step.action));
                }
                _ => {}
            }
        }
        found
    }

    /// None: it is there, as far as steps tell.
    fn answer(&self, request: &Request, records: &dyn Records) -> Option<Answer> {
        let missing = |why: String| Some(Answer::Missing { why });
        let Some((installing, action)) = self.installing.get(&request.of) else {
            return missing(format!("no step installs {}", request.of));
        };
        let of_step = |step: &StepId| match records.ended(step) {
            Ended::Well => None,
            Ended::Skipped => Some(Answer::Skipped),
            Ended::Failed if self.optional.contains(step) => Some(Answer::OptionalFailed),
            Ended::Failed => Some(Answer::Missing { why: format!("{step} did not succeed") }),
        };
        if let Some(answer) = of_step(installing) {
            return Some(answer);
        }
        if !records.installed(action) {
            return missing(format!("{} has no manifest where it is installed", request.of));
        }
        if matches!(request.kind, Kind::Component | Kind::Option) {
            return None;
        }
        let Some((step, verify)) = self.verifying.get(&request.of) else {
            return missing(format!("no step verifies {}", request.of));
        };
        let number = request.number.unwrap_or(usize::MAX);
        let held = match request.kind {
            Kind::Check => verify.checks.get(number).map(|check| check.level()),
            _ => verify.requirements.get(number).map(|_| verify.level),
        };
        match held {
            None => missing(format!("{step} does not look for it")),
            Some(level) if level > verify.level => {
                let level = serde_json::to_value(level).unwrap_or_default();
                let why = format!("for verifications of level {}", level.as_str().unwrap_or_default());
                of_step(step).or(Some(Answer::NotHere { why }))
            }
            Some(_) => of_step(step),
        }
    }
}

/// Where the case asks for what a failure is about: options that its message or excerpt names, or the check that did
/// not hold.
pub fn asked_at(plan: &Plan, of: &ComponentName, said: &[&str], check: Option<usize>) -> Vec<String> {
    let named = |what: &str| {
        let name = what.split('=').next().unwrap_or(what);
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        said.iter().any(|line| {
            line.match_indices(name).any(|(at, found)| {
                let (before, after) = (&line[..at], &line[at + found.len()..]);
                // `-DNAME` names it too.
                let begins = before.ends_with("-D") || !before.ends_with(is_part);
                begins && !after.starts_with(is_part)
            })
        })
    };
    let of_it = plan.asked.iter().filter(|request| request.of == *of);
    let found = of_it.filter(|request| match request.kind {
        Kind::Option => named(&request.what),
        Kind::Check => check.is_some() && request.number == check,
        Kind::Component | Kind::Requirement => false,
    });
    found
        .map(|request| format!("{} asks for the {} `{}`", request.place, request.kind.word(), request.what))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Known {
        skipped: Vec<&'static str>,
        failed: Vec<&'static str>,
        gone: bool,
        apart: Vec<Apart>,
    }

    impl Records for Known {
        fn ended(&self, step: &StepId) -> Ended {
            match step.as_str() {
                id if self.skipped.contains(&id) => Ended::Skipped,
                id if self.failed.contains(&id) => Ended::Failed,
                _ => Ended::Well,
            }
        }

        fn installed(&self, _: &Action) -> bool {
            !self.gone
        }

        fn verified(&self, _: &ComponentName) -> Verified {
            Verified { apart: self.apart.clone() }
        }
    }

    fn plan(asked: serde_json::Value) -> Plan {
        let step = |id: &str, optional: bool, action: serde_json::Value| {
            serde_json::json!({ "id": id, "phase": "build", "title": "", "action": action, "freshness":
                "fingerprinted", "network": "denied", "optional": optional })
        };
        let verify = |checks: serde_json::Value| {
            serde_json::json!({ "kind": "verify", "component": "x", "prefix": "/p", "environment": {},
                "directory": "/s", "checks": checks })
        };
        let check = serde_json::json!({ "kind": "run", "command": ["true"] });
        let device = serde_json::json!({ "kind": "run", "command": ["true"], "level": "device" });
        let commit = serde_json::json!({ "kind": "commit", "component": "x", "case": "c", "version": null,
            "staging": "/t", "prefix": "/p", "library_directories": [], "forbidden_paths": [] });
        serde_json::from_value(serde_json::json!({
            "schema": 1, "case": "c", "phase": "build", "target": "t", "notes": [],
            "steps": [step("build/x/commit", true, commit), step("build/x/verify", true, verify(serde_json::json!([check, device])))],
            "asked": asked,
        }))
        .unwrap()
    }

    fn request(kind: &str, what: &str, number: Option<usize>) -> serde_json::Value {
        serde_json::json!({ "kind": kind, "of": "x", "what": what, "place": "case.toml:3", "number": number })
    }

    #[test]
    fn every_request_has_an_answer_or_is_missing() {
        let asked = serde_json::json!([
            request("component", "x", None),
            request("option", "A=ON", None),
            request("check", "true", Some(0)),
            request("check", "true", Some(1)),
            request("check", "lost", Some(2)),
            { "kind": "component", "of": "y", "what": "y", "place": "case.toml:9" },
        ]);
        let plan = plan(asked);
        let known = Known { skipped: vec![], failed: vec![], gone: false, apart: vec![] };
        let found = account(&plan, &known);
        assert_eq!(found.asked[&Kind::Check], 3);
        let missing: Vec<&str> = found.missing().map(|(request, _)| request.what.as_str()).collect();
        assert_eq!(missing, ["lost", "y"]);
        assert!(matches!(&found.exceptions[0].answer, Answer::NotHere { why } if why.contains("device")));

        let skipped = Known { skipped: vec!["build/x/commit"], ..known };
        let found = account(&plan, &skipped);
        assert_eq!(found.exceptions.iter().filter(|found| found.answer == Answer::Skipped).count(), 5);
        let failed = Known { skipped: vec![], failed: vec!["build/x/commit"], gone: false, apart: vec![] };
        let found = account(&plan, &failed);
        assert_eq!(found.exceptions.iter().filter(|found| found.answer == Answer::OptionalFailed).count(), 5);
        let gone = Known { skipped: vec![], failed: vec![], gone: true, apart: vec![] };
        assert_eq!(account(&plan, &gone).missing().count(), 6);
        let apart = vec![Apart { kind: Kind::Check, number: 0, why: "no driver".to_owned() }];
        let apart = Known { skipped: vec![], failed: vec![], gone: false, apart };
        let found = account(&plan, &apart);
        assert!(matches!(&found.exceptions[0].answer, Answer::NotHere { why } if why == "no driver"));
    }

    #[test]
    fn what_a_failure_is_about_is_found_in_the_case() {
        let plan = plan(serde_json::json!([
            request("option", "WITH_X=ON", None),
            request("option", "WITH_XY=ON", None),
            request("check", "true", Some(1)),
        ]));
        let found = asked_at(&plan, &"x".into(), &["-DWITH_X=ON was not enabled"], None);
        assert_eq!(found, ["case.toml:3 asks for the option `WITH_X=ON`"]);
        assert_eq!(asked_at(&plan, &"x".into(), &["no"], Some(1)).len(), 1);
        assert!(asked_at(&plan, &"y".into(), &["WITH_X"], None).is_empty());
    }
}
