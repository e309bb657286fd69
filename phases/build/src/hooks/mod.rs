//! What recipes leave to code, by the names under which they ask for it. One file each.

mod checks;
mod ffmpeg;
mod infini;
mod infinicore;
mod infinilm;
mod infinilm_svc;
mod interface;
mod opencv;

use model::case::Component;

pub use interface::Hooks;

/// All hooks, sorted by name.
static ALL: &[(&str, &dyn Hooks)] = &[
    ("ffmpeg", &ffmpeg::Ffmpeg),
    ("infinicore", &infinicore::Infinicore),
    ("infinilm", &infinilm::Infinilm),
    (APPLICATION, &infinilm_svc::InfinilmSvc),
    ("opencv", &opencv::Opencv),
];

/// The hooks that read what a case says under `app`.
pub const APPLICATION: &str = "infinilm-svc";

/// No hooks.
struct None;

impl Hooks for None {}

/// The hooks of a component.
pub fn of(component: &Component) -> &'static dyn Hooks {
    let wanted = component.hooks.as_deref();
    ALL.iter().find(|(name, _)| Some(*name) == wanted).map_or(&None, |(_, hooks)| *hooks)
}

/// The names of all hooks.
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|(name, _)| *name).collect()
}
