//! `deps`, `build`, `all`: assess, and if something is to be done, lock and run.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Instant;

use engine::{Assessment, Cancel, Finish, Observer, RunOptions, Selection, State, assess_before_run};
use exec::lock::{LockError, RunLock};
use model::case::Case;
use model::event::{FailureKind, Timed, Verdict};
use model::exit;
use model::plan::{Phase, Plan, Privilege};
use model::site::Sudo;
use report::{Kind, Next, Renderer, Size, Style};

use crate::args::{Color, Common, PhaseArg, Progress};
use crate::dispatch::Dispatch;
use crate::error::{Error, Result};
use crate::invocation::typed;
use crate::load::Setting;
use crate::{next, room};

/// Runs phases of a case and returns the exit code.
pub fn run(common: &Common, phase: PhaseArg, positional: Option<&str>) -> Result<i32> {
    let started = Instant::now();
    let mut setting = Setting::gather(common, positional)?;
    setting.tell_recalled();
    setting.write_out()?;
    refuse_without_sources(common, phase, &setting)?;
    let selection = Selection { only: common.only.clone(), skip: common.skip.clone() };
    let mut plans = Vec::new();
    for phase in phase.phases() {
        plans.push(setting.plan(*phase)?);
    }
    known_words(&selection, &plans, setting.case())?;
    let (mut pending, mut needs_root) = (false, false);
    let mut assessments = Vec::new();
    for plan in &plans {
        let assessment = assess_before_run(plan, &Dispatch, &setting.world(), &selection)?;
        pending |= assessment.pending();
        needs_root |= plan.steps.iter().any(|step| {
            let runs = assessment
                .row(&step.id)
                .is_some_and(|row| matches!(row.state, State::Stale | State::Follows));
            runs && step.privilege == Privilege::Root
        });
        assessments.push(assessment);
    }
    let cancel = Cancel::new();
    let mut observer = Shown::new(common, next::after_phases(common, &setting, phase, &typed(common)));
    let mut options = RunOptions {
        capacity: setting.capacity,
        keep_going: keeps_going(common),
        selection,
        launcher: std::env::current_exe()
            .map_err(|error| Error::internal(format!("failed to find this program itself: {error}")))?,
        launcher_args: vec!["__launch".to_owned()],
        run_lock: None,
        marker: marker(&setting),
        cancel: cancel.clone(),
        capsules: Some(crate::shell::origin(common, &setting)?),
        started,
    };
    // With nothing to do nobody has to be kept away, and nothing is started.
    if pending {
        setting.detect_sudo();
        ask_for_root(&setting, needs_root)?;
        options.run_lock = Some(Arc::new(take_lock(common, &setting)?));
        crate::installed::mark_cache(&setting.layout.cache)?;
        own_directories(&setting)?;
        trees_of_this_ledger(&setting)?;
        crate::remembered::write(&setting)?;
        let live = observer.is_live();
        engine::signals::install(&cancel, move || {
            if live {
                // The process ends in the next moment; there is nobody to tell that the terminal is gone.
                drop(std::io::stderr().write_all(report::RESTORE.as_bytes()));
            }
        })
        .map_err(|error| Error::internal(format!("failed to watch for signals: {error}")))?;
    }
    let outcome = if pending {
        run_phases(phase, &plans, &assessments, &mut setting, options, &mut observer)
    } else {
        tell_phases(&plans, &assessments, &setting, &options, &mut observer)
    };
    observer.finish();
    deps::packages::forget_secrets(&setting.site, &setting.layout.cache)?;
    outcome.map(exit_code)
}

/// `all` ends in `build`, which wants every directory that a component is built from: better told before `deps`.
fn refuse_without_sources(common: &Common, phase: PhaseArg, setting: &Setting) -> Result<()> {
    if phase != PhaseArg::All || !common.only.is_empty() || !common.skip.is_empty() {
        return Ok(());
    }
    let absent: Vec<String> = setting
        .absent_sources()
        .iter()
        .filter(|found| found.used)
        .map(|found| found.at.to_string())
        .collect();
    if absent.is_empty() {
        return Ok(());
    }
    Err(Error::new(exit::PREFLIGHT, absent.join("\n\n").trim_end().to_owned()))
}

/// Lets `sudo` ask for its password now, while the terminal shows no run; steps only ever use `sudo -n`.
fn ask_for_root(setting: &Setting, needs_root: bool) -> Result<()> {
    if needs_root && setting.site.sudo == Sudo::Allowed && std::io::stdin().is_terminal() {
        exec::privilege::ask().map_err(|error| Error::new(exit::PREFLIGHT, error.to_string()))?;
    }
    Ok(())
}

