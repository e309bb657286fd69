//! Holding a plan against the records: what would run, and why. Starts no step and changes nothing.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use model::event::FailureKind;
use model::fingerprint::{Difference, Material};
use model::plan::{Freshness, Input, Keep, Plan, Step};
use model::{Digest, StepId};

use crate::EngineError;
use crate::context::{Memory, StandaloneContext, World};
use crate::filled;
use crate::fingerprint;
use crate::ledger::{Last, Ledger, Standing};
use crate::requirement_files;
use crate::runner::{Finding, Observation, Runner, StepError};
use crate::secrets::Secrets;
use crate::selection::Selection;
use crate::tree::Trees;

/// What a plan comes to on this machine.
#[derive(Clone, Debug, Default)]
pub struct Assessment {
    /// One row a step, in the plan's order.
    pub rows: Vec<Assessed>,
}

/// What a step comes to.
#[derive(Clone, Debug)]
pub struct Assessed {
    /// The step.
    pub step: StepId,
    /// Whether it would run.
    pub state: State,
    /// Why, in words.
    pub why: String,
    /// What changed since it last ran.
    pub differences: Vec<Difference>,
    /// What a look found missing.
    pub findings: Vec<Finding>,
    /// What a look found worth saying.
    pub warnings: Vec<String>,
    /// Whether one of its outputs was gone, or lost with what a killed step wrote. Another step may make it anew in the
    /// meantime, a build tree without anything in it, say: this step runs nevertheless if it is needed.
    pub gone: bool,
}

/// Whether a step would run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is done, and nothing that it depends on changed.
    Fresh,
    /// It would run.
    Stale,
    /// A step before it runs; whether it has to is known then.
    Follows,
    /// It was left out.
    NotSelected,
}

impl Assessment {
    /// Whether anything would run.
    pub fn pending(&self) -> bool {
        self.rows.iter().any(|row| row.state.may_run())
    }
}

impl Assessed {
    fn fresh(step: &Step) -> Self {
        Self {
            step: step.id.clone(),
            state: State::Fresh,
            why: String::new(),
            differences: Vec::new(),
            findings: Vec::new(),
            warnings: Vec::new(),
            gone: false,
        }
    }

    fn follow(&mut self, before: &StepId) {
        self.state = State::Follows;
        self.why = format!("{before} runs before it");
    }
}

impl State {
    /// Whether the step would run, or is looked at again when others have run.
    pub fn may_run(self) -> bool {
        matches!(self, Self::Stale | Self::Follows)
    }
}

/// Holds a plan against the records.
///
/// # Errors
/// When the records cannot be read, or were written by a newer version.
pub fn assess(
    plan: &Plan,
    runner: &dyn Runner,
    world: &World<'_>,
    selection: &Selection,
) -> Result<Assessment, EngineError> {
    let records = Records::open(world)?;
    records.assess(plan, runner, world, selection)
}

/// The same before a run: when nothing would run, what was learned of unchanged files is kept, so that the next look
/// is quicker.
///
/// # Errors
/// When the records cannot be read or written, or were written by a newer version.
pub fn assess_before_run(
    plan: &Plan,
    runner: &dyn Runner,
    world: &World<'_>,
    selection: &Selection,
) -> Result<Assessment, EngineError> {
    let records = Records::open(world)?;
    let assessment = records.assess(plan, runner, world, selection)?;
    if !assessment.pending() {
        records.persist()?;
    }
    Ok(assessment)
}

/// The records of one case, opened once for a run.
pub(crate) struct Records {
    pub(crate) ledger: Ledger,
    pub(crate) trees: Trees,
    pub(crate) memory: Memory,
    pub(crate) secrets: Secrets,
}

/// Whether one step is fresh, by itself.
pub(crate) enum Staleness {
    Fresh,
    Stale {
        why: String,
        differences: Vec<Difference>,
    },
    /// All is as it was, but an output is gone. It counts only if someone still needs it.
    OutputGone(String),
}

