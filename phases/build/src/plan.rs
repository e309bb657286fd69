//! What `build` will do. A component goes one way: planned, settled, the subject of its driver and hooks, built, steps.

mod accelerators;
mod described;
mod expect;
mod fed;
mod gate;
mod needs;
mod outside;
mod planned;
mod preflight;
mod python;

mod settled;
mod step;
mod steps;
mod third_party;
mod unheard;
mod xmake;

use std::collections::BTreeMap;

use engine::planning::{Known, PlanCx, PlanError, Requirements};
use model::case::Driver;
use model::cuda::CUDA;
use model::plan::{Need, Phase, Step};

use crate::built::Built;
use crate::subject::{Subject, holding};
use crate::{drivers, hooks};
use planned::{Planned, in_order};
use preflight::HookNeeds;
use settled::{Common, Settled, subject};
pub use steps::USUAL_JOB_MIB;

/// What the components of a case need of `deps`.
///
/// # Errors
/// When the case asks for something that does not exist.
pub fn requirements(known: &Known<'_>) -> Result<Requirements, PlanError> {
    let mut requirements = Requirements::default();
    let mut wanted: BTreeMap<String, Need> = BTreeMap::new();
    for planned in in_order(known)? {
        for need in needs::of(known, &planned, Phase::Deps)? {
            match wanted.get_mut(&need.name) {
                Some(known) => {
                    known.wanted_by.extend(need.wanted_by);
                    known.optional &= need.optional;
                }
                None => {
                    wanted.insert(need.name.clone(), need);
                }
            }
        }
        for source in std::iter::once(planned.source.clone()).chain(fed::sources(planned.component)) {
            let users = requirements.sources.entry(source).or_default();
            if !users.components.contains(planned.name) {
                users.components.push(planned.name.clone());
            }
            users.required |= !planned.component.optional;
        }
        if planned.driver == Driver::Cargo && !requirements.crates.contains(&planned.source) {
            requirements.crates.push(planned.source.clone());
            if let Some(below) = &planned.component.subdirectory {
                requirements.crate_directories.insert(planned.source.clone(), below.clone());
            }
        }
        requirements.ninja |= wanted.contains_key("ninja");
        xmake::require(known, &planned, &mut wanted, &mut requirements);
        if python::needs_environment(known, &planned) {
            requirements.python.push(planned.name.clone());
        }
        // `deps` brings it as a toolchain, and preflight looks for it with what a plan knows of it.
        if wanted.remove(CUDA).is_some() {
            requirements.cuda.components.push(planned.name.clone());
            requirements.cuda.required |= !planned.component.optional;
        }
    }
    xmake::require_source(known, &mut requirements);
    requirements.needs = wanted.into_values().collect();
    Ok(requirements)
}

/// Plans `build`. The steps that unpack sources were added before.
///
/// # Errors
/// When the case asks for something that does not exist or does not fit together.
pub fn plan(cx: &mut PlanCx<'_>) -> Result<(), PlanError> {
    let known = cx.known;
    let ordered = in_order(&known)?;
    unused_toolchains(&known, &ordered).into_iter().for_each(|note| cx.note(note));
    let gate = (!ordered.is_empty()).then(gate::id);
    let python = python::environment(cx, gate.as_ref());
    let common = Common { all: &ordered, python };
    let mut disk = Vec::new();
    let mut later = Vec::new();
    for planned in &ordered {
        let (built, steps) = component(cx, planned, &common)?;
        disk.push(preflight::disk_estimate(&known, planned, cx)?);
        let preflight = preflight::step(&known, planned, &built, cx)?;
        cx.add(preflight);
        later.extend(steps);
    }
    if gate.is_some() {
        let step = gate::step(&known, cx.phase, &ordered, disk);
        cx.add(step);
    }
    for step in later {
        cx.add(step);
    }
    Ok(())
}

/// What the case says of toolchains that nothing is built with.
fn unused_toolchains(known: &Known<'_>, ordered: &[Planned<'_>]) -> Vec<String> {
    let toolchains = &known.case.toolchains;
    let any = |uses: &dyn Fn(&Planned<'_>) -> bool| ordered.iter().any(uses);
    let by = |driver: Driver, row: &'static str| {
        move |planned: &Planned<'_>| {
            planned.driver == driver || planned.component.system.iter().any(|need| need == row)
        }
    };
    let cuda = &toolchains.cuda;
    let said = [
        ("cmake", toolchains.cmake.minimum.is_some(), any(&by(Driver::Cmake, "cmake"))),
        (
            "cuda",
            cuda.minimum.is_some() || !cuda.libraries.is_empty(),
            any(&|planned| needs::cuda_toolkit(known, planned).is_some()),
        ),
        ("xmake", toolchains.xmake.minimum.is_some(), any(&by(Driver::Xmake, "xmake"))),
    ];
    let unused = said.into_iter().filter(|(_, said, used)| *said && !used);
    unused.map(|(name, ..)| format!("[toolchains.{name}] has no effect: nothing is built with it")).collect()
}

