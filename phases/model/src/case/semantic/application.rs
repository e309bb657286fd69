//! What the values of a component's `app` must mean.

use camino::Utf8Path;

use super::super::application::{LAUNCH_WORDS, is_below};
use super::super::diagnostic::suggest;
use super::Checker;
use crate::case::Component;

impl Checker<'_> {
    pub(super) fn application(&mut self, name: &str, component: &Component) {
        let Some(app) = &component.app else { return };
        let at = |key: &'static str| ["components", name, "app", key];
        if let Err(word) = app.launch.services() {
            let (message, help) = if word == "all" || word == "none" {
                let help = "write it alone, or list the services: registry, router, babysitter";
                (format!("`launch` says `{word}` beside other services"), Some(help.to_owned()))
            } else {
                (format!("`launch` cannot have `{word}`"), suggest(&word, LAUNCH_WORDS, "it can be"))
            };
            self.at_value(&at("launch"), message, help);
        }
        let root = app.root.as_deref();
        if let Some(root) = root.filter(|root| !root.is_absolute() || *root == "/" || !is_below(below(root)))
        {
            let help = Some("write an absolute path without `..`: \"/app\"".to_owned());
            self.at_value(&at("root"), format!("{root} cannot be the root of an application"), help);
        }
        for (key, port) in [("registry_port", app.registry_port), ("router_port", app.router_port)] {
            if port == 0 {
                let help = Some("write a number from 1 to 65535".to_owned());
                self.at_value(&at(key), format!("`{key}` is 0"), help);
            }
        }
        let starts = |service: &str| app.launch.services().is_ok_and(|all| all.contains(&service));
        if app.registry_port == app.router_port && starts("registry") && starts("router") {
            let message = format!("registry and router both listen on port {}", app.router_port);
            self.at_value(&at("router_port"), message, Some("give each its own port".to_owned()));
        }
        for (index, file) in app.babysitters.iter().enumerate() {
            // The entry point splits the list of them at spaces.
            if !is_below(Utf8Path::new(file)) || file.contains(char::is_whitespace) {
                let path = ["components", name, "app", "babysitters", &index.to_string()];
                let help = format!("write the path of a file below {}, without spaces", app.config);
                self.at_value(&path, format!("`{file}` is not a file of this deployment"), Some(help));
            }
        }
        for variable in app.environment.keys() {
            let path = ["components", name, "app", "environment", variable];
            if !super::image::is_variable(variable) {
                let help = Some("use letters, digits and `_`".to_owned());
                self.at_key(&path, format!("`{variable}` cannot be the name of a variable"), help);
            } else if super::image::is_proxy(variable) {
                let help = "remove it and set it for the container: a proxy belongs to a place";
                self.at_key(&path, format!("{variable} would be installed"), Some(help.to_owned()));
            } else if let Some(key) = own_key(variable) {
                let help = Some(format!("write `{key}` of this table"));
                self.at_key(&path, format!("{variable} has a key of its own"), help);
            }
        }
    }
}

fn below(root: &Utf8Path) -> &Utf8Path {
    root.strip_prefix("/").unwrap_or(root)
}

fn own_key(variable: &str) -> Option<&'static str> {
    Some(match variable {
        "BABYSITTER_CONFIGS" => "babysitters",
        "LAUNCH_COMPONENTS" => "launch",
        "REGISTRY_PORT" => "registry_port",
        "ROUTER_PORT" => "router_port",
        _ => return None,
    })
}
