//! Carries out the actions of `deps`, and those of `build` that share their code.

use camino::Utf8Path;
use engine::runner::{Context, Observation, Runner, StepError};
use model::event::FailureKind;
use model::plan::{Action, Phase, Preflight, Step};

use crate::needs::{self, Machine};
use crate::{crates_fetch, network, packages, python, sources, toolchains};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct DepsRunner;

impl DepsRunner {
    /// Whether a step is for this runner: all of phase `deps`, and unpacking sources and installing wheels in `build`.
    pub fn handles(step: &Step) -> bool {
        step.phase == Phase::Deps
            || matches!(
                step.action,
                Action::UnpackSource(_) | Action::InstallWheels(_) | Action::StageWheels(_)
            )
    }
}

impl Runner for DepsRunner {
    fn observe(&self, step: &Step, context: &dyn Context) -> Result<Observation, StepError> {
        match &step.action {
            Action::EnsurePackages(action) => packages::observe(action, context),
            Action::EnsureToolchain(action) => toolchains::observe(action, context),
            Action::FetchSource(action) => sources::observe(action, context),
            Action::Preflight(action) => look(action, context),
            _ => Err(foreign(step)),
        }
    }

    fn run(&self, step: &Step, context: &dyn Context) -> Result<(), StepError> {
        let done = carry_out(step, context);
        if step.phase != Phase::Deps {
            return done;
        }
        done.map_err(|error| network::explain(error, &context.layout().step_log(&step.id), context))
    }

    fn broken(&self, step: &Step, context: &dyn Context) -> Result<Option<String>, StepError> {
        match &step.action {
            Action::InstallWheels(action) => python::record::broken(action, context),
            Action::FetchWheels(action) => python::fetch::broken(action, context),
            Action::FetchCrates(action) => Ok(crates_fetch::broken(action, &step.outputs)),
            _ => Ok(None),
        }
    }
}

fn carry_out(step: &Step, context: &dyn Context) -> Result<(), StepError> {
    match &step.action {
        Action::EnsurePackages(action) => packages::run(action, context),
        Action::EnsureToolchain(action) => toolchains::run(action, context),
        Action::FetchCrates(action) => crates_fetch::run(action, &step.outputs, context),
        Action::FetchSource(action) => sources::fetch(action, context),
        Action::FetchWheels(action) => python::fetch::run(action, context),
        Action::InstallWheels(action) => python::install::run(action, context),
        Action::StageWheels(action) => python::stage::run(action, context),
        Action::Preflight(action) => {
            let seen = look(action, context)?;
            if seen.holds() {
                return Ok(());
            }
            let (what, cures): (Vec<String>, Vec<String>) =
                seen.findings.into_iter().map(|finding| (finding.what, finding.cure)).unzip();
            Err(StepError::of_kind(FailureKind::Preflight, what.join("; "), cures))
        }
        Action::UnpackSource(action) => sources::unpack(action, context),
        _ => Err(foreign(step)),
    }
}

/// The part of a preflight that `deps` plans: programs and modules that its own steps run.
fn look(action: &Preflight, context: &dyn Context) -> Result<Observation, StepError> {
    let root = Utf8Path::new("/");
    let machine = Machine::read(root, action.manager.as_deref(), context).map_err(|error| {
        StepError::new(
            format!("failed to read the package database: {error}"),
            format!("name the package manager with {}", model::distribution::HOW_TO_SAY),
        )
    })?;
    let host = machine.host(root, &action.prefixes, context);
    let mut seen = needs::observed(action.needs.iter().map(|need| (need, needs::check(need, &host))));
    // An interpreter that is not there was told of above.
    if let Some(required) = action.python.as_ref().filter(|_| seen.holds()) {
        let other = python::require::observe(required, context)?;
        seen.findings.extend(other.findings);
        seen.found.extend(other.found);
    }
    Ok(seen)
}

fn foreign(step: &Step) -> StepError {
    StepError::new(
        format!("`deps` cannot carry out step {}", step.id),
        "this is a defect of installer: please report it with the case",
    )
}
