//! Whether a configured tree enabled what was asked for: a configure script that finds no library may go on without.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use engine::files;
use engine::runner::StepError;
use model::event::FailureKind;
use model::plan::{ExpectEnabled, Expectation, Shows};

use super::declared;
use crate::options::cmake_truth;

pub(super) fn check(action: &ExpectEnabled, component: &str) -> Result<(), StepError> {
    let mut texts: BTreeMap<&Utf8PathBuf, String> = BTreeMap::new();
    let mut unmet: Vec<String> = Vec::new();
    let mut cures: Vec<String> = Vec::new();
    for expectation in &action.expectations {
        if !texts.contains_key(&expectation.file) {
            let forbids = matches!(expectation.shows, Shows::NoLine(_) | Shows::NoLineWith(_));
            if forbids && !expectation.file.exists() {
                continue;
            }
            let text = String::from_utf8_lossy(&files::read(&expectation.file)?).into_owned();
            texts.insert(&expectation.file, text);
        }
        let text = &texts[&expectation.file];
        let Some(why) = unmet_because(expectation, text) else { continue };
        if let Shows::NoEmptyEntry { beginning } = &expectation.shows {
            let build = expectation.file.parent().unwrap_or(&expectation.file);
            for wanted in declared::wanted(&empty_entries(text, beginning), build, component) {
                unmet.push(format!("{}, is missing, and `build` has no network", wanted.what));
                cures.push(wanted.cure);
            }
            continue;
        }
        let (message, cure) = match &expectation.missing {
            Some(missing) => (
                format!("{} was not enabled ({why}): {missing} is probably missing", expectation.asked),
                format!(
                    "add {missing} to the case (`system` of the component has packages, `needs` other components), \
                     or do not enable {}",
                    expectation.asked
                ),
            ),
            None => (
                format!("{} was not enabled ({why})", expectation.asked),
                format!(
                    "see the configure log for why {} was left out, or do not enable it",
                    expectation.asked
                ),
            ),
        };
        unmet.push(message);
        if !cures.contains(&cure) {
            cures.push(cure);
        }
    }
    if unmet.is_empty() {
        return Ok(());
    }
    Err(StepError::of_kind(FailureKind::Step, unmet.join("; "), cures))
}

fn unmet_because(expectation: &Expectation, text: &str) -> Option<String> {
    let file = &expectation.file;
    match &expectation.shows {
        Shows::Line(wanted) => (!text.lines().any(|line| line.trim() == wanted.trim()))
            .then(|| format!("{file} has no line `{}`", wanted.trim())),
        Shows::NoLineWith(unwanted) => text
            .lines()
            .find(|line| line.contains(unwanted.as_str()))
            .map(|line| format!("{file} says `{}`", line.trim())),
        Shows::NoLine(unwanted) => text
            .lines()
            .any(|line| line.trim() == unwanted)
            .then(|| format!("the project does not use {unwanted}: {file} lists it as unused")),
        Shows::Word { label, word } => {
            let behind = text.lines().find_map(|line| Some(line.split_once(label.as_str())?.1));
            match behind {
                None => Some(format!("{file} has no line with `{label}`")),
                Some(behind) if behind.split_whitespace().any(|found| found == word) => None,
                Some(behind) => Some(format!("`{label}` in {file} is followed by `{}`", behind.trim())),
            }
        }
        Shows::NotNo { label } => {
            let behind = text.lines().find_map(|line| Some(line.split_once(label.as_str())?.1));
            match behind.map(|behind| (behind.trim(), behind.split_whitespace().next())) {
                None => Some(format!("{file} has no line with `{label}`")),
                Some((_, Some("NO") | None)) => Some(format!("{file} says `{label} NO`")),
                Some(_) => None,
            }
        }
        Shows::NoEmptyEntry { beginning } => {
            let empty = empty_entries(text, beginning);
            (!empty.is_empty()).then(|| format!("{file} has no {beginning}… for {}", empty.join(", ")))
        }
        Shows::CacheEntry { name, value } => {
            let entry = text.lines().find_map(|line| {
                let (key, found) = line.split_once('=')?;
                let (key, kind) = key.split_once(':')?;
                (key.trim_matches('"') == name).then_some((kind, found))
            });
            match entry {
                None => Some(format!("{file} has no {name}")),
                Some((_, found)) if same_value(found, value) => None,
                Some(("PATH" | "FILEPATH", found)) if is_made_absolute(found, value) => None,
                Some((_, found)) => Some(format!("{file} has {name}={found} instead of {value}")),
            }
        }
    }
}

/// What comes behind the beginning in the names of variables of CMake's cache that have no value.
fn empty_entries<'a>(text: &'a str, beginning: &str) -> Vec<&'a str> {
    text.lines()
        .filter_map(|line| line.strip_prefix(beginning)?.split_once(':'))
        .filter(|(_, value)| value.ends_with('='))
        .map(|(name, _)| name)
        .collect()
}

/// Whether a path is what CMake makes of a relative one.
fn is_made_absolute(found: &str, value: &str) -> bool {
    let value = value.trim_start_matches("./");
    !value.is_empty()
        && !value.starts_with('/')
        && found.strip_suffix(value).is_some_and(|rest| rest.ends_with('/'))
}

/// Whether CMake takes two values for the same: by text, or as booleans.
fn same_value(left: &str, right: &str) -> bool {
    left == right || cmake_truth(left).is_some_and(|value| cmake_truth(right) == Some(value))
}
