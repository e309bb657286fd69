//! `shell`: what a step of `build` has, for the user's own commands; and how a capsule calls it.

use std::sync::Arc;

use engine::capsule::Origin;
use engine::ledger::{Last, Ledger};
use exec::{Launch, Redactor, Session, SessionConfig};
use model::exit;
use model::plan::{Action, Argument, Command, Jobs, Keep, Network, Phase, Plan, Step};
use model::shell;

use crate::args::Common;
use crate::directories::{marker, take_lock};
use crate::error::{Error, Result};
use crate::load::Setting;
use crate::out::{say, warn};

/// What names this case, with all that the command line changed in it, to another subcommand from any directory.
pub fn origin(common: &Common, setting: &Setting) -> Result<Origin> {
    let layout = &setting.layout;
    let mut arguments = vec!["--case".to_owned(), setting.case_place.clone()];
    for (flag, directory) in [
        ("--prefix", &layout.prefix),
        ("--state-dir", &layout.state),
        ("--cache-dir", &layout.cache),
        ("--artifacts", &layout.artifacts),
        ("--data-dir", &layout.data),
    ] {
        arguments.extend([flag.to_owned(), directory.to_string()]);
    }
    for (name, path) in &setting.sources {
        arguments.extend(["--source".to_owned(), format!("{name}={path}")]);
    }
    for set in &common.set {
        arguments.extend(["--set".to_owned(), set.clone()]);
    }
    if let Ok(epoch) = std::env::var("SOURCE_DATE_EPOCH") {
        arguments.extend(["--set".to_owned(), format!("environment.SOURCE_DATE_EPOCH=\"{epoch}\"")]);
    }
    let case = serde_json::to_value(setting.case())
        .map_err(|error| Error::internal(format!("failed to encode the case: {error}")))?;
    Ok(Origin { case, program: program()?, arguments, directory: crate::layout::absolute(".".into())? })
}

fn program() -> Result<String> {
    let path = std::env::current_exe()
        .map_err(|error| Error::internal(format!("failed to find this program's own file: {error}")))?;
    path.into_os_string()
        .into_string()
        .map_err(|path| Error::internal(format!("{} is not UTF-8", path.to_string_lossy())))
}

/// Opens a shell, or runs a command, where a step runs.
pub fn run(common: &Common, wanted: &str, words: &[String]) -> Result<i32> {
    let setting = Setting::gather(common, None)?;
    let plan = setting.plan(Phase::Build)?;
    let (step, command) = wanted_step(&plan, wanted, &setting)?;
    if !command.directory.is_dir() {
        return Err(Error::usage(format!(
            "{} is missing: {wanted} has built nothing yet",
            command.directory
        ))
        .with_help(format!("run `installer build {}` first", setting.case_argument)));
    }
    let session = start_session(common, &setting)?;
    let jobserver = step.claims.jobs == Jobs::Jobserver;
    // A client of the pool runs on a token of its own.
    let _token = if jobserver { session.pool().try_acquire().ok().flatten() } else { None };
    if words.is_empty() {
        say(&format!(
            "{wanted} runs this here:\n  {}\nthere is no network; `exit` ends the shell",
            in_words(&command, setting.capacity.jobs)
        ));
    }
    let launch = launch(step, &command, words, &setting);
    // What is done to the tree from now on is not what the ledger says of it. Killed half-way, it is what a killed step
    // leaves; ended by itself, what a failed one does.
    let ledger = Ledger::open(&setting.layout.state);
    let entry = ledger.entry(&step.id)?;
    let writes = step.scratch.iter().any(|scratch| scratch.keep != Keep::Never);
    if writes {
        ledger.begin(&step.id, entry.as_ref())?;
    }
    let ended = session
        .spawn_attached(launch)
        .and_then(exec::Child::wait)
        .map_err(|error| Error::new(exit::STEP_FAILED, error.to_string()))?;
    // A shell ends with the status of its last command, whatever that died of.
    let killed = ended.status >= 128 && !words.is_empty();
    let was_killed = entry.as_ref().is_some_and(|entry| entry.last == Last::UnderWay);
    if writes && !killed && !was_killed {
        ledger.failed(&step.id, entry.as_ref())?;
    }
    for leak in &ended.leaks {
        warn(&format!("{} tried to use the network: {}", leak.process, leak.wanted));
    }
    Ok(ended.status)
}

