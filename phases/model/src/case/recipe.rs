//! Recipes: what is known of a component, in the words of a case, below what a case says of it.

use std::collections::BTreeMap;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::{Case, Component, When};

/// What is known of one component.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recipe {
    /// What it says.
    pub says: Component,
    /// The file that it stands in, as messages show it.
    pub file: String,
    /// What is wrong with the file: it then says nothing, and a case that follows it is refused.
    pub broken: Option<Diagnostics>,
}

/// All recipes, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recipes(BTreeMap<String, Recipe>);

impl FromIterator<(String, Recipe)> for Recipes {
    fn from_iter<All: IntoIterator<Item = (String, Recipe)>>(all: All) -> Self {
        Self(all.into_iter().collect())
    }
}

impl Recipes {
    /// Their names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The recipe of a name.
    pub fn get(&self, name: &str) -> Option<&Recipe> {
        self.0.get(name)
    }

    /// Adds one; of two with the same name the later counts.
    pub fn insert(&mut self, name: String, recipe: Recipe) {
        self.0.insert(name, recipe);
    }

    /// The recipe that a component follows: the one that it names, or that of its own name. A component that says its
    /// driver is the user's own, whatever it is called.
    pub fn followed<'a>(&'a self, name: &'a str, component: &'a Component) -> Option<(&'a str, &'a Recipe)> {
        let wanted = match &component.recipe {
            Some(recipe) => recipe,
            None if component.driver.is_none() => name,
            None => return None,
        };
        self.0.get(wanted).map(|recipe| (wanted, recipe))
    }

    /// What is wrong with the files of recipes that a case follows.
    pub fn broken(&self, case: &Case) -> Vec<Diagnostic> {
        let followed = case.components.iter().filter_map(|(name, one)| self.followed(name.as_str(), one));
        followed.filter_map(|(_, recipe)| recipe.broken.clone()).flat_map(|found| found.0).collect()
    }

    /// Puts what recipes say below what the case says of the components that follow them. A component then says by
    /// `recipe` which one it follows.
    pub fn settle(&self, case: &mut Case) {
        for (name, component) in &mut case.components {
            let Some((recipe, known)) = self.followed(name.as_str(), component) else { continue };
            let settled = below(&known.says, component, recipe);
            *component = settled;
        }
    }
}

/// A component of a case over its recipe: lists and tables are added to, single values replaced.
fn below(recipe: &Component, case: &Component, name: &str) -> Component {
    let mut own = recipe.clone();
    // Checks of a recipe may name what commands of the case install elsewhere.
    if case.skip_recipe_checks || (case.commands.is_some() && recipe.commands.is_some()) {
        own.checks.clear();
        own.when.values_mut().for_each(|when| when.checks.clear());
    }
    let Component {
        recipe: _,
        driver,
        source,
        subdirectory,
        needs,
        system,
        options,
        arguments,
        environment,
        prefix,
        generator,
        fetch_content,
        subprojects,
        files,
        binaries,
        features,
        xmake,
        python_modules,
        editable,
        commands,
        expect,
        checks,
        skip_recipe_checks,
        app,
        optional,
        when,
        notes,
        missing,
        python_packages,
        weight,
        disk_mib,
        job_memory_mib,
        mark,
        vendored,
        environment_options,
        autoreconf,
        strict_configure,
        link_source,
        no_white_space_in_prefix,
        editable_install,
        hooks,
    } = case.clone();
    let xmake = match (own.xmake, xmake) {
        (Some(own), Some(over)) => Some(own.with(&over)),
        (own, over) => over.or(own),
    };
    let mut whens = own.when;
    for (condition, over) in when {
        match whens.get_mut(&condition) {
            Some(own) => add(own, over),
            None => {
                whens.insert(condition, over);
            }
        }
    }
    Component {
        recipe: Some(name.to_owned()),
        driver: driver.or(own.driver),
        source: source.or(own.source),
        subdirectory: subdirectory.or(own.subdirectory),
        needs: joined(own.needs, needs),
        system: joined(own.system, system),
        options: extended(own.options, options),
        arguments: joined(own.arguments, arguments),
        environment: extended(own.environment, environment),
        prefix: prefix.or(own.prefix),
        generator: generator.or(own.generator),
        fetch_content: extended(own.fetch_content, fetch_content),
        subprojects: extended(own.subprojects, subprojects),
        files: extended(own.files, files),
        // A list of the case's names all that it wants.
        binaries: if binaries.is_empty() { own.binaries } else { binaries },
        features: joined(own.features, features),
        xmake,
        python_modules: python_modules.or(own.python_modules),
        editable: editable || own.editable,
        commands: commands.or(own.commands),
        expect: joined(own.expect, expect),
        checks: joined(own.checks, checks),
        skip_recipe_checks,
        app: app.or(own.app),
        optional: optional || own.optional,
        when: whens,
        notes: joined(own.notes, notes),
        missing: extended(own.missing, missing),
        python_packages: extended(own.python_packages, python_packages),
        weight: weight.or(own.weight),
        disk_mib: disk_mib.or(own.disk_mib),
        job_memory_mib: job_memory_mib.or(own.job_memory_mib),
        mark: mark.or(own.mark),
        vendored: joined(own.vendored, vendored),
        environment_options: extended(own.environment_options, environment_options),
        autoreconf: autoreconf || own.autoreconf,
        strict_configure: strict_configure || own.strict_configure,
        link_source: link_source || own.link_source,
        no_white_space_in_prefix: no_white_space_in_prefix.or(own.no_white_space_in_prefix),
        editable_install: editable_install || own.editable_install,
        hooks: hooks.or(own.hooks),
    }
}

/// What holds under one condition, in the recipe and in the case.
fn add(own: &mut When, over: When) {
    let When {
        system,
        options,
        builds_on,
        expect,
        checks,
        notes,
        python_packages,
        python_modules,
        disk_mib,
        job_memory_mib,
    } = over;
    own.system.extend(system);
    own.options.extend(options);
    own.builds_on.extend(builds_on);
    own.expect.extend(expect);
    own.checks.extend(checks);
    own.notes.extend(notes);
    own.python_packages.extend(python_packages);
    own.python_modules = python_modules.or(own.python_modules.take());
    own.disk_mib = disk_mib.or(own.disk_mib);
    own.job_memory_mib = job_memory_mib.or(own.job_memory_mib);
}

fn joined<T>(mut own: Vec<T>, over: Vec<T>) -> Vec<T> {
    own.extend(over);
    own
}

fn extended<K, V, Table: Extend<(K, V)> + IntoIterator<Item = (K, V)>>(mut own: Table, over: Table) -> Table {
    own.extend(over);
    own
}
