//! `deps`, `build`, `all`: assess, and if something is to be done, lock and run.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Instant;

use engine::{Assessment, Cancel, Finish, RunOptions, Selection, assess_before_run};
use model::case::{Diagnostic, Diagnostics};
use model::event::{FailureKind, Verdict};
use model::exit;
use model::plan::{Phase, Plan, Privilege};
use model::site::{Sudo, percent_encoded};

use crate::args::{Common, PhaseArg};
use crate::directories::{self, marker, take_lock};
use crate::dispatch::Dispatch;
use crate::error::{Error, Result};
use crate::invocation::typed;
use crate::load::Setting;
use crate::out::warn;
use crate::shown::Shown;
use crate::steps::known_words;
use crate::{next, room};

/// Runs phases of a case and returns the exit code.
pub fn run(common: &Common, phase: PhaseArg, positional: Option<&str>) -> Result<i32> {
    let started = Instant::now();
    let mut setting = Setting::gather(common, positional)?;
    setting.tell_recalled();
    setting.write_out()?;
    refuse_without_sources(common, phase, &setting)?;
    refuse_unreadable_proxies(common, phase, &setting)?;
    let selection = Selection { only: common.only.clone(), skip: common.skip.clone() };
    let mut plans = Vec::new();
    for phase in phase.phases() {
        plans.push(setting.plan(*phase)?);
    }
    known_words(&selection, &plans, &setting)?;
    directories::heal_places(&setting, &plans)?;
    let (mut pending, mut needs_root) = (false, false);
    let mut assessments = Vec::new();
    for plan in &plans {
        let selection = selection.of_phase(plan.phase, setting.case());
        let assessment = assess_before_run(plan, &Dispatch::new(), &setting.world(), &selection)?;
        pending |= assessment.pending();
        needs_root |= plan
            .steps
            .iter()
            .zip(&assessment.rows)
            .any(|(step, row)| row.state.may_run() && step.privilege == Privilege::Root);
        assessments.push(assessment);
    }
    let cancel = Cancel::new();
    let mut observer = Shown::new(common, next::after_phases(common, &setting, phase, &typed(common)));
    let mut options = RunOptions {
        capacity: setting.capacity,
        keep_going: keeps_going(common),
        selection,
        launcher: std::env::current_exe()
            .map_err(|error| Error::internal(format!("failed to find this program's own file: {error}")))?,
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
        directories::mark_cache(&setting.layout.cache)?;
        directories::own(&setting)?;
        directories::same_records(&setting)?;
        directories::heal_manifests(&setting, &plans)?;
        crate::remembered::write(&setting.layout, &setting.key, &setting.case().sources, &setting.sources)?;
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
    let absent = setting.absent_sources().into_iter().filter(|found| found.used);
    let absent: Vec<Diagnostic> = absent.flat_map(|found| found.at.0).collect();
    if absent.is_empty() {
        return Ok(());
    }
    Err(Error::of_case(exit::PREFLIGHT, Diagnostics(absent)))
}

/// A password with a raw `#` reaches no proxy: every tool would fail in its own words, and show a part of it.
fn refuse_unreadable_proxies(common: &Common, phase: PhaseArg, setting: &Setting) -> Result<()> {
    if common.offline || phase == PhaseArg::Build {
        return Ok(());
    }
    let Some((name, sign)) = setting.site.unreadable_proxies().into_iter().next() else { return Ok(()) };
    let message =
        format!("the credentials in {name} hold `{sign}`, which ends them for the tools that read it");
    let help = format!("percent-encode it: write {} for `{sign}`", percent_encoded(sign));
    Err(Error::new(exit::PREFLIGHT, message).with_help(help))
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
    let selection = options.selection.clone();
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
        let little = room::too_little(plan, assessments.get(number), engine::memory::total());
        room.warning.iter().chain(&little).for_each(|warning| warn(warning));
        options.selection = selection.of_phase(*phase, setting.case());
        let finish = engine::run(plan, &Dispatch::new(), &setting.world(), &options, observer)?;
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
    let mut finish = Finish { verdict: Verdict::NothingToDo, failure: None };
    for (plan, assessment) in plans.iter().zip(assessments) {
        finish = engine::tell_nothing_to_do(plan, assessment, &setting.world(), options, observer)?;
    }
    Ok(finish)
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
