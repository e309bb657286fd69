//! What an interpreter has is kept: the resolver sees exactly these versions, and none of them is downloaded.
//!
//! Each package is a constraint (`torch==2.1.0+cu118`) and a wheel that holds nothing but its name, its version and
//! what its extras require. Its other requirements are left out: what is installed works as its vendor made it, and is
//! not resolved again. A constraint alone would send the resolver to the index for a version that no index has.

use std::io::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, StepError};
use model::Digest;
use model::plan::FetchWheels;
use model::python::{Package, Packages};
use pep440_rs::Version;

use super::wheel::Wheels;
use super::{command, facts};
use crate::sources::pypi::normalised;

/// The packages that are there, and what stands for them.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// By normalised name; only those whose version a resolver understands.
    pub packages: Packages,
    /// Whose they are.
    pub interpreter: Utf8PathBuf,
}

/// A build number above that of every real wheel, so that of two wheels of one version the empty one is taken.
const BUILD: &str = "999999999";

impl Kept {
    /// # Errors
    /// When the interpreter does not answer.
    pub(super) fn look(action: &FetchWheels, context: &dyn Context) -> Result<Self, StepError> {
        let Some(case) = &action.kept_for else { return Ok(Self::default()) };
        let interpreter = facts::facts(&action.interpreter, context)?;
        let mut packages = facts::kept(facts::packages(&interpreter, context)?, &interpreter, case)?;
        packages.retain(|name, package| {
            // One that is none makes pip refuse the whole file that it stands in.
            let known = package.version.parse::<Version>().is_ok();
            if !known {
                context.note(&format!(
                    "{name} {} of {} has no version to use as a constraint",
                    package.version, interpreter.executable
                ));
            }
            known
        });
        Ok(Self { packages, interpreter: interpreter.executable })
    }

    /// `torch==2.1.0+cu118`, one a line.
    pub(super) fn constraints(&self) -> String {
        self.packages.values().map(|package| format!("{}=={}\n", package.name, package.version)).collect()
    }

    /// Makes the wheels that stand for what is there.
    pub(super) fn stand_ins(
        &self,
        into: &Utf8Path,
        pip: &Utf8Path,
        context: &dyn Context,
    ) -> Result<(), StepError> {
        files::fresh_dir(into)?;
        let tag = best_tag(pip, context)?;
        for package in self.packages.values() {
            let path = into.join(file_name(package, &tag));
            stand_in(package, &tag, &path).map_err(|error| StepError::io("write", &path, &error))?;
        }
        Ok(())
    }

    /// What is left of downloaded wheels without those that stand for what is there.
    pub(super) fn without(&self, mut wheels: Wheels) -> Wheels {
        wheels.retain(|file, _| !file.contains(&format!("-{BUILD}-")));
        wheels
    }

    /// What the text of a `wanted` digest says of it.
    pub(super) fn wanted(&self) -> Option<Digest> {
        (!self.packages.is_empty()).then(|| Digest::of(self.constraints()))
    }

    /// Whose conflict a resolver tells of: the package that is there, and who asks for which version of it.
    pub(super) fn conflict(&self, said: &[String]) -> Option<(&Package, String)> {
        let project = |text: &str| {
            let name = text.split(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).next();
            normalised(name.unwrap_or_default())
        };
        let package = said
            .iter()
            .filter_map(|line| line.trim().split_once("(constraint) "))
            .find_map(|(_, what)| self.packages.get(&project(what)))?;
        let mut asks: Vec<String> = Vec::new();
        for line in said.iter().map(|line| line.trim()).filter(|line| !line.contains("(constraint)")) {
            let asked = line.strip_prefix("The user requested ").map(|what| ("the case", what));
            let Some((who, what)) = asked.or_else(|| line.split_once(" depends on ")) else { continue };
            let ask = format!("{who} needs {what}");
            if project(what) == package.name && !asks.contains(&ask) {
                asks.push(ask);
            }
        }
        if asks.is_empty() {
            asks.push("a requirement needs another version".to_owned());
        }
        Some((package, asks.join(", ")))
    }
}

/// The most specific tag that this interpreter's pip takes: no wheel of an index is preferred to it.
fn best_tag(pip: &Utf8Path, context: &dyn Context) -> Result<String, StepError> {
    let code = "from pip._internal.utils.compatibility_tags import get_supported; print(get_supported()[0])";
    let asked = context.capture(&command(pip, ["-c", code], super::pip_environment(context)))?;
    let tag = asked.stdout.trim();
    if asked.status == 0 && tag.split('-').count() == 3 {
        return Ok(tag.to_owned());
    }
    Err(StepError::new(
        format!("the pip of {pip} does not say which wheels it accepts: {}", asked.tail.join(" ")),
        format!("update pip: {pip} -m pip install --upgrade pip"),
    ))
}

fn file_name(package: &Package, tag: &str) -> String {
    format!("{}-{}-{BUILD}-{tag}.whl", package.name.replace('-', "_"), package.version.replace('-', "_"))
}

/// <https://packaging.python.org/en/latest/specifications/binary-distribution-format/>
fn stand_in(package: &Package, tag: &str, path: &Utf8Path) -> std::io::Result<()> {
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path)?);
    let directory =
        format!("{}-{}.dist-info", package.name.replace('-', "_"), package.version.replace('-', "_"));
    let mut metadata =
        format!("Metadata-Version: 2.1\nName: {}\nVersion: {}\n", package.name, package.version);
    for extra in &package.extras {
        metadata.push_str(&format!("Provides-Extra: {}\n", one_line(extra)));
    }
    for needed in &package.extra_requires {
        metadata.push_str(&format!("Requires-Dist: {}\n", one_line(needed)));
    }
    let wheel = format!(
        "Wheel-Version: 1.0\nGenerator: installer\nRoot-Is-Purelib: true\nTag: {tag}\nBuild: {BUILD}\n"
    );
    let plain = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, text) in [("METADATA", metadata.as_str()), ("WHEEL", &wheel), ("RECORD", "")] {
        archive.start_file(format!("{directory}/{name}"), plain)?;
        archive.write_all(text.as_bytes())?;
    }
    archive.finish()?.sync_all()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