impl Records {
    pub(crate) fn open(world: &World<'_>) -> Result<Self, EngineError> {
        Ok(Self {
            ledger: Ledger::open(&world.layout.state),
            trees: Trees::new(&world.layout.state),
            memory: Memory::open(world.layout)?,
            secrets: Secrets::open(&world.layout.state),
        })
    }

    pub(crate) fn persist(&self) -> Result<(), StepError> {
        self.trees.persist()?;
        self.memory.persist()
    }

    /// What stands for a step that was left out, in those that need it: what it was when it last ran, or for an observed
    /// one what is there now, whether that is enough or not.
    pub(crate) fn digest_of_skipped(
        &self,
        step: &Step,
        runner: &dyn Runner,
        world: &World<'_>,
    ) -> Result<Option<Digest>, EngineError> {
        if step.freshness == Freshness::Observed {
            return Ok(self.observe(step, runner, world).ok().map(|observation| observation.digest()));
        }
        Ok(self.ledger.standing(&step.id)?.and_then(|entry| entry.digest))
    }

    pub(crate) fn observe(
        &self,
        step: &Step,
        runner: &dyn Runner,
        world: &World<'_>,
    ) -> Result<Observation, StepError> {
        let context = StandaloneContext::sharing(world, &self.memory);
        let mut observation = runner.observe(step, &context)?;
        observation.warnings.extend(context.take_warnings());
        Ok(observation)
    }

    /// The material of a step, or why it cannot be worked out: an input that is not there.
    pub(crate) fn material(
        &self,
        step: &Step,
        digests: &BTreeMap<StepId, Digest>,
    ) -> Result<Result<Material, String>, StepError> {
        let mut inputs = BTreeMap::new();
        for input in &step.inputs {
            let (name, path) = match input {
                Input::File { path } | Input::MaybeFile { path } => (path.to_string(), path),
                Input::Requirements { path, base, .. } => {
                    for part in requirement_files::parts(path, base) {
                        let digest = self.trees.digest(&Input::MaybeFile { path: part.clone() })?;
                        inputs.extend(digest.map(|digest| (part.into_string(), digest)));
                    }
                    (path.to_string(), path)
                }
                Input::Tree { path, .. } => (format!("tree {path}"), path),
            };
            match self.trees.digest(input)? {
                Some(digest) => inputs.insert(name, digest),
                None => return Ok(Err(format!("{path} does not exist yet"))),
            };
        }
        let mut needs = BTreeMap::new();
        for need in &step.needs {
            let Some(digest) = digests.get(need) else { return Ok(Err(format!("{need} has not run yet"))) };
            needs.insert(need.to_string(), digest.clone());
        }
        let mut material = fingerprint::material(step, inputs, needs);
        self.secrets.hide(&mut material)?;
        Ok(Ok(material))
    }

    /// Holds a fingerprinted step with this material, and its digest, against its entry.
    pub(crate) fn staleness(
        &self,
        step: &Step,
        (material, digest): (&Material, &Digest),
        standing: Option<&Standing>,
        runner: &dyn Runner,
        world: &World<'_>,
    ) -> Result<Staleness, StepError> {
        let stale = |why: &str| Staleness::Stale { why: why.to_owned(), differences: Vec::new() };
        let Some(standing) = standing else { return Ok(stale("never ran")) };
        match standing.last {
            Last::UnderWay => return Ok(stale("the last attempt was killed")),
            Last::Failed => return Ok(stale("the last attempt failed")),
            Last::Done => {}
        }
        if standing.digest.as_ref() != Some(digest) {
            let entry = self.ledger.entry(&step.id).map_err(|EngineError { message, help }| {
                StepError::of_kind(FailureKind::Step, message, help)
            })?;
            let earlier = entry.and_then(|entry| entry.material);
            let Some(earlier) = earlier else { return Ok(stale("never ran")) };
            let mut differences = fingerprint::differences(material, &earlier);
            self.name_files(step, &mut differences);
            let mut phrases: Vec<String> = differences.iter().take(2).map(fingerprint::phrase).collect();
            if differences.len() > 2 {
                phrases.push(format!("{} more", differences.len() - 2));
            }
            return Ok(Staleness::Stale { why: phrases.join(", "), differences });
        }
        // What is installed is wanted for itself; other outputs only for the steps that read them.
        let context = StandaloneContext::sharing(world, &self.memory);
        if let Some(why) = runner.broken(step, &context)? {
            return Ok(Staleness::Stale { why, differences: Vec::new() });
        }
        let gone = step.outputs.iter().find(|output| !exists(output));
        Ok(gone.map_or(Staleness::Fresh, |gone| Staleness::OutputGone(format!("{gone} is gone"))))
    }

