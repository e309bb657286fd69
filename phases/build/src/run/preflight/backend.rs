//! Whether the build backend of a Python project reads what the case hands to it.

use engine::pyproject;
use engine::runner::{Finding, Observation, StepError};
use model::plan::RequiredBackend;

/// Backends that ignore settings that they do not know, without a word, each with those that it knows; others refuse
/// them, or read them by a plugin.
const SILENT: &[(&str, &[&str])] = &[
    ("flit_core.buildapi", &[]),
    ("hatchling.build", &[]),
    ("poetry.core.masonry.api", &["local-version"]),
    (
        "setuptools.build_meta",
        &[
            "--build-option",
            "--global-option",
            "quiet",
            "verbose",
            "--quiet",
            "--verbose",
            "editable-mode",
            "editable_mode",
        ],
    ),
];

pub(super) fn look(required: &RequiredBackend, observation: &mut Observation) -> Result<(), StepError> {
    let backend = pyproject::backend(&required.file)?;
    // `setuptools.build_meta:__legacy__` is what it is without a name.
    let module = backend.split(':').next().unwrap_or(&backend);
    let Some((_, known)) = SILENT.iter().find(|(name, _)| *name == module) else { return Ok(()) };
    for setting in required.settings.iter().filter(|setting| !known.contains(&setting.as_str())) {
        let known = match known {
            [] => "it has none".to_owned(),
            known => format!("it has {}", known.join(", ")),
        };
        observation.findings.push(Finding {
            what: format!("{backend}, which builds it, ignores the setting `{setting}`: {known}"),
            cure: "remove it from `arguments`; what the project itself reads may be a variable: `environment` of the \
                   component"
                .to_owned(),
        });
    }
    Ok(())
}
