//! The command line.

use camino::Utf8PathBuf;
use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use model::plan::Phase;
use model::verify_level::VerifyLevel;

const EXAMPLES: &str = "\
Examples:
  installer all --case quickstart            everything, from nothing to verified
  installer deps --case quickstart           what needs a network, and nothing else
  installer build --case quickstart          compile, install and verify, offline
  installer plan --case quickstart           what a run would do, and why
  installer explain build/ffmpeg/configure --case quickstart
                                             one step: what, why, and what changed
  installer build --case quickstart --ffmpeg-src /mnt/ffmpeg
                                             a component from a directory of your own

Exit codes:
    0  everything that was asked for holds
    1  an error that no other code names
    2  the command line was wrong
    3  the case file is wrong
    4  preflight: the host lacks something; nothing was compiled
    5  a step failed; what is done stays done
    6  a step of `build` reached for the network
    7  with --detailed-exitcode: there is something to do
    8  another run holds the state directory
    9  an installed file or a check does not hold
   10  `case diff`: the cases differ
  130  cancelled";

/// Turns a machine or a container image into one that runs a given stack, in two phases: `deps` brings everything
/// that needs a network, `build` compiles, installs and verifies without one.
#[derive(Debug, Parser)]
#[command(name = "installer", version, after_help = EXAMPLES, args_conflicts_with_subcommands = false)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Subcommands>,

    /// The phase, for RUN lines: `installer --phase=deps` is `installer deps`.
    #[arg(long, value_enum, env = "INSTALLER_PHASE")]
    pub phase: Option<PhaseArg>,

    #[command(flatten)]
    pub common: Common,
}

