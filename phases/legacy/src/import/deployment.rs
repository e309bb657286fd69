//! A deployment case of InfiniLM-SVC's scripts: a directory of settings in shell, requirement files and configuration.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use model::accelerators;
use model::case::{OptionValue, quoted_key};

use super::shell::{Piece, Reader, Variable};
use super::{
    Finding, Imported, IsSecret, Kind, build_options, is_proxy, list, of_a_place, quoted, without_credentials,
};

/// The case of the two Python packages, for the CPU.
pub const WHOLE: &str = "infinilm-cpu";
/// The case of the service alone.
pub const SERVICE: &str = "infinilm-svc";

const INFINICORE: &str = "infinicore";
const INFINILM: &str = "infinilm";

/// Where the scripts cloned what no checkout was given of.
pub const REPOSITORIES: [(&str, &str); 2] = [
    (INFINICORE, "https://github.com/InfiniTensor/InfiniCore.git"),
    (INFINILM, "https://github.com/InfiniTensor/InfiniLM.git"),
];

/// An old deployment case, as text.
#[derive(Clone, Debug, Default)]
pub struct Deployment {
    /// What the new case is called.
    pub name: String,
    /// Where it was read from, for the first line of the case.
    pub from: String,
    /// `install.defaults.sh`, `env-set.sh`, `requirements*.txt`, `config/*.toml`: path and text.
    pub files: Vec<(String, String)>,
    /// What else lies there.
    pub others: Vec<String>,
}

