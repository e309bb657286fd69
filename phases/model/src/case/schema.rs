//! The JSON Schema of a case, for editors and for the walker that validates.

use serde_json::Value as Json;

use super::{Case, Component};

/// The schema as data.
pub(super) fn schema() -> Json {
    schemars::schema_for!(Case).to_value()
}

/// The schema as `docs/reference/case.schema.json` has it: the same text for the same version, with a line end.
pub fn json_schema() -> String {
    let mut text = format!("{:#}", schema());
    text.push('\n');
    text
}

/// The JSON Schema of a recipe, as text.
pub fn recipe_json_schema() -> String {
    let mut text = format!("{:#}", schemars::schema_for!(Component).to_value());
    text.push('\n');
    text
}
