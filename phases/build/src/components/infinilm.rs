//! InfiniLM: language models on InfiniCore.

use engine::planning::PlanError;
use indexmap::IndexMap;
use model::case::{Check, Component, Driver, OptionValue, XmakeSettings};
use model::target::Target;

use super::infini::{self, SPDLOG};
use super::{Mark, Recipe, Vendored};
use crate::drivers::{Built, Subject};

pub struct Infinilm;

/// Where its Python package goes, below the prefix.
const MODULES: &str = "lib/infinilm/python";

const VENDORED: &[Vendored] =
    &[SPDLOG, Vendored { directory: "json", rows: &["nlohmann-json"], minimum: None }];

impl Recipe for Infinilm {
    fn name(&self) -> &'static str {
        "infinilm"
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
        XmakeSettings {
            install: Some(Vec::new()),
            python_extensions: [("_infinilm".to_owned(), infini::extension(MODULES, "infinilm"))].into(),
            ..XmakeSettings::default()
        }
    }

    fn xmake_in(&self, subject: &Subject<'_>) -> Result<XmakeSettings, PlanError> {
        let mut settings = infini::settings(subject);
        let mode = subject.component.xmake.as_ref().and_then(|xmake| xmake.mode.as_deref());
        // Its project file has no rules for modes, so that none of them means anything.
        let (compile, link): (&[&str], &[&str]) = match mode.unwrap_or("release") {
            "debug" => (&["-O0", "-g"], &[]),
            "releasedbg" => (&["-O3", "-g", "-DNDEBUG"], &[]),
            _ => (&["-O3", "-DNDEBUG"], &["-s"]),
        };
        settings.cxxflags.extend(compile.iter().map(|word| (*word).to_owned()));
        settings.ldflags.extend(link.iter().map(|word| (*word).to_owned()));
        settings.environment.insert("INFINI_ROOT".to_owned(), infinicore(subject)?);
        Ok(settings)
    }

    fn mark(&self) -> Option<Mark> {
        Some(Mark { project: "InfiniLM", file: "xmake.lua", says: "target(\"_infinilm\")" })
    }

    fn vendored(&self) -> &'static [Vendored] {
        VENDORED
    }

    fn amend(&self, built: &mut Built, subject: &Subject<'_>) -> Result<(), PlanError> {
        infini::amend(built, subject, "infinilm", MODULES, &[])
    }

    fn checks(&self, subject: &Subject<'_>) -> Vec<Check> {
        // Of an InfiniCore that lies elsewhere nobody knows what it was compiled for.
        let accelerated = infini::core(subject).is_none_or(|core| infini::is_accelerated(&core.options));
        vec![infini::imported(&["infinicore", "infinilm"], accelerated)]
    }

    fn weight(&self) -> u32 {
        450
    }

    fn disk_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        600
    }

    fn job_memory_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        1_000
    }
}

/// The prefix of the InfiniCore that it is built against.
fn infinicore(subject: &Subject<'_>) -> Result<String, PlanError> {
    if let Some(root) = subject.environment.get("INFINI_ROOT") {
        return Ok(root.clone());
    }
    let core = infini::core(subject).ok_or_else(|| {
        PlanError::new(
            format!("components.{}.needs", subject.name),
            format!("component `{}` is built against InfiniCore, and none of its `needs` is it", subject.name),
            "add needs = [\"infinicore\"], or say where an installed one lies: environment = { INFINI_ROOT = \"…\" }",
        )
    })?;
    Ok(core.prefix.as_ref().unwrap_or(&subject.known.layout.prefix).to_string())
}
