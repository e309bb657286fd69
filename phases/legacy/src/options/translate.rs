//! Old options to the command line of today. Pure: what it has to know of cases and of the disk is asked through
//! [`World`], so that each line of the guides can be tested by the words that come out.

mod sources;
mod toml;

use std::collections::{BTreeMap, BTreeSet};

use model::case::{OptionValue, SourceSpec};

use self::toml::{json, value_of};
use super::given::{Given, Mode, Value};
use super::head::Head;
use super::refused::{Refused, Result};
use super::table::{INFINICORE, INFINILM, Meaning, OPTIONS, Phase, SERVICE, Script};
use crate::import::build_options;

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
