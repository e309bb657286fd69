//! InfiniCore: the compiled spdlog, the wheel of its Python package, and the import of that.

use engine::planning::PlanError;
use model::case::{Check, XmakeSettings};

use super::infini;
use super::interface::Hooks;
use crate::built::Additions;
use crate::subject::Subject;

pub struct Infinicore;

impl Hooks for Infinicore {
    fn xmake(&self, subject: &Subject<'_>) -> Result<XmakeSettings, PlanError> {
        Ok(infini::settings(subject))
    }

    fn additions(&self, subject: &Subject<'_>) -> Result<Additions, PlanError> {
        // Its setup.py packs the framework of its tests as a package.
        infini::additions(subject, "infinicore", &["test/infinicore"])
    }

    fn checks(&self, subject: &Subject<'_>) -> Vec<Check> {
        vec![infini::imported(&["infinicore"], infini::is_accelerated(&subject.asked().options))]
    }
}
