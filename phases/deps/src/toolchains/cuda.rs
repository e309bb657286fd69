//! The CUDA toolkit: the machine's, else that of PyPI's wheels.

use std::collections::BTreeMap;

use camino::Utf8Path;
use engine::runner::{Context, Finding, Observation, StepError};
use model::case::CudaOrigin;
use model::cuda::{CUDA, FIRST_WHEELS, WantedCuda, newest_gcc};
use model::event::FailureKind;
use model::plan::{Argument, Command};
use model::target::CudaToolkit;

use super::{cuda_machine, cuda_wheels};
use crate::tools;

/// Looks for one that will do.
pub(super) fn observe(
    wanted: &WantedCuda,
    tree: Option<&Utf8Path>,
    context: &dyn Context,
) -> Result<Observation, StepError> {
    let mut seen = Observation::default();
    if let Some(toolkit) = machine(wanted, context) {
        seen.found.insert(CUDA.to_owned(), format!("{} ({})", toolkit.version, toolkit.root));
        return Ok(seen);
    }
    let locked = cuda_wheels::locked(wanted, context);
    if let Some(tree) = tree {
        if let Some(version) = cuda_wheels::unpacked(tree, locked.as_ref()) {
            seen.found.insert(CUDA.to_owned(), format!("{version} ({tree})"));
            return Ok(seen);
        }
    }
    let cure = match tree {
        Some(_) => "run `installer deps`, which installs it from PyPI".to_owned(),
        None => cures(wanted).join("; "),
    };
    seen.findings.push(Finding { what: absent(wanted, context), cure });
    Ok(seen)
}

/// Brings the toolkit of wheels: the versions of the lock, else the newest of the release.
pub(super) fn run(
    wanted: &WantedCuda,
    tree: Option<&Utf8Path>,
    artifacts: &Utf8Path,
    context: &dyn Context,
) -> Result<(), StepError> {
    let (Some(tree), Some(release)) = (tree, wanted.of_wheels()) else {
        return Err(StepError::of_kind(FailureKind::Preflight, absent(wanted, context), cures(wanted)));
    };
    cuda_wheels::bring(wanted, &release, tree, &artifacts.join("tools"), context)
}

/// The toolkit that a build was planned with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned<'a> {
    pub wanted: &'a WantedCuda,
    pub root: &'a Utf8Path,
    pub host_compiler: Option<&'a Utf8Path>,
    pub architectures: &'a [String],
}

impl Planned<'_> {
    /// Whether it is there, takes the planned compiler, and knows the GPUs. What was found names the toolkit by its
    /// compiler's content, so that an update counts for what it compiled.
    ///
    /// # Errors
    /// What is wrong, with what would work.
    pub(crate) fn look(&self, wanted_by: &[String], context: &dyn Context) -> Result<String, Finding> {
        self.seen(context).map_err(|(what, cures)| Finding {
            what: if wanted_by.is_empty() {
                what
            } else {
                format!("{what}; needed by {}", wanted_by.join(", "))
            },
            cure: cures.join("; or "),
        })
    }

    fn seen(&self, context: &dyn Context) -> Result<String, Wrong> {
        let there = cuda_machine::read(Utf8Path::new("/"), self.root);
        let Some(toolkit) = there.filter(|one| self.wanted.takes(&one.version)) else {
            let mut cures = cures(self.wanted);
            if self.wanted.of_wheels().is_some() {
                cures.insert(0, "run `installer deps`, which installs it".to_owned());
            }
            return Err((absent(self.wanted, context), cures));
        };
        let compiler = self.compiler(&toolkit, context)?;
        let nvcc = self.root.join("bin/nvcc");
        self.architectures(&toolkit, &nvcc, context)?;
        let content = tools::content(&nvcc, context).map_err(wrong)?;
        Ok(format!("{CUDA} {} {content} ({}) with {compiler}", toolkit.version, self.root))
    }

    fn compiler(&self, toolkit: &CudaToolkit, context: &dyn Context) -> Result<String, Wrong> {
        let newest = toolkit.newest_gcc.or_else(|| newest_gcc(&toolkit.version));
        let Some(compiler) = self.host_compiler else {
            let installed = &context.target().cxx_compilers;
            let names: Vec<&str> = installed.iter().map(|tool| tool.path.as_str()).collect();
            let have = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let what = format!(
                "no g++ for the host part of CUDA code: {}; installed is {have}",
                takes(toolkit, newest)
            );
            return Err((what, compiler_cures(newest)));
        };
        let version = tools::tool_version(compiler, context).map_err(wrong)?;
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if newest.zip(major).is_some_and(|(newest, major)| major > newest) {
            let what = format!("{compiler} is {version}, and {}", takes(toolkit, newest));
            return Err((what, compiler_cures(newest)));
        }
        Ok(format!("{compiler} {version}"))
    }

    fn architectures(
        &self,
        toolkit: &CudaToolkit,
        nvcc: &Utf8Path,
        context: &dyn Context,
    ) -> Result<(), Wrong> {
        if self.architectures.is_empty() {
            return Ok(());
        }
        let known = known_architectures(nvcc, context).map_err(wrong)?;
        // A variant (`90a`) is of the GPU that it is named after.
        let number = |text: &str| text.trim_end_matches(char::is_alphabetic).parse::<u32>().ok();
        let unknown: Vec<&String> = self
            .architectures
            .iter()
            .filter(|wanted| number(wanted).is_some_and(|wanted| !known.contains(&wanted)))
            .collect();
        // A toolkit before 11 cannot be asked.
        let (Some(first), false) = (unknown.first(), known.is_empty()) else { return Ok(()) };
        let older = number(first).zip(known.iter().min()).is_some_and(|(wanted, least)| wanted < *least);
        let words = |numbers: &mut dyn Iterator<Item = String>| numbers.collect::<Vec<_>>().join(", ");
        let what = format!(
            "CUDA {} ({}) does not compile for {}: it knows {}",
            toolkit.version,
            toolkit.root,
            words(&mut unknown.iter().map(|one| format!("sm_{one}"))),
            words(&mut known.iter().map(u32::to_string)),
        );
        let (which, version) = if older {
            ("an older", "CUDA 12 knows sm_50 to sm_72")
        } else {
            ("a newer", "`version` of [cuda]")
        };
        let cures = vec![format!("use {which} toolkit ({version})"), "correct `arch` of [cuda]".to_owned()];
        Err((what, cures))
    }
}

