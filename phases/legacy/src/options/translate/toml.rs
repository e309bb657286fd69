//! Values as `--set` takes them.

/// A text as the value of `--set`, in quotes where it would be read as something else.
pub(super) fn value_of(text: &str) -> String {
    let first = text.chars().next().unwrap_or(' ');
    let plain =
        (first.is_ascii_alphabetic() || first == '/') && !["true", "false", "inf", "nan"].contains(&text);
    if plain { text.to_owned() } else { json(text) }
}

/// A text in quotes.
pub(super) fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
