//! Packages of the distribution.

use std::collections::BTreeMap;

use camino::Utf8Path;
use engine::planning::{PlanCx, PlanError, Requirements};
use model::StepId;
use model::case::{CompilerCache, KeyFrom, PythonEnvironment, RepositoryKey, SystemPackages};
use model::distribution::HOW_TO_SAY;
use model::plan::{Action, DeclaredRepository, EnsurePackages, Freshness, Need, Privilege, Probe};

use super::python::python_needs;
use super::step::{all_components, step};
use crate::packages::by_name;
use crate::sources;
use crate::toolchains::rust;

pub(super) fn packages(
    cx: &mut PlanCx<'_>,
    requirements: &Requirements,
) -> Result<Option<StepId>, PlanError> {
    let needs = all_needs(cx, requirements)?;
    if needs.is_empty() {
        return Ok(None);
    }
    let manager = cx.known.target.package_manager.clone().unwrap_or_default();
    let title = if manager.is_empty() {
        let os = &cx.known.target.os;
        let name = if os.pretty_name.is_empty() { &os.id } else { &os.pretty_name };
        cx.note(format!(
            "the package manager of this distribution ({}) is unknown: missing packages are not installed; \
             name it with {HOW_TO_SAY}",
            if name.is_empty() { "no /etc/os-release" } else { name },
        ));
        format!("look for {} programs and libraries", needs.len())
    } else {
        format!("ensure {} programs and libraries of the distribution ({manager})", needs.len())
    };
    // Only what can be driven takes its lock, and root.
    let driven = by_name(&manager).is_some();
    let repositories = repositories(cx, &manager);
    let action = Action::EnsurePackages(EnsurePackages { manager, needs, repositories });
    let mut step = step("deps/packages", title, action, Freshness::Observed);
    if driven {
        step.claims.locks = vec!["packages".to_owned()];
        step.privilege = Privilege::Root;
    }
    step.weight = 40;
    step.serves = all_components(cx);
    Ok(Some(cx.add(step)))
}

/// The repositories that the case declares for this manager.
fn repositories(cx: &mut PlanCx<'_>, manager: &str) -> Vec<DeclaredRepository> {
    let (case, layout) = (cx.known.case, cx.known.layout);
    let mut declared = Vec::new();
    for repository in case.system_packages.repositories(manager) {
        // apt reads files whose names have these alone (sources.list(5)).
        let file: String = format!("installer-{}-{}", case.metadata.name, repository.name)
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' })
            .collect();
        let key_file = match repository.key.as_ref().map(RepositoryKey::from) {
            Some(KeyFrom::File(path)) => Some(layout.case_dir.join(path)),
            Some(KeyFrom::Download(_)) => Some(layout.artifacts.join("apt").join(format!("{file}.key"))),
            Some(KeyFrom::Text(_)) | None => None,
        };
        if repository.trusted && repository.key.is_none() {
            cx.note(format!(
                "the apt repository {} is used without a signature, as the case says: whoever can change it \
                 can become root here",
                repository.name
            ));
        }
        let (case, repository) = (case.metadata.name.clone(), repository.clone());
        declared.push(DeclaredRepository { case, file, key_file, repository });
    }
    declared
}

/// What components and the case need, and what `deps` itself needs to bring the rest; one entry a name, sorted.
fn all_needs(cx: &PlanCx<'_>, requirements: &Requirements) -> Result<Vec<Need>, PlanError> {
    let case = cx.known.case;
    let manager = cx.known.target.package_manager.as_deref();
    let mut needs: BTreeMap<String, Need> = BTreeMap::new();
    for need in &requirements.needs {
        merge(&mut needs, need.clone());
    }
    for name in manager.map_or(&[][..], |manager| case.system_packages.for_manager(manager)) {
        if SystemPackages::is_file(name) {
            if manager != Some("apt") {
                return Err(PlanError::new(
                    "system_packages",
                    format!(
                        "`{name}` is a package file, which {} does not take",
                        manager.unwrap_or_default()
                    ),
                    "list it only for apt, under [system_packages] apt = […], and a package name for others",
                ));
            }
            merge(&mut needs, package_file(name, cx.known.layout.case_dir.as_path()));
            continue;
        }
        if !is_package_name(name) {
            return Err(PlanError::new(
                "system_packages",
                format!("`{name}` is not the name of a package"),
                "names have lower-case letters, digits and `+.-`; set a version with `name=version`",
            ));
        }
        merge(
            &mut needs,
            Need {
                name: name.clone(),
                probe: None,
                packages: vec![name.clone()],
                wanted_by: vec!["case".to_owned()],
                optional: false,
            },
        );
    }
    if let Some(cache) = case.toolchains.compiler_cache {
        let name = match cache {
            CompilerCache::Ccache => "ccache",
            CompilerCache::Sccache => "sccache",
        };
        cx.known.system_need(name, "case").into_iter().for_each(|need| merge(&mut needs, need));
    }
    if let (Some(need), Some(minimum)) = (needs.get_mut("cmake"), &case.toolchains.cmake.minimum) {
        if let Some(Probe::Tool { minimum: lowest, .. }) = &mut need.probe {
            *lowest = Some(rust::higher(lowest.take(), minimum.clone()));
        }
    }
    let specs = requirements.sources.keys().filter_map(|source| case.sources.get(source));
    for row in specs.flat_map(|alternatives| alternatives.as_slice()).flat_map(sources::needs) {
        cx.known.system_need(row, "sources").into_iter().for_each(|need| merge(&mut needs, need));
    }
    // A conda environment brings its own.
    let conda = |python: &model::case::Python| python.environment == PythonEnvironment::Conda;
    if !case.python.as_ref().is_some_and(conda) {
        python_needs(cx).into_iter().for_each(|need| merge(&mut needs, need));
    }
    Ok(needs.into_values().collect())
}

/// A package that the case brings as a file: apt takes its path in the place of a name.
fn package_file(path: &str, case_dir: &Utf8Path) -> Need {
    let path = case_dir.join(path.strip_prefix("./").unwrap_or(path));
    Need {
        name: path.file_name().unwrap_or(path.as_str()).to_owned(),
        packages: vec![path.to_string()],
        probe: Some(Probe::PackageFile { path }),
        wanted_by: vec!["case".to_owned()],
        optional: false,
    }
}

fn merge(needs: &mut BTreeMap<String, Need>, need: Need) {
    let Some(known) = needs.get_mut(&need.name) else {
        needs.insert(need.name.clone(), need);
        return;
    };
    for asker in need.wanted_by {
        if !known.wanted_by.contains(&asker) {
            known.wanted_by.push(asker);
        }
    }
    for package in need.packages {
        if !known.packages.contains(&package) {
            known.packages.push(package);
        }
    }
    known.optional &= need.optional;
    match (&mut known.probe, need.probe) {
        (Some(Probe::Tool { minimum: lowest, .. }), Some(Probe::Tool { minimum: Some(other), .. })) => {
            *lowest = Some(rust::higher(lowest.take(), other));
        }
        // The case lists by package what a component needs by name: the package has to be there as well.
        (probe @ Some(_), None) => *probe = None,
        _ => {}
    }
}

/// As Debian's policy has it (5.6.1), with an architecture or version after it. What begins or ends with a dash would
/// be an option, or ask apt to remove a package.
pub(super) fn is_package_name(name: &str) -> bool {
    let bare = name.split(['=', ':']).next().unwrap_or(name);
    let mut characters = bare.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && characters.all(|c| c.is_ascii_alphanumeric() || "+.-_".contains(c))
        && !name.ends_with('-')
        && !name.contains(char::is_whitespace)
}
