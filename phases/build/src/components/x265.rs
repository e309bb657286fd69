//! x265: CMake, in the directory `source` of its source.

use indexmap::IndexMap;
use model::StepId;
use model::case::{Check, Component, Driver, OptionValue};
use model::plan::{Expectation, Shows};
use model::target::Target;

use super::{Recipe, is_off, is_on, library, off, on, prints};
use crate::drivers::Subject;

pub struct X265;

impl Recipe for X265 {
    fn name(&self) -> &'static str {
        "x265"
    }

    fn driver(&self) -> Driver {
        Driver::Cmake
    }

    fn subdirectory(&self) -> Option<&'static str> {
        Some("source")
    }

    fn system(&self, component: &Component, target: &Target) -> Vec<&'static str> {
        let off = off(&component.options, "ENABLE_ASSEMBLY");
        // Its version, which it asks git for (also in a release, where it stands in a file), decides whether it installs
        // `x265.pc` (source/cmake/Version.cmake).
        let mut needs = vec!["git"];
        if target.arch == "x86_64" && !off {
            needs.push("nasm");
        }
        needs
    }

    fn expectations(
        &self,
        _options: &IndexMap<String, OptionValue>,
        subject: &Subject<'_>,
    ) -> Option<Vec<Expectation>> {
        let configure = StepId::new(format!("build/{}/configure", subject.name));
        Some(vec![Expectation {
            asked: "a version, without which x265.pc is not installed".to_owned(),
            file: subject.known.layout.step_log(&configure),
            shows: Shows::NoLineWith("X265 RELEASE VERSION unknown".to_owned()),
            missing: Some("x265Version.txt at the top of the source, or git".to_owned()),
        }])
    }

    fn options(&self) -> IndexMap<String, OptionValue> {
        [("ENABLE_CLI", false), ("ENABLE_SHARED", true)]
            .map(|(key, value)| (key.to_owned(), OptionValue::Switch(value)))
            .into()
    }

    fn checks(&self, subject: &Subject<'_>) -> Vec<Check> {
        let mut checks = Vec::new();
        if is_on(subject, "ENABLE_SHARED") {
            // A library beside others for more bits exports one name, with the number of its interface.
            let exports: &[&str] = if is_off(subject, "EXPORT_C_API") {
                &[]
            } else {
                &["x265_param_default", "x265_encoder_encode"]
            };
            checks.push(library("libx265.so", exports));
        }
        if is_on(subject, "ENABLE_CLI") {
            checks.push(prints(["{prefix}/bin/x265", "--version"], "HEVC encoder version"));
        }
        checks
    }

    fn notes(&self, options: &IndexMap<String, OptionValue>) -> Vec<String> {
        let mut notes = vec!["x265: what is linked with it comes under the GPL".to_owned()];
        if on(options, "HIGH_BIT_DEPTH") {
            notes.push("x265: HIGH_BIT_DEPTH makes a library for 10 bits and more only".to_owned());
        }
        notes
    }

    fn weight(&self) -> u32 {
        150
    }

    fn disk_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        300
    }

    fn job_memory_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        600
    }
}