/// What is wrong, and the ways out of it.
type Wrong = (String, Vec<String>);

fn wrong(error: StepError) -> Wrong {
    match error {
        StepError::Failed(failure) => (failure.message, failure.cures),
        StepError::Cancelled => ("the run was cancelled during the check".to_owned(), Vec::new()),
    }
}

/// What `nvcc --list-gpu-arch` prints, `compute_86` a line, as numbers; none where it does not know the option.
fn known_architectures(nvcc: &Utf8Path, context: &dyn Context) -> Result<Vec<u32>, StepError> {
    let answer =
        context.cached_probe(&format!("architectures of {nvcc}"), &[nvcc.to_owned()], &mut || {
            let asked = context.capture(&Command {
                program: nvcc.to_string(),
                args: vec![Argument::from("--list-gpu-arch")],
                environment: context.network_environment(),
                directory: "/".into(),
            })?;
            Ok(if asked.status == 0 { asked.stdout } else { String::new() })
        })?;
    let numbers =
        answer.split_ascii_whitespace().filter_map(|word| word.strip_prefix("compute_")?.parse().ok());
    Ok(numbers.collect())
}

fn takes(toolkit: &CudaToolkit, newest: Option<u32>) -> String {
    let newest = newest.map_or("no known gcc".to_owned(), |newest| format!("gcc up to {newest}"));
    format!("CUDA {} ({}) takes {newest}", toolkit.version, toolkit.root)
}

fn compiler_cures(newest: Option<u32>) -> Vec<String> {
    let package = newest.map_or("g++".to_owned(), |newest| format!("g++-{newest}"));
    vec![
        format!(
            "add \"apt:{package}\" (or an older one) to `system` of the component and run `installer deps`"
        ),
        "name one elsewhere with CUDAHOSTCXX in `environment` of the component".to_owned(),
        "use a newer toolkit".to_owned(),
    ]
}

/// The machine's toolkit as it is now: packages may have brought one since the target was looked at.
fn machine(wanted: &WantedCuda, context: &dyn Context) -> Option<CudaToolkit> {
    wanted.of_system(&toolkits(context)).cloned()
}

fn toolkits(context: &dyn Context) -> Vec<CudaToolkit> {
    let path = context.network_environment().get("PATH").cloned().unwrap_or_default();
    let mut environment = BTreeMap::from([("PATH".to_owned(), path)]);
    // What the environment named when the target was looked at stands first there.
    if let Some(first) = context.target().cuda.first() {
        environment.insert("CUDA_HOME".to_owned(), first.root.clone());
    }
    cuda_machine::find(Utf8Path::new("/"), &environment)
}

fn absent(wanted: &WantedCuda, context: &dyn Context) -> String {
    let there: Vec<String> = match wanted.from {
        CudaOrigin::Wheels => Vec::new(),
        _ => toolkits(context).iter().map(|one| format!("{} is {}", one.root, one.version)).collect(),
    };
    let there = if there.is_empty() { String::new() } else { format!(" ({})", there.join(", ")) };
    match &wanted.version {
        Some(_) => format!("{} is not installed{there}", wanted.described()),
        None => format!("{} is needed, but not installed{there}", wanted.described()),
    }
}

/// The ways to a toolkit.
fn cures(wanted: &WantedCuda) -> Vec<String> {
    let mut cures = vec![
        "start from a base image that has it, or set its directory with CUDA_HOME".to_owned(),
        "install it from its vendor's repository: [[system_packages.apt.repositories]] (docs/cuda.md)"
            .to_owned(),
    ];
    if wanted.of_wheels().is_none() {
        cures.push(format!(
            "use {FIRST_WHEELS} or newer from PyPI: version = \"{FIRST_WHEELS}\" in [cuda], from = \
             \"wheels\" in [toolchains.cuda]"
        ));
    }
    cures
}
