//! `recipe list|show|check`.

use camino::{Utf8Path, Utf8PathBuf};
use model::case::{Diagnostics, Driver, nearest};
use model::exit;
use serde_json::{Value, json};

use crate::args::{Common, RecipeCommand};
use crate::error::{self, Error, Result};
use crate::out::{self, print, print_data, say};
use crate::recipes;

pub fn run(common: &Common, command: &RecipeCommand) -> Result<i32> {
    match command {
        RecipeCommand::List => list(common),
        RecipeCommand::Show { name } => show(name),
        RecipeCommand::Check { name } => check(common, name.as_deref()),
    }
}

fn list(common: &Common) -> Result<i32> {
    let all = recipes::all();
    let found = all.names().filter_map(|name| Some((name, all.get(name)?)));
    let own = recipes::own();
    let is_own = |name: &str| own.iter().any(|(own, _)| own == name);
    if common.json {
        let found: Vec<Value> = found
            .map(|(name, recipe)| {
                json!({
                    "name": name,
                    "driver": recipe.says.driver.map(Driver::as_str),
                    "valid": recipe.broken.is_none(),
                    "built_in": !is_own(name),
                    "file": is_own(name).then_some(&recipe.file),
                })
            })
            .collect();
        return out::json(&json!({ "schema": 1, "recipes": found })).map(|()| exit::OK);
    }
    let width = all.names().map(str::len).max().unwrap_or(0);
    for (name, recipe) in found {
        let place = if is_own(name) { recipe.file.as_str() } else { "built in" };
        let driver = match &recipe.broken {
            Some(_) => {
                format!("(has mistakes: `{} recipe check {name}` lists them)", crate::invocation::program())
            }
            None => recipe.says.driver.map_or("", Driver::as_str).to_owned(),
        };
        print(&format!("{name:width$}  {driver:9}  ({place})\n"))?;
    }
    Ok(exit::OK)
}

fn show(name: &str) -> Result<i32> {
    let own = recipes::own().into_iter().rev().find(|(known, _)| known == name);
    let text = match own {
        Some((_, path)) => recipes::read(&path).map_err(refused)?.text,
        None => build::recipes::files().find(|(known, _)| known == name).ok_or_else(|| unknown(name))?.1.text,
    };
    print_data(&text).map(|()| exit::OK)
}

fn check(common: &Common, name: Option<&str>) -> Result<i32> {
    let found: Vec<(String, Option<Utf8PathBuf>)> = match name {
        None => recipes::own().into_iter().map(|(name, path)| (name, Some(path))).collect(),
        Some(name) => vec![named(name)?],
    };
    if found.is_empty() {
        let places: Vec<String> = recipes::directories().into_iter().map(Utf8PathBuf::into_string).collect();
        return Err(Error::usage(format!(
            "no recipe to check: you have none of your own in {}",
            places.join(", ")
        ))
        .with_help("name a built-in recipe or a file"));
    }
    let mut wrong = Vec::new();
    for (name, path) in &found {
        let read = match path {
            Some(path) => recipes::load(name, path),
            None => {
                let (_, file) =
                    build::recipes::files().find(|(known, _)| known == name).ok_or_else(|| unknown(name))?;
                build::recipes::read(name, &file)
            }
        };
        if let Err(diagnostics) = read {
            wrong.extend(diagnostics.0);
        }
    }
    let code = if wrong.is_empty() { exit::OK } else { exit::BAD_CASE };
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    if common.json {
        let wrong: Vec<Value> = wrong.iter().map(|one| error::diagnostic("error", one)).collect();
        out::json(
            &json!({ "schema": 1, "recipes": names, "valid": wrong.is_empty(), "diagnostics": wrong }),
        )?;
        return Ok(code);
    }
    if !wrong.is_empty() {
        return Err(refused(Diagnostics(wrong)));
    }
    names.iter().for_each(|name| say(&format!("{name}: no mistakes found")));
    Ok(code)
}

/// What a word names: a file, one of one's own, or one that is built in.
fn named(word: &str) -> Result<(String, Option<Utf8PathBuf>)> {
    let path = Utf8Path::new(word);
    if path.extension() == Some("toml") || word.contains('/') {
        return Ok((path.file_stem().unwrap_or(word).to_owned(), Some(path.to_owned())));
    }
    if let Some((name, path)) = recipes::own().into_iter().rev().find(|(known, _)| known == word) {
        return Ok((name, Some(path)));
    }
    let is_built_in = build::recipes::built_in().get(word).is_some();
    if is_built_in { Ok((word.to_owned(), None)) } else { Err(unknown(word)) }
}

fn refused(diagnostics: Diagnostics) -> Error {
    Error::of_case(exit::BAD_CASE, diagnostics)
}

fn unknown(name: &str) -> Error {
    let all = recipes::all();
    let names: Vec<&str> = all.names().collect();
    let help = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? all: {}", names.join(", ")),
        None => format!("there are: {}", names.join(", ")),
    };
    Error::usage(format!("there is no recipe `{name}`")).with_help(help)
}
