//! Reads the file of a recipe.

use super::diagnostic::Diagnostics;
use super::merge::CaseFile;
use super::recipe::Recipe;
use super::tree::{FileKind, Files, Node, Value};
use super::{Component, semantic, toml, validate};

/// Reads the file of a recipe that is known to hold together.
///
/// # Errors
/// When it does not.
pub fn parse_recipe(file: &CaseFile) -> Result<Recipe, Diagnostics> {
    let mut files = Files::default();
    let index = files.add(&file.name, &file.text, FileKind::File);
    let tree = toml::parse(&files, index)?;
    recipe(file, &files, &tree)
}

fn recipe(file: &CaseFile, files: &Files, tree: &Node) -> Result<Recipe, Diagnostics> {
    let says = serde_json::from_value(tree.to_json())
        .map_err(|error| files.diagnose(&tree.span, format!("failed to read the recipe: {error}"), None))?;
    Ok(Recipe { says, file: file.name.clone(), broken: None })
}

/// Reads the file of a recipe. `hooks`: the names of the hooks that there are.
///
/// # Errors
/// All that is wrong, each with its place.
pub fn load_recipe(file: &CaseFile, name: &str, hooks: &[&str]) -> Result<Recipe, Diagnostics> {
    let mut files = Files::default();
    let index = files.add(&file.name, &file.text, FileKind::File);
    let tree = toml::parse(&files, index)?;
    let schema = schemars::schema_for!(Component).to_value();
    let found = validate::validate(&schema, &files, &tree);
    if !found.is_empty() {
        return Err(Diagnostics(found));
    }
    let recipe = recipe(file, &files, &tree)?;
    let span = tree.span.clone();
    let table = |key: &str, node: Node| Node {
        value: Value::Table([(key.to_owned(), node)].into_iter().collect()),
        key: span.clone(),
        span: span.clone(),
    };
    // Where it stands in a case, so that the same checks find their places.
    let tree = table("components", table(name, tree));
    let found = semantic::check_recipe(name, &recipe.says, &files, &tree, hooks);
    if !found.is_empty() {
        return Err(Diagnostics(found));
    }
    Ok(recipe)
}
