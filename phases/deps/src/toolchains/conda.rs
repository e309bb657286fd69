//! A conda environment at a given path: used when it is there, else created from an explicit specification
//! (<https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html>) with whatever of
//! micromamba, mamba and conda is there. Nothing is solved: the specification names every package.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, Finding, Observation, StepError};
use model::Digest;
use model::plan::{Argument, Command};

use crate::tools;

/// Which of them is taken, best first: micromamba needs no installation of its own.
const TOOLS: [&str; 3] = ["micromamba", "mamba", "conda"];

/// Below an environment that was made here: the digest of the specification.
const MARK: &str = "conda-meta/installer-specification";

pub(super) fn observe(prefix: &Utf8Path, specification: Option<&Utf8Path>) -> Result<Observation, StepError> {
    let mut seen = Observation::default();
    if incomplete(prefix).exists() {
        seen.findings.push(Finding {
            what: format!("{prefix} is incomplete"),
            cure: "run `installer deps`, which creates it again".to_owned(),
        });
    } else if !prefix.join("bin/python").is_file() {
        seen.findings.push(Finding {
            what: format!("there is no conda environment in {prefix}"),
            cure: match specification {
                Some(specification) => format!("run `installer deps`, which creates it from {specification}"),
                None => how_else(prefix),
            },
        });
    } else if let Some(finding) = other_specification(prefix, specification)? {
        seen.findings.push(finding);
    }
    seen.found.insert("conda".to_owned(), prefix.to_string());
    Ok(seen)
}

pub(super) fn run(
    prefix: &Utf8Path,
    specification: Option<&Utf8Path>,
    packages: &Utf8Path,
    context: &dyn Context,
) -> Result<(), StepError> {
    let marker = incomplete(prefix);
    if marker.exists() {
        files::remove_tree(prefix)?;
    } else if prefix.join("bin/python").is_file() {
        let finding = other_specification(prefix, specification)?;
        return finding.map_or(Ok(()), |finding| Err(StepError::new(finding.what, finding.cure)));
    } else if prefix.read_dir_utf8().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(StepError::new(
            format!("{prefix} exists but is not a conda environment: it has no bin/python"),
            "move it away, or correct python.prefix in the case",
        ));
    }
    let Some(specification) = specification else {
        return Err(StepError::new(format!("there is no conda environment in {prefix}"), how_else(prefix)));
    };
    let tool = tool(prefix, context)?;
    let text = files::read_if_there(specification)?.ok_or_else(|| {
        StepError::new(format!("{specification} does not exist"), "correct python.lock in the case")
    })?;
    let list = context.layout().cache.join("conda.txt");
    files::atomic_write(&list, localised(&text, specification, packages, context)?.as_bytes())?;
    files::atomic_write(&marker, b"installer is creating the environment beside this file\n")?;
    let mut words = vec!["create", "--yes", "--prefix", prefix.as_str(), "--file", list.as_str()];
    if context.offline() {
        words.push("--offline");
    }
    context.execute(&Command {
        program: tool.into_string(),
        args: words.into_iter().map(Argument::from).collect(),
        environment: environment(context),
        directory: Utf8PathBuf::from("/"),
    })?;
    if !prefix.join("bin/python").is_file() {
        return Err(StepError::new(
            format!("the environment that was created in {prefix} has no bin/python"),
            format!("add python (and pip) to {specification}"),
        ));
    }
    files::atomic_write(&prefix.join(MARK), Digest::of(text).as_str().as_bytes())?;
    files::remove_tree(&marker)
}

/// Beside an environment for as long as it is not whole.
fn incomplete(prefix: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{prefix}.installer-incomplete"))
}

/// An environment that was made here from what the case no longer says. One that was there before is used as it is.
fn other_specification(
    prefix: &Utf8Path,
    specification: Option<&Utf8Path>,
) -> Result<Option<Finding>, StepError> {
    let Some(specification) = specification else { return Ok(None) };
    let (Some(made_from), Some(text)) =
        (files::record(&prefix.join(MARK))?, files::read_if_there(specification)?)
    else {
        return Ok(None);
    };
    Ok((made_from.trim() != Digest::of(text).as_str()).then(|| Finding {
        what: format!("{prefix} was created from another {specification}"),
        cure: format!(
            "remove {prefix} (it may contain more than installer put there) and run `installer deps`, or \
             restore {specification}"
        ),
    }))
}

fn tool(prefix: &Utf8Path, context: &dyn Context) -> Result<Utf8PathBuf, StepError> {
    let environment = context.network_environment();
    let path = environment.get("PATH").map_or("", String::as_str);
    tools::find_tool(Utf8Path::new("/"), path, &TOOLS.map(str::to_owned)).ok_or_else(|| {
        StepError::new(
            format!("{prefix} must be created, but none of {} is on PATH", TOOLS.join(", ")),
            format!("put micromamba (a single program) on PATH; or {}", how_else(prefix)),
        )
    })
}

fn how_else(prefix: &Utf8Path) -> String {
    format!(
        "create it yourself (`micromamba create --prefix {prefix} python pip …`) or set python.lock to an explicit specification (`conda list --explicit --md5`); python.environment = \"venv\" needs no conda"
    )
}

/// The specification with every package that lies in the bundle taken from there.
fn localised(
    text: &str,
    specification: &Utf8Path,
    packages: &Utf8Path,
    context: &dyn Context,
) -> Result<String, StepError> {
    if !text.lines().any(|line| line.trim() == "@EXPLICIT") {
        return Err(StepError::new(
            format!("{specification} is not an explicit specification: it has no line `@EXPLICIT`"),
            "write it with `conda list --explicit --md5` (micromamba: `micromamba env export --explicit --md5`)",
        ));
    }
    let (mut lines, mut absent) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        let (address, hash) = match line.split_once('#') {
            Some((address, hash)) => (address, Some(hash)),
            None => (line, None),
        };
        let file = address.rsplit('/').next().unwrap_or_default();
        if address.is_empty() || address.starts_with('@') {
            lines.push(line.to_owned());
            continue;
        }
        let here = packages.join(file);
        if here.is_file() {
            lines.push(hash.map_or(format!("file://{here}"), |hash| format!("file://{here}#{hash}")));
        } else {
            absent.push(file.to_owned());
            lines.push(line.to_owned());
        }
    }
    if context.offline() && !absent.is_empty() {
        let more = absent.len().saturating_sub(5);
        absent.truncate(5);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        return Err(StepError::new(
            format!(
                "--offline forbids downloading, and {packages} does not have {}{rest}",
                absent.join(", ")
            ),
            format!("put the packages of {specification} into {packages}, or run without --offline"),
        ));
    }
    lines.push(String::new());
    Ok(lines.join("\n"))
}

/// Packages are unpacked into the case's own cache, and no configuration of a user's base environment is needed.
fn environment(context: &dyn Context) -> BTreeMap<String, String> {
    let layout = context.layout();
    let mut environment = context.network_environment();
    for (name, value) in [
        ("CONDA_PKGS_DIRS", layout.cache.join("conda")),
        ("MAMBA_ROOT_PREFIX", layout.data.join("micromamba")),
    ] {
        environment.insert(name.to_owned(), value.into_string());
    }
    environment
}

#[cfg(test)]
#[path = "conda_tests.rs"]
mod tests;