/// What a variable means.
#[derive(Clone, Copy)]
enum Meaning {
    /// Whether a component is built.
    Component,
    Revision(&'static str),
    Checkout(&'static str),
    BuildCommand,
    /// A key of the service's `app`, as text.
    Text(&'static str),
    Port(&'static str),
    Babysitters,
    SetupAppRoot,
    /// Nothing of a case, and why.
    Told(&'static str),
    /// The same, where the value is this.
    ToldIf(&'static str, &'static str),
    /// Of a place: the section of `site.toml`.
    Site(&'static str),
    /// Directories with colons between them.
    Directories,
    /// The directories in which programs are looked for.
    Programs,
}

const NOT_COMPILED_AGAIN: &str =
    "unchanged code is not compiled again, and changed code always is: there is no key for it";

/// Variables by name. What is not here and exported is the case's environment.
const VARIABLES: &[(&str, Meaning)] = &[
    ("APP_ROOT", Meaning::Text("root")),
    ("BABYSITTER_CONFIGS", Meaning::Babysitters),
    ("CARGO_HOME", Meaning::Told("installer keeps crates in its own directory (--data-dir)")),
    ("CMAKE_PREFIX_PATH", Meaning::Directories),
    ("CPATH", Meaning::Directories),
    ("CPLUS_INCLUDE_PATH", Meaning::Directories),
    ("CURL_CA_BUNDLE", Meaning::Site("certificates")),
    ("C_INCLUDE_PATH", Meaning::Directories),
    ("DEPLOYMENT_CASE", Meaning::Told("the case has the name of its directory")),
    ("GIT_SSL_CAINFO", Meaning::Site("certificates")),
    ("INFINICORE_BRANCH", Meaning::Revision(INFINICORE)),
    ("INFINICORE_BUILD_CMD", Meaning::BuildCommand),
    ("INFINICORE_BUILD_CPP", Meaning::Told(NOT_COMPILED_AGAIN)),
    ("INFINICORE_BUILD_PYTHON", Meaning::Told(NOT_COMPILED_AGAIN)),
    ("INFINICORE_SRC", Meaning::Checkout(INFINICORE)),
    ("INFINILM_BRANCH", Meaning::Revision(INFINILM)),
    ("INFINILM_RUST_BRANCH", Meaning::Told("the scripts built nothing of InfiniLM-Rust")),
    ("INFINILM_RUST_SRC", Meaning::Told("the scripts built nothing of InfiniLM-Rust")),
    ("INFINILM_SRC", Meaning::Checkout(INFINILM)),
    ("INFINILM_SVC_SRC", Meaning::Checkout(SERVICE)),
    ("INFINI_ROOT", Meaning::Told("installed files are in the prefix (--prefix) and find each other there")),
    ("INSTALL_INFINICORE", Meaning::Component),
    ("INSTALL_INFINILM", Meaning::Component),
    ("INSTALL_PATH", Meaning::Told("programs are installed into `bin` of the prefix: set it with --prefix")),
    ("INSTALL_PHASE", Meaning::Told("the phase is the command: installer deps, build or all")),
    (
        "INSTALL_PYTHON_DEPS",
        Meaning::ToldIf(
            "true",
            "it installed the service's own requirements.txt: write what this deployment needs of it under \
             `python.packages`",
        ),
    ),
    ("INSTALL_XTASK", Meaning::ToldIf("true", "the scripts built nothing of InfiniLM-Rust")),
    ("LAUNCH_COMPONENTS", Meaning::Text("launch")),
    ("LD_LIBRARY_PATH", Meaning::Directories),
    ("LIBRARY_PATH", Meaning::Directories),
    ("PATH", Meaning::Programs),
    ("PIP_CERT", Meaning::Site("certificates")),
    ("PIP_EXTRA_INDEX_URL", Meaning::Site("pip")),
    ("PIP_INDEX_URL", Meaning::Site("pip")),
    ("PIP_TRUSTED_HOST", Meaning::Site("pip")),
    ("PKG_CONFIG_PATH", Meaning::Directories),
    ("PYTHONPATH", Meaning::Directories),
    ("REGISTRY_PORT", Meaning::Port("registry_port")),
    ("REQUESTS_CA_BUNDLE", Meaning::Site("certificates")),
    ("ROUTER_PORT", Meaning::Port("router_port")),
    ("RUSTUP_DIST_SERVER", Meaning::Site("rustup")),
    ("RUSTUP_UPDATE_ROOT", Meaning::Site("rustup")),
    ("SETUP_APP_ROOT", Meaning::SetupAppRoot),
    ("SSL_CERT_FILE", Meaning::Site("certificates")),
    ("VERIFY_INSTALL", Meaning::ToldIf("false", "every build verifies; --verify-level says how far")),
    ("XMAKE_MAIN_REPO", Meaning::Site("xmake")),
    ("XMAKE_ROOT", Meaning::Told("the driver xmake sets it")),
];

/// Reads a deployment case.
pub fn read(old: &Deployment, is_secret: IsSecret<'_>) -> Imported {
    let mut shell = Reader::default();
    // The scripts read the settings first, and the environment over them.
    for wanted in ["install.defaults.sh", "env-set.sh"] {
        for (name, text) in old.files.iter().filter(|(name, _)| name == wanted) {
            shell.read(name, text);
        }
    }
    let mut import = Import {
        old,
        is_secret,
        findings: std::mem::take(&mut shell.findings),
        variables: std::mem::take(&mut shell.variables),
        files: Vec::new(),
    };
    for (name, finding) in shell.conditional {
        import.conditional(&name, finding);
    }
    let mut case = import.case();
    without_credentials(&mut case, &mut import.findings, is_secret);
    import.others();
    let order = |file: &str| old.files.iter().position(|(name, _)| name == file).unwrap_or(usize::MAX);
    let mut findings = import.findings;
    findings.sort_by_key(|finding| (finding.kind, order(&finding.file), finding.line));
    Imported { case, files: import.files, findings }
}

struct Import<'a> {
    old: &'a Deployment,
    is_secret: IsSecret<'a>,
    findings: Vec<Finding>,
    variables: BTreeMap<String, Variable>,
    files: Vec<(String, String)>,
}

impl Import<'_> {
    /// Tells of a variable; of one that may be secret only the name.
    fn tell(&mut self, kind: Kind, name: &str, variable: &Variable, why: impl Into<String>) {
        let text = if kind == Kind::Site { name.to_owned() } else { variable.text.clone() };
        let (file, line) = (variable.file.clone(), variable.line);
        self.findings.push(Finding { kind, file, line, text, why: why.into() });
    }

    fn meaning(name: &str) -> Option<Meaning> {
        if is_proxy(name) {
            return Some(Meaning::Site("proxies"));
        }
        VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, meaning)| *meaning)
    }

    /// One that only some machines set: still nothing of a case where it is the place's.
    fn conditional(&mut self, name: &str, finding: Finding) {
        let finding = match Self::meaning(name) {
            Some(Meaning::Site(section)) => {
                Finding { kind: Kind::Site, text: name.to_owned(), why: of_a_place(section), ..finding }
            }
            _ => finding,
        };
        self.findings.push(finding);
    }

    fn case(&mut self) -> String {
        let variables: Vec<(String, Variable)> =
            self.variables.iter().map(|(name, variable)| (name.clone(), variable.clone())).collect();
        let wanted = self.wanted();
        let mut revisions = Vec::new();
        let mut options = Vec::new();
        let mut app = Vec::new();
        let mut environment = Vec::new();
        for (name, variable) in &variables {
            let at = format!("{}:{}", variable.file, variable.line);
            let value = variable.value();
            let meaning = Self::meaning(name);
            if let Some(Meaning::Site(section)) = meaning {
                self.tell(Kind::Site, name, variable, of_a_place(section));
                continue;
            }
            let known: String = variable
                .pieces
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Text(text) => Some(text.as_str()),
                    _ => None,
                })
                .collect();
            if (self.is_secret)(name, &known) {
                let why = "it looks like a credential and is skipped: a credential belongs in site.toml or \
                           in `docker run -e`";
                self.tell(Kind::Site, name, variable, why);
                continue;
            }
            match (meaning, value) {
                (Some(Meaning::Directories), _) => {
                    if let Some(directories) = self.directories(name, variable) {
                        environment.push((name.clone(), quoted(&directories), at));
                    }
                }
                (Some(Meaning::Programs), _) => {
                    let why = "programs come from the PATH of whoever runs installer, and installed ones \
                               need none: set it in the base image, or in `app.environment` of the service";
                    self.tell(Kind::Note, name, variable, why);
                }
                (_, None) => {
                    let why = format!(
                        "its value uses {}, which these files do not set: write the whole value",
                        variable.outside().join(" and ")
                    );
                    self.tell(Kind::Unread, name, variable, why);
                }
                (Some(Meaning::Told(why)), Some(_)) => self.tell(Kind::Note, name, variable, why),
                (Some(Meaning::ToldIf(when, why)), Some(value)) => {
                    if value == when {
                        self.tell(Kind::Note, name, variable, why);
                    }
                }
                (Some(Meaning::Component), Some(_)) => {}
                (Some(Meaning::Revision(source)), Some(value)) => {
                    if wanted.contains(&source) && !value.is_empty() {
                        revisions.push((source, value, at, variable));
                    } else if !value.is_empty() {
                        self.tell(Kind::Note, name, variable, format!("{source} is not part of this case"));
                    }
                }
                (Some(Meaning::Checkout(source)), Some(value)) => {
                    if !value.is_empty() {
                        let why = format!(
                            "a directory of one machine does not belong in a case: use --source \
                             {source}={value}"
                        );
                        self.tell(Kind::Note, name, variable, why);
                    }
                }
                (Some(Meaning::BuildCommand), Some(value)) => {
                    if !wanted.contains(&INFINICORE) {
                        self.tell(Kind::Note, name, variable, "infinicore is not part of this case");
                    } else if !value.is_empty() {
                        match build_options(&value) {
                            Ok(read) => {
                                options.extend(read.into_iter().map(|(key, value)| (key, value, at.clone())))
                            }
                            Err(why) => self.tell(
                                Kind::Unread,
                                name,
                                variable,
                                format!("{why}: write its options under `components.infinicore.options`"),
                            ),
                        }
                    }
                }
                (Some(Meaning::Text(key)), Some(value)) => {
                    if !value.is_empty() {
                        app.push((key, quoted(&value), at));
                    }
                }
                (Some(Meaning::Port(key)), Some(value)) => match value.parse::<u16>() {
                    Ok(port) => app.push((key, port.to_string(), at)),
                    Err(_) => self.tell(Kind::Unread, name, variable, format!("`{value}` is not a port")),
                },
                (Some(Meaning::Babysitters), Some(value)) => {
                    let files: Vec<String> = value
                        .split_whitespace()
                        .map(|file| file.strip_prefix("config/").unwrap_or(file).to_owned())
                        .collect();
                    app.push(("babysitters", list(&files), at));
                }
                (Some(Meaning::SetupAppRoot), Some(value)) => {
                    if value == "false" {
                        app.push(("enabled", "false".to_owned(), at));
                    }
                }
                (Some(Meaning::Site(_)), _) => {}
                (None, Some(value)) if variable.exported => {
                    environment.push((name.clone(), quoted(&value), at))
                }
                (None, Some(_)) => {
                    if !self.read_elsewhere(name) {
                        let why = "no key of a case corresponds to it, and it is not exported";
                        self.tell(Kind::Unread, name, variable, why);
                    }
                }
            }
        }
        // The case of the service starts less than the scripts did where nobody said anything.
        if !app.iter().any(|(key, ..)| ["launch", "enabled"].contains(key)) {
            app.push(("launch", quoted("all"), "what the scripts took".to_owned()));
        }
        let requirements = self.requirements();
        self.configuration();
        let devices: Vec<&str> = accelerators::table()
            .accelerator
            .iter()
            .filter(|row| !row.on)
            .filter(|row| {
                options.iter().any(|(key, value, _)| *key == row.option && accelerators::switched_on(value))
            })
            .map(|row| row.name.as_str())
            .collect();
        // The case for the CPU brings a PyTorch for the CPU; for devices it is the vendor's image that has one.
        let for_cpu = wanted.len() == 2 && devices.is_empty();
        let mut text = self.head(&wanted, for_cpu, &devices);
        declared(&mut text, &wanted, for_cpu, &revisions);
        if !options.is_empty() {
            text.push_str("\n[components.infinicore.options]\n");
            for (key, value, at) in options {
                let value = match value {
                    OptionValue::Switch(on) => on.to_string(),
                    OptionValue::Number(number) => number.to_string(),
                    OptionValue::Text(text) => quoted(&text),
                    OptionValue::List(texts) => list(&texts),
                };
                let _ = writeln!(text, "{} = {value} # {at}", quoted_key(&key));
            }
        }
        if !app.is_empty() {
            let _ = writeln!(text, "\n[components.{SERVICE}.app]");
            for (key, value, at) in app {
                let _ = writeln!(text, "{key} = {value} # {at}");
            }
        }
        let own_python = !wanted.is_empty() && !for_cpu;
        if own_python || !requirements.is_empty() {
            text.push_str("\n[python]\n");
        }
        if own_python {
            text.push_str(
                "# What the image's Python has (PyTorch for its devices) is kept.\nenvironment = \"venv-system-site\"\n",
            );
        }
        if !requirements.is_empty() {
            let _ = writeln!(text, "requirements = {}", list(&requirements));
        }
        if !environment.is_empty() {
            text.push_str("\n[environment]\n");
            for (key, value, at) in environment {
                let _ = writeln!(text, "{key} = {value} # {at}");
            }
        }
        text
    }

