//! `[cuda]`, `[python]`, `[pytorch]` and `[tensorrt]`.

use std::collections::{BTreeMap, BTreeSet};

use super::super::stack::covers;
use super::super::{PYTORCH_PROJECTS, normalised_project};
use super::Checker;
use super::toolchains::is_dotted;

impl Checker<'_> {
    pub(super) fn cuda(&mut self) {
        let Some(cuda) = &self.case.cuda else { return };
        if let Some(version) = cuda.version.as_deref().filter(|version| !is_dotted(version)) {
            let help = Some("write numbers with dots: \"11.8\"".to_owned());
            self.at_value(&["cuda", "version"], format!("`{version}` is not a version of CUDA"), help);
        }
        if let Err(error) = cuda.capabilities() {
            let help = Some("write `86`, `\"8.6\"` or `\"sm_86\"`, or a list of these".to_owned());
            self.at_value(&["cuda", "arch"], error.to_string(), help);
        }
    }

    pub(super) fn python_packages(&mut self) {
        if let Some(python) = &self.case.python {
            let version = python.version.as_deref();
            if let Some(version) = version.filter(|version| !is_dotted(version) || !version.contains('.')) {
                let help = Some("write numbers with a dot: \"3.10\"".to_owned());
                self.at_value(
                    &["python", "version"],
                    format!("`{version}` is not a version of Python"),
                    help,
                );
            }
            let mut names = BTreeSet::new();
            for (index, group) in python.optional.iter().enumerate() {
                let path = ["python", "optional", &index.to_string(), "name"];
                let name = group.name.as_str();
                if !self.named(&path, name, "optional packages") {
                    continue;
                }
                if !names.insert(name) {
                    let help = Some("give each its own name".to_owned());
                    self.at_value(
                        &path,
                        format!("two groups of optional packages are called `{name}`"),
                        help,
                    );
                }
            }
        }
        self.indexes();
    }

    /// Addresses without secrets, and no package from two of them.
    fn indexes(&mut self) {
        let case = self.case;
        let mut owners: BTreeMap<String, String> = BTreeMap::new();
        let mut urls: Vec<(Vec<String>, &str)> = Vec::new();
        for (index, entry) in case.python.iter().flat_map(|python| python.indexes.iter().enumerate()) {
            let at = ["python", "indexes", &index.to_string()].map(str::to_owned).to_vec();
            urls.push(([at.clone(), vec!["url".to_owned()]].concat(), &entry.url));
            for (number, package) in entry.packages.iter().enumerate() {
                if let Some(other) = owners.insert(normalised_project(package), entry.name.clone()) {
                    let number = number.to_string();
                    let path = ["python", "indexes", at[2].as_str(), "packages", &number];
                    let message = format!("`{package}` already comes from index `{other}`");
                    self.at_value(&path, message, Some("keep it in one of them".to_owned()));
                }
            }
            if entry.packages.is_empty() {
                let path = ["python", "indexes", at[2].as_str(), "packages"];
                let message = format!("index `{}` has no packages", entry.name);
                self.at_value(&path, message, Some("list the packages that come from it".to_owned()));
            }
        }
        if case.pytorch.as_ref().is_some_and(|section| section.index_url.is_some()) {
            for project in PYTORCH_PROJECTS {
                if let Some(other) = owners.get(project) {
                    let message = format!("`{project}` already comes from index `{other}`");
                    let help = Some("keep it in one of them".to_owned());
                    self.at_value(&["pytorch", "index_url"], message, help);
                }
            }
        }
        let sections = [
            ("pytorch", case.pytorch.as_ref().and_then(|section| section.index_url.as_deref())),
            ("tensorrt", case.tensorrt.as_ref().and_then(|section| section.index_url.as_deref())),
        ];
        for (section, url) in sections {
            urls.extend(url.map(|url| (vec![section.to_owned(), "index_url".to_owned()], url)));
        }
        for (path, url) in urls {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let rest = ["https://", "http://", "file:///"].iter().find_map(|scheme| url.strip_prefix(scheme));
            match rest {
                None => {
                    let help = Some("write https://, http:// or file:/// before it".to_owned());
                    self.at_value(&path, "this is not the address of an index".to_owned(), help);
                }
                Some(rest) if rest.split('/').next().is_some_and(|host| host.contains('@')) => {
                    let help = Some("put them into ~/.netrc, where pip looks for them".to_owned());
                    let message = "a case must not contain user and password".to_owned();
                    self.at_value(&path, message, help);
                }
                Some(_) => {}
            }
        }
    }

    pub(super) fn tensorrt(&mut self) {
        let Some(tensorrt) = &self.case.tensorrt else { return };
        let known = &tensorrt.supported_versions;
        let Some(version) = &tensorrt.version else { return };
        if !known.is_empty() && !known.iter().any(|pattern| covers(pattern, version)) {
            let message = format!("TensorRT {version} is not one of `supported_versions`");
            let help = format!("use one of {}, or add it there", known.join(", "));
            self.at_value(&["tensorrt", "version"], message, Some(help));
        }
    }
}
