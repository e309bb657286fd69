//! Opus: autoconf's configure, as its releases ship it.

use indexmap::IndexMap;
use model::case::{Check, Component, Driver, OptionValue};
use model::target::Target;

use super::{Recipe, library, off, said};
use crate::drivers::Subject;

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

    fn checks(&self, subject: &Subject<'_>) -> Vec<Check> {
        let exports = ["opus_encode", "opus_decode"];
        let is_static = said(subject, "disable-shared") || off(&subject.options, "enable-shared");
        if is_static { Vec::new() } else { vec![library("libopus.so", &exports)] }
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
