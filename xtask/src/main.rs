//! `installer`: arguments in, one library call, terminal out.

mod args;
mod asked;
mod case_cmd;
mod case_diff;
mod case_import;
mod cases;
mod checkout;
mod complete;
mod directories;
mod dispatch;
mod dist;
mod doctor;
mod error;
mod help;
mod image_cmd;
mod in_context;
mod installed;
mod invocation;
mod layout;
mod legacy;
mod load;
mod man;
mod next;
mod out;
mod picker;
mod plan_cmd;
mod projects;
mod recipe_cmd;
mod recipes;
mod reference;
mod remembered;
mod repositories;
mod room;
mod run;
mod shell;
mod shown;
mod site;
mod sources;
mod status;
mod steps;
mod texts;
mod uninstall;
mod verify_json;
mod words;

use std::borrow::Cow;

use clap::FromArgMatches;
use clap::error::{ContextKind, ContextValue};
use mimalloc::MiMalloc;
use model::exit;
use model::nearest::nearest;
use model::visible::visible;

use args::{Cli, ImageCommand, PhaseArg, Subcommands};
use error::{Error, Result};

/// Plans are many small values: see docs/crates.md.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() {
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    // Before anything else: a launcher has one thread, and no use for the command line's rules.
    let code = match words.get(1).map(String::as_str) {
        Some("__launch") => exec::launcher::launcher_main(&words[2..]),
        Some("__complete") => complete::main(&words[2..]),
        Some("__check-http") => build::run::http_check::main(&words[2..]),
        _ => command(words),
    };
    std::process::exit(code);
}

fn command(words: Vec<String>) -> i32 {
    let as_json = words.iter().take_while(|word| *word != "--").any(|word| word == "--json");
    if std::env::args_os().any(|word| word.to_str().is_none()) {
        let error = Error::usage("an argument is not UTF-8").with_help("use paths and names in UTF-8");
        out::say(&error.text());
        return error.code;
    }
    // Options of old are none of today's: what the old scripts hand on is translated first.
    let outcome = match words.get(1).map(String::as_str) {
        Some("legacy") => legacy::main(&words[2..], run),
        _ => match sources::rewritten(words) {
            Ok(words) => match parsed(&words) {
                Ok(_) if words.len() == 1 && std::env::var_os("INSTALLER_PHASE").is_none() => {
                    out::print(help::PAGE).map(|()| exit::OK)
                }
                Ok(cli) => run(&cli),
                Err(error) => {
                    let code = if error.use_stderr() { exit::USAGE } else { exit::OK };
                    if as_json && code != exit::OK {
                        // What cannot be printed cannot be told either.
                        drop(out::json(&Error::from(&error).json()));
                    }
                    // Help and version go to standard output, mistakes to standard error; clap knows which is which.
                    let plain = error.render().to_string();
                    match visible(&plain) {
                        Cow::Borrowed(_) => drop(error.print()),
                        // Words that were pasted, or a variable.
                        Cow::Owned(_) => out::say(plain.trim_end()),
                    }
                    return code;
                }
            },
            Err(error) => Err(error),
        },
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            if as_json {
                drop(out::json(&error.json()));
            }
            out::say(&error.text());
            error.code
        }
    }
}

fn parsed(words: &[String]) -> std::result::Result<Cli, clap::Error> {
    let command = help::command(words);
    let hidden: Vec<String> = command
        .get_subcommands()
        .filter(|sub| sub.is_hide_set())
        .map(|sub| sub.get_name().to_owned())
        .collect();
    Cli::from_arg_matches(&command.try_get_matches_from(words).map_err(|error| without(&hidden, error))?)
}

/// What people call the phases who know other programs.
const INSTALLS: &[&str] = &["install", "setup", "run"];
const PHASES: [&str; 3] = ["deps", "build", "all"];

