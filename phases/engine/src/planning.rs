//! What planning works with: everything it may know, and the steps so far.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use model::case::{Case, Component, Driver, SourceSpec};
use model::catalog;
use model::distribution::naming;
use model::layout::Layout;
use model::lock::Lock;
use model::plan::{Input, Need, Phase, Plan, Step};
use model::source_facts::{PinnedRust, SourceFacts};
use model::target::Target;
use model::{ComponentName, SourceName, StepId};

/// All that a plan may depend on, as data.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// What the user wants.
    pub case: &'a Case,
    /// The machine.
    pub target: &'a Target,
    /// What is known of the sources.
    pub facts: &'a SourceFacts,
    /// What was resolved earlier.
    pub lock: &'a Lock,
    /// Where things lie.
    pub layout: &'a Layout,
}

impl Known<'_> {
    /// The project file of a component that is built with the driver `python`, whose build requirements `deps` brings:
    /// in the user's own directory, or what is kept of a fetched source.
    pub fn python_project(&self, name: &ComponentName, component: &Component) -> Option<Utf8PathBuf> {
        if component.driver != Some(Driver::Python) {
            return None;
        }
        let source = component.source.clone().unwrap_or_else(|| SourceName::new(name.as_str()));
        let tree = match self.case.sources.get(&source)?.as_slice() {
            [SourceSpec::Path { path, .. }] => self.layout.case_dir.join(path),
            _ => self.layout.source_artifacts(&source).join("manifests"),
        };
        let below = component.subdirectory.as_ref().map_or_else(|| tree.clone(), |below| tree.join(below));
        Some(below.join("pyproject.toml"))
    }

    /// The sources of such components.
    pub fn python_sources(&self) -> Vec<SourceName> {
        let components = self.case.components.iter().filter(|(_, one)| one.driver == Some(Driver::Python));
        components
            .map(|(name, one)| one.source.clone().unwrap_or_else(|| SourceName::new(name.as_str())))
            .collect()
    }

    /// The Rust that a component is built with because its source pins it, as far as that is known.
    pub fn rust_pin(&self, name: &ComponentName, component: &Component) -> Option<&PinnedRust> {
        let builds = matches!(component.driver?, Driver::Cargo | Driver::Python | Driver::Command);
        if !builds || self.case.toolchains.rust.ignore_pins {
            return None;
        }
        let source = component.source.clone().unwrap_or_else(|| SourceName::new(name.as_str()));
        let pin = self.facts.get(&source)?.pin_for(component.subdirectory.as_deref())?;
        pin.cargo.then_some(pin)
    }

    /// Whether pointers of Git LFS may be in a source.
    pub fn lfs_pointers(&self, source: &SourceName) -> bool {
        let specs = self.case.sources.get(source);
        specs.is_some_and(|specs| specs.as_slice().iter().any(SourceSpec::wants_pointers))
    }

    /// The project files of all such components of a case.
    pub fn python_projects(&self) -> Vec<Utf8PathBuf> {
        let components = self.case.components.iter();
        components.filter_map(|(name, component)| self.python_project(name, component)).collect()
    }
}

impl Known<'_> {
    /// What `name` in a recipe or case means on the target ([`catalog::need`]), with the names that the case gives it.
    pub fn system_need(&self, name: &str, wanted_by: &str) -> Option<Need> {
        let manager = self.target.package_manager.as_deref();
        let mut need = catalog::need_on(name, manager, &self.target.os, wanted_by)?;
        let named = manager.and_then(|manager| self.case.package_names.get(naming(manager))?.get(name));
        if let Some(packages) = named {
            need.packages.clone_from(packages);
            if packages.is_empty() {
                // It comes by other ways, which the case's author knows of and this program does not.
                need.probe = None;
            }
        }
        Some(need)
    }
}

/// A plan in the making.
#[derive(Debug)]
pub struct PlanCx<'a> {
    /// What planning may know.
    pub known: Known<'a>,
    /// The phase.
    pub phase: Phase,
    steps: Vec<Step>,
    ids: BTreeSet<StepId>,
    notes: Vec<String>,
}

/// What components need of `deps`, computed from their recipes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// What they need of the distribution, one entry a name.
    pub needs: Vec<Need>,
    /// Sources that components use, with who uses them; others of the case are not fetched.
    pub sources: BTreeMap<SourceName, Users>,
    /// Sources whose crates are fetched.
    pub crates: Vec<SourceName>,
    /// Where in those sources their lock files lie, where a recipe knows it.
    pub crate_directories: BTreeMap<SourceName, Utf8PathBuf>,
    /// Whether ninja is used.
    pub ninja: bool,
    /// Who is built with the CUDA toolkit.
    pub cuda: Users,
    /// Who is built with xmake that `deps` brings.
    pub xmake: Users,
    /// Who is built or checked with the case's Python environment.
    pub python: Vec<ComponentName>,
    /// The lowest version of xmake that they take.
    pub xmake_minimum: Option<String>,
}

/// The components that use something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    /// Their names.
    pub components: Vec<ComponentName>,
    /// Whether one of them may not fail, so that this may not either.
    pub required: bool,
}

