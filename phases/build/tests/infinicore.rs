//! What the recipes of InfiniCore and InfiniLM plan: with and without submodules, and what they refuse.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use engine::planning::{Known, PlanCx, PlanError, Requirements};
use model::StepId;
use model::case::{Case, Check};
use model::lock::Lock;
use model::plan::{Action, Argument, Command, Phase, Plan, Probe, RequiredSource};
use model::source_facts::{FactsOfSource, SourceFacts};
use model::target::Target;
use model::verify_level::VerifyLevel;
use testkit::FakeContext;
use testkit::context::debian_13;

const CASE: &str = r#"
schema = 1
[metadata]
name = "infini"
[python]
environment = "venv-system-site"
[sources.infinicore]
kind = "path"
path = "/mnt/InfiniCore"
[sources.infinilm]
kind = "path"
path = "/mnt/InfiniLM"
[components.infinicore]
[components.infinilm]
needs = ["infinicore"]
"#;

/// Plans the case with more in it; each source has these directories in `third_party`, if it is there.
fn planned(more: &str, third_party: Option<&[&str]>) -> Result<(Plan, Requirements), PlanError> {
    // A table may be there once only.
    let section = more.lines().next().filter(|line| CASE.contains(&format!("{line}\n")));
    let text = match section {
        Some(section) => CASE.replace(section, more.trim_end()),
        None => format!("{CASE}{more}"),
    };
    planned_on(&debian_13(), &text, third_party)
}

fn planned_on(
    target: &Target,
    text: &str,
    third_party: Option<&[&str]>,
) -> Result<(Plan, Requirements), PlanError> {
    let mut context = FakeContext::new();
    context.target = target.clone();
    let mut case: Case = toml::from_str(text).unwrap();
    build::recipes::built_in().settle(&mut case);
    let lock = Lock::default();
    let facts: SourceFacts = third_party
        .map(|filled| {
            let third_party = filled.iter().map(|name| (*name).to_owned()).collect();
            FactsOfSource { third_party, ..FactsOfSource::default() }
        })
        .into_iter()
        .flat_map(|facts| ["infinicore", "infinilm"].map(|name| (name.into(), facts.clone())))
        .collect();
    let known =
        Known { case: &case, target: &context.target, facts: &facts, lock: &lock, layout: &context.layout };
    let requirements = build::requirements(&known)?;
    let mut cx = PlanCx::new(known, Phase::Build);
    build::plan(&mut cx)?;
    Ok((cx.finish()?, requirements))
}

fn commands<'a>(plan: &'a Plan, id: &str) -> &'a [Command] {
    let Action::Exec(exec) = &plan.step(&StepId::new(id)).unwrap().action else {
        panic!("{id} runs nothing")
    };
    &exec.commands
}

/// The line that configures a component.
fn configure(plan: &Plan, component: &str) -> String {
    words(commands(plan, &format!("build/{component}/configure")).last().unwrap())
}

fn words(command: &Command) -> String {
    let argument = |argument: &Argument| match argument {
        Argument::Literal(text) => text.clone(),
        other => format!("{other:?}"),
    };
    let all: Vec<String> =
        std::iter::once(command.program.clone()).chain(command.args.iter().map(argument)).collect();
    all.join(" ")
}

fn required<'a>(plan: &'a Plan, component: &str) -> &'a RequiredSource {
    let id = StepId::new(format!("build/{component}/preflight"));
    let Action::Preflight(preflight) = &plan.step(&id).unwrap().action else { panic!() };
    preflight.source.as_ref().unwrap()
}

fn brought(requirements: &Requirements) -> Vec<&str> {
    let rows = ["fmt", "nlohmann-json", "spdlog"];
    requirements.needs.iter().map(|need| need.name.as_str()).filter(|name| rows.contains(name)).collect()
}

