//! Refuses options that send files outside the component's prefix: staging would refuse the files, after the compile.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use engine::planning::PlanError;
use model::case::{Driver, OptionValue};
use model::layout::RECORDS;

use crate::arguments::{bare, options_of};
use crate::subject::Subject;

/// Directories into which configure scripts and Meson install. Not among them: those whose files are often only read at
/// run time (`sysconfdir`, `localstatedir`).
const DIRECTORIES: &[&str] = &[
    "bindir",
    "datadir",
    "datarootdir",
    "docdir",
    "dvidir",
    "exec-prefix",
    "htmldir",
    "incdir",
    "includedir",
    "infodir",
    "libdir",
    "libexecdir",
    "licensedir",
    "localedir",
    "mandir",
    "pdfdir",
    "pkgconfigdir",
    "prefix",
    "psdir",
    "sbindir",
    "shlibdir",
];

/// The same for CMake (`GNUInstallDirs`), in `CMAKE_INSTALL_<DIR>`.
const CMAKE_DIRECTORIES: &[&str] = &[
    "BINDIR",
    "DATADIR",
    "DATAROOTDIR",
    "DOCDIR",
    "INCLUDEDIR",
    "INFODIR",
    "LIBDIR",
    "LIBEXECDIR",
    "LOCALEDIR",
    "MANDIR",
    "PREFIX",
    "SBINDIR",
];

/// Refuses what leads outside.
///
/// # Errors
/// When an option or an argument names a directory for installed files that is neither below the prefix nor below one of
/// the component's other roots.
pub(super) fn refuse(subject: &Subject<'_>, roots: &[Utf8PathBuf]) -> Result<(), PlanError> {
    let component = &*subject.component;
    let of_options = subject.options.iter().map(|(key, value)| (key.clone(), value.clone(), true));
    let of_arguments = options_of(subject.driver, &component.arguments);
    let all = of_options.chain(of_arguments.into_iter().map(|(key, value)| (key, value, false)));
    for (key, value, is_option) in all {
        let name = bare(subject.driver, &key);
        let Some(path) = leads_to(subject, name, &value) else { continue };
        let within = |root: &Utf8Path| path.starts_with(root);
        let is_inside = match own_tree(subject.driver, name) {
            true => within(&subject.build),
            false => within(&subject.prefix) || roots.iter().any(|root| within(root)),
        };
        let records = |root: &Utf8Path| path.starts_with(root.join(RECORDS));
        let among_records = records(&subject.prefix) || roots.iter().any(|root| records(root));
        if is_inside && !among_records {
            continue;
        }
        let at = if is_option { format!("options.{key}") } else { "arguments".to_owned() };
        let what = if is_option { "option" } else { "argument" };
        let (message, help) = match own_tree(subject.driver, name) {
            false if is_inside => (
                format!("{what} `{key}` installs into {path}, where installer keeps its records"),
                "remove it, or name another directory".to_owned(),
            ),
            true => (
                format!(
                    "{what} `{key}` moves the build tree, from which the component is installed, to {path}"
                ),
                "remove it; --cache-dir says where build trees lie".to_owned(),
            ),
            false => (
                format!(
                    "{what} `{key}` installs into {path}, outside the component's prefix {}",
                    subject.prefix
                ),
                format!("remove it, or write `prefix = \"…\"` in [components.{}]", subject.name),
            ),
        };
        return Err(PlanError::new(format!("components.{}.{at}", subject.name), message, help));
    }
    Ok(())
}

/// Whether an option names the tree in which the driver builds, and not where files are installed.
fn own_tree(driver: Driver, name: &str) -> bool {
    matches!((driver, name), (Driver::Cargo, "target-dir") | (Driver::Xmake, "builddir" | "buildir" | "o"))
}

/// Where an option sends files that are installed or compiled; none: it is no such option.
fn leads_to(subject: &Subject<'_>, name: &str, value: &OptionValue) -> Option<Utf8PathBuf> {
    let OptionValue::Text(value) = value else { return None };
    let names_directory = match subject.driver {
        Driver::Cmake => {
            let of_cmake = name.strip_prefix("CMAKE_INSTALL_");
            of_cmake.is_some_and(|directory| CMAKE_DIRECTORIES.contains(&directory))
                || name == "CMAKE_STAGING_PREFIX"
                || (name.starts_with("OPENCV_") && name.ends_with("_INSTALL_PATH"))
        }
        Driver::Autotools => DIRECTORIES.contains(&name),
        Driver::Meson => {
            if name == "python.install_env" && value != "prefix" {
                // The interpreter's own directories, wherever these are.
                return Some(format!("the directories of the interpreter ({value})").into());
            }
            DIRECTORIES.contains(&name) || matches!(name, "python.platlibdir" | "python.purelibdir")
        }
        Driver::Xmake => own_tree(Driver::Xmake, name) || matches!(name, "installdir" | "prefix"),
        Driver::Cargo => matches!(name, "root" | "target-dir"),
        Driver::Python => matches!(name, "prefix" | "root" | "target"),
        Driver::Command => false,
    };
    let is_known = names_directory && !value.is_empty();
    is_known.then(|| {
        // `${prefix}`, `${CMAKE_INSTALL_PREFIX}`; `$` of others is left alone, and is relative to the prefix.
        let prefix = subject.prefix.as_str();
        let mut text = value.clone();
        for variable in ["${prefix}", "${exec_prefix}", "$prefix", "${CMAKE_INSTALL_PREFIX}"] {
            text = text.replace(variable, prefix);
        }
        let base = if own_tree(subject.driver, name) { &subject.build } else { &subject.prefix };
        lexical(&base.join(text))
    })
}

/// A path without `.` and `..`.
fn lexical(path: &Utf8Path) -> Utf8PathBuf {
    let mut found = Utf8PathBuf::new();
    for part in path.components() {
        match part {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => {
                found.pop();
            }
            other => found.push(other.as_str()),
        }
    }
    found
}
