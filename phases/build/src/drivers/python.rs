//! A Python project, by pip and the build backend that its `pyproject.toml` names, into the case's environment.
//!
//! What the backend needs was brought by `deps` with the case's wheels and is in the environment: an isolated build
//! would fetch it anew.

mod scm;

use engine::planning::PlanError;
use engine::python_home::python_home;
use model::plan::{Jobs, Keep};

use crate::built::Built;
use crate::subject::Subject;

/// The name of the wheel is known once it is built. pip records the hash of a wheel that it is given as a file, and the
/// directory of it: what is installed would then be another after each build, and name the build tree.
const INSTALL_BY_NAME: &str = "for wheel in \"$WHEELS\"/*.whl; do wheel=${wheel##*/}; set -- \"$@\" \"${wheel%%-*}\"; done; \
                               exec \"$0\" \"$@\" --find-links \"$WHEELS\"";

pub fn built(subject: &Subject<'_>) -> Result<Built, PlanError> {
    let case = subject.known.case;
    if case.python.is_none() {
        return Err(PlanError::new(
            format!("components.{}.driver", subject.name),
            format!(
                "component `{}` is a Python project, but the case has no environment for it",
                subject.name
            ),
            "add a [python] section; `deps` downloads what the project's pyproject.toml needs to build",
        ));
    }
    if let Some(key) = subject.options.keys().next() {
        return Err(PlanError::new(
            format!("components.{}.options.{key}", subject.name),
            format!("the driver python has no option `{key}`"),
            "write options of the build backend under `arguments`: [\"--config-settings\", \"key=value\"]",
        ));
    }
    let home = python_home(subject.known);
    let python = home.program.into_string();
    let wheels = subject.build.join("wheels");
    let pip = |words: &[&str]| {
        let mut args = vec!["-m".to_owned(), "pip".to_owned()];
        args.extend(words.iter().map(|word| (*word).to_owned()));
        args
    };
    let mut wheel = pip(&[
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--check-build-dependencies",
        "--wheel-dir",
        wheels.as_str(),
    ]);
    wheel.extend(subject.component.arguments.iter().cloned());
    wheel.push(subject.source.to_string());
    let mut install = pip(&[
        "install",
        "--no-deps",
        "--no-index",
        // Without it pip would remove the installed version from the live environment, whatever the root.
        "--ignore-installed",
        "--no-compile",
        "--no-warn-script-location",
        // It is the only one that there is, whatever its version.
        "--pre",
        "--root",
        subject.staging.as_str(),
    ]);
    // An interpreter knows best where its own modules go (Debian's dist-packages).
    if !home.existing || home.prefix != subject.prefix {
        install.extend(["--prefix".to_owned(), subject.prefix.to_string()]);
    }
    let mut shell = vec!["-c".to_owned(), INSTALL_BY_NAME.to_owned(), python.clone()];
    shell.extend(install);
    let mut stage = subject.command("sh", shell);
    let version = scm::Version::of(subject)?;
    let mut compile = subject.command(python, version.words(wheel));
    compile.environment.extend(version.variable());
    for command in [&mut stage, &mut compile] {
        let variables = &mut command.environment;
        variables.insert("PIP_CONFIG_FILE".to_owned(), "/dev/null".to_owned());
        variables.insert("PIP_DISABLE_PIP_VERSION_CHECK".to_owned(), "1".to_owned());
        variables.insert("PYTHONNOUSERSITE".to_owned(), "1".to_owned());
    }
    stage.environment.insert("WHEELS".to_owned(), wheels.into_string());
    Ok(Built {
        compile: vec![compile],
        install: vec![stage],
        jobs: Jobs::Jobserver,
        keep: Some(Keep::Never),
        ..Built::default()
    })
}
