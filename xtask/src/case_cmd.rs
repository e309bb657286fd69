//! `case list|show|new|check`; `import` and `diff` have files of their own.

use camino::Utf8Path;
use model::case::Driver;
use model::exit;

use crate::args::{CaseCommand, Common};
use crate::error::{Error, Result};
use crate::load::{case_name, load_case};
use crate::out::{print, say};
use crate::{cases, picker};

pub fn run(common: &Common, command: &CaseCommand) -> Result<i32> {
    match command {
        CaseCommand::List => list(),
        CaseCommand::Show { name, origins } => show(common, name.as_deref(), *origins),
        CaseCommand::New { name } => new(name),
        CaseCommand::Reference => print(&model::case::reference_markdown()).map(|()| exit::OK),
        CaseCommand::Import { from, output } => crate::case_import::import(common, from, output.as_deref()),
        CaseCommand::Diff { a, b, format } => crate::case_diff::diff(common, a, b, *format),
        CaseCommand::Check { name } => {
            let wanted = case_name(common, name.as_deref())?;
            // What only a plan can see: components that do not fit together.
            let mut setting = crate::load::Setting::gather(common, name.as_deref())?;
            setting.assume_mounted();
            for phase in [model::plan::Phase::Deps, model::plan::Phase::Build] {
                match setting.plan(phase) {
                    Ok(plan) => plan.warnings.iter().for_each(|warning| say(&format!("warning: {warning}"))),
                    // The case is well; it is this machine that lacks something.
                    Err(error) if error.code == exit::PREFLIGHT => {
                        if phase == model::plan::Phase::Deps {
                            say(&format!(
                                "not on this machine: {}",
                                error.message.trim_start_matches("error: ")
                            ));
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
            say(&format!("{wanted}: no mistakes found"));
            Ok(exit::OK)
        }
    }
}

fn list() -> Result<i32> {
    let cases = cases::list();
    let width = cases.keys().map(String::len).max().unwrap_or(0);
    for (name, place) in cases {
        print(&format!("{name:width$}  {} ({place})\n", picker::description(&name)))?;
    }
    let fragments = cases::fragments();
    if !fragments.is_empty() {
        let example = &fragments[0];
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
    if origins {
        let width = loaded.origins.iter().map(|origin| origin.key.len()).max().unwrap_or(0).min(48);
        for origin in &loaded.origins {
            print(&format!("{:width$} = {}  ({})\n", origin.key, origin.value, origin.from))?;
        }
        return Ok(exit::OK);
    }
    let text = serde_json::to_string_pretty(&loaded.case)
        .map_err(|error| Error::internal(format!("failed to encode the case: {error}")))?;
    print(&format!("{text}\n"))?;
    Ok(exit::OK)
}

fn new(name: &str) -> Result<i32> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with(['-', '.']) || !name.chars().all(plain) {
        return Err(Error::usage(format!(
            "`{name}` is no name for a case\n  help: use letters, digits, `-`, `_` and `.`"
        )));
    }
    let path = Utf8Path::new("cases").join(name).join("case.toml");
    if path.exists() {
        return Err(Error::usage(format!(
            "{path} is there already\n  help: choose another name, or edit it"
        )));
    }
    let text = STARTER.replace("NAME", name).replace("DRIVERS", &Driver::words());
    engine::files::atomic_write(&path, text.as_bytes())?;
    say(&format!("wrote {path}; see what it would do with `installer plan --case {name}`"));
    Ok(exit::OK)
}

/// Valid as it stands, so that it can be tried before it is changed.
const STARTER: &str = r#"# `installer case reference` tells every key; `installer case check NAME` finds mistakes.

schema = 1

[metadata]
name = "NAME"
description = "What this case builds, in one line"

# Packages of the distribution beyond those that the components need by themselves.
# system_packages = { apt = ["libfoo-dev"] }

# A Python environment: `deps` brings these wheels, `build` installs them without a network. Components with the driver
# python are installed into it; `installer build` says at its end where it stands.
# [python]
# packages = ["numpy", "requests>=2.31"]

# Where code comes from: path, git, archive, debian, pypi or crate. A list holds alternatives, best first.
[sources.sfz]
kind = "crate"
name = "sfz"
version = "0.7.1"

# What is built. Drivers: DRIVERS.
[components.sfz]
driver = "cargo"

# How it is seen that it works.
[[components.sfz.checks]]
kind = "run"
command = ["{prefix}/bin/sfz", "--version"]
contains = "0.7.1"
"#;
