//! The environment at its final path, from the wheels alone.

use camino::Utf8Path;
use engine::runner::{Context, StepError};
use model::ComponentName;
use model::layout::Layout;
use model::plan::InstallWheels;

use super::record::INCOMPLETE;
use super::{REQUIREMENTS_LOCK, command, locked_install, offline_pip_environment, record, wheel};
use crate::sources::pypi::normalised;
use engine::{committed, files, manifest};

/// Makes the environment anew and installs every wheel of `requirements.lock`, hashes required, the index off.
///
/// # Errors
/// When a wheel is missing or is not what the lock says, when the packages do not fit together, and when something
/// that is no environment lies at its path.
pub fn run(action: &InstallWheels, context: &dyn Context) -> Result<(), StepError> {
    if action.added {
        return add(action, context);
    }
    let interpreter = super::interpreter(&action.interpreter, context)?;
    let lock = action.wheels.join(REQUIREMENTS_LOCK);
    let text = files::record(&lock)?
        .ok_or_else(|| StepError::new(format!("{lock} does not exist"), "run `installer deps` first"))?;
    let pinned = wheel::parse(&text);
    let home = &action.environment;
    refuse_foreign(home, &action.component)?;
    warn_of_another_owner(action, context)?;

    committed::begin(context.layout(), &action.component)?;
    files::fresh_dir(home)?;
    let marker = home.join(INCOMPLETE);
    files::atomic_write(&marker, b"installer is creating this environment\n")?;
    let environment = offline_pip_environment(context);
    let mut make = vec!["-m", "venv"];
    if action.system_site_packages {
        make.push("--system-site-packages");
    }
    make.push(home.as_str());
    context.execute(&command(&interpreter.program, make, environment.clone()))?;

    let python = home.join("bin/python");
    if !pinned.is_empty() {
        // What the interpreter's own packages bring is not what the lock pins.
        let words = locked_install(&action.wheels, &lock, &["--ignore-installed"]);
        context.execute(&command(&python, words, environment.clone()))?;
    }
    let check = context.capture(&command(&python, ["-m", "pip", "check"], environment))?;
    let broken = complaints(&check.stdout, &pinned);
    if check.status != 0 {
        // Debian's own packages are not always at peace with each other; only ours have to be.
        if !broken.is_empty() || !action.system_site_packages {
            return Err(StepError::new(
                format!(
                    "the packages in {home} are not compatible: {}",
                    check.stdout.trim().replace('\n', "; ")
                ),
                "correct the versions in the case's requirements, then run `installer deps` again",
            ));
        }
        context.warn(&format!("packages of the interpreter are not compatible: {}", check.stdout.trim()));
    }
    context.figure("packages", pinned.len() as u64);
    record::whole(action, context)?;
    std::fs::remove_file(&marker).map_err(|error| StepError::io("remove", &marker, &error))
}

/// Adds optional packages to the environment that stands.
fn add(action: &InstallWheels, context: &dyn Context) -> Result<(), StepError> {
    let lock = action.wheels.join(REQUIREMENTS_LOCK);
    let text = files::record(&lock)?.ok_or_else(|| {
        StepError::new(
            format!("{lock} does not exist: `deps` failed to download these optional packages"),
            "see what `installer deps` says about them, or remove them from the case",
        )
    })?;
    let pinned = wheel::parse(&text);
    warn_of_another_owner(action, context)?;
    committed::begin(context.layout(), &action.component)?;
    // What pip finds it neither mends nor removes when it is asked for no longer.
    if manifest::load(&action.environment, &action.component)?.is_some() {
        manifest::uninstall(&action.environment, &action.component, true)?;
    }
    if pinned.is_empty() {
        return record::added(action, &[], context);
    }
    let environment = offline_pip_environment(context);
    let python = action.environment.join("bin/python");
    let words = locked_install(&action.wheels, &lock, &[]);
    context.execute(&command(&python, words, environment.clone()))?;
    let check = context.capture(&command(&python, ["-m", "pip", "check"], environment))?;
    let broken = complaints(&check.stdout, &pinned);
    if check.status != 0 && !broken.is_empty() {
        return Err(StepError::new(
            format!("optional packages are not compatible with the others: {}", broken.join("; ")),
            "correct their versions in the case, then run `installer deps` again",
        ));
    }
    context.figure("packages", pinned.len() as u64);
    let names: Vec<&str> = pinned.iter().map(|(name, _, _)| name.as_str()).collect();
    record::added(action, &names, context)
}

