//! What a case may look like, read off the JSON Schema that is generated from the types.
//!
//! Validation, the reference page and the published schema all come from the one schema, so that they cannot differ.

use std::sync::OnceLock;

use indexmap::IndexMap;
use schemars::generate::SchemaSettings;
use serde_json::Value as Json;

use super::Case;

/// What a value may look like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Bool,
    Integer { minimum: Option<i64>, maximum: Option<i64> },
    Text,
    /// One of some words.
    Choice(Vec<Choice>),
    List(Box<Shape>),
    /// Any keys, each with a value of this shape.
    Map(Box<Shape>),
    /// These keys and no others.
    Table(TableShape),
    /// A table whose keys depend on the value of one key.
    Tagged { tag: String, variants: Vec<(String, TableShape)> },
    Either(Vec<Shape>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    pub value: String,
    pub description: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TableShape {
    pub description: String,
    pub fields: IndexMap<String, Field>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub shape: Shape,
    pub description: String,
    pub required: bool,
    pub default: Option<Json>,
}

/// The JSON Schema (2020-12) of a case, as text that ends with a line break.
pub fn schema_json() -> String {
    // A schema is maps, lists and strings, which always serialise.
    serde_json::to_string_pretty(&schema()).unwrap_or_default() + "\n"
}

/// The schema without `null`: a key that has nothing to say is left out.
fn schema() -> Json {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Case>().to_value();
    without_null(&mut schema);
    schema
}

fn without_null(schema: &mut Json) {
    match schema {
        Json::Array(items) => items.iter_mut().for_each(without_null),
        Json::Object(object) => {
            object.values_mut().for_each(without_null);
            if let Some(Json::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            if let Some(Json::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
                if let [Json::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    object.shift_remove("anyOf");
                    for (key, value) in only {
                        object.entry(key).or_insert(value);
                    }
                }
            }
        }
        _ => {}
    }
}

/// The shape of a whole case.
pub(crate) fn case_shape() -> &'static TableShape {
    static SHAPE: OnceLock<TableShape> = OnceLock::new();
    SHAPE.get_or_init(|| {
        let schema = schema();
        #[expect(clippy::expect_used, reason = "the schema is compiled in, and every test of this module reads it")]
        match shape(&schema, &schema).expect("the schema uses what `shape` knows") {
            Shape::Table(table) => table,
            _ => unreachable!("a case is a table"),
        }
    })
}

fn shape(schema: &Json, root: &Json) -> Result<Shape, String> {
    let unknown = || format!("a schema of a kind that is not known: {schema}");
    if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
        let name = reference.strip_prefix("#/$defs/").ok_or_else(unknown)?;
        return shape(root.get("$defs").and_then(|all| all.get(name)).ok_or_else(unknown)?, root);
    }
    if let Some(choices) = schema.get("oneOf").and_then(Json::as_array) {
        return one_of(choices, root).ok_or_else(unknown)?;
    }
    if let Some(choices) = schema.get("anyOf").and_then(Json::as_array) {
        return Ok(Shape::Either(choices.iter().map(|choice| shape(choice, root)).collect::<Result<_, _>>()?));
    }
    Ok(match schema.get("type").and_then(Json::as_str) {
        Some("boolean") => Shape::Bool,
        Some("integer") => Shape::Integer {
            minimum: schema.get("minimum").and_then(Json::as_i64),
            maximum: schema.get("maximum").and_then(Json::as_i64),
        },
        Some("string") => match schema.get("enum").and_then(Json::as_array) {
            Some(values) => Shape::Choice(
                values
                    .iter()
                    .filter_map(Json::as_str)
                    .map(|value| Choice { value: value.to_owned(), description: String::new() })
                    .collect(),
            ),
            None => Shape::Text,
        },
        Some("array") => Shape::List(Box::new(shape(schema.get("items").ok_or_else(unknown)?, root)?)),
        Some("object") => match schema.get("additionalProperties") {
            Some(values @ Json::Object(_)) => Shape::Map(Box::new(shape(values, root)?)),
            Some(Json::Bool(false)) => Shape::Table(table(schema, root)?),
            _ => return Err(unknown()),
        },
        _ => return Err(unknown()),
    })
}

/// A choice of words, or a table with a tag; none when it is neither.
fn one_of(choices: &[Json], root: &Json) -> Option<Result<Shape, String>> {
    let words: Option<Vec<Choice>> = choices
        .iter()
        .map(|choice| {
            let value = choice.get("const")?.as_str()?.to_owned();
            Some(Choice { value, description: description(choice) })
        })
        .collect();
    if let Some(words) = words {
        return Some(Ok(Shape::Choice(words)));
    }
    let tagged: Option<Vec<(String, String, &Json)>> = choices
        .iter()
        .map(|choice| {
            let properties = choice.get("properties")?.as_object()?;
            let (tag, value) = properties.iter().find_map(|(name, property)| {
                property.get("const").and_then(Json::as_str).map(|value| (name, value))
            })?;
            Some((tag.clone(), value.to_owned(), choice))
        })
        .collect();
    let tagged = tagged?;
    let tag = tagged.first()?.0.clone();
    let variants = tagged
        .into_iter()
        .map(|(tag, value, choice)| {
            let mut table = table(choice, root)?;
            table.fields.shift_remove(&tag);
            Ok((value, table))
        })
        .collect::<Result<_, String>>();
    Some(variants.map(|variants| Shape::Tagged { tag, variants }))
}

fn table(schema: &Json, root: &Json) -> Result<TableShape, String> {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    let mut fields = IndexMap::new();
    for (name, property) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
        if property.get("const").is_some() {
            fields.insert(name.clone(), Field {
                shape: Shape::Text,
                description: String::new(),
                required: true,
                default: None,
            });
            continue;
        }
        fields.insert(name.clone(), Field {
            shape: shape(property, root)?,
            description: description(property),
            required: required.contains(&name.as_str()),
            default: property.get("default").cloned(),
        });
    }
    Ok(TableShape { description: description(schema), fields })
}

fn description(schema: &Json) -> String {
    schema.get("description").and_then(Json::as_str).unwrap_or_default().replace('\n', " ")
}
