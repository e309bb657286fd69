//! What a component is told that nothing would hear: it would be counted as there.

use engine::planning::PlanError;
use model::accelerators;
use model::case::condition::matches;
use model::case::{BuildOptions, Driver, OptionValue};

use crate::arguments::{bare, options_of};
use crate::built::Built;
use crate::options::{opposite, truth};
use crate::recipes;
use crate::subject::Subject;

/// # Errors
/// When an option contradicts an argument, or either has no effect, or takes that of another away.
pub(super) fn refuse(subject: &Subject<'_>, built: &Built) -> Result<(), PlanError> {
    let said = Said::all(subject);
    contradictions(subject, &said)?;
    flags_of_all(subject, &said)?;
    command(subject, built)?;
    let component = &subject.component;
    let index = component.expect.iter().position(|expect| expect.file.is_none());
    if let Some(index) = index.filter(|_| built.configure.is_empty()) {
        return Err(PlanError::new(
            format!("components.{}.expect.{index}", subject.name),
            format!("component `{}` has no configure step whose output could show this", subject.name),
            "name a file of the build tree with `file`, or write a check",
        ));
    }
    Ok(())
}

/// Something that is asked for, with where it is written.
struct Said {
    /// `options.LOUD`, or `arguments`.
    at: String,
    /// As it is written.
    key: String,
    /// What it is about: `enable-x` for `disable-x` too.
    name: String,
    /// As a text; `true` and `false` for switches, however they are written.
    value: String,
}

impl Said {
    fn all(subject: &Subject<'_>) -> Vec<Self> {
        let component = &subject.component;
        // What hooks and conditions add, and a recipe's own default, give way to the user's words.
        let recipe = component.recipe.as_deref().unwrap_or(subject.name.as_str());
        let recipe = recipes::built_in().get(recipe);
        let is_default =
            |key: &str, value| recipe.is_some_and(|recipe| recipe.says.options.get(key) == Some(value));
        let options = component.options.iter().filter(|(key, value)| !is_default(key, value));
        let options = options.map(|(key, value)| (format!("options.{key}"), key.clone(), value.clone()));
        let arguments = options_of(subject.driver, &component.arguments);
        let arguments = arguments.into_iter().map(|(key, value)| ("arguments".to_owned(), key, value));
        options
            .chain(arguments)
            .filter_map(|(at, key, value)| Self::of(subject.driver, at, key, &value))
            .collect()
    }

    fn of(driver: Driver, at: String, key: String, value: &OptionValue) -> Option<Self> {
        let mut name = bare(driver, &key).to_owned();
        let mut switch = truth(value);
        if driver == Driver::Autotools {
            // `--enable-decoder=h264` adds to a list; `--x` says nothing where it is off.
            switch?;
            if let Some(one) =
                opposite(&name).filter(|_| name.starts_with("disable-") || name.starts_with("without-"))
            {
                name = one;
                switch = switch.map(|on| !on);
            }
        }
        let value = match (switch, value) {
            (Some(on), _) => on.to_string(),
            (None, OptionValue::Text(text)) => text.clone(),
            (None, _) => return None,
        };
        Some(Self { at, key, name, value })
    }

    fn error(&self, subject: &Subject<'_>, message: String, help: &str) -> PlanError {
        PlanError::new(format!("components.{}.{}", subject.name, self.at), message, help)
    }
}

fn contradictions(subject: &Subject<'_>, said: &[Said]) -> Result<(), PlanError> {
    if !matches!(subject.driver, Driver::Cmake | Driver::Meson | Driver::Autotools | Driver::Xmake) {
        return Ok(());
    }
    for (index, one) in said.iter().enumerate().filter(|(_, one)| one.at == "arguments") {
        let Some(other) =
            said[..index].iter().find(|other| other.name == one.name && other.value != one.value)
        else {
            continue;
        };
        let message = format!(
            "argument `{}` contradicts `{}` in `{}`: only one of them counts",
            one.key, other.key, other.at
        );
        return Err(one.error(subject, message, "remove one of them"));
    }
    Ok(())
}

/// Options that take away what `[build_options]` says for all components.
fn flags_of_all(subject: &Subject<'_>, said: &[Said]) -> Result<(), PlanError> {
    let BuildOptions { cflags, cxxflags, ldflags, .. } = &subject.known.case.build_options;
    let names: [(&str, &Vec<String>, &[&str]); 3] = [
        ("cflags", cflags, &["CMAKE_C_FLAGS", "c_args", "CFLAGS"]),
        ("cxxflags", cxxflags, &["CMAKE_CXX_FLAGS", "cpp_args", "CXXFLAGS"]),
        (
            "ldflags",
            ldflags,
            &[
                "CMAKE_EXE_LINKER_FLAGS",
                "CMAKE_SHARED_LINKER_FLAGS",
                "c_link_args",
                "cpp_link_args",
                "LDFLAGS",
            ],
        ),
    ];
    let variable = |key: &str| match key {
        "cflags" => "CFLAGS",
        "cxxflags" => "CXXFLAGS",
        _ => "LDFLAGS",
    };
    for (key, _, options) in names.iter().filter(|(_, flags, _)| !flags.is_empty()) {
        let is_one = |name: &str| options.contains(&name);
        let of_word = |word: &String| {
            let name = word.split_once('=').map(|(name, _)| name)?;
            (subject.driver == Driver::Autotools && is_one(name)).then(|| name.to_owned())
        };
        let asked = said.iter().find(|one| is_one(&one.name)).map(|one| (one.at.clone(), one.key.clone()));
        let words = || {
            subject.component.arguments.iter().find_map(of_word).map(|name| ("arguments".to_owned(), name))
        };
        let Some((at, name)) = asked.or_else(words) else { continue };
        return Err(PlanError::new(
            format!("components.{}.{at}", subject.name),
            format!("`{name}` takes the place of `{key}` in [build_options], which is for all components"),
            format!(
                "write it as `environment.{}` of the component, which is joined to that; or remove one of them",
                variable(key)
            ),
        ));
    }
    Ok(())
}

/// The names and patterns in a condition.
fn names(condition: &str) -> impl Iterator<Item = &str> {
    condition
        .split(|c: char| !(c.is_ascii_alphanumeric() || "-_.:*".contains(c)))
        .filter(|word| !word.is_empty())
}

/// Commands that a case spells out are given arguments where they configure, and options nowhere: these are only for
/// conditions.
fn command(subject: &Subject<'_>, built: &Built) -> Result<(), PlanError> {
    if subject.driver != Driver::Command {
        return Ok(());
    }
    let component = &subject.component;
    if accelerators::concerns(subject.name.as_str(), component) {
        return Ok(());
    }
    let in_condition =
        |key: &String| component.when.keys().any(|text| names(text).any(|name| matches(name, key)));
    if let Some(key) = component.options.keys().find(|key| !in_condition(key)) {
        return Err(PlanError::new(
            format!("components.{}.options.{key}", subject.name),
            format!("the driver command gives the option `{key}` to nothing"),
            "write it into the commands, or under `arguments`, which `commands.configure` is given",
        ));
    }
    if built.configure.is_empty() && !component.arguments.is_empty() {
        return Err(PlanError::new(
            format!("components.{}.arguments", subject.name),
            "there is no `commands.configure` that would be given these arguments",
            "write them into the commands",
        ));
    }
    Ok(())
}
