//! What stands for the packages that a project asks for with `add_requires`.

use std::collections::BTreeMap;

use engine::planning::Known;
use engine::python_home::python_home;
use indexmap::IndexMap;
use model::case::{Component, OptionValue, XmakePackage, XmakeSettings};
use model::plan::{Command, RequiredXmakePackage};
use model::xmake::{XmakeFacts, XmakeRequirement};

use crate::subject::Subject;

/// The directory in the build tree with the pkg-config files that are written.
pub(super) const DIRECTORY: &str = "packages";

/// The directory in the build tree with the archives that a package index would download.
pub(super) const ARCHIVES: &str = "archives";

/// A package that needs no entry in the case: xmake would find none of these by itself, or not with the right flags.
fn known_package(name: &str) -> Option<XmakePackage> {
    let of = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    Some(match name {
        // Header files alone: a project that links a part of it says so with `requires`.
        "boost" => XmakePackage { system: of(&["boost"]), ..XmakePackage::default() },
        "openmp" => XmakePackage {
            version: Some("4.5".to_owned()),
            cflags: of(&["-fopenmp"]),
            libs: of(&["-fopenmp"]),
            ..XmakePackage::default()
        },
        // Debian's own pkg-config file lacks the interpreter's headers.
        "pybind11" => XmakePackage {
            system: of(&["pybind11"]),
            python_header: Some("pybind11/pybind11.h".to_owned()),
            ..XmakePackage::default()
        },
        "zlib" => XmakePackage { modules: of(&["zlib"]), system: of(&["zlib"]), ..XmakePackage::default() },
        _ => return None,
    })
}

/// What of the system a project asks for.
pub(crate) struct Packages<'a> {
    /// Packages that pkg-config files are written for.
    pub(crate) written: BTreeMap<String, XmakePackage>,
    /// Packages that xmake must find by itself.
    pub(crate) sought: Vec<&'a XmakeRequirement>,
}

/// Tells them apart, with what is known of the project. The case's own word stands over what is known here.
pub(crate) fn packages<'a>(
    settings: &XmakeSettings,
    options: &IndexMap<String, OptionValue>,
    facts: Option<&'a XmakeFacts>,
) -> Packages<'a> {
    let mut written = settings.requires.clone();
    let mut sought = Vec::new();
    for requirement in facts.map(|facts| facts.wanted(options)).unwrap_or_default() {
        let name = &requirement.name;
        if written.contains_key(name) {
            continue;
        }
        match known_package(name) {
            Some(package) => {
                written.insert(name.clone(), package);
            }
            None => sought.push(requirement),
        }
    }
    Packages { written, sought }
}

impl Packages<'_> {
    /// Rows of the catalog that they stand on. What the wheels of the case bring of a Python package is not asked of the
    /// distribution, and without a Python environment nothing is compiled against one.
    pub(crate) fn system(&self, known: &Known<'_>) -> Vec<String> {
        let python = known.case.python.as_ref();
        let among_wheels = |project: &str| {
            python.is_some_and(|python| {
                python.packages.iter().any(|line| {
                    let end = line.find(|c: char| !c.is_alphanumeric() && !"-_.".contains(c));
                    model::case::normalised_project(&line[..end.unwrap_or(line.len())]) == project
                })
            })
        };
        let wanted = self.written.values().filter(|package| match &package.python_header {
            Some(header) => python.is_some() && !among_wheels(python_package(header)),
            None => true,
        });
        wanted.flat_map(|package| package.system.iter().cloned()).collect()
    }

    /// Whether something is compiled against the interpreter of the case.
    pub(crate) fn use_python(&self, known: &Known<'_>) -> bool {
        known.case.python.is_some() && self.written.values().any(|package| package.python_header.is_some())
    }

    /// What preflight looks for. A package index or a needed component may bring what the system does not have.
    pub(crate) fn required(
        &self,
        component: &Component,
        settings: &XmakeSettings,
        name: &str,
    ) -> Vec<RequiredXmakePackage> {
        if settings.package_index.is_some() || !component.needs.is_empty() {
            return Vec::new();
        }
        let modules = self.written.iter().flat_map(|(package, written)| {
            written.modules.iter().map(move |module| RequiredXmakePackage {
                module: module.clone(),
                asked: format!("{package}, which the pkg-config module {module} replaces"),
                cure: format!(
                    "correct `modules` of [components.{name}.xmake.requires.{package}], or name its package in `system` there \
                     and run `installer deps`"
                ),
            })
        });
        let sought = self.sought.iter().filter(|requirement| !requirement.optional);
        sought
            .map(|requirement| {
                let package = &requirement.name;
                RequiredXmakePackage {
                    module: package.clone(),
                    asked: format!("{} ({})", requirement.text, requirement.at),
                    cure: format!(
                        "say what replaces it: [components.{name}.xmake.requires.{package}] with `modules`, \
                         `cflags` and `libs`, and `system` for its package; or give a package index with \
                         `package_index`"
                    ),
                }
            })
            .chain(modules)
            .collect()
    }
}