/// What was typed counts more than a twin in the environment.
fn keeps_going(common: &Common) -> bool {
    let typed = |flag: &str| std::env::args().any(|word| word == flag);
    common.keep_going && (!common.fail_fast || typed("--keep-going"))
}

fn run_phases(
    phase: PhaseArg,
    plans: &[Plan],
    assessments: &[Assessment],
    setting: &mut Setting,
    mut options: RunOptions,
    observer: &mut Shown,
) -> Result<Finish> {
    let mut worst: Option<Finish> = None;
    for (number, phase) in phase.phases().iter().enumerate() {
        // The sources that `deps` brought may say more than was known before.
        let replanned = if *phase == Phase::Build && number > 0 {
            setting.look_again();
            Some(setting.plan(*phase)?)
        } else {
            None
        };
        let plan = replanned.as_ref().unwrap_or(&plans[number]);
        let room = room::room(plan, assessments.get(number), setting.capacity, setting.jobs_given);
        options.capacity.jobs = room.jobs;
        room.warning.iter().for_each(|warning| warn(warning));
        let finish = engine::run(plan, &Dispatch, &setting.world(), &options, observer)?;
        let go_on = matches!(finish.verdict, Verdict::Done | Verdict::NothingToDo);
        worst = Some(finish);
        if !go_on {
            break;
        }
    }
    worst.ok_or_else(|| Error::internal("no phase was selected"))
}

fn tell_phases(
    plans: &[Plan],
    assessments: &[Assessment],
    setting: &Setting,
    options: &RunOptions,
    observer: &mut Shown,
) -> Result<Finish> {
    for (plan, assessment) in plans.iter().zip(assessments) {
        engine::tell_nothing_to_do(plan, assessment, &setting.world(), options, observer)?;
    }
    Ok(Finish { verdict: Verdict::NothingToDo, failure: None })
}

fn exit_code(finish: Finish) -> i32 {
    match (finish.verdict, finish.failure) {
        (Verdict::Cancelled, _) => exit::CANCELLED,
        (Verdict::Done | Verdict::NothingToDo, _) => exit::OK,
        (Verdict::Failed, Some(FailureKind::Preflight)) => exit::PREFLIGHT,
        (Verdict::Failed, Some(FailureKind::Offline)) => exit::OFFLINE_VIOLATED,
        (Verdict::Failed, Some(FailureKind::Verify)) => exit::VERIFY_FAILED,
        (Verdict::Failed, _) => exit::STEP_FAILED,
    }
}

/// Words of --only and --skip that mean nothing are mistakes.
pub fn known_words(selection: &Selection, plans: &[Plan], case: &Case) -> Result<()> {
    let plans: Vec<&Plan> = plans.iter().collect();
    let mut unknown = selection.unknown(&plans);
    // A component that nothing has to be brought for has no step in `deps`.
    unknown.retain(|word| !case.components.keys().any(|name| name.as_str() == *word));
    if unknown.is_empty() {
        return Ok(());
    }
    let mut names: Vec<String> = plans
        .iter()
        .flat_map(|plan| &plan.steps)
        .filter_map(|step| Some(step.component.as_ref()?.to_string()))
        .collect();
    names.sort();
    names.dedup();
    let known =
        if names.is_empty() { String::new() } else { format!("components are: {}; ", names.join(", ")) };
    Err(Error::usage(format!(
        "no component or step is called {}\n  help: {known}`installer plan` lists the steps",
        unknown.join(", "),
    )))
}

/// Identifies the state directory.
pub fn marker(setting: &Setting) -> String {
    model::Digest::of(setting.layout.state.as_str()).short().to_owned()
}

/// Takes the run lock and ends what a killed run left running.
pub fn take_lock(common: &Common, setting: &Setting) -> Result<RunLock> {
    let path = setting.layout.state.join("lock");
    engine::files::create_dir_all(&setting.layout.state)?;
    let lock = RunLock::acquire(&path, common.wait).map_err(|error| match error {
        LockError::Io { .. } => Error::internal(error.to_string()),
        LockError::Held { .. } | LockError::Leftovers { .. } => {
            Error::new(exit::LOCKED, format!("{error}\n  help: --wait waits for it"))
        }
    })?;
    let ended = exec::launcher::end_leftovers(&marker(setting), &path)
        .map_err(|error| Error::internal(format!("failed to end what a killed run left running: {error}")))?;
    for process in ended {
        warn(&format!("ended what a killed run left running: {process}"));
    }
    Ok(lock)
}

