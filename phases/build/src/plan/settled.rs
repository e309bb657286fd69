//! What is settled of a component before its driver is asked: its trees, its options, its environment.

use std::borrow::Cow;
use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use engine::planning::{Known, PlanCx, PlanError, PlannedSource};
use engine::python_home::python_home;
use indexmap::IndexMap;
use model::case::{Check, Component, Driver, OptionValue, XmakeSettings};
use model::plan::{Input, Phase, Step};
use model::{ComponentName, StepId};

use super::planned::{Planned, closure};
use super::step::{step_id, template, working_copy_of};
use super::{accelerators, described, fed, gate, needs, python};
use crate::cuda::Toolkit;
use crate::environment::environment;
use crate::hooks;
use crate::options::{add, asked_for};
use crate::subject::{PYTHON, Subject, within};

/// The beginning of what stands for the prefix of a component: `{prefix:NAME}`.
const PREFIX_OF: &str = "{prefix:";

/// A component that is needed, and its prefix.
type Needed = (ComponentName, Utf8PathBuf);

/// What all components of a case have in common.
pub(super) struct Common<'p, 'a> {
    pub(super) all: &'p [Planned<'a>],
    /// The step that makes the case's Python environment.
    pub(super) python: Option<StepId>,
}

/// A component with its trees, options and environment.
pub(super) struct Settled {
    options: IndexMap<String, OptionValue>,
    tree: Utf8PathBuf,
    needed: Vec<Needed>,
    prefixes: Vec<Utf8PathBuf>,
    environment: BTreeMap<String, String>,
    cuda: Option<Toolkit>,
    /// What is said of it, for the plan.
    pub(super) notes: Vec<String>,
    /// What its steps stand on.
    pub(super) ground: Ground,
}

/// What the steps of a component stand on.
pub(super) struct Ground {
    /// Steps that copy its trees.
    pub(super) copies: Vec<Step>,
    /// What configuring needs.
    pub(super) before: Vec<StepId>,
    /// What is read of its source, where no step's digest stands for it.
    pub(super) inputs: Vec<Input>,
    /// Files that are placed before it is configured.
    pub(super) placed: Vec<Input>,
}

impl Settled {
    /// Settles a component.
    ///
    /// # Errors
    /// When the case asks for something that does not exist or does not fit together.
    pub(super) fn of(
        cx: &PlanCx<'_>,
        planned: &Planned<'_>,
        common: &Common<'_, '_>,
    ) -> Result<Self, PlanError> {
        let known = &cx.known;
        let component = planned.component;
        let source = cx.source(&planned.source, planned.name.as_str())?;
        let needed = needed(planned, common.all);
        let prefixes = prefixes(&needed);
        let mut before: Vec<StepId> = vec![step_id(planned.name, "preflight")];
        before.extend(source.needs.iter().cloned());
        before.extend(component.needs.iter().map(|need| step_id(need, "commit")));
        if python::uses_python(known, planned) {
            before.push(python::made(planned, common.python.as_ref())?);
        }

        let mut tree = source.tree.clone();
        let mut inputs = source.inputs.clone();
        let mut copies = Vec::new();
        // Commands that a user spells out may write where they like, and some projects configure files into their own
        // source: what is the user's own is copied as well.
        let writes = matches!(planned.driver, Driver::Command | Driver::Xmake)
            || component.autoreconf
            || fed::writes_into_source(component, planned.driver);
        if writes || source.mounted {
            let copy = working_copy(cx.phase, planned, &source, known);
            tree = known.layout.working_copy(planned.name);
            inputs.clear();
            before.push(copy.id.clone());
            copies.push(copy);
        }
        let described = described::step(cx.phase, known, planned, &tree);
        before.extend(described.iter().map(|(step, _)| step.id.clone()));
        let fed = fed::plan(cx, planned)?;
        before.extend(fed.copies.iter().map(|copy| copy.id.clone()));
        copies.extend(fed.copies);

        let mut options = component.options.clone();
        let conditional = planned.holding(known).into_iter().flat_map(|when| &when.options);
        let conditional = conditional.map(|(key, value)| (key.clone(), value.clone()));
        for (key, value) in fed.options.into_iter().chain(conditional) {
            add(planned.driver, &mut options, key, value);
        }
        let mut notes = accelerators::settle(known, planned, &mut options)?;
        notes.extend(described::unknown(known, planned));
        let cuda = needs::cuda_toolkit(known, planned);
        let mut environment = environment(known, component, planned.driver, &prefixes);
        if let Some(pin) = known.rust_pin(planned.name, component) {
            let home = pin.home(&known.layout.tools());
            if let Some(path) = environment.get_mut("PATH") {
                *path = format!("{}:{path}", home.join("bin"));
            }
        }
        if let (Some((_, directory)), Some(path)) = (&described, environment.get_mut("PATH")) {
            *path = format!("{directory}:{path}");
        }
        copies.extend(described.map(|(step, _)| step));
        if let Some(cuda) = &cuda {
            cuda.extend(&mut environment);
        }
        accelerators::extend(
            &mut environment,
            known,
            planned,
            &asked_for(planned.driver, component, &options),
        );
        let ground = Ground { copies, before, inputs, placed: fed.inputs };
        Ok(Self { options, tree, needed, prefixes, environment, cuda, notes, ground })
    }
}

