//! Options of a component in the words of its driver.

use indexmap::IndexMap;
use model::case::condition::{ARCHITECTURE, Asked, NEEDS, matches};
use model::case::{Component, Driver, OptionValue};

use crate::arguments::{bare, options_of};

/// `--key`, `--key=value`; a switch that is off says nothing.
pub fn configure_arguments(options: &IndexMap<String, OptionValue>) -> Vec<String> {
    options
        .iter()
        .filter_map(|(key, value)| match value {
            OptionValue::Switch(true) => Some(format!("--{key}")),
            OptionValue::Switch(false) => None,
            OptionValue::Number(number) => Some(format!("--{key}={number}")),
            OptionValue::Text(text) => Some(format!("--{key}={text}")),
            OptionValue::List(list) => Some(format!("--{key}={}", list.join(","))),
        })
        .collect()
}

/// CMake variables with their values: `ON` and `OFF` for switches, semicolons between the entries of a list.
pub fn cmake_variables(options: &IndexMap<String, OptionValue>) -> Vec<(String, String)> {
    options
        .iter()
        .map(|(key, value)| {
            let value = match value {
                OptionValue::Switch(on) => if *on { "ON" } else { "OFF" }.to_owned(),
                OptionValue::Number(number) => number.to_string(),
                OptionValue::Text(text) => text.clone(),
                OptionValue::List(list) => list.join(";"),
            };
            (key.clone(), value)
        })
        .collect()
}

/// Whether CMake takes a value for true or for false, as cmake-language's `if(<constant>)` does; none: for neither.
pub fn cmake_truth(value: &str) -> Option<bool> {
    let upper = value.to_ascii_uppercase();
    match upper.as_str() {
        "ON" | "YES" | "TRUE" | "Y" | "1" => Some(true),
        "" | "OFF" | "NO" | "FALSE" | "N" | "0" | "IGNORE" | "NOTFOUND" => Some(false),
        _ => upper.ends_with("-NOTFOUND").then_some(false),
    }
}

/// Whether a switch is on, however that is written.
pub fn on(options: &IndexMap<String, OptionValue>, key: &str) -> bool {
    options.get(key).and_then(truth) == Some(true)
}

/// Whether a switch is off.
pub fn off(options: &IndexMap<String, OptionValue>, key: &str) -> bool {
    options.get(key).and_then(truth) == Some(false)
}

/// Whether an option is on or off, however that is written: `true`, `"ON"`, `1`; none: it is no switch.
pub fn truth(value: &OptionValue) -> Option<bool> {
    match value {
        OptionValue::Switch(on) => Some(*on),
        OptionValue::Number(number) => cmake_truth(&number.to_string()),
        OptionValue::Text(text) => cmake_truth(text),
        OptionValue::List(_) => None,
    }
}

/// `key=value` for Meson: `true` and `false` for switches, commas between the entries of a list.
pub fn meson_options(options: &IndexMap<String, OptionValue>) -> Vec<String> {
    options
        .iter()
        .map(|(key, value)| match value {
            OptionValue::Switch(on) => format!("{key}={on}"),
            OptionValue::Number(number) => format!("{key}={number}"),
            OptionValue::Text(text) => format!("{key}={text}"),
            OptionValue::List(list) => format!("{key}={}", list.join(",")),
        })
        .collect()
}

/// `--key=value` for xmake: `y` and `n` for switches, commas between the entries of a list.
pub fn xmake_arguments(options: &IndexMap<String, OptionValue>) -> Vec<String> {
    options
        .iter()
        .map(|(key, value)| match value {
            OptionValue::Switch(on) => format!("--{key}={}", if *on { "y" } else { "n" }),
            OptionValue::Number(number) => format!("--{key}={number}"),
            OptionValue::Text(text) => format!("--{key}={text}"),
            OptionValue::List(list) => format!("--{key}={}", list.join(",")),
        })
        .collect()
}

/// The words of an option, whether it is a list, a text with commas, or anything else.
pub fn words(value: &OptionValue) -> Vec<String> {
    match value {
        OptionValue::List(list) => list.clone(),
        OptionValue::Text(text) => text.split(',').map(str::to_owned).collect(),
        OptionValue::Switch(_) | OptionValue::Number(_) => Vec::new(),
    }
}

/// Adds an option unless it is there; one of CMake's may be there with a type (`NAME:PATH`).
pub fn add(driver: Driver, options: &mut IndexMap<String, OptionValue>, key: String, value: OptionValue) {
    if !options.keys().any(|known| bare(driver, known) == bare(driver, &key)) {
        options.insert(key, value);
    }
}

