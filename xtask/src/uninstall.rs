//! `uninstall`: components, and what the case brought of Python packages.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use engine::former::Former;
use engine::python_home::wheels_component;
use model::layout::Layout;
use model::plan::{Action, Phase};
use model::{ComponentName, exit};
use report::text::count;
use serde_json::json;

use crate::args::Common;
use crate::directories::take_lock_of_state;
use crate::error::{Error, Result};
use crate::installed::known_component;
use crate::load::Setting;
use crate::out::{self, say};

/// Where the Python packages of a case go.
pub struct Environment {
    /// Under which name a manifest tells of them.
    pub component: ComponentName,
    /// Where the environment is; none: the interpreter whose own it is, is not there.
    pub prefix: Option<Utf8PathBuf>,
    /// Whether all of it is installer's.
    pub own: bool,
}

/// Where the Python packages of the case go, if it has any.
pub fn environment(setting: &Setting) -> Option<Environment> {
    let case = setting.case();
    let python = case.python_environment()?;
    let component = wheels_component(&case.metadata.name);
    let own = !python.environment.is_interpreters_own();
    let prefix = if own {
        Some(setting.layout.python_environment(&case.metadata.name))
    } else {
        setting.target.python.as_ref().map(|facts| facts.prefix.clone())
    };
    Some(Environment { component, prefix, own })
}

/// The prefix of each component of the case.
pub fn prefixes(setting: &Setting) -> BTreeMap<ComponentName, Utf8PathBuf> {
    let components = setting.case().components.iter();
    let mut prefixes: BTreeMap<ComponentName, Utf8PathBuf> = components
        .map(|(name, component)| {
            (name.clone(), component.prefix.clone().unwrap_or_else(|| setting.layout.prefix.clone()))
        })
        .collect();
    // A plan knows more, where there can be one: a Python project goes into the environment.
    for step in setting.plan(Phase::Build).iter().flat_map(|plan| &plan.steps) {
        if let Action::Commit(action) = &step.action {
            if let Some(prefix) = prefixes.get_mut(&action.component) {
                prefix.clone_from(&action.prefix);
            }
        }
    }
    prefixes
}

/// What a dry run found of one component.
struct WouldRemove {
    prefix: Utf8PathBuf,
    /// None: all of it, the prefix itself included.
    files: Option<Vec<Utf8PathBuf>>,
}

impl WouldRemove {
    fn lines(&self) -> Vec<String> {
        match &self.files {
            Some(files) => {
                files.iter().map(|file| format!("would remove {}", self.prefix.join(file))).collect()
            }
            None => vec![format!("would remove {}", self.prefix)],
        }
    }

    fn json(&self, name: &str) -> serde_json::Value {
        json!({
            "component": name,
            "prefix": self.prefix,
            "whole_prefix": self.files.is_none(),
            "files": self.files.as_deref().unwrap_or_default(),
        })
    }
}

/// Removes one component, or all that the case has installed.
pub fn uninstall(common: &Common, words: &[String], everything: bool, force: bool) -> Result<i32> {
    if everything && !words.is_empty() {
        return Err(Error::usage(format!("--all and `{}` contradict each other", words.join(" ")))
            .with_help("leave one out"));
    }
    if let [_, second, ..] = words {
        return Err(Error::usage(format!(
            "`{second}` is not a case, and only one component at a time can be uninstalled"
        ))
        .with_help("`installer case list` lists the cases; --all uninstalls everything of the case"));
    }
    if !everything && words.is_empty() {
        return Err(Error::usage("no component is given")
            .with_help("name a component or `python`; --all uninstalls everything of the case"));
    }
    let setting = Setting::gather_without_sources(common, None)?;
    let targets =
        if everything { all(&setting)? } else { words.iter().map(|word| Target::named(word)).collect() };
    if common.json {
        return dry(common, &setting, &targets, force);
    }
    if targets.is_empty() {
        say(&format!("nothing of the case {} is installed", setting.case().metadata.name));
        return Ok(exit::OK);
    }
    let _lock = (!common.dry_run).then(|| take_lock_of_state(common, &setting)).transpose()?;
    for target in &targets {
        let found = one(common, &setting, target, &targets, force)?;
        found.iter().flat_map(WouldRemove::lines).for_each(|line| say(&line));
    }
    Ok(exit::OK)
}

