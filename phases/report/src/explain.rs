//! `explain STEP`: what it does, what it needs, and why it would or would not run.

mod checks;
mod preflight;
mod probe;

use std::fmt::Write as _;

use camino::Utf8Path;
use model::plan::{
    Action, Argument, Claims, Command, EnsureToolchain, Freshness, Input, Jobs, Keep, Network, Phase, Plan,
    Privilege, Shows, Step,
};
use model::shell::word;

use self::probe::probe;
use crate::plan::{differences, package_lines};
use crate::{PlanOptions, PlanRow, RowState, text};

/// Everything worth knowing about one step. `log` is where its last run left its output, if that is there.
pub fn explain_text(plan: &Plan, row: &PlanRow<'_>, log: Option<&Utf8Path>, options: PlanOptions) -> String {
    let style = options.style;
    let step = row.step;
    let mut out = String::new();
    let _ = writeln!(out, "{}: {}", style.bold(step.id.as_str()), step.title);
    let now = match row.state {
        RowState::Fresh => "would not run: it is fresh",
        RowState::WillRun => "would run",
        RowState::MayRun => "would run if what it needs changes",
        RowState::NotSelected => "would not run: --only or --skip leaves it out",
    };
    let why = if row.why.is_empty() { String::new() } else { format!(" ({})", row.why) };
    let _ = writeln!(out, "now: {now}{why}");
    list(&mut out, "changed since it last ran", &differences(&row.differences, usize::MAX));
    let mut does = action(row);
    if !options.verbose {
        does.iter_mut().for_each(|line| *line = text::without_filling(line));
    }
    list(&mut out, "what it does", &does);
    let needs: Vec<String> = step.needs.iter().map(|need| with_title(plan, need)).collect();
    list(&mut out, "needs", &needs);
    let after: Vec<String> =
        step.after.iter().chain(&step.proven).map(|need| with_title(plan, need)).collect();
    list(&mut out, "waits for (not part of its fingerprint)", &after);
    let dependents: Vec<String> = plan
        .steps
        .iter()
        .filter(|other| other.needs.contains(&step.id))
        .map(|other| format!("{}: {}", other.id, other.title))
        .collect();
    list(&mut out, "needed by", &dependents);
    list(&mut out, "reads", &step.inputs.iter().map(input).collect::<Vec<_>>());
    let outputs: Vec<String> = step.outputs.iter().map(ToString::to_string).collect();
    list(&mut out, "outputs", &outputs);
    let scratch: Vec<String> = step
        .scratch
        .iter()
        .map(|scratch| {
            let kept = match scratch.keep {
                Keep::Never => "emptied before each start",
                Keep::UnlessReconfigured => "emptied, unless only files of the source changed",
                Keep::UnlessKilled => "kept, unless the last attempt was killed",
                Keep::Always => "kept",
            };
            format!("{} ({kept})", scratch.path)
        })
        .collect();
    list(&mut out, "works in", &scratch);
    list(&mut out, "rules", &rules(step));
    if let Some(log) = log {
        let _ = writeln!(out, "log of its last run: {log}");
    }
    out
}

fn list(out: &mut String, heading: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "{heading}:");
    for line in lines {
        let _ = writeln!(out, "  {line}");
    }
}

fn with_title(plan: &Plan, id: &model::StepId) -> String {
    plan.step(id).map_or_else(|| id.to_string(), |step| format!("{id}: {}", step.title))
}

fn input(input: &Input) -> String {
    match input {
        Input::File { path } => path.to_string(),
        Input::MaybeFile { path } => format!("{path}, if it exists"),
        Input::Requirements { path, optional: false, .. } => format!("{path} and what it includes"),
        Input::Requirements { path, .. } => format!("{path} and what it includes, if it exists"),
        Input::Tree { path, exclude, .. } if exclude.is_empty() => format!("everything below {path}"),
        Input::Tree { path, exclude, .. } => format!("everything below {path} but {}", exclude.join(", ")),
    }
}

