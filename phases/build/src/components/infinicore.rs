//! InfiniCore: tensors and operators for several kinds of accelerator, in C++ and Python.

use engine::planning::PlanError;
use indexmap::IndexMap;
use model::case::{Check, Component, Driver, OptionValue, XmakePackage, XmakeSettings};
use model::target::Target;

use super::infini::{self, SPDLOG};
use super::{Mark, Recipe, Vendored};
use crate::drivers::{Built, Subject};

pub struct Infinicore;

/// Where its Python package goes, below the prefix.
const MODULES: &str = "lib/infinicore/python";

/// The libraries that it installs. Others that it would install by default are for its own tests.
const LIBRARIES: &[&str] = &["infinirt", "infiniop", "infiniccl", "infinicore_cpp_api"];

const VENDORED: &[Vendored] =
    &[SPDLOG, Vendored { directory: "nlohmann_json", rows: &["nlohmann-json"], minimum: None }];

impl Recipe for Infinicore {
    fn name(&self) -> &'static str {
        "infinicore"
    }

    fn driver(&self) -> Driver {
        Driver::Xmake
    }

    fn system(&self, _component: &Component, _target: &Target) -> Vec<&'static str> {
        // Of a source that is not there yet nobody knows that it asks for it.
        vec!["pybind11"]
    }

    fn options(&self) -> IndexMap<String, OptionValue> {
        IndexMap::new()
    }

    fn python_packages(&self, _options: &IndexMap<String, OptionValue>) -> Vec<(&'static str, &'static str)> {
        vec![infini::SETUPTOOLS]
    }

    fn python_modules(&self, _options: &IndexMap<String, OptionValue>) -> Option<&'static str> {
        Some(MODULES)
    }

    fn has_editable_install(&self) -> bool {
        true
    }

    fn xmake(&self, _options: &IndexMap<String, OptionValue>) -> XmakeSettings {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        XmakeSettings {
            targets: names(&["infinicore_cpp_api"]),
            // Without them everything is installed that the project builds by default.
            install: Some(names(LIBRARIES)),
            python_extensions: [("_infinicore".to_owned(), infini::extension(MODULES, "infinicore"))].into(),
            // Asked for, and included by no file.
            requires: [("boost".to_owned(), XmakePackage::default())].into(),
            // What an earlier build installed below the prefix is not to be linked.
            environment: [("INFINI_ROOT".to_owned(), "{installed}".to_owned())].into(),
            ..XmakeSettings::default()
        }
    }

    fn xmake_in(&self, subject: &Subject<'_>) -> Result<XmakeSettings, PlanError> {
        Ok(infini::settings(subject))
    }

    fn mark(&self) -> Option<Mark> {
        Some(Mark { project: "InfiniCore", file: "xmake.lua", says: "target(\"infinicore_cpp_api\")" })
    }

    fn vendored(&self) -> &'static [Vendored] {
        VENDORED
    }

    fn amend(&self, built: &mut Built, subject: &Subject<'_>) -> Result<(), PlanError> {
        // Its setup.py packs the framework of its tests as a package.
        infini::amend(built, subject, "infinicore", MODULES, &["test/infinicore"])
    }

    fn checks(&self, subject: &Subject<'_>) -> Vec<Check> {
        vec![infini::imported(&["infinicore"], infini::is_accelerated(&subject.options))]
    }

    fn weight(&self) -> u32 {
        900
    }

    fn disk_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        1_000
    }

    fn job_memory_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        800
    }
}
