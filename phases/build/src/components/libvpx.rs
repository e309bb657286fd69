//! libvpx: a configure script of its own, with Perl and an assembler.

use indexmap::IndexMap;
use model::case::{Check, Component, Driver, OptionValue};
use model::target::Target;

use super::{Recipe, library, on, said};
use crate::drivers::Subject;

pub struct Libvpx;

impl Recipe for Libvpx {
    fn name(&self) -> &'static str {
        "libvpx"
    }

    fn driver(&self) -> Driver {
        Driver::Autotools
    }

    fn system(&self, _component: &Component, target: &Target) -> Vec<&'static str> {
        let mut needs = vec!["cxx-compiler", "perl"];
        if target.arch == "x86_64" {
            needs.push("nasm");
        }
        needs
    }

    fn options(&self) -> IndexMap<String, OptionValue> {
        [
            ("disable-docs", true),
            ("disable-examples", true),
            ("disable-install-bins", true),
            ("disable-static", true),
            ("disable-tools", true),
            ("disable-unit-tests", true),
            ("enable-pic", true),
            ("enable-shared", true),
        ]
        .map(|(key, value)| (key.to_owned(), OptionValue::Switch(value)))
        .into()
    }

    fn checks(&self, subject: &Subject<'_>) -> Vec<Check> {
        let exports = ["vpx_codec_version_str", "vpx_codec_control_"];
        let shared = on(&subject.options, "enable-shared") && !said(subject, "disable-shared");
        if shared { vec![library("libvpx.so", &exports)] } else { Vec::new() }
    }

    fn weight(&self) -> u32 {
        120
    }

    fn disk_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        300
    }

    fn job_memory_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        250
    }
}
