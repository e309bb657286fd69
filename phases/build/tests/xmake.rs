//! What is planned for components that xmake builds.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fmt::Write as _;

use camino::Utf8Path;
use engine::planning::{Known, PlanCx, PlanError, Requirements};
use model::StepId;
use model::case::Case;
use model::lock::Lock;
use model::plan::{Action, Argument, Keep, Phase, Plan, Preflight, Probe, Step};
use model::source_facts::{FactsOfSource, SourceFacts};
use testkit::FakeContext;
use testkit::context::debian_13;

const PROJECT: &str = r#"
set_xmakever("2.9.1")
add_requires("openmp", "pybind11")
add_requires("fmt >=10")
option("gpu") set_default(false) option_end()
if has_config("gpu") then add_requires("gpu-sdk") end
target("lib") set_kind("shared")
target("_ext") add_rules("python.module")
"#;

const CASE: &str = r#"
schema = 1
metadata = { name = "test" }
[python]
packages = ["numpy"]
[sources.app]
kind = "path"
path = "/src/app"
[components.app]
driver = "xmake"
[components.app.options]
gpu = false
[components.app.xmake]
targets = ["lib"]
python_extensions = { _ext = "lib/app" }
environment = { ROOT = "{installed}" }
install_environment = { INTO = "{destdir}{prefix}" }
install_first = true
[components.app.xmake.requires.fmt]
modules = ["fmt"]
system = ["apt:libfmt-dev"]
"#;

struct Planned {
    plan: Plan,
    requirements: Requirements,
    root: String,
}

fn planned(case: &str, project: Option<&str>) -> Result<Planned, PlanError> {
    let mut context = FakeContext::new();
    context.target = debian_13();
    let mut case: Case = toml::from_str(case).unwrap();
    build::recipes::built_in().settle(&mut case);
    let mut facts = SourceFacts::new();
    if let Some(text) = project {
        let found = model::xmake::scan(&mut |path: &Utf8Path| (path == "xmake.lua").then(|| text.to_owned()));
        let xmake = [("".into(), found.unwrap())].into();
        facts.insert("app".into(), FactsOfSource { xmake, ..FactsOfSource::default() });
    }
    let lock = Lock::default();
    let known =
        Known { case: &case, target: &context.target, facts: &facts, lock: &lock, layout: &context.layout };
    let requirements = build::requirements(&known)?;
    let mut cx = PlanCx::new(known, Phase::Build);
    build::plan(&mut cx)?;
    let root = context.path("").as_str().trim_end_matches('/').to_owned();
    Ok(Planned { plan: cx.finish()?, requirements, root })
}

fn step<'a>(plan: &'a Plan, id: &str) -> &'a Step {
    plan.step(&StepId::new(id)).unwrap_or_else(|| panic!("no step {id}"))
}

fn preflight(plan: &Plan) -> &Preflight {
    match &step(plan, "build/app/preflight").action {
        Action::Preflight(preflight) => preflight,
        other => panic!("{other:?}"),
    }
}

/// Every command of the steps, a word a line, with what xmake is told by its environment.
fn commands(planned: &Planned) -> String {
    let mut text = String::new();
    for verb in ["configure", "compile", "stage"] {
        let Action::Exec(exec) = &step(&planned.plan, &format!("build/app/{verb}")).action else { panic!() };
        for command in &exec.commands {
            writeln!(text, "{verb}: {} in {}", command.program, command.directory).unwrap();
            for argument in &command.args {
                match argument {
                    Argument::Literal(word) => writeln!(text, "  {}", word.replace('\n', "\n  | ")).unwrap(),
                    Argument::Jobs { jobs } => writeln!(text, "  {jobs}{{jobs}}").unwrap(),
                }
            }
            if command.program == "xmake" {
                for (name, value) in &command.environment {
                    writeln!(text, "  {name}={value}").unwrap();
                }
            }
        }
    }
    text.replace(&planned.root, "/machine").replace(build::rpath::RPATH_PLACEHOLDER, "{rpath}")
}

#[test]
fn a_project_is_configured_built_and_installed_below_its_own_directories() {
    let planned = planned(CASE, Some(PROJECT)).unwrap();
    insta::assert_snapshot!(commands(&planned));
    // What a killed attempt left is not believed.
    let compile = step(&planned.plan, "build/app/compile");
    assert!(compile.scratch.len() == 2 && compile.scratch.iter().all(|one| one.keep == Keep::UnlessKilled));
    assert_eq!(compile.claims.jobs, model::plan::Jobs::Lease);
}

