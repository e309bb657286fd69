//! nv-codec-headers: headers of NVIDIA's codecs and a pkg-config file; nothing is compiled.

use indexmap::IndexMap;
use model::case::{Check, Commands, Component, Driver, OptionValue};
use model::target::Target;

use super::{Recipe, prints};
use crate::drivers::Subject;

pub struct NvCodecHeaders;

impl Recipe for NvCodecHeaders {
    fn name(&self) -> &'static str {
        "nv-codec-headers"
    }

    fn driver(&self) -> Driver {
        Driver::Command
    }

    fn commands(&self) -> Option<Commands> {
        let words = ["make", "-C", "{source}", "install", "PREFIX={prefix}", "DESTDIR={destdir}"];
        Some(Commands { install: vec![words.map(str::to_owned).into()], ..Commands::default() })
    }

    fn system(&self, _component: &Component, _target: &Target) -> Vec<&'static str> {
        vec!["make", "pkg-config"]
    }

    fn options(&self) -> IndexMap<String, OptionValue> {
        IndexMap::new()
    }

    fn checks(&self, subject: &Subject<'_>) -> Vec<Check> {
        if subject.component.commands.is_some() {
            // They may install it elsewhere.
            return Vec::new();
        }
        // FFmpeg's configure looks for it so; the variable leaves out what the system has.
        let place = "PKG_CONFIG_LIBDIR={prefix}/lib/pkgconfig";
        vec![prints(["env", place, "pkg-config", "--print-provides", "ffnvcodec"], "ffnvcodec = ")]
    }

    fn weight(&self) -> u32 {
        1
    }

    fn disk_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        10
    }
}
