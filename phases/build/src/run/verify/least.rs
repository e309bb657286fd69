//! The least that is checked of a component that has no checks: what its kind allows, by what it installed.

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use model::manifest::{Entry, Manifest};
use model::plan::{Importing, Verify};
use model::verify_level::VerifyLevel;

use super::told::{SHOWN, capture, failed};
use super::{library, link};

/// Imports each module by itself.
const IMPORTS: &str = r#"
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    print(name, "is imported")
"#;

/// Directories that some projects install beside their modules, by mistake and not to be imported.
const BESIDE: &[&str] =
    &["benchmarks", "conf", "conftest", "docs", "examples", "scripts", "setup", "test", "tests"];

/// Checks it, and answers with how many checks held. None: all that is known is that its files are unchanged.
///
/// The libraries that its files need were looked for before, which is all that is done with programs: what one does when
/// it is started is not known.
pub(super) fn hold(action: &Verify, installed: &Manifest, context: &dyn Context) -> Result<u64, StepError> {
    let files = installed.files.iter().filter(|(_, entry)| matches!(entry, Entry::File { .. }));
    let files: Vec<&Utf8PathBuf> = files.map(|(path, _)| path).collect();
    let mut held = 0;
    for path in &files {
        if link::needs_libraries(&installed.prefix.join(path))? {
            held = 1;
            break;
        }
    }
    if action.level < VerifyLevel::Import {
        return Ok(held);
    }
    for path in files.iter().filter(|path| is_for_linking(path)) {
        let path = installed.prefix.join(path);
        if link::is_elf_file(&path)? {
            library::bound(action, &path, context).map_err(|error| with_way_out(action, error))?;
            held += 1;
        }
    }
    if let Some(python) = &action.python {
        let modules = modules(python, installed);
        if !modules.is_empty() {
            imports(action, python, &modules, context).map_err(|error| with_way_out(action, error))?;
            held += modules.len() as u64;
        }
    }
    Ok(held)
}

/// Whether it is a library that programs are linked with: a plugin may count on symbols of the program that loads it.
fn is_for_linking(path: &Utf8Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let parent = path.parent().unwrap_or(path);
    let is_multiarch = parent.parent().is_some_and(|above| above == "lib")
        && parent.file_name().is_some_and(|name| name.contains("-linux-"));
    let is_searched = matches!(parent.as_str(), "lib" | "lib64") || is_multiarch;
    is_searched && name.starts_with("lib") && (name.ends_with(".so") || name.contains(".so."))
}

/// The modules and packages at the top of where it installed Python files.
fn modules(python: &Importing, installed: &Manifest) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for path in installed.files.keys() {
        let path = installed.prefix.join(path);
        let in_site = path
            .ancestors()
            .find(|above| matches!(above.file_name(), Some("site-packages" | "dist-packages")))
            .map(Utf8Path::to_owned);
        let own = python.directory.as_ref().filter(|directory| path.starts_with(directory)).cloned();
        let Some(below) = own.or(in_site).and_then(|top| path.strip_prefix(top).ok().map(Utf8Path::to_owned))
        else {
            continue;
        };
        let words: Vec<&str> = below.components().map(|part| part.as_str()).collect();
        let name = match words.as_slice() {
            [file] if file.ends_with(".py") || file.ends_with(".so") => file.split('.').next(),
            [package, "__init__.py"] => Some(*package),
            _ => None,
        };
        let is_name = |name: &&str| {
            name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if let Some(name) = name.filter(is_name).filter(|name| !BESIDE.contains(name)) {
            if !found.iter().any(|known| known == name) {
                found.push(name.to_owned());
            }
        }
    }
    found
}

fn imports(
    action: &Verify,
    python: &Importing,
    modules: &[String],
    context: &dyn Context,
) -> Result<(), StepError> {
    let words = [python.program.as_str(), "-B", "-c", IMPORTS].map(str::to_owned);
    let finished = capture(action, &[words.as_slice(), modules].concat(), context)?;
    if finished.status == 0 {
        return Ok(());
    }
    let lines = &finished.tail[finished.tail.len().saturating_sub(SHOWN)..];
    Err(failed(
        format!("{} cannot import {}:\n{}", python.program, modules.join(", "), lines.join("\n")),
        format!("install {} again with `installer build`", action.component),
    ))
}

/// What to do about a component of which this is too much.
fn with_way_out(action: &Verify, error: StepError) -> StepError {
    match error {
        StepError::Failed(mut failure) => {
            failure.cures.push(format!(
                "if it is meant to be so, write a check of its own: [[components.{}.checks]]",
                action.component
            ));
            StepError::Failed(failure)
        }
        StepError::Cancelled => StepError::Cancelled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_for_linking_are_told_from_plugins() {
        for path in ["lib/libx.so", "lib64/libx.so.1.2", "lib/x86_64-linux-gnu/libx.so.1"] {
            assert!(is_for_linking(Utf8Path::new(path)), "{path}");
        }
        for path in [
            "lib/x/libplugin.so",
            "lib/python3.11/site-packages/x.so",
            "lib/x.so",
            "bin/libx.so",
            "lib/libx.a",
        ] {
            assert!(!is_for_linking(Utf8Path::new(path)), "{path}");
        }
    }
}
