//! Old options to the command line of today. Pure: what it has to know of cases and of the disk is asked through
//! [`World`], so that each line of the guides can be tested by the words that come out.

use std::collections::{BTreeMap, BTreeSet};

use model::case::{OptionValue, SourceSpec};

use super::given::{Given, Mode, Value};
use super::head::Head;
use super::refused::{Refused, Result};
use super::table::{INFINICORE, INFINILM, Meaning, OPTIONS, Phase, SERVICE, Script};
use crate::import::{REPOSITORIES, build_options};

/// The cases that stand in for none: all three components, and the service alone.
pub const WHOLE_CASE: &str = "infinilm-cpu";
pub const SERVICE_CASE: &str = "infinilm-svc";

/// What a translation may ask.
pub struct World<'a> {
    /// Whether this is the inside of a container, where `auto` meant yes.
    pub container: bool,
    /// Checkouts where the old scripts looked for them, by source.
    pub beside: BTreeMap<&'static str, String>,
    /// Whether a directory of this path is there.
    pub is_directory: &'a dyn Fn(&str) -> bool,
    /// How a checkout stands to a reference.
    pub head: &'a dyn Fn(&str, &str) -> Head,
}

/// What of a case decides.
#[derive(Clone, Debug, Default)]
pub struct CaseFacts {
    /// Its components.
    pub components: Vec<String>,
    /// Its sources, each with its alternatives.
    pub sources: BTreeMap<String, Vec<SourceSpec>>,
}

/// What to run instead.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Translated {
    /// Command lines without the program, one after the other.
    pub commands: Vec<Vec<String>>,
    /// What became of options that changed nothing, or not what they used to.
    pub notes: Vec<String>,
}

/// The case that a call is about: the one that it names, else the one that stands in for none.
///
/// # Errors
/// When an option that decides has a value that it may not have.
pub fn case_name(script: Script, given: &Given, container: bool) -> Result<String> {
    let phase = phase(script, given)?;
    match given.value(Meaning::Case) {
        Some(named) => Ok(named.text.clone()),
        None => default_case(phase, given, container).map(str::to_owned),
    }
}

/// Translates a call of a script, which is about the case of this name.
///
/// # Errors
/// When no command line of today does the same.
pub fn translate(
    script: Script,
    given: &Given,
    world: &World<'_>,
    case: String,
    facts: CaseFacts,
) -> Result<Translated> {
    let phase = phase(script, given)?;
    // `install.sh` cloned when it did everything; the other two in images alone.
    let clones = match script {
        Script::Install => phase == Phase::All,
        Script::InstallDeps | Script::InstallBuild => world.container,
    };
    let mut translation = Translation {
        given,
        world,
        phase,
        clones,
        named: given.value(Meaning::Case).is_some(),
        case,
        facts,
        off: BTreeSet::new(),
        there_already: false,
        only: Vec::new(),
        arguments: Vec::new(),
        notes: Vec::new(),
    };
    translation.prefix()?;
    translation.components()?;
    translation.sources()?;
    translation.build_command()?;
    translation.app_root()?;
    translation.verification()?;
    translation.build_only()?;
    translation.skip_build()?;
    translation.without_effect()?;
    Ok(translation.finish())
}

fn phase(script: Script, given: &Given) -> Result<Phase> {
    let own = match script {
        Script::Install => None,
        Script::InstallDeps => Some(Phase::Deps),
        Script::InstallBuild => Some(Phase::Build),
    };
    let Some(Value { text, from }) = given.value(Meaning::Phase) else {
        return Ok(own.unwrap_or(Phase::All));
    };
    let wanted = [Phase::Deps, Phase::Build, Phase::All].into_iter().find(|phase| phase.as_str() == text);
    match (wanted, own) {
        (None, _) => Err(Refused::new(format!("{from} is `{text}`"), "write deps, build or all")),
        (Some(wanted), Some(own)) if wanted != own => Err(Refused::new(
            format!("{}.sh is the phase {}, but {from} says {text}", script.word(), own.as_str()),
            format!("call `installer {text}`, or leave {from} out"),
        )),
        (Some(wanted), _) => Ok(wanted),
    }
}

/// The case where none is named. It has to be the same in both phases, which only see their own options: `deps` is
/// called without the checkouts that `build` is given.
fn default_case(phase: Phase, given: &Given, container: bool) -> Result<&'static str> {
    let mut all_off = true;
    let mut wanted = container || phase != Phase::All;
    for name in [INFINICORE, INFINILM] {
        let mode = mode(given, name)?;
        all_off &= mode == Some(Mode::No);
        wanted |= mode == Some(Mode::Yes) || given.value(Meaning::Source(name)).is_some();
    }
    Ok(if wanted && !all_off { WHOLE_CASE } else { SERVICE_CASE })
}

