//! Whether a directory that a user names is what it should be, and whether the system has what it does not bring.

use camino::Utf8PathBuf;
use engine::files;
use engine::runner::{Context, Finding, Observation, StepError};
use model::plan::RequiredSource;

use super::BuildRunner;

pub(super) fn look(
    runner: &BuildRunner<'_>,
    required: &RequiredSource,
    prefixes: &[Utf8PathBuf],
    context: &dyn Context,
    observation: &mut Observation,
) -> Result<(), StepError> {
    // That a directory is not there at all is said once, with the paths.
    if let Some(tree) = required.tree.as_ref().filter(|tree| tree.is_dir()) {
        if let Some(why) = another(required, tree)? {
            observation.findings.push(Finding {
                what: format!("{tree} is not {}: {why}", required.name),
                cure: format!(
                    "give the directory of a checkout of {} with --source {}=PATH",
                    required.name, required.source
                ),
            });
            // What another project brings or lacks is of no interest.
            return Ok(());
        }
    }
    for part in &required.third_party {
        match (runner.check_need)(&part.need, prefixes, context) {
            Ok(found) => {
                observation.found.extend(found.map(|found| (part.need.name.clone(), found)));
            }
            Err(finding) => observation.findings.push(Finding {
                what: format!("{}, and {} does not include it", finding.what, required.name),
                cure: format!("{}; or {}", part.cure, finding.cure),
            }),
        }
    }
    Ok(())
}

/// Why a tree is not the project, if it is not.
fn another(required: &RequiredSource, tree: &Utf8PathBuf) -> Result<Option<String>, StepError> {
    let file = tree.join(&required.file);
    let Some(text) = files::read_if_there(&file)? else {
        return Ok(Some(format!("it has no {}", required.file)));
    };
    let says = plain(&text).contains(&plain(&required.says));
    Ok((!says).then(|| format!("its {} does not mention {}", required.file, required.says)))
}

/// Without white space, and with one kind of quotes.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).map(|c| if c == '\'' { '"' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use model::plan::{Need, Probe, ThirdParty};
    use testkit::FakeContext;

    use super::*;

    fn required(tree: Utf8PathBuf) -> RequiredSource {
        let need = Need {
            name: "spdlog".to_owned(),
            probe: Some(Probe::PkgConfig { module: "spdlog".to_owned(), minimum: Some("1.15".to_owned()) }),
            packages: Vec::new(),
            wanted_by: Vec::new(),
            optional: false,
        };
        RequiredSource {
            source: "core".into(),
            tree: Some(tree),
            name: "InfiniCore".to_owned(),
            file: "xmake.lua".into(),
            says: "target(\"infinicore_cpp_api\")".to_owned(),
            third_party: vec![ThirdParty { need, cure: "git submodule update".to_owned() }],
        }
    }

    fn looked(action: &RequiredSource, system: Result<Option<String>, Finding>) -> Observation {
        let context = FakeContext::new();
        let check = move |_: &Need, _: &[Utf8PathBuf], _: &dyn Context| system.clone();
        let rust = |_: Option<&model::source_facts::PinnedRust>, _: &dyn Context| Ok(None);
        let python = |_: &model::plan::RequiredPython, _: &dyn Context| Ok(Observation::default());
        let runner = BuildRunner::new(&check, &rust, &python);
        let mut observation = Observation::default();
        look(&runner, action, &[], &context, &mut observation).unwrap();
        observation
    }

    #[test]
    fn a_directory_that_is_something_else_is_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let tree = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
        let told = looked(&required(tree.clone()), Ok(None)).findings;
        assert_eq!(told[0].what, format!("{tree} is not InfiniCore: it has no xmake.lua"));
        std::fs::write(tree.join("xmake.lua"), "target(\"other\")\n").unwrap();
        let told = looked(&required(tree.clone()), Ok(None)).findings;
        assert!(told[0].what.contains("does not mention target(\"infinicore_cpp_api\")"), "{told:?}");
        std::fs::write(tree.join("xmake.lua"), "target( 'infinicore_cpp_api' )\n").unwrap();
        let seen = looked(&required(tree), Ok(Some("libspdlog-dev 1.15.2".to_owned())));
        assert!(seen.findings.is_empty(), "{seen:?}");
        assert_eq!(seen.found["spdlog"], "libspdlog-dev 1.15.2");
    }

    #[test]
    fn a_system_that_is_too_old_and_no_submodule_are_refused_with_both_ways_out() {
        let directory = tempfile::tempdir().unwrap();
        let tree = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
        std::fs::write(tree.join("xmake.lua"), "target(\"infinicore_cpp_api\")\n").unwrap();
        let old = Finding { what: "spdlog is 1.10.0".to_owned(), cure: "apt-get install".to_owned() };
        let told = looked(&required(tree), Err(old)).findings;
        assert_eq!(told[0].what, "spdlog is 1.10.0, and InfiniCore does not include it");
        assert_eq!(told[0].cure, "git submodule update; or apt-get install");
    }
}