    /// Which files of a tree changed, where that is known.
    fn name_files(&self, step: &Step, differences: &mut [Difference]) {
        for difference in differences {
            let Some(before) = &difference.before else { continue };
            let Some(name) = difference.what.strip_prefix("input tree ") else { continue };
            let is_it = |input: &&Input| matches!(input, Input::Tree { path, .. } if path == name);
            if let Some(input) = step.inputs.iter().find(is_it) {
                difference.files = self.trees.changed(input, before);
            }
        }
    }

    pub(crate) fn assess(
        &self,
        plan: &Plan,
        runner: &dyn Runner,
        world: &World<'_>,
        selection: &Selection,
    ) -> Result<Assessment, EngineError> {
        let wanted = selection.wanted(plan);
        let plan = &*selection.narrowed(plan);
        let positions: BTreeMap<&StepId, usize> =
            plan.steps.iter().enumerate().map(|(at, step)| (&step.id, at)).collect();
        let mut rows: Vec<Assessed> = Vec::with_capacity(plan.steps.len());
        let mut digests: BTreeMap<StepId, Digest> = BTreeMap::new();
        let mut doomed: BTreeMap<&Utf8Path, &str> = BTreeMap::new();
        let mut entries = Vec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            // Only what goes by fingerprints has one.
            let fingerprinted = step.freshness == Freshness::Fingerprinted;
            let entry = if fingerprinted { self.ledger.standing(&step.id)? } else { None };
            if entry.as_ref().is_some_and(|entry| entry.last == Last::UnderWay) {
                doomed.extend(untrusted(step).map(|tree| (tree.as_path(), KILLED)));
            }
            if fingerprinted {
                for tree in filled::by_another(step)? {
                    doomed.entry(tree).or_insert(FOREIGN);
                }
            }
            entries.push(entry);
        }
        for (index, step) in plan.steps.iter().enumerate() {
            let mut row = Assessed::fresh(step);
            if !wanted.contains(&step.id) {
                row.state = State::NotSelected;
                let digest = self.digest_of_skipped(step, runner, world)?;
                digests.extend(digest.map(|digest| (step.id.clone(), digest)));
                rows.push(row);
                continue;
            }
            // The first of them in the plan.
            let runs = |ids: &[StepId]| {
                let before = ids.iter().filter_map(|id| positions.get(id).copied()).filter(|at| *at < index);
                let running = before.filter(|at| rows[*at].state.may_run()).min();
                running.map(|at| rows[at].step.clone())
            };
            let before = runs(&step.needs).or_else(|| runs(&step.after));
            let digest = match step.freshness {
                Freshness::Observed => {
                    self.assess_observed(step, &mut row, before.as_ref(), runner, world)?
                }
                Freshness::Fingerprinted => {
                    let material = self.material(step, &digests)?;
                    let (digest, staleness) = match material {
                        Err(why) => (None, Staleness::Stale { why, differences: Vec::new() }),
                        Ok(material) => {
                            let digest = material.digest();
                            let standing = entries[index].as_ref();
                            let staleness =
                                self.staleness(step, (&material, &digest), standing, runner, world)?;
                            (Some(digest), staleness)
                        }
                    };
                    let mut places = step.outputs.iter().flat_map(|output| output.ancestors());
                    let lost = places.find_map(|place| doomed.get(place).copied());
                    assess_fingerprinted(&mut row, staleness, lost, before.as_ref());
                    digest
                }
            };
            digests.extend(digest.map(|digest| (step.id.clone(), digest)));
            rows.push(row);
        }
        demand(plan, &mut rows, &positions);
        Ok(Assessment { rows })
    }

    /// What a look finds, and its digest. Where something runs `before` it, what it looks at may be about to change.
    fn assess_observed(
        &self,
        step: &Step,
        row: &mut Assessed,
        before: Option<&StepId>,
        runner: &dyn Runner,
        world: &World<'_>,
    ) -> Result<Option<Digest>, EngineError> {
        match self.observe(step, runner, world) {
            Ok(observation) => {
                let digest = observation.digest();
                row.warnings = observation.warnings;
                if let Some(first) = observation.findings.first() {
                    row.state = State::Stale;
                    row.why = match observation.findings.len() {
                        1 => first.what.clone(),
                        more => format!("{} (and {} more)", first.what, more - 1),
                    };
                } else if let Some(before) = before {
                    row.follow(before);
                }
                row.findings = observation.findings;
                Ok(Some(digest))
            }
            Err(StepError::Failed(failure)) => {
                row.state = State::Stale;
                row.findings = failure
                    .cures
                    .first()
                    .map(|cure| Finding { what: failure.message.clone(), cure: cure.clone() })
                    .into_iter()
                    .collect();
                row.why = failure.message;
                Ok(None)
            }
            Err(StepError::Cancelled) => Err(EngineError::new("cancelled")),
        }
    }
}

