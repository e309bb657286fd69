//! x264: a configure script of its own, which refuses options that it does not know.

use indexmap::IndexMap;
use model::case::{Check, Component, Driver, OptionValue};
use model::target::Target;

use super::{Recipe, library, on};
use crate::drivers::Subject;

pub struct X264;

impl Recipe for X264 {
    fn name(&self) -> &'static str {
        "x264"
    }

    fn driver(&self) -> Driver {
        Driver::Autotools
    }

    fn system(&self, component: &Component, target: &Target) -> Vec<&'static str> {
        let assembles = target.arch == "x86_64" && !on(&component.options, "disable-asm");
        if assembles { vec!["nasm"] } else { Vec::new() }
    }

    fn options(&self) -> IndexMap<String, OptionValue> {
        ["disable-cli", "enable-pic", "enable-shared"]
            .map(|key| (key.to_owned(), OptionValue::Switch(true)))
            .into()
    }

    fn checks(&self, subject: &Subject<'_>) -> Vec<Check> {
        let shared = on(&subject.options, "enable-shared");
        let exports = ["x264_param_default", "x264_encoder_encode"];
        if shared { vec![library("libx264.so", &exports)] } else { Vec::new() }
    }

    fn notes(&self, _options: &IndexMap<String, OptionValue>) -> Vec<String> {
        vec!["x264: what is linked with it comes under the GPL".to_owned()]
    }

    fn weight(&self) -> u32 {
        60
    }

    fn disk_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        100
    }

    fn job_memory_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        200
    }
}
