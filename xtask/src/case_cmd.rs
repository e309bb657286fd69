//! `case list|show|new|check`; `import` and `diff` have files of their own.

use camino::Utf8Path;
use exec::Redactor;
use model::case::{Driver, Loaded};
use model::exit;
use serde_json::{Value, json};

use crate::args::{CaseCommand, Common};
use crate::error::{self, Error, Result};
use crate::load::{case_name, load_case};
use crate::out::{self, print, say};
use crate::{cases, picker};

pub fn run(common: &Common, command: &CaseCommand) -> Result<i32> {
    match command {
        CaseCommand::List => list(common),
        CaseCommand::Show { name, origins } => show(common, name.as_deref(), *origins),
        CaseCommand::New { name } => new(name),
        CaseCommand::Reference => print(&model::case::reference_markdown()).map(|()| exit::OK),
        CaseCommand::Import { from, output } => crate::case_import::import(common, from, output.as_deref()),
        CaseCommand::Diff { a, b, format } => crate::case_diff::diff(common, a, b, *format),
        CaseCommand::Check { name } => {
            if common.json {
                return check_json(common, name.as_deref());
            }
            let Checked { case, warnings, not_here } = check(common, name.as_deref())?;
            warnings.iter().for_each(|warning| say(&format!("warning: {warning}")));
            if let Some(error) = not_here {
                say(&format!("not on this machine: {}", error.told()));
            }
            say(&format!("{case}: no mistakes found"));
            Ok(exit::OK)
        }
    }
}

/// A case without mistakes.
struct Checked {
    case: String,
    /// Of its plans; what its text is warned of is told when it is read.
    warnings: Vec<String>,
    /// The case is well; it is this machine that lacks something.
    not_here: Option<Error>,
}

