//! Presets of older tools: JSON files without `schema`, with nine sections. What is known becomes a case; what is not is
//! a warning with its line. Places stay those of the preset, so that a mistake in it is shown in it.

mod codecs;

use indexmap::IndexMap;

use super::artifacts::{PresetArtifacts, SourceFile};
use super::diagnostic::{Diagnostic, suggest};
use super::placeholder;
use super::semantic::is_case_name;
use super::tree::{FileKind, Files, Node, Span, Value};

/// The sections that these files have.
const SECTIONS: [&str; 9] = [
    "metadata",
    "base_image",
    "python",
    "pytorch",
    "tensorrt",
    "cuda",
    "build_options",
    "system_packages",
    "environment",
];

/// Keys of a case that no such file has: one that lacks `schema` and has these is a case with a mistake.
const OF_A_CASE: [&str; 5] = ["components", "extends", "image", "sources", "toolchains"];

/// Keys of the sections that are read as they stand.
const KEPT: [(&str, &[&str]); 5] = [
    ("metadata", &["name", "description", "created", "target_gpu"]),
    ("python", &["version", "version_without_dot"]),
    ("pytorch", &["torch_version", "torchvision_version", "torchaudio_version", "index_url"]),
    ("tensorrt", &["version", "enabled", "required_in_runtime", "supported_versions"]),
    ("cuda", &["version", "arch"]),
];

const BUILD_OPTIONS: [&str; 4] =
    ["ffmpeg_version", "opencv_version", "xaiva_media_source", "build_opencv_from_source"];

/// Variables of `environment` that are for the image alone.
const OF_PLACES: [&str; 5] = ["TZ", "LANG", "LANGUAGE", "LC_ALL", "DEBIAN_FRONTEND"];

/// How many of [`SECTIONS`], from the first on, every preset in use has.
const IN_EVERY_PRESET: usize = 7;

/// Whether a JSON file without `schema` is a preset.
pub(super) fn is_preset(tree: &Node) -> bool {
    let has = |key: &&str| tree.child(key).is_some();
    SECTIONS.iter().any(has) && !OF_A_CASE.iter().any(has)
}

/// What is wrong with a preset that lacks sections, if it does; an empty one counts as there.
pub(super) fn without_sections(files: &Files, preset: &Node) -> Option<Diagnostic> {
    let every = SECTIONS.into_iter().take(IN_EVERY_PRESET);
    let missing: Vec<&str> = every.filter(|section| preset.child(section).is_none()).collect();
    let first = missing.first()?;
    let names: Vec<String> = missing.iter().map(|section| format!("`{section}`")).collect();
    let message = format!("this preset has no {}", names.join(", "));
    let empty = if *first == "base_image" { "\"\"" } else { "{}" };
    let help = format!(
        "write each, empty if it says nothing (`\"{first}\": {empty}`); a case begins with `\"schema\": {}`",
        super::CASE_SCHEMA
    );
    let start = Span { end: preset.span.start + 1, ..preset.span.clone() };
    Some(files.diagnose(&start, message, Some(help)))
}

/// The preset as a case, and what of it is not read.
pub(super) fn convert(
    files: &mut Files,
    preset: &Node,
    artifacts: Option<&PresetArtifacts>,
) -> (Node, Vec<Diagnostic>) {
    let name = preset.get(&["metadata", "name"]).and_then(Node::text).filter(|name| is_case_name(name));
    let place = artifacts.map_or_else(
        || format!("artifacts/{}", name.unwrap_or("preset")),
        |artifacts| artifacts.directory.to_string(),
    );
    let mut reader = Reader {
        files,
        root: IndexMap::new(),
        nowhere: preset.span.clone(),
        place,
        artifacts,
        used: Vec::new(),
        warnings: Vec::new(),
    };
    let file = reader.files.add("default", "1", FileKind::Default);
    let start = Span { file, start: 0, end: 1 };
    reader.root.insert(
        "schema".to_owned(),
        Node { value: Value::Integer(super::CASE_SCHEMA.into()), key: start.clone(), span: start.clone() },
    );
    reader.nowhere = start;
    for (key, node) in preset.table().into_iter().flatten() {
        reader.section(key, node);
    }
    reader.beside();
    let root = Node { value: Value::Table(reader.root), key: preset.key.clone(), span: preset.span.clone() };
    (root, reader.warnings)
}

