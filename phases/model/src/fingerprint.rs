//! The hash over everything that a step's result depends on, with the material kept so that a difference can be told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// Raised whenever the meaning of the material changes, which makes every step stale once.
pub const FINGERPRINT_FORMAT: u32 = 2;

/// What begins a value that stands for a secret: the rest is a hash that only this machine can compare.
pub const SECRET: &str = "secret:";

/// What changed where only the formats differ.
pub const FORMAT: &str = "fingerprint format";

/// Everything that a step's result depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Material {
    /// [`FINGERPRINT_FORMAT`].
    pub format: u32,
    /// Flat `path.to.key` → value, of the step's action with its environment.
    pub action: BTreeMap<String, String>,
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
    /// Of a tree: the files that changed, came or went, where they are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// How many files a difference names.
const NAMED_FILES: usize = 3;

impl Difference {
    fn new(what: String, before: Option<String>, after: Option<String>) -> Self {
        Self { what, before, after, files: Vec::new() }
    }

    /// In words, if it is that of a needed step: its digests tell nobody anything.
    pub fn of_need(&self) -> Option<String> {
        let need = self.what.strip_prefix("need ")?;
        Some(match (&self.before, &self.after) {
            (None, _) => format!("it needs {need} now"),
            (_, None) => format!("it no longer needs {need}"),
            // What looks at the machine runs each time.
            _ if need.ends_with("/preflight") || need.starts_with("deps/") => {
                format!("{need} has another result")
            }
            _ => format!("{need} ran or runs before it"),
        })
    }

    /// The first files behind a phrase: ` (src/a.cpp, src/b.cpp)`.
    pub fn named_files(&self) -> String {
        let named: Vec<&str> = self.files.iter().take(NAMED_FILES).map(String::as_str).collect();
        match self.files.len().saturating_sub(NAMED_FILES) {
            _ if named.is_empty() => String::new(),
            0 => format!(" ({})", named.join(", ")),
            more => format!(" ({} and {more} more)", named.join(", ")),
        }
    }
}

impl Material {
    /// The fingerprint itself.
    pub fn digest(&self) -> Digest {
        Digest::of_json(self)
    }

    /// Whether a secret is among what the result depends on: no cache may share it.
    pub fn has_secrets(&self) -> bool {
        self.action.values().any(|value| value.starts_with(SECRET))
    }

    /// What changed from `earlier` to `self`.
    pub fn differences(&self, earlier: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        if earlier.format != self.format {
            // What else differs between the two says nothing.
            let (before, after) = (earlier.format.to_string(), self.format.to_string());
            found.push(Difference::new(FORMAT.to_owned(), Some(before), Some(after)));
            return found;
        }
        compare(&mut found, "", &earlier.action, &self.action);
        compare(&mut found, "input ", &digests(&earlier.inputs), &digests(&self.inputs));
        compare(&mut found, "need ", &digests(&earlier.needs), &digests(&self.needs));
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
            found.push(Difference::new(format!("{prefix}{key}"), old.cloned(), new.cloned()));
        }
    }
}