/// What is to be removed.
struct Target {
    name: String,
    /// Where it lies, if that is not where the case installs it.
    prefix: Option<Utf8PathBuf>,
}

impl Target {
    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), prefix: None }
    }
}

/// What would be removed, as one document; nothing is.
fn dry(common: &Common, setting: &Setting, targets: &[Target], force: bool) -> Result<i32> {
    let mut components = Vec::new();
    for target in targets {
        let found = one(common, setting, target, targets, force)?;
        components.extend(found.map(|found| found.json(&target.name)));
    }
    let case = &setting.case().metadata.name;
    out::json(&json!({ "schema": 1, "case": case, "would_remove": components }))?;
    Ok(exit::OK)
}

/// What is installed and this case's, each before what it stands on, with what the case had once.
fn all(setting: &Setting) -> Result<Vec<Target>> {
    let (case, layout) = (&setting.case().metadata.name, &setting.layout);
    let plan = setting.plan(Phase::Build)?;
    let mut targets = Vec::new();
    for step in plan.steps.iter().rev() {
        let Action::Commit(action) = &step.action else { continue };
        if whose(layout, case, &action.prefix, &action.component)? == Whose::Own {
            targets.push(Target::named(action.component.as_str()));
        }
    }
    let environment = environment(setting).filter(|environment| environment.own);
    let environment = environment.and_then(|found| Some((found.prefix?, found.component)));
    if let Some((prefix, component)) = environment.filter(|(prefix, _)| prefix.exists()) {
        if !matches!(whose(layout, case, &prefix, &component)?, Whose::Other(_)) {
            targets.push(Target::named("python"));
        }
    }
    let own = layout.python_environment(case);
    let mut former = engine::former::find(&plan, layout)?;
    // The whole environment goes, with what was added to it.
    let whole = wheels_component(case);
    if former.iter().any(|former| former.prefix == own && former.component == whole) {
        former.retain(|former| former.prefix != own);
        targets.insert(0, Target { name: "python".to_owned(), prefix: Some(own) });
    }
    let former = former
        .into_iter()
        .map(|Former { prefix, component }| Target { name: component.to_string(), prefix: Some(prefix) });
    targets.splice(0..0, former);
    Ok(targets)
}

/// Whose something is.
#[derive(PartialEq, Eq)]
enum Whose {
    Nobodys,
    Own,
    Other(String),
}

/// Whose an installed component is. A killed commit may have left files without a manifest of its own.
fn whose(layout: &Layout, case: &str, prefix: &Utf8Path, component: &ComponentName) -> Result<Whose> {
    let installed = match engine::manifest::load(prefix, component)? {
        Some(installed) => Some(installed),
        None => engine::manifest::load_pending(prefix, component)?,
    };
    let Some(installed) = installed else { return Ok(Whose::Nobodys) };
    let other = engine::committed::other_owner(layout, case, &installed)?;
    Ok(other.map_or(Whose::Own, Whose::Other))
}

/// Where the case installed a component that it names no more.
fn former_prefix(setting: &Setting, component: &ComponentName) -> Result<Option<Utf8PathBuf>> {
    // Where there can be no plan, what is in the prefix of the case is known nevertheless.
    let Ok(plan) = setting.plan(Phase::Build) else { return Ok(None) };
    let former = engine::former::find(&plan, &setting.layout)?;
    Ok(former.into_iter().find(|former| former.component == *component).map(|former| former.prefix))
}

/// Refuses to remove what is another case's.
fn refuse_other(setting: &Setting, prefix: &Utf8Path, component: &ComponentName, force: bool) -> Result<()> {
    let case = &setting.case().metadata.name;
    match whose(&setting.layout, case, prefix, component)? {
        Whose::Other(other) if !force => {
            Err(Error::usage(format!("{component} in {prefix} is not of the case {case}, but of {other}"))
                .with_help("uninstall it with its own case and --state-dir, or use --force"))
        }
        _ => Ok(()),
    }
}

