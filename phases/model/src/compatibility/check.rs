//! Holds a case against the table. Pure: what of the machine matters comes as data.

use super::requirement::{Demand, is_for};
use super::{PytorchRow, TensorrtRow, python_of, table};
use crate::SourceName;
use crate::case::{Case, ComputeCapability, SourceSpec, cuda_tag};
use crate::catalog::version_at_least;
use crate::source_facts::SourceFacts;
use crate::target::Target;

/// What is held against the table.
#[derive(Clone, Copy, Debug)]
pub struct Stack<'a> {
    /// The case.
    pub case: &'a Case,
    /// Lines of the requirement files that the case names.
    pub requirements: &'a [String],
    /// What is known of the sources.
    pub facts: &'a SourceFacts,
    /// The machine.
    pub target: &'a Target,
}

/// How sure the table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// Known not to work, on any machine: a mistake of the case.
    Wrong,
    /// The case is well, and this machine is not the one for it.
    NotHere,
    /// Nobody has said that it works.
    Unknown,
}

/// One pair that does not go together, or of which nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How sure that is.
    pub verdict: Certainty,
    /// Where in the case: `pytorch.torch_version`.
    pub key: String,
    /// What does not go together.
    pub message: String,
    /// What would.
    pub help: String,
    /// The source whose commit it is about, if it is about one: a checkout is given to `build` alone.
    pub source: Option<SourceName>,
}

/// All that does not go together, the worst first.
pub fn check(stack: &Stack<'_>) -> Vec<Finding> {
    let mut checker = Checker { stack: *stack, found: Vec::new() };
    checker.pytorch();
    checker.tensorrt();
    checker.toolkit();
    checker.opencv();
    checker.interpreter();
    checker.commits();
    checker.found.sort_by_key(|finding| finding.verdict);
    checker.found
}

/// The NumPy below which packages of a case have to be held, with the package that wants it; none where the case says
/// so itself or nothing wants it.
pub fn numpy_limit(case: &Case) -> Option<(String, String)> {
    let lines = || case.python.iter().flat_map(|python| &python.packages);
    let section = case.pytorch.as_ref().and_then(|pytorch| pytorch.torch_version.clone());
    let torch = section.or_else(|| lines().find_map(|line| Demand::of(line, "torch")?.exact))?;
    let row = table().pytorch.iter().find(|row| begins_with(&torch, &row.torch))?;
    let below = row.numpy_below.clone()?;
    let held = lines().filter_map(|line| Demand::of(line, "numpy")).any(|demand| demand.capped);
    (!held).then(|| (below, format!("torch {torch}")))
}

pub(super) struct Checker<'a> {
    pub(super) stack: Stack<'a>,
    found: Vec<Finding>,
}

/// A version that the case asks for.
struct Asked {
    /// The key that says so.
    key: String,
    version: String,
}

/// A Python version and why it is that one.
struct KnownPython {
    version: String,
    /// The key that says so; none when it is the distribution's own.
    key: Option<&'static str>,
}

