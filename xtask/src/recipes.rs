//! Where recipes are found: in `./recipes`, `$INSTALLER_RECIPES`, `/etc/installer/recipes`, then in the binary.

use camino::{Utf8Path, Utf8PathBuf};
use model::case::{CaseFile, Diagnostic, Diagnostics, Format, Recipe, Recipes};

use crate::texts;

/// Directories of one's own recipes, in the order in which a name is looked for.
pub fn directories() -> Vec<Utf8PathBuf> {
    let mut found = vec![Utf8PathBuf::from("recipes")];
    if let Ok(listed) = std::env::var("INSTALLER_RECIPES") {
        found.extend(listed.split(':').filter(|word| !word.is_empty()).map(Utf8PathBuf::from));
    }
    found.push("/etc/installer/recipes".into());
    found
}

/// All recipes. One of one's own that does not hold together is told where a case follows it.
pub fn all() -> Recipes {
    let mut recipes = build::recipes::built_in().clone();
    for (name, path) in own() {
        let recipe = load(&name, &path);
        let file = path.to_string();
        let broken = |broken| Recipe { file, broken: Some(broken), ..Recipe::default() };
        recipes.insert(name, recipe.unwrap_or_else(broken));
    }
    recipes
}

/// The recipe in a file.
///
/// # Errors
/// All that is wrong with it, each with its place.
pub fn load(name: &str, path: &Utf8Path) -> Result<Recipe, Diagnostics> {
    read(path).and_then(|file| build::recipes::read(name, &file))
}

/// One's own recipes with their files: what is found first comes last, so that it counts.
pub fn own() -> Vec<(String, Utf8PathBuf)> {
    let mut found = Vec::new();
    for directory in directories().iter().rev() {
        let Ok(entries) = directory.read_dir_utf8() else { continue };
        let mut files: Vec<Utf8PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.into_path()))
            .filter(|path| path.extension() == Some("toml") && path.is_file())
            .collect();
        files.sort();
        found.extend(files.into_iter().filter_map(|path| Some((path.file_stem()?.to_owned(), path))));
    }
    found
}

/// The file of a recipe.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Utf8Path) -> Result<CaseFile, Diagnostics> {
    let text = texts::read(path).map_err(|error| Diagnostic {
        message: format!("failed to read the recipe {path}: {error}"),
        place: None,
        help: Some(error.help().unwrap_or("a recipe is TOML in UTF-8").to_owned()),
    })?;
    Ok(CaseFile { name: path.to_string(), text, format: Format::Toml, directory: None, artifacts: None })
}
