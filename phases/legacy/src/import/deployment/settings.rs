//! What the variables of a deployment say for its case, each with the line that it comes from.

use model::case::OptionValue;

use super::Import;
use super::projects::INFINICORE;
use super::variables::{Meaning, meaning};
use crate::import::shell::{Piece, Variable};
use crate::import::{Kind, build_options, list, of_a_place, quoted};

/// What was found in variables.
#[derive(Default)]
pub(super) struct Settings {
    /// Of sources, by their names.
    pub revisions: Vec<Setting<String>>,
    /// Of InfiniCore.
    pub options: Vec<Setting<OptionValue>>,
    /// Of the service's `app`, as TOML writes the values.
    pub app: Vec<Setting<String>>,
    /// Of the case's environment, as TOML writes the values.
    pub environment: Vec<Setting<String>>,
}

/// A key of the case.
pub(super) struct Setting<T> {
    pub key: String,
    pub value: T,
    /// Where it comes from: file and line.
    pub at: String,
}

impl<T> Setting<T> {
    fn new(key: &str, value: T, variable: &Variable) -> Self {
        Self { key: key.to_owned(), value, at: format!("{}:{}", variable.file, variable.line) }
    }
}

impl Import<'_> {
    /// Takes what a variable says into the settings, or tells why not.
    pub(super) fn variable(&mut self, name: &str, variable: &Variable) {
        let meaning = meaning(name);
        if let Some(Meaning::Site(section)) = meaning {
            self.tell(Kind::Site, name, variable, of_a_place(section));
            return;
        }
        if self.is_secret_variable(name, variable) {
            let why = "it looks like a credential and is skipped: a credential belongs in site.toml or \
                       in `docker run -e`";
            self.tell(Kind::Site, name, variable, why);
            return;
        }
        match (meaning, variable.value()) {
            (Some(Meaning::Directories), _) => {
                if let Some(directories) = self.directories(name, variable) {
                    self.settings.environment.push(Setting::new(name, quoted(&directories), variable));
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
            (Some(meaning), Some(value)) => self.known(meaning, name, variable, &value),
            (None, Some(value)) if variable.exported => {
                self.settings.environment.push(Setting::new(name, quoted(&value), variable));
            }
            (None, Some(_)) => {
                if !self.read_elsewhere(name) {
                    let why = "no key of a case corresponds to it, and it is not exported";
                    self.tell(Kind::Unread, name, variable, why);
                }
            }
        }
    }

    fn is_secret_variable(&self, name: &str, variable: &Variable) -> bool {
        let known: String = variable
            .pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        (self.is_secret)(name, &known)
    }

    /// A variable of the scripts whose whole value is known.
    fn known(&mut self, meaning: Meaning, name: &str, variable: &Variable, value: &str) {
        match meaning {
            Meaning::Told(why) => self.tell(Kind::Note, name, variable, why),
            Meaning::ToldIf(when, why) => {
                if value == when {
                    self.tell(Kind::Note, name, variable, why);
                }
            }
            Meaning::Revision(source) => self.revision(source, name, variable, value),
            Meaning::Checkout(source) => {
                if !value.is_empty() {
                    let why = format!(
                        "a directory of one machine does not belong in a case: use --source \
                         {source}={value}"
                    );
                    self.tell(Kind::Note, name, variable, why);
                }
            }
            Meaning::BuildCommand => self.build_command(name, variable, value),
            Meaning::Text(key) => {
                if !value.is_empty() {
                    self.settings.app.push(Setting::new(key, quoted(value), variable));
                }
            }
            Meaning::Port(key) => match value.parse::<u16>() {
                Ok(port) => self.settings.app.push(Setting::new(key, port.to_string(), variable)),
                Err(_) => self.tell(Kind::Unread, name, variable, format!("`{value}` is not a port")),
            },
            Meaning::Babysitters => {
                let files: Vec<String> = value
                    .split_whitespace()
                    .map(|file| file.strip_prefix("config/").unwrap_or(file).to_owned())
                    .collect();
                self.settings.app.push(Setting::new("babysitters", list(&files), variable));
            }
            Meaning::SetupAppRoot => {
                if value == "false" {
                    self.settings.app.push(Setting::new("enabled", "false".to_owned(), variable));
                }
            }
            // Components are read before the others; the rest has been dealt with by its name alone.
            Meaning::Component | Meaning::Site(_) | Meaning::Directories | Meaning::Programs => {}
        }
    }

    fn revision(&mut self, source: &'static str, name: &str, variable: &Variable, value: &str) {
        if value.is_empty() {
            return;
        }
        if self.wanted.contains(&source) {
            self.settings.revisions.push(Setting::new(source, value.to_owned(), variable));
        } else {
            self.tell(Kind::Note, name, variable, format!("{source} is not part of this case"));
        }
    }

    fn build_command(&mut self, name: &str, variable: &Variable, value: &str) {
        if !self.wanted.contains(&INFINICORE) {
            self.tell(Kind::Note, name, variable, "infinicore is not part of this case");
            return;
        }
        if value.is_empty() {
            return;
        }
        match build_options(value) {
            Ok(read) => {
                let read = read.into_iter().map(|(key, value)| Setting::new(&key, value, variable));
                self.settings.options.extend(read);
            }
            Err(why) => self.tell(
                Kind::Unread,
                name,
                variable,
                format!("{why}: write its options under `components.infinicore.options`"),
            ),
        }
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
}
