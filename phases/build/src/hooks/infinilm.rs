//! InfiniLM: the InfiniCore that it is built against, the compiled spdlog, the wheel of its Python package.

use engine::planning::PlanError;
use model::case::{Check, Driver, XmakeSettings};

use super::infini;
use super::interface::Hooks;
use crate::built::Additions;
use crate::options::asked_for;
use crate::subject::Subject;

pub struct Infinilm;

impl Hooks for Infinilm {
    fn xmake(&self, subject: &Subject<'_>) -> Result<XmakeSettings, PlanError> {
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

    fn additions(&self, subject: &Subject<'_>) -> Result<Additions, PlanError> {
        infini::additions(subject, "infinilm", &[])
    }

    fn checks(&self, subject: &Subject<'_>) -> Vec<Check> {
        // Of an InfiniCore that lies elsewhere nobody knows what it was compiled for.
        let accelerated = infini::core(subject)
            .is_none_or(|core| infini::is_accelerated(&asked_for(Driver::Xmake, core, &core.options)));
        vec![infini::imported(&["infinicore", "infinilm"], accelerated)]
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
            format!(
                "component `{}` is built against InfiniCore, but its `needs` do not list it",
                subject.name
            ),
            "add needs = [\"infinicore\"], or say where it is installed: environment = { INFINI_ROOT = \"…\" \
             }",
        )
    })?;
    Ok(core.prefix.as_ref().unwrap_or(&subject.known.layout.prefix).to_string())
}