/// What makes outputs count as lost that lie in a tree.
const KILLED: &str = "a killed step wrote into the same tree";
const FOREIGN: &str = "another driver, or other commands, filled its tree since";

/// What a fingerprinted step comes to; `lost` says why its outputs are not to be trusted.
fn assess_fingerprinted(
    row: &mut Assessed,
    staleness: Staleness,
    lost: Option<&str>,
    before: Option<&StepId>,
) {
    match staleness {
        Staleness::Stale { why, differences } => {
            row.state = State::Stale;
            row.why = why;
            row.differences = differences;
        }
        Staleness::OutputGone(why) => {
            row.gone = true;
            row.why = why;
        }
        Staleness::Fresh => {
            if let Some(why) = lost {
                row.gone = true;
                why.clone_into(&mut row.why);
            }
        }
    }
    if let Some(before) = before.filter(|_| row.state == State::Fresh) {
        row.follow(before);
    }
}

/// An output that is gone is made again only if a step that needs it runs; what follows from that is settled here.
fn demand(plan: &Plan, rows: &mut [Assessed], positions: &BTreeMap<&StepId, usize>) {
    let output_gone: Vec<usize> = (0..rows.len()).rev().filter(|at| rows[*at].gone).collect();
    let needs: Vec<Vec<usize>> = plan
        .steps
        .iter()
        .map(|step| step.needs.iter().filter_map(|need| positions.get(need).copied()).collect())
        .collect();
    let mut dependents = vec![Vec::new(); rows.len()];
    for (index, needs) in needs.iter().enumerate().filter(|(at, _)| rows[*at].state != State::NotSelected) {
        needs.iter().for_each(|need| dependents[*need].push(index));
    }
    loop {
        let mut changed = false;
        for index in output_gone.iter().copied() {
            let dependents = &dependents[index];
            let demanded =
                dependents.is_empty() || dependents.iter().any(|other| rows[*other].state != State::Fresh);
            if rows[index].state == State::Fresh && demanded {
                rows[index].state = State::Stale;
                changed = true;
            }
        }
        for (index, needs) in needs.iter().enumerate() {
            if rows[index].state != State::Fresh || plan.steps[index].freshness == Freshness::Observed {
                continue;
            }
            let runs = |need: &&usize| rows[**need].state.may_run();
            if let Some(need) = needs.iter().find(runs) {
                let why = format!("{} runs before it", plan.steps[*need].id);
                rows[index].state = State::Follows;
                rows[index].why = why;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    for row in rows.iter_mut().filter(|row| row.state == State::Fresh) {
        row.why.clear();
    }
}

/// Trees in which what a killed attempt wrote cannot be told from what is whole.
pub(crate) fn untrusted(step: &Step) -> impl Iterator<Item = &Utf8PathBuf> {
    step.scratch.iter().filter(|scratch| scratch.keep != Keep::Always).map(|scratch| &scratch.path)
}

fn exists(path: &Utf8Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}