    fn head(&self, wanted: &[&str], for_cpu: bool, devices: &[&str]) -> String {
        let mut parents = vec![SERVICE.to_owned()];
        if for_cpu {
            parents.push(WHOLE.to_owned());
        }
        if !wanted.is_empty() {
            parents.extend(devices.iter().map(|name| format!("accelerator-{name}")));
        }
        let extends = if let [one] = parents.as_slice() { quoted(one) } else { list(&parents) };
        format!(
            "# Read from {} by `installer case import`; each value has a comment with the line that it comes \
             from.\n\nschema = 1\nextends = {extends}\n\n[metadata]\nname = {}\ndescription = {}\n",
            self.old.from,
            quoted(&self.old.name),
            quoted(&format!("the deployment case {} of older scripts", self.old.name)),
        )
    }

    /// Which of the two Python packages are built; `auto` meant yes in a container.
    fn wanted(&mut self) -> Vec<&'static str> {
        let mut wanted = Vec::new();
        for (name, component) in [("INSTALL_INFINICORE", INFINICORE), ("INSTALL_INFINILM", INFINILM)] {
            let variable = self.variables.get(name).cloned();
            let value = variable.as_ref().and_then(Variable::value).unwrap_or_else(|| "auto".to_owned());
            match (value.as_str(), variable) {
                ("true", _) => wanted.push(component),
                ("false", _) => {}
                ("auto" | "", Some(variable)) => {
                    wanted.push(component);
                    let why = format!(
                        "`auto` meant yes in a container, so {component} is part of the case; without it: extends = \"{SERVICE}\", or --skip {component}"
                    );
                    self.tell(Kind::Note, name, &variable, why);
                }
                (_, Some(variable)) => {
                    self.tell(Kind::Unread, name, &variable, "it is not auto, true or false");
                }
                (_, None) => {
                    wanted.push(component);
                    self.findings.push(Finding {
                        kind: Kind::Note,
                        file: "install.defaults.sh".to_owned(),
                        line: 0,
                        text: name.to_owned(),
                        why: format!(
                            "it is not set, which meant yes in a container, so {component} is part of the case; without it: extends = \"{SERVICE}\", or --skip {component}"
                        ),
                    });
                }
            }
        }
        if wanted == [INFINILM] {
            wanted.insert(0, INFINICORE);
            if let Some(variable) = self.variables.get("INSTALL_INFINICORE").cloned() {
                let why = "infinilm is compiled against infinicore, which is therefore part of the case";
                self.tell(Kind::Note, "INSTALL_INFINICORE", &variable, why);
            }
        }
        wanted
    }

    /// The directories of a list that these files say; none where there are none.
    fn directories(&mut self, name: &str, variable: &Variable) -> Option<String> {
        const SEPARATOR: char = ':';
        let own_root = self.variables.get("INFINI_ROOT").and_then(Variable::value);
        let mut elements: Vec<Vec<Piece>> = vec![Vec::new()];
        for piece in &variable.pieces {
            match piece {
                Piece::Text(text) => {
                    for (index, part) in text.split(SEPARATOR).enumerate() {
                        if index > 0 {
                            elements.push(Vec::new());
                        }
                        if let Some(last) = elements.last_mut().filter(|_| !part.is_empty()) {
                            last.push(Piece::Text(part.to_owned()));
                        }
                    }
                }
                other => elements.last_mut()?.push(other.clone()),
            }
        }
        let mut known: Vec<String> = Vec::new();
        for element in elements {
            // What the list had before is the caller's.
            if element
                .iter()
                .all(|piece| matches!(piece, Piece::Outside(own) | Piece::Unset(own) if own == name))
            {
                continue;
            }
            let texts = element.iter().map(|piece| match piece {
                Piece::Text(text) => Some(text.as_str()),
                Piece::Unset(_) => Some(""),
                Piece::Outside(_) => None,
            });
            let Some(directory) = texts.collect::<Option<String>>() else {
                let why = "one of its directories uses a variable that these files do not set; the others \
                           are used";
                self.tell(Kind::Unread, name, variable, why);
                continue;
            };
            let own = own_root.as_ref().is_some_and(|root| directory.starts_with(root.as_str()));
            if !own && !known.contains(&directory) {
                known.push(directory);
            }
        }
        (!known.is_empty()).then(|| known.join(":"))
    }

    fn read_elsewhere(&self, name: &str) -> bool {
        let forms = [format!("${name}"), format!("${{{name}")];
        self.old.files.iter().filter(|(file, _)| file.ends_with(".sh")).any(|(_, text)| {
            forms.iter().any(|form| {
                text.match_indices(form.as_str()).any(|(at, _)| {
                    let after = text[at + form.len()..].chars().next();
                    // `NAME="${NAME:-value}"` reads itself.
                    let itself = text[..at].ends_with(&format!("{name}=\""))
                        || text[..at].ends_with(&format!("{name}="));
                    !itself && !after.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
                })
            })
        })
    }

    fn requirements(&mut self) -> Vec<String> {
        let is_one = |name: &str| name.starts_with("requirements") && name.ends_with(".txt");
        let old = self.old;
        let mut names = Vec::new();
        for (name, text) in old.files.iter().filter(|(name, _)| is_one(name)) {
            let mut kept = String::new();
            for (index, line) in text.lines().enumerate() {
                let option = line.trim().split([' ', '=']).next().unwrap_or_default();
                let index_option =
                    ["-i", "--index-url", "--extra-index-url", "--trusted-host"].contains(&option);
                if index_option || (self.is_secret)("", line) {
                    let why = if index_option {
                        of_a_place("pip")
                    } else {
                        "it contains a credential and is skipped".to_owned()
                    };
                    self.findings.push(Finding {
                        kind: Kind::Site,
                        file: name.clone(),
                        line: index + 1,
                        text: if index_option { option.to_owned() } else { String::new() },
                        why,
                    });
                    continue;
                }
                if ["-r", "--requirement", "-c", "--constraint", "-e", "--editable"].contains(&option) {
                    self.findings.push(Finding {
                        kind: Kind::Unread,
                        file: name.clone(),
                        line: index + 1,
                        text: line.trim().to_owned(),
                        why: "it names another file or directory: write what it needs here, or list the file under `python.requirements`".to_owned(),
                    });
                    continue;
                }
                kept.push_str(line);
                kept.push('\n');
            }
            self.files.push((name.clone(), kept));
            names.push(name.clone());
        }
        names
    }

    /// Configuration goes along as it is, but for lines that look like credentials.
    fn configuration(&mut self) {
        let old = self.old;
        for (name, text) in old.files.iter().filter(|(name, _)| name.starts_with("config/")) {
            let mut kept = String::new();
            for (index, line) in text.lines().enumerate() {
                let (key, value) = line.split_once('=').unwrap_or(("", line));
                let bare = value.trim().trim_matches(['"', '\'']);
                if (self.is_secret)(key.trim(), bare) {
                    self.findings.push(Finding {
                        kind: Kind::Site,
                        file: name.clone(),
                        line: index + 1,
                        text: key.trim().to_owned(),
                        why: "it looks like a credential and is skipped: set it with `docker run -e`"
                            .to_owned(),
                    });
                    continue;
                }
                kept.push_str(line);
                kept.push('\n');
            }
            self.files.push((name.clone(), kept));
        }
    }

    fn others(&mut self) {
        if self.old.others.is_empty() {
            return;
        }
        self.findings.push(Finding {
            kind: Kind::Note,
            file: String::new(),
            line: 0,
            text: self.old.others.join(", "),
            why: "not part of a case, and ignored".to_owned(),
        });
    }
}

/// The sources of what is built, and the components that no parent declares.
fn declared(
    text: &mut String,
    wanted: &[&str],
    for_cpu: bool,
    revisions: &[(&str, String, String, &Variable)],
) {
    for name in wanted {
        let repository = REPOSITORIES.iter().find(|(known, _)| known == name).map(|(_, address)| address);
        let revision = revisions.iter().find(|(source, ..)| source == name);
        match (repository, revision) {
            (Some(address), Some((_, revision, at, _))) => {
                let _ = writeln!(
                    text,
                    "\n[sources.{name}]\nkind = \"git\"\nurl = {}\nrevision = {} # {at}\nsubmodules = true",
                    quoted(address),
                    quoted(revision),
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
    if for_cpu {
        return;
    }
    for name in wanted {
        let needs = if *name == INFINILM { "\nneeds = [\"infinicore\"]" } else { "" };
        let _ = writeln!(text, "\n[components.{name}]{needs}");
    }
}
