//! Requirement files as pip reads them: logical lines, and what each of them says.
//! (<https://pip.pypa.io/en/stable/reference/requirements-file-format/>)

use camino::{Utf8Path, Utf8PathBuf};

use crate::case::normalised_project;

/// Endings of files that pip installs.
const ARCHIVES: [&str; 12] = [
    ".whl",
    ".zip",
    ".tar",
    ".tar.gz",
    ".tgz",
    ".tar.bz2",
    ".tbz",
    ".tar.xz",
    ".txz",
    ".tar.lzma",
    ".tlz",
    ".tar.lz",
];

/// Schemes of addresses that pip takes for a requirement.
const SCHEMES: [&str; 8] = ["http", "https", "ftp", "file", "git", "hg", "svn", "bzr"];

/// A line of a requirement file, with those that a `\` joins to it and without its comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Of its first line, from 1.
    pub number: usize,
    /// What it says, never empty.
    pub text: String,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// `-r FILE`.
    Include(String),
    /// `-c FILE`.
    Constraints(String),
    /// `-e TARGET`.
    Editable(String),
    /// Another option: `--no-binary numpy`.
    Option(String),
    /// A requirement.
    Requirement(Requirement),
}

/// One requirement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    /// The project, normalised; empty where only an address or a path is given.
    pub project: String,
    /// Its extras: `test,docs`.
    pub extras: String,
    /// The versions that do: `>=2,<3`.
    pub versions: String,
    /// The address or path that it is taken from.
    pub target: Option<String>,
    /// The marker behind `;`.
    pub marker: Option<String>,
}

/// Where somebody asked for something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A key of the case: `python.packages.0`.
    Key(String),
    /// A line of a requirement file.
    Line {
        /// The file, absolute.
        file: Utf8PathBuf,
        /// From 1.
        number: usize,
    },
}

/// A line of `packages` or of a requirement file, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Where it stands.
    pub place: Place,
    /// As it stands there, without its comment.
    pub text: String,
    /// What it says.
    pub says: Says,
    /// It only limits what others ask for (`-c`).
    pub limits: bool,
    /// The group of packages that may be missing, if it belongs to one.
    pub group: Option<String>,
}

/// Splits a file into its logical lines.
pub fn lines(text: &str) -> Vec<Line> {
    let mut found = Vec::new();
    let mut open: Option<Line> = None;
    for (index, line) in text.lines().enumerate() {
        let comment = line.trim_start().starts_with('#');
        let joins = line.ends_with('\\') && !comment;
        let part = if joins { line.trim_matches('\\') } else { line };
        let begun = open.get_or_insert(Line { number: index + 1, text: String::new() });
        if comment {
            begun.text.push(' ');
        }
        begun.text.push_str(part);
        if !joins {
            found.extend(open.take());
        }
    }
    found.extend(open);
    found
        .into_iter()
        .filter_map(|line| {
            let text = without_comment(&line.text).trim().to_owned();
            (!text.is_empty()).then_some(Line { text, ..line })
        })
        .collect()
}

/// A comment begins at a `#` with nothing or white space before it; others belong to addresses.
fn without_comment(text: &str) -> &str {
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        if character == '#' && before.is_whitespace() {
            return &text[..at];
        }
        before = character;
    }
    text
}

/// Reads a logical line, or one of a case's `packages`.
pub fn says(text: &str) -> Says {
    let text = text.trim();
    if !text.starts_with('-') {
        return Says::Requirement(Requirement::of(text));
    }
    let argument = |names: [&str; 2]| {
        names.into_iter().find_map(|name| {
            let rest = text.strip_prefix(name)?;
            let long = name.starts_with("--");
            let rest = match rest.chars().next() {
                Some('=') if long => &rest[1..],
                Some(other) if long && !other.is_whitespace() => return None,
                _ => rest,
            };
            let rest = rest.trim();
            let rest = rest.split_once(" --").map_or(rest, |(target, _)| target).trim();
            Some(rest.trim_matches(['"', '\'']).to_owned())
        })
    };
    if let Some(file) = argument(["-r", "--requirement"]) {
        return Says::Include(file);
    }
    if let Some(file) = argument(["-c", "--constraint"]) {
        return Says::Constraints(file);
    }
    if let Some(target) = argument(["-e", "--editable"]) {
        return Says::Editable(target);
    }
    Says::Option(text.to_owned())
}

