//! NumPy, with what was compiled against it.

use super::{Certainty, Checker};
use crate::case::SourceSpec;
use crate::catalog::version_at_least;
use crate::compatibility::requirement::{Demand, is_for};
use crate::compatibility::table;

impl Checker<'_> {
    /// What `subject` needs of NumPy, against what the case asks of it.
    pub(super) fn numpy(&mut self, subject: &str, below: &str, verdict: Certainty, open: bool) {
        let python = self.python().map(|python| python.version);
        for (key, line) in self.lines().into_iter().filter(|(_, line)| is_for(line, python.as_deref())) {
            let Some(demand) = Demand::of(&line, "numpy") else { continue };
            if demand.low.as_ref().is_some_and(|low| version_at_least(low, below)) {
                let message =
                    format!("{subject} was built for NumPy before {below}, but the case needs `{line}`");
                self.add(verdict, &key, message, format!("write `numpy<{below}`"));
            } else if open && !demand.capped {
                let message = format!(
                    "{subject} was built for NumPy before {below}, but `{line}` may resolve to a newer one"
                );
                self.add(Certainty::Unknown, &key, message, format!("write `numpy<{below}`"));
            }
        }
    }

    pub(super) fn opencv(&mut self) {
        // Wheels were compiled against some NumPy; what is compiled here is compiled against the case's own.
        let mut versions: Vec<(String, Certainty)> = Vec::new();
        for (_, line) in self.lines() {
            let projects = [
                "opencv-python",
                "opencv-python-headless",
                "opencv-contrib-python",
                "opencv-contrib-python-headless",
            ];
            let exact = projects.iter().find_map(|project| Demand::of(&line, project)?.exact);
            versions.extend(exact.map(|version| (version, Certainty::Wrong)));
        }
        let built = self.stack.case.components.iter().find(|(name, component)| {
            name.as_str() == "opencv" || component.recipe.as_deref() == Some("opencv")
        });
        if let Some((name, component)) = built {
            let source = component.source.as_ref().map_or(name.as_str(), |source| source.as_str());
            let said = self.stack.case.sources.iter().find(|(name, _)| name.as_str() == source);
            let said = said.and_then(|(name, alternatives)| {
                let known = self.stack.facts.get(name).and_then(|facts| facts.version.clone());
                known.or_else(|| match alternatives.as_slice() {
                    [SourceSpec::Pypi { version, .. }] => Some(version.clone()),
                    _ => None,
                })
            });
            versions.extend(said.map(|version| (version, Certainty::Unknown)));
        }
        for (version, verdict) in versions {
            if let Some(row) = table().opencv.iter().find(|row| !version_at_least(&version, &row.below)) {
                self.numpy(&format!("OpenCV {version}"), &row.numpy_below, verdict, true);
            }
        }
    }
}
