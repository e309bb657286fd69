//! What `build` plans for components that are compiled for accelerators.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::BTreeMap;

use engine::planning::{Known, PlanCx, PlanError, Requirements};
use model::StepId;
use model::case::Case;
use model::lock::Lock;
use model::plan::{Action, Command, Phase, Plan, Probe};
use model::source_facts::SourceFacts;
use model::target::{Target, Tool};
use testkit::FakeContext;

const CASE: &str = r#"schema = 1
[metadata]
name = "test"
[python]
packages = ["jinja2"]
[sources.infinicore]
kind = "path"
path = "/src/infinicore"
[components.infinicore]
driver = "command"
commands = { configure = [["configure"]], install = [["install"]] }
[components.infinicore.options]
"#;

fn planned(
    case: &str,
    change: impl FnOnce(&mut Target),
) -> Result<(Plan, Requirements, FakeContext), PlanError> {
    let mut context = FakeContext::new();
    change(&mut context.target);
    let mut case: Case = toml::from_str(case).unwrap();
    build::recipes::built_in().settle(&mut case);
    let (facts, lock) = (SourceFacts::new(), Lock::default());
    let known =
        Known { case: &case, target: &context.target, facts: &facts, lock: &lock, layout: &context.layout };
    let requirements = build::requirements(&known)?;
    let mut cx = PlanCx::new(known, Phase::Build);
    build::plan(&mut cx)?;
    let plan = cx.finish()?;
    Ok((plan, requirements, context))
}

/// The command that configures: its environment is what every command of the component sees.
fn configure(plan: &Plan) -> Command {
    match &plan.step(&StepId::new("build/infinicore/configure")).unwrap().action {
        Action::Exec(exec) => exec.commands.last().unwrap().clone(),
        other => panic!("{other:?}"),
    }
}

fn with(options: &str) -> String {
    format!("{CASE}{options}")
}

#[test]
fn the_sdk_is_named_to_every_command_under_all_its_names() {
    let (plan, ..) = planned(&with("metax-gpu = true\n"), |target| {
        target.sdk_variables = BTreeMap::from([("MACA_HOME".to_owned(), "/vendor".to_owned())]);
    })
    .unwrap();
    let environment = configure(&plan).environment;
    for name in ["MACA_PATH", "MACA_HOME", "MACA_ROOT"] {
        assert_eq!(environment[name], "/vendor", "{name}");
    }
    assert!(!environment.contains_key("CPATH"), "no headers of torch are compiled");
    let (plan, ..) = planned(&with("metax-gpu = true\nuse-mc = true\naten = true\n"), |_| {}).unwrap();
    let environment = configure(&plan).environment;
    assert_eq!(environment["MACA_PATH"], "/opt/maca");
    assert!(environment["CPATH"].starts_with("/opt/maca/tools/cu-bridge/include:"));
    let (plan, ..) = planned(&with("cpu = true\n"), |target| {
        target.sdk_variables = BTreeMap::from([("MACA_HOME".to_owned(), "/vendor".to_owned())]);
    })
    .unwrap();
    assert!(!configure(&plan).environment.contains_key("MACA_HOME"), "nobody asked for it");
}

#[test]
fn nvidia_gets_the_toolkit_its_architectures_and_the_python_of_the_case() {
    let text = format!("{}[cuda]\narch = [86, '9.0']\n", with("nv-gpu = true\n"));
    let (plan, requirements, context) = planned(&text, |_| {}).unwrap();
    assert_eq!(requirements.cuda.components, ["infinicore".into()], "`deps` brings the toolkit");
    let environment = configure(&plan).environment;
    let path = &environment["PATH"];
    let python = context.layout.python_environment("test").join("bin");
    assert!(path.split(':').any(|word| word == python), "`python` is the case's: {path}");
    assert!(environment.contains_key("CUDA_HOME"));
    let Action::Preflight(preflight) = &plan.step(&StepId::new("build/infinicore/preflight")).unwrap().action
    else {
        panic!()
    };
    assert!(preflight.needs.iter().any(|need| matches!(need.probe, Some(Probe::Cuda { .. }))));
    assert!(preflight.wheels.as_ref().unwrap().packages["jinja2"] == "__init__.py");
    assert!(preflight.accelerators.is_empty(), "nothing else is looked for: {:?}", preflight.accelerators);
}

