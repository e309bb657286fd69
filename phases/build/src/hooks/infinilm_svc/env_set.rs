//! `env-set.sh`: what the entry point reads before it starts anything.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use camino::Utf8PathBuf;
use engine::planning::PlanError;
use engine::python_home::python_home;
use exec::Redactor;
use model::case::application::Application;
use model::shell::quoted;

use crate::subject::Subject;

/// Variables of a case that belong to a place or to the build itself.
const NOT_FOR_RUNNING: [&str; 7] =
    ["SOURCE_DATE_EPOCH", "PATH", "http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"];

/// The script. What is set already counts more: `docker run -e`.
pub fn text(app: &Application, subject: &Subject<'_>) -> Result<String, PlanError> {
    if let Some(secret) = app.environment.iter().find(|(name, value)| is_secret(name, value)) {
        return Err(PlanError::new(
            format!("components.{}.app.environment.{}", subject.name, secret.0),
            format!("{} looks like a secret and would be installed in env-set.sh", secret.0),
            format!("remove it and set it for the container: docker run -e {}", secret.0),
        ));
    }
    let case = &subject.known.case.metadata.name;
    let mut text = format!(
        "# Environment of the services of the case {case}: written by installer, and overwritten by the next \
         `installer build`.\n\
         # Variables that are already set win (docker run -e); the case's programs come first on PATH.\n"
    );
    for directory in directories(subject) {
        let quoted = quoted(directory.as_str());
        let _ =
            writeln!(text, "case \":${{PATH}}:\" in *:{quoted}:*) ;; *) PATH={quoted}:\"${{PATH}}\" ;; esac");
    }
    text.push_str("export PATH\n");
    let mut variables = of_case(subject);
    variables.extend(app.environment.clone());
    for (name, value) in [
        ("LAUNCH_COMPONENTS", app.launch.variable()),
        ("REGISTRY_PORT", app.registry_port.to_string()),
        ("ROUTER_PORT", app.router_port.to_string()),
    ] {
        variables.insert(name.to_owned(), value);
    }
    if !app.babysitters.is_empty() {
        let files: Vec<String> = app.babysitters.iter().map(|file| format!("cases/{case}/{file}")).collect();
        variables.insert("BABYSITTER_CONFIGS".to_owned(), files.join(" "));
    }
    for (name, value) in variables {
        let _ = writeln!(text, "[ -n \"${{{name}:-}}\" ] || {name}={}\nexport {name}", quoted(&value));
    }
    Ok(text)
}

/// What of the case's environment is left out, and may surprise.
pub fn notes(subject: &Subject<'_>) -> Vec<String> {
    let environment = &subject.known.case.environment;
    let secrets = environment.iter().filter(|(name, value)| is_secret(name, value));
    secrets
        .map(|(name, _)| {
            format!(
                "{}: {name} of the case looks like a secret and is not in env-set.sh: set it for the \
                 container",
                subject.name
            )
        })
        .collect()
}

fn of_case(subject: &Subject<'_>) -> BTreeMap<String, String> {
    let environment = subject.known.case.environment.iter();
    let taken = environment.filter(|(name, value)| {
        let lower = name.to_ascii_lowercase();
        let known = NOT_FOR_RUNNING.iter().any(|other| *other == name.as_str() || *other == lower);
        !known && !is_secret(name, value)
    });
    taken.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What leads PATH, last first: the programs, then the Python environment of the case over them.
fn directories(subject: &Subject<'_>) -> Vec<Utf8PathBuf> {
    let mut found = vec![subject.prefix.join("bin")];
    if subject.known.case.python.is_some() {
        found.extend(python_home(subject.known).program.parent().map(|bin| bin.to_owned()));
    }
    found.retain(|directory| directory.is_absolute());
    found
}

/// By its name, by its look, or because a password stands in it.
fn is_secret(name: &str, value: &str) -> bool {
    let variable = BTreeMap::from([(name.to_owned(), value.to_owned())]);
    Redactor::from_environment(&variable).redact(value) != value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_name_and_by_what_stands_in_them() {
        assert!(is_secret("HF_TOKEN", "abcdefgh") && is_secret("INDEX", "http://joe:s3cret@host/"));
        assert!(!is_secret("MACA_PATH", "/opt/maca") && !is_secret("CACHE_TYPE_ROUTING_THRESHOLD", "51200"));
    }
}
