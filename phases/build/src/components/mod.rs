//! Recipes: what is known of a component that a case cannot say. One file each.

mod fdk_aac;
mod ffmpeg;
mod infini;
mod infinicore;
mod infinilm;
mod infinilm_svc;
mod libvpx;
mod nv_codec_headers;
mod opencv;
mod opus;
mod x264;
mod x265;

use camino::{Utf8Path, Utf8PathBuf};
use engine::planning::{Known, PlanError};
use indexmap::IndexMap;
use model::case::{Check, Commands, Component, Driver, OptionValue, XmakeSettings};
use model::plan::{Expectation, RequiredPath};
use model::target::Target;
use model::verify_level::VerifyLevel;

use crate::cuda::Toolkit;
use crate::drivers::{Built, Subject};
use crate::options::{cmake_truth, cmake_variables, truth};

/// What a component of which nothing is known takes of the disk.
pub const DISK_MIB: u64 = 512;

/// What one job of such a component takes of the memory.
pub const JOB_MEMORY_MIB: u64 = 512;

/// By what a source is known.
pub struct Mark {
    /// The project, as people call it: `InfiniCore`.
    pub project: &'static str,
    /// A file at its top.
    pub file: &'static str,
    /// What that file says.
    pub says: &'static str,
}

/// A library that a source has below `third_party` when its submodules were brought, and the system's in its stead.
pub struct Vendored {
    /// The directory below `third_party`.
    pub directory: &'static str,
    /// Rows of the catalog.
    pub rows: &'static [&'static str],
    /// The lowest version of the first row's that will do.
    pub minimum: Option<&'static str>,
}

/// Python text that imports modules and fails where the last does not come from below a prefix: a base image may have
/// brought another of the same name. The prefix as the environment names it counts, and so does where it really lies.
const IMPORTED: &str = r#"
import importlib, os, sys
for name in sys.argv[2:]:
    found = importlib.import_module(name).__file__ or "a directory without __init__.py"
below = lambda path, top: path.startswith(os.path.join(top, ""))
if not (below(found, sys.argv[1]) or below(os.path.realpath(found), os.path.realpath(sys.argv[1]))):
    sys.exit("%s is imported from %s, which is not below %s" % (name, found, sys.argv[1]))
print(name, "is imported from", found)
"#;

/// What a component knows of itself.
pub trait Recipe: Sync {
    /// The name by which cases call it.
    fn name(&self) -> &'static str;

    /// How it is built.
    fn driver(&self) -> Driver;

    /// What it needs of the distribution beyond what its driver does, by catalog name.
    fn system(&self, component: &Component, target: &Target) -> Vec<&'static str>;

    /// Options that stand where the case says nothing.
    fn options(&self) -> IndexMap<String, OptionValue>;

    /// What the environment gives to others as variables and this one's configure script takes as options.
    fn arguments(&self, _environment: &std::collections::BTreeMap<String, String>) -> Vec<String> {
        Vec::new()
    }

    /// What the configured tree must show of these options.
    /// None: what the driver itself expects has to do.
    fn expectations(
        &self,
        _options: &IndexMap<String, OptionValue>,
        _subject: &Subject<'_>,
    ) -> Option<Vec<Expectation>> {
        None
    }

    /// How it is seen that it works once it is installed, before the case's own checks.
    fn checks(&self, _subject: &Subject<'_>) -> Vec<Check> {
        Vec::new()
    }

    /// Licence effects and the like, for the plan and the report.
    fn notes(&self, _options: &IndexMap<String, OptionValue>) -> Vec<String> {
        Vec::new()
    }

    /// The recipes of the libraries that these options ask for: a component of the case that follows one of them is to be
    /// built before.
    fn builds_on(&self, _options: &IndexMap<String, OptionValue>) -> Vec<&'static str> {
        Vec::new()
    }

    /// Options that follow from where things lie. The case's own stand over them.
    fn derived(
        &self,
        _options: &IndexMap<String, OptionValue>,
        _component: &Component,
        _known: &Known<'_>,
    ) -> Vec<(String, OptionValue)> {
        Vec::new()
    }

    /// Options that name the CUDA toolkit and the GPUs. The case's own stand over them.
    fn cuda(
        &self,
        _options: &IndexMap<String, OptionValue>,
        _toolkit: &Toolkit,
    ) -> Vec<(String, OptionValue)> {
        Vec::new()
    }

    /// Python packages that it is built against, each with what of it is needed; none: it has nothing to do with Python.
    fn python_packages(&self, _options: &IndexMap<String, OptionValue>) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }

    /// The directory below its prefix with Python modules, if it installs some.
    fn python_modules(&self, _options: &IndexMap<String, OptionValue>) -> Option<&'static str> {
        None
    }

    /// Whether its Python modules can be links to the files of a directory that somebody works in.
    fn has_editable_install(&self) -> bool {
        false
    }

    /// The directory in its source where its build files lie, if not the top.
    fn subdirectory(&self) -> Option<&'static str> {
        None
    }

    /// Driver `cargo`: its programs, where the case names none.
    fn binaries(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether it takes what a case says under `app`.
    fn has_application(&self) -> bool {
        false
    }

    /// What must be there before anything is compiled, beyond its source; `source` is the top of that.
    fn required_paths(
        &self,
        _component: &Component,
        _source: &Utf8Path,
        _known: &Known<'_>,
    ) -> Vec<RequiredPath> {
        Vec::new()
    }

    /// Directories outside its prefix under which it installs.
    fn roots(&self, _component: &Component, _prefix: &Utf8Path, _known: &Known<'_>) -> Vec<Utf8PathBuf> {
        Vec::new()
    }

    /// By what its source is known, so that another directory is refused before anything is compiled.
    fn mark(&self) -> Option<Mark> {
        None
    }

    /// What its source has as submodules and the system may bring instead.
    fn vendored(&self) -> &'static [Vendored] {
        &[]
    }

    /// Driver `xmake`: what follows from where things lie. The case's own stands over it.
    ///
    /// # Errors
    /// When the case lacks what it has to say.
    fn xmake_in(&self, _subject: &Subject<'_>) -> Result<XmakeSettings, PlanError> {
        Ok(XmakeSettings::default())
    }

    /// What it adds to the commands of its driver.
    ///
    /// # Errors
    /// When the case asks for what cannot be done.
    fn amend(&self, _built: &mut Built, _subject: &Subject<'_>) -> Result<(), PlanError> {
        Ok(())
    }

    /// Notes that depend on more than its options.
    fn notes_of(&self, _subject: &Subject<'_>) -> Vec<String> {
        Vec::new()
    }

    /// The submodules that its source is not built without; none: all that `.gitmodules` lists.
    fn submodules(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// Driver `command`: what is run.
    fn commands(&self) -> Option<Commands> {
        None
    }

    /// Driver `xmake`: what is built and installed, what stands for the packages that it asks for. The case's own is
    /// added to it.
    fn xmake(&self, _options: &IndexMap<String, OptionValue>) -> XmakeSettings {
        XmakeSettings::default()
    }

    /// Why its prefix may hold no white space, if it may not.
    fn white_space_in_prefix(&self) -> Option<&'static str> {
        None
    }

    /// Whether its makefiles break on white space in the source's path, so that they see it through a link.
    fn links_source(&self) -> bool {
        false
    }

    /// A guess at how long it compiles on one core, in seconds.
    fn weight(&self) -> u32;

    /// A guess at what its unpacked source, its build tree and its staging root take, in MiB.
    fn disk_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        DISK_MIB
    }

    /// A guess at the memory that one job of its compile takes, in MiB.
    fn job_memory_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        JOB_MEMORY_MIB
    }
}

