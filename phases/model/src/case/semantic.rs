//! What the values of a case must mean, beyond their types.

mod application;
pub(crate) mod image;
mod python;
mod stack;
mod xmake;

use std::collections::BTreeSet;

use super::condition::Condition;
use super::diagnostic::{Diagnostic, nearest, suggest};
use super::tree::{Files, Node, quoted};
use super::{
    AptRepository, Case, Component, CudaOrigin, Driver, Expect, Recipes, SourceSpec, SystemPackages,
    placeholder,
};
use crate::cuda::{FIRST_WHEELS, WantedCuda};
use crate::distribution::MANAGERS;
use crate::{ComponentName, catalog};

/// All that does not hold together.
pub(super) fn check(case: &Case, files: &Files, tree: &Node, recipes: &Recipes) -> Vec<Diagnostic> {
    let mut checker = Checker { case, files, tree, recipes, found: Vec::new() };
    checker.metadata();
    checker.system_packages();
    checker.package_names();
    checker.cuda();
    checker.versions();
    checker.cuda_toolchain();
    checker.xmake_toolchain();
    checker.python();
    checker.python_packages();
    checker.tensorrt();
    for (name, alternatives) in &case.sources {
        let path = ["sources", name.as_str()];
        checker.name(&path, "source");
        let specs = alternatives.as_slice();
        if specs.is_empty() {
            let help = "list at least one alternative, or remove the source";
            checker.at_value(&path, format!("source `{name}` has no alternatives"), Some(help.to_owned()));
        }
        for (index, spec) in specs.iter().enumerate() {
            checker.source(
                name.as_str(),
                spec,
                matches!(alternatives, super::Alternatives::Many(_)).then_some(index),
            );
        }
    }
    for (name, component) in &case.components {
        checker.component(name, component);
    }
    checker.circles();
    checker.image();
    checker.found
}

/// All that does not hold together in a recipe. The tree has it where it would stand in a case.
pub(super) fn check_recipe(
    name: &str,
    says: &Component,
    files: &Files,
    tree: &Node,
    hooks: &[&str],
) -> Vec<Diagnostic> {
    let (case, recipes) = (Case::default(), Recipes::default());
    let mut checker = Checker { case: &case, files, tree, recipes: &recipes, found: Vec::new() };
    let path = ["components", name];
    if says.driver.is_none() {
        let help = Some(format!("write `driver = \"…\"`: one of {}", Driver::words()));
        checker.at_value(&path, format!("recipe `{name}` has no driver"), help);
    }
    for (key, said) in [
        ("recipe", says.recipe.is_some()),
        ("source", says.source.is_some()),
        ("needs", !says.needs.is_empty()),
        ("prefix", says.prefix.is_some()),
        ("editable", says.editable),
        ("skip_recipe_checks", says.skip_recipe_checks),
        ("optional", says.optional),
    ] {
        if said {
            let help = Some(format!("remove it; a case sets it in [components.{}]", quoted(name)));
            checker.at_key(&["components", name, key], format!("`{key}` is not for recipes"), help);
        }
    }
    if let Some(wanted) = says.hooks.as_deref().filter(|wanted| !hooks.contains(wanted)) {
        let help = suggest(wanted, hooks.iter().copied(), "there are");
        checker.at_value(&["components", name, "hooks"], format!("unknown hooks `{wanted}`"), help);
    }
    checker.driver_keys(name, says);
    checker.said_by_both(name, says);
    checker.found
}

