//! Everything that planning may know, gathered.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use camino::Utf8Path;
use engine::planning::{Known, PlanCx, PlanError};
use engine::{StandaloneContext, World, requirement_files};
use model::case::{Alternatives, Case, Diagnostic, Diagnostics, Loaded, Location, Overrides, SourceSpec};
use model::compatibility::{self, Certainty, Finding, Stack};
use model::exit;
use model::layout::Layout;
use model::plan::{Phase, Plan};
use model::python::InterpreterFacts;
use model::requirements::{self, Asked, Place};
use model::site::{Site, Sudo};
use model::source_facts::SourceFacts;
use model::target::{Capacity, Target};
use model::verify_level::VerifyLevel;

use crate::args::Common;
use crate::cases;
use crate::error::{Error, Result};
use crate::invocation::environment;
use crate::projects::{Defaults, Project};
use crate::remembered::Remembered;
use crate::{invocation, layout, picker, site, sources};

/// A case on a machine.
pub struct Setting {
    pub loaded: Loaded,
    pub target: Target,
    pub layout: Layout,
    pub site: Site,
    pub capacity: Capacity,
    /// Directories that were given for sources, absolute.
    pub sources: sources::Given,
    /// How far verifications go.
    pub verify_level: VerifyLevel,
    /// Whether the number of jobs is the user's.
    pub jobs_given: bool,
    pub offline: bool,
    /// What another command needs to mean the same case in the same places: `--case quickstart`; see [`invocation::arguments`].
    pub case_argument: String,
    /// The same without `--only` and `--skip`.
    pub whole_case: String,
    /// How the user named the case.
    pub wanted: String,
    /// The case's file, absolute, or the name of one in the binary: what names it from any directory.
    pub case_place: String,
    /// What tells this case from one of the same name in another project; see [`layout::key`].
    pub key: String,
    /// The name of a case in the binary, if it is one.
    pub built_in: Option<String>,
    /// What was said around the command line.
    environment: BTreeMap<String, String>,
    /// What was taken from the last run: where mounted sources and artifacts are.
    recalled: Vec<String>,
}

/// A source of kind `path` that is not there.
pub struct AbsentSource {
    /// The place in the case, for an error.
    pub at: Diagnostics,
    /// Whether a component is built from it.
    pub used: bool,
    key: String,
    message: String,
    help: String,
}

impl AbsentSource {
    /// In one line.
    fn warning(&self) -> String {
        let place = self.at.0.first().and_then(|diagnostic| diagnostic.place.as_ref());
        let place = place.map_or_else(String::new, |place| format!(" ({}:{})", place.file, place.line));
        format!("{}: {}{place}: {}", self.key, self.message, self.help)
    }
}

/// Looks at the machine; the package manager is the one that the user or the site names, if one is named.
pub fn probe(
    common: &Common,
    site_files: &site::SiteFiles,
    environment: &BTreeMap<String, String>,
) -> Target {
    let named = common.package_manager.as_ref().filter(|name| !name.is_empty());
    let named = named.or(site_files.loaded.file.packages.manager.as_ref());
    let mut environment = environment.clone();
    environment.extend(named.map(|name| (deps::target::MANAGER_VARIABLE.to_owned(), name.clone())));
    deps::target::probe(Utf8Path::new("/"), &environment)
}

/// The name of the case, from the command line, the environment, or the user.
pub fn case_name(common: &Common, positional: Option<&str>) -> Result<String> {
    if let (Some(flag), Some(word)) = (&common.case, positional) {
        // A twin in the environment gives way to what was typed.
        if flag != word && std::env::var("INSTALLER_CASE").ok().as_ref() != Some(flag) {
            return Err(Error::usage(format!("two cases are given: `{word}` and --case {flag}"))
                .with_help("name one"));
        }
        return Ok(word.to_owned());
    }
    if let Some(name) = positional.map(str::to_owned).or_else(|| common.case.clone()) {
        return Ok(name);
    }
    if let Some(project) = Project::here() {
        // Before what it says is passed over in silence.
        project.defaults()?;
    }
    if let Some(name) = cases::default() {
        return Ok(name);
    }
    picker::pick(std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && !common.yes)
}

