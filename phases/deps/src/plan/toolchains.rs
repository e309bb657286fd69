//! Toolchains: Rust, ninja, CUDA, xmake.

use engine::planning::{PlanCx, Requirements};
use model::case::{Driver, SourceSpec};
use model::cuda::WantedCuda;
use model::plan::{Action, EnsureToolchain, Freshness, Privilege};
use model::{ComponentName, SourceName, StepId};

use super::step::step;
use crate::plan_sources;
use crate::toolchains::rust;

pub(super) fn rust_toolchain(cx: &mut PlanCx<'_>, requirements: &Requirements, packages: Option<&StepId>) {
    let mut minimum = cx.known.case.toolchains.rust.minimum.clone();
    if requirements.crates.is_empty() && minimum.is_none() {
        return;
    }
    let mut sources = Vec::new();
    for source in &requirements.crates {
        if !is_mounted(cx, source) {
            // Told by its record once it is there, so that the plan is the same before and after.
            sources.push(source.clone());
        } else if let Some(required) = cx.known.facts.get(source).and_then(|facts| facts.required_rust()) {
            minimum = Some(rust::higher(minimum, required));
        }
    }
    let layout = cx.known.layout;
    let action = Action::EnsureToolchain(EnsureToolchain::Rust {
        minimum,
        sources: sources.clone(),
        source_artifacts: layout.artifacts.join("sources"),
        install_root: layout.data.join("rust"),
        manager: cx.known.target.package_manager.clone(),
    });
    let mut step = step(
        "deps/toolchain/rust",
        "ensure cargo and rustc, new enough".to_owned(),
        action,
        Freshness::Observed,
    );
    step.after =
        sources.iter().map(plan_sources::fetch_id).filter(|id| cx.has(id)).chain(packages.cloned()).collect();
    step.claims.locks = vec!["packages".to_owned()];
    // An ordinary user gets it from rustup, without root.
    step.privilege = if cx.known.target.root { Privilege::Root } else { Privilege::User };
    step.weight = 30;
    let users = requirements.crates.iter().filter_map(|source| requirements.sources.get(source));
    step.serves = users.flat_map(|users| users.components.clone()).collect();
    cx.add(step);
}

/// The Rust that sources pin: those of the user's own directories are known now, those of fetched ones once they are
/// there.
pub(super) fn pinned_rust(cx: &mut PlanCx<'_>, requirements: &Requirements, packages: Option<&StepId>) {
    if cx.known.case.toolchains.rust.ignore_pins {
        return;
    }
    let (mut pins, mut sources, mut serves) = (Vec::new(), Vec::new(), Vec::new());
    for (name, component) in &cx.known.case.components {
        let source = component.source.clone().unwrap_or_else(|| SourceName::new(name.as_str()));
        if !requirements.sources.contains_key(&source) {
            continue;
        }
        let may = matches!(component.driver, Some(Driver::Cargo | Driver::Python));
        if !is_mounted(cx, &source) && may && !sources.contains(&source) {
            sources.push(source.clone());
            serves.push(name.clone());
        } else if let Some(pin) = cx.known.rust_pin(name, component).filter(|_| is_mounted(cx, &source)) {
            pins.push(pin.clone());
            serves.push(name.clone());
        }
    }
    if pins.is_empty() && sources.is_empty() {
        return;
    }
    let layout = cx.known.layout;
    let action = Action::EnsureToolchain(EnsureToolchain::PinnedRust {
        pins,
        sources: sources.clone(),
        source_artifacts: layout.artifacts.join("sources"),
        install_root: layout.data.join("rust"),
    });
    let title = "ensure the Rust that sources pin in rust-toolchain.toml".to_owned();
    let mut step = step("deps/toolchain/pinned-rust", title, action, Freshness::Observed);
    let rust = StepId::new("deps/toolchain/rust");
    step.after = sources
        .iter()
        .map(plan_sources::fetch_id)
        .chain([rust])
        .filter(|id| cx.has(id))
        .chain(packages.cloned())
        .collect();
    step.weight = 30;
    step.serves = serves;
    cx.add(step);
}

fn is_mounted(cx: &PlanCx<'_>, source: &SourceName) -> bool {
    cx.known
        .case
        .sources
        .get(source)
        .is_some_and(|alternatives| matches!(alternatives.as_slice(), [SourceSpec::Path { .. }]))
}

pub(super) fn ninja(cx: &mut PlanCx<'_>, requirements: &Requirements) {
    let layout = cx.known.layout;
    let action = Action::EnsureToolchain(EnsureToolchain::Ninja {
        tools: layout.tools(),
        artifacts: layout.artifacts.clone(),
    });
    let title = "ensure a ninja that shares the run's job tokens".to_owned();
    let mut step = step("deps/toolchain/ninja", title, action, Freshness::Observed);
    let users = requirements.needs.iter().filter(|need| need.name == "ninja");
    step.serves = users.flat_map(|need| &need.wanted_by).map(ComponentName::new).collect();
    cx.add(step);
}

pub(super) fn cuda(cx: &mut PlanCx<'_>, requirements: &Requirements, packages: Option<&StepId>) {
    if requirements.cuda.components.is_empty() {
        return;
    }
    let wanted = WantedCuda::of(cx.known.case);
    let layout = cx.known.layout;
    let title = format!("have {}", wanted.described());
    let action = Action::EnsureToolchain(EnsureToolchain::Cuda {
        tree: wanted.tree(layout),
        wanted,
        artifacts: layout.artifacts.clone(),
    });
    let mut step = step("deps/toolchain/cuda", title, action, Freshness::Observed);
    // Packages may bring the machine's.
    step.after = packages.into_iter().cloned().collect();
    step.serves.clone_from(&requirements.cuda.components);
    step.optional = !requirements.cuda.required;
    step.weight = 20;
    cx.add(step);
}

pub(super) fn xmake(cx: &mut PlanCx<'_>, requirements: &Requirements, packages: Option<&StepId>) {
    if requirements.xmake.components.is_empty() {
        return;
    }
    let layout = cx.known.layout;
    let source = cx.known.case.toolchains.xmake.source.as_ref();
    let minimum = requirements.xmake_minimum.clone();
    let title = match &minimum {
        Some(minimum) => format!("ensure xmake {minimum} or newer"),
        None => "ensure xmake".to_owned(),
    };
    let action = Action::EnsureToolchain(EnsureToolchain::Xmake {
        minimum,
        source: source.map(|source| layout.source_artifacts(source)),
        tree: layout.data.join("xmake"),
        manager: cx.known.target.package_manager.clone(),
    });
    let mut step = step("deps/toolchain/xmake", title, action, Freshness::Observed);
    let fetched = source.map(plan_sources::fetch_id).filter(|id| cx.has(id));
    step.after = packages.cloned().into_iter().chain(fetched).collect();
    step.claims.locks = vec!["packages".to_owned()];
    // The distribution's takes root; what a source brings does not.
    step.privilege = if cx.known.target.root { Privilege::Root } else { Privilege::User };
    step.serves.clone_from(&requirements.xmake.components);
    step.optional = !requirements.xmake.required;
    step.weight = 20;
    cx.add(step);
}
