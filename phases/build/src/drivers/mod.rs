//! How a kind of component is built: the commands of each of its steps. One file each.

mod autotools;
mod cargo;
mod cmake;
mod command;
mod meson;
mod python;
pub(crate) mod xmake;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use engine::planning::{Known, PlanError};
use indexmap::IndexMap;
use model::case::{Component, Driver, OptionValue};
use model::plan::{Argument, Command, Expectation, Input, Jobs, Keep, StagedFile, StagedText, StagedTree};
use model::source_facts::FactsOfSource;
use model::{ComponentName, SourceName};

use crate::components::{self, Recipe};
use crate::cuda::Toolkit;

/// What a driver may know of the component that it plans.
pub struct Subject<'a> {
    pub known: &'a Known<'a>,
    pub name: &'a ComponentName,
    /// What is known of its source.
    pub facts: Option<&'a FactsOfSource>,
    pub component: &'a Component,
    pub recipe: Option<&'static dyn Recipe>,
    /// The recipe's options with the case's over them.
    pub options: IndexMap<String, OptionValue>,
    /// The whole of its source.
    pub tree: Utf8PathBuf,
    /// The tree that is built, subdirectory included.
    pub source: Utf8PathBuf,
    pub build: Utf8PathBuf,
    pub staging: Utf8PathBuf,
    pub prefix: Utf8PathBuf,
    /// Prefixes of needed components.
    pub prefixes: Vec<Utf8PathBuf>,
    pub environment: BTreeMap<String, String>,
    /// The CUDA toolkit, if it is built with it.
    pub cuda: Option<Toolkit>,
}

/// The commands of a component's steps.
#[derive(Debug, Default)]
pub struct Built {
    pub configure: Vec<Command>,
    pub expectations: Vec<Expectation>,
    /// Where configure writes down what it asked tools and what they answered.
    pub logs: Vec<Utf8PathBuf>,
    /// What shows that it is configured.
    pub configured: Vec<Utf8PathBuf>,
    pub compile: Vec<Command>,
    /// What shows that it is compiled, beyond the build tree.
    pub compiled: Vec<Utf8PathBuf>,
    pub install: Vec<Command>,
    /// Instead of `install`: files that are copied.
    pub staged: Vec<StagedFile>,
    /// Beside them: whole directories.
    pub staged_trees: Vec<StagedTree>,
    /// Beside them: files whose content the plan knows.
    pub staged_texts: Vec<StagedText>,
    /// What those directories hold, where no step before tells.
    pub stage_inputs: Vec<Input>,
    /// How the compile takes part in the job pool.
    pub jobs: Jobs,
    /// What a start of the compile may trust of an earlier attempt.
    pub keep: Option<Keep>,
    /// Whether a changed configuration starts from an empty tree.
    pub fresh_tree: bool,
}

impl Subject<'_> {
    /// The name of its source.
    pub fn source_name(&self) -> SourceName {
        self.component.source.clone().unwrap_or_else(|| SourceName::new(self.name.as_str()))
    }

    /// The directory of its source that is built, where it is not the whole.
    pub fn subdirectory(&self) -> Option<&Utf8Path> {
        components::subdirectory(self.component, self.recipe)
    }

    /// The directory with its project in a directory of the user's, if it is built from one.
    pub fn users_project(&self) -> Option<Utf8PathBuf> {
        let directory = crate::plan::users_directory(self.known, &self.source_name())?;
        Some(self.subdirectory().map_or_else(|| directory.clone(), |below| directory.join(below)))
    }

    /// A command in the build tree.
    pub fn command(
        &self,
        program: impl Into<String>,
        args: impl IntoIterator<Item = impl Into<Argument>>,
    ) -> Command {
        Command {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            environment: self.environment.clone(),
            directory: self.build.clone(),
        }
    }
}

/// What a driver needs of the distribution, by catalog name.
pub fn system(driver: Driver, component: &Component) -> Vec<&'static str> {
    match driver {
        Driver::Autotools => vec!["c-compiler", "libc-headers", "make"],
        Driver::Cargo => vec!["c-compiler"],
        Driver::Cmake => cmake::system(component),
        Driver::Command => Vec::new(),
        Driver::Meson => vec!["c-compiler", "libc-headers", "meson", "ninja", "pkg-config"],
        Driver::Python => Vec::new(),
        Driver::Xmake => xmake::system(),
    }
}

/// Plans the commands of a component.
///
/// # Errors
/// When the case does not say enough for this driver.
pub fn built(driver: Driver, subject: &Subject<'_>) -> Result<Built, PlanError> {
    match driver {
        Driver::Autotools => Ok(autotools::built(subject)),
        Driver::Cargo => cargo::built(subject),
        Driver::Cmake => Ok(cmake::built(subject)),
        Driver::Command => command::built(subject),
        Driver::Meson => Ok(meson::built(subject)),
        Driver::Python => python::built(subject),
        Driver::Xmake => xmake::built(subject),
    }
}
