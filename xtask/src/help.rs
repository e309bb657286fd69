//! What `-h`, `--help` and the manual pages show: of each command the flags that mean something to it, the few that
//! matter first, on one screen.

use clap::{Arg, Command, CommandFactory};

use crate::args::Cli;

/// Where things lie and what the place is.
const PLACES: [&str; 7] =
    ["prefix", "state_dir", "cache_dir", "artifacts", "data_dir", "site", "package_manager"];

/// The common flags of a command: those that `-h` shows, and those that only `--help` does. What is in neither means
/// nothing to the command, and is taken without a word for the sake of variables and wrappers.
struct Flags {
    command: &'static [&'static str],
    first: &'static [&'static str],
    rest: &'static [&'static str],
    /// Whether [`PLACES`] count, too.
    places: bool,
}

const RUN_FIRST: &[&str] = &[
    "source",
    "set",
    "only",
    "skip",
    "dry_run",
    "jobs",
    "keep_going",
    "yes",
    "verbose",
    "json",
    "progress",
    "prefix",
];
const RUN_REST: &[&str] = &["case", "fail_fast", "offline", "wait", "detailed_exitcode", "color"];
const BUILD_REST: &[&str] =
    &["case", "fail_fast", "offline", "wait", "detailed_exitcode", "color", "verify_level"];
const READ_REST: &[&str] = &["case", "source", "set", "yes", "color"];

const fn of(
    command: &'static [&'static str],
    first: &'static [&'static str],
    rest: &'static [&'static str],
    places: bool,
) -> Flags {
    Flags { command, first, rest, places }
}

const FLAGS: &[Flags] = &[
    of(&["all"], RUN_FIRST, BUILD_REST, true),
    of(&["deps"], RUN_FIRST, RUN_REST, true),
    of(&["build"], RUN_FIRST, BUILD_REST, true),
    of(
        &["plan"],
        &["source", "set", "only", "skip", "verbose", "json", "detailed_exitcode"],
        &["case", "yes", "color", "offline", "verify_level"],
        true,
    ),
    of(
        &["explain"],
        &["source", "set", "verbose", "json"],
        &["case", "only", "skip", "yes", "color", "offline", "verify_level"],
        true,
    ),
    of(&["shell"], &["source", "set", "jobs", "wait"], &["case", "yes"], true),
    of(&["status"], &["json"], READ_REST, true),
    of(
        &["verify"],
        &["verbose", "json", "prefix"],
        &["case", "source", "set", "jobs", "yes", "wait", "progress", "color"],
        true,
    ),
    of(&["uninstall"], &["dry_run", "json", "prefix"], &["case", "source", "set", "yes", "wait"], true),
    of(&["clean"], &["dry_run", "json", "cache_dir"], &["case", "source", "set", "yes", "wait"], true),
    of(&["doctor"], &["json", "offline"], &["case", "set"], true),
    of(&["schema"], &[], &[], false),
    of(&["completions"], &[], &[], false),
    of(&["case"], &[], &[], false),
    of(&["case", "list"], &["json"], &[], false),
    of(&["case", "show"], &["source", "set", "json"], &["case", "yes"], false),
    of(&["case", "check"], &["source", "set", "json"], &["case", "yes"], true),
    of(&["case", "diff"], &["set", "json"], &["source"], false),
    of(&["case", "new"], &[], &[], false),
    of(&["case", "reference"], &[], &[], false),
    of(&["case", "import"], &[], &[], false),
    of(&["recipe"], &[], &[], false),
    of(&["recipe", "list"], &["json"], &[], false),
    of(&["recipe", "show"], &[], &[], false),
    of(&["recipe", "check"], &["json"], &[], false),
    of(&["image"], &[], &[], false),
    of(&["image", "export"], &["source", "set", "prefix"], &["case", "yes"], true),
    of(&["image", "runtime-packages"], &["verbose", "json"], READ_REST, true),
    of(&["image", "dockerfile"], &["set", "prefix"], &["case", "yes", "data_dir"], false),
    of(
        &["image", "install-packages"],
        &["yes", "offline"],
        &["verbose", "progress", "color", "site", "package_manager"],
        false,
    ),
];

/// The commands by what one wants.
pub const GROUPS: &[(&str, &[&str])] = &[
    ("Run", &["all", "deps", "build"]),
    ("Look", &["plan", "explain", "status", "verify", "doctor"]),
    ("Repair and remove", &["shell", "clean", "uninstall"]),
    ("Cases, images and the rest", &["case", "recipe", "image", "schema", "completions", "help"]),
];

const EXAMPLES: &str = "\
Examples:
  installer all quickstart                    everything, from nothing to verified
  installer plan build quickstart             what a build would do, and why
  installer build quickstart --ffmpeg-src /mnt/ffmpeg
                                              a component from a directory of yours";