#[test]
fn a_vendors_compiler_is_found_where_the_vendors_image_has_it() {
    let (plan, ..) = planned(&with("cambricon-mlu = true\n"), |target| {
        let cncc = Tool { path: "/vendor/bin/cncc".to_owned(), version: None };
        target.tools.insert("cncc".to_owned(), cncc);
    })
    .unwrap();
    let environment = configure(&plan).environment;
    let path: Vec<&str> = environment["PATH"].split(':').collect();
    assert_eq!((path[0], *path.last().unwrap()), ("/usr/local/neuware/bin", "/vendor/bin"));
}

#[test]
fn two_that_exclude_each_other_are_refused_and_two_that_nobody_tried_are_noted() {
    let error = planned(&with("nv-gpu = true\niluvatar-gpu = true\n"), |_| {}).err().unwrap();
    assert_eq!(error.key, "components.infinicore.options.iluvatar-gpu");
    insta::assert_snapshot!(error.to_string());
    let (plan, ..) = planned(&with("metax-gpu = true\nascend-npu = true\n"), |_| {}).unwrap();
    assert!(plan.notes.iter().any(|note| note.contains("metax and ascend")), "{:?}", plan.notes);
    let error = planned(&with("nv-gpu = true\ncuda_arch = 'ampere'\n"), |_| {}).err().unwrap();
    assert_eq!(error.key, "components.infinicore.options.cuda_arch");
    assert!(error.help.contains("`sm_86`"), "{error}");
    let (plan, ..) = planned(&with("moore-gpu = true\nmoore-gpu-arch = 'mp_99'\n"), |_| {}).unwrap();
    assert!(plan.notes.iter().any(|note| note.contains("`mp_99`")), "{:?}", plan.notes);
}

#[test]
fn components_of_another_name_have_options_of_their_own() {
    let other = with("nv-gpu = true\nmetax-gpu = true\n").replace("infinicore", "other")
        + "[components.other.when.\"nv-gpu or metax-gpu\"]\nnotes = [\"of its own\"]\n";
    let (plan, requirements, _) = planned(&other, |_| {}).unwrap();
    assert!(requirements.cuda.components.is_empty());
    let Action::Preflight(preflight) = &plan.step(&StepId::new("build/other/preflight")).unwrap().action
    else {
        panic!()
    };
    assert!(preflight.accelerators.is_empty());
}

#[test]
fn a_mounted_source_is_looked_at_and_its_commit_changes_no_fingerprint() {
    let pinned =
        with("").replace("path = \"/src/infinicore\"", "path = \"/src/infinicore\"\nrevision = \"2cec6ce6\"");
    let (plain, _, before) = planned(&with(""), |_| {}).unwrap();
    let (plan, _, after) = planned(&pinned, |_| {}).unwrap();
    let Action::Preflight(preflight) = &plan.step(&StepId::new("build/infinicore/preflight")).unwrap().action
    else {
        panic!()
    };
    let checkout = preflight.checkout.as_ref().unwrap();
    assert_eq!((checkout.tree.as_str(), checkout.revision.as_deref()), ("/src/infinicore", Some("2cec6ce6")));
    let text = |step: &model::plan::Step, context: &FakeContext| {
        serde_json::to_string(&step.action).unwrap().replace(context.path("").as_str(), "[ROOT]/")
    };
    assert_eq!(plain.steps.len(), plan.steps.len());
    for (one, other) in plain.steps.iter().zip(&plan.steps) {
        let same = text(one, &before) == text(other, &after);
        assert_eq!(same, one.id.as_str() != "build/infinicore/preflight", "{}", one.id);
    }
}
