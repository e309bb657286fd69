//! Choosing a case where none was named.

use std::io::{BufRead, Write};

use model::case::{KnownNames, Overrides};

use crate::cases;
use crate::error::{Error, Result};

/// The description of a case; empty when it cannot be read, which choosing it will say.
pub fn description(name: &str) -> String {
    let Ok(found) = cases::find(name) else { return String::new() };
    let overrides = Overrides { default_name: found.name.clone(), ..Overrides::default() };
    let known = KnownNames { recipes: build::recipes().into_iter().map(str::to_owned).collect() };
    model::case::load(found.file, &mut |wanted, child| cases::parent(wanted, child), &overrides, &known)
        .map_or_else(
            |_| "(has mistakes: see `installer case check`)".to_owned(),
            |loaded| loaded.case.metadata.description,
        )
}

/// Asks on a terminal; elsewhere says what to type.
pub fn pick(on_terminal: bool) -> Result<String> {
    let names: Vec<String> = cases::list().into_keys().collect();
    if !on_terminal {
        return Err(Error::usage(format!(
            "no case is named\n  help: add --case NAME (or set DEPLOYMENT_CASE); there are: {}",
            names.join(", ")
        )));
    }
    let mut err = std::io::stderr().lock();
    let width = names.iter().map(String::len).max().unwrap_or(0);
    let mut text = String::from("Cases:\n");
    for (number, name) in names.iter().enumerate() {
        text.push_str(&format!("  {:>2}. {name:width$}  {}\n", number + 1, description(name)));
    }
    let asked = (|| {
        write!(err, "{text}Which one (number or name)? ")?;
        err.flush()?;
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        std::io::Result::Ok(line)
    })();
    let line = asked.map_err(|error| Error::internal(format!("failed to ask on the terminal: {error}")))?;
    let answer = line.trim();
    let by_number = answer.parse::<usize>().ok().and_then(|number| names.get(number.checked_sub(1)?));
    match by_number.or_else(|| names.iter().find(|name| *name == answer)) {
        Some(name) => Ok(name.clone()),
        None => Err(Error::usage(format!("`{answer}` is none of the cases\n  help: name one with --case"))),
    }
}
