//! What a project declares for CMake's FetchContent: where each content would come from, and how the case brings it.

use camino::Utf8Path;

use super::cmake;

/// One `FetchContent_Declare`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Declared {
    name: String,
    /// Where it stands: file and line.
    place: String,
    url: Option<String>,
    sha256: Option<String>,
    repository: Option<String>,
    tag: Option<String>,
}

/// What is told of content that nobody brought: what it is and where the project would have it from, and what to write.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MissingContent {
    pub(super) what: String,
    pub(super) cure: String,
}

/// What is known of these contents, whose names CMake may have changed to capitals, in a build tree.
pub(super) fn wanted(names: &[&str], build: &Utf8Path, component: &str) -> Vec<MissingContent> {
    // CMake goes by the first declaration, which is in the project itself rather than in what it fetched.
    let found: Vec<Declared> =
        cmake::files(build).into_iter().flat_map(|(place, text)| declarations(&text, &place)).collect();
    names
        .iter()
        .map(|name| {
            let declared = found.iter().find(|one| one.name.eq_ignore_ascii_case(name));
            let unknown = Declared { name: name.to_lowercase(), ..Declared::default() };
            declared.unwrap_or(&unknown).told(component)
        })
        .collect()
}

impl Declared {
    fn told(&self, component: &str) -> MissingContent {
        let name = &self.name;
        let from = self.url.as_ref().or(self.repository.as_ref());
        let what = match from {
            Some(from) => format!("{name}, which the project downloads from {from} ({})", self.place),
            None => format!("{name}, which the project downloads"),
        };
        let unclear = |text: &str| text.contains("${");
        let source: String =
            name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let mut lines =
            vec![format!("download {name} in `deps`: add to the case"), format!("  [sources.{source}]")];
        if let (Some(repository), None) = (&self.repository, &self.url) {
            let tag = self.tag.as_deref().unwrap_or("TAG OR COMMIT");
            lines.push("  kind = \"git\"".to_owned());
            lines.push(format!("  url = \"{repository}\""));
            lines.push(format!("  revision = \"{tag}\""));
        } else {
            let url = self.url.as_deref().unwrap_or("https://ITS ADDRESS");
            let sha256 = self.sha256.as_deref().unwrap_or("ITS sha256sum");
            lines.push("  kind = \"archive\"".to_owned());
            lines.push(format!("  urls = [\"{url}\"]"));
            lines.push(format!("  sha256 = \"{sha256}\""));
        }
        lines.push(format!("and below [components.{component}]"));
        let key = if name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            name.clone()
        } else {
            format!("\"{name}\"")
        };
        lines.push(format!("  fetch_content = {{ {key} = \"{source}\" }}"));
        if [&self.url, &self.repository, &self.tag].into_iter().flatten().any(|text| unclear(text)) {
            lines.push(format!("with the values of the variables that {} sets", self.place));
        }
        MissingContent { what, cure: lines.join("\n") }
    }
}

/// Every `FetchContent_Declare` of a text.
fn declarations(text: &str, file: &Utf8Path) -> Vec<Declared> {
    let calls = cmake::calls(text, "fetchcontent_declare").into_iter();
    calls
        .filter_map(|call| {
            Some(Declared {
                name: call.words.first()?.clone(),
                place: format!("{file}:{}", call.line),
                url: call.after("URL"),
                sha256: call.sha256("URL_HASH"),
                repository: call.after("GIT_REPOSITORY"),
                tag: call.after("GIT_TAG"),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn content_is_told_with_its_address_and_the_lines_of_the_case() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let (source, build) = (root.join("src"), root.join("build"));
        fs::create_dir_all(source.join("cmake")).unwrap();
        fs::create_dir_all(&build).unwrap();
        fs::write(build.join("CMakeCache.txt"), format!("CMAKE_HOME_DIRECTORY:INTERNAL={source}\n")).unwrap();
        fs::write(
            source.join("CMakeLists.txt"),
            "include(FetchContent)\n# FetchContent_Declare(json URL https://example.com/wrong)\n\
             FetchContent_Declare(\n  json URL \"https://example.com/json.tar.xz\" # the newest\n  URL_HASH SHA256=d6c6)\n",
        )
        .unwrap();
        fs::write(
            source.join("cmake/more.cmake"),
            "fetchcontent_declare(Fmt_Lib GIT_REPOSITORY https://example.com/fmt.git GIT_TAG ${FMT_TAG})\n",
        )
        .unwrap();
        let told = wanted(&["JSON", "FMT_LIB", "OTHER"], &build, "shapes");
        assert_eq!(
            told[0].what,
            "json, which the project downloads from https://example.com/json.tar.xz (CMakeLists.txt:3)"
        );
        let lines: Vec<&str> = told[0].cure.lines().map(str::trim).collect();
        assert_eq!(
            lines[1..],
            [
                "[sources.json]",
                "kind = \"archive\"",
                "urls = [\"https://example.com/json.tar.xz\"]",
                "sha256 = \"d6c6\"",
                "and below [components.shapes]",
                "fetch_content = { json = \"json\" }",
            ]
        );
        assert!(told[1].what.contains("https://example.com/fmt.git"), "{told:?}");
        for line in
            ["[sources.fmt-lib]", "revision = \"${FMT_TAG}\"", "{ Fmt_Lib = \"fmt-lib\" }", "variables"]
        {
            assert!(told[1].cure.contains(line), "{line}: {told:?}");
        }
        assert_eq!(told[2].what, "other, which the project downloads");
    }
}
