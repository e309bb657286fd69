//! Options of a component in the words of its driver.

use indexmap::IndexMap;
use model::case::OptionValue;

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
