//! What `build` plans of Python environments, by kind.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use engine::planning::{Known, PlanCx};
use model::case::Case;
use model::lock::Lock;
use model::plan::{Action, Phase, Plan, Step};
use model::python::InterpreterFacts;
use model::source_facts::SourceFacts;
use testkit::FakeContext;

/// An interpreter of an image, away from where compilers look.
fn vendors() -> InterpreterFacts {
    InterpreterFacts {
        executable: "/opt/vendor/bin/python3".into(),
        implementation: "cpython".to_owned(),
        version: "3.10.12".to_owned(),
        prefix: "/opt/vendor".into(),
        site: "/opt/vendor/lib/python3.10/site-packages".into(),
        include: Some("/opt/vendor/include/python3.10".into()),
        library: Some("/opt/vendor/lib/libpython3.10.so".into()),
        ..InterpreterFacts::default()
    }
}

fn planned(python: &str, facts: Option<InterpreterFacts>) -> (Plan, Vec<String>) {
    let text = format!(
        "schema = 1\n[metadata]\nname = \"test\"\n[python]\n{python}\n\
         [sources.opencv]\nkind = \"path\"\npath = \"/src/opencv\"\n[sources.tool]\nkind = \"path\"\npath = \"/src/tool\"\n\
         [components.opencv]\noptions = {{ BUILD_opencv_python3 = true }}\n[components.tool]\ndriver = \"python\"\n"
    );
    let mut context = FakeContext::new();
    context.layout.data = "/data".into();
    context.target.python = facts;
    let mut case: Case = toml::from_str(&text).unwrap();
    build::recipes::built_in().settle(&mut case);
    let (sources, lock) = (SourceFacts::new(), Lock::default());
    let known =
        Known { case: &case, target: &context.target, facts: &sources, lock: &lock, layout: &context.layout };
    let needs = build::requirements(&known).unwrap().needs.into_iter().map(|need| need.name).collect();
    let mut cx = PlanCx::new(known, Phase::Build);
    build::plan(&mut cx).unwrap();
    (cx.finish().unwrap(), needs)
}

fn step<'a>(plan: &'a Plan, id: &str) -> &'a Step {
    plan.step(&id.into()).unwrap_or_else(|| panic!("no step {id}"))
}

fn text(step: &Step) -> String {
    serde_json::to_string(&step.action).unwrap()
}

#[test]
fn components_go_to_the_environment_of_the_case_whatever_its_kind() {
    // Kind, the interpreter that is called, and where a Python project is installed.
    for (python, program, prefix) in [
        ("packages = [\"numpy\"]", "/data/environments/test/bin/python", "/data/environments/test"),
        (
            "environment = \"venv-system-site\"",
            "/data/environments/test/bin/python",
            "/data/environments/test",
        ),
        (
            "environment = \"existing\"\ninterpreter = \"python3.10\"",
            "/opt/vendor/bin/python3",
            "/opt/vendor",
        ),
        ("environment = \"conda\"\nprefix = \"/opt/vendor\"", "/opt/vendor/bin/python3", "/opt/vendor"),
    ] {
        let (plan, _) = planned(python, Some(vendors()));
        let configure = text(step(&plan, "build/opencv/configure"));
        assert!(configure.contains(&format!("-DPYTHON3_EXECUTABLE={program}\"")), "{python}: {configure}");
        assert!(text(step(&plan, "build/tool/compile")).contains(&format!("\"{program}\"")), "{python}");
        let Action::Commit(commit) = &step(&plan, "build/tool/commit").action else { panic!() };
        assert_eq!(commit.prefix, prefix, "{python}");
        let Action::LinkPython(link) = &step(&plan, "build/opencv/python").action else { panic!() };
        assert_eq!(link.environment, prefix, "{python}");
        let existing = prefix == "/opt/vendor";
        assert_eq!(link.site.is_some(), existing, "{python}");
        let staged = text(step(&plan, "build/tool/stage"));
        assert_eq!(staged.contains("--prefix"), !existing, "{python}: {staged}");
        assert_eq!(plan.step(&"build/python/stage".into()).is_some(), existing, "{python}");
        assert!(staged.contains("--no-index"), "{python}");
    }
}

#[test]
fn opencv_is_told_where_an_interpreter_away_from_the_system_has_its_library() {
    let (plan, needs) = planned("packages = [\"numpy\"]", Some(vendors()));
    let configure = text(step(&plan, "build/opencv/configure"));
    assert!(configure.contains("-DPYTHON3_LIBRARY=/opt/vendor/lib/libpython3.10.so"), "{configure}");
    assert!(configure.contains("-DPYTHON3_INCLUDE_DIR=/opt/vendor/include/python3.10"), "{configure}");
    assert!(!needs.contains(&"python3-dev".to_owned()), "no package has its headers: {needs:?}");

    let debians = InterpreterFacts { include: Some("/usr/include/python3.11".into()), ..vendors() };
    for facts in [Some(debians), None] {
        let (plan, needs) = planned("packages = [\"numpy\"]", facts);
        assert!(!text(step(&plan, "build/opencv/configure")).contains("PYTHON3_LIBRARY"));
        assert!(needs.contains(&"python3-dev".to_owned()), "{needs:?}");
    }
}

#[test]
fn what_is_not_there_yet_is_guessed_and_planned_again_later() {
    let (plan, _) = planned("environment = \"conda\"\nprefix = \"/opt/env\"", None);
    let Action::Commit(commit) = &step(&plan, "build/python").action else { panic!() };
    assert_eq!(commit.prefix, "/opt/env");
    let (plan, _) = planned("environment = \"existing\"", None);
    let Action::Commit(commit) = &step(&plan, "build/python").action else { panic!() };
    assert_eq!(commit.prefix, "/usr/local");
}
