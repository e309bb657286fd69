//! Lines of requirement files, as far as versions go.

use crate::case::normalised_project;
use crate::catalog::version_at_least;

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

/// Whether a line is for this version of Python, as far as its marker names `python_version` (PEP 508, clauses joined by
/// `and`). What another interpreter would be given is not held against this one, nor is it where the version is unknown.
pub(super) fn is_for(line: &str, python: Option<&str>) -> bool {
    let line = line.split('#').next().unwrap_or_default();
    let Some((_, marker)) = line.split_once(';') else { return true };
    marker.split(" and ").map(|clause| clause.trim().trim_matches(['(', ')'])).all(|clause| {
        let Some(rest) = clause.strip_prefix("python_version").map(str::trim_start) else { return true };
        let operators = ["==", "!=", "<=", ">=", "<", ">"];
        let Some(operator) = operators.iter().find(|operator| rest.starts_with(**operator)) else {
            return true;
        };
        let wanted = rest[operator.len()..].trim().trim_matches(['\'', '"']);
        let Some(python) = python else { return false };
        let (least, most) = (version_at_least(python, wanted), version_at_least(wanted, python));
        match *operator {
            "==" => least && most,
            "!=" => !(least && most),
            "<=" => most,
            ">=" => least,
            "<" => !least,
            _ => !most,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::is_for;

    #[test]
    fn a_line_for_another_python_is_not_for_this_one() {
        for (line, python, expected) in [
            ("numpy>=2.1", Some("3.11"), true),
            ("numpy>=2.1; python_version >= '3.12'", Some("3.11"), false),
            ("numpy>=2.1; python_version >= '3.12'", Some("3.13"), true),
            ("numpy>=2.1; python_version >= '3.12'", None, false),
            ("numpy<2; python_version<\"3.12\"  # older", Some("3.9"), true),
            ("numpy; python_version > '3.8' and python_version <= '3.11'", Some("3.12"), false),
            ("numpy; sys_platform == 'linux' and python_version != '3.11'", Some("3.11"), false),
            ("numpy; sys_platform == 'linux'", None, true),
        ] {
            assert_eq!(is_for(line, python), expected, "{line} {python:?}");
        }
    }
}
