//! The text of the case that a deployment becomes.

use std::fmt::Write as _;

use model::accelerators;
use model::case::{OptionValue, quoted_key};

use super::projects::{INFINILM, REPOSITORIES, SERVICE, WHOLE};
use super::settings::{Setting, Settings};
use crate::import::{list, quoted};

/// What is written of a deployment.
pub(super) struct Written<'a> {
    /// What the case is called.
    pub name: &'a str,
    /// Where it was read from.
    pub from: &'a str,
    /// Which of the two Python packages are built.
    pub wanted: &'a [&'static str],
    pub settings: &'a Settings,
    /// The names of its requirement files.
    pub requirements: &'a [String],
}

impl Written<'_> {
    /// The whole text.
    pub(super) fn text(&self) -> String {
        let devices = self.devices();
        // The case for the CPU brings a PyTorch for the CPU; for devices it is the vendor's image that has one.
        let for_cpu = self.wanted.len() == 2 && devices.is_empty();
        let mut text = self.head(for_cpu, &devices);
        self.sources(&mut text, for_cpu);
        if !for_cpu {
            self.components(&mut text);
        }
        self.options(&mut text);
        section(&mut text, &format!("components.{SERVICE}.app"), &self.settings.app);
        self.python(&mut text, for_cpu);
        section(&mut text, "environment", &self.settings.environment);
        text
    }

    /// The accelerators that InfiniCore is compiled for beyond what is on without an option.
    fn devices(&self) -> Vec<&'static str> {
        accelerators::table()
            .accelerator
            .iter()
            .filter(|row| !row.on)
            .filter(|row| {
                self.settings
                    .options
                    .iter()
                    .any(|option| option.key == row.option && accelerators::switched_on(&option.value))
            })
            .map(|row| row.name.as_str())
            .collect()
    }

    fn head(&self, for_cpu: bool, devices: &[&str]) -> String {
        let mut parents = vec![SERVICE.to_owned()];
        if for_cpu {
            parents.push(WHOLE.to_owned());
        }
        if !self.wanted.is_empty() {
            parents.extend(devices.iter().map(|name| format!("accelerator-{name}")));
        }
        let extends = if let [one] = parents.as_slice() { quoted(one) } else { list(&parents) };
        format!(
            "# Read from {} by `installer case import`; each value has a comment with the line that it comes \
             from.\n\nschema = 1\nextends = {extends}\n\n[metadata]\nname = {}\ndescription = {}\n",
            self.from,
            quoted(self.name),
            quoted(&format!("the deployment case {} of older scripts", self.name)),
        )
    }

    /// The sources of what is built. The case for the CPU has them, but for a revision of one's own.
    fn sources(&self, text: &mut String, for_cpu: bool) {
        for name in self.wanted {
            let repository = REPOSITORIES.iter().find(|(known, _)| known == name).map(|(_, address)| address);
            let revision = self.settings.revisions.iter().find(|revision| revision.key == *name);
            match (repository, revision) {
                (Some(address), Some(Setting { value, at, .. })) => {
                    let _ = writeln!(
                        text,
                        "\n[sources.{name}]\nkind = \"git\"\nurl = {}\nrevision = {} # {at}\nsubmodules = true",
                        quoted(address),
                        quoted(value),
                    );
                }
                _ if for_cpu => {}
                _ => {
                    let _ = writeln!(
                        text,
                        "\n[sources.{name}]\nkind = \"mounted\"\ndescription = \"a checkout of it\"",
                    );
                }
            }
        }
    }

    /// The components that no parent declares.
    fn components(&self, text: &mut String) {
        for name in self.wanted {
            let needs = if *name == INFINILM { "\nneeds = [\"infinicore\"]" } else { "" };
            let _ = writeln!(text, "\n[components.{name}]{needs}");
        }
    }

    fn options(&self, text: &mut String) {
        let options: Vec<Setting<String>> = self
            .settings
            .options
            .iter()
            .map(|Setting { key, value, at }| {
                let value = match value {
                    OptionValue::Switch(on) => on.to_string(),
                    OptionValue::Number(number) => number.to_string(),
                    OptionValue::Text(text) => quoted(text),
                    OptionValue::List(texts) => list(texts),
                };
                Setting { key: quoted_key(key), value, at: at.clone() }
            })
            .collect();
        section(text, "components.infinicore.options", &options);
    }

    fn python(&self, text: &mut String, for_cpu: bool) {
        let own_python = !self.wanted.is_empty() && !for_cpu;
        if own_python || !self.requirements.is_empty() {
            text.push_str("\n[python]\n");
        }
        if own_python {
            text.push_str(
                "# What the image's Python has (PyTorch for its devices) is kept.\nenvironment = \"venv-system-site\"\n",
            );
        }
        if !self.requirements.is_empty() {
            let _ = writeln!(text, "requirements = {}", list(self.requirements));
        }
    }
}

/// A table of the case, where there is anything in it.
fn section(text: &mut String, table: &str, settings: &[Setting<String>]) {
    if settings.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n[{table}]");
    for Setting { key, value, at } in settings {
        let _ = writeln!(text, "{key} = {value} # {at}");
    }
}
