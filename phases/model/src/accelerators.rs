//! What InfiniCore can be compiled for (GPUs, NPUs and their like) and what each of it needs, from one table:
//! `accelerators.toml`.
//!
//! A vendor's SDK is nothing that `deps` could bring: it comes with the vendor's image or installer. A variable that
//! names it is read by the project while it is configured, and one that is missing is a stack trace there. So a plan
//! says where each SDK is looked for, and preflight looks.

mod options;
mod page;
mod switch;

pub use options::{Conflict, Unsettled, conflicts, settle};
pub use page::markdown;
pub use switch::switched_on;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use camino::Utf8PathBuf;
use indexmap::IndexMap;
use serde::Deserialize;

use crate::case::{Component, OptionValue};

/// Options of a component by name.
pub type Options = IndexMap<String, OptionValue>;

/// The whole table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Recipes of components to which the rows apply.
    pub recipes: Vec<String>,
    /// The rows.
    pub accelerator: Vec<Accelerator>,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accelerator {
    /// `nvidia`: part of the name of its fragment of a case.
    pub name: String,
    /// What it is, in words.
    pub title: String,
    /// The option that switches it on: `nv-gpu`.
    pub option: String,
    /// Whether it is on where nobody says anything.
    #[serde(default)]
    pub on: bool,
    /// Which kernels are compiled for it. Two accelerators with the same kernels define the same symbols, and exclude
    /// each other.
    #[serde(default)]
    pub kernels: Option<String>,
    /// The vendor's SDK.
    #[serde(default)]
    pub sdk: Option<Sdk>,
    /// Rows of the catalog that a component needs with it.
    #[serde(default)]
    pub system: Vec<String>,
    /// Programs that are started by their name.
    #[serde(default)]
    pub tools: Vec<String>,
    /// Python packages that are imported while it is configured.
    #[serde(default)]
    pub python: Vec<String>,
    /// Variables that are passed on where they are set.
    #[serde(default)]
    pub passes: Vec<String>,
    /// A device of this kind is here if one of these is there.
    #[serde(default)]
    pub devices: Vec<String>,
    /// What it is compiled for.
    #[serde(default)]
    pub architecture: Option<Architecture>,
    /// Where this is said.
    pub source: String,
}

/// A vendor's SDK.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sdk {
    /// `the MUSA SDK`.
    pub title: String,
    /// Variables that name its directory, the first that is set counts.
    pub variables: Vec<String>,
    /// Where it lies by custom.
    #[serde(default)]
    pub directories: Vec<Directory>,
    /// What must be in it.
    #[serde(default)]
    pub holds: Vec<Held>,
    /// Directories in it that belong on PATH.
    #[serde(default)]
    pub path: Vec<String>,
    /// Directories in it where compilers look for headers.
    #[serde(default)]
    pub includes: Vec<Includes>,
}

/// A directory in which an SDK lies by custom.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// Absolute.
    pub path: String,
    /// Only with this option.
    #[serde(default)]
    pub with: Option<String>,
    /// Only without this option.
    #[serde(default)]
    pub without: Option<String>,
}

/// Something that an SDK must hold.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// One of these, below its directory.
    pub any: Vec<String>,
    /// Only with this option.
    #[serde(default)]
    pub with: Option<String>,
    /// Only without this option.
    #[serde(default)]
    pub without: Option<String>,
    /// Only while this variable is not set.
    #[serde(default)]
    pub unless: Option<String>,
}

/// Directories in which compilers look for headers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Includes {
    /// Below the SDK's directory.
    pub below: Vec<String>,
    /// Only with this option.
    #[serde(default)]
    pub with: Option<String>,
}

/// What an accelerator is compiled for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// The option that says it: `cuda_arch`.
    pub option: String,
    /// How it is written.
    pub kind: ArchitectureKind,
    /// What counts where nobody says anything.
    #[serde(default)]
    pub default: Option<String>,
    /// The ones that the project's build files name.
    #[serde(default)]
    pub known: Vec<String>,
    /// One, for messages, where there is no default.
    #[serde(default)]
    pub example: Option<String>,
    /// The variable that says it where the option does not.
    #[serde(default)]
    pub variable: Option<String>,
    /// Whether the device of the machine is asked where nobody says anything.
    #[serde(default)]
    pub asks_device: bool,
}

/// How an architecture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArchitectureKind {
    /// A word of the vendor's.
    Name,
    /// NVIDIA's: `86`, `8.6` and `sm_86` mean the same. The project takes `sm_86`, several with commas.
    ComputeCapability,
}

/// Where an SDK is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Its directory.
    pub path: Utf8PathBuf,
    /// The variable that names it; none: it is where one usually is.
    pub named_by: Option<String>,
}

/// Variables as a component's commands see them, by who says them.
#[derive(Clone, Copy, Debug)]
pub struct Variables<'a> {
    /// The component's own, which go first.
    pub component: &'a BTreeMap<String, String>,
    /// The case's.
    pub case: &'a BTreeMap<String, String>,
    /// What `installer` was started with, as far as it passes it on.
    pub process: &'a BTreeMap<String, String>,
}

impl Variables<'_> {
    /// What a variable says; an empty one says nothing.
    pub fn get(&self, name: &str) -> Option<&str> {
        [self.component, self.case, self.process]
            .into_iter()
            .find_map(|said| said.get(name).filter(|value| !value.is_empty()))
            .map(String::as_str)
    }

    /// The first of these that is said; what the component says counts before what the case says, and that before the
    /// process's.
    fn first<'n>(&self, names: &'n [String]) -> Option<(&'n str, &str)> {
        [self.component, self.case, self.process].into_iter().find_map(|said| {
            names.iter().find_map(|name| {
                let value = said.get(name).filter(|value| !value.is_empty())?;
                Some((name.as_str(), value.as_str()))
            })
        })
    }
}

