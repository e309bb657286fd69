//! The options of InfiniLM-SVC's install scripts, one row each: what each means now. `--help` of the scripts and
//! `docs/migrating.md` show the same rows.

use std::fmt::Write as _;

/// Which of the scripts is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// `install.sh`.
    Install,
    /// `install-deps.sh`.
    InstallDeps,
    /// `install-build.sh`.
    InstallBuild,
}

impl Script {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Install, Self::InstallDeps, Self::InstallBuild];

    /// How `installer legacy` is told of it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::InstallDeps => "install-deps",
            Self::InstallBuild => "install-build",
        }
    }
}

/// What of today a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// `installer deps`.
    Deps,
    /// `installer build`.
    Build,
    /// `installer all`.
    All,
}

impl Phase {
    /// The command.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deps => "deps",
            Self::Build => "build",
            Self::All => "all",
        }
    }
}

/// The components that the old scripts knew by name.
pub const INFINICORE: &str = "infinicore";
pub const INFINILM: &str = "infinilm";
pub const SERVICE: &str = "infinilm-svc";
/// A source that a case of one's own may have.
pub const INFINILM_RUST: &str = "infinilm-rust";

/// What an option means now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The phase.
    Phase,
    /// The case.
    Case,
    /// The directory of programs: `bin` of a prefix.
    BinDirectory,
    /// Nothing is compiled of the service.
    SkipBuild,
    /// The service is compiled and not installed.
    BuildOnly,
    /// A component is on, off, or as the place says.
    Component(&'static str),
    /// A checkout of a source.
    Source(&'static str),
    /// A commit, branch or tag of a source.
    Revision(&'static str),
    /// A command whose options are those of a component.
    BuildCommand(&'static str),
    /// The directory of the deployment.
    AppRoot,
    /// Whether there is one.
    SetupAppRoot,
    /// `true` and `auto` are what happens anyway; `false` is why this is said.
    Always(&'static str),
    /// Never did anything, or does by itself what it asked for; said why.
    Nothing(&'static str),
    /// How far the installation is verified.
    Verify,
    /// `--help`.
    Help,
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct OldOption {
    /// `--infinicore-src`.
    pub name: &'static str,
    /// What its value is called; none for a switch.
    pub value: Option<&'static str>,
    /// What it means.
    pub meaning: Meaning,
    /// What to use now, for people.
    pub now: &'static str,
}

impl OldOption {
    /// Its twin in the environment: `INFINICORE_SRC`.
    pub fn variable(&self) -> String {
        match self.meaning {
            Meaning::Phase => "INSTALL_PHASE".to_owned(),
            _ => self.name.trim_start_matches('-').replace('-', "_").to_ascii_uppercase(),
        }
    }
}

const fn option(
    name: &'static str,
    value: Option<&'static str>,
    meaning: Meaning,
    now: &'static str,
) -> OldOption {
    OldOption { name, value, meaning, now }
}

const MODE: Option<&str> = Some("auto|true|false");
const PATH: Option<&str> = Some("PATH");
const REF: Option<&str> = Some("REF");

/// All of them, in the order in which they are shown.
pub const OPTIONS: &[OldOption] = &[
    option(
        "--phase",
        Some("deps|build|all"),
        Meaning::Phase,
        "`installer deps`, `installer build`, `installer all`",
    ),
    option("--deployment-case", Some("NAME"), Meaning::Case, "`--case NAME`"),
    option("--install-path", PATH, Meaning::BinDirectory, "`--prefix PREFIX`, where PATH is `PREFIX/bin`"),
    option(
        "--skip-rust-install",
        None,
        Meaning::Nothing("an installed Rust that is new enough is used, and no other is installed"),
        "nothing: an installed Rust that is new enough is used",
    ),
    option(
        "--skip-build",
        None,
        Meaning::SkipBuild,
        "`--skip infinilm-svc`, or `installer deps` if nothing else is built; then `installer verify \
         infinilm-svc`, which fails if it is not installed",
    ),
    option(
        "--build-only",
        None,
        Meaning::BuildOnly,
        "`--only build/infinilm-svc/compile`, after `installer deps`",
    ),
    option("--app-root", PATH, Meaning::AppRoot, "`--set components.infinilm-svc.app.root=PATH`"),
    option(
        "--setup-app-root",
        MODE,
        Meaning::SetupAppRoot,
        "`--set components.infinilm-svc.app.enabled=false` for `false`; otherwise nothing",
    ),
    option(
        "--install-python-deps",
        MODE,
        Meaning::Always("the case lists the Python packages under `[python]`"),
        "`[python]` of the case",
    ),
    option(
        "--install-infinicore",
        MODE,
        Meaning::Component(INFINICORE),
        "a case with the component, or `--skip infinicore`",
    ),
    option(
        "--install-infinilm",
        MODE,
        Meaning::Component(INFINILM),
        "a case with the component, or `--skip infinilm`",
    ),
    option(
        "--install-xtask",
        MODE,
        Meaning::Nothing(
            "the scripts did nothing with it; a case can build xtask of InfiniLM-Rust as a component with the driver cargo",
        ),
        "a component with `driver = \"cargo\"` in a case of your own",
    ),
    option("--infinicore-src", PATH, Meaning::Source(INFINICORE), "`--source infinicore=PATH`"),
    option("--infinilm-src", PATH, Meaning::Source(INFINILM), "`--source infinilm=PATH`"),
    option("--infinilm-svc-src", PATH, Meaning::Source(SERVICE), "`--source infinilm-svc=PATH`"),
    option(
        "--infinilm-rust-src",
        PATH,
        Meaning::Source(INFINILM_RUST),
        "`--source infinilm-rust=PATH`, if the case has it",
    ),
    option(
        "--infinicore-branch",
        REF,
        Meaning::Revision(INFINICORE),
        "`--set sources.infinicore.revision=REF`",
    ),
    option("--infinilm-branch", REF, Meaning::Revision(INFINILM), "`--set sources.infinilm.revision=REF`"),
    option(
        "--infinilm-rust-branch",
        REF,
        Meaning::Revision(INFINILM_RUST),
        "`--set sources.infinilm-rust.revision=REF`, if the case has it",
    ),
    option(
        "--infinicore-build-cmd",
        Some("COMMAND"),
        Meaning::BuildCommand(INFINICORE),
        "`--set components.infinicore.options.NAME=VALUE` for each `--NAME=VALUE` of it",
    ),
    option(
        "--infinicore-build-cpp",
        MODE,
        Meaning::Always("unchanged code is not compiled again, and changed code always is"),
        "nothing: unchanged code is not compiled again",
    ),
    option(
        "--infinicore-build-python",
        MODE,
        Meaning::Always("unchanged code is not compiled again, and changed code always is"),
        "nothing: unchanged code is not compiled again",
    ),
    option("--verify-install", MODE, Meaning::Verify, "`--verify-level import`; `link` for `false`"),
    option("--help", None, Meaning::Help, "`installer help`"),
];

/// The row of an option.
pub fn row(name: &str) -> Option<&'static OldOption> {
    OPTIONS.iter().find(|option| option.name == name)
}

/// What `--help` of a script prints.
pub fn help(script: Script) -> String {
    let left = |option: &OldOption| {
        option.value.map_or_else(|| option.name.to_owned(), |value| format!("{} {value}", option.name))
    };
    let width = OPTIONS.iter().map(|option| left(option).len()).max().unwrap_or(0);
    let mut text = format!(
        "{}.sh is a former name of `installer`: it prints the new command line and runs it.\nEvery option \
         takes its value after a space or `=`, or from the variable of the same name.\n\n",
        script.word()
    );
    for option in OPTIONS {
        let _ = writeln!(text, "  {:width$}  now: {}", left(option), option.now);
    }
    text
}
