//! A component about which everything is settled: what drivers and hooks see of it.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use engine::planning::Known;
use indexmap::IndexMap;
use model::case::condition::Condition;
use model::case::{Component, Driver, OptionValue, SourceSpec, When, XmakeSettings};
use model::plan::{Argument, Command};
use model::source_facts::FactsOfSource;
use model::{ComponentName, SourceName};

use crate::cuda::Toolkit;
use crate::options::AskedOptions;

/// What stands for the interpreter of the case's Python environment.
pub const PYTHON: &str = "{python}";

/// What drivers and hooks may know of the component that is planned.
pub struct Subject<'a> {
    pub known: &'a Known<'a>,
    pub name: &'a ComponentName,
    pub driver: Driver,
    /// The name of its source.
    pub source_name: &'a SourceName,
    /// What is known of its source.
    pub facts: Option<&'a FactsOfSource>,
    /// What the case says of it, over its recipe.
    pub component: std::borrow::Cow<'a, Component>,
    /// Its options, with what follows from where things lie.
    pub options: IndexMap<String, OptionValue>,
    /// Driver `xmake`: what the case, the recipe and its hooks say.
    pub xmake: XmakeSettings,
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

impl Subject<'_> {
    /// The directory of the user's that its source is, if it is one.
    pub fn users_directory(&self) -> Option<Utf8PathBuf> {
        users_directory(self.known, self.source_name)
    }

    /// The directory with its project in a directory of the user's, if it is built from one.
    pub fn users_project(&self) -> Option<Utf8PathBuf> {
        let directory = self.users_directory()?;
        Some(within(&directory, self.component.subdirectory.as_deref()))
    }

    /// What its options and further arguments ask for.
    pub fn asked(&self) -> AskedOptions<'_> {
        AskedOptions::of(self.driver, &self.component, &self.options, &self.known.target.arch)
    }

    /// Whether an option is on, as such or among the further arguments.
    pub fn is_on(&self, name: &str) -> bool {
        self.asked().truth(name) == Some(true)
    }

    /// Whether an option is off.
    pub fn is_off(&self, name: &str) -> bool {
        self.asked().truth(name) == Some(false)
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

/// What a component says under `when` that holds, with the conditions.
pub fn holding<'a>(component: &'a Component, asked: &AskedOptions<'_>) -> Vec<(Condition, &'a When)> {
    let all = component.when.iter();
    // A case and a recipe that were loaded have none that cannot be read.
    all.filter_map(|(text, when)| Some((Condition::parse(text).ok()?, when)))
        .filter(|(condition, _)| condition.holds(asked))
        .collect()
}

/// The directory of the user's that a source is, if it is one.
pub fn users_directory(known: &Known<'_>, source: &SourceName) -> Option<Utf8PathBuf> {
    match known.case.sources.get(source)?.as_slice() {
        [SourceSpec::Path { path, .. }] => Some(known.layout.case_dir.join(path)),
        _ => None,
    }
}

/// A directory in a tree, if not its top.
pub fn within(tree: &Utf8Path, subdirectory: Option<&Utf8Path>) -> Utf8PathBuf {
    subdirectory.map_or_else(|| tree.to_owned(), |below| tree.join(below))
}
