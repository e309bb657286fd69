//! The recipes in the binary: one file of data each, in `phases/build/recipes/`.

use std::sync::OnceLock;

use include_dir::{Dir, include_dir};
use model::case::{CaseFile, Diagnostics, Format, Recipe, Recipes, load_recipe, parse_recipe};

use crate::hooks;

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/recipes");

/// Those that are built in.
///
/// # Panics
/// When one of them does not hold together; a test reads them all.
pub fn built_in() -> &'static Recipes {
    static ALL: OnceLock<Recipes> = OnceLock::new();
    ALL.get_or_init(|| {
        let of_file = |name: String, file: CaseFile| {
            // Whole checks of each would take every command as long as that.
            (name, parse_recipe(&file).unwrap_or_else(|found| panic!("{found}")))
        };
        files().map(|(name, file)| of_file(name, file)).collect()
    })
}

/// The files of those that are built in, by the names of the recipes.
pub fn files() -> impl Iterator<Item = (String, CaseFile)> {
    EMBEDDED.files().filter_map(|file| {
        let path = file.path().to_str()?;
        let name = path.strip_suffix(".toml")?.to_owned();
        let text = file.contents_utf8()?.to_owned();
        let shown = format!("(built in) recipes/{path}");
        Some((name, CaseFile { name: shown, text, format: Format::Toml, directory: None, artifacts: None }))
    })
}

/// Reads the file of a recipe that is not built in.
///
/// # Errors
/// All that is wrong, each with its place.
pub fn read(name: &str, file: &CaseFile) -> Result<Recipe, Diagnostics> {
    load_recipe(file, name, &hooks::names())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_are_built_in_hold_together() {
        for (name, file) in files() {
            let read = read(&name, &file).unwrap_or_else(|found| panic!("{found}"));
            assert_eq!(built_in().get(&name), Some(&read));
        }
        assert!(built_in().names().count() > 10);
    }
}
