//! `completions SHELL` and what its script calls, `__complete`: the flags of Clap's own engine, and the cases,
//! components and steps that are there. A shell waits for it in the middle of a line, so that nothing is ever said.

use std::ffi::{OsStr, OsString};
use std::sync::{Arc, OnceLock};

use clap::{Arg, Command, Parser};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use model::case::{Overrides, SourceNames};
use model::exit;
use model::plan::Phase;

use crate::args::{Cli, Common, Shell};
use crate::load::Setting;
use crate::{cases, help, out, picker};

/// The script of a shell.
pub fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => include_str!("complete/installer.bash"),
        Shell::Zsh => include_str!("complete/installer.zsh"),
        Shell::Fish => include_str!("complete/installer.fish"),
    }
}

/// `__complete SHELL -- WORDS`: the words of the command line up to the cursor, the last of them in the making.
pub fn main(words: &[String]) -> i32 {
    out::hush();
    let [shell, _, line @ ..] = words else { return exit::USAGE };
    let with_help = shell != "bash";
    for candidate in candidates(line, with_help) {
        let value = candidate.get_value().to_string_lossy();
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        let help = help.lines().next().filter(|help| with_help && !help.is_empty());
        let line = help.map_or_else(|| format!("{value}\n"), |help| format!("{value}\t{help}\n"));
        if out::print(&line).is_err() {
            break;
        }
    }
    exit::OK
}

fn candidates(line: &[String], described: bool) -> Vec<CompletionCandidate> {
    let Some((current, before)) = line.split_last() else { return Vec::new() };
    // What stands after `--` is another program's.
    if before.iter().any(|word| word == "--") {
        return Vec::new();
    }
    let visible = without_hidden(help::tailored());
    let known = Arc::new(TypedWords::new(before, described, &visible));
    let mut command = with_values(visible, &known);
    let words: Vec<OsString> = line.iter().map(OsString::from).collect();
    let directory = std::env::current_dir().ok();
    let at = words.len() - 1;
    let mut found =
        clap_complete::engine::complete(&mut command, words, at, directory.as_deref()).unwrap_or_default();
    found.retain(|candidate| !candidate.is_hide_set());
    let is_flag = |candidate: &CompletionCandidate| candidate.get_value().to_string_lossy().starts_with('-');
    // Forty flags would bury what one may be looking for.
    if current.is_empty() && found.iter().any(|candidate| !is_flag(candidate)) {
        found.retain(|candidate| !is_flag(candidate));
    }
    if current.starts_with("--") && !current.contains('=') && takes_sources(before, &command) {
        found.extend(known.names().components.iter().map(|(component, _)| {
            CompletionCandidate::new(format!("--{component}-src"))
                .help(Some(format!("Reads the source of {component} from a directory").into()))
        }));
        found.retain(|candidate| candidate.get_value().to_string_lossy().starts_with(current.as_str()));
    }
    found
}

/// Whether `--<component>-src` means something to the command that is typed.
fn takes_sources(before: &[String], command: &Command) -> bool {
    let typed = before
        .iter()
        .skip(1)
        .fold(command, |command, word| command.find_subcommand(word.as_str()).unwrap_or(command));
    typed.get_arguments().any(|arg| arg.get_id() == "source")
}

/// Clap's engine offers what is hidden where nothing else fits.
fn without_hidden(command: Command) -> Command {
    let mut kept = Command::new(command.get_name().to_owned());
    if let Some(about) = command.get_about() {
        kept = kept.about(about.clone());
    }
    kept.args(command.get_arguments().filter(|arg| !arg.is_hide_set()).cloned())
        .subcommands(command.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned().map(without_hidden))
}

/// What the words before the cursor say of the case.
struct TypedWords {
    case: Option<String>,
    /// Whether the case is among the words, so that it is not asked for again.
    typed: bool,
    /// Whether cases come with their descriptions, each of which is a file to read.
    described: bool,
    names: OnceLock<SourceNames>,
    steps: OnceLock<Vec<(String, String)>>,
}

impl TypedWords {
    fn new(before: &[String], described: bool, command: &Command) -> Self {
        let typed = typed_case(before, command);
        let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let case = typed.clone().or_else(|| variable("INSTALLER_CASE")).or_else(cases::default);
        Self { case, typed: typed.is_some(), described, names: OnceLock::new(), steps: OnceLock::new() }
    }

    fn names(&self) -> &SourceNames {
        self.names.get_or_init(|| {
            let found = self.case.as_ref().and_then(|case| cases::find(case).ok());
            let mut parent = |wanted: &str, child: &str| cases::parent(wanted, child);
            found
                .and_then(|found| {
                    model::case::source_names(found.file, &mut parent, &Overrides::default()).ok()
                })
                .unwrap_or_default()
        })
    }

    /// The steps of both phases with their titles.
    fn steps(&self) -> &[(String, String)] {
        self.steps.get_or_init(|| {
            let Some(common) = self.case.as_ref().and_then(|case| common(case)) else { return Vec::new() };
            let Ok(mut setting) = Setting::gather(&common, None) else { return Vec::new() };
            setting.assume_mounted();
            let plans = [Phase::Deps, Phase::Build].into_iter().filter_map(|phase| setting.plan(phase).ok());
            let mut steps: Vec<(String, String)> = Vec::new();
            for step in plans.flat_map(|plan| plan.steps) {
                // Both phases unpack sources.
                if !steps.iter().any(|(id, _)| id == step.id.as_str()) {
                    steps.push((step.id.to_string(), step.title));
                }
            }
            steps
        })
    }
}