/// The Python package that has a header, `pybind11` of `pybind11/pybind11.h`.
fn python_package(header: &str) -> &str {
    header.split('/').next().unwrap_or(header)
}

/// The commands that lay out what xmake finds, in the build tree.
pub(super) fn commands(
    subject: &Subject<'_>,
    settings: &XmakeSettings,
    packages: &Packages<'_>,
) -> Vec<Command> {
    let directory = subject.build.join(DIRECTORY);
    let mut commands =
        vec![subject.command("rm", ["-r", "-f", DIRECTORY, ARCHIVES]), subject.command("mkdir", [DIRECTORY])];
    for (name, package) in &packages.written {
        let file = directory.join(format!("{name}.pc"));
        let text = pkg_config(name, package);
        match &package.python_header {
            Some(header) if subject.known.case.python.is_some() => {
                let places = subject.prefixes.iter().map(|prefix| prefix.join("include").into_string());
                let mut args =
                    vec!["-c".to_owned(), PYTHON_FLAGS.to_owned(), file.into_string(), text, header.clone()];
                args.extend(places);
                commands.push(subject.command(python_home(subject.known).program, args));
            }
            _ if package.modules.is_empty() => commands.push(write(subject, file.as_str(), &text)),
            _ => {
                let version = package.version.clone().unwrap_or_default();
                let mut args =
                    vec!["-c".to_owned(), MODULE_FLAGS.to_owned(), file.into_string(), name.clone(), version];
                args.extend([package.cflags.join(" "), package.libs.join(" ")]);
                args.extend(package.modules.iter().cloned());
                commands.push(subject.command("sh", args));
            }
        }
    }
    for (name, source) in &settings.package_archives {
        let from = subject.known.layout.source_file(source);
        let to = subject.build.join(ARCHIVES).join(name);
        commands.push(subject.command("install", ["-p", "-D", "-m", "644", from.as_str(), to.as_str()]));
    }
    commands
}

/// A command that writes a file.
pub(super) fn write(subject: &Subject<'_>, file: &str, text: &str) -> Command {
    subject.command("sh", ["-c", "printf %s \"$1\" >\"$0\"", file, text])
}

/// A pkg-config file (`pc(5)`).
fn pkg_config(name: &str, package: &XmakePackage) -> String {
    let version = package.version.as_deref().unwrap_or("1.0");
    format!(
        "Name: {name}\nDescription: {name} as provided by installer\nVersion: {version}\nCflags: {}\nLibs: \
         {}\n",
        package.cflags.join(" "),
        package.libs.join(" ")
    )
}

/// Writes a pkg-config file with the flags and the version of modules of the system; one of these may have the name of the
/// package itself, which a `Requires` would look for in this very file.
const MODULE_FLAGS: &str = r#"file=$0 name=$1 version=$2 cflags=$3 libs=$4
shift 4
of_cflags=$(pkg-config --cflags "$@") && of_libs=$(pkg-config --libs "$@") && of_version=$(pkg-config --modversion "$1") || exit
printf 'Name: %s\nDescription: %s as provided by installer\nVersion: %s\nCflags: %s %s\nLibs: %s %s\n' \
    "$name" "$name" "${version:-$of_version}" "$cflags" "$of_cflags" "$libs" "$of_libs" >"$file"
"#;

/// Adds the directories of the interpreter and of a Python package to a pkg-config file: what is asked for can be told
/// only by the interpreter that is there once `deps` has run.
const PYTHON_FLAGS: &str = r#"import importlib, os, sys, sysconfig
file, text, header, *places = sys.argv[1:]
package = header.split("/")[0]
found = [sysconfig.get_path("include"), sysconfig.get_path("platinclude")]
try:
    found.append(importlib.import_module(package).get_include())
except (ImportError, AttributeError):
    pass
usual = ["/usr/include", "/usr/local/include"]
if not any(os.path.isfile(os.path.join(place, header)) for place in found + places + usual):
    sys.exit("%s is in none of %s: add %s to `packages` of [python] in the case, or its package to system_packages"
             % (header, ", ".join(found + places + usual), package))
flags = " ".join("-I" + place.replace(" ", "\\ ") for place in dict.fromkeys(found) if place not in usual)
with open(file, "w") as out:
    out.write(text.replace("Cflags: ", "Cflags: " + flags + " "))
"#;