/// What a bare `installer` says.
pub const PAGE: &str = "\
installer puts a stack on this machine or into a container image, in two
phases: `deps` brings everything that needs a network and compiles nothing;
`build` compiles, installs and verifies without a network. A file, the case,
says what to install.

  installer case list        lists the cases
  installer plan CASE        what a run would do, and why
  installer all CASE         both phases: from nothing to installed and verified
  installer status CASE      what is installed, and how the last runs ended
  installer doctor           whether this machine is ready

Examples:
  installer all quickstart
  installer build ./my-case --ffmpeg-src /mnt/ffmpeg

Help:
  installer -h               all commands
  installer COMMAND -h       the flags of a command that matter; --help: all
  man installer-COMMAND      the same, where the manual pages are installed
";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// `-h`.
    Short,
    /// `--help`, the reference, manual pages.
    Long,
}

/// The command line with its help in order. What costs something is only done when the words ask for help.
pub fn command(words: &[String]) -> Command {
    let before: Vec<&str> = words.iter().map(String::as_str).take_while(|word| *word != "--").collect();
    // `-h` may stand among other letters: `-vh`.
    let letters = |word: &&str| word.starts_with('-') && !word.starts_with("--") && word.contains('h');
    let short = before.iter().any(letters) && !before.contains(&"--help");
    if !short && !before.iter().any(|word| ["--help", "help"].contains(word)) {
        return Cli::command();
    }
    with_groups(tailored(), if short { Length::Short } else { Length::Long })
}

/// Every command with the common flags that mean something to it.
pub fn tailored() -> Command {
    let mut command = Cli::command().mut_args(told).max_term_width(100);
    let common: Vec<Arg> = command.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    let short = ["case", "dry_run", "verbose", "json", "yes"];
    command = command.mut_args(|arg| {
        let hidden =
            arg.is_global_set() && !short.contains(&arg.get_id().as_str()) || arg.get_id() == "phase";
        arg.hide_short_help(hidden)
    });
    for flags in FLAGS {
        command = at(command, flags.command, &|sub| {
            let sub = sub.mut_args(told).args(common.iter().map(|arg| shown(arg, flags)));
            match sub.has_subcommands() {
                true => sub,
                false => sub
                    .after_help("`--help` lists all flags, `installer -h` all commands.")
                    .after_long_help("`installer --help` lists the exit codes."),
            }
        });
    }
    command
}

fn shown(arg: &Arg, flags: &Flags) -> Arg {
    let id = arg.get_id().as_str();
    let first = flags.first.contains(&id);
    let any = first || flags.rest.contains(&id) || (flags.places && PLACES.contains(&id));
    // Otherwise it would stay as hidden as the program's own help wants it.
    arg.clone().hide_short_help(!first).hide(!any || arg.is_hide_set())
}

fn at(command: Command, path: &[&str], change: &dyn Fn(Command) -> Command) -> Command {
    match path.split_first() {
        None => change(command),
        Some((name, rest)) => command.mut_subcommand(name, |sub| at(sub, rest, change)),
    }
}

/// `-h` has no room for variables; `--help` names them, and never shows their values.
fn told(arg: Arg) -> Arg {
    let Some(variable) = arg.get_env().map(|name| name.to_string_lossy().into_owned()) else { return arg };
    let text = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    arg.hide_env(true).long_help(format!("{text} [env: {variable}]"))
}

/// The program's own help: commands in groups, which Clap has no words for.
pub fn with_groups(command: Command, length: Length) -> Command {
    let mut text = String::from("{about-with-newline}\nUsage: installer COMMAND [CASE] [OPTIONS]\n");
    for (heading, names) in GROUPS {
        text.push_str(&format!("\n{heading}:\n"));
        for name in *names {
            let about = command.find_subcommand(name).and_then(Command::get_about).map(ToString::to_string);
            let about = about.unwrap_or_else(|| "Shows the help of a command".to_owned());
            text.push_str(&format!("  {name:<12} {about}\n"));
        }
    }
    // A heading for every second flag would take more lines than the flags.
    let plain = |arg: Arg| if length == Length::Short { arg.help_heading(None::<&str>) } else { arg };
    let options = Command::new("installer")
        .version(env!("CARGO_PKG_VERSION"))
        .args(command.get_arguments().cloned().map(plain))
        .max_term_width(100)
        .help_template("{all-args}");
    let options = rendered(options, length);
    text.push_str(&format!("\n{}\n", options.trim_end()));
    if length == Length::Short {
        text.push_str("\n`installer COMMAND -h` shows the flags that matter, `--help` all of them.\n");
    }
    if length == Length::Long {
        text.push_str(&format!("\n{EXAMPLES}\n"));
        text.push_str("\nExit codes:\n");
        for (code, _, meaning) in model::exit::ALL {
            text.push_str(&format!("  {code:>3}  {meaning}\n"));
        }
    }
    command.help_template(text)
}

fn rendered(mut command: Command, length: Length) -> String {
    match length {
        Length::Short => command.render_help().to_string(),
        Length::Long => command.render_long_help().to_string(),
    }
}
