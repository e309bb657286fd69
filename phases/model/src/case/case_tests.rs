//! The case as people get it wrong, in both formats; and that schema and decoder agree.

use serde_json::{Value as Json, json};

use super::schema::schema;
use super::validate::resolve;
use super::*;

mod agreement;
mod extending;
mod overriding;
mod preset;
mod wrong;

/// Parents are looked for among these.
fn load_with(root: CaseFile, others: &[CaseFile], overrides: &Overrides) -> Result<Loaded, Diagnostics> {
    let names = ["fdk-aac", "ffmpeg", "nv-codec-headers", "opencv", "x265"];
    let known = names.into_iter().map(|name| (name.to_owned(), Default::default())).collect();
    let mut parent = |value: &str, _from: &str| {
        others
            .iter()
            .find(|file| file.name == value)
            .cloned()
            .ok_or_else(|| "there is no such case".to_owned())
    };
    load(root, &mut parent, overrides, &known)
}

fn overrides(set: &[(&str, &str)]) -> Overrides {
    Overrides {
        set: set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        sources: Vec::new(),
        default_name: "here".to_owned(),
    }
}

fn toml_file(name: &str, text: &str) -> CaseFile {
    CaseFile {
        name: name.to_owned(),
        text: text.to_owned(),
        format: Format::Toml,
        directory: None,
        artifacts: None,
    }
}

fn json_file(name: &str, text: &str) -> CaseFile {
    CaseFile {
        name: name.to_owned(),
        text: text.to_owned(),
        format: Format::Json,
        directory: None,
        artifacts: None,
    }
}

fn load_toml(text: &str) -> Result<Loaded, Diagnostics> {
    load_with(toml_file("case.toml", text), &[], &overrides(&[]))
}

/// All that is wrong, as it is printed.
fn toml_errors(text: &str) -> String {
    load_toml(text).expect_err("must be refused").to_string()
}

fn json_errors(text: &str) -> String {
    load_with(json_file("case.json", text), &[], &overrides(&[])).expect_err("must be refused").to_string()
}

/// The same case as JSON, pretty, for the same errors at other places.
fn as_json(text: &str) -> String {
    let value: Json = ::toml::from_str(text).expect("the test's TOML");
    format!("{value:#}")
}
