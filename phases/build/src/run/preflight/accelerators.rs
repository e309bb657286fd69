//! Whether what an accelerator needs is there: the vendor's SDK, programs, an architecture or a device to ask.

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Finding, Observation};
use model::plan::{AskedDevice, RequiredAccelerator, RequiredSdk};

/// The page that tells what each row needs.
const PAGE: &str = "docs/reference/accelerators.md";

pub(super) fn look(required: &RequiredAccelerator, container: bool, observation: &mut Observation) {
    let mut missing = required.sdk.as_ref().and_then(|sdk| lacking(required, sdk));
    if missing.is_none() {
        let root = required.sdk.as_ref().and_then(|sdk| sdk.root.as_ref());
        if let Some(root) = root.filter(|root| root.is_dir()) {
            observation.found.insert(format!("sdk {}", required.name), root.to_string());
        }
        missing = required.tools.iter().find(|tool| !on_path(&required.path, tool)).map(|tool| Finding {
            what: format!("`{tool}` is not on PATH, but {} needs it", option(required)),
            cure: format!(
                "install it, or start installer with a PATH that has it ({PAGE}#{})",
                required.name
            ),
        });
    }
    observation.findings.extend(missing);
    if let Some(asked) = &required.asks_device {
        ask(required, asked, container, observation);
    }
}

fn option(required: &RequiredAccelerator) -> String {
    format!("the accelerator {} (option `{}`)", required.name, required.option)
}

fn lacking(required: &RequiredAccelerator, sdk: &RequiredSdk) -> Option<Finding> {
    let name_it = match sdk.variables.as_slice() {
        [] => format!("see {PAGE}#{}", required.name),
        [first, ..] => format!(
            "set {} to the directory of {}: in [environment] of the case, or for installer itself ({PAGE}#{})",
            first, sdk.title, required.name
        ),
    };
    let wanted = option(required);
    let Some(root) = &sdk.root else {
        return Some(Finding {
            what: format!("{wanted} needs {}, but {} is not set", sdk.title, sdk.variables.join(" or ")),
            cure: name_it,
        });
    };
    let says = match &sdk.named_by {
        Some(name) => format!("{name}={root}"),
        None => format!("{root}, the usual place"),
    };
    if !root.is_absolute() {
        return Some(Finding { what: format!("{wanted}: {says} is not an absolute path"), cure: name_it });
    }
    if !root.is_dir() {
        // A compiler that is on PATH by itself needs no directory.
        if sdk.variables.is_empty() {
            return None;
        }
        return Some(Finding {
            what: format!("{wanted} needs {}, but there is no directory {says}", sdk.title),
            cure: name_it,
        });
    }
    let held = sdk.holds.iter().find(|any| !any.iter().any(|path| path.exists()))?;
    let names: Vec<&str> = held.iter().map(|path| path.strip_prefix(root).unwrap_or(path).as_str()).collect();
    Some(Finding {
        what: format!("{wanted} needs {}, but {says} has no {}", sdk.title, names.join(" nor ")),
        cure: name_it,
    })
}

fn ask(required: &RequiredAccelerator, asked: &AskedDevice, container: bool, observation: &mut Observation) {
    let AskedDevice { option: architecture, example, or_cuda, devices } = asked;
    let seen = devices.is_empty() || devices.iter().any(|device| device.exists());
    let cuda = if *or_cuda { ", or `arch` of [cuda]" } else { "" };
    let wanted = option(required);
    let why = if container {
        "and a build in a container would be for whatever device the building machine has"
    } else if !seen {
        "and this machine has no device to ask"
    } else {
        observation.warnings.push(format!(
            "{wanted} names no architecture and is compiled only for this machine's device: set \
             `{architecture}`{cuda} for others"
        ));
        return;
    };
    observation.findings.push(Finding {
        what: format!("{wanted} names no architecture, {why}"),
        cure: format!("set the option `{architecture}` (like `{example}`){cuda}"),
    });
}

fn on_path(path: &str, tool: &str) -> bool {
    path.split(':').any(|directory| is_program(&Utf8Path::new(directory).join(tool)))
}

fn is_program(path: &Utf8PathBuf) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
#[path = "accelerators_tests.rs"]
mod tests;
