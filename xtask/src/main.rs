//! `installer`: arguments in, one library call, terminal out.

mod args;
mod case_cmd;
mod case_diff;
mod case_import;
mod cases;
mod checkout;
mod dispatch;
mod dist;
mod doctor;
mod error;
mod image_cmd;
mod installed;
mod layout;
mod legacy;
mod load;
mod next;
mod out;
mod picker;
mod plan_cmd;
mod reference;
mod remembered;
mod repositories;
mod room;
mod run;
mod shell;
mod site;
mod sources;
mod status;
mod uninstall;

use clap::{CommandFactory, Parser};
use model::exit;

use args::{Cli, PhaseArg, Subcommands};
use error::{Error, Result};

fn main() {
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    // Before anything else: a launcher has one thread, and no use for the command line's rules.
    let code = match words.get(1).map(String::as_str) {
        Some("__launch") => exec::launcher::launcher_main(&words[2..]),
        Some("__check-http") => build::run::http_check::main(&words[2..]),
        _ => command(words),
    };
    std::process::exit(code);
}

fn command(words: Vec<String>) -> i32 {
    if std::env::args_os().any(|word| word.to_str().is_none()) {
        out::say("error: an argument is not UTF-8\n  help: use paths and names in UTF-8");
        return exit::USAGE;
    }
    // Options of old are none of today's: what the old scripts hand on is translated first.
    let outcome = match words.get(1).map(String::as_str) {
        Some("legacy") => legacy::main(&words[2..]),
        _ => match sources::rewritten(words) {
            Ok(words) => match Cli::try_parse_from(words) {
                Ok(cli) => run(&cli),
                Err(error) => {
                    let code = if error.use_stderr() { exit::USAGE } else { exit::OK };
                    // Help and version go to standard output, mistakes to standard error; clap knows which is which.
                    drop(error.print());
                    return code;
                }
            },
            Err(error) => Err(error),
        },
    };
    match outcome {
        Ok(code) => code,
        Err(Error { code, message }) => {
            let begins = message.starts_with("error:");
            out::say(&if begins { message } else { format!("error: {message}") });
            code
        }
    }
}

fn run(cli: &Cli) -> Result<i32> {
    let common = &cli.common;
    let Some(command) = &cli.command else {
        return match cli.phase {
            Some(phase) => phases(common, phase, None),
            None => {
                out::print(&Cli::command().render_help().to_string())?;
                Err(Error::usage("no command is given\n  help: `installer all --case NAME` does everything"))
            }
        };
    };
    if let Some(phase) = cli.phase {
        refuse_second_phase(phase, command)?;
    }
    if common.dry_run {
        refuse_dry_run(command)?;
    }
    match command {
        Subcommands::Deps { name, print_root_commands: true } => {
            plan_cmd::root_commands(common, name.as_deref())
        }
        Subcommands::Deps { name, .. } => phases(common, PhaseArg::Deps, name.as_deref()),
        Subcommands::Build { name } => phases(common, PhaseArg::Build, name.as_deref()),
        Subcommands::All { name } => phases(common, PhaseArg::All, name.as_deref()),
        Subcommands::Plan { words, json } => {
            let (phase, case) = plan_cmd::phase_and_case(words)?;
            plan_cmd::plan(common, phase, case, *json)
        }
        Subcommands::Explain { step } => plan_cmd::explain(common, step),
        Subcommands::Status { json } => status::status(common, *json),
        Subcommands::Shell { step, command } => shell::run(common, step, command),
        Subcommands::Verify { components, level } => installed::verify(common, components, *level),
        Subcommands::Uninstall { component: None, all: false, .. } => Err(error::Error::usage(
            "what is to be uninstalled is not said\n  help: name a component, or `python`; --all removes all that the case has installed",
        )),
        Subcommands::Uninstall { component, force, .. } => {
            uninstall::uninstall(common, component.as_deref(), *force)
        }
        Subcommands::Clean { repositories: true } => repositories::clean(common),
        Subcommands::Clean { repositories: false } => installed::clean(common),
        Subcommands::Case { command } => case_cmd::run(common, command),
        Subcommands::Image { command } => image_cmd::run(common, command),
        Subcommands::Doctor { json } => doctor::doctor(common, *json),
        Subcommands::Schema { of } => {
            let text = match of {
                args::SchemaOf::Case => model::case::json_schema(),
                args::SchemaOf::Site => model::site::json_schema(),
            };
            out::print(&text).map(|()| exit::OK)
        }
        Subcommands::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "installer", &mut script);
            out::print(&String::from_utf8_lossy(&script)).map(|()| exit::OK)
        }
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
    Err(Error::usage(format!("--phase={phase} and a command are two commands\n  help: {help}")))
}

/// A promise to do nothing that is not kept would be the worst of answers.
fn refuse_dry_run(command: &Subcommands) -> Result<()> {
    let what = match command {
        Subcommands::Shell { .. } => "a shell does what is typed in it",
        Subcommands::Verify { .. } => "`verify` runs checks and changes nothing that is installed",
        Subcommands::Case { command: args::CaseCommand::New { .. } } => "`case new` writes one file",
        Subcommands::Case { command: args::CaseCommand::Import { .. } } => {
            "`case import` writes into one new directory"
        }
        Subcommands::Image { command: image_cmd::ImageCommand::Export { .. } } => {
            "`image export` writes into one new directory"
        }
        Subcommands::Image { command: image_cmd::ImageCommand::InstallPackages { .. } } => {
            "`image install-packages` installs what its file lists"
        }
        _ => return Ok(()),
    };
    Err(Error::usage(format!("--dry-run means nothing here: {what}\n  help: leave it out")))
}

fn phases(common: &args::Common, phase: PhaseArg, positional: Option<&str>) -> Result<i32> {
    if common.dry_run {
        return plan_cmd::plan(common, phase, positional, false);
    }
    run::run(common, phase, positional)
}