/// All recipes, sorted by name.
static RECIPES: &[&dyn Recipe] = &[
    &fdk_aac::FdkAac,
    &ffmpeg::Ffmpeg,
    &infinicore::Infinicore,
    &infinilm::Infinilm,
    &infinilm_svc::InfinilmSvc,
    &libvpx::Libvpx,
    &nv_codec_headers::NvCodecHeaders,
    &opencv::Opencv,
    &opus::Opus,
    &x264::X264,
    &x265::X265,
];

/// Whether a switch is on, however that is written.
fn on(options: &IndexMap<String, OptionValue>, key: &str) -> bool {
    options.get(key).and_then(truth) == Some(true)
}

/// Whether a switch is off.
fn off(options: &IndexMap<String, OptionValue>, key: &str) -> bool {
    options.get(key).and_then(truth) == Some(false)
}

/// Whether a configure script is told this, as an option of the case or among its further arguments.
fn said(subject: &Subject<'_>, key: &str) -> bool {
    let as_argument = |argument: &String| argument.strip_prefix("--") == Some(key);
    on(&subject.options, key) || subject.component.arguments.iter().any(as_argument)
}

/// Whether a variable of CMake's is told to be on.
fn is_on(subject: &Subject<'_>, name: &str) -> bool {
    variable(subject, name) == Some(true)
}

/// Whether a variable of CMake's is told to be off.
fn is_off(subject: &Subject<'_>, name: &str) -> bool {
    variable(subject, name) == Some(false)
}

/// What a variable of CMake's is told to be, as an option of the case (`NAME`, `NAME:TYPE`) or, which counts more, among its
/// further arguments (`-DNAME=VALUE`).
fn variable(subject: &Subject<'_>, name: &str) -> Option<bool> {
    let is_named = |key: &str| key.split(':').next() == Some(name);
    let arguments = subject.component.arguments.iter().filter_map(|argument| {
        let (key, value) = argument.strip_prefix("-D")?.split_once('=')?;
        is_named(key).then(|| cmake_truth(value))
    });
    let options = cmake_variables(&subject.options);
    let options = options.iter().filter(|(key, _)| is_named(key)).map(|(_, value)| cmake_truth(value));
    options.chain(arguments).last().flatten()
}

/// A check that a command succeeds and prints something.
fn prints<Word: Into<String>>(command: impl IntoIterator<Item = Word>, text: &str) -> Check {
    Check::Run {
        command: command.into_iter().map(Into::into).collect(),
        contains: Some(text.to_owned()),
        level: VerifyLevel::default(),
    }
}

/// A check of a shared library.
fn library(name: impl Into<String>, exports: &[&str]) -> Check {
    Check::Library {
        name: name.into(),
        exports: exports.iter().map(|symbol| (*symbol).to_owned()).collect(),
        level: VerifyLevel::default(),
    }
}

/// The directory of its source that a component is built from, where it is not the top.
pub fn subdirectory<'a>(
    component: &'a Component,
    recipe: Option<&'static dyn Recipe>,
) -> Option<&'a Utf8Path> {
    let own = || recipe.and_then(Recipe::subdirectory).map(Utf8Path::new);
    component.subdirectory.as_deref().or_else(own)
}

/// Names of the recipes that are built in.
pub fn recipes() -> Vec<&'static str> {
    RECIPES.iter().map(|recipe| recipe.name()).collect()
}

/// The recipe that a component follows.
pub fn recipe(name: &str, component: &Component) -> Option<&'static dyn Recipe> {
    let wanted = match &component.recipe {
        Some(recipe) => recipe,
        // A component that says its driver is the user's own, whatever it is called.
        None if component.driver.is_none() => name,
        None => return None,
    };
    RECIPES.iter().find(|recipe| recipe.name() == wanted).copied()
}
