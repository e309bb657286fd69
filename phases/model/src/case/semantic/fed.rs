//! Sources beside the one that a component is built from.

use super::super::diagnostic::nearest;
use super::super::placeholder;
use super::super::tree::quoted;
use super::Checker;
use crate::SourceName;
use crate::case::{Component, SourceSpec};

/// What a key of a component takes from a source.
struct Taken<'a> {
    /// The key: `fetch_content`, `subprojects`, `files` or `options`.
    key: &'static str,
    /// What of the key.
    place: &'a str,
    source: SourceName,
    /// Whether the source has to be a single file.
    wants_file: bool,
}

impl Checker<'_> {
    /// Sources beside the one that is built.
    pub(super) fn fed(&mut self, name: &str, component: &Component) {
        let own = component.source.clone().unwrap_or_else(|| SourceName::new(name));
        if self.are_files(&own).contains(&true) {
            let message = format!("component `{name}` is built from source `{own}`, which is a single file");
            let help = "a source of kind `archive` is unpacked".to_owned();
            self.at_key(&["components", name], message, Some(help));
        }
        let taken = |key, place, source, wants_file| Taken { key, place, source, wants_file };
        let content = component.fetch_content.iter();
        let content = content.map(|(place, source)| taken("fetch_content", place, source.clone(), false));
        let subprojects = component.subprojects.iter();
        let subprojects =
            subprojects.map(|(place, source)| taken("subprojects", place, source.clone(), false));
        let files = component.files.iter();
        let files = files.map(|(place, source)| taken("files", place, source.clone(), true));
        let named = component.options.iter().flat_map(|(option, value)| {
            value.sources().map(move |source| taken("options", option, source, false))
        });
        for taken in content.chain(subprojects).chain(files).chain(named) {
            self.taken(name, &own, &taken);
        }
        self.trees_outside_of_options(name, component);
        self.open_placeholders(name, component);
    }

    /// Of each alternative of a source, whether it is a single file.
    fn are_files(&self, source: &SourceName) -> Vec<bool> {
        let specs = self.case.sources.get(source).map_or(&[][..], |alternatives| alternatives.as_slice());
        specs.iter().map(|spec| matches!(spec, SourceSpec::File { .. })).collect()
    }

    fn taken(&mut self, name: &str, own: &SourceName, taken: &Taken<'_>) {
        let Taken { key, place, source, wants_file } = taken;
        let path = ["components", name, key, place];
        if !self.case.sources.contains_key(source) {
            let declared = self.case.sources.keys().map(SourceName::as_str);
            let help = nearest(source.as_str(), declared).map_or_else(
                || format!("add [sources.{}]", quoted(source.as_str())),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!(
                "`{key}` of component `{name}` takes `{place}` from source `{source}`, which is not declared"
            );
            self.at_key(&path, message, Some(help));
        }
        if self.are_files(source).contains(&!wants_file) {
            let (what, help) = if *wants_file {
                ("is not a single file", "give it kind `file`, which is not unpacked")
            } else {
                ("is a single file", "give it kind `archive`, which is unpacked")
            };
            let message =
                format!("`{key}` of component `{name}` takes `{place}` from source `{source}`, which {what}");
            self.at_key(&path, message, Some(help.to_owned()));
        }
        if *key == "options" && source == own {
            let message =
                format!("`{{source:{source}}}` is the source that component `{name}` is built from");
            self.at_key(&path, message, Some("write `{source}`".to_owned()));
        }
        let inside = !place.is_empty()
            && !place.contains(char::is_control)
            && !place.starts_with('/')
            && place.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if *wants_file && !inside {
            let message = format!("`{place}` is not a path in the build tree of component `{name}`");
            let help = "write it relative to the build tree, without `..`".to_owned();
            self.at_key(&path, message, Some(help));
        }
        if *key == "subprojects" && (!inside || place.contains('/')) {
            let message = format!("`{place}` is not the name of a directory below `subprojects`");
            let help = "write the `directory` of the wrap, or else its name".to_owned();
            self.at_key(&path, message, Some(help));
        }
    }

    fn trees_outside_of_options(&mut self, name: &str, component: &Component) {
        let arguments = component.arguments.iter().enumerate();
        let arguments = arguments.map(|(index, text)| ("arguments", index.to_string(), text));
        let environment = component.environment.iter();
        let environment = environment.map(|(variable, text)| ("environment", variable.clone(), text));
        for (key, place, _) in
            arguments.chain(environment).filter(|(_, _, text)| placeholder::is_begun_in(text))
        {
            let message = format!("component `{name}` names the tree of a source outside of `options`");
            let help = "write the variable under `options`".to_owned();
            self.at_key(&["components", name, key, &place], message, Some(help));
        }
    }

    fn open_placeholders(&mut self, name: &str, component: &Component) {
        for (option, value) in &component.options {
            if value.texts().iter().any(|text| placeholder::is_open_in(text)) {
                let message = format!("`{{source:` in option `{option}` of component `{name}` has no end");
                let path = ["components", name, "options", option];
                self.at_key(&path, message, Some("write `{source:NAME}`".to_owned()));
            }
        }
    }
}