#[test]
fn both_packages_are_imported_and_with_an_accelerator_where_the_device_is() {
    let checks = |more: &str, component: &str| {
        let (plan, _) = planned(more, Some(&[])).unwrap();
        let id = StepId::new(format!("build/{component}/verify"));
        let Action::Verify(verify) = &plan.step(&id).unwrap().action else { panic!() };
        let told = verify.checks.iter().map(|check| match check {
            Check::Run { command, level, .. } => (command[3..].join(" "), *level),
            other => panic!("{other:?}"),
        });
        told.collect::<Vec<_>>()
    };
    let metax = "[components.infinicore]\noptions = { metax-gpu = true }\nenvironment = { MACA_PATH = \"/opt/maca\" }\n";
    let nvidia = "[components.infinicore]\noptions = { nv-gpu = true, cuda_arch = \"sm_86\" }\n";
    let cpu = "[components.infinicore]\noptions = { cpu = true }\n";
    for (more, level) in [
        ("", VerifyLevel::Import),
        (cpu, VerifyLevel::Import),
        (metax, VerifyLevel::Device),
        (nvidia, VerifyLevel::Device),
    ] {
        assert_eq!(checks(more, "infinicore"), [("{prefix} infinicore".to_owned(), level)]);
        assert_eq!(checks(more, "infinilm"), [("{prefix} infinicore infinilm".to_owned(), level)]);
    }
    let elsewhere = "[components.infinilm]\nenvironment = { INFINI_ROOT = \"/opt/infini\" }\n";
    let text = CASE.replace("[components.infinilm]\nneeds = [\"infinicore\"]\n", elsewhere);
    assert_ne!(text, CASE);
    let (plan, _) = planned_on(&debian_13(), &text, Some(&[])).unwrap();
    let Action::Verify(verify) = &plan.step(&StepId::new("build/infinilm/verify")).unwrap().action else {
        panic!()
    };
    assert_eq!(verify.checks[0].level(), VerifyLevel::Device, "nobody knows what it was compiled for");
}

#[test]
fn without_submodules_the_system_has_to_bring_them() {
    let (plan, requirements) = planned("", Some(&[])).unwrap();
    assert_eq!(brought(&requirements), ["fmt", "nlohmann-json", "spdlog"]);
    let core = required(&plan, "infinicore");
    assert_eq!(core.name, "InfiniCore");
    assert_eq!(core.says, "target(\"infinicore_cpp_api\")");
    let spdlog = core.third_party.iter().find(|part| part.need.name == "spdlog").unwrap();
    assert_eq!(
        spdlog.need.probe,
        Some(Probe::PkgConfig { module: "spdlog".to_owned(), minimum: Some("1.15".to_owned()) })
    );
    assert_eq!(
        spdlog.cure,
        "get the submodule: git -C /mnt/InfiniCore submodule update --init third_party/spdlog"
    );
    for component in ["infinicore", "infinilm"] {
        let line = configure(&plan, component);
        assert!(line.contains("-DSPDLOG_COMPILED_LIB -DSPDLOG_SHARED_LIB -DSPDLOG_FMT_EXTERNAL"), "{line}");
        assert!(line.contains("-lspdlog -lfmt"), "{line}");
    }
}

#[test]
fn of_a_source_that_is_not_there_yet_the_worst_is_assumed() {
    let (_, requirements) = planned("", None).unwrap();
    assert_eq!(brought(&requirements), ["fmt", "nlohmann-json", "spdlog"]);
}

#[test]
fn a_submodule_is_compiled_once_before_anything_else() {
    let (plan, requirements) = planned("", Some(&["spdlog", "nlohmann_json", "json"])).unwrap();
    assert!(brought(&requirements).is_empty(), "{:?}", brought(&requirements));
    for component in ["infinicore", "infinilm"] {
        assert!(required(&plan, component).third_party.is_empty());
        let first = words(&commands(&plan, &format!("build/{component}/compile"))[0]);
        assert!(first.starts_with("sh -ec") && first.contains("-DSPDLOG_COMPILED_LIB"), "{first}");
        let line = configure(&plan, component);
        assert!(line.contains("/spdlog/libspdlog.a") && !line.contains("-lspdlog"), "{line}");
    }
}

#[test]
fn infinilm_is_optimised_and_finds_the_infinicore_just_installed() {
    let (plan, _) = planned("", Some(&[])).unwrap();
    let configure = configure(&plan, "infinilm");
    assert!(configure.contains("-O3 -DNDEBUG"), "{configure}");
    let command = commands(&plan, "build/infinilm/compile").last().unwrap();
    let core = commands(&plan, "build/infinicore/compile").last().unwrap();
    assert!(command.environment["INFINI_ROOT"].ends_with("/prefix"), "{:?}", command.environment);
    assert_ne!(command.environment["INFINI_ROOT"], core.environment["INFINI_ROOT"]);
    let compiles = plan.step(&StepId::new("build/infinilm/configure")).unwrap();
    assert!(compiles.needs.contains(&StepId::new("build/infinicore/commit")));
}

