//! What the values of a component must mean, in a case and in a recipe.

use camino::Utf8Path;

use super::super::condition::Condition;
use super::super::diagnostic::{nearest, suggest};
use super::super::tree::quoted;
use super::Checker;
use crate::case::{Component, Driver, Expect, SourceSpec};
use crate::layout::RECORDS;
use crate::{ComponentName, SourceName};

impl<'a> Checker<'a> {
    pub(super) fn component(&mut self, name: &'a ComponentName, component: &Component) {
        let name = name.as_str();
        let path = ["components", name];
        self.name(&path, "a component");
        let is_recipe = |wanted: &str| self.recipes.get(wanted).is_some();
        let has_recipe = component.recipe.as_deref().map_or_else(|| is_recipe(name), is_recipe);
        if let Some(recipe) = component.recipe.as_deref().filter(|_| !has_recipe) {
            let help = suggest(recipe, self.recipes.names(), "there are");
            self.at_value(&["components", name, "recipe"], format!("unknown recipe `{recipe}`"), help);
        } else if component.driver.is_none() && !has_recipe {
            // A word of `--set` is most likely a slip in the name of a component that the case has.
            let others = self.case.components.iter().filter(|(_, other)| other.driver.is_some());
            let known = others.map(|(other, _)| other.as_str()).chain(self.recipes.names());
            let help = match nearest(name, known) {
                Some(near) => format!("did you mean `{near}`? Otherwise write `driver`"),
                None => format!("write `driver`: one of {}", Driver::words()),
            };
            let message = format!("component `{name}` is not built in and has neither `driver` nor `recipe`");
            self.at_key(&path, message, Some(help));
        }
        self.driver_keys(name, component);
        self.xmake(name, component);
        self.fed(name, component);
        self.application(name, component);
        self.component_source(name, component, has_recipe);
        self.editable(name, component);
        self.needs(name, component);
        if component.hooks.is_some() {
            let help =
                Some("write `recipe = \"…\"` to follow the recipe that has them, or write one".to_owned());
            self.at_key(&["components", name, "hooks"], "`hooks` is for recipes".to_owned(), help);
        }
        self.said_by_both(name, component);
        for (path, directory) in [
            (vec!["components", name, "prefix"], component.prefix.as_deref()),
            (
                vec!["components", name, "app", "root"],
                component.app.as_ref().and_then(|app| app.root.as_deref()),
            ),
        ] {
            self.no_record(&path, directory);
        }
    }

    /// Refuses a directory among the records of a prefix.
    fn no_record(&mut self, path: &[&str], directory: Option<&Utf8Path>) {
        let Some(directory) = directory else { return };
        // Of whatever prefix: another component may be installed there.
        let parts: Vec<&str> = directory.components().map(|part| part.as_str()).collect();
        let records: Vec<&str> = RECORDS.split('/').collect();
        if parts.windows(records.len()).any(|window| window == records) {
            let message = format!("{directory} lies in {RECORDS}, where installer keeps its records");
            self.at_value(path, message, Some("name another directory".to_owned()));
        }
    }

    /// What a case and a recipe say in the same words.
    pub(super) fn said_by_both(&mut self, name: &str, component: &Component) {
        let path = ["components", name];
        for (index, wanted) in component.system.iter().enumerate() {
            self.system_need(&[&path[..], &["system", &index.to_string()]].concat(), wanted);
        }
        self.expectations(&[&path[..], &["expect"]].concat(), &component.expect, false);
        for (index, library) in component.vendored.iter().enumerate() {
            for row in &library.rows {
                self.system_need(&[&path[..], &["vendored", &index.to_string(), "rows"]].concat(), row);
            }
        }
        for (text, when) in &component.when {
            let path = [&path[..], &["when", text]].concat();
            let condition = Condition::parse(text);
            if let Err(why) = &condition {
                let help = "write options that are on, with `!`, `and`, `or`, `=` and `!=`: \"WITH_CUDA and !WITH_TIFF\"";
                self.at_key(&path, format!("`{text}` is not a condition: {why}"), Some(help.to_owned()));
            }
            for (index, wanted) in when.system.iter().enumerate() {
                self.system_need(&[&path[..], &["system", &index.to_string()]].concat(), wanted);
            }
            let is_option = matches!(condition, Ok(Condition::On(_)));
            self.expectations(&[&path[..], &["expect"]].concat(), &when.expect, is_option);
            if let Some((key, _)) = when.options.iter().find(|(_, value)| value.sources().next().is_some()) {
                let help = "set it under `options` of the component".to_owned();
                let message =
                    format!("option `{key}` names the tree of a source, which cannot depend on a condition");
                self.at_value(&[&path[..], &["options", key]].concat(), message, Some(help));
            }
            if let Some(modules) = &when.python_modules {
                self.stays_below(&[&path[..], &["python_modules"]].concat(), modules, "the prefix");
                self.no_record(&[&path[..], &["python_modules"]].concat(), Some(modules));
            }
        }
        for (key, written, place) in [
            ("subdirectory", &component.subdirectory, "the source"),
            ("python_modules", &component.python_modules, "the prefix"),
        ] {
            if let Some(written) = written {
                self.stays_below(&[&path[..], &[key]].concat(), written, place);
            }
        }
        self.no_record(&[&path[..], &["python_modules"]].concat(), component.python_modules.as_deref());
        if let Some(mark) = &component.mark {
            self.stays_below(&[&path[..], &["mark", "file"]].concat(), &mark.file, "the source");
        }
        for (index, library) in component.vendored.iter().enumerate() {
            let index = index.to_string();
            let path = [&path[..], &["vendored", &index, "directory"]].concat();
            self.stays_below(&path, library.directory.as_str().into(), "`third_party` of the source");
        }
    }

