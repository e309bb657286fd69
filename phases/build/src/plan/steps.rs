//! The steps of one component, from configuring to verifying.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use engine::python_home::python_home;
use model::case::{Check, Driver, Generator};
use model::plan::{
    Action, Commit, Exec, ExpectEnabled, Filled, Input, Jobs, Keep, Phase, Scratch, StageFiles, Step, Verify,
};
use model::verify_level::VerifyLevel;
use model::{Digest, StepId};

use super::planned::Planned;
use super::settled::{Common, Ground};
use super::step::{step_id, template};
use super::{expect, gate, python};
use crate::built::Built;
use crate::environment::library_directories;
use crate::hooks;
use crate::subject::{Subject, holding};

/// What one `nvcc` with its device compilers takes at most times, in MiB.
const CUDA_MEMORY_MIB: u64 = 1536;

/// What one job takes of the memory where nothing is known, in MiB.
pub const USUAL_JOB_MIB: u64 = 512;

/// How long a component compiles of which nothing is known, in seconds on one core.
const WEIGHT: u32 = 60;

/// Plans the steps of a component, one after the other.
struct Steps<'a> {
    planned: &'a Planned<'a>,
    subject: &'a Subject<'a>,
    phase: Phase,
    found: Vec<Step>,
}

/// The steps from copying to verifying.
pub(super) fn of_component(
    phase: Phase,
    planned: &Planned<'_>,
    subject: &Subject<'_>,
    mut built: Built,
    ground: Ground,
    common: &Common<'_, '_>,
) -> Vec<Step> {
    let Ground { mut copies, before, inputs, placed } = ground;
    let python = common.python.as_ref();
    let uses_environment = python::needs_environment(subject.known, planned);
    let mut steps = Steps { planned, subject, phase, found: Vec::new() };
    let roots = std::mem::take(&mut built.roots);
    let filled = filled(subject, &built);
    let configured = steps.configure(&mut built, before, &inputs);
    let compiles = !built.compile.is_empty();
    let compiled = steps.compile(&mut built, configured, inputs);
    let staged = steps.stage(built, compiled, compiles);
    let committed = steps.commit(staged, roots, python);
    steps.verify(committed);
    for step in &mut steps.found {
        step.after.push(gate::id());
        // A wheel more or less does not change what is compiled.
        let waits = python.filter(|python| uses_environment && !step.needs.contains(python));
        step.after.extend(waits.cloned());
        if step.id == step_id(planned.name, "configure") {
            step.inputs.extend(placed.iter().cloned());
        }
        let needs = planned.component.needs.iter();
        let built_on = needs.filter(|need| step.needs.contains(&step_id(need, "commit")));
        step.proven = built_on.map(|need| step_id(need, "verify")).collect();
        step.optional = planned.component.optional;
        if matches!(step.action, Action::Exec(_)) {
            step.filled = Some(filled.clone());
        }
    }
    copies.append(&mut steps.found);
    copies
}

/// What fills its trees. Commands that a case spells out are known by their words: make, run by others, finds what the
/// first ones made and calls it up to date.
fn filled(subject: &Subject<'_>, built: &Built) -> Filled {
    let (driver, layout) = (subject.driver, subject.known.layout);
    let mut by = driver.as_str().to_owned();
    match driver {
        Driver::Cmake => {
            let make = subject.component.generator == Some(Generator::Make);
            by.push_str(if make { " make" } else { " ninja" });
        }
        Driver::Command => {
            let commands = built.configure.iter().chain(&built.compile);
            let words: Vec<_> = commands.map(|command| (&command.program, &command.args)).collect();
            by.push_str(&format!(" {}", Digest::of(format!("{words:?}")).short()));
        }
        _ => {}
    }
    let trees = vec![subject.build.clone(), layout.working_copy(subject.name)];
    Filled { trees, by, mark: layout.filled(subject.name) }
}