/// The step of this name, and what it runs.
fn wanted_step<'a>(plan: &'a Plan, wanted: &str, setting: &Setting) -> Result<(&'a Step, Command)> {
    let has_command = |step: &&Step| step_command(step).is_some();
    let Some(step) = plan.steps.iter().find(|step| step.id.as_str() == wanted) else {
        return Err(Error::usage(format!("`build` has no step `{wanted}`")).with_help(format!(
            "{} (`installer plan build {}` lists all)",
            crate::steps::meant(plan.steps.iter().filter(has_command), wanted),
            setting.whole_case
        )));
    };
    let Some(command) = step_command(step) else {
        let mut own = plan.steps.iter().filter(has_command).filter(|other| other.component == step.component);
        let other = own.next().map_or_else(String::new, |other| format!(": try {}", other.id));
        return Err(Error::usage(format!("{wanted} runs no command: installer does it itself")).with_help(
            format!(
                "a shell opens only in steps that configure, compile, stage or verify a component{other}"
            ),
        ));
    };
    Ok((step, command))
}

/// A session without a network, as `build` has it, which holds the lock of the run.
fn start_session(common: &Common, setting: &Setting) -> Result<Session> {
    let lock = Arc::new(take_lock(common, setting)?);
    let session = Session::start(SessionConfig {
        launcher: program()?.into(),
        launcher_args: vec!["__launch".to_owned()],
        marker: marker(setting),
        run_lock: Some(lock),
        offline: true,
        jobs: setting.capacity.jobs,
        redactor: Redactor::default(),
    })
    .map_err(|error| Error::internal(format!("failed to prepare for a shell: {error}")))?;
    for unseen in session
        .offline_force()
        .into_iter()
        .filter(|force| force.wall.is_none())
        .flat_map(|force| force.unseen)
    {
        warn(&format!("the network is shut off, but this is not seen: {unseen}"));
    }
    Ok(session)
}

/// The user's command, or a shell, in the place of the step's own.
fn launch(step: &Step, command: &Command, words: &[String], setting: &Setting) -> Launch {
    let (program, args) = match words {
        [] if std::path::Path::new("/bin/bash").exists() => {
            ("/bin/bash".to_owned(), ["--noprofile", "--norc", "-i"].map(str::to_owned).to_vec())
        }
        [] => ("/bin/sh".to_owned(), vec!["-i".to_owned()]),
        [program, args @ ..] => (program.clone(), args.to_vec()),
    };
    Launch {
        program,
        args,
        environment: command.environment.clone(),
        directory: command.directory.clone(),
        network: Network::Denied,
        privilege: step.privilege,
        sudo: setting.site.sudo,
        jobserver: step.claims.jobs == Jobs::Jobserver,
        timeout: None,
        leak_grace: None,
        fence: None,
        patient: false,
        capture_stdout: false,
        unlogged: None,
        log: None,
    }
}

/// What a step runs, if it is a command: the last one, which is what those before it lead up to.
fn step_command(step: &Step) -> Option<Command> {
    match &step.action {
        Action::Exec(exec) => exec.commands.last().cloned(),
        Action::Verify(verify) => Some(Command {
            program: "true".to_owned(),
            args: Vec::new(),
            environment: verify.environment.clone(),
            directory: verify.directory.clone(),
        }),
        _ => None,
    }
}

fn in_words(command: &Command, jobs: u32) -> String {
    let words = command.args.iter().map(|argument| match argument {
        Argument::Literal(text) => text.clone(),
        Argument::Jobs { jobs: before } => format!("{before}{jobs}"),
    });
    let words: Vec<String> = std::iter::once(command.program.clone()).chain(words).collect();
    shell::words(&words)
}