/// A component with what its hooks say of its options, for drivers.
///
/// # Errors
/// When the hooks miss something in the case.
pub(super) fn subject<'s>(
    known: &'s Known<'s>,
    planned: &'s Planned<'s>,
    settled: Settled,
) -> Result<(Subject<'s>, Ground), PlanError> {
    let Settled { options, tree, needed, prefixes, environment, cuda, notes: _, ground } = settled;
    let layout = known.layout;
    let mut subject = Subject {
        known,
        name: planned.name,
        driver: planned.driver,
        source_name: &planned.source,
        facts: known.facts.get(&planned.source),
        component: Cow::Borrowed(planned.component),
        options,
        xmake: XmakeSettings::default(),
        source: within(&tree, planned.component.subdirectory.as_deref()),
        tree,
        build: layout.build_tree(planned.name),
        staging: layout.staging(planned.name),
        prefix: planned.prefix.clone(),
        prefixes,
        environment,
        cuda,
    };
    let hooks = hooks::of(planned.component);
    for (key, value) in hooks.options(&subject) {
        add(subject.driver, &mut subject.options, key, value);
    }
    let mut options = std::mem::take(&mut subject.options);
    for (key, value) in &mut options {
        for text in value.texts_mut() {
            *text = placed(text, &format!("options.{key}"), planned, &subject, &needed)?;
        }
    }
    subject.options = options;
    let mut environment = std::mem::take(&mut subject.environment);
    let asked = known.case.environment.keys().chain(planned.component.environment.keys());
    for name in asked {
        if let Some(value) = environment.get_mut(name) {
            *value = placed(value, &format!("environment.{name}"), planned, &subject, &needed)?;
        }
    }
    subject.environment = environment;
    if let Some(component) = filled(planned, &subject, &needed)? {
        subject.component = Cow::Owned(component);
    }
    subject.xmake = hooks.xmake(&subject)?;
    if let Some(said) = &planned.component.xmake {
        subject.xmake = std::mem::take(&mut subject.xmake).with(said);
    }
    Ok((subject, ground))
}

/// The component with what placeholders stand for in its arguments, commands and checks; none where there are none.
fn filled(
    planned: &Planned<'_>,
    subject: &Subject<'_>,
    needed: &[Needed],
) -> Result<Option<Component>, PlanError> {
    let mut component = planned.component.clone();
    for word in &mut component.arguments {
        *word = placed(word, "arguments", planned, subject, needed)?;
    }
    if let Some(commands) = &mut component.commands {
        let lists = [&mut commands.configure, &mut commands.compile, &mut commands.install];
        for word in lists.into_iter().flatten().flatten() {
            *word = placed(word, "commands", planned, subject, needed)?;
        }
    }
    let of_conditions = component.when.values_mut().flat_map(|when| &mut when.checks);
    for word in component.checks.iter_mut().chain(of_conditions).flat_map(Check::words_mut) {
        *word = with_prefixes(std::mem::take(word), "checks", planned, needed)?;
    }
    Ok((component != *planned.component).then_some(component))
}

/// The text of an option with what its placeholders stand for.
fn placed(
    text: &str,
    key: &str,
    planned: &Planned<'_>,
    subject: &Subject<'_>,
    needed: &[Needed],
) -> Result<String, PlanError> {
    let mut text = fed::with_trees(text, planned, subject.known.layout)
        .replace("{source}", subject.source.as_str())
        .replace("{build}", subject.build.as_str())
        // `${prefix}` is the configure script's own.
        .split("${prefix}")
        .map(|text| text.replace("{prefix}", subject.prefix.as_str()))
        .collect::<Vec<_>>()
        .join("${prefix}");
    if text.contains(PYTHON) {
        if subject.known.case.python.is_none() {
            return Err(PlanError::new(
                format!("components.{}.{key}", planned.name),
                format!(
                    "`{key}` names the interpreter of the case's Python environment, but the case has \
                     none"
                ),
                "add a [python] section",
            ));
        }
        text = text.replace(PYTHON, python_home(subject.known).program.as_str());
    }
    with_prefixes(text, key, planned, needed)
}

/// The text with the prefixes of components that it names.
fn with_prefixes(
    mut text: String,
    key: &str,
    planned: &Planned<'_>,
    needed: &[Needed],
) -> Result<String, PlanError> {
    while let Some((before, rest)) = text.split_once(PREFIX_OF) {
        let Some((name, after)) = rest.split_once('}') else { break };
        let Some((_, prefix)) = needed.iter().find(|(needed, _)| needed.as_str() == name) else {
            return Err(PlanError::new(
                format!("components.{}.{key}", planned.name),
                format!(
                    "`{key}` names the prefix of `{name}`, which component `{}` does not need",
                    planned.name
                ),
                format!("add \"{name}\" to `needs` in [components.{}]", planned.name),
            ));
        };
        text = format!("{before}{prefix}{after}");
    }
    Ok(text)
}

/// What a component needs, and where that is installed, nearest first.
fn needed(planned: &Planned<'_>, all: &[Planned<'_>]) -> Vec<Needed> {
    closure(planned, all).into_iter().map(|need| (need.name.clone(), need.prefix.clone())).collect()
}

/// The prefixes of what a component needs, each once.
fn prefixes(needed: &[Needed]) -> Vec<Utf8PathBuf> {
    let mut prefixes: Vec<Utf8PathBuf> = Vec::new();
    for (_, prefix) in needed {
        if !prefixes.contains(prefix) {
            prefixes.push(prefix.clone());
        }
    }
    prefixes
}

fn working_copy(phase: Phase, planned: &Planned<'_>, source: &PlannedSource, known: &Known<'_>) -> Step {
    let layout = known.layout;
    let into = layout.working_copy(planned.name);
    let action = working_copy_of(source, into.clone(), known.lfs_pointers(&planned.source));
    let title = format!("synchronise the working copy of {} with its source", planned.source);
    let mut step = template(phase, planned.name, "copy", title, action);
    step.needs = source.needs.clone();
    step.after = vec![gate::id()];
    step.inputs = source.inputs.clone();
    step.outputs = vec![into];
    step.optional = planned.component.optional;
    step
}