#[test]
fn what_a_project_asks_for_is_brought_or_looked_for_before_anything_compiles() {
    let Planned { plan, requirements, .. } = planned(CASE, Some(PROJECT)).unwrap();
    assert_eq!(requirements.xmake.components, ["app".into()]);
    assert_eq!(requirements.xmake_minimum.as_deref(), Some("2.9.1"));
    let names: Vec<&str> = requirements.needs.iter().map(|need| need.name.as_str()).collect();
    for name in ["cxx-compiler", "git", "libfmt-dev", "pkg-config", "pybind11", "python3-dev"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    assert!(!names.contains(&"xmake"), "the toolchain's step brings it: {names:?}");
    let preflight = preflight(&plan);
    let xmake = preflight.needs.iter().find(|need| need.name == "xmake").unwrap();
    assert!(matches!(&xmake.probe, Some(Probe::Tool { minimum: Some(lowest), .. }) if lowest == "2.9.1"));
    let modules: Vec<&str> = preflight.xmake_packages.iter().map(|one| one.module.as_str()).collect();
    assert_eq!(modules, ["fmt"]);

    let with_gpu = CASE.replace("gpu = false", "gpu = true");
    let Planned { plan, .. } = planned_ok(&with_gpu);
    let asked: Vec<&str> =
        self::preflight(&plan).xmake_packages.iter().map(|one| one.asked.as_str()).collect();
    assert_eq!(asked[0], "gpu-sdk (xmake.lua:6)");
    // The wheels of the case bring its headers.
    let of_wheels = CASE.replace("[\"numpy\"]", "[\"pybind11>=2.13\"]");
    let needs = planned_ok(&of_wheels).requirements.needs;
    assert!(needs.iter().all(|need| need.name != "pybind11"), "{needs:?}");
}

fn planned_ok(case: &str) -> Planned {
    planned(case, Some(PROJECT)).unwrap()
}

#[test]
fn an_option_or_target_that_the_project_does_not_have_is_refused_with_the_nearest() {
    let error = planned(&CASE.replace("gpu = false", "gpus = true"), Some(PROJECT)).err().unwrap();
    assert_eq!(error.key, "components.app.options.gpus");
    assert!(error.help.contains("did you mean `gpu`?"), "{error}");
    let error = planned(&CASE.replace("[\"lib\"]", "[\"libs\"]"), Some(PROJECT)).err().unwrap();
    assert!(error.message.contains("no target `libs`") && error.help.contains("`lib`"), "{error}");
    // xmake has options of its own, and of a project that computes its options nothing is known.
    assert!(planned(&CASE.replace("gpu = false", "toolchain = \"clang\""), Some(PROJECT)).is_ok());
    let computed = format!("{PROJECT}\noption(name)\n");
    assert!(planned(&CASE.replace("gpu = false", "gpus = true"), Some(&computed)).is_ok());
    // Nor of one that is not there yet.
    assert!(planned(&CASE.replace("gpu = false", "gpus = true"), None).is_ok());
}

#[test]
fn an_xmake_that_is_built_before_is_neither_brought_nor_looked_for() {
    let case = CASE.replace("driver = \"xmake\"", "driver = \"xmake\"\nneeds = [\"xmake\"]")
        + "[sources.xmake]\nkind = \"path\"\npath = \"/src/xmake\"\n\
           [components.xmake]\ndriver = \"command\"\ncommands = { install = [[\"make\", \"install\"]] }\n";
    let Planned { plan, requirements, .. } = planned_ok(&case);
    assert!(requirements.xmake.components.is_empty());
    assert!(preflight(&plan).needs.iter().all(|need| need.name != "xmake"));
    assert!(preflight(&plan).xmake_packages.is_empty(), "what it needs may bring packages");
}

#[test]
fn a_package_index_is_copied_and_its_archives_are_laid_out() {
    let digest = "0".repeat(64);
    let case = CASE.replace(
        "install_first = true",
        "package_index = \"index\"\npackage_archives = { \"tiny-1.0.tar.gz\" = \"tiny\" }",
    ) + &format!(
        "[sources.index]\nkind = \"path\"\npath = \"/src/index\"\n\
         [sources.tiny]\nkind = \"file\"\nurls = [\"u\"]\nsha256 = \"{digest}\"\n"
    );
    let planned = planned(&case, Some(PROJECT)).unwrap();
    assert!(
        planned.requirements.sources.contains_key("index")
            && planned.requirements.sources.contains_key("tiny")
    );
    let configure = step(&planned.plan, "build/app/configure");
    assert!(configure.needs.contains(&StepId::new("build/app/copy-index")), "{:?}", configure.needs);
    let text = commands(&planned);
    for expected in [
        "XMAKE_MAIN_REPO=/machine/cache/fetch-content/app/index",
        "--pkg_searchdirs=/machine/cache/build/app/archives",
        "/machine/cache/build/app/archives/tiny-1.0.tar.gz",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}