/// What a component's options and, which count more, its further arguments ask for, each by its name. Driver `cargo`:
/// its features.
pub fn asked_for(
    driver: Driver,
    component: &Component,
    options: &IndexMap<String, OptionValue>,
) -> IndexMap<String, OptionValue> {
    let options = options.iter().map(|(key, value)| (key.clone(), value.clone()));
    let features = component.features.iter().map(|name| (name.clone(), OptionValue::Switch(true)));
    let mut asked: IndexMap<String, OptionValue> =
        options.chain(features).map(|(key, value)| (bare(driver, &key).to_owned(), value)).collect();
    for (key, value) in options_of(driver, &component.arguments) {
        let key = bare(driver, &key).to_owned();
        if driver == Driver::Autotools && matches!(value, OptionValue::Switch(true)) {
            // Of both the last counts.
            if let Some(before) = opposite(&key).and_then(|opposite| asked.get_mut(&opposite)) {
                if matches!(before, OptionValue::Switch(_)) {
                    *before = OptionValue::Switch(false);
                }
            }
        }
        asked.insert(key, value);
    }
    asked
}

/// `disable-x` for `enable-x`, and so on.
pub fn opposite(key: &str) -> Option<String> {
    let pairs =
        [("enable-", "disable-"), ("disable-", "enable-"), ("with-", "without-"), ("without-", "with-")];
    pairs.iter().find_map(|(one, other)| Some(format!("{other}{}", key.strip_prefix(one)?)))
}

/// What is asked of a component by its options, for conditions.
pub struct AskedOptions<'a> {
    driver: Driver,
    /// By their names, wherever they are written.
    pub options: IndexMap<String, OptionValue>,
    arch: &'a str,
    needs: bool,
}

impl<'a> AskedOptions<'a> {
    /// What options and the component's further arguments ask for, built for an architecture.
    pub fn of(
        driver: Driver,
        component: &Component,
        options: &IndexMap<String, OptionValue>,
        arch: &'a str,
    ) -> Self {
        let options = asked_for(driver, component, options);
        Self { driver, options, arch, needs: !component.needs.is_empty() }
    }

    /// Whether an option is on or off; none: it is not given, or no switch.
    pub fn truth(&self, name: &str) -> Option<bool> {
        let value = self.options.get(name)?;
        match value {
            OptionValue::Text(text) if self.driver == Driver::Meson && text == "enabled" => Some(true),
            OptionValue::Text(text) if self.driver == Driver::Meson && text == "disabled" => Some(false),
            _ => truth(value),
        }
    }

    /// Whether it is given, with something in it, and not off.
    fn is_given(&self, name: &str) -> bool {
        self.options.get(name).is_some_and(|value| match value {
            OptionValue::Text(text) => !text.is_empty() && self.truth(name) != Some(false),
            OptionValue::List(list) => !list.is_empty(),
            OptionValue::Switch(_) | OptionValue::Number(_) => truth(value) != Some(false),
        })
    }
}

impl Asked for AskedOptions<'_> {
    fn is_on(&self, name: &str) -> bool {
        if name == NEEDS {
            return self.needs;
        }
        if name.contains('*') {
            let mut named = self.options.keys().filter(|key| matches(name, key));
            return named.any(|key| self.is_given(key));
        }
        self.truth(name) == Some(true)
    }

    fn is(&self, name: &str, pattern: &str) -> bool {
        match (name, pattern) {
            (ARCHITECTURE, _) => matches(pattern, self.arch),
            (_, "on") => self.truth(name) == Some(true),
            (_, "off") => self.truth(name) == Some(false),
            (_, "*") => self.is_given(name),
            _ => self.options.get(name).is_some_and(|value| match value {
                OptionValue::Number(number) => matches(pattern, &number.to_string()),
                _ => words(value).iter().any(|word| matches(pattern, word)),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> IndexMap<String, OptionValue> {
        IndexMap::from([
            ("enable-gpl".to_owned(), OptionValue::Switch(true)),
            ("enable-doc".to_owned(), OptionValue::Switch(false)),
            ("enable-decoder".to_owned(), OptionValue::List(vec!["h264".to_owned(), "vp9".to_owned()])),
            ("level".to_owned(), OptionValue::Number(3)),
            ("arch".to_owned(), OptionValue::Text("x86".to_owned())),
        ])
    }

    #[test]
    fn configure_scripts_get_long_options() {
        assert_eq!(
            configure_arguments(&options()),
            ["--enable-gpl", "--enable-decoder=h264,vp9", "--level=3", "--arch=x86"]
        );
    }

    #[test]
    fn meson_gets_its_own_words_for_switches() {
        assert_eq!(
            meson_options(&options()),
            ["enable-gpl=true", "enable-doc=false", "enable-decoder=h264,vp9", "level=3", "arch=x86"]
        );
    }

    #[test]
    fn xmake_gets_letters_for_switches() {
        assert_eq!(
            xmake_arguments(&options()),
            ["--enable-gpl=y", "--enable-doc=n", "--enable-decoder=h264,vp9", "--level=3", "--arch=x86"]
        );
    }

    #[test]
    fn cmake_gets_variables() {
        let variables: Vec<String> =
            cmake_variables(&options()).into_iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            variables,
            ["enable-gpl=ON", "enable-doc=OFF", "enable-decoder=h264;vp9", "level=3", "arch=x86"]
        );
    }
}