impl Checker<'_> {
    pub(super) fn add(&mut self, verdict: Certainty, key: &str, message: String, help: String) {
        self.found.push(Finding { verdict, key: key.to_owned(), message, help, source: None });
    }

    /// The same of the commit of a source.
    pub(super) fn add_of_source(
        &mut self,
        verdict: Certainty,
        source: Option<&SourceName>,
        message: String,
        help: String,
    ) {
        let key = source.map_or_else(String::new, |source| format!("sources.{source}"));
        self.found.push(Finding { verdict, key, message, help, source: source.cloned() });
    }

    fn pytorch(&mut self) {
        let Some(Asked { key, version: torch }) = self.asked("torch") else { return };
        let (key, torch) = (key.as_str(), torch.as_str());
        let rows = &table().pytorch;
        let Some(row) = rows.iter().find(|row| begins_with(torch, &row.torch)) else {
            let known: Vec<&str> = rows.iter().map(|row| row.torch.as_str()).collect();
            let message = format!("nothing is known about torch {torch} and its companions");
            return self.add(Certainty::Unknown, key, message, format!("known: {}", known.join(", ")));
        };
        self.torch_cuda(key, torch, row);
        self.torch_python(key, torch, row);
        for (name, wanted) in [("torchvision", &row.torchvision), ("torchaudio", &row.torchaudio)] {
            let Some(asked) = self.asked(name).filter(|asked| !begins_with(&asked.version, wanted)) else {
                continue;
            };
            let message = format!("{name} {} is not compatible with torch {torch}", asked.version);
            let help = format!("torch {} needs {name} {wanted}", row.torch);
            self.add(Certainty::Wrong, &asked.key, message, help);
        }
        if let Some(below) = &row.numpy_below {
            // What the case leaves open is held below by `deps`: see `numpy_limit`.
            self.numpy(&format!("torch {torch}"), below, Certainty::Wrong, false);
        }
    }

    fn torch_cuda(&mut self, asked: &str, torch: &str, row: &PytorchRow) {
        let case = self.stack.case;
        let index = case.pytorch.as_ref().and_then(|pytorch| index_tag(pytorch.index_url.as_deref()?));
        let label = cuda_tag(torch);
        if let (Some(label), Some(index)) = (&label, &index) {
            if label != index {
                let message =
                    format!("torch {torch} is for CUDA {label}, but this index is for CUDA {index}");
                let help = "write the same toolkit in both".to_owned();
                return self.add(Certainty::Wrong, "pytorch.index_url", message, help);
            }
        }
        let key = if label.is_none() && index.is_some() { "pytorch.index_url" } else { asked };
        let toolkit = case.cuda.as_ref().and_then(|cuda| cuda.version.as_deref());
        let built = row.cuda.join(", ");
        let others = |cuda: &str| {
            let rows = table().pytorch.iter().filter(|row| row.cuda.iter().any(|built| built == cuda));
            let known: Vec<&str> = rows.map(|row| row.torch.as_str()).collect();
            if known.is_empty() {
                String::new()
            } else {
                format!("; for CUDA {cuda} use torch {}", known.join(", "))
            }
        };
        if let Some(tag) = label.or(index) {
            if !row.cuda.contains(&tag) {
                let message = format!("torch {torch} was not built for CUDA {tag}");
                let help = format!("torch {} was built for CUDA {built}{}", row.torch, others(&tag));
                self.add(Certainty::Wrong, key, message, help);
            } else if let Some(toolkit) = toolkit.filter(|toolkit| !begins_with(toolkit, &tag)) {
                let message = format!("torch for CUDA {tag} with the toolkit of CUDA {toolkit}");
                let help =
                    format!("set cuda.version to {tag}; torch {} was built for CUDA {built}", row.torch);
                // torch.utils.cpp_extension refuses another major release and warns about another minor one.
                let verdict =
                    if major(toolkit) == major(&tag) { Certainty::Unknown } else { Certainty::Wrong };
                self.add(verdict, "cuda.version", message, help);
            }
            return;
        }
        let Some(toolkit) = toolkit else { return };
        if row.cuda.iter().any(|built| begins_with(toolkit, built)) {
            return;
        }
        let message = format!("torch {torch} was not built for CUDA {toolkit}");
        let help = format!("torch {} was built for CUDA {built}{}", row.torch, others(&minor(toolkit)));
        let near = row.cuda.iter().any(|built| major(built) == major(toolkit));
        self.add(if near { Certainty::Unknown } else { Certainty::Wrong }, asked, message, help);
    }

    fn torch_python(&mut self, asked: &str, torch: &str, row: &PytorchRow) {
        let Some(python) = self.python() else { return };
        let (low, high) = &row.python;
        let version = minor(&python.version);
        if version_at_least(&version, low) && version_at_least(high, &version) {
            return;
        }
        let fits = |row: &&PytorchRow| {
            version_at_least(&version, &row.python.0) && version_at_least(&row.python.1, &version)
        };
        let others: Vec<&str> = table().pytorch.iter().filter(fits).map(|row| row.torch.as_str()).collect();
        let help = format!(
            "set python.version to one from {low} to {high}, or use torch for Python {version}: {}",
            if others.is_empty() { "none known".to_owned() } else { others.join(", ") }
        );
        match python.key {
            Some(key) => {
                let message = format!("torch {torch} has no build for Python {version}");
                self.add(Certainty::Wrong, key, message, help);
            }
            None => {
                let os = &self.stack.target.os;
                let message = format!(
                    "torch {torch} has no build for Python {version}, which is the python3 of {} {}",
                    os.id, os.version
                );
                self.add(Certainty::NotHere, asked, message, help);
            }
        }
    }

    /// The version that the case asks for, that its interpreter's name tells, or that of the distribution's python3.
    fn python(&self) -> Option<KnownPython> {
        let python = self.stack.case.python.as_ref()?;
        if let Some(version) = &python.version {
            return Some(KnownPython { version: version.clone(), key: Some("python.version") });
        }
        let target = self.stack.target;
        match python.interpreter.as_deref() {
            Some(interpreter) if interpreter != "python3" && interpreter != "/usr/bin/python3" => {
                let name = interpreter.rsplit('/').next().unwrap_or(interpreter);
                let version = name.strip_prefix("python").filter(|version| version.contains('.'))?;
                Some(KnownPython { version: version.to_owned(), key: Some("python.interpreter") })
            }
            _ => {
                let path = target.tools.get("python3").map_or("/usr/bin/python3", |tool| tool.path.as_str());
                let own =
                    python_of(&target.os.id, &target.os.version).filter(|_| path == "/usr/bin/python3")?;
                Some(KnownPython { version: own.first()?.clone(), key: None })
            }
        }
    }

    /// What `subject` needs of NumPy, against what the case asks of it.
    fn numpy(&mut self, subject: &str, below: &str, verdict: Certainty, open: bool) {
        let python = self.python().map(|python| python.version);
        for (key, line) in self.lines().into_iter().filter(|(_, line)| is_for(line, python.as_deref())) {
            let Some(demand) = Demand::of(&line, "numpy") else { continue };
            if demand.low.as_ref().is_some_and(|low| version_at_least(low, below)) {
                let message =
                    format!("{subject} was built for NumPy before {below}, but the case needs `{line}`");
                self.add(verdict, &key, message, format!("write `numpy<{below}`"));
            } else if open && !demand.capped {
                let message = format!(
                    "{subject} was built for NumPy before {below}, but `{line}` may resolve to a newer one"
                );
                self.add(Certainty::Unknown, &key, message, format!("write `numpy<{below}`"));
            }
        }
    }

    /// The version that the case asks for of a project: in the section of its own, else in a requirement.
    fn asked(&self, project: &str) -> Option<Asked> {
        let case = self.stack.case;
        let pytorch = case.pytorch.as_ref();
        let (key, version) = match project {
            "torch" => ("pytorch.torch_version", pytorch.and_then(|it| it.torch_version.clone())),
            "torchvision" => {
                ("pytorch.torchvision_version", pytorch.and_then(|it| it.torchvision_version.clone()))
            }
            "torchaudio" => {
                ("pytorch.torchaudio_version", pytorch.and_then(|it| it.torchaudio_version.clone()))
            }
            "tensorrt" => {
                let section = case.tensorrt.as_ref().filter(|tensorrt| tensorrt.enabled);
                ("tensorrt.version", section.and_then(|it| it.version.clone()))
            }
            _ => ("", None),
        };
        if let Some(version) = version {
            return Some(Asked { key: key.to_owned(), version });
        }
        let python = self.python().map(|python| python.version);
        self.lines().into_iter().filter(|(_, line)| is_for(line, python.as_deref())).find_map(
            |(key, line)| {
                let version = Demand::of(&line, project)?.exact?;
                Some(Asked { key, version })
            },
        )
    }

    /// Every requirement, with the key that brings it.
    fn lines(&self) -> Vec<(String, String)> {
        let packages = self.stack.case.python.iter().flat_map(|python| python.packages.iter().enumerate());
        let own = packages.map(|(index, line)| (format!("python.packages.{index}"), line.clone()));
        let files =
            self.stack.requirements.iter().map(|line| ("python.requirements".to_owned(), line.clone()));
        own.chain(files).collect()
    }

    fn tensorrt(&mut self) {
        let Some(Asked { key, version }) = self.asked("tensorrt") else { return };
        let (key, version) = (key.as_str(), version.as_str());
        let toolkit = self.stack.case.cuda.as_ref().and_then(|cuda| cuda.version.clone());
        let Some(cuda) = toolkit.or_else(|| cuda_tag(&self.asked("torch")?.version)) else { return };
        let rows = &table().tensorrt;
        // The longest name that fits: 10.13.2 tells more than 10.13 would.
        let row = rows
            .iter()
            .filter(|row| begins_with(version, &row.tensorrt))
            .max_by_key(|row| row.tensorrt.len());
        let Some(row) = row else {
            let known: Vec<&str> = rows.iter().map(|row| row.tensorrt.as_str()).collect();
            let message = format!("it is not known whether TensorRT {version} works with CUDA {cuda}");
            return self.add(Certainty::Unknown, key, message, format!("known: {}", known.join(", ")));
        };
        let within = |row: &TensorrtRow| {
            let cuda = minor(&cuda);
            row.cuda.iter().any(|(low, high)| version_at_least(&cuda, low) && version_at_least(high, &cuda))
        };
        if within(row) {
            return;
        }
        let ranges: Vec<String> = row
            .cuda
            .iter()
            .map(|(low, high)| if low == high { low.clone() } else { format!("{low} to {high}") })
            .collect();
        let others: Vec<&str> =
            rows.iter().filter(|row| within(row)).map(|row| row.tensorrt.as_str()).collect();
        let mut help = format!("TensorRT {} works with CUDA {}", row.tensorrt, ranges.join(" and "));
        if !others.is_empty() {
            help.push_str(&format!("; for CUDA {cuda} use TensorRT {}", others.join(", ")));
        }
        let near = row.cuda.iter().any(|(low, _)| major(low) == major(&cuda));
        let message = if near {
            format!("TensorRT {version} was not tested with CUDA {cuda}")
        } else {
            format!("TensorRT {version} does not work with CUDA {cuda}")
        };
        self.add(if near { Certainty::Unknown } else { Certainty::Wrong }, key, message, help);
    }

    fn toolkit(&mut self) {
        let Some(cuda) = &self.stack.case.cuda else { return };
        // The toolkit that a build of torch is for is the one that compiles beside it.
        let version = cuda.version.clone().or_else(|| cuda_tag(&self.asked("torch")?.version));
        let (Some(version), Ok(wanted)) = (&version, cuda.capabilities()) else { return };
        if wanted.is_empty() {
            return;
        }
        let rows = &table().toolkit;
        let row = rows.iter().rev().find(|row| version_at_least(version, &row.from));
        let Some(row) = row.filter(|row| major(&row.from) == major(version)) else {
            let known: Vec<&str> = rows.iter().map(|row| row.from.as_str()).collect();
            let message = format!("it is not known what CUDA {version} compiles for");
            return self.add(
                Certainty::Unknown,
                "cuda.version",
                message,
                format!("known: {}", known.join(", ")),
            );
        };
        let newest = rows.last().is_some_and(|last| last.from == row.from) && minor(version) != row.from;
        for capability in wanted {
            let plain = ComputeCapability { variant: None, ..capability }.to_string();
            if row.architectures.contains(&plain) {
                continue;
            }
            let with: Vec<&str> = rows
                .iter()
                .filter(|row| row.architectures.contains(&plain))
                .map(|row| row.from.as_str())
                .collect();
            let oldest = row.architectures.first().is_some_and(|first| !version_at_least(&plain, first));
            let unknown = with.is_empty() || (newest && !oldest);
            let message =
                format!("CUDA {version} is not known to compile for compute capability {capability}");
            let help = match (with.first(), with.last()) {
                (Some(first), Some(last)) if rows.last().is_some_and(|row| row.from == *last) => {
                    format!("CUDA {first} and newer compile for {plain}")
                }
                (Some(first), Some(last)) => {
                    let next =
                        rows.iter().find(|row| version_at_least(&row.from, last) && row.from != **last);
                    let end = next.map_or(String::new(), |row| format!(", but no longer by {}", row.from));
                    format!("CUDA {first} and newer compile for {plain}{end}")
                }
                _ => format!("it compiles for {}", row.architectures.join(", ")),
            };
            self.add(if unknown { Certainty::Unknown } else { Certainty::Wrong }, "cuda.arch", message, help);
        }
    }

    fn opencv(&mut self) {
        // Wheels were compiled against some NumPy; what is compiled here is compiled against the case's own.
        let mut versions: Vec<(String, Certainty)> = Vec::new();
        for (_, line) in self.lines() {
            let projects = [
                "opencv-python",
                "opencv-python-headless",
                "opencv-contrib-python",
                "opencv-contrib-python-headless",
            ];
            let exact = projects.iter().find_map(|project| Demand::of(&line, project)?.exact);
            versions.extend(exact.map(|version| (version, Certainty::Wrong)));
        }
        let built = self.stack.case.components.iter().find(|(name, component)| {
            name.as_str() == "opencv" || component.recipe.as_deref() == Some("opencv")
        });
        if let Some((name, component)) = built {
            let source = component.source.as_ref().map_or(name.as_str(), |source| source.as_str());
            let said = self.stack.case.sources.iter().find(|(name, _)| name.as_str() == source);
            let said = said.and_then(|(name, alternatives)| {
                let known = self.stack.facts.get(name).and_then(|facts| facts.version.clone());
                known.or_else(|| match alternatives.as_slice() {
                    [SourceSpec::Pypi { version, .. }] => Some(version.clone()),
                    _ => None,
                })
            });
            versions.extend(said.map(|version| (version, Certainty::Unknown)));
        }
        for (version, verdict) in versions {
            if let Some(row) = table().opencv.iter().find(|row| !version_at_least(&version, &row.below)) {
                self.numpy(&format!("OpenCV {version}"), &row.numpy_below, verdict, true);
            }
        }
    }

    /// A wanted Python that neither the distribution nor PATH has.
    fn interpreter(&mut self) {
        let Some(python) = &self.stack.case.python else { return };
        let (Some(version), None) = (&python.version, &python.interpreter) else { return };
        let target = self.stack.target;
        let (wanted, os) = (minor(version), &target.os);
        let program = format!("python{wanted}");
        if target.tools.contains_key(&program) {
            return;
        }
        // Whoever lists it has a repository that brings it.
        let manager = target.package_manager.as_deref().unwrap_or_default();
        if self.stack.case.system_packages.for_manager(manager).contains(&program) {
            return;
        }
        let help = |has: &str| {
            let with: Vec<&str> = table()
                .python
                .iter()
                .filter(|row| row.python.contains(&wanted))
                .map(|row| row.distribution.as_str())
                .collect();
            let images = if with.is_empty() {
                String::new()
            } else {
                format!("use a base image that has it ({})", with.join(", "))
            };
            let ways = [
                format!("put {program} on PATH or name it in python.interpreter"),
                format!("list {program} in system_packages, with a repository that has it"),
                images,
                has.to_owned(),
            ];
            ways.into_iter().filter(|way| !way.is_empty()).collect::<Vec<_>>().join("; ")
        };
        match python_of(&os.id, &os.version) {
            Some(own) if own.contains(&wanted) => {}
            Some(own) => {
                let message =
                    format!("{} {} has no Python {wanted}, and {program} is not on PATH", os.id, os.version);
                let help = help(&format!("or use Python {}", own.join(" or ")));
                self.add(Certainty::NotHere, "python.version", message, help);
            }
            None => {
                let name = if os.id.is_empty() { "this distribution" } else { os.id.as_str() };
                let message = format!("it is not known whether {name} {} has Python {wanted}", os.version);
                self.add(Certainty::Unknown, "python.version", message, help(""));
            }
        }
    }
}

/// `2.1` is the beginning of `2.1.2+cu118`, and not of `2.10`.
fn begins_with(version: &str, release: &str) -> bool {
    let version = version.split('+').next().unwrap_or(version);
    let mut parts = version.split('.');
    release.split('.').all(|part| parts.next() == Some(part))
}

fn major(version: &str) -> &str {
    version.split('.').next().unwrap_or(version)
}

/// `11.8` of `11.8.0`.
fn minor(version: &str) -> String {
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

/// `11.8` of an index whose address ends in `/cu118`.
fn index_tag(url: &str) -> Option<String> {
    let last = url.trim_end_matches('/').rsplit('/').next()?;
    let digits = last.strip_prefix("cu").filter(|digits| digits.chars().all(|c| c.is_ascii_digit()))?;
    let (major, minor) = digits.split_at_checked(digits.len().checked_sub(1)?)?;
    (!major.is_empty()).then(|| format!("{major}.{minor}"))
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