impl Requirement {
    fn of(text: &str) -> Self {
        // Options of this requirement alone: `--hash=sha256:…`.
        let end = text.match_indices(" -").map(|(at, _)| at).next().unwrap_or(text.len());
        let text = text[..end].trim();
        if is_address(text) {
            return Self::bare(text, "; ");
        }
        let end =
            text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let rest = rest.trim_start();
        let (extras, rest) =
            rest.strip_prefix('[').map_or(("", rest), |extras| extras.split_once(']').unwrap_or(("", "")));
        let (extras, rest) = (extras.trim().to_owned(), rest.trim_start());
        if let Some(target) = rest.strip_prefix('@').filter(|_| !name.is_empty() && !name.starts_with('.')) {
            let (target, marker) = split_marker(target, " ;");
            return Self {
                project: normalised_project(name),
                extras,
                target: Some(target),
                marker,
                ..Self::default()
            };
        }
        if is_path(text) {
            return Self::bare(text, ";");
        }
        let (versions, marker) = split_marker(rest, ";");
        let versions = versions.trim_matches(['(', ')']).trim().to_owned();
        Self { project: normalised_project(name), extras, versions, target: None, marker }
    }

    fn bare(text: &str, separator: &str) -> Self {
        let (target, marker) = split_marker(text, separator);
        let egg = target.split_once("#egg=").map(|(_, name)| name.split(['&', '[']).next().unwrap_or(name));
        let project = egg.map(normalised_project).unwrap_or_default();
        Self { project, target: Some(target), marker, ..Self::default() }
    }

    /// As PEP 508 has it, for what is installed: a wheel by its name and version. None: no project can be told.
    pub fn text(&self) -> Option<String> {
        let (mut project, mut versions) = (self.project.clone(), self.versions.clone());
        if let Some(target) = &self.target {
            let path =
                target.split(['#', '?']).next().unwrap_or(target).replace("%2B", "+").replace("%2b", "+");
            let file = Utf8Path::new(path.split('[').next().unwrap_or(&path)).file_name()?.to_owned();
            let mut parts = file.split('-');
            let named = normalised_project(parts.next()?);
            versions = format!("=={}", parts.next()?.replace('_', "-"));
            project = if project.is_empty() { named } else { project };
        }
        let extras = if self.extras.is_empty() { String::new() } else { format!("[{}]", self.extras) };
        let marker = self.marker.as_ref().map_or_else(String::new, |marker| format!(" ; {marker}"));
        (!project.is_empty()).then(|| format!("{project}{extras}{versions}{marker}"))
    }

    /// Whether pip would meet it with something other than a wheel, and so leave no wheel behind.
    pub fn is_without_wheel(&self) -> bool {
        self.target.as_ref().is_some_and(|target| !is_wheel(target))
    }
}

/// Whether an address or a path names a wheel.
pub fn is_wheel(target: &str) -> bool {
    let path = target.split(['#', '?']).next().unwrap_or(target);
    // Extras behind a path: `./x-1-py3-none-any.whl[test]`.
    let path = if path.ends_with(']') { path.rsplit_once('[').map_or(path, |(path, _)| path) } else { path };
    // `git+https://…/x.whl` is a repository of that name.
    path.trim_end().to_ascii_lowercase().ends_with(".whl") && !is_repository(target)
}

/// Whether an address is one of a version control system: `git+https://…`.
pub fn is_repository(target: &str) -> bool {
    let scheme = target.split_once(':').map_or("", |(scheme, _)| scheme);
    scheme.contains('+') || ["git", "hg", "svn", "bzr", "ssh"].contains(&scheme)
}

fn is_address(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else { return false };
    let scheme = scheme.split_once('+').map_or(scheme, |(first, _)| first);
    SCHEMES.contains(&scheme.to_ascii_lowercase().as_str())
}

