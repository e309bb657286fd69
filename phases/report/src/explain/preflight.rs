//! What a preflight looks for, a line each.

use model::plan::{
    AskedDevice, Preflight, RequiredAccelerator, RequiredPython, RequiredSdk, RequiredSource, RequiredWheels,
};

use super::probe::probe;

pub(super) fn lines(preflight: &Preflight) -> Vec<String> {
    let mut lines = vec!["checks that nothing the build needs is missing:".to_owned()];
    lines.extend(preflight.needs.iter().map(|need| {
        need.probe.as_ref().map_or_else(
            || format!("{} (package {})", need.name, need.packages.join(" or ")),
            |seen| format!("{}: {}", need.name, probe(seen)),
        )
    }));
    lines.extend(preflight.rust.iter().map(|version| format!("Rust {version} or newer")));
    lines.extend(preflight.python.iter().flat_map(python));
    lines.extend(preflight.wheels.iter().flat_map(|wheels| packages(wheels, "the wheels of the case")));
    lines.extend(
        preflight.project.iter().map(|project| {
            format!("what {} needs for its build, among the wheels of the case", project.file)
        }),
    );
    lines.extend(preflight.accelerators.iter().flat_map(accelerator));
    lines.extend(preflight.checkout.iter().map(|checkout| match &checkout.revision {
        Some(revision) => format!("commit {revision} in {}, and its submodules", checkout.tree),
        None => format!("the submodules of {}", checkout.tree),
    }));
    lines.extend(preflight.source.iter().flat_map(|source| of_source(source)));
    lines.extend(
        preflight.build_file.iter().map(|file| format!("{} in {}", file.any_of.join(" or "), file.tree)),
    );
    lines.extend(preflight.xmake_packages.iter().map(|package| {
        format!("pkg-config module {}, for xmake's package {}", package.module, package.asked)
    }));
    if !preflight.compiler_caches.is_empty() {
        let names = preflight.compiler_caches.join(" and ");
        lines.push(format!("whether {names} work, if they are on PATH (else a warning)"));
    }
    lines.extend(preflight.paths.iter().map(|required| required.path.to_string()));
    lines.extend(preflight.writable.iter().map(|required| format!("{}, to write there", required.path)));
    lines.push(format!("{} MiB free at {}", preflight.disk_mib, preflight.disk_at));
    lines
}

fn python(required: &RequiredPython) -> Vec<String> {
    let mut lines = vec![match required.compiles {
        true => {
            format!("the interpreter {}, its headers and its library, of one version", required.interpreter)
        }
        false => format!("the interpreter {}", required.interpreter),
    }];
    lines.extend(
        required
            .packages
            .iter()
            .flat_map(|wheels| packages(wheels, "the wheels of the case or the interpreter")),
    );
    lines
}

fn packages<'a>(wheels: &'a RequiredWheels, place: &'a str) -> impl Iterator<Item = String> + 'a {
    wheels.packages.iter().map(move |(name, what)| format!("{name} ({what}) in {place}"))
}

fn of_source(source: &RequiredSource) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(tree) = &source.tree {
        lines.push(format!("`{}` in {}, as {} has it", source.says, tree.join(&source.file), source.name));
    }
    lines.extend(source.third_party.iter().map(|part| {
        let seen = part.need.probe.as_ref().map_or_else(|| part.need.packages.join(" or "), probe);
        format!("{}: {seen} (or the source's own)", part.need.name)
    }));
    lines
}

fn accelerator(required: &RequiredAccelerator) -> Vec<String> {
    let wanted = format!("for the accelerator {}", required.name);
    let mut lines = Vec::new();
    if let Some(RequiredSdk { title, variables, root, named_by, holds }) = &required.sdk {
        let named = named_by.as_ref().map_or_else(String::new, |name| format!(", which {name} names"));
        lines.push(match root {
            Some(root) => format!("{wanted}: {title} in {root}{named}"),
            None => format!("{wanted}: {title}, which {} must name", variables.join(" or ")),
        });
        lines.extend(holds.iter().map(|any| {
            let any: Vec<&str> = any.iter().map(|path| path.as_str()).collect();
            format!("{wanted}: {}", any.join(" or "))
        }));
    }
    lines.extend(required.tools.iter().map(|tool| format!("{wanted}: program {tool} on {}", required.path)));
    if let Some(AskedDevice { option, .. }) = &required.asks_device {
        lines
            .push(format!("{wanted}: a device to ask for its architecture, because no `{option}` names one"));
    }
    lines
}
