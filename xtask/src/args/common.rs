//! The flags that every command understands.

use camino::Utf8PathBuf;
use clap::Args;
use clap::builder::FalseyValueParser;

use super::values::{Color, LevelArg, Progress};

/// What every command understands. Which of them `-h` shows, and which mean nothing to a command, stands in `help.rs`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "What is built")]
pub struct Common {
    /// The case: a name, a file or a directory
    ///
    /// A name is looked for in ./cases, in the directories of $INSTALLER_CASES, in /etc/installer/cases, and among the
    /// cases that are built in. It can be given without the flag as well. Also --deployment-case and DEPLOYMENT_CASE.
    #[arg(long, alias = "deployment-case", value_name = "NAME|PATH", global = true, env = "INSTALLER_CASE")]
    pub case: Option<String>,

    /// Only these components or steps, and what they need
    #[arg(long, value_name = "NAME", global = true, env = "INSTALLER_ONLY", value_delimiter = ',')]
    pub only: Vec<String>,

    /// Not these components or steps
    #[arg(long, value_name = "NAME", global = true, env = "INSTALLER_SKIP", value_delimiter = ',')]
    pub skip: Vec<String>,

    /// Reads a source from a directory of yours
    ///
    /// The directory replaces what the case says, and is never written to. May be repeated; in the environment, one
    /// per line. Every component of the case also has --<component>-src PATH (--ffmpeg-src, --infinilm-svc-src), from
    /// the environment as FFMPEG_SRC, INFINILM_SVC_SRC.
    #[arg(long, value_name = "NAME=PATH", global = true, env = "INSTALLER_SOURCE", value_delimiter = '\n')]
    pub source: Vec<String>,

    /// `--<component>-src PATH`, as `sources::rewritten` hands it on.
    #[arg(long, value_name = "COMPONENT=PATH", global = true, hide = true)]
    pub component_src: Vec<String>,

    /// Sets a value of the case: `python.version=3.10`
    ///
    /// The key is dotted; the value is plain text where the case expects text, and TOML elsewhere:
    /// `components.ffmpeg.options.enable-gpl=true`. May be repeated; in the environment, one per line.
    #[arg(long, value_name = "KEY=VALUE", global = true, env = "INSTALLER_SET", value_delimiter = '\n')]
    pub set: Vec<String>,

    /// Prints what would be done, and does nothing
    #[arg(long, global = true, env = "INSTALLER_DRY_RUN", value_parser = FalseyValueParser::new(), help_heading = "How it runs")]
    pub dry_run: bool,

    /// Jobs at once in the whole run [default: the CPUs]
    ///
    /// The CPUs are those that this process may use. If there is too little memory for as many, it uses fewer.
    #[arg(short, long, value_name = "N", global = true, env = "INSTALLER_JOBS", value_parser = clap::value_parser!(u32).range(1..), help_heading = "How it runs")]
    pub jobs: Option<u32>,

    /// Never asks
    #[arg(short, long, global = true, env = "INSTALLER_YES", value_parser = FalseyValueParser::new(), help_heading = "How it runs")]
    pub yes: bool,

    /// After a failure, continues with what does not need it
    #[arg(long, global = true, env = "INSTALLER_KEEP_GOING", value_parser = FalseyValueParser::new(), overrides_with = "fail_fast", help_heading = "How it runs")]
    pub keep_going: bool,

    /// After a failure, starts nothing more [default]
    #[arg(long, global = true, env = "INSTALLER_FAIL_FAST", value_parser = FalseyValueParser::new(), help_heading = "How it runs")]
    pub fail_fast: bool,

    /// No network even in `deps`: uses what is already there
    #[arg(long, global = true, env = "INSTALLER_OFFLINE", value_parser = FalseyValueParser::new(), help_heading = "How it runs")]
    pub offline: bool,

    /// Waits for another run of the case instead of failing
    #[arg(long, global = true, env = "INSTALLER_WAIT", value_parser = FalseyValueParser::new(), help_heading = "How it runs")]
    pub wait: bool,

