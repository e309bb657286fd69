//! Where the sources of a case come from: checkouts, references, and what the scripts cloned.

use model::case::SourceSpec;

use super::Translation;
use super::toml::{json, value_of};
use crate::import::REPOSITORIES;
use crate::options::given::Value;
use crate::options::head::Head;
use crate::options::refused::{Refused, Result};
use crate::options::table::{Meaning, OPTIONS, Phase};

/// What the scripts took where nobody named a reference.
const DEFAULT_BRANCH: &str = "main";

impl Translation<'_> {
    pub(super) fn sources(&mut self) -> Result<()> {
        for option in OPTIONS {
            let Meaning::Source(name) = option.meaning else { continue };
            let given = self.given.of(option);
            let used = self.facts.sources.contains_key(name) && !self.off.contains(name);
            let mut checkout = None;
            match given {
                Some(Value { from, .. }) if !used => {
                    let why = if self.off.contains(name) { "is left out" } else { "is not part of the case" };
                    self.note(format!("{from} is ignored: {name} {why}"));
                }
                Some(Value { text, from }) => {
                    let there = (self.world.is_directory)(text);
                    // The scripts cloned into a directory that was not there, but not in the second phase.
                    if !there && self.phase != Phase::Build {
                        self.note(format!("{from}: {text} does not exist and is ignored"));
                    } else {
                        checkout = Some(text.clone());
                    }
                }
                None if used => checkout = self.world.beside.get(name).cloned(),
                None => {}
            }
            if let Some(path) = &checkout {
                self.add(&["--source", &format!("{name}={path}")]);
            }
            self.revision(name, used, checkout.as_deref())?;
        }
        Ok(())
    }

    fn mounted(&self, source: &str) -> bool {
        matches!(self.facts.sources.get(source).map(Vec::as_slice), Some([SourceSpec::Mounted { .. }]))
    }

    /// A reference is fetched; a checkout of the user's is never moved to it.
    fn revision(&mut self, name: &'static str, used: bool, checkout: Option<&str>) -> Result<()> {
        let Some(Value { text, from }) = self.given.value(Meaning::Revision(name)) else {
            if used && checkout.is_none() && self.clones {
                self.cloned(name);
            }
            return Ok(());
        };
        if !used {
            let why = if self.off.contains(name) { "is left out" } else { "is not part of the case" };
            self.note(format!("{from} is ignored: {name} {why}"));
            return Ok(());
        }
        if let Some(checkout) = checkout {
            match (self.world.head)(checkout, text) {
                Head::There => {}
                Head::Elsewhere(commit) => {
                    return Err(Refused::new(
                        format!(
                            "{from} is {text}, but {checkout} is at {commit}: your checkout is built as it is"
                        ),
                        format!(
                            "git -C {checkout} checkout {text}; or leave the checkout out, and {text} is fetched"
                        ),
                    ));
                }
                Head::Unknown => self.note(format!(
                    "{from}: it is unknown whether {checkout} is at {text}; it is built as it is"
                )),
            }
            return Ok(());
        }
        let specs = self.facts.sources.get(name).map(Vec::as_slice).unwrap_or_default();
        let set = match specs {
            [SourceSpec::Git { .. }] => format!("sources.{name}.revision={}", value_of(text)),
            _ => match repository(name, specs) {
                Some(address) => fetched(name, &address, text),
                None => {
                    return Err(Refused::new(
                        format!(
                            "{from} is {text}, but the case `{}` has no git repository of {name} to fetch it \
                             from",
                            self.case
                        ),
                        format!("give a checkout of it: --source {name}=PATH"),
                    ));
                }
            },
        };
        self.add(&["--set", &set]);
        Ok(())
    }

    /// Where neither a checkout nor a reference was given the scripts cloned the project.
    fn cloned(&mut self, name: &str) {
        let specs = self.facts.sources.get(name).map(Vec::as_slice).unwrap_or_default();
        let (true, Some(address)) = (self.mounted(name), repository(name, specs)) else { return };
        let pinned = specs.first().and_then(|spec| match spec {
            SourceSpec::Mounted { revision, .. } => revision.clone(),
            _ => None,
        });
        let revision = pinned.unwrap_or_else(|| DEFAULT_BRANCH.to_owned());
        let set = fetched(name, &address, &revision);
        self.add(&["--set", &set]);
        self.note(format!("no checkout of {name} is given: using {revision} of {address}"));
    }
}

/// Where a source can be fetched from: what the case says, else where the scripts cloned it from.
fn repository(name: &str, specs: &[SourceSpec]) -> Option<String> {
    let of_case = specs.iter().find_map(|spec| match spec {
        SourceSpec::Git { url, .. } => Some(url.clone()),
        _ => None,
    });
    let known = || REPOSITORIES.iter().find(|(known, _)| *known == name);
    of_case.or_else(|| known().map(|(_, address)| (*address).to_owned()))
}

/// A git repository in the place of a source of another kind.
fn fetched(name: &str, address: &str, revision: &str) -> String {
    let (address, revision) = (json(address), json(revision));
    format!("sources.{name}={{kind=\"git\", url={address}, revision={revision}, submodules=true}}")
}
