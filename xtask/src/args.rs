//! The command line.

mod common;
mod image;
mod values;

use camino::Utf8PathBuf;
use clap::{Parser, Subcommand, ValueEnum};
use model::plan::Phase;

pub use common::{Common, Translated};
pub use image::ImageCommand;
pub use values::{Architecture, Color, LevelArg, Progress, Shell};

/// Installs a stack on a machine or in a container image, in two phases
///
/// `deps` brings everything that needs a network; `build` compiles, installs and verifies without one.
#[derive(Debug, Parser)]
#[command(name = "installer", version, args_conflicts_with_subcommands = false)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Subcommands>,

    /// The phase, for RUN lines: --phase=deps is `deps`
    #[arg(
        long,
        value_enum,
        env = "INSTALLER_PHASE",
        hide_possible_values = true,
        help_heading = "What is built"
    )]
    pub phase: Option<PhaseArg>,

    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Subcommand)]
pub enum Subcommands {
    /// Both phases: from nothing to installed and verified
    All {
        /// The case: a name, a file or a directory
        #[arg(value_name = "CASE")]
        name: Option<String>,
    },
    /// Brings everything that needs a network, and compiles nothing
    ///
    /// Packages, toolchains, wheels, crates and sources.
    Deps {
        /// The case: a name, a file or a directory
        #[arg(value_name = "CASE")]
        name: Option<String>,
        /// Prints what must be run as root, and runs nothing
        #[arg(long, help_heading = "How it runs")]
        print_root_commands: bool,
    },
    /// Compiles, installs and verifies, without a network
    Build {
        /// The case: a name, a file or a directory
        #[arg(value_name = "CASE")]
        name: Option<String>,
    },
    /// Shows what a run would do: steps, reasons, packages, cost
    Plan {
        /// deps, build or all [default: all], the case, or both
        #[arg(value_name = "PHASE|CASE", num_args = 0..=2)]
        words: Vec<String>,
    },
    /// Shows one step: what it does, why it would run, what changed
    Explain {
        /// The step's id, such as build/ffmpeg/configure; and the case
        #[arg(value_name = "STEP|CASE", num_args = 1..=2, required = true)]
        words: Vec<String>,
    },
    /// Opens a shell where a step of `build` runs
    ///
    /// It has the step's directory, its environment, its job tokens, and no network. After changes there, the next
    /// `build` runs the step again.
    Shell {
        /// The step's id, such as build/ffmpeg/compile; and the case
        #[arg(value_name = "STEP|CASE", num_args = 1..=2, required = true)]
        words: Vec<String>,
        /// Runs a command instead of a shell
        #[arg(last = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// Shows what is installed and how the last runs ended
    Status {
        /// The case: a name, a file or a directory
        #[arg(value_name = "CASE")]
        name: Option<String>,
    },
    /// Checks every installed file and runs the components' checks
    ///
    /// Every file is compared with its hash; then its libraries are looked up, and the checks run.
    Verify {
        /// Components [default: all], `python` among them; and the case
        #[arg(value_name = "COMPONENT|CASE")]
        words: Vec<String>,
        /// How far: link, import or device [default: import]
        ///
        /// link checks files and libraries; import also starts programs and imports modules; device also tests the
        /// driver and the devices.
        #[arg(
            long,
            value_enum,
            value_name = "LEVEL",
            hide_possible_values = true,
            help_heading = "How it runs"
        )]
        level: Option<LevelArg>,
    },
    /// Removes exactly the files of a component
    ///
    /// `python` stands for the Python packages of the case.
    Uninstall {
        /// The component, or `python`; and the case
        #[arg(value_name = "COMPONENT|CASE", num_args = 0..=2)]
        words: Vec<String>,
        /// Everything that the case has installed
        #[arg(long, help_heading = "What is built")]
        all: bool,
        /// Even if another installed component of the case needs it
        #[arg(long, help_heading = "How it runs")]
        force: bool,
    },
    /// Removes build trees; what is installed and downloaded stays
    ///
    /// Also removes capsules of steps that have succeeded since.
    Clean {
        /// The case: a name, a file or a directory
        #[arg(value_name = "CASE")]
        name: Option<String>,
        /// Removes the apt repositories of the case instead
        ///
        /// Those that were set up for it, with their keys; installed packages are kept.
        #[arg(long, help_heading = "How it runs")]
        repositories: bool,
    },
    /// Lists, shows, makes and checks cases
    Case {
        #[command(subcommand)]
        command: CaseCommand,
    },
    /// Lists, shows and checks recipes, the data of components
    Recipe {
        #[command(subcommand)]
        command: RecipeCommand,
    },
    /// For Dockerfiles: what belongs in a runtime image
    Image {
        #[command(subcommand)]
        command: ImageCommand,
    },
    /// Checks whether this machine is ready: disk, memory, mirrors
    ///
    /// Site files, certificates, disk, memory, privileges, and how the network can be kept away. Ends with what it did not
    /// look at. Asks no server without --online.
    Doctor {
        /// The case: a name, a file or a directory
        #[arg(value_name = "CASE")]
        name: Option<String>,
        /// Asks the proxies, mirrors and indexes of this place, and the servers of the case
        #[arg(long)]
        online: bool,
    },
    /// Prints the JSON Schema of a case or of a site file
    Schema {
        /// Of what: case or site
        #[arg(value_enum, default_value = "case", hide_possible_values = true)]
        of: SchemaOf,
    },
    /// Prints completions for a shell
    ///
    /// bash: `source <(installer completions bash)`, or write them (after `mkdir -p` of the directory) to
    /// ~/.local/share/bash-completion/completions/installer. zsh: write them to a file `_installer` in a directory of
    /// $fpath. fish: write them to ~/.config/fish/completions/installer.fish.
    Completions {
        /// bash, zsh or fish
        #[arg(value_enum, hide_possible_values = true)]
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
    /// Writes the manual pages into a directory.
    #[command(name = "__man", hide = true)]
    Man {
        /// The directory; it is created if it does not exist.
        directory: Utf8PathBuf,
    },
    /// Builds the binaries for distribution in `dist/`; only in a checkout.
    #[command(hide = true)]
    Dist {
        /// For which architecture.
        #[arg(long, value_enum, default_value = "x86_64")]
        arch: Architecture,
    },
}