    /// `named`: an option stands for what was asked where nothing else does.
    fn expectations(&mut self, path: &[&str], expectations: &[Expect], named: bool) {
        for (index, expect) in expectations.iter().enumerate() {
            let index = index.to_string();
            let path = [path, &[index.as_str()]].concat();
            if let Some(file) = &expect.file {
                self.stays_below(&[&path[..], &["file"]].concat(), file, "the build tree");
            }
            let said = [
                expect.line.is_some(),
                expect.absent.is_some(),
                expect.found.is_some(),
                expect.listed.is_some(),
            ];
            if said.iter().filter(|said| **said).count() != 1 {
                let help = "write `line`, `absent`, `found` or `listed`".to_owned();
                self.at_value(&path, "an expectation must be exactly one thing".to_owned(), Some(help));
            } else if expect.asked.is_none() && expect.line.is_none() && !named {
                let help = "write `asked = \"…\"`, which a failure shows".to_owned();
                self.at_value(&path, "key `asked` is missing".to_owned(), Some(help));
            }
        }
    }

    pub(super) fn driver_keys(&mut self, name: &str, component: &Component) {
        if component.driver == Some(Driver::Command) && component.commands.is_none() {
            let help = format!("write [components.{}.commands] with `install`", quoted(name));
            let message = format!("component `{name}` has driver `command` and no `commands`");
            self.at_value(&["components", name, "driver"], message, Some(help));
        }
        let Some(driver) = component.driver else { return };
        for (key, given, wanted, word) in [
            ("commands", component.commands.is_some(), Driver::Command, "command"),
            ("generator", component.generator.is_some(), Driver::Cmake, "cmake"),
            ("fetch_content", !component.fetch_content.is_empty(), Driver::Cmake, "cmake"),
            ("subprojects", !component.subprojects.is_empty(), Driver::Meson, "meson"),
            ("binaries", !component.binaries.is_empty(), Driver::Cargo, "cargo"),
            ("features", !component.features.is_empty(), Driver::Cargo, "cargo"),
            ("xmake", component.xmake.is_some(), Driver::Xmake, "xmake"),
            ("autoreconf", component.autoreconf, Driver::Autotools, "autotools"),
            ("strict_configure", component.strict_configure, Driver::Autotools, "autotools"),
            ("link_source", component.link_source, Driver::Autotools, "autotools"),
            (
                "environment_options",
                !component.environment_options.is_empty(),
                Driver::Autotools,
                "autotools",
            ),
        ] {
            if given && driver != wanted {
                let help = Some(format!("remove it, or write `driver = \"{word}\"`"));
                let message = format!("`{key}` of component `{name}` is only for driver `{word}`");
                self.at_key(&["components", name, key], message, help);
            }
        }
    }

    fn component_source(&mut self, name: &str, component: &Component, has_recipe: bool) {
        let declared = self.case.sources.keys().map(SourceName::as_str);
        match &component.source {
            Some(source) if !self.case.sources.contains_key(source) => {
                let help = nearest(source.as_str(), declared)
                    .map(|near| format!("did you mean `{near}`?"))
                    .unwrap_or_else(|| format!("add [sources.{}]", quoted(source.as_str())));
                let message =
                    format!("component `{name}` is built from source `{source}`, which is not declared");
                self.at_value(&["components", name, "source"], message, Some(help));
            }
            // A recipe may bring its source; commands may need none.
            None if !has_recipe
                && component.driver.is_some_and(|driver| driver != Driver::Command)
                && !self.case.sources.contains_key(name) =>
            {
                let help = format!("add [sources.{}], or write `source`", quoted(name));
                self.at_key(&["components", name], format!("component `{name}` has no source"), Some(help));
            }
            _ => {}
        }
    }

    /// An environment that imports from a directory changes with it, so that its owner has to say so.
    fn editable(&mut self, name: &str, component: &Component) {
        let source = component.source.as_ref().map_or(name, |source| source.as_str());
        let specs = self.case.sources.get(source).map_or(&[][..], |alternatives| alternatives.as_slice());
        let help = match specs {
            _ if !component.editable => return,
            [SourceSpec::Path { writable: true, .. } | SourceSpec::Mounted { writable: true, .. }] => return,
            [SourceSpec::Path { .. } | SourceSpec::Mounted { .. }] => {
                format!(
                    "if it is a directory that you work in, write `writable = true` in [sources.{}]",
                    quoted(source)
                )
            }
            _ => "declare it with kind `path` or `mounted` and `writable = true`, or remove `editable`"
                .to_owned(),
        };
        let message =
            format!("component `{name}` is editable, and its source `{source}` is not marked `writable`");
        self.at_key(&["components", name, "editable"], message, Some(help));
    }
}
