//! The account at the end of a phase: what the case asks for against what the records say is there.

use model::account::{Account, Answer, Ended, Records, Verified, account};
use model::event::{Event, FailureKind, Verdict};
use model::layout::Layout;
use model::plan::{Action, Phase, Plan};
use model::site::Site;
use model::{ComponentName, StepId};

use super::out::Out;
use super::secrets::redactor;
use crate::files;
use crate::runner::StepError;

/// What the records of this machine say.
struct Here<'a> {
    ended: &'a dyn Fn(&StepId) -> Ended,
    layout: &'a Layout,
}

impl Records for Here<'_> {
    fn ended(&self, step: &StepId) -> Ended {
        (self.ended)(step)
    }

    fn installed(&self, action: &Action) -> bool {
        let (prefix, component) = match action {
            Action::Commit(commit) => (&commit.prefix, &commit.component),
            Action::InstallWheels(wheels) => (&wheels.environment, &wheels.component),
            Action::Verify(verify) => (&verify.prefix, &verify.component),
            _ => return false,
        };
        Layout::manifests(prefix).join(format!("{component}.json")).is_file()
    }

    fn verified(&self, component: &ComponentName) -> Verified {
        // The record of an older version says less; what it does not say is simply there.
        files::read_cache(&self.layout.verified(component)).unwrap_or_default()
    }
}

/// Tells the account of a phase that ended well, and with which failure it ends after all.
///
/// # Errors
/// When the event cannot be written.
pub(super) fn tell(
    plan: &Plan,
    verdict: Verdict,
    ended: &dyn Fn(&StepId) -> Ended,
    place: (&Layout, &Site),
    out: &mut Out<'_>,
) -> Result<Option<FailureKind>, StepError> {
    let well = matches!(verdict, Verdict::Done | Verdict::NothingToDo);
    if !well || plan.phase != Phase::Build || plan.asked.is_empty() {
        return Ok(None);
    }
    let (layout, site) = place;
    let mut found = account(plan, &Here { ended, layout });
    if !found.exceptions.is_empty() {
        redact(&mut found, plan, site);
    }
    let missing = found.missing().next().is_some();
    out.event(Event::Account(found))?;
    Ok(missing.then_some(FailureKind::Verify))
}

/// Options may have secrets in them.
fn redact(account: &mut Account, plan: &Plan, site: &Site) {
    let redactor = redactor(plan, site);
    for exception in &mut account.exceptions {
        exception.request.what = redactor.redact(&exception.request.what).into_owned();
        if let Answer::NotHere { why } | Answer::Missing { why } = &mut exception.answer {
            *why = redactor.redact(why).into_owned();
        }
    }
}