fn check(common: &Common, name: Option<&str>) -> Result<Checked> {
    let case = case_name(common, name)?;
    // What only a plan can see: components that do not fit together.
    let mut setting = crate::load::Setting::gather(common, name)?;
    setting.assume_mounted();
    setting.requirement_files_are_there()?;
    let mut checked = Checked { case, warnings: Vec::new(), not_here: None };
    for phase in [model::plan::Phase::Deps, model::plan::Phase::Build] {
        match setting.plan(phase) {
            Ok(plan) => checked.warnings.extend(plan.warnings),
            Err(error) if error.code == exit::PREFLIGHT => {
                checked.not_here.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(checked)
}

/// What `check` says, as one document; a case that is wrong is no error of the command.
fn check_json(common: &Common, name: Option<&str>) -> Result<i32> {
    let case = case_name(common, name)?;
    let read = load_case(common, &case).map(|(loaded, _)| loaded.warnings).unwrap_or_default();
    let mut diagnostics: Vec<Value> =
        read.iter().map(|warning| error::diagnostic("warning", &warning.0)).collect();
    let plain = |level: &str, message: &str, help: Option<String>| json!({ "level": level, "message": message, "file": null, "line": null, "column": null, "help": help });
    let of = |level: &str, error: &Error| match error.diagnostics.as_slice() {
        [] => vec![plain(level, &error.message, error.help_text())],
        several => several.iter().map(|one| error::diagnostic(level, one)).collect(),
    };
    let mut not_here = Vec::new();
    let code = match check(common, Some(&case)) {
        Ok(checked) => {
            diagnostics.extend(checked.warnings.iter().map(|warning| plain("warning", warning, None)));
            not_here = checked.not_here.iter().flat_map(|error| of("error", error)).collect();
            exit::OK
        }
        Err(error) if error.code == exit::BAD_CASE => {
            diagnostics.extend(of("error", &error));
            say(&error.among_others());
            error.code
        }
        Err(error) => return Err(error),
    };
    out::json(&json!({
        "schema": 1,
        "case": case,
        "valid": code == exit::OK,
        "diagnostics": diagnostics,
        "not_here": not_here,
    }))?;
    Ok(code)
}

fn list(common: &Common) -> Result<i32> {
    let cases = cases::listed();
    let fragments = cases::fragments();
    if common.json {
        let cases: Vec<Value> = cases
            .iter()
            .map(|listed| {
                let description = picker::description(&listed.name);
                json!({
                    "name": listed.name,
                    "description": description.as_ref().ok(),
                    "valid": description.is_ok(),
                    "built_in": listed.directory.is_none(),
                    "directory": listed.directory,
                })
            })
            .collect();
        out::json(&json!({ "schema": 1, "cases": cases, "fragments": fragments }))?;
        return Ok(exit::OK);
    }
    let width = cases.iter().map(|listed| listed.name.len()).max().unwrap_or(0);
    for listed in cases {
        let place = listed.directory.as_ref().map_or("built in", |directory| directory.as_str());
        let description =
            picker::description(&listed.name).unwrap_or_else(|_| picker::unreadable(&listed.name));
        print(&format!("{:width$}  {description} ({place})\n", listed.name))?;
    }
    if let Some(example) = fragments.first() {
        print(&format!(
            "\nfragments, for `extends = [\"CASE\", \"{example}\"]`: {}\n",
            fragments.join(", ")
        ))?;
    }
    Ok(exit::OK)
}

fn show(common: &Common, name: Option<&str>, origins: bool) -> Result<i32> {
    let wanted = case_name(common, name)?;
    let (loaded, _) = load_case(common, &wanted)?;
    for warning in &loaded.warnings {
        say(&format!("{warning}\n"));
    }
    // Whoever wrote a secret into a case knows it; who looks over the shoulder, or reads a ticket, does not.
    let redactor = redactor(&loaded);
    if origins && common.json {
        let origins: Vec<Value> = loaded
            .origins
            .iter()
            .map(|origin| json!({ "key": origin.key, "value": origin.value, "from": origin.from }))
            .collect();
        let document = json!({ "schema": 1, "case": wanted, "origins": origins });
        out::json(&out::redacted(document, &redactor))?;
        return Ok(exit::OK);
    }
    if origins {
        let width = loaded.origins.iter().map(|origin| origin.key.len()).max().unwrap_or(0).min(48);
        for origin in &loaded.origins {
            let line = format!("{:width$} = {}  ({})\n", origin.key, origin.value, origin.from);
            print(&redactor.redact_lines(&line))?;
        }
        return Ok(exit::OK);
    }
    let case = serde_json::to_value(&loaded.case)
        .map_err(|error| Error::internal(format!("failed to encode the case: {error}")))?;
    out::json(&out::redacted(case, &redactor))?;
    Ok(exit::OK)
}

/// Knows the secrets in the environments of a case and of its components.
fn redactor(loaded: &Loaded) -> Redactor {
    let components = loaded.case.components.values().flat_map(|component| &component.environment);
    Redactor::from_variables(loaded.case.environment.iter().chain(components))
}

fn new(name: &str) -> Result<i32> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with(['-', '.']) || !name.chars().all(plain) {
        return Err(Error::usage(format!("`{name}` cannot be the name of a case"))
            .with_help("use letters, digits, `-`, `_` and `.`"));
    }
    let path = Utf8Path::new("cases").join(name).join("case.toml");
    if path.exists() {
        return Err(
            Error::usage(format!("{path} exists already")).with_help("choose another name, or edit it")
        );
    }
    let text = STARTER.replace("NAME", name).replace("DRIVERS", &Driver::words());
    engine::files::atomic_write(&path, text.as_bytes())?;
    say(&format!("wrote {path}; see what it would do with `installer plan {name}`"));
    Ok(exit::OK)
}

/// Valid as it stands, so that it can be tried before it is changed.
const STARTER: &str = r#"# `installer case reference` lists every key; `installer case check NAME` finds mistakes.

schema = 1

[metadata]
name = "NAME"
description = "What this case builds, in one line"

# Packages of the distribution beyond those that the components need anyway.
# system_packages = { apt = ["libfoo-dev"] }

# A Python environment: `deps` downloads these wheels, `build` installs them without a network. Components with the
# driver python are installed into it; `installer build` prints at its end where it is.
# [python]
# packages = ["numpy", "requests>=2.31"]

# Where code comes from: path, git, archive, debian, pypi or crate. A list has alternatives, best first.
[sources.sfz]
kind = "crate"
name = "sfz"
version = "0.7.1"

# What is built. Drivers: DRIVERS.
[components.sfz]
driver = "cargo"

# How to check that it works.
[[components.sfz.checks]]
kind = "run"
command = ["{prefix}/bin/sfz", "--version"]
contains = "0.7.1"
"#;
