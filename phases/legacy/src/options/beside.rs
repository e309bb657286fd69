//! Checkouts where the old scripts looked for them.

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::table::{INFINICORE, INFINILM, SERVICE};

/// The project itself, and what lies beside it, by source.
pub fn beside(project: &Utf8Path) -> BTreeMap<&'static str, String> {
    let mut found = BTreeMap::new();
    if project.join("rust/Cargo.toml").is_file() {
        found.insert(SERVICE, project.to_string());
        for (name, directory) in [(INFINICORE, "InfiniCore"), (INFINILM, "InfiniLM")] {
            let place = project.parent().map(|parent| parent.join(directory)).filter(|place| place.is_dir());
            found.extend(place.map(|place| (name, place.into_string())));
        }
    }
    found
}
