//! The plan of `deps` from recorded facts.

use engine::planning::{Known, Users};
use model::StepId;
use model::case::{Alternatives, Case, CompilerCache, Component, Driver, Python, SourceSpec, SystemPackages};
use model::layout::Layout;
use model::lock::Lock;
use model::plan::{
    Action, EnsurePackages, EnsureToolchain, Input, Jobs, Need, Phase, Plan, Privilege, Probe,
};
use model::source_facts::{FactsOfSource, SourceFacts};
use model::target::Target;

use super::packages::is_package_name;
use super::*;

fn layout() -> Layout {
    Layout {
        prefix: "/usr/local".into(),
        state: "/state".into(),
        cache: "/cache".into(),
        artifacts: "/artifacts".into(),
        data: "/data".into(),
        case_dir: "/case".into(),
        given_lock: None,
        lock: "/case/case.lock".into(),
    }
}

fn planned(
    case: &Case,
    target: &Target,
    facts: &SourceFacts,
    requirements: &Requirements,
) -> Result<Plan, PlanError> {
    let (lock, layout) = (Lock::default(), layout());
    let known = Known { case, target, facts, lock: &lock, layout: &layout };
    let mut cx = PlanCx::new(known, Phase::Deps);
    plan(&mut cx, requirements)?;
    cx.finish()
}

fn mounted(case: &mut Case, name: &str) {
    let path = SourceSpec::path(name);
    case.sources.insert(name.into(), Alternatives::One(path));
}

