//! A deployment case of InfiniLM-SVC's scripts: a directory of settings in shell, requirement files and configuration.

mod files;
mod projects;
mod settings;
mod variables;
mod written;

use std::collections::BTreeMap;

use self::projects::{INFINICORE, INFINILM};
use self::settings::{Setting, Settings};
use self::variables::{Meaning, meaning};
use self::written::Written;
use super::shell::{Reader, Variable};
use super::{Finding, Imported, IsSecret, Kind, of_a_place, quoted, without_credentials};

pub use self::projects::{REPOSITORIES, SERVICE, WHOLE};

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
        wanted: Vec::new(),
        settings: Settings::default(),
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
    /// Which of the two Python packages are built.
    wanted: Vec<&'static str>,
    settings: Settings,
}

impl Import<'_> {
    /// Tells of a variable; of one that may be secret only the name.
    fn tell(&mut self, kind: Kind, name: &str, variable: &Variable, why: impl Into<String>) {
        let text = if kind == Kind::Site { name.to_owned() } else { variable.text.clone() };
        let (file, line) = (variable.file.clone(), variable.line);
        self.findings.push(Finding { kind, file, line, text, why: why.into() });
    }

    /// One that only some machines set: still nothing of a case where it is the place's.
    fn conditional(&mut self, name: &str, finding: Finding) {
        let finding = match meaning(name) {
            Some(Meaning::Site(section)) => {
                Finding { kind: Kind::Site, text: name.to_owned(), why: of_a_place(section), ..finding }
            }
            _ => finding,
        };
        self.findings.push(finding);
    }

    fn case(&mut self) -> String {
        self.wanted = self.wanted();
        for (name, variable) in self.variables.clone() {
            self.variable(&name, &variable);
        }
        // The case of the service starts less than the scripts did where nobody said anything.
        if !self.settings.app.iter().any(|setting| ["launch", "enabled"].contains(&setting.key.as_str())) {
            let at = "what the scripts took".to_owned();
            self.settings.app.push(Setting { key: "launch".to_owned(), value: quoted("all"), at });
        }
        let requirements = self.requirements();
        self.configuration();
        let written = Written {
            name: &self.old.name,
            from: &self.old.from,
            wanted: &self.wanted,
            settings: &self.settings,
            requirements: &requirements,
        };
        written.text()
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