/// The error without suggestions of hidden commands, which are not for people.
fn without(hidden: &[String], mut error: clap::Error) -> clap::Error {
    let typed = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(typed)) => typed.clone(),
        _ => return error,
    };
    let suggested = match error.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::Strings(names)) => names.clone(),
        _ => Vec::new(),
    };
    let kept: Vec<String> = suggested.into_iter().filter(|name| !hidden.contains(name)).collect();
    // What other programs call it is nearer to `uninstall` by its letters alone.
    let installs = INSTALLS.iter().any(|word| nearest(&typed, [*word]).is_some());
    let kept = if installs { PHASES.map(str::to_owned).to_vec() } else { kept };
    let kept = if kept.is_empty() { ContextValue::None } else { ContextValue::Strings(kept) };
    error.insert(ContextKind::SuggestedSubcommand, kept);
    error
}

fn run(cli: &Cli) -> Result<i32> {
    let common = &cli.common;
    let Some(command) = &cli.command else {
        return match cli.phase {
            Some(phase) => {
                exec::use_usual_modes();
                phases(common, phase, None)
            }
            None => Err(Error::usage("no command is given")
                .with_help("`installer all CASE` does everything; `installer -h` lists all commands")),
        };
    };
    if let Some(phase) = cli.phase {
        refuse_second_phase(phase, command)?;
    }
    if common.dry_run {
        refuse_dry_run(command)?;
    }
    if common.json {
        refuse_json(command, common.dry_run)?;
    }
    if !matches!(command, Subcommands::Case { .. }) {
        // A case that is written is its author's; everything else is for whoever uses the machine or the image.
        exec::use_usual_modes();
    }
    match command {
        Subcommands::Deps { name, print_root_commands: true } => {
            plan_cmd::root_commands(common, name.as_deref())
        }
        Subcommands::Deps { name, .. } => phases(common, PhaseArg::Deps, name.as_deref()),
        Subcommands::Build { name } => phases(common, PhaseArg::Build, name.as_deref()),
        Subcommands::All { name } => phases(common, PhaseArg::All, name.as_deref()),
        Subcommands::Plan { words } => {
            let (phase, case) = plan_cmd::phase_and_case(words)?;
            plan_cmd::plan(common, phase, case)
        }
        Subcommands::Explain { words } => {
            let (common, step) = words::step_and_case(common, words)?;
            plan_cmd::explain(&common, &step)
        }
        Subcommands::Status { name } => status::status(&words::with_case(common, name.as_deref())?),
        Subcommands::Shell { words, command } => {
            let (common, step) = words::step_and_case(common, words)?;
            shell::run(&common, &step, command)
        }
        Subcommands::Verify { words, level } => {
            let (common, components) = words::components_and_case(common, words)?;
            installed::verify(&common, &components, *level)
        }
        Subcommands::Uninstall { words, all, force } => {
            let (common, components) = words::components_and_case(common, words)?;
            uninstall::uninstall(&common, &components, *all, *force)
        }
        Subcommands::Clean { name, repositories } => {
            let common = words::with_case(common, name.as_deref())?;
            if *repositories { repositories::clean(&common) } else { installed::clean(&common) }
        }
        Subcommands::Case { command } => case_cmd::run(common, command),
        Subcommands::Recipe { command } => recipe_cmd::run(common, command),
        Subcommands::Image { command } => image_cmd::run(common, command),
        Subcommands::Doctor { name, online } => {
            doctor::doctor(&words::with_case(common, name.as_deref())?, *online)
        }
        Subcommands::Schema { of } => {
            let text = match of {
                args::SchemaOf::Case => model::case::json_schema(),
                args::SchemaOf::Recipe => model::case::recipe_json_schema(),
                args::SchemaOf::Site => model::site::json_schema(),
            };
            out::print(&text).map(|()| exit::OK)
        }
        Subcommands::Completions { shell } => out::print(complete::script(*shell)).map(|()| exit::OK),
        Subcommands::Man { directory } => man::write(directory),
        Subcommands::FaultPoints => {
            let points: String = engine::fault::POINTS.iter().map(|point| format!("{point}\n")).collect();
            out::print(&points).map(|()| exit::OK)
        }
        Subcommands::Reference { check } => reference::run(*check),
        Subcommands::Dist { arch } => dist::run(*arch),
    }
}

