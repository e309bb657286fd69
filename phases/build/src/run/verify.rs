//! Holds installed files against their hashes, looks for the libraries that they need, then runs the checks of the
//! component, or the least that its kind allows.

mod drivers;
mod least;
mod library;
mod link;
mod requirements;
mod told;

use camino::Utf8Path;
use engine::runner::{Context, Finished, StepError};
use engine::{files, manifest};
use model::account::{Apart, Verified};
use model::asked::Kind;
use model::case::Check;
use model::event::{BY_HASH_ONLY, Failure, FailureKind};
use model::manifest::Manifest;
use model::plan::Verify;
use model::shell;
use model::verify_level::VerifyLevel;

use self::drivers::driver_of;
use self::link::{Loader, Missing};
use self::told::{SHOWN, asks_too_much, capture, failed};
use super::http_check::Request;

/// Verifies one installed component: every file first, then its checks, in the order in which they stand.
///
/// # Errors
/// Every file that is not as installed, at once; or the first check that does not hold. Both are of kind
/// [`FailureKind::Verify`].
pub fn verify_component(action: &Verify, context: &dyn Context) -> Result<(), StepError> {
    let installed = manifest::load(&action.prefix, &action.component)?.ok_or_else(|| {
        failed(
            match action.wheels {
                true => format!("the Python environment {} is not installed", action.prefix),
                false => format!("{} is not installed under {}", action.component, action.prefix),
            },
            "run `installer build`".to_owned(),
        )
    })?;
    let problems = manifest::verify_files(&installed);
    if !problems.is_empty() {
        let more = problems.len().saturating_sub(SHOWN);
        let mut told: Vec<String> = problems.iter().take(SHOWN).map(ToString::to_string).collect();
        if more > 0 {
            told.push(format!("and {more} more"));
        }
        return Err(failed(
            told.join("; "),
            match action.wheels {
                true => "`installer build` installs the Python packages again".to_owned(),
                false => format!("install {} again with `installer build`", action.component),
            },
        ));
    }
    context.figure("files", installed.files.len() as u64);
    let absent = if action.wheels { Vec::new() } else { libraries(action, &installed, context)? };
    let mut record = Verified { apart: requirements::hold(action, context)? };
    let mut held = 0;
    let tried = action.checks.iter().enumerate().filter(|(_, check)| check.level() <= action.level);
    for (place, check) in tried {
        files::remove_tree(&action.directory)?;
        files::create_dir_all(&action.directory)?;
        match run_check(action, &installed, check, context) {
            Ok(()) => {
                context.check(place, Some(true), None);
                held += 1;
            }
            // What cannot even be loaded without the driver cannot be tried here.
            Err(StepError::Failed(failure)) if action.level < VerifyLevel::Device => {
                let Some(why) = expected(&failure, &absent) else {
                    context.check(place, Some(false), Some(&failure.message));
                    return Err(StepError::Failed(failure));
                };
                context.check(place, None, Some(&why));
                context.warn(&why);
                record.apart.push(Apart { kind: Kind::Check, number: place, why });
            }
            Err(error) => {
                if let StepError::Failed(failure) = &error {
                    context.check(place, Some(false), Some(&failure.message));
                }
                return Err(error);
            }
        }
    }
    if action.checks.is_empty() && !action.wheels {
        held = match least::hold(action, &installed, context) {
            Err(StepError::Failed(failure)) if action.level < VerifyLevel::Device => {
                let Some(why) = expected(&failure, &absent) else { return Err(StepError::Failed(failure)) };
                context.warn(&why);
                1
            }
            held => held?,
        };
    }
    match held {
        _ if action.wheels => {}
        0 if action.checks.is_empty() => context.figure(BY_HASH_ONLY, 1),
        held => context.figure("checks", held),
    }
    let verified = context.layout().verified(&action.component);
    files::atomic_write(&verified, serde_json::to_string(&record).unwrap_or_default().as_bytes())
}

/// Why a check that did not hold holds at run time: a library is missing that comes with a driver.
fn expected(failure: &Failure, absent: &[String]) -> Option<String> {
    let library = absent.iter().find(|library| failure.message.contains(library.as_str()))?;
    let message = failure.message.lines().next().unwrap_or_default().trim_end_matches(':');
    Some(format!("expected at run time: {message}, because {library} is missing, which comes with a driver"))
}