impl Steps<'_> {
    fn step(&self, verb: &str, title: String, action: Action) -> Step {
        template(self.phase, self.planned.name, verb, title, action)
    }

    /// Adds it, and says its id.
    fn add(&mut self, step: Step) -> StepId {
        let id = step.id.clone();
        self.found.push(step);
        id
    }

    fn build_tree(&self, keep: Keep) -> Scratch {
        Scratch { path: self.subject.build.clone(), keep }
    }

    /// Configures, and looks at what came of it. Says what compiling needs.
    fn configure(&mut self, built: &mut Built, mut before: Vec<StepId>, inputs: &[Input]) -> Vec<StepId> {
        let name = self.planned.name;
        let mut configured = None;
        if !built.configure.is_empty() {
            let commands = std::mem::take(&mut built.configure);
            let logs = std::mem::take(&mut built.logs);
            let action = Action::Exec(Exec { commands, logs });
            let mut configure = self.step("configure", format!("configure {name}"), action);
            configure.needs.clone_from(&before);
            configure.inputs = inputs.to_vec();
            configure.outputs = or_build_tree(std::mem::take(&mut built.configured), self.subject);
            let keep = if built.fresh_tree { Keep::UnlessReconfigured } else { Keep::UnlessKilled };
            configure.scratch = vec![self.build_tree(keep)];
            configure.weight = 10;
            let id = self.add(configure);
            before.push(id.clone());
            configured = Some(id);
        }
        let mut expectations = std::mem::take(&mut built.expectations);
        expectations.extend(expect::of(self.subject));
        if !expectations.is_empty() {
            let action = Action::ExpectEnabled(ExpectEnabled { expectations });
            let title = format!("check that the options of {name} took effect");
            let mut expect = self.step("expect", title, action);
            expect.needs = configured.map_or_else(|| before.clone(), |id| vec![id]);
            before.push(self.add(expect));
        }
        before
    }

    /// Compiles, if that is a step of its own. Says what staging needs.
    fn compile(&mut self, built: &mut Built, before: Vec<StepId>, inputs: Vec<Input>) -> Vec<StepId> {
        if built.compile.is_empty() {
            return before;
        }
        let Self { planned, subject, .. } = *self;
        let name = planned.name;
        let commands = std::mem::take(&mut built.compile);
        let action = Action::Exec(Exec { commands, logs: Vec::new() });
        let mut compile = self.step("compile", format!("compile {name}"), action);
        compile.needs = before;
        compile.inputs = inputs;
        compile.outputs = or_build_tree(std::mem::take(&mut built.compiled), subject);
        compile.scratch = vec![self.build_tree(built.keep.unwrap_or(Keep::UnlessKilled))];
        if matches!(planned.driver, Driver::Command | Driver::Xmake) {
            // make in the working copy is no more to be trusted after a kill than make in the build tree.
            let path = subject.known.layout.working_copy(name);
            compile.scratch.push(Scratch { path, keep: Keep::UnlessKilled });
        }
        compile.claims.jobs = built.jobs;
        let component = planned.component;
        let mut memory = component.job_memory_mib.unwrap_or(USUAL_JOB_MIB);
        for (_, when) in holding(component, &subject.asked()) {
            memory = when.job_memory_mib.unwrap_or(memory);
        }
        // nvcc compiles several architectures side by side.
        compile.claims.memory_mib = if subject.cuda.is_some() { memory.max(CUDA_MEMORY_MIB) } else { memory };
        compile.weight = component.weight.unwrap_or(WEIGHT);
        vec![self.add(compile)]
    }

    fn stage(&mut self, built: Built, before: Vec<StepId>, compiled: bool) -> StepId {
        let name = self.planned.name;
        let staging = self.subject.staging.clone();
        let mut stage = if built.staged.is_empty() {
            let action = Action::Exec(Exec { commands: built.install, logs: Vec::new() });
            let mut stage = self.step("stage", format!("install {name} into its staging root"), action);
            stage.scratch = vec![Scratch { path: staging.clone(), keep: Keep::Never }];
            if compiled {
                // What is compiled is copied. Where that is no step of its own, this is the compile.
                stage.claims.jobs = Jobs::None;
            }
            stage
        } else {
            let action = Action::StageFiles(StageFiles {
                staging: staging.clone(),
                files: built.staged,
                trees: built.staged_trees,
                texts: built.staged_texts,
            });
            self.step("stage", format!("copy {name} into its staging root"), action)
        };
        stage.inputs = built.stage_inputs;
        stage.needs = before;
        stage.outputs = vec![staging];
        stage.weight = 3;
        self.add(stage)
    }

    /// Installs, and lets the environment import what was installed. Says what verifying needs.
    fn commit(&mut self, staged: StepId, roots: Vec<Utf8PathBuf>, python: Option<&StepId>) -> Vec<StepId> {
        let Self { planned, subject, .. } = *self;
        let name = planned.name;
        let prefix = &planned.prefix;
        let title = match roots.as_slice() {
            [] => format!("install {name} into {prefix}"),
            [root, ..] => format!("install {name} into {prefix} and {root}"),
        };
        let mut locks: Vec<String> =
            std::iter::once(prefix).chain(&roots).map(|root| format!("prefix {root}")).collect();
        locks.sort();
        let action = Action::Commit(Commit {
            component: name.clone(),
            case: subject.known.case.metadata.name.clone(),
            version: subject.known.facts.get(&planned.source).and_then(|facts| facts.version.clone()),
            needs: planned.component.needs.clone(),
            checkout: subject.users_directory(),
            editable: planned.component.editable,
            staging: subject.staging.clone(),
            prefix: prefix.clone(),
            roots,
            library_directories: subject
                .prefixes
                .iter()
                .flat_map(|needed| library_directories(needed, subject.known))
                .filter(|directory| *directory != prefix.join("lib"))
                .chain(subject.cuda.iter().filter(|cuda| cuda.of_wheels).map(|cuda| cuda.root.join("lib")))
                .collect(),
            forbidden_paths: vec![subject.staging.clone(), subject.build.clone(), subject.source.clone()],
        });
        let mut commit = self.step("commit", title, action);
        commit.needs = vec![staged];
        commit.claims.locks = locks;
        commit.outputs = vec![model::layout::Layout::manifests(prefix).join(format!("{name}.json"))];
        let committed = self.add(commit);
        match python::link(planned, subject, &committed, python) {
            Some(link) => vec![committed, self.add(link)],
            None => vec![committed],
        }
    }

    fn verify(&mut self, committed: Vec<StepId>) {
        let Self { planned, subject, .. } = *self;
        let name = planned.name;
        let mut checks = checks(subject);
        let mut beside = Vec::new();
        for word in checks.iter_mut().flat_map(Check::words_mut) {
            let placed = word.replace("{case}", subject.known.layout.case_dir.as_str());
            if placed != *word {
                beside.push(Input::MaybeFile { path: placed.clone().into() });
            }
            *word = placed.replace("{python}", python_home(subject.known).program.as_str());
        }
        let action = Action::Verify(Verify {
            component: name.clone(),
            prefix: planned.prefix.clone(),
            environment: checks_environment(subject),
            directory: subject.known.layout.cache.join("checks").join(name.as_str()),
            python: if checks.is_empty() { python::importing(subject) } else { None },
            checks,
            level: VerifyLevel::default(),
            wheels: false,
            requirements: Vec::new(),
        });
        let mut verify = self.step("verify", format!("check that {name} works"), action);
        verify.needs = committed;
        verify.inputs = beside;
        verify.timeout_seconds = Some(600);
        self.add(verify);
    }
}

/// How it is seen that it works: by its hooks, what its options bring with them, then by its own words.
fn checks(subject: &Subject<'_>) -> Vec<Check> {
    let component = &*subject.component;
    let hooks = hooks::of(component);
    let mut checks = if component.skip_recipe_checks { Vec::new() } else { hooks.checks(subject) };
    checks.extend(
        holding(component, &subject.asked()).into_iter().flat_map(|(_, when)| when.checks.iter().cloned()),
    );
    checks.extend_from_slice(&component.checks);
    checks
}

fn or_build_tree(outputs: Vec<Utf8PathBuf>, subject: &Subject<'_>) -> Vec<Utf8PathBuf> {
    if outputs.is_empty() { vec![subject.build.clone()] } else { outputs }
}

/// Checks run as a user would run the program: nothing points at libraries, RPATH has to.
fn checks_environment(subject: &Subject<'_>) -> BTreeMap<String, String> {
    let kept = ["PATH", "HOME", "LC_ALL", "TZ", "TERM"];
    subject
        .environment
        .iter()
        .filter(|(name, _)| {
            kept.contains(&name.as_str()) || subject.component.environment.contains_key(*name)
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
