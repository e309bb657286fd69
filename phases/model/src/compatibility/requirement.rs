//! Lines of requirement files, as far as versions go.

use crate::case::normalised_project;

/// What a requirement line asks of a project.
pub(super) struct Demand {
    /// The version that it names with `==`.
    pub exact: Option<String>,
    /// The lowest version that it allows.
    pub low: Option<String>,
    /// Whether it has an upper bound.
    pub capped: bool,
}

impl Demand {
    /// The demand of `line` on `project`; none when it is about another (PEP 508, as far as versions go).
    pub fn of(line: &str, project: &str) -> Option<Self> {
        let line = line.split(['#', ';']).next().unwrap_or_default().trim();
        let end = line.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).unwrap_or(line.len());
        let (name, rest) = line.split_at(end);
        if name.is_empty() || normalised_project(name) != project {
            return None;
        }
        let rest = rest.trim_start();
        // Extras: `numpy[test]>=1`.
        let rest =
            rest.strip_prefix('[').map_or(rest, |extras| extras.split_once(']').map_or("", |(_, rest)| rest));
        let mut demand = Self { exact: None, low: None, capped: false };
        for clause in rest.split(',').map(|clause| clause.trim().trim_matches(['(', ')'])) {
            let operators = ["===", "==", "~=", "<=", ">=", "!=", "<", ">"];
            let Some(operator) = operators.iter().find(|operator| clause.starts_with(**operator)) else {
                continue;
            };
            let version = clause[operator.len()..].trim().trim_end_matches(".*").to_owned();
            match *operator {
                "===" | "==" => {
                    demand.exact = Some(version.clone());
                    demand.low = Some(version);
                    demand.capped = true;
                }
                "~=" => {
                    demand.low = Some(version);
                    demand.capped = true;
                }
                ">=" | ">" => demand.low = Some(version),
                "<=" | "<" => demand.capped = true,
                _ => {}
            }
        }
        Some(demand)
    }
}