/// What every command understands.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// The case: a name, a case file, or a directory with a case.toml. Also from DEPLOYMENT_CASE.
    #[arg(
        long,
        visible_alias = "deployment-case",
        value_name = "NAME|PATH",
        global = true,
        env = "INSTALLER_CASE"
    )]
    pub case: Option<String>,

    /// Job tokens for the whole run [default: the CPUs that this process may use].
    #[arg(short, long, value_name = "N", global = true, env = "INSTALLER_JOBS", value_parser = clap::value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,

    /// Only these components or steps, and what they need.
    #[arg(long, value_name = "NAME", global = true, env = "INSTALLER_ONLY", value_delimiter = ',')]
    pub only: Vec<String>,

    /// Not these components or steps.
    #[arg(long, value_name = "NAME", global = true, env = "INSTALLER_SKIP", value_delimiter = ',')]
    pub skip: Vec<String>,

    /// Reads a source from a directory instead of what the case says; it is never written to. May be repeated; in the
    /// environment one a line. For every component of the case there is --<component>-src PATH as well (--ffmpeg-src,
    /// --infinilm-svc-src), from the environment as FFMPEG_SRC, INFINILM_SVC_SRC.
    #[arg(long, value_name = "NAME=PATH", global = true, env = "INSTALLER_SOURCE", value_delimiter = '\n')]
    pub source: Vec<String>,

    /// `--<component>-src PATH`, as `sources::rewritten` hands it on.
    #[arg(long, value_name = "COMPONENT=PATH", global = true, hide = true)]
    pub component_src: Vec<String>,

    /// Where components are installed [default: /usr/local as root, else ~/.local].
    #[arg(long, value_name = "DIR", global = true, env = "INSTALLER_PREFIX")]
    pub prefix: Option<Utf8PathBuf>,

    /// Ledger and logs [default: /var/lib/installer/<case>, else $XDG_STATE_HOME/installer/<case>].
    #[arg(long, value_name = "DIR", global = true, env = "INSTALLER_STATE_DIR")]
    pub state_dir: Option<Utf8PathBuf>,

    /// Build trees [default: /var/cache/installer/<case>, else $XDG_CACHE_HOME/installer/<case>].
    #[arg(long, value_name = "DIR", global = true, env = "INSTALLER_CACHE_DIR")]
    pub cache_dir: Option<Utf8PathBuf>,

    /// What `deps` brings [default: ./artifacts/<case>, in an image /opt/installer/artifacts/<case>].
    #[arg(long, value_name = "DIR", global = true, env = "INSTALLER_ARTIFACTS")]
    pub artifacts: Option<Utf8PathBuf>,

    /// Toolchains, crates, environments [default: /opt/installer, else $XDG_DATA_HOME/installer].
    #[arg(long, value_name = "DIR", global = true, env = "INSTALLER_DATA_DIR")]
    pub data_dir: Option<Utf8PathBuf>,

    /// What this place dictates (proxies, mirrors, authorities), over /etc/installer/site.toml and
    /// $XDG_CONFIG_HOME/installer/site.toml.
    #[arg(long, value_name = "FILE", global = true, env = "INSTALLER_SITE")]
    pub site: Option<Utf8PathBuf>,

    /// The package manager in charge (apt, dnf, yum, zypper, apk), where the distribution does not tell.
    #[arg(long, value_name = "NAME", global = true, env = "INSTALLER_PACKAGE_MANAGER")]
    pub package_manager: Option<String>,

    /// No network even in `deps`: what is there has to do.
    #[arg(long, global = true, env = "INSTALLER_OFFLINE", value_parser = FalseyValueParser::new())]
    pub offline: bool,

    /// After a failure, goes on with what does not need the failed step.
    #[arg(long, global = true, env = "INSTALLER_KEEP_GOING", value_parser = FalseyValueParser::new(), overrides_with = "fail_fast")]
    pub keep_going: bool,

    /// After a failure, starts nothing more [default].
    #[arg(long, global = true, env = "INSTALLER_FAIL_FAST", value_parser = FalseyValueParser::new())]
    pub fail_fast: bool,

    /// How the run is shown.
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        global = true,
        env = "INSTALLER_PROGRESS",
        default_value = "auto"
    )]
    pub progress: Progress,

    /// Colours; NO_COLOR is honoured.
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        global = true,
        env = "INSTALLER_COLOR",
        default_value = "auto"
    )]
    pub color: Color,

    /// Shows what the steps print.
    #[arg(short, long, global = true, env = "INSTALLER_VERBOSE", value_parser = FalseyValueParser::new())]
    pub verbose: bool,

    /// Asks nothing.
    #[arg(short, long, global = true, env = "INSTALLER_YES", value_parser = FalseyValueParser::new())]
    pub yes: bool,

    /// Sets a value of the case: `components.ffmpeg.options.enable-gpl=true`.
    #[arg(long, value_name = "KEY=VALUE", global = true, env = "INSTALLER_SET", value_delimiter = '\n')]
    pub set: Vec<String>,

    /// When another run holds the state directory, waits for it instead of failing.
    #[arg(long, global = true, env = "INSTALLER_WAIT", value_parser = FalseyValueParser::new())]
    pub wait: bool,

    /// Prints what would be done, and does nothing.
    #[arg(long, global = true, env = "INSTALLER_DRY_RUN", value_parser = FalseyValueParser::new())]
    pub dry_run: bool,

    /// How far `build` verifies what it installed: `link`, `import` or `device` [default: import].
    #[arg(long, value_enum, value_name = "LEVEL", global = true, env = "INSTALLER_VERIFY_LEVEL")]
    pub verify_level: Option<LevelArg>,

    /// Exits with 7 when there is something to do (with `plan` and --dry-run).
    #[arg(long, global = true, env = "INSTALLER_DETAILED_EXITCODE", value_parser = FalseyValueParser::new())]
    pub detailed_exitcode: bool,
}

