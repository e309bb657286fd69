//! Which Python it is, and whether it is there.

use super::release::minor;
use super::{Certainty, Checker, KnownPython};
use crate::compatibility::{python_of, table};

impl Checker<'_> {
    /// The version that the case asks for, that its interpreter's name tells, or that of the distribution's python3.
    pub(super) fn python(&self) -> Option<KnownPython> {
        let python = self.stack.case.python.as_ref()?;
        if let Some(version) = &python.version {
            return Some(KnownPython { version: version.clone(), key: Some("python.version") });
        }
        let target = self.stack.target;
        match python.interpreter.as_deref() {
            Some(interpreter) if interpreter != "python3" && interpreter != "/usr/bin/python3" => {
                let name = interpreter.rsplit('/').next().unwrap_or(interpreter);
                let version = name.strip_prefix("python").filter(|version| version.contains('.'))?;
                Some(KnownPython { version: version.to_owned(), key: Some("python.interpreter") })
            }
            _ => {
                let path = target.tools.get("python3").map_or("/usr/bin/python3", |tool| tool.path.as_str());
                let own =
                    python_of(&target.os.id, &target.os.version).filter(|_| path == "/usr/bin/python3")?;
                Some(KnownPython { version: own.first()?.clone(), key: None })
            }
        }
    }

    /// A wanted Python that neither the distribution nor PATH has.
    pub(super) fn interpreter(&mut self) {
        let Some(python) = &self.stack.case.python else { return };
        let (Some(version), None) = (&python.version, &python.interpreter) else { return };
        let target = self.stack.target;
        let (wanted, os) = (minor(version), &target.os);
        let program = format!("python{wanted}");
        if target.tools.contains_key(&program) {
            return;
        }
        // Whoever lists it has a repository that brings it.
        let manager = target.package_manager.as_deref().unwrap_or_default();
        if self.stack.case.system_packages.for_manager(manager).contains(&program) {
            return;
        }
        let help = |has: &str| {
            let with: Vec<&str> = table()
                .python
                .iter()
                .filter(|row| row.python.contains(&wanted))
                .map(|row| row.distribution.as_str())
                .collect();
            let images = if with.is_empty() {
                String::new()
            } else {
                format!("use a base image that has it ({})", with.join(", "))
            };
            let ways = [
                format!("put {program} on PATH or name it in python.interpreter"),
                format!("list {program} in system_packages, with a repository that has it"),
                images,
                has.to_owned(),
            ];
            ways.into_iter().filter(|way| !way.is_empty()).collect::<Vec<_>>().join("; ")
        };
        match python_of(&os.id, &os.version) {
            Some(own) if own.contains(&wanted) => {}
            Some(own) => {
                let message =
                    format!("{} {} has no Python {wanted}, and {program} is not on PATH", os.id, os.version);
                let help = help(&format!("or use Python {}", own.join(" or ")));
                self.add(Certainty::NotHere, "python.version", message, help);
            }
            None => {
                let name = if os.id.is_empty() { "this distribution" } else { os.id.as_str() };
                let message = format!("it is not known whether {name} {} has Python {wanted}", os.version);
                self.add(Certainty::Unknown, "python.version", message, help(""));
            }
        }
    }
}
