//! `doctor`: whether this place can do what it says. Looks, and changes nothing.

mod host;
mod place;

use exec::Redactor;
use model::exit;
use model::layout::Layout;
use model::site::Site;
use model::target::Target;
use serde::Serialize;

use crate::args::Common;
use crate::error::Result;
use crate::out::{self, print};
use crate::site::SiteFiles;
use crate::{invocation, layout, load, site};

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Ok,
    Warning,
    Failure,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
struct Check {
    area: &'static str,
    state: State,
    what: String,
    /// What to do, unless it is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
    /// What else there is to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<String>,
}

impl Check {
    fn new(area: &'static str, state: State, what: impl Into<String>, cure: Option<String>) -> Self {
        Self { area, state, what: what.into(), cure, details: Vec::new() }
    }

    fn ok(area: &'static str, what: impl Into<String>) -> Self {
        Self::new(area, State::Ok, what, None)
    }

    fn warning(area: &'static str, what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::new(area, State::Warning, what, Some(cure.into()))
    }

    fn failure(area: &'static str, what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::new(area, State::Failure, what, Some(cure.into()))
    }
}

/// What is looked at.
struct Patient {
    common: Common,
    files: SiteFiles,
    site: Site,
    target: Target,
    layout: Layout,
}

impl Patient {
    fn gather(common: &Common) -> Result<Self> {
        let environment = invocation::environment(common);
        let files = site::read(common, &environment)?;
        let target = load::probe(common, &files, &environment);
        let named = common
            .case
            .clone()
            .or_else(|| environment.get("DEPLOYMENT_CASE").filter(|name| !name.is_empty()).cloned());
        let (name, place) = match named {
            Some(wanted) => {
                let (loaded, place) = load::load_case(common, &wanted)?;
                (loaded.case.metadata.name, place)
            }
            None => (String::new(), None),
        };
        let layout = layout::resolve(common, &name, place.as_ref(), &target, &environment)?;
        let site = site::site(&files, environment, &layout, target.root);
        Ok(Self { common: common.clone(), files, site, target, layout })
    }
}

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