fn need(name: &str, wanted_by: &str) -> Need {
    model::catalog::need(name, Some("apt"), wanted_by).unwrap()
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

fn packages_of(plan: &Plan) -> &EnsurePackages {
    match &plan.step(&"deps/packages".into()).unwrap().action {
        Action::EnsurePackages(action) => action,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_case_that_needs_nothing_plans_nothing() {
    let plan = planned(
        &Case::default(),
        &testkit::context::debian_12(),
        &SourceFacts::new(),
        &Requirements::default(),
    )
    .unwrap();
    assert!(plan.steps.is_empty());
}

#[test]
fn needs_are_merged_and_deps_own_needs_come_only_when_used() {
    let mut case =
        Case { system_packages: SystemPackages::All(vec!["libfoo-dev".to_owned()]), ..Case::default() };
    case.toolchains.cmake.minimum = Some("3.25".to_owned());
    let requirements = Requirements {
        needs: vec![need("nasm", "ffmpeg"), need("cmake", "opencv"), need("nasm", "x264")],
        ..Requirements::default()
    };
    let plan = planned(&case, &testkit::context::debian_12(), &SourceFacts::new(), &requirements).unwrap();
    let action = packages_of(&plan);
    let names: Vec<&str> = action.needs.iter().map(|need| need.name.as_str()).collect();
    assert_eq!(names, ["cmake", "libfoo-dev", "nasm"], "neither git nor python3");
    assert_eq!(action.needs[2].wanted_by, ["ffmpeg", "x264"]);
    assert_eq!(
        action.needs[0].probe,
        Some(Probe::Tool { names: vec!["cmake".to_owned()], minimum: Some("3.25".to_owned()) })
    );
    let step = &plan.steps[0];
    assert_eq!((step.privilege, step.claims.jobs), (Privilege::Root, Jobs::None));
    assert_eq!(step.claims.locks, ["packages"]);
}

#[test]
fn python_brings_its_interpreter_and_what_debian_keeps_apart() {
    let python = Python {
        requirements: vec!["requirements.txt".into()],
        packages: vec!["numpy==2.1.3".to_owned()],
        ..Python::default()
    };
    let mut case = Case { python: Some(python), ..Case::default() };
    let plan = planned(&case, &testkit::context::debian_12(), &SourceFacts::new(), &Requirements::default())
        .unwrap();
    assert_eq!(ids(&plan), ["deps/packages", "deps/python", "deps/wheels"]);
    let packages: Vec<&String> = packages_of(&plan).needs.iter().flat_map(|need| &need.packages).collect();
    assert_eq!(packages, ["python3", "python3-venv"]);
    let wheels = &plan.steps[2];
    assert_eq!(wheels.needs, [StepId::new("deps/python")], "another package's upgrade resolves nothing anew");
    let (path, base) = ("/case/requirements.txt".into(), "/case".into());
    assert_eq!(wheels.inputs, [Input::Requirements { path, base, optional: false }]);
    assert_eq!(wheels.outputs, ["/artifacts/wheels/requirements.lock"]);

    case.python.as_mut().unwrap().interpreter = Some("python3.12".to_owned());
    let plan = planned(&case, &testkit::context::debian_12(), &SourceFacts::new(), &Requirements::default())
        .unwrap();
    let packages: Vec<&String> = packages_of(&plan).needs.iter().flat_map(|need| &need.packages).collect();
    assert_eq!(packages, ["python3.12", "python3.12-venv"]);

    case.python.as_mut().unwrap().interpreter = Some("/opt/python/bin/python3".to_owned());
    let plan = planned(&case, &testkit::context::debian_12(), &SourceFacts::new(), &Requirements::default())
        .unwrap();
    assert!(packages_of(&plan).needs.iter().all(|need| need.packages.is_empty()), "a user's own interpreter");
}

fn users(components: &[&str]) -> Users {
    Users { components: components.iter().map(|name| (*name).into()).collect(), required: true }
}

#[test]
fn what_only_optional_components_want_may_fail() {
    let mut case = Case::default();
    let fetched = SourceSpec::Crate { name: "app".to_owned(), version: "1.0.0".to_owned() };
    case.sources.insert("app".into(), Alternatives::One(fetched));
    let requirements = Requirements {
        crates: vec!["app".into()],
        sources: [("app".into(), Users { required: false, ..users(&["app"]) })].into(),
        ..Requirements::default()
    };
    let plan = planned(&case, &testkit::context::debian_12(), &SourceFacts::new(), &requirements).unwrap();
    for id in ["source/app/fetch", "source/app/unpack", "deps/crates/app"] {
        let step = plan.step(&StepId::new(id)).unwrap();
        assert!(step.optional && step.serves == ["app".into()], "{id}");
    }
}

#[test]
fn crates_of_a_mounted_source_follow_its_lock_file_and_raise_the_minimum() {
    let mut case = Case::default();
    case.metadata.name = "svc".to_owned();
    mounted(&mut case, "service");
    let component = Component {
        source: Some("service".into()),
        driver: Some(Driver::Cargo),
        subdirectory: Some("rust".into()),
        ..Component::default()
    };
    case.components.insert("router".into(), component);
    let facts = SourceFacts::from([(
        "service".into(),
        FactsOfSource { cargo_lock_version: Some(4), ..FactsOfSource::default() },
    )]);
    let requirements = Requirements {
        crates: vec!["service".into()],
        sources: [("service".into(), users(&["router"]))].into(),
        ninja: true,
        ..Requirements::default()
    };
    let plan = planned(&case, &testkit::context::debian_12(), &facts, &requirements).unwrap();
    assert_eq!(ids(&plan), ["deps/toolchain/rust", "deps/toolchain/ninja", "deps/crates/service"]);
    let Action::EnsureToolchain(EnsureToolchain::Rust { minimum, sources, .. }) = &plan.steps[0].action
    else {
        panic!("{:?}", plan.steps[0].action)
    };
    assert_eq!((minimum.as_deref(), sources.len()), (Some("1.78"), 0));
    let crates = &plan.steps[2];
    assert_eq!(crates.after, [StepId::new("deps/toolchain/rust")]);
    assert_eq!(
        crates.inputs,
        [
            "/case/service/Cargo.lock",
            "/case/service/Cargo.toml",
            "/case/service/rust/Cargo.lock",
            "/case/service/rust/Cargo.toml"
        ]
        .map(|path| Input::MaybeFile { path: path.into() })
    );
    assert_eq!(crates.claims.locks, ["cargo-home"]);
    assert_eq!(
        crates.outputs,
        ["/data/cargo-home/fetched/svc.service.lock", "/data/cargo-home/fetched/svc.service.json"]
    );
}

#[test]
fn an_unknown_distribution_is_named_in_a_note_and_takes_no_root() {
    let mut target = testkit::context::debian_12();
    target.package_manager = None;
    target.os.pretty_name = "NixOS 24.05".to_owned();
    let requirements = Requirements { needs: vec![need("nasm", "ffmpeg")], ..Requirements::default() };
    let plan = planned(&Case::default(), &target, &SourceFacts::new(), &requirements).unwrap();
    assert!(plan.notes[0].contains("NixOS 24.05") && plan.notes[0].contains("--package-manager"));
    assert_eq!(plan.steps[0].privilege, Privilege::User);
}

#[test]
fn the_case_says_what_a_need_is_called_or_that_it_comes_by_other_ways() {
    let mut target = testkit::context::debian_12();
    target.package_manager = Some("yum".to_owned());
    let planned_with = |packages: &[&str]| {
        let names = packages.iter().map(|name| (*name).to_owned()).collect();
        let mut case = Case::default();
        case.toolchains.compiler_cache = Some(CompilerCache::Ccache);
        case.package_names.insert("dnf".to_owned(), [("ccache".to_owned(), names)].into());
        let plan = planned(&case, &target, &SourceFacts::new(), &Requirements::default()).unwrap();
        packages_of(&plan).needs[0].clone()
    };
    let named = planned_with(&["ccache-swig"]);
    assert_eq!(named.packages, ["ccache-swig"]);
    assert!(named.probe.is_some());
    let elsewhere = planned_with(&[]);
    assert!(elsewhere.packages.is_empty() && elsewhere.probe.is_none(), "neither installed nor looked for");
}

#[test]
fn a_name_that_would_be_an_option_or_a_removal_is_refused() {
    for name in ["-o=x", "nasm-", "na sm", ""] {
        let case = Case { system_packages: SystemPackages::All(vec![name.to_owned()]), ..Case::default() };
        let error =
            planned(&case, &testkit::context::debian_12(), &SourceFacts::new(), &Requirements::default())
                .unwrap_err();
        assert_eq!(error.key, "system_packages", "{name}");
    }
    for name in ["g++", "libstdc++-12-dev", "zlib1g-dev:i386", "nasm=2.16.01-1"] {
        assert!(is_package_name(name), "{name}");
    }
}

#[test]
fn the_plan_is_the_same_before_and_after_sources_are_there() {
    let mut case = Case::default();
    case.sources.insert(
        "app".into(),
        Alternatives::One(SourceSpec::Crate { name: "app".to_owned(), version: "1.0.0".to_owned() }),
    );
    let requirements = Requirements {
        crates: vec!["app".into()],
        sources: [("app".into(), users(&["app"]))].into(),
        ..Requirements::default()
    };
    let facts = SourceFacts::from([(
        "app".into(),
        FactsOfSource { minimum_rust: Some("1.80".to_owned()), ..FactsOfSource::default() },
    )]);
    let before = planned(&case, &testkit::context::debian_12(), &SourceFacts::new(), &requirements).unwrap();
    let after = planned(&case, &testkit::context::debian_12(), &facts, &requirements).unwrap();
    assert_eq!(before.digest(), after.digest());
    let rust = before.step(&"deps/toolchain/rust".into()).unwrap();
    assert_eq!(rust.after, [StepId::new("source/app/fetch")]);
    assert_eq!(before.step(&"deps/crates/app".into()).unwrap().needs, [StepId::new("source/app/fetch")]);
}
