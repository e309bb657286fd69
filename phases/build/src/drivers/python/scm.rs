//! The version of a project that takes it from git (setuptools-scm, hatch-vcs): what is compiled has no `.git`, so that it
//! has to be told (<https://setuptools-scm.readthedocs.io/en/latest/overrides/>).

use engine::planning::PlanError;
use model::case::SourceSpec;

use crate::subject::Subject;

/// What tells such a project its version.
const VARIABLE: &str = "SETUPTOOLS_SCM_PRETEND_VERSION";

/// Asks setuptools-scm for the version of the user's own checkout, which is only read, and goes on with it.
const ASK: &str = r#"
import os, subprocess, sys
tree, words = sys.argv[1], sys.argv[3:]
environment = dict(os.environ, GIT_OPTIONAL_LOCKS="0", GIT_CONFIG_COUNT="1",
                   GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*", PYTHONDONTWRITEBYTECODE="1")
asked = subprocess.run([sys.executable, "-m", "setuptools_scm", "--root", tree], cwd=tree, env=environment,
                       stdout=subprocess.PIPE, universal_newlines=True)
version = asked.stdout.strip().split("\n")[-1].strip()
if asked.returncode or not version:
    sys.exit("setuptools-scm does not tell the version of " + tree + ": set environment.SETUPTOOLS_SCM_PRETEND_VERSION of the component")
print("the version is", version, "as git describes", tree, flush=True)
os.environ["SETUPTOOLS_SCM_PRETEND_VERSION"] = version
os.execv(sys.executable, [sys.executable] + words)
"#;

/// How a build learns its version.
pub(super) enum Version {
    /// By itself.
    Own,
    /// It is known.
    Is(String),
    /// From the user's own checkout, when it is compiled; another commit or tag makes another build.
    Asked { tree: String, state: String },
}

impl Version {
    /// What is known of it.
    ///
    /// # Errors
    /// When nothing tells it: the project would be installed as 0.0.0, or not be built at all.
    pub(super) fn of(subject: &Subject<'_>) -> Result<Self, PlanError> {
        let Some(facts) = subject.facts else { return Ok(Self::Own) };
        let directory = subject.component.subdirectory.clone().unwrap_or_default();
        let told = subject.environment.keys().any(|name| name.starts_with(VARIABLE));
        if told || !facts.versions_from_git.contains(&directory) {
            return Ok(Self::Own);
        }
        let specs = subject.known.case.sources.get(subject.source_name);
        let specs = specs.map(|specs| specs.as_slice()).unwrap_or_default();
        if let ([SourceSpec::Path { path, .. }], Some(commit)) = (specs, &facts.commit) {
            let tree = subject.known.layout.case_dir.join(path).join(&directory).into_string();
            let tags = facts.tags.as_ref().map_or("", |tags| tags.short());
            return Ok(Self::Asked { tree, state: format!("{commit} {tags}") });
        }
        if specs.iter().any(|spec| matches!(spec, SourceSpec::Pypi { .. })) {
            return Ok(Self::Own);
        }
        let is_version = |text: &String| text.contains('.') && text.starts_with(|c: char| c.is_ascii_digit());
        if let Some(version) = facts.version.as_ref().filter(|version| is_version(version)) {
            return Ok(Self::Is(version.clone()));
        }
        Err(PlanError::new(
            format!("components.{}", subject.name),
            format!(
                "component `{}` takes its version from git (setuptools-scm or hatch-vcs), and its source has neither \
                 a tag in `revision` nor a checkout that tells it",
                subject.name
            ),
            format!(
                "write it: [components.{}.environment] {VARIABLE} = \"1.2.3\"; or name a tag in `revision`",
                subject.name
            ),
        ))
    }

    /// The words of Python that compile it.
    pub(super) fn words(&self, words: Vec<String>) -> Vec<String> {
        let Self::Asked { tree, state } = self else { return words };
        let mut all = vec!["-c".to_owned(), ASK.to_owned(), tree.clone(), state.clone()];
        all.extend(words);
        all
    }

    /// The variable that the build sees.
    pub(super) fn variable(&self) -> Option<(String, String)> {
        match self {
            Self::Is(version) => Some((VARIABLE.to_owned(), version.clone())),
            Self::Own | Self::Asked { .. } => None,
        }
    }
}
