//! Secrets in a variable that holds a JSON document: docker's logins, a service account's key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::names::names_secret;

/// What a document holds under names that say that it is secret; of a user and a password in base64 the password too.
pub(super) fn secrets_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if text.trim_start().starts_with(['{', '[']) {
        if let Ok(document) = serde_json::from_str(text) {
            gather(&document, "", &mut found);
        }
    }
    found
}

fn gather(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) if names_secret(name) => {
            // `auth` of docker's config.json: `user:password`.
            let decoded = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let password = decoded.as_deref().and_then(|login| login.split_once(':'));
            found.extend(password.map(|(_, password)| password.to_owned()));
            found.push(text.clone());
        }
        Value::Array(list) => list.iter().for_each(|value| gather(value, name, found)),
        Value::Object(map) => map.iter().for_each(|(name, value)| gather(value, name, found)),
        _ => {}
    }
}