/// Reads a case with everything that the command line changes in it.
pub fn load_case(common: &Common, wanted: &str) -> Result<(Loaded, Option<cases::CaseDirectory>)> {
    load_with_sources(common, wanted).map(|(loaded, place, _)| (loaded, place))
}

/// The same, with the directories that are given for sources.
fn load_with_sources(
    common: &Common,
    wanted: &str,
) -> Result<(Loaded, Option<cases::CaseDirectory>, sources::Given)> {
    let found = cases::find(wanted)?;
    let mut overrides = Overrides { default_name: found.name.clone(), ..Overrides::default() };
    for text in &common.set {
        let (key, value) = text.split_once('=').ok_or_else(|| {
            Error::usage(format!("`--set {text}` has no `=`"))
                .with_help("--set components.ffmpeg.options.enable-gpl=true")
        })?;
        overrides.set.push((key.to_owned(), value.to_owned()));
    }
    if let Ok(epoch) = std::env::var("SOURCE_DATE_EPOCH") {
        if epoch.trim().parse::<u64>().is_err() {
            return Err(Error::usage(format!("SOURCE_DATE_EPOCH is `{epoch}`, not a number of seconds"))
                .with_help(
                    "unset it, or set it to seconds since 1970, such as `git log -1 --format=%ct` prints",
                ));
        }
        // Part of what steps see, and so of their fingerprints.
        overrides.set.push(("environment.SOURCE_DATE_EPOCH".to_owned(), format!("\"{epoch}\"")));
    }
    let defaults = match &found.place {
        Some(place) if place.project => Project::of_preset(&place.file).map(|project| project.defaults()),
        _ => None,
    };
    let defaults = defaults.transpose()?.unwrap_or_default();
    let preset: serde_json::Value = serde_json::from_str(&found.file.text).unwrap_or_default();
    for (name, value) in defaults.of_system().filter(|(name, _)| preset["environment"].get(name).is_none()) {
        let key = format!("image.environment.{name}");
        overrides.set.insert(0, (key, serde_json::Value::from(value.as_str()).to_string()));
    }
    overrides.sources = sources::given(common, &found, &overrides, &defaults)?;
    let sources = overrides.sources.clone();
    let recipes = crate::recipes::all();
    let loaded = model::case::load(
        found.file,
        &mut |wanted, child| cases::parent(wanted, child),
        &overrides,
        &recipes,
    )
    .map_err(|diagnostics| Error::of_case(exit::BAD_CASE, diagnostics))?;
    Ok((loaded, found.place, sources))
}