/// A line of talk on standard error; that nobody reads it is no error.
pub fn warn(message: &str) {
    drop(writeln!(std::io::stderr(), "warning: {message}"));
}

/// Sees that state and cache directory are this case's: two cases in one would each take the other's build trees for
/// their own.
fn own_directories(setting: &Setting) -> Result<()> {
    let case = &setting.case().metadata.name;
    for (directory, flag) in [(&setting.layout.state, "--state-dir"), (&setting.layout.cache, "--cache-dir")]
    {
        let mark = directory.join("case");
        match engine::files::read_if_there(&mark)? {
            Some(owner) if owner.trim() == case => {}
            Some(owner) => {
                return Err(Error::usage(format!(
                    "{directory} is used by the case `{}`\n  help: give each case a {flag} of its own",
                    owner.trim()
                )));
            }
            None => engine::files::atomic_write(&mark, format!("{case}\n").as_bytes())?,
        }
    }
    Ok(())
}

/// Sees that the build trees are those that the ledger speaks of. One of them may be another's: a cache mount that a
/// builder handed out twice, a directory that was restored, a --state-dir of its own. What the ledger calls compiled
/// would then be something else; a lost tree is only built again.
fn trees_of_this_ledger(setting: &Setting) -> Result<()> {
    let (state, cache) = (&setting.layout.state, &setting.layout.cache);
    let (mine, theirs) = (state.join("pair"), cache.join("pair"));
    let (known, found) = (engine::files::read_if_there(&mine)?, engine::files::read_if_there(&theirs)?);
    if known.is_some() && known == found {
        return Ok(());
    }
    // Both are new, or of a version that did not look.
    if known.is_some() || found.is_some() {
        for name in ["build", "work", "staging", "sources"] {
            let trees = cache.join(name);
            if trees.exists() {
                warn(&format!("{trees} is not what the records in {state} speak of, and is made anew"));
                engine::files::remove_tree(&trees)?;
            }
        }
    }
    // A new one each time: the same on two caches would say that both are this ledger's.
    let moment = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let pair = model::Digest::of(format!("{} {} {state}", moment.as_nanos(), std::process::id()));
    engine::files::atomic_write(&mine, pair.as_str().as_bytes())?;
    engine::files::atomic_write(&theirs, pair.as_str().as_bytes())?;
    Ok(())
}

/// Whether colours are wanted on this stream.
pub fn style(common: &Common, on_terminal: bool) -> Style {
    Style::new(match common.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => on_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    })
}

/// Shows events as they come.
pub struct Shown {
    renderer: Box<dyn Renderer + Send>,
    kind: Kind,
}

impl Shown {
    pub fn new(common: &Common, next: Next) -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let kind = match common.progress {
            Progress::Json => Kind::Json,
            Progress::Quiet => Kind::Quiet,
            Progress::Plain => Kind::Plain,
            Progress::Tty => Kind::Terminal(size().unwrap_or_default()),
            Progress::Auto if on_terminal && !ci && !dumb => Kind::Terminal(size().unwrap_or_default()),
            Progress::Auto => Kind::Plain,
        };
        let options = report::Options { style: style(common, on_terminal), verbose: common.verbose, next };
        Self { renderer: report::renderer(kind, options), kind }
    }

    fn is_live(&self) -> bool {
        matches!(self.kind, Kind::Terminal(_))
    }

    fn with(&mut self, act: impl FnOnce(&mut dyn Renderer, &mut dyn Write) -> std::io::Result<()>) {
        // A reader that went away (`| head`) must not end a compile.
        if self.kind.is_data() {
            drop(act(self.renderer.as_mut(), &mut std::io::stdout().lock()));
        } else {
            drop(act(self.renderer.as_mut(), &mut std::io::stderr().lock()));
        }
    }

    pub fn finish(&mut self) {
        self.with(|renderer, out| renderer.finish(out));
    }
}

impl Observer for Shown {
    fn event(&mut self, timed: &Timed) {
        self.with(|renderer, out| renderer.event(timed, out));
    }

    fn tick(&mut self, now_ms: u64) {
        let size = if self.is_live() { size() } else { None };
        self.with(|renderer, out| renderer.tick(now_ms, size, out));
    }
}

fn size() -> Option<Size> {
    let (width, height) = terminal_size::terminal_size_of(std::io::stderr())?;
    Some(Size { columns: width.0, rows: height.0 })
}
