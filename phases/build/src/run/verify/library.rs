//! Whether an installed shared library exports what its users call, and finds every symbol that it needs itself.

use camino::Utf8Path;
use engine::runner::{Context, StepError};
use model::event::FailureKind;
use model::manifest::Manifest;
use model::plan::Verify;
use object::{Object as _, ObjectSymbol as _};

use super::told::{SHOWN, asks_too_much, capture, failed};

pub(super) fn check(
    action: &Verify,
    installed: &Manifest,
    name: &str,
    exports: &[String],
    context: &dyn Context,
) -> Result<(), StepError> {
    let again = || format!("install {} again with `installer build`", action.component);
    let Some(path) = installed.files.keys().find(|path| path.file_name() == Some(name)) else {
        return Err(StepError::of_kind(
            FailureKind::Verify,
            format!("{} installed no {name}", action.component),
            vec!["build it as a shared library".to_owned(), asks_too_much(&action.component)],
        ));
    };
    let path = installed.prefix.join(path);
    let file = std::fs::File::open(&path).map_err(|error| StepError::io("read", &path, &error))?;
    let absent = absent(&file, exports).map_err(|problem| failed(format!("{path}: {problem}"), again()))?;
    if !absent.is_empty() {
        return Err(StepError::of_kind(
            FailureKind::Verify,
            format!("{path} does not export {}", absent.join(", ")),
            vec![
                format!(
                    "see the log of its configure step for what was left out of {}, and {}",
                    action.component,
                    again()
                ),
                asks_too_much(&action.component),
            ],
        ));
    }
    bound(action, &path, context)
}

/// Whether a library finds every library and every symbol that it needs.
pub(super) fn bound(action: &Verify, path: &Utf8Path, context: &dyn Context) -> Result<(), StepError> {
    let again = || format!("install {} again with `installer build`", action.component);
    // It loads the library and binds everything, without starting anything of it (ld.so(8)).
    let mut words = vec!["ldd".to_owned(), path.to_string()];
    // musl's has no such option, and binds everything.
    if context.target().libc != "musl" {
        words.insert(1, "-r".to_owned());
    }
    let finished = capture(action, &words, context)?;
    let said: Vec<&str> = finished.stdout.lines().chain(finished.tail.iter().map(String::as_str)).collect();
    let mut unbound = unbound(&said);
    if finished.status == 0 && unbound.is_empty() {
        return Ok(());
    }
    if unbound.is_empty() {
        unbound = said.iter().map(|line| (*line).trim().to_owned()).collect();
    }
    let more = unbound.len().saturating_sub(SHOWN);
    unbound.truncate(SHOWN);
    if more > 0 {
        unbound.push(format!("and {more} more"));
    }
    Err(failed(
        format!("{path} cannot be loaded: {}", unbound.join("; ")),
        format!(
            "check with `ldd -r {path}`; add the component or package with the symbols to `needs` or \
             `system` of {}, or {}",
            action.component,
            again()
        ),
    ))
}

/// Those of the symbols that a library does not define for others.
fn absent<'a>(library: &std::fs::File, exports: &'a [String]) -> Result<Vec<&'a str>, String> {
    let pieces = object::ReadCache::new(library);
    let file = object::File::parse(&pieces).map_err(|error| format!("it is not a library: {error}"))?;
    let defined = |name: &str| {
        file.dynamic_symbols()
            .any(|symbol| !symbol.is_undefined() && !symbol.is_local() && symbol.name() == Ok(name))
    };
    Ok(exports.iter().map(String::as_str).filter(|name| !defined(name)).collect())
}

/// What `ldd -r` did not find, each once: libraries, then symbols.
fn unbound(said: &[&str]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let libraries = said
        .iter()
        .filter_map(|line| Some(format!("{} is not found", line.trim().strip_suffix(" => not found")?)));
    let symbols = said.iter().filter_map(|line| {
        let symbol = line.trim().strip_prefix("undefined symbol: ")?;
        let (symbol, by) = symbol.split_once('\t').unwrap_or((symbol, ""));
        Some(format!("undefined symbol {symbol} {by}").trim_end().to_owned())
    });
    for line in libraries.chain(symbols) {
        if !found.contains(&line) {
            found.push(line);
        }
    }
    found
}