/// The steps of a component after its preflight, and what that has to look for.
fn component(
    cx: &mut PlanCx<'_>,
    planned: &Planned<'_>,
    common: &Common<'_, '_>,
) -> Result<(HookNeeds, Vec<Step>), PlanError> {
    let (known, phase) = (cx.known, cx.phase);
    refuse(&known, planned)?;
    let settled = Settled::of(cx, planned, common)?;
    settled.notes.iter().for_each(|note| cx.note(note));
    let (subject, ground) = subject(&known, planned, settled)?;
    notes(&subject).into_iter().for_each(|note| cx.note(note));
    let built = built(&subject)?;
    outside::refuse(&subject, &built.roots)?;
    unheard::refuse(&subject, &built)?;
    let wanted = HookNeeds { required: built.required.clone(), roots: built.roots.clone() };
    Ok((wanted, steps::of_component(phase, planned, &subject, built, ground, common)))
}

/// What is said of a component before it is built: by its own words, then by its hooks.
fn notes(subject: &Subject<'_>) -> Vec<String> {
    let component = &*subject.component;
    let conditional = holding(component, &subject.asked()).into_iter().flat_map(|(_, when)| &when.notes);
    let own = component.notes.iter().chain(conditional).cloned();
    own.chain(hooks::of(component).notes(subject)).collect()
}

/// The commands of a component: what its driver says, and what its hooks add.
fn built(subject: &Subject<'_>) -> Result<Built, PlanError> {
    let mut built = drivers::built(subject.driver, subject)?;
    let hooks = hooks::of(&subject.component);
    built.expectations.extend(hooks.expectations(subject));
    built.add(hooks.additions(subject)?);
    if built.configure.is_empty() && !subject.component.files.is_empty() {
        let name = subject.name;
        return Err(PlanError::new(
            format!("components.{name}.files"),
            format!("component `{name}` has no configure step, so `files` has no effect"),
            "remove `files`, or choose a driver that configures: autotools, cmake, meson, or command with `configure`",
        ));
    }
    built.configure.splice(0..0, fed::commands(subject));
    Ok(built)
}

/// Refuses what a component says and cannot have.
fn refuse(known: &Known<'_>, planned: &Planned<'_>) -> Result<(), PlanError> {
    let Planned { name, component, prefix, .. } = planned;
    if let Some(why) = &component.no_white_space_in_prefix {
        if prefix.as_str().contains(char::is_whitespace) {
            return Err(PlanError::new(
                format!("components.{name}"),
                format!("the prefix `{prefix}` contains white space: {why}"),
                "choose a prefix without white space; other directories may contain it",
            ));
        }
    }
    if component.app.is_some() && component.hooks.as_deref() != Some(hooks::APPLICATION) {
        return Err(PlanError::new(
            format!("components.{name}.app"),
            format!("component `{name}` has no application root"),
            "remove `app`, or write `recipe = \"infinilm-svc\"` if it is InfiniLM-SVC",
        ));
    }
    if component.skip_recipe_checks && component.recipe.is_none() {
        return Err(PlanError::new(
            format!("components.{name}.skip_recipe_checks"),
            format!("component `{name}` follows no recipe, so there are no recipe checks to skip"),
            "remove it, or write `recipe = \"…\"`: `driver` alone does not follow the recipe of that name",
        ));
    }
    if component.editable { editable(known, planned) } else { Ok(()) }
}

/// An editable install is for those who work on a component, where they do.
fn editable(known: &Known<'_>, planned: &Planned<'_>) -> Result<(), PlanError> {
    let refused = |message: String, help: String| {
        Err(PlanError::new(format!("components.{}.editable", planned.name), message, help))
    };
    if !planned.component.editable_install {
        let message = format!("component `{}` has no editable install", planned.name);
        return refused(
            message,
            "remove `editable`: `installer build` compiles and installs edited files".to_owned(),
        );
    }
    if known.target.image_build {
        let message = format!(
            "an editable install of `{}` links to a directory that is not in the image",
            planned.name
        );
        let help = format!("build the image with --set components.{}.editable=false", planned.name);
        return refused(message, help);
    }
    Ok(())
}