struct Reader<'a> {
    files: &'a mut Files,
    root: IndexMap<String, Node>,
    /// The place of what nobody wrote.
    nowhere: Span,
    /// The artifacts directory, or where it would be.
    place: String,
    artifacts: Option<&'a PresetArtifacts>,
    /// Files of `sources/` that a component is built from.
    used: Vec<String>,
    warnings: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn warn(&mut self, span: &Span, message: String, help: Option<String>) {
        self.warnings.push(self.files.diagnose(span, message, help));
    }

    fn section(&mut self, name: &str, node: &Node) {
        // `null` says nothing, wherever it stands; like an empty section.
        let is_empty = match &node.value {
            Value::Null => true,
            Value::Table(table) => table.is_empty() && SECTIONS.contains(&name),
            Value::Text(text) => text.is_empty() && name == "base_image",
            _ => false,
        };
        if is_empty {
            return;
        }
        let kept = KEPT.iter().find(|(section, _)| *section == name).map(|(_, keys)| *keys);
        match (name, kept) {
            (_, Some(keys)) => {
                let mut section = self.kept(name, node, keys);
                match name {
                    "metadata" => self.metadata(&mut section),
                    "python" => self.python(&mut section),
                    _ => {}
                }
                self.root.insert(name.to_owned(), section);
            }
            ("base_image" | "system_packages", _) => {
                self.root.insert(name.to_owned(), node.clone());
            }
            ("environment", _) => self.environment(node),
            ("build_options", _) => self.build_options(node),
            _ => {
                let help = suggest(name, SECTIONS, "sections of a preset");
                self.warn(&node.key, format!("section `{name}` is unknown and is ignored"), help);
            }
        }
    }

    /// A section of which these keys are read as they stand.
    fn kept(&mut self, section: &str, node: &Node, keys: &[&str]) -> Node {
        let Value::Table(table) = &node.value else { return node.clone() };
        let mut read = IndexMap::new();
        for (key, value) in table.iter().filter(|(_, value)| !matches!(value.value, Value::Null)) {
            if keys.contains(&key.as_str()) {
                read.insert(key.clone(), value.clone());
            } else {
                self.unknown(section, key, value, keys);
            }
        }
        Node { value: Value::Table(read), key: node.key.clone(), span: node.span.clone() }
    }

    fn unknown(&mut self, section: &str, key: &str, value: &Node, known: &[&str]) {
        let help = suggest(key, known.iter().copied(), "read here");
        self.warn(&value.key, format!("key `{key}` in `{section}` is unknown and is ignored"), help);
    }

    /// A title in the place of a name would be refused, because names become names of directories.
    fn metadata(&mut self, section: &mut Node) {
        let Value::Table(table) = &mut section.value else { return };
        let Some(name) = table.get("name").filter(|name| name.text().is_some_and(|name| !is_case_name(name)))
        else {
            return;
        };
        let span = name.span.clone();
        let title = table.shift_remove("name");
        if let (false, Some(title)) = (table.contains_key("description"), title) {
            table.insert("description".to_owned(), title);
        }
        let help = "names have letters, digits, `-`, `_`, `.` and `+`".to_owned();
        self.warn(
            &span,
            "`metadata.name` is a title: the case gets its name from the file".to_owned(),
            Some(help),
        );
    }

    /// `version_without_dot` says the same again, or something else.
    fn python(&mut self, section: &mut Node) {
        let Value::Table(table) = &mut section.value else { return };
        let Some(bare) = table.shift_remove("version_without_dot") else { return };
        let said = match &bare.value {
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            _ => String::new(),
        };
        let version = table.get("version").and_then(Node::text).unwrap_or_default();
        if said != version.replace('.', "") {
            let message =
                format!("`version_without_dot` is {said:?} but `version` is {version:?}, which is used");
            self.warn(&bare.span, message, None);
        }
    }

    /// These files feed `ENV` of a Dockerfile, which what is built in it sees too, and where `$NAME` is filled in.
    fn environment(&mut self, node: &Node) {
        let Value::Table(table) = &node.value else {
            self.root.insert("environment".to_owned(), node.clone());
            return;
        };
        let mut read = IndexMap::new();
        for (name, value) in table.iter().filter(|(_, value)| !matches!(value.value, Value::Null)) {
            if value.text().is_some_and(|text| text.contains('$')) {
                let message =
                    format!("`{name}` refers to another variable and is ignored: variables are not expanded");
                let help = "write the whole value; PATH and library paths of installed files are set anyway";
                self.warn(&value.span, message, Some(help.to_owned()));
                continue;
            }
            let text = match &value.value {
                Value::Integer(number) => Value::Text(number.to_string()),
                Value::Bool(on) => Value::Text(on.to_string()),
                other => other.clone(),
            };
            read.insert(name.clone(), Node { value: text, ..value.clone() });
        }
        let node =
            |table| Node { value: Value::Table(table), key: node.key.clone(), span: node.span.clone() };
        let of_image = IndexMap::from([("environment".to_owned(), node(read.clone()))]);
        self.root.insert("image".to_owned(), node(of_image));
        // What is compiled does not depend on where its users live.
        read.retain(|name, _| !OF_PLACES.contains(&name.as_str()));
        self.root.insert("environment".to_owned(), node(read));
    }

    fn build_options(&mut self, node: &Node) {
        let Value::Table(table) = &node.value else {
            self.warn(&node.key, "`build_options` is not a table and is ignored".to_owned(), None);
            return;
        };
        let mut wanted = Vec::new();
        let mut without_opencv = false;
        for (key, value) in table.iter().filter(|(_, value)| !matches!(value.value, Value::Null)) {
            match key.as_str() {
                "ffmpeg_version" | "opencv_version" | "xaiva_media_source" => {
                    wanted.push((key.as_str(), value))
                }
                "build_opencv_from_source" => match value.value {
                    Value::Bool(on) => without_opencv = !on,
                    _ => {
                        let message = format!("`{key}` is neither true nor false and is ignored");
                        self.warn(&value.span, message, None);
                    }
                },
                _ => self.unknown("build_options", key, value, &BUILD_OPTIONS),
            }
        }
        if without_opencv {
            wanted.retain(|(key, _)| *key != "opencv_version");
            if let Some(said) = table.get("build_opencv_from_source") {
                let help = "what is to come from elsewhere belongs in `system_packages` or the requirements";
                let message = "OpenCV is not built, because `build_opencv_from_source` is false".to_owned();
                self.warn(&said.span, message, Some(help.to_owned()));
            }
        }
        // Each stands on those before it, whatever order they are written in.
        wanted.sort_by_key(|(key, _)| BUILD_OPTIONS.iter().position(|known| known == key));
        for (key, value) in wanted {
            match key {
                "ffmpeg_version" => self.ffmpeg(value),
                "opencv_version" => self.opencv(value),
                _ => self.xaiva(value),
            }
        }
    }

    fn has_component(&self, name: &str) -> bool {
        self.root.get("components").is_some_and(|components| components.child(name).is_some())
    }

    /// Whether the image to build in has the CUDA toolkit: NVIDIA's for development.
    fn has_toolkit(&self) -> bool {
        let image = self.root.get("base_image").and_then(Node::text).unwrap_or_default();
        image.contains("cuda") && image.contains("devel")
    }

    /// OpenCV through the FFmpeg before it, with the modules of opencv_contrib where these lie beside it.
    fn opencv(&mut self, value: &Node) {
        const CONTRIB: &str = "opencv_contrib";
        let (mut needs, mut options) = (Vec::new(), Vec::new());
        if self.has_component("ffmpeg") {
            needs.push("ffmpeg");
            options.push(("WITH_FFMPEG", Value::Bool(true)));
        }
        let contrib = value.text().and_then(|version| self.artifacts?.source(CONTRIB, version));
        if let Some(found) = contrib {
            let modules = format!("{}/modules", placeholder::tree_of(&CONTRIB.into()));
            options.push(("OPENCV_EXTRA_MODULES_PATH", Value::Text(modules)));
            // Its CUDA stands on a module of those (`cudev`), and on the toolkit.
            if self.has_toolkit() {
                options.push(("WITH_CUDA", Value::Bool(true)));
            }
            let source = self.source_at(found);
            self.declare("sources", CONTRIB, value, source);
        }
        self.versioned("opencv", value, &needs, options);
    }

    /// FFmpeg or OpenCV in a version, from what lies in `sources/`.
    fn versioned(&mut self, name: &str, value: &Node, needs: &[&str], options: Vec<(&str, Value)>) {
        let Some(version) = value.text() else {
            let message = format!("`{name}_version` is not a text and is ignored");
            return self.warn(&value.span, message, Some("write it in quotes".to_owned()));
        };
        let at = |value: Value| Node { value, key: value_key(&self.nowhere), span: self.nowhere.clone() };
        let mut component = IndexMap::new();
        if !needs.is_empty() {
            let needs = needs.iter().map(|need| at(Value::Text((*need).to_owned()))).collect();
            component.insert("needs".to_owned(), at(Value::List(needs)));
        }
        if !options.is_empty() {
            let options = options.into_iter().map(|(key, value)| (key.to_owned(), at(value))).collect();
            component.insert("options".to_owned(), at(Value::Table(options)));
        }
        let found = self.artifacts.and_then(|artifacts| artifacts.source(name, version));
        let source = match found {
            Some(found) => self.source_at(found),
            None => {
                let message = format!(
                    "{name} {version} has no source: there is no archive of it in {}/sources",
                    self.place
                );
                let help = format!("put one there, or give its directory with --source {name}=PATH");
                self.warn(&value.span, message, Some(help));
                // Preflight looks for it, and says the same where it matters.
                self.path_source(&format!("{}/sources/{name}-{version}", self.place))
            }
        };
        self.declare("components", name, value, component);
        self.declare("sources", name, value, source);
    }

    /// The source that an archive or a tree in `sources/` is.
    fn source_at(&mut self, found: &SourceFile) -> IndexMap<String, Node> {
        self.used.push(found.name.clone());
        let Some(sha256) = &found.sha256 else { return self.path_source(found.path.as_str()) };
        let at = |value: Value| Node { value, key: value_key(&self.nowhere), span: self.nowhere.clone() };
        let url = at(Value::Text(format!("file://{}", found.path)));
        IndexMap::from([
            ("kind".to_owned(), at(Value::Text("archive".to_owned()))),
            ("urls".to_owned(), at(Value::List(vec![url]))),
            ("sha256".to_owned(), at(Value::Text(sha256.to_string()))),
        ])
    }

    fn path_source(&self, path: &str) -> IndexMap<String, Node> {
        let at = |text: &str| Node {
            value: Value::Text(text.to_owned()),
            key: value_key(&self.nowhere),
            span: self.nowhere.clone(),
        };
        IndexMap::from([("kind".to_owned(), at("path")), ("path".to_owned(), at(path))])
    }

    fn declare(&mut self, section: &str, name: &str, place: &Node, table: IndexMap<String, Node>) {
        let node = Node { value: Value::Table(table), key: place.key.clone(), span: place.span.clone() };
        let nowhere = self.nowhere.clone();
        let below = self.root.entry(section.to_owned()).or_insert_with(|| Node {
            value: Value::Table(IndexMap::new()),
            key: nowhere.clone(),
            span: nowhere,
        });
        if let Value::Table(entries) = &mut below.value {
            entries.insert(name.to_owned(), node);
        }
    }

    /// A CMake project of somebody's own that stands on FFmpeg and OpenCV.
    fn xaiva(&mut self, node: &Node) {
        const NAME: &str = "xaiva-media";
        let section = match &node.value {
            Value::Text(_) => None,
            _ => Some(self.kept("build_options.xaiva_media_source", node, &["path", "branch"])),
        };
        let path = section.as_ref().map_or(Some(node), |section| section.child("path")).cloned();
        let text = path.as_ref().and_then(Node::text).map(str::trim).unwrap_or_default();
        if text.is_empty() {
            let help = format!("write its path there, or declare the component `{NAME}` in a case");
            let message = "`xaiva_media_source` has no path: it is not built".to_owned();
            return self.warn(&node.key, message, Some(help));
        }
        if let Some(branch) = section.as_ref().and_then(|section| section.child("branch")) {
            let message = format!("`branch` is not checked out: {text} is built as it is");
            self.warn(&branch.span, message, Some("a user's own directory is never written to".to_owned()));
        }
        let at = |value: Value| Node { value, key: value_key(&self.nowhere), span: self.nowhere.clone() };
        let needs: Vec<Node> = ["ffmpeg", "opencv"]
            .iter()
            .filter(|name| self.has_component(name))
            .map(|name| at(Value::Text((*name).to_owned())))
            .collect();
        let component = IndexMap::from([
            ("driver".to_owned(), at(Value::Text("cmake".to_owned()))),
            ("needs".to_owned(), at(Value::List(needs))),
        ]);
        let source = self.path_source(text);
        self.declare("components", NAME, node, component);
        self.declare("sources", NAME, node, source);
    }

    /// What lies in the preset's artifacts directory.
    fn beside(&mut self) {
        let Some(artifacts) = self.artifacts else { return };
        let span = self.nowhere.clone();
        let at = |value: Value| Node { value, key: value_key(&span), span: span.clone() };
        let text = |path: String| at(Value::Text(path));
        let mut python = match self.root.shift_remove("python") {
            Some(Node { value: Value::Table(table), key, span }) => (table, key, span),
            Some(other) => {
                self.root.insert("python".to_owned(), other);
                return;
            }
            None => (IndexMap::new(), span.clone(), span.clone()),
        };
        let directory = &artifacts.directory;
        let files = artifacts.requirements.iter().map(|file| text(directory.join(file).into_string()));
        let files: Vec<Node> = files.collect();
        if !files.is_empty() {
            python.0.insert("requirements".to_owned(), at(Value::List(files)));
        }
        if let Some(extra) = &artifacts.extra {
            let files = at(Value::List(vec![text(directory.join(extra).into_string())]));
            let group = IndexMap::from([
                ("name".to_owned(), text("extra".to_owned())),
                ("requirements".to_owned(), files),
            ]);
            python.0.insert("optional".to_owned(), at(Value::List(vec![at(Value::Table(group))])));
        }
        if artifacts.wheels {
            let wheels = at(Value::List(vec![text(directory.join("wheels").into_string())]));
            python.0.insert("find_links".to_owned(), wheels);
        }
        if !python.0.is_empty() {
            let (table, key, span) = python;
            self.root.insert("python".to_owned(), Node { value: Value::Table(table), key, span });
        }
        let unused: Vec<&str> = artifacts
            .sources
            .iter()
            .map(|source| source.name.as_str())
            .filter(|name| !self.used.iter().any(|used| used == name))
            .collect();
        if !unused.is_empty() {
            let message = format!("nothing is built from {} in {directory}/sources", unused.join(", "));
            let help = "a case that `extends` the preset can declare components for it".to_owned();
            self.warn(&span, message, Some(help));
        }
        self.package_files(artifacts);
    }

    /// The packages in `debs/` join those that the preset names.
    fn package_files(&mut self, artifacts: &PresetArtifacts) {
        if artifacts.debs.is_empty() {
            return;
        }
        let span = self.nowhere.clone();
        let at = |value: Value| Node { value, key: value_key(&span), span: span.clone() };
        let files = artifacts.debs.iter().map(|name| artifacts.directory.join("debs").join(name));
        let files = files.map(|path| at(Value::Text(path.into_string())));
        let packages = self.root.entry("system_packages".to_owned());
        // Of the wrong type: the schema says so with better words.
        if let Value::List(listed) = &mut packages.or_insert_with(|| at(Value::List(Vec::new()))).value {
            listed.extend(files);
        }
    }
}

/// The key of a value that nobody wrote stands where the value stands.
fn value_key(span: &Span) -> Span {
    span.clone()
}
