//! Switches of xmake.

use crate::case::OptionValue;

/// Whether a value switches an option on, in any of the spellings that xmake takes for a switch.
pub fn switched_on(value: &OptionValue) -> bool {
    match value {
        OptionValue::Switch(on) => *on,
        OptionValue::Text(text) => matches!(text.to_ascii_lowercase().as_str(), "y" | "yes" | "true" | "on"),
        OptionValue::Number(number) => *number == 1,
        OptionValue::List(_) => false,
    }
}
