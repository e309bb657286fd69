//! The hash over everything that a step's result depends on, with the material kept so that a difference can be told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// Raised whenever the meaning of the material changes, which makes every step stale once.
pub const FINGERPRINT_FORMAT: u32 = 1;

/// Everything that a step's result depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Material {
    /// [`FINGERPRINT_FORMAT`].
    pub format: u32,
    /// Flat `path.to.key` → value, of the step's action with its environment.
    pub action: BTreeMap<String, String>,
    /// Late facts that the action mentions, by name.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// Input (a path, or `tree <path>`) → digest of its content.
    pub inputs: BTreeMap<String, Digest>,
    /// Needed step → its digest.
    pub needs: BTreeMap<String, Digest>,
}

/// One difference between two materials, in words that a user can act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What changed: `action.args.3`, `input /src`, `need build/x264/commit`.
    pub what: String,
    /// The earlier value, if there was one.
    pub before: Option<String>,
    /// The present value, if there is one.
    pub after: Option<String>,
}

impl Material {
    /// The fingerprint itself.
    pub fn digest(&self) -> Digest {
        // Maps are ordered and all keys are strings, so that the JSON is canonical; such a value always serialises.
        Digest::of(serde_json::to_vec(self).unwrap_or_default())
    }

    /// What changed from `earlier` to `self`.
    pub fn differences(&self, earlier: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        compare(&mut found, "", &earlier.action, &self.action);
        compare(&mut found, "fact ", &earlier.facts, &self.facts);
        compare(&mut found, "input ", &digests(&earlier.inputs), &digests(&self.inputs));
        compare(&mut found, "need ", &digests(&earlier.needs), &digests(&self.needs));
        if earlier.format != self.format {
            found.push(Difference {
                what: "fingerprint format".to_owned(),
                before: Some(earlier.format.to_string()),
                after: Some(self.format.to_string()),
            });
        }
        found
    }
}

fn digests(map: &BTreeMap<String, Digest>) -> BTreeMap<String, String> {
    map.iter().map(|(key, digest)| (key.clone(), digest.short().to_owned())).collect()
}

fn compare(
    found: &mut Vec<Difference>,
    prefix: &str,
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) {
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let (old, new) = (before.get(key), after.get(key));
        if old != new {
            found.push(Difference {
                what: format!("{prefix}{key}"),
                before: old.cloned(),
                after: new.cloned(),
            });
        }
    }
}
