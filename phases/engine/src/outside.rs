//! Where the commands of a step must not write: the user's sources, what is installed, the system, the user's home and
//! what belongs to other components.
//!
//! Where steps have mount namespaces of their own these places are read-only there; what is tried all the same is told
//! by the error of the tool. Elsewhere [`written`] looks after the step for what changed.

pub(crate) mod written;

use std::collections::BTreeMap;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use exec::Fence;
use model::ComponentName;
use model::layout::{Layout, plain};
use model::plan::{Action, Command, Phase, Plan, Step};

/// Where the distribution's files are.
const SYSTEM: [&str; 8] = ["/usr", "/usr/local", "/etc", "/opt", "/bin", "/sbin", "/lib", "/lib64"];
/// Directories of the cache in which each component has one of its own.
const TREES: [&str; 4] = ["build", "work", "staging", "fetch-content"];
/// How a tool tells EROFS: in the C library's words, in Rust's and in Python's.
const SIGNS: [&str; 3] = ["Read-only file system", "(os error 30)", "[Errno 30]"];

/// Whose a place is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// A directory of the user's from which a component is built.
    Source,
    /// Where components are installed.
    Prefix,
    /// The distribution's.
    System,
    /// The home directory of the user.
    Home,
    /// Another component.
    Component(String),
    /// The step itself.
    Step,
}

/// The places of a run.
pub(crate) struct Outside {
    /// Absolute, the user's and the system's.
    places: Vec<(Utf8PathBuf, Owner)>,
    /// Where steps may write whatever lies above.
    open: Vec<Utf8PathBuf>,
    /// The users' directories that components are built from.
    sources: BTreeMap<ComponentName, Vec<Utf8PathBuf>>,
    cache: Utf8PathBuf,
}

impl Outside {
    pub(crate) fn of(plan: &Plan, layout: &Layout) -> Self {
        let mut places = vec![(layout.prefix.clone(), Owner::Prefix)];
        places.extend(SYSTEM.map(|path| (Utf8PathBuf::from(path), Owner::System)));
        let open = [&layout.cache, &layout.data].into_iter().cloned();
        let temporary: Vec<Utf8PathBuf> = ["/tmp".into(), "/var/tmp".into()]
            .into_iter()
            .chain(Utf8PathBuf::from_path_buf(std::env::temp_dir()))
            .collect();
        // A home in a temporary directory is made for the moment, and nobody's.
        let home = std::env::var("HOME").map(Utf8PathBuf::from).into_iter();
        let home = home.filter(|home| !temporary.iter().any(|temporary| home.starts_with(temporary)));
        places.extend(home.map(|home| (home, Owner::Home)));
        let mut sources: BTreeMap<ComponentName, Vec<Utf8PathBuf>> = BTreeMap::new();
        for step in &plan.steps {
            match &step.action {
                Action::WorkingCopy(copy) if !copy.from.starts_with(&layout.cache) => {
                    places.push((copy.from.clone(), Owner::Source));
                    if let Some(component) = &step.component {
                        sources.entry(component.clone()).or_default().push(copy.from.clone());
                    }
                }
                Action::Commit(commit) => {
                    let roots = commit.roots.iter().chain([&commit.prefix]);
                    places.extend(roots.map(|root| (root.clone(), Owner::Prefix)));
                }
                _ => {}
            }
        }
        places.retain(|(path, _)| path.is_absolute() && plain(path) != "/");
        // A prefix that is also the system's is a prefix.
        let prefixes: Vec<Utf8PathBuf> = owned(&places, &Owner::Prefix).map(Utf8Path::to_owned).collect();
        places.retain(|(path, owner)| *owner != Owner::System || !prefixes.contains(path));
        places.sort();
        places.dedup();
        Self { places, open: open.chain(temporary).collect(), sources, cache: layout.cache.clone() }
    }

    /// Whether what a step writes is a matter of this: commands of a project do it, and not the installer itself.
    pub(crate) fn concerns(step: &Step) -> bool {
        step.phase == Phase::Build && matches!(step.action, Action::Exec(_))
    }

