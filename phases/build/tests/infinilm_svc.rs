//! What `build` plans for InfiniLM-SVC.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use engine::planning::{Known, PlanCx, PlanError, Requirements};
use model::StepId;
use model::case::Case;
use model::lock::Lock;
use model::plan::{Action, Commit, Phase, Plan, Preflight, StageFiles};
use model::source_facts::SourceFacts;
use testkit::FakeContext;

const SOURCE: &str =
    "schema = 1\n[metadata]\nname = \"test\"\n[sources.infinilm-svc]\nkind = \"path\"\npath = \"/src\"\n";

fn planned(context: &FakeContext, body: &str) -> Result<(Plan, Requirements), PlanError> {
    let mut case: Case = toml::from_str(&(SOURCE.to_owned() + body)).unwrap();
    build::recipes::built_in().settle(&mut case);
    let (facts, lock) = (SourceFacts::new(), Lock::default());
    let known =
        Known { case: &case, target: &context.target, facts: &facts, lock: &lock, layout: &context.layout };
    let requirements = build::requirements(&known)?;
    let mut cx = PlanCx::new(known, Phase::Build);
    build::plan(&mut cx)?;
    Ok((cx.finish()?, requirements))
}

fn action<'a>(plan: &'a Plan, verb: &str) -> &'a Action {
    &plan.step(&StepId::new(format!("build/infinilm-svc/{verb}"))).unwrap().action
}

fn staged(plan: &Plan) -> &StageFiles {
    let Action::StageFiles(stage) = action(plan, "stage") else { panic!("it is staged otherwise") };
    stage
}

fn committed(plan: &Plan) -> &Commit {
    let Action::Commit(commit) = action(plan, "commit") else { panic!("it is committed otherwise") };
    commit
}

fn preflight(plan: &Plan) -> &Preflight {
    let Action::Preflight(preflight) = action(plan, "preflight") else { panic!("no preflight") };
    preflight
}

/// The script that the entry point reads.
fn env_set(plan: &Plan) -> &str {
    let texts = &staged(plan).texts;
    &texts.iter().find(|text| text.to.file_name() == Some("env-set.sh")).unwrap().text
}

#[test]
fn three_programs_and_the_application_are_installed_with_a_c_compiler_and_no_more() {
    let context = FakeContext::new();
    let (plan, requirements) = planned(&context, "[components.infinilm-svc]\n").unwrap();
    let needs: Vec<&str> = requirements.needs.iter().map(|need| need.name.as_str()).collect();
    assert_eq!(needs, ["c-compiler", "libc-headers"]);
    assert_eq!(requirements.crates, ["infinilm-svc".into()]);
    assert_eq!(requirements.crate_directories["infinilm-svc"], "rust");

    let Action::Exec(exec) = action(&plan, "compile") else { panic!() };
    let words = format!("{:?}", exec.commands[0].args);
    for word in
        ["/work/infinilm-svc/rust/Cargo.toml", "infini-registry", "infini-router", "infini-babysitter"]
    {
        assert!(words.contains(word), "{word} is not in {words}");
    }
    let stage = staged(&plan);
    let prefix = &context.layout.prefix;
    let mut places: Vec<String> = stage.files.iter().map(|file| file.to.to_string()).collect();
    places.extend(stage.trees.iter().map(|tree| format!("{}/", tree.to)));
    places.extend(stage.texts.iter().map(|text| text.to.to_string()));
    let places: Vec<String> = places.iter().map(|place| place.replace(prefix.as_str(), "PREFIX")).collect();
    assert_eq!(
        places,
        [
            "PREFIX/bin/infini-registry",
            "PREFIX/bin/infini-router",
            "PREFIX/bin/infini-babysitter",
            "/app/docker_entrypoint_rust.sh",
            "/app/docker_entrypoint.sh",
            "/app/script/",
            "/app/config/",
            "/app/config/cases/test/",
            "/app/logs/README",
            "/app/env-set.sh",
        ]
    );
    // The source is a user's: what is staged of it comes from the copy that was compiled.
    assert!(stage.trees[0].from.ends_with("work/infinilm-svc/script"), "{}", stage.trees[0].from);
    assert_eq!(committed(&plan).roots, ["/app"]);
    assert_eq!(preflight(&plan).writable[0].path, "/app");
    let step = plan.step(&StepId::new("build/infinilm-svc/commit")).unwrap();
    assert_eq!(step.claims.locks, ["prefix /app".to_owned(), format!("prefix {prefix}")]);
}

#[test]
fn who_is_not_root_has_the_application_below_the_prefix() {
    let mut context = FakeContext::new();
    context.target.root = false;
    let (plan, _) = planned(&context, "[components.infinilm-svc]\n").unwrap();
    let root = context.layout.prefix.join("share/infinilm-svc/app");
    assert!(staged(&plan).texts.iter().all(|text| text.to.starts_with(&root)));
    assert!(committed(&plan).roots.is_empty() && preflight(&plan).writable.is_empty());

    let (plan, _) = planned(&context, "[components.infinilm-svc.app]\nroot = \"/srv/app\"\n").unwrap();
    assert_eq!(committed(&plan).roots, ["/srv/app"]);
    let (plan, _) = planned(&context, "[components.infinilm-svc.app]\nenabled = false\n").unwrap();
    assert!(staged(&plan).texts.is_empty() && staged(&plan).trees.is_empty());
    assert_eq!(staged(&plan).files.len(), 3);
}

#[test]
fn the_environment_of_the_services_is_that_of_the_case_without_secrets_and_proxies() {
    let context = FakeContext::new();
    let body = "[python]\npackages = [\"numpy\"]\n\
        [environment]\nMACA_PATH = \"/opt/it's here\"\nHTTPS_PROXY = \"http://proxy.example\"\nHF_TOKEN = \"hunter22\"\n\
        SOURCE_DATE_EPOCH = \"1\"\nSIZE = \"1\"\n\
        [components.infinilm-svc.app]\nlaunch = \"router,registry\"\nrouter_port = 9000\n\
        babysitters = [\"one.toml\", \"more/two.toml\"]\n[components.infinilm-svc.app.environment]\nSIZE = \"2\"\n";
    let (plan, _) = planned(&context, body).unwrap();
    let root = context.path("");
    insta::assert_snapshot!(
        "env-set",
        env_set(&plan).replace(root.as_str().trim_end_matches('/'), "/machine")
    );
    assert!(plan.notes.iter().any(|note| note.contains("HF_TOKEN")), "{:?}", plan.notes);
    let paths: Vec<&str> = preflight(&plan).paths.iter().map(|required| required.path.as_str()).collect();
    let two = context.layout.case_dir.join("config/more/two.toml");
    assert!(
        paths.contains(&two.as_str()) && paths.contains(&"/src/docker/docker_entrypoint_rust.sh"),
        "{paths:?}"
    );

    let body = "[components.infinilm-svc.app.environment]\nHF_TOKEN = \"hunter22\"\n";
    let error = planned(&context, body).unwrap_err();
    assert_eq!(error.key, "components.infinilm-svc.app.environment.HF_TOKEN");
}

#[test]
fn others_have_no_application() {
    let body = "[components.other]\nsource = \"infinilm-svc\"\ndriver = \"cargo\"\n[components.other.app]\n";
    let error = planned(&FakeContext::new(), body).unwrap_err();
    assert_eq!(error.key, "components.other.app");
}
