//! Which components need which.

use std::collections::BTreeSet;

use super::super::diagnostic::nearest;
use super::super::tree::quoted;
use super::Checker;
use crate::ComponentName;
use crate::case::Component;

impl<'a> Checker<'a> {
    /// What a component needs is there, and not left out where it must be.
    pub(super) fn needs(&mut self, name: &str, component: &Component) {
        for (index, wanted) in component.needs.iter().enumerate() {
            if !self.case.components.contains_key(wanted) {
                let names =
                    self.case.components.keys().map(ComponentName::as_str).filter(|other| *other != name);
                let help = nearest(wanted.as_str(), names)
                    .map(|near| format!("did you mean `{near}`?"))
                    .unwrap_or_else(|| {
                        format!("add [components.{}] or remove it here", quoted(wanted.as_str()))
                    });
                let message =
                    format!("component `{name}` needs `{wanted}`, which is not a component of this case");
                self.at_value(&["components", name, "needs", &index.to_string()], message, Some(help));
            }
        }
        for (index, wanted) in component.needs.iter().enumerate().filter(|_| !component.optional) {
            if self.case.components.get(wanted).is_some_and(|needed| needed.optional) {
                let help = Some(format!("remove `optional` of `{wanted}`, or make `{name}` optional too"));
                let message = format!(
                    "component `{name}` needs `{wanted}`, which is optional, but `{name}` cannot be built without it"
                );
                self.at_value(&["components", name, "needs", &index.to_string()], message, help);
            }
        }
    }

    /// Each circle of `needs` once, at the need that closes it.
    pub(super) fn circles(&mut self) {
        let mut done = BTreeSet::new();
        let case = self.case;
        for name in case.components.keys() {
            self.visit(name.as_str(), &mut Vec::new(), &mut done);
        }
    }

    fn visit(&mut self, name: &'a str, way: &mut Vec<&'a str>, done: &mut BTreeSet<&'a str>) {
        if done.contains(name) {
            return;
        }
        way.push(name);
        let case = self.case;
        let needs = case.components.get(name).map_or(&[][..], |component| component.needs.as_slice());
        for (index, wanted) in needs.iter().enumerate() {
            let wanted = wanted.as_str();
            if let Some(start) = way.iter().position(|passed| *passed == wanted) {
                let circle: Vec<&str> = way[start..].iter().copied().chain([wanted]).collect();
                let message = format!("components need each other in a cycle: {}", circle.join(" → "));
                let help = Some("remove one of these needs".to_owned());
                self.at_value(&["components", name, "needs", &index.to_string()], message, help);
            } else {
                self.visit(wanted, way, done);
            }
        }
        way.pop();
        done.insert(name);
    }
}
