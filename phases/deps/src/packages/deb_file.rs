//! Packages that a case brings as files. What is in one is asked of `dpkg-deb(1)`, which knows every compression of its
//! members; which of two versions is newer, of `dpkg(1)`.

use camino::Utf8Path;
use engine::runner::{Context, StepError};
use model::plan::Command;

use super::manager::Database;
use super::running::command;

/// How a package file stands to what is installed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Installed {
    /// In this version or a newer one: `libvendor 1.0-1`.
    Enough(String),
    /// Not at all.
    No,
    /// In an older version.
    Older {
        /// The package.
        name: String,
        /// What is installed.
        version: String,
        /// What the file brings.
        wanted: String,
    },
}

/// Holds the package in a file against what is installed.
///
/// # Errors
/// When the file is not there or is no package, and when it is for another architecture.
pub(crate) fn look(
    path: &Utf8Path,
    database: Option<&Database>,
    context: &dyn Context,
) -> Result<Installed, StepError> {
    if !path.is_file() {
        return Err(StepError::new(
            format!("the package file {path} does not exist"),
            "correct `system_packages` of the case, or put the file there",
        ));
    }
    let Some(database) = database else { return Ok(Installed::No) };
    let control = control(path, context)?;
    let field = |name: &str| {
        control
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .map(|value| value.trim().to_owned())
            .ok_or_else(|| StepError::new(format!("{path} has no field {name}"), "use a complete package"))
    };
    let (name, wanted, architecture) = (field("Package")?, field("Version")?, field("Architecture")?);
    let native = ask(&["dpkg", "--print-architecture"], context)?;
    // dpkg's database calls packages of other architectures by both.
    let entry = if ["all", native.as_str()].contains(&architecture.as_str()) {
        name.clone()
    } else {
        format!("{name}:{architecture}")
    };
    let Some(version) = database.installed.get(&entry) else {
        let foreign = ask(&["dpkg", "--print-foreign-architectures"], context)?;
        if entry != name && !foreign.lines().any(|known| known == architecture) {
            return Err(StepError::new(
                format!("{path} is for {architecture}, but this machine is {native}"),
                format!("use the package for {native}, or remove it from `system_packages`"),
            ));
        }
        return Ok(Installed::No);
    };
    let enough = *version == wanted || is_newer(version, &wanted, context)?;
    Ok(match enough {
        true => Installed::Enough(format!("{entry} {version}")),
        false => Installed::Older { name: entry, version: version.clone(), wanted },
    })
}

/// Three fields of the control file; remembered for as long as the file does not change.
fn control(path: &Utf8Path, context: &dyn Context) -> Result<String, StepError> {
    context.cached_probe(&format!("package file {path}"), &[path.to_owned()], &mut || {
        let argv = ["dpkg-deb", "--field", path.as_str(), "Package", "Version", "Architecture"];
        let asked = context.capture(&words(&argv, context))?;
        if asked.status == 0 {
            return Ok(asked.stdout);
        }
        let said = asked.tail.last().map(String::as_str).unwrap_or_default();
        Err(StepError::new(
            format!("{path} is not a Debian package: {said}"),
            "download it again: this may be an incomplete download or a web page",
        ))
    })
}

fn is_newer(version: &str, than: &str, context: &dyn Context) -> Result<bool, StepError> {
    let argv = ["dpkg", "--compare-versions", version, "gt", than];
    let answer = context.cached_probe(&argv.join(" "), &[], &mut || {
        Ok(context.capture_to_its_end(&words(&argv, context))?.status.to_string())
    })?;
    Ok(answer == "0")
}

/// What a question to dpkg prints, without the last line's end.
fn ask(argv: &[&str], context: &dyn Context) -> Result<String, StepError> {
    // What dpkg says of architectures stands there.
    let file = "/var/lib/dpkg/arch".into();
    context.cached_probe(&argv.join(" "), &[file], &mut || {
        let asked = context.capture_to_its_end(&words(argv, context))?;
        match asked.status {
            0 => Ok(asked.stdout.trim_end().to_owned()),
            status => Err(StepError::new(
                format!("`{}` ended with status {status}", argv.join(" ")),
                "package files are for distributions with dpkg",
            )),
        }
    })
}

fn words(argv: &[&str], context: &dyn Context) -> Command {
    let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
    command(&argv, context.network_environment())
}
