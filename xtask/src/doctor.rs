//! `doctor`: whether this place can do what it says. Looks, and changes nothing.

mod check;
mod host;
mod place;

use exec::Redactor;
use model::exit;

use self::check::{Check, Patient, State};
use crate::args::Common;
use crate::error::Result;
use crate::out::{self, print};
use crate::site;

/// Looks at everything and says how it is; the exit code is that of preflight when something is a failure.
pub fn doctor(common: &Common) -> Result<i32> {
    let patient = Patient::gather(common)?;
    let mut checks = place::checks(&patient)?;
    checks.extend(host::checks(&patient)?);
    let redactor = Redactor::from_environment(&patient.site.told());
    let clean = |text: &str| site::redacted(text, &redactor);
    for check in &mut checks {
        check.what = clean(&check.what);
        check.cure = check.cure.as_deref().map(clean);
        check.details = check.details.iter().map(|line| clean(line)).collect();
    }
    let count = |state: State| checks.iter().filter(|check| check.state == state).count();
    let (failures, warnings) = (count(State::Failure), count(State::Warning));
    if common.json {
        out::json(&serde_json::json!({
            "schema": 1,
            "checks": checks,
            "failures": failures,
            "warnings": warnings,
        }))?;
    } else {
        print(&rendered(&checks, failures, warnings))?;
    }
    Ok(if failures > 0 { exit::PREFLIGHT } else { exit::OK })
}

fn rendered(checks: &[Check], failures: usize, warnings: usize) -> String {
    let mut text = String::new();
    for check in checks {
        let mark = match check.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Failure => "FAILURE",
        };
        text.push_str(&format!("{mark:<8} {:<12} {}\n", check.area, check.what));
        for line in &check.details {
            text.push_str(&format!("{:22}{line}\n", ""));
        }
        if let Some(cure) = &check.cure {
            text.push_str(&format!("{:22}help: {cure}\n", ""));
        }
    }
    text.push_str(&match (failures, warnings) {
        (0, 0) => "everything is in order\n".to_owned(),
        _ => format!("failures: {failures}, warnings: {warnings}\n"),
    });
    text
}