fn rules(step: &Step) -> Vec<String> {
    let mut rules = vec![match step.freshness {
        Freshness::Observed => "fresh when the host already has it".to_owned(),
        Freshness::Fingerprinted => {
            "fresh when nothing above changed since it last succeeded and its outputs exist".to_owned()
        }
    }];
    rules.push(match (step.network, step.phase) {
        (Network::Allowed, _) => "may use the network".to_owned(),
        (Network::Denied, Phase::Build) => "the network is shut off by force".to_owned(),
        (Network::Denied, Phase::Deps) => "does not use the network".to_owned(),
    });
    if step.privilege == Privilege::Root {
        rules.push("must be run as root (another user: through sudo)".to_owned());
    }
    if let Some(seconds) = step.timeout_seconds {
        rules.push(format!("times out after {}", text::duration(seconds.saturating_mul(1000))));
    }
    if step.optional {
        rules.push("optional: it may fail; steps that need it are then not run".to_owned());
    }
    let Claims { jobs, memory_mib, locks } = &step.claims;
    rules.push(
        match jobs {
            Jobs::None => "takes no job",
            Jobs::One => "takes one job",
            Jobs::Jobserver => "shares the jobs of the run (jobserver)",
            Jobs::Lease => "leases a fixed number of jobs",
        }
        .to_owned(),
    );
    if *memory_mib > 0 {
        rules.push(format!("claims {memory_mib} MiB of memory for each job"));
    }
    if !locks.is_empty() {
        rules.push(format!("runs alone among the steps that claim {}", locks.join(", ")));
    }
    rules
}