#[derive(Debug, Subcommand)]
pub enum CaseCommand {
    /// Lists the cases that are found, with their descriptions
    List,
    /// Shows a case with everything that it extends
    Show {
        /// The case: a name, a file or a directory
        #[arg(value_name = "CASE")]
        name: Option<String>,
        /// Says where each value came from
        #[arg(long, help_heading = "What is shown")]
        origins: bool,
    },
    /// Writes a case to start from to cases/NAME/case.toml
    New {
        /// Its name
        name: String,
    },
    /// Prints every key that a case may have, as Markdown
    Reference,
    /// Looks for mistakes in a case
    Check {
        /// The case: a name, a file or a directory
        #[arg(value_name = "CASE")]
        name: Option<String>,
    },
    /// Converts a case or preset of an older tool
    ///
    /// That is a deployment case of InfiniLM-SVC's scripts (a directory with install.defaults.sh), or a JSON preset.
    /// Nothing of it is run; lines that are not understood are listed.
    Import {
        /// The directory, or the file
        from: camino::Utf8PathBuf,
        /// The directory of the new case [default: cases/NAME]
        #[arg(long, value_name = "DIR", help_heading = "What is built")]
        output: Option<camino::Utf8PathBuf>,
    },
    /// Compares two cases, with all that each extends, key by key
    ///
    /// Exits with 0 if they are the same, with 10 if they differ.
    Diff {
        /// One: a name, a file, a directory or a preset
        a: String,
        /// The other
        b: String,
        /// How the differences are printed: text or json
        #[arg(
            long,
            value_enum,
            default_value = "text",
            hide_possible_values = true,
            help_heading = "What is shown"
        )]
        format: DiffFormat,
    },
}

#[derive(Debug, Subcommand)]
pub enum RecipeCommand {
    /// Lists the recipes that are found, each with its driver and its file
    ///
    /// A recipe is looked for in ./recipes, in the directories of $INSTALLER_RECIPES, in /etc/installer/recipes, and
    /// among those in the binary.
    List,
    /// Prints the file of a recipe
    Show {
        /// The recipe
        #[arg(value_name = "RECIPE")]
        name: String,
    },
    /// Looks for mistakes in a recipe, or in all of your own
    Check {
        /// The recipe: a name or a file
        #[arg(value_name = "RECIPE")]
        name: Option<String>,
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
    Recipe,
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