fn mode(given: &Given, component: &'static str) -> Result<Option<Mode>> {
    let option = OPTIONS.iter().find(|option| option.meaning == Meaning::Component(component));
    let Some(option) = option else { return Ok(None) };
    Ok(given.mode(option)?.map(|(mode, _)| mode))
}

struct Translation<'a> {
    given: &'a Given,
    world: &'a World<'a>,
    phase: Phase,
    /// Whether what no checkout is given of is fetched.
    clones: bool,
    /// Whether the case was named.
    named: bool,
    case: String,
    facts: CaseFacts,
    /// Components that are left out.
    off: BTreeSet<&'static str>,
    /// Whether the service is to be there from an earlier run.
    there_already: bool,
    only: Vec<String>,
    arguments: Vec<String>,
    notes: Vec<String>,
}

impl Translation<'_> {
    fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    fn add(&mut self, words: &[&str]) {
        self.arguments.extend(words.iter().map(|word| (*word).to_owned()));
    }

    fn has(&self, component: &str) -> bool {
        self.facts.components.iter().any(|name| name == component)
    }

    fn prefix(&mut self) -> Result<()> {
        let Some(Value { text, from }) = self.given.value(Meaning::BinDirectory) else { return Ok(()) };
        let path = text.trim_end_matches('/');
        let prefix = match path.strip_suffix("/bin") {
            Some("") => "/",
            Some(prefix) => prefix,
            None if path == "bin" => ".",
            None => {
                return Err(Refused::new(
                    format!("{from} is `{text}`, but programs are installed into `bin` of a prefix"),
                    format!("write --prefix {path}, and find them in {path}/bin; or {from}={path}/bin"),
                ));
            }
        };
        self.add(&["--prefix", prefix]);
        Ok(())
    }

    fn components(&mut self) -> Result<()> {
        for name in [INFINICORE, INFINILM] {
            let option = OPTIONS.iter().find(|option| option.meaning == Meaning::Component(name));
            let given = option.map(|option| self.given.mode(option)).transpose()?.flatten();
            match given {
                Some((Mode::Yes, value)) if !self.has(name) => {
                    return Err(Refused::new(
                        format!(
                            "{} is {}, but the case `{}` has no component `{name}`",
                            value.from, value.text, self.case
                        ),
                        format!(
                            "--case {WHOLE_CASE} has it; a case of your own gets it from there with `extends \
                             = \"{WHOLE_CASE}\"`"
                        ),
                    ));
                }
                Some((Mode::No, _)) if self.has(name) => {
                    self.off.insert(name);
                }
                Some((Mode::Yes | Mode::No, _)) => {}
                _ if self.named || !self.has(name) => {}
                // `auto` without a case: yes in a container, and where a checkout is given. What `deps` brings serves
                // whatever `build` is then asked for.
                _ => {
                    let wanted = self.world.container
                        || self.phase == Phase::Deps
                        || self.given.value(Meaning::Source(name)).is_some();
                    if !wanted {
                        self.off.insert(name);
                        let option = option.map_or("", |option| option.name);
                        self.note(format!(
                            "outside of a container {name} is left out, as before: {option} true builds it"
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    fn sources(&mut self) -> Result<()> {
        for option in OPTIONS {
            let Meaning::Source(name) = option.meaning else { continue };
            let given = self.given.of(option);
            let used = self.facts.sources.contains_key(name) && !self.off.contains(name);
            let mut checkout = None;
            match given {
                Some(Value { from, .. }) if !used => {
                    let why = if self.off.contains(name) { "is left out" } else { "is not part of the case" };
                    self.note(format!("{from} is ignored: {name} {why}"));
                }
                Some(Value { text, from }) => {
                    let there = (self.world.is_directory)(text);
                    // The scripts cloned into a directory that was not there, but not in the second phase.
                    if !there && self.phase != Phase::Build {
                        self.note(format!("{from}: {text} does not exist and is ignored"));
                    } else {
                        checkout = Some(text.clone());
                    }
                }
                None if used => checkout = self.world.beside.get(name).cloned(),
                None => {}
            }
            if let Some(path) = &checkout {
                self.add(&["--source", &format!("{name}={path}")]);
            }
            self.revision(name, used, checkout.as_deref())?;
        }
        Ok(())
    }

    fn mounted(&self, source: &str) -> bool {
        matches!(self.facts.sources.get(source).map(Vec::as_slice), Some([SourceSpec::Mounted { .. }]))
    }

    /// A reference is fetched; a checkout of the user's is never moved to it.
    fn revision(&mut self, name: &'static str, used: bool, checkout: Option<&str>) -> Result<()> {
        let Some(Value { text, from }) = self.given.value(Meaning::Revision(name)) else {
            if used && checkout.is_none() && self.clones {
                self.cloned(name);
            }
            return Ok(());
        };
        if !used {
            let why = if self.off.contains(name) { "is left out" } else { "is not part of the case" };
            self.note(format!("{from} is ignored: {name} {why}"));
            return Ok(());
        }
        if let Some(checkout) = checkout {
            match (self.world.head)(checkout, text) {
                Head::There => {}
                Head::Elsewhere(commit) => {
                    return Err(Refused::new(
                        format!(
                            "{from} is {text}, but {checkout} is at {commit}: your checkout is built as it is"
                        ),
                        format!(
                            "git -C {checkout} checkout {text}; or leave the checkout out, and {text} is fetched"
                        ),
                    ));
                }
                Head::Unknown => self.note(format!(
                    "{from}: it is unknown whether {checkout} is at {text}; it is built as it is"
                )),
            }
            return Ok(());
        }
        let specs = self.facts.sources.get(name).map(Vec::as_slice).unwrap_or_default();
        let set = match specs {
            [SourceSpec::Git { .. }] => format!("sources.{name}.revision={}", value_of(text)),
            _ => match repository(name, specs) {
                Some(address) => fetched(name, &address, text),
                None => {
                    return Err(Refused::new(
                        format!(
                            "{from} is {text}, but the case `{}` has no git repository of {name} to fetch it \
                             from",
                            self.case
                        ),
                        format!("give a checkout of it: --source {name}=PATH"),
                    ));
                }
            },
        };
        self.add(&["--set", &set]);
        Ok(())
    }

    /// Where neither a checkout nor a reference was given the scripts cloned the project.
    fn cloned(&mut self, name: &str) {
        let specs = self.facts.sources.get(name).map(Vec::as_slice).unwrap_or_default();
        let (true, Some(address)) = (self.mounted(name), repository(name, specs)) else { return };
        let pinned = specs.first().and_then(|spec| match spec {
            SourceSpec::Mounted { revision, .. } => revision.clone(),
            _ => None,
        });
        let revision = pinned.unwrap_or_else(|| DEFAULT_BRANCH.to_owned());
        let set = fetched(name, &address, &revision);
        self.add(&["--set", &set]);
        self.note(format!("no checkout of {name} is given: using {revision} of {address}"));
    }

    fn build_command(&mut self) -> Result<()> {
        let Some(Value { text, from }) = self.given.value(Meaning::BuildCommand(INFINICORE)) else {
            return Ok(());
        };
        if !self.has(INFINICORE) || self.off.contains(INFINICORE) {
            self.note(format!("{from} is ignored: {INFINICORE} is not built"));
            return Ok(());
        }
        let options = build_options(text).map_err(|why| {
            Refused::new(
                format!("{from} is `{text}`, but no command is run in a checkout: {why}"),
                format!(
                    "write its options as --set components.{INFINICORE}.options.NAME=VALUE, or under \
                     `[components.{INFINICORE}.options]` of a case"
                ),
            )
        })?;
        for (key, value) in options {
            let value = match value {
                OptionValue::Switch(on) => on.to_string(),
                OptionValue::Text(text) => value_of(&text),
                OptionValue::Number(number) => number.to_string(),
                OptionValue::List(texts) => json(&texts.join(",")),
            };
            self.add(&["--set", &format!("components.{INFINICORE}.options.{key}={value}")]);
        }
        Ok(())
    }

    fn app_root(&mut self) -> Result<()> {
        let key = format!("components.{SERVICE}.app");
        let setup = OPTIONS.iter().find(|option| option.meaning == Meaning::SetupAppRoot);
        let setup = setup.map(|option| self.given.mode(option)).transpose()?.flatten();
        let root = self.given.value(Meaning::AppRoot);
        if let Some(from) = setup.map(|(_, value)| value).or(root).filter(|_| !self.has(SERVICE)) {
            self.note(format!("{} is ignored: {SERVICE} is not part of the case", from.from));
            return Ok(());
        }
        match (setup, root) {
            (Some((Mode::No, _)), _) => self.add(&["--set", &format!("{key}.enabled=false")]),
            (_, Some(root)) => self.add(&["--set", &format!("{key}.root={}", value_of(&root.text))]),
            _ => {}
        }
        Ok(())
    }

    fn verification(&mut self) -> Result<()> {
        let option = OPTIONS.iter().find(|option| option.meaning == Meaning::Verify);
        let Some((mode, value)) = option.map(|option| self.given.mode(option)).transpose()?.flatten() else {
            return Ok(());
        };
        match mode {
            Mode::Yes => self.add(&["--verify-level", "import"]),
            Mode::No => {
                self.add(&["--verify-level", "link"]);
                self.note(format!(
                    "{}: files and libraries are still checked; programs are not started, modules not \
                     imported",
                    value.from
                ));
            }
            Mode::Auto => {}
        }
        Ok(())
    }

    /// Compiled and not installed: the step that installs is left out, and with it all that comes after.
    fn build_only(&mut self) -> Result<()> {
        let Some(value) = self.given.on(Meaning::BuildOnly)? else { return Ok(()) };
        if self.phase == Phase::Deps || !self.has(SERVICE) {
            self.note(format!("{} has no effect: {SERVICE} is not built here", value.from));
            return Ok(());
        }
        let others =
            self.facts.components.iter().filter(|name| *name != SERVICE && !self.off.contains(name.as_str()));
        self.only = others.cloned().chain([format!("build/{SERVICE}/compile")]).collect();
        Ok(())
    }

    /// What was installed before is taken; that it is there is looked at, because scripts ask for it to choose what to do
    /// (`if install-build.sh --skip-build …; then`).
    fn skip_build(&mut self) -> Result<()> {
        let Some(value) = self.given.on(Meaning::SkipBuild)? else { return Ok(()) };
        if self.phase == Phase::Deps || !self.has(SERVICE) {
            self.note(format!("{} has no effect: {SERVICE} is not built here", value.from));
            return Ok(());
        }
        if !self.only.is_empty() {
            return Err(Refused::new(
                format!("{} and --build-only exclude each other", value.from),
                "leave one out",
            ));
        }
        self.off.insert(SERVICE);
        self.there_already = true;
        let nothing_left = self.facts.components.iter().all(|name| self.off.contains(name.as_str()));
        if nothing_left && self.phase == Phase::All {
            self.phase = Phase::Deps;
            self.off.remove(SERVICE);
        }
        Ok(())
    }

    fn without_effect(&mut self) -> Result<()> {
        for option in OPTIONS {
            match option.meaning {
                Meaning::Nothing(why) => {
                    if let Some((mode, value)) = self.given.mode(option)? {
                        if mode == Mode::Yes {
                            self.note(format!("{}: {why}", value.from));
                        }
                    }
                }
                Meaning::Always(why) => {
                    if let Some((mode, value)) = self.given.mode(option)? {
                        if mode == Mode::No {
                            self.note(format!("{}: {why}", value.from));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn finish(self) -> Translated {
        let command = |phase: Phase, only: &[String]| {
            let mut words = vec![phase.as_str().to_owned(), "--case".to_owned(), self.case.clone()];
            words.extend(self.arguments.iter().cloned());
            for name in &self.off {
                words.extend(["--skip".to_owned(), (*name).to_owned()]);
            }
            for name in only {
                words.extend(["--only".to_owned(), name.clone()]);
            }
            words
        };
        let mut commands = match self.phase {
            // A word of `build` selects nothing in `deps`.
            Phase::All if !self.only.is_empty() => {
                vec![command(Phase::Deps, &[]), command(Phase::Build, &self.only)]
            }
            phase => vec![command(phase, &self.only)],
        };
        if self.there_already {
            let verify = ["verify", SERVICE, "--case", &self.case].map(str::to_owned);
            commands.push(verify.into_iter().chain(self.arguments.iter().cloned()).collect());
        }
        Translated { commands, notes: self.notes }
    }
}

/// What the scripts took where nobody named a reference.
const DEFAULT_BRANCH: &str = "main";

/// Where a source can be fetched from: what the case says, else where the scripts cloned it from.
fn repository(name: &str, specs: &[SourceSpec]) -> Option<String> {
    let of_case = specs.iter().find_map(|spec| match spec {
        SourceSpec::Git { url, .. } => Some(url.clone()),
        _ => None,
    });
    let known = || REPOSITORIES.iter().find(|(known, _)| *known == name);
    of_case.or_else(|| known().map(|(_, address)| (*address).to_owned()))
}

/// A git repository in the place of a source of another kind.
fn fetched(name: &str, address: &str, revision: &str) -> String {
    let (address, revision) = (json(address), json(revision));
    format!("sources.{name}={{kind=\"git\", url={address}, revision={revision}, submodules=true}}")
}

/// A text as the value of `--set`, in quotes where it would be read as something else.
fn value_of(text: &str) -> String {
    let first = text.chars().next().unwrap_or(' ');
    let plain =
        (first.is_ascii_alphabetic() || first == '/') && !["true", "false", "inf", "nan"].contains(&text);
    if plain { text.to_owned() } else { json(text) }
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