/// Looks for the libraries that installed files need. What comes with a driver may be missing where no driver is, below
/// the level `device`; its names are returned.
fn libraries(action: &Verify, installed: &Manifest, context: &dyn Context) -> Result<Vec<String>, StepError> {
    let root = Utf8Path::new("/");
    let library_path = action.environment.get("LD_LIBRARY_PATH").map(String::as_str);
    let missing = Loader::new(root, context.target().multiarch(), library_path).missing(installed)?;
    let (mut absent, mut problems, mut cures) = (Vec::new(), Vec::new(), Vec::new());
    for Missing { library, needed_by } in missing {
        let Some(driver) = driver_of(&library) else {
            problems.push(format!("{needed_by} needs {library}, which is missing"));
            cures.push(format!(
                "install the package that has {library}, or add the component that installs it to `needs` of \
                 {}",
                action.component
            ));
            continue;
        };
        let vendor = driver.vendor;
        match driver.sign(root) {
            None if action.level < VerifyLevel::Device => {
                context.warn(&format!(
                    "expected at run time: {library} of the {vendor} driver, which this machine does not have, is needed by {needed_by}"
                ));
                absent.push(library);
            }
            None => {
                problems.push(format!(
                    "{needed_by} needs {library} of the {vendor} driver, which is not \
                                   installed"
                ));
                cures.push(format!("run `installer verify --level device` where the {vendor} driver is; without one, --level import"));
            }
            Some(sign) => {
                problems.push(format!(
                    "{needed_by} needs {library}, which is missing although the {vendor} driver is installed \
                     ({sign})"
                ));
                cures.push(format!(
                    "give the container all of the {vendor} driver's libraries (NVIDIA: \
                                    NVIDIA_DRIVER_CAPABILITIES=all), or install the driver's package that \
                                    has {library}"
                ));
            }
        }
    }
    if problems.is_empty() {
        return Ok(absent);
    }
    cures.sort();
    cures.dedup();
    Err(StepError::of_kind(FailureKind::Verify, problems.join("; "), cures))
}

fn run_check(
    action: &Verify,
    installed: &Manifest,
    check: &Check,
    context: &dyn Context,
) -> Result<(), StepError> {
    match check {
        Check::Run { command, contains, .. } => {
            let finished = succeed(action, command, context)?;
            let Some(wanted) = contains else { return Ok(()) };
            let seen = finished.stdout.contains(wanted.as_str())
                || finished.tail.iter().any(|line| line.contains(wanted.as_str()));
            if seen {
                return Ok(());
            }
            Err(not_held(action, command, &format!("did not print `{wanted}`"), &finished))
        }
        Check::SameOutput { before, left, right, .. } => {
            for command in before {
                succeed(action, command, context)?;
            }
            let one = succeed(action, left, context)?;
            let other = succeed(action, right, context)?;
            let (wanted, found) = (significant(&one.stdout), significant(&other.stdout));
            if wanted.is_empty() {
                return Err(not_held(action, left, "printed nothing to compare", &one));
            }
            if wanted == found {
                return Ok(());
            }
            let what = match wanted.iter().zip(&found).position(|(left, right)| left != right) {
                Some(at) => format!(
                    "printed `{}` where `{}` printed `{}`",
                    found[at],
                    told(action, left).0,
                    wanted[at]
                ),
                None => {
                    format!("printed {} lines, and `{}` {}", found.len(), told(action, left).0, wanted.len())
                }
            };
            Err(not_held(action, right, &what, &other))
        }
        Check::Library { name, exports, .. } => library::check(action, installed, name, exports, context),
        Check::Http { serve, path, status, contains, .. } => {
            let request = Request {
                serve: words(action, serve),
                path: path.clone(),
                status: *status,
                contains: contains.clone(),
            };
            let finished = capture(action, &request.command()?, context)?;
            if finished.status == 0 {
                return Ok(());
            }
            Err(not_held(action, serve, &format!("did not answer {path} as expected"), &finished))
        }
    }
}

/// Lines that count, as the case format says: those that begin with `#` do not.
fn significant(output: &str) -> Vec<&str> {
    output.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect()
}

fn words(action: &Verify, command: &[String]) -> Vec<String> {
    command
        .iter()
        .map(|word| {
            word.replace("{prefix}", action.prefix.as_str()).replace("{scratch}", action.directory.as_str())
        })
        .collect()
}

fn succeed(action: &Verify, command: &[String], context: &dyn Context) -> Result<Finished, StepError> {
    let finished = capture(action, &words(action, command), context)?;
    if finished.status == 0 {
        return Ok(finished);
    }
    Err(not_held(action, command, &format!("ended with status {}", finished.status), &finished))
}

fn not_held(action: &Verify, command: &[String], what: &str, finished: &Finished) -> StepError {
    let mut lines: Vec<&str> = finished.tail.iter().map(String::as_str).collect();
    if lines.is_empty() {
        lines = finished.stdout.lines().collect();
    }
    let output = lines[lines.len().saturating_sub(SHOWN)..].join("\n");
    let output = if output.is_empty() { String::new() } else { format!(":\n{output}") };
    let (line, by_hand) = told(action, command);
    StepError::of_kind(
        FailureKind::Verify,
        format!("`{line}` {what}{output}"),
        vec![format!("{by_hand}, or install {} again", action.component), asks_too_much(&action.component)],
    )
}

/// A command on one line, and how to run it by hand: a script among its words is left out and shown elsewhere.
fn told(action: &Verify, command: &[String]) -> (String, String) {
    let words = words(action, command);
    let is_script = |word: &String| word.trim().contains('\n');
    let short = words.iter().map(|word| match is_script(word) {
        true => "'…'".to_owned(),
        false => shell::word(word),
    });
    let line = short.collect::<Vec<_>>().join(" ");
    let by_hand = match words.iter().any(is_script) {
        true => format!(
            "`installer explain build/{}/verify` shows the whole command, to run it by hand",
            action.component
        ),
        false => format!("run `{line}` by hand to see more"),
    };
    (line, by_hand)
}