struct Checker<'a> {
    case: &'a Case,
    files: &'a Files,
    tree: &'a Node,
    recipes: &'a Recipes,
    found: Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    fn at_value(&mut self, path: &[&str], message: String, help: Option<String>) {
        self.found.push(self.files.diagnose(&self.tree.nearest(path).span, message, help));
    }

    fn at_key(&mut self, path: &[&str], message: String, help: Option<String>) {
        self.found.push(self.files.diagnose(&self.tree.nearest(path).key, message, help));
    }

    /// Names become parts of paths and step ids.
    fn name(&mut self, path: &[&str], what: &str) {
        let name = path.last().copied().unwrap_or_default();
        let help = Some("use letters, digits, `-`, `_`, `.` and `+`".to_owned());
        if name.is_empty() {
            self.at_key(path, format!("a {what} has an empty name"), help);
        } else if name == "."
            || name == ".."
            || name.contains(['/', '\\'])
            || name.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            self.at_key(path, format!("`{name}` cannot be the name of a {what}"), help);
        }
    }

    fn metadata(&mut self) {
        let name = &self.case.metadata.name;
        if !is_case_name(name) {
            let help = Some("use letters, digits, `-`, `_`, `.` and `+`; it names directories".to_owned());
            self.at_value(&["metadata", "name"], format!("`{name}` cannot be the name of a case"), help);
        }
    }

    fn system_packages(&mut self) {
        let case = self.case;
        if let SystemPackages::ByManager(by) = &case.system_packages {
            for manager in by.keys().filter(|manager| !MANAGERS.contains(&manager.as_str())) {
                let help = suggest(manager, MANAGERS.iter().copied(), "known");
                self.at_key(
                    &["system_packages", manager],
                    format!("unknown package manager `{manager}`"),
                    help,
                );
            }
            for manager in by.keys() {
                self.repositories(manager, case.system_packages.repositories(manager));
            }
        }
    }

    fn package_names(&mut self) {
        for (manager, names) in &self.case.package_names {
            if !MANAGERS.contains(&manager.as_str()) {
                let help = suggest(manager, MANAGERS.iter().copied(), "known");
                self.at_key(
                    &["package_names", manager],
                    format!("unknown package manager `{manager}`"),
                    help,
                );
                continue;
            }
            for (need, packages) in names {
                let path = ["package_names", manager.as_str(), need.as_str()];
                if !catalog::entries().contains_key(need) {
                    let help = nearest(need, catalog::entries().keys().map(String::as_str))
                        .map(|near| format!("did you mean `{near}`?"));
                    self.at_key(&path, format!("`{need}` is not in the catalog of system needs"), help);
                }
                let odd = |package: &&String| {
                    !package.starts_with(|first: char| first.is_ascii_alphanumeric())
                        || package.contains(char::is_whitespace)
                };
                if let Some(package) = packages.iter().find(odd) {
                    let help =
                        "write one name per text; an empty list means that it is installed in another way";
                    self.at_value(
                        &path,
                        format!("`{package}` is not the name of a package"),
                        Some(help.to_owned()),
                    );
                }
            }
        }
    }

    fn repositories(&mut self, manager: &str, repositories: &[AptRepository]) {
        let list = ["system_packages", manager, "repositories"];
        if manager != "apt" && !repositories.is_empty() {
            let help = "only repositories of apt can be declared; set up others yourself".to_owned();
            self.at_key(&list, format!("`{manager}` takes no repositories"), Some(help));
            return;
        }
        let mut names = BTreeSet::new();
        for (index, repository) in repositories.iter().enumerate() {
            let index = index.to_string();
            let at = |key: &'static str| [&list[..], &[index.as_str(), key]].concat();
            for (key, what, help) in repository.mistakes() {
                self.at_value(&at(key), what, Some(help.to_owned()));
            }
            if !names.insert(&repository.name) {
                let what = format!("two apt repositories are called `{}`", repository.name);
                self.at_value(&at("name"), what, Some("give each its own name".to_owned()));
            }
        }
    }

    fn versions(&mut self) {
        let toolchains = &self.case.toolchains;
        for (tool, minimum) in [
            ("rust", &toolchains.rust.minimum),
            ("cmake", &toolchains.cmake.minimum),
            ("cuda", &toolchains.cuda.minimum),
            ("xmake", &toolchains.xmake.minimum),
        ] {
            let Some(minimum) = minimum else { continue };
            if !is_dotted(minimum) {
                let help = Some("write numbers with dots: \"1.85\"".to_owned());
                let path = ["toolchains", tool, "minimum"];
                self.at_value(&path, format!("`{minimum}` is not a version of {tool}"), help);
            }
        }
    }

    /// What wheels bring: releases that they have, and names that become part of a path.
    fn cuda_toolchain(&mut self) {
        let cuda = &self.case.toolchains.cuda;
        let wanted = WantedCuda::of(self.case);
        if cuda.from == CudaOrigin::Wheels && wanted.of_wheels().is_none() {
            let message = format!("PyPI's wheels have no compiler of {}", wanted.described());
            let help = format!(
                "write {FIRST_WHEELS} or newer, or from = \"system\" with a base image or packages that have it"
            );
            self.at_value(&["cuda", "version"], message, Some(help));
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        for (index, library) in cuda.libraries.iter().enumerate() {
            if library.is_empty() || !library.chars().all(plain) {
                let help = "write an extra of PyPI's cuda-toolkit: \"cublas\", \"npp\"";
                let path = ["toolchains", "cuda", "libraries", &index.to_string()];
                self.at_value(&path, format!("`{library}` is not a part of CUDA"), Some(help.to_owned()));
            }
        }
    }

    fn source(&mut self, name: &str, spec: &SourceSpec, index: Option<usize>) {
        let index = index.map(|index| index.to_string());
        let at = |key: &'static str| -> Vec<&str> {
            let mut path = vec!["sources", name];
            path.extend(index.as_deref());
            path.push(key);
            path
        };
        let mut empty = |key: &'static str, value: &str, help: &str| {
            if value.trim().is_empty() {
                let message = format!("`{key}` of source `{name}` is empty");
                self.at_value(&at(key), message, Some(help.to_owned()));
            }
        };
        match spec {
            SourceSpec::Path { path, revision, .. } => {
                empty("path", path.as_str(), "write a directory; `.` is the case's own");
                self.pinned(name, revision.as_deref(), &at("revision"));
            }
            SourceSpec::Mounted { description, revision, .. } => {
                empty("description", description, "say what it is: \"a checkout of our application\"");
                self.pinned(name, revision.as_deref(), &at("revision"));
                if index.is_some() {
                    let message = format!("source `{name}` is mounted and has alternatives");
                    let help = "declare only the others: --source replaces a source of any kind".to_owned();
                    self.at_value(&at("kind"), message, Some(help));
                }
            }
            SourceSpec::Git { url, revision, .. } => {
                empty("url", url, "write what `git clone` takes");
                empty("revision", revision, "write a commit, a tag or a branch");
            }
            SourceSpec::Archive { urls, sha256, .. } | SourceSpec::File { urls, sha256 } => {
                if urls.is_empty() {
                    let help = Some("list at least one address of the file".to_owned());
                    self.at_value(&at("urls"), format!("source `{name}` has no urls"), help);
                }
                let digits = sha256.as_str();
                if digits.len() != 64
                    || !digits.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
                {
                    let help = if digits.len() == 64 && digits.chars().all(|c| c.is_ascii_hexdigit()) {
                        "write it in lower case".to_owned()
                    } else {
                        format!("it has {} characters; take it from `sha256sum FILE`", digits.chars().count())
                    };
                    let message = format!("sha256 of source `{name}` is not 64 hexadecimal digits");
                    self.at_value(&at("sha256"), message, Some(help));
                }
            }
            SourceSpec::Debian { package, .. } => {
                empty("package", package, "write the name of the source package")
            }
            SourceSpec::Pypi { name: project, version, .. } => {
                empty("name", project, "write the name of the project");
                empty("version", version, "write the exact version");
            }
            SourceSpec::Crate { name: krate, version } => {
                empty("name", krate, "write the name of the crate");
                empty("version", version, "write the exact version");
            }
        }
        if let Some(directory) = spec.subdirectory() {
            use camino::Utf8Component::{CurDir, Normal};
            if !directory.components().all(|part| matches!(part, Normal(_) | CurDir)) {
                let message = format!("`{directory}` is not a directory in source `{name}`");
                let help = Some("write it relative to the top of the source, without `..`".to_owned());
                self.at_value(&at("subdirectory"), message, help);
            }
        }
    }

    /// What a checkout is held against must name one commit for ever.
    fn pinned(&mut self, name: &str, revision: Option<&str>, path: &[&str]) {
        let Some(revision) = revision.filter(|revision| !super::is_commit(revision)) else { return };
        let message = format!("`{revision}` of source `{name}` is not a commit");
        let help =
            "write at least 7 of the 40 hexadecimal digits that `git rev-parse HEAD` prints, in lower case";
        self.at_value(path, message, Some(help.to_owned()));
    }

    fn component(&mut self, name: &'a ComponentName, component: &Component) {
        let name = name.as_str();
        let path = ["components", name];
        self.name(&path, "component");
        let is_recipe = |wanted: &str| self.recipes.get(wanted).is_some();
        let has_recipe = component.recipe.as_deref().map_or_else(|| is_recipe(name), is_recipe);
        if let Some(recipe) = component.recipe.as_deref().filter(|_| !has_recipe) {
            let help = suggest(recipe, self.recipes.names(), "there are");
            self.at_value(&["components", name, "recipe"], format!("unknown recipe `{recipe}`"), help);
        } else if component.driver.is_none() && !has_recipe {
            let help = match nearest(name, self.recipes.names()) {
                Some(near) => format!("did you mean `{near}`? Otherwise write `driver`"),
                None => format!("write `driver`: one of {}", super::Driver::words()),
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
        if component.hooks.is_some() {
            let help =
                Some("write `recipe = \"…\"` to follow the recipe that has them, or write one".to_owned());
            self.at_key(&["components", name, "hooks"], "`hooks` is for recipes".to_owned(), help);
        }
        self.said_by_both(name, component);
    }

    /// What a case and a recipe say in the same words.
    fn said_by_both(&mut self, name: &str, component: &Component) {
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
        }
    }

    /// `named`: an option stands for what was asked where nothing else does.
    fn expectations(&mut self, path: &[&str], expectations: &[Expect], named: bool) {
        for (index, expect) in expectations.iter().enumerate() {
            let index = index.to_string();
            let path = [path, &[index.as_str()]].concat();
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

    fn driver_keys(&mut self, name: &str, component: &Component) {
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
            ("binaries", !component.binaries.is_empty(), Driver::Cargo, "cargo"),
            ("features", !component.features.is_empty(), Driver::Cargo, "cargo"),
            ("xmake", component.xmake.is_some(), Driver::Xmake, "xmake"),
            ("autoreconf", component.autoreconf, Driver::Autotools, "autotools"),
        ] {
            if given && driver != wanted {
                let help = Some(format!("remove it, or write `driver = \"{word}\"`"));
                let message = format!("`{key}` of component `{name}` is only for driver `{word}`");
                self.at_key(&["components", name, key], message, help);
            }
        }
    }

    fn component_source(&mut self, name: &str, component: &Component, has_recipe: bool) {
        let declared = self.case.sources.keys().map(crate::SourceName::as_str);
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

    /// Sources beside the one that is built.
    fn fed(&mut self, name: &str, component: &Component) {
        let declared: Vec<&str> = self.case.sources.keys().map(crate::SourceName::as_str).collect();
        let is_file = |source: &crate::SourceName| {
            let specs = self.case.sources.get(source).map_or(&[][..], |alternatives| alternatives.as_slice());
            specs.iter().map(|spec| matches!(spec, SourceSpec::File { .. })).collect::<Vec<bool>>()
        };
        let mut wrong: Vec<(Vec<String>, String, String)> = Vec::new();
        let own = component.source.clone().unwrap_or_else(|| crate::SourceName::new(name));
        if is_file(&own).contains(&true) {
            let message = format!("component `{name}` is built from source `{own}`, which is a single file");
            wrong.push((Vec::new(), message, "a source of kind `archive` is unpacked".to_owned()));
        }
        let named = component.options.iter().flat_map(|(option, value)| {
            value.sources().map(move |source| ("options", option, source, false))
        });
        let content = component.fetch_content.iter();
        let files = component.files.iter();
        let fed = content
            .map(|(place, source)| ("fetch_content", place, source.clone(), false))
            .chain(files.map(|(place, source)| ("files", place, source.clone(), true)))
            .chain(named);
        for (key, place, source, wants_file) in fed {
            let path = vec![key.to_owned(), place.clone()];
            if !self.case.sources.contains_key(&source) {
                let help = nearest(source.as_str(), declared.iter().copied()).map_or_else(
                    || format!("add [sources.{}]", quoted(source.as_str())),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!(
                    "`{key}` of component `{name}` takes `{place}` from source `{source}`, which is not declared"
                );
                wrong.push((path.clone(), message, help));
            }
            if is_file(&source).contains(&!wants_file) {
                let (what, help) = if wants_file {
                    ("is not a single file", "give it kind `file`, which is not unpacked")
                } else {
                    ("is a single file", "give it kind `archive`, which is unpacked")
                };
                let message = format!(
                    "`{key}` of component `{name}` takes `{place}` from source `{source}`, which {what}"
                );
                wrong.push((path.clone(), message, help.to_owned()));
            }
            if key == "options" && source == own {
                let message =
                    format!("`{{source:{source}}}` is the source that component `{name}` is built from");
                wrong.push((path.clone(), message, "write `{source}`".to_owned()));
            }
            let inside = !place.is_empty()
                && !place.starts_with('/')
                && place.split('/').all(|part| !matches!(part, "" | "." | ".."));
            if wants_file && !inside {
                let message = format!("`{place}` is not a path in the build tree of component `{name}`");
                let help = "write it relative to the build tree, without `..`".to_owned();
                wrong.push((path, message, help));
            }
        }
        let arguments = component.arguments.iter().enumerate();
        let elsewhere =
            arguments.map(|(index, text)| (vec!["arguments".to_owned(), index.to_string()], text)).chain(
                component
                    .environment
                    .iter()
                    .map(|(key, text)| (vec!["environment".to_owned(), key.clone()], text)),
            );
        for (path, _) in elsewhere.filter(|(_, text)| placeholder::is_begun_in(text)) {
            let message = format!("component `{name}` names the tree of a source outside of `options`");
            wrong.push((path, message, "write the variable under `options`".to_owned()));
        }
        for (option, value) in &component.options {
            if value.texts().iter().any(|text| placeholder::is_open_in(text)) {
                let message = format!("`{{source:` in option `{option}` of component `{name}` has no end");
                let path = vec!["options".to_owned(), option.clone()];
                wrong.push((path, message, "write `{source:NAME}`".to_owned()));
            }
        }
        for (path, message, help) in wrong {
            let mut whole = vec!["components", name];
            whole.extend(path.iter().map(String::as_str));
            self.at_key(&whole, message, Some(help));
        }
    }

    fn system_need(&mut self, path: &[&str], wanted: &str) {
        match wanted.split_once(':') {
            Some((manager, package)) if MANAGERS.contains(&manager) && package.trim().is_empty() => {
                let help = Some(format!("write the package: `{manager}:libfoo-dev`"));
                self.at_value(path, format!("`{wanted}` names no package"), help);
            }
            Some((manager, _)) if MANAGERS.contains(&manager) => {}
            Some((manager, _)) => {
                let help = suggest(manager, MANAGERS.iter().copied(), "known");
                self.at_value(path, format!("unknown package manager `{manager}` in `{wanted}`"), help);
            }
            None if !catalog::entries().contains_key(wanted) => {
                let help = nearest(wanted, catalog::entries().keys().map(String::as_str))
                    .map(|near| format!("did you mean `{near}`?"))
                    .unwrap_or_else(|| format!("write the package with its manager: `apt:{wanted}`"));
                self.at_value(path, format!("`{wanted}` is not in the catalog of system needs"), Some(help));
            }
            None => {}
        }
    }

    /// Each circle of `needs` once, at the need that closes it.
    fn circles(&mut self) {
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

/// Whether a case may have this name, which becomes the name of directories.
pub(super) fn is_case_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "-_.+".contains(c);
    !name.is_empty() && !name.starts_with('.') && name.chars().all(plain)
}

/// Whether this is numbers with dots between them.
fn is_dotted(version: &str) -> bool {
    version.split('.').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()))
}
