//! `doctor`: whether this place can do what it says. Looks, and changes nothing.

mod check;
mod host;
mod online;
mod place;

use exec::Redactor;
use model::exit;
use report::text::count;

use self::check::{Check, Patient, State};
use self::online::Server;
use crate::args::Common;
use crate::error::{Error, Result};
use crate::invocation;
use crate::out::{self, print};
use crate::site;

/// Looks at everything and says how it is; the exit code is that of preflight when something is a failure.
pub fn doctor(common: &Common, online: bool) -> Result<i32> {
    if online && common.offline {
        return Err(Error::usage("--online and --offline contradict each other").with_help("leave one out"));
    }
    let patient = Patient::gather(common)?;
    let mut checks = place::checks(&patient, online);
    if online {
        checks.extend(online::checks(&patient)?);
    }
    checks.extend(host::checks(&patient)?);
    let redactor = Redactor::from_environment(&patient.site.told());
    let clean = |text: &str| site::redacted(text, &redactor);
    for check in &mut checks {
        check.what = clean(&check.what);
        check.cure = check.cure.as_deref().map(clean);
        check.details = check.details.iter().map(|line| clean(line)).collect();
    }
    let unseen = not_looked_at(common, &patient, online);
    let number = |state: State| checks.iter().filter(|check| check.state == state).count();
    let (failures, warnings) = (number(State::Failure), number(State::Warning));
    if common.json {
        out::json(&serde_json::json!({
            "schema": 1,
            "checks": checks,
            "not_looked_at": unseen.iter().map(|(what, _)| what).collect::<Vec<_>>(),
            "failures": failures,
            "warnings": warnings,
        }))?;
    } else {
        print(&(rendered(&checks, failures, warnings) + &told(&unseen)))?;
    }
    Ok(if failures > 0 { exit::PREFLIGHT } else { exit::OK })
}

/// What a machine may lack all the same, and what looks at that.
fn not_looked_at(common: &Common, patient: &Patient, online: bool) -> Vec<(String, String)> {
    let program = invocation::program();
    let arguments = match &patient.wanted {
        Some(wanted) => invocation::arguments(common, wanted, &[]),
        None => "CASE".to_owned(),
    };
    let mut unseen = Vec::new();
    if !online {
        let servers = online::servers(patient);
        let proxies = servers.iter().filter(|server| matches!(server, Server::Proxy(_))).count();
        let named = match proxies {
            1 => "1 proxy".to_owned(),
            several => format!("{several} proxies"),
        };
        let others = count(servers.len() - proxies, "other server");
        let typed = invocation::typed(common).into_iter().filter(|word| word != "--offline");
        let again = invocation::pasteable(&typed.collect::<Vec<_>>());
        unseen.push((
            format!("whether proxies, mirrors, indexes and the servers of a case answer ({named}, {others})"),
            format!("`{program} {again} --online` asks them"),
        ));
    }
    unseen.push((
        "tools, libraries and sources that a case needs".to_owned(),
        format!("`{program} plan {arguments}` says what is missing"),
    ));
    unseen.push(("what is installed".to_owned(), format!("`{program} verify {arguments}` checks it")));
    unseen
}

fn told(unseen: &[(String, String)]) -> String {
    let lines = unseen.iter().map(|(what, how)| format!("  {what}: {how}\n"));
    std::iter::once("not looked at:\n".to_owned()).chain(lines).collect()
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
        (0, 0) => "everything that was looked at is in order\n".to_owned(),
        _ => format!("failures: {failures}, warnings: {warnings}\n"),
    });
    text
}