/// Where a component finds a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedSource {
    /// The tree to read.
    pub tree: Utf8PathBuf,
    /// The steps that bring it; none for a mounted source.
    pub needs: Vec<StepId>,
    /// Its content, when no step's digest stands for it.
    pub inputs: Vec<Input>,
    /// Whether it is a user's own directory.
    pub mounted: bool,
    /// Directories in that which count although tools make them.
    pub keep: Vec<String>,
}

/// Why a plan cannot be made: the case asks for something that does not exist or does not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", crate::told(.message, std::slice::from_ref(.help)))]
pub struct PlanError {
    /// What is wrong: ``component `app` needs `ffmpg`, which the case does not declare``.
    pub message: String,
    /// Where in the case: `components.app.needs`; the command line shows the line with a caret.
    pub key: String,
    /// What to do.
    pub help: String,
}

impl PlanError {
    /// A new error about the key `key`.
    pub fn new(key: impl Into<String>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into(), help: help.into() }
    }
}

impl<'a> PlanCx<'a> {
    /// An empty plan of one phase.
    pub fn new(known: Known<'a>, phase: Phase) -> Self {
        Self { known, phase, steps: Vec::new(), ids: BTreeSet::new(), notes: Vec::new() }
    }

    /// Adds a step and returns its id.
    pub fn add(&mut self, step: Step) -> StepId {
        let id = step.id.clone();
        let new = self.ids.insert(id.clone());
        debug_assert!(new, "step {id} planned twice");
        self.steps.push(step);
        id
    }

    /// Whether a step of this id was added.
    pub fn has(&self, id: &StepId) -> bool {
        self.ids.contains(id)
    }

    /// Adds something that the user should know before the plan runs.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Where a source is found.
    ///
    /// # Errors
    /// When the case does not declare it.
    pub fn source(&self, name: &SourceName, wanted_by: &str) -> Result<PlannedSource, PlanError> {
        let Some(alternatives) = self.known.case.sources.get(name) else {
            let declared: Vec<&str> = self.known.case.sources.keys().map(SourceName::as_str).collect();
            return Err(PlanError::new(
                format!("components.{wanted_by}"),
                format!(
                    "component `{wanted_by}` is built from source `{name}`, which the case does not declare"
                ),
                format!(
                    "add [sources.{name}], or give it with --source {name}=PATH (declared: {})",
                    declared.join(", ")
                ),
            ));
        };
        Ok(match alternatives.as_slice() {
            [SourceSpec::Path { path, keep, .. }] => {
                let tree = self.known.layout.case_dir.join(path);
                PlannedSource {
                    inputs: vec![Input::Tree { path: tree.clone(), exclude: Vec::new(), keep: keep.clone() }],
                    tree,
                    needs: Vec::new(),
                    mounted: true,
                    keep: keep.clone(),
                }
            }
            [SourceSpec::Mounted { description, .. }] => {
                return Err(PlanError::new(
                    format!("sources.{name}"),
                    format!("source `{name}` ({description}) is mounted, but no directory is given for it"),
                    format!("give it with --source {name}=PATH"),
                ));
            }
            _ => PlannedSource {
                tree: self.known.layout.source_tree(name),
                needs: vec![StepId::new(format!("source/{name}/unpack"))],
                inputs: Vec::new(),
                mounted: false,
                keep: Vec::new(),
            },
        })
    }

    /// The finished plan, in a deterministic order: as added, but every need before what needs it.
    ///
    /// # Errors
    /// When steps need each other in a circle, or one that is not there.
    pub fn finish(self) -> Result<Plan, PlanError> {
        let Self { known, phase, steps, ids: _, notes } = self;
        let ids: BTreeMap<StepId, usize> =
            steps.iter().enumerate().map(|(n, step)| (step.id.clone(), n)).collect();
        let needs = |at: usize| {
            let step = &steps[at];
            let wanted = step.waits_for();
            wanted.map(|need| ids.get(need).copied().ok_or_else(|| missing(step, need))).collect()
        };
        let order = model::circle::ordered(0..steps.len(), needs, |circle| {
            let step = &steps[circle[0]];
            PlanError::new(
                step.component.as_ref().map_or_else(String::new, |name| format!("components.{name}.needs")),
                format!("step {} needs itself through other steps", step.id),
                "break the cycle of `needs` between the components",
            )
        })?;
        let mut slots: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
        let steps = order.into_iter().filter_map(|n| slots.get_mut(n).and_then(Option::take)).collect();
        Ok(Plan {
            schema: model::plan::PLAN_SCHEMA,
            case: known.case.metadata.name.clone(),
            phase,
            target: known.target.lock_key(),
            steps,
            notes,
            warnings: Vec::new(),
            leak_grace_seconds: known.case.build_options.leak_grace_seconds.filter(|_| phase == Phase::Build),
            asked: Vec::new(),
        })
    }
}

fn missing(step: &Step, need: &StepId) -> PlanError {
    PlanError::new(
        String::new(),
        format!("step {} needs {need}, which is not in the plan", step.id),
        "this is a defect of installer: please report it with the case",
    )
}
