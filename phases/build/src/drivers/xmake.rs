//! xmake, offline and out of tree, in a working copy of the source.
//!
//! What a component tells of itself is an [`XmakeSettings`]: that of its recipe and its hooks with that of the case over
//! it. Configuration, packages, temporary files and objects lie in the build tree; the user's home and the
//! machine's own configuration are not touched.

mod packages;
mod rc;

use camino::Utf8Path;
use engine::planning::{Known, PlanError};
use engine::python_home::python_home;
use model::SourceName;
use model::case::{Component, XmakeSettings};
use model::plan::{Argument, Command, Jobs, Keep};
use model::xmake::XmakeFacts;

use crate::built::Built;
use crate::options::xmake_arguments;
use crate::subject::Subject;

pub(crate) use packages::{Packages, packages};

/// The name of a component that is xmake itself, of the toolchain and of the catalog's row.
pub(crate) const XMAKE: &str = "xmake";

/// Where targets are installed for extensions that link them from there, in the build tree.
const INSTALLED: &str = "installed";

/// Where ccache keeps compilers of its own by their names; xmake takes no compiler of two words.
const CCACHE_PATHS: [&str; 2] = ["/usr/lib/ccache", "/usr/lib64/ccache"];

/// Options of `xmake config` itself, which a project need not declare (`xmake config --help` of 2.9.9).
const OWN_OPTIONS: &[&str] = &[
    "android_sdk",
    "ar",
    "arch",
    "arflags",
    "as",
    "asflags",
    "bin",
    "build_toolver",
    "ccache",
    "ccachedir",
    "cc",
    "cflags",
    "check",
    "cpp",
    "cross",
    "cu",
    "cu-ccbin",
    "cuda",
    "cuflags",
    "culd",
    "culdflags",
    "cxflags",
    "cxx",
    "cxxflags",
    "debugger",
    "fc",
    "fcld",
    "fcsh",
    "frameworkdirs",
    "frameworks",
    "host",
    "includedirs",
    "kind",
    "ld",
    "ldflags",
    "linkdirs",
    "links",
    "mode",
    "pkg_searchdirs",
    "plat",
    "policies",
    "ranlib",
    "require",
    "runtimes",
    "sdk",
    "sh",
    "shflags",
    "syslinks",
    "target_os",
    "toolchain",
    "toolchain_host",
    "vcpkg",
];

/// What it needs of the distribution, by catalog name. Before it looks for any package it wants a git that runs, and
/// would bring one itself.
pub(crate) fn system() -> Vec<&'static str> {
    vec!["c-compiler", "cxx-compiler", "git", "libc-headers", "pkg-config"]
}

/// What a component says of how xmake builds it, its hooks aside.
pub(crate) fn settings(component: &Component) -> XmakeSettings {
    component.xmake.clone().unwrap_or_default()
}

/// What is known of the project in a directory of a source.
pub(crate) fn facts<'a>(
    known: &Known<'a>,
    source: &SourceName,
    subdirectory: Option<&Utf8Path>,
) -> Option<&'a XmakeFacts> {
    known.facts.get(source)?.xmake.get(subdirectory.unwrap_or(Utf8Path::new("")))
}

/// Plans the commands.
///
/// # Errors
/// When the case names an option or a target that the project does not have.
pub fn built(subject: &Subject<'_>) -> Result<Built, PlanError> {
    let settings = &subject.xmake;
    let facts = facts(subject.known, subject.source_name, subject.component.subdirectory.as_deref());
    if let Some(facts) = facts.filter(|facts| !facts.incomplete) {
        refuse_unknown(subject, settings, facts)?;
    }
    let packages = packages(settings, &subject.asked().options, facts);
    let xmake = Xmake::new(subject, settings, &packages);

    Ok(Built {
        configure: configure(&xmake, &packages),
        configured: vec![subject.build.join("config")],
        compile: compile(&xmake),
        install: stage(&xmake),
        // It knows of no jobserver.
        jobs: Jobs::Lease,
        // Tried with 2.9.9, killed while it compiled: an object without a `.d` beside it is compiled again, and so is one
        // whose `.d` is empty or cut. But an emptied object or library with an intact `.d` of an earlier compile is taken
        // for whole: so after a kill in the middle of a recompile and an option that was set back. Code that is generated
        // by scripts of the project has no `.d` at all.
        keep: Some(Keep::UnlessKilled),
        ..Built::default()
    })
}

fn configure(xmake: &Xmake<'_>, packages: &Packages<'_>) -> Vec<Command> {
    let (subject, settings) = (xmake.subject, xmake.settings);
    let mut configure = vec![
        packages::write(subject, subject.build.join(rc::RC_FILE).as_str(), rc::RC),
        packages::write(subject, subject.build.join(rc::STAGE_FILE).as_str(), rc::STAGE),
    ];
    configure.extend(packages::commands(subject, settings, packages));
    if !settings.package_archives.is_empty() {
        // `xmake config` has an option of the same name that download does not look at (2.9.9).
        let directories = format!("--pkg_searchdirs={}", subject.build.join(packages::ARCHIVES));
        configure.push(xmake.command(["global".to_owned(), directories]));
    }
    configure.push(xmake.command(xmake.configure()));
    configure
}