    /// What this command of a step may not write to.
    pub(crate) fn fence(&self, step: &Step, command: &Command) -> Fence {
        let (open, closed): (Vec<_>, Vec<_>) =
            self.all(step, command).into_iter().partition(|(_, owner)| *owner == Owner::Step);
        let paths = |places: Vec<(Utf8PathBuf, Owner)>| places.into_iter().map(|(path, _)| path).collect();
        Fence { read_only: paths(closed), writable: paths(open) }
    }

    /// The place in which a path lies for a step, if it is not the step's own or nobody's.
    fn owner(&self, path: &Utf8Path, step: &Step, command: &Command) -> Option<Owner> {
        let path = plain(path);
        let places = self.all(step, command);
        let within = |path: &Utf8Path| {
            let above = places.iter().filter(|(place, _)| path.starts_with(place));
            above
                .max_by_key(|(place, owner)| (place.as_str().len(), *owner == Owner::Step))
                .map(|(_, owner)| owner)
        };
        // Through links it may lie elsewhere.
        let existing = path.ancestors().find(|above| above.exists());
        let real = existing.and_then(|above| {
            let rest = path.strip_prefix(above).ok()?;
            Some(above.canonicalize_utf8().ok()?.join(rest))
        });
        let owner = within(real.as_deref().unwrap_or(&path)).or_else(|| within(&path))?;
        (*owner != Owner::Step).then(|| owner.clone())
    }

    fn all(&self, step: &Step, command: &Command) -> Vec<(Utf8PathBuf, Owner)> {
        let mut all = self.places.clone();
        all.extend(self.open.iter().map(|path| (path.clone(), Owner::Step)));
        all.extend(step.scratch.iter().map(|scratch| (scratch.path.clone(), Owner::Step)));
        all.extend(self.others(step));
        // What the case names in a variable is meant to be used: the directory of a cache in the home directory, say.
        let named = command.environment.values().map(|value| Utf8Path::new(value.as_str()));
        let named = named.filter(|path| path.is_absolute() && self.may_be_named(path) && path.is_dir());
        all.extend(named.map(|path| (path.to_owned(), Owner::Step)).collect::<Vec<_>>());
        all
    }

    /// Whether a variable can open a directory: something below the system or the home directory and nothing else.
    fn may_be_named(&self, path: &Utf8Path) -> bool {
        let path = plain(path);
        self.places.iter().all(|(place, owner)| match owner {
            Owner::System | Owner::Home => !place.starts_with(&path),
            _ => !place.starts_with(&path) && !path.starts_with(place),
        }) && !path.starts_with(&self.cache)
    }

    /// The trees of other components.
    fn others(&self, step: &Step) -> Vec<(Utf8PathBuf, Owner)> {
        let own = step.component.as_ref().map(|component| component.as_str());
        let mut found = Vec::new();
        for trees in TREES.map(|trees| self.cache.join(trees)) {
            // Before the first component there are none.
            let Ok(entries) = fs::read_dir(&trees) else { continue };
            for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
                let name = entry.file_name().to_string_lossy().into_owned();
                if Some(name.as_str()) != own {
                    found.push((trees.join(&name), Owner::Component(name)));
                }
            }
        }
        found
    }

    /// What to say of a command that was refused a file; none when nothing of this refused it.
    pub(crate) fn refused(
        &self,
        lines: &[String],
        step: &Step,
        command: &Command,
        program: &str,
    ) -> Option<Told> {
        let mut found = None;
        for line in lines {
            let owned = |path: &&str| self.owner(Utf8Path::new(path), step, command).is_some();
            found = absolute(line).find(owned).map(str::to_owned);
            if found.is_some() {
                break;
            }
        }
        let path = Utf8PathBuf::from(found?);
        let owner = self.owner(&path, step, command)?;
        Some(self.told(&path, &owner, &format!("`{program}` tried to write"), step, program))
    }

    /// What to say of a file that is not the step's: `did` is who wrote it, or tried to.
    fn told(&self, path: &Utf8Path, owner: &Owner, did: &str, step: &Step, program: &str) -> Told {
        let name = step.component.as_ref().map_or("NAME", |component| component.as_str());
        let staging = self.cache.join("staging").join(name);
        let (which, cures) = match owner {
            Owner::Source => (
                "which is in your source: a step works on a copy of it".to_owned(),
                vec![format!(
                    "have the project write below its own directory, which is {} here, and not below an absolute path",
                    self.cache.join("work").join(name)
                )],
            ),
            Owner::Prefix | Owner::System => (
                format!(
                    "which is outside of DESTDIR ({staging}): files are installed from there when all are whole"
                ),
                destdir(program, name),
            ),
            Owner::Home => (
                format!(
                    "which is in the home directory of the user: HOME of a step is {}",
                    self.cache.join("home")
                ),
                vec![format!(
                    "have the project use $HOME, or name the directory in a variable: [components.{name}.environment], \
                     ANY_NAME = \"DIR\" lets the steps of {name} write below DIR, which must exist"
                )],
            ),
            Owner::Component(other) => (
                format!("which belongs to component {other}"),
                vec![format!(
                    "have {other} install what {name} needs, and read it from its prefix: {{prefix:{other}}}"
                )],
            ),
            // Nothing is said of what is the step's own.
            Owner::Step => (String::new(), Vec::new()),
        };
        Told { message: format!("{did} {path}, {which}"), cures }
    }
}

