//! What the values of a case must mean, beyond their types.

mod application;
mod component;
mod fed;
pub(crate) mod image;
pub(crate) mod name;
mod needs;
mod packages;
mod placeholders;
mod python;
mod source;
mod stack;
mod toolchains;
mod xmake;

use super::diagnostic::{Diagnostic, suggest};
use super::tree::{Files, Node, quoted};
use super::{Case, Component, Driver, Recipes};

/// All that does not hold together.
pub(super) fn check(case: &Case, files: &Files, tree: &Node, recipes: &Recipes) -> Vec<Diagnostic> {
    let mut checker = Checker { case, files, tree, recipes, found: Vec::new() };
    checker.metadata();
    checker.system_packages();
    checker.package_names();
    checker.cuda();
    checker.versions();
    checker.cuda_toolchain();
    checker.xmake_toolchain();
    checker.python();
    checker.python_packages();
    checker.tensorrt();
    for (name, alternatives) in &case.sources {
        let path = ["sources", name.as_str()];
        checker.name(&path, "a source");
        let specs = alternatives.as_slice();
        if specs.is_empty() {
            let help = "list at least one alternative, or remove the source";
            checker.at_value(&path, format!("source `{name}` has no alternatives"), Some(help.to_owned()));
        }
        for (index, spec) in specs.iter().enumerate() {
            checker.source(
                name.as_str(),
                spec,
                matches!(alternatives, super::Alternatives::Many(_)).then_some(index),
            );
        }
    }
    for (name, component) in &case.components {
        checker.component(name, component);
    }
    checker.circles();
    checker.image();
    checker.placeholders();
    checker.found
}

/// All that does not hold together in a recipe. The tree has it where it would stand in a case.
pub(super) fn check_recipe(
    name: &str,
    says: &Component,
    files: &Files,
    tree: &Node,
    hooks: &[&str],
) -> Vec<Diagnostic> {
    let (case, recipes) = (Case::default(), Recipes::default());
    let mut checker = Checker { case: &case, files, tree, recipes: &recipes, found: Vec::new() };
    let path = ["components", name];
    if says.driver.is_none() {
        let help = Some(format!("write `driver = \"…\"`: one of {}", Driver::words()));
        checker.at_value(&path, format!("recipe `{name}` has no driver"), help);
    }
    for (key, said) in [
        ("recipe", says.recipe.is_some()),
        ("source", says.source.is_some()),
        ("needs", !says.needs.is_empty()),
        ("prefix", says.prefix.is_some()),
        ("editable", says.editable),
        ("skip_recipe_checks", says.skip_recipe_checks),
        ("optional", says.optional),
    ] {
        if said {
            let help = Some(format!("remove it; a case sets it in [components.{}]", quoted(name)));
            checker.at_key(&["components", name, key], format!("`{key}` is not for recipes"), help);
        }
    }
    if let Some(wanted) = says.hooks.as_deref().filter(|wanted| !hooks.contains(wanted)) {
        let help = suggest(wanted, hooks.iter().copied(), "there are");
        checker.at_value(&["components", name, "hooks"], format!("unknown hooks `{wanted}`"), help);
    }
    checker.driver_keys(name, says);
    checker.said_by_both(name, says);
    checker.found
}

struct Checker<'a> {
    case: &'a Case,
    files: &'a Files,
    tree: &'a Node,
    recipes: &'a Recipes,
    found: Vec<Diagnostic>,
}

impl Checker<'_> {
    fn at_value(&mut self, path: &[&str], message: String, help: Option<String>) {
        self.found.push(self.files.diagnose(&self.tree.nearest(path).span, message, help));
    }

    fn at_key(&mut self, path: &[&str], message: String, help: Option<String>) {
        self.found.push(self.files.diagnose(&self.tree.nearest(path).key, message, help));
    }

    fn metadata(&mut self) {
        let name = self.case.metadata.name.as_str();
        self.named(&["metadata", "name"], name, "a case");
    }
}

/// Whether a case may have this name, which becomes the name of directories.
pub fn is_case_name(name: &str) -> bool {
    name::mistake(name).is_none()
}