#[test]
fn the_wheel_is_made_without_the_project_s_own_build() {
    let (plan, _) = planned("", Some(&[])).unwrap();
    for component in ["infinicore", "infinilm"] {
        let stage = commands(&plan, &format!("build/{component}/stage"));
        let wheel = stage.last().unwrap();
        assert!(wheel.program.ends_with("bin/python"), "{}", wheel.program);
        assert!(words(wheel).contains(&format!("lib/{component}/python {component}")), "{}", words(wheel));
        assert!(plan.step(&StepId::new(format!("build/{component}/python"))).is_some());
    }
}

#[test]
fn options_pass_through_and_editable_is_none_of_them() {
    let option = |line: &str| planned(&format!("[components.infinicore.options]\n{line}\n"), Some(&[]));
    let (plan, _) = option("metax-gpu = true").unwrap();
    let line = configure(&plan, "infinicore");
    assert!(line.contains("--metax-gpu=y"), "{line}");
    let error = option("editable = true").unwrap_err();
    assert_eq!(error.key, "components.infinicore.options.editable");
    assert!(error.help.contains("editable = true` in [components.infinicore]"), "{error}");
}

#[test]
fn an_editable_install_links_to_the_users_directory() {
    // The wheel's words after the program: what it is made of, where, into what, and the links.
    let links = |plan: &Plan, component: &str| {
        let wheel = commands(plan, &format!("build/{component}/stage")).last().unwrap();
        let Argument::Literal(links) = &wheel.args[6] else { panic!("{}", words(wheel)) };
        links.clone()
    };
    let (plan, _) = planned("[components.infinicore]\neditable = true\n", None).unwrap();
    assert_eq!(links(&plan, "infinicore"), "/mnt/InfiniCore/python");
    assert_eq!(links(&plan, "infinilm"), "", "the other is as it was");
    let Action::Commit(commit) = &plan.step(&StepId::new("build/infinicore/commit")).unwrap().action else {
        panic!("a commit");
    };
    assert!(commit.editable, "for the manifest, by which an image refuses it");

    let below = "[components.infinicore]\neditable = true\nsubdirectory = 'core'\n";
    let (plan, _) = planned(below, None).unwrap();
    assert_eq!(links(&plan, "infinicore"), "/mnt/InfiniCore/core/python");
}

#[test]
fn an_editable_install_is_refused_in_an_image_build_and_where_there_is_none() {
    let mut target = debian_13();
    target.image_build = true;
    let editable = CASE.replace("[components.infinicore]", "[components.infinicore]\neditable = true");
    let error = planned_on(&target, &editable, None).unwrap_err();
    assert_eq!(error.key, "components.infinicore.editable");
    assert!(error.help.contains("--set components.infinicore.editable=false"), "{error}");
    let other = "[components.x264]\neditable = true\n[sources.x264]\nkind = 'path'\npath = '/mnt/x264'\n";
    let error = planned(other, None).unwrap_err();
    assert_eq!(error.key, "components.x264.editable");
}

#[test]
fn an_infinilm_without_infinicore_is_told_what_it_needs() {
    let alone = CASE.replace("needs = [\"infinicore\"]", "");
    let context = FakeContext::new();
    let planned = |text: &str| {
        let mut case: Case = toml::from_str(text).unwrap();
        build::recipes::built_in().settle(&mut case);
        let (facts, lock) = (SourceFacts::new(), Lock::default());
        let known = Known {
            case: &case,
            target: &context.target,
            facts: &facts,
            lock: &lock,
            layout: &context.layout,
        };
        let mut cx = PlanCx::new(known, Phase::Build);
        build::plan(&mut cx)?;
        cx.finish()
    };
    let error = planned(&alone).unwrap_err();
    assert_eq!(error.key, "components.infinilm.needs");
    assert!(error.help.contains("INFINI_ROOT"), "{error}");
    let there = planned(&format!("{alone}environment = {{ INFINI_ROOT = \"/opt/infini\" }}\n")).unwrap();
    let command = commands(&there, "build/infinilm/compile").last().unwrap();
    assert_eq!(command.environment["INFINI_ROOT"], "/opt/infini");
}
