//! fdk-aac: CMake, because its repository has no generated configure script.

use indexmap::IndexMap;
use model::case::{Check, Component, Driver, OptionValue};
use model::target::Target;

use super::{Recipe, is_on, library};
use crate::drivers::Subject;

pub struct FdkAac;

impl Recipe for FdkAac {
    fn name(&self) -> &'static str {
        "fdk-aac"
    }

    fn driver(&self) -> Driver {
        Driver::Cmake
    }

    fn system(&self, _component: &Component, _target: &Target) -> Vec<&'static str> {
        Vec::new()
    }

    fn options(&self) -> IndexMap<String, OptionValue> {
        [("BUILD_PROGRAMS", false), ("BUILD_SHARED_LIBS", true)]
            .map(|(key, value)| (key.to_owned(), OptionValue::Switch(value)))
            .into()
    }

    fn checks(&self, subject: &Subject<'_>) -> Vec<Check> {
        let shared = is_on(subject, "BUILD_SHARED_LIBS");
        let exports = ["aacEncEncode", "aacDecoder_DecodeFrame"];
        if shared { vec![library("libfdk-aac.so", &exports)] } else { Vec::new() }
    }

    fn notes(&self, _options: &IndexMap<String, OptionValue>) -> Vec<String> {
        vec![
            "fdk-aac: its licence does not go with the GPL; binaries with both must not be redistributed"
                .to_owned(),
        ]
    }

    fn weight(&self) -> u32 {
        60
    }

    fn disk_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        100
    }

    fn job_memory_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        250
    }
}
