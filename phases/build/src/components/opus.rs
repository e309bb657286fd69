//! Opus: autoconf's configure, as its releases ship it.

use indexmap::IndexMap;
use model::case::{Component, Driver, OptionValue};
use model::target::Target;

use super::Recipe;

pub struct Opus;

impl Recipe for Opus {
    fn name(&self) -> &'static str {
        "opus"
    }

    fn driver(&self) -> Driver {
        Driver::Autotools
    }

    fn system(&self, _component: &Component, _target: &Target) -> Vec<&'static str> {
        Vec::new()
    }

    fn options(&self) -> IndexMap<String, OptionValue> {
        ["disable-doc", "disable-extra-programs", "disable-static"]
            .map(|key| (key.to_owned(), OptionValue::Switch(true)))
            .into()
    }

    fn weight(&self) -> u32 {
        20
    }

    fn disk_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        100
    }

    fn job_memory_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        150
    }
}