fn is_path(text: &str) -> bool {
    let word = text.split(';').next().unwrap_or(text).trim();
    let word = if word.ends_with(']') { word.rsplit_once('[').map_or(word, |(path, _)| path) } else { word };
    let name = word.to_ascii_lowercase();
    word.starts_with('.') || word.contains('/') || ARCHIVES.iter().any(|ending| name.ends_with(ending))
}

fn split_marker(text: &str, separator: &str) -> (String, Option<String>) {
    match text.split_once(separator) {
        Some((before, marker)) => (before.trim().to_owned(), Some(marker.trim().to_owned())),
        None => (text.trim().to_owned(), None),
    }
}

/// What is wrong with a line for `deps`, which brings wheels alone, and what works instead.
pub fn refused(says: &Says) -> Option<(String, String)> {
    match says {
        Says::Editable(target) => Some((
            format!("`-e {target}` is not a wheel: `deps` compiles nothing"),
            component(None, target, true),
        )),
        Says::Option(text) if text.starts_with("--no-binary") => Some((
            format!("`{text}` asks for sources, and `deps` compiles nothing"),
            "remove the line, and build these projects as components: `driver = \"python\"` with the source \
             `{ kind = \"pypi\", name = \"…\", version = \"…\" }`"
                .to_owned(),
        )),
        Says::Requirement(requirement) if requirement.is_without_wheel() => {
            let target = requirement.target.as_deref().unwrap_or_default();
            let project = Some(requirement.project.as_str()).filter(|name| !name.is_empty());
            let named = project.map_or_else(|| format!("`{target}`"), |name| format!("`{name} @ {target}`"));
            Some((
                format!("{named} is not a wheel: `deps` compiles nothing"),
                component(project, target, false),
            ))
        }
        _ => None,
    }
}