    /// How far `build` verifies: link, import or device [default: import]
    #[arg(
        long,
        value_enum,
        value_name = "LEVEL",
        global = true,
        env = "INSTALLER_VERIFY_LEVEL",
        hide_possible_values = true,
        help_heading = "How it runs"
    )]
    pub verify_level: Option<LevelArg>,

    /// Shows what the steps print, and more details
    #[arg(short, long, global = true, env = "INSTALLER_VERBOSE", value_parser = FalseyValueParser::new(), help_heading = "What is shown")]
    pub verbose: bool,

    /// One JSON document on standard output
    ///
    /// With `plan`, `explain`, `status`, `verify`, `doctor`, `case list`, `case check` and others that print data, and
    /// with --dry-run everywhere. Messages stay on standard error, and exit codes are the same; docs/json.md has the fields.
    /// --progress json prints the events of a run as they happen.
    #[arg(long, global = true, help_heading = "What is shown")]
    pub json: bool,

    /// Exits with 7 if there is something to do
    ///
    /// With `plan` and --dry-run.
    #[arg(long, global = true, env = "INSTALLER_DETAILED_EXITCODE", value_parser = FalseyValueParser::new(), help_heading = "What is shown")]
    pub detailed_exitcode: bool,

    /// How a run is shown: auto, tty, plain, json or quiet
    ///
    /// auto is a live display on a terminal, and plain lines elsewhere and where CI is set.
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        global = true,
        env = "INSTALLER_PROGRESS",
        default_value = "auto",
        hide_possible_values = true,
        hide_default_value = true,
        help_heading = "What is shown"
    )]
    pub progress: Progress,

    /// Colours: auto, always or never; NO_COLOR is respected
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        global = true,
        env = "INSTALLER_COLOR",
        default_value = "auto",
        hide_possible_values = true,
        hide_default_value = true,
        help_heading = "What is shown"
    )]
    pub color: Color,

    /// Where components are installed
    ///
    /// [default: /usr/local as root, else ~/.local]
    #[arg(
        long,
        value_name = "DIR",
        global = true,
        env = "INSTALLER_PREFIX",
        help_heading = "Where things lie"
    )]
    pub prefix: Option<Utf8PathBuf>,

    /// Records and logs
    ///
    /// [default: /var/lib/installer/<case> as root, else $XDG_STATE_HOME/installer/<case>]
    #[arg(
        long,
        value_name = "DIR",
        global = true,
        env = "INSTALLER_STATE_DIR",
        help_heading = "Where things lie"
    )]
    pub state_dir: Option<Utf8PathBuf>,

    /// Build trees
    ///
    /// [default: /var/cache/installer/<case> as root, else $XDG_CACHE_HOME/installer/<case>]
    #[arg(
        long,
        value_name = "DIR",
        global = true,
        env = "INSTALLER_CACHE_DIR",
        help_heading = "Where things lie"
    )]
    pub cache_dir: Option<Utf8PathBuf>,

    /// What `deps` brings
    ///
    /// [default: ./artifacts/<case>, in an image /opt/installer/artifacts/<case>]
    #[arg(
        long,
        value_name = "DIR",
        global = true,
        env = "INSTALLER_ARTIFACTS",
        help_heading = "Where things lie"
    )]
    pub artifacts: Option<Utf8PathBuf>,

    /// Toolchains, crates, environments
    ///
    /// [default: /opt/installer as root, else $XDG_DATA_HOME/installer]
    #[arg(
        long,
        value_name = "DIR",
        global = true,
        env = "INSTALLER_DATA_DIR",
        help_heading = "Where things lie"
    )]
    pub data_dir: Option<Utf8PathBuf>,

    /// Settings of this place: proxies, mirrors, authorities
    ///
    /// Overrides /etc/installer/site.toml and $XDG_CONFIG_HOME/installer/site.toml.
    #[arg(long, value_name = "FILE", global = true, env = "INSTALLER_SITE", help_heading = "This place")]
    pub site: Option<Utf8PathBuf>,

    /// The package manager, if the distribution is unknown
    ///
    /// One of apt, dnf, yum, zypper and apk.
    #[arg(
        long,
        value_name = "NAME",
        global = true,
        env = "INSTALLER_PACKAGE_MANAGER",
        help_heading = "This place"
    )]
    pub package_manager: Option<String>,

    /// Where an old command line was translated: what counts in its place.
    #[arg(skip)]
    pub translated: Option<Translated>,
}

/// An old command line in words of today.
#[derive(Clone, Debug)]
pub struct Translated {
    /// The words that count as typed.
    pub words: Vec<String>,
    /// Variables that were read as old options, and count no more: their meaning stands in the words.
    pub variables: Vec<String>,
}
