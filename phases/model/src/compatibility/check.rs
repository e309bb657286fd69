//! Holds a case against the table. Pure: what of the machine matters comes as data.

mod cuda;
mod numpy;
mod python;
mod pytorch;
mod release;

use self::release::begins_with;
use super::requirement::{Demand, is_for};
use super::table;
use crate::SourceName;
use crate::case::Case;
use crate::source_facts::SourceFacts;
use crate::target::Target;

/// What is held against the table.
#[derive(Clone, Copy, Debug)]
pub struct Stack<'a> {
    /// The case.
    pub case: &'a Case,
    /// Lines of the requirement files that the case names.
    pub requirements: &'a [String],
    /// What is known of the sources.
    pub facts: &'a SourceFacts,
    /// The machine.
    pub target: &'a Target,
}

/// How sure the table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// Known not to work, on any machine: a mistake of the case.
    Wrong,
    /// The case is well, and this machine is not the one for it.
    NotHere,
    /// Nobody has said that it works.
    Unknown,
}

/// One pair that does not go together, or of which nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How sure that is.
    pub verdict: Certainty,
    /// Where in the case: `pytorch.torch_version`.
    pub key: String,
    /// What does not go together.
    pub message: String,
    /// What would.
    pub help: String,
    /// The source whose commit it is about, if it is about one: a checkout is given to `build` alone.
    pub source: Option<SourceName>,
}

/// All that does not go together, the worst first.
pub fn check(stack: &Stack<'_>) -> Vec<Finding> {
    let mut checker = Checker { stack: *stack, found: Vec::new() };
    checker.pytorch();
    checker.tensorrt();
    checker.toolkit();
    checker.opencv();
    checker.interpreter();
    checker.commits();
    checker.found.sort_by_key(|finding| finding.verdict);
    checker.found
}

/// The NumPy below which packages of a case have to be held, with the package that wants it; none where the case says
/// so itself or nothing wants it.
pub fn numpy_limit(case: &Case) -> Option<(String, String)> {
    let lines = || case.python.iter().flat_map(|python| &python.packages);
    let section = case.pytorch.as_ref().and_then(|pytorch| pytorch.torch_version.clone());
    let torch = section.or_else(|| lines().find_map(|line| Demand::of(line, "torch")?.exact))?;
    let row = table().pytorch.iter().find(|row| begins_with(&torch, &row.torch))?;
    let below = row.numpy_below.clone()?;
    let held = lines().filter_map(|line| Demand::of(line, "numpy")).any(|demand| demand.capped);
    (!held).then(|| (below, format!("torch {torch}")))
}

pub(super) struct Checker<'a> {
    pub(super) stack: Stack<'a>,
    found: Vec<Finding>,
}

/// A version that the case asks for.
struct Asked {
    /// The key that says so.
    key: String,
    version: String,
}

/// A Python version and why it is that one.
struct KnownPython {
    version: String,
    /// The key that says so; none when it is the distribution's own.
    key: Option<&'static str>,
}

impl Checker<'_> {
    pub(super) fn add(&mut self, verdict: Certainty, key: &str, message: String, help: String) {
        self.found.push(Finding { verdict, key: key.to_owned(), message, help, source: None });
    }

    /// The same of the commit of a source.
    pub(super) fn add_of_source(
        &mut self,
        verdict: Certainty,
        source: Option<&SourceName>,
        message: String,
        help: String,
    ) {
        let key = source.map_or_else(String::new, |source| format!("sources.{source}"));
        self.found.push(Finding { verdict, key, message, help, source: source.cloned() });
    }

    /// The version that the case asks for of a project: in the section of its own, else in a requirement.
    fn asked(&self, project: &str) -> Option<Asked> {
        let case = self.stack.case;
        let pytorch = case.pytorch.as_ref();
        let (key, version) = match project {
            "torch" => ("pytorch.torch_version", pytorch.and_then(|it| it.torch_version.clone())),
            "torchvision" => {
                ("pytorch.torchvision_version", pytorch.and_then(|it| it.torchvision_version.clone()))
            }
            "torchaudio" => {
                ("pytorch.torchaudio_version", pytorch.and_then(|it| it.torchaudio_version.clone()))
            }
            "tensorrt" => {
                let section = case.tensorrt.as_ref().filter(|tensorrt| tensorrt.enabled);
                ("tensorrt.version", section.and_then(|it| it.version.clone()))
            }
            _ => ("", None),
        };
        if let Some(version) = version {
            return Some(Asked { key: key.to_owned(), version });
        }
        let python = self.python().map(|python| python.version);
        self.lines().into_iter().filter(|(_, line)| is_for(line, python.as_deref())).find_map(
            |(key, line)| {
                let version = Demand::of(&line, project)?.exact?;
                Some(Asked { key, version })
            },
        )
    }

    /// Every requirement, with the key that brings it.
    fn lines(&self) -> Vec<(String, String)> {
        let packages = self.stack.case.python.iter().flat_map(|python| python.packages.iter().enumerate());
        let own = packages.map(|(index, line)| (format!("python.packages.{index}"), line.clone()));
        let files =
            self.stack.requirements.iter().map(|line| ("python.requirements".to_owned(), line.clone()));
        own.chain(files).collect()
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