impl Accelerator {
    /// Whether the options switch it on.
    pub fn is_on(&self, options: &Options) -> bool {
        options.get(&self.option).map_or(self.on, switched_on)
    }

    /// Where its SDK is looked for; none where it has none, or nothing says where.
    pub fn root(&self, options: &Options, variables: &Variables<'_>) -> Option<Root> {
        let sdk = self.sdk.as_ref()?;
        if let Some((name, value)) = variables.first(&sdk.variables) {
            return Some(Root { path: value.into(), named_by: Some(name.to_owned()) });
        }
        let usual = sdk
            .directories
            .iter()
            .find(|directory| applies(options, directory.with.as_deref(), directory.without.as_deref()))?;
        Some(Root { path: Utf8PathBuf::from(&usual.path), named_by: None })
    }

    /// What must be below its SDK's directory, each a list of which one will do.
    pub fn holds(&self, options: &Options, variables: &Variables<'_>) -> Vec<&[String]> {
        let held = self.sdk.iter().flat_map(|sdk| &sdk.holds).filter(|held| {
            applies(options, held.with.as_deref(), held.without.as_deref())
                && held.unless.as_deref().is_none_or(|variable| variables.get(variable).is_none())
        });
        held.map(|held| held.any.as_slice()).collect()
    }

    /// The variables that its commands need: those that name the SDK, all of them, because build files of one project
    /// read different ones; and what is passed on. What the case says stands as it is.
    pub fn environment(&self, options: &Options, variables: &Variables<'_>) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        if let (Some(sdk), Some(root)) = (&self.sdk, self.root(options, variables)) {
            for name in &sdk.variables {
                found.insert(name.clone(), root.path.to_string());
            }
            let below: Vec<Utf8PathBuf> = sdk
                .includes
                .iter()
                .filter(|includes| applies(options, includes.with.as_deref(), None))
                .flat_map(|includes| includes.below.iter().map(|below| root.path.join(below)))
                .collect();
            if !below.is_empty() {
                let words: Vec<&str> = below.iter().map(|path| path.as_str()).collect();
                found.insert("CPATH".to_owned(), words.join(":"));
            }
        }
        let architecture = self.architecture.as_ref().and_then(|architecture| architecture.variable.as_ref());
        for name in self.passes.iter().chain(architecture) {
            if let Some(value) = variables.get(name) {
                found.insert(name.clone(), value.to_owned());
            }
        }
        for (name, value) in &mut found {
            let said = variables.component.get(name).or_else(|| variables.case.get(name));
            if let Some(said) = said {
                value.clone_from(said);
            }
        }
        found
    }

    /// Directories of its SDK that belong on PATH.
    pub fn path(&self, options: &Options, variables: &Variables<'_>) -> Vec<Utf8PathBuf> {
        let (Some(sdk), Some(root)) = (&self.sdk, self.root(options, variables)) else { return Vec::new() };
        sdk.path.iter().map(|below| root.path.join(below)).collect()
    }

    /// The name of the fragment that switches it on.
    pub fn fragment(&self) -> String {
        format!("accelerator-{}", self.name)
    }

    /// The variables of the process that matter to it.
    fn variables(&self) -> impl Iterator<Item = &str> {
        let sdk = self.sdk.iter().flat_map(|sdk| {
            sdk.variables.iter().chain(sdk.holds.iter().filter_map(|held| held.unless.as_ref()))
        });
        let architecture = self.architecture.iter().filter_map(|architecture| architecture.variable.as_ref());
        sdk.chain(&self.passes).chain(architecture).map(String::as_str)
    }
}

/// Whether something counts that is there only with one option or without another.
fn applies(options: &Options, with: Option<&str>, without: Option<&str>) -> bool {
    let on = |name: &str| options.get(name).is_some_and(switched_on);
    with.is_none_or(on) && !without.is_some_and(on)
}

/// The table that is compiled in.
pub fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        #[expect(clippy::expect_used, reason = "compiled in, and a test decodes it")]
        toml::from_str(include_str!("accelerators.toml")).expect("accelerators.toml decodes")
    })
}

/// Whether a component is one that the table speaks of: by the recipe that it names, else by its own name.
pub fn concerns(name: &str, component: &Component) -> bool {
    table().recipes.iter().any(|recipe| component.recipe.as_deref().unwrap_or(name) == recipe)
}

/// The rows that the options switch on.
pub fn active(options: &Options) -> Vec<&'static Accelerator> {
    table().accelerator.iter().filter(|row| row.is_on(options)).collect()
}

/// Of the environment that `installer` was started with, what a build for an accelerator may see.
pub fn passed_on(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    table()
        .accelerator
        .iter()
        .flat_map(Accelerator::variables)
        .filter_map(|name| {
            let value = environment.get(name).filter(|value| !value.is_empty())?;
            Some((name.to_owned(), value.clone()))
        })
        .collect()
}

/// Programs of all rows, which planning wants to know about.
pub fn tools() -> impl Iterator<Item = &'static str> {
    table().accelerator.iter().flat_map(|row| &row.tools).map(String::as_str)
}

#[cfg(test)]
mod tests;