impl Setting {
    /// Gathers everything. Starts no process but the case's Python interpreter, which is asked once.
    pub fn gather(common: &Common, positional: Option<&str>) -> Result<Self> {
        let wanted = case_name(common, positional)?;
        if let Some(file) = Project::here().and_then(Project::distrusted) {
            crate::out::say(&format!(
                "warning: {file} is not read: it belongs to somebody else, or others may write to it (chown, chmod o-w)"
            ));
        }
        if let Some(defaults) =
            Project::here().map(Project::defaults).transpose()?.filter(|one| !one.is_empty())
        {
            crate::out::say(&format!("defaults: {}", defaults.file));
        }
        let (loaded, place, sources) = load_with_sources(common, &wanted)?;
        for warning in &loaded.warnings {
            crate::out::say(&format!("{warning}\n"));
        }
        let environment = environment(common);
        let site_files = site::read(common, &environment)?;
        let target = probe(common, &site_files, &environment);
        let layout =
            layout::resolve(common, &loaded.case.metadata.name, place.as_ref(), &target, &environment)?;
        let site = site::site(&site_files, environment.clone(), &layout, target.root);
        let target = Target { python: python(&loaded.case, &target, &layout, &site), ..target };
        let capacity = Capacity {
            jobs: common.jobs.unwrap_or_else(cpus),
            memory_mib: engine::memory::available_mib().unwrap_or(u64::MAX),
        };
        let case_place = place.as_ref().map_or_else(|| wanted.clone(), |place| place.file.to_string());
        let key = layout::key(&loaded.case.metadata.name, place.as_ref());
        let built_in = place.is_none().then(|| wanted.clone());
        let jobs_given = common.jobs.is_some();
        let verify_level = common.verify_level.map(VerifyLevel::from).unwrap_or_default();
        let name = &loaded.case.metadata.name.clone();
        let mut setting = Self {
            loaded,
            target,
            layout,
            site,
            capacity,
            sources,
            verify_level,
            jobs_given,
            offline: common.offline,
            case_argument: String::new(),
            whole_case: String::new(),
            wanted,
            case_place,
            key,
            built_in,
            environment,
            recalled: Vec::new(),
        };
        if setting.layout.artifacts != layout::artifacts(common, name, place.as_ref(), &setting.target)? {
            setting.recalled.push(format!("artifacts: {}", setting.layout.artifacts));
        }
        let defaults = Defaults::here();
        if common.case.is_none() && positional.is_none() && defaults.preset() == Some(setting.wanted.as_str())
        {
            crate::out::say(&format!("case: {} (DEFAULT_PRESET in {})", setting.wanted, defaults.file));
        }
        // Before sources are recalled: what is remembered need not be typed.
        setting.case_argument = invocation::arguments(common, &setting.wanted, &setting.sources);
        setting.whole_case = invocation::arguments_of_whole(common, &setting.wanted, &setting.sources);
        setting.recall_sources();
        setting.assume_skipped(&common.skip);
        Ok(setting)
    }

    /// The same for a command that reads no source: mounted ones need not be named.
    pub fn gather_without_sources(common: &Common, positional: Option<&str>) -> Result<Self> {
        let mut setting = Self::gather(common, positional)?;
        setting.assume_mounted();
        Ok(setting)
    }

    /// Takes mounted sources that are not named from where the last run had them.
    fn recall_sources(&mut self) {
        let remembered = Remembered::read(&self.layout.state, &self.key);
        for (name, alternatives) in &mut self.loaded.case.sources {
            let Some(path) = remembered.source(name.as_str()) else { continue };
            let [spec] = alternatives.as_slice() else { continue };
            if let Some(spec) = spec.mounted_at(path) {
                self.sources.push((name.to_string(), path.to_owned()));
                self.recalled.push(format!("source {name}: {path}"));
                *alternatives = Alternatives::One(spec);
            }
        }
    }

    /// Says what was taken from the last run, where somebody may expect something else.
    pub fn tell_recalled(&self) {
        for recalled in &self.recalled {
            crate::out::say(&format!("{recalled} (from the last run)"));
        }
    }

    /// Brings what lies beside a case in the binary, and what the site says, to the disk. To be called before something runs.
    pub fn write_out(&self) -> Result<()> {
        site::write_out(&self.site)?;
        self.built_in.as_ref().map_or(Ok(()), |name| cases::write_out(name, &self.layout.case_dir))
    }

    pub fn case(&self) -> &Case {
        &self.loaded.case
    }

    /// Looks at the machine again: `deps` may have brought tools.
    pub fn look_again(&mut self) {
        let target = deps::target::probe(Utf8Path::new("/"), &self.environment);
        // It is the user's, the site's, or the distribution's, which stays the same.
        let package_manager = self.target.package_manager.take();
        let target = Target { package_manager, ..target };
        self.target = Target { python: python(self.case(), &target, &self.layout, &self.site), ..target };
    }

    /// Finds out how root is had; asks `sudo` itself, which is only worth it before something runs.
    pub fn detect_sudo(&mut self) {
        if !self.target.root && self.site.sudo == Sudo::NotNeeded {
            self.site.sudo = exec::privilege::detect(std::io::stdin().is_terminal());
        }
    }