fn action(row: &PlanRow<'_>) -> Vec<String> {
    match &row.step.action {
        Action::EnsurePackages(packages) => {
            let mut lines = package_lines(packages, row.cost.as_ref());
            for need in &packages.needs {
                let optional = if need.optional { " (optional)" } else { "" };
                let seen =
                    need.probe.as_ref().map_or_else(String::new, |seen| format!(", seen by {}", probe(seen)));
                lines.push(format!("{}{optional}: for {}{seen}", need.name, need.wanted_by.join(", ")));
            }
            lines
        }
        Action::EnsureToolchain(EnsureToolchain::Rust { minimum, .. }) => {
            let least = minimum.as_ref().map_or_else(
                || "as new as the sources need".to_owned(),
                |minimum| format!("at least {minimum}, and as new as the sources need"),
            );
            vec![format!("makes sure that cargo and rustc are installed: {least}")]
        }
        Action::EnsureToolchain(EnsureToolchain::PinnedRust { pins, .. }) => {
            let pins =
                pins.iter().map(|pin| format!("installs Rust {}, which {} pins", pin.channel, pin.file));
            pins.chain(["installs what fetched sources pin, once they are there".to_owned()]).collect()
        }
        Action::EnsureToolchain(EnsureToolchain::Cuda { wanted, tree, .. }) => {
            let otherwise = tree
                .as_ref()
                .map_or_else(String::new, |tree| format!(", else installs PyPI's wheels of it into {tree}"));
            vec![format!("makes sure that {} is installed{otherwise}", wanted.described())]
        }
        Action::EnsureToolchain(EnsureToolchain::Conda { prefix, specification, .. }) => {
            vec![match specification {
                Some(specification) => format!("creates {prefix} from {specification} if it does not exist"),
                None => format!("looks for an environment in {prefix}"),
            }]
        }
        Action::EnsureToolchain(EnsureToolchain::Xmake { minimum, source, tree, .. }) => {
            let least = minimum.as_ref().map_or_else(String::new, |minimum| format!(" {minimum} or newer"));
            let otherwise = source
                .as_ref()
                .map_or_else(String::new, |source| format!(", else installs {source}'s into {tree}"));
            vec![format!(
                "makes sure that xmake{least} is installed, with the distribution's package{otherwise}"
            )]
        }
        Action::EnsureToolchain(EnsureToolchain::Ninja { tools, .. }) => {
            vec![format!(
                "makes sure that a ninja with a jobserver client is installed, else installs one below {tools}"
            )]
        }
        Action::FetchSource(fetch) => {
            let mut lines = vec![format!(
                "gets source {} into {}, from the first of these that is available:",
                fetch.source, fetch.into
            )];
            // The alternatives as they stand in the case, which is where a user would change them.
            lines.extend(fetch.alternatives.iter().map(|alternative| {
                serde_json::to_string(alternative).unwrap_or_else(|error| error.to_string())
            }));
            lines
        }
        Action::UnpackSource(unpack) => vec![format!("unpacks {} to {}", unpack.from, unpack.into)],
        Action::FetchWheels(wheels) => {
            let mut lines =
                vec![format!("resolves and downloads wheels for {} to {}", wheels.interpreter, wheels.into)];
            lines.extend(wheels.requirements.iter().map(|file| format!("requirements of {file}")));
            lines.extend(wheels.packages.iter().cloned());
            lines.extend(wheels.constraints.iter().map(|constraint| format!("keeping to {constraint}")));
            lines.extend(wheels.find_links.iter().map(|directory| format!("wheels of {directory} first")));
            lines.extend(
                wheels
                    .indexes
                    .iter()
                    .map(|index| format!("only from {}: {}", index.url, index.packages.join(", "))),
            );
            if wheels.kept_for.is_some() {
                lines.push(format!("what {} has is kept and not downloaded", wheels.interpreter));
            }
            lines
        }
        Action::FetchCrates(crates) => {
            vec![format!("downloads the crates of {}'s lock file into {}", crates.source, crates.cargo_home)]
        }
        Action::InstallWheels(wheels) => {
            vec![format!(
                "installs the wheels of {} into {}, without an index",
                wheels.wheels, wheels.environment
            )]
        }
        Action::StageWheels(wheels) => {
            vec![format!(
                "lays out the wheels of {} as {} would install them, without an index",
                wheels.wheels, wheels.interpreter
            )]
        }
        Action::Preflight(preflight) => preflight::lines(preflight),
        Action::WorkingCopy(copy) => {
            vec![format!("synchronises {} with {}, by content", copy.into, copy.from)]
        }
        Action::Exec(exec) => exec.commands.iter().flat_map(command).collect(),
        Action::ExpectEnabled(expect) => expect
            .expectations
            .iter()
            .map(|expectation| {
                let shows = match &expectation.shows {
                    Shows::Line(line) => format!("has the line `{line}`"),
                    Shows::NoLineWith(text) => format!("has no line with `{text}`"),
                    Shows::NoLine(text) => format!("has no line that is `{text}`"),
                    Shows::Word { label, word } => format!("has `{word}` after `{label}`"),
                    Shows::NotNo { label } => format!("has something other than NO after `{label}`"),
                    Shows::NoEmptyEntry { beginning } => {
                        format!("has a value for each variable {beginning}…")
                    }
                    Shows::CacheEntry { name, value } => format!("says {name}={value}"),
                };
                format!("{}: {} {shows}", expectation.asked, expectation.file)
            })
            .collect(),
        Action::StageFiles(stage) => {
            let files = stage.files.iter().map(|file| format!("stages {} as {}", file.from, file.to));
            let trees = stage
                .trees
                .iter()
                .map(|tree| format!("stages every file below {} in {}", tree.from, tree.to));
            let texts =
                stage.texts.iter().map(|text| format!("writes {}:\n{}", text.to, text.text.trim_end()));
            files.chain(trees).chain(texts).collect()
        }
        Action::LinkPython(link) => {
            vec![format!("lets the environment {} import from {}", link.environment, link.directory)]
        }
        Action::Commit(commit) => vec![format!(
            "checks the files below {}, records them, and moves them to {}",
            commit.staging, commit.prefix
        )],
        Action::Verify(verify) => {
            let mut lines = vec![format!(
                "compares every file of {} below {} with its hash",
                verify.component, verify.prefix
            )];
            if verify.checks.is_empty() && !verify.wheels {
                lines.push(
                    "it has no checks: looks for the symbols of its shared libraries and imports its Python modules; \
                     without any it is checked by hash only"
                        .to_owned(),
                );
            }
            lines.extend(verify.checks.iter().flat_map(|check| checks::lines(check, verify)));
            lines
        }
    }
}

/// A command as one could paste it, then its directory and environment.
fn command(command: &Command) -> Vec<String> {
    let mut words = vec![word(&command.program)];
    words.extend(command.args.iter().map(|argument| match argument {
        Argument::Literal(text) => word(text),
        Argument::Jobs { jobs } => format!("{jobs}<jobs>"),
    }));
    let mut lines = vec![format!("$ {}", words.join(" ")), format!("    in {}", command.directory)];
    lines.extend(command.environment.iter().map(|(name, value)| format!("    {name}={}", word(value))));
    lines
}