/// Removes it, or answers a dry run with what would be removed.
fn one(
    common: &Common,
    setting: &Setting,
    target: &Target,
    all: &[Target],
    force: bool,
) -> Result<Option<WouldRemove>> {
    let name = target.name.as_str();
    // What goes as well does not count for what stands on it.
    let before: Vec<String> = all.iter().map(|target| target.name.clone()).collect();
    let before = before.as_slice();
    let case = &setting.case().metadata.name;
    if let Some(prefix) = target.prefix.as_ref().filter(|_| name == "python") {
        return whole_environment(common, prefix, before, force);
    }
    let wheels =
        environment(setting).filter(|environment| name == "python" || name == environment.component.as_str());
    // One that lies elsewhere is a former one.
    let wheels = wheels.filter(|_| target.prefix.is_none());
    if let Some(Environment { prefix: Some(prefix), own: true, component }) = &wheels {
        refuse_other(setting, prefix, component, force)?;
        return whole_environment(common, prefix, before, force);
    }
    let (component, own) = match wheels {
        Some(environment) => (environment.component, environment.prefix),
        None => (ComponentName::new(name), None),
    };
    let declared = prefixes(setting);
    let prefix = match declared.get(&component) {
        _ if target.prefix.is_some() => target.prefix.clone().unwrap_or_default(),
        Some(prefix) => prefix.clone(),
        None if own.is_some() => own.unwrap_or_default(),
        // What the case had once is installed all the same.
        None => match former_prefix(setting, &component)? {
            Some(prefix) => prefix,
            None if whose(&setting.layout, case, &setting.layout.prefix, &component)? != Whose::Nobodys => {
                setting.layout.prefix.clone()
            }
            None => known_component(setting, name).map(|_| setting.layout.prefix.clone())?,
        },
    };
    refuse_other(setting, &prefix, &component, force)?;
    // What is installed says itself what it was built against, whatever case it came from.
    let mut prefixes = vec![prefix.clone(), setting.layout.prefix.clone()];
    prefixes.extend(declared.into_values());
    prefixes.sort();
    prefixes.dedup();
    let mut dependents = Vec::new();
    for prefix in &prefixes {
        for manifest in engine::manifest::load_all(prefix)? {
            if manifest.needs.iter().any(|need| need.as_str() == name) {
                dependents.push(manifest.component.to_string());
            }
        }
    }
    refuse(name, dependents, before, force)?;
    if common.dry_run {
        let manifests = [
            engine::manifest::load(&prefix, &component)?,
            engine::manifest::load_pending(&prefix, &component)?,
        ];
        let files: BTreeSet<Utf8PathBuf> =
            manifests.into_iter().flatten().flat_map(|manifest| manifest.files.into_keys()).collect();
        let files = files.into_iter().collect();
        return Ok(Some(WouldRemove { prefix, files: Some(files) }));
    }
    let removed = engine::manifest::uninstall(&prefix, &component, force)?;
    say(&format!(
        "removed {} of {name} from {prefix}",
        count(usize::try_from(removed.files).unwrap_or(usize::MAX), "file")
    ));
    for path in &removed.kept_modified {
        say(&format!("kept {path}: it has changed since it was installed"));
    }
    Ok(None)
}

/// Removes an environment that is all installer's, with the bytecode that Python wrote into it.
fn whole_environment(
    common: &Common,
    prefix: &Utf8PathBuf,
    before: &[String],
    force: bool,
) -> Result<Option<WouldRemove>> {
    if !prefix.exists() {
        return Err(Error::usage(format!("the Python environment {prefix} is not installed")));
    }
    // Whatever else lies at this place was not made by installer.
    if !prefix.join("pyvenv.cfg").is_file() && !prefix.join(deps::python::record::INCOMPLETE).is_file() {
        return Err(Error::usage(format!("{prefix} is not a Python environment"))
            .with_help("check what it is, and move it away by hand"));
    }
    let wheels = |name: &ComponentName| name.as_str().starts_with("python-");
    let components = engine::manifest::load_all(prefix)?;
    let inside = components.into_iter().map(|manifest| manifest.component).filter(|name| !wheels(name));
    refuse("python", inside.map(|name| name.to_string()).collect(), before, force)?;
    if common.dry_run {
        return Ok(Some(WouldRemove { prefix: prefix.clone(), files: None }));
    }
    engine::files::remove_tree(prefix)?;
    say(&format!("removed the Python environment {prefix}"));
    Ok(None)
}

fn refuse(name: &str, mut dependents: Vec<String>, before: &[String], force: bool) -> Result<()> {
    dependents.retain(|dependent| !before.contains(dependent));
    if dependents.is_empty() || force {
        return Ok(());
    }
    Err(Error::usage(format!("{name} is needed by installed components: {}", dependents.join(", ")))
        .with_help("uninstall that first, or use --force"))
}