    pub fn world(&self) -> World<'_> {
        World { layout: &self.layout, site: &self.site, target: &self.target, offline: self.offline }
    }

    /// Takes every source that `--source` has yet to name for given: the case is well without it.
    pub fn assume_mounted(&mut self) {
        self.assume(|_| true);
    }

    /// The same for the sources of components that are left out: nothing is built from them.
    fn assume_skipped(&mut self, skip: &[String]) {
        let components = self
            .loaded
            .case
            .components
            .iter()
            .filter(|(name, _)| skip.iter().any(|word| word.trim_end_matches('/') == name.as_str()));
        let skipped: Vec<String> = components
            .map(|(name, component)| {
                component.source.as_ref().map_or(name.as_str(), |source| source.as_str()).to_owned()
            })
            .collect();
        self.assume(|name| skipped.iter().any(|skipped| skipped == name));
    }

    fn assume(&mut self, which: impl Fn(&str) -> bool) {
        let given = self.layout.cache.join("mounted");
        for (name, alternatives) in &mut self.loaded.case.sources {
            if !which(name.as_str()) {
                continue;
            }
            let [spec] = alternatives.as_slice() else { continue };
            if let Some(spec) = spec.mounted_at(given.join(name.as_str())) {
                *alternatives = Alternatives::One(spec);
            }
        }
    }

    /// Sources of kind `path` whose directory is not there. `deps` does without; `build` does not, and that is known now.
    pub fn absent_sources(&self) -> Vec<AbsentSource> {
        let layout = &self.layout;
        // What lies there may still be brought.
        let own = [&layout.cache, &layout.artifacts, &layout.data];
        let mut found = Vec::new();
        for (name, alternatives) in &self.case().sources {
            let [SourceSpec::Path { path, .. }] = alternatives.as_slice() else { continue };
            let directory = layout.case_dir.join(path);
            if directory.is_dir() || own.iter().any(|own| directory.starts_with(own)) {
                continue;
            }
            let key = format!("sources.{name}.path");
            let message = format!("{} does not exist", model::layout::plain(&directory));
            let help =
                format!("correct the path, mount it there before `build`, or give --source {name}=PATH");
            let components = self.case().components.iter();
            let used = components
                .filter(|(component, settings)| {
                    settings.source.as_ref().map_or(component.as_str(), |source| source.as_str())
                        == name.as_str()
                })
                .count()
                > 0;
            found.push(AbsentSource {
                at: self.loaded.at_key(&key, &message, &help),
                key,
                message,
                help,
                used,
            });
        }
        found
    }

    /// Plans a phase from what is known now.
    pub fn plan(&self, phase: Phase) -> Result<Plan> {
        let facts: SourceFacts = deps::facts::gather(self.case(), &self.layout);
        let lock = engine::lockfile::load(&self.layout)?;
        let known = Known {
            case: self.case(),
            target: &self.target,
            facts: &facts,
            lock: &lock,
            layout: &self.layout,
        };
        let asked = self.asked_packages();
        self.only_wheels(&asked)?;
        let findings = self.compatible(&facts, &asked)?;
        let planned = || -> std::result::Result<Plan, PlanError> {
            let requirements = build::requirements(&known)?;
            let mut cx = PlanCx::new(known, phase);
            match phase {
                Phase::Deps => deps::plan(&mut cx, &requirements)?,
                Phase::Build => {
                    deps::plan_sources::plan(&mut cx, &requirements.sources)?;
                    build::plan(&mut cx)?;
                }
            }
            cx.finish()
        };
        let mut plan = planned().map_err(|error| {
            let diagnostics = self.loaded.at_key(&error.key, &error.message, &error.help);
            Error::of_case(exit::BAD_CASE, diagnostics)
        })?;
        plan.verify_at(self.verify_level);
        if phase == Phase::Build {
            crate::asked::note(&mut plan, &self.loaded, &asked);
        }
        // Said once, by the phase that would bring what may not go together; what `build` is given, `deps` has not seen.
        let told = findings.iter().filter(|finding| phase == Phase::Deps || finding.source.is_some());
        plan.warnings =
            told.map(|finding| format!("{}: {} ({})", finding.key, finding.message, finding.help)).collect();
        if phase == Phase::Deps {
            plan.warnings.extend(self.absent_sources().iter().map(|found| found.warning()));
        }
        Ok(plan)
    }

    /// Every Python package that the case asks for.
    fn asked_packages(&self) -> Vec<Asked> {
        let python = self.case().python.as_ref();
        python.map(|python| deps::python::listed::asked(python, &self.layout.case_dir)).unwrap_or_default()
    }

    /// Refuses requirement files that are not there or cannot be read, and what they include.
    ///
    /// # Errors
    /// Where there are such.
    pub fn requirement_files_are_there(&self) -> Result<()> {
        let Some(python) = &self.case().python else { return Ok(()) };
        let groups = python.optional.iter().enumerate();
        let optional = groups.map(|(index, group)| (format!("optional.{index}."), &group.requirements));
        let mut all = Vec::new();
        for (place, files) in [(String::new(), &python.requirements)].into_iter().chain(optional) {
            for (index, file) in files.iter().enumerate() {
                for unread in
                    requirement_files::unread(&self.layout.case_dir.join(file), &self.layout.case_dir)
                {
                    let (at, line) = match &unread.by {
                        Some(by) => {
                            (Place::Line { file: by.file.clone(), number: by.number }, by.text.as_str())
                        }
                        None => (Place::Key(format!("python.{place}requirements.{index}")), ""),
                    };
                    all.extend(self.at_place(&at, line, &unread.message(), unread.help).0);
                }
            }
        }
        if all.is_empty() { Ok(()) } else { Err(Error::of_case(exit::BAD_CASE, Diagnostics(all))) }
    }

    /// Refuses requirements that pip meets without a wheel: it would leave nothing behind for `build` to install.
    fn only_wheels(&self, asked: &[Asked]) -> Result<()> {
        let refused = asked.iter().filter_map(|asked| Some((asked, requirements::refused(&asked.says)?)));
        let all: Vec<Diagnostic> = refused
            .flat_map(|(asked, (message, help))| self.at_place(&asked.place, &asked.text, &message, &help).0)
            .collect();
        if all.is_empty() {
            return Ok(());
        }
        Err(Error::of_case(exit::BAD_CASE, Diagnostics(all)))
    }

    /// A diagnostic where somebody asked for something.
    fn at_place(&self, place: &Place, text: &str, message: &str, help: &str) -> Diagnostics {
        match place {
            Place::Key(key) => self.loaded.at_key(key, message, help),
            Place::Line { file, number } => {
                let (line, width) = (*number, text.chars().count());
                let place =
                    Location { file: file.to_string(), line, column: 1, width, text: text.to_owned() };
                Diagnostic { message: message.to_owned(), place: Some(place), help: Some(help.to_owned()) }
                    .into()
            }
        }
    }

    /// Holds the case against the table of what goes with what, and answers with what nothing is known of.
    fn compatible(&self, facts: &SourceFacts, asked: &[Asked]) -> Result<Vec<Finding>> {
        let requirements = deps::facts::requirement_lines(asked);
        let stack = Stack { case: self.case(), requirements: &requirements, facts, target: &self.target };
        let found = compatibility::check(&stack);
        for (verdict, code) in [(Certainty::Wrong, exit::BAD_CASE), (Certainty::NotHere, exit::PREFLIGHT)] {
            let of_kind = found.iter().filter(|finding| finding.verdict == verdict);
            let all: Vec<_> = of_kind
                .flat_map(|finding| self.loaded.at_key(&finding.key, &finding.message, &finding.help).0)
                .collect();
            if !all.is_empty() {
                return Err(Error::of_case(code, Diagnostics(all)));
            }
        }
        Ok(found)
    }
}

/// What the case's interpreter tells of itself, remembered between runs. One that is not there yet tells nothing;
/// preflight says so where it matters.
fn python(case: &Case, target: &Target, layout: &Layout, site: &Site) -> Option<InterpreterFacts> {
    let python = case.python_environment()?;
    let world = World { layout, site, target, offline: true };
    let context = StandaloneContext::new(&world).ok()?;
    deps::python::facts::facts(&python.program(), &context).ok()
}

/// The CPUs that this process may use.
pub fn cpus() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX))
}