/// A message, and what to do.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) message: String,
    pub(crate) cures: Vec<String>,
}

fn owned<'a>(places: &'a [(Utf8PathBuf, Owner)], wanted: &'a Owner) -> impl Iterator<Item = &'a Utf8Path> {
    places.iter().filter(move |(_, owner)| owner == wanted).map(|(path, _)| path.as_path())
}

/// Whether a line says that a file could not be written because its file system is read-only.
pub(crate) fn is_refusal(line: &str) -> bool {
    SIGNS.iter().any(|sign| line.contains(sign))
}

/// What to do about a project that installs past DESTDIR, by what installs it.
fn destdir(program: &str, name: &str) -> Vec<String> {
    let program = program.rsplit('/').next().unwrap_or(program);
    let commands = format!(
        "if its install rules put a variable before each path, name that: [components.{name}.commands] of the driver \
         `command`, install = [[\"make\", \"install\", \"prefix={{destdir}}{{prefix}}\"]]"
    );
    match program {
        "cmake" => vec![
            "the project ignores DESTDIR: have its install(CODE) and install(SCRIPT) write below \
             \"$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}\""
                .to_owned(),
        ],
        "meson" | "ninja" => vec![
            "the project ignores DESTDIR: have its install scripts write below $MESON_INSTALL_DESTDIR_PREFIX (Meson) or \
             $DESTDIR"
                .to_owned(),
        ],
        "xmake" => vec![
            "the project ignores the directory that it is given: have its on_install and after_install write below \
             target:installdir()"
                .to_owned(),
        ],
        "cargo" => vec!["have its build script (build.rs) write below $OUT_DIR".to_owned()],
        "python" | "python3" | "pip" => vec![
            "have the project put what is installed into its wheel (package_data, data_files) and write nowhere itself"
                .to_owned(),
        ],
        _ => vec![
            "the project ignores DESTDIR: have its install rules write below $(DESTDIR)$(prefix)".to_owned(),
            commands,
        ],
    }
}

/// The absolute paths that a line names: up to the closing quote where there is one, else up to what ends a word.
fn absolute(line: &str) -> impl Iterator<Item = &str> {
    const QUOTES: [(char, char); 5] = [('\'', '\''), ('"', '"'), ('‘', '’'), ('“', '”'), ('`', '\'')];
    line.match_indices('/').filter_map(|(at, _)| {
        let before = line[..at].chars().next_back();
        let quote = QUOTES.iter().find(|(open, _)| Some(*open) == before);
        let rest = &line[at..];
        if let Some(end) = quote.and_then(|(_, close)| rest.find(*close)) {
            return Some(&rest[..end]);
        }
        let begins = before.is_none_or(|c| c.is_whitespace() || "(=:,[".contains(c)) || quote.is_some();
        let ends = |c: char| c.is_whitespace() || ":,;()<>'\"`‘’“”".contains(c);
        begins.then(|| rest.split(ends).next().unwrap_or_default())
    })
}

#[cfg(test)]
mod tests;
