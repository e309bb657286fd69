//! `INFINICORE_BUILD_CMD`: a command that was run in the checkout, of which only the options matter.

use indexmap::IndexMap;
use model::case::OptionValue;

use super::shell::{Unplain, plain_words};

/// Flags of `xmake f` that say how it talks or what it forgets, and nothing about what is built.
const TALK: [&str; 6] = ["-c", "-v", "-y", "-cv", "--yes", "--verbose"];

/// The options of `python3 scripts/install.py --metax-gpu=y --ccl=y`, or of `xmake f --metax-gpu=y --ccl=y`, as
/// `components.infinicore.options` has them.
///
/// # Errors
/// Why it is neither, in words.
pub fn build_options(command: &str) -> Result<IndexMap<String, OptionValue>, String> {
    let words = plain_words(command).map_err(|Unplain(why)| why)?;
    let mut rest = words.iter().map(String::as_str);
    let program = rest.next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or(program);
    let script = rest.next().unwrap_or_default();
    let known = match name {
        "xmake" => ["f", "config"].contains(&script),
        "bash" | "sh" => false,
        name if name.starts_with("python") => script.trim_start_matches("./") == "scripts/install.py",
        _ => false,
    };
    if !known {
        return Err("only `python3 scripts/install.py OPTIONS` and `xmake f OPTIONS` are \
                    understood"
            .to_owned());
    }
    let mut options = IndexMap::new();
    for word in rest.filter(|word| !TALK.contains(word)) {
        let Some((key, value)) =
            word.strip_prefix("--").map(|word| word.split_once('=').unwrap_or((word, "y")))
        else {
            return Err(format!("`{word}` is not an option of the form --NAME=VALUE"));
        };
        if key.is_empty() {
            return Err(format!("`{word}` is not an option of the form --NAME=VALUE"));
        }
        let value = match value {
            "y" | "yes" | "true" => OptionValue::Switch(true),
            "n" | "no" | "false" => OptionValue::Switch(false),
            text => OptionValue::Text(text.to_owned()),
        };
        options.insert(key.to_owned(), value);
    }
    Ok(options)
}