/// The component and source that stand for a requirement without a wheel.
fn component(project: Option<&str>, target: &str, editable: bool) -> String {
    let address = target.split('#').next().unwrap_or(target);
    let path = address.strip_prefix("file://").unwrap_or(address);
    let name = Utf8Path::new(path.trim_end_matches('/')).file_name().unwrap_or("name");
    let name = name.split(['@', '.', '[']).find(|part| !part.is_empty()).unwrap_or("name");
    let name = project.unwrap_or(name);
    let source = if is_repository(target) {
        let url = address.split_once('+').map_or(address, |(_, url)| url);
        let after_host =
            url.split_once("://").map_or(0, |(scheme, rest)| scheme.len() + 3 + rest.find('/').unwrap_or(0));
        let (url, commit) = match url[after_host..].rsplit_once('@') {
            Some((path, commit)) => (format!("{}{path}", &url[..after_host]), commit.to_owned()),
            None => (url.to_owned(), "…".to_owned()),
        };
        format!("{{ kind = \"git\", url = \"{url}\", revision = \"{commit}\" }}")
    } else if ARCHIVES.iter().any(|ending| path.to_ascii_lowercase().ends_with(ending)) {
        let url = if address.contains("://") { address.to_owned() } else { format!("file://{path}") };
        format!("{{ kind = \"archive\", urls = [\"{url}\"], sha256 = \"…\" }}")
    } else {
        format!("{{ kind = \"path\", path = \"{}\" }}", path.trim_start_matches("file:"))
    };
    let editable = if editable { ", editable = true" } else { "" };
    format!(
        "build it as a component: [sources] {name} = {source}, [components.{name}] driver = \
         \"python\"{editable}; or put a wheel of it into a directory of python.find_links and write its name \
         alone"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Requirement {
        match says(text) {
            Says::Requirement(requirement) => requirement,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn lines_are_joined_and_comments_left_out() {
        let text = "# first\nnumpy \\\n  >= 2  # why\n\n  # alone\ngit+https://x/y#egg=z\ncertifi==1 \\\n# in between\nidna\n";
        let found = lines(text);
        let found: Vec<(usize, &str)> = found.iter().map(|line| (line.number, line.text.as_str())).collect();
        assert_eq!(
            found,
            [(2, "numpy   >= 2"), (6, "git+https://x/y#egg=z"), (7, "certifi==1"), (9, "idna")]
        );
    }

    #[test]
    fn options_are_told_apart() {
        assert_eq!(says("-r a.txt"), Says::Include("a.txt".to_owned()));
        assert_eq!(says("--requirement=a.txt"), Says::Include("a.txt".to_owned()));
        assert_eq!(says("-ca.txt"), Says::Constraints("a.txt".to_owned()));
        assert_eq!(says("-e ./pkg"), Says::Editable("./pkg".to_owned()));
        assert_eq!(says("--editable git+https://x/y"), Says::Editable("git+https://x/y".to_owned()));
        assert_eq!(
            says("--extra-index-url https://x"),
            Says::Option("--extra-index-url https://x".to_owned())
        );
    }

    #[test]
    fn requirements_are_read() {
        let found = one("Foo_Bar[x,y] >=1,<2 ; python_version < '3.9' --hash=sha256:00");
        assert_eq!((found.project.as_str(), found.versions.as_str()), ("foo-bar", ">=1,<2"));
        assert_eq!(found.marker.as_deref(), Some("python_version < '3.9'"));
        let found = one("foo @ https://x/foo-1-py3-none-any.whl#sha256=00 ; sys_platform == 'linux'");
        assert_eq!(found.target.as_deref(), Some("https://x/foo-1-py3-none-any.whl#sha256=00"));
        assert!(!found.is_without_wheel());
        assert_eq!(found.text().as_deref(), Some("foo==1 ; sys_platform == 'linux'"));
        assert_eq!(one("git+https://x/y@v1#egg=Y").project, "y");
        let text = |line: &str| one(line).text().unwrap();
        assert_eq!(text("uvicorn[standard] >=0.3"), "uvicorn[standard]>=0.3");
        assert_eq!(text("./wheels/My_Pkg-1.0%2Bcu118-py3-none-any.whl"), "my-pkg==1.0+cu118");
    }

    #[test]
    fn what_leaves_no_wheel_is_refused_and_wheels_are_not() {
        for text in [
            "pkg @ git+file:///srv/pkg",
            "pkg @ git+https://example.org/pkg.git@v1",
            "pkg@file:///srv/pkg-1.tar.gz",
            "pkg[extra] @ https://example.org/pkg-1.tar.gz",
            "./pkg",
            "../pkg",
            ".",
            "pkg/",
            "vendor/pkg[extra]",
            "pkg-1.tar.gz",
            "file:///srv/pkg",
            "file:pkg",
            "git+https://example.org/pkg",
            "https://example.org/pkg-1.zip",
            "-e .",
            "--no-binary :all:",
            "./pkg ; python_version > '3'",
        ] {
            let (message, help) = refused(&says(text)).unwrap_or_else(|| panic!("{text} is let through"));
            assert!(!message.is_empty() && help.contains("driver = \"python\""), "{text}: {message} {help}");
        }
        for text in [
            "pkg==1",
            "pkg @ file:///srv/pkg-1-py3-none-any.whl",
            "./wheels/pkg-1-py3-none-any.whl",
            "pkg-1-py3-none-any.whl[extra]",
            "https://example.org/pkg-1-py3-none-any.whl#sha256=00",
            "--pre",
            "-r more.txt",
            "pkg~=1.0; python_version > '3'",
        ] {
            assert_eq!(refused(&says(text)), None, "{text}");
        }
    }

    #[test]
    fn the_way_out_names_source_and_component() {
        let (_, help) = refused(&says("pkg @ git+ssh://git@example.org/a/pkg.git@v1")).unwrap();
        assert!(help.contains("url = \"ssh://git@example.org/a/pkg.git\", revision = \"v1\""), "{help}");
        let (_, help) = refused(&says("-e ./my.pkg")).unwrap();
        assert!(help.contains("{ kind = \"path\", path = \"./my.pkg\" }"), "{help}");
        assert!(help.contains("editable = true"), "{help}");
    }
}
