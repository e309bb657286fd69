//! `verify` and `clean`: what is done with what is there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use engine::{Cancel, RunOptions, Selection, World};
use model::event::Verdict;
use model::manifest::Manifest;
use model::plan::{Action, Phase, Plan};
use model::{ComponentName, StepId, exit};
use serde_json::json;

use crate::args::{Common, LevelArg};
use crate::directories::{is_own_cache, marker, take_lock};
use crate::dispatch::Dispatch;
use crate::error::{Error, Result};
use crate::load::Setting;
use crate::out::{self, say};
use crate::steps::known_words;
use crate::{next, verify_json};

/// Verifies installed components, whatever earlier runs found.
pub fn verify(common: &Common, wanted: &[String], level: Option<LevelArg>) -> Result<i32> {
    let setting = Setting::gather_without_sources(common, None)?;
    setting.write_out()?;
    let mut plan = setting.plan(Phase::Build)?;
    if let Some(level) = level {
        plan.verify_at(level.into());
    }
    for name in wanted {
        if name != "python" || setting.case().python_environment().is_none() {
            known_component(&setting, name)?;
        }
    }
    let selected = Selection { only: common.only.clone(), skip: common.skip.clone() };
    known_words(&selected, std::slice::from_ref(&plan), &setting)?;
    let selected = selected.wanted(&plan);
    plan.steps.retain(|step| {
        let Action::Verify(action) = &step.action else { return false };
        let chosen = |word: &String| word == action.component.as_str() || (word == "python" && action.wheels);
        selected.contains(&step.id) && (wanted.is_empty() || wanted.iter().any(chosen))
    });
    let all = plan.clone();
    let missing = installed_alone(&mut plan, &setting)?;
    asked_of_chosen(&mut plan);
    if !common.json && !missing.is_empty() {
        let missing: Vec<&str> = missing.iter().map(|(_, what)| what.as_str()).collect();
        let help = format!("run `installer all {}`", setting.case_argument);
        return Err(Error::new(exit::VERIFY_FAILED, missing.join("\n")).with_help(help));
    }
    let code = if missing.is_empty() { exit::OK } else { exit::VERIFY_FAILED };
    if plan.steps.is_empty() && common.json {
        verify_json::print(&setting, &all, &missing, &[])?;
        return Ok(code);
    }
    if plan.steps.is_empty() {
        say("the case installs nothing to verify");
        return Ok(exit::OK);
    }
    let lock = take_lock(common, &setting)?;
    // A ledger of its own, emptied first: asking to verify is asking to look again.
    let mut layout = setting.layout.clone();
    layout.state = layout.state.join("verify");
    engine::files::remove_tree(&layout.state)?;
    let world = World { layout: &layout, ..setting.world() };
    let cancel = Cancel::new();
    engine::signals::install(&cancel, || {})
        .map_err(|error| Error::internal(format!("failed to watch for signals: {error}")))?;
    let options = RunOptions {
        capacity: setting.capacity,
        keep_going: true,
        selection: Selection::default(),
        launcher: std::env::current_exe()
            .map_err(|error| Error::internal(format!("failed to find this program's own file: {error}")))?,
        launcher_args: vec!["__launch".to_owned()],
        run_lock: Some(Arc::new(lock)),
        marker: marker(&setting),
        cancel,
        capsules: None,
        started: Instant::now(),
    };
    let mut observer = verify_json::Kept::new(common, next::after_verify(common, &setting));
    let finish = engine::run(&plan, &Dispatch::new(), &world, &options, &mut observer);
    let events = observer.finish();
    let verdict = finish?.verdict;
    if common.json {
        verify_json::print(&setting, &all, &missing, &events)?;
    }
    Ok(match verdict {
        Verdict::Done | Verdict::NothingToDo => code,
        Verdict::Cancelled => exit::CANCELLED,
        Verdict::Failed => {
            forget_damaged(&plan, &setting)?;
            exit::VERIFY_FAILED
        }
    })
}

/// Leaves of what is asked for what is about components that are verified.
fn asked_of_chosen(plan: &mut Plan) {
    let chosen: BTreeSet<ComponentName> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Verify(action) => Some(action.component.clone()),
            _ => None,
        })
        .collect();
    plan.asked.retain(|request| chosen.contains(&request.of));
}

