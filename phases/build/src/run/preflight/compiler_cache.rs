//! Whether a compiler cache works: one that does not fails every compile, the first of which is a configure script's
//! question that it takes for a no.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, Finding, Observation, StepError};
use model::plan::Command;

/// A compiler cache that a build finds.
#[derive(Clone)]
struct Cache {
    program: Utf8PathBuf,
    /// What it does instead of working.
    broken: Option<String>,
}

/// The compiler caches that builds find, each looked for once in a run.
#[derive(Default)]
pub(crate) struct CompilerCaches(Mutex<BTreeMap<String, Option<Cache>>>);

impl CompilerCaches {
    /// One that the case asks for has to work.
    pub(super) fn asked_for(
        &self,
        name: &str,
        context: &dyn Context,
        observation: &mut Observation,
    ) -> Result<(), StepError> {
        if let Some(Cache { program, broken: Some(what) }) = self.find(name, context)? {
            observation.findings.push(Finding {
                what,
                cure: format!(
                    "reinstall {name} or remove {program}, or remove toolchains.compiler_cache (of OpenCV: \
                     ENABLE_CCACHE) from the case"
                ),
            });
        }
        Ok(())
    }

    /// One that the project may find by itself is warned of if it does not work. Where it lies counts for what is
    /// configured: a tree that found it does not compile without it.
    pub(super) fn found_by_chance(
        &self,
        name: &str,
        context: &dyn Context,
        observation: &mut Observation,
    ) -> Result<(), StepError> {
        let Some(Cache { program, broken }) = self.find(name, context)? else { return Ok(()) };
        let state = if broken.is_some() { "broken" } else { "works" };
        observation.found.insert(format!("{name} on PATH"), format!("{program}, {state}"));
        observation.warnings.extend(broken.map(|what| {
            format!(
                "{what}; a project that finds it by itself cannot compile: reinstall {name} or remove {program}"
            )
        }));
        Ok(())
    }

    fn find(&self, name: &str, context: &dyn Context) -> Result<Option<Cache>, StepError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cache) = known.get(name) {
            return Ok(cache.clone());
        }
        let cache = look_for(name, context)?;
        known.insert(name.to_owned(), cache.clone());
        Ok(cache)
    }
}

fn look_for(name: &str, context: &dyn Context) -> Result<Option<Cache>, StepError> {
    let path = context.layout().build_path();
    let places = path.split(':').map(|directory| Utf8Path::new(directory).join(name));
    let Some(program) = places.into_iter().find(|place| place.is_file()) else { return Ok(None) };
    let files = [program.clone(), program.canonicalize_utf8().unwrap_or_else(|_| program.clone())];
    let asked = context.cached_probe(&format!("works {program}"), &files, &mut || {
        let asked = context.capture(&Command {
            program: program.to_string(),
            args: vec!["--version".into()],
            environment: [("PATH", path.as_str()), ("LC_ALL", "C.UTF-8")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            directory: "/".into(),
        })?;
        if asked.status == 0 {
            return Ok(String::new());
        }
        Err(StepError::new(
            format!("ends with status {}: {}", asked.status, asked.tail.join(" ")),
            String::new(),
        ))
    });
    match asked {
        Ok(_) => Ok(Some(Cache { program, broken: None })),
        Err(StepError::Cancelled) => Err(StepError::Cancelled),
        Err(StepError::Failed(failure)) => {
            let said = failure.message.trim_end_matches([':', ' ']);
            let broken = format!("{program} is broken: `{program} --version` {said}");
            Ok(Some(Cache { program, broken: Some(broken) }))
        }
    }
}

#[cfg(test)]
mod tests {
    use testkit::FakeContext;

    use super::*;

    fn cache(context: &FakeContext, name: &str) -> Utf8PathBuf {
        let program = context.layout.tools().join("bin").join(name);
        engine::files::atomic_write(&program, b"").unwrap();
        program
    }

    #[test]
    fn one_that_was_asked_for_and_does_not_work_is_a_finding() {
        let context = FakeContext::new();
        let program = cache(&context, "ccache");
        context.answer("ccache", 1, "");
        let mut observation = Observation::default();
        CompilerCaches::default().asked_for("ccache", &context, &mut observation).unwrap();
        let [told] = observation.findings.as_slice() else { panic!("{observation:?}") };
        assert_eq!(told.what, format!("{program} is broken: `{program} --version` ends with status 1"));
        assert!(told.cure.contains("compiler_cache"), "{told:?}");
    }

    #[test]
    fn one_that_works_is_asked_once() {
        let context = FakeContext::new();
        cache(&context, "sccache");
        context.answer("sccache", 0, "sccache 0.8.1\n");
        let mut observation = Observation::default();
        let caches = CompilerCaches::default();
        for _ in 0..2 {
            caches.asked_for("sccache", &context, &mut observation).unwrap();
        }
        assert!(observation.holds(), "{observation:?}");
        assert_eq!(context.command_lines().len(), 1);
    }

    #[test]
    fn one_that_nobody_asked_for_is_warned_of_and_counts_for_what_is_configured() {
        let look = |context: &FakeContext| {
            let mut observation = Observation::default();
            CompilerCaches::default().found_by_chance("ccache", context, &mut observation).unwrap();
            assert!(observation.holds(), "{observation:?}");
            observation
        };
        let context = FakeContext::new();
        let program = cache(&context, "ccache");
        context.answer("ccache", 127, "");
        let broken = look(&context);
        let [warning] = broken.warnings.as_slice() else { panic!("{broken:?}") };
        let says = format!("{program} is broken: `{program} --version` ends with status 127; ");
        assert!(warning.starts_with(&says), "{warning}");
        assert!(warning.ends_with(&format!("reinstall ccache or remove {program}")), "{warning}");

        let context = FakeContext::new();
        cache(&context, "ccache");
        context.answer("ccache", 0, "ccache 4.8\n");
        let works = look(&context);
        assert!(works.warnings.is_empty(), "{works:?}");
        let state = |seen: &Observation| seen.found["ccache on PATH"].rsplit_once(", ").unwrap().1.to_owned();
        assert_eq!([state(&broken), state(&works)], ["broken", "works"]);
    }
}