fn compile(xmake: &Xmake<'_>) -> Vec<Command> {
    let (subject, settings) = (xmake.subject, xmake.settings);
    let extensions: Vec<String> = settings.python_extensions.keys().cloned().collect();
    let mut compile = xmake.build(&settings.targets);
    if settings.install_first == Some(true) {
        compile.extend(xmake.install(subject.build.join(INSTALLED).as_str()));
    }
    if !extensions.is_empty() {
        compile.extend(xmake.build(&extensions));
    }
    compile
}

fn stage(xmake: &Xmake<'_>) -> Vec<Command> {
    let (subject, settings) = (xmake.subject, xmake.settings);
    let staged = format!("{}{}", subject.staging, subject.prefix);
    let mut stage = xmake.install(&staged);
    stage.extend(settings.python_extensions.iter().map(|(target, directory)| {
        let script = subject.build.join(rc::STAGE_FILE).into_string();
        xmake.command(["lua".to_owned(), script, format!("{staged}/{directory}"), target.clone()])
    }));
    for command in &mut stage {
        command.environment.extend(settings.install_environment.iter().map(|(name, value)| {
            (name.clone(), xmake.place(value).replace("{destdir}", subject.staging.as_str()))
        }));
    }
    stage
}

/// One command for each target; for none, one without.
fn each(targets: &[String]) -> impl Iterator<Item = Option<&String>> {
    let none = targets.is_empty().then_some(None);
    none.into_iter().chain(targets.iter().map(Some))
}

/// How xmake is called for a component.
struct Xmake<'a> {
    subject: &'a Subject<'a>,
    settings: &'a XmakeSettings,
    environment: std::collections::BTreeMap<String, String>,
}

impl<'a> Xmake<'a> {
    fn new(subject: &'a Subject<'a>, settings: &'a XmakeSettings, packages: &Packages<'_>) -> Self {
        let mut this = Self { subject, settings, environment: subject.environment.clone() };
        let build = &subject.build;
        let of_packages = build.join(packages::DIRECTORY);
        let environment = &mut this.environment;
        for (name, value) in [
            // Else it refuses to run as root.
            ("XMAKE_ROOT", "y".to_owned()),
            ("XMAKE_CONFIGDIR", build.join("config").into_string()),
            ("XMAKE_GLOBALDIR", build.join("global").into_string()),
            ("XMAKE_TMPDIR", build.join("tmp").into_string()),
            ("XMAKE_RCFILES", build.join(rc::RC_FILE).into_string()),
            ("XMAKE_COLORTERM", "nocolor".to_owned()),
            ("XMAKE_THEME", "plain".to_owned()),
            // It would clone an empty repository once a day, to be counted.
            ("XMAKE_STATS", "false".to_owned()),
        ] {
            environment.insert(name.to_owned(), value);
        }
        let path = match environment.get("PKG_CONFIG_PATH") {
            Some(path) => format!("{of_packages}:{path}"),
            None => of_packages.into_string(),
        };
        environment.insert("PKG_CONFIG_PATH".to_owned(), path);
        if let Some(index) = &settings.package_index {
            let tree = subject.known.layout.fetch_content(subject.name, index);
            environment.insert("XMAKE_MAIN_REPO".to_owned(), tree.into_string());
        }
        let mut leading: Vec<String> = Vec::new();
        if packages.use_python(subject.known) || !settings.python_extensions.is_empty() {
            // Its rules ask the `python3` of PATH what an extension is called.
            let home = python_home(subject.known).program;
            leading.extend(home.parent().map(|bin| bin.to_string()));
        }
        if environment.get("CC").is_some_and(|compiler| compiler == "ccache cc") {
            environment.remove("CC");
            environment.remove("CXX");
            leading.extend(CCACHE_PATHS.map(str::to_owned));
        }
        if let Some(path) = environment.get_mut("PATH") {
            leading.retain(|directory| !directory.is_empty());
            leading.push(std::mem::take(path));
            *path = leading.join(":");
        }
        let own: Vec<(String, String)> =
            settings.environment.iter().map(|(name, value)| (name.clone(), this.place(value))).collect();
        this.environment.extend(own);
        this
    }

    /// A command in the source: relative to it xmake keeps the path of the build tree.
    fn command(&self, args: impl IntoIterator<Item = impl Into<Argument>>) -> Command {
        let mut command = self.subject.command(XMAKE, args);
        command.environment.clone_from(&self.environment);
        command.directory.clone_from(&self.subject.source);
        command
    }

