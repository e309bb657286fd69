//! Holding a plan against the records: what would run, and why. Starts no step and changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use model::fingerprint::{Difference, Material};
use model::plan::{Action, Freshness, Input, Keep, Phase, Plan, Step};
use model::{Digest, StepId};

use crate::EngineError;
use crate::context::{Memory, StandaloneContext, World};
use crate::fingerprint;
use crate::ledger::{Entry, Last, Ledger};
use crate::runner::{Finding, Observation, Runner, StepError};
use crate::tree::Trees;

/// Which steps are wanted: by component, by step id, or by the beginning of one (`deps`, `build/ffmpeg`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these, and what they need; empty: all.
    pub only: Vec<String>,
    /// Not these.
    pub skip: Vec<String>,
}

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
        self.rows.iter().any(|row| matches!(row.state, State::Stale | State::Follows))
    }

    /// The row of a step.
    pub fn row(&self, step: &StepId) -> Option<&Assessed> {
        self.rows.iter().find(|row| row.step == *step)
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
}

/// Whether one step is fresh, by itself.
pub(crate) enum Verdict {
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
        Ok(self.ledger.entry(&step.id)?.and_then(|entry| entry.digest))
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
                model::plan::Input::File { path } | model::plan::Input::MaybeFile { path } => {
                    (path.to_string(), path)
                }
                model::plan::Input::Tree { path, .. } => (format!("tree {path}"), path),
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
        Ok(Ok(fingerprint::material(step, inputs, needs)))
    }

    /// Holds a fingerprinted step with this material against its entry.
    pub(crate) fn verdict(
        &self,
        step: &Step,
        material: &Material,
        entry: Option<&Entry>,
        runner: &dyn Runner,
        world: &World<'_>,
    ) -> Result<Verdict, StepError> {
        let stale = |why: &str| Verdict::Stale { why: why.to_owned(), differences: Vec::new() };
        let Some(entry) = entry else { return Ok(stale("never ran")) };
        match entry.last {
            Last::UnderWay => return Ok(stale("the last attempt was killed")),
            Last::Failed => return Ok(stale("the last attempt failed")),
            Last::Done => {}
        }
        let Some(earlier) = &entry.material else { return Ok(stale("never ran")) };
        if material.digest() != earlier.digest() {
            let mut differences = fingerprint::differences(material, earlier);
            self.name_files(step, &mut differences);
            let mut phrases: Vec<String> = differences.iter().take(2).map(fingerprint::phrase).collect();
            if differences.len() > 2 {
                phrases.push(format!("{} more", differences.len() - 2));
            }
            return Ok(Verdict::Stale { why: phrases.join(", "), differences });
        }
        // What is installed is wanted for itself; other outputs only for the steps that read them.
        let context = StandaloneContext::sharing(world, &self.memory);
        if let Some(why) = runner.broken(step, &context)? {
            return Ok(Verdict::Stale { why, differences: Vec::new() });
        }
        let gone = step.outputs.iter().find(|output| !exists(output));
        Ok(gone.map_or(Verdict::Fresh, |gone| Verdict::OutputGone(format!("{gone} is gone"))))
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
        let positions: BTreeMap<&StepId, usize> =
            plan.steps.iter().enumerate().map(|(at, step)| (&step.id, at)).collect();
        let mut rows: Vec<Assessed> = Vec::with_capacity(plan.steps.len());
        let mut digests: BTreeMap<StepId, Digest> = BTreeMap::new();
        let mut output_gone: BTreeSet<usize> = BTreeSet::new();
        let mut doomed: Vec<camino::Utf8PathBuf> = Vec::new();
        for step in &plan.steps {
            if self.ledger.entry(&step.id)?.is_some_and(|entry| entry.last == Last::UnderWay) {
                doomed.extend(untrusted(step).cloned());
            }
        }
        for (index, step) in plan.steps.iter().enumerate() {
            let mut row = Assessed {
                step: step.id.clone(),
                state: State::Fresh,
                why: String::new(),
                differences: Vec::new(),
                findings: Vec::new(),
                warnings: Vec::new(),
            };
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
                let running =
                    before.filter(|at| matches!(rows[*at].state, State::Stale | State::Follows)).min();
                running.map(|at| rows[at].step.clone())
            };
            let before = runs(&step.needs).or_else(|| runs(&step.after));
            match step.freshness {
                Freshness::Observed => match self.observe(step, runner, world) {
                    Ok(observation) => {
                        digests.insert(step.id.clone(), observation.digest());
                        row.warnings = observation.warnings;
                        if let Some(first) = observation.findings.first() {
                            row.state = State::Stale;
                            row.why = match observation.findings.len() {
                                1 => first.what.clone(),
                                more => format!("{} (and {} more)", first.what, more - 1),
                            };
                        } else if let Some(before) = before {
                            // What it looks at may be about to change.
                            row.state = State::Follows;
                            row.why = format!("{before} runs before it");
                        }
                        row.findings = observation.findings;
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
                    }
                    Err(StepError::Cancelled) => return Err(EngineError::new("cancelled")),
                },
                Freshness::Fingerprinted => {
                    let entry = self.ledger.entry(&step.id)?;
                    let verdict = match self.material(step, &digests)? {
                        Err(why) => Verdict::Stale { why, differences: Vec::new() },
                        Ok(material) => {
                            digests.insert(step.id.clone(), material.digest());
                            self.verdict(step, &material, entry.as_ref(), runner, world)?
                        }
                    };
                    match verdict {
                        Verdict::Stale { why, differences } => {
                            row.state = State::Stale;
                            row.why = why;
                            row.differences = differences;
                        }
                        Verdict::OutputGone(why) => {
                            output_gone.insert(index);
                            row.why = why;
                        }
                        Verdict::Fresh => {
                            let lost = |output: &camino::Utf8PathBuf| {
                                doomed.iter().any(|tree| output.starts_with(tree))
                            };
                            if step.outputs.iter().any(lost) {
                                output_gone.insert(index);
                                "a killed step wrote into the same tree".clone_into(&mut row.why);
                            }
                        }
                    }
                    if row.state == State::Fresh {
                        if let Some(before) = before {
                            row.state = State::Follows;
                            row.why = format!("{before} runs before it");
                        }
                    }
                }
            }
            rows.push(row);
        }
        demand(plan, &mut rows, &output_gone, &positions);
        Ok(Assessment { rows })
    }
}