/// A case of the same name may have its packages where this one's go.
fn warn_of_another_owner(action: &InstallWheels, context: &dyn Context) -> Result<(), StepError> {
    let InstallWheels { environment, component, case, .. } = action;
    let Some(installed) = manifest::load(environment, component)? else { return Ok(()) };
    if let Some(other) = committed::other_owner(context.layout(), case, &installed)? {
        context.warn(&format!("replaces the Python packages of {other} in {environment}"));
    }
    Ok(())
}

/// Something that holds files and was not made by this program is not replaced. What is left of an environment that was
/// is known by its manifest.
fn refuse_foreign(home: &Utf8Path, component: &ComponentName) -> Result<(), StepError> {
    let ours = [
        home.join("pyvenv.cfg"),
        home.join(INCOMPLETE),
        Layout::manifests(home).join(format!("{component}.json")),
    ];
    if ours.iter().any(|file| file.is_file()) || !holds_files(home) {
        return Ok(());
    }
    Err(StepError::new(
        format!("{home} exists but is not a Python environment"),
        "move it away, or choose another data directory",
    ))
}

/// Whether there is anything but directories and links below a directory; one that cannot be read may hold anything.
fn holds_files(directory: &Utf8Path) -> bool {
    let entries = match directory.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) => return error.kind() != std::io::ErrorKind::NotFound,
    };
    entries.into_iter().any(|entry| {
        entry.map_or(true, |entry| {
            entry.file_type().map_or(true, |kind| match kind.is_dir() {
                true => holds_files(entry.path()),
                false => !kind.is_symlink(),
            })
        })
    })
}

/// Lines of `pip check` about packages of the lock: `pandas 2.2 requires numpy, which is not installed.`
fn complaints<'a>(said: &'a str, pinned: &[(String, String, Vec<model::Digest>)]) -> Vec<&'a str> {
    said.lines()
        .filter(|line| {
            let name = line.split_ascii_whitespace().next().map(normalised).unwrap_or_default();
            pinned.iter().any(|(ours, _, _)| *ours == name)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complaints_about_our_own_packages_count() {
        let pinned = wheel::parse("pandas==2.2 --hash=sha256:00\n");
        let said = "pandas 2.2 requires numpy, which is not installed.\npygobject 3.42 requires pycairo, which is not installed.\n";
        assert_eq!(complaints(said, &pinned), ["pandas 2.2 requires numpy, which is not installed."]);
        assert!(complaints("No broken requirements found.\n", &pinned).is_empty());
    }

    #[test]
    fn only_an_environment_or_nothing_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let home = Utf8Path::from_path(directory.path()).unwrap();
        let refused = |home: &Utf8Path| refuse_foreign(home, &ComponentName::new("python-case")).is_err();
        assert!(!refused(home));
        assert!(!refused(&home.join("absent")));
        std::fs::create_dir_all(home.join("lib/site-packages")).unwrap();
        assert!(!refused(home), "what has lost its files holds nothing to lose");
        std::fs::write(home.join("thesis.txt"), "").unwrap();
        assert!(refused(home));
        std::fs::create_dir_all(home.join("share/installer")).unwrap();
        std::fs::write(home.join("share/installer/other.json"), "").unwrap();
        assert!(refused(home));
        std::fs::write(home.join("share/installer/python-case.json"), "").unwrap();
        assert!(!refused(home));
        std::fs::remove_dir_all(home.join("share")).unwrap();
        std::fs::write(home.join("pyvenv.cfg"), "").unwrap();
        assert!(!refused(home));
    }
}
