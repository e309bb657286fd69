//! What a case says about xmake.

use super::super::diagnostic::nearest;
use super::Checker;
use crate::SourceName;
use crate::case::{Component, SourceSpec};

impl Checker<'_> {
    pub(super) fn xmake_toolchain(&mut self) {
        let Some(source) = &self.case.toolchains.xmake.source else { return };
        let path = ["toolchains", "xmake", "source"];
        let prebuilt =
            |spec: &SourceSpec| matches!(spec, SourceSpec::Archive { .. } | SourceSpec::File { .. });
        self.xmake_source(&path, source, "archive or file, which have hashes", &prebuilt);
    }

    pub(super) fn xmake(&mut self, name: &str, component: &Component) {
        let Some(settings) = &component.xmake else { return };
        let own = ["components", name, "xmake"];
        if let Some(index) = &settings.package_index {
            let tree = |spec: &SourceSpec| !matches!(spec, SourceSpec::File { .. });
            self.xmake_source(&[&own[..], &["package_index"]].concat(), index, "git, path or archive", &tree);
        }
        let file = |spec: &SourceSpec| matches!(spec, SourceSpec::File { .. });
        for (archive, source) in &settings.package_archives {
            let path = [&own[..], &["package_archives", archive]].concat();
            self.xmake_source(&path, source, "file", &file);
            if matches!(archive.as_str(), "" | "." | "..")
                || archive.contains(|c: char| c == '/' || c.is_control())
            {
                let help =
                    Some("write the name under which xmake looks for it: \"fmt-10.2.1.zip\"".to_owned());
                let archive = super::name::shown(archive);
                self.at_key(&path, format!("`{archive}` is not the name of a file"), help);
            }
        }
        for (target, directory) in &settings.python_extensions {
            self.stays_below(&[&own[..], &["python_extensions", target]].concat(), directory, "the prefix");
        }
    }

    fn xmake_source(
        &mut self,
        path: &[&str],
        source: &SourceName,
        kinds: &str,
        fits: &dyn Fn(&SourceSpec) -> bool,
    ) {
        let Some(alternatives) = self.case.sources.get(source) else {
            let help = nearest(source.as_str(), self.case.sources.keys().map(SourceName::as_str))
                .map_or_else(|| format!("add [sources.{source}]"), |near| format!("did you mean `{near}`?"));
            self.at_value(path, format!("source `{source}` is not declared"), Some(help));
            return;
        };
        if !alternatives.as_slice().iter().all(fits) {
            let help = Some(format!("use a source of kind {kinds} here"));
            self.at_value(path, format!("source `{source}` is of another kind"), help);
        }
    }
}
