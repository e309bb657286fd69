//! Commits of projects that are built together: what the checkouts are at, else what the case pins.

use std::collections::{BTreeMap, BTreeSet};

use super::check::Checker;
use super::{Certainty, table};
use crate::SourceName;

/// What is known of the commit of a component.
struct At {
    source: SourceName,
    commit: String,
}

impl Checker<'_> {
    pub(super) fn commits(&mut self) {
        let at = self.commits_of_components();
        let mut told = BTreeSet::new();
        for row in &table().apart {
            if !row
                .commits
                .iter()
                .all(|(name, commit)| at.get(name).is_some_and(|at| same(&at.commit, commit)))
            {
                continue;
            }
            let names: Vec<&String> = row.commits.keys().collect();
            told.extend(names.iter().map(|name| (*name).clone()));
            let pair = described(&at, &names);
            let message = format!("{pair} do not work together: {}", row.why);
            let source = names.last().map(|name| &at[*name].source);
            self.add_of_source(Certainty::Wrong, source, message, ways_out(&at, &names));
        }
        let family: BTreeSet<&String> = table().together.iter().flat_map(|row| row.commits.keys()).collect();
        let here: Vec<&String> = at.keys().filter(|name| family.contains(name)).collect();
        let known = table().together.iter().any(|row| {
            here.iter()
                .all(|name| row.commits.get(*name).is_some_and(|commit| same(&at[*name].commit, commit)))
        });
        if here.len() < 2 || known || here.iter().any(|name| told.contains(*name)) {
            return;
        }
        let pair = described(&at, &here);
        self.add_of_source(
            Certainty::Unknown,
            Some(&at[here[0]].source),
            format!("{pair} are not known to work together"),
            ways_out(&at, &here),
        );
    }

    fn commits_of_components(&self) -> BTreeMap<String, At> {
        let case = self.stack.case;
        let mut found = BTreeMap::new();
        for (name, component) in &case.components {
            let source = component.source.clone().unwrap_or_else(|| SourceName::new(name.as_str()));
            let pinned = || case.sources.get(&source)?.as_slice().iter().find_map(|spec| spec.commit());
            let here = self.stack.facts.get(&source).and_then(|facts| facts.commit.as_deref());
            if let Some(commit) = here.or_else(pinned) {
                let name = component.recipe.clone().unwrap_or_else(|| name.to_string());
                found.insert(name, At { source, commit: commit.to_owned() });
            }
        }
        found
    }
}

fn described(at: &BTreeMap<String, At>, names: &[&String]) -> String {
    let named = names.iter().map(|name| format!("{name} {}", short(&at[*name].commit)));
    named.collect::<Vec<_>>().join(" and ")
}

/// What would go together, with what has to be done for it in the least of the checkouts.
fn ways_out(at: &BTreeMap<String, At>, names: &[&String]) -> String {
    let rows = table().together.iter().filter(|row| names.iter().all(|name| row.commits.contains_key(*name)));
    let differing = |row: &&super::TogetherRow| {
        names.iter().filter(|name| !same(&at[**name].commit, &row.commits[**name])).count()
    };
    let Some(row) = rows.min_by_key(differing) else { return "no working set is known".to_owned() };
    let commits = names.iter().map(|name| format!("{name} {}", row.commits[*name]));
    let commands = names
        .iter()
        .filter(|name| !same(&at[**name].commit, &row.commits[**name]))
        .map(|name| format!("`git checkout {}` in the checkout of {name}", row.commits[*name]));
    format!(
        "known to work together: {}; try {}",
        commits.collect::<Vec<_>>().join(", "),
        commands.collect::<Vec<_>>().join(" and ")
    )
}

/// Whether two commits are the same, either of which may be abbreviated.
pub fn same(one: &str, other: &str) -> bool {
    !one.is_empty() && !other.is_empty() && (one.starts_with(other) || other.starts_with(one))
}

/// As many digits as name a commit among people.
pub fn short(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}

#[cfg(test)]
#[path = "commits_tests.rs"]
mod tests;