/// An output that is gone is made again only if a step that needs it runs; what follows from that is settled here.
fn demand(
    plan: &Plan,
    rows: &mut [Assessed],
    output_gone: &BTreeSet<usize>,
    positions: &BTreeMap<&StepId, usize>,
) {
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
        for index in output_gone.iter().copied().rev() {
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
            let runs = |need: &&usize| matches!(rows[**need].state, State::Stale | State::Follows);
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
pub(crate) fn untrusted(step: &Step) -> impl Iterator<Item = &camino::Utf8PathBuf> {
    step.scratch.iter().filter(|scratch| scratch.keep != Keep::Always).map(|scratch| &scratch.path)
}

/// Steps of `build` that only look and cannot be acted on: all of them are looked at before anything is compiled.
pub(crate) fn is_gate(step: &Step) -> bool {
    step.phase == Phase::Build && matches!(step.action, Action::Preflight(_))
}

fn exists(path: &camino::Utf8Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

impl Selection {
    /// Whether a word names a step by its id, or by the component that it builds.
    fn names(word: &str, step: &Step) -> bool {
        let word = word.trim_end_matches('/');
        let id = step.id.as_str();
        step.component.as_ref().is_some_and(|component| component.as_str() == word)
            || id == word
            || id.strip_prefix(word).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether a word asks for a step: what a component needs of `deps` comes with the component.
    fn matches(word: &str, step: &Step) -> bool {
        Self::names(word, step) || step.serves.iter().any(|component| component.as_str() == word)
    }

    fn skips(&self, step: &Step) -> bool {
        let skipped =
            |component: &model::ComponentName| self.skip.iter().any(|word| word == component.as_str());
        // What serves several components is left out with the last of them.
        let serves_skipped = !step.serves.is_empty() && step.serves.iter().all(skipped);
        serves_skipped || self.skip.iter().any(|word| Self::names(word, step))
    }

    /// Words of `--only` and `--skip` that no step of these plans answers to.
    pub fn unknown<'a>(&'a self, plans: &[&Plan]) -> Vec<&'a str> {
        let known =
            |word: &str| plans.iter().any(|plan| plan.steps.iter().any(|step| Self::matches(word, step)));
        self.only.iter().chain(&self.skip).map(String::as_str).filter(|word| !known(word)).collect()
    }

    /// The steps of a plan that are wanted.
    pub fn wanted(&self, plan: &Plan) -> BTreeSet<StepId> {
        let mut wanted: BTreeSet<StepId> = BTreeSet::new();
        let positions: BTreeMap<&StepId, &Step> = plan.steps.iter().map(|step| (&step.id, step)).collect();
        // From the end, so that what a wanted step needs is wanted before it is looked at.
        for step in plan.steps.iter().rev() {
            let asked = self.only.is_empty() || self.only.iter().any(|word| Self::matches(word, step));
            if (asked || wanted.contains(&step.id)) && !self.skips(step) {
                wanted.insert(step.id.clone());
                wanted.extend(step.needs.iter().cloned());
                if !self.only.is_empty() {
                    // What brings an input (a fetch before its unpack) belongs to it; gates of others do not.
                    let own = step.after.iter().filter(|id| {
                        positions
                            .get(id)
                            .is_some_and(|before| !is_gate(before) || before.component == step.component)
                    });
                    wanted.extend(own.cloned());
                }
            } else {
                wanted.remove(&step.id);
            }
        }
        wanted
    }
}