/// The defaults of the command line, with this case.
fn common(case: &str) -> Option<Common> {
    let cli = Cli::try_parse_from(["installer"]).ok()?;
    Some(Common { case: Some(case.to_owned()), ..cli.common })
}

/// The case that stands in the words: after `--case`, or as one of them.
fn typed_case(before: &[String], command: &Command) -> Option<String> {
    let takes_value = |flag: &str| {
        let mut commands = vec![command];
        while let Some(command) = commands.pop() {
            let named = |arg: &&Arg| {
                arg.get_long().is_some_and(|long| flag == format!("--{long}"))
                    || arg.get_short().is_some_and(|short| flag == format!("-{short}"))
            };
            if let Some(arg) = command.get_arguments().find(named) {
                return arg.get_action().takes_values();
            }
            commands.extend(command.get_subcommands());
        }
        false
    };
    let mut word_case = None;
    let mut words = before.iter().skip(1);
    while let Some(word) = words.next() {
        if let Some(case) = word.strip_prefix("--case=").or_else(|| word.strip_prefix("--deployment-case=")) {
            return Some(case.to_owned());
        }
        if word.starts_with('-') {
            let value = if takes_value(word) || word == "--deployment-case" { words.next() } else { None };
            if word == "--case" || word == "--deployment-case" {
                return value.cloned();
            }
        } else if word_case.is_none() && cases::exists(word) {
            word_case = Some(word.clone());
        }
    }
    word_case
}

/// The command line with what can be offered for its values.
fn with_values(command: Command, known: &Arc<TypedWords>) -> Command {
    let name = command.get_name().to_owned();
    let subcommands: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let mut command = command.mut_args(|arg| completed(&name, arg, known));
    for sub in subcommands {
        command = command.mut_subcommand(sub, |sub| with_values(sub, known));
    }
    command
}

/// Whether an argument is the name of a recipe.
fn is_recipe(arg: &Arg) -> bool {
    arg.get_value_names().is_some_and(|names| names.iter().any(|name| name == "RECIPE"))
}

type Values = fn(&TypedWords) -> Vec<(String, String)>;

fn completed(command: &str, arg: Arg, known: &Arc<TypedWords>) -> Arg {
    let values: &'static [Values] = match (command, arg.get_id().as_str()) {
        ("new", _) => return arg,
        (_, "name") if is_recipe(&arg) => &[recipes],
        (_, "case" | "name" | "a" | "b") => &[all_cases],
        (_, "only" | "skip") => &[components, steps],
        (_, "source") => &[sources],
        ("plan", "words") => &[phases, cases_unless_typed],
        ("explain", "words") => &[steps, cases_unless_typed],
        ("shell", "words") => &[build_steps, cases_unless_typed],
        ("verify" | "uninstall", "words") => &[components_and_python, cases_unless_typed],
        ("export", "words") => &[cases_unless_typed],
        _ => return arg,
    };
    let known = Arc::clone(known);
    arg.add(ArgValueCompleter::new(move |current: &OsStr| {
        let current = current.to_string_lossy();
        let all = values.iter().flat_map(|values| values(&known));
        all.filter(|(value, _)| value.starts_with(&*current))
            .map(|(value, help)| {
                let help = (!help.is_empty()).then(|| help.into());
                CompletionCandidate::new(value).help(help)
            })
            .collect::<Vec<_>>()
    }))
}

fn recipes(_known: &TypedWords) -> Vec<(String, String)> {
    crate::recipes::all().names().map(|name| (name.to_owned(), String::new())).collect()
}

fn all_cases(known: &TypedWords) -> Vec<(String, String)> {
    let described = |listed: cases::Listed| {
        let description = match known.described {
            true => picker::description(&listed.name).unwrap_or_default(),
            false => String::new(),
        };
        (listed.name, description)
    };
    cases::listed().into_iter().map(described).collect()
}

fn cases_unless_typed(known: &TypedWords) -> Vec<(String, String)> {
    if known.typed { Vec::new() } else { all_cases(known) }
}

fn phases(_: &TypedWords) -> Vec<(String, String)> {
    ["deps", "build", "all"].map(|phase| (phase.to_owned(), "phase".to_owned())).to_vec()
}

fn components(known: &TypedWords) -> Vec<(String, String)> {
    let names = known.names().components.iter();
    names.map(|(component, _)| (component.clone(), "component".to_owned())).collect()
}

fn components_and_python(known: &TypedWords) -> Vec<(String, String)> {
    let mut found = components(known);
    if known.case.is_some() {
        found.push(("python".to_owned(), "the case's Python packages".to_owned()));
    }
    found
}

fn sources(known: &TypedWords) -> Vec<(String, String)> {
    known.names().sources.iter().map(|name| (format!("{name}="), "source".to_owned())).collect()
}

fn steps(known: &TypedWords) -> Vec<(String, String)> {
    known.steps().to_vec()
}

fn build_steps(known: &TypedWords) -> Vec<(String, String)> {
    known.steps().iter().filter(|(id, _)| id.starts_with("build/")).cloned().collect()
}