/// `--phase` is a command by itself. Its twin in the environment gives way to what was typed.
fn refuse_second_phase(phase: PhaseArg, command: &Subcommands) -> Result<()> {
    let phase = phase.as_str();
    if std::env::var("INSTALLER_PHASE").is_ok_and(|variable| variable == phase) {
        return Ok(());
    }
    let help = match command {
        Subcommands::Deps { .. } | Subcommands::Build { .. } | Subcommands::All { .. } => {
            format!(
                "`installer {phase} --case NAME` and `installer --phase={phase} --case NAME` are the same; use one"
            )
        }
        Subcommands::Plan { .. } => format!("`installer plan {phase} --case NAME`"),
        _ => "leave --phase out".to_owned(),
    };
    Err(Error::usage(format!("--phase={phase} and a command are two commands")).with_help(help))
}

/// A promise to do nothing that is not kept would be the worst of answers.
fn refuse_dry_run(command: &Subcommands) -> Result<()> {
    let what = match command {
        Subcommands::Shell { .. } => "a shell runs what is typed in it",
        Subcommands::Verify { .. } => "`verify` runs checks and changes nothing that is installed",
        Subcommands::Case { command: args::CaseCommand::New { .. } } => "`case new` writes one file",
        Subcommands::Case { command: args::CaseCommand::Import { .. } } => {
            "`case import` writes into one new directory"
        }
        Subcommands::Image { command: ImageCommand::Export { .. } } => {
            "`image export` writes into one new directory"
        }
        Subcommands::Image { command: ImageCommand::InstallPackages { .. } } => {
            "`image install-packages` installs what its file lists"
        }
        _ => return Ok(()),
    };
    Err(Error::usage(format!("--dry-run has no effect here: {what}")).with_help("leave it out"))
}

/// A document that nobody gets is worse than an error.
fn refuse_json(command: &Subcommands, dry_run: bool) -> Result<()> {
    let what = match command {
        Subcommands::Deps { print_root_commands: true, .. } => return Ok(()),
        Subcommands::Deps { .. } | Subcommands::Build { .. } | Subcommands::All { .. } if !dry_run => {
            return Err(Error::usage("--json needs --dry-run here")
                .with_help("add --dry-run, or use --progress json for the events of the run"));
        }
        Subcommands::Uninstall { .. } | Subcommands::Clean { .. } if !dry_run => {
            return Err(
                Error::usage("--json needs --dry-run here").with_help("add --dry-run, or leave --json out")
            );
        }
        Subcommands::Shell { .. } => "a shell prints what is typed in it",
        Subcommands::Completions { .. } => "completions are a script",
        Subcommands::Case { command } => match command {
            args::CaseCommand::New { .. } | args::CaseCommand::Import { .. } => "it writes a case",
            args::CaseCommand::Reference => "`installer schema` prints the same as a JSON Schema",
            _ => return Ok(()),
        },
        Subcommands::Recipe { command: args::RecipeCommand::Show { .. } } => "the file of a recipe is TOML",
        Subcommands::Recipe { .. } => return Ok(()),
        Subcommands::Image { command } => match command {
            ImageCommand::RuntimePackages { .. } => return Ok(()),
            ImageCommand::InstallPackages { .. } => "--progress json prints the events of a run",
            ImageCommand::Dockerfile { .. } => "a Dockerfile is printed",
            ImageCommand::Export { .. } => "it writes into one new directory",
        },
        _ => return Ok(()),
    };
    Err(Error::usage(format!("--json has no effect here: {what}")).with_help("leave it out"))
}

fn phases(common: &args::Common, phase: PhaseArg, positional: Option<&str>) -> Result<i32> {
    if common.dry_run {
        return plan_cmd::plan(common, phase, positional);
    }
    run::run(common, phase, positional)
}
