//! Hands each action to the library that carries it out.

use build::run::BuildRunner;
use camino::{Utf8Path, Utf8PathBuf};
use deps::needs::Machine;
use engine::runner::{Context, Finding, Observation, Runner, StepError};
use model::plan::{Need, Step};
use model::source_facts::PinnedRust;

/// The runner of all actions, made anew for each look and each run: it remembers what it found.
pub struct Dispatch {
    build: BuildRunner<'static>,
}

impl Dispatch {
    pub fn new() -> Self {
        Self { build: BuildRunner::new(&check_need, &find_rust, &deps::python::require::observe) }
    }
}

impl Runner for Dispatch {
    fn observe(&self, step: &Step, context: &dyn Context) -> Result<Observation, StepError> {
        if deps::DepsRunner::handles(step) {
            return deps::DepsRunner.observe(step, context);
        }
        self.build.observe(step, context)
    }

    fn run(&self, step: &Step, context: &dyn Context) -> Result<(), StepError> {
        if deps::DepsRunner::handles(step) {
            return deps::DepsRunner.run(step, context);
        }
        self.build.run(step, context)
    }

    fn broken(&self, step: &Step, context: &dyn Context) -> Result<Option<String>, StepError> {
        if deps::DepsRunner::handles(step) {
            return deps::DepsRunner.broken(step, context);
        }
        self.build.broken(step, context)
    }
}

/// Whether something that a build needs is there, as `deps` sees it.
fn check_need(
    need: &Need,
    prefixes: &[Utf8PathBuf],
    context: &dyn Context,
) -> Result<Option<String>, Finding> {
    let root = Utf8Path::new("/");
    let machine =
        Machine::read(root, context.target().package_manager.as_deref(), context).map_err(|error| {
            Finding {
                what: format!("failed to read the package database: {error}"),
                cure: "check that the package manager itself works".to_owned(),
            }
        })?;
    deps::needs::check(need, &machine.host(root, prefixes, context))
}

fn find_rust(pin: Option<&PinnedRust>, context: &dyn Context) -> Result<Option<(String, String)>, StepError> {
    let found = match pin {
        Some(pin) => deps::toolchains::pinned::find(pin, context)?,
        None => deps::toolchains::rust::find(context)?,
    };
    Ok(found.map(|rust| (rust.version.clone(), format!("{} ({})", rust.version, rust.cargo))))
}