#[derive(Debug, Subcommand)]
pub enum Subcommands {
    /// Brings everything that needs a network: packages, toolchains, wheels, crates, sources.
    Deps {
        /// The case.
        name: Option<String>,
        /// Prints what an administrator has to run, and runs nothing.
        #[arg(long)]
        print_root_commands: bool,
    },
    /// Compiles, installs and verifies, without a network.
    Build {
        /// The case.
        name: Option<String>,
    },
    /// Both phases.
    All {
        /// The case.
        name: Option<String>,
    },
    /// Shows what a run would do: steps, reasons, packages and what they cost.
    Plan {
        /// The phase, deps, build or all [default: all], the case, or the phase and then the case.
        #[arg(value_name = "PHASE|CASE", num_args = 0..=2)]
        words: Vec<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows one step: what it does, what it needs, why it would or would not run, what changed.
    Explain {
        /// The step's id: `build/ffmpeg/configure`.
        step: String,
    },
    /// Opens a shell where a step of `build` runs: its directory, its environment, its job tokens, and no network. What
    /// is changed there is the step's to mend: it runs again with the next `build`.
    Shell {
        /// The step's id: `build/ffmpeg/compile`.
        step: String,
        /// A command that is run instead of a shell, after `--`.
        #[arg(last = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// Shows what is installed and how the last runs ended.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Holds every installed file against its hash, then runs the components' checks.
    Verify {
        /// Components, `python` among them [default: all of the case].
        components: Vec<String>,
        /// How far: files and libraries (link), programs and modules too (import), the driver and devices too (device)
        /// [default: import].
        #[arg(long, value_enum, value_name = "LEVEL")]
        level: Option<LevelArg>,
    },
    /// Removes exactly the files of a component; `python`: what the case brought of Python packages.
    Uninstall {
        /// The component, or `python`.
        component: Option<String>,
        /// All that the case has installed.
        #[arg(long, conflicts_with = "component")]
        all: bool,
        /// Even if another installed component of the case needs it.
        #[arg(long)]
        force: bool,
    },
    /// Removes the build trees of a case, and capsules of steps that succeeded since; what is installed and downloaded
    /// stays.
    Clean {
        /// Removes the apt repositories that were set up for the case instead, with their keys; installed packages
        /// stay
        #[arg(long)]
        repositories: bool,
    },
    /// Lists, shows, makes and checks cases.
    Case {
        #[command(subcommand)]
        command: CaseCommand,
    },
    /// For Dockerfiles: what belongs into a runtime image.
    Image {
        #[command(subcommand)]
        command: crate::image_cmd::ImageCommand,
    },
    /// Looks whether this place can do what it says: site files, proxies, mirrors, disk, memory, privileges, force.
    Doctor {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Prints the JSON Schema of a case, or of a site file.
    Schema {
        /// Of what.
        #[arg(value_enum, default_value = "case")]
        of: SchemaOf,
    },
    /// Prints completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    #[command(name = "__fault-points", hide = true)]
    FaultPoints,
    #[command(name = "__reference", hide = true)]
    Reference {
        /// Compares with the committed files instead of writing them.
        #[arg(long)]
        check: bool,
    },
    /// Makes the binary for others, in `dist/`; in a checkout only.
    #[command(hide = true)]
    Dist {
        /// For which architecture.
        #[arg(long, value_enum, default_value = "x86_64")]
        arch: crate::dist::Architecture,
    },
}

#[derive(Debug, Subcommand)]
pub enum CaseCommand {
    /// Lists the cases that are found, with their descriptions.
    List,
    /// Shows a case with everything that it extends.
    Show {
        /// The case.
        name: Option<String>,
        /// Says where each value came from.
        #[arg(long)]
        origins: bool,
    },
    /// Writes a case to start from, into `cases/NAME/case.toml`.
    New {
        /// Its name.
        name: String,
    },
    /// Prints every key that a case may have, with what it means, as Markdown.
    Reference,
    /// Looks for every mistake in a case.
    Check {
        /// The case.
        name: Option<String>,
    },
    /// Writes a case from what an older tool left: a deployment case of InfiniLM-SVC's scripts (a directory with
    /// install.defaults.sh), or a JSON preset. Nothing of it is run; each line that was not understood is listed.
    Import {
        /// The directory, or the file.
        from: camino::Utf8PathBuf,
        /// The directory of the new case [default: cases/NAME].
        #[arg(long, value_name = "DIR")]
        output: Option<camino::Utf8PathBuf>,
    },
    /// Compares two cases, with all that each extends, key by key. Exits with 0 when they are the same, with 10 when
    /// they differ.
    Diff {
        /// One: a name, a file, a directory or a preset.
        a: String,
        /// The other.
        b: String,
        /// How the differences are printed.
        #[arg(long, value_enum, default_value = "text")]
        format: DiffFormat,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    Case,
    Site,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PhaseArg {
    Deps,
    Build,
    All,
}

impl PhaseArg {
    /// The phase of this name.
    pub fn named(word: &str) -> Option<Self> {
        Self::from_str(word, false).ok()
    }

    /// The phases that it selects, in order.
    pub fn phases(self) -> &'static [Phase] {
        match self {
            Self::Deps => &[Phase::Deps],
            Self::Build => &[Phase::Build],
            Self::All => &[Phase::Deps, Phase::Build],
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deps => "deps",
            Self::Build => "build",
            Self::All => "all",
        }
    }
}

/// How far a verification goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LevelArg {
    Link,
    Import,
    Device,
}

impl From<LevelArg> for VerifyLevel {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::Link => Self::Link,
            LevelArg::Import => Self::Import,
            LevelArg::Device => Self::Device,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Progress {
    /// A live display on a terminal, plain lines elsewhere and with CI set.
    Auto,
    Tty,
    Plain,
    Json,
    Quiet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}