/// Leaves of a plan what is installed, waiting for nothing, and answers with what is not and should be.
fn installed_alone(plan: &mut Plan, setting: &Setting) -> Result<Vec<(StepId, String)>> {
    let (case, layout) = (&setting.case().metadata.name, &setting.layout);
    let mut missing = Vec::new();
    let mut absent = Vec::new();
    for step in &mut plan.steps {
        step.needs.clear();
        step.after.clear();
        step.proven.clear();
        let Action::Verify(action) = &step.action else { continue };
        let found = engine::manifest::load(&action.prefix, &action.component)?;
        // A state that installed none of it knows nobody else either: the prefix may come from another machine.
        let asks =
            |manifest: &&Manifest| manifest.case != *case || layout.committed(&action.component).exists();
        let other = match found.as_ref().filter(asks) {
            Some(manifest) => engine::committed::other_owner(layout, case, manifest)?,
            None => None,
        };
        if found.is_some() && other.is_none() {
            // They might be missing; what is there of them has to be whole.
            step.optional &= !action.wheels;
            continue;
        }
        absent.push(step.id.clone());
        if !step.optional {
            let mut what = match action.wheels {
                true => format!("the Python environment {} is not installed", action.prefix),
                false => format!("{} is not installed in {}", action.component, action.prefix),
            };
            what.extend(other.map(|other| format!("; what is there is of {other}")));
            missing.push((step.id.clone(), what));
        }
    }
    plan.steps.retain(|step| !absent.contains(&step.id));
    Ok(missing)
}

/// Lets the next `build` install again what is not as it was installed: by itself it looks at sizes and modes only.
fn forget_damaged(plan: &Plan, setting: &Setting) -> Result<()> {
    for step in &plan.steps {
        let Action::Verify(action) = &step.action else { continue };
        let installed = engine::manifest::load(&action.prefix, &action.component)?;
        if installed.is_some_and(|manifest| !engine::manifest::verify_files(&manifest).is_empty()) {
            engine::files::remove_tree(&setting.layout.committed(&action.component))?;
        }
    }
    Ok(())
}

pub fn known_component<'a>(setting: &'a Setting, name: &str) -> Result<&'a model::case::Component> {
    setting.case().components.get(name).ok_or_else(|| {
        let names: Vec<&str> = setting.case().components.keys().map(ComponentName::as_str).collect();
        Error::usage(format!("the case has no component `{name}`"))
            .with_help(format!("it has {}", names.join(", ")))
    })
}

/// Removes the build trees of a case, and capsules that are of no more use. A directory of --cache-dir in which installer was not the first may hold what is
/// somebody else's, and stays.
pub fn clean(common: &Common) -> Result<i32> {
    let setting = Setting::gather_without_sources(common, None)?;
    let cache = &setting.layout.cache;
    if common.cache_dir.is_some() && cache.exists() && !is_own_cache(cache) {
        return Err(Error::usage(format!(
            "{cache} existed before installer used it and may contain other files"
        ))
        .with_help("remove what you do not need by hand, or use a --cache-dir that does not exist yet"));
    }
    let plan = setting.plan(Phase::Build)?;
    let capsules = engine::capsule::outdated(&setting.layout, &setting.case().metadata.name, &plan)?;
    if common.dry_run && common.json {
        let paths = capsules.iter().map(|capsule| ("capsule", &capsule.path));
        let there = [("cache", cache)].into_iter().filter(|(_, cache)| cache.exists());
        let paths: Vec<_> =
            there.chain(paths).map(|(kind, path)| json!({ "kind": kind, "path": path })).collect();
        out::json(&json!({ "schema": 1, "case": setting.case().metadata.name, "would_remove": paths }))?;
        return Ok(exit::OK);
    }
    if common.dry_run {
        say(&format!("would remove {cache}"));
        capsules.iter().for_each(|capsule| say(&format!("would remove {}", capsule.path)));
        return Ok(exit::OK);
    }
    let _lock = take_lock(common, &setting)?;
    engine::files::remove_tree(cache)?;
    for capsule in &capsules {
        engine::capsule::remove(&capsule.path)?;
        say(&format!("removed {}", capsule.path));
    }
    say(&format!("removed {cache}; what is installed or downloaded is kept"));
    Ok(exit::OK)
}