    fn place(&self, text: &str) -> String {
        text.replace("{source}", self.subject.source.as_str())
            .replace("{build}", self.subject.build.as_str())
            .replace("{prefix}", self.subject.prefix.as_str())
            .replace("{installed}", self.subject.build.join(INSTALLED).as_str())
    }

    fn configure(&self) -> Vec<String> {
        let Self { subject, settings, .. } = self;
        let mode = settings.mode.as_deref().unwrap_or("release");
        // What an earlier configuration was given must not live on, nor what it found.
        let mut args: Vec<String> =
            ["config", "--yes", "--clean"].iter().map(|word| (*word).to_owned()).collect();
        args.extend([format!("--mode={mode}"), "-o".to_owned(), subject.build.join("out").into_string()]);
        let of_environment = |name: &str| {
            let words = subject.environment.get(name).map(String::as_str).unwrap_or_default();
            words.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        let placed = |words: &[String]| words.iter().map(|word| self.place(word)).collect::<Vec<_>>();
        let defines: Vec<String> = settings.defines.iter().map(|define| format!("-D{define}")).collect();
        let shared = [of_environment("CPPFLAGS"), placed(&defines)].concat();
        let linker = [of_environment("LDFLAGS"), placed(&settings.ldflags)].concat();
        let mut flags = vec![
            ("cxflags", [shared.clone(), placed(&settings.cxflags)].concat()),
            ("cflags", [of_environment("CFLAGS"), placed(&settings.cflags)].concat()),
            ("cxxflags", [of_environment("CXXFLAGS"), placed(&settings.cxxflags)].concat()),
            ("ldflags", linker.clone()),
            ("shflags", linker),
        ];
        if let Some(cuda) = &subject.cuda {
            args.push(format!("--cuda={}", cuda.root));
            args.extend(cuda.host_compiler.iter().map(|compiler| format!("--cu-ccbin={compiler}")));
            flags.push(("cuflags", shared));
        }
        let given = flags.into_iter().filter(|(_, words)| !words.is_empty());
        args.extend(given.map(|(name, words)| format!("--{name}={}", words.join(" "))));
        args.extend(xmake_arguments(&subject.options));
        args.extend(subject.component.arguments.iter().cloned());
        args
    }

    /// Compiles targets.
    fn build(&self, targets: &[String]) -> Vec<Command> {
        let jobs = Argument::Jobs { jobs: "-j".to_owned() };
        // Several targets at once are an argument from 3.0 on.
        each(targets)
            .map(|target| {
                let mut command = self.command(["build"]);
                command.args.push(jobs.clone());
                command.args.extend(target.cloned().map(Argument::Literal));
                command
            })
            .collect()
    }

    /// Installs what the case names into a directory.
    fn install(&self, into: &str) -> Vec<Command> {
        let settings = self.settings;
        let targets = settings.install.as_ref().unwrap_or(&settings.targets);
        // An empty list in the case: nothing is installed but the extensions.
        if settings.install.as_ref().is_some_and(Vec::is_empty) {
            return Vec::new();
        }
        each(targets)
            .map(|target| {
                let mut command = self.command(["install", "-o", into]);
                command.args.extend(target.cloned().map(Argument::Literal));
                command
            })
            .collect()
    }
}

/// xmake aborts on an option that the project does not have, with a page of those that it has.
fn refuse_unknown(
    subject: &Subject<'_>,
    settings: &XmakeSettings,
    facts: &XmakeFacts,
) -> Result<(), PlanError> {
    // Of another project altogether preflight says that it is one.
    let mark = subject.component.mark.as_ref();
    if mark.is_some_and(|mark| !facts.targets.iter().any(|target| mark.says.contains(target.as_str()))) {
        return Ok(());
    }
    let name = subject.name;
    let nearest = |wanted: &str, names: Vec<&str>| {
        let near = model::nearest::closest(wanted, names.iter().copied(), None);
        match near {
            Some(near) => format!("did you mean `{near}`? it has {}", names.join(", ")),
            None => "it has none".to_owned(),
        }
    };
    let options: Vec<&str> = facts.options.keys().map(String::as_str).collect();
    for option in subject.options.keys() {
        if !options.contains(&option.as_str()) && !OWN_OPTIONS.contains(&option.as_str()) {
            return Err(PlanError::new(
                format!("components.{name}.options.{option}"),
                format!("the source of `{name}` has no option `{option}`"),
                nearest(option, options),
            ));
        }
    }
    let targets: Vec<&str> = facts.targets.iter().map(String::as_str).collect();
    let named = settings.targets.iter().chain(settings.install.iter().flatten());
    for target in named.chain(settings.python_extensions.keys()) {
        if !targets.contains(&target.as_str()) {
            return Err(PlanError::new(
                format!("components.{name}.xmake"),
                format!("the source of `{name}` has no target `{target}`"),
                nearest(target, targets),
            ));
        }
    }
    Ok(())
}
