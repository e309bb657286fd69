//! What the values of `[image]` must mean: each becomes part of a line of a Dockerfile.

use super::super::SystemPackages;
use super::super::image::Image;
use super::Checker;

/// Variables that every engine hands to builds by itself, so that no image has to keep them.
const PROXIES: [&str; 5] = ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"];

/// Whether a variable names a proxy.
pub(crate) fn is_proxy(name: &str) -> bool {
    PROXIES.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether a shell takes this for the name of a variable.
pub(crate) fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Checker<'_> {
    pub(super) fn image(&mut self) {
        let case = self.case;
        let Some(image) = &case.image else { return };
        self.texts(image);
        if let Some(user) = &image.user {
            let words: Vec<&str> = user.split(':').collect();
            let number = |word: &str| word.parse::<u32>().is_ok();
            let name = |word: &str| {
                word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            };
            let good = match words.as_slice() {
                [one] => number(one) || name(one),
                [user, group] => number(user) && number(group),
                _ => false,
            };
            if !good {
                let help = Some("write a name, \"1000\" or \"1000:1000\"".to_owned());
                self.at_value(&["image", "user"], format!("`{user}` is not a user of an image"), help);
            }
        }
        if let Some(directory) = image.working_directory.as_ref().filter(|directory| !directory.is_absolute())
        {
            let help = Some(format!("write \"/{directory}\""));
            let message = format!("the working directory {directory} is not absolute");
            self.at_value(&["image", "working_directory"], message, help);
        }
        for (index, port) in image.ports.iter().enumerate().filter(|(_, port)| port.checked().is_none()) {
            let shown = serde_json::to_string(port).unwrap_or_default();
            let help = Some("write a number from 1 to 65535, or \"53/udp\"".to_owned());
            self.at_value(&["image", "ports", &index.to_string()], format!("{shown} is not a port"), help);
        }
        let packages: Vec<&String> = match &image.packages {
            SystemPackages::All(names) => names.iter().collect(),
            SystemPackages::ByManager(by) => {
                by.keys().flat_map(|manager| image.packages.for_manager(manager)).collect()
            }
        };
        if !image.packages.repositories("apt").is_empty() {
            let help = "set it up in the base of the runtime image; `system_packages` takes repositories for the build";
            let path = ["image", "packages", "apt", "repositories"];
            self.at_key(&path, "a runtime image takes no repositories".to_owned(), Some(help.to_owned()));
        }
        for name in packages {
            let plain = |c: char| c.is_ascii_alphanumeric() || "+-._:=~".contains(c);
            if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(plain) {
                let help = Some("names have letters, digits and `+.-`".to_owned());
                self.at_value(&["image", "packages"], format!("`{name}` is not the name of a package"), help);
            }
        }
        for name in image.environment.keys() {
            let path = ["image", "environment", name.as_str()];
            if is_proxy(name) {
                let help =
                    "remove it and set it with `docker run -e`: a proxy belongs to a place, not to an image";
                self.at_key(&path, format!("{name} would be part of the image"), Some(help.to_owned()));
            } else if !is_variable(name) {
                let help = Some("use letters, digits and `_`".to_owned());
                self.at_key(&path, format!("`{name}` cannot be the name of a variable"), help);
            }
        }
        if let Some(check) = &image.health_check {
            if check.command.is_empty() {
                let help = Some("write a command that exits with status 0".to_owned());
                let message = "the health check has an empty command".to_owned();
                self.at_value(&["image", "health_check", "command"], message, help);
            }
            let numbers = [
                ("interval_seconds", check.interval_seconds),
                ("timeout_seconds", check.timeout_seconds),
                ("retries", check.retries),
            ];
            for (key, _) in numbers.into_iter().filter(|(_, number)| *number == 0) {
                let help = Some("write 1 or more".to_owned());
                self.at_value(&["image", "health_check", key], format!("`{key}` is 0"), help);
            }
        }
    }

    /// A line of a Dockerfile ends where the line ends; and what looks like a variable in it would be a dollar sign.
    fn texts(&mut self, image: &Image) {
        let refers = |value: &str| {
            value.match_indices('$').any(|(at, _)| {
                value[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '{')
            })
        };
        let of_variables = image.environment.iter().filter(|(_, value)| refers(value));
        let names: Vec<&str> = of_variables.map(|(name, _)| name.as_str()).collect();
        for name in names {
            let path = ["image", "environment", name];
            let message = format!("`{name}` refers to another variable, and none is expanded");
            let help =
                "write the whole value; PATH has the programs of the environment and of the prefix anyway";
            self.at_value(&path, message, Some(help.to_owned()));
        }
        let values =
            image.environment.iter().map(|(name, value)| (vec!["image", "environment", name], value));
        let directory = image.working_directory.as_ref().map(|path| path.as_str().to_owned());
        let directory = directory.iter().map(|path| (vec!["image", "working_directory"], path));
        let wrong: Vec<Vec<&str>> = values
            .chain(directory)
            .filter(|(_, value)| value.contains(['\n', '\r', '\0']))
            .map(|(path, _)| path)
            .collect();
        for path in wrong {
            let message = format!("`{}` has a line break, which a Dockerfile cannot express", path.join("."));
            self.at_value(&path, message, Some("write it on one line".to_owned()));
        }
    }
}
